//! One run's work where a bucket is the source, the target, or both: the same steps as on disk, in the same order.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::bring::{Bring, Brought, Supply};
use super::super::cache::RACY_NS;
use super::super::compare::{self, Rules, Side, VaultPlan};
use super::super::installed::{self, Installed};
use super::super::ledger::Reader;
use super::super::local::Local;
use super::super::path::VaultPath;
use super::super::remove;
use super::super::session::{Planned, Settings, Source, check_missing, contradiction, failed, threads};
use super::super::target::{Target, Workshop};
use super::super::trash::{self, Trash};
use super::super::wanted::WantedList;
use super::address::{Env, is_address};
use super::fault::Fault;
use super::fetch::Objects;
use super::link::ObjectVault;
use super::lock::Lock;
use super::own::Records;
use super::push::{Origin, Push};
use super::remove::Bin;
use super::side::ObjectSide;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::rate::RateLimit;

/// Where files come from.
enum From {
    Folder(Source),
    Objects(ObjectVault),
}

/// Where they go, held by this run.
enum To {
    Folder { workshop: Box<Workshop>, trash: Trash },
    Objects { lock: Lock, vault: Arc<ObjectVault>, id: [u8; 16], bin: Bin },
}

/// A target held by this run.
pub struct ObjectSession {
    settings: Settings,
    source: From,
    target: To,
    rate: RateLimit,
    threads: rayon::ThreadPool,
    /// Records of a bucket are put whole: by one thread at a time.
    recording: Mutex<()>,
}

/// Compares without touching anything.
///
/// # Errors
/// `Vault`, `Refused`, `Usage` or `Plan`.
pub fn plan(settings: &Settings, env: Env<'_>, wanted: &WantedList) -> Result<Planned> {
    let source = From::open(settings, env)?;
    let rate = RateLimit::new(settings.bytes_per_second);
    let threads = threads(settings.jobs)?;
    if is_address(&settings.target) {
        let vault = open_vault(&settings.target, env)?;
        source.refuse_same(&vault)?;
        let at = |fault: Fault| fault.error("read what was installed in", &vault.name());
        let records = vault.identity()?.map(|id| Records::open(&vault, id)).transpose().map_err(at)?;
        let mut side = object_side(&vault, settings, &rate)?;
        return threads.install(|| {
            let installed = read_installed(records.as_ref().map(Records::installed), settings)?;
            source.compare(settings, &rate, Some(&mut side), installed, wanted)
        });
    }
    let target = Target::look(&settings.target)?;
    threads.install(|| {
        let own = target.as_ref().and_then(|target| target.own.as_ref());
        let installed = read_installed(own.map(|(own, id)| installed::open(own, id)), settings)?;
        let mut side = match &target {
            Some(target) => Some(local_side(target, settings, &rate)?),
            None => None,
        };
        source.compare(settings, &rate, side.as_mut(), installed, wanted)
    })
}

impl ObjectSession {
    /// Opens both sides and locks the target.
    ///
    /// # Errors
    /// `Vault`, `Refused`, `Usage` or `Locked`.
    pub fn open(settings: Settings, env: Env<'_>) -> Result<Self> {
        let source = From::open(&settings, env)?;
        let target = if is_address(&settings.target) {
            let vault = Arc::new(open_vault(&settings.target, env)?);
            source.refuse_same(&vault)?;
            let id = vault.mark(settings.adopt)?;
            let lock = Lock::take(&vault, &settings.run_id)?;
            let at = |fault: Fault| fault.error("clear up what an earlier run left in", &vault.name());
            Records::open(&vault, id).and_then(|mut records| records.recover()).map_err(at)?;
            vault.expire(settings.keep_trash).map_err(at)?;
            To::Objects { bin: Bin::of_run(&settings.run_id), lock, vault, id }
        } else {
            let workshop = Box::new(Workshop::open(&settings.target, settings.adopt)?);
            let at = |error| failed("clear up what an earlier run left in", &settings.target, error);
            installed::recover(&workshop.own, &workshop.id, &workshop.root).map_err(at)?;
            trash::expire(&workshop.own, &workshop.root, settings.keep_trash).map_err(at)?;
            let trash = Trash::of_run(&workshop.own, &settings.run_id).map_err(at)?;
            To::Folder { workshop, trash }
        };
        let rate = RateLimit::new(settings.bytes_per_second);
        let threads = threads(settings.jobs)?;
        Ok(Self { settings, source, target, rate, threads, recording: Mutex::new(()) })
    }

