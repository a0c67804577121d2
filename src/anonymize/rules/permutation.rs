//! permute: whole numbers change places within a range.

use crate::digest::{DomainKey, Tweak};
use crate::schema::ColumnType;

use super::numbers::Bounds;

/// Rounds of a network, as many as FF1 has.
pub(super) const ROUNDS: u8 = 10;

/// A permutation of the whole numbers, within ranges that it never leaves: the profile's own, or those of numbers that
/// need 16, 32 and 64 bits, so that a number is replaced alike in columns of every width.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Permutation {
    key: DomainKey,
    ranges: Vec<(Range, Tweak)>,
}

/// Both ends included.
pub(super) type Range = (i64, i64);

/// The range that the profile states. What it leaves out is 1 and the most that an integer holds.
pub(super) fn range_of(least: Option<i64>, most: Option<i64>, data_type: &ColumnType) -> Result<Option<Range>, String> {
    if least.or(most).is_none() {
        return Ok(None);
    }
    let (least, most) = (least.unwrap_or(1), most.unwrap_or(i64::from(i32::MAX)));
    let (bounds, name) = (Bounds::of(data_type), &data_type.sql_name);
    if !(bounds.hold(least) && bounds.hold(most)) {
        return Err(format!("min {least} and max {most} are not both of type {name}; state both"));
    }
    if least >= most {
        return Err(format!("min {least} is not below max {most}; state both"));
    }
    Ok(Some((least, most)))
}

impl Permutation {
    pub(super) fn new(key: &DomainKey, ends: Option<Range>) -> Self {
        let (small, medium) = (i64::from(i16::MAX), i64::from(i32::MAX));
        let ranges: Vec<Range> = match ends {
            None => vec![
                (1, small),
                (small + 1, medium),
                (medium + 1, i64::MAX),
                (-small - 1, 0),
                (-medium - 1, -small - 2),
                (i64::MIN, -medium - 2),
            ],
            // What lies outside stays: it is alike in columns of every width, and never leaves one.
            Some(ends) => vec![ends],
        };
        let tweaked = |range: Range| {
            let name = format!("permute {} {}", range.0, range.1);
            (range, key.tweak(name.as_bytes()))
        };
        Self { key: key.clone(), ranges: ranges.into_iter().map(tweaked).collect() }
    }

    pub(super) fn apply(&self, value: i64) -> i64 {
        let Some(((least, most), tweak)) =
            self.ranges.iter().find(|((least, most), _)| (*least..=*most).contains(&value))
        else {
            return value;
        };
        let last = most.wrapping_sub(*least) as u64;
        let mut place = value.wrapping_sub(*least) as u64;
        if last == 0 {
            return value;
        }
        // Places beyond the range are walked over: fewer than half are, so it ends soon.
        let bits = 64 - last.leading_zeros();
        loop {
            place = network(&self.key, *tweak, bits, place);
            if place <= last {
                return least.wrapping_add(place as i64);
            }
        }
    }
}

/// A Feistel network over the two halves of a number of `bits` bits.
fn network(key: &DomainKey, tweak: Tweak, bits: u32, place: u64) -> u64 {
    let low_bits = bits.div_ceil(2);
    let (low_mask, high_mask) = ((1_u64 << low_bits) - 1, (1_u64 << (bits - low_bits)) - 1);
    let (mut high, mut low) = (place >> low_bits, place & low_mask);
    for number in 0..ROUNDS {
        let (read, changed, mask) =
            if number % 2 == 0 { (low, &mut high, high_mask) } else { (high, &mut low, low_mask) };
        let mut round = key.round(tweak, number);
        round.update(read);
        let [a, b, c, d, ..] = round.numbers().block();
        *changed ^= u64::from(u32::from_le_bytes([a, b, c, d])) & mask;
    }
    high << low_bits | low
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::digest::MaskKey;

    fn key() -> DomainKey {
        MaskKey::from_secret("a secret that only tests know").expect("long enough").domain("permute")
    }

    /// Small enough to try every number: none meets another, and none leaves its range.
    #[test]
    fn every_range_is_permuted_onto_itself() {
        for (least, most) in [(1, 1), (1, 2), (0, 9), (-50, 77), (1, 1_000)] {
            let permutation = Permutation::new(&key(), Some((least, most)));
            let all: HashSet<i64> = (least..=most).map(|number| permutation.apply(number)).collect();
            assert_eq!(all, (least..=most).collect(), "{least} {most}");
            for outside in [i64::MIN, least - 1, most + 1, i64::MAX] {
                assert_eq!(permutation.apply(outside), outside, "{least} {most}");
            }
        }
        let permutation = Permutation::new(&key(), None);
        let small: HashSet<i64> = (1..=32_767).map(|number| permutation.apply(number)).collect();
        assert_eq!(small, (1..=32_767).collect());
        for end in [i64::MIN, i64::MAX, 0, -1, 32_768, 2_147_483_647, 2_147_483_648, -2_147_483_648] {
            let width = |n: i64| (i16::try_from(n).is_ok(), i32::try_from(n).is_ok(), n > 0);
            assert_eq!(width(permutation.apply(end)), width(end), "{end}");
        }
        let stays = (1..=32_767).filter(|number| permutation.apply(*number) == *number).count();
        assert!(stays < 10, "{stays} fixed points");
    }
}
