//! Files of this machine, given to the other side piece by piece. Only read, and only below the root.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fast_rsync::Signature;

use super::super::delta::{self, WINDOW_BYTES};
use super::super::local::{Local, Seen};
use super::super::pages::leave_as_found;
use super::super::path::VaultPath;
use super::super::pulse::beat;
use super::super::root::{Facts, Root, facts_of};
use super::super::treat;
use super::super::wanted::FileMode;
use super::frame::{Frame, kind};
use super::link::{Inbox, Link};
use super::message::{Failure, Fields, Malformed, Piece, PieceEnd, Why, paths, put_seen};
use super::treated::{Key, Made, Treated};
use crate::monitor::Progress;
use crate::rate::RateLimit;

/// Signatures that are kept for deltas to come.
const SIGNATURES_MAX: usize = 8;
const READS_MAX: u32 = 3;
/// Read at a time, so that a limited rate is kept to.
const READ_BYTES: usize = 256 << 10;

/// What may be given away.
pub(crate) enum Allowed {
    /// All files of the folder, as they are or treated: whoever came here may read it.
    Everything,
    /// These, treated like this.
    Only(HashSet<(VaultPath, FileMode)>, HashSet<VaultPath>),
}

impl Allowed {
    pub(crate) fn only(files: impl Iterator<Item = (VaultPath, FileMode)>) -> Self {
        let pairs: HashSet<_> = files.collect();
        let paths = pairs.iter().map(|(path, _)| path.clone()).collect();
        Self::Only(pairs, paths)
    }

    fn names(&self, path: &VaultPath) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(_, paths) => paths.contains(path),
        }
    }

    fn grants(&self, piece: &Piece) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(pairs, _) => pairs.contains(&(piece.path.clone(), piece.mode)),
        }
    }
}

