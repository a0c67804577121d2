//! What Tithe put into a vault: the only files it ever changes or removes.

use std::io;

use super::cache::ContentHash;
use super::ledger::{self, Opened, Owner, Reader, Record};
use super::own::OwnFolder;
use super::path::VaultPath;
use super::wanted::FileMode;

const NAME: &str = "installed";

/// One installed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
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
pub fn open(folder: &OwnFolder, owner: &Owner) -> io::Result<(Reader<Installed>, bool)> {
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
pub fn update(folder: &OwnFolder, owner: &Owner, news: &[(VaultPath, Option<Installed>)]) -> io::Result<()> {
    ledger::merge(folder, NAME, owner, news)
}
