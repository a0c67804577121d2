//! Numbers of persons in states' registers; where they have check digits, those decide.

use super::accounts::luhn;

/// Which register; two of them are only shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Check digits are right.
    Checked,
    /// It has the shape, and there are no check digits.
    Shape,
}

/// The whole is a number of one of the registers known here.
pub(super) fn national_id(text: &str) -> Option<Proof> {
    if !(8..=21).contains(&text.len()) || !text.is_ascii() {
        return None;
    }
    let compact: String =
        text.bytes().filter(|b| !b" .-/".contains(b)).map(|b| char::from(b.to_ascii_uppercase())).collect();
    let separated = compact.len() < text.len();
    let digits: Vec<u32> = compact.bytes().map(|b| u32::from(b.wrapping_sub(b'0'))).collect();
    let checked = if compact.bytes().all(|b| b.is_ascii_digit()) {
        let differ = digits.iter().any(|digit| *digit != digits[0]);
        differ && (numeric(&digits, text) || is_cl(text))
    } else {
        compact.bytes().all(|b| b.is_ascii_alphanumeric()) && lettered(&compact, text)
    };
    if checked {
        return Some(Proof::Checked);
    }
    (is_us(text) || (is_uk(&compact) && !(separated && text.contains('.')))).then_some(Proof::Shape)
}

/// Groups of digits as people write a number of that kind, or none at all.
fn grouped(text: &str, shapes: &[&str]) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    shape.bytes().all(|b| b == b'9') || shapes.contains(&shape.as_str())
}

fn numeric(digits: &[u32], text: &str) -> bool {
    match digits.len() {
        9 => (grouped(text, &["999 999 999", "999.999.999", "9999.99.999"])) && (is_nl(digits) || is_pt(digits)),
        10 => grouped(text, &["999999-9999"]) && is_se(digits),
        11 => {
            grouped(text, &["999.999.999-99", "99 999 999 999", "99.99.99-999.99", "999 999 999 99"])
                && (is_br_person(digits) || is_de(digits) || is_pl(digits) || is_be(digits))
        }
        12 => grouped(text, &["99999999-9999"]) && text.starts_with(['1', '2']) && is_se(&digits[2..]),
        13 => grouped(text, &["9 99 99 99 999 999", "999.9999.9999.99"]) && is_ch(digits),
        14 => grouped(text, &["99.999.999/9999-99"]) && is_br_company(digits),
        15 => grouped(text, &["9 99 99 99 999 999 99", "9 99 99 99 999 999-99"]) && is_fr(digits),
        _ => false,
    }
}

