//! Bringing files from the other side to the staging folder: small ones many at a time, large ones in pieces, changed
//! ones as what differs. Every byte is hashed here and compared with what the other side announced.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::cache::ContentHash;
use super::super::delta::{self, WINDOW_BYTES, longest_delta};
use super::super::local::Seen;
use super::super::path::VaultPath;
use super::super::root::Facts;
use super::super::source::{FetchFault, Fetched};
use super::super::stage::{Staged, Staging, finish};
use super::super::wanted::FileMode;
use super::far::{Far, broken};
use super::frame::kind;
use super::link::{Link, LinkFault, Pending};
use super::message::{Piece, PieceEnd, Why};
use crate::error::Error;
use crate::rate::RateLimit;

/// A larger file comes in pieces of this size.
const PIECE_BYTES: u32 = 1 << 20;
/// Pieces of one file under way.
const PIECES_MAX: usize = 4;
/// Small files under way, of one thread.
const FILES_MAX: usize = 128;
const FILES_BYTES_MAX: u64 = 4 << 20;
/// A file that changes while it is read is read again, so many times in all.
const READS_MAX: u32 = 3;

/// Brings files.
pub(crate) struct Fetch<'a> {
    pub(crate) far: &'a Far,
    pub(crate) staging: &'a Staging,
    pub(crate) rate: &'a RateLimit,
    pub(crate) stop: &'a AtomicBool,
    /// Old versions are held in memory one at a time.
    pub(crate) old_version: &'a Mutex<()>,
}

/// A file to bring.
pub(crate) struct Wish<'a> {
    /// At the other side.
    pub(crate) path: &'a VaultPath,
    pub(crate) mode: FileMode,
    /// As announced.
    pub(crate) size: u64,
    /// As announced.
    pub(crate) hash: Option<ContentHash>,
    /// Bytes of the old version here.
    pub(crate) old_bytes: Option<u64>,
}

/// What is known of a file on its way.
struct Arriving {
    name: String,
    file: File,
    facts: Facts,
    total: u64,
    origin: ContentHash,
}

/// An old version, and what describes it.
struct Old {
    bytes: Vec<u8>,
    signature: Vec<u8>,
    /// The connection that knows the signature, and by which number.
    told: Option<(Arc<Link>, u32)>,
}

enum Ended {
    Fault(FetchFault),
    Changing,
    /// The delta came to nothing.
    NoDelta,
}

impl From<FetchFault> for Ended {
    fn from(fault: FetchFault) -> Self {
        Self::Fault(fault)
    }
}

