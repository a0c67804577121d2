//! token and phone: character for character, so that the value keeps its shape and different values stay different.
//!
//! Letters and digits of a value are permuted by a keyed Feistel network over their alphabets; every other character
//! stays where it is. Each half in turn is shifted, position by position, by what the key makes of the other half, a
//! step that can be undone: hence two values never meet. (This is the construction of NIST SP 800-38G, FF1, with
//! BLAKE3 for AES and addition per position for addition of one large number.)
//!
//! ```text
//! "Ab-12"  alphabets A-Z a-z 0-9 0-9 │ halves (A,b) (1,2) │ after 8 rounds (Y,q) (4,1) │ "Yq-41"
//! ```

use crate::digest::{DomainKey, PartKey, Pieces};

/// FF3 has 8 rounds, FF1 has 10 for the sake of tiny alphabets; the inputs of an attack, chosen values, are not to be
/// had here.
const ROUNDS: u8 = 8;
/// Characters that one block of a keyed digest shifts, at two bytes each.
const BLOCK_SIGNS: usize = 16;
/// Digits of a country code that a phone number keeps.
const COUNTRY_DIGITS: usize = 2;
/// Characters of other scripts are replaced within blocks of so many code points, so that they stay in their script.
const BLOCK: u32 = 256;
/// Bytes that are gathered for a digest at once: of a long value not everything is held a second time.
const PIECE_BYTES: usize = 16 << 10;

/// Letters become letters of the same case and script, digits digits, other characters stay.
pub(super) fn token(key: &DomainKey, value: &[u8], out: &mut Vec<u8>) {
    permute(key, &[], value, out);
}

/// As a token, but a leading `+` keeps the country code after it. Punctuation plays no part, so that two spellings of
/// one number get the same digits.
pub(super) fn phone(key: &DomainKey, value: &[u8], out: &mut Vec<u8>) {
    let kept = match value {
        [b'+', rest @ ..] => 1 + rest.iter().take(COUNTRY_DIGITS).take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let (country, number) = value.split_at(kept);
    out.extend_from_slice(country);
    permute(key, country, number, out);
}

/// As a token, but `first` characters at the start and `last` at the end stay. They decide the permutation of the others,
/// so that values with other ends still differ.
pub(super) fn scramble(key: &DomainKey, first: usize, last: usize, value: &[u8], out: &mut Vec<u8>) {
    let Ok(text) = std::str::from_utf8(value) else { return permute(key, &[], value, out) };
    let chars = text.chars().count();
    let place = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    // Where nothing would be left to replace, all is.
    let (start, end) = if first + last < chars { (place(first), place(chars - last)) } else { (0, text.len()) };
    out.extend_from_slice(&value[..start]);
    let ends = [&value[..start], b"\n", &value[end..]].concat();
    permute(key, &ends, &value[start..end], out);
    out.extend_from_slice(&value[end..]);
}

/// Where a character stands in its alphabet. Two bytes, since there are as many as the value has characters.
#[derive(Clone, Copy, Debug)]
struct Sign {
    index: u8,
    /// The last index of the alphabet, which has `BLOCK` characters at most.
    last: u8,
}

/// A set of characters that replace each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    Lower,
    Upper,
    Digits,
    /// Characters of one kind in one block.
    Other(u32, Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Lower,
    Upper,
    /// Letters of scripts that know no case.
    Letter,
    Number,
}

fn permute(key: &DomainKey, prefix: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let mut alphabets = Alphabets::default();
    let (part, mut signs) = located(key, prefix, value, &mut alphabets);
    shuffle(&part, &mut signs);
    if value.is_ascii() {
        let mut signs = signs.iter();
        out.extend(value.iter().map(|byte| {
            let first = match byte {
                b'a'..=b'z' => b'a',
                b'A'..=b'Z' => b'A',
                b'0'..=b'9' => b'0',
                other => return *other,
            };
            // An index is below its alphabet's size, at most 26.
            signs.next().map_or(b'?', |sign| first + sign.index)
        }));
        return;
    }
    let mut signs = signs.into_iter();
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            let replaced = match alphabets.locate(character) {
                Some((alphabet, _)) => signs.next().and_then(|sign| alphabets.character(alphabet, sign.index)),
                None => None,
            };
            out.extend_from_slice(replaced.unwrap_or(character).encode_utf8(&mut [0; 4]).as_bytes());
        }
        // Servers send UTF-8 only; what is none would be nothing a token may keep.
        out.extend(chunk.invalid().iter().map(|_| b'?'));
    }
}

