//! token and phone: character for character, so that the value keeps its shape and different values stay different.
//!
//! Letters and digits of a value are permuted by a keyed Feistel network over their alphabets; every other character
//! stays where it is. Each half in turn is shifted, position by position, by what the key makes of the other half, a
//! step that can be undone: hence two values never meet. (This is the construction of NIST SP 800-38G, FF1, with
//! addition per position for addition of one large number.)
//!
//! ```text
//! "Ab-12"  alphabets A-Z a-z 0-9 0-9 │ halves (A,1) (b,2) │ after 10 rounds (Y,4) (q,1) │ "Yq-41"
//! ```

use crate::digest::{DomainKey, Pieces, Tweak, scaled};

use super::permutation::ROUNDS;

/// Digits of a country code that a phone number keeps.
const COUNTRY_DIGITS: usize = 2;
/// Characters of other scripts are replaced within blocks of so many code points, so that they stay in their script.
const BLOCK: u32 = 256;
/// Characters of a half that one word holds and one block of numbers shifts, at two bytes each.
const LANES: usize = 8;
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
    permute(key, &[country], number, out);
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
    permute(key, &[&value[..start], b"\n", &value[end..]], &value[start..end], out);
    out.extend_from_slice(&value[end..]);
}

/// Where a character stands in its alphabet.
#[derive(Clone, Copy, Debug)]
struct Sign {
    index: u8,
    /// The last index of the alphabet, which has `BLOCK` characters at most.
    last: u8,
}

/// The characters to replace: two bytes each, since there are as many as the value has characters.
#[derive(Debug)]
struct Signs {
    chunks: Vec<Chunk>,
    length: usize,
}

/// So many in a row. Every second one belongs to the same half; places that none has are in an alphabet of one.
#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    indexes: [[u8; LANES]; 2],
    lasts: [[u8; LANES]; 2],
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

fn permute(key: &DomainKey, prefix: &[&[u8]], value: &[u8], out: &mut Vec<u8>) {
    let mut alphabets = Alphabets::default();
    let (tweak, mut signs) = located(key, prefix, value, &mut alphabets);
    signs.shuffle(key, tweak);
    let mut indexes = signs.indexes();
    if value.is_ascii() {
        // An index is below its alphabet's size, at most 26.
        let sign =
            |byte: &u8| ascii(*byte).map_or(Some(*byte), |(_, first, _)| indexes.next().map(|index| first + index));
        out.extend(value.iter().map(sign).map(|byte| byte.unwrap_or(b'?')));
        return;
    }
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            let replaced = match alphabets.locate(character) {
                Some((alphabet, _)) => indexes.next().and_then(|index| alphabets.character(alphabet, index)),
                None => None,
            };
            out.extend_from_slice(replaced.unwrap_or(character).encode_utf8(&mut [0; 4]).as_bytes());
        }
        // Servers send UTF-8 only; what is none would be nothing a token may keep.
        out.extend(chunk.invalid().iter().map(|_| b'?'));
    }
}

/// The characters to replace. The tweak is of their alphabets in order, which the permutation keeps.
fn located(key: &DomainKey, prefix: &[&[u8]], value: &[u8], alphabets: &mut Alphabets) -> (Tweak, Signs) {
    let mut signs = Signs { chunks: Vec::with_capacity(value.len().div_ceil(2 * LANES)), length: 0 };
    let mut shape = Shape::new(key, prefix, value.len());
    if value.is_ascii() {
        for (alphabet, first, last, byte) in
            value.iter().filter_map(|byte| ascii(*byte).map(|(alphabet, first, last)| (alphabet, first, last, byte)))
        {
            shape.add(alphabet);
            signs.push(Sign { index: byte - first, last });
        }
    } else {
        for character in value.utf8_chunks().flat_map(|chunk| chunk.valid().chars()) {
            if let Some((alphabet, sign)) = alphabets.locate(character) {
                shape.add(alphabet);
                signs.push(sign);
            }
        }
    }
    (shape.tweak(), signs)
}

/// Alphabets in order, behind a prefix.
struct Shape<'k> {
    key: &'k DomainKey,
    before: Option<Pieces>,
    piece: Vec<u8>,
}

