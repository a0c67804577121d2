//! Putting back what a run replaced and removed, for a rollback of its rows; and forth again.
//!
//! Removed files return to their paths; replaced ones get the version that the rows in use are to go with, and the
//! other one is kept in the trash. Files that only the newer rows name stay: nothing that some row names is ever
//! missing. What somebody changed or put there himself is left alone. Each file moves in steps that can be told from what lies where, so that an attempt that failed or was killed
//! is finished by running it again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs;
use walkdir::WalkDir;

use super::installed::{self, Installed};
use super::location::Location;
use super::object::{self, StoreSettings};
use super::path::{OWN_FOLDER, VaultPath};
use super::remote::{RemoteSettings, ask};
use super::root::{Found, Root};
use super::settle::{Part, Paths, Version, current_of, known_of};
use super::stage::hash_file;
use super::step::step;
use super::target::{Target, Workshop, sync_all};
use super::trash::{self, Trash, Why};
use crate::error::{Error, ErrorKind, Result};
use crate::rate::RateLimit;

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Restored {
    /// Removed files that are in place again.
    pub returned: u64,
    /// Files that have the other version again.
    pub exchanged: u64,
    /// Where something else stands by now: left alone.
    pub conflicts: u64,
    /// The run has no part in the trash (any more), so nothing could be put back.
    pub trash_gone: bool,
}

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Moved,
    /// Something else stands there.
    Conflict,
    /// There was nothing to do.
    AsItWas,
}

impl Restored {
    /// Files that were moved.
    pub fn moved(&self) -> u64 {
        self.returned + self.exchanged
    }

    /// Counts what became of a file of a part of the trash.
    pub(super) fn count(&mut self, why: Why, outcome: Outcome) {
        match (outcome, why) {
            (Outcome::Moved, Why::Removed) => self.returned += 1,
            (Outcome::Moved, _) => self.exchanged += 1,
            (Outcome::Conflict, _) => self.conflicts += 1,
            (Outcome::AsItWas, _) => {}
        }
    }
}

/// Lets the files that a run replaced have the version that is asked for, and returns what it removed and what was
/// removed since. Works wherever the vault lies.
///
/// # Errors
/// `Vault`, `Locked`, `Refused`, `Interrupted`.
pub fn restore(
    place: &Location,
    (remote, store): (&RemoteSettings, &StoreSettings),
    run_id: &str,
    to: Version,
    stop: &AtomicBool,
) -> Result<Restored> {
    match place {
        Location::Folder(path) => restore_here(path, run_id, to, stop),
        Location::Ssh(place) => ask::restore(place, remote, run_id, to, stop),
        Location::Bucket(place) => object::restore(place, store, run_id, to, stop),
    }
}

/// Puts back files of a folder of this machine.
pub(super) fn restore_here(path: &Path, run_id: &str, to: Version, stop: &AtomicBool) -> Result<Restored> {
    let failed = |error: io::Error| match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::new(ErrorKind::Vault, format!("put back the files of run {run_id} in {}", path.display()))
            .with_cause(error)
            .with_remedy("correct the cause and run `tithe rollback` again: it goes on with what is left"),
    };
    if Target::look(path)?.is_none_or(|target| target.own.is_none()) {
        return Ok(Restored { trash_gone: true, ..Restored::default() });
    }
    let target = Workshop::open(path, false)?;
    let work = Work { target: &target, to, stop, restored: Restored::default() };
    work.run(run_id).map_err(failed)
}

struct Work<'a> {
    target: &'a Workshop,
    to: Version,
    stop: &'a AtomicBool,
    restored: Restored,
}

