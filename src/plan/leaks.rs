//! `[leaks]`, bound to the schema.

use std::collections::HashMap;

use super::findings::Findings;
use super::names::{is_left_out, no_column, no_table};
use crate::profile::{LeakAction, LeakRules, ProblemKind, Profile};
use crate::schema::{Catalog, Table, TypeClass};
use crate::types::{ColumnId, TableId};

/// What becomes of values of masked columns that stand in what was kept.
#[derive(Clone, Debug, Default)]
pub struct LeakPlan {
    /// For columns that nothing is said of.
    pub rules: LeakRules,
    /// For those that the profile names.
    pub columns: HashMap<(TableId, ColumnId), LeakAction>,
}

/// Binds the rules by column; what does not exist or cannot be scrubbed is told.
pub(super) fn bind(catalog: &Catalog, profile: &Profile, findings: &mut Findings<'_>) -> LeakPlan {
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
        if *action == LeakAction::Scrub && (table.column(column).generated || !can_be_scrubbed(data_type.class)) {
            let what = format!("a column of type {} cannot be scrubbed", data_type.sql_name);
            findings.value(ProblemKind::Profile, &path, what);
        }
        columns.insert((table.id, column), *action);
    }
    LeakPlan { rules: profile.leaks.clone(), columns }
}

impl LeakPlan {
    /// What a finding in a kept column does.
    pub fn action(&self, table: TableId, column: ColumnId, is_prose: bool) -> LeakAction {
        let usual = if is_prose { self.rules.prose } else { self.rules.default };
        self.columns.get(&(table, column)).copied().unwrap_or(usual)
    }

    /// A finding in it may be crossed out.
    pub fn may_scrub(&self, table: &Table, column: ColumnId) -> bool {
        let of = table.column(column);
        let usual = self.rules.default == LeakAction::Scrub || self.rules.prose == LeakAction::Scrub;
        let stated = self.columns.get(&(table.id, column)).map(|action| *action == LeakAction::Scrub);
        stated.unwrap_or(usual && !of.generated && can_be_scrubbed(of.data_type.class))
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

/// A text with other letters in it is still one of the type.
pub fn can_be_scrubbed(class: TypeClass) -> bool {
    class.is_text() || matches!(class, TypeClass::Json | TypeClass::Jsonb | TypeClass::Array)
}
