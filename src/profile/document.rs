//! A TOML document with positions, walked so that every mistake is told with file, line, column and key.
//!
//! Knows nothing of what a profile means: that is `raw` and `columns`. Problems are collected rather than returned
//! one by one, so that a profile is corrected in one go; a reader that finds a problem answers `None` and goes on.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest::nearest;
use super::problem::{Problem, ProblemKind};
use super::toml_text;
use crate::error::{Error, ErrorKind, Result};

/// Problems told at most; a file that is something else altogether would otherwise fill the screen.
const PROBLEMS_TOLD: usize = 20;

/// Collects what is wrong with one document.
pub(super) struct Checker<'d> {
    text: &'d str,
    path: &'d Path,
    problems: Vec<(usize, Problem)>,
    /// Parts of the text could not be read, so that what seems to be missing may stand there.
    torn: bool,
}

/// A value, the key it stands under, and where.
#[derive(Clone)]
pub(super) struct Node<'d> {
    /// `tables.comments.follow`, as TOML would write it.
    pub(super) key: String,
    /// Where a complaint about it points to: the value.
    pub(super) at: usize,
    pub(super) value: &'d DeValue<'d>,
}

/// A table whose keys are taken one by one; what nobody asked for is unknown.
pub(super) struct Section<'d> {
    key: String,
    at: usize,
    table: &'d DeTable<'d>,
    known: Vec<&'static str>,
}

impl<'d> Checker<'d> {
    pub(super) fn new(text: &'d str, path: &'d Path) -> Self {
        Self { text, path, problems: Vec::new(), torn: false }
    }

    /// Notes a problem; an empty `key` is the document itself.
    pub(super) fn problem(&mut self, at: usize, key: &str, message: impl std::fmt::Display) {
        let (line, column) = position(self.text, at);
        let (key, message) = (key.to_owned(), message.to_string());
        let problem = Problem { kind: ProblemKind::Profile, line: Some(line), column: Some(column), key, message };
        self.problems.push((at, problem));
    }

    /// Notes that a key is not there.
    pub(super) fn missing(&mut self, at: usize, key: &str, message: impl std::fmt::Display) {
        if !self.torn {
            self.problem(at, key, message);
        }
    }

    /// Notes text that is no TOML.
    pub(super) fn not_toml(&mut self, fault: &toml::de::Error) {
        self.torn = true;
        self.problem(fault.span().map_or(0, |span| span.start), "", format!("not TOML: {}", fault.message()));
    }

    /// Notes a problem with a node.
    pub(super) fn refuse<T>(&mut self, node: &Node<'_>, message: impl std::fmt::Display) -> Option<T> {
        self.problem(node.at, &node.key, message);
        None
    }

    /// The value when nothing was wrong, else one error with a line for each problem, in the file's order.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T> {
        let path = self.path;
        self.examined(value).map_err(|problems| {
            let more = problems.len().saturating_sub(PROBLEMS_TOLD);
            let shown = problems.iter().take(PROBLEMS_TOLD);
            let mut lines: Vec<String> = shown.map(|problem| problem.in_file(path).to_string()).collect();
            if more > 0 {
                lines.push(format!("{}: and {more} more", path.display()));
            }
            Error::new(ErrorKind::Profile, lines.join("\n"))
        })
    }

    /// The value when nothing was wrong, else every problem, in the file's order.
    pub(super) fn examined<T>(mut self, value: Option<T>) -> Result<T, Vec<Problem>> {
        self.problems.sort_by_key(|(at, _)| *at);
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems.into_iter().map(|(_, problem)| problem).collect()),
        }
    }

    pub(super) fn string(&mut self, node: &Node<'_>) -> Option<String> {
        match node.value {
            DeValue::String(text) => Some(text.to_string()),
            _ => self.wrong_type(node, "a string"),
        }
    }

    /// A string that says something.
    pub(super) fn name(&mut self, node: &Node<'_>) -> Option<String> {
        let text = self.string(node)?;
        if text.trim().is_empty() { self.refuse(node, "is empty") } else { Some(text) }
    }

    pub(super) fn boolean(&mut self, node: &Node<'_>) -> Option<bool> {
        match node.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type(node, "true or false"),
        }
    }

    pub(super) fn integer(&mut self, node: &Node<'_>) -> Option<i64> {
        let DeValue::Integer(value) = node.value else { return self.wrong_type(node, "a whole number") };
        match i64::from_str_radix(value.as_str(), value.radix()) {
            Ok(value) => Some(value),
            Err(_) => self.refuse(node, "is too large a number"),
        }
    }

    /// A whole number of at least 1.
    pub(super) fn count(&mut self, node: &Node<'_>) -> Option<u64> {
        let value = self.integer(node)?;
        match u64::try_from(value) {
            Ok(value) if value >= 1 => Some(value),
            _ => self.refuse(node, format!("is {value}; at least 1 is needed")),
        }
    }

    /// A number from 0 to 100.
    pub(super) fn percentage(&mut self, node: &Node<'_>) -> Option<f64> {
        let written = match node.value {
            DeValue::Integer(_) => self.integer(node)?.to_string(),
            DeValue::Float(value) => value.as_str().to_owned(),
            _ => return self.wrong_type(node, "a number from 0 to 100"),
        };
        match written.parse::<f64>() {
            Ok(value) if (0.0..=100.0).contains(&value) => Some(value),
            _ => self.refuse(node, format!("is {written}; a number from 0 to 100 is needed")),
        }
    }

    /// A list of non-empty strings, each with its place; a single string is a list of one.
    pub(super) fn names(&mut self, node: &Node<'d>) -> Vec<(String, Node<'d>)> {
        let elements: Vec<Node<'d>> = match node.value {
            DeValue::Array(elements) => elements
                .iter()
                .map(|element| Node { key: node.key.clone(), at: element.span().start, value: element.get_ref() })
                .collect(),
            DeValue::String(_) => vec![node.clone()],
            _ => {
                self.wrong_type::<()>(node, "a list of strings");
                return Vec::new();
            }
        };
        elements.into_iter().filter_map(|element| self.name(&element).map(|name| (name, element))).collect()
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, node: &Node<'_>, allowed: &[(&'static str, T)]) -> Option<T> {
        let text = self.string(node)?;
        match allowed.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Some(*value),
            None => {
                let hint = did_you_mean(&text, allowed.iter().map(|(word, _)| *word));
                let words: Vec<String> = allowed.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                self.refuse(node, format!("\"{}\" is not allowed{hint} ({})", shown(&text), words.join(", ")))
            }
        }
    }

    pub(super) fn section(&mut self, node: &Node<'d>) -> Option<Section<'d>> {
        match node.value {
            DeValue::Table(table) => Some(Section::new(node.key.clone(), node.at, table)),
            _ => self.wrong_type(node, "a table"),
        }
    }

    pub(super) fn wrong_type<T>(&mut self, node: &Node<'_>, needed: &str) -> Option<T> {
        let is = match node.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.refuse(node, format!("is {is}; {needed} is needed"))
    }
}

