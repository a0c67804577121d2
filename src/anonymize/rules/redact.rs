//! redact: prose stays, but for what identifies somebody in it: addresses, links, numbers, tokens, and the names of
//! the row's own subject.
//!
//! What is found is replaced as the rule of its kind would replace it, in that rule's own domain: an address in prose
//! so becomes the address that stands in a masked column.

use std::net::IpAddr;

use memchr::memmem;

use crate::digest::{DomainKey, MaskKey};
use crate::profile::Locale;

use super::Keyed;

/// Digits of a number that is taken for a phone, a card or an account.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=34;
/// Characters from which a word of letters and digits is taken for a token.
const TOKEN_CHARS: usize = 20;
/// Characters of a name at least, lest every `an` be one.
const NAME_CHARS: usize = 3;

/// The rules of what is looked for, each with its key.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Redactor {
    email: Found,
    phone: Found,
    url: Found,
    ip: Found,
    token: Found,
    first_name: Found,
    last_name: Found,
    username: Found,
}

#[derive(Clone, Debug)]
struct Found(Keyed, DomainKey);

impl Found {
    fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        self.0.write(&self.1, value, usize::MAX, out);
    }
}

impl Redactor {
    pub(in crate::anonymize) fn new(key: &MaskKey, locale: Locale) -> Self {
        let found = |rule, domain| Found(rule, key.domain(domain));
        Self {
            email: found(Keyed::Email { host: "example.com".to_owned() }, "email"),
            phone: found(Keyed::Phone, "phone"),
            url: found(Keyed::Url { keep_host: false }, "url"),
            ip: found(Keyed::Ip, "ip"),
            token: found(Keyed::Token, "token"),
            first_name: found(Keyed::FirstName(locale), "first_name"),
            last_name: found(Keyed::LastName(locale), "last_name"),
            username: found(Keyed::Username, "username"),
        }
    }

    /// Appends the text; `names` are the subject's, in lower case.
    pub(in crate::anonymize) fn apply(&self, value: &[u8], names: &[Name], out: &mut Vec<u8>) {
        let mut at = 0;
        while at < value.len() {
            // Space goes over as it is.
            let start = value[at..].iter().position(|byte| !byte.is_ascii_whitespace()).map_or(value.len(), |n| at + n);
            out.extend_from_slice(&value[at..start]);
            if start == value.len() {
                break;
            }
            let end = value[start..].iter().position(u8::is_ascii_whitespace).map_or(value.len(), |n| start + n);
            at = self.word(value, start, end, names, out);
        }
    }

    /// Treats the word at `start..end`, or a number that begins there and may go on behind it; where it ended.
    fn word(&self, value: &[u8], start: usize, end: usize, names: &[Name], out: &mut Vec<u8>) -> usize {
        let word = &value[start..end];
        let (mut digits, mut letters, mut others) = (0, 0, 0);
        for byte in word {
            match byte {
                b'0'..=b'9' => digits += 1,
                b'a'..=b'z' | b'A'..=b'Z' => letters += 1,
                0x80.. => letters += 1,
                _ => others += 1,
            }
        }
        if others > 0 {
            if memmem::find(word, b"://").is_some() || word.starts_with(b"www.") {
                return self.link(word, end, out);
            }
            if memchr::memchr(b'@', word).is_some() && self.address(word, out) {
                return end;
            }
        }
        if digits > 0 || word[0] == b'+' || word[0] == b'(' {
            if let Some(end) = self.number(value, start, out) {
                return end;
            }
            if others > 0 && self.ip(word, out) {
                return end;
            }
        }
        if letters + digits >= TOKEN_CHARS && digits > 0 && is_token(word) {
            self.token.write(word, out);
            return end;
        }
        if names.is_empty() || !self.name(word, names, out) {
            out.extend_from_slice(word);
        }
        end
    }

