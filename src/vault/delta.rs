//! Differences between two versions of a file, in the way of rsync.
//!
//! The library behind it holds both sides in memory, panics or loops over a header that says block size 0, and promises
//! a probably equal result. So: files of bounded size, headers checked before they reach it, windows of the new file,
//! results limited in length; and whoever applies a delta checks the result's hash, or takes the whole file.

use std::io::{self, ErrorKind};

use fast_rsync::{Signature, SignatureOptions, apply_limited, diff};

/// Smaller files are sent whole: asking would cost more than they do.
pub(crate) const DELTA_FROM_BYTES: u64 = 1 << 20;
/// An old version of more is not held in memory: the new one comes whole.
pub(crate) const BASE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of the new file that one delta is about.
pub(crate) const WINDOW_BYTES: u32 = 8 << 20;

const MAGIC_MD4: u32 = 0x7273_0136;
const HEADER_BYTES: usize = 12;
const BLOCK_BYTES: std::ops::RangeInclusive<u32> = 512..=1 << 20;
const STRONG_BYTES: u32 = 16;
const ENTRY_BYTES: usize = 4 + STRONG_BYTES as usize;

/// Why there is no delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeltaFault {
    /// No signature as this program makes them.
    Signature,
    /// Less than a quarter of the first window is in the old version.
    Unlike,
}

/// Whether a file is worth asking for a delta.
pub(crate) fn worth_it(old_bytes: u64, new_bytes: u64) -> bool {
    (DELTA_FROM_BYTES..=BASE_BYTES_MAX).contains(&old_bytes) && new_bytes >= DELTA_FROM_BYTES
}

/// The most bytes that a delta about so many may take.
pub(crate) fn longest_delta(window_bytes: u32) -> u64 {
    u64::from(window_bytes) + u64::from(window_bytes) / 8 + (64 << 10)
}

/// Describes the old version.
pub(crate) fn signature(old: &[u8]) -> Vec<u8> {
    let options = SignatureOptions { block_size: block_bytes(old.len() as u64), crypto_hash_size: STRONG_BYTES };
    Signature::calculate(old, options).into_serialized()
}

/// The square root of the size, which makes signature and delta about equally long.
fn block_bytes(size: u64) -> u32 {
    let root = (size as f64).sqrt() as u32;
    root.next_multiple_of(64).clamp(2 << 10, 64 << 10)
}

/// A signature from another machine, its header checked.
///
/// # Errors
/// `DeltaFault::Signature`
pub(crate) fn check_signature(bytes: Vec<u8>) -> Result<Signature, DeltaFault> {
    let number = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
    let [magic, block, strong] = [number(0), number(4), number(8)];
    let entries = bytes.len().saturating_sub(HEADER_BYTES);
    let blocks_max = block
        .filter(|block| BLOCK_BYTES.contains(block))
        .map(|block| BASE_BYTES_MAX.div_ceil(u64::from(block)) + 1)
        .ok_or(DeltaFault::Signature)?;
    let fits = magic == Some(MAGIC_MD4)
        && strong == Some(STRONG_BYTES)
        && entries.is_multiple_of(ENTRY_BYTES)
        && (entries / ENTRY_BYTES) as u64 <= blocks_max;
    if !fits {
        return Err(DeltaFault::Signature);
    }
    Signature::deserialize(bytes).map_err(|_| DeltaFault::Signature)
}

/// What makes a window of the new version out of the old one.
///
/// # Errors
/// `DeltaFault::Unlike` where `first` and little of it is in the old version.
pub(crate) fn delta(signature: &Signature, window: &[u8], first: bool) -> Result<Vec<u8>, DeltaFault> {
    let mut out = Vec::new();
    diff(&signature.index(), window, &mut out).map_err(|_| DeltaFault::Signature)?;
    if first && out.len() > window.len() / 4 * 3 {
        return Err(DeltaFault::Unlike);
    }
    Ok(out)
}

