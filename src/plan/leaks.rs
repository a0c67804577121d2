//! `[leaks]`, bound to the schema.

use std::collections::{HashMap, HashSet};

use super::findings::Findings;
use super::index_text::{counts_letters_only, mentions};
use super::names::{is_left_out, no_column, no_table};
use super::unique::{is_exclusion, looks_at};
use crate::profile::{LeakAction, LeakRules, ProblemKind, Profile};
use crate::schema::{Catalog, Check, ColumnType, Table, TypeClass};
use crate::types::{ColumnId, TableId};

/// What becomes of values of masked columns that stand in what was kept.
#[derive(Clone, Debug, Default)]
pub struct LeakPlan {
    /// For columns that nothing is said of.
    pub rules: LeakRules,
    /// For those that the profile names.
    pub columns: HashMap<(TableId, ColumnId), LeakAction>,
    /// Columns whose values something else rests on: what would be scrubbed by default fails there.
    pub fixed: HashSet<(TableId, ColumnId)>,
}

/// Binds the rules by column; what does not exist or cannot be scrubbed is told.
pub(super) fn bind(
    catalog: &Catalog,
    profile: &Profile,
    brings: impl Fn(TableId) -> bool,
    findings: &mut Findings<'_>,
) -> LeakPlan {
    let mut columns = HashMap::new();
    for (written, action) in &profile.leaks.columns {
        let path = ["leaks", "columns", written.as_str()];
        let Some((table_name, name)) = written.rsplit_once('.') else { continue };
        if is_left_out(catalog, table_name) {
            continue;
        }
        let Some(table) = catalog.find_table(table_name).map(|id| catalog.table(id)) else {
            findings.key(ProblemKind::Profile, &path, no_table(catalog, table_name));
            continue;
        };
        let Some(column) = table.find_column(name) else {
            findings.key(ProblemKind::Profile, &path, no_column(table, name));
            continue;
        };
        let data_type = &table.column(column).data_type;
        if *action == LeakAction::Scrub && (table.column(column).generated || !can_be_scrubbed(data_type)) {
            let what = format!("a column of type {} cannot be scrubbed", data_type.sql_name);
            findings.value(ProblemKind::Profile, &path, what);
        } else if *action == LeakAction::Scrub
            && let Some(rests) = what_rests_on(catalog, table, column, &brings)
        {
            let what = format!("cannot be scrubbed: other letters in it could break {rests}; say \"fail\" or \"warn\"");
            findings.value(ProblemKind::Plan, &path, what);
        }
        columns.insert((table.id, column), *action);
    }
    let all = catalog.tables.iter().filter(|table| brings(table.id));
    let all = all.flat_map(|table| table.copied_columns().map(move |(id, _)| (table, id)));
    let fixed = all.filter(|(table, id)| what_rests_on(catalog, table, *id, &brings).is_some());
    let fixed = fixed.map(|(table, id)| (table.id, id)).collect();
    LeakPlan { rules: profile.leaks.clone(), columns, fixed }
}

/// What a row whose text has other letters could break: its UPDATE, or a foreign key afterwards.
fn what_rests_on(catalog: &Catalog, table: &Table, id: ColumnId, brings: &impl Fn(TableId) -> bool) -> Option<String> {
    let column = table.column(id);
    let index = table.indexes.iter().find(|index| (index.unique || is_exclusion(index)) && looks_at(index, table, id));
    if let Some(index) = index {
        return Some(format!("the unique index {}", index.name));
    }
    let refers = |(at, columns): (TableId, &Vec<ColumnId>)| at == table.id && columns.contains(&id);
    let reference = catalog.references.iter().filter(|r| brings(r.child) && brings(r.parent)).find(|reference| {
        refers((reference.child, &reference.child_columns)) || refers((reference.parent, &reference.parent_columns))
    });
    if let Some(reference) = reference {
        return Some(format!("the reference {}", catalog.describe(reference)));
    }
    let matters = |check: &&Check| {
        check.columns.contains(&id)
            && check.definition != Check::NOT_NULL
            && !counts_letters_only(&check.definition, &column.name)
    };
    if let Some(check) = table.checks.iter().find(matters) {
        return Some(format!("the CHECK {}", check.name));
    }
    let elements = column.data_type.inside.iter().map(|(_, element)| element);
    let breaks = |check: &String| mentions(check, "VALUE") && !counts_letters_only(check, "VALUE");
    let mut domains = [&column.data_type].into_iter().chain(elements);
    if let Some(domain) = domains.find(|domain| domain.domain_checks.iter().any(breaks)) {
        return Some(format!("the CHECK of the domain {}", domain.sql_name));
    }
    table.partition_key.contains(&id).then(|| "the partition key".to_owned())
}

impl LeakPlan {
    /// What a finding in a kept column does.
    pub fn action(&self, table: TableId, column: ColumnId, is_prose: bool) -> LeakAction {
        let usual = match if is_prose { self.rules.prose } else { self.rules.default } {
            LeakAction::Scrub if self.fixed.contains(&(table, column)) => LeakAction::Fail,
            usual => usual,
        };
        self.columns.get(&(table, column)).copied().unwrap_or(usual)
    }

    /// A finding in it may be crossed out.
    pub fn may_scrub(&self, table: &Table, column: ColumnId) -> bool {
        let of = table.column(column);
        let usual = self.rules.default == LeakAction::Scrub || self.rules.prose == LeakAction::Scrub;
        let stated = self.columns.get(&(table.id, column)).map(|action| *action == LeakAction::Scrub);
        let can_be = !of.generated && can_be_scrubbed(&of.data_type) && !self.fixed.contains(&(table.id, column));
        stated.unwrap_or(usual && can_be)
    }

    /// The profile allows everything everywhere: nothing is looked for.
    pub fn is_off(&self) -> bool {
        let usual = [self.rules.default, self.rules.prose, self.rules.definitions];
        usual.iter().chain(self.columns.values()).all(|action| *action == LeakAction::Allow)
    }

    /// Its values are looked for (a masked column), or it is looked through (a kept one).
    pub fn minds(&self, table: TableId, column: ColumnId) -> bool {
        self.columns.get(&(table, column)) != Some(&LeakAction::Allow)
    }
}

/// A text with other letters in it is still one of the type. Documents in an array are written with escapes within
/// escapes, which would not stay whole.
pub fn can_be_scrubbed(data_type: &ColumnType) -> bool {
    let holds_texts = || data_type.inside.iter().all(|(_, element)| element.class.is_text());
    match data_type.class {
        TypeClass::Json | TypeClass::Jsonb => true,
        TypeClass::Array => !data_type.inside.is_empty() && holds_texts(),
        class => class.is_text(),
    }
}
