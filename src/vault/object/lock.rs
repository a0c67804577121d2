//! One run at a time at a bucket.
//!
//! The lock is an object that is put where none stands. No kernel releases it when a run is killed, so it expires; the
//! run that holds it puts its time off while it works, on the condition that it still is its own. Who takes an expired
//! one over does so on the same condition.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};

use super::super::path::OWN_FOLDER;
use super::super::target::now_ns;
use super::fault::{Fault, FaultKind};
use super::link::ObjectVault;
use super::put::Expect;
use super::read::Bounded;
use crate::error::{Error, ErrorKind, Result};
use crate::rate::RateLimit;

const NAME: &str = "lock";
const LOCK_BYTES_MAX: u64 = 4096;
const EXPIRES_S: i64 = 15 * 60;
const REFRESH: Duration = Duration::from_secs(4 * 60);

#[derive(Clone, Serialize, Deserialize)]
struct Holder {
    /// The run's name, for people.
    run: String,
    /// Tells this holder from any other.
    token: String,
    /// Seconds since 1970.
    expires: i64,
}

/// Locks that this process holds or is about to.
static HELD: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

struct Held;

impl Held {
    fn new() -> Self {
        *HELD.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *HELD.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        HELD.1.notify_all();
    }
}

/// Waits until every run of this process has given the lock of its bucket back, as they do when they are told to stop;
/// for so long at most. A lock that is left there keeps others out until it expires.
pub fn wait_for_locks(at_most: Duration) {
    let until = Instant::now() + at_most;
    let mut held = HELD.0.lock().unwrap_or_else(PoisonError::into_inner);
    while *held > 0 {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        held = HELD.1.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Held until it is dropped, or lost.
pub(super) struct Lock {
    vault: Arc<ObjectVault>,
    holder: Holder,
    lost: Arc<AtomicBool>,
    refresh: tokio::task::JoinHandle<()>,
    _held: Held,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// `Locked` while another run holds it, `Vault` where the store refuses.
    pub(super) fn take(vault: &Arc<ObjectVault>, run_id: &str) -> Result<Self> {
        let held = Held::new();
        let token = uuid::Uuid::new_v4().to_string();
        let holder = Holder { run: run_id.to_owned(), token, expires: now_s() + EXPIRES_S };
        let at = |fault: Fault| fault.error("lock", &vault.name());
        let taken = vault.wait(put(vault, &holder, Expect::Nothing));
        let etag = match taken {
            Ok(etag) => etag,
            Err(fault) if fault.kind == FaultKind::Changed => take_over(vault, &holder)?,
            Err(fault) => return Err(at(fault)),
        };
        let lost = Arc::new(AtomicBool::new(false));
        let refresh = vault.start(keep(Arc::clone(vault), holder.clone(), etag, Arc::clone(&lost)));
        Ok(Self { vault: Arc::clone(vault), holder, lost, refresh, _held: held })
    }

    /// Whether somebody else may be at the vault by now.
    ///
    /// # Errors
    /// `Locked`
    pub(super) fn check(&self) -> Result<()> {
        if !self.lost.load(Ordering::Relaxed) {
            return Ok(());
        }
        let text = format!("the lock of the vault {} could not be kept", self.vault);
        Err(Error::new(ErrorKind::Locked, text).with_remedy("run again: what is in place stays"))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.refresh.abort();
        let (vault, token) = (&self.vault, &self.holder.token);
        // A thread of its own: nobody knows from where a value is dropped, and async threads must not wait.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                vault.wait(async {
                    if let (Ok(Some((holder, _))), Ok(key)) = (read(vault).await, vault.own_key(NAME))
                        && holder.is_none_or(|holder| holder.token == *token)
                    {
                        // What fails here expires.
                        let _ = vault.store.delete(&key).await;
                    }
                });
            });
        });
    }
}

/// Puts the lock's time off, until the run ends or somebody else has it.
async fn keep(vault: Arc<ObjectVault>, mut holder: Holder, mut etag: String, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        let next = Holder { expires: now_s() + EXPIRES_S, ..holder.clone() };
        match put(&vault, &next, Expect::Etag(&etag)).await {
            Ok(new) => (holder, etag) = (next, new),
            Err(fault) if fault.kind != FaultKind::Changed && now_s() < holder.expires => {}
            Err(_) => match read(&vault).await {
                // The answer was lost, not the lock.
                Ok(Some((Some(now), new))) if now.token == holder.token && now_s() < now.expires => {
                    (holder, etag) = (now, new);
                }
                _ => return lost.store(true, Ordering::Relaxed),
            },
        }
    }
}

fn take_over(vault: &Arc<ObjectVault>, holder: &Holder) -> Result<String> {
    let at = |fault: Fault| fault.error("lock", &vault.name());
    let Some((other, etag)) = vault.wait(read(vault)).map_err(at)? else {
        return vault.wait(put(vault, holder, Expect::Nothing)).map_err(at);
    };
    match other {
        Some(other) if other.token == holder.token => Ok(etag),
        Some(other) if other.expires < now_s() => match vault.wait(put(vault, holder, Expect::Etag(&etag))) {
            Err(fault) if fault.kind == FaultKind::Changed => Err(locked(vault, None)),
            put => put.map_err(at),
        },
        other => Err(locked(vault, other.as_ref())),
    }
}

fn locked(vault: &ObjectVault, other: Option<&Holder>) -> Error {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect::<String>();
    let run = other.map(|other| format!(" ({})", plain(&other.run))).unwrap_or_default();
    let seconds = other.map_or(EXPIRES_S, |other| (other.expires - now_s()).max(0));
    let minutes = seconds.div_euclid(60) + i64::from(seconds % 60 > 0);
    Error::new(ErrorKind::Locked, format!("another run{run} is at the vault {vault}")).with_remedy(format!(
        "wait for it to end; if it was killed, its lock expires in {minutes} minutes, \
         or delete {OWN_FOLDER}/{NAME} there"
    ))
}

async fn put(vault: &ObjectVault, holder: &Holder, expect: Expect<'_>) -> Result<String, Fault> {
    let text = serde_json::to_vec(holder).map_err(|_| Fault::new(FaultKind::Local, "write a lock"))?;
    vault.put(&vault.own_key(NAME)?, text.into(), None, expect).await
}

/// The holder (none where it cannot be understood) and the ETag.
async fn read(vault: &ObjectVault) -> Result<Option<(Option<Holder>, String)>, Fault> {
    let mut sink = Bounded { bytes: Vec::new(), most: LOCK_BYTES_MAX };
    match vault.read_key(&vault.own_key(NAME)?, &mut sink, &RateLimit::new(None)).await {
        Ok((object, _)) => Ok(Some((serde_json::from_slice(&sink.bytes).ok(), object.etag))),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn now_s() -> i64 {
    now_ns() / 1_000_000_000
}
