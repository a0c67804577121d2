//! Which files the rows name: the profile's entries, bound to the catalog.

use super::make::{column_names, did_you_mean, table_names};
use super::modes::profile_error;
use super::{ColumnMasks, TableMode};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{FileEntry, FilePaths, FileTreatment, MaskSpec, PathTemplate, Profile, predicate};
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
    /// In the last of them.
    pub column: ColumnId,
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

fn bind(catalog: &Catalog, profile: &Profile, entry: &FileEntry, run_time: &str) -> Result<FilePlan> {
    let paths = match &entry.paths {
        FilePaths::Query(sql) => PathSource::Query(sql.clone()),
        FilePaths::Template { table: written, filter, path } => {
            let said = |what: String| profile_error(profile, format!("vault.files {:?}: {what}", entry.name));
            let table = catalog.find_table(written).ok_or_else(|| {
                said(format!("the source has no table {written:?}{}", did_you_mean(written, &table_names(catalog))))
            })?;
            let columns = path.columns().iter().map(|names| column_path(catalog, table, names).map_err(said));
            PathSource::Template {
                table,
                filter: filter.as_ref().map(|text| predicate::bind_run_time(text, run_time)),
                path: path.clone(),
                columns: columns.collect::<Result<_>>()?,
            }
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
    let column = described.find_column(last).ok_or_else(|| {
        format!("{} has no column {last:?}{}", described.name, did_you_mean(last, &column_names(described)))
    })?;
    Ok(ColumnPath { references, column })
}

/// Paths are read from the landed rows, so what they are made of must have stayed as it was.
pub(super) fn check_masks(
    catalog: &Catalog,
    files: &[FilePlan],
    modes: &[(TableMode, String)],
    masks: &[Vec<Option<ColumnMasks>>],
) -> Result<()> {
    for file in files.iter().filter(|file| file.treatment != FileTreatment::None) {
        let PathSource::Template { table, columns, .. } = &file.paths else { continue };
        for path in columns {
            let owner = path.references.last().map_or(*table, |reference| catalog.reference(*reference).parent);
            let kept =
                |masks: &ColumnMasks| masks.member.spec == MaskSpec::Keep && masks.support.spec == MaskSpec::Keep;
            let brings = modes[owner.index()].0 != TableMode::None;
            if !brings || masks[owner.index()][path.column.index()].as_ref().is_none_or(kept) {
                continue;
            }
            let described = catalog.table(owner);
            return Err(Error::new(
                ErrorKind::Plan,
                format!(
                    "vault.files {:?}: its paths are made of {}.{}, which is masked",
                    file.name,
                    described.name,
                    described.column(path.column).name
                ),
            )
            .with_remedy("keep the column, or give the files mode = \"none\""));
        }
    }
    Ok(())
}
