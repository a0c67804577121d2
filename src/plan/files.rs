//! Which files the rows name: the profile's entries, bound to the catalog.

use super::findings::Findings;
use super::names::{no_column, no_table};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{
    ColumnRule, FileEntry, FilePaths, FileTreatment, MaskSpec, PathTemplate, ProblemKind, Profile, predicate,
};
use crate::schema::{Catalog, Reference, Table};
use crate::types::{ColumnId, RefId, TableId};

/// One kind of files.
#[derive(Clone, Debug)]
pub struct FilePlan {
    /// As the profile calls it.
    pub name: String,
    /// How rows name them.
    pub paths: PathSource,
    /// Endings that replace the path's own.
    pub variants: Vec<String>,
    /// A file that a row names must be there.
    pub required: bool,
    /// What becomes of them.
    pub treatment: FileTreatment,
}

/// How rows name files.
#[derive(Clone, Debug)]
pub enum PathSource {
    /// A template over a table's columns.
    Template {
        /// The table.
        table: TableId,
        /// SQL predicate.
        filter: Option<String>,
        /// The template.
        path: PathTemplate,
        /// What it needs, in its order.
        columns: Vec<ColumnPath>,
    },
    /// A SELECT on the landed database.
    Query(String),
}

/// A column of the table, or of one that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPath {
    /// From the table on.
    pub references: Vec<RefId>,
    /// The table of the column.
    pub owner: TableId,
    /// In that table.
    pub column: ColumnId,
    /// Where the column is masked: the key by which the source's value of a landed row is known. Empty otherwise.
    pub source_key: Vec<ColumnId>,
}

/// Columns of a table whose values in the source make file paths, and are masked on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The key that a row is known by on both sides.
    pub key: Vec<ColumnId>,
    /// The masked columns.
    pub columns: Vec<ColumnId>,
}

/// What must be remembered of a table's rows while they are masked.
pub fn watched(files: &[FilePlan], table: TableId) -> Watched {
    let mut watched = Watched::default();
    for file in files.iter().filter(|file| file.treatment != FileTreatment::None) {
        let PathSource::Template { columns, .. } = &file.paths else { continue };
        for path in columns.iter().filter(|path| path.owner == table && !path.source_key.is_empty()) {
            watched.key.clone_from(&path.source_key);
            if !watched.columns.contains(&path.column) {
                watched.columns.push(path.column);
            }
        }
    }
    watched
}

/// Tells every name in the entries that the catalog does not have.
pub(super) fn check_names(catalog: &Catalog, profile: &Profile, findings: &mut Findings<'_>) {
    for (at, entry) in profile.vault.files.iter().enumerate() {
        let FilePaths::Template { table: written, path, .. } = &entry.paths else { continue };
        let element = format!("[{at}]");
        let key = |name| ["vault", "files", &element, name];
        let Some(table) = catalog.find_table(written) else {
            findings.value(ProblemKind::Profile, &key("table"), no_table(catalog, written));
            continue;
        };
        for names in path.columns() {
            if let Err(what) = column_path(catalog, table, names) {
                findings.value(ProblemKind::Profile, &key("path"), what);
            }
        }
    }
}

/// Binds all entries.
///
/// # Errors
/// `Undecided` for kinds without a mode, `Profile` where something does not exist.
pub(super) fn files(catalog: &Catalog, profile: &Profile, run_time: &str) -> Result<Vec<FilePlan>> {
    let undecided: Vec<&str> =
        profile.vault.files.iter().filter(|entry| entry.treatment.is_none()).map(|entry| entry.name.as_str()).collect();
    if !undecided.is_empty() {
        return Err(Error::new(
            ErrorKind::Undecided,
            format!("{}: kinds of files without a mode: {}", profile.path.display(), undecided.join(", ")),
        )
        .with_remedy("say mode = \"real\", \"strip-metadata\", \"placeholder\" or \"none\" for each"));
    }
    profile.vault.files.iter().map(|entry| bind(catalog, profile, entry, run_time)).collect()
}

