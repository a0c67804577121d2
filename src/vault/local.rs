//! One side of a comparison that lies on this machine: what stands at paths, and with which content.

use std::io;

use rayon::prelude::*;

use super::cache::{self, Cached, ContentHash};
use super::ledger::{Owner, Reader};
use super::own::OwnFolder;
use super::path::VaultPath;
use super::root::{Facts, Found, Root, facts_of};
use super::stage::hash_file;
use super::target::now_ns;
use crate::rate::RateLimit;

/// One of so many hashes out of the cache is computed again, so that rot is found in time.
const CHECK_ONE_IN: u64 = 100;
const BUFFER_BYTES: usize = 256 << 10;
/// Files that one thread takes at a time: neighbours, so that folders stay open.
const CHUNK: usize = 64;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Nothing,
    /// Something that is no regular file, or lies behind a link.
    Other,
    /// A file, with its hash where that is known without reading it.
    File(Facts, Option<ContentHash>),
    /// A file whose content changed although everything that tells of a change did not.
    Corrupt,
    /// The system would not say.
    Unreadable(String),
}

/// A folder with its cache.
pub(super) struct Local<'a> {
    root: &'a Root,
    cache: Option<(&'a OwnFolder, Owner)>,
    known: Reader<Cached>,
    /// The path that was asked for last.
    last: Option<VaultPath>,
    news: Vec<(VaultPath, Option<Cached>)>,
    rate: &'a RateLimit,
    /// Chooses which hits are checked in this run; `None` checks all.
    salt: Option<u64>,
}

impl<'a> Local<'a> {
    /// A side; without a cache everything is hashed. Also tells whether there was a cache that could not be used.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn new(
        root: &'a Root,
        cache: Option<(&'a OwnFolder, Owner)>,
        rate: &'a RateLimit,
        paranoid: bool,
    ) -> io::Result<(Self, bool)> {
        let (known, damaged) = match &cache {
            Some((folder, owner)) => cache::open(folder, owner)?,
            None => (Reader::empty(), false),
        };
        let salt = (!paranoid).then(|| now_ns().cast_unsigned());
        Ok((Self { root, cache, known, last: None, news: Vec::new(), rate, salt }, damaged))
    }

    /// Looks at each path, in order. Ascending paths over all calls find their hashes in the cache; others do not.
    ///
    /// # Errors
    /// Where the cache cannot be read.
    pub(super) fn look(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        let mut known = Vec::with_capacity(paths.len());
        for path in paths {
            let ascends = self.last.as_ref().is_none_or(|last| last <= *path);
            known.push(if ascends { self.known.find(path)? } else { None });
            if ascends {
                self.last = Some((*path).clone());
            }
        }
        let this = &*self;
        Ok(paths
            .par_chunks(CHUNK)
            .zip(known.par_chunks(CHUNK))
            .map(|(paths, known)| {
                let mut folders = this.root.folders();
                paths
                    .iter()
                    .zip(known)
                    .map(|(path, known)| match folders.look(path) {
                        Ok(Found::Nothing) => Seen::Nothing,
                        Ok(Found::Other) => Seen::Other,
                        Ok(Found::File(facts)) => this.recognize(path, facts, known.as_ref()),
                        Err(error) => Seen::Unreadable(error.to_string()),
                    })
                    .collect::<Vec<_>>()
            })
            .flatten_iter()
            .collect())
    }

    fn recognize(&self, path: &VaultPath, facts: Facts, known: Option<&Cached>) -> Seen {
        let Some(hash) = known.and_then(|known| known.hash_for(&facts)) else { return Seen::File(facts, None) };
        let checked = match self.salt {
            None => true,
            Some(salt) => {
                let digest = blake3::hash(path.as_str().as_bytes());
                let number = u64::from_le_bytes(digest.as_bytes()[..8].try_into().unwrap_or_default());
                (number ^ salt).is_multiple_of(CHECK_ONE_IN)
            }
        };
        if !checked {
            return Seen::File(facts, Some(hash));
        }
        match self.hash_one(path) {
            Ok((now, found)) if now == facts && found != hash => Seen::Corrupt,
            Ok((now, found)) => Seen::File(now, Some(found)),
            Err(error) => Seen::Unreadable(error.to_string()),
        }
    }

    /// For each path in order the folder on its way that lies on another disk than the root, if there is one. What
    /// cannot be looked at is told of elsewhere.
    pub(super) fn mounted(&self, paths: &mut dyn Iterator<Item = &VaultPath>) -> Vec<Option<String>> {
        let mut folders = self.root.folders();
        paths.map(|path| folders.mounted(path).unwrap_or_default()).collect()
    }

    /// The content of each path, read now; remembered where it cannot change unseen.
    pub(super) fn hash(&mut self, paths: &[&VaultPath]) -> Vec<io::Result<(Facts, ContentHash)>> {
        let this = &*self;
        let hashed: Vec<io::Result<(Facts, ContentHash)>> =
            paths.par_iter().with_max_len(CHUNK).map(|path| this.hash_one(path)).collect();
        for (path, hashed) in paths.iter().zip(&hashed) {
            if let Ok((facts, hash)) = hashed {
                self.note(path, *facts, *hash);
            }
        }
        hashed
    }

    /// Remembers a content that was just read or written.
    pub(super) fn note(&mut self, path: &VaultPath, facts: Facts, hash: ContentHash) {
        let settled = Cached::settled(facts, hash, now_ns(), cache::RACY_NS);
        if self.cache.is_some() && settled.is_some() {
            self.news.push((path.clone(), settled));
        }
    }

    /// Writes what was learned.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn save(mut self) -> io::Result<()> {
        let Some((folder, owner)) = &self.cache else { return Ok(()) };
        if self.news.is_empty() {
            return Ok(());
        }
        // The last word on a path counts.
        self.news.sort_by(|a, b| a.0.cmp(&b.0));
        self.news.reverse();
        self.news.dedup_by(|later, kept| later.0 == kept.0);
        self.news.reverse();
        cache::update(folder, owner, &self.news)
    }

    fn hash_one(&self, path: &VaultPath) -> io::Result<(Facts, ContentHash)> {
        let (file, before) = self.root.folders().open_file(path)?;
        let mut buffer = vec![0; BUFFER_BYTES.min(usize::try_from(before.size).unwrap_or(BUFFER_BYTES).max(1))];
        let (hash, size) = hash_file(&file, &mut buffer, self.rate)?;
        let after = facts_of(&file)?;
        if after != before || size != before.size {
            return Err(io::Error::other("it changed while it was read"));
        }
        Ok((after, hash))
    }
}
