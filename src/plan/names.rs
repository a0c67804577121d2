//! The names of the profile, looked up in the catalog: every one that is not there is told, with its place.

use std::collections::BTreeMap;

use crate::profile::{ColumnRule, PerParent, ProblemKind, Profile, TableRules, VirtualReference, nearest};
use crate::schema::{Catalog, Reference, Table};
use crate::types::{ColumnId, RefId, TableId};

use super::files;
use super::findings::Findings;
use super::modes::{Named, named_references};

/// Rules of columns as the profile states them, by table.
pub(super) type Stated<'a> = Vec<BTreeMap<ColumnId, &'a ColumnRule>>;

/// What the names of a profile mean.
pub(super) struct Names<'a> {
    /// The root, if it is there.
    pub(super) root: Option<TableId>,
    /// `[tables.NAME]`, by table.
    pub(super) rules: Vec<Option<&'a TableRules>>,
    /// Modes named for references.
    pub(super) named: Named,
    /// `per_parent`, by table.
    pub(super) caps: Vec<Option<(PerParent, ColumnId)>>,
    /// `[columns.TABLE]`
    pub(super) stated: Stated<'a>,
}

/// Looks every name up; the profile's virtual references are added to the catalog on the way.
pub(super) fn names<'a>(catalog: &mut Catalog, profile: &'a Profile, findings: &mut Findings<'_>) -> Names<'a> {
    check_left_out(catalog, profile, findings);
    let root = find_table(catalog, findings, &profile.sample.root, &["sample", "root"]);
    add_virtual_references(catalog, profile, findings);
    let rules = table_rules(catalog, profile, findings);
    let named = named_references(catalog, profile, findings);
    let caps = caps(catalog, profile, findings);
    let stated = stated_rules(catalog, profile, findings);
    files::check_names(catalog, profile, findings);
    Names { root, rules, named, caps, stated }
}

/// What the profile leaves out must be there, lest a misspelt name lets it out.
fn check_left_out(catalog: &Catalog, profile: &Profile, findings: &mut Findings<'_>) {
    for (at, written) in profile.source.exclude_schemas.iter().enumerate() {
        if !catalog.schemas.contains(written) {
            let hint = did_you_mean(written, &catalog.schemas);
            let what = format!("the source has no schema {written:?}{hint}");
            findings.value(ProblemKind::Profile, &["source", "exclude_schemas", &format!("[{at}]")], what);
        }
    }
    for (at, written) in profile.source.exclude_tables.iter().enumerate() {
        if !is_left_out(catalog, written) {
            let hint = did_you_mean(written, &table_names(catalog));
            let what = format!("the source has no table {written:?}{hint}");
            findings.value(ProblemKind::Profile, &["source", "exclude_tables", &format!("[{at}]")], what);
        }
    }
}

/// The table of that name; where there is none, the key at `path` says so.
fn find_table(catalog: &Catalog, findings: &mut Findings<'_>, written: &str, path: &[&str]) -> Option<TableId> {
    let found = catalog.find_table(written);
    if found.is_none() {
        findings.value(ProblemKind::Profile, path, no_table(catalog, written));
    }
    found
}

pub(super) fn no_table(catalog: &Catalog, written: &str) -> String {
    if let Some(table) = catalog.table_of_partition(written) {
        let name = &table.name;
        return format!("{written:?} is a partition of {name}: what is said of {name} holds for its partitions too");
    }
    format!("the source has no table {written:?}{}", did_you_mean(written, &table_names(catalog)))
}

pub(super) fn no_column(table: &Table, written: &str) -> String {
    format!("{} has no column {written:?}{}", table.name, did_you_mean(written, &column_names(table)))
}

/// `; did you mean "users"?`, where some known name is near.
fn did_you_mean(written: &str, known: &[String]) -> String {
    nearest(written, known.iter().map(String::as_str))
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

/// Names of all tables, as profiles write them.
fn table_names(catalog: &Catalog) -> Vec<String> {
    catalog.tables.iter().map(|table| table.name.to_string()).collect()
}

fn column_names(table: &Table) -> Vec<String> {
    table.columns.iter().map(|column| column.name.clone()).collect()
}

pub(super) fn is_left_out(catalog: &Catalog, written: &str) -> bool {
    catalog
        .left_out
        .iter()
        .any(|name| name.to_string() == written || format!("{}.{}", name.schema, name.name) == written)
}

/// The tables of `[tables.NAME]`, names as written.
pub(super) fn stated_tables<'a>(
    catalog: &Catalog,
    profile: &'a Profile,
) -> impl Iterator<Item = (TableId, &'a str, &'a TableRules)> {
    let entries = profile.tables.iter();
    entries.filter_map(|(written, rules)| Some((catalog.find_table(written)?, written.as_str(), rules)))
}

fn table_rules<'a>(
    catalog: &Catalog,
    profile: &'a Profile,
    findings: &mut Findings<'_>,
) -> Vec<Option<&'a TableRules>> {
    let mut rules = vec![None; catalog.tables.len()];
    for (written, rule) in &profile.tables {
        if is_left_out(catalog, written) {
            continue;
        }
        let path = ["tables", written];
        let Some(id) = catalog.find_table(written) else {
            findings.key(ProblemKind::Profile, &path, no_table(catalog, written));
            continue;
        };
        if rules[id.index()].replace(rule).is_some() {
            findings.key(ProblemKind::Profile, &path, "the table is stated twice");
        }
    }
    rules
}

