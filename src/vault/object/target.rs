//! A folder of a bucket as the target of a run: the same steps as on disk, in the same order.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::bring::Brought;
use super::super::check::check_missing;
use super::super::compare::VaultPlan;
use super::super::installed::Installed;
use super::super::ledger::{Owner, Reader};
use super::super::location::BucketPlace;
use super::super::path::VaultPath;
use super::super::session::{Planned, Settings, failed, threads};
use super::super::source::{Source, bucket_side};
use super::super::survey::{Known, Survey, save};
use super::super::trash::Why;
use super::super::wanted::WantedList;
use super::fault::Fault;
use super::link::ObjectVault;
use super::lock::Lock;
use super::own::Records;
use super::push::Push;
use super::remove::Bin;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::rate::RateLimit;

/// A folder of a bucket, held by this run.
pub(crate) struct InBucket {
    settings: Settings,
    source: Source,
    vault: Arc<ObjectVault>,
    id: Owner,
    lock: Lock,
    bin: Bin,
    rate: RateLimit,
    threads: rayon::ThreadPool,
}

/// Compares only.
///
/// # Errors
/// `Vault`, `Refused`, `Usage` or `Plan`.
pub(crate) fn plan(settings: &Settings, place: &BucketPlace, source: &Source, wanted: &WantedList) -> Result<Planned> {
    let vault = ObjectVault::open(place, &settings.store)?;
    refuse_same(source, &vault)?;
    let rate = RateLimit::new(settings.bytes_per_second);
    let stop = AtomicBool::new(false);
    let records = vault.identity()?.map(|id| open_records(&vault, id)).transpose()?;
    threads(settings.jobs)?.install(|| {
        let known = known(settings, &vault, records.as_ref(), &rate, &stop)?;
        let Survey { mut planned, source, target } = known.compare(settings, &rate, source, wanted, &stop)?;
        save(settings, source, target, &mut planned.notes)?;
        Ok(planned)
    })
}

fn known<'a>(
    settings: &Settings,
    vault: &'a ObjectVault,
    records: Option<&Records<'_>>,
    rate: &'a RateLimit,
    stop: &'a AtomicBool,
) -> Result<Known<'a>> {
    let (side, notes) = bucket_side(vault, settings, rate, stop)?;
    let mut known = Known::new(settings, Some((side, false)), records.map(Records::installed))?;
    known.notes.extend(notes);
    Ok(known)
}

fn open_records(vault: &ObjectVault, id: Owner) -> Result<Records<'_>> {
    Records::open(vault, id).map_err(|fault| fault.error("read what was installed in", &vault.name()))
}

/// The record of what was installed in a bucket, and whether it was damaged; `None` where there is no marker.
///
/// # Errors
/// `Vault`, `Refused`.
pub(crate) fn installed(vault: &ObjectVault) -> Result<Option<(Reader<Installed>, bool)>> {
    let Some(id) = vault.identity()? else { return Ok(None) };
    let read = open_records(vault, id)?.installed();
    read.map(Some).map_err(|error| failed("read what was installed in", &vault.name(), error))
}

impl InBucket {
    /// Opens the target and locks it.
    ///
    /// # Errors
    /// `Vault`, `Refused`, `Usage` or `Locked`.
    pub(crate) fn open(settings: Settings, place: &BucketPlace, source: Source) -> Result<Self> {
        let vault = Arc::new(ObjectVault::open(place, &settings.store)?);
        refuse_same(&source, &vault)?;
        let id = vault.mark(settings.adopt)?;
        let lock = Lock::take(&vault, &settings.run_id)?;
        let at = |fault: Fault| fault.error("clear up what an earlier run left in", &vault.name());
        open_records(&vault, id)?.recover().map_err(at)?;
        let bin = Bin::of_run(&settings.run_id);
        let rate = RateLimit::new(settings.bytes_per_second);
        let threads = threads(settings.jobs)?;
        Ok(Self { settings, source, vault, id, lock, bin, rate, threads })
    }

