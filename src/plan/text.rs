//! The plan for readers: as data for JSON, and as text.

use std::fmt::Write as _;

use serde::Serialize;

use crate::graph::FkGraph;
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Catalog, Reference};
use crate::types::TableId;

use super::{DrawSize, Plan, ReferenceMode, TableMode};

/// Numbers that belong to a plan, by table or reference in catalog order.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Counted under a snapshot, or estimated from statistics.
    pub exact: bool,
    /// Rows in the source.
    pub rows_source: Vec<i64>,
    /// Members.
    pub members: Vec<u64>,
    /// Support rows.
    pub support: Vec<u64>,
    /// By reference: support rows that it was the first to ask for.
    pub pulled: Vec<u64>,
    /// Bytes of the key sets.
    pub key_set_bytes: u64,
}

/// A plan with its numbers, as `plan --json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// Root table.
    pub root: String,
    /// Share or number of root rows.
    pub draw: DrawSize,
    /// Seed text.
    pub seed: String,
    /// Counted, not estimated.
    pub exact: bool,
    /// In catalog order.
    pub tables: Vec<TableLine>,
    /// Tables that refer to each other in a circle, and where the circle is broken.
    pub cycles: Vec<CycleLine>,
    /// One sentence each.
    pub warnings: Vec<String>,
    /// Bytes of the key sets.
    pub key_set_bytes: u64,
}

/// One table.
#[derive(Clone, Debug, Serialize)]
pub struct TableLine {
    /// Schema.
    pub schema: String,
    /// Name.
    pub table: String,
    /// Mode.
    pub mode: TableMode,
    /// Why.
    pub reason: String,
    /// Rows in the source.
    pub rows_source: i64,
    /// Members.
    pub members: u64,
    /// Support rows.
    pub support: u64,
    /// Its references.
    pub references: Vec<ReferenceLine>,
    /// Columns that do not pass as they are.
    pub masks: Vec<MaskLine>,
    /// Columns that pass unchanged.
    pub kept_columns: usize,
}

/// One reference.
#[derive(Clone, Debug, Serialize)]
pub struct ReferenceLine {
    /// `posts.owner_id -> users.id`
    pub reference: String,
    /// Mode.
    pub mode: ReferenceMode,
    /// Why.
    pub reason: String,
    /// Support rows that it brings.
    pub pulled: u64,
    /// Declared in the profile, not in the database.
    pub is_virtual: bool,
}

/// One masked column.
#[derive(Clone, Debug, Serialize)]
pub struct MaskLine {
    /// Column.
    pub column: String,
    /// Rule for members.
    pub rule: String,
    /// Condition under which it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Rule for support rows, where it differs.
    pub support_rule: Option<String>,
    /// Condition under which that one applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_when: Option<String>,
}

/// One circle.
#[derive(Clone, Debug, Serialize)]
pub struct CycleLine {
    /// Tables.
    pub tables: Vec<String>,
    /// References at which it is broken, with their modes.
    pub breaks: Vec<String>,
    /// References that decide membership around the circle.
    pub decided_by: Vec<String>,
}

/// Puts plan and numbers together, and adds the warnings that need numbers.
pub fn report(catalog: &Catalog, plan: &Plan, numbers: &Numbers) -> PlanReport {
    let at = |list: &[u64], index: usize| list.get(index).copied().unwrap_or_default();
    let tables: Vec<TableLine> = catalog
        .tables
        .iter()
        .map(|table| {
            let planned = plan.table(table.id);
            let masks: Vec<MaskLine> = table
                .columns
                .iter()
                .zip(&planned.masks)
                .filter_map(|(column, masks)| {
                    let masks = masks.as_ref()?;
                    let (member, support) = (describe_rule(&masks.member), describe_rule(&masks.support));
                    let when = |rule: &MaskRule| rule.spec.condition().map(str::to_owned);
                    let (own, of_support) = (when(&masks.member), when(&masks.support));
                    let differs = support != member || of_support != own;
                    (member != "keep" || support != "keep").then(|| MaskLine {
                        column: column.name.clone(),
                        support_rule: differs.then_some(support),
                        support_when: of_support.filter(|_| differs),
                        rule: member,
                        when: own,
                    })
                })
                .collect();
            TableLine {
                schema: table.name.schema.clone(),
                table: table.name.name.clone(),
                mode: planned.mode,
                reason: planned.reason.clone(),
                rows_source: numbers.rows_source.get(table.id.index()).copied().unwrap_or(-1),
                members: at(&numbers.members, table.id.index()),
                support: at(&numbers.support, table.id.index()),
                references: catalog
                    .references_of(table.id)
                    .map(|reference| ReferenceLine {
                        reference: catalog.describe(reference),
                        mode: plan.reference(reference.id).mode,
                        reason: plan.reference(reference.id).reason.clone(),
                        pulled: at(&numbers.pulled, reference.id.index()),
                        is_virtual: reference.foreign_key.is_none(),
                    })
                    .collect(),
                kept_columns: planned.masks.iter().flatten().count() - masks.len(),
                masks,
            }
        })
        .collect();
    let mut warnings = plan.warnings.clone();
    warnings.extend(number_warnings(catalog, plan, &tables));
    PlanReport {
        root: catalog.table(plan.root).name.to_string(),
        draw: plan.draw.size,
        seed: plan.draw.seed_text.clone(),
        exact: numbers.exact,
        tables,
        cycles: cycles(catalog, plan),
        warnings,
        key_set_bytes: numbers.key_set_bytes,
    }
}

