//! "This reference's parent is in the set", as SQL; and the columns from which the program decides it itself.

use super::canonical::{
    canonical_as, canonical_type, cast_to, compares_as_it_is, element_class, fits, in_list, is_cast_to_parent,
    list_type, lists_as_text,
};
use super::{Members, Selection, plain_source};
use crate::closure::{Demand, KeySet};
use crate::pg::quote::{array_literal, column};
use crate::plan::ReferenceMode;
use crate::profile::Orphans;
use crate::schema::{ColumnType, Reference, TypeClass};
use crate::types::{ColumnId, RefId};

/// Alias of the row that a reference names.
const NAMED: &str = "tithe_named";

impl Members<'_> {
    /// "The reference's parent is a member", as SQL. `true` where it always is.
    pub fn in_set(&self, reference: &Reference, alias: &str, depth: usize) -> String {
        if self.chosen.whole[reference.parent.index()] && reference.validated {
            return "true".to_owned();
        }
        let Some(demand) = self.chosen.demand_of[reference.id.index()] else {
            return self.parent_exists(reference, alias);
        };
        let (demand, members) = (&self.chosen.demands[demand], &self.chosen.keys[demand].members);
        if members.is_empty() {
            return "false".to_owned();
        }
        if reference.array {
            return self.elements_that(reference, alias, &self.element_in(reference, &[members]));
        }
        let size = members.len();
        if size > self.chosen.literal_keys_max && depth < 4 {
            if let Some(predicate) = self.hash_predicate(reference, alias) {
                return predicate;
            }
            if !self.chosen.swept[reference.parent.index()] {
                return self.semi_join(reference, alias, depth);
            }
        }
        self.listed(demand, &self.listed_columns(reference, alias), members)
    }

    /// Hash of the column itself: only over a validated foreign key to the draw key, where equal keys hash equally.
    fn hash_predicate(&self, reference: &Reference, alias: &str) -> Option<String> {
        let draw = &self.plan.draw;
        let to_draw_key = reference.parent == self.plan.root && reference.parent_columns == draw.key;
        let loose = self.catalog.compares_loosely(reference);
        if !to_draw_key || loose || !reference.validated || !self.draw_decides() {
            return None;
        }
        let bound = self.chosen.bound?;
        let child = self.catalog.table(reference.child);
        let root = self.catalog.table(self.plan.root);
        let same = reference.child_columns.iter().zip(&draw.key).all(|(c, p)| {
            let (c, p) = (&child.column(*c).data_type, &root.column(*p).data_type);
            let same = c.class == p.class || (c.class.is_integer() && p.class.is_integer());
            same && !is_cast_to_parent(c, p)
        });
        if !same || reference.child_columns.len() != 1 {
            return None;
        }
        let columns: Vec<String> =
            reference.child_columns.iter().map(|c| column(self.catalog, reference.child, *c, alias)).collect();
        let mut sql = format!("{} < {bound}", self.hash_of(&columns));
        if !self.chosen.always.is_empty() {
            sql = format!("({sql} OR {})", in_list(&self.draw_key_pairs(&columns), &self.chosen.always));
        }
        if !self.chosen.never.is_empty() {
            sql = format!("({sql} AND NOT {})", in_list(&self.draw_key_pairs(&columns), &self.chosen.never));
        }
        Some(sql)
    }

    /// Every drawn root row is a member: nothing but the draw decides.
    fn draw_decides(&self) -> bool {
        let root = self.plan.table(self.plan.root);
        let unlimited = root.filter.is_none() && root.per_parent.is_none() && root.barred.is_empty();
        unlimited
            && self.catalog.references_of(self.plan.root).all(|reference| {
                let planned = self.plan.reference(reference.id);
                let thins = planned.mode.gates() || planned.mode == ReferenceMode::Drop;
                let drops_orphans = !reference.validated && planned.orphans == Orphans::Drop;
                let needs_barred = planned.nullable.is_empty() && self.chosen.barrable[reference.parent.index()];
                !thins && !drops_orphans && !needs_barred
            })
    }

    fn semi_join(&self, reference: &Reference, alias: &str, depth: usize) -> String {
        let inner = format!("{alias}_{}", depth + 1);
        let mut conditions = self.conditions(reference.parent, &inner, depth + 1);
        conditions.extend(self.cap_condition(reference.parent, &inner));
        let selection = Selection { from: self.row_source(reference.parent, &inner), conditions };
        let pairs: (Vec<String>, Vec<String>) = reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| self.comparable(reference, *c, *p, alias, &inner))
            .unzip();
        format!("({}) IN (SELECT {}{})", pairs.0.join(", "), pairs.1.join(", "), selection.sql())
    }

    /// The reference's columns, for [`listed`](Self::listed).
    fn listed_columns(&self, reference: &Reference, alias: &str) -> Vec<(String, &ColumnType)> {
        let pairs = reference.child_columns.iter().zip(&reference.parent_columns);
        pairs
            .map(|(c, p)| {
                let (own, data_type) = self.child_side(reference, *c, *p, alias);
                (self.listable(reference, *p, alias).unwrap_or(own), data_type)
            })
            .collect()
    }

    /// A column of the reference with the type it is compared as.
    pub(super) fn child_side(
        &self,
        reference: &Reference,
        c: ColumnId,
        p: ColumnId,
        alias: &str,
    ) -> (String, &ColumnType) {
        let sql = column(self.catalog, reference.child, c, alias);
        let child = &self.catalog.table(reference.child).column(c).data_type;
        let parent = &self.catalog.table(reference.parent).column(p).data_type;
        match reference.foreign_key.is_some() && is_cast_to_parent(child, parent) {
            true => (cast_to(parent, &sql), parent),
            false => (sql, child),
        }
    }

    /// A column of the reference that lists hold as text takes the spelling of the row it names; `None`: it need not.
    pub(super) fn listable(&self, reference: &Reference, p: ColumnId, alias: &str) -> Option<String> {
        let as_text = lists_as_text(self.catalog.table(reference.parent).column(p).data_type.class);
        (as_text && self.catalog.compares_loosely(reference)).then(|| {
            let key = column(self.catalog, reference.parent, p, NAMED);
            format!("(SELECT {key}{})", self.named_parent(reference, alias))
        })
    }

    /// Membership of columns in a set, as a list.
    pub(super) fn listed(&self, demand: &Demand, columns: &[(String, &ColumnType)], keys: &KeySet) -> String {
        let parent = self.catalog.table(demand.table);
        let types: Vec<(&ColumnType, &ColumnType)> =
            columns.iter().zip(&demand.columns).map(|((_, child), p)| (*child, &parent.column(*p).data_type)).collect();
        let mut sides = Vec::new();
        let mut arrays = Vec::new();
        for (at, ((sql, _), (child, of_parent))) in columns.iter().zip(&types).enumerate() {
            let class = of_parent.class;
            let direct = compares_as_it_is(child.class, class) && !lists_as_text(class);
            sides.push(if direct { sql.clone() } else { canonical_as(class, child.class, sql) });
            let type_name = if direct { list_type(child, of_parent) } else { canonical_type(class).to_owned() };
            let texts = keys.iter().filter(|key| fits(key, types[0].0.class)).map(|key| key.text(at, columns.len()));
            arrays.push(format!("{}::{type_name}[]", array_literal(texts)));
        }
        // Servers before 14 do not hash ANY.
        let hashes_any = self.catalog.server_version >= 140_000 && keys.len() <= self.chosen.literal_keys_max;
        if sides.len() == 1 && hashes_any {
            return format!("{} = ANY ({})", sides[0], arrays[0]);
        }
        let names: Vec<String> = (1..=sides.len()).map(|n| format!("c{n}")).collect();
        let names = names.join(", ");
        format!("({}) IN (SELECT {names} FROM unnest({}) AS k({names}))", sides.join(", "), arrays.join(", "))
    }

    /// FROM and WHERE of the one row that the reference names, as [`NAMED`].
    fn named_parent(&self, reference: &Reference, alias: &str) -> String {
        let pairs = reference.child_columns.iter().zip(&reference.parent_columns).map(|(c, p)| {
            let (child, parent) = self.comparable(reference, *c, *p, alias, NAMED);
            format!("{parent} = {child}")
        });
        let conditions = pairs.collect::<Vec<_>>();
        let from = plain_source(self.catalog.table(reference.parent), NAMED);
        Selection { from, conditions }.sql()
    }

    /// The reference's key in canonical form, NULL where the reference is absent: one expression per column. Where
    /// equal is not equal bytes it is the parent that lends its spelling, of which there is one.
    pub fn link_columns(&self, reference: RefId, alias: &str) -> Vec<String> {
        let reference = self.catalog.reference(reference);
        let parent = self.catalog.table(reference.parent);
        let single = reference.parent_columns.len() == 1;
        let spelled = self.catalog.compares_loosely(reference).then(|| self.named_parent(reference, alias));
        reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| {
                let (sql, child) = self.child_side(reference, *c, *p, alias);
                let parent_class = parent.column(*p).data_type.class;
                let mut canonical = canonical_as(parent_class, child.class, &sql);
                if let Some(from) = &spelled {
                    let key = column(self.catalog, reference.parent, *p, NAMED);
                    canonical = format!("(SELECT {}{from})", canonical_as(parent_class, parent_class, &key));
                }
                if !single {
                    canonical = format!("({canonical})::text");
                }
                match &reference.condition {
                    Some(condition) => format!("CASE WHEN ({condition}) THEN {canonical} END"),
                    None => canonical,
                }
            })
            .collect()
    }

    /// The reference's link may be NULL although it is there: it holds no value of its parent's type (text that refers
    /// to an integer), or names no row whose spelling of the key could be taken.
    pub fn may_be_unreadable(&self, reference: &Reference) -> bool {
        let mut pairs = self.catalog.column_pairs(reference);
        let other_type = pairs.any(|(child, parent)| {
            let (child, parent) = (child.data_type.class, parent.data_type.class);
            (parent.is_integer() && !child.is_integer()) || (parent == TypeClass::Uuid && child != TypeClass::Uuid)
        });
        !reference.array && (other_type || self.catalog.compares_loosely(reference))
    }

    /// As [`link_columns`](Self::link_columns), NULL also where the row it names is not there.
    pub fn existing_link_columns(&self, reference: RefId, alias: &str) -> Vec<String> {
        let exists = self.parent_exists(self.catalog.reference(reference), alias);
        let links = self.link_columns(reference, alias).into_iter();
        links.map(|link| format!("CASE WHEN {exists} THEN {link} END")).collect()
    }

    /// A demand's key columns in canonical form.
    pub fn key_columns(&self, demand: &Demand, alias: &str) -> Vec<String> {
        let table = self.catalog.table(demand.table);
        if demand.is_place() {
            return vec![format!("{alias}.tableoid::text"), format!("{alias}.ctid::text")];
        }
        demand
            .columns
            .iter()
            .map(|c| {
                let class = table.column(*c).data_type.class;
                let canonical = canonical_as(class, class, &column(self.catalog, demand.table, *c, alias));
                if demand.columns.len() == 1 { canonical } else { format!("({canonical})::text") }
            })
            .collect()
    }

    /// Child and parent expressions that can be compared: the columns themselves, or both in canonical form where the
    /// types differ.
    pub(super) fn comparable(
        &self,
        reference: &Reference,
        c: ColumnId,
        p: ColumnId,
        child: &str,
        parent: &str,
    ) -> (String, String) {
        let (child_sql, child_type) = self.child_side(reference, c, p, child);
        let child_class = child_type.class;
        let parent_class = self.catalog.table(reference.parent).column(p).data_type.class;
        let parent_sql = column(self.catalog, reference.parent, p, parent);
        if compares_as_it_is(child_class, parent_class) {
            return (child_sql, parent_sql);
        }
        (canonical_as(parent_class, child_class, &child_sql), canonical_as(parent_class, parent_class, &parent_sql))
    }

    /// The reference names a row that is there; of an array, what its mode asks for: some row, or every one.
    pub fn parent_exists(&self, reference: &Reference, alias: &str) -> String {
        if !reference.array {
            let pairs: Vec<String> = reference
                .child_columns
                .iter()
                .zip(&reference.parent_columns)
                .map(|(c, p)| {
                    let (child_text, parent_text) = self.comparable(reference, *c, *p, alias, "orphan_parent");
                    format!("{parent_text} = {child_text}")
                })
                .collect();
            let parent = self.catalog.table(reference.parent);
            return format!(
                "EXISTS (SELECT FROM {} WHERE {})",
                plain_source(parent, "orphan_parent"),
                pairs.join(" AND ")
            );
        }
        self.elements_that(reference, alias, &self.element_exists(reference))
    }

    /// Every element of an array names a row that is there, whatever the mode asks for.
    pub(super) fn every_element_exists(&self, reference: &Reference, alias: &str) -> String {
        let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
        let exists = self.element_exists(reference);
        format!("NOT EXISTS (SELECT FROM unnest({name}) AS tithe_e(e) WHERE tithe_e.e IS NOT NULL AND NOT {exists})")
    }

    /// Some element (under `follow`) or every element of an array satisfies a condition on `tithe_e.e`.
    fn elements_that(&self, reference: &Reference, alias: &str, condition: &str) -> String {
        let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
        let elements = format!("SELECT FROM unnest({name}) AS tithe_e(e) WHERE tithe_e.e IS NOT NULL");
        if self.plan.reference(reference.id).mode == ReferenceMode::Follow {
            format!("EXISTS ({elements} AND {condition})")
        } else {
            format!("NOT EXISTS ({elements} AND ({condition}) IS NOT TRUE)")
        }
    }

    /// The element `tithe_e.e` names a row that is there.
    fn element_exists(&self, reference: &Reference) -> String {
        let parent = self.catalog.table(reference.parent);
        let class = parent.column(reference.parent_columns[0]).data_type.class;
        let key = column(self.catalog, reference.parent, reference.parent_columns[0], "orphan_parent");
        format!(
            "EXISTS (SELECT FROM {} WHERE {} = {})",
            plain_source(parent, "orphan_parent"),
            canonical_as(class, class, &key),
            canonical_as(class, element_class(self.catalog, reference), "tithe_e.e")
        )
    }

    /// The reference is there and names one of the keys, which are of its demand's kind; of an array some element does.
    pub fn refers_to(&self, reference: &Reference, keys: &KeySet, alias: &str) -> String {
        let Some(demand) = self.chosen.demand_of[reference.id.index()].map(|at| &self.chosen.demands[at]) else {
            return "false".to_owned();
        };
        let present = self.present(reference, alias);
        if reference.array {
            let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
            let named = self.element_in(reference, &[keys]);
            return format!("({present} AND EXISTS (SELECT FROM unnest({name}) AS tithe_e(e) WHERE {named}))");
        }
        format!("({present} AND {})", self.listed(demand, &self.listed_columns(reference, alias), keys))
    }

    /// An element of an array reference in canonical form.
    pub fn element_column(&self, reference: RefId, element: &str) -> String {
        let reference = self.catalog.reference(reference);
        let class = self.catalog.table(reference.parent).column(reference.parent_columns[0]).data_type.class;
        canonical_as(class, element_class(self.catalog, reference), element)
    }

    /// The element `tithe_e.e` is one of these keys.
    fn element_in(&self, reference: &Reference, sets: &[&KeySet]) -> String {
        let class = self.catalog.table(reference.parent).column(reference.parent_columns[0]).data_type.class;
        let texts = sets.iter().flat_map(|set| set.iter()).map(|key| key.text(0, 1));
        format!(
            "{} = ANY ({}::{}[])",
            canonical_as(class, element_class(self.catalog, reference), "tithe_e.e"),
            array_literal(texts),
            canonical_type(class)
        )
    }

    /// An array column without the elements that are not chosen, order and NULLs kept.
    pub fn filtered_array(&self, reference: &Reference, alias: &str) -> String {
        let child = self.catalog.table(reference.child).column(reference.child_columns[0]);
        let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
        let mut stays = match self.chosen.demand_of[reference.id.index()] {
            Some(demand) => {
                let keys = &self.chosen.keys[demand];
                self.element_in(reference, &[&keys.members, &keys.support])
            }
            None => self.element_exists(reference),
        };
        if self.plan.reference(reference.id).orphans == Orphans::Keep {
            stays = format!("{stays} OR NOT {}", self.element_exists(reference));
        }
        format!(
            "CASE WHEN {name} IS NOT NULL THEN ARRAY(SELECT tithe_e.e FROM unnest({name}) WITH ORDINALITY \
             AS tithe_e(e, o) WHERE tithe_e.e IS NULL OR {stays} ORDER BY tithe_e.o)::{} END",
            child.data_type.sql_name
        )
    }

    /// The distinct elements of a selection's arrays, in canonical form, where the reference holds.
    pub fn select_elements(&self, reference: RefId, selection: &Selection, alias: &str) -> String {
        let reference = self.catalog.reference(reference);
        let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
        let class = self.catalog.table(reference.parent).column(reference.parent_columns[0]).data_type.class;
        let element = canonical_as(class, element_class(self.catalog, reference), "tithe_e.e");
        let mut held = selection.clone();
        held.conditions.extend(reference.condition.iter().map(|condition| format!("({condition}) IS TRUE")));
        format!("SELECT DISTINCT {element} FROM (SELECT unnest({name}) AS e{}) AS tithe_e", held.sql())
    }
}
