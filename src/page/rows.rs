//! The picture of rows: each table's size in the source, and the share of it that came.

use std::fmt::Write as _;

use super::text::{count, counted, escape, share};
use super::{close, filled, name, open};
use crate::report::{RunReport, TableReport};

/// Tables drawn; the others are in the list of tables.
const DRAWN: usize = 24;
/// Width of the picture in its own units.
const WIDTH: f64 = 1000.0;

pub(super) fn section(page: &mut String, report: &RunReport) {
    let tables = filled(report);
    if tables.is_empty() {
        return;
    }
    open(
        page,
        "rows",
        "Rows, source against sample",
        "The length of a bar is the table’s size in the source, on a logarithmic scale; the filled part is the share that came.",
    );
    let largest = tables.iter().map(|table| in_source(table)).max().unwrap_or_default();
    page.push_str("<ul class=\"bars\">\n");
    for table in tables.iter().take(DRAWN) {
        bar(page, table, largest);
    }
    page.push_str("</ul>\n");
    if let Some(rest) = tables.get(DRAWN..).filter(|rest| !rest.is_empty()) {
        let rows = rest.iter().map(|table| table.rows_copied).sum();
        let (tables, rows) = (counted(rest.len() as u64, "smaller table"), counted(rows, "row"));
        let _ = writeln!(page, "<p class=\"quiet\">and {tables} with {rows}</p>");
    }
    close(page);
}

fn bar(page: &mut String, table: &TableReport, largest: u64) {
    let (source, copied) = (in_source(table), table.rows_copied);
    let whole = (WIDTH * scaled(source) / scaled(largest).max(1.0)).max(4.0);
    let part = (whole * copied as f64 / source as f64).clamp(2.0, whole);
    let known = table.rows_source >= 0 && table.rows_source.unsigned_abs() >= copied;
    let share = if known { share(copied, source) } else { String::new() };
    let of = if known { format!(" of {}", count(source)) } else { String::new() };
    let name = escape(&name(table));
    let _ = writeln!(
        page,
        "<li><span class=\"name\"><bdi>{name}</bdi></span> <span class=\"number\">{}{of}</span> <span class=\"share\">{share}</span>\
         <svg viewBox=\"0 0 {WIDTH} 10\" preserveAspectRatio=\"none\" role=\"img\"><title>{name}: {}{of} rows</title>\
         <rect class=\"whole\" width=\"{whole:.0}\" height=\"10\"/><rect class=\"part\" width=\"{part:.0}\" height=\"10\"/></svg></li>",
        count(copied),
        count(copied),
    );
}

/// The planner's estimate, where that can be.
fn in_source(table: &TableReport) -> u64 {
    table.rows_source.max(0).unsigned_abs().max(table.rows_copied)
}

fn scaled(rows: u64) -> f64 {
    (rows as f64 + 1.0).log10()
}
