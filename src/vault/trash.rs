//! Files that were replaced or removed, kept for a while under the run that did it.
//!
//! `trash/<seconds>-<run>/removed/PATH` and `…/replaced/PATH`, beside a ledger of what Tithe knew of them, so that a
//! rollback can put them back.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::fs::{self, AtFlags};
use rustix::io::Errno;

use super::installed::Installed;
use super::ledger::{self, Owner};
use super::own::OwnFolder;
use super::path::VaultPath;
use super::root::Root;
use super::target::now_ns;

const FOLDER: &str = "trash";
const RECORDS: &str = "records";

/// How files came into the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody wanted them any more.
    Removed,
    /// Another content took their place.
    Replaced,
}

impl Why {
    /// The folder of such files.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Replaced => "replaced",
        }
    }
}

/// One run's part of the trash.
#[derive(Debug)]
pub struct Trash {
    run: OwnFolder,
    removed: Root,
    replaced: Root,
}

impl Trash {
    /// Opens the part of a run, which may be there already.
    ///
    /// # Errors
    /// As the system says.
    pub fn of_run(own: &OwnFolder, run_id: &str) -> io::Result<Self> {
        let all = OwnFolder::inside(own.handle(), FOLDER, true)?.ok_or(io::ErrorKind::NotFound)?;
        let found = all.names()?.into_iter().find(|name| name.split_once('-').is_some_and(|(_, run)| run == run_id));
        let name = found.unwrap_or_else(|| format!("{}-{run_id}", now_ns() / 1_000_000_000));
        let run = OwnFolder::inside(all.handle(), &name, true)?.ok_or(io::ErrorKind::NotFound)?;
        let part = |why: Why| Root::inside(run.handle(), why.folder());
        Ok(Self { removed: part(Why::Removed)?, replaced: part(Why::Replaced)?, run })
    }

    /// The part that holds such files.
    pub fn part(&self, why: Why) -> &Root {
        match why {
            Why::Removed => &self.removed,
            Why::Replaced => &self.replaced,
        }
    }

    /// Keeps what Tithe knew of the files.
    ///
    /// # Errors
    /// As the system says.
    pub fn record(&self, owner: &Owner, records: &[(VaultPath, Option<Installed>)]) -> io::Result<()> {
        if records.is_empty() { Ok(()) } else { ledger::merge(&self.run, RECORDS, owner, records) }
    }
}

/// Moves the file at `name` in the folder `from` to the trash.
///
/// # Errors
/// As the system says.
pub fn take(part: &Root, path: &VaultPath, from: impl AsFd) -> io::Result<()> {
    let (folder, name) = path.split();
    let mut folders = part.folders();
    Ok(fs::renameat(from, name, folders.make(folder)?, name)?)
}

/// Keeps the file at `name` in the folder `from` in the trash too, as a second name of one content: so that another
/// can be renamed over it and the path is never empty.
///
/// # Errors
/// As the system says.
pub fn keep(part: &Root, path: &VaultPath, from: impl AsFd) -> io::Result<()> {
    let (folder, name) = path.split();
    let mut folders = part.folders();
    match fs::linkat(from, name, folders.make(folder)?, name, AtFlags::empty()) {
        // Replaced twice in one run: the first version is the one that rollback wants.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Empties the parts that are older than `keep`; returns how many.
///
/// # Errors
/// As the system says.
pub fn expire(own: &OwnFolder, vault: &Root, keep: Duration) -> io::Result<usize> {
    let Some(all) = OwnFolder::inside(own.handle(), FOLDER, false)? else { return Ok(0) };
    let now = now_ns() / 1_000_000_000;
    let limit = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    let mut expired = 0;
    for name in all.names()? {
        let made = name.split_once('-').and_then(|(seconds, _)| seconds.parse::<i64>().ok());
        if made.is_some_and(|made| now.saturating_sub(made) > limit) {
            // The standard library follows no link on its way down.
            std::fs::remove_dir_all(vault.path().join(super::path::OWN_FOLDER).join(FOLDER).join(&name))?;
            expired += 1;
        }
    }
    Ok(expired)
}
