//! Makes the plan from catalog, profile and command line.

use crate::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::FkGraph;
use crate::profile::{Profile, TableRules, nearest, predicate};
use crate::schema::{Catalog, Reference, Table};
use crate::types::{ColumnId, RefId, TableId};

use super::modes::{named_references, profile_error, reference_modes, table_modes};
use super::nullable::cut_columns;
use super::{Draw, DrawSize, FilePlan, Plan, ReferenceMode, ReferencePlan, TableMode, TablePlan, columns, files};

/// What the command line adds to the profile.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--percent`
    pub percent: Option<f64>,
    /// `--rows`
    pub rows: Option<u64>,
    /// `--seed`
    pub seed: Option<String>,
    /// The literal that replaces `{run_time}`, an ISO 8601 timestamp with time zone.
    pub run_time: String,
}

/// Decides everything. Virtual references of the profile are added to the catalog first.
///
/// # Errors
/// `Profile` (does not fit the schema), `Undecided` (tables or columns) or `Plan` (no valid plan).
pub fn make(catalog: &mut Catalog, profile: &Profile, options: &Options) -> Result<Plan> {
    check_left_out(catalog, profile)?;
    let root = find_table(catalog, profile, &profile.sample.root, "sample.root")?;
    add_virtual_references(catalog, profile)?;
    let rules = table_rules(catalog, profile)?;
    let mut warnings = Vec::new();
    let named = named_references(catalog, profile, &rules)?;
    let modes = table_modes(catalog, profile, root, &rules, &named)?;
    let references = reference_modes(catalog, profile, &modes, &rules, &named, &mut warnings)?;
    check_periods(catalog, &references)?;
    check_reading(catalog, profile, &modes)?;
    let draw = draw(catalog, profile, options, root)?;
    let masks = columns::decide(catalog, profile, &modes)?;
    for table in catalog.tables.iter().filter(|table| modes[table.id.index()].0 != TableMode::None) {
        warnings.extend(super::unique::unproven(table, &masks[table.id.index()]));
    }
    let files = files::files(catalog, profile, &literal(&options.run_time))?;
    let leaks = super::leaks::bind(catalog, profile)?;
    let needs_key = masks.iter().flatten().flatten().any(columns::needs_key);
    let run_time =
        |text: &Option<String>| text.as_ref().map(|t| predicate::bind_run_time(t, &literal(&options.run_time)));
    let mut tables = Vec::with_capacity(catalog.tables.len());
    for ((table, (mode, reason)), masks) in catalog.tables.iter().zip(modes).zip(masks) {
        let stated = rules[table.id.index()];
        let per_parent = match stated.and_then(|rules| rules.per_parent.clone()) {
            None => None,
            Some(cap) => {
                let column = table.find_column(&cap.column).ok_or_else(|| {
                    profile_error(
                        profile,
                        format!("tables.{}.per_parent.column: no column {:?}", table.name, cap.column),
                    )
                })?;
                Some((cap, column))
            }
        };
        tables.push(TablePlan {
            mode,
            reason,
            filter: run_time(&stated.and_then(|rules| rules.filter.clone())),
            per_parent,
            unowned: stated.map(|rules| rules.unowned).unwrap_or_default(),
            cut: Vec::new(),
            barred: Vec::new(),
            masks,
        });
    }
    let draw = Draw { always: run_time(&draw.always), never: run_time(&draw.never), ..draw };
    let groups = FkGraph::new(catalog, |r| references[r.id.index()].mode.gates()).groups();
    if catalog.large_objects > 0 {
        warnings.push(format!(
            "{} large objects are not copied; columns that refer to them keep dead oids",
            catalog.large_objects
        ));
    }
    for (child, columns, name) in &catalog.cut_references {
        let (outcome, nullable) = match cut_columns(catalog, *child, columns) {
            Ok(nullable) => ("it becomes NULL".to_owned(), nullable),
            Err(obstacle) => (format!("cannot become NULL: {obstacle}; so rows that have it are dropped"), Vec::new()),
        };
        let plan = &mut tables[child.index()];
        if nullable.is_empty() {
            plan.barred.push(columns.clone());
        }
        plan.cut.extend(nullable);
        let table = &catalog.table(*child).name;
        warnings.push(format!("{table}: foreign key {name} leads to a table that is left out: {outcome}"));
    }
    Ok(Plan { root, draw, tables, references, groups, warnings, needs_key, files, leaks })
}

/// The kinds of files, bound to a database that has landed already.
///
/// # Errors
/// As [`make`].
pub fn files_of_landed(catalog: &mut Catalog, profile: &Profile, run_time: &str) -> Result<Vec<FilePlan>> {
    add_virtual_references(catalog, profile)?;
    files::files(catalog, profile, &literal(run_time))
}