impl<'d> Section<'d> {
    pub(super) fn new(key: String, at: usize, table: &'d DeTable<'d>) -> Self {
        Self { key, at, table, known: Vec::new() }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Takes a known key.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node<'d>> {
        self.known.push(name);
        self.entries().find(|(key, _)| key.get_ref() == name).map(|(_, value)| self.node(name, value))
    }

    /// Every entry with the name it is written under, in the file's order; for sections whose keys are names.
    pub(super) fn named(&self) -> Vec<(String, Node<'d>)> {
        let mut all: Vec<_> = self
            .entries()
            .map(|(key, value)| (key.span().start, key.get_ref().to_string(), self.node(key.get_ref(), value)))
            .collect();
        all.sort_by_key(|(at, ..)| *at);
        all.into_iter().map(|(_, name, node)| (name, node)).collect()
    }

    /// Complains about every key that was not taken. A table under an unknown key is, in a section that belongs to
    /// one table of the database, most likely a schema-qualified name that lacks its quotes.
    pub(super) fn finish(self, checker: &mut Checker<'d>, qualified: Option<&str>) {
        let unknown = self.entries().filter(|(key, _)| !self.known.contains(&key.get_ref().as_ref()));
        for (key, value) in unknown {
            let name = key.get_ref();
            let path = self.child_key(name);
            if let (Some(table), DeValue::Table(_)) = (qualified, value.get_ref()) {
                let quoted = toml_text::string(&format!("{table}.{name}"));
                checker.problem(
                    key.span().start,
                    &path,
                    format!("unknown key; a table of another schema is written in quotes: {quoted}"),
                );
                continue;
            }
            let hint = did_you_mean(name, self.known.iter().copied());
            let known = if self.known.is_empty() { "none is known here".to_owned() } else { self.known.join(", ") };
            checker.problem(key.span().start, &path, format!("unknown key{hint} ({known})"));
        }
    }

    fn entries(&self) -> impl Iterator<Item = (&'d Spanned<std::borrow::Cow<'d, str>>, &'d Spanned<DeValue<'d>>)> {
        self.table.iter()
    }

    fn node(&self, name: &str, value: &'d Spanned<DeValue<'d>>) -> Node<'d> {
        Node { key: self.child_key(name), at: value.span().start, value: value.get_ref() }
    }

    fn child_key(&self, name: &str) -> String {
        let name = toml_text::key(name);
        if self.key.is_empty() { name } else { format!("{}.{name}", self.key) }
    }
}

/// The elements of an array of tables (or a list of inline tables).
pub(super) fn elements<'d>(checker: &mut Checker<'d>, node: &Node<'d>) -> Vec<Node<'d>> {
    let DeValue::Array(elements) = node.value else {
        checker.wrong_type::<()>(node, &format!("a list of tables, written [[{}]],", node.key));
        return Vec::new();
    };
    let indexed = |(index, element): (usize, &'d Spanned<DeValue<'d>>)| {
        let span: Range<usize> = element.span();
        Node { key: format!("{}[{index}]", node.key), at: span.start, value: element.get_ref() }
    };
    elements.iter().enumerate().map(indexed).collect()
}

/// `; did you mean X?`, or nothing.
pub(super) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Text of the profile quoted in a message: on one line and not endless.
pub(super) fn shown(text: &str) -> String {
    let mut line: String = toml_text::comment(text).chars().take(60).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}

/// Line and column of a byte offset, both from 1, the column in characters.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
