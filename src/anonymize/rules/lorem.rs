//! lorem: filler words over the same number of characters.

use fake::locales::{Data, EN};

use crate::digest::Stream;

pub(super) fn word(stream: &mut Stream) -> &'static str {
    stream.pick(EN::LOREM_WORD)
}

pub(super) fn lorem(stream: &mut Stream, chars: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let end = start + chars;
    out.reserve(chars);
    while out.len() < end {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(stream.pick(EN::LOREM_WORD).as_bytes());
    }
    // The words are ASCII, so bytes are characters.
    out.truncate(end);
    if let Some(first) = out.get_mut(start) {
        first.make_ascii_uppercase();
    }
    if let Some(last) = out[start..].last_mut().filter(|last| **last == b' ') {
        *last = b'.';
    }
}
