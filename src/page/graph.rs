//! The picture of references.

use std::fmt::Write as _;

use super::layout::{Layout, Line, Node, layout};
use super::text::{counted, escape, short};
use super::{close, listed, name, open};
use crate::report::RunReport;

const WIDTH: usize = 190;
const HEIGHT: usize = 40;
const ACROSS: usize = 84;
const DOWN: usize = 12;
const MARGIN: usize = 6;
/// How far lines within a column swing out.
const SWING: usize = 46;
/// Tables of a group that are named under the picture, and references of a line.
const NAMED: usize = 20;
/// Characters of a name that fit.
const NAME: usize = 21;

pub(super) fn section(page: &mut String, report: &RunReport) {
    let drawn = layout(report);
    if drawn.nodes.len() < 2 {
        return;
    }
    open(
        page,
        "references",
        "How the tables hang together",
        "The root is on the left, then what is one reference away from it, two away, and so on. An arrow leads from the referring table to the one referred to.",
    );
    page.push_str("<figure class=\"graph\" tabindex=\"0\" role=\"group\" aria-label=\"Picture of references, wider than a small screen\">\n");
    svg(page, report, &drawn);
    page.push_str("</figure>\n");
    legend(page);
    let groups: Vec<String> =
        drawn.nodes.iter().filter(|node| node.tables.len() > 1).map(|node| group(report, node)).collect();
    for group in groups {
        let _ = writeln!(page, "<p class=\"quiet\">{group}</p>");
    }
    if !drawn.apart.is_empty() {
        let names: Vec<String> = drawn.apart.iter().map(|at| name(&report.tables[*at])).collect();
        let _ = writeln!(page, "<p class=\"quiet\">Not connected: {}</p>", listed(names.iter().map(String::as_str)));
    }
    close(page);
}

fn group(report: &RunReport, node: &Node) -> String {
    let names: Vec<String> = node.tables.iter().map(|at| name(&report.tables[*at])).collect();
    let away = counted(node.column as u64, "reference");
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {} of the list below", counted(more as u64, "other table")),
    };
    format!("The group {away} away: {}{more}", listed(names.iter().take(NAMED).map(String::as_str)))
}

fn legend(page: &mut String) {
    page.push_str("<ul class=\"legend\">\n");
    for (class, says) in [
        ("gates", "brings its rows along (within, follow)"),
        ("pulls", "brings the row referred to (pull)"),
        ("nulls", "becomes NULL where that row stays away"),
        ("whole", "refers to a table that came whole"),
    ] {
        let _ = writeln!(
            page,
            "<li><svg width=\"30\" height=\"8\" aria-hidden=\"true\"><path class=\"line {class}\" d=\"M0 4H30\"/></svg> {says}</li>"
        );
    }
    page.push_str("</ul>\n");
}

fn svg(page: &mut String, report: &RunReport, drawn: &Layout<'_>) {
    let columns = drawn.nodes.iter().map(|node| node.column + 1).max().unwrap_or(1);
    let length = |column: usize| drawn.nodes.iter().filter(|node| node.column == column).count();
    let longest = (0..columns).map(length).max().unwrap_or(1);
    let width = 2 * MARGIN + columns * WIDTH + (columns - 1) * ACROSS + SWING;
    let height = 2 * MARGIN + longest * (HEIGHT + DOWN) - DOWN;
    let place = |node: &Node| {
        let above = (longest - length(node.column)) * (HEIGHT + DOWN) / 2;
        (MARGIN + node.column * (WIDTH + ACROSS), MARGIN + above + node.row * (HEIGHT + DOWN))
    };
    let places: Vec<(usize, usize)> = drawn.nodes.iter().map(place).collect();
    let _ = write!(
        page,
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"graph-title\">\n\
         <title id=\"graph-title\">References between {}</title>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\" \
         markerUnits=\"userSpaceOnUse\"><path class=\"tip\" d=\"M0 0.5L7.5 4L0 7.5z\"/></marker></defs>\n",
        counted(drawn.nodes.iter().map(|node| node.tables.len() as u64).sum(), "table")
    );
    // Lines of groups are many, and say little: they stay in the background, and out of their own column.
    let of_group = |line: &&Line<'_>| [line.child, line.parent].iter().any(|at| drawn.nodes[*at].tables.len() > 1);
    let aside = |line: &&Line<'_>| drawn.nodes[line.child].column != drawn.nodes[line.parent].column;
    drawn.lines.iter().filter(of_group).filter(aside).for_each(|line| draw_line(page, report, line, &places, " faint"));
    drawn.lines.iter().filter(|line| !of_group(line)).for_each(|line| draw_line(page, report, line, &places, ""));
    drawn.nodes.iter().zip(&places).for_each(|(node, place)| draw_node(page, report, node, *place));
    page.push_str("</svg>\n");
}

