//! `--max-rate`: a limit on the bytes per second that all lanes together read from the source.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// Spreads bytes over time; without a limit it costs nothing.
#[derive(Debug)]
pub(super) struct RateLimit {
    bytes_per_second: Option<u64>,
    next: Mutex<Option<Instant>>,
}

impl RateLimit {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, next: Mutex::new(None) }
    }

    /// Waits until `bytes` may pass.
    pub(super) async fn take(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let until = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let start = next.filter(|at| *at > now).unwrap_or(now);
            *next = Some(start + cost);
            start
        };
        // Sleeping for less than a millisecond overshoots; the debt carries over to the next call.
        if until > Instant::now() + Duration::from_millis(1) {
            tokio::time::sleep_until(until.into()).await;
        }
    }
}
