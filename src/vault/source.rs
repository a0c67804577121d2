//! Where files come from, open: only read.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs;

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

    /// Its side of a comparison; also whether what is remembered was damaged.
    pub(crate) fn side<'a>(
        &'a self,
        settings: &Settings,
        rate: &'a RateLimit,
        stop: &'a AtomicBool,
    ) -> Result<(Side<'a>, bool)> {
        Ok(match self {
            Self::Folder(source) => {
                let (local, damaged) = source.local(rate, settings.paranoid)?;
                (Side::Here(Box::new(local)), damaged)
            }
            Self::Far(far) => (Side::Far(far, stop), false),
            Self::Bucket(vault) => (bucket_side(vault, settings, rate, stop)?, false),
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

/// A bucket's side of a comparison.
pub(crate) fn bucket_side<'a>(
    vault: &'a ObjectVault,
    settings: &Settings,
    rate: &'a RateLimit,
    stop: &'a AtomicBool,
) -> Result<Side<'a>> {
    ObjectSide::new(vault, settings.state.as_deref(), (rate, stop), settings.paranoid)
        .map(|side| Side::Bucket(Box::new(side)))
        .map_err(|error| failed("read what is remembered of", &vault.name(), error))
}

impl SourceFolder {
    pub(crate) fn open(path: &Path, state: Option<&Path>) -> Result<Self> {
        let root = Root::open(path).map_err(|error| {
            failed("open", &path.display(), error).with_remedy("check the source vault's path and that you may read it")
        })?;
        let at = |error| failed("open the folder of remembered hashes for", &path.display(), error);
        let Some(state) = state else { return Ok(Self { root, cache: None }) };
        std::fs::create_dir_all(state).map_err(at)?;
        let above = Root::open(state).map_err(at)?;
        let owner = identity(&root).map_err(at)?;
        let name: String = owner.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = OwnFolder::inside(above.handle(), &name, true).map_err(at)?;
        Ok(Self { root, cache: folder.map(|folder| (folder, owner)) })
    }

    /// It, with what is remembered; also whether that was damaged.
    pub(crate) fn local<'a>(&'a self, rate: &'a RateLimit, paranoid: bool) -> Result<(Local<'a>, bool)> {
        let cache = self.cache.as_ref().map(|(folder, owner)| (folder, *owner));
        Local::new(&self.root, cache, rate, paranoid)
            .map_err(|error| failed("read what is remembered of", &self.root.path().display(), error))
    }
}

/// A folder that is only read has no marker: it is known by where it lies.
fn identity(root: &Root) -> io::Result<Owner> {
    let stat = fs::fstat(root.handle())?;
    let path = std::fs::canonicalize(root.path())?;
    let text = format!("{} {} {}", stat.st_dev, stat.st_ino, path.display());
    let digest = blake3::derive_key("tithe 2026 vault source identity", text.as_bytes());
    Ok(digest[..16].try_into().unwrap_or_default())
}
