//! Rows into the target: one COPY FROM STDIN, fed in batches.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::{Client, CopyInSink};

use super::quote::{ident, qualified};
use crate::copyfmt::Format;
use crate::types::QualifiedName;

/// Bytes gathered before they are handed to the connection. Larger saves wake-ups, smaller keeps both servers busy at
/// the same time; 64 KB to 256 KB measured alike.
pub const BATCH_BYTES: usize = 128 * 1024;

/// How rows enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// The table was emptied in this transaction, so rows can be stored as already vacuumed.
    Yes,
    /// Partitioned tables refuse it.
    No,
}

/// An open COPY. Dropped without `finish`: no rows remain.
pub struct Loader {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    batch: Vec<u8>,
    sent_bytes: u64,
}

/// What a COPY took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Counted by the server.
    pub rows: u64,
    /// Sent, with the format's frame.
    pub bytes: u64,
}

impl Loader {
    /// Begins `COPY table (columns) FROM STDIN`.
    ///
    /// # Errors
    /// The server's.
    pub async fn open(
        client: &Client,
        table: &QualifiedName,
        columns: &[&str],
        format: Format,
        freeze: Freeze,
    ) -> Result<Self, tokio_postgres::Error> {
        let names: Vec<String> = columns.iter().map(|name| ident(name)).collect();
        let format = if format == Format::Binary { "binary" } else { "text" };
        let freeze = if freeze == Freeze::Yes { ", FREEZE" } else { "" };
        // A table may have no column to fill; an empty list is a syntax error, no list means just that.
        let list = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let sql = format!("COPY {}{list} FROM STDIN (FORMAT {format}{freeze})", qualified(table));
        let sink = client.copy_in(&sql).await?;
        Ok(Self { sink: Box::pin(sink), batch: Vec::with_capacity(BATCH_BYTES + 16 * 1024), sent_bytes: 0 })
    }

    /// Where rows are written; call [`Self::flush_full`] after each.
    pub fn batch(&mut self) -> &mut Vec<u8> {
        &mut self.batch
    }

    /// The batch has reached its size.
    pub fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_BYTES
    }

    /// Sends the batch when it is full. The connection's own queue is bounded, so this waits for a slow target.
    ///
    /// # Errors
    /// The server's.
    pub async fn flush_full(&mut self) -> Result<(), tokio_postgres::Error> {
        if self.is_full() { self.flush().await } else { Ok(()) }
    }

    /// Sends rows that were gathered elsewhere, after those of the own batch.
    ///
    /// # Errors
    /// The server's.
    pub async fn send(&mut self, rows: Vec<u8>) -> Result<(), tokio_postgres::Error> {
        self.flush().await?;
        self.hand_over(rows).await
    }

    async fn flush(&mut self) -> Result<(), tokio_postgres::Error> {
        let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_BYTES + 16 * 1024));
        self.hand_over(full).await
    }

    async fn hand_over(&mut self, rows: Vec<u8>) -> Result<(), tokio_postgres::Error> {
        self.sent_bytes += rows.len() as u64;
        if rows.is_empty() { Ok(()) } else { self.sink.send(Bytes::from(rows)).await }
    }

    /// Completes the COPY.
    ///
    /// # Errors
    /// The server's.
    pub async fn finish(mut self) -> Result<Loaded, tokio_postgres::Error> {
        self.flush().await?;
        Ok(Loaded { rows: self.sink.as_mut().finish().await?, bytes: self.sent_bytes })
    }
}
