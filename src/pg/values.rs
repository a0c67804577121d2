//! A few values of every column of a table, as texts, for a look at what they are; and the schema's own texts.
//!
//! Bounded on the server: some pages of the heap, so many rows, so many characters of a value, so long a statement.
//! Values go to the caller one row at a time and are not kept here.

use std::time::Duration;

use super::quote::{ident, qualified};
use super::rows::RowStream;
use super::source::Source;
use crate::copyfmt::Format;
use crate::error::Result;
use crate::schema::{Column, Table, TableKind, TypeClass};
use crate::types::ColumnId;

/// Characters of a value that are sent.
const VALUE_MAX_CHARS: usize = 4096;
/// Documents, lists and composites that take more bytes are not looked at: to cut one, the server would print it whole.
const DOCUMENT_MAX_BYTES: u32 = 256 << 10;
/// Pages of a heap from which values are drawn; smaller tables are read from their beginning.
const PAGES_MAX: u64 = 512;
const PAGE_BYTES: u64 = 8192;
/// Texts of the schema that are read.
const TEXTS_MAX: u32 = 20_000;

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

/// Gives values, with their column, to `look`; answers how many rows were read.
///
/// # Errors
/// The source's, among them a statement that took too long. The session is ended then: its transaction is spoiled.
pub async fn look(
    source: &Source,
    table: &Table,
    columns: &[ColumnId],
    bounds: Bounds,
    look: &mut (dyn FnMut(ColumnId, &str) + Send),
) -> Result<u32> {
    let pages = table.heap_bytes / PAGE_BYTES;
    let mut rows = 0;
    if pages > PAGES_MAX && table.kind != TableKind::Foreign {
        let percent = PAGES_MAX as f64 * 100.0 / pages as f64;
        // The same pages each time, so that two looks at one snapshot agree.
        let sampled = format!(" TABLESAMPLE SYSTEM ({percent:.6}) REPEATABLE (1)");
        rows = read(source, table, columns, &sampled, bounds, look).await?;
    }
    if rows == 0 {
        rows = read(source, table, columns, "", bounds, look).await?;
    }
    Ok(rows)
}

async fn read(
    source: &Source,
    table: &Table,
    columns: &[ColumnId],
    sampled: &str,
    bounds: Bounds,
    look: &mut (dyn FnMut(ColumnId, &str) + Send),
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
    look: &mut (dyn FnMut(ColumnId, &str) + Send),
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
                look(*column, &String::from_utf8_lossy(value));
            }
        }
    }
    drop(stream);
    session.batch_execute("SET statement_timeout = 0").await.map_err(|e| source.fail(&*action, e))?;
    Ok(rows)
}

fn select(table: &Table, columns: &[ColumnId], sampled: &str, rows: u32) -> String {
    let list: Vec<String> = columns.iter().filter_map(|id| expression(table.column(*id))).collect();
    format!("SELECT {} FROM {} AS t{sampled} LIMIT {rows}", list.join(", "), qualified(&table.name))
}

/// The column as a short text; `None` where the type tells all that there is to tell.
fn expression(column: &Column) -> Option<String> {
    let name = format!("t.{}", ident(&column.name));
    let small = |text: String| {
        format!("CASE WHEN pg_column_size({name}) <= {DOCUMENT_MAX_BYTES} THEN left({text}, {VALUE_MAX_CHARS}) END")
    };
    Some(match column.data_type.class {
        class if class.is_text() => format!("left({name}::text, {VALUE_MAX_CHARS})"),
        TypeClass::Array | TypeClass::Composite => small(format!("to_json({name})::text")),
        TypeClass::Json | TypeClass::Jsonb | TypeClass::Xml | TypeClass::Tsvector | TypeClass::Other => {
            small(format!("{name}::text"))
        }
        TypeClass::Bytea => format!("encode(substring({name} FROM 1 FOR {}), 'escape')", VALUE_MAX_CHARS / 4),
        TypeClass::Int4 | TypeClass::Int8 | TypeClass::Numeric => format!("{name}::text"),
        TypeClass::Date | TypeClass::Timestamp | TypeClass::Timestamptz => format!("{name}::text"),
        _ => return None,
    })
}

/// Gives the schema's own texts, with where they stand, to `look`: comments, defaults, views, functions, checks,
/// enum labels. They travel with the schema, whatever becomes of the rows.
///
/// # Errors
/// The source's.
pub async fn schema_texts(source: &Source, look: &mut (dyn FnMut(&str, &str) + Send)) -> Result<()> {
    let session = source.session().await?;
    let action = "look at the schema's texts";
    let select = schema_select();
    let mut stream = RowStream::open(&session, source.connector(), &select, Format::Binary, action.to_owned()).await?;
    while let Some(fields) = stream.next().await? {
        if let (Some(place), Some(text)) = (fields.get(0), fields.get(1)) {
            look(&String::from_utf8_lossy(place), &String::from_utf8_lossy(text));
        }
    }
    Ok(())
}

fn schema_select() -> String {
    // Objects of the database's users have numbers from 16384 on; what extensions bring is public.
    let own = |class: &str, oid: &str| {
        format!(
            "{oid} >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' \
             AND d.classid = '{class}'::regclass AND d.objid = {oid})"
        )
    };
    let parts = [
        "SELECT 'comment on ' || pg_describe_object(classoid, objoid, objsubid), description FROM pg_description \
             WHERE objoid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' \
             AND d.classid = classoid AND d.objid = objoid)"
            .to_owned(),
        format!(
            "SELECT 'default of ' || adrelid::regclass || '.' || attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef \
             JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE {}",
            own("pg_class", "adrelid")
        ),
        format!(
            "SELECT 'view ' || oid::regclass, pg_get_viewdef(oid) FROM pg_class WHERE relkind IN ('v', 'm') AND {}",
            own("pg_class", "pg_class.oid")
        ),
        format!("SELECT 'function ' || oid::regprocedure, prosrc FROM pg_proc WHERE {}", own("pg_proc", "pg_proc.oid")),
        format!(
            "SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND {}",
            own("pg_constraint", "pg_constraint.oid")
        ),
        format!(
            "SELECT 'label of type ' || enumtypid::regtype, enumlabel FROM pg_enum WHERE {}",
            own("pg_type", "enumtypid")
        ),
    ];
    let texts = parts.join(" UNION ALL ");
    format!(
        "SELECT place, left(text, {VALUE_MAX_CHARS}) FROM ({texts}) AS texts(place, text) \
         WHERE text <> '' ORDER BY place LIMIT {TEXTS_MAX}"
    )
}
