//! Ctrl-C and its kin: the first signal asks the work to stop and clean up, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};

/// Resolves when the user, or the system, asks to stop.
#[derive(Clone)]
pub(super) struct Interrupt(watch::Receiver<Option<&'static str>>);

impl Interrupt {
    /// Listens from now on; must be called inside the runtime.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(super) fn listen() -> Result<Self> {
        let mut interrupt = listen_to("SIGINT", SignalKind::interrupt())?;
        let mut terminate = listen_to("SIGTERM", SignalKind::terminate())?;
        let mut hang_up = listen_to("SIGHUP", SignalKind::hangup())?;
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    () = received(&mut interrupt) => "SIGINT",
                    () = received(&mut terminate) => "SIGTERM",
                    () = received(&mut hang_up) => "SIGHUP",
                };
                if tell.borrow().is_some() {
                    std::process::exit(i32::from(ErrorKind::Interrupted.exit().0));
                }
                tell.send_replace(Some(name));
            }
        });
        Ok(Self(told))
    }

    /// The error to end with, once there is a reason to.
    pub(super) async fn error(mut self) -> Error {
        let told = self.0.wait_for(Option::is_some).await.ok().and_then(|name| *name);
        match told {
            Some(name) => Error::new(ErrorKind::Interrupted, format!("interrupted ({name})")),
            None => std::future::pending().await,
        }
    }

    /// A message as soon as the work is asked to stop: cleaning up may take some seconds.
    pub(super) fn announce(&self, say: impl FnOnce() + Send + 'static) {
        let waiting = self.clone();
        tokio::spawn(async move {
            waiting.error().await;
            say();
        });
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// `None` where whoever started us had the signal ignored: `nohup` is meant.
fn listen_to(name: &str, kind: SignalKind) -> Result<Option<Signal>> {
    if is_ignored(kind) {
        return Ok(None);
    }
    let failed = |cause| Error::new(ErrorKind::Unexpected, format!("listen to {name}")).with_cause(cause);
    signal(kind).map(Some).map_err(failed)
}

/// As Linux tells it; elsewhere no signal counts as ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
