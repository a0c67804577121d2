//! One run's work on a vault: compare, bring, and, once the new rows are in use, remove.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::fs;

use super::bring::{Bring, Brought, Durability, Origin};
use super::cache::RACY_NS;
use super::compare::{self, Rules, Trouble, TroubleKind, VaultPlan};
use super::installed;
use super::ledger::{Owner, Reader};
use super::local::Local;
use super::location::Location;
use super::own::OwnFolder;
use super::path::{OWN_FOLDER, VaultPath};
use super::remote::RemoteSettings;
use super::remote::far::Far;
use super::remote::push::Push;
use super::remove;
use super::root::Root;
use super::side::Side;
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
    pub source: Location,
    /// Where they go.
    pub target: Location,
    /// How to reach other machines.
    pub remote: RemoteSettings,
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
pub(crate) enum Source {
    /// A folder of this machine.
    Folder(SourceFolder),
    /// Another machine.
    Far(Far),
}

/// A folder that is only read, and what is remembered of it.
pub(crate) struct SourceFolder {
    pub(crate) root: Root,
    cache: Option<(OwnFolder, Owner)>,
}

/// A target held by this run.
pub struct Session {
    settings: Settings,
    rate: RateLimit,
    threads: rayon::ThreadPool,
    work: Work,
}

enum Work {
    /// The target is a folder of this machine.
    Here(Box<Here>),
    /// It is one of another.
    There(SourceFolder, Push),
}

/// A target on this machine.
pub(crate) struct Here {
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
    let place = match &settings.target {
        Location::Folder(_) => return plan_with(settings, &Source::open(settings)?, wanted),
        Location::Ssh(place) => place,
    };
    let source = local_source(settings)?;
    let rate = RateLimit::new(settings.bytes_per_second);
    let (mut local, _) = source.local(&rate, settings.paranoid)?;
    let push = Push::open(settings, place, false)?;
    let planned = threads(settings.jobs)?.install(|| push.plan(settings, wanted, (&source.root, &rate), &mut local))?;
    local.save().map_err(|error| failed("remember the hashes of", &settings.source, error))?;
    Ok(planned)
}

/// Compares with a folder of this machine as the target.
pub(crate) fn plan_with(settings: &Settings, source: &Source, wanted: &WantedList) -> Result<Planned> {
    let folder = settings.target.folder("plan for")?;
    let target = Target::look(folder)?;
    if let Source::Folder(source) = source {
        refuse_same_folder(&source.root, folder)?;
    }
    let view = target.as_ref().map(|target| (&target.root, target.own.as_ref().map(|(own, id)| (own, *id))));
    let rate = RateLimit::new(settings.bytes_per_second);
    let stop = AtomicBool::new(false);
    let compare = || compare_all(settings, &rate, source, view, wanted, &stop).map(|(planned, _)| planned);
    threads(settings.jobs)?.install(compare)
}

impl Session {
    /// Opens both sides and locks the target.
    ///
    /// # Errors
    /// `Vault`, `Refused` or `Locked`.
    pub fn open(settings: Settings) -> Result<Self> {
        let rate = RateLimit::new(settings.bytes_per_second);
        let work = match &settings.target {
            Location::Folder(_) => Work::Here(Box::new(Here::open(settings.clone(), Source::open(&settings)?)?)),
            Location::Ssh(place) => {
                let source = local_source(&settings)?;
                let push = Push::open(&settings, place, true)?;
                Work::There(source, push)
            }
        };
        Ok(Self { rate, threads: threads(settings.jobs)?, work, settings })
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
        let (source, push) = match &self.work {
            Work::Here(here) => return here.bring(wanted, monitor, stop, permit),
            Work::There(source, push) => (source, push),
        };
        let (mut local, _) = source.local(&self.rate, self.settings.paranoid)?;
        let from = (&source.root, &self.rate, stop);
        let bring = || push.bring(&self.settings, wanted, from, (monitor, permit), &mut local);
        let outcome = self.threads.install(bring);
        local.save().map_err(|error| failed("remember the hashes of", &self.settings.source, error))?;
        outcome
    }

    /// Moves files that nobody wants any more to the trash; returns how many and the paths that changed meanwhile.
    ///
    /// # Errors
    /// `Vault` as the system says.
    pub fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        match &self.work {
            Work::Here(here) => here.remove(plan),
            Work::There(_, push) if plan.extras.is_empty() && plan.gone.is_empty() => Ok((0, push.leave())),
            Work::There(_, push) => push.remove(),
        }
    }
}

