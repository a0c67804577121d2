//! What a database gained and lost since its profile was written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::anonymize::Mask;
use crate::digest::MaskKey;
use crate::profile::{ColumnRule, Profile, RowsRule};
use crate::propose::Additions;
use crate::schema::{Catalog, Column, Table};
use crate::types::TableId;

/// Everything in which profile and catalog have parted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Tables that the profile does not mention.
    pub gained_tables: Vec<GainedTable>,
    /// Columns without a rule, of tables that the profile mentions.
    pub gained_columns: Vec<GainedColumn>,
    /// Tables of the profile that are no more, as it writes them.
    pub lost_tables: Vec<String>,
    /// Those of them that are partitions, whose table's rules count.
    pub partitions: Vec<Partition>,
    /// Columns of the profile that are no more.
    pub lost_columns: Vec<LostColumn>,
    /// Rules that their columns' types do not take (any more).
    pub unsuited: Vec<Unsuited>,
}

/// A table that the profile does not mention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GainedTable {
    /// As a profile writes it.
    pub table: String,
    /// What `rows` could be, where references do not settle it.
    pub rows: Option<&'static str>,
    /// Why.
    pub reason: String,
    /// All that is copied.
    pub columns: Vec<GainedColumn>,
}

/// A column without a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GainedColumn {
    /// As a profile writes it.
    pub table: String,
    /// Name.
    pub column: String,
    /// Type, as SQL writes it.
    pub data_type: String,
    /// A rule that could do, as TOML.
    pub proposed: String,
    /// Why.
    pub reason: String,
}

/// A partition that the profile names as a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// As the profile writes it.
    pub table: String,
    /// The table it belongs to.
    pub of: String,
}

/// A column that is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostColumn {
    /// As the profile writes it.
    pub table: String,
    /// Name.
    pub column: String,
}

/// A rule that its column's type does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsuited {
    /// As the profile writes it.
    pub table: String,
    /// Name.
    pub column: String,
    /// Type, as SQL writes it.
    pub data_type: String,
    /// Why not.
    pub reason: String,
}

impl Drift {
    /// Profile and database fit.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Compares. Virtual references of the profile should be in the catalog already: proposals follow references.
pub fn drift(catalog: &Catalog, profile: &Profile) -> Drift {
    let mut drift = Drift::default();
    let root = catalog.find_table(&profile.sample.root);
    let additions = Additions::new(catalog, root);
    for table in &catalog.tables {
        gained(&mut drift, catalog, profile, &additions, table);
    }
    lost(&mut drift, catalog, profile);
    unsuited(&mut drift, catalog, profile);
    drift
}

/// The names under which the profile has sections for this table: `users` and `public.users` may both be there.
fn written_as<'p, T>(
    catalog: &Catalog,
    sections: &'p BTreeMap<String, T>,
    id: TableId,
) -> impl Iterator<Item = (&'p String, &'p T)> {
    sections.iter().filter(move |(written, _)| catalog.find_table(written) == Some(id))
}

fn gained(drift: &mut Drift, catalog: &Catalog, profile: &Profile, additions: &Additions<'_>, table: &Table) {
    let in_tables = || written_as(catalog, &profile.tables, table.id);
    let in_columns = || written_as(catalog, &profile.columns, table.id);
    if in_tables().any(|(_, rules)| rules.rows == Some(RowsRule::None)) {
        return;
    }
    let mentioned = in_columns().map(|(name, _)| name).chain(in_tables().map(|(name, _)| name)).next();
    // A table that no name leads to cannot be decided; `check` tells.
    let Some(name) = mentioned.cloned().or_else(|| additions.name(table.id)) else { return };
    let missing = |column: &&Column| !in_columns().any(|(_, rules)| rules.contains_key(&column.name));
    let columns: Vec<GainedColumn> = table
        .copied_columns()
        .filter(|(_, column)| missing(column))
        .map(|(id, column)| {
            let (proposed, reason) = additions.column(table.id, id);
            let data_type = column.data_type.sql_name.clone();
            GainedColumn { table: name.clone(), column: column.name.clone(), data_type, proposed, reason }
        })
        .collect();
    let is_root = catalog.find_table(&profile.sample.root) == Some(table.id);
    if mentioned.is_some() || is_root {
        drift.gained_columns.extend(columns);
    } else {
        let (rows, reason) = additions.rows(table.id);
        drift.gained_tables.push(GainedTable { table: name, rows, reason, columns });
    }
}

fn lost(drift: &mut Drift, catalog: &Catalog, profile: &Profile) {
    let left_out = |written: &str| {
        catalog
            .left_out
            .iter()
            .any(|name| name.to_string() == written || format!("{}.{}", name.schema, name.name) == written)
    };
    let is_lost = |written: &String| catalog.find_table(written).is_none() && !left_out(written);
    drift.lost_tables =
        profile.tables.keys().chain(profile.columns.keys()).filter(|name| is_lost(name)).cloned().collect();
    drift.lost_tables.sort();
    drift.lost_tables.dedup();
    let partition = |name: &String| {
        let of = catalog.table_of_partition(name)?.name.to_string();
        Some(Partition { table: name.clone(), of })
    };
    drift.partitions = drift.lost_tables.iter().filter_map(partition).collect();
    for (table, rules) in &profile.columns {
        let Some(id) = catalog.find_table(table) else { continue };
        let lost = rules.keys().filter(|column| catalog.table(id).find_column(column).is_none());
        drift.lost_columns.extend(lost.map(|column| LostColumn { table: table.clone(), column: column.clone() }));
    }
}

fn unsuited(drift: &mut Drift, catalog: &Catalog, profile: &Profile) {
    // Whether a rule suits its column does not depend on the secret, so any will do.
    let key = MaskKey::from_secret("only to ask which rules suit their columns").ok();
    for (name, rules) in &profile.columns {
        let Some(table) = catalog.find_table(name).map(|id| catalog.table(id)) else { continue };
        for (column, rule) in rules {
            let (Some(id), ColumnRule::Decided { member, support }) = (table.find_column(column), rule) else {
                continue;
            };
            let faults = [Some(member), support.as_ref()].into_iter().flatten();
            let fault = faults.filter_map(|rule| Mask::compile(rule, table, id, key.as_ref()).err()).next();
            drift.unsuited.extend(fault.map(|error| Unsuited {
                table: name.clone(),
                column: column.clone(),
                data_type: table.column(id).data_type.sql_name.clone(),
                reason: error.action().to_owned(),
            }));
        }
    }
}
