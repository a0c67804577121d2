//! The report's account of columns and references: which rule, and what it did.

use super::copy::Arrived;
use super::leaks::{self, Looked, Reading, holds_texts};
use super::transfer::Transfer;
use crate::anonymize::needs_key;
use crate::plan::{ColumnMasks, Plan};
use crate::profile::{LeakAction, MaskRule, MaskSpec};
use crate::report::{ColumnReport, LeakCheck, ReferenceReport, RuleReport, TableReport};
use crate::schema::{Catalog, Table};
use crate::types::{ColumnId, QualifiedName};
use crate::wording::plural;

/// The columns of a table that arrived.
pub(super) fn columns(table: &Table, masks: &[Option<ColumnMasks>], arrived: &Arrived) -> Vec<ColumnReport> {
    // Counts go by the place in the stream, which generated columns have none in.
    let mut streamed = 0..;
    let all = table.columns.iter().enumerate().map(|(at, column)| (masks[at].as_ref(), column));
    all.map(|(masks, column)| {
        let name = column.name.clone();
        let data_type = column.data_type.sql_name.clone();
        let at = if column.generated { None } else { streamed.next() };
        let Some(at) = at else {
            return ColumnReport { column: name, data_type, rule: RuleReport::generated(), ..ColumnReport::default() };
        };
        let rule = masks.map_or_else(kept, |masks| rule(&masks.member));
        let support_rule = masks.map(|masks| self::rule(&masks.support)).filter(|support| *support != rule);
        ColumnReport {
            column: name,
            data_type,
            rule,
            support_rule,
            members: arrived.masked.get(&at).cloned(),
            support: arrived.masked_support.get(&at).cloned(),
            leak_check: None,
            leaks: None,
        }
    })
    .collect()
}

/// Says of each column whether the leak check looked through it, and what it found there.
pub(super) fn tell_leaks(transfer: &Transfer, looked: &Looked, tables: &mut [TableReport]) {
    for (table, report) in transfer.catalog.tables.iter().zip(tables) {
        for column in &mut report.columns {
            let Some(id) = table.find_column(&column.column) else { continue };
            column.leak_check = Some(leak_check(transfer, looked, table, id));
            let place = format!("{}.{}", table.name, column.column);
            column.leaks = looked.report.findings.iter().find(|finding| finding.place == place).cloned();
        }
    }
}

fn leak_check(transfer: &Transfer, looked: &Looked, table: &Table, id: ColumnId) -> LeakCheck {
    let plan = &transfer.plan;
    let masks = plan.table(table.id).masks[id.index()].as_ref();
    let keeps = |masks: &ColumnMasks| [&masks.member, &masks.support].iter().any(|rule| rule.spec == MaskSpec::Keep);
    let is_allowed = [false, true].iter().all(|prose| plan.leaks.action(table.id, id, *prose) == LeakAction::Allow);
    let data_type = &table.column(id).data_type;
    let is_looked_for = [false, true].iter().any(|support| !leaks::watched(plan, table, &[id], *support).is_empty());
    match looked.check.ok {
        None => LeakCheck::Off,
        Some(_) if looked.columns.contains(&(table.id, id)) => match leaks::reading(plan, table, id) {
            Reading::Keys => LeakCheck::KeysSearched,
            Reading::Whole(_) => LeakCheck::Searched,
        },
        Some(_) if masks.is_some_and(|masks| !keeps(masks)) => match is_looked_for {
            true => LeakCheck::LookedFor,
            false => LeakCheck::Masked,
        },
        Some(_) if !holds_texts(data_type, true) => LeakCheck::NoText,
        Some(_) if is_allowed => LeakCheck::Allowed,
        Some(_) if !holds_texts(data_type, transfer.secrets.as_ref().is_some_and(|s| s.has_uuids())) => {
            LeakCheck::NoUuid
        }
        Some(_) => LeakCheck::SearchedAsKey,
    }
}

/// A remark on rules that left every value of a column as it was: more often a mistake in the profile than meant.
pub(super) fn idle_masks(tables: &[TableReport]) -> Option<String> {
    let mut idle = Vec::new();
    for table in tables {
        let name = QualifiedName::new(&table.schema, &table.table);
        for column in &table.columns {
            let rules = [
                (&column.rule, &column.members, ""),
                (column.support_rule.as_ref().unwrap_or(&column.rule), &column.support, " in support rows"),
            ];
            idle.extend(rules.into_iter().filter_map(|(rule, counts, which)| {
                let counts = counts.as_ref().filter(|counts| counts.is_idle())?;
                let values = plural(counts.values, "value");
                Some(format!("{name}.{} ({}, {values}{which})", column.column, rule.name))
            }));
        }
    }
    (!idle.is_empty()).then(|| format!("rules that left every value as it was: {}", idle.join(", ")))
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
