//! Opens the source and makes the plan: where every command begins.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::catalog::LeftOut;
use crate::pg::connect::ConnectInfo;
use crate::pg::source::{self, Source};
use crate::plan::{self, Plan};
use crate::profile::Profile;
use crate::schema::{Catalog, Table};

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

/// Runs `work`, unless somebody waits too long for a lock that this command holds on the source.
///
/// # Errors
/// `work`'s, or `Source` when the command stood back.
pub(super) async fn standing_back<T>(
    source: &Source,
    patience: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        done = work => done,
        error = source.watch_for_waiters(patience) => Err(error),
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
    for (key, table, predicate) in predicates(&catalog, &plan) {
        source.check_predicate(table, predicate).await.map_err(|cause| {
            Error::new(ErrorKind::Profile, format!("{}: {key} {predicate:?}", request.profile.path.display()))
                .with_cause(cause)
                .with_remedy(
                    "correct the condition: SQL over the table's columns, with names as PostgreSQL writes them",
                )
        })?;
    }
    Ok(Prepared { source: Arc::new(source), catalog: Arc::new(catalog), plan: Arc::new(plan) })
}

/// Every condition of the profile with its key there.
fn predicates<'a>(catalog: &'a Catalog, plan: &'a Plan) -> Vec<(String, &'a Table, &'a str)> {
    let root = catalog.table(plan.root);
    let mut all = Vec::new();
    all.extend(plan.draw.always.as_deref().map(|text| ("sample.always".to_owned(), root, text)));
    all.extend(plan.draw.never.as_deref().map(|text| ("sample.never".to_owned(), root, text)));
    for table in &catalog.tables {
        let filter = plan.table(table.id).filter.as_deref();
        all.extend(filter.map(|text| (format!("tables.{}.where", table.name), table, text)));
    }
    for reference in catalog.references.iter().filter(|reference| reference.foreign_key.is_none()) {
        let condition = reference.condition.as_deref();
        let key = || format!("the reference {}", reference.name);
        all.extend(condition.map(|text| (key(), catalog.table(reference.child), text)));
    }
    all
}
