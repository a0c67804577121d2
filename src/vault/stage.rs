//! Bringing one file's bytes to the staging folder, hashed while they are written.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{self, Timespec, Timestamps};

use super::cache::ContentHash;
use super::own::OwnFolder;
use super::pages::leave_as_found;
use super::pulse::beat;
use super::root::{Facts, facts_of};
use super::step::step;
use crate::rate::RateLimit;

/// Files of this size and more are first tried as a reflink, which shares the blocks where the file system can.
const REFLINK_FROM_BYTES: u64 = 64 << 10;
/// From this size on the system itself is asked to copy, which a file server does without sending the bytes.
const COPY_RANGE_FROM_BYTES: u64 = 1 << 20;
const COPY_RANGE_BYTES: usize = 8 << 20;
const BUFFER_BYTES: usize = 256 << 10;
/// A file that changes while it is read is read again, so many times in all.
const READS_MAX: u32 = 3;

/// Folders that files are staged in: a thread with one of its own waits for nobody when it makes a file.
const FOLDERS: usize = 8;

/// The folder of files on their way, on the vault's own file system.
#[derive(Debug)]
pub(super) struct Staging {
    folder: OwnFolder,
    inside: Vec<OwnFolder>,
    next: AtomicU64,
}

/// A file that is whole and waits to be renamed into place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Staged {
    /// In the staging folder: `3/0000002a`.
    pub name: String,
    /// Of its content.
    pub hash: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// Why a file could not be staged.
#[derive(Debug)]
pub(super) enum StageFault {
    /// It went on changing.
    Changing,
    /// Reading failed.
    Read(io::Error),
    /// Writing failed.
    Write(io::Error),
}

/// What one thread needs to copy files.
pub(super) struct Worker {
    buffer: Vec<u8>,
    /// The file system has refused to share blocks.
    no_reflink: bool,
    /// The system has refused to copy by itself.
    no_copy_range: bool,
}

impl Default for Worker {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES], no_reflink: false, no_copy_range: false }
    }
}

impl Staging {
    /// The staging folder below `own`, emptied: whatever a killed run left there was never in place.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn open(own: &OwnFolder) -> io::Result<Self> {
        let make = |above, name: &str| OwnFolder::inside(above, name, true)?.ok_or(io::ErrorKind::NotFound.into());
        let folder: OwnFolder = make(own.handle(), "staging")?;
        let inside =
            (0..FOLDERS).map(|number| make(folder.handle(), &number.to_string())).collect::<io::Result<_>>()?;
        let staging = Self { folder, inside, next: AtomicU64::new(0) };
        staging.clear()?;
        Ok(staging)
    }

    /// Removes what was staged and not placed.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn clear(&self) -> io::Result<()> {
        // Versions before these folders staged beside them.
        let mut beside = self.folder.names()?.into_iter().filter(|name| name.len() > 1);
        beside.try_for_each(|name| self.folder.remove(&name))?;
        self.inside.iter().try_for_each(|inside| inside.names()?.iter().try_for_each(|name| inside.remove(name)))
    }

    /// The folders that files are in.
    pub(super) fn inside(&self) -> &[OwnFolder] {
        &self.inside
    }

    /// The folder.
    pub(super) fn folder(&self) -> &OwnFolder {
        &self.folder
    }

    /// A new, empty file in it: readable by all, as the process's mask allows, once it is out of here.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn create(&self, executable: bool) -> io::Result<(String, File)> {
        let folder = rayon::current_thread_index().unwrap_or(0) % FOLDERS;
        let name = format!("{:08x}", self.next.fetch_add(1, Ordering::Relaxed));
        let file = self.inside[folder].create_new(&name, if executable { 0o755 } else { 0o644 })?;
        Ok((format!("{folder}/{name}"), file))
    }

    /// Forces one staged file to the disk.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn sync(&self, staged: &Staged) -> io::Result<()> {
        self.folder.open(&staged.name)?.ok_or(io::ErrorKind::NotFound)?.sync_all()
    }

    /// Copies an open file with its time and executable bit; the copy is of one moment.
    ///
    /// # Errors
    /// `StageFault`; nothing is left behind.
    pub(super) fn copy(
        &self,
        source: &mut File,
        mut facts: Facts,
        worker: &mut Worker,
        rate: &RateLimit,
    ) -> Result<Staged, StageFault> {
        let (name, file) = self.create(facts.executable).map_err(StageFault::Write)?;
        let copied = (|| {
            for _ in 0..READS_MAX {
                let (hash, size) = worker.copy(source, &file, &facts, rate)?;
                let after = facts_of(&*source).map_err(StageFault::Read)?;
                if after == facts && size == facts.size {
                    finish(&file, &facts).map_err(StageFault::Write)?;
                    return Ok(Staged { name: name.clone(), hash, size });
                }
                facts = after;
                // Not before it is needed: what was ever cut short ext4 writes to the disk when it is closed
                // (`auto_da_alloc`).
                file.set_len(0).map_err(StageFault::Write)?;
            }
            Err(StageFault::Changing)
        })();
        if copied.is_err() {
            let _ = self.folder.remove(&name);
        }
        copied
    }

    /// Writes bytes that were made here.
    ///
    /// # Errors
    /// As the system says; nothing is left behind.
    pub(super) fn write(&self, bytes: &[u8], facts: &Facts) -> io::Result<Staged> {
        let (name, mut file) = self.create(facts.executable)?;
        let written = file.write_all(bytes).and_then(|()| finish(&file, facts));
        if let Err(error) = written {
            let _ = self.folder.remove(&name);
            return Err(error);
        }
        Ok(Staged { name, hash: *blake3::hash(bytes).as_bytes(), size: bytes.len() as u64 })
    }
}

