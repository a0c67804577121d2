//! Reads the catalog in a fixed number of queries, whatever the number of tables.
//!
//! `information_schema` is never used: its foreign-key views are empty for a role that only has SELECT, and its
//! `data_type` says USER-DEFINED for enums and ARRAY for arrays.

mod build;
mod rows;

pub use build::LeftOut;
pub use rows::ServerRow;

use serde::de::DeserializeOwned;
use tokio_postgres::Client;

use super::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Catalog;

/// Reads who the server is: one query.
///
/// # Errors
/// The side's kind when the query fails.
pub async fn server(client: &Client, connector: &Connector) -> Result<ServerRow> {
    let mut found: Vec<ServerRow> =
        fetch(client, include_str!("../sql/server.sql"), "read the server's identity", connector).await?;
    found.pop().ok_or_else(|| Error::new(ErrorKind::Unexpected, "read the server's identity: no row"))
}

/// Reads the whole catalog: eight queries and one setting.
///
/// # Errors
/// The side's kind when a query fails.
pub async fn read(client: &Client, left_out: LeftOut<'_>, connector: &Connector) -> Result<Catalog> {
    // With an empty search_path every name that the server prints is qualified. Tables for hashing are made as large as
    // work_mem lets them for what a recursive query may give, before it gives a row: 0.4 s with what copying needs.
    let settings = "SET search_path = ''; SET work_mem = '4MB'";
    client.batch_execute(settings).await.map_err(|e| connector.fail("prepare to read the catalog", e))?;
    macro_rules! query {
        ($file:literal, $what:literal) => {
            fetch(
                client,
                include_str!(concat!("../sql/", $file, ".sql")),
                concat!("read the catalog's ", $what),
                connector,
            )
        };
    }
    let server = server(client, connector).await?;
    let (tables, columns, types, constraints, indexes, sequences, objects) = futures_util::future::try_join4(
        query!("tables", "tables"),
        query!("columns", "columns"),
        query!("types", "types"),
        futures_util::future::try_join4(
            query!("constraints", "constraints"),
            query!("indexes", "indexes"),
            query!("sequences", "sequences"),
            query!("objects", "objects"),
        ),
    )
    .await
    .map(|(t, c, y, (k, i, s, o))| (t, c, y, k, i, s, o))?;
    let rows = build::Rows { server, tables, columns, types, constraints, indexes, sequences, objects };
    Ok(build::build(rows, left_out))
}

/// Runs a catalog query as one JSON value, so that its rows need no positional decoding.
pub(super) async fn fetch<T: DeserializeOwned>(
    client: &Client,
    sql: &str,
    action: &str,
    connector: &Connector,
) -> Result<Vec<T>> {
    let text = format!("SELECT coalesce(json_agg(row_to_json(q)), '[]')::text FROM ({sql}) q");
    let row = client.query_one(&text, &[]).await.map_err(|e| connector.fail(action, e))?;
    serde_json::from_str(row.get(0)).map_err(|cause| Error::new(ErrorKind::Unexpected, action).with_cause(cause))
}
