//! permute, noise, bucket: numbers become numbers, in every numeric type and both formats.

use std::io::Write;

use crate::anonymize::numeric::Decimal;
use crate::anonymize::{Fault, MALFORMED, codec, constant};
use crate::copyfmt::Format;
use crate::digest::{DomainKey, PartKey, Stream};
use crate::schema::{ColumnType, TypeClass};

/// Rounds of the network. FF1 has 10 for the sake of tiny alphabets; chosen values are not to be had here.
const ROUNDS: u8 = 8;

/// A number of any type.
#[derive(Clone, Copy, Debug)]
pub(in crate::anonymize) enum Number {
    Whole(i64),
    Float(f64),
    Decimal(Decimal),
}

/// The numbers that a column takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::anonymize) struct Bounds {
    least: i64,
    most: i64,
    /// Digits before the point of a numeric; `None` where only the value itself tells.
    digits: Option<i32>,
}

impl Bounds {
    pub(super) fn of(data_type: &ColumnType) -> Self {
        let (least, most) = match data_type.class {
            TypeClass::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            TypeClass::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        Self { least, most, digits: whole_digits(data_type) }
    }

    pub(super) fn hold(&self, number: i64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

/// `numeric(10,2)` has 8; a numeric without precision any number; of a domain's nothing is known.
fn whole_digits(data_type: &ColumnType) -> Option<i32> {
    if data_type.domain {
        return None;
    }
    let Some((_, modifier)) = data_type.sql_name.split_once('(') else { return Some(1_000) };
    let mut parts = modifier.trim_end_matches(')').split(',').map(|part| part.trim().parse::<i32>().ok());
    let precision = parts.next()??;
    Some(precision - parts.next().flatten().unwrap_or(0))
}

impl Number {
    /// `None` where there is nothing to count with: NaN and the infinities.
    pub(in crate::anonymize) fn read(class: TypeClass, format: Format, value: &[u8]) -> Result<Option<Self>, Fault> {
        use TypeClass as C;
        if format == Format::Text {
            return Self::parse(class, value);
        }
        Ok(Some(match class {
            C::Int2 => Self::Whole(i64::from(i16::from_be_bytes(codec::exactly(value)?))),
            C::Int4 => Self::Whole(i64::from(i32::from_be_bytes(codec::exactly(value)?))),
            C::Int8 => Self::Whole(i64::from_be_bytes(codec::exactly(value)?)),
            C::Float4 => Self::Float(f64::from(f32::from_be_bytes(codec::exactly(value)?))),
            C::Float8 => Self::Float(f64::from_be_bytes(codec::exactly(value)?)),
            C::Numeric => return Ok(Decimal::read(value)?.map(Self::Decimal)),
            _ => return Err(MALFORMED),
        })
        .filter(Self::is_finite))
    }

    fn parse(class: TypeClass, value: &[u8]) -> Result<Option<Self>, Fault> {
        let text = std::str::from_utf8(value).map_err(|_| MALFORMED)?;
        let number = match class {
            TypeClass::Numeric if matches!(text, "NaN" | "Infinity" | "-Infinity") => return Ok(None),
            TypeClass::Numeric => {
                let binary = constant::numeric(text).ok_or(MALFORMED)?;
                return Ok(Decimal::read(&binary)?.map(Self::Decimal));
            }
            TypeClass::Float4 | TypeClass::Float8 => Self::Float(text.parse().map_err(|_| MALFORMED)?),
            _ => Self::Whole(text.parse().map_err(|_| MALFORMED)?),
        };
        Ok(Some(number).filter(Self::is_finite))
    }

    fn is_finite(&self) -> bool {
        !matches!(self, Self::Float(value) if !value.is_finite())
    }

    pub(in crate::anonymize) fn write(self, class: TypeClass, format: Format, out: &mut Vec<u8>) {
        use TypeClass as C;
        // Writing to a Vec cannot fail, and bounds were kept: the casts cut nothing.
        match (self, class, format) {
            (Self::Whole(value), C::Int2, Format::Binary) => out.extend_from_slice(&(value as i16).to_be_bytes()),
            (Self::Whole(value), C::Int4, Format::Binary) => out.extend_from_slice(&(value as i32).to_be_bytes()),
            (Self::Whole(value), _, Format::Binary) => out.extend_from_slice(&value.to_be_bytes()),
            (Self::Float(value), C::Float4, Format::Binary) => out.extend_from_slice(&(value as f32).to_be_bytes()),
            (Self::Float(value), _, Format::Binary) => out.extend_from_slice(&value.to_be_bytes()),
            (Self::Decimal(value), _, Format::Binary) => value.write(out),
            (Self::Whole(value), _, Format::Text) => codec::decimal(value, out),
            (Self::Float(value), C::Float4, Format::Text) => drop(write!(out, "{}", value as f32)),
            (Self::Float(value), _, Format::Text) => drop(write!(out, "{value}")),
            (Self::Decimal(value), _, Format::Text) => value.print(false, out),
        }
    }

    /// The text in which equal numbers are equal, whatever their type.
    pub(in crate::anonymize) fn canonical(self, class: TypeClass, out: &mut Vec<u8>) {
        match self {
            Self::Whole(value) => codec::decimal(value, out),
            Self::Float(value) if class == TypeClass::Float4 => drop(write!(out, "{}", value as f32)),
            Self::Float(value) => drop(write!(out, "{value}")),
            Self::Decimal(value) => value.print(true, out),
        }
    }
}

/// How far noise goes.
#[derive(Clone, Copy, Debug)]
pub(in crate::anonymize) enum Reach {
    Percent(f64),
    Amount(f64),
}

impl Reach {
    fn of(self, size: f64) -> f64 {
        match self {
            Self::Percent(percent) => size.abs() * percent / 100.0,
            Self::Amount(amount) => amount,
        }
    }
}

/// Another number within reach. One that would not fit the column goes as far in the other direction.
pub(super) fn noise(stream: &mut Stream, reach: Reach, bounds: &Bounds, number: Number) -> Number {
    // 53 bits: every double in [-1, 1) of that spacing.
    let by = (stream.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    match number {
        Number::Whole(value) => {
            let shift = away(by * reach.of(value as f64), by, reach.of(value as f64));
            let moved = |shift: i64| value.checked_add(shift).filter(|moved| bounds.hold(*moved));
            Number::Whole(moved(shift as i64).or_else(|| moved(-(shift as i64))).unwrap_or(value))
        }
        Number::Float(value) => {
            let shift = by * reach.of(value);
            let moved = if (value + shift).is_finite() { value + shift } else { value - shift };
            Number::Float(moved)
        }
        Number::Decimal(value) => {
            let step = value.step();
            let size = match reach {
                Reach::Percent(_) => reach.of(value.units as f64),
                Reach::Amount(amount) => value.units_of(amount),
            } / step as f64;
            let shift = (away(by * size, by, size) as i128).saturating_mul(step);
            let beyond = value.units_beyond(bounds.digits.unwrap_or_else(|| value.whole_digits()));
            let moved = |shift: i128| {
                let moved = value.units.checked_add(shift)?;
                (moved.unsigned_abs() < beyond.unsigned_abs()).then_some(moved)
            };
            let units = moved(shift).or_else(|| moved(shift.saturating_neg())).unwrap_or(value.units);
            Number::Decimal(value.with_units(units))
        }
    }
}

/// The number moved by an amount.
pub(super) fn moved(number: Number, amount: f64) -> Number {
    match number {
        Number::Whole(value) => Number::Whole(value.saturating_add(amount.round() as i64)),
        Number::Float(value) => Number::Float(value + amount),
        Number::Decimal(value) => {
            let step = value.step();
            let shift = away(value.units_of(amount) / step as f64, amount, 1.0) as i128 * step;
            let fits =
                |units: &i128| units.unsigned_abs() < value.units_beyond(value.whole_digits().max(1)).unsigned_abs();
            let units = Some(value.units + shift).filter(fits).unwrap_or(value.units - shift);
            Number::Decimal(value.with_units(units))
        }
    }
}

/// A shift in whole units, of at least one where there is any reach: a number must not stay because it is small.
fn away(shift: f64, by: f64, reach: f64) -> f64 {
    match shift.round() {
        0.0 if reach > 0.0 => 1.0_f64.copysign(by),
        rounded => rounded,
    }
}

/// The lower end of the bucket the number is in; towards 0 where that does not fit the column.
pub(super) fn bucket(size: f64, bounds: &Bounds, number: Number) -> Number {
    match number {
        Number::Whole(value) => {
            let size = (size as i64).max(1);
            let floor = value.div_euclid(size).checked_mul(size).filter(|floor| bounds.hold(*floor));
            Number::Whole(floor.unwrap_or(value / size * size))
        }
        Number::Float(value) => Number::Float((value / size).floor() * size),
        Number::Decimal(value) => {
            let size = value.units_of(size).round() as i128;
            if size == 0 {
                return number;
            }
            let beyond = value.units_beyond(bounds.digits.unwrap_or_else(|| value.whole_digits()));
            let floor = value.units.div_euclid(size).checked_mul(size);
            let floor = floor.filter(|floor| floor.unsigned_abs() < beyond.unsigned_abs());
            Number::Decimal(value.with_units(floor.unwrap_or(value.units / size * size)))
        }
    }
}

/// A permutation of the whole numbers, within ranges that it never leaves: the profile's own, or those of numbers that
/// need 16, 32 and 64 bits, so that a number is replaced alike in columns of every width.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Permutation {
    ranges: Vec<(Range, PartKey)>,
}

type Range = (i64, i64);

impl Permutation {
    pub(super) fn new(key: &DomainKey, least: Option<i64>, most: Option<i64>) -> Self {
        let (small, medium) = (i64::from(i16::MAX), i64::from(i32::MAX));
        let ranges: Vec<Range> = match (least, most) {
            (None, None) => vec![
                (1, small),
                (small + 1, medium),
                (medium + 1, i64::MAX),
                (-small - 1, 0),
                (-medium - 1, -small - 2),
                (i64::MIN, -medium - 2),
            ],
            // What the profile leaves out keeps to itself.
            (least, most) => {
                let (least, most) = (least.unwrap_or(1), most.unwrap_or(medium));
                let below = least.checked_sub(1).map(|end| (i64::MIN, end));
                let above = most.checked_add(1).map(|start| (start, i64::MAX));
                [Some((least, most)), below, above].into_iter().flatten().collect()
            }
        };
        let keyed = |range: Range| {
            let name = format!("permute {} {}", range.0, range.1);
            (range, key.part(name.as_bytes()))
        };
        Self { ranges: ranges.into_iter().map(keyed).collect() }
    }

    pub(super) fn apply(&self, value: i64) -> i64 {
        let Some(((least, most), key)) =
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
            place = network(key, bits, place);
            if place <= last {
                return least.wrapping_add(place as i64);
            }
        }
    }
}

/// A Feistel network over the two halves of a number of `bits` bits.
fn network(key: &PartKey, bits: u32, place: u64) -> u64 {
    let low_bits = bits.div_ceil(2);
    let (low_mask, high_mask) = ((1_u64 << low_bits) - 1, (1_u64 << (bits - low_bits)) - 1);
    let (mut high, mut low) = (place >> low_bits, place & low_mask);
    for round in 0..ROUNDS {
        let (read, changed, mask) =
            if round % 2 == 0 { (low, &mut high, high_mask) } else { (high, &mut low, low_mask) };
        let mut input = [round, 0, 0, 0, 0];
        input[1..].copy_from_slice(&(read as u32).to_le_bytes());
        let [a, b, c, d, ..] = key.block(&input);
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
            let permutation = Permutation::new(&key(), Some(least), Some(most));
            let all: HashSet<i64> = (least..=most).map(|number| permutation.apply(number)).collect();
            assert_eq!(all, (least..=most).collect(), "{least} {most}");
        }
        let permutation = Permutation::new(&key(), None, None);
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
