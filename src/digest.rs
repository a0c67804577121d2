//! Digests: keyed derivation for masks, the sample's seed, and checksums of rows.
//!
//! Everything here is BLAKE3 with a context of its own, so that no two uses can ever meet on the same output; what it
//! cannot be, a permutation, is made of AES under keys and tweaks that are BLAKE3. Owns no policy: which value is masked
//! how is decided in `anonymize`, which rows are drawn in `plan`.
//!
//! ```text
//! TITHE_KEY ──derive_key──▶ MaskKey ──keyed XOF(domain)──▶ DomainKey ┬─keyed XOF(value)──▶ Stream
//!                                                                    └─tweak(shape)──▶ Round ──AES──▶ Numbers
//! ```

mod rounds;

use std::fmt;

use aes::Aes128Enc;
use aes::cipher::{Array, KeyInit};

use crate::error::{Error, ErrorKind, Result};
use rounds::BLOCK_BYTES;
pub use rounds::{Numbers, Round, Tweak};

const KEY_CONTEXT: &str = "tithe 2026 mask key";
const FINGERPRINT_CONTEXT: &str = "tithe 2026 mask key fingerprint";
const SEED_CONTEXT: &str = "tithe 2026 sample seed";

/// Fewest characters of the secret. Masks and the fingerprint are public; a short secret could be found from them by
/// trying.
const SECRET_MIN_CHARS: usize = 16;

/// Marks a NULL field in a row's checksum; no field is that long.
const NULL_LENGTH: u32 = u32::MAX;

/// The secret that masks depend on. Neither printed nor serialized.
#[derive(Clone)]
pub struct MaskKey([u8; 32]);

impl MaskKey {
    /// Derives the key from the text of the secret; white space around it does not count.
    ///
    /// # Errors
    /// `ErrorKind::Refused` when the secret is too short to resist guessing.
    pub fn from_secret(secret: &str) -> Result<Self> {
        let secret = secret.trim();
        if secret.chars().count() < SECRET_MIN_CHARS {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("the secret TITHE_KEY has fewer than {SECRET_MIN_CHARS} characters: masks could be guessed"),
            )
            .with_remedy("set TITHE_KEY to the output of `openssl rand -hex 32`, the same for every run"));
        }
        Ok(Self(blake3::derive_key(KEY_CONTEXT, secret.as_bytes())))
    }

    /// 16 hexadecimal characters that tell two keys apart in reports without giving them away.
    pub fn fingerprint(&self) -> String {
        let digest = blake3::derive_key(FINGERPRINT_CONTEXT, &self.0);
        blake3::Hash::from_bytes(digest).to_hex()[..16].to_owned()
    }

    /// The key of one domain: equal values mask equally within a domain and unrelatedly outside it.
    pub fn domain(&self, name: &str) -> DomainKey {
        let mut stream = blake3::Hasher::new_keyed(&self.0).update(name.as_bytes()).finalize_xof();
        let (mut streams, mut tweaks, mut rounds) = ([0; 32], [0; 32], [0; BLOCK_BYTES]);
        stream.fill(&mut streams);
        stream.fill(&mut tweaks);
        stream.fill(&mut rounds);
        DomainKey { streams, tweaks, rounds: Aes128Enc::new(&Array(rounds)) }
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(redacted)")
    }
}

/// A [`MaskKey`] narrowed to a domain.
#[derive(Clone)]
pub struct DomainKey {
    streams: [u8; 32],
    // Apart from `streams`: what is drawn from a stream may be printed (a hash is), a tweak never.
    tweaks: [u8; 32],
    rounds: Aes128Enc,
}

impl DomainKey {
    /// The endless stream of numbers that belongs to `value`.
    pub fn stream(&self, value: &[u8]) -> Stream {
        Stream::new(&self.streams, value)
    }

    /// The tweak of the permutation that `shape` names.
    pub fn tweak(&self, shape: &[u8]) -> Tweak {
        Tweak::of(blake3::keyed_hash(&self.tweaks, shape))
    }

    /// As [`Self::tweak`], of a shape too long to be held at once.
    pub fn tweak_in_pieces(&self) -> Pieces {
        Pieces(blake3::Hasher::new_keyed(&self.tweaks))
    }

    /// Begins a round of a permutation.
    pub fn round(&self, tweak: Tweak, number: u8) -> Round<'_> {
        Round::new(&self.rounds, tweak, number)
    }
}

