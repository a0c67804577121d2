//! A vault on this machine: a folder that is entered by handles only.
//!
//! A path is walked component by component from the root's handle, each opened without following a link; so whoever
//! swaps a folder for a link between a check and its use leads nobody out of the root.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::path::VaultPath;
use super::pulse::beat;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);

/// The root folder, open.
#[derive(Debug)]
pub(super) struct Root {
    handle: OwnedFd,
    path: PathBuf,
    dev: u64,
}

/// What a file system says about a file: enough to see that it is the same and unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// `st_dev`
    pub dev: u64,
    /// `st_ino`
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content, name or attributes; nobody can set it back.
    pub ctime_ns: i64,
    /// The owner may execute it.
    pub executable: bool,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A regular file.
    File(Facts),
    /// Nothing.
    Nothing,
    /// A link, a folder, a device; or a folder on the way is a link. Never followed, never replaced.
    Other,
}

impl Found {
    /// Whether it is the same file with the same content, though it was given another name since.
    pub(super) fn is_still(&self, before: &Facts) -> bool {
        matches!(self, Self::File(now) if Facts { ctime_ns: before.ctime_ns, ..*now } == *before)
    }
}

impl Root {
    /// Opens the folder; a link as the root itself is followed, since the user named it.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let handle = fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty())?;
        let dev = fs::fstat(&handle)?.st_dev;
        Ok(Self { handle, path: path.to_owned(), dev })
    }

    /// A folder of Tithe's own as a root of its own; made where it is missing.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn inside(above: BorrowedFd<'_>, name: &str) -> io::Result<Self> {
        match fs::mkdirat(above, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let handle = fs::openat(above, name, FOLDER, Mode::empty())?;
        let dev = fs::fstat(&handle)?.st_dev;
        Ok(Self { handle, path: PathBuf::from(name), dev })
    }

    /// As it was named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// `st_dev` of the root folder.
    pub(super) fn dev(&self) -> u64 {
        self.dev
    }

    /// Its handle.
    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// A way to move through it: one per thread.
    pub(super) fn folders(&self) -> Folders<'_> {
        Folders { root: self, open: Vec::new() }
    }
}

/// The folders between the root and where this thread last was, open. Sorted paths make it cheap.
#[derive(Debug)]
pub(super) struct Folders<'a> {
    root: &'a Root,
    open: Vec<(Box<str>, OwnedFd)>,
}

/// Why a folder could not be entered.
enum Barrier {
    Missing,
    NotAFolder,
}

impl<'a> Folders<'a> {
    /// What stands there.
    ///
    /// # Errors
    /// As the system says; that it does not exist or is no file is an answer.
    pub(super) fn look(&mut self, path: &VaultPath) -> io::Result<Found> {
        beat();
        let (folder, name) = path.split();
        let handle = match self.enter(folder, false)? {
            Ok(handle) => handle,
            Err(Barrier::Missing) => return Ok(Found::Nothing),
            Err(Barrier::NotAFolder) => return Ok(Found::Other),
        };
        match fs::statat(handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(found(&stat)),
            Err(Errno::NOENT) => Ok(Found::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file for reading, leaving its access time alone where the system lets us.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` where something else than a file stands there.
    pub(super) fn open_file(&mut self, path: &VaultPath) -> io::Result<(File, Facts)> {
        let (folder, name) = path.split();
        let handle = self.enter(folder, false)?.map_err(io::Error::from)?;
        // NONBLOCK: a pipe that was put there must not keep us waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        #[cfg(target_os = "linux")]
        let opened = match fs::openat(handle, name, flags | OFlags::NOATIME, Mode::empty()) {
            // Only a file's owner may ask for it.
            Err(Errno::PERM) => fs::openat(handle, name, flags, Mode::empty()),
            opened => opened,
        };
        #[cfg(not(target_os = "linux"))]
        let opened = fs::openat(handle, name, flags, Mode::empty());
        let file = match opened {
            Err(Errno::LOOP) => return Err(Barrier::NotAFolder.into()),
            opened => opened?,
        };
        match found(&fs::fstat(&file)?) {
            Found::File(facts) => Ok((File::from(file), facts)),
            _ => Err(Barrier::NotAFolder.into()),
        }
    }

    /// The folder's handle; missing folders are made.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` where something else stands in the way.
    pub(super) fn make(&mut self, folder: &str) -> io::Result<BorrowedFd<'_>> {
        self.enter(folder, true)?.map_err(io::Error::from)
    }

    /// The first folder on the way to a path that lies on another disk than the root.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn mounted(&mut self, path: &VaultPath) -> io::Result<Option<String>> {
        // Folders that are not there yet are made on the disk of the last one that is.
        let _ = self.enter(path.split().0, false)?;
        let dev = |(_, handle): &(Box<str>, OwnedFd)| fs::fstat(handle).map(|stat| stat.st_dev);
        if self.open.last().map(dev).transpose()?.is_none_or(|dev| dev == self.root.dev) {
            return Ok(None);
        }
        let mut names = Vec::new();
        for folder in &self.open {
            names.push(&*folder.0);
            if dev(folder)? != self.root.dev {
                break;
            }
        }
        Ok(Some(names.join("/")))
    }

    fn enter(&mut self, folder: &str, make: bool) -> io::Result<Result<BorrowedFd<'_>, Barrier>> {
        let mut depth = 0;
        let mut names = folder.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.peek()
            && self.open.get(depth).is_some_and(|(open, _)| **open == **name)
        {
            depth += 1;
            names.next();
        }
        self.open.truncate(depth);
        for name in names {
            let above = self.open.last().map_or(self.root.handle(), |(_, handle)| handle.as_fd());
            let mut opened = fs::openat(above, name, FOLDER, Mode::empty());
            if make && matches!(opened, Err(Errno::NOENT)) {
                match fs::mkdirat(above, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => opened = fs::openat(above, name, FOLDER, Mode::empty()),
                    Err(error) => return Err(error.into()),
                }
            }
            match opened {
                Ok(handle) => self.open.push((name.into(), handle)),
                Err(Errno::NOENT) => return Ok(Err(Barrier::Missing)),
                Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Err(Barrier::NotAFolder)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Ok(self.open.last().map_or(self.root.handle(), |(_, handle)| handle.as_fd())))
    }
}

impl From<Barrier> for io::Error {
    fn from(barrier: Barrier) -> Self {
        match barrier {
            Barrier::Missing => io::ErrorKind::NotFound.into(),
            Barrier::NotAFolder => {
                io::Error::new(io::ErrorKind::InvalidInput, "a link or something else than a file stands there")
            }
        }
    }
}

/// What a look says.
pub(super) fn found(stat: &Stat) -> Found {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Found::Other;
    }
    Found::File(facts(stat))
}

/// The facts of an open file.
///
/// # Errors
/// As the system says.
pub(super) fn facts_of(file: impl AsFd) -> io::Result<Facts> {
    Ok(facts(&fs::fstat(file)?))
}

fn facts(stat: &Stat) -> Facts {
    let ns = |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    Facts {
        dev: stat.st_dev,
        ino: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        mtime_ns: ns(stat.st_mtime, stat.st_mtime_nsec as i64),
        ctime_ns: ns(stat.st_ctime, stat.st_ctime_nsec as i64),
        executable: stat.st_mode & 0o100 != 0,
    }
}
