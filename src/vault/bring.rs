//! Carrying out a plan: files are staged, verified, made durable, renamed into place and recorded, batch by batch.
//!
//! Nothing half-written is ever at a path, and a file that was put there by somebody else is never replaced. Running
//! again goes on where a run ended, since what is in place needs nothing.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rustix::fs::{self, AtFlags, RenameFlags};
use rustix::io::Errno;

use super::cache::ContentHash;
use super::compare::{Step, Trouble, TroubleKind, VaultPlan};
use super::installed::{self, Installed};
use super::object::Objects;
use super::own::OwnFolder;
use super::pages;
use super::path::VaultPath;
use super::remote::far::Far;
use super::remote::fetch::{Fetch, Wish};
use super::remove;
use super::root::{Facts, Folders, Found, found};
use super::side::Side;
use super::source::{FetchFault, Fetched, Origin};
use super::stage::{StageFault, Staged, Worker, hash_file};
use super::step::step;
use super::target::{Workshop, sync_all};
use super::trash::{self, Kept, Trash, Why};
use super::treat;
use super::wanted::{FileMode, WantedFile, WantedList};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Progress;
use crate::rate::RateLimit;

/// A batch ends with this many files or bytes, or after this time: what a killed run loses, and what one `syncfs`
/// settles.
const BATCH_FILES: usize = 16_384;
const BATCH_BYTES: u64 = 1 << 30;
const BATCH_TIME: Duration = Duration::from_secs(10);
const READBACK_BYTES: usize = 256 << 10;

/// When written files are forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before a batch is renamed into place, in one call for the whole file system.
    Batch,
    /// Each file as it is written.
    Each,
    /// As a batch, and then every file is read back from the disk and must be what was written.
    Readback,
    /// Never: a power cut may leave empty files in place.
    Off,
}

/// How to carry it out.
pub(super) struct Bring<'a> {
    /// What is wanted.
    pub wanted: &'a WantedList,
    /// Where files come from.
    pub(crate) source: Origin<'a>,
    /// Where they go.
    pub target: &'a Workshop,
    /// The run's part of the trash.
    pub trash: &'a Trash,
    /// Limit of bytes read.
    pub rate: &'a RateLimit,
    /// When files are forced to the disk.
    pub durability: Durability,
    /// Ends the work after the file at hand.
    pub stop: &'a AtomicBool,
    /// Shows it.
    pub progress: &'a Arc<Progress>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Brought {
    /// New files.
    pub copied: u64,
    /// Files that took another's place.
    pub replaced: u64,
    /// Of these, put together from the old version and what differs.
    pub patched: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Bytes over the wire, both ways.
    #[serde(skip)]
    pub wire_bytes: u64,
    /// Files that could not be brought.
    pub troubles: Vec<Trouble>,
}

/// What one thread reads with.
struct Hands<'a> {
    source: Folders<'a>,
    worker: Worker,
}

/// Files of a folder that one thread takes at a time: neighbours, so that folders stay open.
const FOLDER_FILES: usize = 64;
/// Files and bytes of another machine that one thread takes at a time.
const FAR_FILES: usize = 256;
const FAR_BYTES: u64 = 16 << 20;

/// A file whose bytes are here.
struct Ready<'p> {
    step: &'p Step,
    staged: Staged,
    origin: ContentHash,
    patched: bool,
}

/// A file in place.
struct Placed {
    path: VaultPath,
    facts: Facts,
    installed: Installed,
    replaced: bool,
    patched: bool,
}

enum Failed {
    /// This file only.
    File(Trouble),
    /// The target takes nothing more.
    All(Error),
}

