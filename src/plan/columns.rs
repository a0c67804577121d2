//! Rules of columns: everything decided, masks on keys carried to their references, uniqueness shown.

use std::collections::BTreeMap;

use crate::anonymize::{Uniqueness, template_columns, uniqueness};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{ColumnRule, MaskRule, MaskSpec, Profile};
use crate::schema::{Catalog, Check, Index, Table};
use crate::types::ColumnId;

use super::make::{column_names, did_you_mean, is_left_out, table_names};
use super::modes::profile_error;
use super::nullable::domain_forbids_null;
use super::{ColumnMasks, TableMode};

type Masks = Vec<Vec<Option<ColumnMasks>>>;

/// The rule that a masked column needs the secret key for.
pub(super) fn needs_key(masks: &ColumnMasks) -> bool {
    crate::anonymize::needs_key([&masks.member, &masks.support])
}

/// Decides every copied column of every table that brings rows.
///
/// # Errors
/// `Profile` for names that do not exist and rules that contradict each other, `Undecided` listing every undecided
/// column, `Plan` for a mask that a key or unique index rules out.
pub(super) fn decide(catalog: &Catalog, profile: &Profile, modes: &[(TableMode, String)]) -> Result<Masks> {
    let stated = stated_rules(catalog, profile)?;
    let mut undecided: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut masks: Masks = Vec::with_capacity(catalog.tables.len());
    for table in &catalog.tables {
        let mut of_table = vec![None; table.columns.len()];
        if modes[table.id.index()].0 != TableMode::None {
            for (id, column) in table.copied_columns() {
                match stated[table.id.index()].get(&id) {
                    Some(ColumnRule::Decided { member, support }) => {
                        let support = support.clone().unwrap_or_else(|| member.clone());
                        of_table[id.index()] = Some(ColumnMasks { member: member.clone(), support });
                    }
                    Some(ColumnRule::Undecided) | None => {
                        undecided.entry(table.name.to_string()).or_default().push(column.name.clone());
                    }
                }
            }
        }
        masks.push(of_table);
    }
    if !undecided.is_empty() {
        let count: usize = undecided.values().map(Vec::len).sum();
        let list: Vec<String> = undecided.iter().map(|(t, columns)| format!("  {t}: {}", columns.join(", "))).collect();
        return Err(Error::new(
            ErrorKind::Undecided,
            format!(
                "{}: {count} columns are not decided, so nothing was moved:\n{}",
                profile.path.display(),
                list.join("\n")
            ),
        )
        .with_remedy("give each a rule under [columns.TABLE]: \"keep\" or a mask"));
    }
    carry_to_references(catalog, modes, &mut masks)?;
    for table in &catalog.tables {
        if modes[table.id.index()].0 != TableMode::None {
            check_null(table, &masks[table.id.index()])?;
            check_unique(table, &masks[table.id.index()])?;
        }
    }
    Ok(masks)
}

fn stated_rules<'a>(catalog: &Catalog, profile: &'a Profile) -> Result<Vec<BTreeMap<ColumnId, &'a ColumnRule>>> {
    let mut stated: Vec<BTreeMap<ColumnId, &ColumnRule>> = vec![BTreeMap::new(); catalog.tables.len()];
    for (table_name, rules) in &profile.columns {
        if is_left_out(catalog, table_name) {
            continue;
        }
        let id = catalog.find_table(table_name).ok_or_else(|| {
            let hint = did_you_mean(table_name, &table_names(catalog));
            profile_error(profile, format!("columns.{table_name}: the source has no table {table_name:?}{hint}"))
        })?;
        let table = catalog.table(id);
        for (name, rule) in rules {
            let column = table.find_column(name).ok_or_else(|| {
                let hint = did_you_mean(name, &column_names(table));
                profile_error(
                    profile,
                    format!("columns.{table_name}.{name}: {} has no column {name:?}{hint}", table.name),
                )
            })?;
            if stated[id.index()].insert(column, rule).is_some() {
                let what = format!("columns.{table_name}.{name}: the column is stated twice, as {} too", table.name);
                return Err(profile_error(profile, what));
            }
        }
    }
    Ok(stated)
}

