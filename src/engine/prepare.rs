//! Opens the source and makes the plan: where every command begins.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::catalog::LeftOut;
use crate::pg::connect::ConnectInfo;
use crate::pg::errors::sqlstate;
use crate::pg::source::{self, CANCEL_LIMIT, Source};
use crate::plan::{self, Plan};
use crate::profile::{Problem, Profile};
use crate::schema::Catalog;

use super::units::Query;

/// What a command needs of the source.
#[derive(Clone, Debug)]
pub struct SourceRequest {
    /// Where.
    pub from: ConnectInfo,
    /// Profile.
    pub profile: Profile,
    /// Command line.
    pub options: plan::Options,
    /// Sessions that read at the same time.
    pub jobs: usize,
    /// Largest key list written into a query ([`crate::closure::LITERAL_KEYS_MAX`] unless a test wants less).
    pub literal_keys_max: u64,
    /// The run's id, part of the sessions' application name.
    pub run_id: String,
    /// Longest wait for a table's lock.
    pub lock_timeout: Duration,
    /// End when somebody waited this long for a lock of ours.
    pub patience: Duration,
}

/// An open source with its plan.
pub struct Prepared {
    /// The source.
    pub source: Arc<Source>,
    /// Its catalog, virtual references included.
    pub catalog: Arc<Catalog>,
    /// The plan.
    pub plan: Arc<Plan>,
}

/// Runs `work`, unless somebody waits too long for a lock that this command holds on the source, or the locks are lost.
/// However it ends before its time, by being dropped too: what the source's server still works on is ended.
///
/// # Errors
/// `work`'s, or `Source` when the command stood back or cannot vouch for what it read.
pub(super) async fn standing_back<T>(
    source: &Source,
    patience: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let busy = Busy { source, is_over: false };
    let done = tokio::select! {
        done = work => done,
        error = source.watch(patience) => Err(error),
    };
    busy.over();
    match done {
        Ok(done) => {
            source.check_hold().await?;
            Ok(done)
        }
        Err(error) => {
            // A query that sends nothing would not notice that its client is gone.
            let _ = tokio::time::timeout(CANCEL_LIMIT, source.cancel()).await;
            Err(error)
        }
    }
}

/// Work on the source's server that nobody may be left to end.
struct Busy<'a> {
    source: &'a Source,
    is_over: bool,
}

impl Busy<'_> {
    fn over(mut self) {
        self.is_over = true;
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Dropped by a runtime that ends: the question needs one of its own.
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            let _ = runtime.block_on(async { tokio::time::timeout(CANCEL_LIMIT, self.source.cancel()).await });
            runtime.shutdown_background();
        };
        std::thread::scope(|scope| drop(scope.spawn(ask)));
    }
}

/// How long commands that move nothing let others wait.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How often a source is opened whose tables were emptied, or whose schema changed, while it was opened.
const ATTEMPTS: u32 = 3;

/// Connects, reads the catalog, decides everything and locks what will be read. Begins anew where a table was emptied or
/// rewritten between the snapshot and the locks: the snapshot would show it empty.
///
/// # Errors
/// `Source`, `Profile`, `Undecided` or `Plan`.
pub async fn prepare(request: &SourceRequest, monitor: &dyn Monitor) -> Result<Prepared> {
    request.from.notes().iter().for_each(|note| monitor.note(note));
    prepare_again(request, monitor).await
}

/// As [`prepare`], with nothing more to say of the connection.
pub(super) async fn prepare_again(request: &SourceRequest, monitor: &dyn Monitor) -> Result<Prepared> {
    let mut attempt = 1;
    loop {
        monitor.phase("connect");
        let what = match open(request, monitor).await {
            Ok((prepared, None)) => return Ok(prepared),
            Ok((_, Some(table))) if attempt == ATTEMPTS => {
                let what = format!("lock tables for reading: {table} was emptied or rewritten meanwhile");
                return Err(Error::new(ErrorKind::Source, what)
                    .with_remedy("run again when nobody runs TRUNCATE or ALTER TABLE"));
            }
            Ok((_, Some(table))) => format!("{table} was emptied or rewritten while it was being locked"),
            Err(error) if attempt < ATTEMPTS && met_a_change(&error) => {
                "the schema changed while it was read".to_owned()
            }
            Err(error) => return Err(error),
        };
        monitor.note(&format!("{what}: beginning anew"));
        attempt += 1;
    }
}

/// The snapshot knows an object that is gone by now: an index that was built anew, a table that was dropped.
fn met_a_change(error: &Error) -> bool {
    match sqlstate(error) {
        Some("XX000") => error.chain().contains("cache lookup failed"),
        Some("42P01" | "3F000") => error.action().starts_with("lock "),
        // The server prints nothing of an index that is gone.
        None => error.kind() == ErrorKind::Unexpected && error.action().starts_with("read the catalog"),
        _ => false,
    }
}

/// Answers beside what it opened a table whose rows the snapshot cannot see any more.
async fn open(request: &SourceRequest, monitor: &dyn Monitor) -> Result<(Prepared, Option<String>)> {
    let options = source::Options {
        jobs: request.jobs,
        application_name: format!("tithe {}", request.run_id),
        lock_timeout: request.lock_timeout,
        row_security: request.profile.source.allow_row_security,
    };
    let source = Source::open(request.from.clone(), options).await?;
    monitor.phase("plan");
    let rules = &request.profile.source;
    let left_out = LeftOut { schemas: &rules.exclude_schemas, tables: &rules.exclude_tables };
    let mut catalog = source.catalog(left_out).await?;
    let plan = plan::make(&mut catalog, &request.profile, &request.options)?;
    let tables: Vec<_> = catalog.tables.iter().collect();
    let busy = Busy { source: &source, is_over: false };
    let locked = source.lock(&tables, request.patience).await;
    busy.over();
    locked?;
    let replaced = source.replaced(&tables).await?;
    let problems = unparsed(&source, &catalog, &request.profile, &request.options.run_time).await?;
    plan::refuse(&request.profile, problems)?;
    Ok((Prepared { source: Arc::new(source), catalog: Arc::new(catalog), plan: Arc::new(plan) }, replaced))
}

/// The profile's SQL that the source's server cannot parse.
///
/// # Errors
/// `Source` when it cannot be asked.
pub(super) async fn unparsed(
    source: &Source,
    catalog: &Catalog,
    profile: &Profile,
    run_time: &str,
) -> Result<Vec<Problem>> {
    let questions = plan::questions(catalog, profile, run_time);
    let texts = questions.iter().map(|question| {
        let table = catalog.table(question.table);
        let data_type = question.of.map(|id| table.column(id).data_type.sql_name.as_str());
        // The other texts stand in queries under several names, so they may use none: one that nobody guesses.
        let alias = if question.is_of_mask { Query::ALIAS } else { "tithe_any_row" };
        source::SqlText { table: &table.name, alias, sql: &question.sql, data_type }
    });
    let texts: Vec<_> = texts.collect();
    let refused = source.refused_texts(&texts).await?;
    let refused: Vec<_> = refused.into_iter().map(|(at, why)| (questions[at].clone(), why)).collect();
    Ok(plan::unanswered(profile, &refused))
}
