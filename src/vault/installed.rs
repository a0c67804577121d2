//! What Tithe put into a vault: the only files it ever changes or removes.

use std::collections::BTreeMap;
use std::io;

use super::cache::ContentHash;
use super::ledger::{self, Opened, Owner, Reader, Record};
use super::own::OwnFolder;
use super::path::VaultPath;
use super::root::Root;
use super::stage::hash_file;
use super::wanted::FileMode;
use crate::rate::RateLimit;

const NAME: &str = "installed";
const INTENTS: &str = "placing-";

/// One installed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    /// Of the content as installed.
    pub hash: ContentHash,
    /// Of the source's content that it was made of; the same for `real` files.
    pub origin: ContentHash,
    /// What had become of it.
    pub mode: FileMode,
    /// Bytes as installed.
    pub size: u64,
}

impl Record for Installed {
    const MAGIC: [u8; 8] = *b"TITHEVI\x01";
    const SIZE: usize = 32 + 32 + 1 + 8;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.hash);
        out.extend(self.origin);
        out.push(match self.mode {
            FileMode::Real => 0,
            FileMode::StripMetadata { keep_icc: false } => 1,
            FileMode::StripMetadata { keep_icc: true } => 2,
            FileMode::Placeholder => 3,
            FileMode::None => 4,
        });
        out.extend(self.size.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        Self {
            hash: bytes[..32].try_into().unwrap_or_default(),
            origin: bytes[32..64].try_into().unwrap_or_default(),
            mode: match bytes[64] {
                0 => FileMode::Real,
                1 => FileMode::StripMetadata { keep_icc: false },
                2 => FileMode::StripMetadata { keep_icc: true },
                3 => FileMode::Placeholder,
                _ => FileMode::None,
            },
            size: u64::from_le_bytes(bytes[65..73].try_into().unwrap_or_default()),
        }
    }
}

/// The record as it is; `damaged` tells that there was one that cannot be believed: then nothing counts as ours.
///
/// # Errors
/// As the system says.
pub(super) fn open(folder: &OwnFolder, owner: &Owner) -> io::Result<(Reader<Installed>, bool)> {
    Ok(match ledger::open(folder, NAME, owner)? {
        Opened::Whole(reader) => (reader, false),
        Opened::Absent => (Reader::empty(), false),
        Opened::Damaged => (Reader::empty(), true),
    })
}

/// Rewrites the record: `news` (sorted, each path once; `None` forgets it) over what it holds.
///
/// # Errors
/// As the system says.
pub(super) fn update(folder: &OwnFolder, owner: &Owner, news: &[(VaultPath, Option<Installed>)]) -> io::Result<()> {
    ledger::merge(folder, NAME, owner, news)
}

/// Before a batch is renamed into place: what it is going to be. A run that is killed there is so known to have
/// installed what it did.
///
/// # Errors
/// As the system says.
pub(super) fn intend(
    folder: &OwnFolder,
    owner: &Owner,
    batch: usize,
    records: &[(VaultPath, Option<Installed>)],
) -> io::Result<()> {
    ledger::merge(folder, &intent_name(batch), owner, records)
}

/// The name of a batch's intents.
pub(super) fn intent_name(batch: usize) -> String {
    format!("{INTENTS}{batch}")
}

/// Whether a record holds intents.
pub(super) fn is_intent(name: &str) -> bool {
    name.starts_with(INTENTS)
}

/// What was intended; nothing where the record cannot be believed.
///
/// # Errors
/// As the system says.
pub(super) fn intended(folder: &OwnFolder, name: &str, owner: &Owner) -> io::Result<Vec<(VaultPath, Installed)>> {
    let Opened::Whole(mut reader) = ledger::open::<Installed>(folder, name, owner)? else { return Ok(Vec::new()) };
    let mut intended = Vec::new();
    while let Some(one) = reader.take()? {
        intended.push(one);
    }
    Ok(intended)
}

/// The intents are carried out and recorded.
///
/// # Errors
/// As the system says.
pub(super) fn forget_intents(folder: &OwnFolder) -> io::Result<()> {
    folder.names()?.iter().filter(|name| is_intent(name)).try_for_each(|name| folder.remove(name))
}

/// Records what a killed run did install of what it intended: the files that hold what they were to hold.
///
/// # Errors
/// As the system says.
pub(super) fn recover(folder: &OwnFolder, owner: &Owner, root: &Root) -> io::Result<()> {
    let mut found = BTreeMap::new();
    let mut buffer = vec![0; 256 << 10];
    let unlimited = RateLimit::new(None);
    for name in folder.names()?.iter().filter(|name| is_intent(name)) {
        let mut folders = root.folders();
        for (path, record) in intended(folder, name, owner)? {
            let hashed = folders.open_file(&path).and_then(|(file, _)| hash_file(&file, &mut buffer, &unlimited));
            if hashed.is_ok_and(|(hash, _)| hash == record.hash) {
                found.insert(path, Some(record));
            }
        }
    }
    if !found.is_empty() {
        update(folder, owner, &found.into_iter().collect::<Vec<_>>())?;
    }
    forget_intents(folder)
}
