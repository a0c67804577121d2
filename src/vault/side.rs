//! One side of a comparison: a folder here, the program on another machine that looks for us, or a bucket.

use std::io;
use std::sync::atomic::AtomicBool;

use super::cache::ContentHash;
use super::local::{Local, Seen};
use super::object::ObjectSide;
use super::path::VaultPath;
use super::remote::far::Far;
use super::root::Facts;

/// Where it is looked.
pub(crate) enum Side<'a> {
    /// On this machine.
    Here(Box<Local<'a>>),
    /// On another.
    Far(&'a Far, &'a AtomicBool),
    /// In a bucket.
    Bucket(Box<ObjectSide<'a>>),
}

impl Side<'_> {
    /// What stands at each path.
    ///
    /// # Errors
    /// Where the cache cannot be read, or the other machine or the store does not answer.
    pub(crate) fn look(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        match self {
            Self::Here(local) => local.look(paths),
            Self::Far(far, stop) => far.seen(false, paths, stop).map_err(io::Error::other),
            Self::Bucket(objects) => objects.look(paths),
        }
    }

    /// For each path in order the folder on its way that lies on another disk than the vault, if there is one.
    pub(crate) fn mounted(&self, paths: &mut dyn Iterator<Item = &VaultPath>) -> Vec<Option<String>> {
        match self {
            Self::Here(local) => local.mounted(paths),
            Self::Far(..) | Self::Bucket(_) => Vec::new(),
        }
    }

    /// The content of each path, read now; of an object with a noted hash that one.
    ///
    /// # Errors
    /// Where the other machine or the store does not answer.
    pub(crate) fn hash(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        match self {
            Self::Here(local) => Ok(local.hash(paths).into_iter().map(seen).collect()),
            Self::Far(far, stop) => far.seen(true, paths, stop).map_err(io::Error::other),
            Self::Bucket(objects) => objects.hash(paths),
        }
    }

    /// Remembers what was just put there; elsewhere that is done on the spot.
    pub(crate) fn note(&mut self, path: &VaultPath, facts: Facts, hash: ContentHash) {
        if let Self::Here(local) = self {
            local.note(path, facts, hash);
        }
    }

    /// Writes what was learned; the other machine keeps that itself.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn save(self) -> io::Result<()> {
        match self {
            Self::Here(local) => local.save(),
            Self::Far(..) => Ok(()),
            Self::Bucket(objects) => objects.save(),
        }
    }
}

fn seen(hashed: io::Result<(Facts, ContentHash)>) -> Seen {
    match hashed {
        Ok((facts, hash)) => Seen::File(facts, Some(hash)),
        Err(error) => Seen::Unreadable(error.to_string()),
    }
}
