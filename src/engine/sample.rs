//! `tithe sample`: the run.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::anonymize::Tally;
use crate::closure::{Budget, Chosen};
use crate::digest::MaskKey;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Recorder};
use crate::pg::connect::{ConnectInfo, Pool};
use crate::pg::dump;
use crate::pg::entries::{Dump, Entry};
use crate::pg::landing;
use crate::pg::sequences::SequencesSet;
use crate::pg::skipped::Skipped;
use crate::pg::source::Source;
use crate::pg::target::Target;
use crate::plan::{DrawSize, Plan};
use crate::report::{CheckReport, Outcome, PhaseReport, RunReport, SchemaReport, SourceReport, TableReport};
use crate::schema::TableKind;
use crate::types::QualifiedName;

use super::choose::Choice;
use super::copy::{self, Arrived};
use super::ending::Ending;
use super::files::{self, FilesInPlace, VaultRequest};
use super::prepare::{Prepared, SourceRequest};
use super::ready::{Confirm, ready};
use super::source_values::SourceValues;
use super::transfer::Transfer;
use super::{empty, evidence, land, leaks, pieces, rollback, trial, usage, worker};
use crate::rate::RateLimit;

/// What to do.
pub struct SampleRequest {
    /// The source and the plan's inputs.
    pub source: SourceRequest,
    /// The target.
    pub to: ConnectInfo,
    /// The masking secret; `None` when TITHE_KEY is not set.
    pub key: Option<MaskKey>,
    /// Limit of the key sets.
    pub memory_bytes: u64,
    /// Limit of bytes read per second.
    pub max_rate: Option<u64>,
    /// Heap that one statement reads at most ([`super::RANGE_BYTES`] unless a test wants less).
    pub range_bytes: u64,
    /// When the run began, ISO 8601.
    pub started_at: String,
    /// What to do with files; `None` leaves them.
    pub vault: Option<VaultRequest>,
    /// Asked once everything is checked and nothing is done; an error ends the run. `None`: go on.
    pub confirm: Option<Confirm>,
    /// Asked once the new rows are in use, where more files would be removed than go without a question: whether they
    /// are to go. `None`: they stay.
    pub confirm_removal: Option<ConfirmRemoval>,
}

/// The question before many files are removed, given what it is about.
pub type ConfirmRemoval = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Cleaning up after a failure must not take longer than a person waits; what is left is marked for the next run.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(15);

