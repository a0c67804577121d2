//! The page's texts: what was taken, the large numbers, what was proven, what needs a look, and where it all comes from.

use std::fmt::Write as _;
use std::time::Duration;

use super::text::{count, counted, duration, escape, share, size};
use super::{close, open};
use crate::attest;
use crate::report::{Outcome, RunReport};
use crate::wording::nouns;

pub(super) fn header(page: &mut String, report: &RunReport) {
    let root = report.tables.iter().find(|table| table.mode == "root").map_or("root rows", |table| &table.table);
    let title = match (report.percent, report.rows) {
        (Some(percent), _) => format!("{percent} % of <bdi>{}</bdi>", escape(root)),
        (None, Some(rows)) => format!("{} <bdi>{}</bdi>", count(rows), escape(root)),
        (None, None) => escape(root),
    };
    let (class, outcome) = match report.outcome {
        Outcome::Complete => ("good", "Complete"),
        Outcome::Partial => ("mixed", "Finished, some items skipped"),
    };
    let _ = write!(
        page,
        "<header>\n<p class=\"brand\">Tithe <span>run report</span></p>\n<h1>{title}</h1>\n\
         <p class=\"route\"><bdi>{}</bdi> <span aria-label=\"to\">→</span> <bdi>{}</bdi></p>\n\
         <p class=\"state\"><span class=\"badge {class}\">{outcome}</span> <time datetime=\"{}\">{}</time></p>\n</header>\n",
        escape(&report.source.database),
        escape(&report.target),
        escape(&report.started_at),
        escape(&spoken_time(&report.started_at)),
    );
}

/// `2026-11-21T07:42:38Z` as `2026-11-21 07:42 UTC`; other texts as they are.
fn spoken_time(time: &str) -> String {
    match (time.get(..10), time.get(10..11), time.get(11..16), time.ends_with('Z')) {
        (Some(day), Some("T"), Some(minute), true) => format!("{day} {minute} UTC"),
        _ => time.to_owned(),
    }
}

/// The numbers that most readers come for.
pub(super) fn figures(page: &mut String, report: &RunReport) {
    let rows: u64 = report.tables.iter().map(|table| table.rows_copied).sum();
    let source: u64 = report.tables.iter().map(|table| table.rows_source.max(0).unsigned_abs()).sum();
    let filled = report.tables.iter().filter(|table| table.rows_copied > 0).count() as u64;
    let columns = || report.tables.iter().flat_map(|table| &table.columns);
    let decided = columns().filter(|column| !column.rule.is_generated()).count() as u64;
    let masked = columns().filter(|column| column.is_masked()).count() as u64;
    let values: u64 = columns().map(crate::report::ColumnReport::values_masked).sum();
    let with = |ok: Option<bool>| report.checks.iter().filter(|check| check.ok == ok).count();
    let (held, not_asked) = (with(Some(true)), with(None));
    let asked = match not_asked {
        0 => "asked of the target".to_owned(),
        more => format!("asked of the target; {more} not made"),
    };
    let of_source = match share(rows, source) {
        known if known.is_empty() => "copied".to_owned(),
        known => format!("copied, {known} of the source"),
    };
    let mut figures = vec![
        (count(rows), nouns(rows, "row"), of_source),
        (count(filled), nouns(filled, "table"), format!("with rows, of {}", count(report.tables.len() as u64))),
    ];
    if decided > 0 {
        figures.push((
            count(masked),
            "columns masked".to_owned(),
            format!("of {}, the others kept by decision", count(decided)),
        ));
        figures.push((count(values), "values masked".to_owned(), "by rules of the profile".to_owned()));
    }
    figures.push((format!("{held} of {}", report.checks.len() - not_asked), "checks hold".to_owned(), asked));
    page.push_str("<dl class=\"figures\">\n");
    for (number, what, more) in figures {
        let _ = writeln!(page, "<div><dt>{what}</dt><dd>{number}</dd><dd class=\"more\">{more}</dd></div>");
    }
    page.push_str("</dl>\n");
}

pub(super) fn checks(page: &mut String, report: &RunReport) {
    open(page, "checks", "What was proven", "");
    page.push_str("<ul class=\"checks\">\n");
    for check in &report.checks {
        let (class, mark, says) = match check.ok {
            Some(true) => ("good", "✓", "holds"),
            Some(false) => ("bad", "✗", "does not hold"),
            None => ("open", "–", "was not made"),
        };
        let why = if check.ok.is_none() { "not made: " } else { "" };
        let _ = writeln!(
            page,
            "<li class=\"{class}\"><span class=\"mark\" role=\"img\" aria-label=\"{says}\">{mark}</span> <strong>{}</strong> <span>{why}{}</span></li>",
            escape(&check.name),
            escape(&check.detail)
        );
    }
    page.push_str("</ul>\n");
    close(page);
}

/// What was skipped, and what the plan and the run remarked.
pub(super) fn remarks(page: &mut String, report: &RunReport) {
    if report.problems.is_empty() && report.notes.is_empty() {
        return;
    }
    open(page, "remarks", "What needs a look", "");
    page.push_str("<ul class=\"remarks\">\n");
    for problem in &report.problems {
        let _ = writeln!(page, "<li class=\"bad\"><strong>Skipped</strong> {}</li>", escape(problem));
    }
    for note in &report.notes {
        let _ = writeln!(page, "<li>{}</li>", escape(note));
    }
    page.push_str("</ul>\n");
    close(page);
}

pub(super) fn provenance(page: &mut String, report: &RunReport) {
    let took: f64 = report.phases.iter().map(|phase| phase.seconds).sum();
    let spoken = |seconds: f64| duration(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let source = &report.source;
    let standby = if source.standby { ", a standby" } else { "" };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let facts = [
        ("Run", report.run_id.clone()),
        (
            "Took",
            format!(
                "{}, {} of memory, {} of CPU",
                spoken(took),
                size(report.peak_memory_bytes),
                spoken(report.cpu_seconds)
            ),
        ),
        ("Program", format!("tithe {}", report.tithe_version)),
        ("Source server", format!("PostgreSQL {}{standby}", source.server_version)),
        ("Source cluster", or_none(&source.system_identifier)),
        ("Snapshot", or_none(&source.snapshot_lsn)),
        ("Seed", report.seed.clone()),
        ("Run time in conditions", report.as_of.clone()),
        ("Profile", report.profile.clone()),
        ("Profile, BLAKE3", report.profile_digest.clone()),
        ("Key, fingerprint", or_none(&report.key_fingerprint)),
        ("Attestation, BLAKE3", attest::digest_of(report)),
    ];
    open(page, "origin", "Where it comes from", "");
    page.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd><bdi>{}</bdi></dd></div>", escape(&value));
    }
    page.push_str("</dl>\n");
    close(page);
}

pub(super) fn footer(page: &mut String, report: &RunReport) {
    let _ = write!(
        page,
        "<footer>\n<p>This page holds names of tables and columns, rules and numbers, and no value of any row. \
         Numbers of different values compare bytes; up to 512 they are exact, beyond that estimated with a standard \
         error of {} %, and marked ≈. Row counts of the source are its planner's estimates. A constant is told by its \
         length.</p>\n<p>{} in {}.</p>\n</footer>\n",
        report.distinct_error_percent,
        counted(report.tables.iter().map(|table| table.columns.len() as u64).sum(), "column"),
        counted(report.tables.len() as u64, "table"),
    );
}
