//! The swap and the way back: renames in one transaction of the maintenance session.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::Target;
use super::marks::{aside_sql, back_sql, is_mark, mark_sql};
use super::rights::Rights;
use crate::error::{Error, ErrorKind, Result};
use crate::pg::quote::ident;

impl Target {
    /// Puts the staging database in the target's place, with the old one's owner and rights; the old one stays as
    /// `__prev`, an older one is dropped after. Answers what could not be carried over.
    ///
    /// # Errors
    /// `Target` when sessions keep the target in use, `Refused` when somebody else's database has a name that is
    /// needed; nothing has changed then.
    pub async fn swap(&self) -> Result<Option<String>> {
        // The preflight was long ago.
        let had_prev = self.refuse_foreign(&self.prev()).await?;
        self.clear_away().await?;
        let old = self.comment(&self.name).await?;
        let rights = Rights::of(&self.maintenance.client, self.server.version_num, &self.name).await;
        let rights = rights.map_err(|e| self.fail(format!("read the rights on the database {}", self.name), e))?;
        let mut sql = String::from("BEGIN;");
        if let Some(comment) = &old {
            if had_prev {
                sql.push_str(&rename_sql(&self.prev(), &self.dropped()));
            }
            sql.push_str(&rename_sql(&self.name, &self.prev()));
            sql.push_str(&aside_sql(&self.prev(), comment, "previous"));
        }
        sql.push_str(&rename_sql(&self.next(), &self.name));
        sql.push_str(&mark_sql(&self.name, Some(&self.run_id), "current"));
        sql.push_str(&rights.iter().map(|rights| rights.sql(&self.name)).collect::<String>());
        sql.push_str("COMMIT");
        let names = [self.name.clone(), self.next(), self.prev()];
        if let Err(error) = self.rename(&sql, &names).await {
            // The server may have done it and died, or the line, before it could say so.
            if !self.is_swapped().await {
                return Err(error);
            }
            let note = "the connection to the target's server broke while the databases changed their names; they have";
            let rights = rights.and_then(|rights| rights.note(&self.name)).map(|note| format!("; {note}"));
            return Ok(Some(format!("{note}: {} is the new one{}", self.name, rights.unwrap_or_default())));
        }
        // The new database is in place; a failure here only leaves a marked leftover for the next run.
        let _ = self.clear_away().await;
        Ok(rights.and_then(|rights| rights.note(&self.name)))
    }

    /// After the session was lost: whether the name is this run's database all the same. Who gets the run lock knows that
    /// the server has ended the old session, which may wait in its COMMIT, and that the answer is final.
    async fn is_swapped(&self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(30);
        let ask = async {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                if !self.maintenance.client.is_closed() {
                    return false;
                }
                if let Ok(again) = self.reopened().await
                    && let Ok(run) = again.run_of(&self.name).await
                {
                    return run.as_deref() == Some(self.run_id.as_str());
                }
            }
        };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(false)
    }

    /// Whether the previous database could be swapped back now: renames both and takes that back.
    ///
    /// # Errors
    /// As `rollback`.
    pub async fn check_rollback(&self) -> Result<()> {
        let way_back = self.way_back().await?;
        self.rename(&format!("BEGIN;{way_back}ROLLBACK"), &[self.name.clone(), self.prev()]).await
    }

    /// Swaps the previous database back; the one it replaces becomes the previous one. Each keeps its owner and rights.
    ///
    /// # Errors
    /// `Target` when there is no previous database of ours, or a session keeps one in use.
    pub async fn rollback(&self) -> Result<()> {
        let way_back = self.way_back().await?;
        self.rename(&format!("BEGIN;{way_back}COMMIT"), &[self.name.clone(), self.prev()]).await
    }

    /// The statements of a rollback.
    async fn way_back(&self) -> Result<String> {
        let prev = self.prev();
        let restored = match self.comment(&prev).await? {
            Some(comment) if is_mark(&comment) => back_sql(&self.name, &comment),
            Some(_) => {
                return Err(Error::new(ErrorKind::Refused, format!("the database {prev} was not put there by tithe")));
            }
            None => {
                return Err(Error::new(
                    ErrorKind::Target,
                    format!("there is no previous database {prev} to go back to"),
                )
                .with_remedy("only the database before the last sample is kept"));
            }
        };
        self.clear_away().await?;
        let away = self.dropped();
        Ok(if let Some(replaced) = self.comment(&self.name).await? {
            format!(
                "{}{}{}{}{restored}",
                rename_sql(&self.name, &away),
                rename_sql(&prev, &self.name),
                rename_sql(&away, &prev),
                aside_sql(&prev, &replaced, "rolled back")
            )
        } else {
            format!("{}{restored}", rename_sql(&prev, &self.name))
        })
    }

    /// Drops what the last swap renamed but could not drop; the name is needed.
    async fn clear_away(&self) -> Result<()> {
        let away = self.dropped();
        if self.refuse_foreign(&away).await? {
            self.drop_database(&away).await?;
        }
        Ok(())
    }

    /// Runs a transaction of renames, ending the sessions that are in the way.
    async fn rename(&self, sql: &str, databases: &[String]) -> Result<()> {
        const TRIES: u32 = 5;
        for attempt in 1..=TRIES {
            self.disconnect(databases).await?;
            match self.maintenance.client.batch_execute(sql).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let _ = self.maintenance.client.batch_execute("ROLLBACK").await;
                    let busy = error.code() == Some(&SqlState::OBJECT_IN_USE);
                    if !busy || attempt == TRIES {
                        let remedy = "close the sessions that use it (an application, psql, a prepared transaction), or run as a role that may end them (pg_signal_backend)";
                        let failed = self.fail(format!("swap the database {}", self.name), error);
                        return Err(if busy { failed.with_remedy(remedy) } else { failed });
                    }
                    tokio::time::sleep(Duration::from_millis(100 * u64::from(attempt))).await;
                }
            }
        }
        Ok(())
    }

    /// Ends the sessions of these databases that the role may end.
    async fn disconnect(&self, databases: &[String]) -> Result<()> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = ANY ($1) AND pid <> pg_backend_pid()";
        let rows = self
            .maintenance
            .client
            .query(sql, &[&databases])
            .await
            .map_err(|e| self.fail("look for sessions on the target", e))?;
        for row in rows {
            let pid: i32 = row.get(0);
            // Refused where the session belongs to a role above ours; the rename then says that it is in use.
            let _ = self.maintenance.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).await;
        }
        Ok(())
    }
}

fn rename_sql(from: &str, to: &str) -> String {
    format!("ALTER DATABASE {} RENAME TO {};", ident(from), ident(to))
}
