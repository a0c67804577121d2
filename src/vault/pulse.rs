//! Counts what this process does to files, so that the other side of a connection can tell one that is slow from one
//! that hangs. A count of nothing in particular: only that it changes matters.

use std::sync::atomic::{AtomicU64, Ordering};

static BEATS: AtomicU64 = AtomicU64::new(0);

/// Something was read, looked at, moved or made.
pub(super) fn beat() {
    BEATS.fetch_add(1, Ordering::Relaxed);
}

/// How often that was.
pub(super) fn beats() -> u64 {
    BEATS.load(Ordering::Relaxed)
}
