//! The source's side of a comparison: a folder here, or the program on another machine that looks for us.

use std::io;
use std::sync::atomic::AtomicBool;

use super::compare::seen;
use super::local::{Local, Seen};
use super::path::VaultPath;
use super::remote::far::Far;

/// Where it is looked.
pub(crate) enum Side<'a> {
    /// On this machine.
    Here(Box<Local<'a>>),
    /// On another.
    Far(&'a Far, &'a AtomicBool),
}

impl Side<'_> {
    /// What stands at each path.
    ///
    /// # Errors
    /// Where the cache cannot be read or the other machine does not answer.
    pub(crate) fn look(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        match self {
            Self::Here(local) => local.look(paths),
            Self::Far(far, stop) => far.seen(false, paths, stop).map_err(io::Error::other),
        }
    }

    /// The content of each path, read now.
    ///
    /// # Errors
    /// Where the other machine does not answer.
    pub(crate) fn hash(&mut self, paths: &[&VaultPath]) -> io::Result<Vec<Seen>> {
        match self {
            Self::Here(local) => Ok(local.hash(paths).into_iter().map(seen).collect()),
            Self::Far(far, stop) => far.seen(true, paths, stop).map_err(io::Error::other),
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
        }
    }
}
