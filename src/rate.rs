//! A limit on bytes per second that many readers share.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spreads bytes over time; without a limit it costs nothing.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_second: Option<u64>,
    next: Mutex<Option<Instant>>,
}

/// Sleeping for less overshoots; the debt carries over to the next call.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

impl RateLimit {
    /// `None`: no limit.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, next: Mutex::new(None) }
    }

    /// Waits until `bytes` may pass.
    pub async fn take(&self, bytes: usize) {
        if let Some(until) = self.reserve(bytes) {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    /// As `take`, in a thread that may block.
    pub fn take_blocking(&self, bytes: usize) {
        if let Some(until) = self.reserve(bytes) {
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    /// Books the bytes; the moment to wait for, if it is worth waiting.
    fn reserve(&self, bytes: usize) -> Option<Instant> {
        let rate = self.bytes_per_second?;
        let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let start = next.filter(|at| *at > now).unwrap_or(now);
        *next = Some(start + cost);
        (start > now + SHORTEST_SLEEP).then_some(start)
    }
}
