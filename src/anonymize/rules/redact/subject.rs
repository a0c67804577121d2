//! The words by which a row's subject is called.

use super::signs::is_word;

/// Characters of a name at least, lest every `an` be one.
const NAME_CHARS: usize = 3;
/// Of names that begin with a capital, and of scripts without cases.
const SHORT_NAME_CHARS: usize = 2;

/// Names and handles of one row.
#[derive(Clone, Debug, Default)]
pub(in crate::anonymize) struct Names {
    names: Vec<Name>,
    /// Of scripts without cases, many of which put nothing between words: the longest first.
    inside: Vec<Name>,
    /// A bit for each ASCII sign that begins one.
    begins: u128,
    /// One begins with another character.
    begins_wide: bool,
}

/// In lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) part: Part,
    /// So short that it is a name only where it begins with a capital.
    is_short: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    First,
    Last,
    Whole,
}

impl Names {
    /// Adds the words of a name or handle.
    pub(in crate::anonymize) fn add(&mut self, value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let words: Vec<&str> = text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).collect();
        for (at, word) in words.iter().enumerate() {
            let part = match at {
                _ if words.len() == 1 => Part::Whole,
                0 => Part::First,
                _ => Part::Last,
            };
            self.add_word(word, part);
        }
        self.inside.sort_by_key(|name| std::cmp::Reverse(name.text.len()));
    }

    fn add_word(&mut self, word: &str, part: Part) {
        let chars = word.chars().count();
        let name = Name { text: word.chars().flat_map(folded).collect(), part, is_short: chars < NAME_CHARS };
        let has_case = word.chars().any(|letter| letter.is_lowercase() || letter.is_uppercase());
        if chars >= SHORT_NAME_CHARS && !has_case && word.chars().all(char::is_alphabetic) {
            self.inside.push(name);
            return;
        }
        if chars < SHORT_NAME_CHARS || (name.is_short && !word.starts_with(char::is_uppercase)) {
            return;
        }
        match name.text.as_bytes()[0] {
            first @ ..0x80 => self.begins |= 1 << first,
            _ => self.begins_wide = true,
        }
        self.names.push(name);
    }

    /// There are names to look for within words.
    pub(super) fn any_inside(&self) -> bool {
        !self.inside.is_empty()
    }

    /// The name that the text begins with, whatever follows.
    pub(super) fn begin(&self, text: &[u8]) -> Option<&Name> {
        self.inside.iter().find(|name| text.starts_with(name.text.as_bytes()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.inside.is_empty()
    }

    /// The name that this word is, in whatever case.
    pub(super) fn find(&self, word: &[u8]) -> Option<&Name> {
        let may_begin = match word.first()? {
            first @ ..0x80 => self.begins >> first.to_ascii_lowercase() & 1 == 1,
            _ => self.begins_wide,
        };
        if word.is_ascii() {
            let is_meant = |name: &&Name| !name.is_short || word[0].is_ascii_uppercase();
            let is_same = |name: &&Name| word.eq_ignore_ascii_case(name.text.as_bytes());
            return self.names.iter().filter(|_| may_begin).find(|name| is_same(name) && is_meant(name));
        }
        // Outside ASCII a letter's lower case may be an ASCII one (the Kelvin sign's is).
        let word = std::str::from_utf8(word).ok()?;
        let is_meant = |name: &&Name| !name.is_short || word.starts_with(char::is_uppercase);
        self.names.iter().find(|name| is_meant(name) && word.chars().flat_map(folded).eq(name.text.chars()))
    }
}

/// Lower case, in which a sigma at a word's end is like every other.
fn folded(found: char) -> impl Iterator<Item = char> {
    found.to_lowercase().map(|lower| if lower == 'ς' { 'σ' } else { lower })
}
