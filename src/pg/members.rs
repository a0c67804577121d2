//! Membership as SQL. The only module that knows how "this reference is in the set" is asked.
//!
//! Three forms, chosen per reference by the size of the set and by what the plan knows; all are plain SELECTs that a
//! read-only session on a standby accepts:
//! - *literal*: `fk = ANY ('{…}')` up to [`crate::closure::LITERAL_KEYS_MAX`] keys. One array of all keys, never chunks (each would be
//!   a scan of its own without an index), never `ANY (ARRAY(SELECT …))` (not hashed).
//! - *predicate*: the draw's hash on the column, over a validated foreign key to the draw key; or a semi-join with the
//!   parent's own membership. No key list; the server's joins spill to its own disk.
//! - *unnested*: `fk IN (SELECT … FROM unnest('{…}'))`, for composite keys, for swept sets beyond the literal's bound,
//!   and on servers before 14, which do not hash `ANY`.

use std::fmt::Write as _;

use super::quote::{array_literal, column, ident, qualified};
use crate::closure::{Chosen, Demand, Key, KeySet};
use crate::plan::{Plan, ReferenceMode, TableMode};
use crate::profile::{Orphans, Unowned};
use crate::schema::{Catalog, Reference, Table, TableKind, TypeClass};
use crate::types::{ColumnId, RefId, TableId};

/// Everything a membership question depends on.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// Source catalog, virtual references included.
    pub catalog: &'a Catalog,
    /// The plan.
    pub plan: &'a Plan,
    /// Sets so far; those of a table's parents must be complete.
    pub chosen: &'a Chosen,
}

/// FROM item and conditions of a SELECT over one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// FROM item with its alias.
    pub from: String,
    /// Conditions, to be joined by AND.
    pub conditions: Vec<String>,
}

impl Selection {
    /// ` FROM … WHERE …`
    pub fn sql(&self) -> String {
        let mut sql = format!(" FROM {}", self.from);
        if !self.conditions.is_empty() {
            let _ = write!(sql, " WHERE {}", self.conditions.join(" AND "));
        }
        sql
    }
}