impl<'k> Shape<'k> {
    fn new(key: &'k DomainKey, prefix: &[&[u8]], bytes: usize) -> Self {
        let prefix_bytes: usize = prefix.iter().map(|part| part.len()).sum();
        let mut piece = Vec::with_capacity(prefix_bytes + 1 + bytes.min(2 * PIECE_BYTES));
        prefix.iter().for_each(|part| piece.extend_from_slice(part));
        piece.push(0);
        Self { key, before: None, piece }
    }

    #[inline]
    fn add(&mut self, alphabet: Alphabet) {
        if self.piece.len() >= PIECE_BYTES {
            self.before.get_or_insert_with(|| self.key.tweak_in_pieces()).update(&self.piece);
            self.piece.clear();
        }
        alphabet.describe(&mut self.piece);
    }

    fn tweak(self) -> Tweak {
        match self.before {
            None => self.key.tweak(&self.piece),
            Some(mut before) => {
                before.update(&self.piece);
                before.into_tweak()
            }
        }
    }
}

impl Signs {
    #[inline]
    fn push(&mut self, sign: Sign) {
        let at = self.length % (2 * LANES);
        if at == 0 {
            self.chunks.push(Chunk::default());
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.indexes[at % 2][at / 2] = sign.index;
            chunk.lasts[at % 2][at / 2] = sign.last;
        }
        self.length += 1;
    }

    fn indexes(&self) -> impl Iterator<Item = u8> {
        let lanes = |chunk: &Chunk| {
            let [even, odd] = chunk.indexes;
            std::array::from_fn::<_, { 2 * LANES }, _>(|at| if at % 2 == 0 { even[at / 2] } else { odd[at / 2] })
        };
        self.chunks.iter().flat_map(lanes).take(self.length)
    }

    fn shuffle(&mut self, key: &DomainKey, tweak: Tweak) {
        if self.length == 1 {
            return self.chunks[0].shift_only(key, tweak);
        }
        for number in 0..ROUNDS {
            let (shifted, read) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
            let mut round = key.round(tweak, number);
            self.chunks.iter().for_each(|chunk| round.update(u64::from_le_bytes(chunk.indexes[read])));
            let mut numbers = round.numbers();
            self.chunks.iter_mut().for_each(|chunk| chunk.shift(shifted, numbers.block()));
        }
    }
}

impl Chunk {
    /// Shifts characters within their alphabets, each by the number that two bytes of the block make.
    #[inline]
    fn shift(&mut self, half: usize, block: [u8; 2 * LANES]) {
        let (mut indexes, lasts) = (self.indexes[half], self.lasts[half]);
        for lane in 0..LANES {
            let size = u16::from(lasts[lane]) + 1;
            let by = scaled(u16::from_le_bytes([block[2 * lane], block[2 * lane + 1]]), size);
            // Less than the size, so that one subtraction does for a division; the result is below it, at most 255.
            let moved = u16::from(indexes[lane]) + by;
            indexes[lane] = if moved < size { moved } else { moved - size } as u8;
        }
        self.indexes[half] = indexes;
    }

    /// The only character of a value has no other half to depend on: it is shifted by at least one place.
    fn shift_only(&mut self, key: &DomainKey, tweak: Tweak) {
        let (index, last) = (u16::from(self.indexes[0][0]), u16::from(self.lasts[0][0]));
        let [a, b, ..] = key.round(tweak, 0).numbers().block();
        // Below the size again, at most 255. In an alphabet of one nothing moves.
        self.indexes[0][0] = ((index + 1 + scaled(u16::from_le_bytes([a, b]), last)) % (last + 1)) as u8;
    }
}

/// Alphabet, first character and last index of a letter or digit.
#[inline]
fn ascii(byte: u8) -> Option<(Alphabet, u8, u8)> {
    match byte {
        b'a'..=b'z' => Some((Alphabet::Lower, b'a', 25)),
        b'A'..=b'Z' => Some((Alphabet::Upper, b'A', 25)),
        b'0'..=b'9' => Some((Alphabet::Digits, b'0', 9)),
        _ => None,
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
        if let Ok(byte) = u8::try_from(character)
            && byte.is_ascii()
        {
            return ascii(byte).map(|(alphabet, first, last)| (alphabet, Sign { index: byte - first, last }));
        }
        let alphabet = Alphabet::Other(character as u32 / BLOCK, kind(character)?);
        let members = self.members(alphabet);
        // At most BLOCK members, so the casts keep them.
        let index = members.binary_search(&character).ok()? as u8;
        Some((alphabet, Sign { index, last: (members.len() - 1) as u8 }))
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