    /// From the scheme to the end, but for punctuation that closes the sentence.
    fn link(&self, word: &[u8], end: usize, out: &mut Vec<u8>) -> usize {
        let before = |at: usize| word[..at].iter().rposition(|b| !b.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let from = memmem::find(word, b"://").map_or(0, before);
        let to = word.iter().rposition(|b| !b")]}>.,;:!?\"'".contains(b)).map_or(word.len(), |at| at + 1).max(from);
        out.extend_from_slice(&word[..from]);
        self.url.write(&word[from..to], out);
        end - (word.len() - to)
    }

    /// Every address within the word; false where there is none.
    fn address(&self, word: &[u8], out: &mut Vec<u8>) -> bool {
        let (start, mut copied) = (out.len(), 0);
        for at in memchr::memchr_iter(b'@', word) {
            let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b"._%+-".contains(byte);
            let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b".-".contains(byte);
            let from = word[copied..at].iter().rposition(|b| !is_local(b)).map_or(copied, |n| copied + n + 1);
            let to = word[at + 1..].iter().position(|b| !is_host(b)).map_or(word.len(), |n| at + 1 + n);
            let to = word[..to].iter().rposition(|byte| !b".-".contains(byte)).map_or(to, |last| last + 1);
            if from == at || to <= at + 1 || !word[at + 1..to].contains(&b'.') {
                continue;
            }
            out.extend_from_slice(&word[copied..from]);
            self.email.write(&word[from..to].to_ascii_lowercase(), out);
            copied = to;
        }
        if copied == 0 {
            return false;
        }
        out.extend_from_slice(&word[copied..]);
        out.len() > start
    }

    /// A number of enough digits, which may have spaces in it. Dates are none.
    fn number(&self, value: &[u8], start: usize, out: &mut Vec<u8>) -> Option<usize> {
        let from = value[start..].iter().position(|b| b.is_ascii_digit() || *b == b'+').map(|n| start + n)?;
        if value[start..from].iter().any(|byte| byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace()) {
            return None;
        }
        let (mut digits, mut to, mut at) = (0, from, from);
        while let Some(byte) = value.get(at) {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    to = at + 1;
                }
                b' ' if value.get(at + 1).is_some_and(|next| next.is_ascii_digit() || *next == b'(') => {}
                b'(' | b')' | b'/' | b'-' | b'.' => {}
                b'+' if at == from => {}
                _ => break,
            }
            at += 1;
        }
        let goes_on = value.get(to).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b':');
        if !NUMBER_DIGITS.contains(&digits) || goes_on || is_date(&value[from..to]) {
            return None;
        }
        // Dotted groups of four are an address of a machine.
        if value[from..to].iter().filter(|byte| **byte == b'.').count() == 3
            && std::str::from_utf8(&value[from..to]).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
        {
            return None;
        }
        out.extend_from_slice(&value[start..from]);
        self.phone.write(&value[from..to], out);
        Some(to)
    }

    fn ip(&self, word: &[u8], out: &mut Vec<u8>) -> bool {
        let from = word.iter().position(u8::is_ascii_hexdigit).unwrap_or(word.len());
        let to = word.iter().rposition(u8::is_ascii_hexdigit).map_or(from, |at| at + 1);
        // `::1` begins with colons.
        let from = if word.starts_with(b"::") { 0 } else { from.min(to) };
        let is_address = std::str::from_utf8(&word[from..to]).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
        if is_address {
            out.extend_from_slice(&word[..from]);
            self.ip.write(&word[from..to], out);
            out.extend_from_slice(&word[to..]);
        }
        is_address
    }

    fn name(&self, word: &[u8], names: &[Name], out: &mut Vec<u8>) -> bool {
        let Ok(text) = std::str::from_utf8(word) else { return false };
        let is_sign = |c: char| c.is_alphanumeric() || c == '_';
        let Some(from) = text.find(is_sign) else { return false };
        // `Ann's` and `Ann, who` are Ann.
        let length = text[from..].find(|c| !is_sign(c)).unwrap_or(text.len() - from);
        let (found, rest) = text[from..].split_at(length);
        let lower = found.to_lowercase();
        let Some(name) = names.iter().find(|name| name.text == lower) else { return false };
        out.extend_from_slice(&word[..from]);
        let rule = match name.part {
            Part::First => &self.first_name,
            Part::Last => &self.last_name,
            Part::Whole => &self.username,
        };
        rule.write(lower.as_bytes(), out);
        out.extend_from_slice(rest.as_bytes());
        true
    }
}