fn number_warnings(catalog: &Catalog, plan: &Plan, tables: &[TableLine]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (table, line) in catalog.tables.iter().zip(tables) {
        if line.support > line.members && line.support > 0 && line.mode != TableMode::Referenced {
            warnings.push(format!(
                "{}: {} support rows outnumber its {} members; the references that pull them are shown below",
                table.name,
                group(line.support),
                group(line.members)
            ));
        }
    }
    if let DrawSize::Percent(percent) = plan.draw.size {
        let root = &tables[plan.root.index()];
        let arriving = (root.members + root.support) as f64;
        let share = 100.0 * arriving / root.rows_source.max(1) as f64;
        if root.rows_source > 0 && share > 2.0 * percent && arriving > 10.0 {
            warnings.push(format!(
                "{share:.1} % of {} arrive although {percent} % are drawn, support rows included",
                catalog.table(plan.root).name
            ));
        }
    }
    warnings
}

fn cycles(catalog: &Catalog, plan: &Plan) -> Vec<CycleLine> {
    let graph = FkGraph::new(catalog, |r| plan.brings_rows(r.child) && plan.brings_rows(r.parent));
    let name = |id: &TableId| catalog.table(*id).name.to_string();
    graph
        .groups()
        .into_iter()
        .filter(|group| !group.cycle.is_empty())
        .map(|group| {
            let (decided, broken): (Vec<&Reference>, Vec<&Reference>) = group
                .cycle
                .iter()
                .map(|id| catalog.reference(*id))
                .partition(|reference| plan.reference(reference.id).mode.gates());
            let describe = |r: &&Reference| format!("{} ({})", catalog.describe(r), plan.reference(r.id).mode.name());
            CycleLine {
                tables: group.tables.iter().map(name).collect(),
                breaks: broken.iter().map(describe).collect(),
                decided_by: decided.iter().map(describe).collect(),
            }
        })
        .collect()
}

fn describe_rule(rule: &MaskRule) -> String {
    match &rule.spec {
        MaskSpec::Template(text) => format!("template \"{text}\""),
        // A constant is the profile's text, but it may be a password hash: its name is enough.
        spec => spec.name().to_owned(),
    }
}

/// The plan as text, for a terminal `width` characters wide.
pub fn render(report: &PlanReport, width: usize) -> String {
    let mut out = String::new();
    let amount = match report.draw {
        DrawSize::Percent(percent) => format!("{percent} % of {}", report.root),
        DrawSize::Rows(rows) => format!("{} rows of {}", group(rows), report.root),
    };
    let how = if report.exact { "counted" } else { "estimated from statistics" };
    let _ = writeln!(out, "{amount}, seed {:?}, rows {how}\n", report.seed);
    tables(&mut out, report, width);
    references(&mut out, report, width);
    masks(&mut out, report);
    for cycle in &report.cycles {
        let _ = writeln!(out, "Cycle: {}", cycle.tables.join(", "));
        if !cycle.breaks.is_empty() {
            let _ = writeln!(out, "  broken at {}", cycle.breaks.join("; "));
        }
        if !cycle.decided_by.is_empty() {
            let _ = writeln!(out, "  decided by {}", cycle.decided_by.join("; "));
        }
    }
    if !report.warnings.is_empty() {
        out.push_str("\nWarnings\n");
        for warning in &report.warnings {
            let _ = writeln!(out, "  ! {warning}");
        }
    }
    out
}

