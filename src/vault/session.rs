//! One run's work on a vault: compare, bring, and, once the new rows are in use, remove.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::fs;

use super::bring::{Bring, Brought, Durability, Supply};
use super::cache::RACY_NS;
use super::compare::{self, Rules, VaultPlan};
use super::installed;
use super::ledger::{Owner, Reader};
use super::local::Local;
use super::own::OwnFolder;
use super::path::{OWN_FOLDER, VaultPath};
use super::remove;
use super::root::Root;
use super::target::{Target, Workshop};
use super::trash::{self, Trash};
use super::wanted::{Contradiction, WantedList};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::rate::RateLimit;

/// How a run works on files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where files come from.
    pub source: PathBuf,
    /// Where they go.
    pub target: PathBuf,
    /// Folder for what is remembered of the source; it is never written to.
    pub state: Option<PathBuf>,
    /// Names the run's part of the trash.
    pub run_id: String,
    /// Threads.
    pub jobs: usize,
    /// Limit of bytes read per second.
    pub bytes_per_second: Option<u64>,
    /// When files are forced to the disk.
    pub durability: Durability,
    /// Take a folder as target that holds other files.
    pub adopt: bool,
    /// Replace files that differ and are not ours.
    pub overwrite: bool,
    /// Believe no remembered hash.
    pub paranoid: bool,
    /// Share of the required files, in percent, that may be missing.
    pub missing_percent: f64,
    /// How long replaced and removed files are kept.
    pub keep_trash: Duration,
}

/// The source of files, open.
pub(super) struct Source {
    /// The folder.
    pub(super) root: Root,
    /// What is remembered of it.
    pub(super) cache: Option<(OwnFolder, Owner)>,
}

/// A target held by this run.
pub struct Session {
    settings: Settings,
    source: Source,
    target: Workshop,
    trash: Trash,
    rate: RateLimit,
    threads: rayon::ThreadPool,
}

/// What planning found.
#[derive(Debug)]
pub struct Planned {
    /// What is to be done.
    pub plan: VaultPlan,
    /// Pairs of paths that a folding disk would store in one place.
    pub folded: Vec<(VaultPath, VaultPath)>,
    /// Records that could not be used.
    pub notes: Vec<String>,
}

/// Compares without touching anything.
///
/// # Errors
/// `Vault`, `Refused` or `Plan`.
pub fn plan(settings: &Settings, wanted: &WantedList) -> Result<Planned> {
    let source = Source::open(settings)?;
    let target = Target::look(&settings.target)?;
    if let Some(target) = &target {
        refuse_same_folder(&source.root, &target.root)?;
    }
    let view = target.as_ref().map(|target| (&target.root, target.own.as_ref().map(|(own, id)| (own, *id))));
    let rate = RateLimit::new(settings.bytes_per_second);
    threads(settings.jobs)?.install(|| compare_all(settings, &rate, &source, view, wanted)).map(|(planned, _)| planned)
}

impl Session {
    /// Opens both sides and locks the target.
    ///
    /// # Errors
    /// `Vault`, `Refused` or `Locked`.
    pub fn open(settings: Settings) -> Result<Self> {
        let source = Source::open(&settings)?;
        if let Some(target) = Target::look(&settings.target)? {
            refuse_same_folder(&source.root, &target.root)?;
        }
        let target = Workshop::open(&settings.target, settings.adopt)?;
        refuse_same_folder(&source.root, &target.root)?;
        let at = |error| failed("clear up what an earlier run left in", &settings.target, error);
        installed::recover(&target.own, &target.id, &target.root).map_err(at)?;
        let at = |error| failed("prepare the trash of", &settings.target, error);
        trash::expire(&target.own, &target.root, settings.keep_trash).map_err(at)?;
        let trash = Trash::of_run(&target.own, &settings.run_id).map_err(at)?;
        let rate = RateLimit::new(settings.bytes_per_second);
        let threads = threads(settings.jobs)?;
        Ok(Self { settings, source, target, trash, rate, threads })
    }

