//! Copies every table and builds its indexes as soon as its rows are in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::error::Result;
use crate::monitor::Monitor;
use crate::pg::connect::Pool;
use crate::pg::dump::Entry;
use crate::pg::landing;
use crate::pg::quote::qualified;
use crate::types::TableId;

use super::lanes;
use super::transfer::{Moved, Transfer};
use super::units;

/// A table that arrived.
pub(super) struct Arrived {
    pub(super) table: TableId,
    pub(super) moved: Moved,
    pub(super) seconds: f64,
}

/// Entries of the dump that belong to one table's rows, by table; the others stay in `rest`, in order.
pub(super) fn split_builds(transfer: &Transfer, entries: Vec<Entry>) -> (HashMap<TableId, Vec<Entry>>, Vec<Entry>) {
    let mut owner: HashMap<u32, TableId> = HashMap::new();
    for table in &transfer.catalog.tables {
        owner.extend(table.build_oids.iter().map(|oid| (*oid, table.id)));
    }
    let mut builds: HashMap<TableId, Vec<Entry>> = HashMap::new();
    let mut rest = Vec::new();
    for entry in entries {
        let is_build = matches!(entry.kind.as_str(), "INDEX" | "CONSTRAINT");
        match owner.get(&entry.oid).filter(|_| is_build) {
            Some(table) => builds.entry(*table).or_default().push(entry),
            None => rest.push(entry),
        }
    }
    (builds, rest)
}

/// Moves all tables, largest first, in lanes.
pub(super) async fn run(
    transfer: &Arc<Transfer>,
    pool: &Pool,
    mut builds: HashMap<TableId, Vec<Entry>>,
    monitor: &Arc<dyn Monitor>,
) -> Result<Vec<Arrived>> {
    // Tables that stay empty still get their keys and indexes.
    let mut jobs: Vec<(TableId, Vec<Entry>)> = transfer
        .catalog
        .tables
        .iter()
        .filter_map(|table| match builds.remove(&table.id) {
            None if !transfer.plan.brings_rows(table.id) => None,
            entries => Some((table.id, entries.unwrap_or_default())),
        })
        .collect();
    jobs.sort_by_key(|(table, _)| {
        let rows = transfer.plan.brings_rows(*table);
        std::cmp::Reverse((rows, transfer.catalog.table(*table).heap_bytes))
    });
    let expected = jobs.iter().map(|(table, _)| expected_rows(transfer, *table)).sum();
    monitor.total(jobs.len(), expected);
    let (transfer, pool, monitor) = (Arc::clone(transfer), pool.clone(), Arc::clone(monitor));
    let lanes = transfer.source.jobs();
    lanes::run(lanes, jobs, move |(table, entries)| {
        let (transfer, pool, monitor) = (Arc::clone(&transfer), pool.clone(), Arc::clone(&monitor));
        async move { one(&transfer, &pool, table, &entries, &*monitor).await }
    })
    .await
}

async fn one(
    transfer: &Transfer,
    pool: &Pool,
    id: TableId,
    entries: &[Entry],
    monitor: &dyn Monitor,
) -> Result<Arrived> {
    let started = Instant::now();
    let table = transfer.catalog.table(id);
    let target = pool.get().await?;
    let mut moved = Moved::default();
    let mut shown = None;
    if transfer.plan.brings_rows(id) {
        let version = transfer.target.server.version_num;
        let copy = units::table_copy(&transfer.catalog, &transfer.plan, &transfer.chosen, version, id);
        let progress = monitor.unit(&table.name.to_string(), expected_rows(transfer, id));
        let source = transfer.source.session().await?;
        moved = transfer.table(copy, &source, &target, &progress).await?;
        drop(source);
        progress.build();
        shown = Some(progress);
    }
    landing::run_entries(pool, &target, entries, false).await?;
    if moved.rows > 0 {
        target
            .batch_execute(&format!("ANALYZE {}", qualified(&table.name)))
            .await
            .map_err(|e| pool.fail(format!("analyse {}", table.name), e))?;
    }
    if let Some(progress) = shown {
        progress.finish();
    }
    Ok(Arrived { table: id, moved, seconds: started.elapsed().as_secs_f64() })
}

/// A guess for the progress bar: the chosen rows where they are known, the table's share otherwise.
fn expected_rows(transfer: &Transfer, id: TableId) -> u64 {
    let chosen = &transfer.chosen;
    let estimate = transfer.catalog.table(id).rows_estimate.max(0.0);
    match chosen.members[id.index()] {
        Some(members) => members + chosen.support_rows(id),
        None if chosen.whole[id.index()] => estimate as u64,
        None => match transfer.plan.draw.size {
            crate::plan::DrawSize::Percent(percent) => (estimate * percent / 100.0) as u64,
            crate::plan::DrawSize::Rows(_) => 0,
        },
    }
}
