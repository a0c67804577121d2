//! Keys of documents, which rules for their values leave as they are.

use std::collections::HashSet;
use std::ops::Range;

use super::unescape::unescape;

enum Part {
    Opens,
    Closes,
    Key(Range<usize>),
}

/// Gives where each key stands in the text of a JSON document or an hstore, without its quotes.
pub fn each_key(text: &[u8], give: &mut dyn FnMut(Range<usize>)) {
    walk(text, &mut |part| {
        if let Part::Key(at) = part {
            give(at);
        }
    });
}

/// Keys of a JSON document, equal ones of one object once: fewer than before where some became equal.
pub fn count_keys(json: &[u8]) -> usize {
    let (mut open, mut count, mut plain) = (Vec::<HashSet<Vec<u8>>>::new(), 0, Vec::new());
    walk(json, &mut |part| match part {
        Part::Opens => open.push(HashSet::new()),
        Part::Closes => drop(open.pop()),
        Part::Key(at) => {
            plain.clear();
            unescape(&json[at], &mut plain, None);
            let is_new = open.last_mut().is_none_or(|keys| keys.insert(plain.clone()));
            count += usize::from(is_new);
        }
    });
    count
}

fn walk(text: &[u8], give: &mut dyn FnMut(Part)) {
    let mut at = 0;
    while let Some(length) = memchr::memchr3(b'"', b'{', b'}', &text[at..]) {
        let start = at + length + 1;
        at = start;
        match text[start - 1] {
            b'{' => give(Part::Opens),
            b'}' => give(Part::Closes),
            _ => {
                let end = end_of_string(text, start);
                at = text.len().min(end + 1);
                let next = text[at..].trim_ascii_start();
                if next.starts_with(b":") || next.starts_with(b"=>") {
                    give(Part::Key(start..end));
                }
            }
        }
    }
}

/// Where the quote stands that closes a string.
pub(super) fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(length) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += length;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_and_nothing_else() {
        let keys = |text: &str| {
            let mut found = Vec::new();
            each_key(text.as_bytes(), &mut |at| found.push(text[at].to_owned()));
            found.join("|")
        };
        assert_eq!(keys(r#"{"a" : {"b\"{": ["c", {"d": "e:"}]}, "f":"g" , "h":1}"#), r#"a|b\"{|d|f|h"#);
        assert_eq!(keys(r#""ann@x.de"=>"a", "b"=>NULL"#), "ann@x.de|b");
        for text in ["", "1", r#""a""#, r#"["a","b"]"#, r#"{"a"#, r#"{"a\"#, r#"{"a""#] {
            assert_eq!(keys(text), "", "{text}");
        }
    }

    #[test]
    fn keys_that_become_one_are_counted_once() {
        assert_eq!(count_keys(br#"{"a": {"a": 1, "b": 2}, "b": [{"a": 1}, {"a": "{\"a\":"}]}"#), 6);
        assert_eq!(count_keys(br#"{"a": 1, "\u0061": 2, "b": {"a": 1}}"#), 3);
    }
}
