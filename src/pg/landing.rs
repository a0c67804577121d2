//! Statements that turn loaded tables into a usable database: entries of the dump, foreign keys, views, statistics.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::connect::{Connector, Pool};
use super::database_settings::DatabaseSetting;
use super::entries::Entry;
use super::errors::ServerError;
use super::quote::{ident, qualified};
use super::skipped::{self, Skipped};
use crate::error::{Error, Result};
use crate::schema::{Catalog, Reference, TableKind};
use crate::types::TableId;

/// Runs entries in order. Runs of strict entries go as one batch each; what may fail goes by itself, and `skipped` takes
/// down what did.
///
/// # Errors
/// The target's, naming the entry.
pub async fn run_entries(pool: &Pool, client: &Client, entries: &[Entry], skipped: &mut Skipped) -> Result<()> {
    let mut batch: Vec<&Entry> = Vec::new();
    for entry in entries {
        if !skipped.may_fail(entry) {
            batch.push(entry);
            continue;
        }
        run_batch(pool, client, &std::mem::take(&mut batch), &|_, _| None, skipped.extensions()).await?;
        if skipped.goes_without(entry) {
            continue;
        }
        for statement in skipped::statements_of(entry) {
            if let Err(error) = client.batch_execute(statement).await
                && !skipped.take(entry, &error)
            {
                return Err(entry_error(pool, entry, error, skipped.extensions()));
            }
        }
    }
    run_batch(pool, client, &batch, &|_, _| None, skipped.extensions()).await
}

/// Runs entries that build upon rows; where one fails, `remedy` may know what to do about it.
///
/// # Errors
/// The target's, naming the entry.
pub async fn build(
    pool: &Pool,
    client: &Client,
    entries: &[Entry],
    remedy: &(dyn Fn(&Entry, &ServerError) -> Option<String> + Sync),
) -> Result<()> {
    let batch: Vec<&Entry> = entries.iter().collect();
    run_batch(pool, client, &batch, remedy, &[]).await
}

async fn run_batch(
    pool: &Pool,
    client: &Client,
    batch: &[&Entry],
    remedy: &(dyn Fn(&Entry, &ServerError) -> Option<String> + Sync),
    extensions: &[String],
) -> Result<()> {
    let sql: String = batch.iter().map(|entry| format!("{}\n", entry.sql)).collect();
    if sql.trim().is_empty() || client.batch_execute(&sql).await.is_ok() {
        return Ok(());
    }
    // The batch was one implicit transaction and left nothing: find the entry that fails.
    for entry in batch {
        client.batch_execute(&entry.sql).await.map_err(|e| match remedy(entry, &e) {
            Some(remedy) => entry_error(pool, entry, e, extensions).with_remedy(remedy),
            None => entry_error(pool, entry, e, extensions),
        })?;
    }
    Ok(())
}

/// `extensions` are those that could not be created.
fn entry_error(pool: &Pool, entry: &Entry, error: tokio_postgres::Error, extensions: &[String]) -> Error {
    let unknown_syntax = error.code() == Some(&SqlState::SYNTAX_ERROR);
    let is_absent = skipped::says_absent(&error);
    let failed = pool.fail(format!("create {} {} in the target", entry.kind.to_lowercase(), entry.name), error);
    if entry.kind == "EXTENSION" {
        return failed.with_remedy(format!("install the extension {} on the target server", entry.name));
    }
    if unknown_syntax {
        return failed.with_remedy(
            "the target's PostgreSQL is older than the source's or than pg_dump, and does not know this: use a target of the source's version or later",
        );
    }
    if is_absent && !extensions.is_empty() {
        return failed.with_remedy(format!(
            "the target's role may not create {}, of which this may be a part: land as a superuser, or have the extension marked as trusted on the target server",
            extensions.join(", ")
        ));
    }
    failed
}

