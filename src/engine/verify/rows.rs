//! Row counts and checksums of the target against the report, each table read once.

use std::sync::Arc;

use super::some;
use crate::copyfmt::Format;
use crate::digest::RowChecksum;
use crate::engine::lanes;
use crate::engine::units::copy_format;
use crate::engine::worker::{columns_hash, compared_columns};
use crate::error::Result;
use crate::pg::landed::Landed;
use crate::pg::members::plain_source;
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::report::{CheckReport, RunReport, TableReport};
use crate::schema::Table;
use crate::types::{ColumnId, QualifiedName, TableId};
use crate::wording::plural;

const COUNTS: &str = "row counts";
const CHECKSUMS: &str = "checksums";

/// What a table holds now.
struct Found {
    expected: TableReport,
    /// `None`: there is no such table.
    rows: Option<u64>,
    /// `None`: not asked, since the run wrote nothing.
    checksum: Option<RowChecksum>,
    /// Its columns are not called as they were.
    is_renamed: bool,
}

pub(super) async fn check(landed: &Arc<Landed>, run: Option<&RunReport>) -> Result<Vec<CheckReport>> {
    let Some(run) = run else {
        return Ok([COUNTS, CHECKSUMS].map(|name| CheckReport::not_asked(name, "needs the run's report")).into());
    };
    let mut jobs: Vec<(TableReport, Option<TableId>)> = run
        .tables
        .iter()
        .map(|expected| {
            let name = QualifiedName::new(&expected.schema, &expected.table);
            (expected.clone(), landed.catalog.tables.iter().find(|table| table.name == name).map(|table| table.id))
        })
        .collect();
    jobs.sort_by_key(|(expected, _)| std::cmp::Reverse(expected.bytes));
    let shared = Arc::clone(landed);
    let mut found = lanes::run(landed.jobs(), jobs, move |(expected, table)| {
        let landed = Arc::clone(&shared);
        async move { read(&landed, expected, table).await }
    })
    .await?;
    found.sort_by(|a, b| (&a.expected.schema, &a.expected.table).cmp(&(&b.expected.schema, &b.expected.table)));
    Ok(vec![counts(&found), checksums(&found, run)])
}

async fn read(landed: &Landed, expected: TableReport, table: Option<TableId>) -> Result<Found> {
    let Some(table) = table.map(|id| landed.catalog.table(id)) else {
        return Ok(Found { expected, rows: None, checksum: None, is_renamed: false });
    };
    let is_renamed = !expected.columns_hash.is_empty() && expected.columns_hash != columns_hash(table);
    if expected.checksum.is_empty() {
        let rows = landed.count(table).await?;
        return Ok(Found { expected, rows: Some(rows), checksum: None, is_renamed });
    }
    let checksum = checksum(landed, table, &expected).await?;
    Ok(Found { expected, rows: Some(checksum.rows()), checksum: Some(checksum), is_renamed })
}

/// The checksum as `transfer` made it: the same columns, in the same order, in the same format.
async fn checksum(landed: &Landed, table: &Table, expected: &TableReport) -> Result<RowChecksum> {
    let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).collect();
    // A type may have got a binary form in the version of its extension that the target has.
    let stated = [Format::Binary, Format::Text].into_iter().find(|format| format.name() == expected.format);
    let format = stated.unwrap_or_else(|| copy_format(table, &columns, landed.server_version));
    let compared = compared_columns(table, &columns, &expected.not_compared);
    let expressions: Vec<String> =
        compared.iter().map(|at| quote::column(&landed.catalog, table.id, columns[*at], "t")).collect();
    let select = format!("SELECT {} FROM {}", expressions.join(", "), plain_source(table, "t"));
    let session = landed.session().await?;
    let action = format!("read rows of {}", table.name);
    let mut rows = RowStream::open(&session, landed.connector(), &select, format, action).await?;
    let mut sum = RowChecksum::default();
    while let Some(fields) = rows.next().await? {
        // By position: a text row without columns cannot be told from one empty field.
        sum.add((0..expressions.len()).map(|at| fields.get(at)));
    }
    Ok(sum)
}

fn name(expected: &TableReport) -> QualifiedName {
    QualifiedName::new(&expected.schema, &expected.table)
}

fn counts(found: &[Found]) -> CheckReport {
    let wrong: Vec<String> = found
        .iter()
        .filter(|table| table.rows != Some(table.expected.rows_copied))
        .map(|table| match table.rows {
            None => format!("the table {} is missing", name(&table.expected)),
            Some(rows) => {
                let expected = plural(table.expected.rows_copied, "row");
                format!("{} has {}, the run wrote {expected}", name(&table.expected), plural(rows, "row"))
            }
        })
        .collect();
    if !wrong.is_empty() {
        return CheckReport::asked(COUNTS, false, some(&wrong));
    }
    let rows = found.iter().filter_map(|table| table.rows).sum();
    let tables = plural(found.len() as u64, "table");
    CheckReport::asked(COUNTS, true, format!("{tables} with {}, as the run wrote them", plural(rows, "row")))
}

fn checksums(found: &[Found], run: &RunReport) -> CheckReport {
    let compared: Vec<(&Found, &RowChecksum)> =
        found.iter().filter_map(|table| Some((table, table.checksum.as_ref()?))).collect();
    let wrong: Vec<String> = compared
        .iter()
        .filter(|(table, checksum)| table.is_renamed || checksum.to_string() != table.expected.checksum)
        .map(|(table, _)| name(&table.expected).to_string())
        .collect();
    let renamed = found.iter().filter(|table| table.checksum.is_none() && table.is_renamed);
    let wrong: Vec<String> = wrong.into_iter().chain(renamed.map(|table| name(&table.expected).to_string())).collect();
    let tables = plural(compared.len() as u64, "table");
    if wrong.is_empty() {
        let left_out: usize = compared.iter().map(|(table, _)| table.expected.not_compared.len()).sum();
        let left_out = match left_out as u64 {
            0 => String::new(),
            count => format!(", {} left out that the server stores in another form", plural(count, "masked column")),
        };
        return CheckReport::asked(CHECKSUMS, true, format!("{tables} unchanged since the run{left_out}"));
    }
    if run.schema.after_load > 0 {
        let why = format!(
            "rows differ from what was loaded in {}; the profile's after_load commands ran after the load and may have changed them",
            some(&wrong)
        );
        return CheckReport::not_asked(CHECKSUMS, why);
    }
    CheckReport::asked(
        CHECKSUMS,
        false,
        format!("values or names of columns changed since the run in {}", some(&wrong)),
    )
}
