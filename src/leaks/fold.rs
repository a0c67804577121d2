//! Texts as their letters and digits in lower case, without what parts words, and where each word stands.

use unicode_normalization::char::decompose_canonical;

use super::{CHARS_MAX, CHARS_MIN, DIGITS_MIN, WORDS_MAX};

/// What stands between words.
const APART: u8 = 0;
/// The beginning of a letter that is not ASCII, or of nothing.
const WIDE: u8 = 1;
/// An ASCII letter or digit.
const LETTER: u8 = 2;
/// This bit is set in lower case, and in digits.
const LOWER: u8 = 0x20;

static FOLD: [u8; 256] = {
    let (mut table, mut byte) = ([WIDE; 256], 0_u8);
    while byte < 0x80 {
        table[byte as usize] = if byte.is_ascii_alphanumeric() { LETTER } else { APART };
        byte += 1;
    }
    table
};

/// A text, or a part of a long one, that was cut into words.
#[derive(Debug, Default)]
pub struct Folded {
    letters: Vec<u8>,
    words: Vec<Word>,
}

/// Where a word begins in the letters, and where it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    at: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Folded {
    pub(super) fn clear(&mut self) {
        self.letters.clear();
        self.words.clear();
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// Adds words of the text from `from` on until there are `words_max`; gives where it stopped. Bytes that are no
    /// UTF-8 part words, so that a bytea is read as far as it is text. In scripts that do not part words each letter is
    /// one, so that a name is found inside a sentence.
    pub(super) fn fold(&mut self, text: &[u8], from: usize, words_max: usize) -> usize {
        let mut at = from;
        while at < text.len() && self.words.len() < words_max {
            let (start, first_letter) = (at, self.letters.len());
            at = self.word(text, at, first_letter);
            if self.letters.len() > first_letter {
                self.words.push(Word { at: first_letter, start, end: at });
            } else if at == start {
                at += 1;
            }
        }
        at
    }

    /// Adds the letters of the word that begins here, if one does; gives where it ends.
    fn word(&mut self, text: &[u8], start: usize, first_letter: usize) -> usize {
        let mut at = start;
        loop {
            let rest = &text[at..];
            let plain = rest.iter().position(|byte| FOLD[usize::from(*byte)] != LETTER).unwrap_or(rest.len());
            // More of a word than counts is not kept.
            let room = (first_letter + CHARS_MAX).saturating_sub(self.letters.len());
            self.letters.extend(rest[..plain.min(room)].iter().map(|letter| letter | LOWER));
            at += plain;
            if text.get(at).is_none_or(|byte| FOLD[usize::from(*byte)] == APART) {
                return at;
            }
            let Some((symbol, length)) = symbol(&text[at..]) else { return at };
            let is_own_word = is_unparted(symbol);
            if is_own_word && self.letters.len() > first_letter {
                return at;
            }
            if !is_mark(symbol) {
                if !symbol.is_alphanumeric() {
                    return at;
                }
                self.wide(symbol, first_letter);
            }
            at += length;
            if is_own_word {
                return at;
            }
        }
    }

    /// A letter that is not ASCII, without its accents.
    fn wide(&mut self, symbol: char, first_letter: usize) {
        // One letter may be written in two ways, composed or with the accent beside it.
        decompose_canonical(narrow(symbol), |part| {
            let spelled_out = if part == 'ß' { "ss" } else { "" };
            let lower = part.to_lowercase().map(|lower| if lower == 'ς' { 'σ' } else { lower });
            let lower = lower.filter(|lower| !is_mark(*lower) && spelled_out.is_empty());
            for lower in lower.chain(spelled_out.chars()) {
                if self.letters.len() - first_letter + lower.len_utf8() <= CHARS_MAX {
                    self.letters.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        });
    }

    /// Adds a word that stands for a whole text: the digits of a uuid.
    pub(super) fn hex(&mut self, bytes: &[u8]) {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |digit| digit as u8);
        let at = self.letters.len();
        self.letters.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        self.words.push(Word { at, start: 0, end: bytes.len() });
    }

    /// Forgets the first words of a long text.
    pub(super) fn forget(&mut self, words: usize) {
        let letters = self.words.get(words).map_or(self.letters.len(), |word| word.at);
        self.letters.drain(..letters);
        self.words.drain(..words);
        self.words.iter_mut().for_each(|word| word.at -= letters);
    }

    /// The letters from one word to another; those of a run that count.
    pub(super) fn run(&self, first: usize, last: usize) -> &[u8] {
        let start = self.words[first].at;
        let end = self.words.get(last + 1).map_or(self.letters.len(), |word| word.at);
        &self.letters[start..end.min(start + CHARS_MAX)]
    }

    /// The first letters from a word on, as a number; `None` where there are too few.
    pub(super) fn head(&self, first: usize) -> Option<u64> {
        let letters = &self.letters[self.words[first].at..];
        match letters.first_chunk::<8>() {
            Some(chunk) => Some(u64::from_le_bytes(*chunk) & HEAD_MASK),
            None => {
                let head = letters.get(..CHARS_MIN)?;
                Some(head.iter().rev().fold(0, |number, letter| number << 8 | u64::from(*letter)))
            }
        }
    }

    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        self.letters.capacity() + self.words.capacity() * size_of::<Word>()
    }

    /// The first letters of a short value, likewise.
    pub(super) fn short_head(&self, first: usize) -> Option<u64> {
        let letters = self.letters[self.words[first].at..].first_chunk::<SHORT_LETTERS_MIN>()?;
        Some(u64::from(u32::from_le_bytes(*letters)))
    }

    /// Where so many words stand in the text.
    pub(super) fn span(&self, first: usize, last: usize) -> (usize, usize) {
        (self.words[first].start, self.words[last].end)
    }

    /// Whether nothing more of a value counts.
    pub(super) fn is_full(&self) -> bool {
        self.words.len() >= WORDS_MAX || self.letters.len() >= CHARS_MAX
    }
}

