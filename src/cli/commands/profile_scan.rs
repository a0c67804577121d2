//! `tithe profile scan`: a profile's rules beside what a few of the source's values are.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::args::Global;
use crate::cli::print;
use crate::cli::profile_args::ProfileScanArgs;
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::terminal::{Look, wrap};
use crate::engine::{self, LookRequest, TextFinding};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;
use crate::propose::{self, Compared, Weak};

/// Ends when something undecided or kept looks personal: the profile does not decide what it should.
const LOOKS_PERSONAL: u8 = 4;

/// `--json`
#[derive(Debug, Serialize)]
struct Report<'a> {
    run_id: &'a str,
    profile: String,
    rows_per_table: u32,
    tables: usize,
    columns: u64,
    columns_looked_at: usize,
    values: u64,
    findings: &'a [Weak],
    accepted: u64,
    undecided_without_sign: u64,
    schema_texts: &'a [TextFinding],
    unread: Vec<Unread>,
}

#[derive(Debug, Serialize)]
struct Unread {
    table: String,
    reason: String,
}

pub(super) async fn run(args: &ProfileScanArgs, global: &Global) -> Result<u8> {
    let run = RunId::new();
    let profile = settings::profile(&args.profile)?;
    let request = LookRequest {
        from: connect_info(&args.source.from, Side::Source)?,
        run_id: format!("scan {}", run.id),
        left_out: profile.source.clone(),
        rows: args.rows,
        texts: true,
    };
    let show = if global.quiet { Show::Nothing } else { Show::Passing };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    let look = engine::look(&request, &display).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    drop(display);
    let compared = propose::weak(&look.catalog, &profile, &look.looked, &args.allow);
    let unread = look.unread.iter();
    let report = Report {
        run_id: &run.id,
        profile: profile.path.display().to_string(),
        rows_per_table: args.rows,
        tables: look.catalog.tables.len(),
        columns: compared.columns,
        columns_looked_at: look.looked.values().filter(|seen| seen.values > 0).count(),
        values: look.looked.values().map(|seen| u64::from(seen.values)).sum(),
        findings: &compared.weak,
        accepted: compared.accepted,
        undecided_without_sign: compared.undecided,
        schema_texts: &look.texts,
        unread: unread
            .map(|(table, reason)| Unread {
                table: look.catalog.table(*table).name.to_string(),
                reason: reason.clone(),
            })
            .collect(),
    };
    if args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "print what was found").with_cause(cause))?;
        print(&(text + "\n"));
    } else if !global.quiet {
        print(&text(&report, &compared, Look::stdout()));
    }
    Ok(if compared.weak.is_empty() { 0 } else { LOOKS_PERSONAL })
}

fn text(report: &Report<'_>, compared: &Compared, look: Look) -> String {
    let mut text = format!(
        "\n  {}\n  {}\n\n",
        look.bold(&format!("Looked at {}", report.profile)),
        wrap(
            &format!(
                "{} values of {} columns, up to {} rows of each of {} tables; the profile brings {} columns.",
                look.count(report.values),
                report.columns_looked_at,
                report.rows_per_table,
                report.tables,
                report.columns
            ),
            look.width,
            2
        )
    );
    for weak in &compared.weak {
        let schema = if weak.schema == "public" { String::new() } else { format!("{}.", weak.schema) };
        let better = weak.better.map_or_else(String::new, |better| format!(" (or {better}, where there is one)"));
        let line = format!("{}; {} would do{better}", weak.reason, weak.suggestion);
        let _ = writeln!(text, "  {}  {schema}{}.{}: {}", look.bad(), weak.table, weak.column, weak.rule);
        let _ = writeln!(text, "     {}", wrap(&line, look.width, 5));
    }
    for finding in report.schema_texts {
        let kinds: Vec<&str> = finding.kinds.iter().map(|kind| kind.plural()).collect();
        let line = format!("{}: {}", finding.place, kinds.join(", "));
        let _ = writeln!(text, "  {}  {}", look.yellow(look.dash()), wrap(&line, look.width, 5));
    }
    for unread in &report.unread {
        let line = format!("{} was not, or not wholly, looked at: {}", unread.table, unread.reason);
        let _ = writeln!(text, "  {}  {}", look.yellow(look.dash()), wrap(&line, look.width, 5));
    }
    let end = match compared.weak.len() {
        0 => "Nothing that looks personal is kept or undecided. A look at some rows proves nothing about the others."
            .to_owned(),
        1 => "One column looks personal and is kept, undecided or masked too little.".to_owned(),
        more => format!("{more} columns look personal and are kept, undecided or masked too little."),
    };
    let _ = write!(text, "\n  {}\n\n", wrap(&end, look.width, 2));
    text
}
