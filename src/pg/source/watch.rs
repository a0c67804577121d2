//! The hold on the source: that it stands while rows are read, that it gives way to others, and its end.
//!
//! A snapshot lives on in any session that imported it, the locks only in the one that took them. Were that one ended
//! alone, a TRUNCATE could take rows away that the run would then read as if they had never been.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Source;
use crate::error::{Error, ErrorKind, Result};

/// Of the session that looks around.
pub(super) const SETTINGS: &str = "SET application_name = 'tithe watch'; SET search_path = pg_catalog; \
    SET default_transaction_read_only = on; SET statement_timeout = '10s'";

/// How often the watch looks around.
pub(in crate::pg) const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Source {
    /// Waits until the source can be read no longer: somebody else (a migration, say) has waited on this run's locks
    /// for `patience`, or the locks are gone. Returns with the error that ends the run, or never.
    pub async fn watch(&self, patience: Duration) -> Error {
        let ended = self.look_around(patience, true).await;
        if self.is_released() { pending().await } else { ended }
    }

    /// The same while the holder waits for its locks, and can answer nothing else.
    pub(super) async fn watch_lock(&self, patience: Duration) -> Error {
        // As a rule all locks are there by then.
        tokio::time::sleep(LOOK_EVERY).await;
        self.look_around(patience, false).await
    }

    async fn look_around(&self, patience: Duration, asks_holder: bool) -> Error {
        match self.someone_waits(patience, asks_holder).await {
            Ok(waiting) => Error::new(
                ErrorKind::Source,
                format!(
                    "a session of the source waited {} s for a lock that this run holds ({waiting})",
                    patience.as_secs()
                ),
            )
            .with_remedy("the run stood back; run again when the migration is done, or raise --yield-to-ddl"),
            Err(error) => error,
        }
    }

    /// Sees who waits since when by looking again and again: other sessions' start times are hidden from plain roles.
    async fn someone_waits(&self, patience: Duration, asks_holder: bool) -> Result<String> {
        let sql = "SELECT l.pid, l.mode || ' on ' || coalesce(l.relation::regclass::text, '?') FROM pg_locks l \
             WHERE NOT l.granted AND EXISTS (SELECT FROM pg_stat_activity m \
               WHERE m.application_name = $1 AND m.pid = ANY (pg_blocking_pids(l.pid)))";
        let mut waiting: HashMap<i32, Instant> = HashMap::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if asks_holder {
                self.check_hold().await?;
            }
            let rows = self
                .watcher
                .client
                .query(sql, &[&self.options.application_name])
                .await
                .map_err(|e| self.fail("watch for waiting sessions", e))?;
            let seen: Vec<(i32, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            waiting.retain(|pid, _| seen.iter().any(|(now, _)| now == pid));
            for (pid, what) in seen {
                if waiting.entry(pid).or_insert_with(Instant::now).elapsed() + LOOK_EVERY > patience {
                    return Ok(what);
                }
            }
        }
    }

    /// Whether the session that took the locks is still in its transaction.
    ///
    /// # Errors
    /// `Source` when it is not: what was read may lack rows.
    pub async fn check_hold(&self) -> Result<()> {
        self.ask_holder("SELECT 1").await
    }

    /// Ends all sessions, and with them snapshot and locks, once the last row is read; answers whether they stood until
    /// then.
    ///
    /// # Errors
    /// As [`Self::check_hold`].
    pub async fn release(&self) -> Result<()> {
        // From here on the holder's end is no fault.
        self.released.store(true, Ordering::Release);
        // COMMIT alone would pass in a transaction that has failed.
        self.ask_holder("SELECT 1; COMMIT").await?;
        self.pool.close();
        self.holder.task.abort();
        self.watcher.task.abort();
        Ok(())
    }

    /// Whether [`Self::release`] was called.
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    async fn ask_holder(&self, sql: &str) -> Result<()> {
        self.holder.client.batch_execute(sql).await.map_err(|e| {
            self.fail("hold the snapshot and the locks on the source's server", e).with_remedy(
                "without them rows may be missing; run again, and let whatever ends idle transactions there spare the \
                 sessions called tithe",
            )
        })
    }
}
