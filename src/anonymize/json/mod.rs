//! json: values inside documents, by path. The text is copied as it is but for the values that a rule replaces: order,
//! spacing and repeated keys stay.

mod paths;
mod values;

use super::{Fault, Mask};
use crate::copyfmt::Format;
use paths::Node;
use values::{DateText, quote, unescaped};

const NO_JSON: Fault = Fault("the text is not JSON");
/// Deeper documents are refused rather than half understood.
const DEPTH_AT_MOST: usize = 10_000;

/// Rules by path.
#[derive(Clone, Debug)]
pub(super) struct Documents {
    root: Node,
    rules: Vec<Leaf>,
    /// What becomes of values that no path names.
    default: usize,
}

/// One rule, compiled for what JSON has.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// For strings; and for numbers where there is no `number`.
    pub(super) text: Option<Mask>,
    pub(super) number: Option<Mask>,
    /// `number` takes whole ones only.
    pub(super) is_whole: bool,
    pub(super) dates: Option<Dates>,
    pub(super) kind: LeafKind,
    /// Where its columns begin among those of the document.
    pub(super) beside: usize,
}

/// A rule for dates, as the types of columns have them.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    /// `None` where the rule leaves dates without a time as they are.
    pub(super) date: Option<Mask>,
    pub(super) timestamp: Mask,
    pub(super) timestamptz: Mask,
}

/// Rules that do the same to every kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafKind {
    Keep,
    Null,
    Mask,
}

/// Where the reader is: inside which container, and what its rules say.
struct Frame<'n> {
    is_object: bool,
    node: Option<&'n Node>,
    /// A rule on the container itself, or further out.
    rule: Option<usize>,
}

impl Documents {
    /// `default` and then the rules of `paths`, in order, are `rules`.
    pub(super) fn new<'p>(paths: impl Iterator<Item = &'p str>, rules: Vec<Leaf>) -> Result<Self, String> {
        let mut root = Node::default();
        for (nth, path) in paths.enumerate() {
            let node = root.at(path)?;
            if node.rule.replace(nth + 1).is_some() {
                return Err(format!("the path {path:?} stands there twice"));
            }
        }
        Ok(Self { root: Node::resolved(&[&root]), rules, default: 0 })
    }

    /// Appends the document with its values masked.
    pub(super) fn apply(&self, value: &[u8], beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut reader = Reader { value, at: 0, copied: 0, scratch: Vec::new(), masked: Vec::new() };
        let mut stack: Vec<Frame<'_>> = Vec::new();
        let mut here = (Some(&self.root), self.root.rule);
        loop {
            // A value, and then whatever closes behind it.
            reader.space();
            match reader.peek()? {
                open @ (b'{' | b'[') => {
                    reader.at += 1;
                    if stack.len() == DEPTH_AT_MOST {
                        return Err(Fault("the document is nested too deeply"));
                    }
                    let is_object = open == b'{';
                    stack.push(Frame { is_object, node: here.0, rule: here.1 });
                    reader.space();
                    if !reader.skip(if is_object { b'}' } else { b']' }) {
                        here = self.next(&mut reader, &stack)?;
                        continue;
                    }
                    stack.pop();
                }
                _ => {
                    let leaf = &self.rules[here.1.unwrap_or(self.default)];
                    reader.scalar(leaf, beside, out)?;
                }
            }
            loop {
                reader.space();
                let Some(frame) = stack.last() else {
                    return if reader.at == value.len() { reader.copy(reader.at, out) } else { Err(NO_JSON) };
                };
                if reader.skip(b',') {
                    here = self.next(&mut reader, &stack)?;
                    break;
                }
                if !reader.skip(if frame.is_object { b'}' } else { b']' }) {
                    return Err(NO_JSON);
                }
                stack.pop();
            }
        }
    }

    /// Reads the key of the next value, if it has one, and looks up its place.
    fn next<'n>(
        &'n self,
        reader: &mut Reader<'_>,
        stack: &[Frame<'n>],
    ) -> Result<(Option<&'n Node>, Option<usize>), Fault> {
        let Some(frame) = stack.last() else { return Ok((None, None)) };
        let node = if frame.is_object {
            reader.space();
            let (from, to) = reader.string()?;
            reader.space();
            if !reader.skip(b':') {
                return Err(NO_JSON);
            }
            frame.node.and_then(|node| {
                let raw = &reader.value[from..to];
                let own = if raw.contains(&b'\\') { node.key(&unescaped(raw)) } else { node.key(raw) };
                own.or(node.any.as_deref())
            })
        } else {
            frame.node.and_then(|node| node.elements.as_deref())
        };
        Ok((node, node.and_then(|node| node.rule).or(frame.rule)))
    }
}

