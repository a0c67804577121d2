//! The state of the choice: which tables come whole, which keys are needed of the others, and the sets so far.

use super::{KeyKind, KeySet};
use crate::plan::{Plan, ReferenceMode, TableMode};
use crate::profile::{Orphans, Unowned};
use crate::schema::{Catalog, Reference, Table, TypeClass};
use crate::types::{ColumnId, RefId, TableId};

/// Largest set written into a query as a list. Planning a list costs about 2 µs a key for selectivity estimates, paid
/// per statement, and its text is held several times over; a predicate costs the scan that it needs anyway. At 70,000
/// uuids the list took 20 MB more and no less CPU.
pub const LITERAL_KEYS_MAX: u64 = 50_000;

/// A referenced key whose chosen values must be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Referenced table.
    pub table: TableId,
    /// Its key columns, in the reference's order.
    pub columns: Vec<ColumnId>,
    /// How its keys are held.
    pub kind: KeyKind,
}

impl Demand {
    /// Rows are known by where they lie (`tableoid`, `ctid`), which holds within one snapshot: for tables whose every
    /// key may be NULL.
    pub fn is_place(&self) -> bool {
        self.columns.is_empty()
    }

    /// Result columns that make one key.
    pub fn width(&self) -> usize {
        if self.is_place() { 2 } else { self.columns.len() }
    }
}

/// Rows that cannot come, by one of their table's keys.
#[derive(Clone, Debug)]
pub struct BarredKeys {
    /// Referenced table.
    pub table: TableId,
    /// Its key columns, in the order of the references that use them.
    pub columns: Vec<ColumnId>,
    /// Texts in canonical form, by row.
    pub keys: Vec<Vec<String>>,
}

/// Chosen keys of one demand. Frozen before the first row moves.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Of members.
    pub members: KeySet,
    /// Of support rows, disjoint from the members.
    pub support: KeySet,
}

/// What has been chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// By table: every row is a member.
    pub whole: Vec<bool>,
    /// Keys that are needed.
    pub demands: Vec<Demand>,
    /// By reference: its demand.
    pub demand_of: Vec<Option<usize>>,
    /// By demand.
    pub keys: Vec<Keys>,
    /// By table: members, once counted.
    pub members: Vec<Option<u64>>,
    /// Sets above it are asked for by predicate where one can be derived.
    pub literal_keys_max: u64,
    /// By reference: support rows that it was the first to ask for.
    pub pulled: Vec<u64>,
    /// By table: membership was swept (a cycle or a cap), so only its keys say who is a member.
    pub swept: Vec<bool>,
    /// By table: the demand that identifies its rows in a copy (swept tables and tables with support rows).
    pub identity: Vec<Option<usize>>,
    /// Hash values below it are drawn; `None` draws everything.
    pub bound: Option<i64>,
    /// Root rows outside the draw that `always` adds, by the root's draw key, as texts per column.
    pub always: Vec<Vec<String>>,
    /// Root rows that `never` bars, likewise.
    pub never: Vec<Vec<String>>,
    /// By table: some of its rows may be unable to come.
    pub barrable: Vec<bool>,
    /// Such rows of tables that refer to each other in a circle, where SQL conditions would not end.
    pub barred: Vec<BarredKeys>,
}

impl Chosen {
    /// Nothing chosen yet: what is needed, by the plan.
    pub fn new(catalog: &Catalog, plan: &Plan, literal_keys_max: u64) -> Self {
        let whole = whole_tables(catalog, plan);
        let mut demands: Vec<Demand> = Vec::new();
        let mut demand_of = vec![None; catalog.references.len()];
        for reference in &catalog.references {
            if asks_for_keys(plan, reference) && !whole[reference.parent.index()] {
                demand_of[reference.id.index()] = Some(demand(catalog, &mut demands, reference));
            }
        }
        let tables = catalog.tables.len();
        let mut swept = vec![false; tables];
        for group in plan.groups.iter().filter(|group| !group.cycle.is_empty()) {
            group.tables.iter().for_each(|table| swept[table.index()] = !whole[table.index()]);
        }
        let identity = catalog
            .tables
            .iter()
            .map(|table| identity(catalog, &mut demands, table, swept[table.id.index()]))
            .collect();
        let keys = demands
            .iter()
            .map(|demand| Keys { members: KeySet::new(demand.kind), support: KeySet::new(demand.kind) })
            .collect();
        Self {
            whole,
            demands,
            demand_of,
            keys,
            members: vec![None; tables],
            literal_keys_max,
            pulled: vec![0; catalog.references.len()],
            swept,
            identity,
            bound: None,
            always: Vec::new(),
            never: Vec::new(),
            barrable: barrable(catalog, plan, plan.draw.never.is_some()),
            barred: Vec::new(),
        }
    }

