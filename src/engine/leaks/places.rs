//! Which columns give values, which are looked through, and what a finding does there.

use super::{At, Place};
use crate::leaks::{Finding, Kind, Secrets, Watched};
use crate::plan::{ColumnMasks, Plan, can_be_scrubbed};
use crate::profile::{LeakAction, MaskSpec, Orphans};
use crate::schema::{Catalog, ColumnType, Reference, Table, TypeClass};
use crate::types::{ColumnId, TableId};

/// Columns that take no more characters hold names and codes, no running text.
const PROSE_MIN_CHARS: u32 = 256;

/// An empty store of fingerprints; `None` where no masked column gives any, or the profile allows everything.
pub(in crate::engine) fn secrets(catalog: &Catalog, plan: &Plan) -> Option<Secrets> {
    if plan.leaks.is_off() {
        return None;
    }
    let gives = |table: &Table| {
        let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).collect();
        [false, true].into_iter().any(|support| !watched(plan, table, &columns, support).is_empty())
    };
    let mut tables = catalog.tables.iter().filter(|table| plan.brings_rows(table.id));
    tables.any(gives).then(|| Secrets::new(&plan.leaks.rules.allow))
}

/// Of a column alone.
pub(in crate::engine) fn number(table: &Table, id: ColumnId) -> u64 {
    (table.id.index() as u64) << 32 | id.index() as u64
}

/// Masked columns among `columns` whose values are looked for, with their positions.
pub(in crate::engine) fn watched(
    plan: &Plan,
    table: &Table,
    columns: &[ColumnId],
    support: bool,
) -> Vec<(usize, Watched)> {
    let masks = &plan.table(table.id).masks;
    let watch = |(at, id): (usize, &ColumnId)| {
        let of_column = masks[id.index()].as_ref().filter(|_| plan.leaks.minds(table.id, *id))?;
        let rule = if support { &of_column.support } else { &of_column.member };
        Watched::of(table.column(*id), rule, number(table, *id)).map(|watched| (at, watched))
    };
    columns.iter().enumerate().filter_map(watch).collect()
}

/// A kept column whose values may stand anywhere, for these rows.
pub(super) fn public(plan: &Plan, table: &Table, id: ColumnId, support: bool) -> Option<Watched> {
    let of_column = plan.table(table.id).masks[id.index()].as_ref().filter(|_| !plan.leaks.minds(table.id, id))?;
    let rule = if support { &of_column.support } else { &of_column.member };
    if rule.spec == MaskSpec::Keep { Watched::public(table.column(id), number(table, id)) } else { None }
}

fn of_either(masks: &ColumnMasks, holds: impl Fn(&MaskSpec) -> bool) -> bool {
    holds(&masks.member.spec) || holds(&masks.support.spec)
}

/// What of a column's texts is looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Reading {
    /// All of it.
    Whole(Kind),
    /// The keys of a document, of which rules mask every value: those may well be what another value was.
    Keys,
}

/// How a column is read that is looked through.
pub(in crate::engine) fn reading(plan: &Plan, table: &Table, id: ColumnId) -> Reading {
    let data_type = &table.column(id).data_type;
    let is_masked = |masks: &&ColumnMasks| !of_either(masks, MaskSpec::may_leave_source);
    // Documents within arrays, composites and other documents are not taken apart.
    let is_flat = |spec: &MaskSpec| {
        !spec.keeps_keys()
            || matches!(spec.plain(), MaskSpec::Json { .. } | MaskSpec::Hstore { .. })
                && data_type.class != TypeClass::Array
                && !spec.rules_inside().iter().any(|rule| rule.spec.keeps_keys())
    };
    match plan.table(table.id).masks[id.index()].as_ref().filter(is_masked) {
        Some(masks) if is_flat(&masks.member.spec) && is_flat(&masks.support.spec) => Reading::Keys,
        _ if data_type.class == TypeClass::Uuid => Reading::Whole(Kind::Uuid),
        _ => Reading::Whole(Kind::Plain),
    }
}

/// Columns of a table that are looked through: kept for members or support rows, as a whole or in part, the keys of
/// masked documents among them, or generated; able to hold texts; and no copies of such columns.
pub(super) fn kept(catalog: &Catalog, plan: &Plan, table: &Table, has_uuids: bool) -> Vec<ColumnId> {
    let is_looked_at = |table: &Table, id: ColumnId| {
        let may_leave = match &plan.table(table.id).masks[id.index()] {
            Some(masks) => of_either(masks, |spec| spec.may_leave_source() || spec.keeps_keys()),
            None => table.column(id).generated,
        };
        may_leave && plan.leaks.minds(table.id, id) && holds_texts(&table.column(id).data_type, has_uuids)
    };
    let is_copy = |id: ColumnId| {
        parent_column(catalog, plan, table.id, id).is_some_and(|(parent, key)| {
            let is_stated = |table, id| plan.leaks.columns.contains_key(&(table, id));
            plan.brings_rows(parent)
                && is_looked_at(catalog.table(parent), key)
                && !is_stated(table.id, id)
                && !is_stated(parent, key)
                && plan.leaks.rules.default != LeakAction::Scrub
                && parent_column(catalog, plan, parent, key).is_none()
        })
    };
    (0..table.columns.len()).map(ColumnId::from_index).filter(|id| is_looked_at(table, *id) && !is_copy(*id)).collect()
}