/// Which parents cover a child's period together is not asked: such a key can only be kept whole, or given up.
fn check_periods(catalog: &Catalog, references: &[ReferencePlan]) -> Result<()> {
    use ReferenceMode::{Cut, Drop, Idle, Whole};
    let settled = |mode| matches!(mode, Whole | Cut | Drop | Idle);
    let open = catalog.references.iter().find(|r| r.temporal && !settled(references[r.id.index()].mode));
    open.map_or(Ok(()), |reference| {
        let parent = &catalog.table(reference.parent).name;
        let what = format!(
            "the foreign key {} ({}) is over periods, and such a key is not followed",
            reference.name,
            catalog.describe(reference)
        );
        Err(Error::new(ErrorKind::Plan, what)
            .with_remedy(format!("say rows = \"all\" or rows = \"none\" under [tables.{parent}]")))
    })
}

/// What the profile leaves out must be there, lest a misspelt name lets it out.
fn check_left_out(catalog: &Catalog, profile: &Profile) -> Result<()> {
    for written in &profile.source.exclude_schemas {
        if !catalog.schemas.contains(written) {
            let hint = did_you_mean(written, &catalog.schemas);
            let what = format!("source.exclude_schemas: the source has no schema {written:?}{hint}");
            return Err(profile_error(profile, what));
        }
    }
    for written in &profile.source.exclude_tables {
        if !is_left_out(catalog, written) {
            let hint = did_you_mean(written, &table_names(catalog));
            let what = format!(
                "source.exclude_tables: the source has no table {written:?}{hint}; partitions cannot be left out"
            );
            return Err(profile_error(profile, what));
        }
    }
    Ok(())
}

/// A timestamp literal that is safe to splice: the text has been made by us or checked by the command line.
fn literal(run_time: &str) -> String {
    format!("'{}'::timestamptz", run_time.replace('\'', "''"))
}

fn find_table(catalog: &Catalog, profile: &Profile, written: &str, key: &str) -> Result<TableId> {
    catalog.find_table(written).ok_or_else(|| {
        let hint = did_you_mean(written, &table_names(catalog));
        profile_error(profile, format!("{key}: the source has no table {written:?}{hint}"))
    })
}

/// `; did you mean "users"?`, where some known name is near.
pub(super) fn did_you_mean(written: &str, known: &[String]) -> String {
    nearest(written, known.iter().map(String::as_str))
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

/// Names of all tables, as profiles write them.
pub(super) fn table_names(catalog: &Catalog) -> Vec<String> {
    catalog.tables.iter().map(|table| table.name.to_string()).collect()
}

/// Names of a table's columns.
pub(super) fn column_names(table: &Table) -> Vec<String> {
    table.columns.iter().map(|column| column.name.clone()).collect()
}

fn table_rules<'a>(catalog: &Catalog, profile: &'a Profile) -> Result<Vec<Option<&'a TableRules>>> {
    let mut rules = vec![None; catalog.tables.len()];
    for (written, rule) in &profile.tables {
        if is_left_out(catalog, written) {
            continue;
        }
        let id = find_table(catalog, profile, written, &format!("tables.{written}"))?;
        if rules[id.index()].replace(rule).is_some() {
            return Err(profile_error(profile, format!("tables.{written}: the table is stated twice")));
        }
    }
    Ok(rules)
}

pub(super) fn is_left_out(catalog: &Catalog, written: &str) -> bool {
    catalog
        .left_out
        .iter()
        .any(|name| name.to_string() == written || format!("{}.{}", name.schema, name.name) == written)
}

