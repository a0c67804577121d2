//! Fingerprints with what is known of each, exact until there are too many.
//!
//! A fingerprint is a keyed hash of 64 bits: that one of a million values shares it with one of a hundred million words
//! happens once in 100,000 runs, and is a false alarm. Beyond [`ENTRIES_MAX`] only a filter is kept, and hits are
//! confirmed by a second look.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::COMMON_ROWS;
use super::filter::Filter;

/// 45 MB at most, wherever the tables stand in their doubling.
const ENTRIES_MAX: u64 = 1_300_000;
const SHARDS: usize = 64;

/// A value as it stood: one with signs or digits in it, or of more than one word. Bits of a fingerprint's nature.
pub(super) const SIGNS: u8 = 1;
pub(super) const WORDS: u8 = 2;

type Table = HashMap<u64, u8, BuildHasherDefault<Itself>>;

/// Filled by all lanes at once.
pub(super) struct Known {
    shards: Vec<Mutex<Shard>>,
    entries: AtomicU64,
    distinct: AtomicU64,
    entries_max: u64,
    /// What remains of too many.
    filter: OnceLock<Filter>,
}

struct Shard {
    natures: Table,
    /// In how many rows of a column a value of letters alone stands, by fingerprint and column; `None` once there are
    /// too many values.
    rows: Option<Table>,
    is_closed: bool,
}

impl Default for Shard {
    fn default() -> Self {
        Self { natures: Table::default(), rows: Some(Table::default()), is_closed: false }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::with_room(ENTRIES_MAX)
    }
}

impl Known {
    pub(super) fn with_room(entries_max: u64) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let (entries, distinct) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { shards, entries, distinct, entries_max, filter: OnceLock::new() }
    }

    fn shard(&self, fingerprint: u64) -> MutexGuard<'_, Shard> {
        // Other bits than those that place it in the table.
        let at = (fingerprint >> 40) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value of a column (a number of its own) that has this nature.
    pub(super) fn insert(&self, fingerprint: u64, nature: u8, column: u64) {
        let mut shard = self.shard(fingerprint);
        if shard.is_closed {
            drop(shard);
            self.overflowed().insert(fingerprint);
            return;
        }
        let mut added = 0;
        shard.natures.entry(fingerprint).and_modify(|known| *known |= nature).or_insert_with(|| {
            added += 1;
            nature
        });
        self.distinct.fetch_add(added, Ordering::Relaxed);
        if let Some(rows) = shard.rows.as_mut().filter(|_| nature & SIGNS == 0) {
            let rows = rows.entry(in_column(fingerprint, column)).or_insert_with(|| {
                added += 1;
                0
            });
            *rows = rows.saturating_add(1);
        }
        drop(shard);
        if added > 0 && self.entries.fetch_add(added, Ordering::Relaxed) >= self.entries_max {
            self.overflow();
        }
    }

    fn overflowed(&self) -> &Filter {
        self.filter.get_or_init(Filter::new)
    }

    fn each_shard(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the fingerprints in a filter and nothing else of them, which is given up first: filter and tables stand
    /// beside each other until the last shard is moved.
    fn overflow(&self) {
        self.forget_rows();
        let filter = self.overflowed();
        for mut shard in self.each_shard() {
            shard.is_closed = true;
            std::mem::take(&mut shard.natures).into_keys().for_each(|fingerprint| filter.insert(fingerprint));
        }
    }

    fn forget_rows(&self) {
        self.each_shard().for_each(|mut shard| shard.rows = None);
    }

    /// What is said of a fingerprint is so, and needs no second look.
    pub(super) fn is_exact(&self) -> bool {
        self.filter.get().is_none()
    }

    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        match self.filter.get() {
            Some(filter) => filter.contains(fingerprint),
            None => self.shard(fingerprint).natures.contains_key(&fingerprint),
        }
    }

    /// Its nature where it is known exactly, and whether it stands in few rows of one of the columns.
    pub(super) fn nature(&self, fingerprint: u64, columns: &[u64]) -> Option<(u8, bool)> {
        let shard = self.shard(fingerprint);
        let nature = *shard.natures.get(&fingerprint)?;
        let of_columns = shard.rows.as_ref()?;
        let mut rows = columns.iter().filter_map(|column| of_columns.get(&in_column(fingerprint, *column)));
        Some((nature, rows.any(|rows| u32::from(*rows) <= COMMON_ROWS)))
    }

    /// Different values, less those that a filter took for others.
    pub(super) fn distinct(&self) -> u64 {
        self.filter.get().map_or_else(|| self.distinct.load(Ordering::Relaxed), Filter::distinct)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        let of_table = |table: &Table| table.capacity() * 8 / 7 * (size_of::<(u64, u8)>() + 1);
        let of_shard =
            |shard: MutexGuard<'_, Shard>| of_table(&shard.natures) + shard.rows.as_ref().map_or(0, of_table);
        let exact: usize = self.each_shard().map(of_shard).sum();
        exact as u64 + self.filter.get().map_or(0, Filter::memory_bytes)
    }

    /// How often a value that was never put in is taken for one.
    pub(super) fn false_positive_rate(&self) -> f64 {
        let exact = self.distinct.load(Ordering::Relaxed) as f64 / 2_f64.powi(64);
        self.filter.get().map_or(exact, Filter::false_positive_rate)
    }
}