    /// Demands on a table's keys.
    pub fn demands_on(&self, table: TableId) -> impl Iterator<Item = usize> + '_ {
        (0..self.demands.len()).filter(move |demand| self.demands[*demand].table == table)
    }

    /// Keys that a reference asks for, unless its parent comes whole or brings no rows.
    pub fn keys_for(&self, reference: RefId) -> Option<&Keys> {
        self.demand_of[reference.index()].map(|demand| &self.keys[demand])
    }

    /// Support rows of a table.
    pub fn support_rows(&self, table: TableId) -> u64 {
        self.identity[table.index()].map_or(0, |demand| self.keys[demand].support.len())
    }

    /// Bytes of all sets and lists.
    pub fn memory_bytes(&self) -> u64 {
        let sets: u64 = self.keys.iter().map(|keys| keys.members.memory_bytes() + keys.support.memory_bytes()).sum();
        let barred = self.barred.iter().flat_map(|barred| &barred.keys);
        let lists = self.always.iter().chain(&self.never).chain(barred);
        sets + lists.map(|key| text_bytes(key)).sum::<u64>()
    }
}

/// Bytes that a key of a list takes, held as texts.
pub fn text_bytes(key: &[String]) -> u64 {
    let text_head = size_of::<String>();
    (size_of::<Vec<String>>() + key.iter().map(|text| text_head + text.len()).sum::<usize>()) as u64
}

/// The reference's outcome depends on which parents are chosen.
fn asks_for_keys(plan: &Plan, reference: &Reference) -> bool {
    let mode = plan.reference(reference.id).mode;
    match plan.table(reference.child).mode {
        TableMode::None => false,
        _ => !matches!(mode, ReferenceMode::Whole | ReferenceMode::Cut | ReferenceMode::Drop | ReferenceMode::Idle),
    }
}

fn demand(catalog: &Catalog, demands: &mut Vec<Demand>, reference: &Reference) -> usize {
    let wanted = Demand {
        table: reference.parent,
        columns: reference.parent_columns.clone(),
        kind: key_kind(catalog, reference.parent, &reference.parent_columns),
    };
    demands.iter().position(|demand| *demand == wanted).unwrap_or_else(|| {
        demands.push(wanted);
        demands.len() - 1
    })
}

/// The demand that tells a table's chosen rows apart when they are copied. A key that may be NULL serves only where
/// rows are asked for by no other; else one is added.
fn identity(catalog: &Catalog, demands: &mut Vec<Demand>, table: &Table, swept: bool) -> Option<usize> {
    let own: Vec<usize> = (0..demands.len()).filter(|d| demands[*d].table == table.id).collect();
    let first = *own.first()?;
    let primary = table.primary_key().map(|key| &key.columns);
    let never_null = |d: &&usize| demands[**d].columns.iter().all(|c| table.column(*c).not_null);
    let found = own.iter().find(|d| Some(&demands[**d].columns) == primary).or(own.iter().find(never_null));
    if let Some(found) = found {
        return Some(*found);
    }
    if own.len() == 1 && !swept {
        return Some(first);
    }
    let columns = table.identity_key().map(|key| key.columns.clone()).unwrap_or_default();
    let kind = key_kind(catalog, table.id, &columns);
    demands.push(Demand { table: table.id, columns, kind });
    Some(demands.len() - 1)
}

