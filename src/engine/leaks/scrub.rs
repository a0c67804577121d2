//! Findings crossed out in the landed columns that the profile says so of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::At;
use super::places::reading;
use crate::copyfmt::Format;
use crate::engine::transfer::Transfer;
use crate::error::{Error, ErrorKind, Result};
use crate::leaks::{Search, Secrets, Verdict, count_keys, scrubbed};
use crate::pg::connect::Pool;
use crate::pg::members::plain_source;
use crate::pg::quote::{self, ident, qualified};
use crate::pg::rows::RowStream;
use crate::schema::{Column, Table, TypeClass};
use crate::types::{ColumnId, TableId};

/// New texts that are held before they are written.
const BATCH_BYTES: usize = 4 << 20;

pub(super) async fn columns(
    transfer: &Arc<Transfer>,
    pool: &Pool,
    secrets: &Secrets,
    verdict: &Verdict,
    places: &[&At],
) -> Result<()> {
    let mut by_table: BTreeMap<TableId, Vec<ColumnId>> = BTreeMap::new();
    for at in places {
        if let At::Column(table, id) = at {
            by_table.entry(*table).or_default().push(*id);
        }
    }
    // One column after the other: a row that is written anew has another place.
    let mut rewritten = BTreeSet::new();
    for (table, columns) in by_table {
        let mut changed = false;
        for id in columns {
            changed |= column(transfer, pool, secrets, verdict, table, id).await?;
        }
        if changed {
            forget(pool, &qualified(&transfer.catalog.table(table).name)).await?;
            rewritten.insert(table);
        }
    }
    if !rewritten.is_empty() {
        analyse_ancestors(transfer, pool, &rewritten).await?;
        // The statistics of before, as rows that are dead.
        forget(pool, "pg_catalog.pg_statistic").await?;
        forget(pool, "pg_catalog.pg_statistic_ext_data").await?;
    }
    Ok(())
}

/// Statistics of a table in the old inheritance count the rows of those that inherit from it.
async fn analyse_ancestors(transfer: &Transfer, pool: &Pool, rewritten: &BTreeSet<TableId>) -> Result<()> {
    let catalog = &transfer.catalog;
    let mut ancestors: BTreeSet<u32> = BTreeSet::new();
    let mut open: Vec<u32> = rewritten.iter().flat_map(|id| catalog.table(*id).inherits.iter().copied()).collect();
    while let Some(oid) = open.pop() {
        if ancestors.insert(oid) {
            let above = catalog.tables.iter().filter(|table| table.oid == oid);
            open.extend(above.flat_map(|table| table.inherits.iter().copied()));
        }
    }
    let session = pool.get().await?;
    for table in catalog.tables.iter().filter(|table| ancestors.contains(&table.oid)) {
        let analysed = session.batch_execute(&format!("ANALYZE {}", qualified(&table.name))).await;
        analysed.map_err(|e| pool.fail(format!("analyse {}", table.name), e))?;
    }
    Ok(())
}

/// What was crossed out still stands in the old versions of the rows, and in the statistics of the column.
async fn forget(pool: &Pool, table: &str) -> Result<()> {
    let session = pool.get().await?;
    let vacuumed = session.batch_execute(&format!("VACUUM (FULL, FREEZE, ANALYZE) {table}")).await;
    vacuumed.map_err(|e| pool.fail(format!("rewrite {table} without what was crossed out"), e))
}

/// Rows to write: the relation that holds each, its place there, and the new text.
#[derive(Default)]
struct Batch {
    relations: Vec<String>,
    places: Vec<String>,
    texts: Vec<String>,
    bytes: usize,
}

