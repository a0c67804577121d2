//! The list of tables, and what came of files.

use std::fmt::Write as _;

use super::text::{count, escape, size};
use super::{close, filled, listed, name, open};
use crate::report::RunReport;

const TITLES: [&str; 8] = ["Table", "Mode", "In source", "Rows", "Members", "Support", "Size", "Checksum"];

pub(super) fn section(page: &mut String, report: &RunReport) {
    open(
        page,
        "tables",
        "Tables",
        "Members are rows of the sample; support rows are here only because a member refers to them. The checksum does not depend on the rows’ order.",
    );
    page.push_str("<table class=\"stacked\">\n<thead><tr>");
    for (at, title) in TITLES.iter().enumerate() {
        let class = if (2..7).contains(&at) { " class=\"number\"" } else { "" };
        let _ = write!(page, "<th scope=\"col\"{class}>{title}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for table in filled(report) {
        let source = if table.rows_source > 0 { count(table.rows_source.unsigned_abs()) } else { "–".to_owned() };
        let _ = write!(
            page,
            "<tr><th scope=\"row\"><strong><bdi>{}</bdi></strong></th><td data-title=\"{}\">{}</td>",
            escape(&name(table)),
            TITLES[1],
            escape(&table.mode)
        );
        let numbers = [source, count(table.rows_copied), count(table.members), count(table.support), size(table.bytes)];
        for (title, number) in TITLES[2..].iter().zip(numbers) {
            let _ = write!(page, "<td class=\"number\" data-title=\"{title}\">{number}</td>");
        }
        let _ = writeln!(
            page,
            "<td data-title=\"{}\"><code class=\"sum\">{}</code></td></tr>",
            TITLES[7],
            escape(&table.checksum)
        );
    }
    page.push_str("</tbody>\n</table>\n");
    for (title, meant) in [("Structure only", true), ("No rows chosen", false)] {
        let empty = report.tables.iter().filter(|table| table.rows_copied == 0 && (table.mode == "none") == meant);
        let names: Vec<String> = empty.map(name).collect();
        if !names.is_empty() {
            let _ = writeln!(page, "<p class=\"quiet\">{title}: {}</p>", listed(names.iter().map(String::as_str)));
        }
    }
    close(page);
}

pub(super) fn files(page: &mut String, report: &RunReport) {
    let vault = &report.vault;
    if vault.files_wanted == 0 {
        return;
    }
    open(page, "files", "Files", "Named by the rows that came; compared by content.");
    page.push_str("<dl class=\"facts\">\n");
    for (name, number) in [
        ("Named by rows", vault.files_wanted),
        ("In place before", vault.files_kept),
        ("Copied", vault.files_copied),
        ("Patched", vault.files_patched),
        ("Removed", vault.files_removed),
        ("Missing in the source", vault.files_missing),
    ] {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", count(number));
    }
    let _ = writeln!(page, "<div><dt>Moved</dt><dd>{}</dd></div>", size(vault.bytes));
    for rule in &vault.rules {
        let _ = writeln!(
            page,
            "<div><dt><bdi>{}</bdi></dt><dd>{}, {} of {} brought</dd></div>",
            escape(&rule.name),
            escape(&rule.mode),
            count(rule.brought),
            count(rule.wanted)
        );
    }
    page.push_str("</dl>\n");
    close(page);
}
