//! The TOML file, section by section, into a checked [`Profile`].
//!
//! Owns which keys exist and what they may hold; column rules are in `columns`, SQL fragments in `predicate`. Knows
//! no database: whether tables and columns exist is decided in `plan`.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::document::{Checker, Node, Section, elements, shown};
use super::{
    Locale, Orphans, PerParent, Places, Problem, Profile, RowsRule, Sample, SourceRules, TableRules, TargetRules,
    Unowned, VirtualReference, columns, predicate, toml_text,
};
use crate::error::{Error, ErrorKind, Result};

/// Seed of a profile that names none: two people who sample the same source then get the same rows.
pub(super) const DEFAULT_SEED: &str = "tithe";

pub(super) fn read(path: &Path) -> Result<Profile> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::new(ErrorKind::Profile, format!("read profile {}", path.display())).with_cause(cause)
    })?;
    parse(&text, path)
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Profile> {
    walk(text, path, |checker, profile| checker.finish(profile))
}

pub(super) fn examine(text: &str, path: &Path) -> Result<Profile, Vec<Problem>> {
    walk(text, path, |checker, profile| checker.examined(profile))
}

/// What can be read is read even where some of the text is no TOML: one mistake must not hide the others.
fn walk<T>(text: &str, path: &Path, end: impl FnOnce(Checker<'_>, Option<Profile>) -> T) -> T {
    let (document, faults) = DeTable::parse_recoverable(text);
    let mut checker = Checker::new(text, path);
    faults.iter().for_each(|fault| checker.not_toml(fault));
    let profile = profile(&mut checker, text, path, document.get_ref());
    end(checker, profile)
}

fn profile<'d>(checker: &mut Checker<'d>, text: &str, path: &Path, document: &'d DeTable<'d>) -> Option<Profile> {
    let mut top = Section::new(String::new(), 0, document);
    let sample = match top.take("sample") {
        Some(node) => checker.section(&node).and_then(|section| sample(checker, section)),
        None => {
            checker.missing(0, "sample", "is missing; `[sample]` with `root = \"…\"` names the table to draw from");
            None
        }
    };
    let source = section(checker, &mut top, "source", source);
    let target = section(checker, &mut top, "target", target);
    let tables = section(checker, &mut top, "tables", |checker, tables| {
        tables
            .named()
            .into_iter()
            .filter_map(|(name, node)| Some((name.clone(), table(checker, &name, &node)?)))
            .collect()
    });
    let references = match top.take("references") {
        Some(node) => elements(checker, &node).iter().filter_map(|node| reference(checker, node)).collect(),
        None => Vec::new(),
    };
    let vault = section(checker, &mut top, "vault", super::files::vault);
    let locale = section(checker, &mut top, "masks", columns::locale);
    let leaks = section(checker, &mut top, "leaks", super::leaks::leaks);
    let columns = section(checker, &mut top, "columns", |checker, tables| {
        let mut rules = BTreeMap::new();
        for (name, node) in tables.named() {
            if let Some(section) = checker.section(&node) {
                let mut of_table = columns::of_table(checker, &name, section);
                if locale != Locale::default() {
                    columns::localize(&mut of_table, locale);
                }
                rules.insert(name.clone(), of_table);
            }
        }
        rules
    });
    top.finish(checker, None);
    unique_reference_names(checker, &references);
    Some(Profile {
        path: path.to_owned(),
        digest: crate::digest::text_digest(text),
        places: Places::of(text, document),
        sample: sample?,
        source,
        target,
        tables,
        references: references.into_iter().map(|(reference, _)| reference).collect(),
        vault,
        leaks,
        columns,
    })
}

/// An optional section; absent or malformed, it is empty (a malformed one has been complained about).
fn section<'d, T: Default>(
    checker: &mut Checker<'d>,
    top: &mut Section<'d>,
    name: &'static str,
    read: impl FnOnce(&mut Checker<'d>, Section<'d>) -> T,
) -> T {
    match top.take(name).and_then(|node| checker.section(&node)) {
        Some(section) => read(checker, section),
        None => T::default(),
    }
}