impl fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DomainKey(redacted)")
    }
}

/// A shape, one piece after the other.
pub struct Pieces(blake3::Hasher);

impl Pieces {
    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The tweak of the whole.
    pub fn into_tweak(self) -> Tweak {
        Tweak::of(self.0.finalize())
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pieces(redacted)")
    }
}

/// Pseudo-random numbers derived from one value. Draws are little-endian, so every machine sees the same ones.
pub struct Stream {
    reader: blake3::OutputReader,
    // One XOF block: a draw costs a compression only every 64 bytes.
    block: [u8; 64],
    used: usize,
}

impl Stream {
    fn new(key: &[u8; 32], value: &[u8]) -> Self {
        let reader = blake3::Hasher::new_keyed(key).update(value).finalize_xof();
        Self { reader, block: [0; 64], used: 64 }
    }

    /// The next `N` bytes (at most 64); what is left of a block too short for them is skipped.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 64) };
        if self.used + N > self.block.len() {
            self.reader.fill(&mut self.block);
            self.used = 0;
        }
        let mut drawn = [0; N];
        drawn.copy_from_slice(&self.block[self.used..self.used + N]);
        self.used += N;
        drawn
    }

    /// 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A number below `bound` (0 where that is 0). The bias of multiply-and-shift is at most bound / 2^32.
    pub fn below(&mut self, bound: u32) -> u32 {
        let drawn = u64::from(u32::from_le_bytes(self.bytes()));
        // The product of two 32-bit numbers, shifted: always below `bound`.
        ((drawn * u64::from(bound)) >> 32) as u32
    }

    /// As [`Self::below`] for single characters, from half the bytes.
    pub fn below_small(&mut self, bound: u16) -> u16 {
        scaled(u16::from_le_bytes(self.bytes()), bound)
    }

    /// One entry of `list`; the empty text where the list is empty.
    pub fn pick(&mut self, list: &[&'static str]) -> &'static str {
        let index = self.below(u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
        list.get(index).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(redacted)")
    }
}

/// A number below `bound` (0 where that is 0): the product of two 16-bit numbers, shifted. Its bias is at most
/// bound / 2^16.
#[inline]
pub fn scaled(drawn: u16, bound: u16) -> u16 {
    ((u32::from(drawn) * u32::from(bound)) >> 16) as u16
}

/// BLAKE3 of a text, in hexadecimal: says whether two files are the same.
pub fn text_digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The 64-bit seed of the sample's draw from the seed text of the profile. Public by design: it decides who is in
/// the sample, not what is seen of them.
pub fn seed_from_text(text: &str) -> i64 {
    let digest = blake3::derive_key(SEED_CONTEXT, text.as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Checksum over a set of rows that does not depend on their order, so that parallel readers can be added up.
///
/// Each row's 128-bit digest is added modulo 2^128 rather than combined by exclusive or: a row that arrives twice
/// must not cancel out.
#[derive(Clone, Default)]
pub struct RowChecksum {
    sum: u128,
    rows: u64,
    row: Vec<u8>,
}

impl RowChecksum {
    /// Adds one row; `None` is NULL.
    pub fn add<'a>(&mut self, fields: impl Iterator<Item = Option<&'a [u8]>>) {
        self.sum = self.sum.wrapping_add(row_digest(fields, &mut self.row));
        self.rows += 1;
    }

    /// Adds another reader's rows.
    pub fn merge(&mut self, other: &Self) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.rows += other.rows;
    }

    /// Rows added so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// Digest of one row; `None` is NULL, `buffer` is only reused.
pub fn row_digest<'a>(fields: impl Iterator<Item = Option<&'a [u8]>>, buffer: &mut Vec<u8>) -> u128 {
    buffer.clear();
    for field in fields {
        // A field's length is bounded by 1 GiB, far below the mark for NULL.
        let length = field.map_or(NULL_LENGTH, |bytes| u32::try_from(bytes.len()).unwrap_or(NULL_LENGTH - 1));
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(field.unwrap_or_default());
    }
    let digest = blake3::hash(buffer);
    let mut low = [0; 16];
    low.copy_from_slice(&digest.as_bytes()[..16]);
    u128::from_le_bytes(low)
}

impl PartialEq for RowChecksum {
    fn eq(&self, other: &Self) -> bool {
        (self.sum, self.rows) == (other.sum, other.rows)
    }
}

impl Eq for RowChecksum {}

/// 32 hexadecimal digits.
impl fmt::Display for RowChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.sum)
    }
}

