//! Changes to a profile's text that leave every other byte of it as it is: comments, order, spacing, line ends.
//!
//! Text is only ever put in, never taken out: what is no longer wanted is commented out. Whether the result says what
//! it should is asked of the parser afterwards, so a way of writing that is not foreseen here ends as an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use super::places::{Places, Spans};
use super::toml_text;

/// Stands before every line that is commented out.
const GONE: &str = "# gone: ";

/// Unchanged lines shown around a change.
const CONTEXT_LINES: usize = 3;

/// Pending changes to one text.
pub struct Edit<'p> {
    places: &'p Places,
    newline: &'static str,
    /// Texts to put in, by byte offset of the old text.
    inserts: BTreeMap<usize, Vec<String>>,
}

impl<'p> Edit<'p> {
    /// No change yet.
    pub fn new(places: &'p Places) -> Self {
        let newline = if places.text().contains("\r\n") { "\r\n" } else { "\n" };
        Self { places, newline, inserts: BTreeMap::new() }
    }

    /// Nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.inserts.is_empty()
    }

    /// Adds `name = rule` at the end of a section that is there, the comment on the same line where that can be.
    pub fn add(&mut self, section: &[&str], name: &str, rule: &str, comment: &str) -> bool {
        let Some(spans) = self.places.spans(section) else { return false };
        let text = self.places.text();
        let entry = format!("{} = {rule}", toml_text::key(name));
        if text[spans.value.clone()].starts_with('{') {
            return self.add_inline(spans.value.clone(), &entry);
        }
        let children = self.places.below(section).filter(|(path, _)| path.len() == section.len() + 1);
        let last = children.filter(|(_, child)| !self.has_header(child)).max_by_key(|(_, child)| child.key.start);
        let (at, prefix) = match last {
            Some((path, child)) => {
                let line = self.line_start(child.key.start);
                (self.end_of(path), text[line..child.key.start].to_owned())
            }
            None => (spans.value.end, String::new()),
        };
        if prefix.contains(['{', '=', '#']) {
            return false;
        }
        let padded = format!("{prefix}{entry}");
        let line = format!("{padded:<43} # {}", toml_text::comment(comment));
        self.insert_line(self.line_end(at), &line);
        true
    }

    fn add_inline(&mut self, table: Range<usize>, entry: &str) -> bool {
        let text = self.places.text();
        let Some(inside) = text[table.clone()].strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return false;
        };
        let at = table.start + 1 + inside.trim_end().len();
        let started = inside.trim().is_empty() && !self.inserts.contains_key(&at);
        let closed = inside.trim_end().ends_with(',') && !self.inserts.contains_key(&at);
        let comma = if started || closed { " " } else { ", " };
        self.inserts.entry(at).or_default().push(format!("{comma}{entry}"));
        true
    }

    /// Adds lines at the end.
    pub fn append(&mut self, lines: &[String]) {
        for line in lines {
            self.insert_line(self.places.text().len(), line);
        }
    }

    /// Comments out a key with all that it holds as gone; `false` where something else stands on the same lines.
    pub fn comment_out(&mut self, path: &[&str]) -> bool {
        self.comment_out_as(path, GONE)
    }

    /// As [`Self::comment_out`], with a mark of its own before each line: `# gone: `.
    pub fn comment_out_as(&mut self, path: &[&str], mark: &str) -> bool {
        let mut lines = BTreeSet::new();
        for (_, spans) in self.places.below(path) {
            lines.extend(self.lines_of(&spans.key));
            lines.extend(self.lines_of(&spans.value));
        }
        let apart = |other: &[String]| {
            let shared = other.iter().map(String::as_str).zip(path.iter().copied()).take_while(|(a, b)| a == b).count();
            shared < path.len() && shared < other.len()
        };
        let foreign = self.places.all().filter(|(other, _)| apart(other));
        let mut foreign = foreign.flat_map(|(_, spans)| self.lines_of(&spans.key).chain(self.lines_of(&spans.value)));
        if lines.is_empty() || foreign.any(|line| lines.contains(&line)) {
            return false;
        }
        for line in lines {
            let texts = self.inserts.entry(line).or_default();
            if !texts.iter().any(|text| text == mark) {
                texts.push(mark.to_owned());
            }
        }
        true
    }

    /// The text with all changes.
    pub fn text(&self) -> String {
        let old = self.places.text();
        let mut new = String::with_capacity(old.len() + 80 * self.inserts.len());
        let mut done = 0;
        for (at, texts) in &self.inserts {
            new.push_str(&old[done..*at]);
            done = *at;
            texts.iter().for_each(|text| new.push_str(text));
        }
        new.push_str(&old[done..]);
        new
    }

    /// The changes as a unified difference.
    pub fn diff(&self, path: &Path) -> String {
        let changes = self.changed_lines();
        let mut text = format!("--- {0}\n+++ {0}\n", path.display());
        let mut at = 0;
        while let Some(first) = (at..changes.len()).find(|line| changes[*line].is_change()) {
            let from = first.saturating_sub(CONTEXT_LINES).max(at);
            let mut last = first;
            while let Some(next) = (last + 1..changes.len())
                .take_while(|line| line - last <= 2 * CONTEXT_LINES)
                .find(|line| changes[*line].is_change())
            {
                last = next;
            }
            let to = (last + 1 + CONTEXT_LINES).min(changes.len());
            hunk(&mut text, &changes, from..to);
            at = to;
        }
        text
    }

    /// Every old line with what becomes of it; the last one is empty and carries what is added at the end.
    fn changed_lines(&self) -> Vec<Changed<'_>> {
        let old = self.places.text();
        let mut changes = Vec::new();
        let mut start = 0;
        for line in old.split_inclusive('\n') {
            let mut changed = Changed { old: Some(line.trim_end_matches(['\r', '\n'])), ..Changed::default() };
            let mut new = String::new();
            let mut done = start;
            for (at, texts) in self.inserts.range(start..start + line.len()) {
                new.push_str(&old[done..*at]);
                done = *at;
                for text in texts {
                    match text.strip_suffix('\n') {
                        Some(whole) if *at == start => changed.before.push(whole.trim_end_matches('\r').to_owned()),
                        _ => new.push_str(text),
                    }
                }
            }
            new.push_str(old[done..start + line.len()].trim_end_matches(['\r', '\n']));
            changed.new = Some(new).filter(|new| Some(new.as_str()) != changed.old);
            changes.push(changed);
            start += line.len();
        }
        let end: String = self.inserts.get(&old.len()).map(|texts| texts.concat()).unwrap_or_default();
        // Where the old text lacks its last line break, the first thing put in behind it is that.
        let torn = !old.is_empty() && !old.ends_with('\n');
        let end = if torn { end.strip_prefix(self.newline).unwrap_or_default() } else { end.as_str() };
        let before = end.lines().map(str::to_owned).collect();
        changes.push(Changed { before, ..Changed::default() });
        changes
    }

    /// Puts in a whole line at a line's start, or at the end of the text.
    fn insert_line(&mut self, at: usize, line: &str) {
        let text = self.places.text();
        let torn = at == text.len() && !text.is_empty() && !text.ends_with('\n') && !self.inserts.contains_key(&at);
        let begin = if torn { self.newline } else { "" };
        let texts = self.inserts.entry(at).or_default();
        // The old line that begins here may have been commented out: its mark stays with it.
        let place = texts.iter().position(|text| text == GONE).unwrap_or(texts.len());
        texts.insert(place, format!("{begin}{line}{}", self.newline));
    }

    /// The key stands in a header, so what follows it belongs to it.
    fn has_header(&self, spans: &Spans) -> bool {
        let line = &self.places.text()[self.line_start(spans.key.start)..spans.key.start];
        spans.is_table && line.trim_start().starts_with('[')
    }

    /// The end of what stands under a key.
    fn end_of(&self, path: &[String]) -> usize {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ends = self.places.below(&path).map(|(_, spans)| spans.value.end.max(spans.key.end));
        ends.max().unwrap_or_default()
    }

    fn line_start(&self, at: usize) -> usize {
        self.places.text()[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The start of the next line.
    fn line_end(&self, at: usize) -> usize {
        let text = self.places.text();
        text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
    }

    /// The starts of the lines that a span touches.
    fn lines_of(&self, span: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let text = self.places.text();
        let inner = text[span.clone()].match_indices('\n').map(|(at, _)| span.start + at + 1);
        let lines: Vec<usize> = std::iter::once(self.line_start(span.start)).chain(inner).collect();
        lines.into_iter()
    }
}

/// What becomes of an old line.
#[derive(Default)]
struct Changed<'a> {
    /// New lines before it.
    before: Vec<String>,
    /// The line; `None` behind the last one.
    old: Option<&'a str>,
    /// What it turns into, where that differs.
    new: Option<String>,
}

impl Changed<'_> {
    fn is_change(&self) -> bool {
        !self.before.is_empty() || self.new.is_some()
    }
}

fn hunk(text: &mut String, changes: &[Changed<'_>], range: Range<usize>) {
    let old_lines = |part: &[Changed<'_>]| part.iter().filter(|change| change.old.is_some()).count();
    let new_lines = |part: &[Changed<'_>]| part.iter().map(|c| c.before.len()).sum::<usize>() + old_lines(part);
    let (before, part) = (&changes[..range.start], &changes[range]);
    let start = |lines: usize, count: usize| if count == 0 { lines } else { lines + 1 };
    let (olds, news) = (old_lines(part), new_lines(part));
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "@@ -{},{olds} +{},{news} @@", start(old_lines(before), olds), start(new_lines(before), news));
    for change in part {
        for line in &change.before {
            let _ = writeln!(text, "+{line}");
        }
        match (change.old, &change.new) {
            (Some(old), None) => {
                let _ = writeln!(text, " {old}");
            }
            (Some(old), Some(new)) => {
                let _ = writeln!(text, "-{old}\n+{new}");
            }
            (None, _) => {}
        }
    }
}