impl Fetch<'_> {
    /// Brings all of them, in order; `old` reads an old version.
    pub(crate) fn many(
        &self,
        wishes: &[Wish<'_>],
        old: impl Fn(usize) -> Option<Vec<u8>>,
    ) -> Vec<Result<Fetched, FetchFault>> {
        let mut results = Vec::with_capacity(wishes.len());
        let mut under_way: VecDeque<Result<Pending, LinkFault>> = VecDeque::new();
        let (mut asked, mut bytes) = (0, 0);
        for (at, wish) in wishes.iter().enumerate() {
            while asked < wishes.len() && under_way.len() < FILES_MAX && bytes < FILES_BYTES_MAX {
                if let Some(length) = wishes[asked].at_once() {
                    under_way.push_back(self.ask(&wishes[asked], 0, length, None));
                    bytes += u64::from(length);
                }
                asked += 1;
            }
            let first = wish.at_once().and_then(|length| {
                bytes -= u64::from(length);
                under_way.pop_front().map(|pending| (length, pending))
            });
            results.push(self.one(wish, first, || old(at)));
        }
        results
    }

    fn one(
        &self,
        wish: &Wish<'_>,
        first: Option<(u32, Result<Pending, LinkFault>)>,
        old: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Fetched, FetchFault> {
        if let Some((length, pending)) = first {
            match pending.and_then(|pending| pending.wait(self.stop)) {
                Ok(answer) => match self.whole(wish, length, answer)? {
                    Some(fetched) => return Ok(fetched),
                    None => return self.in_pieces(wish, None),
                },
                Err(LinkFault::Lost(_)) => return self.in_pieces(wish, None),
                Err(fault) => match self.fault(fault) {
                    Ended::Fault(fault) => return Err(fault),
                    Ended::Changing | Ended::NoDelta => return self.in_pieces(wish, None),
                },
            }
        }
        let likely = wish.mode == FileMode::Real
            && wish.old_bytes.is_some_and(|old_bytes| delta::worth_it(old_bytes, wish.size));
        if likely {
            let _alone = self.old_version.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bytes) = old() {
                let signature = delta::signature(&bytes);
                return self.in_pieces(wish, Some(Old { bytes, signature, told: None }));
            }
        }
        self.in_pieces(wish, None)
    }

    /// A small file's only piece; `None` where it was not all.
    fn whole(
        &self,
        wish: &Wish<'_>,
        length: u32,
        (bytes, end): (Vec<u8>, Vec<u8>),
    ) -> Result<Option<Fetched>, FetchFault> {
        let end = self.checked(&bytes, &end).map_err(|fault| self.all(fault))?;
        wish.check_total(end.total)?;
        if bytes.len() as u64 != end.total.min(u64::from(length)) {
            return Err(self.all(self.break_off()));
        }
        if end.total > u64::from(length) {
            return Ok(None);
        }
        self.rate.take_blocking(bytes.len());
        let origin = if wish.mode == FileMode::Real { end.hash } else { end.origin };
        if wish.hash.is_some_and(|announced| announced != origin) {
            return Err(FetchFault::File(OTHER_CONTENT.to_owned()));
        }
        let staged = self.staging.write(&bytes, &end.facts).map_err(FetchFault::Write)?;
        self.far.progressed();
        Ok(Some(Fetched { staged, origin, patched: false }))
    }

    /// A file piece by piece; goes on where it was when the connection is made again.
    fn in_pieces(&self, wish: &Wish<'_>, mut old: Option<Old>) -> Result<Fetched, FetchFault> {
        for _ in 0..READS_MAX + 1 {
            let mut arriving = None;
            let outcome = self.stream(wish, old.as_mut(), &mut arriving);
            if let (Err(_), Some(Arriving { name, .. })) = (&outcome, &arriving) {
                let _ = self.staging.folder().remove(name);
            }
            match outcome {
                Ok(fetched) => return Ok(fetched),
                Err(Ended::Fault(fault)) => return Err(fault),
                Err(Ended::Changing) => {}
                Err(Ended::NoDelta) => old = None,
            }
        }
        Err(FetchFault::File("it went on changing".to_owned()))
    }

    fn stream(
        &self,
        wish: &Wish<'_>,
        mut old: Option<&mut Old>,
        arriving: &mut Option<Arriving>,
    ) -> Result<Fetched, Ended> {
        let step = if old.is_some() { WINDOW_BYTES } else { PIECE_BYTES };
        let mut hasher = blake3::Hasher::new();
        let mut under_way: VecDeque<Result<Pending, LinkFault>> = VecDeque::new();
        let (mut offset, mut asked) = (0_u64, 0_u64);
        loop {
            let total = arriving.as_ref().map_or(wish.size, |arriving| arriving.total);
            if arriving.is_some() && offset == total {
                break;
            }
            // The first window of a delta may be the last: it is waited for.
            let depth = if old.is_some() && arriving.is_none() { 1 } else { PIECES_MAX };
            while under_way.len() < depth && (asked < total || asked == offset) {
                under_way.push_back(self.ask(wish, asked, step, old.as_deref_mut()));
                asked += u64::from(step);
            }
            let Some(pending) = under_way.pop_front() else { return Err(self.break_off_all()) };
            let (bytes, end) = match pending.and_then(|pending| pending.wait(self.stop)) {
                Ok(answer) => answer,
                Err(LinkFault::Lost(_)) => {
                    self.far.link().map_err(FetchFault::All)?;
                    under_way.clear();
                    asked = offset;
                    continue;
                }
                Err(fault) => return Err(self.fault(fault)),
            };
            let now = PieceEnd::parse(&end).map_err(|_| self.break_off_all())?;
            wish.check_total(now.total)?;
            let length = now.total.saturating_sub(offset).min(u64::from(step)) as usize;
            let bytes = match &old {
                Some(old) => delta::apply(&old.bytes, &bytes, length).map_err(|_| Ended::NoDelta)?,
                None if bytes.len() == length => bytes,
                None => return Err(self.break_off_all()),
            };
            if *blake3::hash(&bytes).as_bytes() != now.hash {
                return Err(if old.is_some() { Ended::NoDelta } else { self.break_off_all() });
            }
            if arriving.is_none() {
                let (name, file) = self.staging.create(now.facts.executable).map_err(FetchFault::Write)?;
                let PieceEnd { facts, total, origin, .. } = now;
                *arriving = Some(Arriving { name, file, facts, total, origin });
            }
            let Some(arriving) = arriving.as_mut() else { return Err(Ended::Changing) };
            if (arriving.facts, arriving.total, arriving.origin) != (now.facts, now.total, now.origin) {
                return Err(Ended::Changing);
            }
            self.rate.take_blocking(bytes.len());
            hasher.update(&bytes);
            arriving.file.write_all(&bytes).map_err(FetchFault::Write)?;
            offset += bytes.len() as u64;
            self.far.progressed();
        }
        let hash = *hasher.finalize().as_bytes();
        let Some(arriving) = arriving.as_ref() else { return Err(Ended::Changing) };
        let origin = self.check(wish, arriving, hash, old.is_some())?;
        finish(&arriving.file, &arriving.facts).map_err(FetchFault::Write)?;
        let staged = Staged { name: arriving.name.clone(), hash, size: offset };
        Ok(Fetched { staged, origin, patched: old.is_some() })
    }

    /// Compares the whole with what was announced of it; asks where nothing was.
    fn check(
        &self,
        wish: &Wish<'_>,
        arriving: &Arriving,
        hash: ContentHash,
        patched: bool,
    ) -> Result<ContentHash, Ended> {
        if wish.mode != FileMode::Real {
            let same = wish.hash.is_none_or(|announced| announced == arriving.origin);
            let other = || FetchFault::File(OTHER_CONTENT.to_owned()).into();
            return if same { Ok(arriving.origin) } else { Err(other()) };
        }
        let announced = match wish.hash {
            Some(announced) => announced,
            None if arriving.total <= u64::from(PIECE_BYTES) && !patched => hash,
            None => {
                let seen = self.far.seen(true, &[wish.path], self.stop).map_err(FetchFault::All)?;
                match seen.into_iter().next() {
                    Some(Seen::File(facts, Some(announced))) if facts == arriving.facts => announced,
                    _ => return Err(Ended::Changing),
                }
            }
        };
        match () {
            () if announced == hash => Ok(hash),
            () if patched => Err(Ended::NoDelta),
            () => Err(FetchFault::File(OTHER_CONTENT.to_owned()).into()),
        }
    }

    fn ask(&self, wish: &Wish<'_>, offset: u64, length: u32, old: Option<&mut Old>) -> Result<Pending, LinkFault> {
        let lost = |error: Error| LinkFault::Failed(super::message::Failure::of(&error));
        let link = self.far.link().map_err(lost)?;
        let mut payload = Vec::new();
        let (kind, bytes_max) = match old {
            None => (kind::READ, u64::from(length)),
            Some(old) => {
                payload.extend(old.number(&link, self.stop)?.to_le_bytes());
                (kind::DELTA, longest_delta(length))
            }
        };
        Piece { path: wish.path.clone(), mode: wish.mode, offset, length }.put(&mut payload);
        link.ask(kind, &payload, bytes_max)
    }

    fn checked(&self, bytes: &[u8], end: &[u8]) -> Result<PieceEnd, LinkFault> {
        let end = PieceEnd::parse(end).map_err(|_| self.break_off())?;
        if *blake3::hash(bytes).as_bytes() == end.hash { Ok(end) } else { Err(self.break_off()) }
    }

    /// The peer lies: no more of it.
    fn break_off(&self) -> LinkFault {
        match self.far.link() {
            Ok(link) => link.end(broken()),
            Err(_) => broken(),
        }
    }

    fn break_off_all(&self) -> Ended {
        Ended::Fault(self.all(self.break_off()))
    }

    fn all(&self, fault: LinkFault) -> FetchFault {
        FetchFault::All(self.far.error(fault))
    }

    fn fault(&self, fault: LinkFault) -> Ended {
        match fault {
            LinkFault::Failed(failure) => match failure.why {
                Why::NotFound => Ended::Fault(FetchFault::Missing),
                Why::Unreadable => Ended::Fault(FetchFault::File(failure.text)),
                Why::Changing => Ended::Changing,
                Why::NoDelta => Ended::NoDelta,
                _ => Ended::Fault(FetchFault::All(self.far.error(LinkFault::Failed(failure)))),
            },
            fault => Ended::Fault(self.all(fault)),
        }
    }
}

