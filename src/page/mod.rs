//! A run's report as one page for the browser: no network, no script, pictures as inline SVG.
//!
//! Made from the report alone, so the page of an old run can be made again at any time. Every text of the report goes
//! through `text::escape`: names of tables are whatever somebody named them.
//!
//! ```text
//! RunReport ─▶ sections (facts, checks, tables, columns) ─┬─▶ one HTML text
//!           ─▶ pictures (graph, rows, coverage) ──────────┘
//! ```

mod columns;
mod coverage;
mod facts;
mod graph;
mod layout;
mod rows;
mod tables;
pub(crate) mod text;

use std::fmt::Write as _;

use crate::report::{RunReport, TableReport};
use text::escape;

const STYLE: &str = include_str!("style.css");

/// The page.
pub fn html(report: &RunReport) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Tithe: run {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escape(&report.run_id)
    );
    facts::header(&mut page, report);
    page.push_str("<main>\n");
    facts::figures(&mut page, report);
    facts::checks(&mut page, report);
    facts::remarks(&mut page, report);
    coverage::section(&mut page, report);
    rows::section(&mut page, report);
    graph::section(&mut page, report);
    columns::section(&mut page, report);
    tables::section(&mut page, report);
    tables::files(&mut page, report);
    facts::provenance(&mut page, report);
    page.push_str("</main>\n");
    facts::footer(&mut page, report);
    page.push_str("</body>\n</html>\n");
    page
}

/// Name of a table as the page shows it, not yet escaped.
fn name(table: &TableReport) -> String {
    if table.schema == "public" { table.table.clone() } else { format!("{}.{}", table.schema, table.table) }
}

/// Tables that brought rows, largest first.
fn filled(report: &RunReport) -> Vec<&TableReport> {
    let mut filled: Vec<&TableReport> = report.tables.iter().filter(|table| table.rows_copied > 0).collect();
    filled.sort_by(|a, b| (b.rows_copied, &a.schema, &a.table).cmp(&(a.rows_copied, &b.schema, &b.table)));
    filled
}

/// Opens a section; its heading names it for those who hear the page.
fn open(page: &mut String, id: &str, title: &str, lead: &str) {
    let _ = write!(page, "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n");
    if !lead.is_empty() {
        let _ = writeln!(page, "<p class=\"lead\">{lead}</p>");
    }
}

fn close(page: &mut String) {
    page.push_str("</section>\n");
}

/// Names, escaped, each kept on one line, with commas.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("<bdi>{}</bdi>", escape(name))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
