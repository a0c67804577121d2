//! Putting a plan's files into a bucket, batch by batch: prepared and hashed, announced, put, recorded.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::super::bring::{Brought, batch_length, is_exhausted};
use super::super::compare::{Step, Trouble, TroubleKind, VaultPlan};
use super::super::installed::Installed;
use super::super::path::VaultPath;
use super::super::root::{Facts, Folders, facts_of};
use super::super::source::{FetchFault, Origin};
use super::super::stage::hash_file;
use super::super::trash::Why;
use super::super::treat;
use super::super::wanted::{FileMode, WantedFile, WantedList};
use super::fault::{Fault, FaultKind, local};
use super::fetch::{Objects, as_file};
use super::link::ObjectVault;
use super::lock::Lock;
use super::look::Noted;
use super::own::Records;
use super::put::{Expect, PARTS_FROM_BYTES};
use super::read::Sink;
use super::remove::Bin;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Progress;
use crate::rate::RateLimit;

/// Files of a batch are open, or in memory.
const BATCH_FILES: usize = 256;
const BATCH_BYTES: u64 = 256 << 20;
/// The record is put whole, so not after each batch.
const RECORD_BATCHES: usize = 64;
const BUFFER_BYTES: usize = 256 << 10;

/// How to carry a plan out.
pub(super) struct Push<'a> {
    pub(super) wanted: &'a WantedList,
    pub(super) source: Origin<'a>,
    pub(super) vault: &'a ObjectVault,
    pub(super) lock: &'a Lock,
    pub(super) bin: &'a Bin,
    pub(super) run_id: &'a str,
    pub(super) rate: &'a RateLimit,
    pub(super) stop: &'a AtomicBool,
    pub(super) progress: &'a Arc<Progress>,
}

enum Content {
    File(File),
    Bytes(Vec<u8>),
}

/// A file that is ready to be put.
struct Ready<'p> {
    step: &'p Step,
    content: Content,
    /// Of the open file; of the source otherwise.
    facts: Facts,
    /// Time and executable bit that the object is to have.
    origin: Facts,
    record: Installed,
}

enum Failed {
    File(Trouble),
    All(Error),
}

