//! `[leaks]`, bound to the schema.

use std::collections::HashMap;

use super::make::{column_names, did_you_mean, is_left_out, table_names};
use super::modes::profile_error;
use crate::error::Result;
use crate::profile::{LeakAction, LeakRules, Profile};
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

/// # Errors
/// `Profile` for columns that do not exist or cannot be scrubbed.
pub(super) fn bind(catalog: &Catalog, profile: &Profile) -> Result<LeakPlan> {
    let mut columns = HashMap::new();
    for (written, action) in &profile.leaks.columns {
        let key = format!("leaks.columns.{written:?}");
        let Some((table_name, name)) = written.rsplit_once('.') else { continue };
        if is_left_out(catalog, table_name) {
            continue;
        }
        let table = catalog.find_table(table_name).map(|id| catalog.table(id)).ok_or_else(|| {
            let hint = did_you_mean(table_name, &table_names(catalog));
            profile_error(profile, format!("{key}: the source has no table {table_name:?}{hint}"))
        })?;
        let column = table.find_column(name).ok_or_else(|| {
            let hint = did_you_mean(name, &column_names(table));
            profile_error(profile, format!("{key}: {} has no column {name:?}{hint}", table.name))
        })?;
        let class = table.column(column).data_type.class;
        if *action == LeakAction::Scrub && (table.column(column).generated || !can_be_scrubbed(class)) {
            return Err(profile_error(
                profile,
                format!("{key}: a column of type {} cannot be scrubbed", table.column(column).data_type.sql_name),
            ));
        }
        columns.insert((table.id, column), *action);
    }
    Ok(LeakPlan { rules: profile.leaks.clone(), columns })
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

    /// Its values are looked for (a masked column), or it is looked through (a kept one).
    pub fn minds(&self, table: TableId, column: ColumnId) -> bool {
        self.columns.get(&(table, column)) != Some(&LeakAction::Allow)
    }
}

/// A text with other letters in it is still one of the type.
pub fn can_be_scrubbed(class: TypeClass) -> bool {
    class.is_text() || matches!(class, TypeClass::Json | TypeClass::Jsonb | TypeClass::Array)
}
