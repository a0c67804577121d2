//! Tables in pieces: a partitioned table leaf by leaf, a large heap in ranges of pages. Decides where that is right and
//! costs little more than reading at once.

use futures_util::future::try_join_all;

use crate::closure::Chosen;
use crate::error::Result;
use crate::pg::connect::Client;
use crate::pg::load::Freeze;
use crate::pg::scan::{self, Outlook, PageRange};
use crate::plan::{Plan, ReferenceMode};
use crate::profile::MaskSpec;
use crate::schema::{Catalog, Table, TableKind};
use crate::types::{ColumnId, QualifiedName, TableId};

use super::transfer::Transfer;
use super::units::{Query, TableCopy};

/// Heap that one statement reads at most, where nothing else is asked for.
pub const RANGE_BYTES: u64 = 1 << 30;

/// What every piece does over again (a semi-join, a long list) never matters below this: about a second.
const FREE_COST: f64 = 100_000.0;
const FREE_BYTES: u64 = 64 << 20;

/// Beyond it, the pieces may cost as many times the whole. The planner may share the whole among parallel workers, so
/// the same work can already look like twice.
const COST_FACTOR: f64 = 2.0;

/// What a piece reads and writes: a table, or one of its leaves.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) name: QualifiedName,
    pub(super) kind: TableKind,
    pub(super) heap_bytes: u64,
}

impl Relation {
    pub(super) fn of(table: &Table, leaf: Option<usize>) -> Self {
        match leaf.map(|at| &table.leaves[at]) {
            Some(leaf) => {
                Self { oid: leaf.oid, name: leaf.name.clone(), kind: TableKind::Ordinary, heap_bytes: leaf.heap_bytes }
            }
            None => Self { oid: table.oid, name: table.name.clone(), kind: table.kind, heap_bytes: table.heap_bytes },
        }
    }

    pub(super) fn freeze(&self) -> Freeze {
        if self.kind == TableKind::Partitioned { Freeze::No } else { Freeze::Yes }
    }
}

/// A row's membership can be asked of any piece: not where rows are ranked, which takes all of them.
pub(super) fn has_pages(plan: &Plan, chosen: &Chosen, id: TableId) -> bool {
    plan.table(id).per_parent.is_none() || (chosen.swept[id.index()] && chosen.identity[id.index()].is_some())
}

/// By table: it is copied leaf by leaf.
pub(super) async fn by_leaf(transfer: &Transfer) -> Result<Vec<bool>> {
    let tables = &transfer.catalog.tables;
    try_join_all(
        tables
            .iter()
            .map(async |table| Ok(leaves_are_right(transfer, table) && leaves_are_cheap(transfer, table).await?)),
    )
    .await
}

/// Leaf by leaf the same rows arrive in the same places.
fn leaves_are_right(transfer: &Transfer, table: &Table) -> bool {
    let (plan, id) = (&transfer.plan, table.id);
    table.leaves_apart
        && !table.leaves.is_empty()
        && plan.brings_rows(id)
        && has_pages(plan, &transfer.chosen, id)
        && table.partition_key.iter().all(|column| keeps_value(&transfer.catalog, plan, id, *column))
}

/// The column arrives as it is, in every row.
fn keeps_value(catalog: &Catalog, plan: &Plan, id: TableId, column: ColumnId) -> bool {
    let planned = plan.table(id);
    let masked = planned.masks[column.index()]
        .as_ref()
        .is_some_and(|masks| masks.member.spec != MaskSpec::Keep || masks.support.spec != MaskSpec::Keep);
    let changes = |mode| mode != ReferenceMode::Idle;
    let nulled = catalog.references_of(id).any(|reference| {
        let planned = plan.reference(reference.id);
        changes(planned.mode) && planned.nullable.contains(&column)
    });
    !masked && !nulled && !planned.cut.contains(&column)
}

/// The smallest leaf shows what all of them do over again.
async fn leaves_are_cheap(transfer: &Transfer, table: &Table) -> Result<bool> {
    let smallest = (0..table.leaves.len()).min_by_key(|leaf| table.leaves[*leaf].heap_bytes);
    // The session first: the queries hold lists of keys.
    let session = transfer.source.session().await?;
    let (whole, piece) = (transfer.copy_of(table.id, None), transfer.copy_of(table.id, smallest));
    for (whole, piece) in whole.parts.iter().zip(&piece.parts) {
        let select = piece.query.select(PageRange::default());
        let repeats = Repeats { pieces: table.leaves.len(), text_bytes: select.len(), heap_bytes: table.heap_bytes };
        if !repeats.sends_little() {
            return Ok(false);
        }
        let all = outlook(transfer, &session, &table.name, &whole.query.select(PageRange::default())).await?;
        let one = outlook(transfer, &session, &table.name, &select).await?;
        if !repeats.costs_little(all.total_cost, one.total_cost) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The ranges in which a part of the copy is read; one that holds everything where it is read at once.
pub(super) async fn ranges(
    transfer: &Transfer,
    copy: &TableCopy,
    query: &Query,
    session: &Client,
) -> Result<Vec<PageRange>> {
    let relation = &copy.relation;
    let at_once = vec![PageRange::default()];
    let large = relation.kind == TableKind::Ordinary && relation.heap_bytes > transfer.range_bytes;
    if !large || !query.has_pages || transfer.catalog.server_version < scan::RANGE_SCANS_SINCE {
        return Ok(at_once);
    }
    let block_bytes = transfer.source.server.block_bytes;
    let action = format!("ask for the size of {}", relation.name);
    let pages = scan::heap_pages(session, transfer.source.connector(), relation.oid, block_bytes, &action).await?;
    let ranges = PageRange::split(pages, transfer.range_bytes / u64::from(block_bytes.max(1)));
    let select = query.select(ranges[ranges.len() / 2]);
    let repeats = Repeats { pieces: ranges.len(), text_bytes: select.len(), heap_bytes: relation.heap_bytes };
    if ranges.len() < 2 || !repeats.sends_little() {
        return Ok(at_once);
    }
    let all = outlook(transfer, session, &relation.name, &query.select(PageRange::default())).await?;
    if !all.reads_all {
        return Ok(at_once);
    }
    let one = outlook(transfer, session, &relation.name, &select).await?;
    Ok(if repeats.costs_little(all.total_cost, one.total_cost) { ranges } else { at_once })
}

async fn outlook(transfer: &Transfer, session: &Client, name: &QualifiedName, select: &str) -> Result<Outlook> {
    let action = format!("ask how rows of {name} would be read");
    scan::outlook(session, transfer.source.connector(), select, Query::ALIAS, &action).await
}

/// What reading in pieces repeats.
struct Repeats {
    pieces: usize,
    text_bytes: usize,
    heap_bytes: u64,
}

impl Repeats {
    /// The statements are no longer than the rows, or short.
    fn sends_little(&self) -> bool {
        (self.text_bytes as u64).saturating_mul(self.pieces as u64) <= self.heap_bytes.max(FREE_BYTES)
    }

    fn costs_little(&self, whole: f64, piece: f64) -> bool {
        piece * self.pieces as f64 <= (whole * COST_FACTOR).max(FREE_COST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_repeat_much_are_not_worth_it() {
        let repeats = Repeats { pieces: 100, text_bytes: 1 << 20, heap_bytes: 1 << 30 };
        assert!(repeats.sends_little());
        assert!(!Repeats { pieces: 10_000, ..repeats }.sends_little());
        assert!(repeats.costs_little(1e6, 1.5e4) && !repeats.costs_little(1e6, 1e5));
        assert!(repeats.costs_little(1.0, 900.0), "small tables are free");
    }
}
