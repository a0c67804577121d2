//! The source: read-only sessions on one exported snapshot.
//!
//! A holder session exports the snapshot and keeps ACCESS SHARE locks on what will be read; every other session of the
//! pool imports the snapshot when it opens and stays in its transaction until the source is let go. Nothing is ever
//! written: each transaction is READ ONLY, on a primary as on a standby.

mod meeting;
mod watch;

pub(super) use watch::LOOK_EVERY;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::Client;

use crate::error::{Error, ErrorKind, Result};
use crate::pg::catalog::{self, LeftOut, ServerRow};
use crate::pg::connect::{ConnectInfo, Connector, Pool, Session};
use crate::pg::quote::{ident, literal, qualified};
use crate::schema::{Catalog, Table, TableKind};
use crate::types::QualifiedName;

/// Settings of every session on either side, so that texts read the same whatever the role's or database's defaults.
pub(super) const PINNED: &str = "SET client_encoding = 'UTF8'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
     SET TimeZone = 'UTC'; SET standard_conforming_strings = on; SET extra_float_digits = 1; SET bytea_output = 'hex'; \
     SET quote_all_identifiers = off; SET xmloption = content; \
     SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = ";

/// Switches off the timeouts that younger servers have: a run is one long transaction on the source, and one long
/// silence in the target's maintenance session.
pub(super) fn no_timeouts(server_version: u32) -> &'static str {
    match server_version {
        170_000.. => "SET idle_session_timeout = 0; SET transaction_timeout = 0",
        140_000.. => "SET idle_session_timeout = 0",
        _ => "",
    }
}

/// Longest that ending what the server works on may take.
pub const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// Enough for hashed membership lists and their joins; a session's own limit, taken only while it is needed.
const WORK_MEMORY: &str = "SET work_mem = '128MB'; SET jit = off; ";

/// How the source is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sessions that read rows at the same time.
    pub jobs: usize,
    /// Distinguishes the run's sessions in `pg_stat_activity`.
    pub application_name: String,
    /// Wait for a table's lock at most this long.
    pub lock_timeout: Duration,
    /// Accept what row-level security policies show.
    pub row_security: bool,
}

/// An open source.
pub struct Source {
    /// Whom it talks to.
    pub server: ServerRow,
    /// `pg_export_snapshot()`
    pub snapshot: String,
    /// Of every session that reads rows, as SQL. Texts of reg* types leave out a schema that is on it, so they mean the
    /// same only where the same path is set.
    pub search_path: String,
    connector: Connector,
    holder: Session,
    /// Sees who waits for the run's locks.
    watcher: Session,
    pool: Pool,
    options: Options,
    /// All that is wanted of it has been read.
    released: AtomicBool,
}

/// SQL over the columns of a table.
#[derive(Clone, Copy, Debug)]
pub struct SqlText<'a> {
    /// The table.
    pub table: &'a QualifiedName,
    /// Its name in the query.
    pub alias: &'a str,
    /// The text.
    pub sql: &'a str,
    /// Type of what it gives; `None`: it is a condition.
    pub data_type: Option<&'a str>,
}