fn draw_line(page: &mut String, report: &RunReport, line: &Line<'_>, places: &[(usize, usize)], more: &str) {
    let ((x1, y1), (x2, y2)) = (places[line.child], places[line.parent]);
    let (y1, y2) = (y1 + HEIGHT / 2, y2 + HEIGHT / 2);
    let half = ACROSS / 2;
    let path = match x1.cmp(&x2) {
        std::cmp::Ordering::Greater => {
            let end = x2 + WIDTH;
            format!("M{x1} {y1}C{} {y1} {} {y2} {end} {y2}", x1 - half, end + half)
        }
        std::cmp::Ordering::Less => {
            let begin = x1 + WIDTH;
            format!("M{begin} {y1}C{} {y1} {} {y2} {x2} {y2}", begin + half, x2 - half)
        }
        std::cmp::Ordering::Equal => {
            let side = x1 + WIDTH;
            // Apart from where lines to other columns end.
            let (y1, y2) = if y1 < y2 { (y1 + 6, y2 - 6) } else { (y1 - 6, y2 + 6) };
            format!("M{side} {y1}C{0} {y1} {0} {y2} {side} {y2}", side + SWING)
        }
    };
    let mode = line.references.first().map_or("", |reference| reference.mode.as_str());
    let class = match mode {
        "within" | "follow" => "gates",
        "pull" => "pulls",
        "null" => "nulls",
        _ => "whole",
    };
    let mut says: Vec<String> = line
        .references
        .iter()
        .take(NAMED)
        .map(|r| {
            let (child, parent) = (name(&report.tables[r.child]), name(&report.tables[r.parent]));
            format!("{child} ({}) → {parent}: {}", r.columns.join(", "), r.mode)
        })
        .collect();
    if let more @ 1.. = line.references.len().saturating_sub(NAMED) {
        says.push(format!("and {more} more"));
    }
    let _ = writeln!(
        page,
        "<path class=\"line {class}{more}\" d=\"{path}\" marker-end=\"url(#tip)\"><title>{}</title></path>",
        escape(&says.join("; "))
    );
}

fn draw_node(page: &mut String, report: &RunReport, node: &Node, (x, y): (usize, usize)) {
    let tables = || node.tables.iter().filter_map(|at| report.tables.get(*at));
    let rows: u64 = tables().map(|table| table.rows_copied).sum();
    let (class, full) = match node.tables.as_slice() {
        [one] => {
            let table = &report.tables[*one];
            let class = match table.mode.as_str() {
                "root" => "root",
                "owned" => "owned",
                _ => "other",
            };
            (class, name(table))
        }
        more => ("group", format!("{} more tables", more.len())),
    };
    let own = if node.own { " ↻" } else { "" };
    let (text_x, name_y, rows_y) = (x + 11, y + 17, y + 32);
    let rows = counted(rows, "row");
    let mode =
        tables().next().filter(|_| node.tables.len() == 1).map_or(String::new(), |table| format!(" · {}", table.mode));
    let _ = writeln!(
        page,
        "<g class=\"node {class}\"><title>{}: {rows}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"7\"/>\
         <text class=\"name\" x=\"{text_x}\" y=\"{name_y}\">{}{own}</text><text class=\"rows\" x=\"{text_x}\" y=\"{rows_y}\">{rows}{}</text></g>",
        escape(&full),
        short(&full, NAME),
        escape(&mode),
    );
}
