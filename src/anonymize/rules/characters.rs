//! token and phone: character for character, so that the value keeps its shape.

use std::borrow::Cow;

use crate::digest::Stream;

/// Digits of a country code that a phone number keeps.
const COUNTRY_DIGITS: usize = 2;

/// Letters become letters of the same case, digits digits, other characters stay. Letters and digits of other scripts
/// become those of ASCII: left as they are they would give the value away.
pub(super) fn token(stream: &mut Stream, value: &[u8], out: &mut Vec<u8>) {
    for chunk in value.utf8_chunks() {
        chunk.valid().chars().for_each(|character| replace(stream, character, out));
        // Bytes that are no UTF-8 (a database in SQL_ASCII) are nothing a token may keep.
        out.extend(chunk.invalid().iter().map(|_| b'?'));
    }
}

/// As a token, but a leading `+` keeps the country code after it.
pub(super) fn phone(stream: &mut Stream, value: &[u8], out: &mut Vec<u8>) {
    let kept = match value {
        [b'+', rest @ ..] => 1 + rest.iter().take(COUNTRY_DIGITS).take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    out.extend_from_slice(&value[..kept]);
    token(stream, &value[kept..], out);
}

/// Two spellings of one number get the same digits: punctuation does not count, unless the value has something else
/// beside it.
pub(super) fn phone_identity(value: &[u8]) -> Cow<'_, [u8]> {
    let is_mark = |byte: &u8| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
    if !value.iter().any(is_mark) || !value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'+' || is_mark(byte)) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.iter().copied().filter(|byte| !is_mark(byte)).collect())
}

fn replace(stream: &mut Stream, character: char, out: &mut Vec<u8>) {
    let (first, count) = match character {
        'a'..='z' => (b'a', 26),
        'A'..='Z' => (b'A', 26),
        '0'..='9' => (b'0', 10),
        other if other.is_ascii() => return out.push(other as u8),
        other if other.is_uppercase() => (b'A', 26),
        other if other.is_alphabetic() => (b'a', 26),
        other if other.is_numeric() => (b'0', 10),
        other => return out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    out.push(first + stream.below_small(count));
}