/// One entry.
pub(super) fn bind(catalog: &Catalog, profile: &Profile, entry: &FileEntry, run_time: &str) -> Result<FilePlan> {
    let paths = match &entry.paths {
        FilePaths::Query(sql) => PathSource::Query(sql.clone()),
        FilePaths::Template { table: written, filter, path } => {
            let said = |what: String| {
                let what = format!("{}: vault.files {:?}: {what}", profile.path.display(), entry.name);
                Error::new(ErrorKind::Profile, what)
            };
            let table = catalog.find_table(written).ok_or_else(|| said(no_table(catalog, written)))?;
            let mut columns = Vec::with_capacity(path.columns().len());
            for names in path.columns() {
                let mut path = column_path(catalog, table, names).map_err(said)?;
                if entry.treatment != Some(FileTreatment::None) {
                    path.source_key = source_key(catalog, profile, entry, &path)?;
                }
                columns.push(path);
            }
            let filter = filter.as_ref().map(|text| predicate::bind_run_time(text, run_time));
            PathSource::Template { table, filter, path: path.clone(), columns }
        }
    };
    Ok(FilePlan {
        name: entry.name.clone(),
        paths,
        variants: entry.variants.clone(),
        required: entry.required,
        treatment: entry.treatment.unwrap_or(FileTreatment::None),
    })
}

/// Follows the names: all but the last are references, by their only column or by their name.
fn column_path(catalog: &Catalog, mut table: TableId, names: &[String]) -> Result<ColumnPath, String> {
    let Some((last, way)) = names.split_last() else { return Err("a column has no name".to_owned()) };
    let mut references = Vec::new();
    for name in way {
        let described = catalog.table(table);
        let of = |reference: &&Reference| {
            let by_column = reference.child_columns.len() == 1
                && described.column(reference.child_columns[0]).name == *name
                && reference.condition.is_none();
            !reference.array && (by_column || reference.name == *name)
        };
        let reference = catalog
            .references_of(table)
            .find(of)
            .ok_or_else(|| format!("{} has no reference {name:?} to follow", described.name))?;
        references.push(reference.id);
        table = reference.parent;
    }
    let described: &Table = catalog.table(table);
    let column = described.find_column(last).ok_or_else(|| no_column(described, last))?;
    Ok(ColumnPath { references, owner: table, column, source_key: Vec::new() })
}

/// The key that leads from a landed row to the source's value of a masked column; empty where it is not masked.
fn source_key(catalog: &Catalog, profile: &Profile, entry: &FileEntry, path: &ColumnPath) -> Result<Vec<ColumnId>> {
    let table = catalog.table(path.owner);
    let masked = |column| is_masked(catalog, profile, path.owner, column);
    if !masked(path.column) {
        return Ok(Vec::new());
    }
    let key = table.identity_key().map(|key| key.columns.clone()).unwrap_or_default();
    if !key.is_empty() && !key.iter().any(|column| masked(*column)) {
        return Ok(key);
    }
    let column = &table.column(path.column).name;
    Err(Error::new(
        ErrorKind::Plan,
        format!(
            "vault.files {:?}: its paths are made of {}.{column}, which is masked, and no key of the table is kept to find the source's file by",
            entry.name, table.name
        ),
    )
    .with_remedy("keep the column or the table's key, or give the files mode = \"none\""))
}

/// The profile masks the column, or a key that it refers to.
fn is_masked(catalog: &Catalog, profile: &Profile, table: TableId, column: ColumnId) -> bool {
    let mut seen = Vec::new();
    let mut open = vec![(table, column)];
    while let Some((table, column)) = open.pop() {
        if seen.contains(&(table, column)) {
            continue;
        }
        if states_mask(catalog, profile, table, column) {
            return true;
        }
        seen.push((table, column));
        for reference in catalog.references_of(table) {
            let pairs = reference.child_columns.iter().zip(&reference.parent_columns);
            let above = pairs.filter(|(child, _)| **child == column);
            open.extend(above.map(|(_, parent)| (reference.parent, *parent)));
        }
    }
    false
}

fn states_mask(catalog: &Catalog, profile: &Profile, table: TableId, column: ColumnId) -> bool {
    let name = &catalog.table(table).column(column).name;
    let mut of_table = profile.columns.iter().filter(|(written, _)| catalog.find_table(written) == Some(table));
    of_table.any(|(_, rules)| match rules.get(name) {
        Some(ColumnRule::Decided { member, support }) => {
            member.spec != MaskSpec::Keep || support.as_ref().is_some_and(|rule| rule.spec != MaskSpec::Keep)
        }
        Some(ColumnRule::Undecided) | None => false,
    })
}