    /// Compares and brings.
    ///
    /// # Errors
    /// `Vault` (too many missing files among others), `Plan`, `Interrupted`, `Locked`.
    pub(crate) fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        self.threads.install(|| {
            let settings = &self.settings;
            let mut records = open_records(&self.vault, self.id)?;
            let known = known(settings, &self.vault, Some(&records), &self.rate, stop)?;
            let Survey { mut planned, source, target } =
                known.compare(settings, &self.rate, &self.source, wanted, stop)?;
            save(settings, source, target, &mut planned.notes)?;
            check_missing(wanted, &planned.plan, &[], settings, &self.source.place())?;
            permit(&planned)?;
            // Not before: a run that is refused costs nobody his way back.
            if let Err(fault) = self.vault.expire(settings.keep_trash, &settings.run_id) {
                planned.notes.push(fault.error("empty the trash of", &self.vault.name()).chain());
            }
            let progress = monitor.files(planned.plan.steps.len() as u64);
            let push = Push {
                wanted,
                source: self.source.origin(),
                vault: &self.vault,
                lock: &self.lock,
                bin: &self.bin,
                run_id: &settings.run_id,
                rate: &self.rate,
                stop,
                progress: &progress,
            };
            let brought = push.run(&planned.plan, &mut records);
            progress.finish();
            let brought = brought?;
            check_missing(wanted, &planned.plan, &brought.troubles, settings, &self.source.place())?;
            Ok((planned, brought))
        })
    }

    /// Moves extras to the trash.
    ///
    /// # Errors
    /// `Vault`, `Locked`.
    pub(crate) fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        self.lock.check()?;
        let removed = remove_objects(&self.vault, self.id, &self.bin, plan);
        removed.map_err(|fault| fault.error("remove files from", &self.vault.name()))
    }
}

/// One bucket, and one folder of it, or one inside the other.
fn refuse_same(source: &Source, target: &ObjectVault) -> Result<()> {
    let Source::Bucket(source) = source else { return Ok(()) };
    if !source.overlaps(target) {
        return Ok(());
    }
    let text = format!("the source vault {source} and the target vault {target} lie in each other");
    Err(Error::new(ErrorKind::Refused, text).with_remedy("name another folder of the bucket"))
}

fn remove_objects(vault: &ObjectVault, id: Owner, bin: &Bin, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>), Fault> {
    if plan.extras.is_empty() && plan.gone.is_empty() {
        return Ok((0, Vec::new()));
    }
    let mut records = Records::open(vault, id)?;
    let paths: Vec<&VaultPath> = plan.extras.iter().map(|extra| &extra.path).collect();
    let mut changed = Vec::new();
    let mut there = Vec::new();
    for (extra, head) in plan.extras.iter().zip(vault.heads(&paths, &AtomicBool::new(false))?) {
        match head?.filter(|object| object.facts() == extra.facts) {
            Some(object) => there.push((&extra.path, object)),
            None => changed.push(extra.path.clone()),
        }
    }
    // Before the first one goes: killed on the way, the trash knows more than it holds, never less.
    let mut going: Vec<&VaultPath> = there.iter().map(|(path, _)| *path).collect();
    going.sort();
    records.keep_beside(&bin.records(Why::Removed), going.into_iter())?;
    let (mut moved, mut outcome) = (Vec::new(), Ok(()));
    for ((path, _), removed) in there.iter().zip(vault.remove_all(bin, &there)) {
        match removed {
            Ok(true) => moved.push((*path).clone()),
            Ok(false) => changed.push((*path).clone()),
            Err(fault) => outcome = Err(fault),
        }
    }
    let mut without: Vec<_> = moved.iter().chain(&plan.gone).map(|path| (path.clone(), None)).collect();
    without.sort_by(|a, b| a.0.cmp(&b.0));
    without.dedup_by(|a, b| a.0 == b.0);
    records.update(&without)?;
    outcome?;
    Ok((moved.len() as u64, changed))
}
