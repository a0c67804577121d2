//! uuid: another one, of version 4, in the spelling of the value.

use std::borrow::Cow;

use uuid::{Builder, Uuid};

use crate::anonymize::codec::push_uuid;
use crate::digest::Stream;

/// Characters of the shortest spelling, without hyphens.
pub(super) const LEAST_CHARS: usize = 32;
const HYPHENATED_CHARS: usize = 36;

/// How a text spells a uuid. Different spellings of one uuid are different texts, and must stay so in a unique column.
#[derive(Clone, Copy)]
struct Spelling {
    braces: bool,
    hyphens: bool,
    upper: bool,
}

pub(in crate::anonymize) fn mask(stream: &mut Stream) -> Uuid {
    Builder::from_random_bytes(stream.bytes()).into_uuid()
}

/// The uuid itself, as a column of that type has it; text that is none, or in mixed case, as it stands.
pub(super) fn identity(value: &[u8]) -> Cow<'_, [u8]> {
    read(value).map_or(Cow::Borrowed(value), |(uuid, _)| {
        let mut text = Vec::with_capacity(HYPHENATED_CHARS);
        push_uuid(uuid, &mut text);
        Cow::Owned(text)
    })
}

pub(super) fn write(stream: &mut Stream, value: &[u8], limit: usize, out: &mut Vec<u8>) {
    let plain = Spelling { braces: false, hyphens: limit >= HYPHENATED_CHARS, upper: false };
    let spelling = read(value).map_or(plain, |(_, spelling)| spelling);
    let mut text = Vec::with_capacity(HYPHENATED_CHARS);
    push_uuid(mask(stream), &mut text);
    text.retain(|byte| spelling.hyphens || *byte != b'-');
    if spelling.upper {
        text.make_ascii_uppercase();
    }
    out.extend(spelling.braces.then_some(b'{'));
    out.extend_from_slice(&text);
    out.extend(spelling.braces.then_some(b'}'));
}

fn read(value: &[u8]) -> Option<(Uuid, Spelling)> {
    let inside = value.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let text = inside.unwrap_or(value);
    let hyphens = match text.len() {
        HYPHENATED_CHARS => true,
        LEAST_CHARS => false,
        _ => return None,
    };
    let upper = text.iter().any(u8::is_ascii_uppercase);
    if upper && text.iter().any(u8::is_ascii_lowercase) {
        return None;
    }
    Some((Uuid::try_parse_ascii(text).ok()?, Spelling { braces: inside.is_some(), hyphens, upper }))
}
