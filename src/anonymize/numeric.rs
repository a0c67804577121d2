//! PostgreSQL's numeric in its binary form, as a whole number of units that arithmetic can be done with.

use super::{Fault, MALFORMED};

/// Base-10000 digits kept: 36 decimal digits fit 128 bits. Of longer numbers the rest becomes 0.
const GROUPS: i32 = 9;
/// Units of a shift at most: a thousandth of what 128 bits hold.
const COARSE_UNITS: f64 = 1e35;

/// `units` times 10000 to the power of `low`, of which `scale` digits after the point are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) units: i128,
    low: i32,
    scale: u16,
}

impl Decimal {
    /// Reads the binary form; `None` for NaN and the infinities.
    pub(super) fn read(value: &[u8]) -> Result<Option<Self>, Fault> {
        let word = |at: usize| value.get(2 * at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        let (count, weight) = (word(0).ok_or(MALFORMED)?, word(1).ok_or(MALFORMED)? as i16);
        let (sign, scale) = (word(2).ok_or(MALFORMED)?, word(3).ok_or(MALFORMED)?);
        if !matches!(sign, 0 | 0x4000) {
            return Ok(None);
        }
        if value.len() != 8 + 2 * usize::from(count) {
            return Err(MALFORMED);
        }
        let weight = i32::from(weight);
        let low = (-i32::from(scale.div_ceil(4))).max(weight + 1 - GROUPS);
        let mut units = 0_i128;
        for power in (low..=weight).rev() {
            let at = (weight - power) as usize;
            let digit = if at < usize::from(count) { word(4 + at).ok_or(MALFORMED)? } else { 0 };
            units = units * 10_000 + i128::from(digit.min(9_999));
        }
        Ok(Some(Self { units: if sign == 0 { units } else { -units }, low, scale }))
    }

    /// Appends the binary form.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let (mut groups, mut left) = ([0_u16; 10], self.units.unsigned_abs());
        let mut count = 0;
        while left > 0 && count < groups.len() {
            groups[count] = (left % 10_000) as u16;
            left /= 10_000;
            count += 1;
        }
        let zeros = groups[..count].iter().take_while(|group| **group == 0).count();
        let weight = if count == 0 { 0 } else { self.low + count as i32 - 1 };
        let sign = if self.units < 0 { 0x4000_u16 } else { 0 };
        out.extend_from_slice(&((count - zeros) as u16).to_be_bytes());
        out.extend_from_slice(&(weight as i16).to_be_bytes());
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&self.scale.to_be_bytes());
        groups[zeros..count].iter().rev().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
    }

    /// Appends the number in decimal digits; `short` without the zeros at the end of its fraction, so that equal
    /// numbers are equal texts.
    pub(super) fn print(self, short: bool, out: &mut Vec<u8>) {
        if self.units < 0 {
            out.push(b'-');
        }
        let mut digits = self.units.unsigned_abs().to_string();
        if self.low > 0 {
            digits.push_str(&"0".repeat(4 * self.low as usize));
        }
        let places = if self.low < 0 { 4 * (-self.low) as usize } else { 0 };
        if digits.len() <= places {
            digits.insert_str(0, &"0".repeat(places + 1 - digits.len()));
        }
        let (whole, fraction) = digits.split_at(digits.len() - places);
        out.extend_from_slice(whole.as_bytes());
        let scale = usize::from(self.scale);
        let fraction = if short { fraction.trim_end_matches('0') } else { &fraction[..fraction.len().min(scale)] };
        let zeros = if short { 0 } else { scale - fraction.len() };
        if !fraction.is_empty() || zeros > 0 {
            out.push(b'.');
            out.extend_from_slice(fraction.as_bytes());
            out.extend(std::iter::repeat_n(b'0', zeros));
        }
    }

    /// Digits after the point that are shown.
    pub(super) fn scale(self) -> u16 {
        self.scale
    }

    /// The number with so few digits that `amount` can be added to it; those at its end become 0.
    pub(super) fn coarse(mut self, amount: f64) -> Self {
        while self.units_of(amount).abs() > COARSE_UNITS {
            self.units /= 10_000;
            self.low += 1;
        }
        self
    }

    /// The number in units of `other` and with its digits, and how many of those units `other` is. What is too long for
    /// that loses its end.
    pub(super) fn alike(mut self, mut other: Self) -> (Self, i128) {
        self.scale = self.scale.max(other.scale);
        while other.low > self.low {
            match other.units.checked_mul(10_000) {
                Some(units) => (other.units, other.low) = (units, other.low - 1),
                None => (self.units, self.low) = (self.units.div_euclid(10_000), self.low + 1),
            }
        }
        while self.low > other.low {
            match self.units.checked_mul(10_000) {
                Some(units) => (self.units, self.low) = (units, self.low - 1),
                None => (other.units, other.low) = (other.units / 10_000, other.low + 1),
            }
        }
        (self, other.units)
    }

    /// The same place and scale with other units.
    pub(super) fn with_units(self, units: i128) -> Self {
        Self { units, ..self }
    }

    /// How many units make `number`.
    pub(super) fn units_of(self, number: f64) -> f64 {
        number / 10_000_f64.powi(self.low)
    }

    /// Units of the last digit that is shown and may be another than 0: the last `zeros` before the point may not.
    pub(super) fn step(self, zeros: i32) -> i128 {
        let shown = if zeros > 0 { zeros } else { -i32::from(self.scale) };
        10_i128.checked_pow((shown - 4 * self.low).max(0) as u32).unwrap_or(i128::MAX)
    }

    /// Units that `digits` digits before the point cannot reach.
    pub(super) fn units_beyond(self, digits: i32) -> i128 {
        let places = digits - 4 * self.low;
        u32::try_from(places).ok().and_then(|places| 10_i128.checked_pow(places)).unwrap_or(if places < 0 {
            1
        } else {
            i128::MAX
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        for text in ["0", "1", "-12345.678", "0.0001", "10000", "0.00", "-0.5", "99990000.0001", "1.10", "5000000"] {
            let binary = constant::numeric(text).expect("a number");
            let number = Decimal::read(&binary).expect("well formed").expect("finite");
            let (mut written, mut printed) = (Vec::new(), Vec::new());
            number.write(&mut written);
            number.print(false, &mut printed);
            assert_eq!(written, binary, "{text}");
            assert_eq!(String::from_utf8(printed).expect("ASCII"), text);
        }
        let short = |text: &str| {
            let number = Decimal::read(&constant::numeric(text).expect("a number")).expect("well formed");
            let mut out = Vec::new();
            number.expect("finite").print(true, &mut out);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!((short("1.10"), short("1.0"), short("-0.50")), ("1.1".into(), "1".into(), "-0.5".into()));
    }

    #[test]
    fn long_numbers_lose_their_end_and_nothing_panics() {
        let digits = "9".repeat(200);
        let number = Decimal::read(&constant::numeric(&digits).expect("a number")).expect("well formed");
        let mut out = Vec::new();
        number.expect("finite").print(true, &mut out);
        assert_eq!(out.len(), 200);
        assert_eq!(Decimal::read(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), Ok(None));
        for length in 0..12 {
            let _ = Decimal::read(&vec![0xff; length]);
            let _ = Decimal::read(&vec![0; length]);
        }
    }
}
