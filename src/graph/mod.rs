//! The reference graph: tables as nodes, an edge from referencing to referenced table.
//!
//! Answers three questions with petgraph: which tables form a cycle (strongly connected components; Tarjan emits
//! parents first), at which level a table stands, and from where the root can be reached. Knows nothing of modes
//! beyond the filter its caller gives.

mod draw;

pub use draw::{Format, Labels, render};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::schema::{Catalog, Reference};
use crate::types::{RefId, TableId};

/// Tables and the references between them that the filter let through.
#[derive(Clone, Debug)]
pub struct FkGraph {
    graph: DiGraph<TableId, RefId>,
}

/// Tables that refer to each other in a circle, or a single table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Tables, in catalog order.
    pub tables: Vec<TableId>,
    /// References between tables of the group, self references included: a cycle where not empty.
    pub cycle: Vec<RefId>,
    /// Longest chain of groups above it; parents have smaller levels.
    pub level: usize,
}

impl FkGraph {
    /// The graph of all tables and the references that pass `filter`.
    pub fn new(catalog: &Catalog, filter: impl Fn(&Reference) -> bool) -> Self {
        let mut graph = DiGraph::with_capacity(catalog.tables.len(), catalog.references.len());
        for table in &catalog.tables {
            graph.add_node(table.id);
        }
        for reference in catalog.references.iter().filter(|reference| filter(reference)) {
            graph.add_edge(node(reference.child), node(reference.parent), reference.id);
        }
        Self { graph }
    }

    /// Groups, every parent before its children.
    pub fn groups(&self) -> Vec<Group> {
        let mut group_of = vec![usize::MAX; self.graph.node_count()];
        let mut groups: Vec<Group> = Vec::new();
        // Tarjan yields components in reverse topological order of child -> parent edges: parents first.
        for mut members in tarjan_scc(&self.graph) {
            members.sort_unstable();
            for member in &members {
                group_of[member.index()] = groups.len();
            }
            let mut cycle = Vec::new();
            let mut level = 0;
            for member in &members {
                for edge in self.graph.edges(*member) {
                    let parent_group = group_of[edge.target().index()];
                    if parent_group == groups.len() {
                        cycle.push(*edge.weight());
                    } else {
                        level = level.max(groups[parent_group].level + 1);
                    }
                }
            }
            cycle.sort_unstable();
            groups.push(Group { tables: members.iter().map(|n| self.graph[*n]).collect(), cycle, level });
        }
        groups
    }

    /// Tables from which a chain of the graph's references leads to `table`, itself included.
    pub fn leading_to(&self, table: TableId) -> Vec<bool> {
        let mut seen = vec![false; self.graph.node_count()];
        let mut open = vec![node(table)];
        while let Some(next) = open.pop() {
            if !std::mem::replace(&mut seen[next.index()], true) {
                open.extend(self.graph.neighbors_directed(next, petgraph::Direction::Incoming));
            }
        }
        seen
    }
}

fn node(table: TableId) -> NodeIndex {
    NodeIndex::new(table.index())
}
