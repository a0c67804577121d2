//! Values between the wire and the text that masks see.
//!
//! Two readings of a value: its *canonical* text, which masks are derived from and in which equal values are equal
//! bytes whatever the column's type; and its *printed* text, which templates insert.

use std::borrow::Cow;

use uuid::Uuid;

use super::net::Net;
use super::rules::Number;
use super::{Fault, MALFORMED};
use crate::copyfmt::Format;
use crate::schema::TypeClass;

/// First byte of jsonb's binary form.
pub(super) const JSONB_VERSION: u8 = 1;

/// Canonical text of a text-like value. citext is folded in Unicode's way, as it is under every usual collation: only
/// under the C collation could two values that PostgreSQL tells apart fold together.
pub(super) fn canonical(class: TypeClass, value: &[u8]) -> Cow<'_, [u8]> {
    match class {
        // Padding is not part of a char(n) value.
        TypeClass::Bpchar => Cow::Borrowed(without_padding(value)),
        TypeClass::Citext => lower(value),
        _ => Cow::Borrowed(value),
    }
}

/// Canonical text of a value of any class: equal values of texts, of numbers and of dates are equal bytes whatever
/// their types. Of classes that have no text here, the bytes of the wire.
pub(super) fn identity(class: TypeClass, format: Format, value: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    use TypeClass as C;
    let mut out = Vec::new();
    match class {
        C::Numeric | C::Float4 | C::Float8 => match Number::read(class, format, value)? {
            Some(number) => number.canonical(class, &mut out),
            None => return Ok(Cow::Borrowed(value)),
        },
        _ if class.is_text() => return Ok(canonical(class, value)),
        _ if is_printable(class) => print(class, format, value, &mut out)?,
        _ => return Ok(Cow::Borrowed(value)),
    }
    Ok(Cow::Owned(out))
}

fn without_padding(value: &[u8]) -> &[u8] {
    let length = value.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at + 1);
    &value[..length]
}

/// Character by character, as the server does it: a sigma at a word's end is no other one.
pub(super) fn lower(value: &[u8]) -> Cow<'_, [u8]> {
    if value.is_ascii() {
        if value.iter().any(u8::is_ascii_uppercase) {
            return Cow::Owned(value.to_ascii_lowercase());
        }
        return Cow::Borrowed(value);
    }
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Owned(text.chars().flat_map(char::to_lowercase).collect::<String>().into_bytes()),
        Err(_) => Cow::Owned(value.to_ascii_lowercase()),
    }
}

/// The class can be inserted into a template.
pub(super) fn is_printable(class: TypeClass) -> bool {
    use TypeClass as C;
    class.is_text()
        || class.is_integer()
        || matches!(class, C::Oid | C::Bool | C::Uuid | C::Json | C::Jsonb | C::Xml | C::Enum | C::Inet | C::Cidr)
}

/// Appends what a template shows of a value of a printable class.
pub(super) fn print(class: TypeClass, format: Format, value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    use TypeClass as C;
    match (class, format) {
        (C::Bool, Format::Binary) => out.extend_from_slice(if value == [0] { b"false" } else { b"true" }),
        (C::Bool, Format::Text) => out.extend_from_slice(if value == b"f" { b"false" } else { b"true" }),
        (C::Bpchar, _) => out.extend_from_slice(without_padding(value)),
        (_, Format::Text) => out.extend_from_slice(value),
        (C::Int2, _) => decimal(i64::from(i16::from_be_bytes(exactly(value)?)), out),
        (C::Int4, _) => decimal(i64::from(i32::from_be_bytes(exactly(value)?)), out),
        (C::Int8, _) => decimal(i64::from_be_bytes(exactly(value)?), out),
        (C::Oid, _) => decimal(i64::from(u32::from_be_bytes(exactly(value)?)), out),
        (C::Uuid, _) => push_uuid(Uuid::from_bytes(exactly(value)?), out),
        (C::Inet | C::Cidr, _) => Net::read(value).ok_or(MALFORMED)?.print(usize::MAX, out),
        (C::Jsonb, _) => out.extend_from_slice(jsonb_text(value)?),
        (_, _) => out.extend_from_slice(value),
    }
    Ok(())
}

/// The text within jsonb's binary form.
pub(super) fn jsonb_text(value: &[u8]) -> Result<&[u8], Fault> {
    match value.split_first() {
        Some((&JSONB_VERSION, text)) => Ok(text),
        _ => Err(MALFORMED),
    }
}

/// Appends a uuid, hyphenated and in lower case.
pub(super) fn push_uuid(value: Uuid, out: &mut Vec<u8>) {
    let mut text = [0; 36];
    out.extend_from_slice(value.hyphenated().encode_lower(&mut text).as_bytes());
}

/// The value as an array of its type's size.
pub(super) fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], Fault> {
    value.try_into().map_err(|_| MALFORMED)
}

/// Number of characters of a UTF-8 text; in other bytes, of those that do not continue a character.
pub(super) fn count_chars(text: &[u8]) -> usize {
    text.iter().filter(|byte| !is_continuation(**byte)).count()
}

/// Cuts what stands in `out` from `start` down to `limit` characters.
pub(super) fn fit(out: &mut Vec<u8>, start: usize, limit: usize) {
    if out.len() - start <= limit {
        return;
    }
    let cut = out[start..].iter().enumerate().filter(|(_, byte)| !is_continuation(**byte)).nth(limit);
    if let Some((at, _)) = cut {
        out.truncate(start + at);
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

pub(super) fn decimal(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}