impl Here {
    /// Opens the target and locks it.
    pub(crate) fn open(settings: Settings, source: Source) -> Result<Self> {
        let folder = settings.target.folder("bring files to")?.to_owned();
        // Before the target is made: nothing is ever made in a source.
        if let Source::Folder(source) = &source {
            refuse_same_folder(&source.root, &folder)?;
        }
        let target = Workshop::open(&folder, settings.adopt)?;
        let at = |error| failed("clear up what an earlier run left in", &settings.target, error);
        installed::recover(&target.own, &target.id, &target.root).map_err(at)?;
        let at = |error| failed("prepare the trash of", &settings.target, error);
        trash::expire(&target.own, settings.keep_trash).map_err(at)?;
        let trash = Trash::of_run(&target.own, &settings.run_id).map_err(at)?;
        let rate = RateLimit::new(settings.bytes_per_second);
        let threads = threads(settings.jobs)?;
        Ok(Self { settings, source, target, trash, rate, threads })
    }

    /// Compares and brings.
    pub(crate) fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        self.threads.install(|| {
            let view = Some((&self.target.root, Some((&self.target.own, self.target.id))));
            let (planned, (of_source, mut of_target)) =
                compare_all(&self.settings, &self.rate, &self.source, view, wanted, stop)?;
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
            check_missing(&planned.plan, &[], &self.settings, &self.source.place())?;
            permit(&planned)?;
            let progress = monitor.unit("files", planned.plan.steps.len() as u64);
            let bring = Bring {
                wanted,
                source: match &self.source {
                    Source::Folder(source) => Origin::Folder(&source.root),
                    Source::Far(far) => Origin::Far(far),
                },
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
            of_source.save().map_err(at)?;
            of_target.map_or(Ok(()), Local::save).map_err(at)?;
            let mut brought = brought?;
            if let Source::Far(far) = &self.source {
                brought.wire_bytes = far.wire_bytes();
            }
            check_missing(&planned.plan, &brought.troubles, &self.settings, &self.source.place())?;
            Ok((planned, brought))
        })
    }

    /// Moves extras to the trash.
    pub(crate) fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
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
    if extras == 0 {
        return Ok(());
    }
    if plan.wanted() == 0 {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("no file is wanted, and all {extras} that Tithe brought would be removed from the vault"),
        )
        .with_remedy("it may be the wrong database or list; to be rid of the files remove the folder yourself"));
    }
    let many = extras > REMOVE_FILES || extras * 100 > plan.installed * REMOVE_PERCENT;
    if allowed.map_or(many, |allowed| extras > allowed) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("{extras} of {} files would be removed from the vault", plan.installed),
        )
        .with_remedy(format!("look at `tithe vault plan`; if they are to go, say --yes-remove {extras}")));
    }
    Ok(())
}

/// Of the files, this share may be there and yet not be had, in percent; or a single one.
const UNREADABLE_PERCENT: f64 = 1.0;

/// Whether the source gave what it was to give, before or after the files were brought.
fn check_missing(plan: &VaultPlan, later: &[Trouble], settings: &Settings, source: &str) -> Result<()> {
    let percent = settings.missing_percent;
    let troubles = || plan.troubles.iter().chain(later);
    let missing = troubles().filter(|trouble| trouble.what == TroubleKind::Missing).count();
    let lost = troubles().filter(|trouble| trouble.what.is_lost()).count();
    let allowed = |percent: f64| percent * plan.wanted() as f64 / 100.0;
    if missing as f64 > allowed(percent) {
        return Err(too_many(missing, plan, &format!("are missing in {source}"), percent));
    }
    if lost as f64 <= allowed(percent.max(UNREADABLE_PERCENT)).max(1.0) {
        return Ok(());
    }
    Err(too_many(lost, plan, &format!("are missing or cannot be read in {source}"), percent))
}

fn too_many(files: usize, plan: &VaultPlan, what: &str, percent: f64) -> Error {
    Error::new(ErrorKind::Vault, format!("{files} of {} files that rows name {what}", plan.wanted()))
    .with_remedy(format!(
        "see `tithe vault plan`: is it the right folder, and may you read it? If so raise missing_percent in [vault] (now {percent}), or make the files optional"
    ))
}

