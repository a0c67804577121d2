//! Rows of a SELECT, one after the other, by COPY in either format.

use std::pin::Pin;

use futures_util::TryStreamExt;
use tokio_postgres::{Client, CopyOutStream};

use super::connect::Connector;
use crate::copyfmt::{Fields, Format, RowReader};
use crate::error::{Error, Result};

/// An open COPY TO STDOUT. The session is busy until the last row was taken; dropped earlier, it has to be ended.
pub struct RowStream<'c> {
    stream: Pin<Box<CopyOutStream>>,
    reader: RowReader,
    format: Format,
    fields: Fields,
    connector: &'c Connector,
    action: String,
}

impl<'c> RowStream<'c> {
    /// Runs `select`; `action` says what is read, for messages.
    ///
    /// # Errors
    /// The side's kind.
    pub async fn open(
        client: &Client,
        connector: &'c Connector,
        select: &str,
        format: Format,
        action: String,
    ) -> Result<Self> {
        let written = if format == Format::Binary { "binary" } else { "text" };
        let sql = format!("COPY ({select}) TO STDOUT (FORMAT {written})");
        let stream = client.copy_out(&sql).await.map_err(|e| connector.fail(&*action, e))?;
        Ok(Self {
            stream: Box::pin(stream),
            reader: RowReader::new(format),
            format,
            fields: Fields::default(),
            connector,
            action,
        })
    }

    /// The next row.
    ///
    /// # Errors
    /// The side's kind, also for bytes that are no rows.
    pub async fn next(&mut self) -> Result<Option<&Fields>> {
        let kind = self.connector.info().side().kind();
        let damaged = |action: &str, cause| Error::new(kind, format!("{action}: not COPY data")).with_cause(cause);
        loop {
            if let Some(row) = self.reader.next_row().map_err(|cause| damaged(&self.action, cause))? {
                self.fields.split(row, self.format).map_err(|cause| damaged(&self.action, cause))?;
                return Ok(Some(&self.fields));
            }
            match self.stream.try_next().await.map_err(|e| self.connector.fail(&*self.action, e))? {
                Some(chunk) => self.reader.push(chunk),
                None => return Ok(None),
            }
        }
    }
}