/// The letter that stands first, with its length; `None` where there is none.
fn symbol(text: &[u8]) -> Option<(char, usize)> {
    let length = match text.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    Some((std::str::from_utf8(text.get(..length)?).ok()?.chars().next()?, length))
}

/// Of scripts in which nothing stands between words, or what belongs to the grammar stands within them: Han, kana,
/// Hangul, Thai, Lao, Burmese, Khmer.
pub(super) fn is_unparted(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Letters and digits of full width as those of ASCII.
fn narrow(symbol: char) -> char {
    match symbol {
        '\u{ff10}'..='\u{ff5a}' => char::from_u32(symbol as u32 - 0xfee0).unwrap_or(symbol),
        symbol => symbol,
    }
}

const HEAD_MASK: u64 = (1 << (8 * CHARS_MIN)) - 1;

/// A short value has so many letters and digits.
const SHORT_LETTERS_MIN: usize = 4;
/// And so many bytes with what stands between them.
const SHORT_SPAN_MAX: usize = 32;

/// A value that is too short to be known by its letters, but not with what stands between its words: `84.12.5.3`.
pub(super) fn is_short_span(span: &[u8]) -> bool {
    (CHARS_MIN..=SHORT_SPAN_MAX).contains(&span.len())
}

/// Too few letters, or nothing but a short number.
pub(super) fn is_short(letters: &[u8]) -> bool {
    letters.len() < CHARS_MIN || (letters.len() < DIGITS_MIN && letters.iter().all(u8::is_ascii_digit))
}

/// Combining diacritical marks, and those of kana.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> Vec<(String, (usize, usize))> {
        let mut folded = Folded::default();
        assert_eq!(folded.fold(text, 0, usize::MAX), text.len());
        let word = |at: usize| {
            let Word { start, end, .. } = folded.words()[at];
            (String::from_utf8(folded.run(at, at).to_vec()).expect("UTF-8"), (start, end))
        };
        (0..folded.words().len()).map(word).collect()
    }

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        let folded = |text: &str| cut(text.as_bytes()).into_iter().map(|(word, _)| word).collect::<Vec<_>>().join("|");
        assert_eq!(folded("Ann.Lee+x@Home-7.ORG!"), "ann|lee|x|home|7|org");
        assert_eq!(folded("ÉMILE Ørsted, Москва 東京"), "emile|ørsted|москва|東|京");
        assert_eq!(folded("请联系ann@home谢谢，田中さん7"), "请|联|系|ann|home|谢|谢|田|中|さ|ん|7");
        assert_eq!(folded("Jose\u{301} José x"), "jose|jose|x");
        assert_eq!(folded("\u{301}\u{301} x \u{301}"), "x");
        assert_eq!(folded("ΓΙΩΡΓΟΣ Γιώργος Straße STRASSE Ｂｏｂ７"), "γιωργοσ|γιωργοσ|strasse|strasse|bob7");
        assert_eq!(folded(" \t—…"), "");
        assert_eq!(cut("Été 9".as_bytes()), [("ete".to_owned(), (0, 5)), ("9".to_owned(), (6, 7))]);
        let places: Vec<_> = cut(b"ab\xff\xfecd\xe2\x82").into_iter().map(|(_, place)| place).collect();
        assert_eq!(places, [(0, 2), (4, 6)]);
    }

    #[test]
    fn a_run_is_its_letters_however_it_is_cut() {
        for text in ["491701234567890", "49 170/1234567890", "4-9170123-4567890"] {
            let mut folded = Folded::default();
            folded.fold(text.as_bytes(), 0, usize::MAX);
            let last = folded.words().len() - 1;
            assert_eq!(folded.run(0, last), b"491701234567890");
            assert_eq!(folded.head(0), Some(u64::from_le_bytes(*b"491701\0\0")));
            assert_eq!(folded.head(last).is_some(), folded.run(last, last).len() >= CHARS_MIN);
        }
        let mut folded = Folded::default();
        folded.fold(b"ab cdef", 0, usize::MAX);
        assert_eq!(folded.head(0), Some(u64::from_le_bytes(*b"abcdef\0\0")));
        assert_eq!(folded.head(1), None);
    }

    #[test]
    fn long_texts_are_read_in_parts_and_long_words_cut() {
        let text = "one two three four five".as_bytes();
        let mut folded = Folded::default();
        let at = folded.fold(text, 0, 3);
        assert_eq!((at, folded.words().len()), (13, 3));
        folded.forget(2);
        folded.fold(text, at, 10);
        assert_eq!(folded.run(0, 2), b"threefourfive");
        assert_eq!(folded.words()[0].start, 8);
        let word = "a".repeat(1000);
        assert_eq!(cut(word.as_bytes()), [("a".repeat(CHARS_MAX), (0, 1000))]);
        assert!(!is_short(b"abcdef") && is_short(b"1234567") && !is_short(b"12345678") && is_short(b"abcde"));
    }
}
