//! Rows that cannot come in any way: the root rows that `never` bars, rows that refer to a table without rows and
//! cannot do without it, and rows that cannot do without such a row.

use super::canonical::{
    canonical_as, canonical_text, canonical_type, cast_name, compares_as_it_is, in_list, lists_as_text,
};
use super::{Members, plain_source};
use crate::pg::quote::column;
use crate::plan::ReferenceMode;
use crate::schema::{ColumnType, Reference};
use crate::types::{RefId, TableId};

impl Members<'_> {
    /// Condition on members: none of what `within` does not already ask of a row's parents bars it.
    pub(super) fn not_barred(&self, table: TableId, alias: &str) -> Option<String> {
        let parts =
            self.reasons(table, alias, 0, &|reference| self.plan.reference(reference.id).mode != ReferenceMode::Within);
        (!parts.is_empty()).then(|| format!("({}) IS NOT TRUE", parts.join(" OR ")))
    }

    /// Condition on a table's own rows, possibly NULL: the row is barred. `None`: none can be.
    pub fn barred_rows(&self, table: TableId, alias: &str) -> Option<String> {
        self.barred_but_for(table, alias, &[])
    }

    /// As [`barred_rows`](Self::barred_rows), without what lies behind some references.
    pub fn barred_but_for(&self, table: TableId, alias: &str, skipped: &[RefId]) -> Option<String> {
        self.barred(table, alias, 0, &|reference| !skipped.contains(&reference.id))
    }

    fn barred(&self, table: TableId, alias: &str, depth: usize, counts: &dyn Fn(&Reference) -> bool) -> Option<String> {
        if !self.chosen.barrable[table.index()] {
            return None;
        }
        let mut parts = Vec::new();
        if table == self.plan.root && !self.chosen.never.is_empty() {
            let columns: Vec<String> =
                self.plan.draw.key.iter().map(|c| column(self.catalog, table, *c, alias)).collect();
            parts.push(in_list(&self.draw_key_pairs(&columns), &self.chosen.never));
        }
        parts.extend(self.reasons(table, alias, depth, counts));
        (!parts.is_empty()).then(|| format!("({})", parts.join(" OR ")))
    }

    /// What can bar a row beside `never`.
    fn reasons(&self, table: TableId, alias: &str, depth: usize, counts: &dyn Fn(&Reference) -> bool) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        for columns in &self.plan.table(table).barred {
            let there = columns.iter().map(|c| format!("{} IS NOT NULL", column(self.catalog, table, *c, alias)));
            parts.push(format!("({})", there.collect::<Vec<_>>().join(" AND ")));
        }
        for reference in self.catalog.references_of(table).filter(|reference| counts(reference)) {
            parts.extend(self.bars_by(reference, alias, depth));
        }
        parts
    }

    /// The reference is there, and its parent cannot come though the row cannot do without it.
    pub(super) fn bars_by(&self, reference: &Reference, alias: &str, depth: usize) -> Option<String> {
        let planned = self.plan.reference(reference.id);
        let present = self.present(reference, alias);
        if planned.mode == ReferenceMode::Drop {
            return Some(format!("({present})"));
        }
        if !planned.nullable.is_empty() || planned.mode == ReferenceMode::Idle {
            return None;
        }
        let barred = self.parent_barred(reference, alias, depth)?;
        Some(format!("({present} AND {barred})"))
    }

    fn parent_barred(&self, reference: &Reference, alias: &str, depth: usize) -> Option<String> {
        let parent = reference.parent;
        if !self.chosen.barrable[parent.index()] {
            return None;
        }
        let known = self.chosen.barred.iter().find(|b| b.table == parent && b.columns == reference.parent_columns);
        if let Some(known) = known {
            return Some(in_list(&self.comparable_pairs(reference, alias), &known.keys));
        }
        let alone = parent == self.plan.root && self.reasons(parent, alias, depth, &|_| true).is_empty();
        if alone && reference.parent_columns == self.plan.draw.key {
            return Some(in_list(&self.comparable_pairs(reference, alias), &self.chosen.never));
        }
        let inner = format!("barred_{depth}");
        let barred = self.barred(parent, &inner, depth + 1, &|_| true)?;
        let pairs: Vec<String> = reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| {
                let (child_text, parent_text) = self.comparable(reference, *c, *p, alias, &inner);
                format!("{parent_text} = {child_text}")
            })
            .collect();
        let source = plain_source(self.catalog.table(parent), &inner);
        Some(format!("EXISTS (SELECT FROM {source} WHERE {} AND {barred})", pairs.join(" AND ")))
    }

    /// The reference's columns, each with a type in which it can be compared with the parent's keys.
    fn comparable_pairs(&self, reference: &Reference, alias: &str) -> Vec<(String, String)> {
        let parent = self.catalog.table(reference.parent);
        reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| {
                let (own, child) = self.child_side(reference, *c, *p, alias);
                let (child_class, key) = (child.class, &parent.column(*p).data_type);
                let same = compares_as_it_is(child_class, key.class);
                if lists_as_text(key.class) {
                    let sql = self.listable(reference, *p, alias).unwrap_or(own);
                    return (canonical_as(key.class, child_class, &sql), canonical_type(key.class).to_owned());
                }
                let type_name =
                    if same { cast_name(&key.base_sql_name, key.class) } else { canonical_type(key.class).to_owned() };
                (self.comparable(reference, *c, *p, alias, "t").0, type_name)
            })
            .collect()
    }

    /// Expressions over columns of the draw key's own types, with those types.
    pub(super) fn draw_key_pairs(&self, columns: &[String]) -> Vec<(String, String)> {
        let root = self.catalog.table(self.plan.root);
        let types = self.plan.draw.key.iter().map(|c| &root.column(*c).data_type);
        let pair = |(sql, key): (&String, &ColumnType)| match lists_as_text(key.class) {
            true => (canonical_text(key.class, sql), canonical_type(key.class).to_owned()),
            false => (sql.clone(), cast_name(&key.base_sql_name, key.class)),
        };
        columns.iter().zip(types).map(pair).collect()
    }
}
