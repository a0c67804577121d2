//! Files on the other side of a connection, asked for by this one.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::local::Seen;
use super::super::location::SshPlace;
use super::super::path::VaultPath;
use super::frame::kind;
use super::link::{Link, LinkFault, Pending};
use super::message::{Failure, all_seen, put_path};
use super::ssh::{Connection, NoConnection, RemoteSettings, connect};
use crate::error::{Error, ErrorKind, Result};

/// So often in a row a lost connection is made again.
const LOSSES_MAX: u32 = 4;
/// Payload of one question about paths, and how many it is about.
const QUESTION_BYTES: usize = 256 << 10;
const QUESTION_PATHS: usize = 1024;
/// Questions under way.
const QUESTIONS_MAX: usize = 8;
/// The longest answer about one path.
const SEEN_BYTES_MAX: u64 = 512;

/// Files elsewhere.
pub(crate) struct Far {
    place: String,
    how: How,
    was_open: AtomicBool,
    losses: AtomicU32,
    /// Of connections that ended.
    wire_bytes_before: AtomicU64,
}

enum How {
    /// Connected here, and again when the connection is lost.
    Ssh { settings: RemoteSettings, place: SshPlace, current: Mutex<Option<Connection>> },
    /// Somebody connected to us.
    Given(Arc<Link>),
}

impl Far {
    /// Connects.
    ///
    /// # Errors
    /// `Vault`
    pub(crate) fn open(settings: &RemoteSettings, place: &SshPlace) -> Result<Self> {
        let far = Self {
            place: place.to_string(),
            how: How::Ssh { settings: settings.clone(), place: place.clone(), current: Mutex::new(None) },
            was_open: AtomicBool::new(false),
            losses: AtomicU32::new(0),
            wire_bytes_before: AtomicU64::new(0),
        };
        far.link()?;
        Ok(far)
    }

    /// Over a connection that is there.
    pub(crate) fn given(link: Arc<Link>) -> Self {
        Self {
            place: "the other side".to_owned(),
            how: How::Given(link),
            was_open: AtomicBool::new(false),
            losses: AtomicU32::new(0),
            wire_bytes_before: AtomicU64::new(0),
        }
    }