fn caps(catalog: &Catalog, profile: &Profile, findings: &mut Findings<'_>) -> Vec<Option<(PerParent, ColumnId)>> {
    let mut caps = vec![None; catalog.tables.len()];
    for (id, written, rules) in stated_tables(catalog, profile) {
        let Some(cap) = &rules.per_parent else { continue };
        let table = catalog.table(id);
        match table.find_column(&cap.column) {
            Some(column) => caps[id.index()] = Some((cap.clone(), column)),
            None => {
                let path = ["tables", written, "per_parent", "column"];
                findings.value(ProblemKind::Profile, &path, no_column(table, &cap.column));
            }
        }
    }
    caps
}

fn stated_rules<'a>(catalog: &Catalog, profile: &'a Profile, findings: &mut Findings<'_>) -> Stated<'a> {
    let mut stated: Stated<'a> = vec![BTreeMap::new(); catalog.tables.len()];
    for (table_name, rules) in &profile.columns {
        if is_left_out(catalog, table_name) {
            continue;
        }
        let Some(id) = catalog.find_table(table_name) else {
            findings.key(ProblemKind::Profile, &["columns", table_name], no_table(catalog, table_name));
            continue;
        };
        let table = catalog.table(id);
        for (name, rule) in rules {
            let path = ["columns", table_name, name];
            match table.find_column(name) {
                None => findings.key(ProblemKind::Profile, &path, no_column(table, name)),
                Some(column) if stated[id.index()].insert(column, rule).is_some() => {
                    let what = format!("the column is stated twice, as {} too", table.name);
                    findings.key(ProblemKind::Profile, &path, what);
                }
                Some(_) => {}
            }
        }
    }
    stated
}

/// Adds those of the profile's virtual references to the catalog whose names are right.
pub fn add_references(catalog: &mut Catalog, profile: &Profile) {
    add_virtual_references(catalog, profile, &mut Findings::new(profile));
}

/// Adds the profile's virtual references to the catalog; those whose names are wrong stay away.
pub(super) fn add_virtual_references(catalog: &mut Catalog, profile: &Profile, findings: &mut Findings<'_>) {
    for (at, written) in profile.references.iter().enumerate() {
        if let Some(reference) = virtual_reference(catalog, findings, written, &format!("[{at}]")) {
            catalog.references.push(reference);
        }
    }
}

fn virtual_reference(
    catalog: &Catalog,
    findings: &mut Findings<'_>,
    written: &VirtualReference,
    at: &str,
) -> Option<Reference> {
    let child = find_table(catalog, findings, &written.table, &["references", at, "table"]);
    let parent = find_table(catalog, findings, &written.parent, &["references", at, "parent"]);
    let mut columns = |table: Option<TableId>, names: &[String], keys: [&str; 2]| {
        find_columns(catalog.table(table?), findings, names, at, keys)
    };
    let child_columns = columns(child, &written.columns, ["columns", "column"]);
    let parent_columns = columns(parent, &written.parent_columns, ["parent_columns", "parent_column"]);
    let (child, parent, child_columns, parent_columns) = (child?, parent?, child_columns?, parent_columns?);
    let wrong = if child_columns.len() != parent_columns.len() {
        Some("columns and parent_columns differ in number".to_owned())
    } else if written.array && child_columns.len() != 1 {
        Some("an array reference has one column".to_owned())
    } else if !is_key(catalog.table(parent), &parent_columns) {
        let names = written.parent_columns.join(", ");
        Some(format!("{names} of {} is not a unique key", catalog.table(parent).name))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        findings.key(ProblemKind::Profile, &["references", at], wrong);
        return None;
    }
    let name = written.name.clone().unwrap_or_else(|| format!("{}.{}", written.table, written.columns.join(", ")));
    Some(Reference {
        id: RefId::from_index(catalog.references.len()),
        name,
        child,
        child_columns,
        parent,
        parent_columns,
        validated: false,
        match_full: false,
        temporal: false,
        array: written.array,
        condition: written.condition.clone(),
        foreign_key: None,
    })
}

fn is_key(table: &Table, columns: &[ColumnId]) -> bool {
    table
        .unique_keys
        .iter()
        .any(|key| key.columns.len() == columns.len() && key.columns.iter().all(|column| columns.contains(column)))
}

/// `keys` are the plural and the singular under which the names may stand.
fn find_columns(
    table: &Table,
    findings: &mut Findings<'_>,
    written: &[String],
    at: &str,
    keys: [&str; 2],
) -> Option<Vec<ColumnId>> {
    let found: Vec<Option<ColumnId>> = written.iter().map(|name| table.find_column(name)).collect();
    for (index, name) in written.iter().enumerate().filter(|(index, _)| found[*index].is_none()) {
        let element = format!("[{index}]");
        let [plural, singular] = keys.map(|key| vec!["references", at, key, &element]);
        let path = if findings.has(&plural[..3]) { plural } else { singular };
        findings.value(ProblemKind::Profile, &path[..3 + usize::from(findings.has(&path))], no_column(table, name));
    }
    found.into_iter().collect()
}
