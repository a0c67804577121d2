//! `tithe profile scan`: a profile's rules beside what a few of the source's values are.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::args::Global;
use crate::cli::profile_args::ProfileScanArgs;
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::terminal::{Look, one_line, wrap};
use crate::cli::{print, print_exact};
use crate::engine::{self, LookRequest, TextFinding};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;
use crate::profile::{Profile, RowsRule};
use crate::propose::{self, Columns, Compared, Weak};
use crate::schema::Catalog;
use crate::types::{ColumnId, TableId};

/// Ends when something undecided or kept looks personal: the profile does not decide what it should.
const LOOKS_PERSONAL: u8 = 4;
/// Ends when something that the profile brings was not looked at.
const UNREAD: u8 = 3;

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
    schema_texts_complete: bool,
    unread: Vec<Unread>,
    columns_without_values: Vec<String>,
}

/// A table, or a column of it, that the profile brings and that was not looked at.
#[derive(Debug, Serialize)]
struct Unread {
    table: String,
    column: Option<String>,
    reason: String,
}

pub(super) async fn run(args: &ProfileScanArgs, global: &Global) -> Result<u8> {
    let run = RunId::new();
    let profile = settings::profile(&args.profile)?;
    let request = LookRequest {
        from: connect_info(&args.source.from, Side::Source)?,
        run_id: format!("scan {}", run.id),
        left_out: profile.source.clone(),
        without_rows: without_rows(&profile),
        rows: args.rows,
        texts: true,
    };
    let show = if global.quiet { Show::Nothing } else { Show::Passing };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    let check = |catalog: &Catalog| allowed(catalog, &args.allow).map(drop);
    let look = engine::look(&request, &check, &display).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    drop(display);
    let compared = propose::weak(&look.catalog, &profile, &look.looked, &allowed(&look.catalog, &args.allow)?);
    let passing = propose::passing(&look.catalog, &profile);
    let report = Report {
        run_id: &run.id,
        profile: profile.path.display().to_string(),
        rows_per_table: args.rows,
        tables: look.catalog.tables.len() - request.without_rows.len(),
        columns: compared.columns,
        columns_looked_at: look.looked.values().filter(|seen| seen.values > 0).count(),
        values: look.looked.values().map(|seen| u64::from(seen.values)).sum(),
        findings: &compared.weak,
        accepted: compared.accepted,
        undecided_without_sign: compared.undecided,
        schema_texts: &look.texts,
        schema_texts_complete: !look.texts_cut,
        unread: unread(&look, &passing),
        columns_without_values: without_values(&look, &passing),
    };
    if args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "print what was found").with_cause(cause))?;
        print_exact(&(text + "\n"));
    } else if !global.quiet {
        print(&text(&report, &compared, Look::stdout()));
    }
    Ok(match () {
        () if !compared.weak.is_empty() => LOOKS_PERSONAL,
        () if !report.unread.is_empty() => UNREAD,
        () => 0,
    })
}

fn without_rows(profile: &Profile) -> Vec<String> {
    let none = profile.tables.iter().filter(|(_, rules)| rules.rows == Some(RowsRule::None));
    none.map(|(name, _)| name.clone()).collect()
}

fn allowed(catalog: &Catalog, written: &[String]) -> Result<Columns> {
    propose::named_columns(catalog, written).map_err(|(name, nearest)| {
        let hint = nearest.map_or_else(
            || "name a column of the database, as TABLE.COLUMN or SCHEMA.TABLE.COLUMN".to_owned(),
            |nearest| format!("did you mean {nearest}?"),
        );
        Error::new(ErrorKind::Usage, format!("find the column {name:?} of --allow: the database has none of that name"))
            .with_remedy(hint)
    })
}

/// Tables whose rows the profile brings, and columns whose values it lets pass.
fn unread(look: &engine::Look, passing: &Columns) -> Vec<Unread> {
    let name = |table: TableId| look.catalog.table(table).name.to_string();
    let tables =
        look.unread.iter().map(|(table, reason)| Unread { table: name(*table), column: None, reason: reason.clone() });
    let columns = look.unread_columns.iter().filter(|(table, column, _)| passing.contains(&(*table, *column)));
    let columns = columns.map(|(table, column, reason)| Unread {
        table: name(*table),
        column: Some(look.catalog.table(*table).column(*column).name.clone()),
        reason: reason.clone(),
    });
    tables.chain(columns).collect()
}

/// Columns that the profile lets pass and that held nothing in the rows that were read: nothing is known of them.
fn without_values(look: &engine::Look, passing: &Columns) -> Vec<String> {
    let unread = |at: (TableId, ColumnId)| look.unread_columns.iter().any(|(table, column, _)| (*table, *column) == at);
    let mut empty: Vec<(TableId, ColumnId)> = look
        .looked
        .iter()
        .filter(|(at, seen)| seen.values == 0 && passing.contains(at) && !unread(**at))
        .map(|(at, _)| *at)
        .collect();
    empty.sort_unstable();
    let name = |(table, column): (TableId, ColumnId)| {
        let table = look.catalog.table(table);
        format!("{}.{}", table.name, table.column(column).name)
    };
    empty.into_iter().map(name).collect()
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
        let line = match &weak.suggestion {
            Some(rule) => format!("{}; {rule} would do", weak.reason),
            None => weak.reason.clone(),
        };
        let column = one_line(&format!("{schema}{}.{}", weak.table, weak.column));
        let _ = writeln!(text, "  {}  {column}: {}", look.bad(), weak.rule);
        let _ = writeln!(text, "     {}", wrap(&line, look.width, 5));
    }
    let mut aside = |line: String| {
        let _ = writeln!(text, "  {}  {}", look.yellow(look.dash()), wrap(&one_line(&line), look.width, 5));
    };
    for finding in report.schema_texts {
        let kinds: Vec<&str> = finding.kinds.iter().map(|kind| kind.plural()).collect();
        aside(format!("{}: {}", finding.place, kinds.join(", ")));
    }
    if !report.schema_texts_complete {
        aside("the schema has more texts (comments, functions and the like) than are looked at".to_owned());
    }
    for unread in &report.unread {
        let column = unread.column.as_ref().map_or_else(String::new, |column| format!(".{column}"));
        aside(format!("{}{column} was not, or not wholly, looked at: {}", unread.table, unread.reason));
    }
    if !report.columns_without_values.is_empty() {
        aside(format!("kept, and empty in every row that was read: {}", report.columns_without_values.join(", ")));
    }
    let _ = write!(text, "\n  {}\n\n", wrap(&end(report), look.width, 2));
    text
}

fn end(report: &Report<'_>) -> String {
    match report.findings.len() {
        0 if !report.unread.is_empty() => {
            "Nothing that looks personal is kept or undecided, as far as was looked; see what was not.".to_owned()
        }
        0 => "Nothing that looks personal is kept or undecided. A look at some rows proves nothing about the others."
            .to_owned(),
        1 => "One column looks personal and is kept, undecided or masked too little.".to_owned(),
        more => format!("{more} columns look personal and are kept, undecided or masked too little."),
    }
}