type View<'a> = (&'a Root, Option<(&'a OwnFolder, Owner)>);
type Sides<'a> = (Side<'a>, Option<Local<'a>>);

fn compare_all<'a>(
    settings: &Settings,
    rate: &'a RateLimit,
    source: &'a Source,
    target: Option<View<'a>>,
    wanted: &WantedList,
    stop: &'a AtomicBool,
) -> Result<(Planned, Sides<'a>)> {
    let folded = wanted.folded_pairs().map_err(contradiction)?;
    let mut notes = Vec::new();
    let mut note = |damaged, place: &dyn std::fmt::Display| {
        if damaged {
            notes.push(format!("the remembered hashes of {place} were damaged: everything is hashed again"));
        }
    };
    let mut of_source = match source {
        Source::Folder(source) => {
            let (side, damaged) = source.local(rate, settings.paranoid)?;
            note(damaged, &settings.source);
            Side::Here(Box::new(side))
        }
        Source::Far(far) => Side::Far(far, stop),
    };
    let mut of_target = match target {
        Some((root, own)) => {
            let (side, damaged) = Local::new(root, own, RACY_NS, rate, settings.paranoid)
                .map_err(|error| failed("read what is remembered of", &settings.target, error))?;
            note(damaged, &settings.target);
            Some(side)
        }
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
            settings.target
        ));
    }
    let rules = Rules { overwrite: settings.overwrite };
    let plan = compare::compare(wanted, &mut of_source, of_target.as_mut(), records, rules)
        .map_err(|error| failed("compare files of", &source.place(), error))?;
    Ok((Planned { plan, folded, notes }, (of_source, of_target)))
}

impl Source {
    fn open(settings: &Settings) -> Result<Self> {
        Ok(match &settings.source {
            Location::Folder(path) => Self::Folder(SourceFolder::open(path, settings.state.as_deref())?),
            Location::Ssh(place) => Self::Far(Far::open(&settings.remote, place)?),
        })
    }

    /// For messages.
    fn place(&self) -> String {
        match self {
            Self::Folder(source) => source.root.path().display().to_string(),
            Self::Far(far) => far.place().to_owned(),
        }
    }
}

/// For a target on another machine: somebody must hold the files, and it is us.
fn local_source(settings: &Settings) -> Result<SourceFolder> {
    let path = settings.source.folder("bring files to another machine from")?;
    SourceFolder::open(path, settings.state.as_deref())
}

impl SourceFolder {
    pub(crate) fn open(path: &Path, state: Option<&Path>) -> Result<Self> {
        let root = Root::open(path).map_err(|error| {
            failed("open", &path.display(), error).with_remedy("check the source vault's path and that you may read it")
        })?;
        let at = |error| failed("open the folder of remembered hashes for", &path.display(), error);
        let Some(state) = state else { return Ok(Self { root, cache: None }) };
        std::fs::create_dir_all(state).map_err(at)?;
        let above = Root::open(state).map_err(at)?;
        let owner = identity(&root).map_err(at)?;
        let name: String = owner.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = OwnFolder::inside(above.handle(), &name, true).map_err(at)?;
        Ok(Self { root, cache: folder.map(|folder| (folder, owner)) })
    }

    /// It, with what is remembered; also whether that was damaged.
    pub(crate) fn local<'a>(&'a self, rate: &'a RateLimit, paranoid: bool) -> Result<(Local<'a>, bool)> {
        let cache = self.cache.as_ref().map(|(folder, owner)| (folder, *owner));
        Local::new(&self.root, cache, RACY_NS, rate, paranoid)
            .map_err(|error| failed("read what is remembered of", &self.root.path().display(), error))
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
fn refuse_same_folder(source: &Root, target: &Path) -> Result<()> {
    let canonical = |path: &Path| resolved(path).map_err(|error| failed("resolve the path of", &path.display(), error));
    let (one, other) = (canonical(source.path())?, canonical(target)?);
    if !one.starts_with(&other) && !other.starts_with(&one) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!("the source vault {} and the target vault {} lie in each other", one.display(), other.display()),
    )
    .with_remedy(format!("name another folder; a target is known by its {OWN_FOLDER} folder")))
}

/// The path without links, also of a folder that is not there yet.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(above) = path.parent() else { return std::fs::canonicalize(".") };
            let above = resolved(above)?;
            Ok(match path.components().next_back() {
                Some(Component::Normal(name)) => above.join(name),
                // Of a folder that is not there, so of no link.
                Some(Component::ParentDir) => above.parent().unwrap_or(&above).to_owned(),
                _ => above,
            })
        }
        resolved => resolved,
    }
}

fn threads(jobs: usize) -> Result<rayon::ThreadPool> {
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

fn failed(what: &str, place: &dyn std::fmt::Display, error: io::Error) -> Error {
    // What another machine said is an error of ours already.
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::new(ErrorKind::Vault, format!("{what} the vault {place}")).with_cause(error),
    }
}
