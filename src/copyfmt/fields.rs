//! One row cut into fields, without copying.
//!
//! A field has two faces: its *value* (what the type's own functions read and write) and its *raw* bytes as they
//! stand in the row (with length word or escapes), which can go into another row of the same format untouched.

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::{Format, ROW_MAX_BYTES, RowError, field_count, field_length, read_i16, read_i32};

/// The fields of one row; reused from row to row.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    row: Bytes,
    spans: Vec<Span>,
    // Text values whose escapes had to be undone, one after the other.
    unescaped: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    // Raw bytes within the row. A row is at most 1 GiB, so 32 bits do.
    start: u32,
    end: u32,
    value: Value,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Null,
    /// Binary: what follows the length word.
    Counted,
    /// Text without escapes: the raw bytes themselves.
    Plain,
    /// Range of `unescaped`.
    Unescaped(u32, u32),
}

impl Fields {
    /// Cuts a row as [`super::RowReader`] yields it. After an error there are no fields.
    ///
    /// # Errors
    /// The row is not well formed.
    pub fn split(&mut self, row: Bytes, format: Format) -> Result<(), RowError> {
        self.spans.clear();
        self.unescaped.clear();
        self.row = row;
        let cut = match format {
            Format::Binary => self.split_binary(),
            Format::Text => self.split_text(),
        };
        if cut.is_err() {
            self.spans.clear();
        }
        cut
    }

    fn split_binary(&mut self) -> Result<(), RowError> {
        let row = &self.row[..];
        if row.len() > ROW_MAX_BYTES {
            return Err(RowError::TooLong);
        }
        let stated = read_i16(row, 0).ok_or(RowError::Truncated)?;
        let count = field_count(stated)?.ok_or(RowError::FieldCount(stated))?;
        self.spans.reserve(count);
        let mut at = 2;
        for _ in 0..count {
            let length = field_length(read_i32(row, at).ok_or(RowError::Truncated)?)?;
            let end = at + 4 + length.unwrap_or(0);
            if end > row.len() {
                return Err(RowError::Truncated);
            }
            let value = if length.is_some() { Value::Counted } else { Value::Null };
            self.spans.push(Span { start: at as u32, end: end as u32, value });
            at = end;
        }
        if at == row.len() { Ok(()) } else { Err(RowError::Surplus) }
    }

    /// A row without its line end. An empty row is one empty field: text cannot tell it from no field at all.
    fn split_text(&mut self) -> Result<(), RowError> {
        let row = &self.row[..];
        if row.len() > ROW_MAX_BYTES {
            return Err(RowError::TooLong);
        }
        let (mut start, mut at, mut escaped) = (0, 0, false);
        loop {
            let found = memchr2(b'\t', b'\\', &row[at..]).map(|offset| at + offset);
            if let Some(backslash) = found.filter(|found| row[*found] == b'\\') {
                // Whatever follows a backslash belongs to the field, even a tab.
                escaped = true;
                at = (backslash + 2).min(row.len());
                continue;
            }
            let end = found.unwrap_or(row.len());
            let value = match &row[start..end] {
                b"\\N" => Value::Null,
                raw if escaped => {
                    let from = self.unescaped.len() as u32;
                    unescape(raw, &mut self.unescaped);
                    Value::Unescaped(from, self.unescaped.len() as u32)
                }
                _ => Value::Plain,
            };
            if self.spans.len() == super::FIELDS_MAX {
                return Err(RowError::Surplus);
            }
            self.spans.push(Span { start: start as u32, end: end as u32, value });
            if found.is_none() {
                return Ok(());
            }
            (start, at, escaped) = (end + 1, end + 1, false);
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The row has no field.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The value of field `index`; `None` is NULL, as is a field that does not exist.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let span = self.spans.get(index)?;
        let (start, end) = (span.start as usize, span.end as usize);
        match span.value {
            Value::Null => None,
            Value::Counted => Some(&self.row[start + 4..end]),
            Value::Plain => Some(&self.row[start..end]),
            Value::Unescaped(from, to) => Some(&self.unescaped[from as usize..to as usize]),
        }
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The raw bytes of fields `first..end`, as they stand in the row; empty where there are none.
    pub fn raw(&self, first: usize, end: usize) -> &[u8] {
        match self.spans.get(first..end) {
            Some([one]) => &self.row[one.start as usize..one.end as usize],
            Some([one, .., last]) => &self.row[one.start as usize..last.end as usize],
            _ => &[],
        }
    }
}

/// Undoes the escapes of the text format (manual: COPY, "Text Format"), the rarely written octal and hexadecimal ones
/// included.
fn unescape(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some(backslash) = memchr(b'\\', raw) {
        out.extend_from_slice(&raw[..backslash]);
        let escape = &raw[backslash + 1..];
        let (byte, length) = match escape.first() {
            None => return,
            Some(b'b') => (0x08, 1),
            Some(b'f') => (0x0c, 1),
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(b'v') => (0x0b, 1),
            Some(b'x') => match number(&escape[1..], 16, 2) {
                (_, 0) => (b'x', 1),
                (byte, digits) => (byte, digits + 1),
            },
            Some(b'0'..=b'7') => number(escape, 8, 3),
            Some(other) => (*other, 1),
        };
        out.push(byte);
        raw = &escape[length..];
    }
    out.extend_from_slice(raw);
}

/// A number of up to `most` digits at the start of `text`, and how many digits it has. Three octal digits may exceed a
/// byte; PostgreSQL keeps the low eight bits.
fn number(text: &[u8], radix: u32, most: usize) -> (u8, usize) {
    let digits = text.iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, length) = digits.fold((0, 0), |(value, length), digit| (value * radix + digit, length + 1));
    ((value & 0xff) as u8, length)
}
