//! The folder in which Tithe keeps its own records of a vault, entered by a handle.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::step::step;

/// An open folder of Tithe's own; nobody else may read it.
#[derive(Debug)]
pub(super) struct OwnFolder {
    handle: OwnedFd,
}

const PRIVATE_FOLDER: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

impl OwnFolder {
    /// Opens the folder of that name, without following a link; makes it where it is missing and `make` says so.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn inside(above: BorrowedFd<'_>, name: &str, make: bool) -> io::Result<Option<Self>> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        if make {
            match fs::mkdirat(above, name, PRIVATE_FOLDER) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match fs::openat(above, name, flags, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { handle })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its handle.
    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Opens a file for reading; `None` where there is none.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn open(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a file in the place of what was there, which may have another name elsewhere and is not written to.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        self.remove(name)?;
        self.create_with(name, OFlags::EXCL, PRIVATE_FILE)
    }

    /// Opens a file for reading and writing, as it is.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
        self.create_with(name, OFlags::empty(), PRIVATE_FILE)
    }

    /// Makes a file that must not exist yet, with these rights less the process's mask.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn create_new(&self, name: &str, mode: u32) -> io::Result<File> {
        self.create_with(name, OFlags::EXCL, Mode::from_raw_mode(mode))
    }

    fn create_with(&self, name: &str, how: OFlags, mode: Mode) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | how;
        let file = fs::openat(&self.handle, name, flags, mode)?;
        step();
        Ok(File::from(file))
    }

    /// Renames within the folder, over what was there.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Removes a file; one that is not there is as good as removed.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {
                step();
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Names of what is in it.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.handle)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}