/// The window of the new version.
///
/// # Errors
/// `InvalidData` where the delta is broken or makes another length.
pub(crate) fn apply(old: &[u8], delta: &[u8], window_bytes: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(window_bytes.min(WINDOW_BYTES as usize));
    let applied = apply_limited(old, delta, &mut out, window_bytes);
    if applied.is_err() || out.len() != window_bytes {
        return Err(io::Error::new(ErrorKind::InvalidData, "a delta that does not fit its file"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(count: usize, seed: u64) -> Vec<u8> {
        let mut out = vec![0; count];
        blake3::Hasher::new_derive_key("tithe test bytes").update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
        out
    }

    fn header(magic: u32, block: u32, strong: u32, entries: usize) -> Vec<u8> {
        let mut out: Vec<u8> = [magic, block, strong].iter().flat_map(|number| number.to_be_bytes()).collect();
        out.resize(out.len() + entries, 7);
        out
    }

    #[test]
    fn a_changed_window_comes_out_again() {
        let old = bytes(3 << 20, 1);
        let mut new = old.clone();
        new[1_000_000..1_000_100].fill(0);
        new.splice(2_000_000..2_000_000, [1, 2, 3]);
        let signature = check_signature(signature(&old)).unwrap();
        let made = delta(&signature, &new, true).unwrap();
        assert!(made.len() < 100_000, "{}", made.len());
        assert_eq!(apply(&old, &made, new.len()).unwrap(), new);
        assert!(apply(&old, &made, new.len() - 1).is_err() && apply(&old, &made, new.len() + 1).is_err());
    }

    #[test]
    fn unlike_files_are_given_up_early() {
        let signature = check_signature(signature(&bytes(2 << 20, 1))).unwrap();
        assert_eq!(delta(&signature, &bytes(2 << 20, 2), true).unwrap_err(), DeltaFault::Unlike);
        assert!(delta(&signature, &bytes(1 << 20, 2), false).unwrap().len() as u64 <= longest_delta(1 << 20));
    }

    /// With these `diff` panics or never ends (fast_rsync 0.2.0).
    #[test]
    fn a_block_size_of_zero_is_refused() {
        let empty_md4 =
            [0x31, 0xd6, 0xcf, 0xe0, 0xd1, 0x6a, 0xe9, 0x31, 0xb7, 0x3c, 0x59, 0xd7, 0xe0, 0xc0, 0x89, 0xc0];
        let mut looping = header(MAGIC_MD4, 0, 16, 4);
        looping[12..].fill(0);
        looping.extend(empty_md4);
        for odd in [
            header(MAGIC_MD4, 0, 16, 0),
            looping,
            header(MAGIC_MD4, 2048, 0, 40),
            header(MAGIC_MD4, 2048, 17, 21),
            header(MAGIC_MD4, 511, 16, 20),
            header(MAGIC_MD4, (1 << 20) + 1, 16, 20),
            header(0x7273_0137, 2048, 16, 20),
            header(MAGIC_MD4, 2048, 16, 19),
            header(MAGIC_MD4, 1 << 20, 16, 20 * 258),
            vec![0x72, 0x73, 1],
            Vec::new(),
        ] {
            assert_eq!(check_signature(odd).unwrap_err(), DeltaFault::Signature);
        }
        assert!(check_signature(header(MAGIC_MD4, 512, 16, 0)).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever passes the check can be worked with.
        #[test]
        fn odd_signatures_do_no_harm(
            block in prop_oneof![Just(0_u32), Just(512), Just(2048), any::<u32>()],
            strong in prop_oneof![Just(16_u32), 0..20_u32],
            entries in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut signature = header(MAGIC_MD4, block, strong, 0);
            signature.extend(&entries[..entries.len() / 20 * 20]);
            if let Ok(signature) = check_signature(signature) {
                let window = bytes(5000, 3);
                let made = delta(&signature, &window, false).unwrap();
                prop_assert!(made.len() as u64 <= longest_delta(5000));
            }
        }

        #[test]
        fn odd_deltas_do_no_harm(delta in proptest::collection::vec(any::<u8>(), 0..200), limit in 0..10_000_usize) {
            let mut with_magic = vec![0x72, 0x73, 0x02, 0x36];
            with_magic.extend(&delta);
            for delta in [&delta, &with_magic] {
                if let Ok(out) = apply(&[5; 3000], delta, limit) {
                    prop_assert_eq!(out.len(), limit);
                }
            }
        }
    }
}
