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
mod barred;
mod canonical;
mod sets;

use std::fmt::Write as _;

use canonical::{canonical_text, in_list};
pub(super) use canonical::{cast_to, is_cast_to_parent};

use super::quote::{column, ident, qualified};
use crate::closure::{Chosen, Demand, KeySet};
use crate::plan::{Plan, ReferenceMode, TableMode};
use crate::profile::{Orphans, Unowned};
use crate::schema::{Catalog, ColumnType, Reference, Table, TableKind, TypeClass};
use crate::types::{ColumnId, QualifiedName, TableId};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        if demand.is_place() {
            let sides = self.key_columns(demand, alias).into_iter().map(|side| (side, "text".to_owned()));
            let texts: Vec<Vec<String>> = keys.iter().map(|key| vec![key.text(0, 2), key.text(1, 2)]).collect();
            return Selection {
                from: plain_source(self.catalog.table(demand.table), alias),
                conditions: vec![in_list(&sides.collect::<Vec<_>>(), &texts)],
            };
        }
        let table = self.catalog.table(demand.table);
        let columns: Vec<(String, &ColumnType)> = demand
            .columns
            .iter()
            .map(|c| (column(self.catalog, demand.table, *c, alias), &table.column(*c).data_type))
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
        // Else the draw would hang on the version of the library that sorts.
        let bytes = |key: ColumnId| if root.column(key).loose_collation.is_some() { " COLLATE \"C\"" } else { "" };
        match (columns, self.plan.draw.key.as_slice()) {
            ([one], [key]) => match root.column(*key).data_type.class {
                class if class.is_integer() => format!("hashint8extended({one}::int8, {seed})"),
                TypeClass::Uuid => format!("uuid_hash_extended({one}, {seed})"),
                TypeClass::Numeric => format!("hash_numeric_extended({one}, {seed})"),
                TypeClass::Bpchar => format!("hashbpcharextended({one}{}, {seed})", bytes(*key)),
                class => format!("hashtextextended({}{}, {seed})", canonical_text(class, one), bytes(*key)),
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
        // The source of one whose leaves stay behind in part has them among its columns.
        let system = if table.leaves_behind.is_empty() { "tableoid, ctid, " } else { "" };
        format!(
            "(SELECT *, {system}row_number() OVER (PARTITION BY {} ORDER BY {order}{ties}) AS tithe_rank FROM {}) AS {alias}",
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
                ReferenceMode::Within if self.may_be_unreadable(reference) => {
                    let links = self.link_columns(reference.id, alias).into_iter();
                    let readable: Vec<String> = links.map(|link| format!("({link}) IS NOT NULL")).collect();
                    all.push(format!(
                        "(({}) IS NOT TRUE OR {})",
                        self.present(reference, alias),
                        readable.join(" AND ")
                    ));
                }
                _ => {}
            }
            all.extend(self.no_orphan(reference, alias));
        }
        all.extend(self.not_barred(id, alias));
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
    pub fn inside_group(&self, reference: &Reference) -> bool {
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
            parts.push(format!("coalesce(cardinality(array_remove({name}, NULL)), 0) > 0"));
        }
        parts.extend(reference.condition.iter().map(|condition| format!("({condition}) IS TRUE")));
        if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") }
    }

    /// What a reference that does not decide membership may still forbid: an orphan that is dropped, a parent that
    /// cannot come.
    pub(super) fn weak_conditions(&self, reference: &Reference, alias: &str) -> Vec<String> {
        let barred = self.bars_by(reference, alias, 0).map(|barred| format!("{barred} IS NOT TRUE"));
        self.no_orphan(reference, alias).into_iter().chain(barred).collect()
    }

    /// Rows whose reference is broken in the source, where such rows are dropped; `within` drops them by itself.
    fn no_orphan(&self, reference: &Reference, alias: &str) -> Option<String> {
        let planned = self.plan.reference(reference.id);
        let judged = matches!(
            planned.mode,
            ReferenceMode::Follow | ReferenceMode::Pull | ReferenceMode::Null | ReferenceMode::Whole
        );
        if !judged || reference.validated || planned.orphans != Orphans::Drop {
            return None;
        }
        let exists = if reference.array {
            self.every_element_exists(reference, alias)
        } else {
            self.parent_exists(reference, alias)
        };
        Some(format!("(({}) IS NOT TRUE OR {exists})", self.present(reference, alias)))
    }
}

/// `ONLY`, unless partitioned: a parent in the old inheritance would show its children's rows too.
pub fn plain_source(table: &Table, alias: &str) -> String {
    match table.kind {
        TableKind::Partitioned if table.leaves_behind.is_empty() => format!("{} AS {alias}", qualified(&table.name)),
        TableKind::Partitioned => leaves_that_come(table, alias),
        _ => own_rows(&table.name, alias),
    }
}

/// The rows of a partitioned table without those of leaves that stay behind: these are not even asked.
fn leaves_that_come(table: &Table, alias: &str) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| ident(&column.name)).collect();
    let system = ["tableoid", "ctid", "xmin"].map(str::to_owned);
    let select = format!("SELECT {}", [&system[..], &columns].concat().join(", "));
    let leaves: Vec<String> =
        table.leaves.iter().map(|leaf| format!("{select} FROM ONLY {}", qualified(&leaf.name))).collect();
    match leaves.is_empty() {
        true => format!("({select} FROM {} WHERE false) AS {alias}", qualified(&table.name)),
        false => format!("({}) AS {alias}", leaves.join(" UNION ALL ")),
    }
}

/// FROM item of the rows that a relation holds by itself: an ordinary table or a leaf partition.
pub fn own_rows(relation: &QualifiedName, alias: &str) -> String {
    format!("ONLY {} AS {alias}", qualified(relation))
}

/// `LOCK TABLE` of the plan's tables, so that none is dropped or altered under the run.
pub fn lock_statement(tables: &[&Table]) -> String {
    let names: Vec<String> = tables.iter().map(|table| qualified(&table.name)).collect();
    format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "))
}
