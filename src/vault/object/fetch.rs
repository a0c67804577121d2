//! Objects on their way to the staging folder of a vault on this machine.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicBool;

use rustix::fs;

use super::super::cache::ContentHash;
use super::super::path::VaultPath;
use super::super::root::Facts;
use super::super::source::{FetchFault, Fetched};
use super::super::stage::{Staged, Staging, finish};
use super::super::treat::{self, TREATED_BYTES_MAX};
use super::super::wanted::{FileMode, WantedFile};
use super::fault::{Fault, FaultKind};
use super::link::ObjectVault;
use super::look::Object;
use super::read::{Bounded, Sink};
use crate::rate::RateLimit;

/// A bucket to bring from.
pub(crate) struct Objects<'a> {
    pub(crate) vault: &'a ObjectVault,
    pub(crate) rate: &'a RateLimit,
    pub(crate) stop: &'a AtomicBool,
}

/// A staged file, and what went wrong with writing it.
struct ToFile {
    file: File,
    failed: Option<io::Error>,
}

impl Sink for ToFile {
    fn restart(&mut self) -> io::Result<()> {
        let done = self.file.restart();
        self.note(done)
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        let done = self.file.add(bytes);
        self.note(done)
    }
}

impl ToFile {
    fn note(&mut self, done: io::Result<()>) -> io::Result<()> {
        done.map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

impl Objects<'_> {
    /// Stages one object, treated as its rule says.
    ///
    /// # Errors
    /// What becomes a trouble of this file, or ends the whole run.
    pub(crate) fn fetch(&self, file: &WantedFile, mode: FileMode, staging: &Staging) -> Result<Fetched, FetchFault> {
        if mode != FileMode::Real {
            let (object, made, origin) = self.treated(file, mode)?;
            let staged = staging.write(&made, &as_file(&object)).map_err(FetchFault::Write)?;
            return Ok(Fetched { staged, origin, patched: false });
        }
        let (name, out) = staging.create(false).map_err(FetchFault::Write)?;
        let fetched = self.fetch_into(file.source_path(), out, name.clone());
        if fetched.is_err() {
            let _ = staging.folder().remove(&name);
        }
        fetched
    }

    fn fetch_into(&self, path: &VaultPath, out: File, name: String) -> Result<Fetched, FetchFault> {
        let mut sink = ToFile { file: out, failed: None };
        let read = self.vault.read(path, &mut sink, self.rate, self.stop);
        if let Some(error) = sink.failed {
            return Err(FetchFault::Write(error));
        }
        let (object, hash) = read.map_err(|fault| self.fault(fault))?;
        let facts = as_file(&object);
        let done = || -> io::Result<()> {
            if facts.executable {
                // Whoever may read it by the process's mask may execute it.
                let mode = fs::fstat(&sink.file)?.st_mode;
                fs::fchmod(&sink.file, fs::Mode::from_raw_mode((mode | ((mode & 0o444) >> 2)) & 0o777))?;
            }
            finish(&sink.file, &facts)
        };
        done().map_err(FetchFault::Write)?;
        Ok(Fetched { staged: Staged { name, hash, size: object.size }, origin: hash, patched: false })
    }

    /// What travels instead of the object, and the hash of what it was made of.
    pub(super) fn treated(
        &self,
        file: &WantedFile,
        mode: FileMode,
    ) -> Result<(Object, Vec<u8>, ContentHash), FetchFault> {
        let mut sink = Bounded { bytes: Vec::new(), most: TREATED_BYTES_MAX };
        let read = self.vault.read(file.source_path(), &mut sink, self.rate, self.stop);
        let (object, origin) = read.map_err(|fault| match fault.kind {
            FaultKind::Local => FetchFault::File(io::Error::from(fault).to_string()),
            _ => self.fault(fault),
        })?;
        let made = treat::treat(mode, &file.path, &sink.bytes).map_err(|fault| FetchFault::File(fault.to_string()))?;
        Ok((object, made, origin))
    }

    /// A store that fails would fail for the next file as well; the rest is this file's own.
    pub(super) fn fault(&self, fault: Fault) -> FetchFault {
        match fault.kind {
            FaultKind::Missing => FetchFault::Missing,
            _ if fault.is_the_stores() => FetchFault::All(fault.error("read files of", &self.vault.name())),
            _ => FetchFault::File(io::Error::from(fault).to_string()),
        }
    }
}

/// Time and executable bit of the file that an object was made of; of the object, where nothing is noted.
pub(super) fn as_file(object: &Object) -> Facts {
    match &object.noted {
        Some(noted) => Facts { mtime_ns: noted.mtime_ns, executable: noted.executable, ..object.facts() },
        None => object.facts(),
    }
}
