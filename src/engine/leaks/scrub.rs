//! Findings crossed out in the landed columns that the profile says so of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::At;
use super::places::reading;
use crate::copyfmt::Format;
use crate::engine::transfer::Transfer;
use crate::error::Result;
use crate::leaks::{Search, Secrets, Verdict, scrubbed};
use crate::pg::connect::Pool;
use crate::pg::members::plain_source;
use crate::pg::quote::{self, ident, qualified};
use crate::pg::rows::RowStream;
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
    for (table, columns) in by_table {
        for id in columns {
            column(transfer, pool, secrets, verdict, table, id).await?;
        }
    }
    Ok(())
}

/// Rows to write: the relation that holds each, its place there, and the new text.
#[derive(Default)]
struct Batch {
    relations: Vec<String>,
    places: Vec<String>,
    texts: Vec<String>,
    bytes: usize,
}

async fn column(
    transfer: &Transfer,
    pool: &Pool,
    secrets: &Secrets,
    verdict: &Verdict,
    table: TableId,
    id: ColumnId,
) -> Result<()> {
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
    let mut batch = Batch::default();
    let (mut search, reading) = (Search::new(secrets), reading(&transfer.plan, table, id));
    let action = format!("scrub {}.{}", table.name, column.name);
    let mut rows = RowStream::open(&reader, pool.connector(), &select, Format::Binary, action).await?;
    loop {
        let is_over = match rows.next().await? {
            Some(fields) => {
                let field = |at| fields.get(at).and_then(|value| std::str::from_utf8(value).ok());
                if let (Some(relation), Some(place), Some(text)) = (field(0), field(1), field(2)) {
                    let hits = reading.hits(&mut search, text.as_bytes());
                    let named = hits.iter().filter(|hit| verdict.names_somebody(hit.fingerprint));
                    let spans = named.map(|hit| (hit.start, hit.end));
                    let spans = joined(spans.collect());
                    if !spans.is_empty() {
                        batch.bytes += text.len();
                        batch.relations.push(relation.to_owned());
                        batch.places.push(place.to_owned());
                        batch.texts.push(scrubbed(text, &spans));
                    }
                }
                false
            }
            None => true,
        };
        if batch.bytes >= BATCH_BYTES || (is_over && batch.bytes > 0) {
            let Batch { relations, places, texts, .. } = std::mem::take(&mut batch);
            writer.execute(&sql, &[&relations, &places, &texts]).await.map_err(fail)?;
        }
        if is_over {
            return Ok(());
        }
    }
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
