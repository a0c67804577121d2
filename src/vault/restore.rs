//! Putting back what a run replaced and removed, for a rollback of its rows.
//!
//! Removed files return to their paths; replaced ones change places with the trash's version, so that doing it once
//! more undoes it. Files that only the newer rows name stay: nothing that some row names is ever missing.

use std::io;
use std::path::Path;

use rustix::fs::{self, RenameFlags};
use rustix::io::Errno;
use walkdir::WalkDir;

use super::installed::{self, Installed};
use super::path::{OWN_FOLDER, VaultPath};
use super::root::{Found, Root};
use super::target::{Workshop, sync_all};
use super::trash::{self, Trash, Why};
use crate::error::{Error, ErrorKind, Result};

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// Removed files that are in place again.
    pub returned: u64,
    /// Files that have the other version again.
    pub exchanged: u64,
    /// Where something else stands by now: left alone.
    pub conflicts: u64,
}

/// Takes back what `run_id` did to the vault's files, and returns what was removed since; nothing where the run's part
/// of the trash is gone.
///
/// # Errors
/// `Vault`, `Locked`, `Refused`.
pub fn restore(path: &Path, run_id: &str) -> Result<Restored> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Vault, format!("put back the files of run {run_id} in {}", path.display()))
            .with_cause(error)
            .with_remedy("what is back stays; correct the cause and run `tithe rollback` again")
    };
    if super::target::Target::look(path)?.is_none_or(|target| target.own.is_none()) {
        return Ok(Restored::default());
    }
    let target = Workshop::open(path, false)?;
    let parts = Trash::since(&target.own, run_id).map_err(failed)?;
    let Some(((trash, name), later)) = parts.split_first() else { return Ok(Restored::default()) };
    let all = target.root.path().join(OWN_FOLDER).join("trash");
    let below = all.join(name);
    let mut restored = Restored::default();
    let mut news: Vec<(VaultPath, Option<Installed>)> = Vec::new();
    let mut kept = trash.records(&target.id).map_err(failed)?;
    let mut swapped: Vec<VaultPath> = Vec::new();
    for why in [Why::Removed, Why::Replaced] {
        let part = trash.part(why);
        for file in files_below(&below.join(why.folder())).map_err(failed)? {
            let done = match why {
                Why::Removed => give_back(part, &target.root, &file),
                Why::Replaced => exchange(part, &target.root, &file),
            };
            match done.map_err(failed)? {
                false => restored.conflicts += 1,
                true if why == Why::Removed => {
                    restored.returned += 1;
                    news.extend(kept.remove(&file).map(|record| (file, Some(record))));
                }
                true => {
                    restored.exchanged += 1;
                    swapped.push(file);
                }
            }
        }
    }
    // What a sync of the newer rows' files removed since, the older rows may name.
    for (later, name) in later {
        let mut kept = later.records(&target.id).map_err(failed)?;
        for file in files_below(&all.join(name).join(Why::Removed.folder())).map_err(failed)? {
            if give_back(later.part(Why::Removed), &target.root, &file).map_err(failed)? {
                restored.returned += 1;
                news.extend(kept.remove(&file).map(|record| (file, Some(record))));
            }
        }
    }
    swapped.sort();
    let (mut current, _) = installed::open(&target.own, &target.id).map_err(failed)?;
    let mut others = Vec::new();
    for file in swapped {
        others.extend(current.find(&file).map_err(failed)?.map(|record| (file.clone(), Some(record))));
        news.extend(kept.remove(&file).map(|record| (file, Some(record))));
    }
    news.sort_by(|a, b| a.0.cmp(&b.0));
    trash.record(&target.id, &others).map_err(failed)?;
    installed::update(&target.own, &target.id, &news).map_err(failed)?;
    sync_all(&target.root).map_err(failed)?;
    Ok(restored)
}

/// The files of a part of the trash, sorted.
fn files_below(folder: &Path) -> io::Result<Vec<VaultPath>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        let below = entry.path().strip_prefix(folder).ok().and_then(Path::to_str);
        if entry.file_type().is_file()
            && let Some(path) = below.and_then(|text| VaultPath::parse(text).ok())
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Renames a file back to its path, unless something stands there.
fn give_back(part: &Root, root: &Root, path: &VaultPath) -> io::Result<bool> {
    let (folder, name) = path.split();
    let (mut from, mut to) = (part.folders(), root.folders());
    if to.look(path)? != Found::Nothing {
        return Ok(false);
    }
    fs::renameat(from.make(folder)?, name, to.make(folder)?, name)?;
    Ok(true)
}

/// Lets the file at the path and the one in the trash change places, in one step where the system can.
fn exchange(part: &Root, root: &Root, path: &VaultPath) -> io::Result<bool> {
    let (folder, name) = path.split();
    let (mut from, mut to) = (part.folders(), root.folders());
    match to.look(path)? {
        Found::Other => return Ok(false),
        Found::Nothing => return give_back(part, root, path),
        Found::File(_) => {}
    }
    let (from, to) = (from.make(folder)?, to.make(folder)?);
    match fs::renameat_with(from, name, to, name, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let aside = format!("{name}.tithe-exchange");
            fs::renameat(from, name, from, &aside)?;
            trash::keep(part, path, to)?;
            fs::renameat(from, &aside, to, name)?;
            Ok(true)
        }
        exchanged => Ok(exchanged.map(|()| true)?),
    }
}