/// The characters to replace. The key is of their alphabets in order, which the permutation keeps: values of another
/// shape are permuted in another way.
fn located(key: &DomainKey, prefix: &[u8], value: &[u8], alphabets: &mut Alphabets) -> (PartKey, Vec<Sign>) {
    let mut signs = Vec::with_capacity(value.len());
    let mut shape = Vec::with_capacity(prefix.len() + 1 + value.len().min(2 * PIECE_BYTES));
    let mut before: Option<Pieces> = None;
    shape.extend_from_slice(prefix);
    shape.push(0);
    for character in value.utf8_chunks().flat_map(|chunk| chunk.valid().chars()) {
        if let Some((alphabet, sign)) = alphabets.locate(character) {
            if shape.len() >= PIECE_BYTES {
                before.get_or_insert_with(|| key.part_in_pieces()).update(&shape);
                shape.clear();
            }
            alphabet.describe(&mut shape);
            signs.push(sign);
        }
    }
    let part = match before {
        None => key.part(&shape),
        Some(mut before) => {
            before.update(&shape);
            before.into_part()
        }
    };
    (part, signs)
}

fn shuffle(key: &PartKey, signs: &mut [Sign]) {
    if let [only] = signs {
        // No other half to depend on: a shift, by at least one place.
        if only.last > 0 {
            only.shift(1 + key.stream(&[]).below_small(u16::from(only.last)));
        }
        return;
    }
    let mut other = Vec::with_capacity(signs.len().min(PIECE_BYTES) + 1);
    let middle = signs.len() / 2;
    for round in 0..ROUNDS {
        let (left, right) = signs.split_at_mut(middle);
        let (shifted, read) = if round % 2 == 0 { (left, right) } else { (right, left) };
        other.clear();
        other.push(round);
        if shifted.len() <= BLOCK_SIGNS {
            other.extend(read.iter().map(|sign| sign.index));
            // What a stream would begin with, for a fraction of its cost.
            let block = key.block(&other);
            for (sign, drawn) in shifted.iter_mut().zip(block.chunks_exact(2)) {
                let drawn = u32::from(u16::from_le_bytes([drawn[0], drawn[1]]));
                sign.shift(((drawn * u32::from(sign.size())) >> 16) as u16);
            }
        } else {
            let mut pieces = key.stream_in_pieces();
            for piece in read.chunks(PIECE_BYTES) {
                other.extend(piece.iter().map(|sign| sign.index));
                pieces.update(&other);
                other.clear();
            }
            let mut stream = pieces.into_stream();
            shifted.iter_mut().for_each(|sign| sign.shift(stream.below_small(sign.size())));
        }
    }
}

impl Sign {
    fn size(self) -> u16 {
        u16::from(self.last) + 1
    }

    /// By less than the alphabet's size, so that one subtraction does for a division.
    fn shift(&mut self, by: u16) {
        let (moved, size) = (u16::from(self.index) + by, self.size());
        // Below the size, at most 256.
        self.index = if moved < size { moved } else { moved - size } as u8;
    }
}

impl Alphabet {
    fn describe(self, out: &mut Vec<u8>) {
        match self {
            Self::Lower => out.push(1),
            Self::Upper => out.push(2),
            Self::Digits => out.push(3),
            Self::Other(block, kind) => {
                let [_, high, middle, low] = block.to_be_bytes();
                out.extend_from_slice(&[4 + kind as u8, high, middle, low]);
            }
        }
    }
}

/// Members of the alphabets outside ASCII that a value needs; found once per value.
#[derive(Debug, Default)]
struct Alphabets {
    members: Vec<(Alphabet, Vec<char>)>,
}

impl Alphabets {
    /// The alphabet of a character and its place there, or `None` for characters that stay.
    fn locate(&mut self, character: char) -> Option<(Alphabet, Sign)> {
        let ascii = |alphabet, first, size: u8| {
            let index = character as u8 - first;
            Some((alphabet, Sign { index, last: size - 1 }))
        };
        match character {
            'a'..='z' => ascii(Alphabet::Lower, b'a', 26),
            'A'..='Z' => ascii(Alphabet::Upper, b'A', 26),
            '0'..='9' => ascii(Alphabet::Digits, b'0', 10),
            _ if character.is_ascii() => None,
            _ => {
                let alphabet = Alphabet::Other(character as u32 / BLOCK, kind(character)?);
                let members = self.members(alphabet);
                // At most BLOCK members, so the casts keep them.
                let index = members.binary_search(&character).ok()? as u8;
                Some((alphabet, Sign { index, last: (members.len() - 1) as u8 }))
            }
        }
    }

