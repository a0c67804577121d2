//! Unique indexes and exclusion constraints under the chosen masks: shown before a row moves that they still hold.
//!
//! An index holds when it contains a key whose columns stay apart, or when every masked column that it looks at keeps
//! values apart: as a plain column, under `lower()` or `upper()`, and for members and support rows together. What else
//! an index may compute of a masked column cannot be followed, and a condition on one would let other rows in. A
//! generated column in an index counts as its expression.

use crate::anonymize::{Uniqueness, uniqueness};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Column, ColumnType, Index, Table, TypeClass};
use crate::types::ColumnId;

use super::ColumnMasks;
use super::apart::{keeps_apart, survives_folding, together};
use super::index_text::{is_folded, mentions, parts, spellings, split_keys, takes_row, without_shapes};

pub(super) type Masks = [Option<ColumnMasks>];

const REMEDY: &str =
    "choose a mask that keeps values apart: email, username, uuid, hash, or a template with the row's key";

const ROOM: &str =
    "choose a mask that keeps values apart at any length: token, phone, postal_code, or a template with the row's key";

/// What the masks of one column do to the indexes that look at it.
///
/// # Errors
/// `Plan`, naming table, column, rule and index.
pub(super) fn check_unique(table: &Table, masks: &Masks, id: ColumnId) -> Result<()> {
    let Some(of_column) = masks[id.index()].as_ref().filter(|masks| is_masked(masks)) else { return Ok(()) };
    for index in table.indexes.iter().filter(|index| index.unique || is_exclusion(index)) {
        if contains_key(table, masks, index) {
            continue;
        }
        if let Some(fault) = fault(table, masks, index, id, of_column) {
            let (rules, what) = (rules(of_column), fault.what(index));
            let place = format!("{}.{}", table.name, table.column(id).name);
            let (cause, remedy) = match chars_too_few(&table.column(id).data_type, fault, of_column) {
                Some(chars) => (format!(" (the column takes at most {chars} characters, too few for it)"), ROOM),
                None => (String::new(), fault.remedy()),
            };
            return Err(Error::new(ErrorKind::Plan, format!("{place}: {rules} {what}{cause}")).with_remedy(remedy));
        }
    }
    Ok(())
}

/// Why a rule on this column would break an index of the table, all other columns kept; `None`: it would not.
pub fn unique_fault(table: &Table, id: ColumnId, rule: &MaskRule) -> Option<String> {
    let mut masks = vec![None; table.columns.len()];
    masks[id.index()] = Some(ColumnMasks { member: rule.clone(), support: rule.clone() });
    check_unique(table, &masks, id).err().map(|error| {
        let place = format!("{}.{}: ", table.name, table.column(id).name);
        error.action().strip_prefix(&place).unwrap_or(error.action()).to_owned()
    })
}

/// What is likely and not shown: that no kept value reads like what a template gives to the other rows, and that of one
/// address no two spellings get the same. The index itself finds out, before the swap.
pub(super) fn unproven(table: &Table, masks: &Masks) -> Vec<String> {
    let mut found = Vec::new();
    for index in table.indexes.iter().filter(|index| index.unique && !contains_key(table, masks, index)) {
        for (id, column) in table.copied_columns().filter(|(id, _)| index.columns.contains(&Some(*id))) {
            let specs = masks[id.index()].as_ref().map(|masks| (&masks.member.spec, &masks.support.spec));
            if specs.is_some_and(|(one, other)| [one, other].into_iter().any(is_address))
                && tells_case(table, index, id)
            {
                found.push(format!(
                    "{}.{}: of addresses that differ in case only, one pair in about a thousand may get the same; then \
                     the unique index {} ends the run. username or a template with the row's key keeps them apart",
                    table.name, column.name, index.name
                ));
            }
            if let Some((MaskSpec::Keep, MaskSpec::Template(_)) | (MaskSpec::Template(_), MaskSpec::Keep)) = specs {
                found.push(format!(
                    "{}.{}: if a kept value reads like the template's for another row, the unique index {} ends the run",
                    table.name, column.name, index.name
                ));
            }
        }
    }
    found
}

fn is_address(spec: &MaskSpec) -> bool {
    matches!(spec.plain(), MaskSpec::Email { .. })
}

/// Values that differ in case only are two in the index, and no other index of the column forbids them.
fn tells_case(table: &Table, index: &Index, id: ColumnId) -> bool {
    let column = table.column(id);
    let forbids = |other: &Index| {
        let (keys, _) = parts(&other.definition);
        let folds = is_folded(keys, &column.name) || (other.columns == [Some(id)] && is_loose(table, other, id));
        other.unique && !other.partial && other.columns.len() == 1 && folds
    };
    let folds = column.data_type.class == TypeClass::Citext || is_loose(table, index, id);
    !folds && !table.indexes.iter().any(forbids)
}

