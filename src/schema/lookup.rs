//! Questions to the catalog that more than one stage asks.

use super::{Catalog, Column, Index, Reference, Table, TypeClass, UniqueKey};
use crate::types::{ColumnId, QualifiedName, RefId, TableId};

impl Catalog {
    /// The table of that id.
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.index()]
    }

    /// The reference of that id.
    pub fn reference(&self, id: RefId) -> &Reference {
        &self.references[id.index()]
    }

    /// Finds a table by `name` (schema public) or `schema.name`, as profiles write it.
    pub fn find_table(&self, written: &str) -> Option<TableId> {
        let exact = |schema: &str, name: &str| {
            self.tables.iter().find(|t| t.name.schema == schema && t.name.name == name).map(|t| t.id)
        };
        exact("public", written)
            .or_else(|| written.match_indices('.').find_map(|(at, _)| exact(&written[..at], &written[at + 1..])))
    }

    /// The table that has a leaf partition of that name, written as for [`Self::find_table`].
    pub fn table_of_partition(&self, written: &str) -> Option<&Table> {
        let is_named = |name: &QualifiedName| {
            (name.schema == "public" && name.name == written) || format!("{}.{}", name.schema, name.name) == written
        };
        self.tables.iter().find(|table| table.leaves.iter().any(|leaf| is_named(&leaf.name)))
    }

    /// Names of all tables, for "did you mean".
    pub fn table_names(&self) -> impl Iterator<Item = &QualifiedName> {
        self.tables.iter().map(|table| &table.name)
    }

    /// References whose child is `table`.
    pub fn references_of(&self, table: TableId) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.child == table)
    }

    /// References whose parent is `table`.
    pub fn references_to(&self, table: TableId) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.parent == table)
    }

    /// `posts.owner_id -> users.id`, for people.
    pub fn describe(&self, reference: &Reference) -> String {
        let list = |table: &Table, columns: &[ColumnId]| {
            let names: Vec<_> = columns.iter().map(|c| table.column(*c).name.as_str()).collect();
            if names.len() == 1 {
                format!("{}.{}", table.name, names[0])
            } else {
                format!("{}.({})", table.name, names.join(", "))
            }
        };
        format!(
            "{} -> {}",
            list(self.table(reference.child), &reference.child_columns),
            list(self.table(reference.parent), &reference.parent_columns)
        )
    }

    /// Pairs of the reference's columns, the child's first.
    pub fn column_pairs<'a>(&'a self, reference: &'a Reference) -> impl Iterator<Item = (&'a Column, &'a Column)> {
        let (child, parent) = (self.table(reference.child), self.table(reference.parent));
        let pairs = reference.child_columns.iter().zip(&reference.parent_columns);
        pairs.map(|(c, p)| (child.column(*c), parent.column(*p)))
    }

    /// Equal keys of the reference need not be equal bytes: only the server can tell which parent a row names.
    pub fn compares_loosely(&self, reference: &Reference) -> bool {
        self.column_pairs(reference).any(|(c, p)| is_loose_pair(c, p, reference.array))
    }

    /// Every child column of the reference is NOT NULL, so that it cannot be absent.
    pub fn is_required(&self, reference: &Reference) -> bool {
        let child = self.table(reference.child);
        reference.condition.is_none()
            && !reference.array
            && reference.child_columns.iter().all(|column| child.column(*column).not_null)
    }
}

/// Equal values of the two columns of a reference need not be equal bytes.
pub fn is_loose_pair(child: &Column, parent: &Column, array: bool) -> bool {
    let (c, p) = (&child.data_type, &parent.data_type);
    // 2024-01-01 and its midnight.
    let are_moments = c.class != p.class && c.class.is_moment() && p.class.is_moment();
    let spelled = match array {
        // Elements of an extension's type are taken by their text.
        true => p.has_equal_spellings() && p.class != TypeClass::Other,
        false => c.has_equal_spellings() || p.has_equal_spellings() || are_moments,
    };
    spelled || child.loose_collation.is_some() || parent.loose_collation.is_some()
}

impl Table {
    /// The column of that id.
    pub fn column(&self, id: ColumnId) -> &Column {
        &self.columns[id.index()]
    }

    /// Finds a column by name.
    pub fn find_column(&self, name: &str) -> Option<ColumnId> {
        self.columns.iter().position(|column| column.name == name).map(ColumnId::from_index)
    }

    /// Columns that are copied: all but generated ones.
    pub fn copied_columns(&self) -> impl Iterator<Item = (ColumnId, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !column.generated)
            .map(|(index, column)| (ColumnId::from_index(index), column))
    }

    /// The primary key, if any.
    pub fn primary_key(&self) -> Option<&UniqueKey> {
        self.unique_keys.first().filter(|key| key.primary)
    }

    /// The key rows are known by: the primary key, else the first unique key of NOT NULL columns.
    pub fn identity_key(&self) -> Option<&UniqueKey> {
        self.primary_key().or_else(|| {
            self.unique_keys.iter().find(|key| key.columns.iter().all(|column| self.column(*column).not_null))
        })
    }

    /// Some index has exactly these columns as its leading ones, in any order, and is not partial.
    pub fn has_index_on(&self, columns: &[ColumnId]) -> bool {
        self.indexes.iter().any(|index| {
            !index.partial
                && index.columns.len() >= columns.len()
                && index.columns[..columns.len()].iter().all(|c| c.is_some_and(|c| columns.contains(&c)))
        })
    }
}

impl Index {
    /// It serves an EXCLUDE constraint.
    pub fn excludes(&self) -> bool {
        self.constraint_oid.is_some() && !self.unique
    }
}