    fn character(&mut self, alphabet: Alphabet, index: u8) -> Option<char> {
        let ascii = |first: u8| Some(char::from(first + index));
        match alphabet {
            Alphabet::Lower => ascii(b'a'),
            Alphabet::Upper => ascii(b'A'),
            Alphabet::Digits => ascii(b'0'),
            Alphabet::Other(..) => self.members(alphabet).get(usize::from(index)).copied(),
        }
    }

    fn members(&mut self, alphabet: Alphabet) -> &[char] {
        let known = self.members.iter().position(|(other, _)| *other == alphabet);
        let at = known.unwrap_or_else(|| {
            let members = match alphabet {
                Alphabet::Other(block, wanted) => (block * BLOCK..(block + 1) * BLOCK)
                    .filter_map(char::from_u32)
                    .filter(|character| !character.is_ascii() && kind(*character) == Some(wanted))
                    .collect(),
                _ => Vec::new(),
            };
            self.members.push((alphabet, members));
            self.members.len() - 1
        });
        &self.members[at].1
    }
}

/// Which characters may replace each other, by the Unicode tables of the compiler: a letter that a later version adds
/// to a block changes the masks of its alphabet there. Letters that are neither case but have a lower one (titlecase) stay:
/// under citext they would meet others.
fn kind(character: char) -> Option<Kind> {
    if character.is_lowercase() {
        Some(Kind::Lower)
    } else if character.is_uppercase() {
        Some(Kind::Upper)
    } else if character.is_alphabetic() {
        character.to_lowercase().eq([character]).then_some(Kind::Letter)
    } else {
        character.is_numeric().then_some(Kind::Number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::digest::MaskKey;

    fn key() -> DomainKey {
        MaskKey::from_secret("a secret that only tests know").expect("long enough").domain("token")
    }

    fn run(value: &str) -> String {
        let mut out = Vec::new();
        token(&key(), value.as_bytes(), &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    /// Small enough to try every value: no two meet, and none leaves its shape.
    #[test]
    fn every_shape_is_permuted_onto_itself() {
        let digits =
            |count: usize| (0..10_usize.pow(count as u32)).map(move |n| format!("{n:0count$}")).collect::<HashSet<_>>();
        for count in 1..=4 {
            let values = digits(count);
            assert_eq!(values.iter().map(|value| run(value)).collect::<HashSet<_>>(), values);
        }
        let mixed: HashSet<_> = ('a'..='z').flat_map(|c| (0..10).map(move |n| format!("X-{c}{n}!"))).collect();
        let masked: HashSet<_> = mixed.iter().map(|value| run(value)).collect();
        assert_eq!(masked.len(), mixed.len());
        let greek: HashSet<_> = ('α'..='ω').flat_map(|a| ['ж', 'я', 'б'].map(|b| format!("{a}{b}"))).collect();
        let masked: HashSet<_> = greek.iter().map(|value| run(value)).collect();
        assert_eq!(masked.len(), greek.len());
        assert!(masked.iter().flat_map(|text| text.chars()).all(|c| c.is_lowercase() && !c.is_ascii()));
    }

    #[test]
    fn values_longer_than_a_piece_stay_apart() {
        let value = |last: char| format!("{}{}", "Ab1é".repeat(PIECE_BYTES), last);
        let (one, other) = (run(&value('x')), run(&value('y')));
        assert!(one != other && one.chars().count() == value('x').chars().count());
    }

    /// Of a value of 100 MB there are 100 million.
    #[test]
    fn a_sign_takes_two_bytes() {
        assert_eq!(size_of::<Sign>(), 2);
    }

    #[test]
    fn single_characters_never_stay() {
        for character in "azAZ09éЖא中٣".chars() {
            assert_ne!(run(&character.to_string()), character.to_string());
        }
    }

    #[test]
    fn one_changed_character_changes_both_halves() {
        let (a, b) = (run("aaaaaaaaaaaaaaaaaaaa"), run("aaaaaaaaaaaaaaaaaaab"));
        let same = a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
        assert!(same <= 5, "{a} {b}");
    }
}
