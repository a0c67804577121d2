//! The report of a run as a person reads it: what came from where, how much of which table, what was proven, what
//! to do next. Makes text; prints nothing.

pub(super) mod files;
pub(super) mod masks;

use std::fmt::Write as _;

use crate::cli::terminal::{Look, duration, one_line, size, wrap};
use crate::pg::connect::ConnectInfo;
use crate::report::{Outcome, PhaseReport, RunReport, TableReport};
use crate::wording::plural;

/// On a terminal the largest tables get a row each, up to this many; the others share one.
const ROWS_ON_TERMINAL: usize = 14;
/// Tables named in the line of those that brought nothing.
const NAMES_AT_MOST: usize = 12;
/// A space at which no line is broken; stands in while wrapping.
const HOLD: &str = "\u{a0}";
/// Checks' names are padded to this.
const CHECK_WIDTH: usize = 16;

/// What a reader wants to know beyond the report itself.
pub(super) struct Context<'a> {
    /// The target, where the report is to say how to go on.
    pub(super) to: Option<&'a ConnectInfo>,
    /// A database was replaced, so there is a way back.
    pub(super) replaced: bool,
    /// Where the report was kept.
    pub(super) kept: Option<&'a std::path::Path>,
}

/// The whole report.
pub(super) fn report(report: &RunReport, context: &Context<'_>, look: Look) -> String {
    let mut text = String::from("\n");
    header(&mut text, report, look);
    tables(&mut text, report, look);
    if report.vault.files_wanted > 0 {
        line(&mut text, "");
        text.push_str(&files::table(&report.vault, look));
    }
    text.push_str(&masks::summary(report, look));
    phases(&mut text, report, look);
    checks(&mut text, report, look);
    remarks(&mut text, report, look);
    next(&mut text, report, context, look);
    text
}

fn header(text: &mut String, report: &RunReport, look: Look) {
    let bold = |name: &str| look.bold(&one_line(name));
    line(text, &format!("  {} {} {}", bold(&report.source.database), look.arrow(), bold(&report.target)));
    let root = report.tables.iter().find(|table| table.mode == "root").map_or("root rows", |t| t.table.as_str());
    let share = match (report.percent, report.rows) {
        (Some(percent), _) => format!("{percent} % of {root}"),
        (None, Some(rows)) => format!("{} {root}", look.count(rows)),
        (None, None) => root.to_owned(),
    };
    let version = report.source.server_version.split(' ').next().unwrap_or_default();
    let standby = if report.source.standby { " (standby)" } else { "" };
    let mut facts: Vec<String> = vec![
        share,
        format!("seed {}", report.seed),
        format!("profile {}", report.profile),
        format!("PostgreSQL {version}{standby}"),
    ];
    facts.extend(report.source.snapshot_lsn.iter().map(|lsn| format!("snapshot {lsn}")));
    let facts: Vec<String> = facts.into_iter().map(|fact| fact.replace(' ', HOLD)).collect();
    let facts = wrap(&facts.join(look.dot()), look.width, 2).replace(HOLD, " ");
    line(text, &format!("  {}", look.dim(&facts)));
}

