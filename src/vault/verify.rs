//! Whether a vault holds what its rows name, with the content it was given.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use walkdir::WalkDir;

use super::installed::{self, Installed};
use super::ledger::Reader;
use super::local::{Local, Seen};
use super::location::Location;
use super::object::{self, ObjectSide, ObjectVault, StoreSettings};
use super::path::{OWN_FOLDER, VaultPath};
use super::pulse::beat;
use super::remote::{RemoteSettings, ask};
use super::session::failed;
use super::side::Side;
use super::target::Target;
use super::trash;
use super::wanted::{FileMode, WantedList};
use crate::error::{Error, ErrorKind, Result};
use crate::rate::RateLimit;

/// Paths that are kept of each finding.
const SHOWN: usize = 20;

/// What was found.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct VaultVerified {
    /// Files that rows name.
    pub wanted: u64,
    /// Of these, read and found as they were installed, treated as it is wanted now.
    pub intact: u64,
    /// There, but installed by somebody else: their content was compared with nothing.
    pub foreign: u64,
    /// Of these, such as are wanted treated: nobody knows whether they are.
    pub untreated: Found,
    /// Bytes read.
    pub bytes: u64,
    /// Needed by a row, and not there.
    pub missing: Found,
    /// Not what was installed, or installed under another mode than is wanted now.
    pub changed: Found,
    /// Optional ones that are not there.
    pub absent: u64,
    /// Installed, and named by no row.
    pub extra: Found,
}

/// A number of files and the first of them.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Found {
    /// How many.
    pub files: u64,
    /// The first.
    pub first: Vec<String>,
}

impl Found {
    fn add(&mut self, path: &VaultPath) {
        self.files += 1;
        if self.first.len() < SHOWN {
            self.first.push(path.to_string());
        }
    }
}

impl VaultVerified {
    /// Files that are not what rows, profile and record say.
    pub fn differences(&self) -> u64 {
        self.missing.files + self.changed.files + self.untreated.files
    }

    /// What another machine says of it, fit to be shown.
    pub(super) fn make_plain(&mut self) {
        for found in [&mut self.missing, &mut self.changed, &mut self.untreated, &mut self.extra] {
            found.first.truncate(SHOWN);
            found.first.iter_mut().for_each(|path| *path = super::remote::plain(path));
        }
    }
}

/// Reads every wanted file of a vault, where it lies, and compares it with the record of what was installed.
///
/// # Errors
/// `Vault` where the vault or the record cannot be read.
pub fn verify(
    place: &Location,
    remote: &RemoteSettings,
    store: &StoreSettings,
    wanted: &WantedList,
) -> Result<VaultVerified> {
    let place = match place {
        Location::Folder(path) => return verify_here(path, wanted),
        Location::Ssh(place) => return ask::verify(place, remote, wanted),
        Location::Bucket(place) => place,
    };
    let rate = RateLimit::new(None);
    let (vault, stop) = (ObjectVault::open(place, store)?, AtomicBool::new(false));
    let records = object::installed(&vault)?.map_or_else(|| Ok(Reader::empty()), |opened| whole(place, opened))?;
    let failed = |error| failed("verify", place, error);
    let side = ObjectSide::new(&vault, None, (&rate, &stop), true).map_err(failed)?;
    compare(&mut Side::Bucket(Box::new(side)), records, wanted).map_err(failed)
}

/// Verifies a folder of this machine.
pub(super) fn verify_here(path: &Path, wanted: &WantedList) -> Result<VaultVerified> {
    let rate = RateLimit::new(None);
    let failed = |error| failed("verify", &path.display(), error);
    let target = Target::look(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    let records = match &target.own {
        Some((own, id)) => whole(&path.display(), installed::open(own, id).map_err(failed)?)?,
        None => Reader::empty(),
    };
    let (side, _) = Local::new(&target.root, None, &rate, true).map_err(failed)?;
    compare(&mut Side::Here(Box::new(side)), records, wanted).map_err(failed)
}

/// A record that can be believed.
fn whole(place: &dyn Display, (records, damaged): (Reader<Installed>, bool)) -> Result<Reader<Installed>> {
    if !damaged {
        return Ok(records);
    }
    Err(Error::new(ErrorKind::Vault, format!("the record of installed files in {place} is damaged"))
        .with_remedy("run `tithe vault sync` again: it compares all files by content"))
}

fn compare(side: &mut Side<'_>, mut records: Reader<Installed>, wanted: &WantedList) -> io::Result<VaultVerified> {
    let mut found = VaultVerified::default();
    for files in wanted.files.chunks(4096) {
        let paths: Vec<&VaultPath> = files.iter().map(|file| &file.path).collect();
        let seen = side.look(&paths)?;
        let hashed = side.hash(&paths)?;
        for ((file, seen), hashed) in files.iter().zip(seen).zip(hashed) {
            while records.peek()?.is_some_and(|next| next < &file.path) {
                if let Some((extra, _)) = records.take()? {
                    found.extra.add(&extra);
                }
            }
            let record = records.find(&file.path)?;
            let mode = wanted.rule(file).mode;
            found.wanted += 1;
            match (seen, record, hashed) {
                (Seen::Nothing, _, _) if file.required => found.missing.add(&file.path),
                (Seen::Nothing, _, _) => found.absent += 1,
                (Seen::File(..), None, Seen::File(facts, _)) => {
                    found.foreign += 1;
                    found.bytes += facts.size;
                    if mode != FileMode::Real {
                        found.untreated.add(&file.path);
                    }
                }
                (Seen::File(..), Some(record), Seen::File(facts, hash))
                    if hash == Some(record.hash) && record.mode == mode =>
                {
                    found.intact += 1;
                    found.bytes += facts.size;
                }
                _ => found.changed.add(&file.path),
            }
        }
    }
    while let Some((extra, _)) = records.take()? {
        found.extra.add(&extra);
    }
    Ok(found)
}

/// What is known of a vault without asking its rows.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct VaultStatus {
    /// Whether Tithe has filled it.
    pub known: bool,
    /// Files that Tithe installed.
    pub installed: u64,
    /// Their bytes.
    pub installed_bytes: u64,
    /// Installed, and gone.
    pub gone: u64,
    /// Files that somebody else put there.
    pub foreign: u64,
    /// In the trash.
    pub trash: u64,
    /// Their bytes.
    pub trash_bytes: u64,
}