/// Answers whether anything was crossed out.
async fn column(
    transfer: &Transfer,
    pool: &Pool,
    secrets: &Secrets,
    verdict: &Verdict,
    table: TableId,
    id: ColumnId,
) -> Result<bool> {
    let table = transfer.catalog.table(table);
    let text = format!("{}::text", quote::column(&transfer.catalog, table.id, id, "t"));
    let select = format!("SELECT t.tableoid::int8::text, t.ctid::text, {text} FROM {}", plain_source(table, "t"));
    let reader = pool.get().await?;
    let writer = pool.get().await?;
    let column = table.column(id);
    let sql = format!(
        "UPDATE {} AS t SET {} = new.text::{} FROM unnest($1::text[], $2::text[], $3::text[]) AS new (relation, place, text) \
         WHERE t.ctid = new.place::tid AND t.tableoid = new.relation::oid",
        qualified(&table.name),
        ident(&column.name),
        column.data_type.sql_name
    );
    let fail = |e| pool.fail(format!("scrub {}.{}", table.name, column.name), e);
    let (mut batch, mut changed) = (Batch::default(), false);
    let (mut search, reading) = (Search::new(secrets), reading(&transfer.plan, table, id));
    let action = format!("scrub {}.{}", table.name, column.name);
    let mut rows = RowStream::open(&reader, pool.connector(), &select, Format::Binary, action).await?;
    loop {
        let is_over = match rows.next().await? {
            Some(fields) => {
                let field = |at| fields.get(at).and_then(|value| std::str::from_utf8(value).ok());
                let hits = fields.get(2).map(|text| reading.hits(&mut search, text)).unwrap_or_default();
                let named = hits.iter().filter(|hit| verdict.names_somebody(hit.fingerprint));
                let spans = joined(named.map(|hit| (hit.start, hit.end)).collect());
                if !spans.is_empty() {
                    let (Some(relation), Some(place), Some(text)) = (field(0), field(1), fields.get(2)) else {
                        continue;
                    };
                    batch.bytes += text.len();
                    batch.relations.push(relation.to_owned());
                    batch.places.push(place.to_owned());
                    batch.texts.push(crossed_out(table, column, text, &spans)?);
                }
                false
            }
            None => true,
        };
        if batch.bytes >= BATCH_BYTES || (is_over && batch.bytes > 0) {
            let Batch { relations, places, texts, .. } = std::mem::take(&mut batch);
            writer.execute(&sql, &[&relations, &places, &texts]).await.map_err(fail)?;
            changed = true;
        }
        if is_over {
            return Ok(changed);
        }
    }
}

/// Two keys of a document that differ in what is crossed out would be one, and its value lost.
fn crossed_out(table: &Table, column: &Column, text: &[u8], spans: &[(usize, usize)]) -> Result<String> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(refused(table, column, "they stand in a text that is no UTF-8"));
    };
    let text_after = scrubbed(text, spans);
    let is_document = matches!(column.data_type.class, TypeClass::Json | TypeClass::Jsonb);
    if is_document && count_keys(text_after.as_bytes()) < count_keys(text.as_bytes()) {
        return Err(refused(table, column, "keys of a document would become one"));
    }
    Ok(text_after)
}

fn refused(table: &Table, column: &Column, why: &str) -> Error {
    let place = format!("{}.{}", table.name, column.name);
    let what = format!("leak check: values of masked columns in {place} cannot be crossed out: {why}");
    Error::new(ErrorKind::Verification, what).with_remedy(format!(
        "nothing was swapped in; give {place} a mask, or say \"warn\" of it under [leaks.columns]"
    ))
}

/// Sorted, overlapping ones as one.
fn joined(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut joined: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::super::tests::column;
    use super::*;
    use crate::types::QualifiedName;

    #[test]
    fn what_would_lose_something_or_leave_it_is_not_crossed_out() {
        let table = Table::bare(TableId::from_index(0), 1, QualifiedName::new("public", "posts"));
        let cross = |class, text: &[u8], spans: &[(usize, usize)]| {
            crossed_out(&table, &column("meta", class, None), text, spans).map_err(|error| error.to_string())
        };
        let keys = br#"{"ann@x.example":1,"bob@x.example":2}"#;
        let spans = [(2, 15), (20, 33)];
        let refused = cross(TypeClass::Jsonb, keys, &spans).expect_err("two keys, one name");
        assert!(refused.contains("posts.meta") && refused.contains("would become one"), "{refused}");
        assert_eq!(
            cross(TypeClass::Jsonb, keys, &spans[..1]),
            Ok(r#"{"xxx@x.xxxxxxx":1,"bob@x.example":2}"#.to_owned())
        );
        assert_eq!(cross(TypeClass::Text, keys, &spans), Ok(r#"{"xxx@x.xxxxxxx":1,"xxx@x.xxxxxxx":2}"#.to_owned()));
        let refused = cross(TypeClass::Text, b"\xff ann@x.example", &[(2, 15)]).expect_err("no UTF-8");
        assert!(refused.contains("no UTF-8") && !refused.contains("ann@"), "{refused}");
    }
}
