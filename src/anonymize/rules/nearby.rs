//! noise, geo_jitter, bucket: a number becomes one nearby that its column takes.

use crate::anonymize::constant;
use crate::anonymize::numeric::Decimal;
use crate::digest::Stream;
use crate::schema::{ColumnType, TypeClass};

use super::numbers::{Bounds, Number, places};

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
pub(super) fn bucket(size: &Size, class: TypeClass, bounds: &Bounds, number: Number) -> Number {
    match number {
        Number::Whole(value) => {
            let size = (size.float as i64).max(1);
            let floor = value.div_euclid(size).checked_mul(size).filter(|floor| bounds.hold(*floor));
            Number::Whole(floor.unwrap_or(value / size * size))
        }
        Number::Float(value) => Number::Float(float_bucket(size.float, class, value)),
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

fn float_bucket(size: f64, class: TypeClass, value: f64) -> f64 {
    let count = value / size;
    // 0.3 / 0.1 is a little less than 3, but 0.3 is a multiple. So is what no smaller step can tell from one.
    let nearest = count.round() * size;
    let precision = if class == TypeClass::Float4 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    if !nearest.is_finite() || (nearest - value).abs() <= value.abs() * 4.0 * precision {
        return value;
    }
    count.floor() * size
}
