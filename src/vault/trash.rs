//! Files that were replaced or removed, kept for a while under the run that did it.
//!
//! `trash/<seconds>-<run>/removed/PATH` and `…/replaced/PATH`, beside a ledger of what Tithe knew of them, so that a
//! rollback can put them back. What a rollback puts them in the place of lies in `…/exchanged/PATH`, beside a ledger of
//! its own, until another rollback returns it.

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
use super::pulse::beat;
use super::root::Root;
use super::step::step;
use super::target::now_ns;

const FOLDER: &str = "trash";

/// How files came into the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nobody wanted them any more.
    Removed,
    /// Another content took their place.
    Replaced,
    /// A rollback put the version before in their place.
    Exchanged,
}

impl Why {
    const ALL: [Self; 3] = [Self::Removed, Self::Replaced, Self::Exchanged];

    /// The name of its folder.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Exchanged => "exchanged",
        }
    }

    /// The name of the ledger of what Tithe knew of them. That of a rollback is its own: both versions of one path are
    /// known.
    pub(super) fn records(self) -> &'static str {
        match self {
            Self::Removed | Self::Replaced => "records",
            Self::Exchanged => "exchanged-records",
        }
    }
}

/// Whether a path below the trash is a kept file's, and not one of Tithe's own records.
pub(super) fn is_kept_file(below: &str) -> bool {
    let mut names = below.splitn(3, '/').skip(1);
    let folder = names.next().unwrap_or_default();
    Why::ALL.iter().any(|why| why.folder() == folder) && names.next().is_some()
}

/// One run's part of the trash.
#[derive(Debug)]
pub(super) struct Trash {
    run: OwnFolder,
    removed: Root,
    replaced: Root,
    exchanged: Root,
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
        let (removed, replaced, exchanged) = (part(Why::Removed)?, part(Why::Replaced)?, part(Why::Exchanged)?);
        Ok(Self { run, removed, replaced, exchanged })
    }

    /// Opens the part of a run and all later ones, in order, each with its folder's name; none where the run's is gone.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn since(own: &OwnFolder, run_id: &str) -> io::Result<Vec<(Self, String)>> {
        let Some(all) = OwnFolder::inside(own.handle(), FOLDER, false)? else { return Ok(Vec::new()) };
        let since = names_since(all.names()?, run_id);
        since.into_iter().map(|(run, name)| Ok((Self::of_run(own, &run)?, name))).collect()
    }

    /// What Tithe knew of such files.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn records(&self, why: Why, owner: &Owner) -> io::Result<BTreeMap<VaultPath, Installed>> {
        records_in(&self.run, why.records(), owner)
    }

    /// All parts of it lie on this disk.
    pub(super) fn is_on(&self, dev: u64) -> bool {
        Why::ALL.iter().all(|why| self.part(*why).dev() == dev)
    }

    /// The part that holds such files.
    pub(super) fn part(&self, why: Why) -> &Root {
        match why {
            Why::Removed => &self.removed,
            Why::Replaced => &self.replaced,
            Why::Exchanged => &self.exchanged,
        }
    }

    /// Keeps what Tithe knew of such files.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn record(&self, why: Why, owner: &Owner, records: &[(VaultPath, Option<Installed>)]) -> io::Result<()> {
        if records.is_empty() { Ok(()) } else { ledger::merge(&self.run, why.records(), owner, records) }
    }
}

/// All that a ledger holds; nothing where it cannot be believed.
///
/// # Errors
/// As the system says.
pub(super) fn records_in(folder: &OwnFolder, name: &str, owner: &Owner) -> io::Result<BTreeMap<VaultPath, Installed>> {
    let mut records = BTreeMap::new();
    if let Opened::Whole(mut reader) = ledger::open::<Installed>(folder, name, owner)? {
        while let Some((path, record)) = reader.take()? {
            records.insert(path, record);
        }
    }
    Ok(records)
}

/// Of the names of all parts that of a run and those begun later, in order, each with its run; none without the run's.
pub(super) fn names_since(names: Vec<String>, run_id: &str) -> Vec<(String, String)> {
    let mut names = in_order(names);
    let first = names.iter().position(|(run, _)| run == run_id).unwrap_or(names.len());
    names.drain(..first);
    names
}

/// Those of later runs alone: the ids of runs sort by time.
pub(super) fn names_after(names: Vec<String>, run_id: &str) -> Vec<(String, String)> {
    in_order(names).into_iter().filter(|(run, _)| run.as_str() > run_id).collect()
}

