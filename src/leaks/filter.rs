//! A split-block Bloom filter that many threads fill at once: eight bits of one 32-byte block for each fingerprint.
//!
//! It never forgets a value and never overflows: with more values it only errs more often, and each error costs a
//! confirmation. At 4 bytes a value it errs for one in 100,000 lookups, at 1 byte for one in 100.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Odd multipliers, one for each word of a block (those of the Parquet format).
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Nearly six million values at 4 bytes each; beside the tables that it is filled from it stays within 64 MB.
pub(super) const FILTER_BYTES: usize = 22 << 20;

type Block = [AtomicU32; 8];

pub(super) struct Filter {
    blocks: Box<[Block]>,
    distinct: AtomicU64,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self::of_bytes(FILTER_BYTES)
    }

    fn of_bytes(bytes: usize) -> Self {
        let blocks = (0..bytes / size_of::<Block>()).map(|_| Block::default()).collect();
        Self { blocks, distinct: AtomicU64::new(0) }
    }

    fn block(&self, fingerprint: u64) -> &Block {
        // The upper half of the product of two 32-bit numbers: always below the number of blocks.
        let at = ((fingerprint >> 32) * self.blocks.len() as u64) >> 32;
        &self.blocks[at as usize]
    }

    pub(super) fn insert(&self, fingerprint: u64) {
        let mut is_new = false;
        for (word, bit) in self.block(fingerprint).iter().zip(bits(fingerprint)) {
            // Most values have been seen before: a read does not take the cache line from other threads.
            if word.load(Ordering::Relaxed) & bit == 0 {
                is_new |= word.fetch_or(bit, Ordering::Relaxed) & bit == 0;
            }
        }
        if is_new {
            self.distinct.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        let block = self.block(fingerprint);
        block.iter().zip(bits(fingerprint)).all(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Different values, less those that the filter took for others.
    pub(super) fn distinct(&self) -> u64 {
        self.distinct.load(Ordering::Relaxed)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        size_of_val(&*self.blocks) as u64
    }

    /// How often a value that was never put in is taken for one, as the filter is filled now.
    pub(super) fn false_positive_rate(&self) -> f64 {
        let full = |block: &Block| -> f64 {
            block.iter().map(|word| f64::from(word.load(Ordering::Relaxed).count_ones()) / 32.0).product()
        };
        self.blocks.iter().map(full).sum::<f64>() / self.blocks.len() as f64
    }
}

fn bits(fingerprint: u64) -> impl Iterator<Item = u32> {
    let low = fingerprint as u32;
    SALTS.into_iter().map(move |salt| 1 << (low.wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn what_went_in_is_found_and_little_else() {
        let (filter, keys) = (Filter::of_bytes(1 << 20), RandomState::new());
        let values = filter.memory_bytes() / 4;
        (0..values).for_each(|value| filter.insert(keys.hash_one(value)));
        assert!((0..values).all(|value| filter.contains(keys.hash_one(value))));
        assert!(filter.distinct() <= values && filter.distinct() > values - values / 1000);
        let lookups = 1_000_000;
        let wrong = (values..values + lookups).filter(|value| filter.contains(keys.hash_one(value))).count();
        assert!(wrong < 100, "{wrong} of {lookups}");
        let stated = filter.false_positive_rate();
        assert!(stated > 1e-7 && stated < 5e-5, "{stated}");
    }
}
