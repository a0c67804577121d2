//! Numbers in prose: their digits may stand in groups and be those of any script. Dates are none.

use super::signs::{LETTER, SPACE, WIDE, digit, kind, separator};

/// Digits of a number that is taken for a phone, a card or an account.
const DIGITS_AT_LEAST: usize = 7;
/// Digits of the longest one (an IBAN of Malta has so many characters). More are several in a row.
const DIGITS_AT_MOST: usize = 34;
/// Digits of each of several in a row: those of the longest card.
const DIGITS_IN_A_ROW: usize = 19;
/// Signs between two groups: `) `, ` - `.
const SEPARATORS_AT_MOST: usize = 3;

/// Groups of digits that belong together, each with its end and how many digits it has.
struct Groups<'v> {
    value: &'v [u8],
    next: Option<usize>,
    /// Where something else begins.
    limit: usize,
}

impl Iterator for Groups<'_> {
    type Item = (usize, usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let (mut at, mut digits) = (start, 0);
        while at < self.limit {
            let length = digit(self.value, at);
            if length == 0 {
                break;
            }
            at += length;
            digits += 1;
        }
        self.next = self.following(at);
        Some((start, at, digits))
    }
}

impl Groups<'_> {
    /// Where the next group of the same number begins.
    fn following(&self, end: usize) -> Option<usize> {
        let (mut at, mut spaced) = (end, false);
        for _ in 0..SEPARATORS_AT_MOST {
            let length = separator(self.value, at);
            spaced |= length > 1 || self.value.get(at) == Some(&b' ');
            at += length;
        }
        let is_next = at > end && at < self.limit && digit(self.value, at) > 0;
        (is_next && (!spaced || self.belongs(at))).then_some(at)
    }

    /// The word that begins there is no date, time, address, link or name with digits.
    fn belongs(&self, start: usize) -> bool {
        let word = &self.value[start..self.limit];
        let word = &word[..word.iter().position(|byte| kind(*byte) & (SPACE | WIDE) != 0).unwrap_or(word.len())];
        let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_name = word.get(digits).is_some_and(|byte| kind(*byte) & LETTER != 0 || *byte == b'_');
        let is_time = word.get(digits) == Some(&b':') && word.get(digits + 1).is_some_and(u8::is_ascii_digit);
        let is_address = || memchr::memchr(b'@', word).is_some() || memchr::memmem::find(word, b"://").is_some();
        !is_name && !is_time && date_end(self.value, start).is_none() && !is_address()
    }
}

/// Where the number ends that begins with the digit at `start`, and its pieces, each to be replaced by itself. Without
/// pieces where it has too few digits.
pub(super) fn number(value: &[u8], start: usize, limit: usize) -> (usize, Vec<(usize, usize)>) {
    let groups = || Groups { value, next: Some(start), limit };
    let (end, digits) = groups().fold((start, 0), |(_, sum), (_, end, digits)| (end, sum + digits));
    match digits {
        digits if digits < DIGITS_AT_LEAST => (end, Vec::new()),
        ..=DIGITS_AT_MOST => (end, vec![(start, end)]),
        _ => {
            let (mut pieces, mut room): (Vec<(usize, usize)>, _) = (Vec::new(), 0);
            for (from, to, digits) in groups() {
                match pieces.last_mut() {
                    Some(piece) if digits <= room => {
                        piece.1 = to;
                        room -= digits;
                    }
                    _ => {
                        pieces.push((from, to));
                        room = DIGITS_IN_A_ROW.saturating_sub(digits);
                    }
                }
            }
            (end, pieces)
        }
    }
}

/// Where the date at that place ends, with the time behind it: `2024-05-06T07:08:09.123Z`, `06.05.2024`, `5/6/2024`.
pub(super) fn date_end(value: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let (mut lengths, mut numbers, mut sign) = ([0; 3], [0; 3], None);
    for nth in 0..3 {
        if nth > 0 {
            let separator = value.get(at).copied().filter(|byte| matches!(byte, b'-' | b'.' | b'/'))?;
            if *sign.get_or_insert(separator) != separator {
                return None;
            }
            at += 1;
        }
        lengths[nth] = digits_at(value, at);
        numbers[nth] =
            value[at..at + lengths[nth].min(4)].iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
        at += lengths[nth];
    }
    let (year, parts) = match lengths {
        [4, 1 | 2, 1 | 2] => (numbers[0], [numbers[1], numbers[2]]),
        [1 | 2, 1 | 2, 4] => (numbers[2], [numbers[0], numbers[1]]),
        _ => return None,
    };
    let goes_on = value.get(at).copied() == sign && digits_at(value, at + 1) > 0;
    let is_date = (1_000..3_000).contains(&year) && parts.iter().all(|part| (1..=31).contains(part));
    (is_date && !goes_on).then(|| time_end(value, at))
}

/// Where the time ends that may stand behind a date, with its fraction and zone.
fn time_end(value: &[u8], date_end: usize) -> usize {
    let sign = |at: usize, signs: &[u8]| value.get(at).is_some_and(|byte| signs.contains(byte));
    let pair = |at: usize| digits_at(value, at) == 2;
    if !(sign(date_end, b"T ") && pair(date_end + 1) && sign(date_end + 3, b":") && pair(date_end + 4)) {
        return date_end;
    }
    let mut at = date_end + 6;
    if sign(at, b":") && pair(at + 1) {
        at += 3;
        if sign(at, b".,") {
            let digits = digits_at(value, at + 1);
            at += if digits > 0 { 1 + digits } else { 0 };
        }
    }
    if sign(at, b"+-") {
        match digits_at(value, at + 1) {
            4 => at += 5,
            2 if sign(at + 3, b":") && pair(at + 4) => at += 6,
            2 => at += 3,
            _ => {}
        }
    }
    at
}

fn digits_at(value: &[u8], at: usize) -> usize {
    value.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}
