//! The target server's databases: the staging database of a run, the swap, the way back.
//!
//! Owns names. A run's databases carry its id in COMMENT ON DATABASE (`marks`); one without the mark is never dropped
//! nor renamed over. All of it happens on one session in the maintenance database, which holds the advisory lock that
//! lets one run at a time work on a target.

mod marks;
mod rights;
mod swap;

use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::error::{Error, ErrorKind, Result};
use crate::pg::catalog::{self, ServerRow};
use crate::pg::connect::{ConnectInfo, Connector, Pool, Session};
use crate::pg::quote::{ident, literal};
use crate::pg::source::{LOOK_EVERY, PINNED, no_timeouts};

use marks::{mark_sql, marked_run};

/// A database is marked in a second statement, since CREATE DATABASE cannot be part of a transaction. Until then it is
/// known by this connection limit together with admitting nobody: so nothing of anybody's can be in it.
const UNMARKED_LIMIT: i32 = 10_101;

/// What a server or its tools need; a swap would take them away.
const NOT_FOR_RUNS: [&str; 3] = ["postgres", "template0", "template1"];

/// PostgreSQL truncates names to 63 bytes without a word; `__prev` and `__drop` need six.
const NAME_MAX_BYTES: usize = 57;

/// An open target.
pub struct Target {
    /// Whom it talks to.
    pub server: ServerRow,
    /// `pg_control_system()`, where the role may ask.
    pub system_identifier: Option<i64>,
    maintenance: Session,
    connector: Connector,
    name: String,
    run_id: String,
    application_name: String,
}

