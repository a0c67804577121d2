//! A folder as the target of files: its marker, its lock, and Tithe's own folder inside it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{self, AtFlags, FlockOperation};
use serde::{Deserialize, Serialize};

use super::ledger::Owner;
use super::own::OwnFolder;
use super::path::OWN_FOLDER;
use super::root::Root;
use super::stage::Staging;
use crate::error::{Error, ErrorKind, Result};

const MARKER: &str = "vault.json";
const LOCK: &str = "lock";
const FORMAT: u32 = 1;
/// A marker is short; what is longer is none.
const MARKER_BYTES_MAX: u64 = 4096;

/// Says that a folder is a vault of Tithe's, and which.
#[derive(Serialize, Deserialize)]
struct Marker {
    format: u32,
    id: String,
}

/// A target as it is, only looked at.
#[derive(Debug)]
pub(super) struct Target {
    /// The folder.
    pub root: Root,
    /// Tithe's own folder and the vault's identity, where it has been a target before.
    pub own: Option<(OwnFolder, Owner)>,
}

/// A target that this process alone may change.
#[derive(Debug)]
pub(super) struct Workshop {
    /// The folder.
    pub root: Root,
    /// Tithe's own folder.
    pub own: OwnFolder,
    /// The vault's identity.
    pub id: Owner,
    /// Files on their way.
    pub staging: Staging,
    /// The disk takes names that differ in case for one.
    pub folds_case: bool,
    /// Released by the kernel, however the process ends.
    _lock: File,
}

impl Target {
    /// Opens it; `None` where there is no such folder yet.
    ///
    /// # Errors
    /// `Vault` as the system says; `Refused` where the marker cannot be understood.
    pub(super) fn look(path: &Path) -> Result<Option<Self>> {
        let root = match Root::open(path) {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", path, error)),
        };
        let own = OwnFolder::inside(root.handle(), OWN_FOLDER, false).map_err(|e| failed("look into", path, e))?;
        let own = match own {
            None => None,
            Some(own) => marker(&own, path)?.map(|id| (own, id)),
        };
        Ok(Some(Self { root, own }))
    }

    /// Nothing but Tithe's own folder is in it.
    fn is_empty(&self) -> io::Result<bool> {
        for entry in fs::Dir::read_from(self.root.handle())? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") && name != OWN_FOLDER.as_bytes() && name != b"lost+found" {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The block of most file systems.
const BLOCK_BYTES_MAX: u64 = 4096;

/// What a file system has left.
pub(super) struct Room {
    pub(super) bytes: u64,
    /// What the smallest file takes.
    pub(super) block_bytes: u64,
    /// Files, where their number is limited.
    pub(super) files: Option<u64>,
}

impl Workshop {
    /// Opens a target for changes: makes the folder where it is missing, marks it, locks it, clears what a killed run
    /// left in the staging folder. A folder that holds files and is no vault yet needs `adopt`.
    ///
    /// # Errors
    /// `Refused` for a folder in other use, `Locked` while another run is at it, `Vault` as the system says.
    pub(super) fn open(path: &Path, adopt: bool) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|e| failed("make", path, e))?;
        let target = Target::look(path)?.ok_or_else(|| failed("open", path, io::ErrorKind::NotFound.into()))?;
        let at = |e| failed("prepare", path, e);
        if target.own.is_none() && !adopt && !target.is_empty().map_err(at)? {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("the folder {} holds files and is no vault that Tithe has filled before", path.display()),
            )
            .with_remedy(
                "name an empty folder; or take this one with --adopt: files that are there are never changed or removed",
            ));
        }
        let root = target.root;
        let own = OwnFolder::inside(root.handle(), OWN_FOLDER, true).map_err(at)?;
        let own = own.ok_or_else(|| at(io::ErrorKind::NotFound.into()))?;
        let lock = lock(&own, path)?;
        // A killed run's half-written records: nobody reads them under these names.
        for name in own.names().map_err(at)?.iter().filter(|name| name.ends_with(".new")) {
            own.remove(name).map_err(at)?;
        }
        let id = match marker(&own, path)? {
            Some(id) => id,
            None => mark(&own).map_err(at)?,
        };
        let staging = Staging::open(&own).map_err(at)?;
        for folder in staging.inside() {
            if fs::fstat(folder.handle()).map_err(|e| at(e.into()))?.st_dev != root.dev() {
                return Err(lies_elsewhere(path));
            }
        }
        let folds_case = folds_case(&root, &own).map_err(at)?;
        Ok(Self { root, own, id, staging, folds_case, _lock: lock })
    }

    /// What is free for this process.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn room(&self) -> io::Result<Room> {
        let stat = fs::fstatvfs(self.root.handle())?;
        Ok(Room {
            bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            // File servers report what they like to be written to at once.
            block_bytes: stat.f_frsize.clamp(1, BLOCK_BYTES_MAX),
            // Where there is no such table, none is reported, or numbers that cannot be.
            files: (stat.f_files > 0 && stat.f_favail <= stat.f_files).then_some(stat.f_favail),
        })
    }
}

