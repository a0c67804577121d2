//! `tithe explain`: why a row is in the sample, or why it is not, under a fresh snapshot with the run's draw.
//!
//! The sets are chosen as in a run, then walked from the row. A member's references lead up to a root row, breadth
//! first, so that the chain told is the shortest; a support row's chain begins with a row that pulled it. A row that is
//! not there is followed up along the reference that failed, to the row that was not drawn.
//!
//! ```text
//! comments 17 -> posts 5 (follow post_id) -> users 3 (within owner_id): drawn
//! users 9 <- comments 21 (pull author_id) -> posts 5 (follow post_id) -> users 3 (within owner_id): drawn
//! ```

use std::collections::{HashSet, VecDeque};

use serde::Serialize;

use super::choose::Choice;
use super::prepare::{Prepared, SourceRequest, prepare, standing_back};
use super::support::required_parents;
use crate::closure::{Budget, Chosen};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::facts::{Among, Facts, Parent, RowAt, RowFacts};
use crate::pg::members::Members;
use crate::plan::{DrawSize, Plan, ReferenceMode, TableMode};
use crate::profile::nearest;
use crate::rate::RateLimit;
use crate::schema::{Catalog, Reference, Table};
use crate::types::TableId;

/// Rows looked at before the walk gives up: a chain longer than that is not read by anybody.
const ROWS_MAX: usize = 5_000;

/// What to explain.
pub struct ExplainRequest {
    /// The source and the plan's inputs.
    pub source: SourceRequest,
    /// Limit of the key sets.
    pub memory_bytes: u64,
    /// Table, as profiles write it.
    pub table: String,
    /// Values of its key, separated by commas.
    pub key: String,
}

/// Why a row is in the sample, or not.
#[must_use]
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Table.
    pub table: String,
    /// Key.
    pub key: String,
    /// It is in the sample.
    pub chosen: bool,
    /// What it is there.
    pub role: Role,
    /// From the row to what decided.
    pub chain: Vec<Step>,
    /// Further parents that the row needs and has.
    pub also: Vec<Step>,
    /// What decided.
    pub reason: String,
}

/// What a row is in the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A drawn root row.
    Root,
    /// A row that belongs to one.
    Member,
    /// A row that chosen rows refer to.
    Support,
    /// Not there.
    None,
}

/// A row of the chain.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Table.
    pub table: String,
    /// Key.
    pub key: String,
    /// Columns of the reference between this row and the one before; `None` for the first.
    pub reference: Option<String>,
    /// Its mode. Along `pull` this row refers to the one before, else the one before refers to this one.
    pub mode: Option<&'static str>,
}

/// Explains a row.
///
/// # Errors
/// `Usage` for a table or row that is not there; otherwise as a plan.
pub async fn explain(request: &ExplainRequest, monitor: &dyn Monitor) -> Result<Explanation> {
    let prepared = prepare(&request.source, monitor).await?;
    standing_back(&prepared.source, request.source.patience, explain_row(request, &prepared, monitor)).await
}

async fn explain_row(request: &ExplainRequest, prepared: &Prepared, monitor: &dyn Monitor) -> Result<Explanation> {
    let Prepared { source, catalog, plan } = prepared;
    let table = find_table(catalog, &request.table)?;
    let texts = split_key(table, &request.key)?;
    let budget = Budget::new(request.memory_bytes);
    let rate = RateLimit::new(None);
    let choice = Choice::new(prepared, &budget, &rate, request.source.literal_keys_max, monitor);
    let nothing = Chosen::new(catalog, plan, request.source.literal_keys_max);
    let facts = Facts { source, members: Members { catalog, plan, chosen: &nothing } };
    let columns = table.identity_key().map(|key| key.columns.clone()).unwrap_or_default();
    let row = facts.find(table.id, &columns, &texts).await?.ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("{} has no row with the key {}", table.name, request.key))
            .with_remedy("give the key of a row that the source has")
    })?;
    monitor.phase("choose rows");
    let chosen = choice.choose().await?;
    monitor.phase("walk");
    let walk =
        Walk { facts: Facts { source, members: Members { catalog, plan, chosen: &chosen } }, choice, chosen: &chosen };
    walk.explain(&row).await
}

fn find_table<'c>(catalog: &'c Catalog, written: &str) -> Result<&'c Table> {
    if let Some(id) = catalog.find_table(written) {
        return Ok(catalog.table(id));
    }
    let names: Vec<String> = catalog.table_names().map(ToString::to_string).collect();
    let hint = nearest(written, names.iter().map(String::as_str));
    let hint = hint.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
    Err(Error::new(ErrorKind::Usage, format!("the source has no table {written:?}{hint}"))
        .with_remedy("name a table as the profile does: NAME, or SCHEMA.NAME outside of public"))
}

