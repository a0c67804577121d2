//! The list of rules: each masked column with what its rule did.

use std::fmt::Write as _;

use super::text::{count, escape};
use super::{close, listed, name, open};
use crate::report::{ColumnReport, LeakFinding, MaskCounts, RuleReport, RunReport, TableReport};

const TITLES: [&str; 7] = ["Column", "Rule", "Values", "NULL", "Unchanged", "Different before", "Different after"];

pub(super) fn section(page: &mut String, report: &RunReport) {
    let told = |table: &&TableReport| table.columns.iter().any(is_listed);
    let tables: Vec<&TableReport> = report.tables.iter().filter(told).collect();
    if tables.is_empty() {
        return;
    }
    open(
        page,
        "columns",
        "Rules, and what they did",
        "Values went through the rule; NULL stays NULL; unchanged values came out as they went in, such as empty texts. Fewer different values after than before means that a rule brings some together.",
    );
    tables.iter().for_each(|table| of_table(page, table));
    close(page);
}

fn is_listed(column: &ColumnReport) -> bool {
    column.is_masked() || column.leaks.is_some()
}

fn of_table(page: &mut String, table: &TableReport) {
    let leaks = table.columns.iter().any(|column| column.leaks.is_some());
    let shown = escape(&name(table));
    let _ = write!(page, "<h3><bdi>{shown}</bdi></h3>\n<table class=\"stacked\">\n<thead><tr>");
    for (at, title) in TITLES.iter().enumerate() {
        let class = if at > 1 { " class=\"number\"" } else { "" };
        let _ = write!(page, "<th scope=\"col\"{class}>{title}</th>");
    }
    if leaks {
        page.push_str("<th scope=\"col\">Leak check</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for column in table.columns.iter().filter(|column| is_listed(column)) {
        row(page, column, &column.rule, column.members.as_ref(), false, leaks);
        let support = column.support_rule.as_ref().unwrap_or(&column.rule);
        if column.support_rule.is_some() || column.support.is_some() {
            row(page, column, support, column.support.as_ref(), true, leaks);
        }
    }
    page.push_str("</tbody>\n</table>\n");
    let kept: Vec<&str> = table.columns.iter().filter(|c| !is_listed(c)).map(|c| c.column.as_str()).collect();
    if !kept.is_empty() {
        let _ = writeln!(page, "<p class=\"quiet\">Kept: {}</p>", listed(kept.into_iter()));
    }
}

fn row(
    page: &mut String,
    column: &ColumnReport,
    rule: &RuleReport,
    counts: Option<&MaskCounts>,
    support: bool,
    leaks: bool,
) {
    let first = match support {
        true => "<span class=\"quiet\">… in support rows</span>".to_owned(),
        false => format!(
            "<strong><bdi>{}</bdi></strong> <span class=\"quiet\">{}</span>",
            escape(&column.column),
            escape(&column.data_type)
        ),
    };
    let _ = write!(page, "<tr><th scope=\"row\">{first}</th><td data-title=\"{}\">{}</td>", TITLES[1], spoken(rule));
    let cells = counts.map(|counts| {
        let different = |number, estimated| if estimated { format!("≈ {}", count(number)) } else { count(number) };
        [
            count(counts.values),
            count(counts.nulls),
            count(counts.unchanged),
            different(counts.distinct_before, counts.estimated_before),
            different(counts.distinct_after, counts.estimated_after),
        ]
    });
    let cells = cells.unwrap_or_else(|| std::array::from_fn(|_| "–".to_owned()));
    for (title, cell) in TITLES[2..].iter().zip(cells) {
        let _ = write!(page, "<td class=\"number\" data-title=\"{title}\">{cell}</td>");
    }
    if leaks {
        let found = if support { None } else { column.leaks.as_ref() };
        let _ = write!(page, "<td data-title=\"Leak check\">{}</td>", found.map_or_else(|| "–".to_owned(), leak));
    }
    page.push_str("</tr>\n");
}

fn leak(found: &LeakFinding) -> String {
    let done = match found.action.as_str() {
        "scrub" => "crossed out".to_owned(),
        "warn" => "told".to_owned(),
        other => escape(other),
    };
    format!("{done}: {} values of masked columns, {} times", count(found.values + found.words), count(found.times))
}

/// `email`, then `host: example.com, domain: people`
fn spoken(rule: &RuleReport) -> String {
    let mut more: Vec<String> =
        rule.parameters.iter().map(|(name, value)| format!("{}: {}", escape(name), escape(value))).collect();
    more.extend(
        rule.domain.iter().filter(|domain| **domain != rule.name).map(|domain| format!("domain: {}", escape(domain))),
    );
    let name = escape(&rule.name);
    match more.is_empty() {
        true => format!("<code>{name}</code>"),
        false => format!("<code>{name}</code> <span class=\"quiet\"><bdi>{}</bdi></span>", more.join(", ")),
    }
}
