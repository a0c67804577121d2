//! A few values of every column of a table, as texts, for a look at what they are.
//!
//! Bounded on the server: some pages of the heap, so many rows, so many characters of a value, so long a statement.
//! Values go to the caller one row at a time and are not kept here.

use std::time::Duration;

use super::members::plain_source;
use super::quote::{ident, qualified};
use super::rows::RowStream;
use super::source::Source;
use crate::copyfmt::Format;
use crate::error::Result;
use crate::schema::{Column, Table, TableKind, TypeClass};
use crate::types::ColumnId;

/// Characters of a value that are sent.
const VALUE_MAX_CHARS: usize = 4096;
/// Stored bytes from which json and xml are not looked at: their text is unpacked before it is cut.
const UNPACKED_MAX_BYTES: u32 = 256 << 10;
/// Of jsonb, lists, composites and other types less: to cut one the server prints it whole, and what is stored packed
/// may be ninety times as large.
const PRINTED_MAX_BYTES: u32 = 16 << 10;
/// Comes in the place of a value that takes more.
const TOO_LARGE: &str = "\u{1}";
/// Pages of a heap from which values are drawn.
const PAGES_MIN: u64 = 16;
const PAGES_MAX: u64 = 512;
const PAGE_BYTES: u64 = 8192;
/// Rows of a page, where the table was never counted.
const PAGE_ROWS: f64 = 50.0;

/// How much is read of a table.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Rows.
    pub rows: u32,
    /// Longest statement.
    pub statement: Duration,
}

/// Columns whose values can tell more than their type does.
pub fn readable_columns(table: &Table) -> Vec<ColumnId> {
    let worth = |column: &Column| expression(column).is_some();
    table.copied_columns().filter(|(_, column)| worth(column)).map(|(id, _)| id).collect()
}

/// To look at a value of this column the server unpacks or prints a document.
pub fn is_document(column: &Column) -> bool {
    document_max_bytes(column.data_type.class).is_some()
}

/// Gives values, with their column, to `look`, `None` for what is too large; answers how many rows were read.
///
/// # Errors
/// The source's, among them a statement that took too long. The session is ended then: its transaction is spoiled.
pub async fn look(
    source: &Source,
    table: &Table,
    columns: &[ColumnId],
    bounds: Bounds,
    look: &mut (dyn FnMut(ColumnId, Option<&str>) + Send),
) -> Result<u32> {
    let mut rows = 0;
    if let Some(sample) = sample(table, bounds.rows) {
        rows = read(source, table, columns, &sample, bounds, look).await?;
    }
    if rows == 0 {
        rows = read(source, table, columns, "", bounds, look).await?;
    }
    Ok(rows)
}

/// Pages from the whole of the table and the first rows of each, so that the rows wanted are reached at its end and not
/// before; `None` for a table that is read from its beginning. The same ones each time, so that two looks at one
/// snapshot agree.
fn sample(table: &Table, rows: u32) -> Option<String> {
    let pages = table.heap_bytes / PAGE_BYTES;
    let per_page = Some(table.rows_estimate / pages.max(1) as f64).filter(|rows| *rows >= 1.0).unwrap_or(PAGE_ROWS);
    let wanted = ((2.0 * f64::from(rows) / per_page).ceil() as u64).clamp(PAGES_MIN, PAGES_MAX);
    if pages <= wanted || table.kind == TableKind::Foreign || !table.leaves_behind.is_empty() {
        return None;
    }
    let percent = wanted as f64 * 100.0 / pages as f64;
    // A row's place in its page: `(page,place)` reads as a point.
    let of_page = u64::from(rows).div_ceil(wanted);
    Some(format!(" TABLESAMPLE SYSTEM ({percent:.6}) REPEATABLE (1) WHERE (t.ctid::text::point)[1] <= {of_page}"))
}

async fn read(
    source: &Source,
    table: &Table,
    columns: &[ColumnId],
    sampled: &str,
    bounds: Bounds,
    look: &mut (dyn FnMut(ColumnId, Option<&str>) + Send),
) -> Result<u32> {
    let session = source.session().await?;
    let outcome =
        read_in(&session, source, &select(table, columns, sampled, bounds.rows), columns, table, bounds, look).await;
    if outcome.is_err() {
        drop(deadpool_postgres::Object::take(session));
    }
    outcome
}