fn in_column(fingerprint: u64, column: u64) -> u64 {
    // Odd multiplier: different columns give different keys.
    fingerprint ^ (column + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A fingerprint is a hash already.
#[derive(Default)]
pub(super) struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::super::filter::FILTER_BYTES;
    use super::super::secrets::MARK_BITS;
    use super::*;

    #[test]
    fn rare_is_what_stands_in_few_rows_of_some_column() {
        let (known, keys) = (Known::default(), RandomState::new());
        let [common, rare, signed] = [1, 2, 3].map(|value: u8| keys.hash_one(value));
        for _ in 0..1000 {
            (0..2).for_each(|column| known.insert(common, WORDS, column));
            known.insert(rare, 0, 0);
            known.insert(signed, SIGNS, 0);
        }
        known.insert(rare, 0, 7);
        known.insert(signed, WORDS, 0);
        assert_eq!(known.nature(common, &[0, 1, 7]), Some((WORDS, false)));
        assert_eq!(known.nature(rare, &[0, 1, 7]), Some((0, true)));
        assert_eq!(known.nature(signed, &[0]).map(|(nature, _)| nature), Some(SIGNS | WORDS));
        assert_eq!(known.nature(keys.hash_one(4_u8), &[0]), None);
        assert_eq!(known.distinct(), 3);
        assert!(known.false_positive_rate() < 1e-15);
    }

    #[test]
    fn tables_and_the_filter_that_follows_them_stay_within_64_mb() {
        const MARKS_BYTES: u64 = 2 * (1 << MARK_BITS) / 8;
        let (known, keys) = (Known::with_room(u64::MAX), RandomState::new());
        // Tables are largest where one of a shard's two holds nearly all.
        (0..ENTRIES_MAX).for_each(|n| known.insert(keys.hash_one(n), SIGNS, 0));
        let both = known.memory_bytes() + FILTER_BYTES as u64 + MARKS_BYTES;
        assert!(both < 64_000_000, "{both}");
    }

    #[test]
    fn what_no_filter_keeps_is_forgotten_before_there_is_one() {
        let (known, keys) = (Known::default(), RandomState::new());
        (0..10_000_u64).for_each(|n| known.insert(keys.hash_one(n), WORDS, 0));
        let bytes = known.memory_bytes();
        known.forget_rows();
        assert_eq!(known.memory_bytes() * 2, bytes);
        known.insert(keys.hash_one(1_u8), WORDS, 0);
        assert_eq!(known.memory_bytes() * 2, bytes);
    }

    #[test]
    fn beyond_its_room_a_filter_remains() {
        let (known, keys) = (Known::with_room(10_000), RandomState::new());
        std::thread::scope(|scope| {
            for lane in 0..4_u64 {
                let (known, keys) = (&known, &keys);
                scope.spawn(move || (0..20_000).for_each(|n| known.insert(keys.hash_one(lane * 20_000 + n), SIGNS, 0)));
            }
        });
        assert!(!known.is_exact());
        assert!((0..80_000_u64).all(|n| known.contains(keys.hash_one(n))));
        assert!(known.distinct() > 79_900 && known.distinct() <= 80_000, "{}", known.distinct());
        let wrong = (80_000..180_000_u64).filter(|n| known.contains(keys.hash_one(n))).count();
        assert!(wrong < 10, "{wrong}");
        assert_eq!(known.memory_bytes(), known.filter.get().expect("overflowed").memory_bytes());
    }
}