fn tables(out: &mut String, report: &PlanReport, width: usize) {
    let name_width = report.tables.iter().map(|line| display_name(line).chars().count()).max().unwrap_or(5).max(5);
    let _ = writeln!(
        out,
        "{:name_width$}  {:10}  {:>12}  {:>12}  {:>10}  why",
        "table", "mode", "in source", "members", "support"
    );
    let mut lines: Vec<&TableLine> = report.tables.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse((line.members + line.support, line.rows_source)));
    for line in lines {
        let source = if line.rows_source < 0 { "?".to_owned() } else { group(line.rows_source.unsigned_abs()) };
        let room = width.saturating_sub(name_width + 56).max(24);
        let _ = writeln!(
            out,
            "{:name_width$}  {:10}  {source:>12}  {:>12}  {:>10}  {}",
            display_name(line),
            line.mode.name(),
            group(line.members),
            group(line.support),
            cut(&line.reason, room)
        );
    }
    let sum = |f: fn(&TableLine) -> u64| report.tables.iter().map(f).sum::<u64>();
    let source: i64 = report.tables.iter().map(|line| line.rows_source.max(0)).sum();
    let _ = writeln!(
        out,
        "{:name_width$}  {:10}  {:>12}  {:>12}  {:>10}\n",
        "total",
        "",
        group(source.unsigned_abs()),
        group(sum(|l| l.members)),
        group(sum(|l| l.support))
    );
}

fn references(out: &mut String, report: &PlanReport, width: usize) {
    let all: Vec<&ReferenceLine> =
        report.tables.iter().flat_map(|line| &line.references).filter(|r| r.mode != ReferenceMode::Idle).collect();
    if all.is_empty() {
        return;
    }
    let name_width = all.iter().map(|r| r.reference.chars().count()).max().unwrap_or_default().min(64);
    let _ = writeln!(out, "{:name_width$}  {:6}  {:>10}  why", "reference", "mode", "pulls");
    for line in all {
        let pulls = if line.mode == ReferenceMode::Pull { group(line.pulled) } else { String::new() };
        let kind = if line.is_virtual { ", declared in the profile" } else { "" };
        let room = width.saturating_sub(name_width + 22).max(24);
        let why = format!("{}{kind}", line.reason);
        let _ = writeln!(
            out,
            "{:name_width$}  {:6}  {pulls:>10}  {}",
            cut(&line.reference, 64),
            line.mode.name(),
            cut(&why, room)
        );
    }
    out.push('\n');
}

fn masks(out: &mut String, report: &PlanReport) {
    let masked: usize = report.tables.iter().map(|line| line.masks.len()).sum();
    let kept: usize = report.tables.iter().map(|line| line.kept_columns).sum();
    let _ = writeln!(out, "Masks: {masked} columns masked, {kept} kept");
    for line in report.tables.iter().filter(|line| !line.masks.is_empty()) {
        let list: Vec<String> = line
            .masks
            .iter()
            .map(|mask| {
                let when =
                    |when: &Option<String>| when.as_ref().map(|when| format!(" when {when}")).unwrap_or_default();
                let member = format!("{} {}{}", mask.column, mask.rule, when(&mask.when));
                match &mask.support_rule {
                    None => member,
                    Some(support) => format!("{member} (support rows: {support}{})", when(&mask.support_when)),
                }
            })
            .collect();
        let _ = writeln!(out, "  {}: {}", display_name(line), list.join(", "));
    }
    out.push('\n');
}

fn display_name(line: &TableLine) -> String {
    crate::types::QualifiedName::new(line.schema.clone(), line.table.clone()).to_string()
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(3)).collect();
    short.push_str("...");
    short
}

/// `1234567` as `1,234,567`.
pub fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Labels of the graph: modes of tables and references.
pub fn graph_labels(catalog: &Catalog, plan: &Plan) -> crate::graph::Labels {
    crate::graph::Labels {
        tables: plan
            .tables
            .iter()
            .map(|table| {
                let colour = match table.mode {
                    TableMode::Root => "#ffd37a",
                    TableMode::Owned => "#cfe8cf",
                    TableMode::All => "#cfe0f5",
                    TableMode::Referenced => "#e9dcf5",
                    TableMode::None => "#eeeeee",
                };
                (table.mode.name().to_owned(), colour)
            })
            .collect(),
        references: catalog
            .references
            .iter()
            .map(|reference| {
                let mode = plan.reference(reference.id).mode;
                (mode.name().to_owned(), !mode.gates())
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(super::group(number), text);
        }
    }
}
