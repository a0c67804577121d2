//! The files that landed rows name, and the vault's part of a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::catalog::{self, LeftOut};
use crate::pg::connect::{ConnectInfo, Connector, Pool};
use crate::pg::files;
use crate::plan::{self, FilePlan, PathSource};
use crate::profile::Profile;
use crate::report::{Outcome, RunReport, VaultReport};
use crate::schema::Catalog;
use crate::vault::{
    self, FileMode, FileRule, Location, PathFault, Planned, Session, VaultPath, WantedFile, WantedList, contradiction,
};

/// Asks a landed database which files its rows name.
///
/// # Errors
/// `Target` where it does not answer, `Plan` for a path that cannot be.
pub(super) async fn wanted(pool: &Pool, catalog: &Catalog, plans: &[FilePlan]) -> Result<WantedList> {
    let mut files = Vec::new();
    let mut rules = Vec::new();
    for (rule, plan) in plans.iter().enumerate() {
        rules.push(FileRule { name: plan.name.clone(), mode: plan.treatment });
        if plan.treatment == FileMode::None {
            continue;
        }
        let rule = u16::try_from(rule)
            .map_err(|cause| Error::new(ErrorKind::Plan, "count the kinds of files").with_cause(cause))?;
        let client = pool.get().await?;
        let mut ordinal = 0_u64;
        let fail = |e| pool.fail(format!("ask which files the rows name ({})", plan.name), e);
        files::stream(&client, &files::select(catalog, &plan.paths), fail, |fields| {
            ordinal += 1;
            let texts: Vec<Option<&str>> =
                (0..fields.len()).map(|at| fields.get(at).and_then(|text| std::str::from_utf8(text).ok())).collect();
            let path = match &plan.paths {
                PathSource::Query(_) => texts.first().copied().flatten().map(str::to_owned),
                PathSource::Template { path, .. } => path.path(&texts),
            };
            let Some(path) = path else { return Ok(()) };
            let refuse = |fault| refused(catalog, plan, ordinal, fault);
            let path = VaultPath::parse(&path).map_err(refuse)?;
            for ending in &plan.variants {
                let path = VaultPath::parse(&format!("{}{ending}", path.stem())).map_err(refuse)?;
                files.push(WantedFile { path, source: None, rule, required: false });
            }
            files.push(WantedFile { path, source: None, rule, required: plan.required });
            Ok(())
        })
        .await?;
    }
    WantedList::unite(rules, files).map_err(contradiction)
}

/// The files that the rows of a landed database name, by the profile.
///
/// # Errors
/// `Target` where it does not answer, `Plan` for a path that cannot be, `Profile` where the profile does not fit.
pub async fn wanted_files(to: ConnectInfo, profile: &Profile, run_time: &str) -> Result<WantedList> {
    let pool = Pool::new(Connector::new(to)?, 1, "")?;
    let client = pool.get().await?;
    let mut found = catalog::read(&client, LeftOut { schemas: &[], tables: &[] }, pool.connector()).await?;
    drop(client);
    let plans = plan::files_of_landed(&mut found, profile, run_time)?;
    wanted(&pool, &found, &plans).await
}

fn refused(catalog: &Catalog, plan: &FilePlan, ordinal: u64, fault: PathFault) -> Error {
    let rows = match &plan.paths {
        PathSource::Template { table, .. } => {
            format!("row {ordinal} of {} in the order of its key", catalog.table(*table).name)
        }
        PathSource::Query(_) => format!("row {ordinal} of its query"),
    };
    Error::new(ErrorKind::Plan, format!("vault.files {:?}: the path of {rows} {fault}", plan.name))
        .with_remedy("leave such rows out with `where`, or correct them in production")
}

/// A vault that holds the new rows' files, before the swap.
pub(super) struct FilesInPlace {
    session: Arc<Session>,
    planned: Planned,
    /// What the report says of it.
    pub(super) report: VaultReport,
    /// One line for each kind of trouble.
    pub(super) problems: Vec<String>,
    /// Remarks.
    pub(super) notes: Vec<String>,
    yes_remove: Option<u64>,
}

/// Tells the threads to stop when the run is given up.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a run does with files.
#[derive(Clone, Debug)]
pub struct VaultRequest {
    /// Where, and how.
    pub settings: vault::Settings,
    /// So many files may be removed without a question.
    pub yes_remove: Option<u64>,
}

/// Opens both sides and locks the target's: what is wrong with them is known before a row moves.
///
/// # Errors
/// `Vault`, `Refused`, `Locked`.
pub(super) async fn open(request: &VaultRequest) -> Result<Session> {
    let settings = request.settings.clone();
    joined(tokio::task::spawn_blocking(move || Session::open(settings)).await)
}

/// Brings the files of the wanted list; nothing is removed yet.
///
/// # Errors
/// `Vault`, `Plan`.
pub(super) async fn bring(
    request: &VaultRequest,
    session: Session,
    wanted: WantedList,
    monitor: &Arc<dyn Monitor>,
) -> Result<FilesInPlace> {
    let stop = Arc::new(AtomicBool::new(false));
    let guard = StopOnDrop(Arc::clone(&stop));
    let monitor = Arc::clone(monitor);
    let work = tokio::task::spawn_blocking(move || {
        let (planned, brought) = session.bring(&wanted, &*monitor, &stop, |_| Ok(()))?;
        Ok((session, wanted, planned, brought))
    });
    let (session, wanted, planned, brought) = joined(work.await)?;
    drop(guard);
    let mut report = vault::report(&wanted, &planned.plan, &brought);
    // For a rollback, which may be started from anywhere.
    report.target = match &request.settings.target {
        Location::Folder(folder) => std::path::absolute(folder).map_or_else(|_| String::new(), shown),
        elsewhere => elsewhere.to_string(),
    };
    let problems = vault::problems(&wanted, &planned.plan, &brought);
    let notes = vault::notes(&planned);
    Ok(FilesInPlace { session: Arc::new(session), planned, report, problems, notes, yes_remove: request.yes_remove })
}

impl FilesInPlace {
    /// After the swap: removes what only the old rows named. Too many are left where they are, and told.
    pub(super) async fn remove_extras(self, report: &mut RunReport) {
        let Self { session, planned, report: mut of_files, problems, notes, yes_remove } = self;
        report.problems.extend(problems);
        report.notes.extend(notes);
        match vault::check_removal(&planned.plan, yes_remove) {
            Err(refused) => report.problems.push(format!("{}; they stay: {}", refused.action(), refused.remedy())),
            Ok(()) => {
                let work = tokio::task::spawn_blocking(move || session.remove(&planned.plan));
                match joined(work.await) {
                    Ok((removed, changed)) => {
                        of_files.files_removed = removed;
                        let changed = changed.len();
                        report.notes.extend((changed > 0).then(|| {
                            format!("{changed} files that nobody names any more were changed by somebody: they stay")
                        }));
                    }
                    Err(error) => report.problems.push(error.chain()),
                }
            }
        }
        report.vault = of_files;
        if !report.problems.is_empty() {
            report.outcome = Outcome::Partial;
        }
    }
}

fn shown(path: PathBuf) -> String {
    path.display().to_string()
}

fn joined<T>(ended: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    ended.map_err(|cause| Error::new(ErrorKind::Unexpected, "move files").with_cause(cause))?
}
