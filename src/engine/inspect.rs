//! Reads a source's catalog and nothing else: what `init` and an uncoloured graph need.

use std::time::Duration;

use crate::error::Result;
use crate::monitor::Monitor;
use crate::pg::catalog::LeftOut;
use crate::pg::connect::ConnectInfo;
use crate::pg::source::{self, Source};
use crate::plan;
use crate::profile::{Problem, Profile, SourceRules};
use crate::schema::Catalog;

use super::prepare::unparsed;

/// Where to look.
#[derive(Clone, Debug)]
pub struct InspectRequest {
    /// Where.
    pub from: ConnectInfo,
    /// Part of the session's application name.
    pub run_id: String,
}

/// The whole catalog; no row of any table is read and no table is locked.
///
/// # Errors
/// `Source`
pub async fn inspect(request: &InspectRequest, monitor: &dyn Monitor) -> Result<Catalog> {
    inspect_under(request, &SourceRules::default(), monitor).await
}

/// As [`inspect`], without what a profile leaves out.
///
/// # Errors
/// `Source`
pub async fn inspect_under(request: &InspectRequest, rules: &SourceRules, monitor: &dyn Monitor) -> Result<Catalog> {
    open(request, rules, monitor).await.map(|(_, catalog)| catalog)
}

/// The catalog, and everything that is wrong between it and a profile: what [`plan::check`] finds, and SQL that the
/// server cannot parse.
///
/// # Errors
/// `Source`
pub async fn examine(
    request: &InspectRequest,
    profile: &Profile,
    run_time: &str,
    monitor: &dyn Monitor,
) -> Result<(Catalog, Vec<Problem>)> {
    let (source, mut catalog) = open(request, &profile.source, monitor).await?;
    let mut problems = plan::check(&mut catalog, profile);
    problems.extend(unparsed(&source, &catalog, profile, run_time).await?);
    problems.sort_by_key(|problem| (problem.line.is_none(), problem.line, problem.column));
    Ok((catalog, problems))
}

async fn open(request: &InspectRequest, rules: &SourceRules, monitor: &dyn Monitor) -> Result<(Source, Catalog)> {
    monitor.phase("connect");
    request.from.notes().iter().for_each(|note| monitor.note(note));
    let options = source::Options {
        jobs: 1,
        application_name: format!("tithe {}", request.run_id),
        lock_timeout: Duration::from_secs(10),
        // Policies hide rows, never columns.
        row_security: true,
    };
    let source = Source::open(request.from.clone(), options).await?;
    monitor.phase("read the catalog");
    let catalog = source.catalog(LeftOut { schemas: &rules.exclude_schemas, tables: &rules.exclude_tables }).await?;
    Ok((source, catalog))
}