fn tables(text: &mut String, report: &RunReport, look: Look) {
    let mut filled: Vec<&TableReport> = report.tables.iter().filter(|table| table.rows_copied > 0).collect();
    filled.sort_by(|a, b| (b.rows_copied, &a.table).cmp(&(a.rows_copied, &b.table)));
    let several_schemas = filled.iter().any(|table| table.schema != "public");
    let name = |table: &TableReport| match several_schemas {
        true => one_line(&format!("{}.{}", table.schema, table.table)),
        false => one_line(&table.table),
    };
    // One more would take the place of the line that sums up.
    let shown = if look.terminal && filled.len() > ROWS_ON_TERMINAL + 1 { ROWS_ON_TERMINAL } else { filled.len() };
    // What the six other columns leave.
    let room = look.width.saturating_sub(74).max(16);
    let widest = filled.iter().take(shown).map(|table| name(table).chars().count()).max().unwrap_or_default();
    let width = widest.max("and 99 smaller tables".len()).min(room);
    let row = |first: &str, cells: [&str; 7]| {
        let [mode, source, rows, members, support, size, seconds] = cells;
        let first: String = first.chars().take(width).collect();
        format!(
            "  {first:<width$}  {mode:<10} {source:>11} {rows:>10} {members:>10} {support:>9} {size:>8} {seconds:>6}"
        )
    };
    line(text, "");
    let titles = ["mode", "in source", "rows", "members", "support", "size", "time"];
    line(text, &look.dim(&row("table", titles)));
    for table in &filled[..shown] {
        line(text, &row(&name(table), cells(&Sum::of(&[table]), &table.mode, look).each_ref().map(String::as_str)));
    }
    if shown < filled.len() {
        let rest = Sum::of(&filled[shown..]);
        let first = format!("and {} smaller tables", filled.len() - shown);
        line(text, &look.dim(&row(&first, cells(&rest, "", look).each_ref().map(String::as_str))));
    }
    let mut all = cells(&Sum::of(&filled), "", look);
    // Tables are copied side by side: their seconds do not add up to anything.
    all[6] = String::new();
    line(text, &look.bold(&row(&plural(filled.len() as u64, "table"), all.each_ref().map(String::as_str))));
    empty_tables(text, report, look);
}

