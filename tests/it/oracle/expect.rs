//! What must be chosen, computed from all rows of the source by the definitions of docs/design.md, "What is chosen".
//!
//! Naive on purpose, and written without a look at how the engine does it: whole tables in memory, plain fixpoints.

use std::collections::HashMap;

use super::case::*;
use super::load::Loaded;
use super::modes::{Does, default_table_modes, nullable, what_references_do};

/// Where one element of a reference leads.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Row(usize),
    Orphan,
    NullElement,
}

/// The answer.
pub(super) struct Expected {
    /// By table, by row of the source.
    pub(super) members: Vec<Vec<bool>>,
    /// Likewise, disjoint from the members.
    pub(super) support: Vec<Vec<bool>>,
    /// By table: the rows as they must arrive.
    pub(super) rows: Vec<Vec<Vec<Option<String>>>>,
}

/// Everything the fixpoints ask.
struct World<'a> {
    case: &'a Case,
    loaded: &'a Loaded,
    modes: Vec<TableMode>,
    does: Vec<Does>,
    /// By reference: columns that may become NULL.
    nullable: Vec<Vec<usize>>,
    /// By reference, by child row: where it leads; empty where the reference is absent.
    targets: Vec<Vec<Vec<Target>>>,
}

/// What must be chosen when the draw takes root rows whose hash is below `bound` (all, without one).
pub(super) fn expected(case: &Case, loaded: &Loaded, bound: Option<i64>) -> Expected {
    let modes: Vec<TableMode> = default_table_modes(case).into_iter().flatten().collect();
    let does = what_references_do(case, &modes);
    let nullable = case.references.iter().map(|reference| nullable(case, reference)).collect();
    let targets = case.references.iter().map(|reference| targets(case, loaded, reference)).collect();
    let world = World { case, loaded, modes, does, nullable, targets };
    let impossible = world.impossible();
    let members = world.members(world.candidates(bound, &impossible));
    let support = world.support(&members, &impossible);
    let rows = (0..case.tables.len())
        .map(|table| {
            (0..loaded.tables[table].len())
                .filter(|row| members[table][*row] || support[table][*row])
                .map(|row| world.arriving(table, row, &members, &support))
                .collect()
        })
        .collect();
    Expected { members, support, rows }
}

/// Where each row of the child leads along the reference.
fn targets(case: &Case, loaded: &Loaded, reference: &Reference) -> Vec<Vec<Target>> {
    let kinds = case.parent_kinds(reference);
    let parent_columns = case.parent_columns(reference);
    let mut by_key: HashMap<Vec<String>, usize> = HashMap::new();
    for (at, row) in loaded.tables[reference.parent].iter().enumerate() {
        let values = parent_columns.iter().map(|name| row.value(case, reference.parent, name));
        if let Some(key) = values.collect::<Option<Vec<String>>>() {
            by_key.insert(key.iter().zip(&kinds).map(|(value, kind)| plain(*kind, value)).collect(), at);
        }
    }
    let own = case.references_of(reference.child);
    let position = own.iter().position(|at| case.references[*at].number == reference.number).unwrap();
    let find = |values: Vec<String>| {
        let key: Vec<String> = values.iter().zip(&kinds).map(|(value, kind)| plain(*kind, value)).collect();
        by_key.get(&key).map_or(Target::Orphan, |row| Target::Row(*row))
    };
    loaded.tables[reference.child]
        .iter()
        .map(|row| {
            if !row.conditions[position] {
                return Vec::new();
            }
            let values = reference.columns(case).into_iter().map(|name| row.value(case, reference.child, &name));
            let Some(values) = values.collect::<Option<Vec<String>>>() else { return Vec::new() };
            if !reference.is_array() {
                return vec![find(values)];
            }
            let elements: Vec<Option<String>> = serde_json::from_str(&values[0]).unwrap();
            elements.into_iter().map(|e| e.map_or(Target::NullElement, |value| find(vec![value]))).collect()
        })
        .collect()
}