fn sample<'d>(checker: &mut Checker<'d>, mut section: Section<'d>) -> Option<Sample> {
    let root = match section.take("root") {
        Some(node) => checker.name(&node),
        None => {
            let key = format!("{}.root", section.key());
            checker.missing(section.at(), &key, "is missing; it names the table to draw from");
            None
        }
    };
    let percent_node = section.take("percent");
    let rows_node = section.take("rows");
    if let (Some(_), Some(rows)) = (&percent_node, &rows_node) {
        checker.refuse::<()>(rows, "stands beside sample.percent; only one of them can be");
    }
    let percent = percent_node.and_then(|node| percent(checker, &node));
    let rows = rows_node.and_then(|node| checker.count(&node));
    let seed = section.take("seed").and_then(|node| match node.value {
        DeValue::Integer(_) => checker.integer(&node).map(|seed| seed.to_string()),
        _ => checker.name(&node),
    });
    let always = section.take("always").and_then(|node| fragment(checker, &node));
    let never = section.take("never").and_then(|node| fragment(checker, &node));
    section.finish(checker, None);
    Some(Sample { root: root?, percent, rows, seed: seed.unwrap_or_else(|| DEFAULT_SEED.to_owned()), always, never })
}

fn percent(checker: &mut Checker<'_>, node: &Node<'_>) -> Option<f64> {
    let written = match node.value {
        DeValue::Integer(_) => checker.integer(node)?.to_string(),
        DeValue::Float(value) => value.as_str().to_owned(),
        _ => return checker.wrong_type(node, "a number above 0 and up to 100"),
    };
    match written.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 100.0 => Some(value),
        _ => checker.refuse(node, format!("is {written}; a number above 0 and up to 100 is needed")),
    }
}

fn source<'d>(checker: &mut Checker<'d>, mut section: Section<'d>) -> SourceRules {
    let rules = SourceRules {
        exclude_schemas: names(checker, &mut section, "exclude_schemas"),
        exclude_tables: names(checker, &mut section, "exclude_tables"),
        allow_row_security: section
            .take("allow_row_security")
            .and_then(|node| checker.boolean(&node))
            .unwrap_or_default(),
    };
    section.finish(checker, None);
    rules
}

fn target<'d>(checker: &mut Checker<'d>, mut section: Section<'d>) -> TargetRules {
    let rules = TargetRules {
        after_load: names(checker, &mut section, "after_load"),
        clone_of_source: section.take("clone_of_source").and_then(|node| checker.boolean(&node)).unwrap_or_default(),
    };
    section.finish(checker, None);
    rules
}

fn table<'d>(checker: &mut Checker<'d>, name: &str, node: &Node<'d>) -> Option<TableRules> {
    let mut section = checker.section(node)?;
    let rows = section.take("rows").and_then(|node| checker.word(&node, &RowsRule::WORDS));
    let mut seen = BTreeMap::new();
    let mut others = Vec::new();
    let mut modes = ["within", "follow", "pull", "null"].map(|mode| {
        let node = section.take(mode);
        others.extend(node.clone());
        node.map(|node| references_in(checker, mode, &node, &mut seen)).unwrap_or_default()
    });
    let mut other = |name: &'static str, section: &mut Section<'d>| {
        let node = section.take(name);
        others.extend(node.clone());
        node
    };
    let filter = other("where", &mut section).and_then(|node| fragment(checker, &node));
    let per_parent = other("per_parent", &mut section).and_then(|node| per_parent(checker, &node));
    let unowned = other("unowned", &mut section).and_then(|node| checker.word(&node, &Unowned::WORDS));
    let orphans = other("orphans", &mut section).and_then(|node| checker.word(&node, &Orphans::WORDS));
    if rows == Some(RowsRule::None) {
        for node in &others {
            checker.refuse::<()>(node, "has no effect beside rows = \"none\", which copies no row");
        }
    }
    section.finish(checker, Some(name));
    let [within, follow, pull, null] = modes.each_mut().map(std::mem::take);
    Some(TableRules {
        rows,
        within,
        follow,
        pull,
        null,
        filter,
        per_parent,
        unowned: unowned.unwrap_or_default(),
        orphans,
    })
}

/// The references of one list. Composite ones come out as `a, b`, however they were spaced.
fn references_in<'d>(
    checker: &mut Checker<'d>,
    mode: &'static str,
    node: &Node<'d>,
    seen: &mut BTreeMap<String, &'static str>,
) -> Vec<String> {
    let mut list = Vec::new();
    for (written, place) in checker.names(node) {
        let name = written.split(',').map(str::trim).collect::<Vec<_>>().join(", ");
        if let Some(other) = seen.get(&name) {
            let message = if *other == mode {
                format!("names `{}` twice", shown(&name))
            } else {
                format!("names `{}`, which `{other}` names too; a reference has one mode", shown(&name))
            };
            checker.refuse::<()>(&place, message);
            continue;
        }
        seen.insert(name.clone(), mode);
        list.push(name);
    }
    list
}