impl Source {
    /// Connects, takes the snapshot and prepares the pool.
    ///
    /// # Errors
    /// `Source`, saying what could not be done.
    pub async fn open(info: ConnectInfo, options: Options) -> Result<Self> {
        let connector = Connector::new(info)?;
        let holder = connector.connect().await?;
        // Every further session goes to the server that answered first: another one would not know the snapshot.
        let connector = connector.narrowed();
        let fail = |action: &str, e| connector.fail(format!("{action} on {}", connector.info()), e);
        let watcher = connector.connect().await?;
        meeting::check(&holder.client, &watcher.client, &connector).await?;
        watcher.client.batch_execute(watch::SETTINGS).await.map_err(|e| fail("prepare a session", e))?;
        let settings = settings(&options);
        holder.client.batch_execute(&settings).await.map_err(|e| fail("prepare a session", e))?;
        let version = holder
            .client
            .query_one("SELECT current_setting('server_version_num')::int", &[])
            .await
            .map_err(|e| fail("ask for the version", e))?;
        let no_timeouts = no_timeouts(version.get::<_, i32>(0).unsigned_abs());
        watcher.client.batch_execute(no_timeouts).await.map_err(|e| fail("prepare a session", e))?;
        let settings = format!("{settings}; {no_timeouts}");
        holder.client.batch_execute(&settings).await.map_err(|e| fail("prepare a session", e))?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        holder.client.batch_execute(begin).await.map_err(|e| fail("begin a read-only transaction", e))?;
        let row = holder
            .client
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(|e| fail("export a snapshot", e))?;
        let snapshot: String = row.get(0);
        let server = catalog::server(&holder.client, &connector).await?;
        if server.version_num < 130_000 {
            return Err(Error::new(ErrorKind::Source, format!("the source runs PostgreSQL {}", server.version))
                .with_remedy("tithe reads PostgreSQL 13 and later"));
        }
        // User-defined operators (citext's =, say) must be found; pg_catalog is searched first all the same.
        let path: Vec<String> = server.extension_schemas.iter().map(|schema| ident(schema)).collect();
        let search_path = [vec!["pg_catalog".to_owned()], path].concat().join(", ");
        let in_snapshot = format!(
            "{settings}; SET search_path = {search_path}; {begin}; SET TRANSACTION SNAPSHOT {}",
            literal(&snapshot)
        );
        let pool = Pool::new(connector.clone(), options.jobs, &in_snapshot)?;
        let released = AtomicBool::new(false);
        Ok(Self { server, snapshot, search_path, connector, holder, watcher, pool, options, released })
    }

    /// A session in the snapshot, as soon as one is free.
    ///
    /// # Errors
    /// `Source`; among others where the session reached another server than the holder.
    pub async fn session(&self) -> Result<Object> {
        let session = self.pool.get().await?;
        Ok(session)
    }

    /// A session in the snapshot, if one is free at this moment.
    ///
    /// # Errors
    /// As [`Self::session`].
    pub async fn spare_session(&self) -> Result<Option<Object>> {
        self.pool.get_if_free().await
    }

    /// Reads the catalog under the snapshot's session.
    ///
    /// # Errors
    /// `Source`
    pub async fn catalog(&self, left_out: LeftOut<'_>) -> Result<Catalog> {
        catalog::read(&self.holder.client, left_out, &self.connector).await
    }

    /// Locks the tables in ACCESS SHARE mode until the source is let go, so that nobody drops or alters one under it.
    ///
    /// # Errors
    /// `Source` when a lock is not granted within the limit, or others wait longer than `patience` for those granted.
    pub async fn lock(&self, tables: &[&Table], patience: Duration) -> Result<()> {
        let lockable: Vec<&Table> = tables.iter().copied().filter(|t| t.kind != TableKind::Foreign).collect();
        if lockable.is_empty() {
            return Ok(());
        }
        let sql = crate::pg::members::lock_statement(&lockable);
        let locked = tokio::select! {
            locked = self.holder.client.batch_execute(&sql) => locked,
            error = self.watch_lock(patience) => {
                let _ = tokio::time::timeout(CANCEL_LIMIT, self.cancel()).await;
                return Err(error);
            }
        };
        locked.map_err(|e| {
            let limit = self.options.lock_timeout.as_millis();
            self.fail(format!("lock {} tables for reading (limit {limit} ms)", lockable.len()), e)
        })
    }

