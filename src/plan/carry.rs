//! Masks on keys, carried to the columns that refer to them, and shown to give both ends the same values.

use std::collections::HashMap;

use crate::anonymize::{Uniqueness, agrees, uniqueness};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Catalog, Reference, Table, is_loose_pair};
use crate::types::{ColumnId, TableId};

use super::columns::Masks;
use super::{ColumnMasks, TableMode};

/// A rule that cannot be, with the column that states it.
pub(super) type Misfit = (TableId, ColumnId, Error);

const KEEP_BOTH: &str = "mask the referenced key only, its references follow; or keep both";

/// A column that refers, and the one it refers to.
#[derive(Clone, Copy)]
struct Pair<'c> {
    reference: &'c Reference,
    child: (TableId, ColumnId),
    parent: (TableId, ColumnId),
}

/// The rules as they come to stand, and which reference brought them.
struct Carried<'c> {
    catalog: &'c Catalog,
    masks: Masks,
    by: HashMap<(TableId, ColumnId), Pair<'c>>,
}

/// A mask on a referenced key is applied to every kept column that refers to it, in the same domain, along chains of
/// references; then each reference is shown to hold.
///
/// # Errors
/// `Plan` with the column whose rule stands in the way.
pub(super) fn carry_to_references(
    catalog: &Catalog,
    modes: &[(TableMode, String)],
    stated: &Masks,
) -> Result<Masks, Misfit> {
    let brings = |table: TableId| modes[table.index()].0 != TableMode::None;
    let references = catalog.references.iter().filter(|r| brings(r.child) && brings(r.parent));
    let pairs: Vec<Pair<'_>> = references.flat_map(pairs).collect();
    let mut carried = Carried { catalog, masks: stated.clone(), by: HashMap::new() };
    // Each column is given a rule once, so this ends.
    while let Some(pair) = pairs.iter().find(|pair| carried.is_due(pair)) {
        carried.carry(*pair);
    }
    pairs.iter().try_for_each(|pair| carried.check(pair))?;
    Ok(carried.masks)
}

fn pairs(reference: &Reference) -> impl Iterator<Item = Pair<'_>> {
    let columns = reference.child_columns.iter().zip(&reference.parent_columns);
    columns.map(move |(child, parent)| Pair {
        reference,
        child: (reference.child, *child),
        parent: (reference.parent, *parent),
    })
}

fn is_kept(masks: &ColumnMasks) -> bool {
    masks.member.spec == MaskSpec::Keep && masks.support.spec == MaskSpec::Keep
}

fn is_null(masks: &ColumnMasks) -> bool {
    masks.member.spec == MaskSpec::Null && masks.support.spec == MaskSpec::Null
}

impl<'c> Carried<'c> {
    fn of(&self, (table, column): (TableId, ColumnId)) -> Option<&ColumnMasks> {
        self.masks[table.index()][column.index()].as_ref()
    }

    fn is_due(&self, pair: &Pair<'_>) -> bool {
        self.of(pair.child).is_some_and(is_kept) && self.of(pair.parent).is_some_and(|masks| !is_kept(masks))
    }

    fn carry(&mut self, pair: Pair<'c>) {
        let (table, column) = pair.child;
        self.masks[table.index()][column.index()] = self.of(pair.parent).cloned();
        self.by.insert(pair.child, pair);
    }

    fn check(&self, pair: &Pair<'_>) -> Result<(), Misfit> {
        let Some(of_parent) = self.of(pair.parent) else { return Ok(()) };
        let at_parent = |error| (pair.parent.0, pair.parent.1, error);
        let Some(of_child) = self.of(pair.child) else {
            let generated = self.column_of(pair.child).generated && !is_kept(of_parent);
            return if generated { Err(at_parent(self.generated(pair, of_parent))) } else { Ok(()) };
        };
        if is_kept(of_parent) && is_kept(of_child) || self.is_given_up(pair) {
            return Ok(());
        }
        let is_loose = is_loose_pair(self.column_of(pair.child), self.column_of(pair.parent), pair.reference.array);
        if !is_kept(of_parent) && is_loose {
            return Err(at_parent(loose_key_mask(self.catalog.table(pair.parent.0), pair.parent.1, of_parent)));
        }
        if of_child != of_parent {
            return Err((pair.child.0, pair.child.1, self.different(pair, of_child, of_parent)));
        }
        let is_carried = self.by.contains_key(&pair.child);
        self.check_key(pair, of_parent, is_carried).map_err(at_parent)
    }