/// Runs it. On failure the target is as it was. `stop` ends the run with the error it resolves to, until the swap.
///
/// # Errors
/// Any kind but `Usage` and `Vault`; the one of `stop`.
pub async fn sample(
    request: SampleRequest,
    monitor: Arc<dyn Monitor>,
    stop: impl Future<Output = Error>,
) -> Result<RunReport> {
    let mut stop = pin!(stop);
    let recorder = Arc::new(Recorder::before(monitor));
    let (prepared, target, source_identifier) = tokio::select! {
        ready = ready(&request, &*recorder) => ready?,
        error = &mut stop => return Err(error),
    };
    let source = Arc::clone(&prepared.source);
    let places_files = AtomicBool::new(false);
    let outcome = tokio::select! {
        built = build(&request, &prepared, &target, &recorder, &places_files) => built,
        error = source.watch(request.source.patience) => Err(error),
        error = target.watch() => Err(error),
        error = stop => Err(error),
    };
    // Renaming takes milliseconds and is all or nothing: from here on nobody can stop it halfway.
    let outcome = match outcome {
        Ok(built) => {
            recorder.phase("swap");
            target.swap().await.map(|note| (built, note))
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(((mut report, files), note)) => {
            report.source.system_identifier = source_identifier.map(|number| number.to_string());
            report.notes.extend(note);
            // From here on the old rows are nobody's, and their files may go.
            if let Some(files) = files {
                files.remove_extras(&mut report, request.confirm_removal).await;
            }
            Ok(finish(report, &recorder))
        }
        Err(error) => {
            clean_up(&prepared.source, &target).await;
            match request.vault.as_ref().filter(|_| places_files.load(Ordering::Relaxed)) {
                Some(vault) => Err(rollback::take_back(vault, error).await),
                None => Err(error),
            }
        }
    }
}

/// What was built is of no use; what cannot be dropped now is a marked leftover for the next run.
async fn clean_up(source: &Source, target: &Target) {
    let on_target = async {
        // Without the lock another run may be at work here by now, and what is there may be its own.
        let again = if target.is_lost() { Some(target.reopened().await?) } else { None };
        let target = again.as_ref().unwrap_or(target);
        let _ = target.cancel_others().await;
        target.drop_next().await
    };
    let on_source = async {
        // A query that sends nothing would not notice that its client is gone.
        if source.is_released() { Ok(()) } else { source.cancel().await }
    };
    let both = async { tokio::join!(on_source, on_target) };
    let _ = tokio::time::timeout(CLEAN_UP_LIMIT, both).await;
}

/// Everything up to a proven database under its staging name. Says when it begins to put files in place.
async fn build(
    request: &SampleRequest,
    prepared: &Prepared,
    target: &Arc<Target>,
    recorder: &Arc<Recorder>,
    places_files: &AtomicBool,
) -> Result<(RunReport, Option<FilesInPlace>)> {
    for name in target.remove_leftovers().await? {
        recorder.note(&format!("removed {name}, left behind by a run that was killed"));
    }
    let vault = match &request.vault {
        None => None,
        Some(vault) => Some(files::open(vault).await?),
    };
    let monitor: Arc<dyn Monitor> = Arc::<Recorder>::clone(recorder);
    let monitor = &monitor;
    let budget = Arc::new(Budget::new(request.memory_bytes));
    let rate = RateLimit::new(request.max_rate);
    monitor.phase("choose rows, create the schema");
    let choice = Choice::new(prepared, &budget, &rate, request.source.literal_keys_max, &**monitor);
    let staging = create_schema(request, prepared, target);
    let choosing = async {
        let chosen = choice.choose().await?;
        empty::refuse(&choice, &chosen).await?;
        Ok(chosen)
    };
    let (chosen, mut staging) = tokio::try_join!(choosing, staging)?;
    monitor.phase("copy rows, build indexes");
    let secrets = leaks::secrets(&prepared.catalog, &prepared.plan);
    let constants = leaks::Constants::of(&staging.dump);
    let transfer = Arc::new(Transfer {
        source: Arc::clone(&prepared.source),
        target: Arc::clone(target),
        catalog: Arc::clone(&prepared.catalog),
        plan: Arc::clone(&prepared.plan),
        chosen: Arc::new(chosen),
        key: request.key.clone(),
        source_values: SourceValues::new(Arc::clone(&budget)),
        secrets: secrets.map(Arc::new),
        rate,
        range_bytes: request.range_bytes,
        row_bytes_max: request.memory_bytes / 2,
    });
    trial::run(&transfer, &staging.pool).await?;
    let by_leaf = pieces::by_leaf(&transfer).await?;
    let after_rows = std::mem::take(&mut staging.dump.after_rows);
    let (builds, rest) = copy::split_builds(&transfer.catalog, &by_leaf, after_rows);
    let arrived = copy::run(&transfer, &staging.pool, &by_leaf, builds, monitor).await?;
    monitor.phase("look for leaks");
    let looked = leaks::check(&transfer, &staging.pool, &constants).await?;
    let ending = Ending::read(&transfer).await?;
    // Indexes, proofs, commands and files may take hours that production need not wait for.
    prepared.source.release().await?;
    let finished = complete(request, &transfer, &mut staging, (rest, ending), &**monitor).await?;
    let files = match request.vault.as_ref().zip(vault) {
        None => None,
        Some((vault, session)) => {
            monitor.phase("bring files");
            let wanted =
                files::wanted(&staging.pool, &prepared.catalog, &prepared.plan.files, Some(&transfer.source_values))
                    .await?;
            places_files.store(true, Ordering::Relaxed);
            Some(files::bring(vault, session, wanted, monitor).await?)
        }
    };
    staging.pool.close();
    let mut report = report(request, prepared, &transfer, arrived);
    finished.tell(staging, request, &mut report);
    evidence::tell_leaks(&transfer, &looked, &mut report.tables);
    // Foreign tables are not there.
    let mut kinds = prepared.catalog.tables.iter().map(|table| table.kind);
    report.tables.retain(|_| kinds.next() != Some(TableKind::Foreign));
    report.notes.extend(evidence::idle_masks(&report.tables));
    report.notes.extend(leaks::notes(&looked.report));
    report.checks.push(looked.check);
    report.leaks = looked.report;
    Ok((report, files))
}

/// What came of everything after the rows.
struct Completed {
    proven: usize,
    not_valid: Vec<String>,
    sequences: SequencesSet,
    objects: land::Objects,
    notes: Vec<String>,
    /// What is to be said of owners.
    owners: Vec<String>,
}

/// Foreign keys, the rest of the schema, sequences, settings, the user's commands, and the check of it all.
async fn complete(
    request: &SampleRequest,
    transfer: &Arc<Transfer>,
    staging: &mut Staging,
    (entries, mut ending): (Vec<Entry>, Ending),
    monitor: &dyn Monitor,
) -> Result<Completed> {
    let pool = &staging.pool;
    monitor.phase("prove foreign keys");
    let (attach, rest): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.kind == "INDEX ATTACH");
    // The others are made from the catalog, and proven.
    let stays = |entry: &Entry| transfer.catalog.extension_keys.contains(&entry.oid);
    let rest: Vec<_> = rest.into_iter().filter(|entry| entry.kind != "FK CONSTRAINT" || stays(entry)).collect();
    {
        let client = pool.get().await?;
        landing::run_entries(pool, &client, &attach, &mut staging.skipped).await?;
    }
    let (proven, not_valid) = land::foreign_keys(transfer, pool).await?;
    monitor.phase("finish the schema");
    let sequences = land::sequences(transfer, pool, &ending.next_values).await?;
    let mut notes;
    (ending.settings, notes) = land::settings(transfer, pool, ending.settings).await?;
    notes.extend(ending.sequences_note.take());
    let before = &staging.dump.before_rows;
    land::finish_schema(pool, before, rest, &ending, &mut staging.skipped).await?;
    monitor.phase("check");
    let mut objects = land::check_objects(transfer, pool, &staging.skipped).await?;
    if objects.check.ok == Some(false) {
        return Err(Error::new(ErrorKind::Verification, format!("check the new database: {}", objects.check.detail))
            .with_remedy(
                "nothing was swapped in: the target is as it was; see what its server does to these, and run again",
            ));
    }
    if !request.source.profile.target.after_load.is_empty() {
        monitor.phase("after_load");
        land::after_load(transfer, &request.source.profile, monitor).await?;
        // What migrations change on purpose is no difference: their outcome is what verify holds the target against.
        objects = land::check_objects(transfer, pool, &staging.skipped).await?.with_check(objects.check);
    }
    let owners = land::owners(pool, &staging.dump.owners).await?;
    Ok(Completed { proven, not_valid, sequences, objects, notes, owners })
}

