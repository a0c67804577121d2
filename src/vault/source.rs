//! Where files come from, open: only read.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs;

use super::bring::is_exhausted;
use super::cache::ContentHash;
use super::ledger::Owner;
use super::local::Local;
use super::location::Location;
use super::object::{ObjectSide, ObjectVault};
use super::own::OwnFolder;
use super::remote::far::Far;
use super::root::Root;
use super::session::{Settings, failed};
use super::side::Side;
use super::stage::Staged;
use crate::error::{Error, Result};
use crate::rate::RateLimit;

/// The source of files, open.
pub(crate) enum Source {
    /// A folder of this machine.
    Folder(SourceFolder),
    /// Another machine.
    Far(Far),
    /// A bucket.
    Bucket(ObjectVault),
}

/// A folder that is only read, and what is remembered of it.
pub(crate) struct SourceFolder {
    pub(crate) root: Root,
    cache: Option<(OwnFolder, Owner)>,
    /// Why nothing is remembered of it.
    forgetful: Option<String>,
}

/// A source, for whoever brings its files.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A folder of this machine.
    Folder(&'a Root),
    /// Another machine.
    Far(&'a Far),
    /// A bucket.
    Bucket(&'a ObjectVault),
}

/// A file that came from elsewhere and is staged.
pub(crate) struct Fetched {
    pub(crate) staged: Staged,
    /// Of the source's content that it was made of.
    pub(crate) origin: ContentHash,
    pub(crate) patched: bool,
}

/// Why it did not come.
pub(crate) enum FetchFault {
    Missing,
    /// This file only.
    File(String),
    /// The target takes no more.
    Write(io::Error),
    /// No file will come any more.
    All(Error),
}

impl Source {
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        Ok(match &settings.source {
            Location::Folder(path) => Self::Folder(SourceFolder::open(path, settings.state.as_deref())?),
            Location::Ssh(place) => Self::Far(Far::open(&settings.remote, place)?),
            Location::Bucket(place) => Self::Bucket(ObjectVault::open(place, &settings.store)?),
        })
    }

    /// For messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Folder(source) => source.root.path().display().to_string(),
            Self::Far(far) => far.place().to_owned(),
            Self::Bucket(vault) => vault.name(),
        }
    }

    /// Its side of a comparison, and remarks on what is remembered of it.
    pub(crate) fn side<'a>(
        &'a self,
        settings: &Settings,
        rate: &'a RateLimit,
        stop: &'a AtomicBool,
    ) -> Result<(Side<'a>, Vec<String>)> {
        Ok(match self {
            Self::Folder(source) => {
                let (local, notes) = source.local(rate, settings.paranoid)?;
                (Side::Here(Box::new(local)), notes)
            }
            Self::Far(far) => (Side::Far(far, stop), Vec::new()),
            Self::Bucket(vault) => bucket_side(vault, settings, rate, stop)?,
        })
    }

    /// It, to bring files from.
    pub(crate) fn origin(&self) -> Origin<'_> {
        match self {
            Self::Folder(source) => Origin::Folder(&source.root),
            Self::Far(far) => Origin::Far(far),
            Self::Bucket(vault) => Origin::Bucket(vault),
        }
    }

    /// Bytes over the wire, where they are counted.
    pub(crate) fn wire_bytes(&self) -> u64 {
        match self {
            Self::Far(far) => far.wire_bytes(),
            Self::Folder(_) | Self::Bucket(_) => 0,
        }
    }
}

/// A bucket's side of a comparison, and remarks on what is remembered of it.
pub(crate) fn bucket_side<'a>(
    vault: &'a ObjectVault,
    settings: &Settings,
    rate: &'a RateLimit,
    stop: &'a AtomicBool,
) -> Result<(Side<'a>, Vec<String>)> {
    let new = |state: Option<&Path>| ObjectSide::new(vault, state, (rate, stop), settings.paranoid);
    let (side, notes) = match new(settings.state.as_deref()) {
        Ok(side) => (Ok(side), Vec::new()),
        Err(error) => (new(None), vec![forgotten(&vault.name(), &error)]),
    };
    let side = side.map_err(|error| failed("look into", &vault.name(), error))?;
    Ok((Side::Bucket(Box::new(side)), notes))
}

/// Hashes are remembered where that can be; a run does without.
pub(crate) fn forgotten(place: &dyn std::fmt::Display, error: &io::Error) -> String {
    format!("the hashes of {place} are not remembered ({error}): the next run reads all files again")
}

impl SourceFolder {
    pub(crate) fn open(path: &Path, state: Option<&Path>) -> Result<Self> {
        let root = Root::open(path).map_err(|error| {
            let exhausted = is_exhausted(&error);
            let refused = failed("open", &path.display(), error);
            if exhausted {
                // Path and rights have no part in it.
                return refused;
            }
            refused.with_remedy("check the source vault's path and that you may read it")
        })?;
        let opened = state.map(|state| remembered(&root, state)).transpose();
        let forgetful = opened.as_ref().err().map(|error| forgotten(&path.display(), error));
        Ok(Self { root, cache: opened.unwrap_or_default().flatten(), forgetful })
    }

    /// It, with what is remembered, and remarks on that.
    pub(crate) fn local<'a>(&'a self, rate: &'a RateLimit, paranoid: bool) -> Result<(Local<'a>, Vec<String>)> {
        let (root, place) = (&self.root, self.root.path().display());
        let mut notes: Vec<String> = self.forgetful.iter().cloned().collect();
        let cache = self.cache.as_ref().map(|(folder, owner)| (folder, *owner));
        let local = Local::new(root, cache, rate, paranoid).or_else(|error| {
            notes.push(forgotten(&place, &error));
            Local::new(root, None, rate, paranoid)
        });
        let (local, damaged) = local.map_err(|error| failed("look into", &place, error))?;
        notes.extend(damaged.then(|| hashed_again(&place)));
        Ok((local, notes))
    }
}

pub(crate) fn hashed_again(place: &dyn std::fmt::Display) -> String {
    format!("the remembered hashes of {place} were damaged: everything is hashed again")
}

/// The folder of remembered hashes of a source, below the one for all.
fn remembered(root: &Root, state: &Path) -> io::Result<Option<(OwnFolder, Owner)>> {
    std::fs::create_dir_all(state)?;
    let above = Root::open(state)?;
    let owner = identity(root)?;
    let name: String = owner.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(OwnFolder::inside(above.handle(), &name, true)?.map(|folder| (folder, owner)))
}

/// A folder that is only read has no marker: it is known by where it lies.
fn identity(root: &Root) -> io::Result<Owner> {
    let stat = fs::fstat(root.handle())?;
    let path = std::fs::canonicalize(root.path())?;
    let text = format!("{} {} {}", stat.st_dev, stat.st_ino, path.display());
    let digest = blake3::derive_key("tithe 2026 vault source identity", text.as_bytes());
    Ok(digest[..16].try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::path::VaultPath;
    use super::*;

    /// An account may have no home, or one on a full disk: what is remembered is advice.
    #[test]
    fn a_source_is_looked_at_without_a_place_to_remember_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "text").unwrap();
        let rate = RateLimit::new(None);
        let source = SourceFolder::open(dir.path(), Some(&dir.path().join("file/state"))).unwrap();
        let (mut local, notes) = source.local(&rate, false).unwrap();
        assert!(matches!(notes.as_slice(), [note] if note.contains("not remembered (Not a directory")), "{notes:?}");
        assert!(local.hash(&[&VaultPath::parse("file").unwrap()])[0].is_ok());
        local.save().unwrap();
    }
}
