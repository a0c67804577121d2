//! Carrying out a plan: files are staged, verified, made durable, renamed into place and recorded, batch by batch.
//!
//! Nothing half-written is ever at a path, and a file that was put there by somebody else is never replaced. Running
//! again goes on where a run ended, since what is in place needs nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustix::fs::{self, AtFlags, RenameFlags};
use rustix::io::Errno;

use super::cache::ContentHash;
use super::compare::{Step, Trouble, TroubleKind, VaultPlan};
use super::installed::{self, Installed};
use super::local::Local;
use super::path::VaultPath;
use super::root::{Facts, Folders, Found, Root};
use super::stage::{StageFault, Staged, Staging, Worker};
use super::target::{Workshop, sync_all};
use super::trash::{self, Trash, Why};
use super::treat;
use super::wanted::{FileMode, WantedFile, WantedList};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Progress;
use crate::rate::RateLimit;

/// A batch ends with this many files or bytes: what a killed run loses, and what one `syncfs` settles.
const BATCH_FILES: usize = 16_384;
const BATCH_BYTES: u64 = 1 << 30;

/// When written files are forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before a batch is renamed into place, in one call for the whole file system.
    Batch,
    /// Each file as it is written.
    Each,
    /// Never: a power cut may leave empty files in place.
    Off,
}

/// Where files come from.
#[derive(Clone, Copy)]
pub enum Supply<'a> {
    /// A folder of this machine.
    Folder(&'a Root),
    /// Somewhere else.
    Elsewhere(&'a dyn Fetch),
}

/// Brings single files from somewhere else to the staging folder; called from many threads.
pub trait Fetch: Sync {
    /// Stages one file, treated as its rule says; also the hash of what it was made of.
    ///
    /// # Errors
    /// What becomes a trouble of this file, or ends the whole run.
    fn fetch(&self, file: &WantedFile, mode: FileMode, staging: &Staging) -> Result<(Staged, ContentHash), FetchFault>;
}

/// Why a file could not be fetched.
pub enum FetchFault {
    /// This file only.
    File(TroubleKind),
    /// Writing to the target failed.
    Write(io::Error),
    /// The source as a whole.
    All(Error),
}

/// How to carry it out.
pub struct Bring<'a> {
    /// What is wanted.
    pub wanted: &'a WantedList,
    /// Where files come from.
    pub source: Supply<'a>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// New files.
    pub copied: u64,
    /// Files that took another's place.
    pub replaced: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Files that could not be brought.
    pub troubles: Vec<Trouble>,
}

/// What one thread holds.
struct Hands<'a> {
    source: Option<Folders<'a>>,
    target: Folders<'a>,
    worker: Worker,
}

/// A file whose bytes are here.
struct Ready<'p> {
    step: &'p Step,
    staged: Staged,
    origin: ContentHash,
}

/// A file in place.
struct Placed {
    path: VaultPath,
    facts: Facts,
    installed: Installed,
    replaced: bool,
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
    pub fn run(&self, plan: &VaultPlan, known: &mut Local<'_>) -> Result<Brought> {
        let mut brought = Brought::default();
        let mut news: Vec<(VaultPath, Option<Installed>)> = Vec::new();
        let mut ended = self.clear_room(plan);
        let mut rest = &plan.steps[..];
        let mut number = 0;
        while !rest.is_empty() && ended.is_ok() {
            let (batch, later) = rest.split_at(batch_length(rest));
            rest = later;
            let (placed, outcome) = self.batch(number, batch, &mut brought);
            ended = outcome;
            number += 1;
            for Placed { path, facts, installed, replaced } in placed {
                *(if replaced { &mut brought.replaced } else { &mut brought.copied }) += 1;
                brought.bytes += installed.size;
                known.note(&path, facts, installed.hash);
                news.push((path, Some(installed)));
            }
        }
        news.sort_by(|a, b| a.0.cmp(&b.0));
        let recorded = self
            .settle()
            .and_then(|()| installed::update(&self.target.own, &self.target.id, &news))
            .and_then(|()| installed::forget_intents(&self.target.own));
        ended.and(recorded.map_err(|error| self.target_failed("record what was installed in", error)))?;
        Ok(brought)
    }

