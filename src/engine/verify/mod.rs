//! `tithe verify`: asks a landed database, and the source where it is given, whether what the run promised still holds.
//!
//! Nothing is written on either side, and the database before the run (`__prev`) is not looked at. What cannot be
//! asked, because there is no report, no source or no matching profile, is listed as not possible, never as passed.
//!
//! ```text
//! the target's mark ─▶ run id ─▶ saved report ─┬─▶ rows, schema        the target against the report
//!                                              └─▶ compare, leaks      the target against the source, with what a
//!                                                                      run looks for leaks with
//! ```

mod compare;
mod leaks;
mod rows;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::prepare::{PATIENCE, Prepared, SourceRequest, prepare, standing_back};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::connect::ConnectInfo;
use crate::pg::landed::Landed;
use crate::pg::target::Target;
use crate::plan;
use crate::profile::Profile;
use crate::report::{CheckReport, RunReport, VerifyReport};

/// What to verify.
pub struct VerifyRequest {
    /// The target.
    pub to: ConnectInfo,
    /// The source, for the checks that compare with it.
    pub from: Option<ConnectInfo>,
    /// The profile; left out: the one that the report names.
    pub profile: Option<Profile>,
    /// Sessions at a time on either side.
    pub jobs: usize,
    /// Longest wait for a table's lock on the source.
    pub lock_timeout: Duration,
    /// Distinguishes the sessions.
    pub session_id: String,
    /// Stands for `{run_time}` where no report tells.
    pub now: String,
}

/// Verifies; `find` looks for the report of a run.
///
/// # Errors
/// `Target` or `Source` where a server cannot be asked. Differences are no error: they stand in the report.
pub async fn verify(
    request: &VerifyRequest,
    find: impl Fn(&str) -> Option<RunReport>,
    monitor: &dyn Monitor,
) -> Result<VerifyReport> {
    monitor.phase("connect");
    let target = Target::open(request.to.clone(), &request.session_id).await?;
    if target.comment(target.name()).await?.is_none() {
        return Err(Error::new(ErrorKind::Target, format!("there is no database {} to verify", target.name()))
            .with_remedy("give --to the database that a run has landed"));
    }
    let run_id = target.run_of(target.name()).await?;
    let run = run_id.as_deref().and_then(find);
    let landed = Arc::new(Landed::open(&target, request.jobs).await?);
    const REPORT: &str = "run report";
    let mut checks = vec![match (&run_id, &run) {
        (_, Some(run)) => CheckReport::asked(REPORT, true, format!("{}, begun {}", run.run_id, run.started_at)),
        (Some(id), None) => {
            let why = format!("run {id} left no report here: counts and checksums cannot be compared");
            CheckReport::not_asked(REPORT, why)
        }
        (None, None) => {
            let why = format!("no run is named in the comment of the database {}", target.name());
            CheckReport::not_asked(REPORT, why)
        }
    }];
    let (prepared, obstacle) = match open_source(request, run.as_ref(), monitor).await? {
        Ok(prepared) => (Some(prepared), String::new()),
        Err(obstacle) => (None, obstacle),
    };
    monitor.phase("read the target");
    checks.extend(rows::check(&landed, run.as_ref()).await?);
    monitor.phase("check references, sequences and schema");
    checks.push(schema::foreign_keys(&landed, run.as_ref(), prepared.as_ref()).await?);
    checks.push(schema::sequences(&landed).await?);
    checks.push(schema::objects(&landed, run.as_ref(), prepared.as_ref()));
    checks.push(schema::upkeep(&landed, run.as_ref()).await?);
    match &prepared {
        Some(prepared) => {
            let compared = async {
                monitor.phase("compare with the source");
                let kept = compare::check(prepared, &landed, run.as_ref()).await?;
                monitor.phase("look for masked values");
                let run_leaks = super::leaks::check_landed(prepared, &landed).await?;
                monitor.phase("look for e-mail addresses");
                Ok([kept, run_leaks, leaks::check(prepared, &landed).await?])
            };
            checks.extend(standing_back(&prepared.source, PATIENCE, compared).await?);
        }
        None => checks.extend(
            [compare::NAME, super::leaks::NAME, leaks::NAME]
                .map(|name| CheckReport::not_asked(name, obstacle.as_str())),
        ),
    }
    Ok(VerifyReport { run_id, target: request.to.to_string(), checks })
}

/// The source with the run's plan, or why it cannot be had. A server that fails is an error all the same.
async fn open_source(
    request: &VerifyRequest,
    run: Option<&RunReport>,
    monitor: &dyn Monitor,
) -> Result<Result<Prepared, String>> {
    let Some(from) = &request.from else { return Ok(Err("needs the source: give --from".to_owned())) };
    let profile = match (&request.profile, run) {
        (Some(profile), _) => profile.clone(),
        (None, None) => return Ok(Err("needs the profile: give --profile".to_owned())),
        (None, Some(run)) => match Profile::read(Path::new(&run.profile)) {
            Ok(profile) => profile,
            Err(error) => return Ok(Err(format!("needs the run's profile: {}", error.chain()))),
        },
    };
    if let Some(run) = run.filter(|run| run.profile_digest != profile.digest) {
        return Ok(Err(format!(
            "{} is not the profile of this run ({}), or has changed since",
            profile.path.display(),
            run.profile
        )));
    }
    let options = plan::Options {
        // The plan's modes and masks, all that is needed of it here, do not depend on the share.
        percent: run.map_or(Some(100.0), |run| run.percent),
        rows: run.and_then(|run| run.rows),
        seed: run.map(|run| run.seed.clone()),
        run_time: run.map_or_else(|| request.now.clone(), |run| run.as_of.clone()),
    };
    let source = SourceRequest {
        literal_keys_max: crate::closure::LITERAL_KEYS_MAX,
        from: from.clone(),
        profile,
        options,
        jobs: request.jobs,
        run_id: request.session_id.clone(),
        lock_timeout: request.lock_timeout,
        patience: PATIENCE,
    };
    match prepare(&source, monitor).await {
        Ok(prepared) => Ok(Ok(prepared)),
        Err(error) if matches!(error.kind(), ErrorKind::Profile | ErrorKind::Undecided | ErrorKind::Plan) => {
            Ok(Err(format!("the profile no longer fits the source: {}", error.chain())))
        }
        Err(error) => Err(error),
    }
}

/// The first few of a list, and how many more.
fn some(list: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = list.len().saturating_sub(SHOWN);
    let shown = list[..list.len().min(SHOWN)].join("; ");
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}
