//! The words by which a row's subject is called.

use super::signs::is_word;

/// Characters of a name at least, lest every `an` be one.
const NAME_CHARS: usize = 3;

/// Names and handles of one row.
#[derive(Clone, Debug, Default)]
pub(in crate::anonymize) struct Names {
    names: Vec<Name>,
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
        let text: String = String::from_utf8_lossy(value).chars().flat_map(folded).collect();
        let words: Vec<&str> = text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).collect();
        let part = |at: usize| match at {
            _ if words.len() == 1 => Part::Whole,
            0 => Part::First,
            _ => Part::Last,
        };
        for (at, word) in words.iter().enumerate().filter(|(_, word)| word.chars().count() >= NAME_CHARS) {
            match word.as_bytes()[0] {
                first @ ..0x80 => self.begins |= 1 << first,
                _ => self.begins_wide = true,
            }
            self.names.push(Name { text: (*word).to_owned(), part: part(at) });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name that this word is, in whatever case.
    pub(super) fn find(&self, word: &[u8]) -> Option<&Name> {
        let may_begin = match word.first()? {
            first @ ..0x80 => self.begins >> first.to_ascii_lowercase() & 1 == 1,
            _ => self.begins_wide,
        };
        if word.is_ascii() {
            return self
                .names
                .iter()
                .filter(|_| may_begin)
                .find(|name| word.eq_ignore_ascii_case(name.text.as_bytes()));
        }
        // Outside ASCII a letter's lower case may be an ASCII one (the Kelvin sign's is).
        let word = std::str::from_utf8(word).ok()?;
        self.names.iter().find(|name| word.chars().flat_map(folded).eq(name.text.chars()))
    }
}

/// Lower case, in which a sigma at a word's end is like every other.
fn folded(found: char) -> impl Iterator<Item = char> {
    found.to_lowercase().map(|lower| if lower == 'ς' { 'σ' } else { lower })
}