/// The same text for equal values of the kind.
fn plain(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Bpchar => text.trim_end_matches(' ').to_owned(),
        Kind::Citext | Kind::Loose | Kind::Uuid => text.to_lowercase(),
        Kind::Numeric if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        Kind::Int4 | Kind::Int8 => text.split('.').next().unwrap_or_default().to_owned(),
        _ => text.to_owned(),
    }
}

impl World<'_> {
    fn mark(&self) -> Vec<Vec<bool>> {
        self.loaded.tables.iter().map(|rows| vec![false; rows.len()]).collect()
    }

    fn each_link(&self, mut visit: impl FnMut(usize, &Reference, usize, &[Target])) {
        for (at, reference) in self.case.references.iter().enumerate() {
            for (row, targets) in self.targets[at].iter().enumerate().filter(|(_, targets)| !targets.is_empty()) {
                visit(at, reference, row, targets);
            }
        }
    }

    /// What happens to rows whose reference is broken in the source.
    fn orphans(&self, at: usize) -> Orphans {
        let stated = self.case.tables[self.case.references[at].child].rules.orphans;
        match stated.unwrap_or(Orphans::Null) {
            Orphans::Null if self.nullable[at].is_empty() => Orphans::Drop,
            other => other,
        }
    }

    /// Rows that cannot come in any way: barred by `never`, or in need of what cannot come.
    fn impossible(&self) -> Vec<Vec<bool>> {
        let mut impossible = self.mark();
        for (row, loaded) in self.loaded.tables[0].iter().enumerate() {
            impossible[0][row] = loaded.never;
        }
        loop {
            let mut fresh = Vec::new();
            self.each_link(|at, reference, row, targets| {
                let needs = self.nullable[at].is_empty() && self.does[at] != Does::Nothing;
                let missing = targets.iter().any(|target| match target {
                    Target::Row(parent) => impossible[reference.parent][*parent],
                    _ => false,
                });
                if needs && (missing || self.does[at] == Does::Cut) && !impossible[reference.child][row] {
                    fresh.push((reference.child, row));
                }
            });
            if fresh.is_empty() {
                return impossible;
            }
            fresh.into_iter().for_each(|(table, row)| impossible[table][row] = true);
        }
    }

    /// Rows that could be members, each looked at alone.
    fn candidates(&self, bound: Option<i64>, impossible: &[Vec<bool>]) -> Vec<Vec<bool>> {
        let mut candidates = self.mark();
        for (table, rows) in self.loaded.tables.iter().enumerate() {
            for (at, row) in rows.iter().enumerate() {
                let drawn = match self.modes[table] {
                    TableMode::Root => bound.is_none_or(|bound| row.hash < bound) || row.always,
                    TableMode::Owned | TableMode::All => true,
                    TableMode::Referenced | TableMode::None => false,
                };
                candidates[table][at] = drawn && row.passes && !impossible[table][at];
            }
        }
        self.each_link(|at, reference, row, targets| {
            let judged = !matches!(self.does[at], Does::Cut | Does::Nothing);
            if judged && self.orphans(at) == Orphans::Drop && targets.contains(&Target::Orphan) {
                candidates[reference.child][row] = false;
            }
        });
        candidates
    }

    fn members(&self, mut alive: Vec<Vec<bool>>) -> Vec<Vec<bool>> {
        loop {
            let before = alive.clone();
            self.each_link(|at, reference, row, targets| {
                let holds = targets.iter().all(|target| match target {
                    Target::Row(parent) => alive[reference.parent][*parent],
                    Target::Orphan => false,
                    Target::NullElement => true,
                });
                if self.does[at] == Does::Within && !holds {
                    alive[reference.child][row] = false;
                }
            });
            let reached = self.reached(&alive);
            alive.iter_mut().flatten().zip(reached.iter().flatten()).for_each(|(alive, reached)| *alive &= reached);
            if alive == before {
                return alive;
            }
        }
    }

    /// Rows with a chain to a row that stands for itself.
    fn reached(&self, alive: &[Vec<bool>]) -> Vec<Vec<bool>> {
        let owns: Vec<bool> = (0..self.does.len())
            .map(|at| {
                let child = self.case.references[at].child;
                let follows = self.case.references_of(child).into_iter().any(|own| self.does[own] == Does::Follow);
                self.does[at] == if follows { Does::Follow } else { Does::Within }
            })
            .collect();
        let mut reached = self.mark();
        for table in 0..reached.len() {
            let own = self.case.references_of(table);
            let owners: Vec<usize> = own.into_iter().filter(|at| owns[*at]).collect();
            for row in 0..reached[table].len() {
                let absent = |at: &usize| self.targets[*at][row].iter().all(|t| *t == Target::NullElement);
                let unowned = !owners.is_empty() && owners.iter().all(absent);
                let alone =
                    self.modes[table] != TableMode::Owned || (self.case.tables[table].rules.keep_unowned && unowned);
                reached[table][row] = alive[table][row] && alone;
            }
        }
        loop {
            let mut fresh = Vec::new();
            self.each_link(|at, reference, row, targets| {
                let brings = targets
                    .iter()
                    .any(|target| matches!(target, Target::Row(parent) if reached[reference.parent][*parent]));
                if owns[at] && brings && alive[reference.child][row] && !reached[reference.child][row] {
                    fresh.push((reference.child, row));
                }
            });
            if fresh.is_empty() {
                return reached;
            }
            fresh.into_iter().for_each(|(table, row)| reached[table][row] = true);
        }
    }

    fn support(&self, members: &[Vec<bool>], impossible: &[Vec<bool>]) -> Vec<Vec<bool>> {
        let mut support = self.mark();
        loop {
            let mut fresh = Vec::new();
            self.each_link(|at, reference, row, targets| {
                let must = self.nullable[at].is_empty();
                let pulls = match self.does[at] {
                    _ if support[reference.child][row] => must,
                    Does::Pull => members[reference.child][row],
                    Does::Follow => members[reference.child][row] && must,
                    _ => false,
                };
                for target in targets.iter().filter(|_| pulls) {
                    if let Target::Row(parent) = target {
                        let (table, parent) = (reference.parent, *parent);
                        if !members[table][parent] && !impossible[table][parent] && !support[table][parent] {
                            fresh.push((table, parent));
                        }
                    }
                }
            });
            if fresh.is_empty() {
                return support;
            }
            fresh.into_iter().for_each(|(table, row)| support[table][row] = true);
        }
    }

    /// The row with its references nulled as they must be.
    fn arriving(&self, table: usize, row: usize, members: &[Vec<bool>], support: &[Vec<bool>]) -> Vec<Option<String>> {
        let mut values = self.loaded.tables[table][row].values.clone();
        let names: Vec<String> = self.case.columns(table).into_iter().map(|(name, _)| name).collect();
        for at in self.case.references_of(table) {
            let reference = &self.case.references[at];
            let stays: Vec<bool> = self.targets[at][row]
                .iter()
                .map(|target| match target {
                    _ if self.does[at] == Does::Cut => false,
                    Target::Row(parent) => members[reference.parent][*parent] || support[reference.parent][*parent],
                    Target::Orphan => self.orphans(at) == Orphans::Keep,
                    Target::NullElement => true,
                })
                .collect();
            if stays.iter().all(|stays| *stays) {
                continue;
            }
            let columns = reference.columns(self.case);
            for position in &self.nullable[at] {
                let column = names.iter().position(|name| *name == columns[*position]).unwrap();
                values[column] = if reference.is_array() {
                    let elements: Vec<Option<String>> =
                        serde_json::from_str(values[column].as_deref().unwrap_or("[]")).unwrap();
                    let kept: Vec<_> =
                        elements.into_iter().zip(&stays).filter(|(_, stays)| **stays).map(|(e, _)| e).collect();
                    Some(serde_json::to_string(&kept).unwrap())
                } else {
                    None
                };
            }
        }
        values
    }
}
