//! Files of this machine into a vault elsewhere: the far side compares and installs, this side gives the files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::super::bring::Brought;
use super::super::local::Local;
use super::super::location::SshPlace;
use super::super::path::VaultPath;
use super::super::root::Root;
use super::super::session::{Planned, Settings};
use super::super::wanted::WantedList;
use super::far::broken;
use super::frame::kind;
use super::job::{Job, PLAN_BYTES_MAX, PlannedThere, brought};
use super::link::{Link, LinkFault};
use super::message::{Failure, Malformed, Why};
use super::shelf::{Allowed, Inboxes, Shelf};
use super::ssh::{Connection, NoConnection, RemoteSettings, connect};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::rate::RateLimit;

/// So often in a row a lost connection is made again.
const LOSSES_MAX: u32 = 4;

/// A target elsewhere.
pub(crate) struct Push {
    place: SshPlace,
    connection: Mutex<Option<Connection>>,
}

/// Why an attempt ended.
enum Ended {
    Link(LinkFault),
    Here(Error),
}

impl From<LinkFault> for Ended {
    fn from(fault: LinkFault) -> Self {
        Self::Link(fault)
    }
}

impl Push {
    /// Connects.
    ///
    /// # Errors
    /// `Vault`; `Refused` where the far side only reads and `writable` is asked for.
    pub(crate) fn open(settings: &Settings, place: &SshPlace, writable: bool) -> Result<Self> {
        let connection = reach(&settings.remote, place, writable).map_err(|error| match error {
            NoConnection::Lost(error) | NoConnection::Never(error) => error,
        })?;
        Ok(Self { place: place.clone(), connection: Mutex::new(Some(connection)) })
    }

    /// Compares only.
    ///
    /// # Errors
    /// `Vault`, or as the far side says.
    pub(crate) fn plan(
        &self,
        settings: &Settings,
        wanted: &WantedList,
        (root, rate): (&Root, &RateLimit),
        local: &mut Local<'_>,
    ) -> Result<Planned> {
        let stop = AtomicBool::new(false);
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = connection.as_mut() else { return Err(self.error(lost())) };
        let shelf = Shelf::new(root, allowed(wanted), rate);
        let planned = talk(settings.jobs, connection, &shelf, local, |link| {
            Job::of(settings, wanted).send(link, wanted)?;
            let (bytes, _) = link.ask(kind::PLAN, &[], PLAN_BYTES_MAX)?.wait(&stop)?;
            Ok(PlannedThere::parse(&bytes, wanted).map_err(|Malformed| link.end(broken()))?)
        });
        planned.map_err(|ended| self.ended(ended))
    }

