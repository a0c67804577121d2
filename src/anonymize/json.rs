//! json: values inside documents, by path. The text is copied as it is but for the values that a rule replaces: order,
//! spacing and repeated keys stay.

use super::{Fault, Mask};
use crate::copyfmt::Format;

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

/// A place in a document, and what is below it.
#[derive(Clone, Debug, Default)]
struct Node {
    keys: Vec<(Vec<u8>, Node)>,
    /// `*`: every key that has no place of its own. Once [`Node::resolved`], what it says of the others is theirs too.
    any: Option<Box<Node>>,
    /// `[]`
    elements: Option<Box<Node>>,
    rule: Option<usize>,
}

/// One rule, compiled for what JSON has.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// For strings; and for numbers where there is no `number`.
    pub(super) text: Option<Mask>,
    pub(super) number: Option<Mask>,
    pub(super) kind: LeafKind,
    /// Where its columns begin among those of the document.
    pub(super) beside: usize,
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

impl Node {
    /// `user.email`, `items[].ip`, `*.name`, `[].x`; a `\` takes the character behind it as it is: `user\.email` is one
    /// key.
    fn at(&mut self, path: &str) -> Result<&mut Self, String> {
        let mut node = self;
        for (nth, part) in parts(path).into_iter().enumerate() {
            let mut name = part;
            while let Some(shorter) = name.strip_suffix("[]").filter(|shorter| !is_escaped(name, shorter.len())) {
                name = shorter;
            }
            let elements = (part.len() - name.len()) / 2;
            if name.is_empty() && (nth > 0 || elements == 0) {
                return Err(format!("the path {path:?} has a part without a name"));
            }
            if !name.is_empty() {
                node = match name {
                    "*" => node.any.get_or_insert_default(),
                    _ => node.named(key(name).ok_or_else(|| format!("the path {path:?} ends in a \\"))?),
                };
            }
            for _ in 0..elements {
                node = node.elements.get_or_insert_default();
            }
        }
        Ok(node)
    }

    fn named(&mut self, name: Vec<u8>) -> &mut Self {
        let at = self.keys.iter().position(|(own, _)| *own == name).unwrap_or_else(|| {
            self.keys.push((name, Self::default()));
            self.keys.len() - 1
        });
        &mut self.keys[at].1
    }

    /// The place that all of `nodes` describe. What an earlier one says goes before what a later one does, and a key's
    /// own name before `*`.
    fn resolved(nodes: &[&Self]) -> Self {
        let all = |part: fn(&Self) -> Option<&Self>| {
            let parts: Vec<&Self> = nodes.iter().filter_map(|node| part(node)).collect();
            (!parts.is_empty()).then(|| Box::new(Self::resolved(&parts)))
        };
        let mut names: Vec<&[u8]> = nodes.iter().flat_map(|node| &node.keys).map(|(name, _)| name.as_slice()).collect();
        names.sort_unstable();
        names.dedup();
        let keys = names.into_iter().map(|name| {
            let places = nodes.iter().flat_map(|node| [node.key(name), node.any.as_deref()]);
            (name.to_vec(), Self::resolved(&places.flatten().collect::<Vec<_>>()))
        });
        Self {
            keys: keys.collect(),
            any: all(|node| node.any.as_deref()),
            elements: all(|node| node.elements.as_deref()),
            rule: nodes.iter().find_map(|node| node.rule),
        }
    }

    fn key(&self, name: &[u8]) -> Option<&Self> {
        self.keys.iter().find(|(own, _)| own == name).map(|(_, node)| node)
    }
}

/// A path cut at its dots.
fn parts(path: &str) -> Vec<&str> {
    let dots = path.match_indices('.').map(|(at, _)| at).filter(|at| !is_escaped(path, *at));
    let mut start = 0;
    let mut parts: Vec<&str> = dots.map(|at| &path[std::mem::replace(&mut start, at + 1)..at]).collect();
    parts.push(&path[start..]);
    parts
}

/// An odd number of backslashes stands before that place.
fn is_escaped(text: &str, at: usize) -> bool {
    text.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The key that a part of a path names; `None` where its last backslash has nothing behind it.
fn key(name: &str) -> Option<Vec<u8>> {
    let (mut key, mut signs) = (String::with_capacity(name.len()), name.chars());
    while let Some(sign) = signs.next() {
        key.push(if sign == '\\' { signs.next()? } else { sign });
    }
    Some(key.into_bytes())
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
        let beside = beside.get(leaf.beside..).unwrap_or_default();
        let some = match (leaf.kind, &leaf.text, &leaf.number) {
            (LeafKind::Null, ..) => false,
            _ if !is_string && !is_number => {
                // A boolean says little, but what it says is somebody's.
                out.extend_from_slice(b"false");
                return Ok(());
            }
            (_, _, Some(mask)) if is_number => mask.apply_beside(raw, beside, Format::Text, &mut self.masked)?,
            (_, Some(mask), _) => {
                if is_string && raw.contains(&b'\\') {
                    self.scratch = unescaped(raw);
                } else {
                    self.scratch.clear();
                    self.scratch.extend_from_slice(raw);
                }
                mask.apply_beside(&self.scratch, beside, Format::Text, &mut self.masked)?
            }
            // The rule is for numbers, and this is none.
            _ => false,
        };
        if !some {
            out.extend_from_slice(b"null");
        } else if is_number && is_json_number(&self.masked) {
            out.extend_from_slice(&self.masked);
        } else {
            quote(&self.masked, out);
        }
        Ok(())
    }
}

fn is_json_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let leads_with_zero = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    !leads_with_zero && digits.first().is_some_and(u8::is_ascii_digit) && serde_json::from_slice::<f64>(text).is_ok()
}

/// Undoes the escapes of a string. Code points that are no characters become U+FFFD.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    let hex = |at: usize| {
        let digits = std::str::from_utf8(raw.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    while let Some(byte) = raw.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let escape = raw.get(at).copied().unwrap_or(b'\\');
        at += 1;
        let plain = match escape {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = hex(at).unwrap_or(0xfffd);
                at += 4;
                if (0xd800..0xdc00).contains(&code)
                    && raw.get(at..at + 2) == Some(b"\\u")
                    && let Some(low) = hex(at + 2).filter(|low| (0xdc00..0xe000).contains(low))
                {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
                let character = char::from_u32(code).unwrap_or('\u{fffd}');
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => other,
        };
        out.push(plain);
    }
    out
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
}
