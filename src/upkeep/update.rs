//! A profile brought up to date with its database.
//!
//! What is new is added as `"undecided"`, a table's section at the end, a column at the end of its table's section.
//! What is gone is commented out and not deleted: the decision behind it may be wanted again. Everything else stays
//! byte for byte.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::profile::{ColumnRule, Edit, Profile, dotted, toml_text};

use super::drift::{Drift, GainedColumn, GainedTable};

/// The outcome.
#[derive(Clone, Debug)]
pub struct Update {
    /// The new text.
    pub text: String,
    /// The change, as a unified difference; empty where there is none.
    pub diff: String,
    /// Keys that are gone from the database but share their lines with others: for a person to remove.
    pub by_hand: Vec<String>,
}

/// Brings a profile up to date.
///
/// # Errors
/// `Profile` where it is written in a way that cannot be added to.
pub fn update(profile: &Profile, drift: &Drift) -> Result<Update> {
    let mut edit = Edit::new(&profile.places);
    let mut expected = profile.clone();
    let mut by_hand = Vec::new();
    for lost in &drift.lost_columns {
        let path = ["columns", lost.table.as_str(), lost.column.as_str()];
        if edit.comment_out(&path) {
            expected.columns.entry(lost.table.clone()).or_default().remove(&lost.column);
        } else {
            by_hand.push(dotted(&path));
        }
    }
    for lost in &drift.lost_tables {
        let partition = drift.partitions.iter().find(|partition| partition.table == *lost);
        for section in ["tables", "columns"] {
            let path = [section, lost.as_str()];
            if !profile.places.has(&path) {
                continue;
            }
            let is_out = match partition {
                Some(partition) => edit.comment_out_as(&path, &format!("# a partition of {}: ", partition.of)),
                None => edit.comment_out(&path),
            };
            if !is_out {
                by_hand.push(dotted(&path));
            } else if section == "tables" {
                expected.tables.remove(lost);
            } else {
                expected.columns.remove(lost);
            }
        }
    }
    let mut blocks: Vec<(&str, Vec<&GainedColumn>)> = Vec::new();
    for column in &drift.gained_columns {
        let section = ["columns", column.table.as_str()];
        if profile.places.has(&section) {
            if !edit.add(&section, &column.column, UNDECIDED, &proposal(column)) {
                return Err(unforeseen(&profile.path, &dotted(&section)));
            }
        } else if let Some((_, columns)) = blocks.iter_mut().find(|(table, _)| *table == column.table) {
            columns.push(column);
        } else {
            blocks.push((&column.table, vec![column]));
        }
        expect_undecided(&mut expected, column);
    }
    for (table, columns) in blocks {
        edit.append(&[String::new()]);
        edit.append(&columns_block(table, &columns));
    }
    for table in &drift.gained_tables {
        edit.append(&table_block(table));
        table.columns.iter().for_each(|column| expect_undecided(&mut expected, column));
        if table.rows.is_some() {
            expected.tables.entry(table.table.clone()).or_default();
        }
    }
    let text = edit.text();
    prove(&text, &expected)?;
    let diff = if edit.is_empty() { String::new() } else { edit.diff(&profile.path) };
    Ok(Update { text, diff, by_hand })
}

const UNDECIDED: &str = "\"undecided\"";

fn expect_undecided(expected: &mut Profile, column: &GainedColumn) {
    let rules = expected.columns.entry(column.table.clone()).or_default();
    rules.insert(column.column.clone(), ColumnRule::Undecided);
}

fn proposal(column: &GainedColumn) -> String {
    if column.proposed == UNDECIDED {
        format!("no proposal: {}", column.reason)
    } else {
        format!("proposed {}: {}", column.proposed, column.reason)
    }
}

fn columns_block(table: &str, columns: &[&GainedColumn]) -> Vec<String> {
    let entry = |column: &&GainedColumn| {
        let rule = format!("{} = {UNDECIDED}", toml_text::key(&column.column));
        format!("{rule:<43} # {}", toml_text::comment(&proposal(column)))
    };
    let header = format!("[columns.{}]", toml_text::key(table));
    std::iter::once(header).chain(columns.iter().map(entry)).collect()
}

fn table_block(table: &GainedTable) -> Vec<String> {
    let (name, reason) = (toml_text::comment(&table.table), toml_text::comment(&table.reason));
    let mut lines = vec![String::new(), format!("# {name}: {reason}")];
    if let Some(rows) = table.rows {
        let rule = format!("# rows = \"{rows}\"");
        lines.push(format!("[tables.{}]", toml_text::key(&table.table)));
        lines.push(format!("{rule:<43} # proposed; with \"none\" its rows stay behind, and no column need be decided"));
    }
    lines.extend(columns_block(&table.table, &table.columns.iter().collect::<Vec<_>>()));
    lines
}

/// The new text must say what it is meant to say, and nothing else.
fn prove(text: &str, expected: &Profile) -> Result<()> {
    let path = &expected.path;
    let read = Profile::parse(text, path).map_err(|error| unforeseen(path, error.action()))?;
    let filled = |columns: &BTreeMap<String, BTreeMap<String, ColumnRule>>| {
        let mut columns = columns.clone();
        columns.retain(|_, rules| !rules.is_empty());
        columns
    };
    // Every field by its name, so that a new one is not forgotten here.
    let Profile { path: _, digest: _, places: _, sample, source, target, tables, references, vault, leaks, columns } =
        &read;
    let same = filled(columns) == filled(&expected.columns)
        && *tables == expected.tables
        && *sample == expected.sample
        && *source == expected.source
        && *target == expected.target
        && *references == expected.references
        && *vault == expected.vault
        && *leaks == expected.leaks;
    if same { Ok(()) } else { Err(unforeseen(path, "the sections would come to mean something else")) }
}

fn unforeseen(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Profile, format!("add to {}: {what}", path.display())).with_remedy(
        "nothing was written; write [columns.TABLE] as a section of its own with a line for each column, then run again",
    )
}
