//! The graph as text that other programs draw: Graphviz dot, Mermaid, or a self-contained SVG.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::FkGraph;
use crate::schema::Catalog;
use crate::types::{RefId, TableId};

/// Output language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// Mermaid flowchart.
    Mermaid,
}

/// Labels and colours, by position in the catalog.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Second line under the table's name, and its fill colour (`#rrggbb`).
    pub tables: Vec<(String, &'static str)>,
    /// Label of the edge, and whether it is drawn dashed.
    pub references: Vec<(String, bool)>,
}

impl Labels {
    fn table(&self, table: TableId) -> (&str, &'static str) {
        self.tables.get(table.index()).map_or(("", "#ffffff"), |(label, colour)| (label.as_str(), *colour))
    }

    fn reference(&self, reference: RefId) -> (&str, bool) {
        self.references.get(reference.index()).map_or(("", false), |(label, dashed)| (label.as_str(), *dashed))
    }
}

/// Draws all tables and references.
pub fn render(catalog: &Catalog, format: Format, labels: &Labels) -> String {
    match format {
        Format::Dot => dot(catalog, labels),
        Format::Mermaid => mermaid(catalog, labels),
        Format::Svg => svg(catalog, labels),
    }
}

/// Names may hold line breaks, which end a statement here, and characters that XML does not know.
fn visible(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn dot(catalog: &Catalog, labels: &Labels) -> String {
    let clean = |text: &str| visible(text).replace('\\', "\\\\").replace('"', "\\\"");
    let quote = |text: &str| format!("\"{}\"", clean(text));
    let mut out = String::from(
        "digraph tithe {\n  rankdir=RL;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
    );
    for table in &catalog.tables {
        let (label, colour) = labels.table(table.id);
        let text = format!("{}\\n{label}", clean(&table.name.to_string()));
        let _ = writeln!(out, "  t{} [label=\"{text}\", fillcolor=\"{colour}\"];", table.id.0);
    }
    for reference in &catalog.references {
        let (label, dashed) = labels.reference(reference.id);
        let line = if dashed { ", style=dashed" } else { "" };
        let _ = writeln!(out, "  t{} -> t{} [label={}{line}];", reference.child.0, reference.parent.0, quote(label));
    }
    out.push_str("}\n");
    out
}

fn mermaid(catalog: &Catalog, labels: &Labels) -> String {
    let clean = |text: &str| visible(text).replace('"', "#quot;");
    let mut out = String::from("flowchart RL\n");
    for table in &catalog.tables {
        let (label, colour) = labels.table(table.id);
        let _ = writeln!(out, "  t{}[\"{}<br/>{}\"]", table.id.0, clean(&table.name.to_string()), clean(label));
        let _ = writeln!(out, "  style t{} fill:{colour}", table.id.0);
    }
    for reference in &catalog.references {
        let (label, dashed) = labels.reference(reference.id);
        let arrow = if dashed { "-.->" } else { "-->" };
        let _ = writeln!(out, "  t{} {arrow}|\"{}\"| t{}", reference.child.0, clean(label), reference.parent.0);
    }
    out
}

const BOX_WIDTH: usize = 190;
const BOX_HEIGHT: usize = 40;
const COLUMN_GAP: usize = 90;
const ROW_GAP: usize = 14;
const MARGIN: usize = 20;

/// Levels as columns, parents to the left. Enough for a look; Graphviz draws large schemas better.
fn svg(catalog: &Catalog, labels: &Labels) -> String {
    let groups = FkGraph::new(catalog, |reference| reference.child != reference.parent).groups();
    let mut columns: BTreeMap<usize, Vec<TableId>> = BTreeMap::new();
    for group in &groups {
        columns.entry(group.level).or_default().extend(&group.tables);
    }
    let mut place = vec![(0, 0); catalog.tables.len()];
    let mut height = 0;
    for (at, tables) in columns.values().enumerate() {
        for (row, table) in tables.iter().enumerate() {
            place[table.index()] = (MARGIN + at * (BOX_WIDTH + COLUMN_GAP), MARGIN + row * (BOX_HEIGHT + ROW_GAP));
        }
        height = height.max(2 * MARGIN + tables.len() * (BOX_HEIGHT + ROW_GAP));
    }
    let width = 2 * MARGIN + columns.len() * (BOX_WIDTH + COLUMN_GAP);
    let clean = |text: &str| {
        visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <defs><marker id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"3\" orient=\"auto\">\
         <path d=\"M0,0 L7,3 L0,6 z\" fill=\"#667\"/></marker></defs>\n"
    );
    for reference in catalog.references.iter().filter(|reference| reference.child != reference.parent) {
        let (label, dashed) = labels.reference(reference.id);
        let (from, to) = (place[reference.child.index()], place[reference.parent.index()]);
        let (x1, y1, x2, y2) = (from.0, from.1 + BOX_HEIGHT / 2, to.0 + BOX_WIDTH, to.1 + BOX_HEIGHT / 2);
        let dash = if dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        let (c1, c2) = (x1.saturating_sub(COLUMN_GAP / 2), x2 + COLUMN_GAP / 2);
        let _ = writeln!(
            out,
            "<path d=\"M{x1},{y1} C{c1},{y1} {c2},{y2} {x2},{y2}\" fill=\"none\" stroke=\"#99a\"{dash} marker-end=\"url(#a)\"><title>{}: {}</title></path>",
            clean(&catalog.describe(reference)),
            clean(label)
        );
    }
    for table in &catalog.tables {
        let ((x, y), (label, colour)) = (place[table.id.index()], labels.table(table.id));
        let (tx, ty, ly) = (x + 10, y + 17, y + 32);
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{colour}\" stroke=\"#667\"/>\
             <text x=\"{tx}\" y=\"{ty}\" font-weight=\"bold\">{}</text><text x=\"{tx}\" y=\"{ly}\" fill=\"#445\">{}</text>",
            clean(&table.name.to_string()),
            clean(label)
        );
    }
    out.push_str("</svg>\n");
    out
}
