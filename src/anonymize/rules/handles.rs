//! hash, email, username: texts that carry enough of a digest to stay apart.

use crate::digest::Stream;

use super::names;

/// Characters of a handle's digest: a letter and 12 of 32 signs, 64.6 bits.
pub(crate) const DIGEST_CHARS: usize = 13;
/// Most characters of a handle; the local part of an address has a dot more.
pub(crate) const HANDLE_CHARS: usize = names::FIRST_NAME_CHARS + DIGEST_CHARS;
/// Fewest characters of a digest: under that, collisions are to be expected among some ten thousand values.
pub(super) const DIGEST_LEAST_CHARS: usize = 8;

/// Lower-case letters and digits without those that look alike (0 and o, 1 and l). The letters come first.
const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LETTERS: u16 = 24;

pub(super) fn hash(stream: &mut Stream, chars: usize, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digest: [u8; 32] = stream.bytes();
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| HEX[usize::from(nibble)]);
    out.extend(digits.take(chars));
}

/// `otto.k3f9x2mw7qp4t@host`. What does not fit is cut from the word first, so that the digest stays whole as long as
/// it can; a shorter digest is a prefix of the longer one.
pub(super) fn email(stream: &mut Stream, host: &str, limit: usize, out: &mut Vec<u8>) {
    handle(stream, Some(b'.'), limit.saturating_sub(1 + host.chars().count()), out);
    out.push(b'@');
    out.extend_from_slice(host.as_bytes());
}

/// Puts letters of an address into upper case, as the value's spelling has it: addresses that differ in case only become
/// such, so that they are equal where case plays no part and stay different where it does.
pub(super) fn spell(stream: &mut Stream, address: &mut [u8]) {
    let end = address.iter().rposition(|byte| *byte == b'@').unwrap_or(address.len());
    let mut bits = stream.next_u64();
    for letter in &mut address[..end] {
        if bits & 1 == 1 {
            letter.make_ascii_uppercase();
        }
        bits = bits.rotate_right(1);
    }
    // All in lower case is the spelling of the address in lower case.
    if !address[..end].iter().any(u8::is_ascii_uppercase)
        && let Some(first) = address[..end].iter_mut().find(|byte| byte.is_ascii_lowercase())
    {
        first.make_ascii_uppercase();
    }
}

/// `ottok3f9x2mw7qp4t`: letters and digits only and a letter first, which is what sites allow in handles.
pub(super) fn username(stream: &mut Stream, limit: usize, out: &mut Vec<u8>) {
    handle(stream, None, limit, out);
}

fn handle(stream: &mut Stream, separator: Option<u8>, limit: usize, out: &mut Vec<u8>) {
    // Digest before word: the digest is the same whatever becomes of the word lists.
    let digest = digest(stream);
    let word = names::first_name(stream);
    let room = limit.saturating_sub(DIGEST_CHARS + usize::from(separator.is_some())).min(word.len());
    if room > 0 {
        out.extend(word.as_bytes()[..room].iter().map(u8::to_ascii_lowercase));
        out.extend(separator);
    }
    out.extend_from_slice(&digest[..DIGEST_CHARS.min(limit)]);
}

pub(super) fn digest(stream: &mut Stream) -> [u8; DIGEST_CHARS] {
    let mut digest = [SIGNS[usize::from(stream.below_small(LETTERS))]; DIGEST_CHARS];
    let mut bits = stream.next_u64();
    for sign in &mut digest[1..] {
        *sign = SIGNS[(bits & 31) as usize];
        bits >>= 5;
    }
    digest
}