/// A folder whose files are asked for.
pub(crate) struct Shelf<'a> {
    pub(crate) root: &'a Root,
    pub(crate) allowed: Allowed,
    pub(crate) rate: &'a RateLimit,
    pub(crate) progress: Mutex<Option<Arc<Progress>>>,
    pub(crate) signatures: Mutex<Vec<(u32, Arc<Signature>)>>,
    treated: Treated,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(root: &'a Root, allowed: Allowed, rate: &'a RateLimit) -> Self {
        Self {
            root,
            allowed,
            rate,
            progress: Mutex::new(None),
            signatures: Mutex::default(),
            treated: Treated::default(),
        }
    }

    /// Answers until the connection ends or `over` says so; `local` learns hashes.
    pub(crate) fn serve(&self, link: &Link, inbox: &Inboxes, local: &mut Local<'_>, threads: usize, over: &AtomicBool) {
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| each(link, &inbox.reads, over, |frame| self.content(link, frame)));
            }
            each(link, &inbox.asks, over, |frame| self.state(link, frame, local));
        });
    }

    fn state(&self, link: &Link, frame: &Frame, local: &mut Local<'_>) {
        let Ok(paths) = paths(&frame.payload) else { return odd(link, frame) };
        let known: Vec<&VaultPath> = paths.iter().filter(|path| self.allowed.names(path)).collect();
        let seen = if frame.kind == kind::LOOK {
            local.look(&known).unwrap_or_else(|error| vec![Seen::Unreadable(error.to_string()); known.len()])
        } else {
            let hashed = local.hash(&known).into_iter();
            hashed
                .map(|hashed| match hashed {
                    Ok((facts, hash)) => Seen::File(facts, Some(hash)),
                    Err(error) => Seen::Unreadable(error.to_string()),
                })
                .collect()
        };
        let mut payload = Vec::new();
        let mut seen = seen.iter();
        for path in &paths {
            let answer = if self.allowed.names(path) { seen.next() } else { None };
            put_seen(&mut payload, answer.unwrap_or(&Seen::Nothing));
        }
        let _ = link.answer(frame.request, &payload, &[]);
    }

    fn content(&self, link: &Link, frame: &Frame) {
        let answer = match frame.kind {
            kind::SIGNATURE => self.keep_signature(frame),
            kind::DELTA => self.delta(&frame.payload),
            _ => self.read(&frame.payload),
        };
        let _ = match answer {
            Ok(Ok((bytes, end))) => link.answer(frame.request, &bytes, &end),
            Ok(Err(failure)) => link.refuse(frame.request, &failure),
            Err(Malformed) => return odd(link, frame),
        };
    }

    fn keep_signature(&self, frame: &Frame) -> Answer {
        Ok(match delta::check_signature(frame.payload.clone()) {
            Ok(signature) => {
                let mut kept = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= SIGNATURES_MAX {
                    kept.remove(0);
                }
                kept.push((frame.request, Arc::new(signature)));
                Ok((Vec::new(), Vec::new()))
            }
            Err(_) => Err(Failure::new(Why::NoDelta, "a signature that is none")),
        })
    }

    fn delta(&self, payload: &[u8]) -> Answer {
        let mut fields = Fields::of(payload);
        let number = fields.u32()?;
        let piece = Piece::take(&mut fields)?;
        fields.end()?;
        let kept = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        let signature = kept.iter().find(|(kept, _)| *kept == number).map(|(_, signature)| Arc::clone(signature));
        drop(kept);
        let Some(signature) = signature.filter(|_| piece.mode == FileMode::Real) else {
            return Ok(Err(Failure::new(Why::NoDelta, "no such signature")));
        };
        Ok(self.piece(&piece).and_then(|(bytes, end)| match delta::delta(&signature, &bytes, piece.offset == 0) {
            Ok(delta) => Ok((delta, end.bytes())),
            Err(_) => Err(Failure::new(Why::NoDelta, "too little in common")),
        }))
    }

    fn read(&self, payload: &[u8]) -> Answer {
        let mut fields = Fields::of(payload);
        let piece = Piece::take(&mut fields)?;
        fields.end()?;
        Ok(self.piece(&piece).map(|(bytes, end)| (bytes, end.bytes())))
    }

    fn piece(&self, piece: &Piece) -> Result<(Vec<u8>, PieceEnd), Failure> {
        if !self.allowed.grants(piece) || piece.length > WINDOW_BYTES {
            return Err(Failure::new(Why::Refused, "a file that is not to be given away, or too much of it at once"));
        }
        let mut folders = self.root.folders();
        for _ in 0..READS_MAX {
            let (mut file, facts) = folders.open_file(&piece.path).map_err(|error| failure(&error))?;
            let (bytes, total, origin) = if piece.mode == FileMode::Real {
                let bytes = self.read_at(&file, &facts, piece).map_err(|error| failure(&error))?;
                (bytes, facts.size, [0; 32])
            } else {
                let made = self.treated(&mut file, facts, piece)?;
                let from = usize::try_from(piece.offset).unwrap_or(usize::MAX).min(made.bytes.len());
                let to = from.saturating_add(piece.length as usize).min(made.bytes.len());
                (made.bytes[from..to].to_vec(), made.bytes.len() as u64, made.origin)
            };
            let expected = total.saturating_sub(piece.offset).min(u64::from(piece.length));
            if facts_of(&file).map_err(|error| failure(&error))? == facts && bytes.len() as u64 == expected {
                let last = piece.offset + expected == total;
                if let Some(progress) = &*self.progress.lock().unwrap_or_else(PoisonError::into_inner) {
                    progress.add(u64::from(last), expected);
                }
                let hash = *blake3::hash(&bytes).as_bytes();
                return Ok((bytes, PieceEnd { facts, total, hash, origin }));
            }
        }
        Err(Failure::new(Why::Changing, "it went on changing"))
    }

    fn treated(&self, file: &mut std::fs::File, facts: Facts, piece: &Piece) -> Result<Arc<Made>, Failure> {
        let key = Key { path: piece.path.clone(), mode: piece.mode, facts };
        self.treated.get(key, u64::from(piece.length), || {
            let (bytes, origin) = treat::read(file, &facts, self.rate).map_err(|error| failure(&error))?;
            let made = treat::treat(piece.mode, &piece.path, &bytes);
            let bytes = made.map_err(|fault| Failure::new(Why::Unreadable, fault.to_string()))?;
            Ok(Made { bytes, origin })
        })
    }

    fn read_at(&self, file: &std::fs::File, facts: &Facts, piece: &Piece) -> io::Result<Vec<u8>> {
        let length = facts.size.saturating_sub(piece.offset).min(u64::from(piece.length)) as usize;
        let _pages = leave_as_found(file, piece.offset, length as u64);
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            let end = length.min(filled + READ_BYTES);
            match file.read_at(&mut bytes[filled..end], piece.offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => {
                    self.rate.take_blocking(read);
                    beat();
                    filled += read;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

type Answer = Result<Result<(Vec<u8>, Vec<u8>), Failure>, Malformed>;

/// Requests that several threads take from.
pub(crate) struct Inboxes {
    asks: Mutex<Receiver<Frame>>,
    reads: Mutex<Receiver<Frame>>,
    pub(crate) control: Mutex<Receiver<Frame>>,
}

impl From<Inbox> for Inboxes {
    fn from(inbox: Inbox) -> Self {
        Self { asks: Mutex::new(inbox.asks), reads: Mutex::new(inbox.reads), control: Mutex::new(inbox.control) }
    }
}

impl From<Inboxes> for Inbox {
    fn from(inboxes: Inboxes) -> Self {
        let inner = |inbox: Mutex<_>| inbox.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self { asks: inner(inboxes.asks), reads: inner(inboxes.reads), control: inner(inboxes.control) }
    }
}

/// Where there is nothing to give.
pub(crate) fn refuse_all(link: &Link, inbox: &Inboxes, over: &AtomicBool) {
    let none = Failure::new(Why::Refused, "there is no such folder");
    let refuse = |frame: &Frame| drop(link.refuse(frame.request, &none));
    std::thread::scope(|scope| {
        scope.spawn(|| each(link, &inbox.reads, over, refuse));
        each(link, &inbox.asks, over, refuse);
    });
}

fn each(link: &Link, inbox: &Mutex<Receiver<Frame>>, over: &AtomicBool, mut answer: impl FnMut(&Frame)) {
    while !over.load(Ordering::Relaxed) {
        let next = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(Duration::from_millis(50));
        match next {
            Ok(frame) => answer(&frame),
            Err(RecvTimeoutError::Timeout) if link.ended().is_none() => {}
            Err(_) => return,
        }
    }
}

fn odd(link: &Link, frame: &Frame) {
    let _ = link.refuse(frame.request, &Failure::new(Why::Unexpected, "a request that cannot be understood"));
}

fn failure(error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::NotFound => Why::NotFound,
        _ if super::super::bring::is_exhausted(error) => Why::Exhausted,
        _ => Why::Unreadable,
    };
    Failure::new(why, error.to_string())
}
