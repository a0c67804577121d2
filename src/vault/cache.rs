//! The manifest cache: hashes of files that did not change since they were hashed. Advice, never truth: without it, or
//! with a damaged one, everything is hashed again.
//!
//! A hash is believed while device, inode, size and both times are what they were. A file that changed within the
//! clock's grain of being looked at could change again unseen (git calls it racy), so such a hash is not recorded.

use std::io;

use super::ledger::{self, Opened, Owner, Reader, Record};
use super::own::OwnFolder;
use super::path::VaultPath;
use super::root::Facts;

/// A BLAKE3 hash of a file's content.
pub(super) type ContentHash = [u8; 32];

/// The grain of file times where it is not known to be finer: FAT has 2 s, kernels before 6.13 a few ms.
pub(super) const RACY_NS: i64 = 2_000_000_000;

const NAME: &str = "cache";

/// One file's hash and what the file was like then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cached {
    /// As it was looked at after it was hashed.
    pub facts: Facts,
    /// Of the content.
    pub hash: ContentHash,
}

impl Cached {
    /// The hash, if a file of those facts must still have it.
    pub(super) fn hash_for(&self, facts: &Facts) -> Option<ContentHash> {
        let same = Facts { executable: self.facts.executable, ..*facts } == self.facts;
        same.then_some(self.hash)
    }

    /// What to record of a file that was just hashed and looked at; nothing while it is racy.
    pub(super) fn settled(facts: Facts, hash: ContentHash, now_ns: i64, grain_ns: i64) -> Option<Self> {
        let settled = facts.ctime_ns.max(facts.mtime_ns).saturating_add(grain_ns) <= now_ns;
        settled.then_some(Self { facts, hash })
    }
}

impl Record for Cached {
    const MAGIC: [u8; 8] = *b"TITHEVC\x01";
    const SIZE: usize = 5 * 8 + 1 + 32;

    fn write(&self, out: &mut Vec<u8>) {
        let Facts { dev, ino, size, mtime_ns, ctime_ns, executable } = self.facts;
        for number in [dev, ino, size, mtime_ns.cast_unsigned(), ctime_ns.cast_unsigned()] {
            out.extend(number.to_le_bytes());
        }
        out.push(u8::from(executable));
        out.extend(self.hash);
    }

    fn read(bytes: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(bytes[at * 8..at * 8 + 8].try_into().unwrap_or_default());
        Self {
            facts: Facts {
                dev: number(0),
                ino: number(1),
                size: number(2),
                mtime_ns: number(3).cast_signed(),
                ctime_ns: number(4).cast_signed(),
                executable: bytes[40] != 0,
            },
            hash: bytes[41..73].try_into().unwrap_or_default(),
        }
    }
}

/// The cache as it is; `damaged` tells that there was one that could not be used.
///
/// # Errors
/// As the system says.
pub(super) fn open(folder: &OwnFolder, owner: &Owner) -> io::Result<(Reader<Cached>, bool)> {
    Ok(match ledger::open(folder, NAME, owner)? {
        Opened::Whole(reader) => (reader, false),
        Opened::Absent => (Reader::empty(), false),
        Opened::Damaged => (Reader::empty(), true),
    })
}

/// Rewrites the cache: `news` (sorted, each path once; `None` forgets it) over what it holds.
///
/// # Errors
/// As the system says.
pub(super) fn update(folder: &OwnFolder, owner: &Owner, news: &[(VaultPath, Option<Cached>)]) -> io::Result<()> {
    ledger::merge(folder, NAME, owner, news)
}