/// Of these columns, those that are looked through and may hold few different texts, with their positions.
pub(in crate::engine) fn may_be_few(
    catalog: &Catalog,
    plan: &Plan,
    table: &Table,
    columns: &[ColumnId],
) -> impl Iterator<Item = (usize, ColumnId)> {
    let kept = kept(catalog, plan, table, false).into_iter();
    let texts = kept.filter(|id| table.column(*id).data_type.class.is_text());
    texts.filter_map(|id| columns.iter().position(|column| *column == id).map(|at| (at, id)))
}

/// Where each value of a column stands, too, once foreign keys are proved.
fn parent_column(catalog: &Catalog, plan: &Plan, table: TableId, id: ColumnId) -> Option<(TableId, ColumnId)> {
    let holds = |reference: &&Reference| {
        let of_all = reference.foreign_key.as_ref().is_some_and(|key| key.on == catalog.table(table).name);
        reference.child == table
            && reference.child_columns == [id]
            && of_all
            && reference.validated
            // Of these the landed key stays NOT VALID: orphans stand in no parent.
            && plan.reference(reference.id).orphans != Orphans::Keep
            && reference.condition.is_none()
            && !reference.temporal
    };
    catalog.references.iter().find(holds).map(|reference| (reference.parent, reference.parent_columns[0]))
}

/// Values of masked columns could stand there; uuids only if some of these are uuids themselves.
pub(in crate::engine) fn holds_texts(data_type: &ColumnType, has_uuids: bool) -> bool {
    use TypeClass as C;
    match data_type.class {
        C::Uuid => has_uuids,
        // A type without known parts may hold anything.
        C::Array | C::Composite if !data_type.inside.is_empty() => {
            data_type.inside.iter().any(|(_, part)| holds_texts(part, has_uuids))
        }
        class => {
            class.is_text()
                || matches!(class, C::Json | C::Jsonb | C::Xml | C::Bytea | C::Inet | C::Cidr | C::Macaddr)
                || matches!(class, C::Array | C::Composite | C::Range | C::Tsvector | C::Other)
        }
    }
}

/// Something may come of a finding there: else nobody need look a second time.
pub(super) fn is_minded(plan: &Plan, at: &At) -> bool {
    let leaks = &plan.leaks;
    let actions = match at {
        At::Definition(_) => [leaks.rules.definitions; 2],
        At::Comment(_) => [leaks.rules.prose; 2],
        At::Column(table, id) => [false, true].map(|is_prose| leaks.action(*table, *id, is_prose)),
    };
    actions.iter().any(|action| *action != LeakAction::Allow)
}

/// A rule that may leave parts of a value, or some values, is at work there.
pub(super) fn is_masked_in_part(plan: &Plan, at: &At) -> bool {
    let At::Column(table, id) = at else { return false };
    let masks = &plan.table(*table).masks[id.index()];
    masks.as_ref().is_some_and(|masks| masks.member.spec != MaskSpec::Keep && masks.support.spec != MaskSpec::Keep)
}

/// What a finding does.
pub(super) fn action(catalog: &Catalog, plan: &Plan, place: &Place, finding: Finding) -> LeakAction {
    let rules = &plan.leaks.rules;
    let action = match &place.at {
        At::Definition(_) => rules.definitions,
        At::Comment(_) if rules.prose == LeakAction::Scrub => LeakAction::Warn,
        At::Comment(_) => rules.prose,
        At::Column(table, id) => {
            let column = catalog.table(*table).column(*id);
            let wide = column.data_type.max_chars.is_none_or(|chars| chars >= PROSE_MIN_CHARS);
            let is_prose = column.data_type.class.is_text() && wide && place.suspects.is_running_text(finding.whole);
            let action = plan.leaks.action(*table, *id, is_prose);
            let is_stated = plan.leaks.columns.contains_key(&(*table, *id));
            match action {
                // It may be made of masked values, and a mask may well give what somebody else is called.
                LeakAction::Fail | LeakAction::Scrub if column.generated && !is_stated => LeakAction::Warn,
                LeakAction::Scrub if !can_be_scrubbed(&column.data_type) => LeakAction::Fail,
                action => action,
            }
        }
    };
    let is_weak = finding.values == 0 && finding.untold == 0;
    if action == LeakAction::Fail && is_weak { LeakAction::Warn } else { action }
}

pub(super) fn name(catalog: &Catalog, at: &At) -> String {
    match at {
        At::Column(table, id) => {
            let table = catalog.table(*table);
            format!("{}.{}", table.name, table.column(*id).name)
        }
        At::Definition(name) => name.clone(),
        At::Comment(name) => format!("a comment ({name})"),
    }
}
