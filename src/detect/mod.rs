//! Personal data and secrets, told by values, names, types and comments. Pure: no connection, no file.
//!
//! [`inspect`] looks at one value; [`Seen`] counts what a column's values showed and keeps none of them; [`judge`] puts
//! that beside what the column's name, type and comment say. Work per value is bounded: a value is cut, every pass goes
//! over it once, nothing backtracks. That nothing was found never means that a column is clean.

mod accounts;
mod contact;
mod kind;
mod moments;
pub mod names;
mod national;
mod nested;
mod network;
mod people;
mod secrets;
mod seen;
mod verdict;
mod words;

pub use kind::{Kind, KindSet};
pub use seen::{Looked, Seen};
pub use verdict::{Confidence, Found, Place, Subject, Verdict, judge};

use contact::Dialled;
use network::Address;

/// Bytes of a value that are looked at.
pub const VALUE_MAX_BYTES: usize = 4096;

/// What one value showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Kinds that the value as a whole is.
    pub whole: KindSet,
    /// Kinds that stand somewhere in it: in prose, in a document.
    pub within: KindSet,
    shape: Shape,
}

/// What is no kind by itself and helps to tell kinds apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shape {
    /// Words, up to a limit.
    words: u8,
    digits: u8,
    letters: bool,
    at: bool,
    document: bool,
    /// A document goes deeper than it is followed.
    too_deep: bool,
    /// Digits alone that could be dialled.
    dialled: bool,
    /// Four small numbers: an address or a version.
    or_version: bool,
    /// The year of a day without a time.
    year: Option<u16>,
}

/// Looks at one value.
pub fn inspect(value: &str) -> Marks {
    let text = cut(value.trim(), VALUE_MAX_BYTES);
    let mut marks = Marks { shape: shape(text), ..Marks::default() };
    if text.starts_with(['{', '[']) && !is_point(text) {
        nested::document(text, &mut marks);
    } else {
        marks.whole = whole(text, &mut marks.shape);
        if marks.whole.is_empty() || marks.shape.words > 1 {
            marks.within = within(text);
        }
    }
    marks
}

/// What two pieces of a long text have in common, so that nothing is cut in two.
const OVERLAP_BYTES: usize = 256;

/// Looks at a text of the schema: prose, or SQL with texts in quotes. Single words name things there, not people.
/// A long text is looked at piece by piece.
pub fn inspect_definition(text: &str) -> KindSet {
    let mut kinds = KindSet::default();
    let mut rest = text;
    loop {
        let piece = cut(rest, VALUE_MAX_BYTES);
        kinds.add_all(inspect_piece(piece));
        if piece.len() == rest.len() {
            return kinds;
        }
        rest = &rest[cut(rest, piece.len().saturating_sub(OVERLAP_BYTES)).len()..];
    }
}

fn inspect_piece(text: &str) -> KindSet {
    let mut kinds = within(text);
    for piece in text.split('\'').take(256) {
        kinds.add_all(whole(piece, &mut shape(piece)));
        kinds.add_all(nested_kinds(piece));
    }
    use Kind::{City, Digest, FirstName, FullName, LastName, PostalCode, Username};
    let names = within(text).has(FullName);
    kinds.remove(&[FirstName, LastName, City, PostalCode, Username, Digest, FullName]);
    if names {
        kinds.add(FullName);
    }
    kinds
}

fn nested_kinds(text: &str) -> KindSet {
    if text.starts_with(['{', '[']) { inspect(text).within } else { KindSet::default() }
}