/// A mask on a referenced key is applied to every column that refers to it, in the same domain, along chains of
/// references until nothing changes.
fn carry_to_references(catalog: &Catalog, modes: &[(TableMode, String)], masks: &mut Masks) -> Result<()> {
    let brings = |index: usize| modes[index].0 != TableMode::None;
    let mut carried = vec![Vec::<ColumnId>::new(); catalog.tables.len()];
    for _ in 0..=catalog.references.len() {
        let mut changed = false;
        for reference in &catalog.references {
            let (child, parent) = (reference.child.index(), reference.parent.index());
            if !brings(child) || !brings(parent) {
                continue;
            }
            for (child_column, parent_column) in reference.child_columns.iter().zip(&reference.parent_columns) {
                let Some(of_parent) = masks[parent][parent_column.index()].clone() else { continue };
                let Some(of_child) = masks[child][child_column.index()].clone() else { continue };
                let kept =
                    |masks: &ColumnMasks| masks.member.spec == MaskSpec::Keep && masks.support.spec == MaskSpec::Keep;
                if !kept(&of_parent) && catalog.compares_loosely(reference) {
                    return Err(loose_key_mask(catalog.table(reference.parent), *parent_column, &of_parent));
                }
                if of_child == of_parent {
                    // Two rows' conditions and expressions need not agree about one key.
                    if [&of_parent.member, &of_parent.support].iter().any(|rule| rule.spec.depends_on_row()) {
                        check_key_mask(catalog.table(reference.parent), *parent_column, &of_parent, reference.array)?;
                    }
                    continue;
                }
                let describe = catalog.describe(reference);
                if kept(&of_parent) && of_child.member.spec == MaskSpec::Null && of_child.support.spec == MaskSpec::Null
                {
                    continue;
                }
                if kept(&of_parent) || !(kept(&of_child) || carried[child].contains(child_column)) {
                    return Err(Error::new(
                        ErrorKind::Plan,
                        format!(
                            "{describe}: the two ends have different rules ({} and {})",
                            of_child.member.spec.name(),
                            of_parent.member.spec.name()
                        ),
                    )
                    .with_remedy("mask the referenced key only, its references follow; or keep both"));
                }
                check_key_mask(catalog.table(reference.parent), *parent_column, &of_parent, reference.array)?;
                carried[child].push(*child_column);
                masks[child][child_column.index()] = Some(of_parent);
                changed = true;
            }
        }
        if !changed {
            return Ok(());
        }
    }
    Ok(())
}

/// Masks are functions of a value's bytes: a key and another spelling of it would part.
fn loose_key_mask(table: &Table, column: ColumnId, masks: &ColumnMasks) -> Error {
    let what = format!(
        "{}.{} is referenced under a collation that is not deterministic, and {} would give equal keys different values",
        table.name,
        table.column(column).name,
        masks.member.spec.name()
    );
    Error::new(ErrorKind::Plan, what).with_remedy("keep the key and its references, or give the tables rows = \"none\"")
}

fn check_key_mask(table: &Table, column: ColumnId, masks: &ColumnMasks, array: bool) -> Result<()> {
    let name = &table.column(column).name;
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::Plan,
            format!("{}.{name} is referenced, and {} {why}", table.name, masks.member.spec.name()),
        ))
    };
    if array {
        return refuse("cannot follow into an array of references");
    }
    if masks.member != masks.support {
        return refuse("must be the same for members and support rows there");
    }
    match uniqueness(&masks.member.spec, &table.column(column).data_type).0 {
        Uniqueness::No => refuse("does not keep values apart"),
        _ if masks.member.spec.depends_on_row()
            || matches!(masks.member.spec, MaskSpec::Template(_) | MaskSpec::Null | MaskSpec::Constant(_)) =>
        {
            refuse("is no function of the key alone")
        }
        _ => Ok(()),
    }
}

