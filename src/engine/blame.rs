//! Which rules may be to blame for what the target says of rows, keys and indexes.

use crate::pg::entries::Entry;
use crate::pg::errors::{ServerError, violation};
use crate::plan::{self, ColumnMasks, Plan};
use crate::profile::MaskSpec;
use crate::schema::{Catalog, Reference, Table};
use crate::types::ColumnId;

/// What to do about a value that a rule cannot mask, or whose result is refused.
pub(super) const OTHER_RULE: &str = "choose another rule for the column, or exempt rows from it with `when`";

/// The rules of a column, unless it is kept.
pub(super) fn masks<'p>(plan: &'p Plan, table: &Table, id: ColumnId) -> Option<&'p ColumnMasks> {
    let of_column = plan.table(table.id).masks[id.index()].as_ref()?;
    let kept = of_column.member.spec == MaskSpec::Keep && of_column.support.spec == MaskSpec::Keep;
    (!kept).then_some(of_column)
}

/// An expression of the profile gives what stands there.
pub(super) fn is_computed(plan: &Plan, table: &Table, id: ColumnId) -> bool {
    let of_column = plan.table(table.id).masks[id.index()].as_ref();
    let is_sql = |masks: &ColumnMasks| {
        [&masks.member, &masks.support].iter().any(|rule| matches!(rule.spec.plain(), MaskSpec::Sql(_)))
    };
    of_column.is_some_and(is_sql)
}

/// `users.email (rule email), …`: those of the columns that are masked; empty where none is. A generated one may be
/// made of any.
fn told(plan: &Plan, table: &Table, columns: &[ColumnId]) -> String {
    let all: Vec<ColumnId> = (0..table.columns.len()).map(ColumnId::from_index).collect();
    let suspected = if columns.iter().any(|id| table.column(*id).generated) { &all } else { columns };
    let masked = suspected.iter().filter_map(|id| masks(plan, table, *id).map(|masks| (table.column(*id), masks)));
    let told = masked.map(|(column, masks)| match masks.member == masks.support {
        true => format!("{}.{} (rule {})", table.name, column.name, masks.member.spec.name()),
        false => {
            let (member, support) = (masks.member.spec.name(), masks.support.spec.name());
            format!("{}.{} (rules {member} and {support})", table.name, column.name)
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Of a row that the target does not store; `None` where it is no matter of values.
pub(super) fn of_row(plan: &Plan, table: &Table, error: &ServerError) -> Option<String> {
    let violated = violation(error)?;
    let all = || (0..table.columns.len()).map(ColumnId::from_index);
    let check = table.checks.iter().find(|check| Some(check.name.as_str()) == violated.constraint);
    let suspected: Vec<ColumnId> = match (check, violated.column) {
        (Some(check), _) => check.columns.clone(),
        (None, Some(column)) => table.find_column(column).into_iter().collect(),
        (None, None) if violated.constraint.is_some() => {
            all().filter(|id| table.column(*id).data_type.has_domain()).collect()
        }
        (None, None) if violated.is_check() => table.partition_key.clone(),
        (None, None) => all().collect(),
    };
    let rules = told(plan, table, &suspected);
    (!rules.is_empty()).then(|| format!("the target refuses what masks make of {rules}"))
}

/// Of an index or a constraint with one that cannot be built over the rows.
pub(super) fn of_index(plan: &Plan, table: &Table, entry: &Entry, error: &ServerError) -> Option<String> {
    violation(error)?;
    let is_meant = |index: &&crate::schema::Index| index.oid == entry.oid || index.constraint_oid == Some(entry.oid);
    let all = || (0..table.columns.len()).map(ColumnId::from_index);
    let columns: Vec<ColumnId> = match table.indexes.iter().find(is_meant) {
        Some(index) => all().filter(|id| plan::looks_at(index, table, *id)).collect(),
        // Of a partition: whichever the root's index looks at.
        None => all().filter(|id| table.indexes.iter().any(|index| plan::looks_at(index, table, *id))).collect(),
    };
    let rules = told(plan, table, &columns);
    (!rules.is_empty())
        .then(|| format!("masks may have given two rows the same: {rules}; choose other rules for them, or keep them"))
}

/// Of a foreign key that rows break; `None` where neither end is masked.
pub(super) fn of_key(catalog: &Catalog, plan: &Plan, reference: &Reference) -> Option<String> {
    let ends = [(reference.parent, &reference.parent_columns), (reference.child, &reference.child_columns)];
    let told = ends.map(|(table, columns)| told(plan, catalog.table(table), columns));
    let rules: Vec<&str> = told.iter().map(String::as_str).filter(|told| !told.is_empty()).collect();
    (!rules.is_empty()).then(|| {
        format!(
            "the key is masked, and its ends no longer meet: {}; give both columns one rule that depends on the value \
             alone, or keep both. Only where the source's own rows break the key does orphans = help: it drops rows",
            rules.join(", ")
        )
    })
}