/// A word by which the row's subject is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::anonymize) struct Name {
    text: String,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    First,
    Last,
    Whole,
}

/// The words of a name or handle.
pub(in crate::anonymize) fn names(value: &[u8], into: &mut Vec<Name>) {
    let text = String::from_utf8_lossy(value).to_lowercase();
    let is_long = |word: &&str| word.chars().count() >= NAME_CHARS;
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let count = words.len();
    let part = |at: usize| match at {
        _ if count == 1 => Part::Whole,
        0 => Part::First,
        _ => Part::Last,
    };
    let named = words.iter().enumerate().filter(|(_, word)| is_long(word));
    into.extend(named.map(|(at, word)| Name { text: (*word).to_owned(), part: part(at) }));
}

fn is_token(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-+/=:,;\"'()[]{}".contains(byte))
}

/// `2024-05-06`, `06.05.2024`, `5/6/2024`
fn is_date(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b' ').next().unwrap_or(text);
    let separators = [b'-', b'.', b'/'];
    separators.iter().any(|separator| {
        let lengths: Vec<usize> = first.split(|byte| byte == separator).map(<[u8]>::len).collect();
        matches!(lengths.as_slice(), [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, subject: &[&str]) -> String {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough");
        let (mut out, mut known) = (Vec::new(), Vec::new());
        subject.iter().for_each(|name| names(name.as_bytes(), &mut known));
        Redactor::new(&key, Locale::En).apply(text.as_bytes(), &known, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn what_identifies_goes_and_prose_stays() {
        for (text, secret) in [
            ("Write to ann@home.org, please.", "ann@home"),
            ("(<Ann.Nobody+x@home.example.org>)", "Nobody"),
            ("a@b.example;c@d.example", "c@d"),
            ("Call +49 (30) 123-45 67 now", "123"),
            ("call 030/1234567.", "123"),
            ("card 4111 1111 1111 1111 expires", "4111"),
            ("see https://home.example/ann?token=1).", "ann?"),
            ("see www.home.example/ann", "home"),
            ("from 192.0.2.77, they say", "192.0"),
            ("from [fe80::1:2]:", "fe80"),
            ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123", "eyJzdWI"),
        ] {
            let masked = run(text, &[]);
            assert!(!masked.contains(secret), "{text} -> {masked}");
        }
        for kept in [
            "",
            "On 2024-05-06 at 12:30 we met 3 times, 100 % of it.",
            "דברים 𝄞 e\u{301}",
            "a\u{a0}b  c\n\td",
            "@ann @ x@y",
            "v1.2.3 50-100",
        ] {
            assert_eq!(run(kept, &[]), kept);
        }
    }

    #[test]
    fn the_subject_is_called_otherwise_everywhere() {
        let masked =
            run("Ann's friend ANN NOBODY (@annie_77) met Anna, and émile.", &["Ann Nobody", "annie_77", "Émile"]);
        for name in ["Ann'", "ANN", "NOBODY", "annie_77", "émile"] {
            assert!(!masked.contains(name), "{masked}");
        }
        assert!(masked.contains("met Anna, and "), "{masked}");
        let first = masked.split('\'').next().expect("a name");
        assert!(masked.contains(&format!("friend {first} ")), "{masked}");
    }

    #[test]
    fn addresses_in_prose_are_those_of_columns() {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough");
        let mut column = Vec::new();
        Keyed::Email { host: "example.com".to_owned() }.write(
            &key.domain("email"),
            b"ann@home.org",
            usize::MAX,
            &mut column,
        );
        assert_eq!(run("ann@home.org!", &[]), format!("{}!", String::from_utf8_lossy(&column)));
    }
}
