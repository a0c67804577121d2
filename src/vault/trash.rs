//! Files that were replaced or removed, kept for a while under the run that did it.
//!
//! `trash/<seconds>-<run>/removed/PATH` and `…/replaced/PATH`, beside a ledger of what Tithe knew of them, so that a
//! rollback can put them back.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::installed::Installed;
use super::ledger::{self, Opened, Owner};
use super::own::OwnFolder;
use super::path::VaultPath;
use super::root::Root;
use super::step::step;
use super::target::now_ns;

const FOLDER: &str = "trash";
const RECORDS: &str = "records";

/// How files came into the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nobody wanted them any more.
    Removed,
    /// Another content took their place.
    Replaced,
}

impl Why {
    /// The name of its folder.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Replaced => "replaced",
        }
    }
}

/// One run's part of the trash.
#[derive(Debug)]
pub(super) struct Trash {
    run: OwnFolder,
    removed: Root,
    replaced: Root,
}

impl Trash {
    /// Opens the part of a run, which may be there already.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn of_run(own: &OwnFolder, run_id: &str) -> io::Result<Self> {
        let all = OwnFolder::inside(own.handle(), FOLDER, true)?.ok_or(io::ErrorKind::NotFound)?;
        let found = all.names()?.into_iter().find(|name| name.split_once('-').is_some_and(|(_, run)| run == run_id));
        let name = found.unwrap_or_else(|| format!("{}-{run_id}", now_ns() / 1_000_000_000));
        let run = OwnFolder::inside(all.handle(), &name, true)?.ok_or(io::ErrorKind::NotFound)?;
        let part = |why: Why| Root::inside(run.handle(), why.folder());
        Ok(Self { removed: part(Why::Removed)?, replaced: part(Why::Replaced)?, run })
    }

    /// Opens the part of a run and all later ones, in order, each with its folder's name; none where the run's is gone.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn since(own: &OwnFolder, run_id: &str) -> io::Result<Vec<(Self, String)>> {
        let Some(all) = OwnFolder::inside(own.handle(), FOLDER, false)? else { return Ok(Vec::new()) };
        let mut names: Vec<(i64, String, String)> = all.names()?.into_iter().filter_map(dated).collect();
        names.sort();
        let first = names.iter().position(|(_, run, _)| run == run_id).unwrap_or(names.len());
        names.drain(first..).map(|(_, run, name)| Ok((Self::of_run(own, &run)?, name))).collect()
    }

    /// What Tithe knew of the files.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn records(&self, owner: &Owner) -> io::Result<BTreeMap<VaultPath, Installed>> {
        let mut records = BTreeMap::new();
        if let Opened::Whole(mut reader) = ledger::open::<Installed>(&self.run, RECORDS, owner)? {
            while let Some((path, record)) = reader.take()? {
                records.insert(path, record);
            }
        }
        Ok(records)
    }

    /// The part that holds such files.
    pub(super) fn part(&self, why: Why) -> &Root {
        match why {
            Why::Removed => &self.removed,
            Why::Replaced => &self.replaced,
        }
    }

    /// Keeps what Tithe knew of the files.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn record(&self, owner: &Owner, records: &[(VaultPath, Option<Installed>)]) -> io::Result<()> {
        if records.is_empty() { Ok(()) } else { ledger::merge(&self.run, RECORDS, owner, records) }
    }
}

/// When a part was begun, in seconds, and by which run; with its name.
fn dated(name: String) -> Option<(i64, String, String)> {
    let (seconds, run) = name.split_once('-')?;
    Some((seconds.parse().ok()?, run.to_owned(), name))
}

/// Moves the file at `name` in the folder `from` to the trash.
///
/// # Errors
/// As the system says.
pub(super) fn take(part: &Root, path: &VaultPath, from: impl AsFd) -> io::Result<()> {
    let (folder, name) = path.split();
    let mut folders = part.folders();
    fs::renameat(from, name, folders.make(folder)?, name)?;
    step();
    Ok(())
}

/// Moves a file back to `name` in the folder `to`, unless something stands there again.
///
/// # Errors
/// As the system says.
pub(super) fn put_back(part: &Root, path: &VaultPath, to: impl AsFd) -> io::Result<()> {
    let (folder, name) = path.split();
    let mut folders = part.folders();
    match fs::renameat_with(folders.make(folder)?, name, to, name, RenameFlags::NOREPLACE) {
        // It stays in the trash, for a while.
        Ok(()) | Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the file at `name` in the folder `from` in the trash too, as a second name of one content: so that another
/// can be renamed over it and the path is never empty.
///
/// # Errors
/// As the system says.
pub(super) fn keep(part: &Root, path: &VaultPath, from: impl AsFd) -> io::Result<()> {
    let (folder, name) = path.split();
    let mut folders = part.folders();
    match fs::linkat(from, name, folders.make(folder)?, name, AtFlags::empty()) {
        // Replaced twice in one run: the first version is the one that rollback wants.
        Ok(()) | Err(Errno::EXIST) => {
            step();
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Empties the parts that are older than `keep`; returns how many.
///
/// # Errors
/// As the system says.
pub(super) fn expire(own: &OwnFolder, keep: Duration) -> io::Result<usize> {
    let Some(all) = OwnFolder::inside(own.handle(), FOLDER, false)? else { return Ok(0) };
    let now = now_ns() / 1_000_000_000;
    let limit = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    let mut expired = 0;
    for name in all.names()? {
        let made = name.split_once('-').and_then(|(seconds, _)| seconds.parse::<i64>().ok());
        if made.is_some_and(|made| now.saturating_sub(made) > limit) {
            remove_all(all.handle(), &CString::new(name)?)?;
            expired += 1;
        }
    }
    Ok(expired)
}

/// Removes a folder with all that is in it, by handles: whoever swaps a folder for a link leads nobody out.
fn remove_all(above: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let folder = fs::openat(above, name, flags, Mode::empty())?;
    for entry in fs::Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match fs::unlinkat(&folder, name, AtFlags::empty()) {
            // Linux and POSIX differ on what is said of a folder.
            Err(Errno::ISDIR | Errno::PERM) => remove_all(folder.as_fd(), name)?,
            removed => removed?,
        }
    }
    Ok(fs::unlinkat(above, name, AtFlags::REMOVEDIR)?)
}