impl Bring<'_> {
    /// Brings every file of the plan; `known` learns what is in place.
    ///
    /// # Errors
    /// `Vault` when the target cannot take more; `Interrupted` when told to stop. What is in place by then is recorded.
    pub(crate) fn run(&self, plan: &VaultPlan, known: &mut Side<'_>) -> Result<Brought> {
        let mut brought = Brought::default();
        let mut news: Vec<(VaultPath, Option<Installed>)> = Vec::new();
        let mut ended = self.clear_room(plan);
        let mut rest: Vec<&Step> = plan.steps.iter().collect();
        let mut number = 0;
        while !rest.is_empty() && ended.is_ok() {
            let later = rest.split_off(batch_length(rest.iter().copied(), BATCH_FILES, BATCH_BYTES));
            let (placed, mut left, outcome) = self.batch(number, &rest, &mut brought);
            left.extend(later);
            rest = left;
            ended = outcome;
            number += 1;
            for Placed { path, facts, installed, replaced, patched } in placed {
                *(if replaced { &mut brought.replaced } else { &mut brought.copied }) += 1;
                brought.patched += u64::from(patched);
                brought.bytes += installed.size;
                known.note(&path, facts, installed.hash);
                news.push((path, Some(installed)));
            }
        }
        news.sort_by(|a, b| a.0.cmp(&b.0));
        // First of all, since on a full disk the records need the room.
        let recorded = self
            .target
            .staging
            .clear()
            .and_then(|()| self.settle())
            .and_then(|()| installed::update(&self.target.own, &self.target.id, &news))
            .and_then(|()| installed::forget_intents(&self.target.own));
        ended.and(recorded.map_err(|error| self.target_failed("record what was installed in", error)))?;
        Ok(brought)
    }

    /// Refuses before the first byte what cannot end well.
    fn clear_room(&self, plan: &VaultPlan) -> Result<()> {
        let room = self.target.room().map_err(|error| self.target_failed("ask for the space of", error))?;
        let place = self.target.root.path().display();
        let files = plan.steps.len() as u64;
        let blocks: u64 = plan.steps.iter().map(|step| step.size.div_ceil(room.block_bytes)).sum();
        let needed = blocks.saturating_mul(room.block_bytes);
        let needed = needed.saturating_add(needed / 20);
        let lacks = if needed > room.bytes {
            format!("bring {} MB of files to {place}: {} MB are free there", needed.div_ceil(1 << 20), room.bytes >> 20)
        } else if let Some(free) = room.files.filter(|free| *free < files) {
            format!("bring {files} files to {place}: its file system has room for {free} more (inodes)")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Vault, lacks).with_remedy("make room, or sample fewer rows"))
    }

    /// Stages, settles and places one batch; what was placed counts even where the batch failed in the end. Answers
    /// also the steps that time did not suffice for.
    fn batch<'p>(
        &self,
        number: usize,
        steps: &[&'p Step],
        brought: &mut Brought,
    ) -> (Vec<Placed>, Vec<&'p Step>, Result<()>) {
        let staged = match self.source {
            Origin::Folder(root) => {
                let hands = || Hands { source: root.folders(), worker: Worker::default() };
                self.stage_all(steps, FOLDER_FILES, hands, |step, hands| self.stage(step, hands))
            }
            Origin::Far(far) => self.fetch_all(far, steps),
            Origin::Bucket(vault) => {
                let objects = Objects { vault, rate: self.rate, stop: self.stop };
                let fetch = |step| {
                    let wanted = self.file(step);
                    objects.fetch(wanted, self.wanted.rule(wanted).mode, &self.target.staging)
                };
                self.stage_all(steps, 1, || (), |step, ()| self.fetched(step, fetch(step)))
            }
        };
        let mut ready = Vec::with_capacity(staged.len());
        let mut left = Vec::new();
        let mut outcome = Ok(());
        for (step, staged) in steps.iter().zip(staged) {
            match staged {
                Ok(Some(file)) => ready.push(file),
                Ok(None) => left.push(*step),
                Err(Failed::File(trouble)) => brought.troubles.push(trouble),
                Err(Failed::All(error)) => outcome = outcome.and(Err(error)),
            }
        }
        let recorded = self.intend_what_fits(number, &mut ready);
        match recorded.and_then(|gave_way| self.settle().map(|()| gave_way)) {
            Ok(None) => {}
            Ok(Some(full)) => outcome = outcome.and(Err(self.target_failed("write files to", full))),
            Err(error) => return (Vec::new(), left, Err(self.target_failed("make files durable in", error))),
        }
        if self.durability == Durability::Readback
            && let Err(error) = ready.par_iter().try_for_each(|file| self.read_back(file))
        {
            return (Vec::new(), left, Err(error));
        }
        let placed: Vec<Result<Placed, Failed>> = ready
            .par_iter()
            .with_max_len(64)
            .map_init(|| self.target.root.folders(), |folders, file| self.place(file, folders))
            .collect();
        let mut done = Vec::with_capacity(placed.len());
        for placed in placed {
            match placed {
                Ok(file) => done.push(file),
                Err(Failed::File(trouble)) => brought.troubles.push(trouble),
                Err(Failed::All(error)) => outcome = outcome.and(Err(error)),
            }
        }
        if outcome.is_ok() && self.stop.load(Ordering::Relaxed) {
            outcome = Err(Error::new(ErrorKind::Interrupted, "bring files: stopped")
                .with_remedy("run again: what is in place stays, and nothing is half there"));
        }
        (done, left, outcome)
    }

    /// One by one in all threads, `most` at a time in each, until time is up, it is told to stop or the target is full.
    /// An answer for each step, in order; `None` for those that it did not come to.
    fn stage_all<'p, H>(
        &self,
        steps: &[&'p Step],
        most: usize,
        hands: impl Fn() -> H + Sync + Send,
        stage: impl Fn(&'p Step, &mut H) -> Result<Ready<'p>, Failed> + Sync + Send,
    ) -> Vec<Result<Option<Ready<'p>>, Failed>> {
        let (full, end) = (AtomicBool::new(false), Instant::now() + BATCH_TIME);
        steps
            .par_iter()
            .with_max_len(most)
            .map_init(hands, |hands, step| {
                if self.is_over(&full, end) {
                    return Ok(None);
                }
                let staged = stage(step, hands);
                full.fetch_or(matches!(staged, Err(Failed::All(_))), Ordering::Relaxed);
                staged.map(Some)
            })
            .collect()
    }

    fn is_over(&self, full: &AtomicBool, end: Instant) -> bool {
        full.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed) || Instant::now() > end
    }

    fn fetch_all<'p>(&self, far: &Far, steps: &[&'p Step]) -> Vec<Result<Option<Ready<'p>>, Failed>> {
        let (full, end) = (AtomicBool::new(false), Instant::now() + BATCH_TIME);
        let old_version = Mutex::new(());
        let (staging, rate, stop) = (&self.target.staging, self.rate, self.stop);
        let fetch = Fetch { far, staging, rate, stop, old_version: &old_version };
        // One long chunk would leave the other threads without work, and time with nothing to end at.
        let most = steps.len().div_ceil(rayon::current_num_threads()).clamp(1, FAR_FILES);
        let (mut chunks, mut rest) = (Vec::new(), steps);
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(batch_length(rest.iter().copied(), most, FAR_BYTES));
            chunks.push(chunk);
            rest = later;
        }
        let staged: Vec<Vec<_>> = chunks
            .into_par_iter()
            .with_max_len(1)
            .map(|steps| {
                if self.is_over(&full, end) {
                    return steps.iter().map(|_| Ok(None)).collect();
                }
                let staged = self.fetch(&fetch, steps);
                let failed = staged.iter().any(|staged| matches!(staged, Err(Failed::All(_))));
                full.fetch_or(failed, Ordering::Relaxed);
                staged
            })
            .collect();
        staged.into_iter().flatten().collect()
    }

    fn fetch<'p>(&self, fetch: &Fetch<'_>, steps: &[&'p Step]) -> Vec<Result<Option<Ready<'p>>, Failed>> {
        let wish = |step: &&'p Step| {
            let wanted = self.file(step);
            Wish {
                path: wanted.source_path(),
                mode: self.wanted.rule(wanted).mode,
                size: step.size,
                hash: step.hash.as_deref().copied(),
                old_bytes: step.replaces.as_ref().map(|facts| facts.size),
            }
        };
        let wishes: Vec<Wish<'_>> = steps.iter().map(wish).collect();
        let fetched = fetch.many(&wishes, |at| self.old_version(steps[at]));
        steps.iter().zip(fetched).map(|(step, fetched)| self.fetched(step, fetched).map(Some)).collect()
    }

    /// The version that is to be replaced, if it is still that one.
    fn old_version(&self, step: &Step) -> Option<Vec<u8>> {
        let (mut file, facts) = self.target.root.folders().open_file(&self.file(step).path).ok()?;
        let mut bytes = Vec::with_capacity(usize::try_from(facts.size).ok()?);
        let read = file.by_ref().take(facts.size).read_to_end(&mut bytes).ok()?;
        (step.replaces.as_deref() == Some(&facts) && read as u64 == facts.size).then_some(bytes)
    }

    fn fetched<'p>(&self, step: &'p Step, fetched: Result<Fetched, FetchFault>) -> Result<Ready<'p>, Failed> {
        let trouble = |what| Failed::File(Trouble { file: step.file, what });
        let Fetched { staged, origin, patched } = fetched.map_err(|fault| match fault {
            FetchFault::Missing => trouble(TroubleKind::Missing),
            FetchFault::File(why) => trouble(TroubleKind::Unreadable(why)),
            FetchFault::Write(error) => Failed::All(self.target_failed("write files to", error)),
            FetchFault::All(error) => Failed::All(error),
        })?;
        self.staged(&staged)?;
        Ok(Ready { step, staged, origin, patched })
    }

    /// Makes a file durable, where each is to be, and shows that it is here.
    fn staged(&self, staged: &Staged) -> Result<(), Failed> {
        if self.durability == Durability::Each {
            let synced = self.target.staging.sync(staged);
            synced.map_err(|error| Failed::All(self.target_failed("make files durable in", error)))?;
        }
        self.progress.add(1, staged.size);
        Ok(())
    }

    fn file(&self, step: &Step) -> &WantedFile {
        &self.wanted.files[step.file as usize]
    }

    fn stage<'p>(&self, step: &'p Step, hands: &mut Hands<'_>) -> Result<Ready<'p>, Failed> {
        let wanted = self.file(step);
        let trouble = |what| Failed::File(Trouble { file: step.file, what });
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => trouble(TroubleKind::Missing),
            _ if is_exhausted(&error) => Failed::All(
                Error::new(ErrorKind::Vault, format!("read {} of the source", wanted.source_path())).with_cause(error),
            ),
            _ => trouble(TroubleKind::Unreadable(error.to_string())),
        };
        let (mut file, facts) = hands.source.open_file(wanted.source_path()).map_err(unreadable)?;
        let mode = self.wanted.rule(wanted).mode;
        let (staged, origin) = if mode == FileMode::Real {
            let staged = self.target.staging.copy(&mut file, facts, &mut hands.worker, self.rate);
            let staged = staged.map_err(|fault| match fault {
                StageFault::Changing => trouble(TroubleKind::Unreadable("it went on changing".to_owned())),
                StageFault::Read(error) => unreadable(error),
                StageFault::Write(error) => Failed::All(self.target_failed("write files to", error)),
            })?;
            let origin = staged.hash;
            (staged, origin)
        } else {
            let (bytes, origin) = treat::read(&mut file, &facts, self.rate).map_err(unreadable)?;
            let made = treat::treat(mode, &wanted.path, &bytes)
                .map_err(|fault| trouble(TroubleKind::Unreadable(fault.to_string())))?;
            let staged = self.target.staging.write(&made, &facts);
            (staged.map_err(|error| Failed::All(self.target_failed("write files to", error)))?, origin)
        };
        self.staged(&staged)?;
        Ok(Ready { step, staged, origin, patched: false })
    }

    /// Renames a staged file to its path, unless somebody was there in the meantime.
    fn place(&self, ready: &Ready<'_>, folders: &mut Folders<'_>) -> Result<Placed, Failed> {
        let wanted = self.file(ready.step);
        let trouble = |what| Failed::File(Trouble { file: ready.step.file, what });
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::NotADirectory => trouble(TroubleKind::TargetIsNoFile),
            // A mount of the same disk, which no look tells.
            io::ErrorKind::CrossesDevices => trouble(TroubleKind::OtherDisk(wanted.path.split().0.to_owned())),
            _ => Failed::All(self.target_failed(&format!("put {} in place in", wanted.path), error)),
        };
        let (folder, name) = wanted.path.split();
        let staging = self.target.staging.folder();
        if let Some(before) = &ready.step.replaces {
            if folders.look(&wanted.path).map_err(failed)? != Found::File(**before) {
                return Err(trouble(TroubleKind::Conflict));
            }
            let handle = folders.make(folder).map_err(failed)?;
            let part = self.trash.part(Why::Replaced);
            let replaced = match trash::keep(part, &wanted.path, handle).map_err(failed)? {
                Kept::InPlace => exchange(staging, &ready.staged.name, handle, name, before).map_err(failed)?,
                // Somebody may have saved his own at the last moment.
                Kept::Moved if !part.folders().look(&wanted.path).map_err(failed)?.is_still(before) => {
                    trash::put_back(part, &wanted.path, handle).map_err(failed)?;
                    false
                }
                Kept::Moved => rename_to_nothing(staging, &ready.staged.name, handle, name).map_err(failed)?,
            };
            if !replaced {
                return Err(trouble(TroubleKind::Conflict));
            }
        } else {
            let handle = folders.make(folder).map_err(failed)?;
            if !rename_to_nothing(staging, &ready.staged.name, handle, name).map_err(failed)? {
                return Err(trouble(TroubleKind::Conflict));
            }
        }
        step();
        let Found::File(facts) = folders.look(&wanted.path).map_err(failed)? else {
            return Err(trouble(TroubleKind::Conflict));
        };
        let replaced = ready.step.replaces.is_some();
        Ok(Placed { path: wanted.path.clone(), facts, installed: self.record(ready), replaced, patched: ready.patched })
    }

    /// The disk gives what was written, and not the memory what it remembers.
    fn read_back(&self, ready: &Ready<'_>) -> Result<()> {
        let path = &self.file(ready.step).path;
        let file = self.target.staging.folder().open(&ready.staged.name).and_then(|file| {
            let file = file.ok_or(io::ErrorKind::NotFound)?;
            pages::forget(&file);
            hash_file(&file, &mut vec![0; READBACK_BYTES], self.rate)
        });
        let (hash, _) = file.map_err(|error| self.target_failed(&format!("read {path} back in"), error))?;
        if hash == ready.staged.hash {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Vault,
            format!("read {path} back in the vault {}: it is not what was written", self.target.root.path().display()),
        )
        .with_remedy("the disk or the memory of this machine may fail; nothing of the batch was put in place"))
    }

    /// Records what is about to be placed. On a full disk some of it gives way to the record, so that the rest stays:
    /// then the error is returned as an answer.
    fn intend_what_fits(&self, number: usize, ready: &mut Vec<Ready<'_>>) -> io::Result<Option<io::Error>> {
        let mut gave_way = None;
        loop {
            match self.intend(number, ready) {
                Err(error) if is_full(&error) && !ready.is_empty() => {
                    for file in ready.drain(ready.len() - ready.len().div_ceil(8)..) {
                        self.target.staging.folder().remove(&file.staged.name)?;
                    }
                    gave_way = Some(error);
                }
                recorded => return recorded.map(|()| gave_way),
            }
        }
    }

    fn intend(&self, number: usize, ready: &[Ready<'_>]) -> io::Result<()> {
        let mut records: Vec<_> =
            ready.iter().map(|file| (self.file(file.step).path.clone(), Some(self.record(file)))).collect();
        records.sort_by(|a, b| a.0.cmp(&b.0));
        let mut replaced: Vec<&VaultPath> =
            ready.iter().filter(|file| file.step.replaces.is_some()).map(|file| &self.file(file.step).path).collect();
        replaced.sort();
        remove::keep_records(self.target, (self.trash, Why::Replaced), replaced.into_iter())?;
        installed::intend(&self.target.own, &self.target.id, number, &records)
    }

    fn record(&self, ready: &Ready<'_>) -> Installed {
        let mode = self.wanted.rule(self.file(ready.step)).mode;
        Installed { hash: ready.staged.hash, origin: ready.origin, mode, size: ready.staged.size }
    }

    fn settle(&self) -> io::Result<()> {
        if self.durability != Durability::Off {
            sync_all(&self.target.root)?;
            step();
        }
        Ok(())
    }

    fn target_failed(&self, what: &str, error: io::Error) -> Error {
        let full = is_full(&error);
        let failed = Error::new(ErrorKind::Vault, format!("{what} the vault {}", self.target.root.path().display()));
        let failed = failed.with_cause(error);
        if full { failed.with_remedy("make room and run again: what is in place stays") } else { failed }
    }
}