    /// Compares and brings what is missing. Nothing is removed.
    ///
    /// # Errors
    /// `Vault` (too many missing files among others), `Plan`, `Interrupted`.
    pub fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        self.threads.install(|| {
            let view = Some((&self.target.root, Some((&self.target.own, self.target.id))));
            let (planned, [of_source, mut of_target]) =
                compare_all(&self.settings, &self.rate, &self.source, view, wanted)?;
            if self.target.folds_case
                && let Some((one, other)) = planned.folded.first()
            {
                return Err(Error::new(
                    ErrorKind::Plan,
                    format!(
                        "{one} and {other} are one file on the target's disk ({} such pairs)",
                        planned.folded.len()
                    ),
                )
                .with_remedy("use a disk that tells upper and lower case apart"));
            }
            check_missing(&planned.plan, self.settings.missing_percent, &self.settings.source)?;
            permit(&planned)?;
            let progress = monitor.unit("files", planned.plan.steps.len() as u64);
            let bring = Bring {
                wanted,
                source: Supply::Folder(&self.source.root),
                target: &self.target,
                trash: &self.trash,
                rate: &self.rate,
                durability: self.settings.durability,
                stop,
                progress: &progress,
            };
            let brought = bring.run(&planned.plan, of_target.as_mut().ok_or_else(no_side)?);
            progress.finish();
            let at = |error| failed("remember the hashes of", &self.settings.target, error);
            for side in [of_source, of_target].into_iter().flatten() {
                side.save().map_err(at)?;
            }
            Ok((planned, brought?))
        })
    }

    /// Moves files that nobody wants any more to the trash; returns how many and the paths that changed meanwhile.
    ///
    /// # Errors
    /// `Vault` as the system says.
    pub fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        let removed = remove::remove(&self.target, &self.trash, &plan.extras, &plan.gone);
        removed.map_err(|error| failed("remove files from", &self.settings.target, error))
    }
}

/// Above these a removal is asked for: it may be a mistake in the profile or the wrong database.
const REMOVE_PERCENT: u64 = 10;
const REMOVE_FILES: u64 = 1000;

/// Whether so many extras may go without being asked about.
///
/// # Errors
/// `Refused`, telling the number.
pub fn check_removal(plan: &VaultPlan, allowed: Option<u64>) -> Result<()> {
    let extras = plan.extras.len() as u64;
    if extras == 0 || allowed.is_some_and(|allowed| extras <= allowed) {
        return Ok(());
    }
    let many = extras > REMOVE_FILES || extras * 100 > plan.installed * REMOVE_PERCENT;
    if plan.wanted() == 0 || many {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("{extras} of {} files would be removed from the vault", plan.installed),
        )
        .with_remedy(format!("look at `tithe vault plan`; if they are to go, say --yes-remove {extras}")));
    }
    Ok(())
}

pub(super) fn check_missing(plan: &VaultPlan, percent: f64, source: &Path) -> Result<()> {
    let missing = plan.missing();
    if missing as f64 * 100.0 <= percent * plan.wanted() as f64 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Vault,
        format!("{missing} of {} files that rows name are missing in {}", plan.wanted(), source.display()),
    )
    .with_remedy(format!(
        "see `tithe vault plan`: is it the right folder? If so raise missing_percent in [vault] (now {percent}), or make the files optional"
    )))
}

type View<'a> = (&'a Root, Option<(&'a OwnFolder, Owner)>);
type Sides<'a> = [Option<Local<'a>>; 2];

