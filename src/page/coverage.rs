//! The picture of masks: a square per column, by what happened to it.

use std::fmt::Write as _;

use super::text::{counted, escape};
use super::{close, listed, name, open};
use crate::report::{ColumnReport, RuleReport, RunReport, TableReport};

const SQUARE: usize = 13;
const STEP: usize = 16;
/// Squares in a line, so that a telephone shows them as they are.
const IN_LINE: usize = 20;

/// What happened to a column, in the picture's words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Masked,
    /// Nothing of the value is left: NULL, a constant, an empty document.
    Emptied,
    /// Members keep it, support rows do not.
    SupportOnly,
    /// The target computes it from others of the row.
    Generated,
}

pub(super) fn section(page: &mut String, report: &RunReport) {
    let with_columns: Vec<&TableReport> = report.tables.iter().filter(|table| !table.columns.is_empty()).collect();
    if with_columns.is_empty() {
        return;
    }
    open(
        page,
        "coverage",
        "Masks, column by column",
        "A square is a column, in the table’s order. Every column that is copied was decided in the profile; an undecided one stops a run.",
    );
    let computes = |table: &&TableReport| table.columns.iter().any(|column| fate(column) == Fate::Generated);
    legend(page, with_columns.iter().any(computes));
    let (mut masked, kept): (Vec<&TableReport>, Vec<&TableReport>) =
        with_columns.into_iter().partition(|table| table.columns.iter().any(ColumnReport::is_masked));
    masked.sort_by_key(|table| std::cmp::Reverse(masked_columns(table)));
    page.push_str("<ul class=\"coverage\">\n");
    masked.iter().for_each(|table| strip(page, table));
    page.push_str("</ul>\n");
    if !kept.is_empty() {
        let names: Vec<String> = kept.iter().map(|table| name(table)).collect();
        let verb = if kept.len() == 1 { "keeps" } else { "keep" };
        let _ = writeln!(
            page,
            "<p class=\"quiet\">{} {verb} every column as it is: {}</p>",
            counted(kept.len() as u64, "table"),
            listed(names.iter().map(String::as_str))
        );
    }
    close(page);
}

fn masked_columns(table: &TableReport) -> usize {
    table.columns.iter().filter(|column| column.is_masked()).count()
}

fn legend(page: &mut String, computes: bool) {
    // The one place that defines the hatching; the squares of all pictures use it.
    page.push_str(
        "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"4\" height=\"4\" \
         patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect class=\"hatch-ground\" width=\"4\" height=\"4\"/>\
         <rect class=\"hatch-line\" width=\"2\" height=\"4\"/></pattern></defs></svg>\n<ul class=\"legend\">\n",
    );
    let shown = [
        (Fate::Masked, "masked"),
        (Fate::Emptied, "emptied: NULL, a constant, an empty document"),
        (Fate::SupportOnly, "masked in support rows only"),
        (Fate::Kept, "kept"),
        (Fate::Generated, "computed by the target from others of the row"),
    ];
    for (fate, says) in shown.into_iter().filter(|(fate, _)| computes || *fate != Fate::Generated) {
        let _ = write!(page, "<li><svg width=\"{SQUARE}\" height=\"{SQUARE}\" aria-hidden=\"true\">");
        square(page, 0, 0, fate, "");
        let _ = writeln!(page, "</svg> {says}</li>");
    }
    page.push_str("</ul>\n");
}

fn strip(page: &mut String, table: &TableReport) {
    let all = table.columns.len();
    let (width, height) = (all.min(IN_LINE) * STEP, all.div_ceil(IN_LINE) * STEP);
    let masked = masked_columns(table);
    let shown = name(table);
    let _ = write!(
        page,
        "<li><span class=\"name\"><bdi>{0}</bdi></span> <span class=\"number\">{masked} of {all}</span>\
         <svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\"><title>{0}: {masked} of {all} columns masked</title>",
        escape(&shown)
    );
    for (at, column) in table.columns.iter().enumerate() {
        let says = match &column.support_rule {
            Some(support) => format!("{}: {}, support rows {}", column.column, column.rule.name, support.name),
            None => format!("{}: {}", column.column, column.rule.name),
        };
        square(page, at % IN_LINE * STEP, at / IN_LINE * STEP, fate(column), &says);
    }
    page.push_str("</svg></li>\n");
}

fn square(page: &mut String, x: usize, y: usize, fate: Fate, title: &str) {
    let title = if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) };
    let (side, inner) = (SQUARE, SQUARE - 1);
    let class = match fate {
        Fate::Kept => "kept",
        Fate::Masked => "masked",
        Fate::Emptied => "emptied",
        Fate::SupportOnly => "half",
        Fate::Generated => "generated",
    };
    let rest = match fate {
        Fate::SupportOnly => {
            format!("<path class=\"masked\" d=\"M{x} {0}V{y}H{1}z\"/>", y + side, x + side)
        }
        _ => String::new(),
    };
    let _ = write!(
        page,
        "<g>{title}<rect class=\"{class}\" x=\"{x}.5\" y=\"{y}.5\" width=\"{inner}\" height=\"{inner}\" rx=\"2\"/>{rest}</g>"
    );
}

fn fate(column: &ColumnReport) -> Fate {
    let empties = |rule: &RuleReport| matches!(rule.name.as_str(), "null" | "constant" | "empty_json");
    match &column.support_rule {
        _ if empties(&column.rule) => Fate::Emptied,
        Some(_) if column.rule.is_keep() => Fate::SupportOnly,
        _ if column.rule.is_keep() => Fate::Kept,
        _ if column.rule.is_generated() => Fate::Generated,
        _ => Fate::Masked,
    }
}