/// The index looks at the column: as a key, in an expression, or in its condition.
pub fn looks_at(index: &Index, table: &Table, id: ColumnId) -> bool {
    let (keys, condition) = parts(&index.definition);
    let written = |text: &str| takes_row(text) || mentions(text, &table.column(id).name);
    index.columns.contains(&Some(id))
        || (index.columns.contains(&None) && written(keys))
        || (index.partial && written(condition))
}

/// Why an index may not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The mask, by itself.
    Collides,
    /// Letters of other case are the same in the index.
    Folds,
    /// What differs may be equal under the index's collation.
    Loosely,
    /// Members' and support rows' values may meet.
    Audiences,
    /// An expression other than the column, `lower()` or `upper()` of it.
    Expression,
    /// Other rows would be subject to it.
    Condition,
}

impl Fault {
    fn what(self, index: &Index) -> String {
        let kind = if is_exclusion(index) { "exclusion constraint" } else { "unique index" };
        let name = &index.name;
        match self {
            Self::Collides => format!("can give two rows the same value, and the {kind} {name} forbids that"),
            Self::Folds => {
                format!("can give two rows values that differ in case only, and the {kind} {name} forbids that")
            }
            Self::Loosely => {
                format!("can give two rows values that are the same in the collation of the {kind} {name}")
            }
            Self::Audiences => {
                format!("can give a member and a support row the same value, and the {kind} {name} forbids that")
            }
            Self::Expression => {
                format!("cannot be followed through the expression of the {kind} {name}: two rows may get the same")
            }
            Self::Condition => format!("may bring rows under the condition of the {kind} {name} that were not before"),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Collides | Self::Folds | Self::Loosely => REMEDY,
            Self::Audiences => "give both the same rule, or one of them email, username, uuid or hash",
            Self::Expression | Self::Condition => "keep the column, or drop the index in the source's schema",
        }
    }
}

/// The column's length, where it alone is why the masks do not keep values apart.
fn chars_too_few(data_type: &ColumnType, fault: Fault, masks: &ColumnMasks) -> Option<u32> {
    let chars = data_type.max_chars.filter(|_| fault == Fault::Collides)?;
    let wide = ColumnType { max_chars: None, ..data_type.clone() };
    let in_width = |rule: &MaskRule| {
        let judged = |data_type| uniqueness(&rule.spec, data_type).0;
        judged(&wide) != Uniqueness::No && judged(data_type) == Uniqueness::No
    };
    [&masks.member, &masks.support].into_iter().any(in_width).then_some(chars)
}

fn rules(masks: &ColumnMasks) -> String {
    match masks.member == masks.support {
        true => format!("the rule {}", masks.member.spec.name()),
        false => format!("the rules {} and, for support rows, {}", masks.member.spec.name(), masks.support.spec.name()),
    }
}

fn is_masked(masks: &ColumnMasks) -> bool {
    masks.member.spec != MaskSpec::Keep || masks.support.spec != MaskSpec::Keep
}

/// It is the index of an exclusion constraint.
pub(super) fn is_exclusion(index: &Index) -> bool {
    !index.unique && index.constraint_oid.is_some()
}

/// Another key stands in the index whole and stays apart: then the index says nothing new.
fn contains_key(table: &Table, masks: &Masks, index: &Index) -> bool {
    if !index.unique {
        return false;
    }
    table.unique_keys.iter().filter(|key| key.name != index.name).any(|key| {
        let own = table.indexes.iter().find(|other| other.name == key.name);
        key.columns.iter().all(|id| {
            let column = table.column(*id);
            let stays = masks[id.index()]
                .as_ref()
                .is_none_or(|of_column| !is_masked(of_column) || plain(table, masks, index, *id, of_column).is_none());
            // What is apart byte by byte need not be under a looser collation.
            let as_strict = !is_loose(table, index, *id) || own.is_some_and(|own| is_loose(table, own, *id));
            index.columns.contains(&Some(*id)) && stays && as_strict && (column.not_null || !index.nulls_not_distinct)
        })
    })
}

fn fault(table: &Table, masks: &Masks, index: &Index, id: ColumnId, of_column: &ColumnMasks) -> Option<Fault> {
    let name = &table.column(id).name;
    let (keys, condition) = parts(&index.definition);
    if index.partial && takes_row(condition) {
        return Some(Fault::Condition);
    }
    if index.partial && mentions(condition, name) && !keeps_condition(condition, name, of_column) {
        return Some(Fault::Condition);
    }
    let changes = |(_, column, expression): (ColumnId, &Column, &str)| {
        mentions(condition, &column.name)
            && !(is_folded(expression, name) && keeps_condition(condition, &column.name, of_column))
    };
    if index.partial && generated_from(table, name).any(changes) {
        return Some(Fault::Condition);
    }
    if index.columns.contains(&None) && takes_row(keys) {
        return Some(Fault::Expression);
    }
    if index.columns.contains(&Some(id)) {
        return plain(table, masks, index, id, of_column);
    }
    let made = made_of(table, index, keys, name);
    if made.is_empty() {
        return None;
    }
    if !made.iter().all(|key| is_folded(key, name)) {
        return Some(Fault::Expression);
    }
    plain(table, masks, index, id, of_column).or_else(|| folds(table, masks, of_column).then_some(Fault::Folds))
}

