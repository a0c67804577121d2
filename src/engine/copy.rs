//! Copies every table, whole or leaf by leaf, and builds its indexes as soon as its rows are in.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::pg::connect::{Client, Pool};
use crate::pg::entries::Entry;
use crate::pg::landing;
use crate::pg::quote::qualified;
use crate::report::MaskCounts;
use crate::schema::Catalog;
use crate::types::TableId;

use super::transfer::{Moved, Transfer};
use super::{blame, lanes};

/// A table that arrived.
pub(super) struct Arrived {
    pub(super) table: TableId,
    pub(super) moved: Moved,
    /// What masks did to members, and to support rows, by the column's position in the row.
    pub(super) masked: BTreeMap<usize, MaskCounts>,
    pub(super) masked_support: BTreeMap<usize, MaskCounts>,
    /// Those of its leaves added up, where they came one by one.
    pub(super) seconds: f64,
}

/// Entries of the dump that belong to a table's rows; with a leaf, to those of the leaf alone.
pub(super) type Builds = HashMap<(TableId, Option<usize>), Vec<Entry>>;

/// Tells them from the others, which keep their order. Leaves count apart where `by_leaf` says so.
pub(super) fn split_builds(catalog: &Catalog, by_leaf: &[bool], entries: Vec<Entry>) -> (Builds, Vec<Entry>) {
    let mut owner: HashMap<u32, (TableId, Option<usize>)> = HashMap::new();
    for table in &catalog.tables {
        owner.extend(table.build_oids.iter().map(|oid| (*oid, (table.id, None))));
        for (at, leaf) in table.leaves.iter().enumerate() {
            let leaf_index = by_leaf[table.id.index()].then_some(at);
            owner.extend(leaf.build_oids.iter().map(|oid| (*oid, (table.id, leaf_index))));
        }
    }
    let mut builds = Builds::new();
    let mut rest = Vec::new();
    for entry in entries {
        let is_build = matches!(entry.kind.as_str(), "INDEX" | "CONSTRAINT");
        match owner.get(&entry.oid).filter(|_| is_build) {
            Some(key) => builds.entry(*key).or_default().push(entry),
            None => rest.push(entry),
        }
    }
    (builds, rest)
}

/// A table on its way, shared by the lanes that copy its pieces.
struct Unit {
    table: TableId,
    brings_rows: bool,
    /// Built when all pieces are in.
    entries: Vec<Entry>,
    progress: OnceLock<Arc<Progress>>,
    state: Mutex<State>,
}

struct State {
    /// Pieces whose rows are still to come.
    unread: usize,
    /// Pieces that are not complete.
    missing: usize,
    moved: Moved,
    took: Duration,
}

/// What a lane takes: a table, or one of its leaves.
struct Piece {
    unit: Arc<Unit>,
    leaf: Option<usize>,
    heap_bytes: u64,
    /// Built when the piece is in.
    entries: Vec<Entry>,
}

/// Moves all tables, largest piece first, in lanes.
pub(super) async fn run(
    transfer: &Arc<Transfer>,
    pool: &Pool,
    by_leaf: &[bool],
    builds: Builds,
    monitor: &Arc<dyn Monitor>,
) -> Result<Vec<Arrived>> {
    let mut pieces = pieces(transfer, by_leaf, builds);
    pieces.sort_by_key(|piece| std::cmp::Reverse((piece.unit.brings_rows, piece.heap_bytes)));
    // Each table counts once, by whichever of its pieces is the first of the list.
    let tables: Vec<TableId> = pieces.iter().filter(|p| p.leaf.unwrap_or(0) == 0).map(|p| p.unit.table).collect();
    monitor.total(tables.len(), tables.iter().map(|table| expected_rows(transfer, *table)).sum());
    let (transfer, pool, monitor) = (Arc::clone(transfer), pool.clone(), Arc::clone(monitor));
    let lanes = transfer.source.jobs();
    let arrived = lanes::run(lanes, pieces, move |piece| {
        let (transfer, pool, monitor) = (Arc::clone(&transfer), pool.clone(), Arc::clone(&monitor));
        async move { one(&transfer, &pool, &piece, &*monitor).await }
    })
    .await?;
    Ok(arrived.into_iter().flatten().collect())
}