fn lettered(compact: &str, text: &str) -> bool {
    is_es(compact) || is_it(compact) || is_fi(text) || is_mx(compact) || is_cl(text) || is_fr_corse(compact)
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Spain: DNI `12345678Z`, NIE `X1234567L`; mod 23 gives the letter.
fn is_es(compact: &str) -> bool {
    if compact.len() != 9 {
        return false;
    }
    let replaced = match compact.as_bytes()[0] {
        b'X' => format!("0{}", &compact[1..8]),
        b'Y' => format!("1{}", &compact[1..8]),
        b'Z' => format!("2{}", &compact[1..8]),
        _ => compact[..8].to_owned(),
    };
    let letter = replaced.bytes().all(|b| b.is_ascii_digit()).then(|| replaced.parse::<usize>().ok()).flatten();
    letter.is_some_and(|number| b"TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == compact.as_bytes()[8])
}

/// Germany: Steuer-ID; ISO 7064 mod 11,10, and of the first ten digits one stands there two or three times.
fn is_de(digits: &[u32]) -> bool {
    let mut counts = [0; 10];
    digits[..10].iter().for_each(|digit| counts[*digit as usize] += 1);
    let repeated = counts.iter().filter(|count| **count > 1).count() == 1 && counts.iter().all(|count| *count < 4);
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits[0] != 0 && repeated && (11 - product) % 10 == digits[10]
}

/// France: NIR of 13 digits and a key of two, mod 97; begins with the sex, year and month.
fn is_fr(digits: &[u32]) -> bool {
    let number = digits[..13].iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let key = u64::from(digits[13] * 10 + digits[14]);
    matches!(digits[0], 1..=4 | 7 | 8) && 97 - number % 97 == key
}

/// The same for who was born in Corsica: 2A counts as 19, 2B as 18.
fn is_fr_corse(compact: &str) -> bool {
    let replaced = match compact.get(5..7) {
        Some("2A") => format!("{}19{}", &compact[..5], &compact[7..]),
        Some("2B") => format!("{}18{}", &compact[..5], &compact[7..]),
        _ => return false,
    };
    let digits: Vec<u32> = replaced.chars().filter_map(|c| c.to_digit(10)).collect();
    replaced.len() == 15 && digits.len() == 15 && is_fr(&digits)
}

/// Portugal: NIF, mod 11.
fn is_pt(digits: &[u32]) -> bool {
    let rest = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(digits[0], 1..=3 | 5 | 6 | 8 | 9) && digits[8] == if rest < 2 { 0 } else { 11 - rest }
}

/// Brazil: CPF, two digits mod 11.
fn is_br_person(digits: &[u32]) -> bool {
    let digit = |count: usize| {
        let weights: Vec<u32> = (2..=count as u32 + 1).rev().collect();
        (weighted(&digits[..count], &weights) * 10 % 11) % 10
    };
    digit(9) == digits[9] && digit(10) == digits[10]
}

/// Brazil: CNPJ, two digits mod 11.
fn is_br_company(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let digit = |count: usize| match weighted(&digits[..count], &WEIGHTS[13 - count..]) % 11 {
        rest if rest < 2 => 0,
        rest => 11 - rest,
    };
    digit(12) == digits[12] && digit(13) == digits[13]
}

/// Italy: codice fiscale, its letter mod 26.
fn is_it(compact: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let bytes = compact.as_bytes();
    let letters = |from: usize, to: usize| bytes[from..to].iter().all(u8::is_ascii_uppercase);
    if bytes.len() != 16 || !letters(0, 6) || !letters(8, 9) || !letters(11, 12) || !letters(15, 16) {
        return false;
    }
    let sum: u32 = bytes[..15]
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            let value = u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
            if at % 2 == 0 { ODD[value as usize % 26] } else { value }
        })
        .sum();
    sum % 26 == u32::from(bytes[15] - b'A')
}

/// The Netherlands: BSN, mod 11 with the last digit counted against.
fn is_nl(digits: &[u32]) -> bool {
    (weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) + 11 * 9 - digits[8]).is_multiple_of(11)
}

/// Poland: PESEL, mod 10; the third and fourth digit are a month with its century.
fn is_pl(digits: &[u32]) -> bool {
    let month = (digits[2] * 10 + digits[3]) % 20;
    let day = digits[4] * 10 + digits[5];
    let sum = weighted(&digits[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    (1..=12).contains(&month) && (1..=31).contains(&day) && (10 - sum % 10) % 10 == digits[10]
}

/// Belgium: a date, a number, and 97 less the rest.
fn is_be(digits: &[u32]) -> bool {
    let number = digits[..9].iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let key = u64::from(digits[9] * 10 + digits[10]);
    let month = digits[2] * 10 + digits[3];
    month <= 12 && (97 - number % 97 == key || 97 - (2_000_000_000 + number) % 97 == key)
}

/// Sweden: personnummer, a date and Luhn's digit.
fn is_se(digits: &[u32]) -> bool {
    let (month, day) = (digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]);
    (1..=12).contains(&month)
        && ((1..=31).contains(&day) || (61..=91).contains(&day))
        && luhn(digits.iter().map(|digit| *digit as u8))
}

/// Switzerland: AHV number, begins with 756, the last digit as in bar codes.
fn is_ch(digits: &[u32]) -> bool {
    let sum: u32 = digits[..12].iter().enumerate().map(|(at, d)| if at % 2 == 0 { *d } else { d * 3 }).sum();
    digits[..3] == [7, 5, 6] && (10 - sum % 10) % 10 == digits[12]
}

/// Finland: `131052-308T`, mod 31.
fn is_fi(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 11 || !b"+-ABCDEFYXWVU".contains(&bytes[6]) {
        return false;
    }
    let number = format!("{}{}", &text[..6], &text[7..10]);
    number.bytes().all(|b| b.is_ascii_digit())
        && number.parse::<usize>().is_ok_and(|n| b"0123456789ABCDEFHJKLMNPRSTUVWXY"[n % 31] == bytes[10])
}

/// Mexico: CURP, by shape and its last digit.
fn is_mx(compact: &str) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ";
    let bytes = compact.as_bytes();
    if bytes.len() != 18 || !bytes[..4].iter().all(u8::is_ascii_uppercase) || !matches!(bytes[10], b'H' | b'M' | b'X') {
        return false;
    }
    let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap_or_default();
    let sum: usize = bytes[..17].iter().enumerate().map(|(at, byte)| value(*byte) * (18 - at)).sum();
    bytes[4..10].iter().all(u8::is_ascii_digit) && (10 - sum % 10) % 10 == usize::from(bytes[17].wrapping_sub(b'0'))
}