fn split_key(table: &Table, written: &str) -> Result<Vec<String>> {
    let usage = |text: String| Error::new(ErrorKind::Usage, text);
    let Some(key) = table.identity_key() else {
        return Err(usage(format!("{} has no key, so its rows cannot be named", table.name))
            .with_remedy("explain a row of a table that refers to it, or that it refers to"));
    };
    if key.columns.len() == 1 {
        return Ok(vec![written.to_owned()]);
    }
    let parts: Vec<String> = written.split(',').map(|part| part.trim().to_owned()).collect();
    if parts.len() != key.columns.len() {
        let names: Vec<&str> = key.columns.iter().map(|id| table.column(*id).name.as_str()).collect();
        return Err(usage(format!("the key of {} is ({})", table.name, names.join(", ")))
            .with_remedy("give one value for each of these columns, separated by commas"));
    }
    Ok(parts)
}

struct Walk<'a> {
    facts: Facts<'a>,
    choice: Choice<'a>,
    chosen: &'a Chosen,
}

/// A row that was reached, and from which of the rows before it.
struct Reached {
    row: RowAt,
    step: Step,
    from: Option<usize>,
}

impl Walk<'_> {
    fn catalog(&self) -> &Catalog {
        self.choice.catalog
    }

    fn plan(&self) -> &Plan {
        self.choice.plan
    }

    async fn explain(&self, row: &RowAt) -> Result<Explanation> {
        let first = self.step(row, None, None);
        let (table, key) = (first.table.clone(), first.key.clone());
        let told = |role, chain, also, reason| Explanation {
            table,
            key,
            chosen: role != Role::None,
            role,
            chain,
            also,
            reason,
        };
        if self.is_member(row).await? {
            let role = if row.table == self.plan().root { Role::Root } else { Role::Member };
            let (chain, reason) = self.to_root(row, first).await?;
            let also = self.also(row, chain.get(1)).await?;
            return Ok(told(role, chain, also, reason));
        }
        if self.is_support(row).await? {
            let (chain, reason) = self.to_puller(row, first).await?;
            return Ok(told(Role::Support, chain, Vec::new(), reason));
        }
        let (chain, mut reason) = self.to_obstacle(row, first).await?;
        let pulled = |reference: &Reference| {
            self.chosen.demand_of[reference.id.index()].is_some()
                && self.plan().reference(reference.id).mode == ReferenceMode::Pull
        };
        if self.catalog().references_to(row.table).any(pulled) {
            reason.push_str("; and no chosen row pulls it");
        }
        Ok(told(Role::None, chain, Vec::new(), reason))
    }

    fn step(&self, row: &RowAt, reference: Option<&Reference>, mode: Option<ReferenceMode>) -> Step {
        let table = self.catalog().table(row.table);
        let key = match table.identity_key() {
            Some(_) => row.texts.join(","),
            None => "(a row without a key)".to_owned(),
        };
        let columns = reference.map(|reference| {
            let child = self.catalog().table(reference.child);
            let names: Vec<&str> = reference.child_columns.iter().map(|id| child.column(*id).name.as_str()).collect();
            names.join(", ")
        });
        Step { table: table.name.to_string(), key, reference: columns, mode: mode.map(ReferenceMode::name) }
    }

    async fn is_member(&self, row: &RowAt) -> Result<bool> {
        if matches!(self.plan().table(row.table).mode, TableMode::None | TableMode::Referenced) {
            return Ok(false);
        }
        if self.chosen.whole[row.table.index()] {
            return Ok(true);
        }
        let demands: Vec<usize> = self.chosen.demands_on(row.table).collect();
        for demand in demands {
            if let Some(key) = self.facts.key(row, demand).await? {
                return Ok(self.chosen.keys[demand].members.contains(&key));
            }
        }
        self.facts.is_selected(row).await
    }

    async fn is_support(&self, row: &RowAt) -> Result<bool> {
        let demands: Vec<usize> = self.chosen.demands_on(row.table).collect();
        for demand in demands {
            let support = &self.chosen.keys[demand].support;
            if let Some(key) = self.facts.key(row, demand).await?
                && support.contains(&key)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The parent is a member, as the reference's set has it.
    fn has_member(&self, reference: &Reference, parent: &Parent) -> bool {
        match (self.chosen.keys_for(reference.id), &parent.key) {
            (Some(keys), Some(key)) => keys.members.contains(key),
            (Some(_), None) => false,
            (None, _) => parent.row.is_some() && self.chosen.whole[reference.parent.index()],
        }
    }

    /// References that can bring a row of the table: what is followed, else what it must be within.
    fn bringing(&self, table: TableId) -> Vec<&Reference> {
        let wanted = if self.facts.members.follows(table) { ReferenceMode::Follow } else { ReferenceMode::Within };
        self.catalog().references_of(table).filter(|r| self.plan().reference(r.id).mode == wanted).collect()
    }

    /// Why a member needs no parent to be one; `None` where it does.
    async fn stands_alone(&self, row: &RowAt) -> Result<Option<String>> {
        let table = self.catalog().table(row.table);
        match self.plan().table(row.table).mode {
            TableMode::Root => Ok(Some(self.drawn_by(&self.facts.of(row).await?))),
            TableMode::All => Ok(Some(format!("{} is copied whole", table.name))),
            _ => {
                let mut owners = 0;
                for reference in self.bringing(row.table) {
                    owners += self.facts.parents(row, reference).await?.len();
                }
                let nobody = "it belongs to nobody, and unowned = \"keep\"";
                Ok((owners == 0).then(|| nobody.to_owned()))
            }
        }
    }

    fn drawn_by(&self, facts: &RowFacts) -> String {
        match (facts.drawn, facts.always, self.plan().draw.size) {
            (true, _, DrawSize::Percent(percent)) if percent >= 100.0 => "all root rows are drawn".to_owned(),
            (true, _, DrawSize::Percent(percent)) => format!("drawn by its hash, among {percent} % of the root rows"),
            (true, _, DrawSize::Rows(rows)) => format!("drawn by its hash, among the {rows} lowest"),
            (false, true, _) => "drawn by sample.always".to_owned(),
            (false, false, _) => "drawn".to_owned(),
        }
    }

    /// The shortest chain of references from a member to a row that stands for itself.
    async fn to_root(&self, row: &RowAt, first: Step) -> Result<(Vec<Step>, String)> {
        let mut reached = vec![Reached { row: row.clone(), step: first, from: None }];
        let mut seen: HashSet<RowAt> = HashSet::from([row.clone()]);
        let mut at = 0;
        while at < reached.len().min(ROWS_MAX) {
            let here = reached[at].row.clone();
            if let Some(reason) = self.stands_alone(&here).await? {
                return Ok((chain(reached, at), reason));
            }
            for reference in self.bringing(here.table) {
                let mode = self.plan().reference(reference.id).mode;
                for parent in self.facts.parents(&here, reference).await? {
                    let member = self.has_member(reference, &parent);
                    if let Some(row) = parent.row.filter(|row| member && seen.insert(row.clone())) {
                        let step = self.step(&row, Some(reference), Some(mode));
                        reached.push(Reached { row, step, from: Some(at) });
                    }
                }
            }
            at += 1;
        }
        Ok((chain(reached, 0), "its chain of references is too long to tell".to_owned()))
    }

    /// Parents that a member needs beside the one its chain goes through.
    async fn also(&self, row: &RowAt, told: Option<&Step>) -> Result<Vec<Step>> {
        let mut also = Vec::new();
        for reference in self.catalog().references_of(row.table) {
            let mode = self.plan().reference(reference.id).mode;
            if !mode.gates() {
                continue;
            }
            for parent in self.facts.parents(row, reference).await? {
                let member = self.has_member(reference, &parent);
                let Some(row) = parent.row.filter(|_| member) else { continue };
                let step = self.step(&row, Some(reference), Some(mode));
                let known = told.is_some_and(|told| {
                    (&told.table, &told.key, &told.reference) == (&step.table, &step.key, &step.reference)
                });
                if !known {
                    also.push(step);
                }
            }
        }
        Ok(also)
    }

    /// A member that pulled the support row, perhaps by way of other support rows, and the member's own chain.
    async fn to_puller(&self, row: &RowAt, first: Step) -> Result<(Vec<Step>, String)> {
        let mut reached = vec![Reached { row: row.clone(), step: first, from: None }];
        let mut seen: HashSet<RowAt> = HashSet::from([row.clone()]);
        let mut open = VecDeque::from([0]);
        while let Some(at) = open.pop_front().filter(|_| reached.len() < ROWS_MAX) {
            let here = reached[at].row.clone();
            for reference in self.catalog().references_to(here.table) {
                let Some(demand) = self.chosen.demand_of[reference.id.index()] else { continue };
                let Some(key) = self.facts.key(&here, demand).await? else { continue };
                if self.choice.pulls(reference.child, self.chosen).contains(&reference.id) {
                    let among = match self.chosen.identity[reference.child.index()] {
                        Some(own) if self.chosen.swept[reference.child.index()] => {
                            Among::Listed(own, &self.chosen.keys[own].members)
                        }
                        _ => Among::Members,
                    };
                    if let Some(child) = self.facts.children(reference, key.clone(), among).await?.into_iter().next() {
                        let step = self.step(&child, Some(reference), Some(ReferenceMode::Pull));
                        let mut steps = chain(reached, at);
                        let (rest, reason) = self.to_root(&child, step).await?;
                        steps.extend(rest);
                        return Ok((steps, reason));
                    }
                }
                let Some(own) = self.chosen.identity[reference.child.index()] else { continue };
                let support = &self.chosen.keys[own].support;
                if support.is_empty()
                    || !required_parents(&self.choice, reference.child, self.chosen).contains(&reference.id)
                {
                    continue;
                }
                for child in self.facts.children(reference, key, Among::Listed(own, support)).await? {
                    if seen.insert(child.clone()) {
                        let step = self.step(&child, Some(reference), Some(ReferenceMode::Pull));
                        open.push_back(reached.len());
                        reached.push(Reached { row: child, step, from: Some(at) });
                    }
                }
            }
        }
        Ok((chain(reached, 0), "a chosen row refers to it".to_owned()))
    }

    /// The chain of references that fail, up to the row that decides, and why that one is no member.
    async fn to_obstacle(&self, row: &RowAt, first: Step) -> Result<(Vec<Step>, String)> {
        let mut steps = vec![first];
        let mut seen: HashSet<RowAt> = HashSet::from([row.clone()]);
        let mut here = row.clone();
        loop {
            if let Some(reason) = self.obstacle(&here).await? {
                return Ok((steps, reason));
            }
            let Some((reference, parent)) = self.missing_parent(&here).await? else {
                return Ok((steps, "no chain of its references reaches a root row".to_owned()));
            };
            let mode = self.plan().reference(reference.id).mode;
            let Some(row) = parent.row else {
                let what = self.catalog().describe(reference);
                return Ok((steps, format!("its parent along {what} does not exist")));
            };
            steps.push(self.step(&row, Some(reference), Some(mode)));
            if !seen.insert(row.clone()) || steps.len() > ROWS_MAX {
                return Ok((steps, "its references go in a circle and reach no root row".to_owned()));
            }
            here = row;
        }
    }

    /// What keeps the row out by itself.
    async fn obstacle(&self, row: &RowAt) -> Result<Option<String>> {
        let (table, planned) = (self.catalog().table(row.table), self.plan().table(row.table));
        match planned.mode {
            TableMode::None => return Ok(Some(format!("{} brings no rows (rows = \"none\")", table.name))),
            TableMode::Referenced => {
                return Ok(Some(format!("of {} come only rows that chosen rows refer to", table.name)));
            }
            _ => {}
        }
        let facts = self.facts.of(row).await?;
        if facts.never {
            return Ok(Some("barred by sample.never".to_owned()));
        }
        if !facts.passes_filter {
            return Ok(Some(format!("the `where` of {} does not hold for it", table.name)));
        }
        if let (false, Some((cap, _))) = (facts.within_cap, &planned.per_parent) {
            return Ok(Some(format!("beyond the {} rows of each {} (per_parent)", cap.limit, cap.column)));
        }
        if planned.mode == TableMode::Root && !facts.drawn && !facts.always {
            return Ok(Some(match self.plan().draw.size {
                DrawSize::Percent(percent) => format!("not drawn: its hash is not among the {percent} % lowest"),
                DrawSize::Rows(rows) => format!("not drawn: its hash is not among the {rows} lowest"),
            }));
        }
        if facts.needs_left_out {
            return Ok(Some("it refers to a table that is left out, and the reference cannot become NULL".to_owned()));
        }
        Ok(facts.barred_by.first().map(|at| {
            let reference = &self.catalog().references[*at];
            let what = self.catalog().describe(reference);
            match self.plan().reference(reference.id).mode {
                ReferenceMode::Drop => format!("{what} leads to a table that brings no rows, and cannot become NULL"),
                _ => format!("the parent along {what} is not in the source, or may never leave it"),
            }
        }))
    }

    /// The gating reference that fails: one that the row must be within, else one that would have brought it.
    async fn missing_parent(&self, row: &RowAt) -> Result<Option<(&Reference, Parent)>> {
        let within = self
            .catalog()
            .references_of(row.table)
            .filter(|r| self.plan().reference(r.id).mode == ReferenceMode::Within);
        for reference in within {
            for parent in self.facts.parents(row, reference).await? {
                if !self.has_member(reference, &parent) {
                    return Ok(Some((reference, parent)));
                }
            }
        }
        for reference in self.bringing(row.table) {
            for parent in self.facts.parents(row, reference).await? {
                if !self.has_member(reference, &parent) {
                    return Ok(Some((reference, parent)));
                }
            }
        }
        Ok(None)
    }
}

/// Steps from the first row to the one at `end`.
fn chain(reached: Vec<Reached>, end: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = Some(end);
    while let Some(here) = at {
        steps.push(reached[here].step.clone());
        at = reached[here].from;
    }
    steps.reverse();
    steps
}