/// Walks through a vault, where it lies.
///
/// # Errors
/// `Vault` where it cannot be read.
pub fn status(place: &Location, remote: &RemoteSettings, store: &StoreSettings) -> Result<VaultStatus> {
    match place {
        Location::Folder(path) => status_here(path),
        Location::Ssh(place) => ask::status(place, remote),
        Location::Bucket(place) => ObjectVault::open(place, store)?.status(),
    }
}

/// Walks through a folder of this machine.
pub(super) fn status_here(path: &Path) -> Result<VaultStatus> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Vault, format!("look through the vault {}", path.display())).with_cause(error)
    };
    let target = Target::look(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    let mut status = VaultStatus { known: target.own.is_some(), ..VaultStatus::default() };
    let mut installed = BTreeSet::new();
    if let Some((own, id)) = &target.own {
        let (mut records, _) = installed::open(own, id).map_err(failed)?;
        while let Some((path, record)) = records.take().map_err(failed)? {
            status.installed += 1;
            status.installed_bytes += record.size;
            installed.insert(path.as_str().to_owned());
        }
    }
    status.gone = status.installed;
    for entry in WalkDir::new(path).min_depth(1) {
        beat();
        let entry = entry.map_err(|error| failed(error.into()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let below = entry.path().strip_prefix(path).unwrap_or(entry.path());
        if below.starts_with(OWN_FOLDER) {
            let in_trash = below.strip_prefix(Path::new(OWN_FOLDER).join("trash"));
            if in_trash.is_ok_and(|below| below.to_str().is_some_and(trash::is_kept_file)) {
                status.trash += 1;
                status.trash_bytes += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        } else if below.to_str().is_some_and(|text| installed.contains(text)) {
            status.gone -= 1;
        } else {
            status.foreign += 1;
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::super::target::Workshop;
    use super::super::wanted::{FileRule, WantedFile};
    use super::*;

    fn wanted(files: &[(&str, u16)], modes: &[FileMode]) -> WantedList {
        let rules = modes.iter().map(|mode| FileRule { name: format!("{mode:?}"), mode: *mode }).collect();
        let file = |(path, rule): &(&str, u16)| {
            let path = VaultPath::parse(path).unwrap();
            WantedFile { path, source: None, rule: *rule, required: true }
        };
        WantedList::unite(rules, files.iter().map(file).collect()).unwrap()
    }

    fn record(text: &str, mode: FileMode) -> Installed {
        let hash = *blake3::hash(text.as_bytes()).as_bytes();
        Installed { hash, origin: hash, mode, size: text.len() as u64 }
    }

    /// Real pictures do not pass where placeholders are wanted, whoever put them there.
    #[test]
    fn what_is_wanted_treated_and_may_not_be_is_a_difference() {
        let dir = tempfile::tempdir().unwrap();
        let target = Workshop::open(dir.path(), false).unwrap();
        ["a", "b", "c", "d"].iter().for_each(|name| std::fs::write(dir.path().join(name), name).unwrap());
        let records = [("a", FileMode::Real), ("b", FileMode::Placeholder)]
            .map(|(name, mode)| (VaultPath::parse(name).unwrap(), Some(record(name, mode))));
        installed::update(&target.own, &target.id, &records).unwrap();
        let list = wanted(&[("a", 0), ("b", 0), ("c", 0), ("d", 1)], &[FileMode::Placeholder, FileMode::Real]);
        let found = verify_here(dir.path(), &list).unwrap();
        assert_eq!((found.intact, found.changed.first), (1, vec!["a".to_owned()]));
        assert_eq!((found.foreign, found.untreated.first), (2, vec!["c".to_owned()]));
        // Without a record nobody knows anything, of real files either.
        installed::update(&target.own, &target.id, &records.map(|(path, _)| (path, None))).unwrap();
        let found = verify_here(dir.path(), &list).unwrap();
        assert_eq!((found.intact, found.foreign, found.differences()), (0, 4, 3));
        let real = wanted(&[("a", 0), ("b", 0)], &[FileMode::Real]);
        let found = verify_here(dir.path(), &real).unwrap();
        assert_eq!((found.intact, found.foreign, found.differences()), (0, 2, 0));
    }
}