impl Work<'_> {
    fn run(mut self, run_id: &str) -> io::Result<Restored> {
        let Workshop { own, id, root, .. } = self.target;
        // What a killed run placed is Tithe's as well.
        installed::recover(own, id, root)?;
        let all = Trash::since(own, run_id)?;
        self.restored.trash_gone = all.is_empty();
        let mut parts = Vec::with_capacity(all.len());
        for (at, (trash, name)) in all.iter().enumerate() {
            let mut came = Paths::new();
            if at == 0 {
                self.move_all(trash, name, self.to.ways().0, &mut came)?;
            }
            // What a sync of the rows that are put away removed since, those that are to come may name; what the run
            // itself removed, the older rows only.
            if at > 0 || self.to == Version::Older {
                self.move_all(trash, name, Why::Removed, &mut came)?;
            }
            parts.push(self.part(trash, name, came)?);
        }
        self.settle(&all, parts)?;
        // The rows are swapped next.
        sync_all(&self.target.root)?;
        step();
        Ok(self.restored)
    }

    fn move_all(&mut self, trash: &Trash, name: &str, why: Why, came: &mut Paths) -> io::Result<()> {
        let (root, into) = (&self.target.root, trash.part(self.to.ways().1));
        let files = self.files(name, why)?;
        let known = match why {
            Why::Removed => trash.records(why, &self.target.id)?,
            _ => known_of(files.iter(), &mut installed::open(&self.target.own, &self.target.id)?.0)?,
        };
        for file in files {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other(stopped()));
            }
            let is_known = || known.get(&file).is_some_and(|record| self.holds(&file, record));
            let outcome = match why {
                Why::Removed => match give_back(trash.part(why), root, &file)? {
                    // Somebody brought it anew.
                    Outcome::Conflict if is_known() => Outcome::AsItWas,
                    outcome => outcome,
                },
                _ => exchange(trash.part(why), into, root, &file, is_known)?,
            };
            self.restored.count(why, outcome);
            came.extend((outcome == Outcome::Moved).then_some(file));
        }
        Ok(())
    }

    /// As it is after the files were moved.
    fn part(&self, trash: &Trash, name: &str, came: Paths) -> io::Result<Part> {
        let (from, into) = self.to.ways();
        let records = |why| trash.records(why, &self.target.id);
        Ok(Part {
            came,
            removed: self.files(name, Why::Removed)?,
            from: self.files(name, from)?,
            into: self.files(name, into)?,
            incoming: records(from)?,
            outgoing: records(into)?,
            of_removed: records(Why::Removed)?,
        })
    }

    fn settle(&self, all: &[(Trash, String)], mut parts: Vec<Part>) -> io::Result<()> {
        let Workshop { own, id, .. } = self.target;
        let current = current_of(&parts, &mut installed::open(own, id)?.0)?;
        let mut news = BTreeMap::new();
        for (part, (trash, _)) in parts.iter_mut().zip(all) {
            for (path, record) in part.doubtful(&current) {
                if self.holds(&path, &record) {
                    part.came.insert(path);
                }
            }
            let settled = part.settle(&current);
            trash.record(self.to.ways().1, id, &settled.outgoing)?;
            news.extend(settled.installed);
        }
        if news.is_empty() {
            return Ok(());
        }
        installed::update(own, id, &news.into_iter().collect::<Vec<_>>())
    }

    /// Whether the file at the path is the one that the record tells of.
    fn holds(&self, path: &VaultPath, record: &Installed) -> bool {
        let Ok((file, facts)) = self.target.root.folders().open_file(path) else { return false };
        let hashed = || hash_file(&file, &mut vec![0; 256 << 10], &RateLimit::new(None));
        facts.size == record.size && hashed().is_ok_and(|(hash, _)| hash == record.hash)
    }

    /// The files of a folder of a part of the trash.
    fn files(&self, name: &str, why: Why) -> io::Result<Paths> {
        let folder = self.target.root.path().join(OWN_FOLDER).join("trash").join(name).join(why.folder());
        let mut files = Paths::new();
        for entry in WalkDir::new(&folder) {
            let entry = entry?;
            let below = entry.path().strip_prefix(&folder).ok().and_then(Path::to_str);
            if entry.file_type().is_file() {
                files.extend(below.and_then(|text| VaultPath::parse(text).ok()));
            }
        }
        Ok(files)
    }
}

pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Interrupted, "put back files: stopped")
        .with_remedy("run `tithe rollback` again: it goes on with what is left")
}

/// Renames a file back to its path, unless something stands there.
fn give_back(part: &Root, root: &Root, path: &VaultPath) -> io::Result<Outcome> {
    let (folder, name) = path.split();
    let (mut from, mut to) = (part.folders(), root.folders());
    if to.look(path)? != Found::Nothing {
        return Ok(Outcome::Conflict);
    }
    fs::renameat(from.make(folder)?, name, to.make(folder)?, name)?;
    step();
    Ok(Outcome::Moved)
}

/// Renames a version out of the trash over the one that stands there, which before gets a second name in the trash: so
/// the path is never empty, and killed in between it is done by doing it again. What stands there must be what Tithe
/// installed.
fn exchange(
    from: &Root,
    into: &Root,
    root: &Root,
    path: &VaultPath,
    is_installed: impl FnOnce() -> bool,
) -> io::Result<Outcome> {
    let (folder, name) = path.split();
    let (mut from, mut to) = (from.folders(), root.folders());
    match to.look(path)? {
        Found::Other => return Ok(Outcome::Conflict),
        Found::Nothing => {}
        Found::File(now) => {
            let is_now =
                |found: Found| matches!(found, Found::File(file) if (file.dev, file.ino) == (now.dev, now.ino));
            // Renaming one name of a file over another does nothing.
            if is_now(from.look(path)?) {
                return Ok(Outcome::AsItWas);
            }
            if !is_installed() {
                return Ok(Outcome::Conflict);
            }
            trash::keep(into, path, to.make(folder)?)?;
            // Kept by an earlier attempt, and somebody saved his own since.
            if !is_now(into.folders().look(path)?) {
                return Ok(Outcome::Conflict);
            }
        }
    }
    fs::renameat(from.make(folder)?, name, to.make(folder)?, name)?;
    step();
    Ok(Outcome::Moved)
}
