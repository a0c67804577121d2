//! noise, geo_jitter, bucket: a number becomes one nearby that its column takes.

use crate::anonymize::constant;
use crate::anonymize::numeric::Decimal;
use crate::digest::Stream;
use crate::schema::{ColumnType, TypeClass};

use super::numbers::{Bounds, Number};

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

/// Another number within reach and within the column's room: where that is less in one direction, reach ends there.
pub(super) fn noise(stream: &mut Stream, class: TypeClass, reach: Reach, bounds: &Bounds, number: Number) -> Number {
    // 53 bits: every double in [0, 1) of that spacing.
    let drawn = (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    match number {
        Number::Whole(value) => {
            let room = Room::of_whole(value, bounds);
            let shift = room.whole(room.drawn(drawn, reach.of(value as f64)));
            // Within the bounds, so within 64 bits.
            Number::Whole((i128::from(value) + shift) as i64)
        }
        Number::Float(value) => {
            let shift = Room::of_float(value, class).drawn(drawn, reach.of(value));
            Number::Float(if shift == 0.0 { value } else { away_from(value, shift, class) })
        }
        Number::Decimal(value) => {
            let value = match reach {
                Reach::Percent(_) => value,
                Reach::Amount(amount) => value.coarse(amount.min(10_f64.powi(bounds.digits))),
            };
            let step = value.step(bounds.zeros);
            let size = match reach {
                Reach::Percent(_) => reach.of(value.units as f64),
                Reach::Amount(amount) => value.units_of(amount),
            };
            let room = Room::of_decimal(value, step, bounds);
            let shift = room.whole(room.drawn(drawn, size / step as f64));
            Number::Decimal(value.with_units(value.units + shift * step))
        }
    }
}

/// The number moved by a share of `reach` (in degrees) up or down, not further than its last digit allows. What is a
/// latitude or longitude stays one.
pub(super) fn moved(number: Number, class: TypeClass, bounds: &Bounds, share: f64, reach: f64) -> Number {
    let turned = |value: f64| {
        let edge = if value.abs() <= 90.0 { 90.0 } else { 180.0 };
        value.abs() <= edge && (value + share * reach).abs() > edge
    };
    match number {
        Number::Whole(value) => Number::Whole(value.saturating_add((share * reach).round() as i64)),
        Number::Float(value) => {
            let shift = share * reach;
            Number::Float(away_from(value, if turned(value) { -shift } else { shift }, class))
        }
        Number::Decimal(value) => {
            let value = value.coarse(reach);
            let share = if turned(value.units as f64 / value.units_of(1.0)) { -share } else { share };
            let step = value.step(bounds.zeros);
            let room = Room::of_decimal(value, step, bounds);
            let shift = room.share(share, value.units_of(reach) / step as f64);
            let shift = if shift.abs() > 1.0 { shift.trunc() } else { shift };
            Number::Decimal(value.with_units(value.units + room.whole(shift) * step))
        }
    }
}

/// How far a number can go down and up, in its steps.
#[derive(Clone, Copy, Debug)]
struct Room {
    down: f64,
    up: f64,
    exact: (i128, i128),
}

impl Room {
    fn of_whole(value: i64, bounds: &Bounds) -> Self {
        let value = i128::from(value);
        Self::of_steps(value - i128::from(bounds.least), i128::from(bounds.most) - value)
    }

    fn of_decimal(value: Decimal, step: i128, bounds: &Bounds) -> Self {
        let most = (value.units_beyond(bounds.digits) - 1).max(0);
        let steps = |room: i128| (room / step).max(0);
        Self::of_steps(steps(most.saturating_add(value.units)), steps(most.saturating_sub(value.units)))
    }

    fn of_steps(down: i128, up: i128) -> Self {
        Self { down: down as f64, up: up as f64, exact: (down, up) }
    }

    fn of_float(value: f64, class: TypeClass) -> Self {
        let most = if class == TypeClass::Float4 { f64::from(f32::MAX) } else { f64::MAX };
        Self { down: most + value, up: most - value, exact: (0, 0) }
    }

    /// A shift evenly drawn of all within reach, by a number in [0, 1).
    fn drawn(&self, by: f64, reach: f64) -> f64 {
        by * self.up.min(reach) - (1.0 - by) * self.down.min(reach)
    }

    /// That share of the reach; in the other direction where there is more room than in its own, and too little there.
    fn share(&self, share: f64, reach: f64) -> f64 {
        let (own, other) = if share < 0.0 { (self.down, self.up) } else { (self.up, self.down) };
        if own >= reach || own >= other { share * own.min(reach) } else { -share * other.min(reach) }
    }

    /// The shift in whole steps: one at least, unless there is neither reach nor room: a number must not stay because
    /// it is small.
    fn whole(&self, shift: f64) -> i128 {
        let (down, up) = self.exact;
        match (shift.round() as i128).clamp(-down, up) {
            0 if shift == 0.0 => 0,
            0 if (shift > 0.0 && up > 0) || down == 0 => up.min(1),
            0 => -1,
            steps => steps,
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
        if let Some((_, places)) = data_type.precision {
            let is_cut = i32::from(decimal.scale()) > places.max(0);
            if is_cut || (places < 0 && size % 10_f64.powi(-places) != 0.0) {
                return Err(format!("the column is of type {name}, and {size} has more digits"));
            }
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
            // Multiples of a width with a fraction need its digits. Of a number too long for that the end is unknown.
            let (value, size) = value.alike(size.decimal);
            let size = size.max(1);
            let beyond = value.units_beyond(bounds.digits).unsigned_abs();
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