    /// Compares and brings what is missing. Nothing is removed.
    ///
    /// # Errors
    /// `Vault` (too many missing files among others), `Plan`, `Interrupted`, `Locked`.
    pub fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        self.threads.install(|| match &self.target {
            To::Folder { workshop, trash } => self.pull(workshop, trash, wanted, monitor, stop, permit),
            To::Objects { lock, vault, id, bin } => {
                let _recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
                let at = |fault: Fault| fault.error("read what was installed in", &vault.name());
                let mut records = Records::open(vault, *id).map_err(at)?;
                let mut side = object_side(vault, &self.settings, &self.rate)?;
                let installed = read_installed(Some(records.installed()), &self.settings)?;
                let planned = self.source.compare(&self.settings, &self.rate, Some(&mut side), installed, wanted)?;
                save(side, &self.settings.target)?;
                self.permit(&planned, permit)?;
                let progress = monitor.unit("files", planned.plan.steps.len() as u64);
                let source = match &self.source {
                    From::Folder(source) => Origin::Folder(&source.root),
                    From::Objects(vault) => Origin::Objects(Objects { vault, rate: &self.rate }),
                };
                let run_id = self.settings.run_id.as_str();
                let (rate, progress) = (&self.rate, &progress);
                let push = Push { wanted, source, vault, lock, bin, run_id, rate, stop, progress };
                let brought = push.run(&planned.plan, &mut records);
                progress.finish();
                Ok((planned, brought?))
            }
        })
    }

    fn pull(
        &self,
        workshop: &Workshop,
        trash: &Trash,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()>,
    ) -> Result<(Planned, Brought)> {
        let settings = &self.settings;
        let From::Objects(vault) = &self.source else {
            return Err(Error::new(ErrorKind::Unexpected, "bring files: neither side is a bucket"));
        };
        let at = |error| failed("read what is remembered of", &settings.target, error);
        let cache = Some((&workshop.own, workshop.id));
        let (mut side, _) = Local::new(&workshop.root, cache, RACY_NS, &self.rate, settings.paranoid).map_err(at)?;
        let installed = read_installed(Some(installed::open(&workshop.own, &workshop.id)), settings)?;
        let planned = self.source.compare(settings, &self.rate, Some(&mut side), installed, wanted)?;
        if let Some((one, other)) = planned.folded.first().filter(|_| workshop.folds_case) {
            let text = format!("{one} and {other} are one file on the target's disk");
            return Err(
                Error::new(ErrorKind::Plan, text).with_remedy("use a disk that tells upper and lower case apart")
            );
        }
        self.permit(&planned, permit)?;
        let progress = monitor.unit("files", planned.plan.steps.len() as u64);
        let objects = Objects { vault, rate: &self.rate };
        let bring = Bring {
            wanted,
            source: Supply::Elsewhere(&objects),
            target: workshop,
            trash,
            rate: &self.rate,
            durability: settings.durability,
            stop,
            progress: &progress,
        };
        let brought = bring.run(&planned.plan, &mut side);
        progress.finish();
        side.save().map_err(|error| failed("remember the hashes of", &settings.target, error))?;
        Ok((planned, brought?))
    }

    fn permit(&self, planned: &Planned, permit: impl FnOnce(&Planned) -> Result<()>) -> Result<()> {
        check_missing(&planned.plan, self.settings.missing_percent, &self.settings.source)?;
        permit(planned)
    }

    /// Moves files that nobody wants any more to the trash; returns how many and the paths that changed meanwhile.
    ///
    /// # Errors
    /// `Vault`, `Locked`.
    pub fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        match &self.target {
            To::Folder { workshop, trash } => remove::remove(workshop, trash, &plan.extras, &plan.gone)
                .map_err(|error| failed("remove files from", &self.settings.target, error)),
            To::Objects { lock, vault, id, bin } => {
                lock.check()?;
                let _recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
                let removed = remove_objects(vault, *id, bin, plan);
                removed.map_err(|fault| fault.error("remove files from", &vault.name()))
            }
        }
    }
}