fn compare_all<'a>(
    settings: &Settings,
    rate: &'a RateLimit,
    source: &'a Source,
    target: Option<View<'a>>,
    wanted: &WantedList,
) -> Result<(Planned, Sides<'a>)> {
    let folded = wanted.folded_pairs().map_err(contradiction)?;
    let mut notes = Vec::new();
    let mut side = |root, cache, path: &Path| {
        let (side, damaged) = Local::new(root, cache, RACY_NS, rate, settings.paranoid)
            .map_err(|error| failed("read what is remembered of", path, error))?;
        if damaged {
            notes.push(format!("the remembered hashes of {} were damaged: everything is hashed again", path.display()));
        }
        Ok::<_, Error>(side)
    };
    let source_cache = source.cache.as_ref().map(|(folder, owner)| (folder, *owner));
    let mut of_source = side(&source.root, source_cache, &settings.source)?;
    let mut of_target = match target {
        Some((root, own)) => Some(side(root, own, &settings.target)?),
        None => None,
    };
    let (records, damaged) = match target.and_then(|(_, own)| own) {
        Some((own, id)) => {
            installed::open(own, &id).map_err(|error| failed("read what was installed in", &settings.target, error))?
        }
        None => (Reader::empty(), false),
    };
    if damaged {
        notes.push(format!(
            "the record of installed files of {} was damaged: what is there counts as yours and stays",
            settings.target.display()
        ));
    }
    let rules = Rules { overwrite: settings.overwrite };
    let plan = compare::compare(wanted, &mut of_source, of_target.as_mut(), records, rules)
        .map_err(|error| failed("compare files of", &settings.source, error))?;
    Ok((Planned { plan, folded, notes }, [Some(of_source), of_target]))
}

impl Source {
    pub(super) fn open(settings: &Settings) -> Result<Self> {
        let root = Root::open(&settings.source).map_err(|error| {
            failed("open", &settings.source, error)
                .with_remedy("check the source vault's path and that you may read it")
        })?;
        let at = |error| failed("open the folder of remembered hashes for", &settings.source, error);
        let Some(state) = &settings.state else { return Ok(Self { root, cache: None }) };
        std::fs::create_dir_all(state).map_err(at)?;
        let above = Root::open(state).map_err(at)?;
        let owner = identity(&root).map_err(at)?;
        let name: String = owner.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = OwnFolder::inside(above.handle(), &name, true).map_err(at)?;
        Ok(Self { root, cache: folder.map(|folder| (folder, owner)) })
    }
}

/// A folder that is only read has no marker: it is known by where it lies.
fn identity(root: &Root) -> io::Result<Owner> {
    let stat = fs::fstat(root.handle())?;
    let path = std::fs::canonicalize(root.path())?;
    let text = format!("{} {} {}", stat.st_dev, stat.st_ino, path.display());
    let digest = blake3::derive_key("tithe 2026 vault source identity", text.as_bytes());
    Ok(digest[..16].try_into().unwrap_or_default())
}

/// One folder, or one inside the other: files would be sorted into themselves.
fn refuse_same_folder(source: &Root, target: &Root) -> Result<()> {
    let canonical = |root: &Root| {
        std::fs::canonicalize(root.path()).map_err(|error| failed("resolve the path of", root.path(), error))
    };
    let (one, other) = (canonical(source)?, canonical(target)?);
    let same = identity(source).ok() == identity(target).ok();
    if !same && !one.starts_with(&other) && !other.starts_with(&one) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!("the source vault {} and the target vault {} lie in each other", one.display(), other.display()),
    )
    .with_remedy(format!("name another folder; a target is known by its {OWN_FOLDER} folder")))
}

pub(super) fn threads(jobs: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .thread_name(|at| format!("vault {at}"))
        .build()
        .map_err(|cause| Error::new(ErrorKind::Unexpected, "start the threads that move files").with_cause(cause))
}

/// What to tell of a list that cannot be.
pub fn contradiction(found: Contradiction) -> Error {
    match found {
        Contradiction::Modes { path, rules: [one, other] } => Error::new(
            ErrorKind::Profile,
            format!("{path} is wanted by {one:?} and by {other:?}, which treat it differently"),
        )
        .with_remedy("give both entries of [[vault.files]] one mode"),
        Contradiction::Sources(path) => {
            Error::new(ErrorKind::Plan, format!("{path} would be made of two different files of the source"))
        }
        Contradiction::FileInFolder(file, inside) => {
            Error::new(ErrorKind::Plan, format!("{file} is wanted as a file and as the folder of {inside}"))
        }
    }
}

fn no_side() -> Error {
    Error::new(ErrorKind::Unexpected, "bring files: the target is not open")
}

pub(super) fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Vault, format!("{what} the vault {}", path.display())).with_cause(error)
}
