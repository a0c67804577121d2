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

/// Digits behind the point: `numeric(10,2)` has 2; `None` where only the value itself tells.
fn places(data_type: &ColumnType) -> Option<i32> {
    if data_type.domain || data_type.class != TypeClass::Numeric {
        return None;
    }
    let (_, modifier) = data_type.sql_name.split_once('(')?;
    modifier.trim_end_matches(')').split_once(',').map_or(Some(0), |(_, scale)| scale.trim().parse().ok())
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
pub(super) fn noise(stream: &mut Stream, class: TypeClass, reach: Reach, bounds: &Bounds, number: Number) -> Number {
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
            Number::Float(if shift == 0.0 { value } else { away_from(value, shift, class) })
        }
        Number::Decimal(value) => {
            let value = match reach {
                Reach::Percent(_) => value,
                Reach::Amount(amount) => value.coarse(amount),
            };
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

/// The number moved by an amount, not further than its last digit allows.
pub(super) fn moved(number: Number, class: TypeClass, amount: f64) -> Number {
    match number {
        Number::Whole(value) => Number::Whole(value.saturating_add(amount.round() as i64)),
        Number::Float(value) => Number::Float(away_from(value, amount, class)),
        Number::Decimal(value) => {
            let value = value.coarse(amount);
            let step = value.step();
            let shift = away((value.units_of(amount) / step as f64).trunc(), amount, 1.0) as i128;
            let shift = shift.saturating_mul(step);
            let beyond = value.units_beyond(value.whole_digits().max(1)).unsigned_abs();
            let fits = |units: &i128| units.unsigned_abs() < beyond;
            let forth = value.units.checked_add(shift).filter(fits);
            let units = forth.or_else(|| value.units.checked_sub(shift).filter(fits)).unwrap_or(value.units);
            Number::Decimal(value.with_units(units))
        }
    }
}

/// The sum as the type holds it: the next number in that direction where it would be the value itself, and the other
/// direction where it would be infinite.
fn away_from(value: f64, shift: f64, class: TypeClass) -> f64 {
    let held = |number: f64| if class == TypeClass::Float4 { f64::from(number as f32) } else { number };
    let sum = |shift: f64| match held(value + shift) {
        sum if sum != held(value) => sum,
        _ if class == TypeClass::Float4 => {
            let value = value as f32;
            f64::from(if shift > 0.0 { value.next_up() } else { value.next_down() })
        }
        _ if shift > 0.0 => value.next_up(),
        _ => value.next_down(),
    };
    let moved = sum(shift);
    if moved.is_finite() { moved } else { sum(-shift) }
}

/// A shift in whole units, of at least one where there is any reach: a number must not stay because it is small.
fn away(shift: f64, by: f64, reach: f64) -> f64 {
    match shift.round() {
        0.0 if reach > 0.0 => 1.0_f64.copysign(by),
        rounded => rounded,
    }
}

/// Width of a bucket, as the kinds of numbers want it.
#[derive(Clone, Copy, Debug)]
pub(in crate::anonymize) struct Size {
    float: f64,
    decimal: Decimal,
}

impl Size {
    /// A column that shows fewer digits than the width has would round its multiples.
    pub(super) fn of(size: f64, data_type: &ColumnType) -> Result<Self, String> {
        let name = &data_type.sql_name;
        let is_whole = data_type.class.is_integer();
        if is_whole && size.fract() != 0.0 {
            return Err(format!("the column is of type {name}, and {size} is no whole number"));
        }
        let binary = constant::numeric(&size.to_string()).unwrap_or_default();
        let decimal = Decimal::read(&binary).ok().flatten().ok_or_else(|| format!("{size} is no width"))?;
        if places(data_type).is_some_and(|places| i32::from(decimal.scale()) > places) {
            return Err(format!("the column is of type {name}, and {size} has more digits"));
        }
        Ok(Self { float: size, decimal })
    }
}

/// The lower end of the bucket the number is in; towards 0 where that does not fit the column.
pub(super) fn bucket(size: &Size, bounds: &Bounds, number: Number) -> Number {
    match number {
        Number::Whole(value) => {
            let size = (size.float as i64).max(1);
            let floor = value.div_euclid(size).checked_mul(size).filter(|floor| bounds.hold(*floor));
            Number::Whole(floor.unwrap_or(value / size * size))
        }
        Number::Float(value) => Number::Float(float_bucket(size.float, value)),
        Number::Decimal(value) => {
            let digits = bounds.digits.unwrap_or_else(|| value.whole_digits());
            // Multiples of a width with a fraction need its digits. Of a number too long for that the end is unknown.
            let (value, size) = value.alike(size.decimal);
            let size = size.max(1);
            let beyond = value.units_beyond(digits).unsigned_abs();
            let floor = value.units.div_euclid(size).checked_mul(size);
            let floor = floor.filter(|floor| floor.unsigned_abs() < beyond);
            Number::Decimal(value.with_units(floor.unwrap_or(value.units / size * size)))
        }
    }
}

fn float_bucket(size: f64, value: f64) -> f64 {
    let count = value / size;
    // 0.3 / 0.1 is a little less than 3, but 0.3 is a multiple. So is what no smaller step can tell from one.
    let nearest = count.round() * size;
    if !nearest.is_finite() || (nearest - value).abs() <= value.abs() * 4.0 * f64::EPSILON {
        return value;
    }
    count.floor() * size
}

/// A permutation of the whole numbers, within ranges that it never leaves: the profile's own, or those of numbers that
/// need 16, 32 and 64 bits, so that a number is replaced alike in columns of every width.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Permutation {
    ranges: Vec<(Range, PartKey)>,
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
