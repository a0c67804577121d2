//! A few masked rows stored on trial, before any others move.
//!
//! Whether masked values pass a CHECK, a domain, a partition key or the expression of a generated column only PostgreSQL
//! can say, so it is asked: the first rows of each table that has one of these go into the staging database's own,
//! still empty table, in a transaction that is rolled back. What passes here may still fail in a later row; then the
//! load says so, in the same words.

use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;

use super::transfer::Transfer;
use super::units::{Part, TableCopy};
use super::worker::Worker;
use super::{blame, lanes};
use crate::copyfmt::{Format, RowWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::connect::{Client, Pool};
use crate::pg::errors::ServerError;
use crate::pg::load::{Freeze, Loader};
use crate::plan::Plan;
use crate::schema::{Column, Table};
use crate::types::{ColumnId, TableId};

/// Of members, and of support rows, at most.
const ROWS: u32 = 100;
/// They are held in memory: when there are so many bytes no more rows are tried.
const BYTES: usize = 4 << 20;

/// Tries every table whose masks could fail.
///
/// # Errors
/// `Plan` naming table, columns, rules and what they break; `Source` or `Target` otherwise.
pub(super) async fn run(transfer: &Arc<Transfer>, pool: &Pool) -> Result<()> {
    let tables = transfer.catalog.tables.iter().filter(|table| transfer.plan.brings_rows(table.id));
    let jobs: Vec<TableId> = tables.filter(|table| may_fail(&transfer.plan, table)).map(|table| table.id).collect();
    let (shared, pool) = (Arc::clone(transfer), pool.clone());
    lanes::run(transfer.source.jobs(), jobs, move |table| {
        let (transfer, pool) = (Arc::clone(&shared), pool.clone());
        async move {
            let target = pool.get().await?;
            let tried = one(&transfer, &pool, &target, table).await;
            let undone = target.batch_execute("ROLLBACK").await;
            tried?;
            undone.map_err(|e| pool.fail("take back rows stored on trial", e))
        }
    })
    .await?;
    Ok(())
}

fn may_fail(plan: &Plan, table: &Table) -> bool {
    let is_masked = |id: ColumnId| blame::masks(plan, table, id).is_some();
    let has_masks = (0..table.columns.len()).any(|at| is_masked(ColumnId::from_index(at)));
    let domain = |(id, column): (ColumnId, &Column)| column.data_type.has_domain() && is_masked(id);
    // An expression may give NULL; other rules do not, but for `null`, which the plan refuses there.
    let asks = |(id, column): (ColumnId, &Column)| column.not_null && blame::is_computed(plan, table, id);
    has_masks
        && (table.checks.iter().any(|check| check.columns.iter().any(|id| is_masked(*id)))
            || table.partition_key.iter().any(|id| is_masked(*id))
            || table.columns.iter().any(|column| column.generated)
            || table.copied_columns().any(domain)
            || table.copied_columns().any(asks))
}

async fn one(transfer: &Arc<Transfer>, pool: &Pool, target: &Client, id: TableId) -> Result<()> {
    let mut copy = transfer.copy_of(id, None);
    let mut begin = "BEGIN".to_owned();
    if copy.format == Format::Text {
        begin.push_str(&format!("; SET LOCAL search_path = {}", transfer.source.search_path));
    }
    let name = copy.relation.name.clone();
    target.batch_execute(&begin).await.map_err(|e| pool.fail(format!("try the masks of {name}"), e))?;
    let table = transfer.catalog.table(id);
    for part in std::mem::take(&mut copy.parts) {
        let rows = masked_rows(transfer, &copy, part).await?;
        let stored = store(target, &copy, table, rows).await;
        stored.map_err(|e| {
            let told = blame::of_row(&transfer.plan, table, &e);
            let failed = pool.fail(format!("store masked rows of {name} on trial"), e);
            match told {
                Some(told) => {
                    Error::new(ErrorKind::Plan, told).with_cause(failed.chain()).with_remedy(blame::OTHER_RULE)
                }
                None => failed,
            }
        })?;
    }
    Ok(())
}

/// The first rows of a part, as they would be loaded.
async fn masked_rows(transfer: &Transfer, copy: &TableCopy, part: Part) -> Result<Vec<u8>> {
    let name = &copy.relation.name;
    let read = |e| transfer.source.fail(format!("read rows of {name}"), e);
    let session = transfer.source.session().await?;
    let table = transfer.catalog.table(copy.table);
    let statement = part.query.copy_first(rows_to_try(table.heap_bytes, table.rows_estimate), copy.format);
    let mut stream = pin!(session.copy_out(&statement).await.map_err(read)?);
    let mut worker = Worker::new(transfer, copy, &part.rules)?.on_trial();
    let frame = RowWriter::new(copy.format);
    let mut rows = Vec::new();
    frame.header(&mut rows);
    while let Some(chunk) = stream.try_next().await.map_err(read)? {
        worker.take(chunk, &mut rows, transfer)?;
        if rows.len() > BYTES {
            break;
        }
    }
    frame.trailer(&mut rows);
    Ok(rows)
}

/// Fewer where rows are large, since the source sends all that it was asked for.
fn rows_to_try(heap_bytes: u64, rows_estimate: f64) -> u32 {
    if rows_estimate < 1.0 {
        return ROWS;
    }
    let row_bytes = heap_bytes as f64 / rows_estimate;
    (BYTES as f64 / row_bytes.max(1.0)).clamp(1.0, f64::from(ROWS)) as u32
}

async fn store(target: &Client, copy: &TableCopy, table: &Table, rows: Vec<u8>) -> Result<(), ServerError> {
    let columns: Vec<&str> = copy.columns.iter().map(|c| table.column(*c).name.as_str()).collect();
    let mut loader = Loader::open(target, &copy.relation.name, &columns, copy.format, Freeze::No).await?;
    loader.send(rows).await?;
    loader.finish().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_large_rows_are_tried() {
        for (heap_bytes, rows, tried) in
            [(0, -1.0, 100), (1 << 40, -1.0, 100), (1 << 20, 5000.0, 100), (600 << 20, 60.0, 1), (64 << 20, 64.0, 4)]
        {
            assert_eq!(rows_to_try(heap_bytes, rows), tried, "{heap_bytes} bytes in {rows} rows");
        }
    }
}
