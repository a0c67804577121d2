//! Removing what Tithe installed and nobody wants any more: into the trash, never for good.

use std::io;

use rustix::fs::{self, AtFlags};

use super::cache;
use super::compare::Extra;
use super::installed::{self, Installed};
use super::path::VaultPath;
use super::root::Found;
use super::step::step;
use super::target::Workshop;
use super::trash::{self, Trash, Why};

/// Moves the extras to the trash, unless they changed since they were compared; forgets what is gone already.
/// Returns how many were moved, and the paths that changed.
///
/// # Errors
/// As the system says; what was moved by then is recorded.
pub(super) fn remove(
    target: &Workshop,
    trash: &Trash,
    extras: &[Extra],
    gone: &[VaultPath],
) -> io::Result<(u64, Vec<VaultPath>)> {
    let (mut moved, mut changed, mut stuck) = (Vec::new(), Vec::new(), Vec::new());
    // Before the first file moves: killed on the way, the trash knows more than it holds, never less.
    keep_records(target, (trash, Why::Removed), extras.iter().map(|extra| &extra.path))?;
    for extra in extras {
        match move_one(target, trash, extra) {
            Ok(true) => moved.push(extra.path.clone()),
            Ok(false) => changed.push(extra.path.clone()),
            Err(error) => stuck.push((&extra.path, error)),
        }
    }
    let mut forgotten: Vec<VaultPath> = moved.iter().chain(gone).cloned().collect();
    forgotten.sort();
    forgotten.dedup();
    if !forgotten.is_empty() {
        let without: Vec<(VaultPath, Option<Installed>)> = forgotten.iter().map(|path| (path.clone(), None)).collect();
        installed::update(&target.own, &target.id, &without)?;
        let without: Vec<_> = forgotten.into_iter().map(|path| (path, None)).collect();
        cache::update(&target.own, &target.id, &without)?;
    }
    match stuck.first() {
        None => Ok((moved.len() as u64, changed)),
        Some((path, error)) => {
            let others = if stuck.len() > 1 { format!(" and {} others", stuck.len() - 1) } else { String::new() };
            let told = format!("{path}{others} cannot be moved to the trash ({error}); {} were", moved.len());
            Err(io::Error::new(error.kind(), told))
        }
    }
}

/// Moves one to the trash; false where somebody changed it since.
fn move_one(target: &Workshop, trash: &Trash, extra: &Extra) -> io::Result<bool> {
    // Anew for each, since empty folders go.
    let mut folders = target.root.folders();
    if folders.look(&extra.path)? != Found::File(extra.facts) {
        return Ok(false);
    }
    let (folder, _) = extra.path.split();
    step();
    let part = trash.part(Why::Removed);
    match trash::take(part, &extra.path, folders.make(folder)?) {
        // A file system was mounted there since.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return Ok(false),
        taken => taken?,
    }
    if !part.folders().look(&extra.path)?.is_still(&extra.facts) {
        // Somebody saved his own at the last moment.
        trash::put_back(part, &extra.path, folders.make(folder)?)?;
        return Ok(false);
    }
    prune(target, folder);
    Ok(true)
}

/// Removes folders that have become empty, from the inside out.
fn prune(target: &Workshop, mut folder: &str) {
    while !folder.is_empty() {
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        let mut folders = target.root.folders();
        let Ok(handle) = folders.make(above) else { return };
        if fs::unlinkat(handle, name, AtFlags::REMOVEDIR).is_err() {
            return;
        }
        step();
        folder = above;
    }
}

/// Copies what is known of files that are to go to the trash there too, for a rollback. The paths are sorted.
///
/// # Errors
/// As the system says.
pub(super) fn keep_records<'a>(
    target: &Workshop,
    (trash, why): (&Trash, Why),
    paths: impl Iterator<Item = &'a VaultPath>,
) -> io::Result<()> {
    let (mut records, _) = installed::open(&target.own, &target.id)?;
    let mut kept = Vec::new();
    for path in paths {
        if let Some(record) = records.find(path)? {
            kept.push((path.clone(), Some(record)));
        }
    }
    trash.record(why, &target.id, &kept)
}
