//! Statements that turn loaded tables into a usable database: entries of the dump, foreign keys, sequences, settings.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::connect::{Connector, Pool};
use super::dump::Entry;
use super::errors::ServerError;
use super::quote::{ident, literal, qualified};
use super::quoting::statements;
use crate::error::{Error, Result};
use crate::schema::{Catalog, Reference, Sequence, TableKind, TypeClass};
use crate::types::{ColumnId, TableId};

/// Kinds of entries whose failure is reported but does not spoil the data: they name roles that may not exist on the
/// target, or things that the role may not own there.
const TOLERATED: &[&str] = &["COMMENT", "ACL", "DEFAULT ACL", "POLICY", "EVENT TRIGGER", "SECURITY LABEL"];

/// What became of entries that were tolerated.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    /// Grants and the like whose role is missing: expected between environments.
    pub missing_roles: usize,
    /// The rest, each with its reason.
    pub problems: Vec<String>,
}

/// Runs entries in order. Runs of strict entries go as one batch each; `views_may_fail` tolerates views whose tables
/// were left out.
///
/// # Errors
/// The target's, naming the entry.
pub async fn run_entries(pool: &Pool, client: &Client, entries: &[Entry], views_may_fail: bool) -> Result<Skipped> {
    let mut skipped = Skipped::default();
    let mut batch: Vec<&Entry> = Vec::new();
    for entry in entries {
        let tolerated = TOLERATED.contains(&entry.kind.as_str())
            || (views_may_fail
                && ["VIEW", "MATERIALIZED VIEW", "RULE", "INDEX", "TRIGGER"].contains(&entry.kind.as_str()));
        if !tolerated {
            batch.push(entry);
            continue;
        }
        run_batch(pool, client, &std::mem::take(&mut batch), &|_, _| None).await?;
        run_tolerated(client, entry, &mut skipped).await;
    }
    run_batch(pool, client, &batch, &|_, _| None).await?;
    Ok(skipped)
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
    run_batch(pool, client, &batch, remedy).await
}

async fn run_batch(
    pool: &Pool,
    client: &Client,
    batch: &[&Entry],
    remedy: &(dyn Fn(&Entry, &ServerError) -> Option<String> + Sync),
) -> Result<()> {
    let sql: String = batch.iter().map(|entry| format!("{}\n", entry.sql)).collect();
    if sql.trim().is_empty() || client.batch_execute(&sql).await.is_ok() {
        return Ok(());
    }
    // The batch was one implicit transaction and left nothing: find the entry that fails.
    for entry in batch {
        client.batch_execute(&entry.sql).await.map_err(|e| match remedy(entry, &e) {
            Some(remedy) => entry_error(pool, entry, e).with_remedy(remedy),
            None => entry_error(pool, entry, e),
        })?;
    }
    Ok(())
}

fn entry_error(pool: &Pool, entry: &Entry, error: tokio_postgres::Error) -> Error {
    let unknown_syntax = error.code() == Some(&SqlState::SYNTAX_ERROR);
    let failed = pool.fail(format!("create {} {} in the target", entry.kind.to_lowercase(), entry.name), error);
    if entry.kind == "EXTENSION" {
        return failed.with_remedy(format!("install the extension {} on the target server", entry.name));
    }
    if unknown_syntax {
        return failed.with_remedy(
            "the target's PostgreSQL is older than the source's or than pg_dump, and does not know this: use a target of the source's version or later",
        );
    }
    failed
}

/// GRANTs of one object come in one entry: those whose role exists are run.
async fn run_tolerated(client: &Client, entry: &Entry, skipped: &mut Skipped) {
    let statements: Vec<&str> = match entry.kind.as_str() {
        "ACL" | "DEFAULT ACL" => statements(&entry.sql),
        _ => vec![&entry.sql],
    };
    for statement in statements {
        if let Err(error) = client.batch_execute(statement).await {
            let code = error.code().map(tokio_postgres::error::SqlState::code).unwrap_or_default().to_owned();
            let role_missing = code == "42704";
            if role_missing && entry.kind != "POLICY" {
                skipped.missing_roles += 1;
            } else if code != "42501" || ["POLICY", "EVENT TRIGGER"].contains(&entry.kind.as_str()) {
                let reason =
                    error.as_db_error().map_or_else(|| "connection failed".to_owned(), |db| db.message().to_owned());
                skipped.problems.push(format!("{} {}: {reason}", entry.kind.to_lowercase(), entry.name));
            }
        }
    }
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

/// Sets a sequence past both what the source handed out and what the loaded rows hold.
pub fn sequence(catalog: &Catalog, sequence: &Sequence) -> String {
    let extreme = if sequence.increment < 0 { ("least", "min") } else { ("greatest", "max") };
    let last = sequence.last_value.map_or_else(|| "NULL::int8".to_owned(), |value| value.to_string());
    let counts = |(table, column): &(TableId, ColumnId)| {
        let class = catalog.table(*table).column(*column).data_type.class;
        class.is_integer() || class == TypeClass::Numeric
    };
    let held = sequence.owned_by.filter(counts).map_or_else(
        || "NULL::int8".to_owned(),
        |(table, column)| {
            let table = catalog.table(table);
            format!(
                "(SELECT {}({})::int8 FROM {})",
                extreme.1,
                ident(&table.column(column).name),
                qualified(&table.name)
            )
        },
    );
    format!(
        "SELECT setval({}::regclass, v) FROM (SELECT {}({last}, {held}) AS v) AS s WHERE v IS NOT NULL;",
        literal(&qualified(&sequence.name)),
        extreme.0
    )
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

/// Settings of lists, whose stored form is SQL already (`GUC_LIST_QUOTE` in PostgreSQL's source).
const LIST_SETTINGS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// A setting of the source database: its name, and the statement that gives it to another one. `None`: it stays behind,
/// since settings of applications and extensions (`app.key`) are a usual place for secrets.
pub type DatabaseSetting = (String, Option<String>);

/// The source database's own settings, for `database`.
///
/// # Errors
/// The source's.
pub async fn database_settings(client: &Client, connector: &Connector, database: &str) -> Result<Vec<DatabaseSetting>> {
    let sql = "SELECT unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
               WHERE d.datname = current_database() AND s.setrole = 0";
    let rows = client.query(sql, &[]).await.map_err(|e| connector.fail("read the database's settings", e))?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let setting: String = row.get(0);
            let (name, value) = setting.split_once('=')?;
            if name.contains('.') {
                return Some((name.to_owned(), None));
            }
            let value = if LIST_SETTINGS.contains(&name) { value.to_owned() } else { literal(value) };
            let statement = format!("ALTER DATABASE {} SET {} TO {value}", ident(database), ident(name));
            Some((name.to_owned(), Some(statement)))
        })
        .collect())
}
