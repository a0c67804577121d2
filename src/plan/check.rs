//! Everything that is wrong between a profile and a catalog, at once: what `tithe profile check` tells.
//!
//! `make` stops at the first stage that fails, since a run must; here each stage goes on with what is known, and is
//! left out only where an earlier one would make it tell nonsense.

use crate::anonymize::Mask;
use crate::digest::MaskKey;
use crate::profile::{ColumnRule, Problem, ProblemKind, Profile, dotted};
use crate::schema::Catalog;
use crate::types::TableId;

use super::carry::carry_to_references;
use super::findings::Findings;
use super::make::{FOREIGN, is_foreign_and_brought};
use super::modes::{reference_modes, settled_modes};
use super::names::{Names, names};
use super::{TableMode, columns, files};

type Modes = Vec<(TableMode, String)>;

/// Every problem, in the file's order. Virtual references of the profile are added to the catalog.
pub fn check(catalog: &mut Catalog, profile: &Profile) -> Vec<Problem> {
    let mut findings = Findings::new(profile);
    let names = names(catalog, profile, &mut findings);
    let fits = findings.is_empty();
    check_root(catalog, &names, &mut findings);
    let modes = table_modes(catalog, profile, &names, &mut findings);
    check_foreign(catalog, profile, &modes, &mut findings);
    check_columns(catalog, profile, &names, &modes, &mut findings);
    check_files(catalog, profile, fits, &mut findings);
    let brings = |table: TableId| modes[table.index()].0 != TableMode::None;
    super::leaks::bind(catalog, profile, brings, &mut findings);
    if fits && names.root.is_some_and(|root| is_settled(catalog, root, &names)) {
        let (rules, named) = (&names.rules, &names.named);
        let references = reference_modes(catalog, profile, &modes, rules, named, &mut Vec::new(), &mut findings);
        let periods = references.and_then(|references| super::make::check_periods(catalog, &references));
        if let Err(error) = periods {
            findings.error(&[], &error);
        }
    }
    findings.sorted()
}

/// What can be said of a profile without a database.
pub fn check_alone(profile: &Profile) -> Vec<Problem> {
    let mut findings = Findings::new(profile);
    for (table, rules) in &profile.columns {
        for (column, _) in rules.iter().filter(|(_, rule)| **rule == ColumnRule::Undecided) {
            findings.value(ProblemKind::Undecided, &["columns", table, column], UNDECIDED);
        }
    }
    undecided_files(profile, &mut findings);
    findings.sorted()
}

const UNDECIDED: &str = "is undecided: \"keep\" or a mask";

fn check_root(catalog: &Catalog, names: &Names<'_>, findings: &mut Findings<'_>) {
    if let Some(root) = names.root
        && catalog.table(root).identity_key().is_none()
    {
        let what = "the table has no primary key and no unique key of NOT NULL columns to draw by";
        findings.value(ProblemKind::Plan, &["sample", "root"], what);
    }
}

fn is_settled(catalog: &Catalog, root: TableId, names: &Names<'_>) -> bool {
    settled_modes(catalog, root, &names.rules, &names.named).iter().all(Option::is_some)
}

/// The mode of every table; where none is settled, that is told, and its columns are looked at all the same.
fn table_modes(catalog: &Catalog, profile: &Profile, names: &Names<'_>, findings: &mut Findings<'_>) -> Modes {
    // Without a root, all that can be known is which tables bring no rows.
    let root = names.root.unwrap_or(TableId::from_index(catalog.tables.len()));
    let settled = settled_modes(catalog, root, &names.rules, &names.named);
    let mut modes = Vec::with_capacity(settled.len());
    for (table, mode) in catalog.tables.iter().zip(settled) {
        if mode.is_none() && names.root.is_some() {
            let name = table.name.to_string();
            let written = profile.tables.keys().find(|written| catalog.find_table(written) == Some(table.id));
            let key = written.map_or(name.as_str(), String::as_str);
            let what = "no NOT NULL reference leads to the root, so rows = \"owned\", \"all\", \"referenced\" or \"none\" must \
                        say which rows come; \"none\" leaves them all behind, in this one line";
            if written.is_some() {
                findings.key(ProblemKind::Undecided, &["tables", key], what);
            } else {
                findings.unplaced(ProblemKind::Undecided, &["tables", key], what);
            }
        }
        modes.push(mode.unwrap_or((TableMode::Referenced, String::new())));
    }
    modes
}