/// A folder of Tithe's own is a mount point.
pub(super) fn lies_elsewhere(path: &Path) -> Error {
    let text = format!("{}/{OWN_FOLDER} or a folder in it lies on another file system than the vault", path.display());
    Error::new(ErrorKind::Refused, text)
        .with_remedy("files are renamed into place, which works on one file system only: unmount it")
}

/// The identity on the marker.
fn marker(own: &OwnFolder, path: &Path) -> Result<Option<Owner>> {
    let at = |e| failed("read the marker of", path, e);
    let Some(file) = own.open(MARKER).map_err(at)? else { return Ok(None) };
    let mut text = String::new();
    file.take(MARKER_BYTES_MAX).read_to_string(&mut text).map_err(at)?;
    let marker = serde_json::from_str::<Marker>(&text).ok().filter(|marker| marker.format == FORMAT);
    let id = marker.and_then(|marker| uuid::Uuid::parse_str(&marker.id).ok());
    let id = id.ok_or_else(|| {
        Error::new(ErrorKind::Refused, format!("{}/{OWN_FOLDER}/{MARKER} is not of this version", path.display()))
            .with_remedy("use the version of tithe that made it; without the file the vault counts as a new one")
    })?;
    Ok(Some(id.into_bytes()))
}

fn mark(own: &OwnFolder) -> io::Result<Owner> {
    let id = uuid::Uuid::new_v4();
    let marker = Marker { format: FORMAT, id: id.to_string() };
    let temporary = format!("{MARKER}.new");
    let mut file = own.create(&temporary)?;
    file.write_all(serde_json::to_string(&marker)?.as_bytes())?;
    file.sync_all()?;
    own.rename(&temporary, MARKER)?;
    Ok(id.into_bytes())
}

fn lock(own: &OwnFolder, path: &Path) -> Result<File> {
    let at = |e| failed("lock", path, e);
    let mut file = own.open_or_create(LOCK).map_err(at)?;
    match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            let holder = format!("process {}\n", std::process::id());
            let written = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
            written.map_err(at)?;
            Ok(file)
        }
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(64).read_to_string(&mut holder));
            let holder: String = holder.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect();
            Err(Error::new(
                ErrorKind::Locked,
                format!("another run ({}) is at the vault {}", holder.trim(), path.display()),
            ))
        }
        Err(error) => Err(at(error.into())),
    }
}

/// The disk takes names that differ in case for one: Tithe's own folder has another name too.
///
/// # Errors
/// As the system says.
pub(super) fn folds_case(root: &Root, own: &OwnFolder) -> io::Result<bool> {
    match fs::statat(root.handle(), OWN_FOLDER.to_uppercase(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(other) => {
            let this = fs::fstat(own.handle())?;
            Ok((other.st_dev, other.st_ino) == (this.st_dev, this.st_ino))
        }
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Nanoseconds since 1970.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Vault, format!("{what} the vault {}", path.display())).with_cause(error)
}

/// Makes everything that was written to the file system of `root` last, in one call where there is one.
///
/// # Errors
/// As the system says.
pub(super) fn sync_all(root: &Root) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    fs::syncfs(root.handle().as_fd())?;
    #[cfg(not(target_os = "linux"))]
    rustix::fs::sync();
    Ok(())
}
