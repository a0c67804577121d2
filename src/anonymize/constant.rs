//! The bytes of a constant in the type of its column. Worked out once, when the rule is compiled, so that a constant
//! that is no value of its type never reaches a server.

use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;
use serde::de::IgnoredAny;
use uuid::Uuid;

use super::codec::JSONB_VERSION;
use super::net::Net;
use crate::schema::{ColumnType, TypeClass};

/// 2000-01-01 00:00:00 UTC, where PostgreSQL's times begin, in microseconds since 1970.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// The binary form of `text` as a value of that type, or `None` where it is none. Arrays are left to the caller: the
/// empty array's binary form names its element type.
pub(super) fn encode(text: &str, data_type: &ColumnType) -> Option<Vec<u8>> {
    use TypeClass as C;
    Some(match data_type.class {
        C::Text | C::Varchar | C::Bpchar | C::Citext | C::Name | C::Xml => text.into(),
        C::Enum => data_type.enum_labels.iter().any(|label| label == text).then(|| text.into())?,
        C::Int2 => number::<i16>(text)?.to_be_bytes().into(),
        C::Int4 => number::<i32>(text)?.to_be_bytes().into(),
        C::Int8 => number::<i64>(text)?.to_be_bytes().into(),
        C::Oid => number::<u32>(text)?.to_be_bytes().into(),
        C::Float4 => number::<f32>(text)?.to_be_bytes().into(),
        C::Float8 => number::<f64>(text)?.to_be_bytes().into(),
        C::Numeric => numeric(text.trim())?,
        C::Bool => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "yes" | "on" | "1" => vec![1],
            "f" | "false" | "no" | "off" | "0" => vec![0],
            _ => return None,
        },
        C::Bytea => bytea(text)?,
        C::Uuid => Uuid::try_parse(text.trim()).ok()?.into_bytes().into(),
        C::Json => json(text)?.into(),
        C::Jsonb => [&[JSONB_VERSION], json(text)?].concat(),
        C::Inet | C::Cidr => {
            let net = Net::parse(text.as_bytes(), data_type.class == C::Cidr)?;
            let mut out = Vec::new();
            (net == net.clear_host()).then(|| net.write(&mut out))?;
            out
        }
        C::Date => {
            let date: civil::Date = text.trim().parse().ok()?;
            let days = (microseconds(date.at(0, 0, 0, 0))?).div_euclid(86_400_000_000);
            i32::try_from(days).ok()?.to_be_bytes().into()
        }
        C::Time => {
            let time: civil::Time = text.trim().parse().ok()?;
            let start = civil::Date::constant(2000, 1, 1);
            microseconds(start.to_datetime(time))?.to_be_bytes().into()
        }
        C::Timestamp => microseconds(text.trim().parse().ok()?)?.to_be_bytes().into(),
        C::Timestamptz => {
            // Without an offset it is UTC, as in every session.
            let instant = jiff::Timestamp::from_str(text.trim()).map(|instant| instant.as_microsecond());
            let since = match instant {
                Ok(instant) => instant - EPOCH_MICROSECONDS,
                Err(_) => microseconds(text.trim().parse().ok()?)?,
            };
            since.to_be_bytes().into()
        }
        C::Array | C::Composite | C::Range | C::Tsvector | C::Interval | C::Macaddr | C::Other => return None,
    })
}

fn number<N: FromStr>(text: &str) -> Option<N> {
    text.trim().parse().ok()
}

fn json(text: &str) -> Option<&[u8]> {
    serde_json::from_str::<IgnoredAny>(text).ok().map(|_| text.as_bytes())
}

/// `\x` and hexadecimal digits; anything else is taken as the text's own bytes unless it has a backslash, whose
/// meaning would be a guess.
fn bytea(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("\\x") else {
        return (!text.contains('\\')).then(|| text.into());
    };
    let nibbles: Vec<u8> = digits.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    nibbles.len().is_multiple_of(2).then(|| nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn microseconds(time: civil::DateTime) -> Option<i64> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond() - EPOCH_MICROSECONDS)
}