fn add_virtual_references(catalog: &mut Catalog, profile: &Profile) -> Result<()> {
    for (at, virtual_reference) in profile.references.iter().enumerate() {
        let key = format!("references[{at}]");
        let child = find_table(catalog, profile, &virtual_reference.table, &format!("{key}.table"))?;
        let parent = find_table(catalog, profile, &virtual_reference.parent, &format!("{key}.parent"))?;
        let child_columns = find_columns(catalog.table(child), &virtual_reference.columns, &key, profile)?;
        let parent_columns = find_columns(catalog.table(parent), &virtual_reference.parent_columns, &key, profile)?;
        if child_columns.len() != parent_columns.len() {
            return Err(profile_error(profile, format!("{key}: columns and parent_columns differ in number")));
        }
        if virtual_reference.array && child_columns.len() != 1 {
            return Err(profile_error(profile, format!("{key}: an array reference has one column")));
        }
        let parent_table = catalog.table(parent);
        let is_key = |columns: &[ColumnId]| {
            parent_table.unique_keys.iter().any(|key| {
                key.columns.len() == columns.len() && key.columns.iter().all(|column| columns.contains(column))
            })
        };
        if !is_key(&parent_columns) {
            return Err(profile_error(
                profile,
                format!(
                    "{key}: {} of {} is not a unique key",
                    virtual_reference.parent_columns.join(", "),
                    parent_table.name
                ),
            ));
        }
        let name = virtual_reference
            .name
            .clone()
            .unwrap_or_else(|| format!("{}.{}", virtual_reference.table, virtual_reference.columns.join(", ")));
        let id = RefId::from_index(catalog.references.len());
        catalog.references.push(Reference {
            id,
            name,
            child,
            child_columns,
            parent,
            parent_columns,
            validated: false,
            match_full: false,
            temporal: false,
            array: virtual_reference.array,
            condition: virtual_reference.condition.clone(),
            foreign_key: None,
        });
    }
    Ok(())
}

fn find_columns(table: &Table, written: &[String], key: &str, profile: &Profile) -> Result<Vec<ColumnId>> {
    written
        .iter()
        .map(|name| {
            table.find_column(name).ok_or_else(|| {
                let hint = did_you_mean(name, &column_names(table));
                profile_error(profile, format!("{key}: {} has no column {name:?}{hint}", table.name))
            })
        })
        .collect()
}

/// Tables the role may not read, or reads only in part.
fn check_reading(catalog: &Catalog, profile: &Profile, modes: &[(TableMode, String)]) -> Result<()> {
    let unreadable: Vec<String> = catalog.tables.iter().filter(|t| !t.readable).map(|t| t.name.to_string()).collect();
    if !unreadable.is_empty() {
        return Err(Error::new(
            ErrorKind::Source,
            format!(
                "the reading role lacks SELECT on {}: {}",
                plural(unreadable.len(), "table"),
                unreadable.join(", ")
            ),
        )
        .with_remedy(
            "GRANT SELECT on them and USAGE on their schemas to the role, or list them under [source] exclude_tables",
        ));
    }
    let hidden: Vec<String> = catalog
        .tables
        .iter()
        .filter(|table| table.rls_applies && modes[table.id.index()].0 != TableMode::None)
        .map(|table| table.name.to_string())
        .collect();
    if !hidden.is_empty() && !profile.source.allow_row_security {
        return Err(Error::new(
            ErrorKind::Source,
            format!("row-level security would hide rows from the reading role in {}: {}", plural(hidden.len(), "table"), hidden.join(", ")),
        )
        .with_remedy(
            "read as a role with BYPASSRLS or as the tables' owner, or set [source] allow_row_security = true to accept what the policies show",
        ));
    }
    Ok(())
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn draw(catalog: &Catalog, profile: &Profile, options: &Options, root: TableId) -> Result<Draw> {
    let size = match (options.percent, options.rows, profile.sample.percent, profile.sample.rows) {
        (Some(percent), ..) => DrawSize::Percent(percent),
        (None, Some(rows), ..) => DrawSize::Rows(rows),
        (None, None, Some(percent), _) => DrawSize::Percent(percent),
        (None, None, None, Some(rows)) => DrawSize::Rows(rows),
        (None, None, None, None) => {
            return Err(Error::new(
                ErrorKind::Usage,
                "neither the command line nor the profile says how much to sample",
            )
            .with_remedy("add --percent 10 or --rows N, or percent = 10 under [sample]"));
        }
    };
    if let DrawSize::Percent(percent) = size
        && !(percent > 0.0 && percent <= 100.0)
    {
        return Err(Error::new(ErrorKind::Usage, format!("--percent {percent} is outside 0 to 100"))
            .with_remedy("give a share above 0 and up to 100"));
    }
    if size == DrawSize::Rows(0) {
        return Err(Error::new(ErrorKind::Usage, "--rows 0 draws nothing").with_remedy("give at least 1"));
    }
    let table = catalog.table(root);
    let key = table.identity_key().ok_or_else(|| {
        Error::new(
            ErrorKind::Plan,
            format!("the root table {} has no primary key and no unique key of NOT NULL columns: rows could not be drawn the same way twice", table.name),
        )
        .with_remedy("choose a root table with a key, or add one in the source")
    })?;
    let seed_text = options.seed.clone().unwrap_or_else(|| profile.sample.seed.clone());
    Ok(Draw {
        size,
        seed: digest::seed_from_text(&seed_text),
        seed_text,
        key: key.columns.clone(),
        always: profile.sample.always.clone(),
        never: profile.sample.never.clone(),
    })
}
