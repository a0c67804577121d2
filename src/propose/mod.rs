//! `tithe init`'s judgement: a root and a commented profile, proposed from the catalog and what values showed.
//!
//! Pure: no connection, no files; of values only what [`crate::detect`] counted. What is written is a draft for a person to read; it must be accepted by
//! [`crate::profile::Profile::parse`] whatever the names in the database are, and it errs towards `"undecided"`.

mod additions;
mod columns;
mod listed;
mod ownership;
mod rules;
mod strength;
mod weak;

use std::fmt::Write as _;

use crate::detect::Looked;
use crate::detect::names::{self, Meaning};
use crate::profile::toml_text;
use crate::schema::{Catalog, Table, TableKind};
use crate::types::TableId;

pub use additions::Additions;
pub use columns::verdict;
pub use weak::{Columns, Compared, Weak, named_columns, passing, weak};

use columns::Known;
use ownership::Proposal;

/// Column at which comments behind rules start, where the rule is short enough.
const COMMENT_COLUMN: usize = 43;

/// The table a sample is most likely drawn from, and why: the most referenced one with columns of a person.
pub fn root(catalog: &Catalog) -> Option<(TableId, String)> {
    let candidates = catalog
        .tables
        .iter()
        .filter(|table| table.kind != TableKind::Foreign && table.readable && table.identity_key().is_some());
    let scored = candidates.filter_map(|table| {
        let people = names::holds_people(&table.name.name);
        let personal: Vec<&str> = personal_columns(table, people).collect();
        if personal.is_empty() {
            return None;
        }
        let references = catalog.references_to(table.id).filter(|reference| reference.child != table.id).count();
        // A table of people by its name wins over one that merely notes an address and is referenced more often,
        // such as orders, unless the difference is large.
        let score = (references + 1) * if people { 2 } else { 1 };
        Some(((score, personal.len(), std::cmp::Reverse(table.id)), references, personal))
    });
    let ((.., id), references, personal) = scored.max_by_key(|(score, ..)| *score)?;
    let shown: Vec<&str> = personal.into_iter().take(4).collect();
    let lead = if references == 1 { "1 reference leads" } else { &format!("{references} references lead") };
    Some((id.0, format!("{lead} to it, and it has a person's columns: {}", shown.join(", "))))
}

fn personal_columns(table: &Table, people: bool) -> impl Iterator<Item = &str> {
    table
        .columns
        .iter()
        .filter(move |column| {
            column.data_type.class.is_text()
                && match names::meaning(&column.name) {
                    Some(
                        Meaning::Email | Meaning::Phone | Meaning::FirstName | Meaning::LastName | Meaning::Username,
                    ) => true,
                    Some(Meaning::FullName | Meaning::Name) => people,
                    _ => false,
                }
        })
        .map(|column| column.name.as_str())
}

/// A commented profile that samples from `root`, as TOML.
pub fn profile(catalog: &Catalog, root: TableId, looked: &Looked) -> String {
    let owned = ownership::ownership(catalog, root);
    let proposals: Vec<Proposal> =
        catalog.tables.iter().map(|table| ownership::propose(catalog, &owned, table.id)).collect();
    let lookup: Vec<bool> = proposals.iter().map(|proposal| proposal.lookup).collect();

    let mut body = String::new();
    let mut undecided = 0;
    for (table, proposal) in catalog.tables.iter().zip(&proposals) {
        undecided += table_section(&mut body, catalog, table, proposal, Known { lookup: &lookup, looked });
    }
    let root = catalog.table(root);
    let name = written_name(catalog, root).unwrap_or_else(|| root.name.to_string());
    header(catalog.tables.len(), undecided, &name, looked) + &body
}

fn header(tables: usize, undecided: usize, root: &str, looked: &Looked) -> String {
    let values = match looked.values().map(|seen| seen.values).max() {
        None | Some(0) => "no value was looked at".to_owned(),
        Some(most) => format!("and from a look at up to {most} values of a column"),
    };
    format!(
        r#"#:schema ./profile.schema.json
#
# A draft, proposed from the names and types of {tables} tables; {values}.
#
# What to do with it:
#  1. Decide the {undecided} columns that are "undecided": "keep", or a mask such as "email", "username", "full_name",
#     "phone", "token", "lorem", "empty_json", {{ hash = {{ length = 32 }} }}, {{ constant = "!" }}, "null". A run stops
#     until none is left.
#  2. Read the rest. "keep" says only that nothing was seen that speaks against it; the column may hold anything.
#  3. Read each `rows`: "owned" (belongs to the root), "all" (copied whole), "referenced" (only what chosen rows refer
#     to), "none" (structure only).
#  4. `tithe plan` shows what a run would bring, and why, without moving a row.

[sample]
root = {root}
percent = 10
seed = "tithe"                              # the same seed draws the same rows
# never = "deleted_at < {{run_time}}"         # root rows that never leave
"#,
        root = toml_text::string(root),
    )
}

/// Writes one table's block; answers how many of its columns are undecided.
fn table_section(text: &mut String, catalog: &Catalog, table: &Table, proposal: &Proposal, known: Known<'_>) -> usize {
    let rows = if table.rows_estimate >= 0.0 {
        format!("about {:.0} rows", table.rows_estimate)
    } else {
        "rows not counted yet".to_owned()
    };
    line(text, "");
    line(
        text,
        &format!(
            "# {} ({rows}): {}",
            toml_text::comment(&table.name.to_string()),
            toml_text::comment(&proposal.reason)
        ),
    );
    let Some(name) = written_name(catalog, table) else {
        line(
            text,
            "# Two tables are written with this name, and a profile can only mean the other one: rename this one,",
        );
        line(text, "# or leave its schema out with [source] exclude_schemas.");
        return 0;
    };
    let key = toml_text::key(&name);
    if let Some(rows) = proposal.rows {
        line(text, &format!("[tables.{key}]"));
        line(text, &format!("rows = \"{rows}\""));
    }
    if proposal.rows == Some("none") {
        return 0;
    }
    line(text, &format!("[columns.{key}]"));
    let mut undecided = 0;
    for (id, column) in table.copied_columns() {
        let proposed = columns::propose(catalog, table.id, id, known);
        undecided += usize::from(proposed.rule == "\"undecided\"");
        let rule = format!("{} = {}", toml_text::key(&column.name), proposed.rule);
        line(text, &format!("{rule:<COMMENT_COLUMN$} # {}", proposed.reason));
    }
    undecided
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

/// The name by which a profile finds this table again: short where it can be, with its schema where it must.
fn written_name(catalog: &Catalog, table: &Table) -> Option<String> {
    let full = format!("{}.{}", table.name.schema, table.name.name);
    [table.name.to_string(), full].into_iter().find(|written| catalog.find_table(written) == Some(table.id))
}

#[cfg(test)]
mod tests;