impl Members<'_> {
    /// Members of `table` by their conditions, as far as those lie outside the table's own group.
    pub fn of(&self, table: TableId, alias: &str) -> Selection {
        let mut conditions = self.conditions(table, alias, 0);
        conditions.extend(self.cap_condition(table, alias));
        Selection { from: self.row_source(table, alias), conditions }
    }

    /// Rows whose key is in `keys`, a set of `demand`'s.
    pub fn by_keys(&self, demand: &Demand, keys: &KeySet, alias: &str) -> Selection {
        let columns: Vec<(String, &Table, ColumnId)> = demand
            .columns
            .iter()
            .map(|c| (column(self.catalog, demand.table, *c, alias), self.catalog.table(demand.table), *c))
            .collect();
        let condition = if keys.is_empty() { "false".to_owned() } else { self.listed(demand, &columns, keys) };
        Selection { from: plain_source(self.catalog.table(demand.table), alias), conditions: vec![condition] }
    }

    /// The hash of the draw key.
    pub fn draw_hash(&self, alias: &str) -> String {
        let columns: Vec<String> =
            self.plan.draw.key.iter().map(|c| column(self.catalog, self.plan.root, *c, alias)).collect();
        self.hash_of(&columns)
    }

    fn hash_of(&self, columns: &[String]) -> String {
        let root = self.catalog.table(self.plan.root);
        let seed = self.plan.draw.seed;
        match (columns, self.plan.draw.key.as_slice()) {
            ([one], [key]) => match root.column(*key).data_type.class {
                class if class.is_integer() => format!("hashint8extended({one}::int8, {seed})"),
                TypeClass::Uuid => format!("uuid_hash_extended({one}, {seed})"),
                TypeClass::Numeric => format!("hash_numeric_extended({one}, {seed})"),
                TypeClass::Bpchar => format!("hashbpcharextended({one}, {seed})"),
                class => format!("hashtextextended({}, {seed})", canonical_text(class, one)),
            },
            _ => format!("hashtextextended(ROW({})::text, {seed})", columns.join(", ")),
        }
    }

    /// Whether the root row of `alias` is drawn.
    fn drawn(&self, alias: &str) -> Vec<String> {
        let draw = &self.plan.draw;
        let mut drawn = self.chosen.bound.map(|bound| format!("{} < {bound}", self.draw_hash(alias)));
        if let (Some(always), Some(by_hash)) = (&draw.always, &drawn) {
            drawn = Some(format!("({by_hash} OR ({always}) IS TRUE)"));
        }
        let never = draw.never.as_ref().map(|never| format!("({never}) IS NOT TRUE"));
        drawn.into_iter().chain(never).collect()
    }

    /// FROM item of a table's rows, ranked where they are capped.
    pub(super) fn row_source(&self, id: TableId, alias: &str) -> String {
        let table = self.catalog.table(id);
        let Some((cap, parent)) = &self.plan.table(id).per_parent else { return plain_source(table, alias) };
        let order = cap.order.as_ref().map(|order| format!("{order}, ")).unwrap_or_default();
        let ties = table.identity_key().map_or_else(
            || "tableoid, ctid".to_owned(),
            |key| key.columns.iter().map(|c| ident(&table.column(*c).name)).collect::<Vec<_>>().join(", "),
        );
        format!(
            "(SELECT *, row_number() OVER (PARTITION BY {} ORDER BY {order}{ties}) AS tithe_rank FROM {}) AS {alias}",
            ident(&table.column(*parent).name),
            plain_source(table, "ranked")
        )
    }

    /// The row is within its table's cap, asked of [`Self::row_source`].
    pub(super) fn cap_condition(&self, id: TableId, alias: &str) -> Option<String> {
        let (cap, parent) = self.plan.table(id).per_parent.as_ref()?;
        Some(format!("({alias}.tithe_rank <= {} OR {} IS NULL)", cap.limit, column(self.catalog, id, *parent, alias)))
    }

    fn conditions(&self, id: TableId, alias: &str, depth: usize) -> Vec<String> {
        let planned = self.plan.table(id);
        let mut all = match planned.mode {
            TableMode::Root => self.drawn(alias),
            TableMode::None | TableMode::Referenced => vec!["false".to_owned()],
            TableMode::Owned | TableMode::All => Vec::new(),
        };
        all.extend(planned.filter.iter().map(|filter| format!("(({filter}) IS TRUE)")));
        all.extend(planned.barred.iter().map(|columns| {
            let parts: Vec<String> =
                columns.iter().map(|c| format!("{} IS NULL", column(self.catalog, id, *c, alias))).collect();
            format!("({})", parts.join(" OR "))
        }));
        let mut owning: Vec<(&Reference, String)> = Vec::new();
        let follows = self.follows(id);
        for reference in self.catalog.references_of(id) {
            let mode = self.plan.reference(reference.id).mode;
            let inside = self.inside_group(reference);
            match mode {
                ReferenceMode::Within if !inside => {
                    let holds = self.in_set(reference, alias, depth);
                    all.extend(self.or_absent(reference, alias, &holds));
                    if !follows {
                        owning.push((reference, self.present(reference, alias)));
                    }
                }
                ReferenceMode::Follow if !inside => {
                    let present = self.present(reference, alias);
                    owning.push((reference, format!("({present} AND {})", self.in_set(reference, alias, depth))));
                }
                ReferenceMode::Drop => all.push(format!("NOT ({})", self.present(reference, alias))),
                ReferenceMode::Pull | ReferenceMode::Null | ReferenceMode::Whole => {
                    all.extend(self.weak_conditions(reference, alias));
                }
                _ => {}
            }
        }
        if planned.mode == TableMode::Owned && !self.chosen.swept[id.index()] {
            all.extend(self.ownership(id, alias, follows, &owning));
        }
        all
    }

    /// Whether a chain from outside the group brings the row: for swept tables, as a value instead of a condition.
    pub fn anchor(&self, id: TableId, alias: &str) -> String {
        if self.plan.table(id).mode != TableMode::Owned {
            return "true".to_owned();
        }
        let follows = self.follows(id);
        let wanted = if follows { ReferenceMode::Follow } else { ReferenceMode::Within };
        let outside: Vec<String> = self
            .catalog
            .references_of(id)
            .filter(|r| self.plan.reference(r.id).mode == wanted && !self.inside_group(r))
            .map(|r| format!("({} AND {})", self.present(r, alias), self.in_set(r, alias, 0)))
            .collect();
        let unowned = (self.plan.table(id).unowned == Unowned::Keep).then(|| {
            let absent: Vec<String> = self
                .catalog
                .references_of(id)
                .filter(|r| self.plan.reference(r.id).mode == wanted)
                .map(|r| format!("NOT ({})", self.present(r, alias)))
                .collect();
            format!("({})", absent.join(" AND "))
        });
        let any: Vec<String> = outside.into_iter().chain(unowned).collect();
        if any.is_empty() { "false".to_owned() } else { format!("coalesce({}, false)", any.join(" OR ")) }
    }

    /// Some reference of the table is followed: then only such references bring its rows.
    pub fn follows(&self, id: TableId) -> bool {
        self.catalog.references_of(id).any(|r| self.plan.reference(r.id).mode == ReferenceMode::Follow)
    }

    /// The condition that some owning reference brings the row, and what happens to rows that belong to nobody.
    fn ownership(&self, id: TableId, alias: &str, follows: bool, owning: &[(&Reference, String)]) -> Option<String> {
        if owning.is_empty() {
            return Some("false".to_owned());
        }
        let settled = !follows && owning.iter().any(|(reference, _)| self.catalog.is_required(reference));
        if settled {
            return None;
        }
        let keep = self.plan.table(id).unowned == Unowned::Keep;
        if keep && !follows {
            return None;
        }
        let mut any: Vec<String> = owning.iter().map(|(_, brings)| brings.clone()).collect();
        if keep {
            let absent: Vec<String> =
                owning.iter().map(|(reference, _)| format!("NOT ({})", self.present(reference, alias))).collect();
            any.push(format!("({})", absent.join(" AND ")));
        }
        Some(format!("({})", any.join(" OR ")))
    }

    /// Both ends are in one cyclic group, and neither comes whole.
    fn inside_group(&self, reference: &Reference) -> bool {
        self.chosen.swept[reference.child.index()]
            && self.plan.groups.iter().any(|group| group.cycle.contains(&reference.id))
            && self.chosen.swept[reference.parent.index()]
    }

    fn or_absent(&self, reference: &Reference, alias: &str, holds: &str) -> Option<String> {
        if holds == "true" {
            None
        } else if self.catalog.is_required(reference) {
            Some(holds.to_owned())
        } else {
            Some(format!("(NOT ({}) OR {holds})", self.present(reference, alias)))
        }
    }

    /// The reference is there: no column NULL (MATCH SIMPLE), and its condition holds.
    pub fn present(&self, reference: &Reference, alias: &str) -> String {
        let child = self.catalog.table(reference.child);
        let mut parts: Vec<String> = reference
            .child_columns
            .iter()
            .filter(|c| !child.column(**c).not_null)
            .map(|c| format!("{} IS NOT NULL", column(self.catalog, reference.child, *c, alias)))
            .collect();
        if reference.array {
            let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
            parts.push(format!("coalesce(cardinality({name}), 0) > 0"));
        }
        parts.extend(reference.condition.iter().map(|condition| format!("({condition}) IS TRUE")));
        if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") }
    }

    /// What a reference that does not decide membership may still forbid: orphans that are dropped, and required
    /// parents that may never leave.
    pub(super) fn weak_conditions(&self, reference: &Reference, alias: &str) -> Vec<String> {
        let planned = self.plan.reference(reference.id);
        let mut conditions = Vec::new();
        if !reference.validated && planned.orphans == Orphans::Drop && reference.condition.is_none() {
            let exists = self.parent_exists(reference, alias);
            conditions.push(format!("(NOT ({}) OR {exists})", self.present(reference, alias)));
        }
        if planned.mode == ReferenceMode::Pull
            && planned.nullable.is_empty()
            && !self.chosen.never.is_empty()
            && let Some(barred) = self.barred(reference, alias, &mut Vec::new())
        {
            conditions.push(format!("NOT ({} AND {barred})", self.present(reference, alias)));
        }
        conditions
    }

    /// The reference names a row that is there.
    pub fn parent_exists(&self, reference: &Reference, alias: &str) -> String {
        let parent = self.catalog.table(reference.parent);
        let pairs: Vec<String> = reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| {
                let (child_text, parent_text) = self.comparable(reference, *c, *p, alias, "orphan_parent");
                format!("{parent_text} = {child_text}")
            })
            .collect();
        format!("EXISTS (SELECT FROM {} WHERE {})", plain_source(parent, "orphan_parent"), pairs.join(" AND "))
    }

    /// Child and parent expressions that can be compared: the columns themselves, or both in canonical form where the
    /// types differ.
    fn comparable(
        &self,
        reference: &Reference,
        c: ColumnId,
        p: ColumnId,
        child: &str,
        parent: &str,
    ) -> (String, String) {
        let child_class = self.catalog.table(reference.child).column(c).data_type.class;
        let parent_class = self.catalog.table(reference.parent).column(p).data_type.class;
        let child_sql = column(self.catalog, reference.child, c, child);
        let parent_sql = column(self.catalog, reference.parent, p, parent);
        if child_class == parent_class || (child_class.is_integer() && parent_class.is_integer()) {
            return (child_sql, parent_sql);
        }
        (canonical_as(parent_class, child_class, &child_sql), canonical_as(parent_class, parent_class, &parent_sql))
    }

    /// The parent row may never leave: it is a barred root row, or cannot stand without one. `None`: cannot be.
    fn barred(&self, reference: &Reference, alias: &str, path: &mut Vec<TableId>) -> Option<String> {
        if path.contains(&reference.parent) || reference.array {
            return None;
        }
        if reference.parent == self.plan.root && reference.parent_columns == self.plan.draw.key {
            // A referencing column of another type is compared in canonical form, as everywhere.
            let root = self.catalog.table(self.plan.root);
            let pairs: Vec<(String, String)> = reference
                .child_columns
                .iter()
                .zip(&reference.parent_columns)
                .map(|(c, p)| {
                    let child_class = self.catalog.table(reference.child).column(*c).data_type.class;
                    let key = &root.column(*p).data_type;
                    let sql = self.comparable(reference, *c, *p, alias, "t").0;
                    let same = child_class == key.class || (child_class.is_integer() && key.class.is_integer());
                    let type_name = if same {
                        cast_name(&key.base_sql_name, key.class)
                    } else {
                        canonical_type(key.class).to_owned()
                    };
                    (sql, type_name)
                })
                .collect();
            return Some(in_list(&pairs, &self.chosen.never));
        }
        path.push(reference.parent);
        let inner = format!("barred_{}", path.len());
        let needs: Vec<String> = self
            .catalog
            .references_of(reference.parent)
            .filter(|next| self.plan.reference(next.id).nullable.is_empty())
            .filter_map(|next| self.barred(next, &inner, path))
            .collect();
        path.pop();
        if needs.is_empty() {
            return None;
        }
        let pairs: Vec<String> = reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| {
                let (child_text, parent_text) = self.comparable(reference, *c, *p, alias, &inner);
                format!("{parent_text} = {child_text}")
            })
            .collect();
        let source = plain_source(self.catalog.table(reference.parent), &inner);
        Some(format!("EXISTS (SELECT FROM {source} WHERE {} AND ({}))", pairs.join(" AND "), needs.join(" OR ")))
    }

    /// Condition on a table's own rows: it cannot come as a support row, because it is barred or needs a barred row.
    pub fn barred_rows(&self, table: TableId, alias: &str) -> Option<String> {
        if self.chosen.never.is_empty() {
            return None;
        }
        if table == self.plan.root {
            let columns: Vec<String> =
                self.plan.draw.key.iter().map(|c| column(self.catalog, table, *c, alias)).collect();
            return Some(self.barred_root(&columns));
        }
        let needs: Vec<String> = self
            .catalog
            .references_of(table)
            .filter(|next| self.plan.reference(next.id).nullable.is_empty())
            .filter_map(|next| self.barred(next, alias, &mut vec![table]))
            .collect();
        (!needs.is_empty()).then(|| format!("({})", needs.join(" OR ")))
    }

    fn barred_root(&self, columns: &[String]) -> String {
        in_list(&self.draw_key_pairs(columns), &self.chosen.never)
    }

    /// Expressions over columns of the draw key's own types, with those types.
    fn draw_key_pairs(&self, columns: &[String]) -> Vec<(String, String)> {
        let root = self.catalog.table(self.plan.root);
        let types = self.plan.draw.key.iter().map(|c| {
            let data_type = &root.column(*c).data_type;
            cast_name(&data_type.base_sql_name, data_type.class)
        });
        columns.iter().cloned().zip(types).collect()
    }

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
            return self.array_in_set(reference, demand, members, alias);
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
        let columns: Vec<(String, &Table, ColumnId)> = reference
            .child_columns
            .iter()
            .map(|c| (column(self.catalog, reference.child, *c, alias), self.catalog.table(reference.child), *c))
            .collect();
        self.listed(demand, &columns, members)
    }

    /// Hash of the column itself: only over a validated foreign key to the draw key, where equal keys hash equally.
    fn hash_predicate(&self, reference: &Reference, alias: &str) -> Option<String> {
        let draw = &self.plan.draw;
        let thinned = self.catalog.references_of(self.plan.root).any(|r| self.plan.reference(r.id).mode.gates())
            || self.plan.table(self.plan.root).filter.is_some()
            || self.plan.table(self.plan.root).per_parent.is_some();
        if reference.parent != self.plan.root || reference.parent_columns != draw.key || !reference.validated || thinned
        {
            return None;
        }
        let bound = self.chosen.bound?;
        let child = self.catalog.table(reference.child);
        let root = self.catalog.table(self.plan.root);
        let same = reference.child_columns.iter().zip(&draw.key).all(|(c, p)| {
            let (c, p) = (child.column(*c).data_type.class, root.column(*p).data_type.class);
            c == p || (c.is_integer() && p.is_integer())
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

    /// Membership of columns in a set, as a list.
    fn listed(&self, demand: &Demand, columns: &[(String, &Table, ColumnId)], keys: &KeySet) -> String {
        let parent = self.catalog.table(demand.table);
        let classes: Vec<(TypeClass, TypeClass)> = columns
            .iter()
            .zip(&demand.columns)
            .map(|((_, table, c), p)| (table.column(*c).data_type.class, parent.column(*p).data_type.class))
            .collect();
        let mut sides = Vec::new();
        let mut arrays = Vec::new();
        for (at, ((sql, table, c), (child_class, parent_class))) in columns.iter().zip(&classes).enumerate() {
            let direct = child_class == parent_class || (child_class.is_integer() && parent_class.is_integer());
            let side = if direct { sql.clone() } else { canonical_as(*parent_class, *child_class, sql) };
            let type_name = if direct {
                cast_name(&table.column(*c).data_type.base_sql_name, *child_class)
            } else {
                canonical_type(*parent_class).to_owned()
            };
            sides.push(side);
            let texts = keys.iter().filter(|key| fits(key, classes[0].0)).map(|key| key.text(at, columns.len()));
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

    /// For arrays: under `within` every element is in the set, under `follow` some element is.
    fn array_in_set(&self, reference: &Reference, demand: &Demand, keys: &KeySet, alias: &str) -> String {
        let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
        let list = self.element_list(reference, demand, &[keys]);
        let operator = if self.plan.reference(reference.id).mode == ReferenceMode::Follow { "&&" } else { "<@" };
        format!("{name} {operator} {list}")
    }

    /// The reference is there and names one of the keys, which are of its demand's kind; of an array some element does.
    pub fn refers_to(&self, reference: &Reference, keys: &KeySet, alias: &str) -> String {
        let Some(demand) = self.chosen.demand_of[reference.id.index()].map(|at| &self.chosen.demands[at]) else {
            return "false".to_owned();
        };
        let present = self.present(reference, alias);
        if reference.array {
            let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
            return format!("({present} AND {name} && {})", self.element_list(reference, demand, &[keys]));
        }
        let columns: Vec<(String, &Table, ColumnId)> = reference
            .child_columns
            .iter()
            .map(|c| (column(self.catalog, reference.child, *c, alias), self.catalog.table(reference.child), *c))
            .collect();
        format!("({present} AND {})", self.listed(demand, &columns, keys))
    }

    fn element_list(&self, reference: &Reference, demand: &Demand, sets: &[&KeySet]) -> String {
        let texts = sets.iter().flat_map(|set| set.iter()).map(|key| key.text(0, demand.columns.len()));
        let of = &self.catalog.table(reference.child).column(reference.child_columns[0]).data_type.base_sql_name;
        format!("{}::{of}", array_literal(texts))
    }

    /// An array column without the elements that are not chosen, order kept.
    pub fn filtered_array(&self, reference: &Reference, alias: &str) -> String {
        let name = column(self.catalog, reference.child, reference.child_columns[0], alias);
        let type_name = &self.catalog.table(reference.child).column(reference.child_columns[0]).data_type.base_sql_name;
        let Some(demand) = self.chosen.demand_of[reference.id.index()] else { return name };
        let keys = &self.chosen.keys[demand];
        let list = self.element_list(reference, &self.chosen.demands[demand], &[&keys.members, &keys.support]);
        format!(
            "CASE WHEN {name} IS NOT NULL THEN ARRAY(SELECT u.e FROM unnest({name}) WITH ORDINALITY AS u(e, o) \
             WHERE u.e = ANY ({list}) ORDER BY u.o)::{type_name} END"
        )
    }

    /// The reference's key in canonical form, NULL where the reference is absent: one expression per column.
    pub fn link_columns(&self, reference: RefId, alias: &str) -> Vec<String> {
        let reference = self.catalog.reference(reference);
        let parent = self.catalog.table(reference.parent);
        let child = self.catalog.table(reference.child);
        let single = reference.parent_columns.len() == 1;
        reference
            .child_columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(c, p)| {
                let sql = column(self.catalog, reference.child, *c, alias);
                let parent_class = parent.column(*p).data_type.class;
                let mut canonical = canonical_as(parent_class, child.column(*c).data_type.class, &sql);
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

    /// An element of an array reference in canonical form; the element's own class counts as the parent's.
    pub fn element_column(&self, reference: RefId, element: &str) -> String {
        let reference = self.catalog.reference(reference);
        let class = self.catalog.table(reference.parent).column(reference.parent_columns[0]).data_type.class;
        canonical_as(class, class, element)
    }

    /// A demand's key columns in canonical form.
    pub fn key_columns(&self, demand: &Demand, alias: &str) -> Vec<String> {
        let table = self.catalog.table(demand.table);
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
}

/// `ONLY`, unless partitioned: a parent in the old inheritance would show its children's rows too.
pub fn plain_source(table: &Table, alias: &str) -> String {
    let only = if table.kind == TableKind::Partitioned { "" } else { "ONLY " };
    format!("{only}{} AS {alias}", qualified(&table.name))
}

/// Integers beyond the referencing column's width cannot be referred to, and would not parse as its type.
fn fits(key: &Key, class: TypeClass) -> bool {
    match (key, class) {
        (Key::Int(value), TypeClass::Int2) => i16::try_from(*value).is_ok(),
        (Key::Int(value), TypeClass::Int4) => i32::try_from(*value).is_ok(),
        _ => true,
    }
}

/// A base type's name that can be cast to as it is: `character` alone would mean `character(1)`.
fn cast_name(base_sql_name: &str, class: TypeClass) -> String {
    if class == TypeClass::Bpchar { "bpchar".to_owned() } else { base_sql_name.to_owned() }
}

fn canonical_type(class: TypeClass) -> &'static str {
    match class {
        class if class.is_integer() => "int8",
        TypeClass::Uuid => "uuid",
        _ => "text",
    }
}

/// Text that is equal exactly when the values are.
fn canonical_text(class: TypeClass, sql: &str) -> String {
    match class {
        TypeClass::Citext => format!("lower({sql}::text)"),
        TypeClass::Numeric => format!("trim_scale({sql})::text"),
        _ => format!("{sql}::text"),
    }
}

/// A value of `class` in the canonical form of `parent`'s keys; NULL where it cannot be one.
fn canonical_as(parent: TypeClass, class: TypeClass, sql: &str) -> String {
    match (parent, class) {
        (parent, class) if parent.is_integer() && class.is_integer() => format!("{sql}::int8"),
        (parent, TypeClass::Numeric) if parent.is_integer() => {
            format!("CASE WHEN {sql} = trunc({sql}) AND abs({sql}) < 9e18 THEN {sql}::int8 END")
        }
        (parent, _) if parent.is_integer() => {
            format!("CASE WHEN {sql}::text ~ '^-?[0-9]{{1,18}}$' THEN {sql}::text::int8 END")
        }
        (TypeClass::Uuid, TypeClass::Uuid) => sql.to_owned(),
        (TypeClass::Uuid, _) => format!(
            "CASE WHEN {sql}::text ~* '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN {sql}::text::uuid END"
        ),
        (TypeClass::Numeric, class) if class.is_integer() => format!("{sql}::text"),
        (TypeClass::Citext, _) => format!("lower({sql}::text)"),
        (_, class) => canonical_text(class, sql),
    }
}

/// Membership of expressions, each with its type, in a short list of texts.
fn in_list(columns: &[(String, String)], list: &[Vec<String>]) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (_, type_name))| {
            let texts = list.iter().filter_map(|texts| texts.get(at)).map(String::as_str);
            format!("{}::{type_name}[]", array_literal(texts))
        })
        .collect();
    match (columns, arrays.as_slice()) {
        ([(column, _)], [array]) => format!("({column} = ANY ({array}))"),
        _ => {
            let names: Vec<String> = (1..=columns.len()).map(|n| format!("c{n}")).collect();
            let names = names.join(", ");
            let sides: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
            format!("(({}) IN (SELECT {names} FROM unnest({}) AS k({names})))", sides.join(", "), arrays.join(", "))
        }
    }
}

/// `LOCK TABLE` of the plan's tables, so that none is dropped or altered under the run.
pub fn lock_statement(tables: &[&Table]) -> String {
    let names: Vec<String> = tables.iter().map(|table| qualified(&table.name)).collect();
    format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "))
}
