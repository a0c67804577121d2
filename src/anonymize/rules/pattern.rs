//! regex: a text that a regular expression matches.

use std::collections::HashSet;

use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind};

use crate::digest::Stream;

/// How often `*`, `+` and `{n,}` repeat at most, beyond the least.
const REPEATS_BEYOND: u32 = 8;
/// Characters of a result at most: nested repetitions multiply.
const CHARS_AT_MOST: usize = 10_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Pattern {
    root: Node,
    most: usize,
}

#[derive(Clone, Debug)]
enum Node {
    Nothing,
    Text(String),
    /// Ranges of characters, and how many they are together.
    Class(Vec<(char, char)>, u32),
    Repeat(Box<Node>, u32, u32),
    Sequence(Vec<Node>),
    OneOf(Vec<Node>),
}

impl Pattern {
    /// What is wrong with the pattern, otherwise.
    pub(in crate::anonymize) fn compile(pattern: &str) -> Result<Self, String> {
        let parsed = regex_syntax::ParserBuilder::new().nest_limit(50).build().parse(pattern);
        let hir = parsed.map_err(|fault| format!("the pattern is no regular expression: {}", first_line(&fault)))?;
        let root = node(&hir)?;
        let most = most_chars(&root);
        if most > CHARS_AT_MOST {
            return Err(format!("the pattern's results may have {most} characters; {CHARS_AT_MOST} are possible"));
        }
        Ok(Self { root, most })
    }

    pub(in crate::anonymize) fn most_chars(&self) -> usize {
        self.most
    }

    /// Bits of a digest that every result shows, also where case does not count; 0 where two draws may give one text.
    pub(in crate::anonymize) fn bits(&self, caseless: bool) -> f64 {
        bits(&self.root, caseless).unwrap_or(0.0)
    }

    pub(super) fn draw(&self, stream: &mut Stream, out: &mut Vec<u8>) {
        draw(&self.root, stream, out);
    }
}

/// The library's messages draw the pattern over several lines; the last one says what is wrong.
fn first_line(fault: &regex_syntax::Error) -> String {
    let text = fault.to_string();
    let line = text.lines().rev().find(|line| line.starts_with("error: ")).unwrap_or(&text);
    line.trim_start_matches("error: ").to_owned()
}

fn node(hir: &Hir) -> Result<Node, String> {
    Ok(match hir.kind() {
        HirKind::Empty => Node::Nothing,
        // `^` and `$` hold for the whole text, `\b` where it is meant to.
        HirKind::Look(_) => Node::Nothing,
        HirKind::Literal(literal) => {
            let text = String::from_utf8(literal.0.to_vec()).map_err(|_| "the pattern makes bytes that are no text")?;
            Node::Text(text)
        }
        HirKind::Class(Class::Unicode(class)) => {
            // `\d` and `\w` know all of Unicode, but forms and columns expect what is meant by them.
            let plain = |range: &ClassUnicodeRange| (range.start().max(' '), range.end().min('~'));
            let mut ranges: Vec<(char, char)> =
                class.ranges().iter().map(plain).filter(|(start, end)| start <= end).collect();
            if ranges.is_empty() {
                ranges = class.ranges().iter().filter_map(|range| printable(range.start(), range.end())).collect();
            }
            let count = ranges.iter().map(|(start, end)| size(*start, *end)).sum();
            if count == 0 {
                return Err("the pattern has a class without printable characters".to_owned());
            }
            Node::Class(ranges, count)
        }
        HirKind::Class(Class::Bytes(_)) => return Err("the pattern makes bytes that are no text".to_owned()),
        HirKind::Repetition(repeat) => {
            let most = repeat.max.unwrap_or(repeat.min.saturating_add(REPEATS_BEYOND));
            Node::Repeat(Box::new(node(&repeat.sub)?), repeat.min, most)
        }
        HirKind::Capture(capture) => node(&capture.sub)?,
        HirKind::Concat(parts) => Node::Sequence(parts.iter().map(node).collect::<Result<_, _>>()?),
        HirKind::Alternation(parts) => Node::OneOf(parts.iter().map(node).collect::<Result<_, _>>()?),
    })
}

/// Where the surrogates' code points, which are no characters, end and begin.
const GAP: char = '\u{e000}';
const BEFORE_GAP: char = '\u{d7ff}';

/// `.` and `[^x]` are nearly all of Unicode: of such ranges only ASCII is drawn.
fn printable(start: char, end: char) -> Option<(char, char)> {
    let is_wide = end as u32 - start as u32 > 0x1000;
    let end = if is_wide { end.min('~') } else { end };
    let spans_gap = start < GAP && end >= GAP;
    let end = if spans_gap { BEFORE_GAP } else { end };
    let start = if start < ' ' && (is_wide || end > ' ') { ' ' } else { start };
    (start <= end && start != '\0').then_some((start, end))
}