impl Push<'_> {
    /// Puts every file of the plan.
    ///
    /// # Errors
    /// `Vault` where the store takes nothing more, `Locked`, `Interrupted`. What is there by then is recorded.
    pub(super) fn run(&self, plan: &VaultPlan, records: &mut Records<'_>) -> Result<Brought> {
        let mut brought = Brought::default();
        let mut news = Vec::new();
        let (mut batch, mut number, mut outcome) = (0, 0, Ok(()));
        let mut rest = &plan.steps[..];
        while !rest.is_empty() && outcome.is_ok() {
            let (steps, later) = rest.split_at(batch_length(rest.iter(), BATCH_FILES, BATCH_BYTES));
            rest = later;
            outcome = self.batch(number, steps, records, &mut brought, &mut news);
            (batch, number) = (batch + 1, number + 1);
            if batch == RECORD_BATCHES || rest.is_empty() || outcome.is_err() {
                let recorded = self.record(records, &mut news, number);
                outcome = outcome.and(recorded);
                batch = 0;
            }
        }
        outcome.map(|()| brought)
    }

    fn record(
        &self,
        records: &mut Records<'_>,
        news: &mut Vec<(VaultPath, Option<Installed>)>,
        batches: usize,
    ) -> Result<()> {
        news.sort_by(|a, b| a.0.cmp(&b.0));
        let recorded = records.update(news).and_then(|()| records.forget_intents(batches));
        news.clear();
        recorded.map_err(|fault| self.failed("record what was installed in", &fault))
    }

    fn batch(
        &self,
        number: usize,
        steps: &[Step],
        records: &Records<'_>,
        brought: &mut Brought,
        news: &mut Vec<(VaultPath, Option<Installed>)>,
    ) -> Result<()> {
        let prepared: Vec<_> = steps
            .par_iter()
            .with_max_len(1)
            .map_init(|| self.folders(), |folders, step| self.prepare(step, folders.as_mut()))
            .collect();
        let mut ready = Vec::with_capacity(prepared.len());
        sort_out(prepared, &mut ready, &mut brought.troubles)?;
        let mut intents: Vec<_> =
            ready.iter().map(|file| (self.file(file.step).path.clone(), Some(file.record))).collect();
        intents.sort_by(|a, b| a.0.cmp(&b.0));
        let mut replaced: Vec<&VaultPath> =
            ready.iter().filter(|file| file.step.replaces.is_some()).map(|file| &self.file(file.step).path).collect();
        replaced.sort();
        let kept = records.keep_beside(&self.bin.records(Why::Replaced), replaced.into_iter());
        kept.map_err(|fault| self.failed("record what is to be replaced in", &fault))?;
        records.intend(number, &intents).map_err(|fault| self.failed("record what is to come in", &fault))?;
        let put: Vec<_> = ready.into_par_iter().with_max_len(1).map(|file| self.put(file)).collect();
        let mut done = Vec::with_capacity(put.len());
        let outcome = sort_out(put, &mut done, &mut brought.troubles);
        for (path, record, replaced) in done {
            *(if replaced { &mut brought.replaced } else { &mut brought.copied }) += 1;
            brought.bytes += record.size;
            news.push((path, Some(record)));
        }
        outcome
    }

    fn folders(&self) -> Option<Folders<'_>> {
        match &self.source {
            Origin::Folder(root) => Some(root.folders()),
            Origin::Far(_) | Origin::Bucket(_) => None,
        }
    }

    fn file(&self, step: &Step) -> &WantedFile {
        &self.wanted.files[step.file as usize]
    }

    /// Told to stop, or the lock is lost.
    fn check(&self) -> Result<(), Failed> {
        self.lock.check().map_err(Failed::All)?;
        if !self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Failed::All(
            Error::new(ErrorKind::Interrupted, "bring files: stopped")
                .with_remedy("run again: what is in place stays, and nothing is half there"),
        ))
    }

    fn prepare<'p>(&self, step: &'p Step, folders: Option<&mut Folders<'_>>) -> Result<Ready<'p>, Failed> {
        self.check()?;
        let wanted = self.file(step);
        let mode = self.wanted.rule(wanted).mode;
        let made = match (&self.source, folders) {
            (Origin::Bucket(vault), _) => {
                prepare_object(&Objects { vault, rate: self.rate, stop: self.stop }, wanted, mode)
            }
            (_, Some(folders)) => prepare_file(folders, wanted, mode, self.rate),
            (_, None) => Err(FetchFault::All(Error::new(ErrorKind::Unexpected, "put files of another machine"))),
        };
        let (content, facts, origin, record) = made.map_err(|fault| match fault {
            FetchFault::Missing => Failed::File(Trouble { file: step.file, what: TroubleKind::Missing }),
            FetchFault::File(why) => Failed::File(Trouble { file: step.file, what: TroubleKind::Unreadable(why) }),
            FetchFault::All(error) => Failed::All(error),
            FetchFault::Write(error) => Failed::All(
                Error::new(ErrorKind::Vault, "write a file on its way to the folder for temporary files")
                    .with_cause(error),
            ),
        })?;
        Ok(Ready { step, content, facts, origin, record })
    }

    fn put(&self, ready: Ready<'_>) -> Result<(VaultPath, Installed, bool), Failed> {
        self.check()?;
        let path = &self.file(ready.step).path;
        let (number, record, replaced) = (ready.step.file, ready.record, ready.step.replaces.is_some());
        match self.vault.wait(self.put_one(path, ready)) {
            Ok(()) => {
                self.progress.add(1, record.size);
                Ok((path.clone(), record, replaced))
            }
            Err(fault) => Err(match fault.kind {
                FaultKind::Changed => Failed::File(Trouble { file: number, what: TroubleKind::Conflict }),
                FaultKind::Local | FaultKind::Broken => {
                    let what = TroubleKind::Unreadable(io::Error::from(fault).to_string());
                    Failed::File(Trouble { file: number, what })
                }
                _ => Failed::All(self.failed("put files into", &fault)),
            }),
        }
    }

    async fn put_one(&self, path: &VaultPath, ready: Ready<'_>) -> Result<(), Fault> {
        let key = self.vault.key(path)?;
        let etag = match &ready.step.replaces {
            None => None,
            Some(before) => {
                let now = self.vault.head_of(&key).await?;
                let now = now.filter(|now| now.facts() == **before);
                let now = now.ok_or_else(|| Fault::new(FaultKind::Changed, "another object stands there"))?;
                self.vault.keep(self.bin, Why::Replaced, path, &now).await?;
                Some(now.etag)
            }
        };
        let expect = etag.as_deref().map_or(Expect::Nothing, Expect::Etag);
        let noted = Noted {
            hash: ready.record.hash,
            mtime_ns: ready.origin.mtime_ns,
            executable: ready.origin.executable,
            run_id: self.run_id.to_owned(),
        };
        let record = ready.record;
        match ready.content {
            Content::File(mut file) if record.size >= PARTS_FROM_BYTES => {
                self.vault.put_parts(&key, &mut file, (&ready.facts, &noted), expect, self.stop).await?;
            }
            Content::File(mut file) => {
                let bytes = read_whole(&mut file, &record).map_err(|error| local(&error))?;
                self.vault.put(&key, bytes.into(), Some(&noted), expect).await?;
            }
            Content::Bytes(bytes) => {
                self.vault.put(&key, bytes.into(), Some(&noted), expect).await?;
            }
        }
        Ok(())
    }

    fn failed(&self, what: &str, fault: &Fault) -> Error {
        fault.error(what, &self.vault.name())
    }
}

