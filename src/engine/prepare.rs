//! Opens the source and makes the plan: where every command begins.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::monitor::Monitor;
use crate::pg::catalog::LeftOut;
use crate::pg::connect::ConnectInfo;
use crate::pg::source::{self, Source};
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
///
/// # Errors
/// `work`'s, or `Source` when the command stood back or cannot vouch for what it read.
pub(super) async fn standing_back<T>(
    source: &Source,
    patience: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        done = work => {
            let done = done?;
            source.check_hold().await?;
            Ok(done)
        }
        error = source.watch(patience) => Err(error),
    }
}

/// How long commands that move nothing let others wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Connects, reads the catalog, decides everything and locks what will be read.
///
/// # Errors
/// `Source`, `Profile`, `Undecided` or `Plan`.
pub async fn prepare(request: &SourceRequest, monitor: &dyn Monitor) -> Result<Prepared> {
    monitor.phase("connect");
    let options = source::Options {
        jobs: request.jobs,
        application_name: format!("tithe {}", request.run_id),
        lock_timeout: request.lock_timeout,
        row_security: request.profile.source.allow_row_security,
    };
    request.from.notes().iter().for_each(|note| monitor.note(note));
    let source = Source::open(request.from.clone(), options).await?;
    monitor.phase("plan");
    let rules = &request.profile.source;
    let left_out = LeftOut { schemas: &rules.exclude_schemas, tables: &rules.exclude_tables };
    let mut catalog = source.catalog(left_out).await?;
    let plan = plan::make(&mut catalog, &request.profile, &request.options)?;
    let tables: Vec<_> = catalog.tables.iter().collect();
    source.lock(&tables).await?;
    let problems = unparsed(&source, &catalog, &request.profile, &request.options.run_time).await?;
    plan::refuse(&request.profile, problems)?;
    Ok(Prepared { source: Arc::new(source), catalog: Arc::new(catalog), plan: Arc::new(plan) })
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
