//! Numbers that the rounds of a shape-preserving permutation add: AES-128 in CBC-MAC, the round function of FF1 (NIST
//! SP 800-38G, algorithm 7, steps 6.ii and 6.iii). A block of it costs a tenth of a keyed digest, and a value needs ten.
//!
//! ```text
//! tweak ⊕ (round, half) ──AES──▶ … ──AES──▶ R   numbers of R ‖ AES(R ⊕ 1) ‖ AES(R ⊕ 2) ‖ …
//! ```
//!
//! The tweak is a keyed digest and takes the place of FF1's first block. Whoever permutes makes it of all that decides
//! how long the halves are: under one tweak every message of a round has one length, as CBC-MAC asks.

use std::fmt;

use aes::Aes128Enc;
use aes::cipher::{Array, BlockCipherEncrypt};

/// Bytes of a block, and of the key.
pub(super) const BLOCK_BYTES: usize = 16;

/// What a permutation depends on beside its key: values of another shape are permuted in another way.
#[derive(Clone, Copy)]
pub struct Tweak(u128);

impl Tweak {
    pub(super) fn of(digest: blake3::Hash) -> Self {
        let mut tweak = [0; BLOCK_BYTES];
        tweak.copy_from_slice(&digest.as_bytes()[..BLOCK_BYTES]);
        Self(u128::from_le_bytes(tweak))
    }
}

/// A round that reads its half.
pub struct Round<'k> {
    cipher: &'k Aes128Enc,
    state: u128,
    /// Only the lower word of the block has been used.
    has_room: bool,
}

impl<'k> Round<'k> {
    pub(super) fn new(cipher: &'k Aes128Enc, tweak: Tweak, number: u8) -> Self {
        Self { cipher, state: tweak.0 ^ u128::from(number), has_room: true }
    }

    /// Adds a word of the half.
    #[inline]
    pub fn update(&mut self, word: u64) {
        self.state = if self.has_room {
            self.state ^ u128::from(word) << 64
        } else {
            encrypt(self.cipher, self.state) ^ u128::from(word)
        };
        self.has_room = !self.has_room;
    }

    /// The numbers that belong to what was read.
    #[inline]
    pub fn numbers(self) -> Numbers<'k> {
        Numbers { cipher: self.cipher, first: encrypt(self.cipher, self.state), blocks: 0 }
    }
}

/// The numbers of a round, as many as are asked for.
pub struct Numbers<'k> {
    cipher: &'k Aes128Enc,
    first: u128,
    blocks: u64,
}

impl Numbers<'_> {
    /// The next bytes of them.
    #[inline]
    pub fn block(&mut self) -> [u8; BLOCK_BYTES] {
        let block = match self.blocks {
            0 => self.first,
            count => encrypt(self.cipher, self.first ^ u128::from(count)),
        };
        self.blocks += 1;
        block.to_le_bytes()
    }
}

impl fmt::Debug for Tweak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tweak(redacted)")
    }
}

impl fmt::Debug for Round<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Round(redacted)")
    }
}

impl fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers(redacted)")
    }
}

#[inline]
fn encrypt(cipher: &Aes128Enc, block: u128) -> u128 {
    let mut block = Array(block.to_le_bytes());
    cipher.encrypt_block(&mut block);
    u128::from_le_bytes(block.0)
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;

    use super::*;

    /// FIPS 197, appendix C.1: what AES makes of this block, whatever the machine's instructions.
    #[test]
    fn the_cipher_is_the_standards() {
        let cipher = Aes128Enc::new(&Array(std::array::from_fn(|at| at as u8)));
        let plain = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.swap_bytes();
        let expected = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128.to_be_bytes();
        assert_eq!(encrypt(&cipher, plain).to_le_bytes(), expected);
        // A round that reads one word is a CBC-MAC of one block.
        let (number, word) = (0x5a, (plain >> 64) as u64);
        let mut round = Round::new(&cipher, Tweak(plain & u128::from(u64::MAX) ^ number), number as u8);
        round.update(word);
        let mut numbers = round.numbers();
        assert_eq!(numbers.block(), expected);
        assert_ne!(numbers.block(), expected);
    }

    #[test]
    fn numbers_depend_on_tweak_round_and_half() {
        let cipher = Aes128Enc::new(&Array([7; BLOCK_BYTES]));
        let first = |tweak: u128, number: u8, half: &[u64]| {
            let mut round = Round::new(&cipher, Tweak(tweak), number);
            half.iter().for_each(|word| round.update(*word));
            round.numbers().block()
        };
        let mut halves = vec![vec![1], vec![2], vec![1; 6]];
        halves.extend((0..6).map(|at| (0..6).map(|nth| 1 + u64::from(nth == at)).collect()));
        let all = halves.iter().map(|half| first(0, 0, half)).chain([first(0x100, 0, &[1]), first(0, 1, &[1])]);
        let distinct: std::collections::HashSet<_> = all.collect();
        assert_eq!(distinct.len(), halves.len() + 2);
    }
}