/// The statements that add a foreign key and prove it. Apart on ordinary tables: adding takes a lock on the parent for
/// a moment only, and proofs of different children run side by side (adding in parallel deadlocks on cyclic pairs).
#[derive(Clone, Debug)]
pub struct ForeignKeyStatements {
    /// Referencing table.
    pub child: TableId,
    /// For messages.
    pub described: String,
    /// ALTER TABLE … ADD CONSTRAINT.
    pub add: String,
    /// ALTER TABLE … VALIDATE CONSTRAINT; `None` where adding proves already, or where it stays NOT VALID.
    pub validate: Option<String>,
}

/// How a foreign key arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Proven by the target.
    Validated,
    /// NOT VALID, as in the source or as the profile says.
    NotValid,
}

/// Statements for a foreign key of the catalog; `None` for virtual references.
pub fn foreign_key(catalog: &Catalog, reference: &Reference, validity: Validity) -> Option<ForeignKeyStatements> {
    let key = reference.foreign_key.as_ref()?;
    let partitioned = catalog.table(reference.child).kind == TableKind::Partitioned
        || catalog.table(reference.parent).kind == TableKind::Partitioned;
    let only = if catalog.table(reference.child).kind == TableKind::Partitioned { "" } else { "ONLY " };
    let on = qualified(&key.on);
    let name = ident(&reference.name);
    let definition = key.definition.strip_suffix(" NOT VALID").unwrap_or(&key.definition);
    let direct = partitioned && validity == Validity::Validated;
    let suffix = if direct { "" } else { " NOT VALID" };
    Some(ForeignKeyStatements {
        child: reference.child,
        described: format!("{} ({})", reference.name, catalog.describe(reference)),
        add: format!("ALTER TABLE {only}{on} ADD CONSTRAINT {name} {definition}{suffix}"),
        validate: (validity == Validity::Validated && !direct)
            .then(|| format!("ALTER TABLE {on} VALIDATE CONSTRAINT {name}")),
    })
}

/// Populated materialized views of the source, by oid, with their names as SQL.
///
/// # Errors
/// The source's.
pub async fn populated_views(client: &Client, connector: &Connector) -> Result<Vec<(u32, String)>> {
    let sql = "SELECT c.oid, format('%I.%I', n.nspname, c.relname) FROM pg_class c \
               JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated";
    let rows = client.query(sql, &[]).await.map_err(|e| connector.fail("read materialized views", e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Fills a materialized view, under those of the source's settings that have a say in what it holds.
///
/// # Errors
/// The target's.
pub async fn refresh(pool: &Pool, client: &Client, view: &str, settings: &[DatabaseSetting]) -> Result<()> {
    let refreshed = under(client, settings, &format!("REFRESH MATERIALIZED VIEW {view}")).await;
    refreshed.map_err(|error| pool.fail(format!("refresh the materialized view {view}"), error))
}

/// Runs a statement under those of the source's settings that have a say in what queries give.
async fn under(
    client: &Client,
    settings: &[DatabaseSetting],
    statement: &str,
) -> std::result::Result<(), tokio_postgres::Error> {
    let path = "SET LOCAL search_path = \"$user\", public".to_owned();
    let set: Vec<String> =
        std::iter::once(path).chain(settings.iter().filter_map(DatabaseSetting::for_transaction)).collect();
    let done = client.batch_execute(&format!("BEGIN; {}; {statement}; COMMIT", set.join("; "))).await;
    if done.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    done
}

/// Makes statistics of what had none when the tables were analysed: materialized views, and what extended statistics
/// are about. Both may call functions that look for tables as the source's sessions do.
///
/// # Errors
/// The target's.
pub async fn analyse_late(pool: &Pool, client: &Client, settings: &[DatabaseSetting]) -> Result<()> {
    let sql = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE (c.relkind = 'm' AND c.relispopulated \
                      OR c.relkind IN ('r', 'p') AND c.oid IN (SELECT stxrelid FROM pg_statistic_ext)) \
                 AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
                 AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1";
    let rows = client.query(sql, &[]).await.map_err(|e| pool.fail("look for what is to be analysed", e))?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let analysed = under(client, settings, &format!("ANALYZE {}", names.join(", "))).await;
    analysed.map_err(|e| pool.fail("analyse materialized views", e))
}
