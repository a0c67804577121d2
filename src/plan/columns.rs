//! Rules of columns: everything decided, NULL allowed, uniqueness shown.

use crate::error::{Error, ErrorKind, Result};
use crate::profile::{ColumnRule, MaskRule, MaskSpec, Profile};
use crate::schema::{Catalog, Check, Table};
use crate::types::{ColumnId, TableId};

use super::carry::carry_to_references;
use super::names::Stated;
use super::nullable::domain_forbids_null;
use super::unique::check_unique;
use super::{ColumnMasks, TableMode};

pub(super) type Masks = Vec<Vec<Option<ColumnMasks>>>;

/// The rule that a masked column needs the secret key for.
pub(super) fn needs_key(masks: &ColumnMasks) -> bool {
    crate::anonymize::needs_key([&masks.member, &masks.support])
}

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
    let (masks, undecided) = decided(catalog, stated, brings);
    if !undecided.is_empty() {
        return Err(undecided_error(catalog, profile, &undecided));
    }
    let masks = carry_to_references(catalog, modes, &masks).map_err(|(.., error)| error)?;
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

/// NULL, partitions and unique indexes allow the rules of a column.
pub(super) fn check_column(table: &Table, masks: &[Option<ColumnMasks>], id: ColumnId) -> Result<()> {
    check_null(table, masks, id)?;
    check_partitions(table, masks, id)?;
    check_unique(table, masks, id)
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

/// A row whose key changes goes to another partition, if there is one for it.
fn check_partitions(table: &Table, masks: &[Option<ColumnMasks>], id: ColumnId) -> Result<()> {
    let of_column = masks[id.index()].as_ref().filter(|_| table.gapped_key.contains(&id));
    let changing = of_column
        .and_then(|masks| [&masks.member.spec, &masks.support.spec].into_iter().find(|spec| **spec != MaskSpec::Keep));
    let Some(spec) = changing else { return Ok(()) };
    let what = format!(
        "{}.{} is in the partition key, and there may be no partition for what {} makes of it",
        table.name,
        table.column(id).name,
        spec.name()
    );
    Err(Error::new(ErrorKind::Plan, what)
        .with_remedy("keep the column, or add a default partition in the source's schema"))
}
