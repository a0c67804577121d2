//! Columns whose rule in a profile is weaker than what they seem to hold.

use std::collections::HashMap;

use serde::Serialize;

use super::verdict;
use crate::detect::{Confidence, Found, Kind, Looked, Place, Verdict, WITHIN};
use crate::profile::{ColumnRule, MaskSpec, Profile, RowsRule};
use crate::schema::{Catalog, Table};
use crate::types::{ColumnId, TableId};

/// A column that looks personal, and its rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weak {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
    /// What the profile says: `undecided`, `keep`, or a rule that leaves what was found.
    pub rule: &'static str,
    /// The kind that leads.
    pub kind: Kind,
    /// Whether values are of the kind, or hold it.
    pub place: Place,
    /// Everything that values showed, counted.
    pub found: Vec<Found>,
    /// Values looked at.
    pub values: u32,
    /// How sure.
    pub confidence: Confidence,
    /// In words.
    pub reason: String,
    /// A rule that would do.
    pub suggestion: &'static str,
    /// One that would suit better, where there will be one.
    pub better: Option<&'static str>,
}

/// What was compared.
#[derive(Debug, Default)]
pub struct Compared {
    /// Columns that look personal and are kept, undecided, or masked too little.
    pub weak: Vec<Weak>,
    /// Columns that the profile brings.
    pub columns: u64,
    /// Those undecided that show no sign.
    pub undecided: u64,
    /// Those accepted by name although they look personal.
    pub accepted: u64,
}

type Rules<'p> = HashMap<(TableId, ColumnId), &'p ColumnRule>;

/// Compares a profile's rules with what was seen. `accepted` lists columns, as `table.column`, that may stay.
pub fn weak(catalog: &Catalog, profile: &Profile, looked: &Looked, accepted: &[String]) -> Compared {
    let rules = rules(catalog, profile);
    let without_rows: Vec<TableId> = profile
        .tables
        .iter()
        .filter(|(_, table)| table.rows == Some(RowsRule::None))
        .filter_map(|(name, _)| catalog.find_table(name))
        .collect();
    let mut compared = Compared::default();
    for table in catalog.tables.iter().filter(|table| !without_rows.contains(&table.id)) {
        for (id, column) in table.copied_columns() {
            compared.columns += 1;
            let verdict = verdict(table, id, looked);
            let rule = weakness(rules.get(&(table.id, id)).copied(), &verdict);
            let carried = rule == Some("keep") && is_masked_by_reference(catalog, &rules, table.id, id);
            let Some(rule) = rule.filter(|_| !carried) else { continue };
            match verdict.kind.filter(|kind| looks_personal(*kind, rule, &verdict)) {
                Some(_) if accepted.contains(&format!("{}.{}", table.name, column.name)) => compared.accepted += 1,
                Some(kind) => compared.weak.push(of(table, &column.name, rule, kind, verdict)),
                None if rule == "undecided" => compared.undecided += 1,
                None => {}
            }
        }
    }
    compared
}

fn rules<'p>(catalog: &Catalog, profile: &'p Profile) -> Rules<'p> {
    let mut rules = HashMap::new();
    for (name, columns) in &profile.columns {
        let Some(table) = catalog.find_table(name) else { continue };
        for (name, rule) in columns {
            if let Some(column) = catalog.table(table).find_column(name) {
                rules.insert((table, column), rule);
            }
        }
    }
    rules
}

/// The rule's name where it leaves values readable.
fn weakness(rule: Option<&ColumnRule>, verdict: &Verdict) -> Option<&'static str> {
    match rule {
        None | Some(ColumnRule::Undecided) => Some("undecided"),
        Some(ColumnRule::Decided { member, support }) => {
            let specs = [Some(&member.spec), support.as_ref().map(|rule| &rule.spec)];
            if specs.iter().flatten().any(|spec| **spec == MaskSpec::Keep) {
                return Some("keep");
            }
            // It replaces digits only.
            let phone = specs.iter().flatten().any(|spec| **spec == MaskSpec::Phone);
            let lettered = !matches!(
                verdict.kind,
                None | Some(
                    Kind::Phone | Kind::Card | Kind::NationalId | Kind::PostalCode | Kind::BirthDate | Kind::Ip
                )
            );
            (phone && lettered && verdict.confidence == Confidence::High).then_some("phone")
        }
    }
}

/// The mask of a referenced key is carried to the columns that refer to it.
fn is_masked_by_reference(catalog: &Catalog, rules: &Rules<'_>, table: TableId, column: ColumnId) -> bool {
    catalog.references_of(table).any(|reference| {
        let position = reference.child_columns.iter().position(|child| *child == column);
        let parent = position.and_then(|position| reference.parent_columns.get(position));
        let rule = parent.and_then(|parent| rules.get(&(reference.parent, *parent)));
        matches!(rule, Some(ColumnRule::Decided { member, .. }) if member.spec != MaskSpec::Keep)
    })
}

/// What a person decided to keep is told only where there is more to it than a name that may mean many things.
fn looks_personal(kind: Kind, rule: &str, verdict: &Verdict) -> bool {
    let vague = matches!(kind, Kind::FreeText | Kind::OutsideId | Kind::Website | Kind::Company);
    match verdict.confidence {
        Confidence::High => true,
        Confidence::Medium => rule == "undecided" || !vague,
        Confidence::Low => false,
    }
}

fn of(table: &Table, column: &str, rule: &'static str, kind: Kind, verdict: Verdict) -> Weak {
    let (suggestion, better) = match verdict.place {
        Place::Whole => (kind.rule(), kind.better_rule()),
        Place::Within => WITHIN,
    };
    Weak {
        schema: table.name.schema.clone(),
        table: table.name.name.clone(),
        column: column.to_owned(),
        rule,
        kind,
        place: verdict.place,
        found: verdict.found,
        values: verdict.values,
        confidence: verdict.confidence,
        reason: verdict.reason,
        suggestion,
        better,
    }
}