/// Tables some of whose rows may be unable to come: barred by `never`, or bound to a table without rows, or to such a
/// row.
pub fn barrable(catalog: &Catalog, plan: &Plan, never: bool) -> Vec<bool> {
    crate::plan::barrable(
        catalog,
        |table| {
            let drops = |r: &Reference| plan.reference(r.id).mode == ReferenceMode::Drop;
            (never && table == plan.root)
                || !plan.table(table).barred.is_empty()
                || catalog.references_of(table).any(drops)
        },
        |reference| needs_parent(plan, reference),
    )
}

/// A row that has the reference cannot come without the parent.
pub fn needs_parent(plan: &Plan, reference: &Reference) -> bool {
    let planned = plan.reference(reference.id);
    planned.nullable.is_empty() && !matches!(planned.mode, ReferenceMode::Idle | ReferenceMode::Drop)
}

/// How keys over these columns are held.
pub fn key_kind(catalog: &Catalog, table: TableId, columns: &[ColumnId]) -> KeyKind {
    match columns {
        [one] => match catalog.table(table).column(*one).data_type.class {
            class if class.is_integer() => KeyKind::Int,
            TypeClass::Uuid => KeyKind::Uuid,
            _ => KeyKind::Bytes,
        },
        _ => KeyKind::Bytes,
    }
}

/// Tables of which every row is a member whatever the data: known without reading, so they are neither counted nor
/// tested. Starts from all and removes what some rule may thin, until nothing changes.
fn whole_tables(catalog: &Catalog, plan: &Plan) -> Vec<bool> {
    let mut level = vec![0; catalog.tables.len()];
    for (at, group) in plan.groups.iter().enumerate() {
        group.tables.iter().for_each(|table| level[table.index()] = at);
    }
    let barrable = barrable(catalog, plan, plan.draw.never.is_some());
    let mut whole: Vec<bool> = catalog
        .tables
        .iter()
        .map(|table| {
            let planned = plan.table(table.id);
            let drawn = planned.mode != TableMode::Root || plan.draws_everything();
            let brings = !matches!(planned.mode, TableMode::None | TableMode::Referenced);
            drawn && brings && !barrable[table.id.index()] && planned.filter.is_none() && planned.per_parent.is_none()
        })
        .collect();
    loop {
        let thinned: Vec<TableId> = catalog
            .tables
            .iter()
            .filter(|table| whole[table.id.index()] && !stays_whole(catalog, plan, table.id, &whole, &level))
            .map(|table| table.id)
            .collect();
        if thinned.is_empty() {
            return whole;
        }
        thinned.iter().for_each(|table| whole[table.index()] = false);
    }
}

fn stays_whole(catalog: &Catalog, plan: &Plan, table: TableId, whole: &[bool], level: &[usize]) -> bool {
    let mut owners = 0;
    let mut anchored = false;
    let follows = catalog.references_of(table).any(|r| plan.reference(r.id).mode == ReferenceMode::Follow);
    for reference in catalog.references_of(table) {
        let planned = plan.reference(reference.id);
        if !reference.validated && planned.orphans == Orphans::Drop {
            return false;
        }
        if !planned.mode.gates() {
            continue;
        }
        let parent_whole = whole[reference.parent.index()];
        if planned.mode == ReferenceMode::Within && (!parent_whole || !reference.validated) {
            return false;
        }
        let chains = !follows || planned.mode == ReferenceMode::Follow;
        if chains {
            owners += 1;
            let above = level[reference.parent.index()] != level[table.index()];
            anchored |= above && parent_whole && reference.validated && catalog.is_required(reference);
        }
    }
    plan.table(table).mode != TableMode::Owned
        || anchored
        || (owners > 0
            && plan.table(table).unowned == Unowned::Keep
            && !follows
            && whole[table.index()]
            && level_free(catalog, plan, table, level))
}

/// None of the table's gating references stays inside its own group.
fn level_free(catalog: &Catalog, plan: &Plan, table: TableId, level: &[usize]) -> bool {
    catalog
        .references_of(table)
        .filter(|reference| plan.reference(reference.id).mode.gates())
        .all(|reference| level[reference.parent.index()] != level[table.index()])
}
