//! Makes the plan from catalog, profile and command line.

use crate::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::FkGraph;
use crate::profile::{Profile, dotted, predicate};
use crate::schema::{Catalog, Reference, Table, TableKind, UniqueKey};
use crate::types::{QualifiedName, TableId};
use crate::wording::plural;

use super::findings::Findings;
use super::modes::{reference_modes, table_modes};
use super::names::{Names, add_virtual_references, names};
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
    let mut findings = Findings::new(profile);
    let Names { root, rules, named, caps, stated } = names(catalog, profile, &mut findings);
    findings.into_result()?;
    let root = root.ok_or_else(|| Error::new(ErrorKind::Profile, "the source does not have the root table"))?;
    let mut findings = Findings::new(profile);
    let mut warnings = Vec::new();
    let modes = table_modes(catalog, profile, root, &rules, &named)?;
    let references = reference_modes(catalog, profile, &modes, &rules, &named, &mut warnings, &mut findings)?;
    findings.into_result()?;
    check_periods(catalog, &references)?;
    check_foreign(catalog, &modes)?;
    check_leaves_behind(catalog, &references)?;
    check_single_partitions(catalog, &references)?;
    check_inheritance(catalog)?;
    check_reading(catalog, profile, &modes)?;
    let draw = draw(catalog, profile, options, root)?;
    let mut masks = columns::decide(catalog, profile, &stated, &modes)?;
    let moment = literal(&options.run_time);
    for masks in masks.iter_mut().flatten().flatten() {
        for rule in [&mut masks.member, &mut masks.support] {
            rule.spec.change_sql(&|text| predicate::bind_run_time(text, &moment));
        }
    }
    for table in catalog.tables.iter().filter(|table| modes[table.id.index()].0 != TableMode::None) {
        warnings.extend(super::unique::unproven(table, &masks[table.id.index()]));
    }
    let files = files::files(catalog, profile, &literal(&options.run_time))?;
    let mut findings = Findings::new(profile);
    let brings = |table: TableId| modes[table.index()].0 != TableMode::None;
    let leaks = super::leaks::bind(catalog, profile, brings, &mut findings);
    findings.into_result()?;
    let needs_key = masks.iter().flatten().flatten().any(columns::needs_key);
    let run_time =
        |text: &Option<String>| text.as_ref().map(|t| predicate::bind_run_time(t, &literal(&options.run_time)));
    let mut tables = Vec::with_capacity(catalog.tables.len());
    for (((table, (mode, reason)), masks), per_parent) in catalog.tables.iter().zip(modes).zip(masks).zip(caps) {
        let stated = rules[table.id.index()];
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
    for table in catalog
        .tables
        .iter()
        .filter(|table| tables[table.id.index()].mode != TableMode::None && !table.leaves_behind.is_empty())
    {
        let (names, count) = (list(&table.leaves_behind), table.leaves_behind.len() as u64);
        let what = plural(count, "partition");
        warnings
            .push(format!("{}: the rows of {what} stay behind, which are foreign or left out: {names}", table.name));
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
    let mut findings = Findings::new(profile);
    add_virtual_references(catalog, profile, &mut findings);
    files::check_names(catalog, profile, &mut findings);
    findings.into_result()?;
    files::files(catalog, profile, &literal(run_time))
}

/// Which parents cover a child's period together is not asked: such a key can only be kept whole, or given up.
pub(super) fn check_periods(catalog: &Catalog, references: &[ReferencePlan]) -> Result<()> {
    use ReferenceMode::{Cut, Drop, Idle, Whole};
    let settled = |mode| matches!(mode, Whole | Cut | Drop | Idle);
    let open = catalog.references.iter().find(|r| r.temporal && !settled(references[r.id.index()].mode));
    open.map_or(Ok(()), |reference| {
        let parent = &catalog.table(reference.parent).name.to_string();
        let what = format!(
            "the foreign key {} ({}) is over periods, and such a key is not followed",
            reference.name,
            catalog.describe(reference)
        );
        Err(Error::new(ErrorKind::Plan, what)
            .with_remedy(format!("say rows = \"all\" or rows = \"none\" under [{}]", dotted(&["tables", parent]))))
    })
}

/// Foreign tables do not travel, so no row of theirs has a place to go.
fn check_foreign(catalog: &Catalog, modes: &[(TableMode, String)]) -> Result<()> {
    let Some(table) = catalog.tables.iter().find(|table| is_foreign_and_brought(table, modes)) else { return Ok(()) };
    let name = table.name.to_string();
    Err(Error::new(ErrorKind::Plan, format!("{name} {FOREIGN}"))
        .with_remedy(format!("say rows = \"none\" under [{}]", dotted(&["tables", &name]))))
}

/// Rows that refer to one of a partition that does not come would have no parent in the target.
fn check_leaves_behind(catalog: &Catalog, references: &[ReferencePlan]) -> Result<()> {
    use ReferenceMode::{Cut, Drop, Idle};
    let leads = |reference: &&Reference| {
        let mode = references[reference.id.index()].mode;
        let parent = catalog.table(reference.parent);
        reference.foreign_key.is_some() && !parent.leaves_behind.is_empty() && !matches!(mode, Cut | Drop | Idle)
    };
    let Some(reference) = catalog.references.iter().find(leads) else { return Ok(()) };
    let parent = catalog.table(reference.parent);
    let names = list(&parent.leaves_behind);
    let what = format!("{}: rows may refer to partitions that are left out: {names}", catalog.describe(reference));
    Err(Error::new(ErrorKind::Plan, what).with_remedy(format!(
        "leave out no partition of {}, or say rows = \"none\" under [{}]",
        parent.name,
        dotted(&["tables", &parent.name.to_string()])
    )))
}

/// A key that only one partition of the parent holds may stand in others too, so it does not tell which row is meant.
fn check_single_partitions(catalog: &Catalog, references: &[ReferencePlan]) -> Result<()> {
    use ReferenceMode::{Cut, Drop, Idle, Whole};
    let is_open = |reference: &&Reference| {
        let parent = catalog.table(reference.parent);
        let is_key = |key: &UniqueKey| {
            key.columns.len() == reference.parent_columns.len()
                && key.columns.iter().all(|column| reference.parent_columns.contains(column))
        };
        reference.foreign_key.is_some()
            && !reference.temporal
            && parent.kind == TableKind::Partitioned
            && !parent.unique_keys.iter().any(is_key)
            && !matches!(references[reference.id.index()].mode, Cut | Drop | Idle | Whole)
    };
    let Some(reference) = catalog.references.iter().find(is_open) else { return Ok(()) };
    let parent = catalog.table(reference.parent).name.to_string();
    let what = format!(
        "{}: the foreign key {} leads to a single partition of {parent}, and such a key is not followed",
        catalog.describe(reference),
        reference.name
    );
    Err(Error::new(ErrorKind::Plan, what)
        .with_remedy(format!("say rows = \"all\" or rows = \"none\" under [{}]", dotted(&["tables", &parent]))))
}

/// The structure of a table that inherits, in the old way, needs its parents'.
fn check_inheritance(catalog: &Catalog) -> Result<()> {
    let lacks_parent = |table: &&Table| {
        table.kind != TableKind::Foreign && table.inherits.iter().any(|oid| catalog.left_out_oids.contains(oid))
    };
    let Some(table) = catalog.tables.iter().find(lacks_parent) else { return Ok(()) };
    Err(Error::new(ErrorKind::Plan, format!("{} inherits from a table that is left out", table.name))
        .with_remedy("leave both of them out ([source] exclude_tables), or none: rows = \"none\" leaves a table empty"))
}

fn list(names: &[QualifiedName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is said of one whose rows would be brought.
pub(super) const FOREIGN: &str = "is a foreign table: its rows live on another server and cannot be brought";

/// Whether rows of a foreign table would be brought.
pub(super) fn is_foreign_and_brought(table: &Table, modes: &[(TableMode, String)]) -> bool {
    table.kind == TableKind::Foreign && modes[table.id.index()].0 != TableMode::None
}

/// A timestamp literal that is safe to splice: the text has been made by us or checked by the command line.
pub(super) fn literal(run_time: &str) -> String {
    format!("'{}'::timestamptz", run_time.replace('\'', "''"))
}

/// Tables the role may not read, or reads only in part.
fn check_reading(catalog: &Catalog, profile: &Profile, modes: &[(TableMode, String)]) -> Result<()> {
    // pg_dump locks each partition, and needs the right to.
    let of = |table: &Table| {
        let own = (!table.readable).then(|| table.name.to_string());
        own.into_iter().chain(table.unreadable_partitions.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let unreadable: Vec<String> = catalog.tables.iter().flat_map(of).collect();
    if !unreadable.is_empty() {
        return Err(Error::new(
            ErrorKind::Source,
            format!(
                "the reading role lacks SELECT on {}: {}",
                plural(unreadable.len() as u64, "table"),
                unreadable.join(", ")
            ),
        )
        .with_remedy(
            "GRANT SELECT on them and USAGE on their schemas to the role, or list them under [source] exclude_tables",
        ));
    }
    let brought = |table: &&Table| modes[table.id.index()].0 != TableMode::None;
    let in_parts = |table: &&Table| !table.leaves_behind.is_empty() && (table.rls_applies || table.rls_in_leaves);
    if let Some(table) = catalog.tables.iter().filter(brought).find(in_parts) {
        let what = format!(
            "{}: row-level security stands on a table of which partitions stay behind, so that the others are read by \
             themselves and its policies would not be asked",
            table.name
        );
        return Err(Error::new(ErrorKind::Source, what)
            .with_remedy("read as a role with BYPASSRLS or as the tables' owner, or leave the table out as a whole"));
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
            format!("row-level security would hide rows from the reading role in {}: {}", plural(hidden.len() as u64, "table"), hidden.join(", ")),
        )
        .with_remedy(
            "read as a role with BYPASSRLS or as the tables' owner, or set [source] allow_row_security = true to accept what the policies show",
        ));
    }
    Ok(())
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