    /// Refuses before the first byte what cannot end well.
    fn clear_room(&self, plan: &VaultPlan) -> Result<()> {
        let needed = plan.bytes().saturating_add(plan.bytes() / 20);
        let free = self.target.free_bytes().map_err(|error| self.target_failed("ask for the space of", error))?;
        if needed <= free {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Vault,
            format!(
                "bring {} MB of files to {}: {} MB are free there",
                needed >> 20,
                self.target.root.path().display(),
                free >> 20
            ),
        )
        .with_remedy("make room, or sample fewer rows"))
    }

    /// Stages, settles and places one batch; what was placed counts even where the batch failed in the end.
    fn batch(&self, number: usize, steps: &[Step], brought: &mut Brought) -> (Vec<Placed>, Result<()>) {
        let full = AtomicBool::new(false);
        let staged: Vec<Result<Option<Ready<'_>>, Failed>> = steps
            .par_iter()
            .with_max_len(64)
            .map_init(
                || self.hands(),
                |hands, step| {
                    if full.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    let staged = self.stage(step, hands);
                    full.fetch_or(matches!(staged, Err(Failed::All(_))), Ordering::Relaxed);
                    staged.map(Some)
                },
            )
            .collect();
        let mut ready = Vec::with_capacity(staged.len());
        let mut outcome = Ok(());
        for staged in staged {
            match staged {
                Ok(file) => ready.extend(file),
                Err(Failed::File(trouble)) => brought.troubles.push(trouble),
                Err(Failed::All(error)) => outcome = outcome.and(Err(error)),
            }
        }
        if let Err(error) = self.intend(number, &ready).and_then(|()| self.settle()) {
            return (Vec::new(), Err(self.target_failed("make files durable in", error)));
        }
        let placed: Vec<Result<Placed, Failed>> = ready
            .par_iter()
            .with_max_len(64)
            .map_init(|| self.hands(), |hands, file| self.place(file, hands))
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
        (done, outcome)
    }

    fn hands(&self) -> Hands<'_> {
        let source = match self.source {
            Supply::Folder(root) => Some(root.folders()),
            Supply::Elsewhere(_) => None,
        };
        Hands { source, target: self.target.root.folders(), worker: Worker::default() }
    }

    fn file(&self, step: &Step) -> &WantedFile {
        &self.wanted.files[step.file as usize]
    }

    fn stage<'p>(&self, step: &'p Step, hands: &mut Hands<'_>) -> Result<Ready<'p>, Failed> {
        let wanted = self.file(step);
        let trouble = |what| Failed::File(Trouble { file: step.file, what });
        let mode = self.wanted.rule(wanted).mode;
        let (staged, origin) = if let Supply::Elsewhere(source) = self.source {
            source.fetch(wanted, mode, &self.target.staging).map_err(|fault| match fault {
                FetchFault::File(what) => trouble(what),
                FetchFault::Write(error) => Failed::All(self.target_failed("write files to", error)),
                FetchFault::All(error) => Failed::All(error),
            })?
        } else {
            self.copy(wanted, mode, hands, &trouble)?
        };
        if self.durability == Durability::Each {
            self.target
                .staging
                .sync(&staged)
                .map_err(|error| Failed::All(self.target_failed("make files durable in", error)))?;
        }
        self.progress.add(1, staged.size);
        Ok(Ready { step, staged, origin })
    }

    /// Stages a file of a folder of this machine.
    fn copy(
        &self,
        wanted: &WantedFile,
        mode: FileMode,
        hands: &mut Hands<'_>,
        trouble: &dyn Fn(TroubleKind) -> Failed,
    ) -> Result<(Staged, ContentHash), Failed> {
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => trouble(TroubleKind::Missing),
            _ if is_exhausted(&error) => Failed::All(
                Error::new(ErrorKind::Vault, format!("read {} of the source", wanted.source_path())).with_cause(error),
            ),
            _ => trouble(TroubleKind::Unreadable(error.to_string())),
        };
        let Some(source) = &mut hands.source else { return Err(trouble(TroubleKind::Missing)) };
        let (mut file, facts) = source.open_file(wanted.source_path()).map_err(unreadable)?;
        Ok(if mode == FileMode::Real {
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
        })
    }

    /// Renames a staged file to its path, unless somebody was there in the meantime.
    fn place(&self, ready: &Ready<'_>, hands: &mut Hands<'_>) -> Result<Placed, Failed> {
        let wanted = self.file(ready.step);
        let trouble = |what| Failed::File(Trouble { file: ready.step.file, what });
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::NotADirectory => trouble(TroubleKind::TargetIsNoFile),
            _ => Failed::All(self.target_failed(&format!("put {} in place in", wanted.path), error)),
        };
        let (folder, name) = wanted.path.split();
        let staging = self.target.staging.folder();
        if let Some(before) = &ready.step.replaces {
            if hands.target.look(&wanted.path).map_err(failed)? != Found::File(**before) {
                return Err(trouble(TroubleKind::Conflict));
            }
            let handle = hands.target.make(folder).map_err(failed)?;
            trash::keep(self.trash.part(Why::Replaced), &wanted.path, handle).map_err(failed)?;
            fs::renameat(staging.handle(), &ready.staged.name, handle, name).map_err(|e| failed(e.into()))?;
        } else {
            let handle = hands.target.make(folder).map_err(failed)?;
            match rename_to_nothing(staging.handle(), &ready.staged.name, handle, name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(trouble(TroubleKind::Conflict));
                }
                renamed => renamed.map_err(failed)?,
            }
        }
        let Found::File(facts) = hands.target.look(&wanted.path).map_err(failed)? else {
            return Err(trouble(TroubleKind::Conflict));
        };
        let replaced = ready.step.replaces.is_some();
        Ok(Placed { path: wanted.path.clone(), facts, installed: self.record(ready), replaced })
    }

    fn intend(&self, number: usize, ready: &[Ready<'_>]) -> io::Result<()> {
        let mut records: Vec<_> =
            ready.iter().map(|file| (self.file(file.step).path.clone(), Some(self.record(file)))).collect();
        records.sort_by(|a, b| a.0.cmp(&b.0));
        installed::intend(&self.target.own, &self.target.id, number, &records)
    }

    fn record(&self, ready: &Ready<'_>) -> Installed {
        let mode = self.wanted.rule(self.file(ready.step)).mode;
        Installed { hash: ready.staged.hash, origin: ready.origin, mode, size: ready.staged.size }
    }

    fn settle(&self) -> io::Result<()> {
        if self.durability == Durability::Off { Ok(()) } else { sync_all(&self.target.root) }
    }

    fn target_failed(&self, what: &str, error: io::Error) -> Error {
        let full = matches!(error.raw_os_error(), Some(code) if [Errno::NOSPC, Errno::DQUOT].iter().any(|e| e.raw_os_error() == code));
        let failed = Error::new(ErrorKind::Vault, format!("{what} the vault {}", self.target.root.path().display()));
        let failed = failed.with_cause(error);
        if full { failed.with_remedy("make room and run again: what is in place stays") } else { failed }
    }
}

/// No more open files, or no more memory: the next file would fare no better.
fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM].iter().any(|errno| Some(errno.raw_os_error()) == code)
}

fn batch_length(steps: &[Step]) -> usize {
    let mut bytes = 0_u64;
    let fits = steps.iter().take(BATCH_FILES).take_while(|step| {
        let room = bytes < BATCH_BYTES;
        bytes = bytes.saturating_add(step.size);
        room
    });
    fits.count().max(1)
}

/// Renames where nothing stands; `AlreadyExists` otherwise.
fn rename_to_nothing(
    from: std::os::fd::BorrowedFd<'_>,
    old: &str,
    to: std::os::fd::BorrowedFd<'_>,
    new: &str,
) -> io::Result<()> {
    match fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        // Some file systems cannot promise it: then a look must do.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Ok(fs::renameat(from, old, to, new)?)
        }
        renamed => Ok(renamed?),
    }
}
