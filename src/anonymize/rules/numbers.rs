//! Numbers of every numeric type, in both formats, and what their columns take.

use std::io::Write;

use crate::anonymize::numeric::Decimal;
use crate::anonymize::{Fault, MALFORMED, codec, constant};
use crate::copyfmt::Format;
use crate::schema::{ColumnType, TypeClass};

/// A number of any type.
#[derive(Clone, Copy, Debug)]
pub(in crate::anonymize) enum Number {
    Whole(i64),
    Float(f64),
    Decimal(Decimal),
}

/// Digits before the point that a numeric without a modifier takes at most.
const DIGITS: i32 = 131_072;

/// The numbers that a column takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::anonymize) struct Bounds {
    pub(super) least: i64,
    pub(super) most: i64,
    /// Digits before the point of a numeric: `numeric(10,2)` takes 8.
    pub(super) digits: i32,
    /// Digits before the point of a numeric that are always 0: `numeric(8,-3)` has 3.
    pub(super) zeros: i32,
}

impl Bounds {
    pub(super) fn of(data_type: &ColumnType) -> Self {
        let (least, most) = match data_type.class {
            TypeClass::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            TypeClass::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let digits = data_type.precision.map_or(DIGITS, |(precision, scale)| precision - scale);
        Self { least, most, digits, zeros: data_type.precision.map_or(0, |(_, scale)| (-scale).max(0)) }
    }

    pub(super) fn hold(&self, number: i64) -> bool {
        (self.least..=self.most).contains(&number)
    }
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