impl Target {
    /// Connects to the maintenance database of the target's server and takes the run lock.
    ///
    /// # Errors
    /// `Target`; `Locked` while another run works on the same target.
    pub async fn open(info: ConnectInfo, run_id: &str) -> Result<Self> {
        let name = info.dbname().to_owned();
        if name.len() > NAME_MAX_BYTES {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("the target's name {name:?} is longer than {NAME_MAX_BYTES} bytes"),
            )
            .with_remedy(
                "PostgreSQL would cut the names of its staging and previous databases; choose a shorter name",
            ));
        }
        // A database cannot be renamed from within itself.
        let (usual, spare) = if name == "postgres" { ("template1", "postgres") } else { ("postgres", "template1") };
        let connector = Connector::new(info.with_dbname(usual))?;
        let (connector, maintenance) = match connector.connect().await {
            Ok(session) => (connector, session),
            Err(first) if spare == name => return Err(first),
            Err(first) => {
                let other = connector.with_dbname(spare);
                match other.connect().await {
                    Ok(session) => (other, session),
                    Err(_) => return Err(first),
                }
            }
        };
        // Not the source's name: both may be one server and one role, and whoever ends the source's sessions must not
        // end this one, which still has to drop what was built.
        let application_name = format!("tithe {run_id} target");
        let settings =
            format!("SET application_name = {}; {PINNED}off; SET search_path = pg_catalog", literal(&application_name));
        maintenance
            .client
            .batch_execute(&settings)
            .await
            .map_err(|e| connector.fail("prepare a session on the target", e))?;
        let server = catalog::server(&maintenance.client, &connector).await?;
        if server.version_num < 130_000 {
            return Err(Error::new(ErrorKind::Target, format!("the target runs PostgreSQL {}", server.version))
                .with_remedy("tithe writes to PostgreSQL 13 and later"));
        }
        maintenance
            .client
            .batch_execute(no_timeouts(server.version_num))
            .await
            .map_err(|e| connector.fail("prepare a session on the target", e))?;
        let system_identifier = system_identifier(&maintenance.client).await;
        Ok(Self {
            server,
            system_identifier,
            maintenance,
            connector,
            name,
            run_id: run_id.to_owned(),
            application_name,
        })
    }

    /// Takes the run lock of this target. Tries for a moment: the session of a run that was killed just now may still
    /// be busy, and notices only afterwards.
    ///
    /// # Errors
    /// `Locked` while another run holds it.
    pub async fn lock(&self) -> Result<()> {
        const TRIES: u32 = 15;
        for attempt in 1..=TRIES {
            let row = self
                .maintenance
                .client
                .query_one("SELECT pg_try_advisory_lock(hashtextextended('tithe ' || $1, 0))", &[&self.name])
                .await
                .map_err(|e| self.fail("take the run lock", e))?;
            if row.get(0) && !self.is_locked_elsewhere().await? {
                return Ok(());
            }
            if attempt < TRIES {
                // Whoever came in by another database at the same moment must not wait for us, and we for him.
                let unlock = "SELECT pg_advisory_unlock_all()";
                self.maintenance.client.batch_execute(unlock).await.map_err(|e| self.fail("take the run lock", e))?;
                tokio::time::sleep(Duration::from_millis(150 + u64::from(std::process::id() % 8) * 20)).await;
            }
        }
        Err(Error::new(ErrorKind::Locked, format!("another run works on the target {}", self.name)))
    }

    /// Locks are a database's own, and another role may have come in by another one.
    async fn is_locked_elsewhere(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT FROM pg_locks o JOIN pg_locks m \
                   ON (m.classid, m.objid, m.objsubid) = (o.classid, o.objid, o.objsubid) \
                   WHERE m.pid = pg_backend_pid() AND m.locktype = 'advisory' \
                     AND o.locktype = 'advisory' AND o.granted AND o.pid <> m.pid AND o.database <> m.database)";
        let row = self.maintenance.client.query_one(sql, &[]).await;
        row.map(|row| row.get(0)).map_err(|e| self.fail("take the run lock", e))
    }

    /// Waits until the session that holds the run lock is gone: returns with the error that ends the run, or never.
    pub async fn watch(&self) -> Error {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.maintenance.client.batch_execute("SELECT 1").await {
                return self.fail("hold the run lock on the target's server", error);
            }
        }
    }

    /// Another session in place of one that ended, with the lock again.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::lock`].
    pub async fn reopened(&self) -> Result<Self> {
        let again = Self::open(self.info(&self.name), &self.run_id).await?;
        again.lock().await?;
        Ok(again)
    }

    /// Whether the session is gone, and the run lock with it.
    pub fn is_lost(&self) -> bool {
        self.maintenance.client.is_closed()
    }

    /// The target database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `<target>__next`
    pub fn next(&self) -> String {
        format!("{}__next", self.name)
    }

    /// `<target>__prev`
    pub fn prev(&self) -> String {
        format!("{}__prev", self.name)
    }

    /// Sets up sessions into a database of this server, at most `max_connections`.
    ///
    /// # Errors
    /// `Target`
    pub fn pool(&self, database: &str, max_connections: usize) -> Result<Pool> {
        // Commits of the load need not wait for the disk: the swap's own commit does, and carries all before it.
        let settings = format!(
            "SET application_name = {}; {PINNED}off; SET search_path = ''; SET check_function_bodies = off; \
             SET synchronous_commit = off; SET jit = off; SET client_min_messages = warning; SET lock_timeout = 0; {}",
            literal(&self.application_name),
            no_timeouts(self.server.version_num)
        );
        Pool::new(self.connector.with_dbname(database), max_connections, &settings)
    }

    /// Where sessions into `database` go.
    pub fn info(&self, database: &str) -> ConnectInfo {
        self.connector.reached().unwrap_or_else(|| self.connector.info().clone()).with_dbname(database)
    }

    /// Checks everything that could stop the run at its end: rights, standby, foreign databases in the way.
    ///
    /// # Errors
    /// `Target` or `Refused`
    pub async fn preflight(&self) -> Result<()> {
        if self.server.standby {
            return Err(Error::new(ErrorKind::Target, "the target server is a standby and cannot be written")
                .with_remedy("give the address of its primary, or of another server"));
        }
        self.refuse_server_databases().await?;
        let row = self
            .maintenance
            .client
            .query_one("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user", &[])
            .await
            .map_err(|e| self.fail("check rights", e))?;
        if !row.get::<_, bool>(0) {
            return Err(Error::new(
                ErrorKind::Target,
                format!("the role {} may not create databases", self.server.role),
            )
            .with_remedy(format!("ALTER ROLE {} CREATEDB, or use another role", ident(&self.server.role))));
        }
        for name in [self.name.clone(), self.next(), self.prev(), self.dropped()] {
            if self.owns(&name).await? == Some(false) {
                return Err(Error::new(
                    ErrorKind::Target,
                    format!(
                        "the role {} does not own the database {name}, so it could not be swapped",
                        self.server.role
                    ),
                )
                .with_remedy(format!(
                    "ALTER DATABASE {} OWNER TO {}",
                    ident(&name),
                    ident(&self.server.role)
                )));
            }
        }
        for name in [self.next(), self.prev(), self.dropped()] {
            self.refuse_foreign(&name).await?;
        }
        Ok(())
    }

    async fn refuse_server_databases(&self) -> Result<()> {
        let sql = "SELECT datistemplate FROM pg_database WHERE datname = $1";
        let row = self.maintenance.client.query_opt(sql, &[&self.name]).await;
        let is_template = row.map_err(|e| self.fail("look for databases", e))?.is_some_and(|row| row.get(0));
        if !is_template && !NOT_FOR_RUNS.contains(&self.name.as_str()) {
            return Ok(());
        }
        let what = if is_template { "a template for new databases" } else { "the server's own" };
        Err(Error::new(ErrorKind::Refused, format!("the target {} is {what}", self.name))
            .with_remedy("give --to a database of its own; one that does not exist yet is made"))
    }

    /// Answers whether the database is there; it is a run's then.
    ///
    /// # Errors
    /// `Refused` where it is somebody else's.
    async fn refuse_foreign(&self, name: &str) -> Result<bool> {
        match self.is_ours(name).await? {
            Some(false) => {
                Err(Error::new(ErrorKind::Refused, format!("a database {name} exists that no run of tithe made"))
                    .with_remedy("rename or drop it: tithe needs the name"))
            }
            ours => Ok(ours.is_some()),
        }
    }

    /// Drops what killed runs left behind; returns the names.
    ///
    /// # Errors
    /// `Target`
    pub async fn remove_leftovers(&self) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        for name in [self.next(), self.dropped()] {
            if self.is_ours(&name).await? == Some(true) {
                self.drop_database(&name).await?;
                removed.push(name);
            }
        }
        Ok(removed)
    }

    fn dropped(&self) -> String {
        format!("{}__drop", self.name)
    }

    /// Creates the staging database with the source's encoding and locale; `Some` tells of a locale it had to do
    /// without.
    ///
    /// # Errors
    /// `Target`
    pub async fn create_next(&self, source: &ServerRow) -> Result<Option<String>> {
        let next = self.next();
        let base = format!(
            "CREATE DATABASE {} TEMPLATE template0 ALLOW_CONNECTIONS false CONNECTION LIMIT {UNMARKED_LIMIT} ENCODING {}",
            ident(&next),
            literal(&source.database_encoding)
        );
        let mut locale = format!(" LC_COLLATE {} LC_CTYPE {}", literal(&source.collate), literal(&source.ctype));
        if self.server.version_num >= 150_000 {
            match (source.locale_provider.as_deref(), &source.icu_locale) {
                (Some("i"), Some(icu)) => locale.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(icu))),
                (Some("b"), Some(name)) if self.server.version_num >= 170_000 => {
                    locale.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(name)));
                }
                _ => locale.push_str(" LOCALE_PROVIDER libc"),
            }
        }
        let mut note = self.lost_locale(source);
        if let Err(error) = self.maintenance.client.batch_execute(&format!("{base}{locale}")).await {
            let unknown_locale = error.code().is_some_and(|code| {
                [SqlState::WRONG_OBJECT_TYPE, SqlState::INVALID_PARAMETER_VALUE, SqlState::UNDEFINED_OBJECT]
                    .contains(code)
            });
            if !unknown_locale {
                return Err(self.fail(format!("create the database {next}"), error));
            }
            self.execute(&base, || format!("create the database {next}")).await?;
            note = Some(format!("the target has no locale {}; its own default orders texts", source.collate));
        }
        let open = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT -1;", ident(&next));
        let sql = format!("BEGIN;{}{open}COMMIT", mark_sql(&next, Some(&self.run_id), "staging"));
        self.execute(&sql, || format!("mark the database {next}")).await?;
        Ok(note)
    }

    /// What a server of this version cannot be told of how the source sorts.
    fn lost_locale(&self, source: &ServerRow) -> Option<String> {
        let version = self.server.version_num;
        let (what, since) = match source.locale_provider.as_deref()? {
            "i" if version < 150_000 => ("ICU locale", 15),
            "b" if version < 170_000 => ("builtin locale", 17),
            _ => return None,
        };
        let name = source.icu_locale.as_deref().unwrap_or_default();
        Some(format!(
            "the source's {what} {name} needs PostgreSQL {since} on the target; {} orders texts there instead",
            source.collate
        ))
    }

    /// Drops the staging database, if it is there.
    ///
    /// # Errors
    /// `Target`
    pub async fn drop_next(&self) -> Result<()> {
        let next = self.next();
        if self.is_ours(&next).await? == Some(true) {
            self.drop_database(&next).await?;
        }
        Ok(())
    }

    async fn drop_database(&self, name: &str) -> Result<()> {
        let sql = format!("DROP DATABASE IF EXISTS {}", ident(name));
        let forced = self.maintenance.client.batch_execute(&format!("{sql} WITH (FORCE)")).await;
        match forced {
            // An ordinary role may not end autovacuum's workers; a plain DROP has the server do it.
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                self.execute(&sql, || format!("drop the database {name}")).await
            }
            done => done.map_err(|e| self.fail(format!("drop the database {name}"), e)),
        }
    }

    /// Ends this run's other sessions on the target, so that the staging database can be dropped.
    ///
    /// # Errors
    /// `Target` when the server cannot be asked.
    pub async fn cancel_others(&self) -> Result<()> {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE application_name = $1 AND usename = current_user AND pid <> pg_backend_pid()";
        let ended = self.maintenance.client.query_one(sql, &[&self.application_name]).await;
        ended.map(drop).map_err(|e| self.fail("end the run's sessions", e))
    }

    /// The crate's form of an error met on the target.
    pub fn fail(&self, action: impl Into<String>, error: tokio_postgres::Error) -> Error {
        self.connector.fail(action, error)
    }

    /// COMMENT ON DATABASE of `name`: `None` when there is no such database, empty when it has none.
    ///
    /// # Errors
    /// `Target`
    pub async fn comment(&self, name: &str) -> Result<Option<String>> {
        let sql = "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1";
        let row =
            self.maintenance.client.query_opt(sql, &[&name]).await.map_err(|e| self.fail("look for databases", e))?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Whether a run made the database: by its mark, or by what it has before it is marked. `None` when there is no
    /// such database.
    async fn is_ours(&self, name: &str) -> Result<Option<bool>> {
        let sql = "SELECT coalesce(shobj_description(oid, 'pg_database'), ''), NOT datallowconn AND datconnlimit = $2 \
                   FROM pg_database WHERE datname = $1";
        let row = self.maintenance.client.query_opt(sql, &[&name, &UNMARKED_LIMIT]).await;
        let row = row.map_err(|e| self.fail("look for databases", e))?;
        Ok(row.map(|row| marks::is_mark(row.get(0)) || row.get(1)))
    }

    /// The run that a database carries in its mark.
    ///
    /// # Errors
    /// `Target`
    pub async fn run_of(&self, name: &str) -> Result<Option<String>> {
        let comment = self.comment(name).await?.unwrap_or_default();
        Ok(marked_run(&comment).map(str::to_owned))
    }

    async fn owns(&self, name: &str) -> Result<Option<bool>> {
        let sql = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = $1";
        let row =
            self.maintenance.client.query_opt(sql, &[&name]).await.map_err(|e| self.fail("look for databases", e))?;
        Ok(row.map(|row| row.get(0)))
    }

    async fn execute(&self, sql: &str, action: impl Fn() -> String) -> Result<()> {
        self.maintenance.client.batch_execute(sql).await.map_err(|e| self.fail(action(), e))
    }
}

/// The cluster's identity, which its physical copies share; `None` where the role may not ask.
pub async fn system_identifier(client: &tokio_postgres::Client) -> Option<i64> {
    // Asked first: a refusal would spoil the transaction that the session may be in.
    let may = "SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')";
    if !client.query_one(may, &[]).await.ok()?.try_get(0).unwrap_or(false) {
        return None;
    }
    let row = client.query_one("SELECT system_identifier FROM pg_catalog.pg_control_system()", &[]).await.ok()?;
    row.try_get(0).ok()
}