fn check_null(table: &Table, masks: &[Option<ColumnMasks>]) -> Result<()> {
    for (at, (column, masks)) in table.columns.iter().zip(masks).enumerate() {
        let id = ColumnId::from_index(at);
        let is_null = |rule: &MaskRule| *rule.spec.plain() == MaskSpec::Null;
        let nulls = masks.as_ref().is_some_and(|m| is_null(&m.member) || is_null(&m.support));
        if nulls && column.not_null {
            return Err(Error::new(
                ErrorKind::Plan,
                format!("{}.{}: the rule is null, but the column is NOT NULL", table.name, column.name),
            )
            .with_remedy("choose another mask, such as constant"));
        }
        if nulls && table.checks.iter().any(|check| check.definition == Check::NOT_NULL && check.columns == [id]) {
            let what = "the rule is null, but the column is NOT NULL in a partition, or for new rows";
            return Err(Error::new(ErrorKind::Plan, format!("{}.{}: {what}", table.name, column.name))
                .with_remedy("choose another mask, such as constant"));
        }
        if nulls && domain_forbids_null(column) {
            let what = "the rule is null, but the CHECK of the column's domain may forbid NULL";
            return Err(Error::new(ErrorKind::Plan, format!("{}.{}: {what}", table.name, column.name))
                .with_remedy("choose another mask, such as constant"));
        }
    }
    Ok(())
}

/// Every unique index keeps its promise under the masks on its columns.
fn check_unique(table: &Table, masks: &[Option<ColumnMasks>]) -> Result<()> {
    for index in table.indexes.iter().filter(|index| index.unique) {
        for (id, column) in table.copied_columns() {
            let Some(of_column) = &masks[id.index()] else { continue };
            for rule in [&of_column.member, &of_column.support] {
                if touches(index, id, &column.name) && !keeps_apart(table, masks, index, id, rule) {
                    return Err(Error::new(
                        ErrorKind::Plan,
                        format!(
                            "{}.{}: the rule {} can give two rows the same value, and the unique index {} forbids that",
                            table.name, column.name, rule.spec.name(), index.name
                        ),
                    )
                    .with_remedy("choose a mask that keeps values apart: email, username, uuid, hash, or a template with the row's key"));
                }
            }
        }
    }
    Ok(())
}

fn touches(index: &Index, id: ColumnId, name: &str) -> bool {
    let hidden = index.partial || index.columns.contains(&None);
    index.columns.contains(&Some(id)) || (hidden && mentions(&index.definition, name))
}

/// The name stands in an index definition as a word of its own.
fn mentions(definition: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    definition
        .match_indices(name)
        .any(|(at, _)| !definition[..at].ends_with(part) && !definition[at + name.len()..].starts_with(part))
}

fn keeps_apart(table: &Table, masks: &[Option<ColumnMasks>], index: &Index, id: ColumnId, rule: &MaskRule) -> bool {
    match (&rule.spec, uniqueness(&rule.spec, &table.column(id).data_type).0) {
        (MaskSpec::Keep, _) => true,
        (MaskSpec::Null, _) => !index.nulls_not_distinct,
        (MaskSpec::Template(text), _) => template_has_key(table, masks, text),
        (_, Uniqueness::No) => false,
        _ => true,
    }
}

/// The template holds a column that is a unique key by itself, is never NULL, and is kept apart under its own rules.
/// Keys of several columns do not count: `{a}{b}` gives the same text for 1, 23 and 12, 3.
fn template_has_key(table: &Table, masks: &[Option<ColumnMasks>], text: &str) -> bool {
    let placeholders = template_columns(text).unwrap_or_default();
    let apart = |id: ColumnId| {
        masks[id.index()].as_ref().is_some_and(|m| {
            [&m.member, &m.support].into_iter().all(|rule| {
                !matches!(rule.spec, MaskSpec::Template(_))
                    && uniqueness(&rule.spec, &table.column(id).data_type).0 != Uniqueness::No
            })
        })
    };
    table.unique_keys.iter().any(|key| match key.columns.as_slice() {
        [id] => table.column(*id).not_null && placeholders.contains(&table.column(*id).name) && apart(*id),
        _ => false,
    })
}