struct Reader<'v> {
    value: &'v [u8],
    at: usize,
    /// All before it has been written.
    copied: usize,
    scratch: Vec<u8>,
    masked: Vec<u8>,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.value.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, Fault> {
        self.value.get(self.at).copied().ok_or(NO_JSON)
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.value.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn copy(&mut self, to: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(self.value.get(self.copied..to).ok_or(NO_JSON)?);
        self.copied = to;
        Ok(())
    }

    /// Passes a string; where its inside begins and ends.
    fn string(&mut self) -> Result<(usize, usize), Fault> {
        if !self.skip(b'"') {
            return Err(NO_JSON);
        }
        let from = self.at;
        loop {
            let found = memchr::memchr2(b'"', b'\\', self.value.get(self.at..).ok_or(NO_JSON)?).ok_or(NO_JSON)?;
            self.at += found;
            if self.value[self.at] == b'"' {
                self.at += 1;
                return Ok((from, self.at - 1));
            }
            self.at += 2;
        }
    }

    /// Masks a string, number, boolean or null.
    fn scalar(&mut self, leaf: &Leaf, beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = self.at;
        let is_string = self.peek()? == b'"';
        let (from, to) = if is_string {
            self.string()?
        } else {
            let rest = &self.value[start..];
            let length = rest.iter().position(|byte| b",]} \t\n\r".contains(byte)).unwrap_or(rest.len());
            self.at = start + length;
            (start, self.at)
        };
        let raw = &self.value[from..to];
        let is_number = raw.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        if !is_string && !is_number && !matches!(raw, b"true" | b"false" | b"null") {
            return Err(NO_JSON);
        }
        if leaf.kind == LeafKind::Keep || (!is_string && raw == b"null") {
            return Ok(());
        }
        self.copy(start, out)?;
        self.copied = self.at;
        self.masked.clear();
        if is_string && raw.contains(&b'\\') {
            self.scratch = unescaped(raw);
        } else {
            self.scratch.clear();
            self.scratch.extend_from_slice(raw);
        }
        let some = match leaf.kind {
            LeafKind::Null => false,
            _ if is_string => leaf.string(&self.scratch, beside, &mut self.masked)?,
            _ if is_number => leaf.number(&self.scratch, beside, &mut self.masked)?,
            _ => {
                // A boolean says little, but what it says is somebody's.
                out.extend_from_slice(b"false");
                return Ok(());
            }
        };
        if !some {
            out.extend_from_slice(b"null");
        } else if is_number && values::is_number(&self.masked) {
            out.extend_from_slice(&self.masked);
        } else {
            quote(&self.masked, out);
        }
        Ok(())
    }
}

/// How often a digit is drawn again that a number cannot begin with.
const DRAWS: usize = 64;

impl Leaf {
    /// Appends the mask of a string; false where nothing of it may remain: the rule is for something else.
    fn string(&self, text: &[u8], beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<bool, Fault> {
        let beside = beside.get(self.beside..).unwrap_or_default();
        match (&self.text, &self.dates) {
            (Some(mask), _) => mask.apply_beside(text, beside, Format::Text, out),
            (None, Some(dates)) => Ok(dates.apply(text, beside, out)),
            (None, None) => Ok(false),
        }
    }

    fn number(&self, raw: &[u8], beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<bool, Fault> {
        let beside = beside.get(self.beside..).unwrap_or_default();
        let Some(plain) = values::plain(raw) else { return Ok(false) };
        match (&self.text, &self.number) {
            (_, Some(_))
                if self.is_whole && std::str::from_utf8(&plain).map_or(true, |n| n.parse::<i64>().is_err()) =>
            {
                Ok(false)
            }
            (_, Some(mask)) => mask.apply_beside(&plain, beside, Format::Text, out),
            (Some(mask), None) => {
                let some = mask.apply_beside(&plain, beside, Format::Text, out)?;
                // A permutation leads back to a number in the end: the one that was there is none with a 0 before it.
                for _ in 0..DRAWS {
                    if !mask.is_permutation() || values::is_number(out) {
                        break;
                    }
                    let drawn = std::mem::take(out);
                    mask.apply_beside(&drawn, beside, Format::Text, out)?;
                }
                Ok(some)
            }
            (None, None) => Ok(false),
        }
    }
}

impl Dates {
    /// Appends the mask of a date or moment; false where the text is none.
    fn apply(&self, text: &[u8], beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> bool {
        let Some(form) = DateText::read(text) else { return false };
        let mask = match form.separator {
            None => self.date.as_ref(),
            Some(_) if form.zone.is_empty() => Some(&self.timestamp),
            Some(_) => Some(&self.timestamptz),
        };
        let Some(mask) = mask else {
            out.extend_from_slice(text);
            return true;
        };
        let mut printed = Vec::with_capacity(32);
        // It has the form of a date, but no calendar has it.
        let some = mask.apply_beside(text, beside, Format::Text, &mut printed).unwrap_or(false);
        if some {
            form.write(&printed, out);
        }
        some
    }
}