impl fmt::Debug for RowChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowChecksum({self}, {} rows)", self.rows)
    }
}

/// 16 hexadecimal digits that stand for these words.
pub fn short_hash(words: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for word in words {
        hasher.update(&(word.len() as u64).to_le_bytes()).update(word.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> MaskKey {
        MaskKey::from_secret(secret).expect("long enough")
    }

    #[test]
    fn pieces_are_what_they_are_together() {
        let domain = key("a secret that only tests know").domain("token");
        let (whole, mut pieces) = (domain.tweak(b"abcdef"), domain.tweak_in_pieces());
        [b"ab", b"cd", b"ef"].iter().for_each(|piece| pieces.update(*piece));
        let first = |tweak| domain.round(tweak, 0).numbers().block();
        assert_eq!(first(pieces.into_tweak()), first(whole));
    }

    #[test]
    fn keys_differ_by_secret_and_stay_out_of_debug() {
        let (one, two) = (key("0123456789abcdef"), key("0123456789abcdeg"));
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(one.fingerprint(), key(" 0123456789abcdef\n").fingerprint());
        assert_eq!(one.fingerprint().len(), 16);
        assert_eq!(format!("{one:?} {:?}", one.domain("d")), "MaskKey(redacted) DomainKey(redacted)");
        assert_eq!(MaskKey::from_secret("short").expect_err("too short").exit_code(), 10);
    }

    #[test]
    fn streams_depend_on_key_domain_and_value_alone() {
        let draw = |key: &MaskKey, domain: &str, value: &str| key.domain(domain).stream(value.as_bytes()).next_u64();
        let one = key("0123456789abcdef");
        assert_eq!(draw(&one, "email", "a"), draw(&one, "email", "a"));
        assert_ne!(draw(&one, "email", "a"), draw(&one, "email", "b"));
        assert_ne!(draw(&one, "email", "a"), draw(&one, "token", "a"));
        assert_ne!(draw(&one, "email", "a"), draw(&key("another secret ..."), "email", "a"));
    }

    #[test]
    fn bounded_draws_stay_below_their_bound_and_reach_every_value() {
        let mut stream = key("0123456789abcdef").domain("d").stream(b"v");
        let mut seen = [false; 10];
        for _ in 0..1_000 {
            seen[stream.below(10) as usize] = true;
            assert!(stream.below_small(26) < 26);
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(stream.pick(&[]), "");
    }

    /// The seed decides who is drawn: these values are public and must never move.
    #[test]
    fn seeds_are_golden() {
        assert_eq!(seed_from_text("staging-2026"), GOLDEN_STAGING);
        assert_eq!(seed_from_text(""), GOLDEN_EMPTY);
    }
    const GOLDEN_STAGING: i64 = 7_885_418_344_860_966_135;
    const GOLDEN_EMPTY: i64 = 5_596_387_848_694_538_366;

    #[test]
    fn checksums_ignore_order_and_see_everything_else() {
        let rows: [&[Option<&[u8]>]; 3] = [&[Some(b"a"), None], &[Some(b""), Some(b"a")], &[Some(b"a"), None]];
        let sum = |order: &[usize]| {
            let mut sum = RowChecksum::default();
            order.iter().for_each(|at| sum.add(rows[*at].iter().copied()));
            sum
        };
        assert_eq!(sum(&[0, 1, 2]), sum(&[2, 1, 0]));
        assert_ne!(sum(&[0, 1]).to_string(), sum(&[0, 1, 2]).to_string());
        assert_ne!(sum(&[0, 2]), sum(&[1]), "a row that comes twice does not cancel out");
        let (mut merged, other) = (sum(&[0]), sum(&[1, 2]));
        merged.merge(&other);
        assert_eq!((merged.to_string(), merged.rows()), (sum(&[0, 1, 2]).to_string(), 3));
        // The same bytes cut differently, and NULL against the empty text, are different rows.
        let one = |fields: &[Option<&[u8]>]| {
            let mut sum = RowChecksum::default();
            sum.add(fields.iter().copied());
            sum.to_string()
        };
        assert_ne!(one(&[Some(b"ab"), Some(b"c")]), one(&[Some(b"a"), Some(b"bc")]));
        assert_ne!(one(&[None]), one(&[Some(b"")]));
    }
}