    /// Where, for messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The connection; made again where it was lost.
    ///
    /// # Errors
    /// `Vault` once it was lost too often, or the other side cannot be worked with.
    pub(crate) fn link(&self) -> Result<Arc<Link>> {
        let (settings, place, current) = match &self.how {
            How::Given(link) => {
                return match link.ended() {
                    None => Ok(Arc::clone(link)),
                    Some(why) => Err(self.error(why)),
                };
            }
            How::Ssh { settings, place, current } => (settings, place, current),
        };
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut why = None;
            if let Some(connection) = &*current {
                match connection.link.ended() {
                    None => return Ok(Arc::clone(&connection.link)),
                    Some(LinkFault::Lost(text)) => why = Some(LinkFault::Lost(text)),
                    Some(broken) => return Err(self.error(broken)),
                }
            }
            if let Some(connection) = current.take() {
                self.wire_bytes_before.fetch_add(connection.link.wire_bytes(), Ordering::Relaxed);
            }
            if let Some(why) = why {
                self.count_loss().map_err(|()| self.error(why))?;
            }
            match connect(settings, place, false) {
                Ok(connection) => {
                    self.was_open.store(true, Ordering::Relaxed);
                    *current = Some(connection);
                }
                Err(NoConnection::Never(error) | NoConnection::Lost(error)) if self.is_new() => return Err(error),
                Err(NoConnection::Never(error)) => return Err(error),
                Err(NoConnection::Lost(error)) => self.count_loss().map_err(|()| error)?,
            }
        }
    }

    /// What was never reached is not tried again.
    fn is_new(&self) -> bool {
        !self.was_open.load(Ordering::Relaxed)
    }

    /// Waits longer each time.
    fn count_loss(&self) -> Result<(), ()> {
        let losses = self.losses.fetch_add(1, Ordering::Relaxed) + 1;
        if losses >= LOSSES_MAX {
            return Err(());
        }
        std::thread::sleep(Duration::from_millis(100 << losses.min(8)));
        Ok(())
    }

    /// Something arrived: the next loss is the first again.
    pub(crate) fn progressed(&self) {
        self.losses.store(0, Ordering::Relaxed);
    }

    /// Bytes over the wire, both ways.
    pub(crate) fn wire_bytes(&self) -> u64 {
        let now = match &self.how {
            How::Given(link) => link.wire_bytes(),
            How::Ssh { current, .. } => {
                let current = current.lock().unwrap_or_else(PoisonError::into_inner);
                current.as_ref().map_or(0, |connection| connection.link.wire_bytes())
            }
        };
        self.wire_bytes_before.load(Ordering::Relaxed) + now
    }

    /// What stands at each path, or its content.
    ///
    /// # Errors
    /// `Vault`
    pub(crate) fn seen(&self, hash: bool, paths: &[&VaultPath], stop: &AtomicBool) -> Result<Vec<Seen>> {
        let kind = if hash { kind::HASH } else { kind::LOOK };
        let mut all = Vec::with_capacity(paths.len());
        while all.len() < paths.len() {
            match self.ask_all(kind, paths, &mut all, stop) {
                Ok(()) => {}
                // The rest is asked again on another connection.
                Err(LinkFault::Lost(_)) => drop(self.link()?),
                Err(fault) => return Err(self.error(fault)),
            }
        }
        Ok(all)
    }

    fn ask_all(&self, kind: u8, paths: &[&VaultPath], all: &mut Vec<Seen>, stop: &AtomicBool) -> Result<(), LinkFault> {
        let link = self.link().map_err(|error| LinkFault::Failed(Failure::of(&error)))?;
        let mut rest = &paths[all.len()..];
        let mut under_way: std::collections::VecDeque<(usize, Pending)> = std::collections::VecDeque::new();
        while !rest.is_empty() || !under_way.is_empty() {
            while !rest.is_empty() && under_way.len() < QUESTIONS_MAX {
                let mut payload = Vec::new();
                let mut count = 0;
                while count < rest.len().min(QUESTION_PATHS) && payload.len() < QUESTION_BYTES {
                    put_path(&mut payload, rest[count]);
                    count += 1;
                }
                under_way.push_back((count, link.ask(kind, &payload, count as u64 * SEEN_BYTES_MAX)?));
                rest = &rest[count..];
            }
            if let Some((count, pending)) = under_way.pop_front() {
                let (parts, _) = pending.wait(stop)?;
                let seen = all_seen(&parts, count).map_err(|_| link.end(broken()))?;
                all.extend(seen);
                self.progressed();
            }
        }
        Ok(())
    }

    /// A fault as an error.
    pub(crate) fn error(&self, fault: LinkFault) -> Error {
        error(&self.place, fault)
    }
}

/// A fault of a connection to that place as an error.
pub(crate) fn error(place: &str, fault: LinkFault) -> Error {
    match fault {
        LinkFault::Lost(text) => Error::new(ErrorKind::Vault, format!("{place}: {text}"))
            .with_remedy("run again: what is in place stays, and nothing is half there"),
        LinkFault::Broken(text) => {
            Error::new(ErrorKind::Vault, format!("{place}: the other side does not keep to the protocol ({text})"))
                .with_remedy("use the same version of tithe on both sides")
        }
        LinkFault::Failed(failure) => failure.into_error(place),
        LinkFault::Stopped => Error::new(ErrorKind::Interrupted, "bring files: stopped")
            .with_remedy("run again: what is in place stays, and nothing is half there"),
    }
}

/// An answer that cannot be read.
pub(crate) fn broken() -> LinkFault {
    LinkFault::Broken("an answer that is none".to_owned())
}
