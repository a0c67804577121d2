//! Columns whose rule in a profile is weaker than what they seem to hold.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{rules, strength, verdict};
use crate::anonymize::template_columns;
use crate::detect::{Confidence, Found, Kind, Looked, Place, Verdict};
use crate::profile::{ColumnRule, MaskSpec, Profile, RowsRule, nearest};
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
    /// What the profile says: `undecided`, `keep`, `when`, or a rule that leaves what was found.
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
    /// A rule that would do, as a profile writes it; `None`: none does for its type and keys.
    pub suggestion: Option<String>,
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

/// Columns of a catalog.
pub type Columns = HashSet<(TableId, ColumnId)>;

type Rules<'p> = HashMap<(TableId, ColumnId), &'p ColumnRule>;

/// Compares a profile's rules with what was seen. `accepted` columns may stay.
pub fn weak(catalog: &Catalog, profile: &Profile, looked: &Looked, accepted: &Columns) -> Compared {
    let comparison = Comparison { catalog, rules: rules_of(catalog, profile), looked };
    let without_rows = tables_without_rows(catalog, profile);
    let mut compared = Compared::default();
    for table in catalog.tables.iter().filter(|table| !without_rows.contains(&table.id)) {
        for (id, column) in table.copied_columns() {
            compared.columns += 1;
            let verdict = verdict(table, id, looked);
            let Some(rule) = comparison.weakness(table, id, &verdict) else { continue };
            match verdict.kind.filter(|kind| looks_personal(*kind, rule, &verdict)) {
                Some(_) if accepted.contains(&(table.id, id)) => compared.accepted += 1,
                Some(kind) => compared.weak.push(comparison.told(table, id, &column.name, rule, kind, verdict)),
                None if rule == UNDECIDED => compared.undecided += 1,
                None => {}
            }
        }
    }
    compared
}

/// Tables of which a profile brings no rows.
fn tables_without_rows(catalog: &Catalog, profile: &Profile) -> HashSet<TableId> {
    let none = profile.tables.iter().filter(|(_, table)| table.rows == Some(RowsRule::None));
    none.filter_map(|(name, _)| catalog.find_table(name)).collect()
}

/// Columns that the profile lets pass, whole or in part.
pub fn passing(catalog: &Catalog, profile: &Profile) -> Columns {
    let leaves = |rule: &ColumnRule| specs(rule).any(MaskSpec::may_leave_source);
    rules_of(catalog, profile).into_iter().filter(|(_, rule)| leaves(rule)).map(|(column, _)| column).collect()
}

/// The columns that are written `users.email` or `public.users.email`.
///
/// # Errors
/// A name that leads to none, with the nearest that does.
pub fn named_columns(catalog: &Catalog, written: &[String]) -> Result<Columns, (String, Option<String>)> {
    let find = |name: &String| {
        let splits = name.match_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..]));
        splits.into_iter().find_map(|(table, column)| {
            let table = catalog.find_table(table)?;
            Some((table, catalog.table(table).find_column(column)?))
        })
    };
    let name = |name: &String| find(name).ok_or_else(|| (name.clone(), nearest_column(catalog, name)));
    written.iter().map(name).collect()
}

fn nearest_column(catalog: &Catalog, written: &str) -> Option<String> {
    let of_table = |table: &Table| -> Vec<String> {
        let full = format!("{}.{}", table.name.schema, table.name.name);
        let names = [table.name.to_string(), full];
        names
            .iter()
            .flat_map(|name| table.columns.iter().map(move |column| format!("{name}.{}", column.name)))
            .collect()
    };
    let names: Vec<String> = catalog.tables.iter().flat_map(of_table).collect();
    nearest(written, names.iter().map(String::as_str)).map(str::to_owned)
}

fn rules_of<'p>(catalog: &Catalog, profile: &'p Profile) -> Rules<'p> {
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

fn specs(rule: &ColumnRule) -> impl Iterator<Item = &MaskSpec> {
    let (member, support) = match rule {
        ColumnRule::Undecided => (None, None),
        ColumnRule::Decided { member, support } => (Some(&member.spec), support.as_ref().map(|rule| &rule.spec)),
    };
    member.into_iter().chain(support)
}

const UNDECIDED: &str = "undecided";

struct Comparison<'a> {
    catalog: &'a Catalog,
    rules: Rules<'a>,
    looked: &'a Looked,
}

impl Comparison<'_> {
    /// What the profile says, where that lets values pass.
    fn weakness(&self, table: &Table, id: ColumnId, verdict: &Verdict) -> Option<&'static str> {
        let rule = self.rules.get(&(table.id, id)).filter(|rule| ***rule != ColumnRule::Undecided);
        let Some(rule) = rule else { return Some(UNDECIDED) };
        let weak = specs(rule).find(|spec| self.leaves(table, spec, verdict))?;
        let carried = *weak == MaskSpec::Keep && self.is_masked_by_reference(table.id, id);
        let name = if weak.condition().is_some() { "when" } else { weak.name() };
        Some(name).filter(|_| !carried)
    }

    /// The rule leaves what was found readable.
    fn leaves(&self, table: &Table, spec: &MaskSpec, verdict: &Verdict) -> bool {
        match spec {
            MaskSpec::Template(text) => {
                template_columns(text).unwrap_or_default().iter().any(|name| self.inserts(table, name))
            }
            // It replaces digits only.
            MaskSpec::Phone => !strength::is_of_digits(verdict.kind) && verdict.confidence == Confidence::High,
            spec => spec.may_leave_source() && !strength::is_enough(spec, verdict),
        }
    }

    /// A template that inserts this column inserts something personal.
    fn inserts(&self, table: &Table, name: &str) -> bool {
        let Some(id) = table.find_column(name) else { return false };
        let (verdict, rule) = (verdict(table, id, self.looked), self.rules.get(&(table.id, id)));
        let passes = |spec: &MaskSpec| spec.may_leave_source() && !strength::is_enough(spec, &verdict);
        let kept = rule.is_some_and(|rule| specs(rule).any(passes));
        kept && verdict.kind.is_some_and(|kind| looks_personal(kind, "keep", &verdict))
    }

    /// The mask of a referenced key is carried to the columns that refer to it.
    fn is_masked_by_reference(&self, table: TableId, column: ColumnId) -> bool {
        self.catalog.references_of(table).any(|reference| {
            let position = reference.child_columns.iter().position(|child| *child == column);
            let parent = position.and_then(|position| reference.parent_columns.get(position));
            let rule = parent.and_then(|parent| self.rules.get(&(reference.parent, *parent)));
            matches!(rule, Some(ColumnRule::Decided { member, .. }) if member.spec != MaskSpec::Keep)
        })
    }

    fn told(
        &self,
        table: &Table,
        id: ColumnId,
        column: &str,
        rule: &'static str,
        kind: Kind,
        verdict: Verdict,
    ) -> Weak {
        let pick = rules::pick(self.catalog, table, id, kind, verdict.place);
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
            suggestion: pick.rule.map(|rule| rule.plain()),
        }
    }
}

/// What a person decided to keep is told only where there is more to it than a name that may mean many things.
fn looks_personal(kind: Kind, rule: &str, verdict: &Verdict) -> bool {
    let vague = matches!(kind, Kind::FreeText | Kind::OutsideId | Kind::Website | Kind::Company);
    match verdict.confidence {
        Confidence::High => true,
        Confidence::Medium => rule == UNDECIDED || !vague,
        Confidence::Low => false,
    }
}