/// What the index makes of the column, itself or by a generated column.
fn made_of<'t>(table: &'t Table, index: &'t Index, keys: &'t str, name: &str) -> Vec<&'t str> {
    let own = if index.columns.contains(&None) { split_keys(keys) } else { Vec::new() };
    let mut found: Vec<&str> = own.iter().copied().filter(|key| mentions(key, name)).collect();
    for (id, column, expression) in generated_from(table, name) {
        if index.columns.contains(&Some(id)) {
            // A `name` keeps 63 bytes of it.
            let is_whole = column.data_type.class != TypeClass::Name;
            found.push(if is_whole { expression } else { &column.name });
        }
        found.extend(own.iter().filter(|key| mentions(key, &column.name)));
    }
    found
}

/// The generated columns whose expressions look at the column.
fn generated_from<'t>(table: &'t Table, name: &str) -> impl Iterator<Item = (ColumnId, &'t Column, &'t str)> {
    table.columns.iter().enumerate().filter_map(move |(at, column)| {
        let expression = column.expression.as_deref().filter(|expression| mentions(expression, name))?;
        Some((ColumnId::from_index(at), column, expression))
    })
}

/// Letters of other case are what keeps some results apart.
fn folds(table: &Table, masks: &Masks, of_column: &ColumnMasks) -> bool {
    [&of_column.member, &of_column.support].iter().any(|rule| !survives_folding(table, masks, rule))
}

/// A column of citext compares what a template gives without case; other rules see and give lower case there.
fn folds_itself(table: &Table, masks: &Masks, id: ColumnId, of_column: &ColumnMasks) -> bool {
    let is_lost =
        |rule: &&MaskRule| matches!(rule.spec, MaskSpec::Template(_)) && !survives_folding(table, masks, rule);
    table.column(id).data_type.class == TypeClass::Citext && [&of_column.member, &of_column.support].iter().any(is_lost)
}

/// The index compares the column, or what is made of it, under a collation that is not deterministic.
fn is_loose(table: &Table, index: &Index, id: ColumnId) -> bool {
    let keys = index.columns.iter().zip(&index.loose);
    let own = |key: &Option<ColumnId>| match index.columns.contains(&Some(id)) {
        true => *key == Some(id),
        false => key.is_none_or(|key| table.column(key).generated),
    };
    keys.into_iter().any(|(key, loose)| *loose && own(key))
}

/// Of the column itself.
fn plain(table: &Table, masks: &Masks, index: &Index, id: ColumnId, of_column: &ColumnMasks) -> Option<Fault> {
    let rules = [&of_column.member, &of_column.support];
    if rules.iter().any(|rule| !keeps_apart(table, masks, index, id, rule)) {
        return Some(Fault::Collides);
    }
    if is_loose(table, index, id) && folds(table, masks, of_column) {
        return Some(Fault::Loosely);
    }
    if folds_itself(table, masks, id, of_column) {
        return Some(Fault::Folds);
    }
    (!together(table, id, of_column)).then_some(Fault::Audiences)
}

/// Masks keep NULL and nothing else of a value, so a condition holds as before only where it asks for NULL.
fn keeps_condition(condition: &str, name: &str, masks: &ColumnMasks) -> bool {
    let rules = [&masks.member.spec, &masks.support.spec].map(MaskSpec::plain);
    // An expression may make NULL of anything, and anything of NULL.
    if rules.iter().any(|spec| matches!(spec, MaskSpec::Sql(_))) {
        return false;
    }
    let nulls = rules.contains(&&MaskSpec::Null);
    let mut rest = condition.to_owned();
    for written in spellings(name) {
        rest = rest.replace(&format!("{written} IS NOT NULL"), "");
        if !nulls {
            rest = rest.replace(&format!("{written} IS NULL"), "");
        }
    }
    // NOT (a IS NOT NULL) is a IS NULL again.
    let turned = nulls && condition.contains("NOT (");
    let keeps_shape = [&masks.member, &masks.support].iter().all(|rule| rule.spec == MaskSpec::Token);
    if keeps_shape {
        rest = without_shapes(&rest, name);
    }
    !turned && !mentions(&rest, name)
}