async fn read_in(
    session: &tokio_postgres::Client,
    source: &Source,
    select: &str,
    columns: &[ColumnId],
    table: &Table,
    bounds: Bounds,
    look: &mut (dyn FnMut(ColumnId, Option<&str>) + Send),
) -> Result<u32> {
    let action = format!("look at values of {}", table.name);
    let limit = format!("SET statement_timeout = {}", bounds.statement.as_millis());
    session.batch_execute(&limit).await.map_err(|e| source.fail(&*action, e))?;
    let mut stream = RowStream::open(session, source.connector(), select, Format::Binary, action.clone()).await?;
    let mut rows = 0;
    while let Some(fields) = stream.next().await? {
        rows += 1;
        for (at, column) in columns.iter().enumerate() {
            if let Some(value) = fields.get(at) {
                let value = String::from_utf8_lossy(value);
                look(*column, Some(value.as_ref()).filter(|value| *value != TOO_LARGE));
            }
        }
    }
    drop(stream);
    session.batch_execute("SET statement_timeout = 0").await.map_err(|e| source.fail(&*action, e))?;
    Ok(rows)
}

fn select(table: &Table, columns: &[ColumnId], sampled: &str, rows: u32) -> String {
    let list: Vec<String> = columns.iter().filter_map(|id| expression(table.column(*id))).collect();
    let from = match table.leaves_behind.is_empty() {
        true => format!("{} AS t", qualified(&table.name)),
        false => plain_source(table, "t"),
    };
    format!("SELECT {} FROM {from}{sampled} LIMIT {rows}", list.join(", "))
}

/// Stored bytes up to which values of a class are printed; `None`: it is no document.
fn document_max_bytes(class: TypeClass) -> Option<u32> {
    match class {
        TypeClass::Json | TypeClass::Xml => Some(UNPACKED_MAX_BYTES),
        TypeClass::Array | TypeClass::Composite | TypeClass::Jsonb | TypeClass::Tsvector | TypeClass::Other => {
            Some(PRINTED_MAX_BYTES)
        }
        _ => None,
    }
}

/// The column as a short text; `None` where the type tells all that there is to tell.
fn expression(column: &Column) -> Option<String> {
    let name = format!("t.{}", ident(&column.name));
    let class = column.data_type.class;
    if let Some(bytes_max) = document_max_bytes(class) {
        let text = match class {
            TypeClass::Array | TypeClass::Composite => format!("to_json({name})::text"),
            _ => format!("{name}::text"),
        };
        // NULL has no size, and stays.
        return Some(format!(
            "CASE WHEN pg_column_size({name}) > {bytes_max} THEN '{TOO_LARGE}' ELSE left({text}, {VALUE_MAX_CHARS}) END"
        ));
    }
    Some(match class {
        class if class.is_text() => format!("left({name}::text, {VALUE_MAX_CHARS})"),
        TypeClass::Bytea => format!("encode(substring({name} FROM 1 FOR {}), 'escape')", VALUE_MAX_CHARS / 4),
        TypeClass::Int4 | TypeClass::Int8 | TypeClass::Numeric => format!("{name}::text"),
        TypeClass::Date | TypeClass::Timestamp | TypeClass::Timestamptz => format!("{name}::text"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{QualifiedName, TableId};

    fn table(pages: u64, rows: f64) -> Table {
        Table {
            rows_estimate: rows,
            heap_bytes: pages * PAGE_BYTES,
            ..Table::bare(TableId(0), 0, QualifiedName::new("public", "t"))
        }
    }

    #[test]
    fn the_rows_wanted_come_from_the_whole_table() {
        // Twenty rows a page: fifty of a hundred thousand pages, ten rows of each.
        let sample = |pages, per_page: f64, rows| super::sample(&table(pages, pages as f64 * per_page), rows);
        assert_eq!(
            sample(100_000, 20.0, 500).as_deref(),
            Some(" TABLESAMPLE SYSTEM (0.050000) REPEATABLE (1) WHERE (t.ctid::text::point)[1] <= 10")
        );
        assert!(sample(100_000, 100.0, 500).is_some_and(|sample| sample.contains("(0.016000)")), "sixteen at least");
        assert!(sample(100_000, 1.0, 10_000).is_some_and(|sample| sample.contains("(0.512000)")), "512 at most");
        assert_eq!(sample(40, 20.0, 500), None);
        assert!(super::sample(&table(1000, -1.0), 500).is_some());
    }
}