/// No range spans the gap of the surrogates: see `printable`.
fn size(start: char, end: char) -> u32 {
    end as u32 - start as u32 + 1
}

fn draw(node: &Node, stream: &mut Stream, out: &mut Vec<u8>) {
    match node {
        Node::Nothing => {}
        Node::Text(text) => out.extend_from_slice(text.as_bytes()),
        Node::Class(ranges, count) => {
            let mut at = stream.below(*count);
            for (start, end) in ranges {
                let size = size(*start, *end);
                if at < size {
                    let character = char::from_u32(*start as u32 + at).unwrap_or(*start);
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    return;
                }
                at -= size;
            }
        }
        Node::Repeat(inner, least, most) => {
            let count = least + stream.below(most - least + 1);
            (0..count).for_each(|_| draw(inner, stream, out));
        }
        Node::Sequence(parts) => parts.iter().for_each(|part| draw(part, stream, out)),
        Node::OneOf(parts) => {
            if let Some(part) = parts.get(stream.below(parts.len() as u32) as usize) {
                draw(part, stream, out);
            }
        }
    }
}

fn most_chars(node: &Node) -> usize {
    match node {
        Node::Nothing => 0,
        Node::Text(text) => text.chars().count(),
        Node::Class(..) => 1,
        Node::Repeat(inner, _, most) => most_chars(inner).saturating_mul(*most as usize),
        Node::Sequence(parts) => parts.iter().fold(0, |sum, part| sum.saturating_add(most_chars(part))),
        Node::OneOf(parts) => parts.iter().map(most_chars).max().unwrap_or(0),
    }
}

/// Bits that a result shows of its draws; `None` where different draws may give the same text.
fn bits(node: &Node, caseless: bool) -> Option<f64> {
    match node {
        Node::Nothing | Node::Text(_) => Some(0.0),
        Node::Class(ranges, _) if caseless => {
            let lower = |letter: char| letter.to_lowercase().collect::<String>();
            let letters: HashSet<String> = ranges.iter().flat_map(|(start, end)| *start..=*end).map(lower).collect();
            Some((letters.len() as f64).log2())
        }
        Node::Class(_, count) => Some(f64::from(*count).log2()),
        Node::Repeat(inner, least, most) if least == most => bits(inner, caseless).map(|bits| bits * f64::from(*least)),
        Node::Repeat(..) | Node::OneOf(_) => None,
        Node::Sequence(parts) => parts.iter().map(|part| bits(part, caseless)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::MaskKey;

    #[test]
    fn results_are_what_the_pattern_says() {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough").domain("regex");
        let run = |pattern: &str, value: u32| {
            let mut out = Vec::new();
            let compiled = Pattern::compile(pattern).unwrap_or_else(|fault| panic!("{fault}"));
            compiled.draw(&mut key.stream(&value.to_be_bytes()), &mut out);
            let text = String::from_utf8(out).expect("UTF-8");
            assert!(text.chars().count() <= compiled.most_chars(), "{pattern} {text}");
            text
        };
        for value in 0..200 {
            let plate = run("[A-Z]{2}-[0-9]{3,4}", value);
            let (letters, digits) = plate.split_once('-').expect("a dash");
            assert!(letters.len() == 2 && letters.bytes().all(|b| b.is_ascii_uppercase()), "{plate}");
            assert!((3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()), "{plate}");
            assert!(["cat", "dog"].contains(&run("^(cat|dog)$", value).as_str()));
            assert!(run(".{5}", value).bytes().all(|b| (b' '..=b'~').contains(&b)));
            assert!(run("[а-я]+", value).chars().all(|c| ('а'..='я').contains(&c)));
            let plain = run("\\d{4}\\w{3,9}\\s[^x]?[0-9٠-٩]", value);
            assert!(plain.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{plain}");
            assert!(plain.bytes().take(4).all(|byte| byte.is_ascii_digit()), "{plain}");
            assert!(run("(?i)ſ|[٠-٩]", value).chars().all(|c| "sSſ٠١٢٣٤٥٦٧٨٩".contains(c)));
        }
        let bits = |pattern: &str, caseless| Pattern::compile(pattern).expect("compiles").bits(caseless);
        assert!(bits("[0-9a-f]{16}", false) >= 63.9 && bits("[0-9a-f]{16}", true) >= 63.9);
        assert_eq!((bits("(a|b)*", false), bits("[aA]{64}", false), bits("[aA]{64}", true)), (0.0, 64.0, 0.0));
        for wrong in ["(", "[z-a]", "((a{1000}){1000}){1000}", "a{5,3}"] {
            assert!(Pattern::compile(wrong).is_err(), "{wrong}");
        }
    }
}
