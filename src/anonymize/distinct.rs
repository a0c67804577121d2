//! How many different values there are, in bounded memory: exactly while they are few, estimated beyond.
//!
//! HyperLogLog with 4096 registers and the estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog
//! sketches", 2017), which needs no table of corrections. Two counts of the same column can be added up.

use std::hash::BuildHasher as _;

use foldhash::quality::FixedState;
use hashbrown::HashSet;

const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Largest register: one more than the bits that are left.
const RANK_MAX: usize = 64 - INDEX_BITS as usize + 1;
/// Up to here every hash is kept.
const EXACT_MAX: usize = 512;
/// The same in every reader, so that their counts can be added up.
const HASH_SEED: u64 = 0x7469_7468_6520_3236;

/// Counts different values.
#[derive(Clone, Debug)]
pub(super) struct Distinct(Seen);

#[derive(Clone, Debug)]
enum Seen {
    /// The hashes themselves.
    Few(HashSet<u64, foldhash::fast::FixedState>),
    Many(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self(Seen::Few(HashSet::default()))
    }
}

impl Distinct {
    /// Standard error of an estimate, in percent.
    pub(super) const ERROR_PERCENT: f64 = 1.6;

    pub(super) fn add(&mut self, value: &[u8]) {
        let hash = FixedState::with_seed(HASH_SEED).hash_one(value);
        match &mut self.0 {
            Seen::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    self.spread();
                }
            }
            Seen::Many(registers) => note(registers, hash),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match &other.0 {
            Seen::Few(hashes) => {
                for hash in hashes {
                    match &mut self.0 {
                        Seen::Few(own) => {
                            own.insert(*hash);
                        }
                        Seen::Many(registers) => note(registers, *hash),
                    }
                }
                if matches!(&self.0, Seen::Few(own) if own.len() > EXACT_MAX) {
                    self.spread();
                }
            }
            Seen::Many(theirs) => {
                self.spread();
                if let Seen::Many(registers) = &mut self.0 {
                    registers.iter_mut().zip(theirs.iter()).for_each(|(own, their)| *own = (*own).max(*their));
                }
            }
        }
    }

    /// The number, and whether it is exact.
    pub(super) fn count(&self) -> (u64, bool) {
        match &self.0 {
            Seen::Few(hashes) => (hashes.len() as u64, true),
            Seen::Many(registers) => (estimate(registers).round() as u64, false),
        }
    }

    fn spread(&mut self) {
        if let Seen::Few(hashes) = &self.0 {
            let mut registers = Box::new([0; REGISTERS]);
            hashes.iter().for_each(|hash| note(&mut registers, *hash));
            self.0 = Seen::Many(registers);
        }
    }
}

fn note(registers: &mut [u8; REGISTERS], hash: u64) {
    let index = (hash >> (64 - INDEX_BITS)) as usize;
    let rank = ((hash << INDEX_BITS).leading_zeros() as usize + 1).min(RANK_MAX) as u8;
    registers[index] = registers[index].max(rank);
}

fn estimate(registers: &[u8; REGISTERS]) -> f64 {
    let mut having = [0.0; RANK_MAX + 1];
    registers.iter().for_each(|rank| having[usize::from(*rank)] += 1.0);
    let all = REGISTERS as f64;
    let mut sum = all * tau(1.0 - having[RANK_MAX] / all);
    for of_rank in having[1..RANK_MAX].iter().rev() {
        sum = 0.5 * (sum + of_rank);
    }
    sum += all * sigma(having[0] / all);
    all * all / (2.0 * std::f64::consts::LN_2 * sum)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: std::ops::Range<u64>) -> Distinct {
        let mut distinct = Distinct::default();
        numbers.for_each(|number| distinct.add(format!("value {number}").as_bytes()));
        distinct
    }

    #[test]
    fn few_values_are_counted_exactly() {
        for count in [0, 1, 2, 511, 512] {
            let mut distinct = of(0..count);
            distinct.merge(&of(0..count));
            assert_eq!(distinct.count(), (count, true));
        }
    }

    /// Five standard errors: a wrong estimator is far outside, a right one never.
    #[test]
    fn many_values_are_estimated_within_the_stated_error() {
        for count in [513, 2_000, 5_000, 10_000, 20_000, 50_000, 300_000] {
            let (found, exact) = of(0..count).count();
            let off = (found as f64 / count as f64 - 1.0).abs() * 100.0;
            assert!(!exact && off < 5.0 * Distinct::ERROR_PERCENT, "{count}: {found}");
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        for (split, end) in [(100, 300), (300, 800), (600, 5_000), (4_900, 5_000)] {
            let (mut one, mut other) = (of(0..split), of(split / 2..end));
            let whole = of(0..end).count();
            let also = one.clone();
            one.merge(&other);
            other.merge(&also);
            assert_eq!((one.count(), other.count()), (whole, whole), "{split} {end}");
        }
    }
}