    /// The first of the locked tables whose rows lie in another file than the snapshot knows: TRUNCATE, or a rewriting
    /// ALTER TABLE, was committed after the snapshot was taken, and its rows cannot be seen any more.
    ///
    /// # Errors
    /// `Source` when the server cannot be asked.
    pub async fn replaced(&self, tables: &[&Table]) -> Result<Option<String>> {
        let own = |table: &&Table| (table.kind == TableKind::Ordinary).then_some(table.oid);
        let leaves = tables.iter().flat_map(|table| table.leaves.iter().map(|leaf| leaf.oid));
        let oids: Vec<u32> = tables.iter().filter_map(own).chain(leaves).collect();
        // The query reads pg_class as of the snapshot, the function as of now.
        let sql = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.oid = ANY ($1) \
                   AND c.relfilenode IS DISTINCT FROM pg_relation_filenode(c.oid) ORDER BY 1 LIMIT 1";
        let found = self.holder.client.query_opt(sql, &[&oids]).await;
        let found = found.map_err(|e| self.fail("look for tables that were emptied before they were locked", e))?;
        Ok(found.map(|row| row.get(0)))
    }

    /// Lets the server parse texts of SQL; nothing is read. Answers the places of those that it refuses, with what it says.
    ///
    /// # Errors
    /// `Source` when it cannot be asked.
    pub async fn refused_texts(&self, texts: &[SqlText<'_>]) -> Result<Vec<(usize, String)>> {
        let statement = |text: &SqlText<'_>| {
            let condition = match text.data_type {
                None => format!("({}) IS TRUE", text.sql),
                Some(data_type) => format!("(({})::{data_type}) IS NOT NULL", text.sql),
            };
            format!("SELECT 1 FROM {} AS {} WHERE {condition}", qualified(text.table), ident(text.alias))
        };
        let statements: Vec<String> = texts.iter().map(statement).collect();
        let mut refused = Vec::new();
        if statements.is_empty() {
            return Ok(refused);
        }
        // One of those that will read: it finds what they find.
        let session = self.session().await?;
        let client: &Client = &session;
        let mark = |sql: &'static str| async move {
            client.batch_execute(sql).await.map_err(|e| self.fail("ask whether the profile's SQL can be", e))
        };
        mark("SAVEPOINT tithe_asks").await?;
        if client.prepare(&statements.join(" UNION ALL ")).await.is_err() {
            mark("ROLLBACK TO SAVEPOINT tithe_asks").await?;
            for (at, statement) in statements.iter().enumerate() {
                if let Err(error) = client.prepare(statement).await {
                    mark("ROLLBACK TO SAVEPOINT tithe_asks").await?;
                    refused.push((at, self.fail("the source says", error).chain()));
                }
            }
        }
        mark("RELEASE SAVEPOINT tithe_asks").await?;
        Ok(refused)
    }

    /// Asks the server to stop whatever this run's sessions are doing.
    ///
    /// # Errors
    /// `Source` when it cannot be asked.
    pub async fn cancel(&self) -> Result<()> {
        cancel_sessions(&self.connector, &self.options.application_name).await
    }

    /// Where it goes, and how further sessions are opened.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sessions that read at the same time.
    pub fn jobs(&self) -> usize {
        self.options.jobs
    }

    /// The crate's form of an error met in one of the sessions.
    pub fn fail(&self, action: impl Into<String>, error: tokio_postgres::Error) -> Error {
        self.connector.fail(action, error)
    }
}

/// Cancels, then ends, the sessions that carry the application name.
pub(super) async fn cancel_sessions(connector: &Connector, application_name: &str) -> Result<()> {
    let session = connector.connect().await?;
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE application_name = $1 AND usename = current_user AND pid <> pg_backend_pid()";
    session
        .client
        .query_one(sql, &[&application_name])
        .await
        .map_err(|e| connector.fail("cancel the run's queries", e))
        .map(drop)
}

fn settings(options: &Options) -> String {
    format!(
        "SET application_name = {}; {PINNED}{}; {WORK_MEMORY}SET lock_timeout = {}",
        literal(&options.application_name),
        if options.row_security { "on" } else { "off" },
        options.lock_timeout.as_millis()
    )
}