fn per_parent<'d>(checker: &mut Checker<'d>, node: &Node<'d>) -> Option<PerParent> {
    let mut section = checker.section(node)?;
    let column = required(checker, &mut section, "column").and_then(|node| checker.name(&node));
    let limit = required(checker, &mut section, "limit").and_then(|node| checker.count(&node));
    let order = section.take("order").and_then(|node| fragment(checker, &node));
    section.finish(checker, None);
    Some(PerParent { column: column?, limit: limit?, order })
}

fn reference<'d>(checker: &mut Checker<'d>, node: &Node<'d>) -> Option<(VirtualReference, Node<'d>)> {
    let mut section = checker.section(node)?;
    let name = section.take("name").and_then(|node| checker.name(&node));
    let table = required(checker, &mut section, "table").and_then(|node| checker.name(&node));
    let columns = one_or_more(checker, &mut section, "columns", "column");
    let parent = required(checker, &mut section, "parent").and_then(|node| checker.name(&node));
    let parent_columns = one_or_more(checker, &mut section, "parent_columns", "parent_column");
    let condition = section.take("condition").and_then(|node| fragment(checker, &node));
    let array_node = section.take("array");
    let array = array_node.as_ref().and_then(|node| checker.boolean(node)).unwrap_or_default();
    let (key, at) = (section.key().to_owned(), section.at());
    section.finish(checker, None);

    let Some(columns) = columns.filter(|columns| !columns.is_empty()) else {
        checker.missing(at, &format!("{key}.columns"), "is missing; it names the referencing columns");
        return None;
    };
    let parent_columns = parent_columns.filter(|columns| !columns.is_empty()).unwrap_or_else(|| vec!["id".to_owned()]);
    if columns.len() != parent_columns.len() {
        let (ours, theirs) = (columns.len(), parent_columns.len());
        checker.problem(at, &key, format!("pairs {ours} columns with {theirs} parent_columns; they must be as many"));
        return None;
    }
    if array && columns.len() > 1 {
        return array_node
            .and_then(|node| checker.refuse(&node, "is true, but there are several columns; one array is needed"));
    }
    let reference =
        VirtualReference { name, table: table?, columns, parent: parent?, parent_columns, condition, array };
    Some((reference, node.clone()))
}

/// Names must tell references of a table apart, since `within = […]` refers to them; unnamed ones are known by
/// their columns, and two on the same columns (a polymorphic pair) each need a name.
fn unique_reference_names(checker: &mut Checker<'_>, references: &[(VirtualReference, Node<'_>)]) {
    let mut seen = BTreeMap::new();
    for (reference, node) in references {
        let name = reference.name.clone().unwrap_or_else(|| reference.columns.join(", "));
        if seen.insert((reference.table.clone(), name.clone()), ()).is_some() {
            let table = toml_text::key(&reference.table);
            checker.refuse::<()>(
                node,
                format!("is a second reference `{}` of table {table}; give it a `name`", shown(&name)),
            );
        }
    }
}

pub(super) fn required<'d>(
    checker: &mut Checker<'d>,
    section: &mut Section<'d>,
    name: &'static str,
) -> Option<Node<'d>> {
    let node = section.take(name);
    if node.is_none() {
        checker.missing(section.at(), &format!("{}.{name}", section.key()), "is missing");
    }
    node
}

pub(super) fn names<'d>(checker: &mut Checker<'d>, section: &mut Section<'d>, name: &'static str) -> Vec<String> {
    match section.take(name) {
        Some(node) => checker.names(&node).into_iter().map(|(name, _)| name).collect(),
        None => Vec::new(),
    }
}

/// A list that may also be written in the singular; `None` when neither is there.
fn one_or_more<'d>(
    checker: &mut Checker<'d>,
    section: &mut Section<'d>,
    plural: &'static str,
    singular: &'static str,
) -> Option<Vec<String>> {
    let (many, one) = (section.take(plural), section.take(singular));
    if let (Some(_), Some(one)) = (&many, &one) {
        checker.refuse::<()>(one, format!("stands beside `{plural}`; only one of them can be"));
    }
    let node = many.or(one)?;
    Some(checker.names(&node).into_iter().map(|(name, _)| name).collect())
}

pub(super) fn fragment(checker: &mut Checker<'_>, node: &Node<'_>) -> Option<String> {
    let text = checker.string(node)?;
    match predicate::check(&text) {
        Ok(()) => Some(text),
        Err(message) => checker.refuse(node, message),
    }
}
