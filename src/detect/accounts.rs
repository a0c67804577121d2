//! Account and card numbers: the check digits decide.

/// Lengths of account numbers by country (ISO 13616).
#[rustfmt::skip]
const IBAN_LENGTHS: &[(&str, usize)] = &[
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DK", 18), ("DO", 28),
    ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FO", 18), ("FR", 27), ("GB", 22), ("GE", 22), ("GI", 23),
    ("GL", 18), ("GR", 27), ("GT", 28), ("HR", 21), ("HU", 28), ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26),
    ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28), ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20),
    ("LV", 21), ("MC", 27), ("MD", 24), ("ME", 22), ("MK", 19), ("MR", 27), ("MT", 31), ("MU", 30), ("NL", 18),
    ("NO", 15), ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("SA", 24),
    ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("TN", 24), ("TR", 26), ("UA", 29), ("VG", 24), ("XK", 20),
];

/// The whole is an account number with its right check digits; blanks and dashes may stand between.
pub(super) fn is_iban(text: &str) -> bool {
    if !(15..=42).contains(&text.len()) || !text.is_ascii() {
        return false;
    }
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
    let length = compact
        .get(..2)
        .and_then(|country| IBAN_LENGTHS.iter().find(|(known, _)| *known == country).map(|(_, length)| *length));
    length == Some(compact.len())
        && compact.bytes().all(|b| b.is_ascii_alphanumeric())
        && compact[2..4].bytes().all(|b| b.is_ascii_digit())
        && mod97(compact[4..].bytes().chain(compact[..4].bytes())) == 1
}

/// Letters count as 10 to 35.
fn mod97(characters: impl Iterator<Item = u8>) -> u32 {
    characters.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}

/// The whole is a card number: an issuer's range and length, and Luhn's digit; blanks or dashes between groups.
pub(super) fn is_card(text: &str) -> bool {
    if !(13..=23).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit() || b == b' ' || b == b'-') {
        return false;
    }
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let differ = digits.iter().any(|digit| *digit != digits[0]);
    differ && is_issued(&digits) && luhn(digits.iter().copied())
}

fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| digits.iter().take(count).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        13 => first(1) == 4,
        14 => matches!(first(3), 300..=305) || matches!(first(2), 36 | 38 | 39),
        15 => matches!(first(2), 34 | 37),
        16 => {
            first(1) == 4
                || matches!(first(2), 51..=55 | 62 | 64 | 65)
                || matches!(first(4), 2221..=2720 | 6011 | 3528..=3589 | 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763)
        }
        17..=19 => {
            first(2) == 62 || matches!(first(4), 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763) || first(1) == 4
        }
        _ => false,
    }
}

/// The last digit makes the sum of all, every second one doubled, a multiple of ten.
pub(super) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(digit) * 2) {
            (0, _) => u32::from(digit),
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts() {
        for good in [
            "DE89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "fr1420041010050500013m02606",
            "NL91ABNA0417164300",
            "ES91 2100 0418 4502 0005 1332",
            "PT50000201231234567890154",
        ] {
            assert!(is_iban(good), "{good}");
        }
        for bad in
            ["DE89370400440532013001", "ZZ89370400440532013000", "DE8937040044053201300", "", "invoice-2024-000001"]
        {
            assert!(!is_iban(bad), "{bad}");
        }
    }

    #[test]
    fn cards() {
        for good in
            ["4111 1111 1111 1111", "5500005555555559", "3400-0000-0000-009", "6011000990139424", "30569309025904"]
        {
            assert!(is_card(good), "{good}");
        }
        for bad in
            ["4111111111111112", "0000000000000000", "490154203237518", "1234567812345670", "4111.1111.1111.1111"]
        {
            assert!(!is_card(bad), "{bad}");
        }
    }
}
