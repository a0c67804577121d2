//! From loaded tables to a database that can be swapped in: foreign keys, triggers, sequences, views, settings, the
//! user's own commands, and the proof that everything of the schema is there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::catalog::{self, LeftOut};
use crate::pg::connect::{LIBPQ_VARIABLES, Pool};
use crate::pg::database_settings::DatabaseSetting;
use crate::pg::entries::{Entry, Owner, guards_apart};
use crate::pg::errors::{ServerError, is_foreign_key_violation};
use crate::pg::landing::{self, ForeignKeyStatements, Validity};
use crate::pg::quote::ident;
use crate::pg::sequences::{self, NextValues, SequencesSet};
use crate::pg::skipped::Skipped;
use crate::pg::{landed, owners};
use crate::profile::{Orphans, Profile};
use crate::report::CheckReport;
use crate::schema::{Catalog, SchemaObject, TableKind};
use crate::types::{QualifiedName, TableId};

use super::ending::Ending;
use super::transfer::Transfer;
use super::worker::columns_hash;
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

/// Runs what is left of the dump, and fills the materialized views that are populated in the source, before anything
/// stands that could keep the role from it.
pub(super) async fn finish_schema(
    pool: &Pool,
    before: &[Entry],
    rest: Vec<Entry>,
    ending: &Ending,
    skipped: &mut Skipped,
) -> Result<()> {
    let client = pool.get().await?;
    let (guards, rest) = guards_apart(rest);
    // A view that needs a primary key is created among these.
    landing::run_entries(pool, &client, &rest, skipped).await?;
    for entry in before.iter().chain(&rest).filter(|entry| entry.kind == "MATERIALIZED VIEW") {
        let Some((_, name)) = ending.populated.iter().find(|(oid, _)| *oid == entry.oid) else { continue };
        // It was skipped if a table under it was left out.
        let there = client
            .query_one("SELECT to_regclass($1) IS NOT NULL", &[name])
            .await
            .map_err(|e| pool.fail(format!("look for the materialized view {name}"), e))?;
        if there.get(0) {
            landing::refresh(pool, &client, name, &ending.settings).await?;
        }
    }
    landing::analyse_late(pool, &client, &ending.settings).await?;
    landing::run_entries(pool, &client, &guards, skipped).await
}

/// Sets every sequence past what was handed out.
pub(super) async fn sequences(transfer: &Transfer, pool: &Pool, next: &NextValues) -> Result<SequencesSet> {
    let client = pool.get().await?;
    sequences::set(pool, &client, &transfer.catalog, next).await
}

/// Gives the staging database the source database's own settings; returns those that it took, and what is to be said
/// of those that stay behind.
pub(super) async fn settings(
    transfer: &Transfer,
    pool: &Pool,
    settings: Vec<DatabaseSetting>,
) -> Result<(Vec<DatabaseSetting>, Vec<String>)> {
    let client = pool.get().await?;
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for setting in settings {
        let name = &setting.name;
        let Some(statement) = setting.for_database(&transfer.target.next()) else {
            left.push(format!("the database setting {name} stays behind: it may hold a secret"));
            continue;
        };
        match client.batch_execute(&statement).await {
            Ok(()) => taken.push(setting),
            Err(error) => left.push(pool.fail(format!("set the database setting {name}"), error).chain()),
        }
    }
    Ok((taken, left))
}

/// Gives what landed to its owners, as far as the role may; answers notes on the rest.
pub(super) async fn owners(pool: &Pool, owners: &[Owner]) -> Result<Vec<String>> {
    let client = pool.get().await?;
    owners::give(pool, &client, owners).await
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

/// Of a foreign key that counts as a constraint already: its triggers are switched on.
const IN_FORCE: &str = "foreign key in force";

/// What stands in the new database beside tables.
pub(super) struct Objects {
    /// Nothing of the source's is missing.
    pub(super) check: CheckReport,
    /// How many of each kind are there.
    pub(super) counts: BTreeMap<String, u64>,
    /// Their [`object_hash`]es.
    pub(super) hashes: BTreeSet<String>,
    /// By table: a hash of its columns' names.
    pub(super) columns: BTreeMap<QualifiedName, String>,
    /// Indexes that cannot be used.
    pub(super) invalid_indexes: Vec<String>,
}

impl Objects {
    /// These, with what was found before.
    pub(super) fn with_check(self, check: CheckReport) -> Self {
        Self { check, ..self }
    }
}

/// Compares names of schema objects in source and staging database. What is missing counts as a difference, unless
/// it was skipped knowingly or cannot travel.
pub(super) async fn check_objects(transfer: &Transfer, pool: &Pool, skipped: &Skipped) -> Result<Objects> {
    let client = pool.get().await?;
    let found = catalog::read(&client, LeftOut { schemas: &[], tables: &[] }, pool.connector()).await?;
    let invalid = landed::unusable_indexes(&client, pool.connector()).await?;
    let key = |object: &SchemaObject| (object.kind.clone(), object.identity.clone());
    let there: BTreeSet<(String, String)> = found.objects.iter().map(key).collect();
    let wanted = &transfer.catalog.objects;
    let missing: Vec<String> = wanted
        .iter()
        .filter(|object| !there.contains(&key(object)) && !is_excused(&transfer.catalog, object, skipped))
        .map(|object| format!("{} {}", object.kind, object.identity))
        .collect();
    let detail = if missing.is_empty() {
        format!(
            "{} views, functions, types, triggers, policies, indexes and constraints are there",
            count_by_kind(wanted).values().sum::<u64>()
        )
    } else {
        let shown: Vec<&str> = missing.iter().take(5).map(String::as_str).collect();
        let more = missing.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("missing: {}{more}", shown.join(", "))
    };
    Ok(Objects {
        check: CheckReport::asked("schema objects", missing.is_empty(), detail),
        counts: count_by_kind(&found.objects),
        hashes: found.objects.iter().map(object_hash).collect(),
        columns: found.tables.iter().map(|table| (table.name.clone(), columns_hash(table))).collect(),
        invalid_indexes: invalid.iter().map(ToString::to_string).collect(),
    })
}

/// Missing for a reason that the report names: it was skipped, or it is a foreign key into a table that was left out.
fn is_excused(catalog: &Catalog, object: &SchemaObject, skipped: &Skipped) -> bool {
    let leads_out = |name: &String| {
        [name.clone(), ident(name)].iter().any(|name| object.identity.starts_with(&format!("{name} on ")))
    };
    let is_key = ["constraint", IN_FORCE].contains(&object.kind.as_str());
    let was_cut = || is_key && catalog.cut_references.iter().any(|(_, _, name)| leads_out(name));
    skipped.has(object) || was_cut()
}

/// By what a report knows an object again.
pub(super) fn object_hash(object: &SchemaObject) -> String {
    digest::short_hash(&[&object.kind, &object.identity])
}

/// Number of objects of each kind.
pub(super) fn count_by_kind(objects: &[SchemaObject]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let counted = objects.iter().filter(|object| object.kind != IN_FORCE);
    counted.for_each(|object| *counts.entry(object.kind.clone()).or_default() += 1);
    counts
}
