//! `[leaks]`: what becomes of values of masked columns that stand in what was kept.

use std::collections::BTreeMap;

use super::document::{Checker, Node, Section};

/// `[leaks]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakRules {
    /// In kept columns.
    pub default: LeakAction,
    /// In kept columns of running text.
    pub prose: LeakAction,
    /// In the schema: defaults, views, functions, labels. Comments count as prose.
    pub definitions: LeakAction,
    /// Values that may stand anywhere; `@host` stands for every address of a host.
    pub allow: Vec<String>,
    /// By `table.column` as written.
    pub columns: BTreeMap<String, LeakAction>,
}

/// What a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakAction {
    /// Ends the run; nothing is swapped in.
    Fail,
    /// Stands in the report.
    Warn,
    /// Is crossed out in the landed column.
    Scrub,
    /// Nothing; what stands in the column, kept or masked, may stand anywhere.
    Allow,
}

impl LeakAction {
    /// As profiles and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Scrub => "scrub",
            Self::Allow => "allow",
        }
    }
}

impl Default for LeakRules {
    fn default() -> Self {
        Self {
            default: LeakAction::Fail,
            prose: LeakAction::Warn,
            definitions: LeakAction::Fail,
            allow: Vec::new(),
            columns: BTreeMap::new(),
        }
    }
}

/// In the order messages list them.
pub(super) const ACTIONS: [(&str, LeakAction); 4] = [
    ("fail", LeakAction::Fail),
    ("warn", LeakAction::Warn),
    ("scrub", LeakAction::Scrub),
    ("allow", LeakAction::Allow),
];

/// The schema's own texts cannot be crossed out.
pub(super) const ACTIONS_OF_DEFINITIONS: [(&str, LeakAction); 3] =
    [("fail", LeakAction::Fail), ("warn", LeakAction::Warn), ("allow", LeakAction::Allow)];

pub(super) fn leaks<'d>(checker: &mut Checker<'d>, mut section: Section<'d>) -> LeakRules {
    let usual = LeakRules::default();
    let action = |checker: &mut Checker<'d>, node: Option<Node<'d>>, usual| {
        node.and_then(|node| checker.word(&node, &ACTIONS)).unwrap_or(usual)
    };
    let default = section.take("default");
    let prose = section.take("prose");
    let definitions = section.take("definitions");
    let allow = section.take("allow");
    let columns = section.take("columns");
    section.finish(checker, None);
    LeakRules {
        default: action(checker, default, usual.default),
        prose: action(checker, prose, usual.prose),
        definitions: definitions
            .and_then(|node| checker.word(&node, &ACTIONS_OF_DEFINITIONS))
            .unwrap_or(usual.definitions),
        allow: allow.map(|node| checker.names(&node).into_iter().map(|(name, _)| name).collect()).unwrap_or_default(),
        columns: columns.and_then(|node| checker.section(&node)).map(|s| by_column(checker, &s)).unwrap_or_default(),
    }
}

fn by_column<'d>(checker: &mut Checker<'d>, section: &Section<'d>) -> BTreeMap<String, LeakAction> {
    let mut columns = BTreeMap::new();
    for (name, node) in section.named() {
        if name.contains('.') {
            columns.extend(checker.word(&node, &ACTIONS).map(|action| (name, action)));
        } else {
            checker.refuse::<()>(&node, "names no column; write \"table.column\" in quotes");
        }
    }
    columns
}
