//! Bytes and characters by what they may be part of.

pub(super) const SPACE: u8 = 1;
pub(super) const LETTER: u8 = 1 << 1;
pub(super) const DIGIT: u8 = 1 << 2;
pub(super) const AT: u8 = 1 << 3;
pub(super) const COLON: u8 = 1 << 4;
pub(super) const DOT: u8 = 1 << 5;
/// Beside LETTER: `www.` begins with it.
pub(super) const W: u8 = 1 << 6;
/// Part of a character outside ASCII.
pub(super) const WIDE: u8 = 1 << 7;

static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => SPACE,
            b'w' | b'W' => LETTER | W,
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'@' => AT,
            b':' => COLON,
            b'.' => DOT,
            0x80.. => WIDE,
            _ => 0,
        };
        byte += 1;
    }
    kinds
}

#[inline]
pub(super) fn kind(byte: u8) -> u8 {
    KINDS[usize::from(byte)]
}

/// The character at that place and its length; a byte that begins none counts as U+FFFD.
pub(super) fn character(value: &[u8], at: usize) -> (char, usize) {
    let length = match value[at] {
        0..0x80 => return (char::from(value[at]), 1),
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    let text = value.get(at..at + length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| text.chars().next()).map_or((char::REPLACEMENT_CHARACTER, 1), |found| (found, length))
}

/// Length of the digit at that place, of any script; 0 where there is none.
pub(super) fn digit(value: &[u8], at: usize) -> usize {
    match value.get(at) {
        Some(b'0'..=b'9') => 1,
        Some(0x80..) => {
            let (found, length) = character(value, at);
            if is_wide_digit(found) { length } else { 0 }
        }
        _ => 0,
    }
}

/// Most of the blocks with many letters and no digits are dismissed before the search in a table.
fn is_wide_digit(found: char) -> bool {
    !matches!(found, '\0'..'\u{660}' | '\u{3040}'..'\u{a620}' | '\u{ac00}'..'\u{ff10}') && found.is_numeric()
}

/// Length of a sign that may part the digits of one number; 0 where there is none.
pub(super) fn separator(value: &[u8], at: usize) -> usize {
    match value.get(at) {
        Some(b' ' | b'-' | b'.' | b'/' | b'(' | b')') => 1,
        Some(0x80..) => {
            let (found, length) = character(value, at);
            let parts = matches!(
                found,
                // Spaces, marks without width and dashes.
                '\u{a0}' | '\u{ad}' | '\u{2000}'..='\u{2015}' | '\u{202a}'..='\u{202f}' | '\u{205f}'..='\u{2069}'
                    | '\u{2212}' | '\u{3000}' | '\u{fe63}' | '\u{feff}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0d}'
            );
            if parts { length } else { 0 }
        }
        _ => 0,
    }
}

/// Ends a link or an address: spaces, quotes and other punctuation outside ASCII.
pub(super) fn is_wide_mark(found: char) -> bool {
    matches!(found, '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}')
}

/// Part of a word or a handle.
pub(super) fn is_word(found: char) -> bool {
    found == '_' || found.is_alphanumeric()
}

/// Where the word that begins there ends, at most at `to`.
pub(super) fn word_end(value: &[u8], from: usize, to: usize) -> usize {
    let mut at = from;
    while at < to {
        let (found, length) = character(value, at);
        if !is_word(found) {
            break;
        }
        at += length;
    }
    at.min(to)
}
