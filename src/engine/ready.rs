//! What comes before a run changes anything: both sides opened and checked, the question at the terminal answered.

use std::pin::Pin;
use std::sync::Arc;

use crate::anonymize::RowTransform;
use crate::copyfmt::Format;
use crate::digest::MaskKey;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::source::Source;
use crate::pg::target::{Target, system_identifier};
use crate::plan::Plan;
use crate::profile::{MaskRule, Profile};
use crate::schema::Catalog;

use super::prepare::{Prepared, prepare, prepare_again, standing_back};
use super::sample::SampleRequest;

/// The question before a target is touched.
pub struct Confirm {
    /// Somebody is asked, who may take a while.
    pub asks: bool,
    /// The question; an error ends the run.
    pub ask: Box<dyn Fn(TargetState) -> Answer + Send + Sync>,
}

/// What it answers with.
pub type Answer = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// The target as a run finds it.
#[derive(Clone, Debug)]
pub struct TargetState {
    /// Database, server and role, without password.
    pub target: String,
    /// The database's name.
    pub database: String,
    /// It exists, and the run will replace it.
    pub exists: bool,
    /// The run that made it, where it was one of ours.
    pub made_by: Option<String>,
}

/// Both sides, checked; and the question before the target is touched answered. Nobody waits for an answer on
/// production: the source that was opened for the checks is let go first, and opened anew.
pub(super) async fn ready(
    request: &SampleRequest,
    monitor: &dyn Monitor,
) -> Result<(Prepared, Arc<Target>, Option<i64>)> {
    let prepared = prepare(&request.source, monitor).await?;
    monitor.phase("look at the target");
    let patience = request.source.patience;
    let checked = standing_back(&prepared.source, patience, check(request, &prepared)).await?;
    let (target, source_identifier) = checked;
    let Some(confirm) = &request.confirm else { return Ok((prepared, target, source_identifier)) };
    let state = state_of(request, &target).await?;
    if !(confirm.asks && state.exists) {
        (confirm.ask)(state).await?;
        return Ok((prepared, target, source_identifier));
    }
    prepared.source.release().await?;
    drop(prepared);
    (confirm.ask)(state).await?;
    monitor.phase("open the source again");
    let prepared = prepare_again(&request.source, monitor).await?;
    // Of several hosts another one may have answered.
    let source_identifier = refuse_same_database(&request.source.profile, &prepared.source, &target).await?;
    Ok((prepared, target, source_identifier))
}

/// Connects to the target and checks whatever can be checked before anything is done.
async fn check(request: &SampleRequest, prepared: &Prepared) -> Result<(Arc<Target>, Option<i64>)> {
    let target = Target::open(request.to.clone(), &request.source.run_id).await?;
    let source_identifier = refuse_same_database(&request.source.profile, &prepared.source, &target).await?;
    target.lock().await?;
    target.preflight().await?;
    if prepared.plan.needs_key && request.key.is_none() {
        return Err(Error::new(ErrorKind::Undecided, "masks need a secret key, and TITHE_KEY is not set")
            .with_remedy("make one with `openssl rand -hex 32`, keep it with your secrets, and export TITHE_KEY"));
    }
    check_masks(&prepared.catalog, &prepared.plan, request.key.as_ref())?;
    Ok((Arc::new(target), source_identifier))
}

async fn state_of(request: &SampleRequest, target: &Target) -> Result<TargetState> {
    Ok(TargetState {
        target: request.to.to_string(),
        database: target.name().to_owned(),
        exists: target.comment(target.name()).await?.is_some(),
        made_by: target.run_of(target.name()).await?,
    })
}

/// Compiles every mask once, so that a rule that cannot be is known before anything is created.
fn check_masks(catalog: &Catalog, plan: &Plan, key: Option<&MaskKey>) -> Result<()> {
    for table in catalog.tables.iter().filter(|table| plan.brings_rows(table.id)) {
        let masks = &plan.table(table.id).masks;
        let columns: Vec<_> = table.copied_columns().map(|(id, _)| id).collect();
        for support in [false, true] {
            let rules: Vec<Option<&MaskRule>> = columns
                .iter()
                .map(|c| masks[c.index()].as_ref().map(|m| if support { &m.support } else { &m.member }))
                .collect();
            RowTransform::compile(table, &columns, &rules, Format::Binary, key)?;
        }
    }
    Ok(())
}

/// Source and target are compared by who answers, not by how their URLs are written. Answers the source's cluster.
async fn refuse_same_database(profile: &Profile, source: &Source, target: &Target) -> Result<Option<i64>> {
    let session = source.session().await?;
    let source_identifier = system_identifier(&session).await;
    drop(session);
    let same_cluster = source_identifier.is_some() && source_identifier == target.system_identifier;
    let same_start = source.server.started_us == target.server.started_us;
    let refuse = |what: &str| {
        Err(Error::new(
            ErrorKind::Refused,
            format!("the source {} and the target {} {what}", source.connector().info(), target.name()),
        )
        .with_remedy("give --to the address of a development server"))
    };
    let unknown = source_identifier.is_none() || target.system_identifier.is_none();
    let same_server = same_start && (same_cluster || unknown) && source.server.standby == target.server.standby;
    if same_server && source.server.database == target.name() {
        return refuse("are the same database");
    }
    if same_server && [target.next(), target.prev()].contains(&source.server.database) {
        return refuse(
            "would overwrite each other: the source has the name of the target's staging or previous database",
        );
    }
    if same_cluster && !same_start && (source.server.standby || target.server.standby) {
        return refuse("belong to one cluster: one is a physical copy of the other");
    }
    if same_cluster && !same_start && !profile.target.clone_of_source {
        let what = format!(
            "the servers of the source {} and the target {} are physical copies of one cluster, and which of them is \
             production cannot be told",
            source.connector().info(),
            target.name()
        );
        return Err(Error::new(ErrorKind::Refused, what).with_remedy(
            "where the target's is a clone made for such work, say clone_of_source = true under [target]",
        ));
    }
    Ok(source_identifier)
}