/// When a part was begun, in seconds since 1970, and its run, from its name.
fn dated(name: &str) -> Option<(i64, &str)> {
    let (seconds, run) = name.split_once('-')?;
    Some((seconds.parse().ok()?, run))
}

/// Whether the part of that name is older than `keep`, and not that of the run `spared`.
pub(super) fn is_expired(name: &str, keep: Duration, spared: &str) -> bool {
    let limit = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    let now = now_ns() / 1_000_000_000;
    dated(name).is_some_and(|(made, run)| run != spared && now.saturating_sub(made) > limit)
}

fn in_order(names: Vec<String>) -> Vec<(String, String)> {
    let part = |name: String| {
        let (seconds, run) = dated(&name)?;
        Some((seconds, run.to_owned(), name))
    };
    let mut names: Vec<_> = names.into_iter().filter_map(part).collect();
    names.sort();
    names.into_iter().map(|(_, run, name)| (run, name)).collect()
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

/// How the old version of a file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It still stands at its path.
    InPlace,
    /// The disk knows no second names: it was moved, and nothing stands at its path.
    Moved,
}

/// Keeps the file at `name` in the folder `from` in the trash too, as a second name of one content: so that another
/// can be renamed over it and the path is never empty. Where a file has one name only it is moved.
///
/// # Errors
/// As the system says.
pub(super) fn keep(part: &Root, path: &VaultPath, from: impl AsFd) -> io::Result<Kept> {
    let (folder, name) = path.split();
    let mut folders = part.folders();
    let to = folders.make(folder)?;
    let kept = match fs::linkat(&from, name, to, name, AtFlags::empty()) {
        // Replaced twice in one run: the first version is the one that rollback wants.
        Ok(()) | Err(Errno::EXIST) => Kept::InPlace,
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => match fs::statat(to, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Kept::InPlace,
            Err(_) => {
                fs::renameat(&from, name, to, name)?;
                Kept::Moved
            }
        },
        Err(error) => return Err(error.into()),
    };
    step();
    Ok(kept)
}

/// Empties the parts that are older than `keep`, but that of the run `spared`; returns how many.
///
/// # Errors
/// As the system says.
pub(super) fn expire(own: &OwnFolder, keep: Duration, spared: &str) -> io::Result<usize> {
    let Some(all) = OwnFolder::inside(own.handle(), FOLDER, false)? else { return Ok(0) };
    let mut expired = 0;
    for name in all.names()? {
        if is_expired(&name, keep, spared) {
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
        beat();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_no_kept_files_and_files_of_that_name_are() {
        for kept in ["1-a/removed/x", "1-a/replaced/records", "1-a/exchanged/x/records"] {
            assert!(is_kept_file(kept), "{kept}");
        }
        for own in ["1-a/records", "1-a/exchanged-records", "1-a/removed", "1-a/other/x", "1-a"] {
            assert!(!is_kept_file(own), "{own}");
        }
    }

    #[test]
    fn parts_are_told_by_their_run_and_put_in_order() {
        let names = ["10-b", "9-a", "11-c-d", "lost", "8-z"].map(str::to_owned).to_vec();
        let since = |run| names_since(names.clone(), run).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(since("a"), ["9-a", "10-b", "11-c-d"]);
        assert_eq!(since("c-d"), ["11-c-d"]);
        assert!(since("none").is_empty());
        let after = names_after(names.clone(), "b").into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(after, ["8-z", "11-c-d"]);
    }

    /// No disk gives a folder a second name, as FAT gives none to a file.
    #[test]
    fn what_can_have_one_name_only_is_moved_to_the_trash() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        ["vault/single", "trash"].iter().for_each(|name| std::fs::create_dir_all(at(name)).unwrap());
        std::fs::write(at("vault/double"), "text").unwrap();
        let (vault, part) = (Root::open(&at("vault")).unwrap(), Root::open(&at("trash")).unwrap());
        let keep = |name| keep(&part, &VaultPath::parse(name).unwrap(), vault.handle()).unwrap();
        assert_eq!((keep("double"), keep("double"), keep("single")), (Kept::InPlace, Kept::InPlace, Kept::Moved));
        assert!(at("vault/double").exists() && at("trash/double").exists());
        assert!(!at("vault/single").exists() && at("trash/single").exists());
        // The version that was kept first stays.
        std::fs::create_dir(at("vault/single")).unwrap();
        assert_eq!(keep("single"), Kept::InPlace);
    }
}
