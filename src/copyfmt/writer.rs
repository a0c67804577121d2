//! Fields into rows for COPY FROM.

use super::{Format, ROW_MAX_BYTES, RowError, SIGNATURE};

/// Appends rows of one format to a buffer: [`Self::header`], then per row [`Self::begin_row`], a call per field,
/// [`Self::end_row`]; at last [`Self::trailer`].
#[derive(Clone, Debug)]
pub struct RowWriter {
    format: Format,
    // The next field of a text row is not its first, so that a tab goes before it.
    within_row: bool,
}

impl RowWriter {
    /// A writer of `format`.
    pub fn new(format: Format) -> Self {
        Self { format, within_row: false }
    }

    /// The stream's start.
    pub fn header(&self, out: &mut Vec<u8>) {
        if self.format == Format::Binary {
            out.extend_from_slice(SIGNATURE);
            out.extend_from_slice(&[0; 8]);
        }
    }

    /// Starts a row of `count` fields.
    ///
    /// # Errors
    /// More fields than a row can have.
    pub fn begin_row(&mut self, count: usize, out: &mut Vec<u8>) -> Result<(), RowError> {
        if count > super::FIELDS_MAX {
            return Err(RowError::FieldCount(i16::try_from(count).unwrap_or(i16::MAX)));
        }
        self.within_row = false;
        if self.format == Format::Binary {
            // Below FIELDS_MAX, so the cast keeps it.
            out.extend_from_slice(&(count as i16).to_be_bytes());
        }
        Ok(())
    }

    /// Appends a field's value; `None` is NULL.
    ///
    /// # Errors
    /// The value is longer than PostgreSQL can take.
    pub fn field(&mut self, value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), RowError> {
        if value.is_some_and(|bytes| bytes.len() > ROW_MAX_BYTES) {
            return Err(RowError::TooLong);
        }
        match (self.format, value) {
            (Format::Binary, None) => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            (Format::Binary, Some(bytes)) => {
                // At most ROW_MAX_BYTES, so the cast keeps it.
                out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
                out.extend_from_slice(bytes);
            }
            (Format::Text, value) => {
                self.separate(out);
                match value {
                    None => out.extend_from_slice(b"\\N"),
                    Some(bytes) => escape(bytes, out),
                }
            }
        }
        Ok(())
    }

    /// Appends fields as they stand in another row of the same format, from [`super::Fields::raw`]; at least one.
    pub fn raw_fields(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        if self.format == Format::Text {
            self.separate(out);
        }
        out.extend_from_slice(raw);
    }

    /// Ends the row.
    pub fn end_row(&mut self, out: &mut Vec<u8>) {
        self.within_row = false;
        if self.format == Format::Text {
            out.push(b'\n');
        }
    }

    /// The stream's end.
    pub fn trailer(&self, out: &mut Vec<u8>) {
        if self.format == Format::Binary {
            out.extend_from_slice(&(-1_i16).to_be_bytes());
        }
    }

    fn separate(&mut self, out: &mut Vec<u8>) {
        if self.within_row {
            out.push(b'\t');
        }
        self.within_row = true;
    }
}

/// Escapes as the server itself does, so that rows split and joined again compare equal byte by byte.
fn escape(value: &[u8], out: &mut Vec<u8>) {
    let mut plain = 0;
    for (at, byte) in value.iter().enumerate() {
        let letter = match byte {
            b'\\' => b'\\',
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            _ => continue,
        };
        out.extend_from_slice(&value[plain..at]);
        out.extend_from_slice(&[b'\\', letter]);
        plain = at + 1;
    }
    out.extend_from_slice(&value[plain..]);
}
