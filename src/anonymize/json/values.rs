//! Strings, numbers and dates as JSON writes them.

use std::borrow::Cow;

/// Digits that an exponent may stand for.
const DIGITS_AT_MOST: usize = 1_000;

pub(super) fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let leads_with_zero = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    !leads_with_zero && digits.first().is_some_and(u8::is_ascii_digit) && serde_json::from_slice::<f64>(text).is_ok()
}

/// Undoes the escapes of a string. Code points that are no characters become U+FFFD.
pub(super) fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    let hex = |at: usize| {
        let digits = std::str::from_utf8(raw.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    while let Some(byte) = raw.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let escape = raw.get(at).copied().unwrap_or(b'\\');
        at += 1;
        let plain = match escape {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = hex(at).unwrap_or(0xfffd);
                at += 4;
                if (0xd800..0xdc00).contains(&code)
                    && raw.get(at..at + 2) == Some(b"\\u")
                    && let Some(low) = hex(at + 2).filter(|low| (0xdc00..0xe000).contains(low))
                {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
                let character = char::from_u32(code).unwrap_or('\u{fffd}');
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => other,
        };
        out.push(plain);
    }
    out
}

pub(super) fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// The number without its exponent, as PostgreSQL writes it; `None` where it would be too long.
pub(super) fn plain(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(at) = raw.iter().position(|byte| matches!(byte, b'e' | b'E')) else { return Some(Cow::Borrowed(raw)) };
    let exponent: i64 = std::str::from_utf8(&raw[at + 1..]).ok()?.parse().ok()?;
    let sign = usize::from(raw[0] == b'-');
    let number = &raw[sign..at];
    let whole = number.iter().position(|byte| *byte == b'.').unwrap_or(number.len());
    let digits: Vec<u8> = number.iter().copied().filter(|byte| *byte != b'.').collect();
    let point = i64::try_from(whole).ok()?.checked_add(exponent)?;
    let zeros =
        |count: i64| usize::try_from(count).ok().filter(|count| *count <= DIGITS_AT_MOST).map(|n| vec![b'0'; n]);
    let place = usize::try_from(point.max(0)).ok()?;
    let text = if point <= 0 {
        [b"0.", zeros(-point)?.as_slice(), &digits].concat()
    } else if place >= digits.len() {
        [digits.as_slice(), &zeros(point - i64::try_from(digits.len()).ok()?)?].concat()
    } else {
        [&digits[..place], b".", &digits[place..]].concat()
    };
    // `0.5e1` is 5, not 05.
    let leading = text.iter().take_while(|byte| **byte == b'0').count();
    let leading = if text.get(leading).is_some_and(u8::is_ascii_digit) { leading } else { leading.saturating_sub(1) };
    Some(Cow::Owned([&raw[..sign], &text[leading..]].concat()))
}

/// A date, or a moment, in a string.
pub(super) struct DateText<'t> {
    /// What stands between date and time; `None` where there is no time.
    pub(super) separator: Option<u8>,
    /// Digits of the fraction of a second.
    fraction: usize,
    pub(super) zone: &'t [u8],
}

impl<'t> DateText<'t> {
    /// `2024-05-06`, `2024-05-06T07:08:09.123Z`, `2024-05-06 07:08:09+02:00`
    pub(super) fn read(text: &'t [u8]) -> Option<Self> {
        let matches = |text: &[u8], shape: &[u8]| {
            let is_alike = |(byte, kind): (&u8, &u8)| if *kind == b'0' { byte.is_ascii_digit() } else { byte == kind };
            text.len() == shape.len() && text.iter().zip(shape).all(is_alike)
        };
        let (date, rest) = text.split_at_checked(10)?;
        let Some((separator, time)) = rest.split_first() else {
            return matches(date, b"0000-00-00").then_some(Self { separator: None, fraction: 0, zone: b"" });
        };
        let end = time.iter().position(|byte| b"Zz+-".contains(byte)).unwrap_or(time.len());
        let (time, zone) = time.split_at(end);
        let (time, fraction) = match time.iter().position(|byte| *byte == b'.') {
            Some(point) => (&time[..point], &time[point + 1..]),
            None => (time, &b""[..]),
        };
        let is_moment = matches(date, b"0000-00-00")
            && b"Tt ".contains(separator)
            && (matches(time, b"00:00") || matches(time, b"00:00:00"))
            && fraction.iter().all(u8::is_ascii_digit);
        is_moment.then_some(Self { separator: Some(*separator), fraction: fraction.len(), zone })
    }

    /// Writes a moment, as PostgreSQL prints it in UTC, in the form of this one. Another zone than UTC has no meaning for
    /// it any more.
    pub(super) fn write(&self, printed: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(printed.strip_suffix(b"+00").unwrap_or(printed));
        let Some(separator) = self.separator else { return };
        if let Some(space) = out[start..].iter().position(|byte| *byte == b' ') {
            out[start + space] = separator;
        }
        if let Some(point) = out[start..].iter().position(|byte| *byte == b'.') {
            out.truncate(out.len().min(start + point + 1 + self.fraction));
        }
        match self.zone {
            b"" => {}
            b"Z" | b"z" => out.extend_from_slice(self.zone),
            _ => out.extend_from_slice(b"+00:00"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out() {
        for (number, expected) in [
            ("1e5", "100000"),
            ("-1.5E2", "-150"),
            ("1.25e1", "12.5"),
            ("0.5e1", "5"),
            ("1e-3", "0.001"),
            ("12.5e-1", "1.25"),
            ("0e0", "0"),
            ("0.0e3", "0"),
            ("7", "7"),
        ] {
            let text = plain(number.as_bytes()).expect("short");
            assert_eq!(String::from_utf8_lossy(&text), expected, "{number}");
        }
        for number in ["1e99999", "1e-99999", "1e99999999999999999999", "1e", "1ex"] {
            assert_eq!(plain(number.as_bytes()), None, "{number}");
        }
    }
}
