//! Rules of columns: everything decided, masks on keys carried to their references, uniqueness shown.

use crate::anonymize::{Uniqueness, uniqueness};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{ColumnRule, MaskRule, MaskSpec, Profile};
use crate::schema::{Catalog, Check, Table};
use crate::types::{ColumnId, TableId};

use super::names::Stated;
use super::nullable::domain_forbids_null;
use super::unique::check_unique;
use super::{ColumnMasks, TableMode};

pub(super) type Masks = Vec<Vec<Option<ColumnMasks>>>;

/// The rule that a masked column needs the secret key for.
pub(super) fn needs_key(masks: &ColumnMasks) -> bool {
    crate::anonymize::needs_key([&masks.member, &masks.support])
}

/// A rule that cannot be, with the column that states it.
pub(super) type Misfit = (TableId, ColumnId, Error);

/// Decides every copied column of every table that brings rows.
///
/// # Errors
/// `Undecided` listing every undecided column, `Plan` for a mask that a key or unique index rules out.
pub(super) fn decide(
    catalog: &Catalog,
    profile: &Profile,
    stated: &Stated<'_>,
    modes: &[(TableMode, String)],
) -> Result<Masks> {
    let brings = |table: TableId| modes[table.index()].0 != TableMode::None;
    let (mut masks, undecided) = decided(catalog, stated, brings);
    if !undecided.is_empty() {
        return Err(undecided_error(catalog, profile, &undecided));
    }
    carry_to_references(catalog, modes, &mut masks).map_err(|(.., error)| error)?;
    for table in &catalog.tables {
        for (column, _) in table.copied_columns() {
            check_column(table, &masks[table.id.index()], column)?;
        }
    }
    Ok(masks)
}

/// The rules as stated, and by table the columns without one.
pub(super) fn decided(
    catalog: &Catalog,
    stated: &Stated<'_>,
    brings: impl Fn(TableId) -> bool,
) -> (Masks, Vec<(TableId, Vec<ColumnId>)>) {
    let mut undecided = Vec::new();
    let mut masks: Masks = Vec::with_capacity(catalog.tables.len());
    for table in &catalog.tables {
        let mut of_table = vec![None; table.columns.len()];
        let mut open = Vec::new();
        for (id, _) in table.copied_columns().filter(|_| brings(table.id)) {
            match stated[table.id.index()].get(&id) {
                Some(ColumnRule::Decided { member, support }) => {
                    let support = support.clone().unwrap_or_else(|| member.clone());
                    of_table[id.index()] = Some(ColumnMasks { member: member.clone(), support });
                }
                Some(ColumnRule::Undecided) | None => open.push(id),
            }
        }
        if !open.is_empty() {
            undecided.push((table.id, open));
        }
        masks.push(of_table);
    }
    (masks, undecided)
}

/// Every undecided column, with the first line where the profile could say more of the table.
fn undecided_error(catalog: &Catalog, profile: &Profile, undecided: &[(TableId, Vec<ColumnId>)]) -> Error {
    let count: usize = undecided.iter().map(|(_, columns)| columns.len()).sum();
    let lines: Vec<String> = undecided
        .iter()
        .map(|(id, columns)| {
            let table = catalog.table(*id);
            let names: Vec<&str> = columns.iter().map(|column| table.column(*column).name.as_str()).collect();
            let written = profile.columns.keys().find(|written| catalog.find_table(written) == Some(*id));
            let path = written.map(|written| ["columns", written.as_str(), names.first().copied().unwrap_or_default()]);
            let line = path.and_then(|path| profile.places.key(&path)).filter(|_| written.is_some());
            let line = line.map(|(line, _)| format!(" (line {line})")).unwrap_or_default();
            format!("  {}: {}{line}", table.name, names.join(", "))
        })
        .collect();
    let what = format!(
        "{}: {count} columns are not decided, so nothing was moved:\n{}",
        profile.path.display(),
        lines.join("\n")
    );
    Error::new(ErrorKind::Undecided, what).with_remedy(
        "give each a rule under [columns.TABLE]: \"keep\" or a mask; rows = \"none\" under [tables.TABLE] leaves all rows \
         of a table behind; `tithe profile update` writes missing columns down with a proposal",
    )
}

/// NULL and unique indexes allow the rules of a column.
pub(super) fn check_column(table: &Table, masks: &[Option<ColumnMasks>], id: ColumnId) -> Result<()> {
    check_null(table, masks, id)?;
    check_unique(table, masks, id)
}

/// A mask on a referenced key is applied to every column that refers to it, in the same domain, along chains of
/// references until nothing changes.
///
/// # Errors
/// `Plan` with the column whose rule stands in the way.
pub(super) fn carry_to_references(
    catalog: &Catalog,
    modes: &[(TableMode, String)],
    masks: &mut Masks,
) -> Result<(), Misfit> {
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
                    let error = loose_key_mask(catalog.table(reference.parent), *parent_column, &of_parent);
                    return Err((reference.parent, *parent_column, error));
                }
                if of_child == of_parent {
                    // Two rows' conditions and expressions need not agree about one key.
                    if [&of_parent.member, &of_parent.support].iter().any(|rule| rule.spec.depends_on_row()) {
                        let checked = check_key_mask(
                            catalog.table(reference.parent),
                            *parent_column,
                            &of_parent,
                            reference.array,
                        );
                        checked.map_err(|error| (reference.parent, *parent_column, error))?;
                    }
                    continue;
                }
                let describe = catalog.describe(reference);
                if kept(&of_parent) && of_child.member.spec == MaskSpec::Null && of_child.support.spec == MaskSpec::Null
                {
                    continue;
                }
                if kept(&of_parent) || !(kept(&of_child) || carried[child].contains(child_column)) {
                    let error = Error::new(
                        ErrorKind::Plan,
                        format!(
                            "{describe}: the two ends have different rules ({} and {})",
                            of_child.member.spec.name(),
                            of_parent.member.spec.name()
                        ),
                    )
                    .with_remedy("mask the referenced key only, its references follow; or keep both");
                    return Err((reference.child, *child_column, error));
                }
                check_key_mask(catalog.table(reference.parent), *parent_column, &of_parent, reference.array)
                    .map_err(|error| (reference.parent, *parent_column, error))?;
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

fn check_null(table: &Table, masks: &[Option<ColumnMasks>], id: ColumnId) -> Result<()> {
    let column = table.column(id);
    let is_null = |rule: &MaskRule| *rule.spec.plain() == MaskSpec::Null;
    let nulls = masks[id.index()].as_ref().is_some_and(|m| is_null(&m.member) || is_null(&m.support));
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
    Ok(())
}
