//! A target on this machine.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::bring::{Bring, Brought};
use super::check::check_missing;
use super::compare::VaultPlan;
use super::installed;
use super::ledger::Owner;
use super::local::Local;
use super::overlap::overlap;
use super::own::OwnFolder;
use super::path::{OWN_FOLDER, VaultPath};
use super::remove;
use super::root::Root;
use super::session::{Planned, Settings, failed, threads};
use super::side::Side;
use super::source::Source;
use super::survey::{Known, Survey, save};
use super::target::{self, Target, Workshop};
use super::trash::{self, Trash};
use super::wanted::WantedList;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::rate::RateLimit;

/// A folder of this machine, held by this run.
pub(crate) struct Here {
    settings: Settings,
    source: Source,
    target: Workshop,
    trash: Trash,
    rate: RateLimit,
    threads: rayon::ThreadPool,
}

/// Compares only.
///
/// # Errors
/// `Vault`, `Refused` or `Plan`.
pub(crate) fn plan(settings: &Settings, source: &Source, wanted: &WantedList) -> Result<Planned> {
    let folder = settings.target.folder("plan for")?;
    let target = Target::look(folder)?;
    refuse_same_folder(source, folder)?;
    let rate = RateLimit::new(settings.bytes_per_second);
    let stop = AtomicBool::new(false);
    threads(settings.jobs)?.install(|| {
        let known = match &target {
            Some(target) => known(settings, &rate, &target.root, target.own.as_ref().map(|(own, id)| (own, *id)))?,
            None => Known::new(settings, None, None)?,
        };
        known.compare(settings, &rate, source, wanted, &stop).map(|survey| survey.planned)
    })
}

fn known<'a>(
    settings: &Settings,
    rate: &'a RateLimit,
    root: &'a Root,
    own: Option<(&'a OwnFolder, Owner)>,
) -> Result<Known<'a>> {
    let (local, damaged) = Local::new(root, own, rate, settings.paranoid)
        .map_err(|error| failed("read what is remembered of", &settings.target, error))?;
    let installed = own.map(|(own, id)| installed::open(own, &id));
    let folds = own.map(|(own, _)| target::folds_case(root, own)).transpose();
    let mut known = Known::new(settings, Some((Side::Here(Box::new(local)), damaged)), installed)?;
    known.folds_case = folds.map_err(|error| failed("look into", &settings.target, error))?.unwrap_or(false);
    Ok(known)
}

impl Here {
    /// Opens the target and locks it.
    ///
    /// # Errors
    /// `Vault`, `Refused` or `Locked`.
    pub(crate) fn open(settings: Settings, source: Source) -> Result<Self> {
        let folder = settings.target.folder("bring files to")?.to_owned();
        // Before the target is made: nothing is ever made in a source.
        refuse_same_folder(&source, &folder)?;
        let target = Workshop::open(&folder, settings.adopt)?;
        let at = |error| failed("clear up what an earlier run left in", &settings.target, error);
        installed::recover(&target.own, &target.id, &target.root).map_err(at)?;
        let at = |error| failed("prepare the trash of", &settings.target, error);
        let trash = Trash::of_run(&target.own, &settings.run_id).map_err(at)?;
        if !trash.is_on(target.root.dev()) {
            return Err(target::lies_elsewhere(&folder));
        }
        let rate = RateLimit::new(settings.bytes_per_second);
        let threads = threads(settings.jobs)?;
        Ok(Self { settings, source, target, trash, rate, threads })
    }

    /// Compares and brings.
    ///
    /// # Errors
    /// `Vault` (too many missing files among others), `Plan`, `Interrupted`.
    pub(crate) fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        self.threads.install(|| {
            let (settings, target) = (&self.settings, &self.target);
            let known = known(settings, &self.rate, &target.root, Some((&target.own, target.id)))?;
            let Survey { mut planned, source: of_source, target: of_target } =
                known.compare(settings, &self.rate, &self.source, wanted, stop)?;
            let mut of_target = of_target.ok_or_else(no_side)?;
            self.refuse_folded(&planned)?;
            check_missing(wanted, &planned.plan, &[], settings, &self.source.place())?;
            permit(&planned)?;
            // Not before: a run that is refused costs nobody his way back. But what is to come may need the room.
            if let Err(error) = trash::expire(&target.own, settings.keep_trash, &settings.run_id) {
                planned.notes.push(failed("empty the trash of", &settings.target, error).chain());
            }
            let progress = monitor.files(planned.plan.steps.len() as u64);
            let bring = Bring {
                wanted,
                source: self.source.origin(),
                target,
                trash: &self.trash,
                rate: &self.rate,
                durability: settings.durability,
                stop,
                progress: &progress,
            };
            let brought = bring.run(&planned.plan, &mut of_target);
            progress.finish();
            save(settings, of_source, Some(of_target), &mut planned.notes)?;
            let mut brought = brought?;
            brought.wire_bytes = self.source.wire_bytes();
            check_missing(wanted, &planned.plan, &brought.troubles, settings, &self.source.place())?;
            Ok((planned, brought))
        })
    }

    fn refuse_folded(&self, planned: &Planned) -> Result<()> {
        let pairs = planned.folded.len();
        let Some((one, other)) = planned.folded.first().filter(|_| self.target.folds_case) else { return Ok(()) };
        let text = format!("{one} and {other} are one file on the target's disk ({pairs} such pairs)");
        Err(Error::new(ErrorKind::Plan, text).with_remedy("use a disk that tells upper and lower case apart"))
    }

    /// Moves extras to the trash.
    ///
    /// # Errors
    /// `Vault` as the system says.
    pub(crate) fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        let removed = remove::remove(&self.target, &self.trash, &plan.extras, &plan.gone);
        removed.map_err(|error| failed("remove files from", &self.settings.target, error))
    }
}

fn no_side() -> Error {
    Error::new(ErrorKind::Unexpected, "bring files: the target is not open")
}

/// One folder, or one inside the other: files would be sorted into themselves.
fn refuse_same_folder(source: &Source, target: &Path) -> Result<()> {
    let Source::Folder(source) = source else { return Ok(()) };
    let (one, other) = (source.root.path(), target);
    let overlap = overlap(one, other).map_err(|error| failed("resolve the path of", &target.display(), error))?;
    if !overlap {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!("the source vault {} and the target vault {} lie in each other", one.display(), other.display()),
    )
    .with_remedy(format!("name another folder; a target is known by its {OWN_FOLDER} folder")))
}
