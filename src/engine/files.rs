//! The files that landed rows name, and the vault's part of a run.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::sample::ConfirmRemoval;
use super::source_values::{self, SourceValues};
use crate::copyfmt::Fields;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pg::catalog::{self, LeftOut};
use crate::pg::connect::{ConnectInfo, Connector, Pool};
use crate::pg::files;
use crate::pg::quote::{ident, qualified};
use crate::plan::{self, FilePlan, PathSource};
use crate::profile::{PathTemplate, Profile};
use crate::report::{Outcome, RunReport, VaultReport};
use crate::schema::Catalog;
use crate::types::{ColumnId, TableId};
use crate::vault::{
    self, FileMode, FileRule, PathFault, Planned, Session, VaultPath, WantedFile, WantedList, contradiction,
};

/// Asks a landed database which files its rows name. `values` tell what masked columns held in the source; without
/// them every file is taken to lie where it goes.
///
/// # Errors
/// `Target` where it does not answer, `Plan` for a path that cannot be.
pub(super) async fn wanted(
    pool: &Pool,
    catalog: &Catalog,
    plans: &[FilePlan],
    values: Option<&SourceValues>,
) -> Result<WantedList> {
    let mut files = Vec::new();
    let mut rules = Vec::new();
    for (rule, plan) in plans.iter().enumerate() {
        rules.push(FileRule { name: plan.name.clone(), mode: plan.treatment });
        let rule = u16::try_from(rule)
            .map_err(|cause| Error::new(ErrorKind::Plan, "count the kinds of files").with_cause(cause))?;
        let before = values.and_then(|values| BeforeMasks::of(plan, plans, values));
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
            let source = before.as_ref().and_then(|before| before.path(fields, &texts));
            match add(&mut files, plan, rule, &path, source.as_deref()) {
                // What does not come is only compared with what other entries bring.
                Err(_) if plan.treatment == FileMode::None => Ok(()),
                added => added.map_err(|fault| refused(catalog, plan, ordinal, fault)),
            }
        })
        .await?;
    }
    WantedList::unite(rules, files).map_err(contradiction)
}

/// Adds a row's file with its variants.
fn add(
    files: &mut Vec<WantedFile>,
    plan: &FilePlan,
    rule: u16,
    path: &str,
    source: Option<&str>,
) -> Result<(), PathFault> {
    let path = VaultPath::parse(path)?;
    let source = source.map(VaultPath::parse).transpose()?;
    for ending in &plan.variants {
        let variant = |path: &VaultPath| VaultPath::parse(&format!("{}{ending}", path.stem()));
        let source = source.as_ref().map(variant).transpose()?;
        files.push(WantedFile { path: variant(&path)?, source, rule, required: false });
    }
    files.push(WantedFile { path, source, rule, required: plan.required });
    Ok(())
}

/// Makes the path that a row's file has in the source, where masks have changed it.
struct BeforeMasks<'a> {
    template: &'a PathTemplate,
    values: &'a SourceValues,
    /// Columns of the template.
    columns: usize,
    /// Of each masked one: its place in the template, its table and place there, and its key's fields.
    masked: Vec<(usize, TableId, usize, Range<usize>)>,
}

impl<'a> BeforeMasks<'a> {
    fn of(plan: &'a FilePlan, plans: &[FilePlan], values: &'a SourceValues) -> Option<Self> {
        let PathSource::Template { path: template, columns, .. } = &plan.paths else { return None };
        let mut next = columns.len();
        let mut masked = Vec::new();
        for (at, path) in columns.iter().enumerate().filter(|(_, path)| !path.source_key.is_empty()) {
            let key = next..next + path.source_key.len();
            next = key.end;
            let known = plan::watched(plans, path.owner).columns;
            masked.push((at, path.owner, source_values::position(&known, path.column)?, key));
        }
        (!masked.is_empty()).then_some(Self { template, values, columns: columns.len(), masked })
    }

    /// `None` where it is the path in the target: the row did not come from the source.
    fn path(&self, fields: &Fields, texts: &[Option<&str>]) -> Option<String> {
        let mut held = Vec::with_capacity(self.masked.len());
        for (at, table, position, key) in &self.masked {
            let key = source_values::key(fields, key.start, key.len());
            held.push((*at, self.values.of_row(*table, key, *position)?));
        }
        let mut texts = texts[..self.columns].to_vec();
        held.iter().for_each(|(at, text)| texts[*at] = text.as_deref());
        self.template.path(&texts)
    }
}