    /// Compares and brings; begins again where the connection is lost: what is in place by then needs nothing.
    ///
    /// # Errors
    /// `Vault`, `Interrupted`, or as the far side says.
    pub(crate) fn bring(
        &self,
        settings: &Settings,
        wanted: &WantedList,
        (root, rate, stop): (&Root, &RateLimit, &AtomicBool),
        (monitor, permit): (&dyn Monitor, impl FnOnce(&Planned) -> Result<()>),
        local: &mut Local<'_>,
    ) -> Result<(Planned, Brought)> {
        let mut current = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = Shelf::new(root, allowed(wanted), rate);
        let mut permit = Some(permit);
        let (mut permitted, mut losses, mut wire_bytes) = (0, 0_u32, 0);
        loop {
            let Some(connection) = current.as_mut() else { return Err(self.error(lost())) };
            let outcome = talk(settings.jobs, connection, &shelf, local, |link| {
                Job::of(settings, wanted).send(link, wanted)?;
                let (bytes, _) = link.ask(kind::BRING, &[], PLAN_BYTES_MAX)?.wait(stop)?;
                let planned = PlannedThere::parse(&bytes, wanted).map_err(|Malformed| link.end(broken()))?;
                match permit.take() {
                    Some(permit) => permit(&planned).map_err(Ended::Here)?,
                    None if planned.plan.extras.len() > permitted => return Err(Ended::Here(more_extras())),
                    None => {}
                }
                permitted = planned.plan.extras.len();
                let progress = monitor.files(planned.plan.steps.len() as u64);
                *shelf.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone());
                let (bytes, _) = link.ask(kind::GO, &[], PLAN_BYTES_MAX)?.wait(stop)?;
                progress.finish();
                let brought = brought(&bytes, wanted).map_err(|Malformed| link.end(broken()))?;
                Ok((planned, brought))
            });
            let fault = match outcome {
                Ok((planned, mut brought)) => {
                    brought.wire_bytes = wire_bytes + connection.link.wire_bytes();
                    return Ok((planned, brought));
                }
                // The far side of a connection that was lost may still be at it.
                Err(Ended::Link(LinkFault::Failed(failure))) if failure.why == Why::Locked && losses > 0 => {
                    LinkFault::Failed(failure)
                }
                Err(Ended::Link(LinkFault::Lost(text))) => LinkFault::Lost(text),
                Err(ended) => return Err(self.ended(ended)),
            };
            wire_bytes += connection.link.wire_bytes();
            *current = None;
            losses += 1;
            if losses > LOSSES_MAX {
                return Err(self.error(fault));
            }
            *current = Some(self.again(settings, losses)?);
        }
    }

    /// Removes what the far side's plan found too many; returns how many, and which changed meanwhile.
    ///
    /// # Errors
    /// `Vault`, or as the far side says.
    pub(crate) fn remove(&self) -> Result<(u64, Vec<VaultPath>)> {
        let current = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &*current else { return Err(self.error(lost())) };
        let removed = connection.link.ask(kind::REMOVE, &[], PLAN_BYTES_MAX);
        let answer = removed.and_then(|pending| pending.wait(&AtomicBool::new(false)));
        let (bytes, _) = answer.map_err(|fault| self.error(fault))?;
        serde_json::from_slice(&bytes).map_err(|_| self.error(broken()))
    }

    /// Nothing is to be removed: the far side may let go of its folder.
    pub(crate) fn leave(&self) -> Vec<VaultPath> {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Vec::new()
    }

    fn again(&self, settings: &Settings, losses: u32) -> Result<Connection> {
        let mut tries = losses;
        loop {
            std::thread::sleep(Duration::from_millis(100 << tries.min(8)));
            match reach(&settings.remote, &self.place, true) {
                Ok(connection) => return Ok(connection),
                Err(NoConnection::Lost(_)) if tries < LOSSES_MAX => tries += 1,
                Err(NoConnection::Lost(error) | NoConnection::Never(error)) => return Err(error),
            }
        }
    }

    fn ended(&self, ended: Ended) -> Error {
        match ended {
            Ended::Link(fault) => self.error(fault),
            Ended::Here(error) => error,
        }
    }

    fn error(&self, fault: LinkFault) -> Error {
        super::far::error(&self.place.to_string(), fault)
    }
}

/// Connects; to a far side that may be changed, where it is to be.
pub(super) fn reach(settings: &RemoteSettings, place: &SshPlace, writable: bool) -> Result<Connection, NoConnection> {
    let connection = connect(settings, place, writable)?;
    if writable && !connection.hello.writable {
        let error = Error::new(ErrorKind::Refused, format!("the vault {place} is served for reading only"))
            .with_remedy("start its `tithe vault serve` with --writable if files may be put there");
        return Err(NoConnection::Never(error));
    }
    Ok(connection)
}

/// Serves files while `work` goes on.
fn talk<T>(
    jobs: usize,
    connection: &mut Connection,
    shelf: &Shelf<'_>,
    local: &mut Local<'_>,
    work: impl FnOnce(&std::sync::Arc<Link>) -> Result<T, Ended>,
) -> Result<T, Ended> {
    let over = AtomicBool::new(false);
    let link = &connection.link;
    let Some(inbox) = connection.inbox.take() else { return Err(lost().into()) };
    let inboxes = Inboxes::from(inbox);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| shelf.serve(link, &inboxes, local, jobs, &over));
        let outcome = work(link);
        over.store(true, Ordering::Relaxed);
        outcome
    });
    connection.inbox = Some(inboxes.into());
    outcome
}

fn allowed(wanted: &WantedList) -> Allowed {
    Allowed::only(wanted.files.iter().map(|file| (file.source_path().clone(), wanted.rule(file).mode)))
}

fn lost() -> LinkFault {
    LinkFault::Lost("the connection is gone".to_owned())
}

fn more_extras() -> Error {
    Failure::new(Why::Refused, "more files would be removed than before the connection was lost")
        .into_error("the far side")
        .with_remedy("run again and look at `tithe vault plan`")
}
