//! The report's account of columns and references: which rule, and what it did.

use super::copy::Arrived;
use crate::anonymize::{TallyCounts, needs_key};
use crate::plan::{ColumnMasks, Plan};
use crate::profile::{MaskRule, MaskSpec};
use crate::report::{ColumnReport, LeakReport, MaskCounts, ReferenceReport, RuleReport, TableReport};
use crate::schema::{Catalog, Table};
use crate::types::QualifiedName;

/// The columns of a table that arrived.
pub(super) fn columns(table: &Table, masks: &[Option<ColumnMasks>], arrived: &Arrived) -> Vec<ColumnReport> {
    let copied = table.copied_columns().enumerate();
    copied
        .map(|(at, (id, column))| {
            let masks = masks[id.index()].as_ref();
            let rule = masks.map_or_else(kept, |masks| rule(&masks.member));
            let support_rule = masks.map(|masks| self::rule(&masks.support)).filter(|support| *support != rule);
            ColumnReport {
                column: column.name.clone(),
                data_type: column.data_type.sql_name.clone(),
                rule,
                support_rule,
                members: counts(&arrived.masked, at),
                support: counts(&arrived.masked_support, at),
                leaks: None,
            }
        })
        .collect()
}

/// Puts what the leak check found beside the columns that it was found in.
pub(super) fn tell_leaks(tables: &mut [TableReport], leaks: &LeakReport) {
    for table in tables {
        let name = QualifiedName::new(&table.schema, &table.table);
        for column in &mut table.columns {
            let place = format!("{name}.{}", column.column);
            column.leaks = leaks.findings.iter().find(|finding| finding.place == place).cloned();
        }
    }
}

fn kept() -> RuleReport {
    RuleReport { name: MaskSpec::Keep.name().to_owned(), ..RuleReport::default() }
}

fn rule(rule: &MaskRule) -> RuleReport {
    let name = rule.spec.name();
    let parameters = rule.spec.parameters().into_iter();
    RuleReport {
        name: name.to_owned(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value)).collect(),
        domain: needs_key([rule]).then(|| rule.domain.clone().unwrap_or_else(|| name.to_owned())),
    }
}

fn counts(all: &[TallyCounts], at: usize) -> Option<MaskCounts> {
    let counts = all.iter().find(|counts| counts.at == at)?;
    Some(MaskCounts {
        values: counts.values,
        nulls: counts.nulls,
        emptied: counts.emptied,
        unchanged: counts.unchanged,
        distinct_before: counts.distinct_before,
        distinct_after: counts.distinct_after,
        estimated_before: counts.estimated_before,
        estimated_after: counts.estimated_after,
    })
}

/// References between tables that bring rows.
pub(super) fn references(catalog: &Catalog, plan: &Plan) -> Vec<ReferenceReport> {
    let both = catalog.references.iter().filter(|r| plan.brings_rows(r.child) && plan.brings_rows(r.parent));
    both.map(|reference| {
        let child = catalog.table(reference.child);
        ReferenceReport {
            name: reference.name.clone(),
            child: reference.child.index(),
            columns: reference.child_columns.iter().map(|id| child.column(*id).name.clone()).collect(),
            parent: reference.parent.index(),
            mode: plan.reference(reference.id).mode.name().to_owned(),
        }
    })
    .collect()
}
