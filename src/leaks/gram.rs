//! Texts cut into words, and runs of words hashed as they grow.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

use super::{CHARS_MAX, CHARS_MIN, WORDS_MAX};

/// Cuts a text into words, runs of letters and digits, and gives each in lower case with its place. Bytes that are no
/// UTF-8 part words, so that a bytea is read as far as it is text.
pub(super) fn words(text: &[u8], folded: &mut Vec<u8>, mut give: impl FnMut(&[u8], usize, usize)) {
    let mut base = 0;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        words_of(valid, base, folded, &mut give);
        base += valid.len() + chunk.invalid().len();
    }
}

fn words_of(text: &str, base: usize, folded: &mut Vec<u8>, give: &mut impl FnMut(&[u8], usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        folded.clear();
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii_alphanumeric() {
                push(folded, &[byte.to_ascii_lowercase()]);
                at += 1;
            } else if byte.is_ascii() {
                break;
            } else {
                let Some(letter) = text[at..].chars().next() else { break };
                if !letter.is_alphanumeric() && !is_mark(letter) {
                    break;
                }
                // A letter with its accent beside it counts as the bare letter; composed ones stay as they are.
                if !is_mark(letter) {
                    for lower in letter.to_lowercase() {
                        push(folded, lower.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                at += letter.len_utf8();
            }
        }
        if at > start {
            if !folded.is_empty() {
                give(folded, base + start, base + at);
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
}

/// More of a word than counts is not kept.
fn push(folded: &mut Vec<u8>, bytes: &[u8]) {
    if folded.len() + bytes.len() <= CHARS_MAX {
        folded.extend_from_slice(bytes);
    }
}

/// Combining diacritical marks.
fn is_mark(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// The first letters of a run of words.
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    letters: [u8; CHARS_MIN],
    length: usize,
}

impl Head {
    /// A number that equals that of other runs with the same first letters; `None` while there are too few.
    pub(super) fn push(&mut self, word: &[u8]) -> Option<u64> {
        let taken = word.len().min(CHARS_MIN - self.length);
        self.letters[self.length..self.length + taken].copy_from_slice(&word[..taken]);
        self.length += taken;
        self.number()
    }

    fn number(&self) -> Option<u64> {
        (self.length == CHARS_MIN).then(|| {
            let mut bytes = [0; 8];
            bytes[..CHARS_MIN].copy_from_slice(&self.letters);
            u64::from_le_bytes(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }
}

/// A run of words that grows.
#[derive(Clone)]
pub(super) struct Gram {
    hasher: DefaultHasher,
    head: Head,
    length: usize,
    words: usize,
    has_digits: bool,
    all_digits: bool,
}

impl Gram {
    pub(super) fn new(keys: &RandomState) -> Self {
        Self {
            hasher: keys.build_hasher(),
            head: Head::default(),
            length: 0,
            words: 0,
            has_digits: false,
            all_digits: true,
        }
    }

    pub(super) fn push(&mut self, word: &[u8]) {
        let word = &word[..word.len().min(CHARS_MAX - self.length)];
        self.head.push(word);
        self.hasher.write(word);
        self.length += word.len();
        self.words += 1;
        self.has_digits |= word.iter().any(u8::is_ascii_digit);
        self.all_digits &= word.iter().all(u8::is_ascii_digit);
    }

    /// Nothing more of a value counts.
    pub(super) fn is_full(&self) -> bool {
        self.words >= WORDS_MAX || self.length >= CHARS_MAX
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    pub(super) fn words(&self) -> usize {
        self.words
    }

    pub(super) fn has_digits(&self) -> bool {
        self.has_digits
    }

    /// Nothing but digits.
    pub(super) fn is_number(&self) -> bool {
        self.all_digits
    }

    pub(super) fn fingerprint(&self) -> u64 {
        self.hasher.finish()
    }

    /// See [`Head::push`].
    pub(super) fn head(&self) -> Option<u64> {
        self.head.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        words(text.as_bytes(), &mut Vec::new(), |word, start, end| {
            found.push((String::from_utf8(word.to_vec()).expect("UTF-8"), text[start..end].to_owned()));
        });
        found
    }

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        let folded = |text: &str| cut(text).into_iter().map(|(word, _)| word).collect::<Vec<_>>().join("|");
        assert_eq!(folded("Ann.Lee+x@Home-7.ORG!"), "ann|lee|x|home|7|org");
        assert_eq!(folded("ÉMILE Ørsted, Москва 東京"), "émile|ørsted|москва|東京");
        assert_eq!(folded("Jose\u{301} x"), "jose|x");
        assert_eq!(folded(" \t—…"), "");
        assert_eq!(cut("Été 9")[0].1, "Été");
        let mut places = Vec::new();
        words(b"ab\xff\xfecd", &mut Vec::new(), |_, start, end| places.push((start, end)));
        assert_eq!(places, [(0, 2), (4, 6)]);
    }

    /// The standard library's hasher does not promise it, and the search stands on it.
    #[test]
    fn a_run_of_words_hashes_like_its_letters_however_it_is_cut() {
        let keys = RandomState::new();
        let of = |parts: &[&str]| {
            let mut gram = Gram::new(&keys);
            parts.iter().for_each(|part| gram.push(part.as_bytes()));
            (gram.fingerprint(), gram.head())
        };
        let whole = of(&["491701234567890"]);
        for parts in [&["49", "170", "1234567890"][..], &["4", "9170123", "4567890"], &["49170123456789", "0"]] {
            assert_eq!(of(parts), whole);
        }
        assert_ne!(of(&["491701234567891"]).0, whole.0);
        assert_eq!(of(&["ab", "cde"]).1, None);
    }
}