/// numeric's binary form: digit count, weight of the first digit, sign, digits shown after the point; then digits of
/// base 10000. Exponents and NaN are not understood.
pub(super) fn numeric(text: &str) -> Option<Vec<u8>> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (0x4000_u16, &text[1..]),
        b'+' => (0, &text[1..]),
        _ => (0, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let has_digits = !(whole.is_empty() && fraction.is_empty());
    if !has_digits || whole.len() > 1_000 || fraction.len() > 1_000 {
        return None;
    }
    let pad = |length: usize| "0".repeat(length.next_multiple_of(4) - length);
    let padded = format!("{}{whole}{fraction}{}", pad(whole.len()), pad(fraction.len()));
    let mut digits = Vec::new();
    for group in padded.as_bytes().chunks(4) {
        let group = group.iter().try_fold(0, |value, byte| Some(value * 10 + char::from(*byte).to_digit(10)?))?;
        digits.push(group as u16);
    }
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    let trailing = digits[leading..].iter().rev().take_while(|digit| **digit == 0).count();
    let shown = &digits[leading..digits.len() - trailing];
    // All counts are below 1,000 (checked above), so the casts keep them.
    let weight = if shown.is_empty() { 0 } else { whole.len().div_ceil(4) as i16 - 1 - leading as i16 };
    let sign = if shown.is_empty() { 0 } else { sign };
    let mut out = Vec::with_capacity(8 + shown.len() * 2);
    out.extend_from_slice(&(shown.len() as u16).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&(fraction.len() as u16).to_be_bytes());
    shown.iter().for_each(|digit| out.extend_from_slice(&digit.to_be_bytes()));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::tests::data_type;

    /// Expected bytes are what PostgreSQL's own send functions give (`encode(numeric_send(…), 'hex')` and kin).
    #[test]
    fn constants_take_the_binary_form_of_their_type() {
        use TypeClass as C;
        let hex = |text: &str, class| {
            encode(text, &data_type(class, None))
                .map(|bytes| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
                .unwrap_or_else(|| "none".into())
        };
        for (class, text, expected) in [
            (C::Int2, "-2", "fffe"),
            (C::Int2, "40000", "none"),
            (C::Int8, " 1 ", "0000000000000001"),
            (C::Float8, "1", "3ff0000000000000"),
            (C::Numeric, "0", "0000000000000000"),
            (C::Numeric, "-12345.678", "0003000140000003000109291a7c"),
            (C::Numeric, "0.0001", "0001ffff000000040001"),
            (C::Numeric, "10000", "00010001000000000001"),
            (C::Numeric, "0.00", "0000000000000002"),
            (C::Numeric, ".5", "0001ffff000000011388"),
            (C::Numeric, "00012", "0001000000000000000c"),
            (C::Numeric, "-0", "0000000000000000"),
            (C::Numeric, "12345678.12345678", "000400010000000804d2162e04d2162e"),
            (C::Numeric, "99990000.0001", "0003000100000004270f00000001"),
            (C::Numeric, "1e3", "none"),
            (C::Numeric, ".", "none"),
            (C::Numeric, "", "none"),
            (C::Bool, "Yes", "01"),
            (C::Bool, "maybe", "none"),
            (C::Bytea, "\\x00Ff", "00ff"),
            (C::Bytea, "\\x0", "none"),
            (C::Bytea, "!", "21"),
            (C::Uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
            (C::Json, "{}", "7b7d"),
            (C::Json, "{", "none"),
            (C::Jsonb, "{}", "017b7d"),
            (C::Inet, "10.1.2.3/8", "020800040a010203"),
            (C::Cidr, "10.1.2.3/8", "none"),
            (C::Cidr, "10.0.0.0/8", "020801040a000000"),
            (C::Date, "1999-12-31", "ffffffff"),
            (C::Date, "2000-02-30", "none"),
            (C::Time, "00:00:01", "00000000000f4240"),
            (C::Timestamp, "2000-01-01 00:00:01", "00000000000f4240"),
            (C::Timestamp, "1995-03-04 05:06:07.5", "ffff7566a6b84ee0"),
            (C::Timestamptz, "2000-01-01 00:00:01", "00000000000f4240"),
            (C::Timestamptz, "2000-01-01T02:00:01+02:00", "00000000000f4240"),
            (C::Enum, "sad", "736164"),
            (C::Enum, "glad", "none"),
            (C::Range, "[1,2)", "none"),
        ] {
            assert_eq!(hex(text, class), expected, "{class:?} {text}");
        }
    }
}