const OTHER_CONTENT: &str =
    "its content is not the one that the source announced: it changed since, or arrived damaged";

/// What a made file may be longer than its source.
const MADE_BYTES_MORE: u64 = 64 << 20;

impl Wish<'_> {
    /// No more arrives than was announced: room was asked for that much.
    fn check_total(&self, total: u64) -> Result<(), FetchFault> {
        let fits = match self.mode {
            FileMode::Real => total == self.size,
            _ => total <= self.size.saturating_add(MADE_BYTES_MORE),
        };
        if fits {
            return Ok(());
        }
        Err(FetchFault::File("its size is not the one that the source announced: it changed since".to_owned()))
    }

    /// The length to ask for, where it is likely to be all.
    fn at_once(&self) -> Option<u32> {
        if self.size > u64::from(PIECE_BYTES) || self.old_bytes.is_some_and(|old| delta::worth_it(old, self.size)) {
            return None;
        }
        // What is made of a file may be longer than the file.
        if self.mode == FileMode::Real { u32::try_from(self.size.max(1)).ok() } else { Some(PIECE_BYTES) }
    }
}

impl Old {
    /// The number by which the other side knows the signature.
    fn number(&mut self, link: &Arc<Link>, stop: &AtomicBool) -> Result<u32, LinkFault> {
        if let Some((told, number)) = &self.told
            && Arc::ptr_eq(told, link)
        {
            return Ok(*number);
        }
        let pending = link.ask(kind::SIGNATURE, &self.signature, 0)?;
        let number = pending.request();
        pending.wait(stop)?;
        self.told = Some((Arc::clone(link), number));
        Ok(number)
    }
}
