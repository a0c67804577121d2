//! What a vault's commands say. Makes text; prints nothing.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::terminal::{Look, duration, size, wrap};
use crate::report::VaultReport;
use crate::vault::{Estimate, Location, Planned, Settings, VaultStatus, VaultVerified, estimate};

/// Steps that a plan shows by path.
const SHOWN: usize = 10;
/// Paths of each finding.
const SHOWN_OF_EACH: usize = 5;

/// The files of a run, a line for each entry of the profile.
pub(in crate::cli) fn table(report: &VaultReport, look: Look) -> String {
    let mut text = String::new();
    let width = report.rules.iter().map(|rule| rule.name.chars().count()).max().unwrap_or(0).max(5);
    let row = |first: &str, cells: [&str; 6]| {
        let [mode, wanted, kept, brought, lacking, bytes] = cells;
        format!("  {first:<width$}  {mode:<14} {wanted:>9} {kept:>9} {brought:>9} {lacking:>9} {bytes:>9}\n")
    };
    let head = row("files", ["mode", "named", "in place", "brought", "lacking", "size"]);
    text.push_str(&look.dim(head.trim_end()));
    text.push('\n');
    let count = |number: u64| if number == 0 { look.dash().to_owned() } else { look.count(number) };
    for rule in &report.rules {
        let cells = [count(rule.wanted), count(rule.kept), count(rule.brought), count(rule.absent + rule.troubles)];
        let [wanted, kept, brought, lacking] = cells.each_ref().map(String::as_str);
        text.push_str(&row(&rule.name, [&rule.mode, wanted, kept, brought, lacking, &size(rule.bytes)]));
    }
    if !report.kinds.is_empty() {
        let kinds: Vec<String> = report
            .kinds
            .iter()
            .map(|(kind, counts)| format!("{} {kind} ({})", look.count(counts.files), size(counts.bytes)))
            .collect();
        let _ = writeln!(text, "  {}", look.dim(&wrap(&kinds.join(look.dot()), look.width, 2)));
    }
    text
}

/// What a sync would do.
pub(in crate::cli) fn plan(
    report: &VaultReport,
    planned: &Planned,
    settings: &Settings,
    patched: u64,
    problems: &[String],
    look: Look,
) -> String {
    let mut text = format!("\n{}\n", table(report, look));
    let plan = &planned.plan;
    let replaced = plan.steps.iter().filter(|step| step.replaces.is_some()).count();
    let _ = writeln!(
        text,
        "  would bring {} files, {} ({} of them in place of another content), and remove {}",
        look.count(plan.steps.len() as u64),
        size(plan.bytes()),
        look.count(replaced as u64),
        look.count(plan.extras.len() as u64),
    );
    for extra in plan.extras.iter().take(SHOWN) {
        let _ = writeln!(text, "    remove {}", extra.path);
    }
    if patched > 0 {
        let _ = writeln!(text, "  {} of them likely come as what differs only", look.count(patched));
    }
    if plan.missing() > 0 {
        let percent = plan.missing() as f64 * 100.0 / plan.wanted().max(1) as f64;
        let (missing, wanted) = (look.count(plan.missing()), look.count(plan.wanted()));
        let allowed = settings.missing_percent;
        let _ = writeln!(text, "  {missing} of {wanted} files are missing: {percent:.2} % ({allowed} % may be)");
    }
    if !plan.steps.is_empty() {
        let Estimate { seconds, bytes_per_second, assumed, .. } = estimate(settings, plan);
        let what = if assumed { "as is assumed" } else { "by --bwlimit" };
        let took = duration(Duration::from_secs(seconds.max(1)));
        let _ = writeln!(text, "  that takes about {took} at {}/s, {what}", size(bytes_per_second));
    }
    remarks(&mut text, problems, &crate::vault::notes(planned), look);
    text
}

/// What a sync did.
pub(in crate::cli) fn synced(report: &VaultReport, problems: &[String], notes: &[String], look: Look) -> String {
    let mut text = format!("\n{}\n", table(report, look));
    let _ = writeln!(
        text,
        "  {} brought {} files, {}; {} were in place; removed {} (kept in the trash for a while)",
        look.good(),
        look.count(report.files_copied),
        size(report.bytes),
        look.count(report.files_kept),
        look.count(report.files_removed),
    );
    remarks(&mut text, problems, notes, look);
    text
}

fn remarks(text: &mut String, problems: &[String], notes: &[String], look: Look) {
    for problem in problems {
        let _ = writeln!(text, "  {} {}", look.bad(), wrap(problem, look.width, 4));
    }
    for note in notes {
        let _ = writeln!(text, "  {} {}", look.yellow("!"), wrap(note, look.width, 4));
    }
}

/// What is in a vault.
pub(in crate::cli) fn status(status: &VaultStatus, place: &Location, look: Look) -> String {
    let mut text = format!("\n  {}\n", look.bold(&place.to_string()));
    if !status.known {
        text.push_str("  Tithe has not filled it.\n");
    }
    for (name, files, bytes) in [
        ("installed by Tithe", status.installed, Some(status.installed_bytes)),
        ("of these gone", status.gone, None),
        ("put there by others", status.foreign, None),
        ("in the trash", status.trash, Some(status.trash_bytes)),
    ] {
        let bytes = bytes.map(|bytes| format!("  {}", size(bytes))).unwrap_or_default();
        let _ = writeln!(text, "  {name:<20} {:>10}{bytes}", look.count(files));
    }
    text
}

/// Whether rows and files agree.
pub(in crate::cli) fn verified(found: &VaultVerified, look: Look) -> String {
    let mut text = String::from("\n");
    let (good, bad, odd) = (look.good().to_owned(), look.bad().to_owned(), look.yellow("!"));
    let good_if = |none: bool| if none { &good } else { &bad };
    let mut line = |mark: &str, what: &str, files: u64, first: &[String]| {
        let some = &first[..first.len().min(SHOWN_OF_EACH)];
        let more = files.saturating_sub(some.len() as u64);
        let more = if more > 0 && !some.is_empty() { format!(" and {} more", look.count(more)) } else { String::new() };
        let shown = if some.is_empty() { String::new() } else { format!(": {}{more}", some.join(", ")) };
        let _ =
            writeln!(text, "  {mark} {}", wrap(&format!("{} files {what}{shown}", look.count(files)), look.width, 4));
    };
    let intact = format!("named by rows are as they were installed ({} read)", size(found.bytes));
    line(&good, &intact, found.intact, &[]);
    let (missing, changed, untreated) = (&found.missing, &found.changed, &found.untreated);
    line(good_if(missing.files == 0), "named by rows are missing", missing.files, &missing.first);
    let what = "are not what was installed, or not treated as is wanted now";
    line(good_if(changed.files == 0), what, changed.files, &changed.first);
    if untreated.files > 0 {
        let what = "are to be treated and were put there by others, who knows how";
        line(&bad, what, untreated.files, &untreated.first);
    }
    if found.foreign > untreated.files {
        let what = "named by rows were put there by others: compared with nothing";
        line(&odd, what, found.foreign - untreated.files, &[]);
    }
    if found.extra.files > 0 {
        line(&good, "installed by Tithe are named by no row any more", found.extra.files, &[]);
    }
    text
}
