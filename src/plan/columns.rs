//! Rules of columns: everything decided, masks on keys carried to their references, uniqueness shown.

use std::collections::BTreeMap;

use crate::anonymize::{Uniqueness, uniqueness};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{ColumnRule, MaskSpec, Profile};
use crate::schema::{Catalog, Check, Table};
use crate::types::ColumnId;

use super::make::{column_names, did_you_mean, is_left_out, table_names};
use super::modes::profile_error;
use super::nullable::domain_forbids_null;
use super::unique::check_unique;
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
        _ if matches!(masks.member.spec, MaskSpec::Template(_) | MaskSpec::Null | MaskSpec::Constant(_)) => {
            refuse("is no function of the key alone")
        }
        _ => Ok(()),
    }
}

fn check_null(table: &Table, masks: &[Option<ColumnMasks>]) -> Result<()> {
    for (at, (column, masks)) in table.columns.iter().zip(masks).enumerate() {
        let id = ColumnId::from_index(at);
        let nulls = masks.as_ref().is_some_and(|m| m.member.spec == MaskSpec::Null || m.support.spec == MaskSpec::Null);
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
