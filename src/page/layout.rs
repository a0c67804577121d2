//! Where tables stand in the picture of references: the root on the left, then what is one reference away, two away …
//!
//! Large schemas are reduced: of each column the largest tables stand alone, the others in one group.

use std::collections::{BTreeMap, VecDeque};

use crate::report::{ReferenceReport, RunReport};

/// Columns of the picture; what is further away stands in the last.
const COLUMNS: usize = 5;
/// Tables of a column that stand alone, where not all of them do.
const ALONE: usize = 13;
/// Passes that bring connected tables to the same height.
const PASSES: usize = 6;

/// A table, or a group of them.
#[derive(Debug)]
pub(super) struct Node {
    /// Places in the report; one, unless it is a group.
    pub(super) tables: Vec<usize>,
    pub(super) column: usize,
    /// From the top, 0 to the column's length less one.
    pub(super) row: usize,
    /// Some table refers to itself.
    pub(super) own: bool,
}

/// References of one mode from one node to another.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) child: usize,
    pub(super) parent: usize,
    pub(super) references: Vec<&'a ReferenceReport>,
}

/// The picture without measures.
#[derive(Debug, Default)]
pub(super) struct Layout<'a> {
    pub(super) nodes: Vec<Node>,
    pub(super) lines: Vec<Line<'a>>,
    /// Tables with rows that no chain of references connects with the root.
    pub(super) apart: Vec<usize>,
}

/// Places every table that brought rows; empty where no table is the root.
pub(super) fn layout(report: &RunReport) -> Layout<'_> {
    let tables = &report.tables;
    let Some(root) = tables.iter().position(|table| table.mode == "root" && table.rows_copied > 0) else {
        return Layout::default();
    };
    let there = |at: usize| tables.get(at).is_some_and(|table| table.rows_copied > 0);
    let references: Vec<&ReferenceReport> =
        report.references.iter().filter(|r| there(r.child) && there(r.parent)).collect();
    let distance = distances(tables.len(), root, &references);
    let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (table, distance) in distance.iter().enumerate() {
        if let Some(distance) = distance {
            columns.entry((*distance).min(COLUMNS - 1)).or_default().push(table);
        }
    }
    let mut nodes = Vec::new();
    for (column, mut members) in columns {
        members.sort_by_key(|table| (std::cmp::Reverse(tables[*table].rows_copied), *table));
        let alone = if members.len() > ALONE + 1 { ALONE } else { members.len() };
        let rest = members.split_off(alone);
        let groups = members.into_iter().map(|table| vec![table]).chain((!rest.is_empty()).then_some(rest));
        nodes.extend(groups.enumerate().map(|(row, tables)| Node { tables, column, row, own: false }));
    }
    let mut node_of = vec![None; tables.len()];
    for (at, node) in nodes.iter().enumerate() {
        node.tables.iter().for_each(|table| node_of[*table] = Some(at));
    }
    let mut lines: BTreeMap<(usize, usize, &str), Vec<&ReferenceReport>> = BTreeMap::new();
    for reference in references {
        let (Some(child), Some(parent)) = (node_of[reference.child], node_of[reference.parent]) else { continue };
        if child == parent {
            nodes[child].own |= reference.child == reference.parent;
        } else {
            lines.entry((child, parent, &reference.mode)).or_default().push(reference);
        }
    }
    let lines: Vec<Line<'_>> =
        lines.into_iter().map(|((child, parent, _), references)| Line { child, parent, references }).collect();
    level(&mut nodes, &lines);
    let apart = (0..tables.len()).filter(|at| there(*at) && distance[*at].is_none()).collect();
    Layout { nodes, lines, apart }
}

/// References between each table and the root, in either direction.
fn distances(count: usize, root: usize, references: &[&ReferenceReport]) -> Vec<Option<usize>> {
    let mut neighbours = vec![Vec::new(); count];
    for reference in references {
        neighbours[reference.child].push(reference.parent);
        neighbours[reference.parent].push(reference.child);
    }
    let mut distance = vec![None; count];
    distance[root] = Some(0);
    let mut open = VecDeque::from([root]);
    while let Some(next) = open.pop_front() {
        let far = distance[next].map_or(0, |so_far| so_far + 1);
        for neighbour in &neighbours[next] {
            if distance[*neighbour].is_none() {
                distance[*neighbour] = Some(far);
                open.push_back(*neighbour);
            }
        }
    }
    distance
}

/// Sorts each column by the mean height of what its nodes are connected with in the others; groups stay at the bottom.
fn level(nodes: &mut [Node], lines: &[Line<'_>]) {
    for _ in 0..PASSES {
        let lengths = nodes.iter().fold([0.0; COLUMNS], |mut lengths, node| {
            lengths[node.column] += 1.0;
            lengths
        });
        // Columns are centred: the middle of each is at the same height.
        let height = |node: &Node| node.row as f64 - (lengths[node.column] - 1.0) / 2.0;
        let mut wanted: Vec<(usize, bool, f64)> = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            let others = lines.iter().filter_map(|line| match at {
                _ if line.child == at => Some(&nodes[line.parent]),
                _ if line.parent == at => Some(&nodes[line.child]),
                _ => None,
            });
            let heights: Vec<f64> = others.filter(|other| other.column != node.column).map(height).collect();
            let mean =
                if heights.is_empty() { height(node) } else { heights.iter().sum::<f64>() / heights.len() as f64 };
            // Half of where it is keeps those apart that are connected with the root alone.
            wanted.push((node.column, node.tables.len() > 1, mean + height(node) / 2.0));
        }
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by(|a, b| {
            let ((column, group, at), (other_column, other_group, other_at)) = (wanted[*a], wanted[*b]);
            (column, group).cmp(&(other_column, other_group)).then(at.total_cmp(&other_at)).then(a.cmp(b))
        });
        let mut next = [0; COLUMNS];
        for at in order {
            let column = nodes[at].column;
            nodes[at].row = next[column];
            next[column] += 1;
        }
    }
}
