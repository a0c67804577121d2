//! Rows of PostgreSQL's COPY, binary and text: chunks into rows, rows into fields, fields into rows.
//!
//! Knows the wire format (manual: COPY, "Text Format" and "Binary Format") and nothing of types, masks or sockets.
//! Bytes come from a server and are not trusted: every length is checked before it is used or allocated, and no input
//! can cause a panic. Errors name places, never values.
//!
//! ```text
//! chunks ─RowReader─▶ row (Bytes, shares the chunk) ─Fields─▶ field slices ─RowWriter─▶ chunk for COPY FROM
//!
//! binary  signature 11 · flags i32 · extension length i32 │ count i16 (length i32, bytes)… │ … │ -1 i16
//! text    a<TAB>\N<TAB>c\\d<LF>
//! ```

mod fields;
mod reader;
mod writer;

use std::fmt;

pub use fields::Fields;
pub use reader::RowReader;
pub use writer::RowWriter;

/// How rows are written on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `FORMAT binary`
    #[default]
    Binary,
    /// `FORMAT text` with the default delimiter and NULL
    Text,
}

impl Format {
    /// As COPY and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Text => "text",
        }
    }
}

/// Start of a binary stream.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Most bytes of a row: what PostgreSQL itself can put into one message.
const ROW_MAX_BYTES: usize = 1 << 30;
/// Most fields of a row: PostgreSQL's MaxTupleAttributeNumber.
const FIELDS_MAX: usize = 1664;
/// Most bytes of a header extension; no server has sent one so far.
const EXTENSION_MAX_BYTES: usize = 1 << 16;

/// Why bytes are not rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowError {
    /// The stream does not begin as binary COPY data do.
    Signature,
    /// The header asks for something this reader does not know (a critical flag, a huge extension).
    Header,
    /// A row ends before its fields do.
    Truncated,
    /// A row goes on after its last field.
    Surplus,
    /// A row states an impossible number of fields.
    FieldCount(i16),
    /// A field states an impossible length.
    FieldLength(i32),
    /// A row or field is longer than PostgreSQL can send.
    TooLong,
    /// Bytes follow the end marker.
    AfterEnd,
    /// The stream stopped before its end marker, or within a row.
    NoEnd,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("the COPY stream does not begin with the binary signature"),
            Self::Header => f.write_str("the COPY header asks for an unknown extension"),
            Self::Truncated => f.write_str("a COPY row ends before its fields do"),
            Self::Surplus => f.write_str("a COPY row goes on after its last field"),
            Self::FieldCount(count) => write!(f, "a COPY row states {count} fields"),
            Self::FieldLength(length) => write!(f, "a COPY field states a length of {length} bytes"),
            Self::TooLong => write!(f, "a COPY row is longer than {ROW_MAX_BYTES} bytes"),
            Self::AfterEnd => f.write_str("the COPY stream goes on after its end marker"),
            Self::NoEnd => f.write_str("the COPY stream stopped in the middle"),
        }
    }
}

impl std::error::Error for RowError {}

/// The two bytes at `at` as a big-endian number.
fn read_i16(bytes: &[u8], at: usize) -> Option<i16> {
    bytes.get(at..)?.first_chunk().map(|word| i16::from_be_bytes(*word))
}

/// The four bytes at `at` as a big-endian number.
fn read_i32(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|word| i32::from_be_bytes(*word))
}

/// A tuple's field count, or `None` for the end marker.
fn field_count(stated: i16) -> Result<Option<usize>, RowError> {
    match usize::try_from(stated) {
        Ok(count) if count <= FIELDS_MAX => Ok(Some(count)),
        Err(_) if stated == -1 => Ok(None),
        _ => Err(RowError::FieldCount(stated)),
    }
}

/// A field's length, or `None` for NULL.
fn field_length(stated: i32) -> Result<Option<usize>, RowError> {
    match usize::try_from(stated) {
        Ok(length) if length <= ROW_MAX_BYTES => Ok(Some(length)),
        Err(_) if stated == -1 => Ok(None),
        _ => Err(RowError::FieldLength(stated)),
    }
}

#[cfg(test)]
mod tests;
