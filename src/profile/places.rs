//! Where in the file each key of a profile stands, for messages of those who find later that it does not fit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::document::position;
use super::toml_text;

/// The file's text with the places of its keys. A key is a path, `["columns", "users", "email"]`; the elements of a
/// list are `[0]`, `[1]`, ….
#[derive(Clone, Debug, Default)]
pub struct Places {
    text: Arc<str>,
    spans: BTreeMap<Vec<String>, Spans>,
}

#[derive(Clone, Debug)]
pub(super) struct Spans {
    pub(super) key: Range<usize>,
    /// Of a table with a header of its own: the header.
    pub(super) value: Range<usize>,
    pub(super) is_table: bool,
}

impl Places {
    pub(super) fn of(text: &str, document: &DeTable<'_>) -> Self {
        let mut places = Self { text: Arc::from(text), spans: BTreeMap::new() };
        places.add_table(&mut Vec::new(), document);
        places
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of the key, both from 1; where it is not written, of the nearest key above it that is.
    pub fn key(&self, path: &[&str]) -> Option<(usize, usize)> {
        let (spans, _) = self.nearest(path)?;
        Some(position(&self.text, spans.key.start))
    }

    /// As [`Self::key`], of what the key says.
    pub fn value(&self, path: &[&str]) -> Option<(usize, usize)> {
        let (spans, exact) = self.nearest(path)?;
        let start = if exact && !spans.is_table { spans.value.start } else { spans.key.start };
        Some(position(&self.text, start))
    }

    /// The key is written.
    pub fn has(&self, path: &[&str]) -> bool {
        self.spans(path).is_some()
    }

    /// What the file says for this key, as it is written there.
    pub fn written(&self, path: &[&str]) -> Option<&str> {
        let spans = self.spans(path)?;
        if spans.is_table && !self.text[spans.value.clone()].starts_with('{') {
            return None;
        }
        self.text.get(spans.value.clone())
    }

    pub(super) fn spans(&self, path: &[&str]) -> Option<&Spans> {
        self.spans.get(&owned(path))
    }

    /// Everything at and below this key.
    pub(super) fn below<'a>(&'a self, path: &[&str]) -> impl Iterator<Item = (&'a [String], &'a Spans)> {
        let start = owned(path);
        self.spans
            .range(start.clone()..)
            .take_while(move |(path, _)| path.starts_with(&start))
            .map(|(path, spans)| (path.as_slice(), spans))
    }

    /// Everything.
    pub(super) fn all(&self) -> impl Iterator<Item = (&[String], &Spans)> {
        self.spans.iter().map(|(path, spans)| (path.as_slice(), spans))
    }

    fn nearest(&self, path: &[&str]) -> Option<(&Spans, bool)> {
        let found = (1..=path.len()).rev().find_map(|length| Some((length, self.spans(&path[..length])?)))?;
        Some((found.1, found.0 == path.len()))
    }

    fn add_table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.add(path, key.span(), value.span(), value.get_ref());
            path.pop();
        }
    }

    fn add(&mut self, path: &mut Vec<String>, key: Range<usize>, span: Range<usize>, value: &DeValue<'_>) {
        let is_table = matches!(value, DeValue::Table(_));
        self.spans.insert(path.clone(), Spans { key, value: span, is_table });
        match value {
            DeValue::Table(table) => self.add_table(path, table),
            DeValue::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    path.push(format!("[{index}]"));
                    self.add(path, element.span(), element.span(), element.get_ref());
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|part| (*part).to_owned()).collect()
}

/// `columns."audit.events".id`, `references[0].table`: the key as TOML would write it.
pub fn dotted(path: &[&str]) -> String {
    let mut text = String::new();
    for part in path {
        let index = part.starts_with('[') && part.ends_with(']');
        if !text.is_empty() && !index {
            text.push('.');
        }
        text.push_str(&if index { (*part).to_owned() } else { toml_text::key(part) });
    }
    text
}