    /// The profile says that the column becomes NULL; under MATCH FULL, that all columns of the reference do.
    fn is_given_up(&self, pair: &Pair<'_>) -> bool {
        let becomes_null = |at: (TableId, ColumnId)| self.of(at).is_some_and(is_null) && !self.by.contains_key(&at);
        let Reference { child, child_columns, match_full, .. } = pair.reference;
        becomes_null(pair.child) && (!match_full || child_columns.iter().all(|id| becomes_null((*child, *id))))
    }

    fn column_of(&self, (table, column): (TableId, ColumnId)) -> &crate::schema::Column {
        self.catalog.table(table).column(column)
    }

    fn name(&self, place: (TableId, ColumnId)) -> String {
        format!("{}.{}", self.catalog.table(place.0).name, self.column_of(place).name)
    }

    fn generated(&self, pair: &Pair<'_>, of_parent: &ColumnMasks) -> Error {
        let (child, parent) = (self.name(pair.child), self.name(pair.parent));
        let what = format!("{child} is generated, and so cannot follow {} on {parent}", of_parent.member.spec.name());
        Error::new(ErrorKind::Plan, what).with_remedy("keep the key, or give one of the tables rows = \"none\"")
    }

    /// The ends differ: by what is stated, or because the column follows another key already.
    fn different(&self, pair: &Pair<'_>, of_child: &ColumnMasks, of_parent: &ColumnMasks) -> Error {
        if let Some(other) = self.by.get(&pair.child) {
            let (child, first, second) = (self.name(pair.child), self.name(other.parent), self.name(pair.parent));
            let (of_first, of_second) = (shown(of_child), shown(of_parent));
            let what =
                format!("{child} refers to {first} ({of_first}) and to {second} ({of_second}): it cannot follow both");
            return Error::new(ErrorKind::Plan, what).with_remedy(
                "give both keys the same rule in the same domain, as { uuid = { domain = \"…\" } }, or keep both",
            );
        }
        let (describe, child, parent) = (self.catalog.describe(pair.reference), shown(of_child), shown(of_parent));
        let what = format!("{describe}: the two ends have different rules ({child} and {parent})");
        Error::new(ErrorKind::Plan, what).with_remedy(KEEP_BOTH)
    }

    /// The rule gives a key and what refers to it the same value.
    fn check_key(&self, pair: &Pair<'_>, masks: &ColumnMasks, is_carried: bool) -> Result<()> {
        let spec = &masks.member.spec;
        let refuse = |why: &str| {
            let what = format!("{} is referenced, and {} {why}", self.name(pair.parent), spec.name());
            Err(Error::new(ErrorKind::Plan, what).with_remedy(KEEP_BOTH))
        };
        if masks.member != masks.support {
            return refuse("must be the same for members and support rows there");
        }
        // Two rows' conditions, expressions and templates need not agree about one key.
        if looks_at_row(spec) {
            return refuse("is no function of the key alone");
        }
        if is_carried && pair.reference.array {
            return refuse("cannot follow into an array of references");
        }
        let data_type = &self.column_of(pair.parent).data_type;
        if is_carried && uniqueness(spec, data_type).0 == Uniqueness::No {
            return refuse("does not keep values apart");
        }
        agrees(spec, &self.column_of(pair.child).data_type, data_type).or_else(|why| {
            let child = self.name(pair.child);
            refuse(&format!("may give {child} another value than the key that it names: {why}"))
        })
    }
}

fn looks_at_row(spec: &MaskSpec) -> bool {
    spec.depends_on_row()
        || matches!(spec.plain(), MaskSpec::Template(_))
        || spec.rules_inside().iter().any(|rule| looks_at_row(&rule.spec))
}

/// The rules with their domains, in which alone two ends may differ.
fn shown(masks: &ColumnMasks) -> String {
    let one = |rule: &MaskRule| match &rule.domain {
        Some(domain) => format!("{} in the domain {domain}", rule.spec.name()),
        None => rule.spec.name().to_owned(),
    };
    if masks.member == masks.support {
        return one(&masks.member);
    }
    format!("{}; support rows: {}", one(&masks.member), one(&masks.support))
}

/// Masks are functions of a value's bytes: a key and another spelling of it would part.
fn loose_key_mask(table: &Table, column: ColumnId, masks: &ColumnMasks) -> Error {
    let what = format!(
        "{}.{} is referenced by keys that may be equal without being the same text (by its type, or under a collation \
         that is not deterministic), and {} would give equal keys different values",
        table.name,
        table.column(column).name,
        masks.member.spec.name()
    );
    Error::new(ErrorKind::Plan, what).with_remedy("keep the key and its references, or give the tables rows = \"none\"")
}