/// Those that the profile brings; what it says nothing of was told already.
fn check_foreign(catalog: &Catalog, profile: &Profile, modes: &Modes, findings: &mut Findings<'_>) {
    for table in catalog.tables.iter().filter(|table| is_foreign_and_brought(table, modes)) {
        if let Some(key) = profile.tables.keys().find(|written| catalog.find_table(written) == Some(table.id)) {
            findings.value(ProblemKind::Plan, &["tables", key, "rows"], format!("{} {FOREIGN}", table.name));
        }
    }
}

fn check_columns(catalog: &Catalog, profile: &Profile, names: &Names<'_>, modes: &Modes, findings: &mut Findings<'_>) {
    let brings = |table: TableId| modes[table.index()].0 != TableMode::None;
    let (mut masks, undecided) = columns::decided(catalog, &names.stated, brings);
    let written = |id: TableId| {
        let known = profile.columns.keys().find(|written| catalog.find_table(written) == Some(id));
        known.cloned().ok_or_else(|| catalog.table(id).name.to_string())
    };
    for (id, open) in &undecided {
        let table = catalog.table(*id);
        let mut missing = Vec::new();
        for column in open {
            let name = table.column(*column).name.as_str();
            match (names.stated[id.index()].get(column), written(*id)) {
                (Some(_), Ok(key)) => findings.value(ProblemKind::Undecided, &["columns", &key, name], UNDECIDED),
                _ => missing.push(name),
            }
        }
        if !missing.is_empty() {
            let what = format!(
                "no rule for {}; `tithe profile update` writes them down, rows = \"none\" under [{}] leaves all rows behind",
                missing.join(", "),
                dotted(&["tables", &written(*id).unwrap_or_else(|name| name)])
            );
            match written(*id) {
                Ok(key) => findings.key(ProblemKind::Undecided, &["columns", &key], what),
                Err(key) => findings.unplaced(ProblemKind::Undecided, &["columns", &key], what),
            }
        }
    }
    // One obstacle at a time is found; without the rule that makes it, the next one shows.
    let masks = loop {
        let (id, column, error) = match carry_to_references(catalog, modes, &masks) {
            Ok(carried) => break carried,
            Err(misfit) => misfit,
        };
        let name = written(id).unwrap_or_else(|name| name);
        findings.error(&["columns", &name, &catalog.table(id).column(column).name], &error);
        masks[id.index()][column.index()] = None;
    };
    // Whether a rule suits its column does not depend on the secret, so any will do.
    let key = MaskKey::from_secret("only to ask which rules suit their columns").ok();
    for table in catalog.tables.iter().filter(|table| brings(table.id)) {
        let name = written(table.id).unwrap_or_else(|name| name);
        for (column, described) in table.copied_columns() {
            let Some(of_column) = &masks[table.id.index()][column.index()] else { continue };
            let path = ["columns", name.as_str(), described.name.as_str()];
            let compiles = |rule| Mask::compile(rule, table, column, key.as_ref()).map(|_| ());
            let fault = compiles(&of_column.member).and_then(|()| compiles(&of_column.support));
            match fault.and_then(|()| columns::check_column(table, &masks[table.id.index()], column)) {
                Ok(()) => {}
                Err(error) => findings.error(&path, &error),
            }
        }
    }
}

fn undecided_files(profile: &Profile, findings: &mut Findings<'_>) {
    for (at, entry) in profile.vault.files.iter().enumerate().filter(|(_, entry)| entry.treatment.is_none()) {
        let what = format!(
            "the files {:?} are undecided: mode = \"real\", \"strip-metadata\", \"placeholder\" or \"none\"",
            entry.name
        );
        findings.key(ProblemKind::Undecided, &["vault", "files", &format!("[{at}]")], what);
    }
}

fn check_files(catalog: &Catalog, profile: &Profile, fits: bool, findings: &mut Findings<'_>) {
    undecided_files(profile, findings);
    for (at, entry) in profile.vault.files.iter().enumerate().filter(|_| fits) {
        if let Err(error) = files::bind(catalog, profile, entry, "now()") {
            findings.error(&["vault", "files", &format!("[{at}]")], &error);
        }
    }
}
