//! The memory limit of key sets.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Counts bytes held by key sets against `--memory`.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: u64,
    used_bytes: AtomicU64,
}

impl Budget {
    /// A budget of `limit_bytes`.
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: AtomicU64::new(0) }
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Replaces what a holder had taken (`before`) by what it holds now (`after`).
    ///
    /// # Errors
    /// `Plan` naming the table and the size once the limit is passed.
    pub fn replace(&self, before: u64, after: u64, table: &str) -> Result<()> {
        let used = self
            .used_bytes
            .fetch_add(after.wrapping_sub(before), Ordering::Relaxed)
            .wrapping_add(after.wrapping_sub(before));
        if used <= self.limit_bytes {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Plan,
            format!(
                "hold the keys of {table}: {} of key sets in all, {} for this table, and the limit is {}",
                size(used),
                size(after),
                size(self.limit_bytes)
            ),
        )
        .with_remedy("raise --memory, or sample fewer rows, or give the table rows = \"none\" or a `where`"))
    }

    /// Gives back what a holder had.
    pub fn release(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn size(bytes: u64) -> String {
    if bytes < 10 << 20 { format!("{} kB", bytes.div_ceil(1024)) } else { format!("{} MB", bytes >> 20) }
}
