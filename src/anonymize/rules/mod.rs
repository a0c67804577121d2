//! The rules that need the key: from a value's stream of keyed numbers to a text that reads like the value.
//!
//! Each writes at most `limit` characters and looks at the value only for its shape (length, punctuation, netmask);
//! everything else comes from the stream.

mod characters;
mod handles;
mod ip;
mod lorem;
mod names;

use std::borrow::Cow;

use uuid::{Builder, Uuid};

use super::codec::{self, push_uuid};
use crate::digest::{DomainKey, Stream};
use crate::profile::MaskSpec;

pub(super) use handles::DIGEST_CHARS;
pub(super) use ip::mask as mask_net;

/// How often a mask that came out as the value itself is drawn again: a first name among three thousand does.
const DRAWS: usize = 4;
/// Characters of the shortest printed uuid, without hyphens.
const UUID_CHARS: usize = 32;

/// A rule that needs the key, ready to use.
#[derive(Clone, Debug)]
pub(super) enum Keyed {
    Hash { chars: usize },
    Token,
    Uuid,
    Email { host: String },
    Username,
    FirstName,
    LastName,
    FullName,
    Phone,
    Street,
    City,
    Company,
    Ip,
    Lorem,
}

impl Keyed {
    /// The rule of that specification; `None` where it needs no key.
    pub(super) fn new(spec: &MaskSpec) -> Option<Self> {
        Some(match spec {
            MaskSpec::Hash { length } => Self::Hash { chars: *length as usize },
            MaskSpec::Token => Self::Token,
            MaskSpec::Uuid => Self::Uuid,
            MaskSpec::Email { host } => Self::Email { host: host.clone() },
            MaskSpec::Username => Self::Username,
            MaskSpec::FirstName => Self::FirstName,
            MaskSpec::LastName => Self::LastName,
            MaskSpec::FullName => Self::FullName,
            MaskSpec::Phone => Self::Phone,
            MaskSpec::Street => Self::Street,
            MaskSpec::City => Self::City,
            MaskSpec::Company => Self::Company,
            MaskSpec::Ip => Self::Ip,
            MaskSpec::Lorem => Self::Lorem,
            MaskSpec::Keep | MaskSpec::Null | MaskSpec::Constant(_) | MaskSpec::Template(_) | MaskSpec::EmptyJson => {
                return None;
            }
        })
    }

    /// Characters a column must take for the rule to make sense.
    pub(super) fn least_chars(&self) -> usize {
        match self {
            Self::Hash { .. } | Self::Username => handles::DIGEST_LEAST_CHARS,
            Self::Email { host } => handles::DIGEST_LEAST_CHARS + 1 + host.chars().count(),
            Self::Uuid => UUID_CHARS,
            Self::Ip => ip::LEAST_CHARS,
            _ => 1,
        }
    }

    /// Appends the mask of the canonical text `value`, which is not empty.
    pub(super) fn write(&self, key: &DomainKey, value: &[u8], limit: usize, out: &mut Vec<u8>) {
        let start = out.len();
        match self {
            // Permutations: drawing again would make two values meet.
            Self::Token => characters::token(key, value, out),
            Self::Phone => characters::phone(key, value, out),
            _ => {
                let mut stream = key.stream(&self.identity(value));
                for _ in 0..DRAWS {
                    out.truncate(start);
                    self.draw(&mut stream, value, limit, out);
                    codec::fit(out, start, limit);
                    if !out[start..].eq_ignore_ascii_case(value) {
                        break;
                    }
                }
            }
        }
        codec::fit(out, start, limit);
    }

    /// What the stream is derived from: the canonical value, narrowed to what the rule takes as the same value.
    fn identity<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Uuid => Uuid::try_parse_ascii(value).map_or(Cow::Borrowed(value), |uuid| {
                let mut text = Vec::with_capacity(36);
                push_uuid(uuid, &mut text);
                Cow::Owned(text)
            }),
            Self::Ip => ip::identity(value),
            _ => Cow::Borrowed(value),
        }
    }

    fn draw(&self, stream: &mut Stream, value: &[u8], limit: usize, out: &mut Vec<u8>) {
        let start = out.len();
        match self {
            Self::Token | Self::Phone => {}
            Self::Hash { chars } => handles::hash(stream, (*chars).min(limit), out),
            Self::Email { host } => handles::email(stream, host, limit, out),
            Self::Username => handles::username(stream, limit, out),
            Self::Uuid => {
                push_uuid(uuid(stream), out);
                if limit < 36 {
                    let simple = out.split_off(start);
                    out.extend(simple.into_iter().filter(|byte| *byte != b'-'));
                }
            }
            Self::FirstName => names::first(stream, out),
            Self::LastName => names::last(stream, out),
            Self::FullName => names::full(stream, out),
            Self::Street => names::street(stream, out),
            Self::City => names::city(stream, out),
            Self::Company => names::company(stream, out),
            Self::Ip => ip::mask_text(stream, value, limit, out),
            Self::Lorem => lorem::lorem(stream, codec::count_chars(value), out),
        }
    }
}

/// A version 4 uuid.
pub(super) fn uuid(stream: &mut Stream) -> Uuid {
    Builder::from_random_bytes(stream.bytes()).into_uuid()
}
