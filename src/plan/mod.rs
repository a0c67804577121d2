//! The plan: every decision of a run as plain data, made from the catalog and the profile before a row is read.
//!
//! `make` decides; nothing here touches a server. The stages after it (choosing, copying, landing) only carry out
//! what the plan says and never change it.

mod apart;
mod barrable;
mod carry;
mod check;
mod columns;
mod files;
mod findings;
mod index_text;
mod leaks;
mod make;
mod modes;
mod names;
mod nullable;
mod questions;
mod template_key;
mod text;
mod unique;

pub use barrable::barrable;
pub use check::{check, check_alone};
pub use files::{ColumnPath, FilePlan, PathSource, Watched, watched};
pub use findings::refuse;
pub use leaks::{LeakPlan, can_be_scrubbed};
pub use make::{Options, files_of_landed, make};
pub use names::add_references;
pub use questions::{Question, questions, unanswered};
pub use text::{Numbers, PlanReport, graph_labels, group, render, report};
pub use unique::{looks_at, unique_fault};

use serde::Serialize;

use crate::graph::Group;
use crate::profile::{MaskRule, Orphans, PerParent, Unowned};
use crate::types::{ColumnId, RefId, TableId};

/// Everything a run will do, apart from which rows the draw and the closure name.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Root table.
    pub root: TableId,
    /// The draw.
    pub draw: Draw,
    /// By table, in catalog order.
    pub tables: Vec<TablePlan>,
    /// By reference, in catalog order.
    pub references: Vec<ReferencePlan>,
    /// Tables in the order in which membership is decided: parents before children, cycles together.
    pub groups: Vec<Group>,
    /// Things the user should know, one sentence each.
    pub warnings: Vec<String>,
    /// Some mask needs the secret key.
    pub needs_key: bool,
    /// Kinds of files, in the profile's order.
    pub files: Vec<FilePlan>,
    /// What becomes of values of masked columns in kept ones.
    pub leaks: LeakPlan,
}

/// How root rows are drawn.
#[derive(Clone, Debug)]
pub struct Draw {
    /// How many.
    pub size: DrawSize,
    /// The seed as written.
    pub seed_text: String,
    /// The 64-bit seed of the hash function.
    pub seed: i64,
    /// Key columns of the root table that are hashed.
    pub key: Vec<ColumnId>,
    /// Predicate: always drawn.
    pub always: Option<String>,
    /// Predicate: never copied.
    pub never: Option<String>,
}

/// Share or number of root rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrawSize {
    /// Above 0, to 100.
    Percent(f64),
    /// Rows with the lowest hashes.
    Rows(u64),
}

/// What happens to one table.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// Which rows.
    pub mode: TableMode,
    /// Why, for people.
    pub reason: String,
    /// Predicate rows must satisfy, `{run_time}` already replaced.
    pub filter: Option<String>,
    /// Cap.
    pub per_parent: Option<(PerParent, ColumnId)>,
    /// Rows that belong to nobody.
    pub unowned: Unowned,
    /// Columns that are always NULL: they refer to left-out tables.
    pub cut: Vec<ColumnId>,
    /// References to left-out tables that cannot become NULL: rows that have one, in all its columns, are dropped.
    pub barred: Vec<Vec<ColumnId>>,
    /// By position in the catalog's columns; `None` for generated columns and for tables that bring no rows.
    pub masks: Vec<Option<ColumnMasks>>,
}

/// Rules of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnMasks {
    /// For members.
    pub member: MaskRule,
    /// For support rows.
    pub support: MaskRule,
}

/// Which rows of a table come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableMode {
    /// The drawn rows.
    Root,
    /// Rows whose references lead to drawn rows.
    Owned,
    /// All.
    All,
    /// Only rows that chosen rows refer to.
    Referenced,
    /// None: structure only.
    None,
}

impl TableMode {
    /// As profiles and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Owned => "owned",
            Self::All => "all",
            Self::Referenced => "referenced",
            Self::None => "none",
        }
    }
}

/// What happens along one reference.
#[derive(Clone, Debug)]
pub struct ReferencePlan {
    /// The mode.
    pub mode: ReferenceMode,
    /// Why, for people.
    pub reason: String,
    /// Columns that become NULL where the parent is not chosen; for support rows too. Empty: it cannot be nulled.
    pub nullable: Vec<ColumnId>,
    /// What happens to rows whose parent does not exist in the source; only asked of unvalidated references.
    pub orphans: Orphans,
}

/// What a reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceMode {
    /// The row is kept only if the parent is a member.
    Within,
    /// The parent being a member is enough to bring the row.
    Follow,
    /// The parent comes as a support row.
    Pull,
    /// The reference becomes NULL where the parent is not chosen.
    Null,
    /// The parent table is copied whole: nothing to decide.
    Whole,
    /// The parent table brings no rows: always NULL.
    Cut,
    /// The parent table brings no rows and the reference cannot be NULL: rows that have it are dropped.
    Drop,
    /// The referencing table brings no rows.
    Idle,
}

impl ReferenceMode {
    /// As profiles and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Follow => "follow",
            Self::Pull => "pull",
            Self::Null => "null",
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Drop => "drop",
            Self::Idle => "idle",
        }
    }

    /// Membership of the child depends on membership of the parent.
    pub fn gates(self) -> bool {
        matches!(self, Self::Within | Self::Follow)
    }
}

impl Plan {
    /// The plan of a table.
    pub fn table(&self, id: TableId) -> &TablePlan {
        &self.tables[id.index()]
    }

    /// The plan of a reference.
    pub fn reference(&self, id: RefId) -> &ReferencePlan {
        &self.references[id.index()]
    }

    /// Rows of it are copied.
    pub fn brings_rows(&self, id: TableId) -> bool {
        self.table(id).mode != TableMode::None
    }

    /// The draw takes every root row.
    pub fn draws_everything(&self) -> bool {
        matches!(self.draw.size, DrawSize::Percent(percent) if percent >= 100.0) && self.draw.never.is_none()
    }
}

#[cfg(test)]
mod tests;