/// Which tables brought nothing, and whether that was meant.
fn empty_tables(text: &mut String, report: &RunReport, look: Look) {
    for (title, meant) in [("structure only", true), ("no rows chosen", false)] {
        let empty = report.tables.iter().filter(|table| table.rows_copied == 0 && (table.mode == "none") == meant);
        let names: Vec<&str> = empty.filter(|t| meant || t.rows_source > 0).map(|t| t.table.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let more = names.len().saturating_sub(NAMES_AT_MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names[..names.len().min(NAMES_AT_MOST)].join(", ");
        line(text, &look.dim(&format!("  {}", wrap(&format!("{title}: {names}{more}"), look.width, 2))));
    }
}

/// Numbers of one row of the table.
#[derive(Default)]
struct Sum {
    source: u64,
    rows: u64,
    members: u64,
    support: u64,
    bytes: u64,
    seconds: f64,
}

impl Sum {
    fn of(tables: &[&TableReport]) -> Self {
        tables.iter().fold(Self::default(), |sum, table| Self {
            source: sum.source + u64::try_from(table.rows_source).unwrap_or_default(),
            rows: sum.rows + table.rows_copied,
            members: sum.members + table.members,
            support: sum.support + table.support,
            bytes: sum.bytes + table.bytes,
            seconds: sum.seconds + table.seconds,
        })
    }
}

fn cells(sum: &Sum, mode: &str, look: Look) -> [String; 7] {
    let count = |number: u64| if number == 0 { look.dash().to_owned() } else { look.count(number) };
    // An estimate of the planner; where it has none, none is shown.
    let source = if sum.source == 0 { String::new() } else { look.count(sum.source) };
    [
        mode.to_owned(),
        source,
        count(sum.rows),
        count(sum.members),
        count(sum.support),
        size(sum.bytes),
        format!("{:.1} s", sum.seconds),
    ]
}

fn phases(text: &mut String, report: &RunReport, look: Look) {
    let all: f64 = report.phases.iter().map(|phase| phase.seconds).sum();
    let spoken = |seconds: f64| duration(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default());
    // A name and its time stay on one line.
    let held = |phase: &PhaseReport| format!("{} {}", phase.name, spoken(phase.seconds)).replace(' ', HOLD);
    let parts: Vec<String> = report.phases.iter().map(held).collect();
    let mut line_of_phases = format!("{} in all: {}", spoken(all), parts.join(look.dot()));
    if report.peak_memory_bytes > 0 {
        let (memory, cpu) = (size(report.peak_memory_bytes), spoken(report.cpu_seconds));
        let used = format!("{memory} of memory, {cpu} of CPU here").replace(' ', HOLD);
        let _ = write!(line_of_phases, "{}{used}", look.dot());
    }
    line(text, "");
    line(text, &format!("  {}", wrap(&line_of_phases, look.width, 2).replace(HOLD, " ")));
    line(text, "");
}

fn checks(text: &mut String, report: &RunReport, look: Look) {
    for check in &report.checks {
        let mark = match check.ok {
            Some(true) => look.good(),
            Some(false) => look.bad(),
            None => look.yellow(look.dash()),
        };
        let why = if check.ok.is_none() { "not made: " } else { "" };
        let indent = if look.unicode { 5 } else { 6 } + CHECK_WIDTH;
        let detail = wrap(&format!("{why}{}", check.detail), look.width, indent);
        line(text, &format!("  {mark} {:<CHECK_WIDTH$} {detail}", check.name));
    }
}

fn remarks(text: &mut String, report: &RunReport, look: Look) {
    for problem in &report.problems {
        line(text, &format!("  {} {}", look.bad(), wrap(&format!("skipped: {problem}"), look.width, 4)));
    }
    for note in &report.notes {
        line(text, &format!("  {} {}", look.yellow("!"), wrap(note, look.width, 4)));
    }
}

fn next(text: &mut String, report: &RunReport, context: &Context<'_>, look: Look) {
    if report.outcome == Outcome::Partial {
        line(text, "");
        line(text, "  The target is good, but something was skipped: see above. Exit code 3.");
    }
    let Some(to) = context.to else { return };
    let address = address(to);
    line(text, "");
    line(text, &format!("  {}  psql {address}", look.dim("look at it")));
    if context.replaced {
        line(text, &format!("  {}     tithe rollback --to {address}", look.dim("go back")));
    }
    if let Some(path) = context.kept {
        line(text, &format!("  {}      {}", look.dim("report"), path.display()));
    }
}

/// A connection as keywords between quotes, for a shell: without password, which psql and tithe find as we did.
pub(super) fn address(info: &ConnectInfo) -> String {
    let mut words = Vec::new();
    for (name, value) in info.libpq_env() {
        let keyword = match (name.as_str(), value.as_str()) {
            ("PGPORT", "5432") | ("PGSSLMODE", "prefer") => continue,
            ("PGHOST", _) => "host",
            ("PGPORT", _) => "port",
            ("PGUSER", _) => "user",
            ("PGDATABASE", _) => "dbname",
            ("PGSSLMODE", _) => "sslmode",
            ("PGSSLROOTCERT", _) => "sslrootcert",
            ("PGSSLCERT", _) => "sslcert",
            ("PGSSLKEY", _) => "sslkey",
            _ => continue,
        };
        let plain = |c: char| c.is_alphanumeric() || "/._-,:@+".contains(c);
        match value.chars().all(plain) && !value.is_empty() {
            true => words.push(format!("{keyword}={value}")),
            false => words.push(format!("{keyword}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))),
        }
    }
    let text = words.join(" ");
    if text.contains(['"', '$', '`', '\\', '!']) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    format!("\"{text}\"")
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::errors::Side;

    #[test]
    fn a_name_takes_no_more_than_its_line() {
        let look = Look { terminal: false, colours: false, unicode: true, width: 100 };
        let table = |rows_copied| TableReport {
            table: "a\nb".to_owned(),
            rows_copied,
            rows_source: 1,
            ..TableReport::default()
        };
        let run = RunReport { tables: vec![table(1), table(0)], target: "t\nu".to_owned(), ..RunReport::default() };
        let text = report(&run, &Context { to: None, replaced: false, kept: None }, look);
        assert!(!text.contains("\nb") && !text.contains("\nu"), "{text}");
        assert_eq!(text.matches("a\u{fffd}b").count(), 2, "{text}");
    }

    #[test]
    fn addresses_keep_the_password_to_themselves() {
        let info = |text| ConnectInfo::parse(text, Side::Target, &|_| None).unwrap();
        assert_eq!(
            address(&info("postgresql://me:secret@db.example:5433/shop_dev")),
            "\"host=db.example port=5433 user=me dbname=shop_dev\""
        );
        assert_eq!(
            address(&info("host=/run/x user=me dbname='odd name'")),
            "\"host=/run/x user=me dbname='odd name'\""
        );
        assert_eq!(address(&info("host=h user=me dbname=a$b")), r"'host=h user=me dbname='\''a$b'\'''");
    }
}