fn remove_objects(
    vault: &ObjectVault,
    id: [u8; 16],
    bin: &Bin,
    plan: &VaultPlan,
) -> Result<(u64, Vec<VaultPath>), Fault> {
    if plan.extras.is_empty() && plan.gone.is_empty() {
        return Ok((0, Vec::new()));
    }
    let disk = |error: io::Error| super::fault::local(&error);
    let mut records = Records::open(vault, id)?;
    let paths: Vec<&VaultPath> = plan.extras.iter().map(|extra| &extra.path).collect();
    let mut changed = Vec::new();
    let mut there = Vec::new();
    for (extra, head) in plan.extras.iter().zip(vault.heads(&paths)) {
        match head?.filter(|object| object.facts() == extra.facts) {
            Some(object) => there.push((&extra.path, object)),
            None => changed.push(extra.path.clone()),
        }
    }
    let (mut moved, mut outcome) = (Vec::new(), Ok(()));
    for ((path, _), removed) in there.iter().zip(vault.remove_all(bin, &there)) {
        match removed {
            Ok(true) => moved.push((*path).clone()),
            Ok(false) => changed.push((*path).clone()),
            Err(fault) => outcome = Err(fault),
        }
    }
    moved.sort();
    let mut known = records.installed().map_err(disk)?.0;
    let mut kept = Vec::new();
    for path in &moved {
        kept.extend(known.find(path).map_err(disk)?.map(|record| (path.clone(), Some(record))));
    }
    if !kept.is_empty() {
        records.lay_beside(&bin.records(), &kept)?;
    }
    let mut without: Vec<_> = moved.iter().chain(&plan.gone).map(|path| (path.clone(), None)).collect();
    without.sort_by(|a, b| a.0.cmp(&b.0));
    without.dedup_by(|a, b| a.0 == b.0);
    records.update(&without)?;
    outcome?;
    Ok((moved.len() as u64, changed))
}

impl From {
    fn open(settings: &Settings, env: Env<'_>) -> Result<Self> {
        if is_address(&settings.source) {
            return open_vault(&settings.source, env).map(Self::Objects);
        }
        Source::open(settings).map(Self::Folder)
    }

    /// One bucket, and one folder of it, or one inside the other.
    fn refuse_same(&self, target: &ObjectVault) -> Result<()> {
        let Self::Objects(source) = self else { return Ok(()) };
        if !source.overlaps(target) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            format!("the source vault {source} and the target vault {target} lie in each other"),
        )
        .with_remedy("name another folder of the bucket"))
    }

    fn compare(
        &self,
        settings: &Settings,
        rate: &RateLimit,
        target: Option<&mut impl Side>,
        (installed, damaged): (Reader<Installed>, bool),
        wanted: &WantedList,
    ) -> Result<Planned> {
        let folded = wanted.folded_pairs().map_err(contradiction)?;
        let mut notes = Vec::new();
        if damaged {
            notes.push(format!(
                "the record of installed files of {} was damaged: what is there counts as yours and stays",
                settings.target.display()
            ));
        }
        let rules = Rules { overwrite: settings.overwrite };
        let at = |error| failed("compare files of", &settings.source, error);
        let plan = match self {
            Self::Folder(source) => {
                let cache = source.cache.as_ref().map(|(folder, owner)| (folder, *owner));
                let side = Local::new(&source.root, cache, RACY_NS, rate, settings.paranoid);
                let (mut side, _) =
                    side.map_err(|error| failed("read what is remembered of", &settings.source, error))?;
                let plan = compare::compare(wanted, &mut side, target, installed, rules).map_err(at)?;
                side.save().map_err(|error| failed("remember the hashes of", &settings.source, error))?;
                plan
            }
            Self::Objects(vault) => {
                let mut side = object_side(vault, settings, rate)?;
                let plan = compare::compare(wanted, &mut side, target, installed, rules).map_err(at)?;
                save(side, &settings.source)?;
                plan
            }
        };
        Ok(Planned { plan, folded, notes })
    }
}

fn open_vault(place: &Path, env: Env<'_>) -> Result<ObjectVault> {
    ObjectVault::open(&place.to_string_lossy(), env)
}

fn object_side<'a>(vault: &'a ObjectVault, settings: &Settings, rate: &'a RateLimit) -> Result<ObjectSide<'a>> {
    ObjectSide::new(vault, settings.state.as_deref(), rate, settings.paranoid).map_err(|cause| {
        Error::new(ErrorKind::Vault, format!("read what is remembered of the vault {vault}")).with_cause(cause)
    })
}

fn local_side<'a>(target: &'a Target, settings: &Settings, rate: &'a RateLimit) -> Result<Local<'a>> {
    let own = target.own.as_ref().map(|(own, id)| (own, *id));
    let side = Local::new(&target.root, own, RACY_NS, rate, settings.paranoid);
    side.map(|(side, _)| side).map_err(|error| failed("read what is remembered of", &settings.target, error))
}

fn save(side: ObjectSide<'_>, place: &Path) -> Result<()> {
    side.save().map_err(|error| failed("remember the hashes of", place, error))
}

/// What was installed, and whether its record was damaged.
fn read_installed(
    opened: Option<io::Result<(Reader<Installed>, bool)>>,
    settings: &Settings,
) -> Result<(Reader<Installed>, bool)> {
    let opened = opened.unwrap_or_else(|| Ok((Reader::empty(), false)));
    opened.map_err(|error| failed("read what was installed in", &settings.target, error))
}
