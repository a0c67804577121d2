//! The list of rules: each masked column with what its rule did, and what the leak check did with the others.

use std::fmt::Write as _;

use super::text::{count, counted, escape};
use super::{close, listed, name, open};
use crate::report::{ColumnReport, LeakCheck, LeakFinding, MaskCounts, RuleReport, RunReport, TableReport};

const TITLES: [&str; 7] = ["Column", "Rule", "Values", "NULL", "Unchanged", "Different before", "Different after"];

pub(super) fn section(page: &mut String, report: &RunReport) {
    let known = |table: &&TableReport| table.columns.iter().any(|c| is_listed(c) || c.leak_check.is_some());
    let tables: Vec<&TableReport> = report.tables.iter().filter(known).collect();
    if tables.is_empty() {
        return;
    }
    open(
        page,
        "columns",
        "Rules, and what they did",
        "Values went through the rule; NULL stays NULL; unchanged values came out as they went in, such as empty texts. Fewer different values after than before means that a rule brings some together. The leak check read “searched” columns back from the target and looked in them for what masked columns had held; dates, short numbers and what the profile allows are not looked for.",
    );
    let (with_rules, kept): (Vec<&TableReport>, Vec<&TableReport>) =
        tables.into_iter().partition(|table| table.columns.iter().any(is_listed));
    with_rules.into_iter().for_each(|table| of_table(page, table));
    if !kept.is_empty() {
        page.push_str("<h3>Tables without rules</h3>\n");
        for table in kept {
            let _ = writeln!(page, "<h4><bdi>{}</bdi></h4>", escape(&name(table)));
            the_others(page, table);
        }
    }
    close(page);
}

fn is_listed(column: &ColumnReport) -> bool {
    column.is_masked() || column.leaks.is_some()
}

fn of_table(page: &mut String, table: &TableReport) {
    let listed = || table.columns.iter().filter(|column| is_listed(column));
    let leaks = listed().any(|c| c.leaks.is_some() || c.leak_check.is_some());
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
    for column in listed() {
        row(page, column, &column.rule, column.members.as_ref(), false, leaks);
        let support = column.support_rule.as_ref().unwrap_or(&column.rule);
        if column.support_rule.is_some() || column.support.is_some() {
            row(page, column, support, column.support.as_ref(), true, leaks);
        }
    }
    page.push_str("</tbody>\n</table>\n");
    the_others(page, table);
}

/// Columns without a row of their own, by what became of them and whether they were searched.
fn the_others(page: &mut String, table: &TableReport) {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for column in table.columns.iter().filter(|column| !is_listed(column)) {
        let fate = if column.rule.is_generated() { "Computed by the target" } else { "Kept" };
        let says = match column.leak_check {
            Some(check) => format!("{fate}, {}", check.told()),
            None => fate.to_owned(),
        };
        match groups.iter_mut().find(|(group, _)| *group == says) {
            Some((_, names)) => names.push(&column.column),
            None => groups.push((says, vec![&column.column])),
        }
    }
    for (says, names) in groups {
        let _ = writeln!(page, "<p class=\"quiet\">{says}: {}</p>", listed(names.into_iter()));
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
            if counts.is_idle() { format!("all {}", count(counts.unchanged)) } else { count(counts.unchanged) },
            different(counts.distinct_before, counts.estimated_before),
            different(counts.distinct_after, counts.estimated_after),
        ]
    });
    let cells = cells.unwrap_or_else(|| std::array::from_fn(|_| "–".to_owned()));
    for (title, cell) in TITLES[2..].iter().zip(cells) {
        let _ = write!(page, "<td class=\"number\" data-title=\"{title}\">{cell}</td>");
    }
    if leaks {
        let says = match (&column.leaks, column.leak_check) {
            (Some(found), _) if !support => leak(found),
            (None, Some(LeakCheck::LookedFor)) if !support => "looked for elsewhere".to_owned(),
            (None, Some(LeakCheck::KeysSearched)) if !support => "looked for elsewhere; keys searched".to_owned(),
            (None, Some(LeakCheck::Masked)) if !support => "not looked for".to_owned(),
            (None, Some(check)) if !support => check.told().to_owned(),
            _ => "–".to_owned(),
        };
        let _ = write!(page, "<td data-title=\"Leak check\">{says}</td>");
    }
    page.push_str("</tr>\n");
}

fn leak(found: &LeakFinding) -> String {
    let done = match found.action.as_str() {
        "scrub" => "crossed out".to_owned(),
        "warn" => "told".to_owned(),
        other => escape(other),
    };
    if found.values + found.words == 0 {
        return format!("searched; {done}: more hits than can be confirmed");
    }
    let (values, times) = (counted(found.values + found.words, "value"), counted(found.times, "time"));
    format!("searched; {done}: {values} of masked columns, {times}")
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
