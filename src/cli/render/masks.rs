//! What rules did, as text: one line for the report of a run, a table for `tithe report`.

use std::collections::BTreeMap;

use super::line;
use crate::cli::terminal::{Look, one_line, wrap};
use crate::report::{ColumnReport, LeakCheck, MaskCounts, RuleReport, RunReport};
use crate::types::QualifiedName;
use crate::wording::plural;

/// Title of the first column.
const TITLE: &str = "masked column";
/// What the numbers take.
const NUMBERS_WIDTH: usize = 55;

/// How many columns were masked, and under which key; empty where nothing is known of columns.
pub(super) fn summary(report: &RunReport, look: Look) -> String {
    let columns = || report.tables.iter().flat_map(|table| &table.columns);
    let all = columns().filter(|column| !column.rule.is_generated()).count();
    let masked = columns().filter(|column| column.is_masked()).count();
    if all == 0 {
        return String::new();
    }
    let tables = report.tables.iter().filter(|table| table.columns.iter().any(ColumnReport::is_masked)).count();
    let values = look.count(columns().map(ColumnReport::values_masked).sum());
    let counts = columns().filter(|column| column.is_masked()).flat_map(|c| [&c.members, &c.support]).flatten();
    let unchanged = match counts.map(|counts| counts.unchanged).sum() {
        0 => String::new(),
        unchanged => format!(" ({} unchanged)", look.count(unchanged)),
    };
    let key = report.key_fingerprint.as_ref().map(|key| format!("; key {key}")).unwrap_or_default();
    let tables = plural(tables as u64, "table");
    let says = format!("masked: {masked} of {all} columns, in {tables}, {values} values{unchanged}{key}");
    let mut text = String::new();
    line(&mut text, "");
    line(&mut text, &format!("  {}", wrap(&says, look.width, 2)));
    text
}

/// Each masked column with what its rule did.
pub(in crate::cli) fn table(report: &RunReport, look: Look) -> String {
    let mut rows: Vec<(String, &RuleReport, Option<&MaskCounts>)> = Vec::new();
    for table in &report.tables {
        let prefix = if table.schema == "public" { String::new() } else { format!("{}.", table.schema) };
        for column in table.columns.iter().filter(|column| column.is_masked()) {
            let name = one_line(&format!("{prefix}{}.{}", table.table, column.column));
            rows.push((name, &column.rule, column.members.as_ref()));
            if column.support_rule.is_some() || column.support.is_some() {
                let rule = column.support_rule.as_ref().unwrap_or(&column.rule);
                rows.push(("  support rows".to_owned(), rule, column.support.as_ref()));
            }
        }
    }
    if rows.is_empty() {
        return searched(report, look);
    }
    let rule_width = rows.iter().map(|(_, rule, _)| rule.name.len()).max().unwrap_or_default().max("rule".len());
    let room = look.width.saturating_sub(rule_width + NUMBERS_WIDTH + 4).max(16);
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default().max(TITLE.len()).min(room);
    let row = |first: &str, rule: &str, cells: &[String; 5]| {
        let first: String = first.chars().take(width).collect();
        let [values, nulls, unchanged, before, after] = cells;
        format!(
            "  {first:<width$}  {rule:<rule_width$} {values:>10} {nulls:>10} {unchanged:>10} {before:>10} {after:>10}"
        )
    };
    let mut text = String::new();
    line(&mut text, "");
    let titles = ["values", "NULL", "unchanged", "different", "after"].map(str::to_owned);
    line(&mut text, &look.dim(&row(TITLE, "rule", &titles)));
    for (name, rule, counts) in &rows {
        line(&mut text, &row(name, &rule.name, &cells(*counts, look)));
    }
    if rows.iter().any(|(_, _, counts)| counts.is_some_and(|c| c.estimated_before || c.estimated_after)) {
        let about = if look.unicode { "≈" } else { "~" };
        let says = format!("{about} estimated, with a standard error of {} %", report.distinct_error_percent);
        line(&mut text, &look.dim(&format!("  {says}")));
    }
    text + &searched(report, look)
}

/// How far the leak check looked. Columns that the profile exempts are named; the page names all.
fn searched(report: &RunReport, look: Look) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut allowed = Vec::new();
    for table in &report.tables {
        for column in &table.columns {
            let Some(check) = column.leak_check else { continue };
            *counts.entry(check.told()).or_default() += 1;
            if check == LeakCheck::Allowed {
                allowed.push(format!("{}.{}", QualifiedName::new(&table.schema, &table.table), column.column));
            }
        }
    }
    let mut text = String::new();
    line(&mut text, "");
    for (says, count) in counts {
        let names =
            if says == LeakCheck::Allowed.told() { format!(" ({})", allowed.join(", ")) } else { String::new() };
        let says = format!("leak check: {} {says}{names}", plural(count, "column"));
        line(&mut text, &format!("  {}", wrap(&says, look.width, 2)));
    }
    if !text.trim().is_empty() {
        line(&mut text, "");
    }
    text
}

fn cells(counts: Option<&MaskCounts>, look: Look) -> [String; 5] {
    let Some(counts) = counts else { return std::array::from_fn(|_| look.dash().to_owned()) };
    let different = |number, estimated| match (estimated, look.unicode) {
        (false, _) => look.count(number),
        (true, true) => format!("≈{}", look.count(number)),
        (true, false) => format!("~{}", look.count(number)),
    };
    [
        look.count(counts.values),
        look.count(counts.nulls),
        look.count(counts.unchanged),
        different(counts.distinct_before, counts.estimated_before),
        different(counts.distinct_after, counts.estimated_after),
    ]
}
