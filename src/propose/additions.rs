//! Proposals for single tables and columns, for a profile that is there already.

use super::columns::Known;
use super::{columns, ownership};
use crate::detect::Looked;
use crate::schema::Catalog;
use crate::types::{ColumnId, TableId};

/// Judges single tables and columns of a catalog.
pub struct Additions<'a> {
    catalog: &'a Catalog,
    proposals: Vec<ownership::Proposal>,
    lookup: Vec<bool>,
}

impl<'a> Additions<'a> {
    /// Where the root is not known, no table belongs to it.
    pub fn new(catalog: &'a Catalog, root: Option<TableId>) -> Self {
        let owned = match root {
            Some(root) => ownership::ownership(catalog, root),
            None => vec![ownership::Ownership::Apart; catalog.tables.len()],
        };
        let proposals: Vec<ownership::Proposal> =
            catalog.tables.iter().map(|table| ownership::propose(catalog, &owned, table.id)).collect();
        let lookup = proposals.iter().map(|proposal| proposal.lookup).collect();
        Self { catalog, proposals, lookup }
    }

    /// A rule as TOML, and why.
    pub fn column(&self, table: TableId, column: ColumnId) -> (String, String) {
        let proposed =
            columns::propose(self.catalog, table, column, Known { lookup: &self.lookup, looked: &Looked::default() });
        (proposed.rule, proposed.reason.to_string())
    }

    /// What `rows` could be, where references do not settle it, and why.
    pub fn rows(&self, table: TableId) -> (Option<&'static str>, String) {
        let proposal = &self.proposals[table.index()];
        (proposal.rows, proposal.reason.clone())
    }

    /// The name by which a profile finds the table.
    pub fn name(&self, table: TableId) -> Option<String> {
        super::written_name(self.catalog, self.catalog.table(table))
    }
}
