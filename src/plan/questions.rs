//! The profile's SQL, put as questions that the source's server can parse before anything is read.

use crate::profile::{ColumnRule, MaskSpec, Problem, ProblemKind, Profile, RowsRule, predicate};
use crate::schema::Catalog;
use crate::types::{ColumnId, TableId};

use super::findings::Findings;

/// A text of SQL, and where the profile says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Keys that lead there.
    pub path: Vec<String>,
    /// Table whose columns it may name.
    pub table: TableId,
    /// The text, `{run_time}` replaced.
    pub sql: String,
    /// Column that takes what it gives; `None`: it is a condition.
    pub of: Option<ColumnId>,
    /// It belongs to a mask, and stands in the query of the copy only.
    pub is_of_mask: bool,
}

/// All SQL of a profile over tables that are there. Virtual references are found by their place in the profile.
pub fn questions(catalog: &Catalog, profile: &Profile, run_time: &str) -> Vec<Question> {
    let moment = super::make::literal(run_time);
    let mut all = Vec::new();
    let mut ask = |path: &[&str], table: TableId, sql: &str, of: Option<ColumnId>| {
        let is_of_mask = path.first() == Some(&"columns");
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        all.push(Question { path, table, sql: predicate::bind_run_time(sql, &moment), of, is_of_mask });
    };
    if let Some(root) = catalog.find_table(&profile.sample.root) {
        for (key, text) in [("always", &profile.sample.always), ("never", &profile.sample.never)] {
            text.iter().for_each(|text| ask(&["sample", key], root, text, None));
        }
    }
    for (name, rules) in &profile.tables {
        if let (Some(table), Some(text)) = (catalog.find_table(name), &rules.filter) {
            ask(&["tables", name, "where"], table, text, None);
        }
    }
    for (at, reference) in profile.references.iter().enumerate() {
        if let (Some(table), Some(text)) = (catalog.find_table(&reference.table), &reference.condition) {
            ask(&["references", &format!("[{at}]"), "condition"], table, text, None);
        }
    }
    let stays = |table: TableId| {
        let written = profile.tables.iter().find(|(name, _)| catalog.find_table(name) == Some(table));
        written.is_some_and(|(_, rules)| rules.rows == Some(RowsRule::None))
    };
    for (name, columns) in &profile.columns {
        let Some(table) = catalog.find_table(name).filter(|table| !stays(*table)) else { continue };
        for (column, rule) in columns {
            let (Some(id), ColumnRule::Decided { member, support }) = (catalog.table(table).find_column(column), rule)
            else {
                continue;
            };
            for spec in std::iter::once(member).chain(support).map(|rule| &rule.spec) {
                let path = ["columns", name.as_str(), column.as_str()];
                spec.condition().into_iter().for_each(|text| ask(&path, table, text, None));
                if let MaskSpec::Sql(text) = spec.plain() {
                    ask(&path, table, text, Some(id));
                }
            }
        }
    }
    all
}

/// What the server would not parse, as problems of the profile, in its order.
pub fn unanswered(profile: &Profile, refused: &[(Question, String)]) -> Vec<Problem> {
    let mut findings = Findings::new(profile);
    for (question, why) in refused {
        let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
        let what = match question.of {
            None => "is no condition over the table's columns",
            Some(_) => "is no expression over the table's columns that gives the column's type",
        };
        findings.value(ProblemKind::Profile, &path, format!("{:?} {what}: {why}", question.sql));
    }
    findings.sorted()
}
