//! From loaded tables to a database that can be swapped in: foreign keys, triggers, sequences, views, settings, the
//! user's own commands, and the proof that everything of the schema is there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::catalog::{self, LeftOut};
use crate::pg::connect::{LIBPQ_VARIABLES, Pool};
use crate::pg::dump::Entry;
use crate::pg::errors::{ServerError, is_foreign_key_violation};
use crate::pg::landing::{self, DatabaseSetting, ForeignKeyStatements, Skipped, Validity};
use crate::profile::{Orphans, Profile};
use crate::report::CheckReport;
use crate::schema::SchemaObject;
use crate::schema::TableKind;
use crate::types::TableId;

use super::transfer::Transfer;
use super::{blame, lanes};

/// A foreign key on its way.
struct Key {
    statements: ForeignKeyStatements,
    /// What to look at first when rows break it: masks on it.
    masked: Option<String>,
}

/// Adds the foreign keys and lets the target prove them; returns how many were proven and which stay NOT VALID.
pub(super) async fn foreign_keys(transfer: &Arc<Transfer>, pool: &Pool) -> Result<(usize, Vec<String>)> {
    let mut keys: Vec<Key> = Vec::new();
    let mut not_valid = Vec::new();
    for reference in &transfer.catalog.references {
        // A partitioned table takes no NOT VALID key before 18, so a valid one stays valid whatever is kept.
        let partitioned = transfer.catalog.table(reference.child).kind == TableKind::Partitioned;
        let kept = transfer.plan.reference(reference.id).orphans == Orphans::Keep && !partitioned;
        let validity = if reference.validated && !kept { Validity::Validated } else { Validity::NotValid };
        if let Some(statements) = landing::foreign_key(&transfer.catalog, reference, validity) {
            if validity == Validity::NotValid {
                not_valid.push(statements.described.clone());
            }
            let masked = blame::of_key(&transfer.catalog, &transfer.plan, reference);
            keys.push(Key { statements, masked });
        }
    }
    let client = pool.get().await?;
    for key in &keys {
        client.batch_execute(&key.statements.add).await.map_err(|e| key.fail(pool, e))?;
    }
    drop(client);
    let proven = keys.len() - not_valid.len();
    let mut by_child: BTreeMap<TableId, Vec<Key>> = BTreeMap::new();
    for key in keys.into_iter().filter(|key| key.statements.validate.is_some()) {
        by_child.entry(key.statements.child).or_default().push(key);
    }
    let mut jobs: Vec<Vec<Key>> = by_child.into_values().collect();
    let size = |job: &Vec<Key>| job.first().map_or(0, |key| transfer.catalog.table(key.statements.child).heap_bytes);
    jobs.sort_by_key(|job| std::cmp::Reverse(size(job)));
    let pool = pool.clone();
    lanes::run(transfer.source.jobs(), jobs, move |job| {
        let pool = pool.clone();
        async move {
            let client = pool.get().await?;
            for key in &job {
                let sql = key.statements.validate.as_deref().unwrap_or_default();
                client.batch_execute(sql).await.map_err(|e| key.fail(&pool, e))?;
            }
            Ok(())
        }
    })
    .await?;
    Ok((proven, not_valid))
}

impl Key {
    /// Rows that break it: by the masks, or in the source already.
    fn fail(&self, pool: &Pool, error: ServerError) -> Error {
        let violated = is_foreign_key_violation(&error);
        let failed = pool.fail(format!("prove the foreign key {} in the target", self.statements.described), error);
        match (violated, &self.masked) {
            (false, _) => failed,
            (true, Some(masked)) => failed.with_remedy(masked),
            (true, None) => failed.with_remedy(
                "the source holds rows that break this key although it counts as validated; say orphans = \"drop\", \"null\" or \"keep\" under [tables.NAME]",
            ),
        }
    }
}

/// Refreshes the materialized views that are populated in the source, then runs what is left of the dump.
pub(super) async fn finish_schema(
    transfer: &Transfer,
    pool: &Pool,
    before: &[Entry],
    rest: &[Entry],
    populated: &[(u32, String)],
) -> Result<Skipped> {
    let client = pool.get().await?;
    let fail = |action: String, e| pool.fail(action, e);
    // A view that needs a primary key is created among these.
    let skipped = landing::run_entries(pool, &client, rest, !transfer.catalog.left_out.is_empty()).await?;
    client
        .batch_execute("SET search_path = \"$user\", public")
        .await
        .map_err(|e| fail("prepare to refresh views".to_owned(), e))?;
    for entry in before.iter().chain(rest).filter(|entry| entry.kind == "MATERIALIZED VIEW") {
        let Some((_, name)) = populated.iter().find(|(oid, _)| *oid == entry.oid) else { continue };
        // It was skipped if a table under it was left out.
        let there = client
            .query_one("SELECT to_regclass($1) IS NOT NULL", &[name])
            .await
            .map_err(|e| fail(format!("look for the materialized view {name}"), e))?;
        if there.get(0) {
            let sql = format!("REFRESH MATERIALIZED VIEW {name}");
            client.batch_execute(&sql).await.map_err(|e| fail(format!("refresh the materialized view {name}"), e))?;
        }
    }
    client.batch_execute("SET search_path = ''").await.map_err(|e| fail("restore the search path".to_owned(), e))?;
    Ok(skipped)
}

