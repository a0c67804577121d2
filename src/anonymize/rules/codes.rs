//! iban, card: numbers with check digits that come out right, in ranges that no bank serves.

use crate::digest::Stream;

/// Digits a card number has at least and at most (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// Characters of an IBAN after which its account begins: the bank's, which become zeros and so name none.
const BANK_CHARS: usize = 8;

/// The same country and length; a bank of zeros, another account and check digits that hold. What is no IBAN gets
/// other letters and digits.
pub(super) fn iban(stream: &mut Stream, value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut signs = Vec::with_capacity(value.len());
    signs.extend(value.iter().copied().filter(u8::is_ascii_alphanumeric));
    let is_iban = (15..=34).contains(&signs.len())
        && signs[..2].iter().all(u8::is_ascii_alphabetic)
        && signs[2..4].iter().all(u8::is_ascii_digit);
    shape(stream, value, out);
    if !is_iban {
        return;
    }
    let mut places = Vec::with_capacity(signs.len());
    places.extend((start..out.len()).filter(|at| out[*at].is_ascii_alphanumeric()));
    let bank = BANK_CHARS.min(places.len() - 4 - 6);
    for (nth, at) in places.iter().enumerate() {
        out[*at] = match nth {
            0 | 1 => signs[nth],
            2 | 3 => b'0',
            _ if nth < 4 + bank => {
                if signs[nth].is_ascii_digit() {
                    b'0'
                } else {
                    b'X'
                }
            }
            _ => out[*at],
        };
    }
    let moved = places[4..].iter().chain(&places[..4]).map(|at| out[*at]);
    let remainder = moved.fold(0_u32, |rest, sign| match sign {
        b'0'..=b'9' => (rest * 10 + u32::from(sign - b'0')) % 97,
        _ => (rest * 100 + u32::from(sign.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    let check = 98 - remainder;
    out[places[2]] = b'0' + (check / 10) as u8;
    out[places[3]] = b'0' + (check % 10) as u8;
}

/// The same network and number of digits, in its range for tests, with a check digit that holds. What is no card
/// number gets other digits.
pub(super) fn card(stream: &mut Stream, value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    shape(stream, value, out);
    let places: Vec<usize> = (start..out.len()).filter(|at| out[*at].is_ascii_digit()).collect();
    let [inner @ .., last] = places.as_slice() else { return };
    if !CARD_DIGITS.contains(&places.len()) {
        return;
    }
    let first = value.iter().find(|byte| byte.is_ascii_digit());
    let prefix: &[u8] = match first {
        Some(b'3') => b"378282",
        Some(b'5' | b'2') => b"555555",
        Some(b'6') => b"601111",
        _ => b"424242",
    };
    places.iter().zip(prefix).for_each(|(at, digit)| out[*at] = *digit);
    let sum: u32 = inner
        .iter()
        .rev()
        .enumerate()
        .map(|(nth, at)| {
            let digit = u32::from(out[*at] - b'0');
            if nth % 2 == 1 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    out[*last] = b'0' + ((10 - sum % 10) % 10) as u8;
}

/// Other ASCII letters and digits; what is neither stays if it is ASCII.
pub(super) fn shape(stream: &mut Stream, value: &[u8], out: &mut Vec<u8>) {
    out.extend(value.iter().filter(|byte| byte.is_ascii()).map(|byte| match byte {
        b'0'..=b'9' => b'0' + stream.below_small(10) as u8,
        b'a'..=b'z' => b'a' + stream.below_small(26) as u8,
        b'A'..=b'Z' => b'A' + stream.below_small(26) as u8,
        _ => *byte,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::MaskKey;

    fn run(rule: fn(&mut Stream, &[u8], &mut Vec<u8>), value: &str) -> String {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough").domain("codes");
        let mut out = Vec::new();
        rule(&mut key.stream(value.as_bytes()), value.as_bytes(), &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn checks(iban: &str) -> bool {
        let signs: Vec<char> = iban.chars().filter(|c| !c.is_whitespace()).collect();
        let digits: String =
            signs[4..].iter().chain(&signs[..4]).map(|c| c.to_digit(36).expect("a sign").to_string()).collect();
        digits.bytes().fold(0, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97) == 1
    }

    fn luhn(card: &str) -> bool {
        let digits = card.bytes().filter(u8::is_ascii_digit).rev().map(|digit| u32::from(digit - b'0'));
        let sum: u32 = digits.enumerate().map(|(n, d)| if n % 2 == 0 { d } else { d * 2 / 10 + d * 2 % 10 }).sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn check_digits_hold() {
        assert!(checks("DE89 3704 0044 0532 0130 00") && luhn("4242 4242 4242 4242") && !luhn("4242 4242 4242 4241"));
        for country in
            ["DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"]
        {
            let masked = run(iban, country);
            assert!(checks(&masked), "{masked}");
            assert_eq!((&masked[..2], masked.len()), (&country[..2], country.len()));
            assert!(!masked.contains(&country[8..12]), "{masked}");
        }
        assert!(run(iban, "DE89 3704 0044 0532 0130 00").starts_with("DE"));
        for number in ["4111 1111 1111 1111", "378282246310005", "6011-0009-9013-9424", "5105105105105100"] {
            let masked = run(card, number);
            assert!(luhn(&masked) && masked.len() == number.len() && masked[..1] == number[..1], "{masked}");
        }
        for other in ["", "é", "12", "DE", "DE12", "none at all", "4"] {
            let _ = (run(iban, other), run(card, other));
        }
    }
}