/// `[13.4, 52.52]`
fn is_point(text: &str) -> bool {
    moments::is_geo(text)
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn shape(text: &str) -> Shape {
    Shape {
        words: text.split_whitespace().take(200).count() as u8,
        digits: text.bytes().filter(u8::is_ascii_digit).take(200).count() as u8,
        letters: text.chars().any(char::is_alphabetic),
        at: text.contains('@'),
        ..Shape::default()
    }
}

/// Kinds that the whole text is.
fn whole(text: &str, shape: &mut Shape) -> KindSet {
    let mut kinds = KindSet::default();
    let mut add = |is: bool, kind| {
        if is {
            kinds.add(kind);
        }
    };
    add(secrets::is_key(text), Kind::Key);
    add(secrets::is_password_hash(text), Kind::PasswordHash);
    add(network::is_user_agent(text), Kind::UserAgent);
    add(network::is_cookie(text), Kind::Cookie);
    add(contact::is_email(text), Kind::Email);
    if shape.words == 1 {
        add(network::holds_url_credentials(text), Kind::UrlCredentials);
        add(secrets::is_digest(text), Kind::Digest);
        add(secrets::is_token(text) && !secrets::is_key(text), Kind::Token);
        add(is_handle(text), Kind::Username);
    }
    add(accounts::is_iban(text), Kind::Iban);
    add(accounts::is_card(text), Kind::Card);
    add(national::national_id(text).is_some(), Kind::NationalId);
    match contact::phone(text) {
        Some(Dialled::Written) => add(true, Kind::Phone),
        Some(Dialled::Digits) => shape.dialled = true,
        None => {}
    }
    match network::ip(text) {
        Some(Address::Ip) => add(true, Kind::Ip),
        Some(Address::OrVersion) => shape.or_version = true,
        None => {}
    }
    add(network::is_mac(text), Kind::Mac);
    add(moments::is_geo(text), Kind::Geo);
    add(is_postal_code(text), Kind::PostalCode);
    shape.year = moments::day_year(text);
    if shape.letters {
        let named = people::named(text);
        add(named.full, Kind::FullName);
        add(named.first, Kind::FirstName);
        add(named.last, Kind::LastName);
        add(named.town, Kind::City);
        add(people::is_address(text), Kind::Address);
    }
    kinds
}

/// Kinds that stand in prose. Numbers count only as people write them: a run of digits in a sentence is anything.
fn within(text: &str) -> KindSet {
    let mut kinds = KindSet::default();
    let mut add = |is: bool, kind| {
        if is {
            kinds.add(kind);
        }
    };
    add(contact::holds_email(text), Kind::Email);
    add(network::holds_url_credentials(text), Kind::UrlCredentials);
    add(secrets::holds_key(text), Kind::Key);
    add(contact::holds_phone(text), Kind::Phone);
    add(text.contains("Mozilla/5.0 ("), Kind::UserAgent);
    let words: Vec<&str> = secrets::words(text).map(|word| word.trim_end_matches(['.', ':', '!', '?'])).collect();
    for word in &words {
        add(network::ip(word) == Some(Address::Ip), Kind::Ip);
        add(network::is_mac(word), Kind::Mac);
        add(secrets::is_password_hash(word), Kind::PasswordHash);
        add(secrets::is_token(word) && !secrets::is_key(word) && !word.contains('/'), Kind::Token);
        let written = word.bytes().any(|b| !b.is_ascii_digit());
        add(written && national::national_id(word).is_some(), Kind::NationalId);
        add(word.len() >= 13 && accounts::is_card(word), Kind::Card);
    }
    for (at, word) in words.iter().enumerate() {
        if word.len() >= 4
            && word.is_char_boundary(4)
            && word.as_bytes()[..2].iter().all(u8::is_ascii_alphabetic)
            && word.as_bytes()[2..4].iter().all(u8::is_ascii_digit)
        {
            let joined = |count: usize| words[at..(at + count).min(words.len())].concat();
            add((1..=9).any(|count| accounts::is_iban(&joined(count))), Kind::Iban);
        }
        if matches!(word.len(), 4 | 15..) && word.bytes().all(|b| b.is_ascii_digit()) {
            add(words.get(at..at + 4).is_some_and(|four| accounts::is_card(&four.concat())), Kind::Card);
        }
    }
    add(words.windows(2).any(|pair| people::are_names(pair[0], pair[1])), Kind::FullName);
    add(people::holds_address(text), Kind::Address);
    kinds
}

/// `@handle`
fn is_handle(text: &str) -> bool {
    text.strip_prefix('@').is_some_and(|rest| {
        (2..=40).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
    })
}

/// Codes whose form is of one country: `SW1A 1AA`, `K1A 0B6`, `1234 AB`, `01310-100`, `4400-123`.
fn is_postal_code(text: &str) -> bool {
    if !(6..=9).contains(&text.len()) {
        return false;
    }
    let shape: String = text
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    ["A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA", "A9A 9A9", "9999 AA", "99999-999", "9999-999"]
        .contains(&shape.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<Kind> {
        let marks = inspect(text);
        let mut all = marks.whole;
        all.add_all(marks.within);
        all.iter().collect()
    }

    #[test]
    fn kinds_are_found_inside_prose_and_documents() {
        for (text, kind) in [
            ("please write to anna@example.org or so", Kind::Email),
            ("my number is +49 30 901820, thanks", Kind::Phone),
            ("pay to DE89 3704 0044 0532 0130 00 until friday", Kind::Iban),
            ("card 4111 1111 1111 1111 was refused", Kind::Card),
            ("login from 203.0.113.77 failed", Kind::Ip),
            ("device 00:1b:44:11:3a:b7 is new", Kind::Mac),
            ("Anna Schmidt called again", Kind::FullName),
            ("deliver to 12 Baker Street, second floor", Kind::Address),
            ("dni 12345678Z y nada mas", Kind::NationalId),
            (r#"{"a":{"b":{"c":{"d":{"e":"anna@example.org"}}}}}"#, Kind::Email),
            (r#"{"user":{"first_name":"Zbx"}}"#, Kind::FirstName),
            (r#"["x",{"payload":"{\"mail\":\"a@example.org\"}"}]"#, Kind::Email),
            (r#"{"cut": "off", "mail": "a@example.org", "tru"#, Kind::Email),
            (r#"{"type":"Point","coordinates":[13.405,52.52]}"#, Kind::Geo),
        ] {
            assert!(found(text).contains(&kind), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn harmless_texts_show_nothing() {
        for text in [
            "",
            "ok",
            "active",
            "2024-01-15 10:30:00",
            "v1.2.3",
            "#ff00aa",
            "550e8400-e29b-41d4-a716-446655440000",
            "Blue Oak Table",
            "the build took 12.5 seconds on 3 machines",
            r#"{"theme":"dark","size":12,"items":[1,2,3]}"#,
            "[]",
            "{}",
            "image/png",
            "https://www.example.com/products/blue-table",
            "SKU-000123",
            r#"{"id":111222333,"ref":"111222333"}"#,
            "Europe/Berlin",
            "1,234.56",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), ascii in "[ -~]{0,80}", digits in "[0-9A-Z./@+: -]{0,40}") {
            let _ = (inspect(&text), inspect(&ascii), inspect(&digits));
        }
    }

    #[test]
    fn long_values_are_cut() {
        let deep = "[".repeat(100_000);
        let marks = inspect(&deep);
        assert!(marks.whole.is_empty() && marks.within.is_empty());
        let late = format!("{}a@example.org", "x ".repeat(VALUE_MAX_BYTES));
        assert_eq!(found(&late), []);
        for before in 0..20 {
            let body = format!("{}a@example.org'; {}", "é ".repeat(VALUE_MAX_BYTES / 3 + before), "ü ".repeat(9000));
            assert!(inspect_definition(&body).has(Kind::Email), "{before}");
        }
    }
}