/// Sets every sequence past what was handed out.
pub(super) async fn sequences(transfer: &Transfer, pool: &Pool) -> Result<usize> {
    let sql: String = transfer.catalog.sequences.iter().map(|s| landing::sequence(&transfer.catalog, s)).collect();
    let client = pool.get().await?;
    client.batch_execute(&sql).await.map_err(|e| pool.fail("set the sequences", e))?;
    Ok(transfer.catalog.sequences.len())
}

/// Gives the staging database the source database's own settings; those that need more rights are returned.
pub(super) async fn settings(pool: &Pool, settings: Vec<DatabaseSetting>) -> Result<Vec<String>> {
    let client = pool.get().await?;
    let mut left = Vec::new();
    for (name, statement) in settings {
        let Some(statement) = statement else {
            left.push(format!("the database setting {name} stays behind: it may hold a secret"));
            continue;
        };
        if let Err(error) = client.batch_execute(&statement).await {
            left.push(pool.fail(format!("set the database setting {name}"), error).chain());
        }
    }
    Ok(left)
}

/// Runs the profile's `after_load` commands against the staging database.
pub(super) async fn after_load(transfer: &Transfer, profile: &Profile, monitor: &dyn Monitor) -> Result<()> {
    let info = transfer.target.info(&transfer.target.next());
    for command in &profile.target.after_load {
        monitor.note(&format!("after_load: {command}"));
        let mut child = Command::new("sh");
        for variable in LIBPQ_VARIABLES {
            child.env_remove(variable);
        }
        child
            .args(["-c", command])
            .envs(info.libpq_env())
            .env("DATABASE_URL", info.url_for_child())
            .env_remove("TITHE_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let failed = |what: String| {
            Error::new(ErrorKind::Target, format!("after_load command `{command}`: {what}"))
                .with_remedy("the target's old database is untouched; correct the command and run again")
        };
        let not_started = |cause| failed("could not start".to_owned()).with_cause(cause);
        let child = child.spawn().map_err(not_started)?;
        let group = Group::of(&child);
        let output = child.wait_with_output().await.map_err(not_started)?;
        group.disarm();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let tail: Vec<&str> = said.lines().rev().take(3).collect();
            return Err(failed(format!(
                "{}; it said: {}",
                output.status,
                tail.into_iter().rev().collect::<Vec<_>>().join(" / ")
            )));
        }
    }
    Ok(())
}

/// A command with all that it started, which ends with a run that is broken off.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        let number = leader.id().and_then(|id| i32::try_from(id).ok());
        Self(number.and_then(Pid::from_raw))
    }

    /// It came to its end; what it left running is its own affair.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Compares names of schema objects in source and staging database. What is missing counts as a difference, unless
/// it was skipped knowingly or cannot travel. Also returns how many of each kind are there.
pub(super) async fn check_objects(
    transfer: &Transfer,
    pool: &Pool,
    skipped: &Skipped,
) -> Result<(CheckReport, BTreeMap<String, u64>)> {
    let client = pool.get().await?;
    let found = catalog::read(&client, LeftOut { schemas: &[], tables: &[] }, pool.connector()).await?;
    let names = |objects: &[SchemaObject]| -> BTreeSet<(String, String)> {
        objects.iter().map(|object| (object.kind.clone(), object.identity.clone())).collect()
    };
    let (wanted, there) = (names(&transfer.catalog.objects), names(&found.objects));
    let left_out = !transfer.catalog.left_out.is_empty();
    let missing: Vec<String> = wanted
        .difference(&there)
        .filter(|(kind, identity)| !is_excused(kind, identity, skipped, left_out))
        .map(|(kind, identity)| format!("{kind} {identity}"))
        .collect();
    let detail = if missing.is_empty() {
        format!("{} views, functions, types, triggers, policies, indexes and constraints are there", wanted.len())
    } else {
        let shown: Vec<&str> = missing.iter().take(5).map(String::as_str).collect();
        let more = missing.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("missing: {}{more}", shown.join(", "))
    };
    let check = CheckReport::asked("schema objects", missing.is_empty(), detail);
    Ok((check, count_by_kind(&found.objects)))
}

/// Missing for a reason that the report names: it was skipped, or what it stands on was left out.
fn is_excused(kind: &str, identity: &str, skipped: &Skipped, left_out: bool) -> bool {
    let name = identity.split(" on ").next().unwrap_or(identity).trim_matches('"');
    let was_skipped = skipped.problems.iter().any(|problem| problem.starts_with(kind) && problem.contains(name));
    let stands_on_tables = ["view", "materialized view", "rule", "constraint", "index", "trigger"].contains(&kind);
    was_skipped || (left_out && stands_on_tables)
}

/// Number of objects of each kind.
pub(super) fn count_by_kind(objects: &[SchemaObject]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    objects.iter().for_each(|object| *counts.entry(object.kind.clone()).or_default() += 1);
    counts
}