/// Chile: RUT `12.345.678-5`, mod 11 with K; only as it is written, since mod 11 alone is weak.
fn is_cl(text: &str) -> bool {
    let Some((number, check)) = text.rsplit_once('-') else { return false };
    if number.matches('.').count() != 2 || !(7..=8).contains(&number.bytes().filter(u8::is_ascii_digit).count()) {
        return false;
    }
    let sum: u32 = number
        .bytes()
        .rev()
        .filter(u8::is_ascii_digit)
        .zip((2..=7).cycle())
        .map(|(b, w)| u32::from(b - b'0') * w)
        .sum();
    let expected = match 11 - sum % 11 {
        11 => "0".to_owned(),
        10 => "K".to_owned(),
        digit => digit.to_string(),
    };
    check.eq_ignore_ascii_case(&expected)
}

/// United States: `123-45-6789`; some areas, groups and serials were never given out.
fn is_us(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, group, serial] = parts[..] else { return false };
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    digits(area, 3)
        && digits(group, 2)
        && digits(serial, 4)
        && !matches!(area, "000" | "666")
        && !area.starts_with('9')
        && group != "00"
        && serial != "0000"
}

/// United Kingdom: `QQ123456C`; some letters and pairs are not used.
fn is_uk(compact: &str) -> bool {
    let bytes = compact.as_bytes();
    bytes.len() == 9
        && bytes[..2].iter().all(|b| b.is_ascii_uppercase() && !b"DFIQUV".contains(b))
        && bytes[1] != b'O'
        && !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&&compact[..2])
        && bytes[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&bytes[8])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Public examples of each register's own documentation.
    #[test]
    fn numbers_with_check_digits() {
        for good in [
            "12345678Z",
            "X1234567L",
            "12345678-Z",
            "65929970489",
            "65 929 970 489",
            "255081416802538",
            "1 85 05 78 006 084 91",
            "501442600",
            "529.982.247-25",
            "52998224725",
            "11.222.333/0001-81",
            "RSSMRA85T10A562S",
            "111222333",
            "44051401359",
            "811228-9874",
            "19811228-9874",
            "8112289874",
            "131052-308T",
            "756.9217.0769.85",
            "93051822361",
            "85.07.30-033.28",
            "HEGG560427MVZRRL04",
            "12.345.678-5",
        ] {
            assert_eq!(national_id(good), Some(Proof::Checked), "{good}");
        }
        for shape in ["123-45-6789", "AB123456C", "AB 12 34 56 C"] {
            assert_eq!(national_id(shape), Some(Proof::Shape), "{shape}");
        }
        for bad in [
            "12345678A",
            "65929970480",
            "529.982.247-26",
            "11111111111",
            "RSSMRA85T10A562T",
            "44051401358",
            "000-12-3456",
            "GB123456A",
            "2024-01-15",
            "+4930901820",
            "550e8400-e29b",
            "v1.2.3-rc4",
            "20240115103000",
        ] {
            assert_eq!(national_id(bad), None, "{bad}");
        }
    }
}