type Made = (Content, Facts, Facts, Installed);

fn prepare_file(
    folders: &mut Folders<'_>,
    wanted: &WantedFile,
    mode: FileMode,
    rate: &RateLimit,
) -> Result<Made, FetchFault> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FetchFault::Missing,
        _ if is_exhausted(&error) => FetchFault::All(
            Error::new(ErrorKind::Vault, format!("read {} of the source", wanted.source_path())).with_cause(error),
        ),
        _ => FetchFault::File(error.to_string()),
    };
    let (mut file, facts) = folders.open_file(wanted.source_path()).map_err(unreadable)?;
    if mode != FileMode::Real {
        let (bytes, origin) = treat::read(&mut file, &facts, rate).map_err(unreadable)?;
        let made = treat::treat(mode, &wanted.path, &bytes);
        let made = made.map_err(|fault| FetchFault::File(fault.to_string()))?;
        let record = of_bytes(&made, origin, mode);
        return Ok((Content::Bytes(made), facts, facts, record));
    }
    let (hash, size) = hash_file(&file, &mut vec![0; BUFFER_BYTES], rate).map_err(unreadable)?;
    if facts_of(&file).map_err(unreadable)? != facts || size != facts.size {
        return Err(FetchFault::File("it went on changing".to_owned()));
    }
    Ok((Content::File(file), facts, facts, Installed { hash, origin: hash, mode, size }))
}

fn prepare_object(objects: &Objects<'_>, wanted: &WantedFile, mode: FileMode) -> Result<Made, FetchFault> {
    if mode != FileMode::Real {
        let (object, made, origin) = objects.treated(wanted, mode)?;
        let record = of_bytes(&made, origin, mode);
        let facts = as_file(&object);
        return Ok((Content::Bytes(made), facts, facts, record));
    }
    let mut file = tempfile::tempfile().map_err(FetchFault::Write)?;
    let read = objects.vault.read(wanted.source_path(), &mut file as &mut dyn Sink, objects.rate, objects.stop);
    let (object, hash) = read.map_err(|fault| objects.fault(fault))?;
    let facts = facts_of(&file).map_err(FetchFault::Write)?;
    let record = Installed { hash, origin: hash, mode, size: object.size };
    Ok((Content::File(file), facts, as_file(&object), record))
}

fn of_bytes(made: &[u8], origin: [u8; 32], mode: FileMode) -> Installed {
    Installed { hash: *blake3::hash(made).as_bytes(), origin, mode, size: made.len() as u64 }
}

/// The whole file again, which must be what was hashed.
fn read_whole(file: &mut File, record: &Installed) -> io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::with_capacity(usize::try_from(record.size).unwrap_or_default());
    file.take(record.size + 1).read_to_end(&mut bytes)?;
    if *blake3::hash(&bytes).as_bytes() != record.hash {
        return Err(io::Error::other("it changed while it was read"));
    }
    Ok(bytes)
}

/// What succeeded and what is one file's trouble; the first fault of the whole.
fn sort_out<T>(outcomes: Vec<Result<T, Failed>>, done: &mut Vec<T>, troubles: &mut Vec<Trouble>) -> Result<()> {
    let mut first = Ok(());
    for outcome in outcomes {
        match outcome {
            Ok(one) => done.push(one),
            Err(Failed::File(trouble)) => troubles.push(trouble),
            Err(Failed::All(error)) => first = first.and(Err(error)),
        }
    }
    first
}
