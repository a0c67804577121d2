//! One side of a comparison that lies in a bucket.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::super::cache::{self, Cached, ContentHash};
use super::super::ledger::{Owner, Reader};
use super::super::local::Seen;
use super::super::own::OwnFolder;
use super::super::path::VaultPath;
use super::super::root::{Facts, Root};
use super::fault::{Fault, FaultKind};
use super::link::ObjectVault;
use super::read::Nowhere;
use crate::rate::RateLimit;

/// A bucket with what is remembered of it on this machine.
pub(crate) struct ObjectSide<'a> {
    vault: &'a ObjectVault,
    cache: Option<(OwnFolder, Owner)>,
    known: Reader<Cached>,
    /// The path that was asked for last.
    last: Option<VaultPath>,
    news: BTreeMap<VaultPath, Option<Cached>>,
    rate: &'a RateLimit,
    stop: &'a AtomicBool,
    /// What is noted on objects is not believed: they are read.
    paranoid: bool,
}

impl<'a> ObjectSide<'a> {
    /// A side; `state` is the folder for what is remembered.
    pub(crate) fn new(
        vault: &'a ObjectVault,
        state: Option<&Path>,
        (rate, stop): (&'a RateLimit, &'a AtomicBool),
        paranoid: bool,
    ) -> io::Result<Self> {
        let cache = state.map(|state| folder(vault, state)).transpose()?.flatten();
        let known = match &cache {
            Some((folder, owner)) if !paranoid => cache::open(folder, owner)?.0,
            _ => Reader::empty(),
        };
        Ok(Self { vault, cache, known, last: None, news: BTreeMap::new(), rate, stop, paranoid })
    }

    /// What stands at each path.
    ///
    /// # Errors
    /// Where the store fails, or the cache cannot be read.
    pub(crate) fn look(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        let found = self.vault.look(paths, self.stop).map_err(|fault| self.failed(&fault))?;
        let mut seen = Vec::with_capacity(paths.len());
        for (path, object) in paths.iter().zip(found) {
            let ascends = self.last.as_ref().is_none_or(|last| last <= *path);
            let known = if ascends { self.known.find(path)? } else { None };
            if ascends {
                self.last = Some((*path).clone());
            }
            seen.push(match object {
                Err(fault) => Seen::Unreadable(io::Error::from(fault).to_string()),
                Ok(None) => Seen::Nothing,
                Ok(Some(object)) => {
                    let facts = object.facts();
                    let noted = object.noted.filter(|_| !self.paranoid).map(|noted| noted.hash);
                    Seen::File(facts, noted.or_else(|| known?.hash_for(&facts)))
                }
            });
        }
        Ok(seen)
    }

    /// The content of each path: as it is noted, or read now.
    ///
    /// # Errors
    /// Where the store fails.
    pub(crate) fn hash(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        let heads = match self.paranoid {
            true => Vec::new(),
            false => self.vault.heads(paths, self.stop).map_err(|fault| self.failed(&fault))?,
        };
        let this = &*self;
        let hash_one = |(at, path): (usize, &&VaultPath)| match heads.get(at) {
            None => this.read(path),
            Some(Err(fault)) => Err(fault.clone()),
            Some(Ok(None)) => Err(Fault::new(FaultKind::Missing, "it is gone")),
            Some(Ok(Some(object))) => match &object.noted {
                Some(noted) => Ok((object.facts(), noted.hash)),
                None => this.read(path),
            },
        };
        let hashed: Vec<_> = paths.par_iter().enumerate().with_max_len(1).map(hash_one).collect();
        let mut all = Vec::with_capacity(paths.len());
        for (path, hashed) in paths.iter().zip(hashed) {
            all.push(match hashed {
                Ok((facts, hash)) => {
                    self.news.insert((*path).clone(), Some(Cached { facts, hash }));
                    Seen::File(facts, Some(hash))
                }
                Err(fault) if fault.is_the_stores() => return Err(self.failed(&fault)),
                Err(fault) => Seen::Unreadable(io::Error::from(fault).to_string()),
            });
        }
        Ok(all)
    }

    fn failed(&self, fault: &Fault) -> io::Error {
        io::Error::other(fault.error("look at files of", &self.vault.name()))
    }

    /// Writes what was learned.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn save(self) -> io::Result<()> {
        let Some((folder, owner)) = self.cache.filter(|_| !self.news.is_empty()) else { return Ok(()) };
        cache::update(&folder, &owner, &self.news.into_iter().collect::<Vec<_>>())
    }

    fn read(&self, path: &VaultPath) -> Result<(Facts, ContentHash), Fault> {
        self.vault.read(path, &mut Nowhere, self.rate, self.stop).map(|(object, hash)| (object.facts(), hash))
    }
}

/// The folder for what is remembered of this bucket, and who it is of.
fn folder(vault: &ObjectVault, state: &Path) -> io::Result<Option<(OwnFolder, Owner)>> {
    std::fs::create_dir_all(state)?;
    let above = Root::open(state)?;
    let digest = blake3::derive_key("tithe 2026 vault bucket identity", vault.identity_text().as_bytes());
    let owner: Owner = digest[..16].try_into().unwrap_or_default();
    let name: String = owner.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(OwnFolder::inside(above.handle(), &name, true)?.map(|folder| (folder, owner)))
}