impl Worker {
    /// Copies from the start into an empty file; returns what was written. Every byte is hashed on its way.
    fn copy(
        &mut self,
        source: &File,
        mut target: &File,
        facts: &Facts,
        rate: &RateLimit,
    ) -> Result<(ContentHash, u64), StageFault> {
        let _pages = leave_as_found(source, 0, 0);
        let start = |mut file: &File| file.seek(SeekFrom::Start(0));
        start(source).map_err(StageFault::Read)?;
        start(target).map_err(StageFault::Write)?;
        if self.reflink(source, target, facts) {
            // The hash must be of what was linked, and that is what the copy holds.
            return hash_file(target, &mut self.buffer, rate).map_err(StageFault::Read);
        }
        if self.copy_range(source, target, facts, rate).map_err(StageFault::Write)? {
            return hash_file(target, &mut self.buffer, &RateLimit::new(None)).map_err(StageFault::Read);
        }
        let mut hasher = blake3::Hasher::new();
        let mut size = 0;
        loop {
            let read = read_some(source, &mut self.buffer).map_err(StageFault::Read)?;
            if read == 0 {
                return Ok((*hasher.finalize().as_bytes(), size));
            }
            rate.take_blocking(read);
            hasher.update(&self.buffer[..read]);
            target.write_all(&self.buffer[..read]).map_err(StageFault::Write)?;
            step();
            size += read as u64;
            // A file that grows without end is caught by its facts afterwards.
            if size > facts.size.saturating_add(self.buffer.len() as u64) {
                return Ok((*hasher.finalize().as_bytes(), size));
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn reflink(&mut self, source: &File, target: &File, facts: &Facts) -> bool {
        if self.no_reflink || facts.size < REFLINK_FROM_BYTES {
            return false;
        }
        let linked = fs::ioctl_ficlone(target, source).is_ok();
        self.no_reflink = !linked;
        linked
    }

    /// False where the system does not do it between these two.
    #[cfg(target_os = "linux")]
    fn copy_range(&mut self, source: &File, target: &File, facts: &Facts, rate: &RateLimit) -> io::Result<bool> {
        use rustix::io::Errno;
        if self.no_copy_range || facts.size < COPY_RANGE_FROM_BYTES {
            return Ok(false);
        }
        let (mut from, mut to) = (0, 0);
        while from < facts.size {
            let part = COPY_RANGE_BYTES.min(usize::try_from(facts.size - from).unwrap_or(COPY_RANGE_BYTES));
            match fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), part) {
                Ok(0) => break,
                Ok(copied) => rate.take_blocking(copied),
                Err(Errno::INTR) => {}
                Err(error @ (Errno::NOSPC | Errno::DQUOT)) => return Err(error.into()),
                Err(_) => {
                    // If it is the source that fails, reading it says so.
                    self.no_copy_range = from == 0;
                    target.set_len(0)?;
                    return Ok(false);
                }
            }
            step();
        }
        Ok(true)
    }

    #[cfg(not(target_os = "linux"))]
    fn copy_range(&mut self, _: &File, _: &File, _: &Facts, _: &RateLimit) -> io::Result<bool> {
        Ok(false)
    }

    #[cfg(not(target_os = "linux"))]
    fn reflink(&mut self, _: &File, _: &File, _: &Facts) -> bool {
        false
    }
}

/// The hash and length of a file from its start.
///
/// # Errors
/// As the system says.
pub(super) fn hash_file(mut file: &File, buffer: &mut [u8], rate: &RateLimit) -> io::Result<(ContentHash, u64)> {
    let _pages = leave_as_found(file, 0, 0);
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    loop {
        let read = read_some(file, buffer)?;
        if read == 0 {
            return Ok((*hasher.finalize().as_bytes(), size));
        }
        rate.take_blocking(read);
        beat();
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

fn read_some(mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Gives the copy its time.
pub(super) fn finish(file: &File, facts: &Facts) -> io::Result<()> {
    let at = Timespec {
        tv_sec: facts.mtime_ns.div_euclid(1_000_000_000),
        tv_nsec: facts.mtime_ns.rem_euclid(1_000_000_000) as _,
    };
    fs::futimens(file, &Timestamps { last_access: at, last_modification: at })?;
    Ok(())
}
