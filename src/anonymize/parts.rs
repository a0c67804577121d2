//! hstore and composite: values that have parts with names, in both wire forms.

use super::array::{item, quote};
use super::{Fault, MALFORMED, Mask};
use crate::copyfmt::Format;

/// Masks of the values under keys, and the one of every other key, each with the place of its columns beside it.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    pub(super) keys: Vec<(Vec<u8>, Part)>,
    pub(super) default: Part,
}

/// A mask, and where its columns begin among those of the whole rule.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) mask: Mask,
    pub(super) beside: usize,
}

impl Part {
    fn apply(&self, value: &[u8], beside: &[Option<&[u8]>], format: Format, out: &mut Vec<u8>) -> Result<bool, Fault> {
        self.mask.apply_beside(value, beside.get(self.beside..).unwrap_or_default(), format, out)
    }
}

struct Words<'v> {
    value: &'v [u8],
    at: usize,
}

impl<'v> Words<'v> {
    fn word(&mut self) -> Result<i32, Fault> {
        let word = self.value.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(MALFORMED)?;
        self.at += 4;
        Ok(i32::from_be_bytes(*word))
    }

    /// Bytes behind their length; `None` is NULL.
    fn counted(&mut self) -> Result<Option<&'v [u8]>, Fault> {
        let Ok(length) = usize::try_from(self.word()?) else { return Ok(None) };
        let bytes = self.value.get(self.at..self.at + length).ok_or(MALFORMED)?;
        self.at += length;
        Ok(Some(bytes))
    }
}

/// Appends a length and what `write` appends; NULL where that says so.
fn counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<bool, Fault>) -> Result<(), Fault> {
    let place = out.len();
    out.extend_from_slice(&(-1_i32).to_be_bytes());
    if write(out)? {
        let length = i32::try_from(out.len() - place - 4).map_err(|_| MALFORMED)?;
        out[place..place + 4].copy_from_slice(&length.to_be_bytes());
    } else {
        out.truncate(place + 4);
    }
    Ok(())
}

impl Pairs {
    fn part(&self, key: &[u8]) -> &Part {
        self.keys.iter().find(|(own, _)| own == key).map_or(&self.default, |(_, part)| part)
    }

    /// Appends an hstore with its values masked; keys stay.
    pub(super) fn apply(
        &self,
        value: &[u8],
        beside: &[Option<&[u8]>],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if format == Format::Text {
            return self.text(value, beside, out);
        }
        let mut words = Words { value, at: 0 };
        let count = words.word()?;
        out.extend_from_slice(&count.to_be_bytes());
        for _ in 0..count {
            let key = words.counted()?.ok_or(MALFORMED)?;
            counted(out, |out| {
                out.extend_from_slice(key);
                Ok(true)
            })?;
            let value = words.counted()?;
            counted(out, |out| value.map_or(Ok(false), |value| self.part(key).apply(value, beside, format, out)))?;
        }
        if words.at == value.len() { Ok(()) } else { Err(MALFORMED) }
    }

    /// `"a"=>"b", "c"=>NULL`
    fn text(&self, value: &[u8], beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), Fault> {
        let (mut at, mut key, mut own, mut masked) = (0, Vec::new(), Vec::new(), Vec::new());
        while at < value.len() {
            at = item(value, at, b"=", &mut key)?;
            at = value[at..].strip_prefix(b"=>").map(|_| at + 2).ok_or(MALFORMED)?;
            let quoted = value.get(at) == Some(&b'"');
            at = item(value, at, b",", &mut own)?;
            quote(&key, out);
            out.extend_from_slice(b"=>");
            masked.clear();
            let is_null = !quoted && own.eq_ignore_ascii_case(b"NULL");
            if !is_null && self.part(&key).apply(&own, beside, Format::Text, &mut masked)? {
                quote(&masked, out);
            } else {
                out.extend_from_slice(b"NULL");
            }
            if value.get(at) == Some(&b',') {
                at += 1;
                out.extend_from_slice(b", ");
                at += value[at..].iter().take_while(|byte| **byte == b' ').count();
            }
        }
        Ok(())
    }
}

/// Appends a composite value with its fields masked, in the type's order.
pub(super) fn composite(
    fields: &[Part],
    value: &[u8],
    beside: &[Option<&[u8]>],
    format: Format,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    if format == Format::Text {
        return composite_text(fields, value, beside, out);
    }
    let mut words = Words { value, at: 0 };
    let count = words.word()?;
    out.extend_from_slice(&count.to_be_bytes());
    for nth in 0..count {
        out.extend_from_slice(&words.word()?.to_be_bytes());
        let value = words.counted()?;
        // Columns that were dropped from the type's table stand there as NULL and have no mask.
        let field = usize::try_from(nth).ok().and_then(|nth| fields.get(nth)).ok_or(MALFORMED)?;
        counted(out, |out| value.map_or(Ok(false), |value| field.apply(value, beside, format, out)))?;
    }
    if words.at == value.len() { Ok(()) } else { Err(MALFORMED) }
}

/// `(a,"b ""c""",)`: nothing at all is NULL, `""` is the empty text.
fn composite_text(fields: &[Part], value: &[u8], beside: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), Fault> {
    let inside = value.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")).ok_or(MALFORMED)?;
    let (mut at, mut own, mut masked) = (0, Vec::new(), Vec::new());
    out.push(b'(');
    for (nth, field) in fields.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        let start = at;
        at = item(inside, at, b",", &mut own)?;
        masked.clear();
        if at > start && field.apply(&own, beside, Format::Text, &mut masked)? {
            quote(&masked, out);
        }
        at += usize::from(inside.get(at) == Some(&b','));
    }
    if at < inside.len() {
        return Err(MALFORMED);
    }
    out.push(b')');
    Ok(())
}