fn is_full(error: &io::Error) -> bool {
    [Errno::NOSPC, Errno::DQUOT].iter().any(|full| Some(full.raw_os_error()) == error.raw_os_error())
}

/// No more open files, or no more memory: the next file would fare no better.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM].iter().any(|errno| Some(errno.raw_os_error()) == code)
}

/// How many of the steps make a batch: so many files or bytes at most, one at least.
pub(super) fn batch_length<'p>(steps: impl Iterator<Item = &'p Step>, files_max: usize, bytes_max: u64) -> usize {
    let mut bytes = 0_u64;
    let fits = steps.take(files_max).take_while(|step| {
        let room = bytes < bytes_max;
        bytes = bytes.saturating_add(step.size);
        room
    });
    fits.count().max(1)
}

/// Puts a staged file in the place of `before`; false where somebody saved his own there at the last moment, which
/// stays. What was replaced comes out at the staged name, and only there can be seen what it was.
fn exchange(
    staging: &OwnFolder,
    staged: &str,
    to: std::os::fd::BorrowedFd<'_>,
    name: &str,
    before: &Facts,
) -> io::Result<bool> {
    let swap = || fs::renameat_with(staging.handle(), staged, to, name, RenameFlags::EXCHANGE);
    match swap() {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(false),
        // Some file systems cannot: then the look before it must do.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::renameat(staging.handle(), staged, to, name)?;
            return Ok(true);
        }
        Err(error) => return Err(error.into()),
    }
    if found(&fs::statat(staging.handle(), staged, AtFlags::SYMLINK_NOFOLLOW)?).is_still(before) {
        staging.remove(staged)?;
        return Ok(true);
    }
    swap()?;
    Ok(false)
}

/// Puts a staged file where nothing stands; false where something does.
fn rename_to_nothing(
    staging: &OwnFolder,
    staged: &str,
    to: std::os::fd::BorrowedFd<'_>,
    name: &str,
) -> io::Result<bool> {
    let from = staging.handle();
    match fs::renameat_with(from, staged, to, name, RenameFlags::NOREPLACE) {
        // Some file systems cannot promise it: then a look must do.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if fs::statat(to, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Ok(false);
            }
            fs::renameat(from, staged, to, name)?;
            Ok(true)
        }
        Err(Errno::EXIST) => Ok(false),
        renamed => Ok(renamed.map(|()| true)?),
    }
}
