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

type Table<V> = HashMap<u64, V, BuildHasherDefault<Itself>>;

/// Filled by all lanes at once, and then only read.
pub(super) struct Known {
    shards: Vec<Mutex<Shard>>,
    /// The same once nothing more comes, to be read without locks.
    settled: OnceLock<Vec<Shard>>,
    entries: AtomicU64,
    distinct: AtomicU64,
    entries_max: u64,
    /// What remains of too many.
    filter: OnceLock<Filter>,
}

struct Shard {
    values: Table<Value>,
    /// In how many rows of a further column a value of letters alone stands, by fingerprint and column; `None` once
    /// there are too many values.
    rows: Option<Table<u8>>,
    is_closed: bool,
}

struct Value {
    nature: u8,
    /// In how many rows of the first column that held it a value of letters alone stands.
    rows: u8,
    column: u32,
}

impl Value {
    fn is_of(&self, column: u64) -> bool {
        self.rows > 0 && self.column == short(column)
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self { values: Table::default(), rows: Some(Table::default()), is_closed: false }
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
        Self { shards, settled: OnceLock::new(), entries, distinct, entries_max, filter: OnceLock::new() }
    }

    /// Nothing is inserted any more.
    fn settled(&self, fingerprint: u64) -> &Shard {
        let shards =
            self.settled.get_or_init(|| self.each_shard().map(|mut shard| std::mem::take(&mut *shard)).collect());
        &shards[shard_of(fingerprint)]
    }

    /// A value of a column (a number of its own) that has this nature; before anything is looked up.
    pub(super) fn insert(&self, fingerprint: u64, nature: u8, column: u64) {
        debug_assert!(self.settled.get().is_none(), "values come before what is looked for");
        let shard = &self.shards[shard_of(fingerprint)];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.is_closed {
            drop(shard);
            self.overflowed().insert(fingerprint);
            return;
        }
        let added = shard.insert(fingerprint, nature, column);
        drop(shard);
        self.distinct.fetch_add(u64::from(added.is_new), Ordering::Relaxed);
        let added = u64::from(added.is_new) + u64::from(added.has_column);
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
            std::mem::take(&mut shard.values).into_keys().for_each(|fingerprint| filter.insert(fingerprint));
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
            None => self.settled(fingerprint).values.contains_key(&fingerprint),
        }
    }

    /// Its nature where it is known exactly, and whether it stands in few rows of one of the columns.
    pub(super) fn nature(&self, fingerprint: u64, columns: &[u64]) -> Option<(u8, bool)> {
        let shard = self.settled(fingerprint);
        let value = shard.values.get(&fingerprint)?;
        let of_columns = shard.rows.as_ref()?;
        let rows = |column: &u64| match value.is_of(*column) {
            true => Some(value.rows),
            false => of_columns.get(&in_column(fingerprint, *column)).copied(),
        };
        let mut rows = columns.iter().filter_map(rows);
        Some((value.nature, rows.any(|rows| u32::from(rows) <= COMMON_ROWS)))
    }

    /// Different values, less those that a filter took for others.
    pub(super) fn distinct(&self) -> u64 {
        self.filter.get().map_or_else(|| self.distinct.load(Ordering::Relaxed), Filter::distinct)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        let settled = self.settled.get().into_iter().flatten().map(Shard::memory_bytes);
        let exact: usize = self.each_shard().map(|shard| shard.memory_bytes()).chain(settled).sum();
        exact as u64 + self.filter.get().map_or(0, Filter::memory_bytes)
    }

    /// How often a value that was never put in is taken for one.
    pub(super) fn false_positive_rate(&self) -> f64 {
        let exact = self.distinct.load(Ordering::Relaxed) as f64 / 2_f64.powi(64);
        self.filter.get().map_or(exact, Filter::false_positive_rate)
    }
}

/// What a value added to a shard.
struct Added {
    is_new: bool,
    /// A count in a further column.
    has_column: bool,
}

impl Shard {
    fn insert(&mut self, fingerprint: u64, nature: u8, column: u64) -> Added {
        let mut added = Added { is_new: false, has_column: false };
        let value = self.values.entry(fingerprint).or_insert_with(|| {
            added.is_new = true;
            Value { nature, rows: 0, column: short(column) }
        });
        value.nature |= nature;
        if nature & SIGNS != 0 {
            return added;
        }
        if value.rows == 0 {
            value.column = short(column);
        }
        if value.column == short(column) {
            value.rows = value.rows.saturating_add(1);
        } else if let Some(rows) = &mut self.rows {
            let rows = rows.entry(in_column(fingerprint, column)).or_insert_with(|| {
                added.has_column = true;
                0
            });
            *rows = rows.saturating_add(1);
        }
        added
    }

    fn memory_bytes(&self) -> usize {
        fn of_table<V>(table: &Table<V>) -> usize {
            table.capacity() * 8 / 7 * (size_of::<(u64, V)>() + 1)
        }
        of_table(&self.values) + self.rows.as_ref().map_or(0, of_table)
    }
}

fn shard_of(fingerprint: u64) -> usize {
    // Other bits than those that place it in the table.
    (fingerprint >> 40) as usize % SHARDS
}

/// A column's number, the table's in its upper half, where a million tables have 4,096 columns each.
fn short(column: u64) -> u32 {
    ((column >> 32) << 12 | column & 0xfff) as u32
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
        (0..10_000_u64).for_each(|n| (0..2).for_each(|column| known.insert(keys.hash_one(n), WORDS, column)));
        let bytes = known.memory_bytes();
        known.forget_rows();
        assert_eq!(known.memory_bytes() * 2, bytes);
        known.insert(keys.hash_one(1_u64), WORDS, 1);
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
