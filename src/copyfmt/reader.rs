//! Chunks of a COPY stream into whole rows.
//!
//! The server sends one row per message in practice, but nothing promises it: a chunk may hold the header and rows, or
//! a part of a row. A row that lies within one chunk shares its memory; only rows cut by a chunk's end are copied.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::{
    EXTENSION_MAX_BYTES, Format, ROW_MAX_BYTES, RowError, SIGNATURE, field_count, field_length, read_i16, read_i32,
};

/// Cuts a stream into rows: [`Self::push`] a chunk, take rows by [`Self::next_row`] until there is none, and so on;
/// [`Self::finish`] when the stream ends.
#[derive(Debug)]
pub struct RowReader {
    format: Format,
    stage: Stage,
    chunk: Bytes,
    // Not empty while a row is cut by a chunk's end; then `chunk` is empty.
    cut: BytesMut,
    // Bytes already searched for a line end, so that a row in many chunks is not searched again from its start.
    searched: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    Rows,
    Ended,
}

enum Measure {
    Incomplete,
    Row(usize),
    /// An end marker of so many bytes.
    End(usize),
}

impl RowReader {
    /// A reader at the start of a stream.
    pub fn new(format: Format) -> Self {
        let stage = if format == Format::Binary { Stage::Header } else { Stage::Rows };
        Self { format, stage, chunk: Bytes::new(), cut: BytesMut::new(), searched: 0 }
    }

    /// Takes the stream's next chunk.
    pub fn push(&mut self, chunk: Bytes) {
        if self.cut.is_empty() && self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            self.park();
            self.cut.extend_from_slice(&chunk);
        }
    }

    /// The next complete row, or `None` when another chunk is needed. Binary rows begin with their field count; text
    /// rows come without line end.
    ///
    /// # Errors
    /// The stream is not COPY data of this format.
    pub fn next_row(&mut self) -> Result<Option<Bytes>, RowError> {
        if self.stage == Stage::Header {
            let Some(length) = header_length(self.rest())? else {
                self.park();
                return Ok(None);
            };
            self.take(length);
            self.stage = Stage::Rows;
        }
        if self.rest().is_empty() {
            return Ok(None);
        }
        if self.stage == Stage::Ended {
            return Err(RowError::AfterEnd);
        }
        let measure = match self.format {
            Format::Binary => measure_binary(self.rest())?,
            Format::Text => self.measure_text()?,
        };
        match measure {
            Measure::Incomplete => {
                self.park();
                Ok(None)
            }
            Measure::Row(length) => {
                let mut row = self.take(length);
                if self.format == Format::Text {
                    row.truncate(length - 1);
                }
                Ok(Some(row))
            }
            Measure::End(length) => {
                self.take(length);
                self.stage = Stage::Ended;
                if self.rest().is_empty() { Ok(None) } else { Err(RowError::AfterEnd) }
            }
        }
    }

    /// Checks that the stream ended where it may: binary streams after their end marker, text after a whole row.
    ///
    /// # Errors
    /// It ended elsewhere, or rows are left untaken.
    pub fn finish(self) -> Result<(), RowError> {
        let ended = self.stage == Stage::Ended || self.format == Format::Text;
        if ended && self.rest().is_empty() { Ok(()) } else { Err(RowError::NoEnd) }
    }

    fn rest(&self) -> &[u8] {
        if self.cut.is_empty() { &self.chunk } else { &self.cut }
    }

    /// Moves what is left of the chunk to where the next chunk can be appended.
    fn park(&mut self) {
        if !self.chunk.is_empty() {
            self.cut.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
        }
    }

    fn take(&mut self, length: usize) -> Bytes {
        self.searched = 0;
        if !self.cut.is_empty() {
            self.cut.split_to(length).freeze()
        } else if length == self.chunk.remaining() {
            std::mem::take(&mut self.chunk)
        } else {
            self.chunk.split_to(length)
        }
    }

    fn measure_text(&mut self) -> Result<Measure, RowError> {
        let rest = self.rest();
        let found = memchr(b'\n', &rest[self.searched..]).map(|offset| self.searched + offset);
        let length = found.map_or(rest.len(), |at| at + 1);
        if length > ROW_MAX_BYTES {
            return Err(RowError::TooLong);
        }
        // A value of this text would come as `\\.`, so it can only be the old protocol's end marker.
        let is_end = rest[..length] == *b"\\.\n";
        match found {
            Some(_) if is_end => Ok(Measure::End(length)),
            Some(_) => Ok(Measure::Row(length)),
            None => {
                self.searched = length;
                Ok(Measure::Incomplete)
            }
        }
    }
}

/// Bytes of the header, or `None` while it is incomplete.
fn header_length(stream: &[u8]) -> Result<Option<usize>, RowError> {
    let known = stream.len().min(SIGNATURE.len());
    if stream[..known] != SIGNATURE[..known] {
        return Err(RowError::Signature);
    }
    let (Some(flags), Some(extension)) = (read_i32(stream, 11), read_i32(stream, 15)) else { return Ok(None) };
    // The upper half marks what a reader must understand; the only such flag ever, row oids, is gone since 12.
    let extension = usize::try_from(extension).map_err(|_| RowError::Header)?;
    if flags >> 16 != 0 || extension > EXTENSION_MAX_BYTES {
        return Err(RowError::Header);
    }
    let length = SIGNATURE.len() + 8 + extension;
    Ok((stream.len() >= length).then_some(length))
}

fn measure_binary(stream: &[u8]) -> Result<Measure, RowError> {
    let Some(stated) = read_i16(stream, 0) else { return Ok(Measure::Incomplete) };
    let Some(count) = field_count(stated)? else { return Ok(Measure::End(2)) };
    let mut at = 2;
    for _ in 0..count {
        let Some(stated) = read_i32(stream, at) else { return Ok(Measure::Incomplete) };
        at += 4 + field_length(stated)?.unwrap_or(0);
        // Checked here, before the reader waits for (and stores) bytes that may never come.
        if at > ROW_MAX_BYTES {
            return Err(RowError::TooLong);
        }
    }
    Ok(if at <= stream.len() { Measure::Row(at) } else { Measure::Incomplete })
}