fn pieces(transfer: &Transfer, by_leaf: &[bool], mut builds: Builds) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for table in &transfer.catalog.tables {
        let brings_rows = transfer.plan.brings_rows(table.id);
        let entries = builds.remove(&(table.id, None));
        let leaves = if by_leaf[table.id.index()] { table.leaves.len() } else { 0 };
        // Tables that stay empty still get their keys and indexes.
        if !brings_rows && entries.is_none() {
            continue;
        }
        let state =
            State { unread: leaves.max(1), missing: leaves.max(1), moved: Moved::default(), took: Duration::ZERO };
        let unit = Arc::new(Unit {
            table: table.id,
            brings_rows,
            entries: entries.unwrap_or_default(),
            progress: OnceLock::new(),
            state: Mutex::new(state),
        });
        if leaves == 0 {
            pieces.push(Piece { unit, leaf: None, heap_bytes: table.heap_bytes, entries: Vec::new() });
            continue;
        }
        pieces.extend(table.leaves.iter().enumerate().map(|(at, leaf)| Piece {
            unit: Arc::clone(&unit),
            leaf: Some(at),
            heap_bytes: leaf.heap_bytes,
            entries: builds.remove(&(table.id, Some(at))).unwrap_or_default(),
        }));
    }
    pieces
}

/// Copies a piece; the one that completes its table returns the table.
async fn one(transfer: &Arc<Transfer>, pool: &Pool, piece: &Piece, monitor: &dyn Monitor) -> Result<Option<Arrived>> {
    let started = Instant::now();
    let unit = &*piece.unit;
    let target = pool.get().await?;
    let moved = if unit.brings_rows { rows(transfer, piece, &target, monitor).await? } else { Moved::default() };
    build(transfer, pool, &target, unit.table, &piece.entries).await?;
    let (mut moved, took) = {
        let mut state = unit.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing -= 1;
        state.moved.merge(&moved);
        state.took += started.elapsed();
        if state.missing > 0 {
            return Ok(None);
        }
        (std::mem::take(&mut state.moved), state.took)
    };
    let completing = Instant::now();
    complete(transfer, pool, &target, unit, moved.rows > 0).await?;
    let seconds = (took + completing.elapsed()).as_secs_f64();
    // The numbers stay; what they were counted with is large.
    let [masked, masked_support] =
        [&mut moved.masked, &mut moved.masked_support].map(|tally| std::mem::take(tally).counts());
    Ok(Some(Arrived { table: unit.table, moved, masked, masked_support, seconds }))
}

async fn rows(transfer: &Arc<Transfer>, piece: &Piece, target: &Client, monitor: &dyn Monitor) -> Result<Moved> {
    let unit = &*piece.unit;
    let table = transfer.catalog.table(unit.table);
    let progress =
        unit.progress.get_or_init(|| monitor.unit(&table.name.to_string(), expected_rows(transfer, unit.table)));
    let copy = transfer.copy_of(unit.table, piece.leaf);
    let source = transfer.source.session().await?;
    let moved = transfer.copy(copy, source, target, progress).await?;
    let mut state = unit.state.lock().unwrap_or_else(PoisonError::into_inner);
    state.unread -= 1;
    if state.unread == 0 {
        progress.build();
    }
    Ok(moved)
}

/// Keys and indexes over rows that are in; what masks may have to do with it when one cannot be.
async fn build(transfer: &Transfer, pool: &Pool, target: &Client, id: TableId, entries: &[Entry]) -> Result<()> {
    let table = transfer.catalog.table(id);
    landing::build(pool, target, entries, &|entry, error| blame::of_index(&transfer.plan, table, entry, error)).await
}

/// What takes all rows of a table: entries of its own, statistics.
async fn complete(transfer: &Transfer, pool: &Pool, target: &Client, unit: &Unit, has_rows: bool) -> Result<()> {
    build(transfer, pool, target, unit.table, &unit.entries).await?;
    if has_rows {
        let name = &transfer.catalog.table(unit.table).name;
        let analyzed = target.batch_execute(&format!("ANALYZE {}", qualified(name))).await;
        analyzed.map_err(|e| pool.fail(format!("analyse {name}"), e))?;
    }
    if let Some(progress) = unit.progress.get() {
        progress.finish();
    }
    Ok(())
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
