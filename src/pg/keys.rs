//! Key columns of selected rows, streamed in binary.

use futures_util::TryStreamExt;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::closure::{Key, KeyKind};
use crate::copyfmt::{Fields, Format, RowReader};
use crate::error::{Error, ErrorKind, Result};

/// A group of adjacent result columns that make one key.
#[derive(Clone, Copy, Debug)]
pub struct KeyColumns {
    /// How it is held.
    pub kind: KeyKind,
    /// Number of result columns.
    pub width: usize,
}

/// Runs `SELECT` as binary COPY and hands each row's fields to `each`; returns the number of rows. `pace` waits until
/// that many bytes may be read.
///
/// # Errors
/// What `fail` makes of a server error, and `each`'s own.
pub async fn stream(
    client: &Client,
    select: &str,
    pace: impl AsyncFn(usize),
    fail: impl Fn(tokio_postgres::Error) -> Error,
    mut each: impl FnMut(&Fields) -> Result<()>,
) -> Result<u64> {
    let stream = client.copy_out(&format!("COPY ({select}) TO STDOUT (FORMAT binary)")).await.map_err(&fail)?;
    let mut stream = std::pin::pin!(stream);
    let mut reader = RowReader::new(Format::Binary);
    let mut fields = Fields::default();
    let mut rows = 0;
    let damaged = |cause| Error::new(ErrorKind::Source, "read keys: not COPY data").with_cause(cause);
    while let Some(chunk) = stream.try_next().await.map_err(&fail)? {
        pace(chunk.len()).await;
        reader.push(chunk);
        while let Some(row) = reader.next_row().map_err(damaged)? {
            fields.split(row, Format::Binary).map_err(damaged)?;
            each(&fields)?;
            rows += 1;
        }
    }
    Ok(rows)
}

/// Runs a SELECT of texts and hands each row to `each`.
///
/// # Errors
/// What `fail` makes of a server error, and `each`'s own.
pub async fn texts(
    client: &Client,
    select: &str,
    fail: impl Fn(tokio_postgres::Error) -> Error,
    mut each: impl FnMut(&[Option<&str>]) -> Result<()>,
) -> Result<()> {
    let no_parameters: [&(dyn ToSql + Sync); 0] = [];
    let rows = client.query_raw(select, no_parameters).await.map_err(&fail)?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(&fail)? {
        let texts: Vec<Option<&str>> = (0..row.len()).map(|at| row.get(at)).collect();
        each(&texts)?;
    }
    Ok(())
}

/// The keys that lie side by side in a row; `None` where one is NULL.
pub fn split_keys(fields: &Fields, first: usize, columns: &[KeyColumns]) -> Vec<Option<Key>> {
    let mut at = first;
    columns
        .iter()
        .map(|key| {
            let parts: Vec<Option<&[u8]>> = (at..at + key.width).map(|index| fields.get(index)).collect();
            at += key.width;
            Key::from_fields(key.kind, &parts)
        })
        .collect()
}