/// The files that the rows of a landed database name, by the profile.
///
/// # Errors
/// `Target` where it does not answer, `Plan` for a path that cannot be, `Profile` where the profile does not fit;
/// `Plan` also, where the files' places in the `source` matter, for paths that only the run itself could know.
pub async fn wanted_files(to: ConnectInfo, profile: &Profile, run_time: &str, source: bool) -> Result<WantedList> {
    let pool = Pool::new(Connector::new(to)?, 1, "")?;
    let client = pool.get().await?;
    let mut found = catalog::read(&client, LeftOut { schemas: &[], tables: &[] }, pool.connector()).await?;
    drop(client);
    let plans = plan::files_of_landed(&mut found, profile, run_time)?;
    if source {
        refuse_masked_paths(&found, &plans)?;
    }
    wanted(&pool, &found, &plans, None).await
}

fn refuse_masked_paths(catalog: &Catalog, plans: &[FilePlan]) -> Result<()> {
    for plan in plans {
        let PathSource::Template { columns, .. } = &plan.paths else { continue };
        let Some(path) = columns.iter().find(|path| !path.source_key.is_empty()) else { continue };
        let table = catalog.table(path.owner);
        return Err(Error::new(
            ErrorKind::Plan,
            format!(
                "vault.files {:?}: its paths are made of {}.{}, which is masked, so the landed rows do not tell where the source's files lie",
                plan.name,
                table.name,
                table.column(path.column).name
            ),
        )
        .with_remedy("such files come with `tithe sample`; `tithe vault verify` and `status` work as ever"));
    }
    Ok(())
}

fn refused(catalog: &Catalog, plan: &FilePlan, ordinal: u64, fault: PathFault) -> Error {
    let rows = match &plan.paths {
        PathSource::Template { table, .. } => {
            format!("row {ordinal} of the sampled rows of {}, in the order of its key,", catalog.table(*table).name)
        }
        PathSource::Query(_) => format!("row {ordinal} of its query, asked of the sampled rows,"),
    };
    let search = match (fault, control_search(catalog, &plan.paths)) {
        (PathFault::Control, Some(sql)) => format!("; there they are found by: {sql}"),
        _ => String::new(),
    };
    let remedy = "leave such rows out with `where`, or correct them in production, which counts others too";
    Error::new(ErrorKind::Plan, format!("vault.files {:?}: the path of {rows} {fault}", plan.name))
        .with_remedy(format!("{remedy}{search}"))
}

/// Asks production for the keys of rows with control characters in what their paths are made of, and shows no value.
/// `None` where other tables have a part in the paths, or a mask may have made the character.
fn control_search(catalog: &Catalog, paths: &PathSource) -> Option<String> {
    let PathSource::Template { table, columns, .. } = paths else { return None };
    if columns.is_empty() || columns.iter().any(|path| !path.references.is_empty() || !path.source_key.is_empty()) {
        return None;
    }
    let table = catalog.table(*table);
    let name = |column: &ColumnId| ident(&table.column(*column).name);
    let key: Vec<String> = table.identity_key()?.columns.iter().map(name).collect();
    // Overrides of writing direction are no control characters to PostgreSQL.
    let odd = r"'[[:cntrl:]\u202a-\u202e\u2066-\u2069]'";
    let tests: Vec<String> = columns.iter().map(|path| format!("{}::text ~ {odd}", name(&path.column))).collect();
    Some(format!("SELECT {} FROM {} WHERE {}", key.join(", "), qualified(&table.name), tests.join(" OR ")))
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
pub(super) struct StopOnDrop(pub(super) Arc<AtomicBool>);

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
    let report = vault::report(&request.settings.target, &wanted, &planned.plan, &brought);
    let problems = vault::problems(&wanted, &planned.plan, &brought);
    let notes = vault::notes(&planned);
    Ok(FilesInPlace { session: Arc::new(session), planned, report, problems, notes, yes_remove: request.yes_remove })
}

impl FilesInPlace {
    /// After the swap: removes what only the old rows named. Too many are left where they are, and told.
    pub(super) async fn remove_extras(self, report: &mut RunReport, confirm: Option<ConfirmRemoval>) {
        let Self { session, planned, report: mut of_files, problems, notes, yes_remove } = self;
        report.problems.extend(problems);
        report.notes.extend(notes);
        let mut refused = vault::check_removal(&planned.plan, yes_remove).err();
        if let (Some(question), Some(confirm), true) = (&refused, confirm, planned.plan.wanted() > 0) {
            let question = question.action().to_owned();
            if tokio::task::spawn_blocking(move || confirm(&question)).await.unwrap_or(false) {
                refused = None;
            }
        }
        match refused {
            Some(refused) => {
                report.problems.push(format!("{}; they stay: {}", refused.action(), refused.remedy()));
            }
            None => {
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

pub(super) fn joined<T>(ended: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    ended.map_err(|cause| Error::new(ErrorKind::Unexpected, "move files").with_cause(cause))?
}
