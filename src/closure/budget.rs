//! The memory limit of key sets.

use std::sync::atomic::{AtomicU64, Ordering};

use super::keys::{Key, KeyKind, KeySet};
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

/// A growing set whose bytes count for as long as it lives.
#[derive(Debug)]
pub struct CountedKeys<'a> {
    keys: KeySet,
    budget: &'a Budget,
    counted_bytes: u64,
    /// New keys until it is counted anew.
    uncounted_max: u64,
    uncounted: u64,
}

impl<'a> CountedKeys<'a> {
    /// None yet.
    pub fn new(kind: KeyKind, budget: &'a Budget) -> Self {
        Self { keys: KeySet::new(kind), budget, counted_bytes: 0, uncounted_max: COUNT_AT, uncounted: 0 }
    }

    /// Adds a key of `table`'s; false when it was there.
    ///
    /// # Errors
    /// As [`Budget::replace`].
    pub fn insert(&mut self, key: Key, table: &str) -> Result<bool> {
        let is_new = self.keys.insert(key);
        self.uncounted += u64::from(is_new);
        if self.uncounted >= self.uncounted_max {
            self.count(table)?;
        }
        Ok(is_new)
    }

    /// Counts what is held at this moment.
    ///
    /// # Errors
    /// As [`Budget::replace`].
    pub fn count(&mut self, table: &str) -> Result<()> {
        let now = self.keys.memory_bytes();
        let before = std::mem::replace(&mut self.counted_bytes, now);
        // Counting reads the whole of a set: seldom enough to cost nothing beside filling it.
        (self.uncounted, self.uncounted_max) = (0, (self.keys.len() / 8).max(COUNT_AT));
        self.budget.replace(before, now, table)
    }
}

impl std::ops::Deref for CountedKeys<'_> {
    type Target = KeySet;

    fn deref(&self) -> &KeySet {
        &self.keys
    }
}

impl Drop for CountedKeys<'_> {
    fn drop(&mut self) {
        self.budget.release(self.counted_bytes);
    }
}

/// Keys that may be held before they are counted.
const COUNT_AT: u64 = 16_384;

fn size(bytes: u64) -> String {
    if bytes < 10 << 20 { format!("{} kB", bytes.div_ceil(1024)) } else { format!("{} MB", bytes >> 20) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_count_while_they_live_and_no_longer() {
        let budget = Budget::new(200_000);
        let fill = |count: i64| {
            let mut keys = CountedKeys::new(KeyKind::Int, &budget);
            let filled = (0..count).try_for_each(|n| keys.insert(Key::Int(n * 1000), "posts").map(drop));
            let held = budget.used_bytes();
            filled.map(|()| held)
        };
        assert!(fill(20_000).expect("below the limit") > 40_000);
        assert_eq!(budget.used_bytes(), 0);
        let error = fill(200_000).expect_err("beyond it").to_string();
        assert!(error.contains("posts") && budget.used_bytes() == 0, "{error}");
    }
}