impl Completed {
    /// Writes it into the report.
    fn tell(self, staging: Staging, request: &SampleRequest, report: &mut RunReport) {
        let Self { proven, not_valid, sequences, objects, notes, owners } = self;
        let keys = match not_valid.len() {
            0 => format!("{proven} validated by the target"),
            more => format!(
                "{proven} validated by the target, {more} NOT VALID as in the source or by the profile: {}",
                not_valid.join("; ")
            ),
        };
        report.checks = vec![
            CheckReport::asked("row counts", true, "the target counted every row that was sent"),
            CheckReport::asked("foreign keys", true, keys),
            CheckReport::asked("sequences", true, sequences.told()),
            objects.check,
        ];
        for table in &mut report.tables {
            let name = QualifiedName::new(&table.schema, &table.table);
            table.columns_hash = objects.columns.get(&name).cloned().unwrap_or_default();
        }
        report.schema = SchemaReport {
            foreign_keys: proven as u64,
            not_valid,
            objects: objects.counts,
            object_hashes: objects.hashes,
            invalid_indexes: objects.invalid_indexes,
            after_load: request.source.profile.target.after_load.len() as u64,
        };
        let missing_roles = staging.skipped.missing_roles;
        if missing_roles > 0 {
            report.notes.push(format!("{missing_roles} grants name roles that the target does not have"));
        }
        report.notes.extend(staging.locale_note);
        report.notes.extend(notes);
        report.notes.extend(owners);
        report.notes.extend(staging.skipped.notes);
        report.problems = staging.skipped.problems;
        report.outcome = if report.problems.is_empty() { Outcome::Complete } else { Outcome::Partial };
    }
}

fn finish(mut report: RunReport, recorder: &Recorder) -> RunReport {
    report.phases =
        recorder.phases().into_iter().map(|(name, took)| PhaseReport { name, seconds: took.as_secs_f64() }).collect();
    report.notes.extend(recorder.notes());
    report.peak_memory_bytes = usage::peak_memory_bytes();
    report.cpu_seconds = usage::cpu_seconds();
    report
}

/// The staging database, with the schema's share that comes before the rows.
struct Staging {
    pool: Pool,
    dump: Dump,
    skipped: Skipped,
    /// What had to differ in encoding or locale.
    locale_note: Option<String>,
}

/// Reads the schema and creates it in a fresh staging database, while the keys are being chosen.
async fn create_schema(request: &SampleRequest, prepared: &Prepared, target: &Arc<Target>) -> Result<Staging> {
    let source = &prepared.source;
    let info = source.connector().reached().unwrap_or_else(|| request.source.from.clone());
    let dump_request = dump::Request {
        info: &info,
        server_version: source.server.version_num,
        escapes_in_texts: source.server.escapes_in_texts,
        snapshot: &source.snapshot,
        exclude_schemas: &request.source.profile.source.exclude_schemas,
        exclude_tables: &prepared.catalog.left_out,
    };
    let (dump, locale_note) = tokio::try_join!(dump::run(&dump_request), target.create_next(&source.server))?;
    let pool = target.pool(&target.next(), request.source.jobs + 1)?;
    let client = pool.get().await?;
    let mut skipped = Skipped::new(&prepared.catalog);
    landing::run_entries(&pool, &client, &dump.before_rows, &mut skipped).await?;
    drop(client);
    Ok(Staging { pool, dump, skipped, locale_note })
}

fn report(request: &SampleRequest, prepared: &Prepared, transfer: &Transfer, arrived: Vec<Arrived>) -> RunReport {
    let (source, plan, chosen): (&Source, &Plan, &Chosen) = (&prepared.source, &prepared.plan, &transfer.chosen);
    let mut tables: Vec<TableReport> = prepared
        .catalog
        .tables
        .iter()
        .map(|table| TableReport {
            schema: table.name.schema.clone(),
            table: table.name.name.clone(),
            mode: plan.table(table.id).mode.name().to_owned(),
            rows_source: table.rows_estimate.max(-1.0) as i64,
            not_compared: worker::restated_columns(table, plan),
            format: transfer.format_of(table).name().to_owned(),
            ..TableReport::default()
        })
        .collect();
    for arrived in arrived {
        let (id, moved) = (arrived.table, &arrived.moved);
        let entry = &mut tables[id.index()];
        if plan.brings_rows(id) {
            entry.columns = evidence::columns(prepared.catalog.table(id), &plan.table(id).masks, &arrived);
        }
        entry.rows_copied = moved.rows;
        entry.support = moved.support;
        entry.members = moved.rows - moved.support;
        entry.nulled = moved.nulled;
        entry.bytes = moved.bytes;
        entry.seconds = arrived.seconds;
        entry.checksum = moved.checksum.to_string();
    }
    RunReport {
        run_id: request.source.run_id.clone(),
        seed: plan.draw.seed_text.clone(),
        percent: if let DrawSize::Percent(percent) = plan.draw.size { Some(percent) } else { None },
        rows: if let DrawSize::Rows(rows) = plan.draw.size { Some(rows) } else { None },
        as_of: request.source.options.run_time.clone(),
        source: SourceReport {
            database: source.connector().info().to_string(),
            server_version: source.server.version.clone(),
            snapshot_lsn: source.server.lsn.clone(),
            snapshot_xmin: source.server.snapshot_xmin,
            standby: source.server.standby,
            ..SourceReport::default()
        },
        target: request.to.to_string(),
        started_at: request.started_at.clone(),
        profile: request.source.profile.path.display().to_string(),
        profile_digest: request.source.profile.digest.clone(),
        key_fingerprint: request.key.as_ref().filter(|_| plan.needs_key).map(MaskKey::fingerprint),
        tithe_version: env!("CARGO_PKG_VERSION").to_owned(),
        distinct_error_percent: Tally::ERROR_PERCENT,
        references: evidence::references(&prepared.catalog, plan),
        tables,
        notes: plan.warnings.clone(),
        key_set_bytes: chosen.memory_bytes(),
        ..RunReport::default()
    }
}
