//! The rules that need the key: from a value's stream of keyed numbers to a text that reads like the value.
//!
//! Each writes at most `limit` characters and looks at the value only for its shape (length, punctuation, netmask);
//! everything else comes from the stream.

pub(super) mod address;
mod characters;
mod codes;
mod handles;
mod ip;
mod lorem;
mod names;
mod nearby;
mod numbers;
mod pattern;
mod permutation;
mod redact;
mod secrets;
mod times;
mod typed;
mod uuids;
mod web;

use std::borrow::Cow;

use super::codec;
use crate::digest::{DomainKey, Stream};
use crate::profile::{Locale, MaskSpec};

pub(super) use handles::{DIGEST_CHARS, HANDLE_CHARS};
pub(super) use ip::mask as mask_net;
pub(super) use numbers::Number;
pub(super) use pattern::Pattern;
pub(super) use redact::{Names, Redactor};
pub(super) use typed::Typed;
pub(super) use uuids::mask as uuid;
/// Characters of an ending that a file name keeps, with its dot.
pub(super) const ENDING_CHARS: usize = web::ENDING_CHARS + 1;

/// How often a mask that came out as the value itself is drawn again: a first name among three thousand does.
const DRAWS: usize = 4;
/// Characters of the shortest printed MAC address.
const MAC_CHARS: usize = 12;

/// A rule that needs the key, ready to use.
#[derive(Clone, Debug)]
pub(super) enum Keyed {
    Hash { chars: usize },
    Token,
    Uuid,
    Email { host: String },
    Username,
    FirstName(Locale),
    LastName(Locale),
    FullName(Locale),
    Phone,
    Street(Locale),
    City(Locale),
    Company(Locale),
    Ip,
    Lorem,
    Scramble { first: usize, last: usize },
    Mac,
    UserAgent,
    Url { keep_host: bool },
    FileName,
    JobTitle(Locale),
    Iban,
    Card,
    PasswordHash,
    Pem,
    Regex(Pattern),
}

impl Keyed {
    /// The rule of that specification; `None` where it is none of these.
    pub(super) fn new(spec: &MaskSpec, locale: Locale) -> Result<Option<Self>, String> {
        Ok(Some(match spec {
            MaskSpec::Hash { length } => Self::Hash { chars: *length as usize },
            MaskSpec::Token => Self::Token,
            MaskSpec::Uuid => Self::Uuid,
            MaskSpec::Email { host } => Self::Email { host: host.clone() },
            MaskSpec::Username => Self::Username,
            MaskSpec::FirstName => Self::FirstName(locale),
            MaskSpec::LastName => Self::LastName(locale),
            MaskSpec::FullName => Self::FullName(locale),
            MaskSpec::Phone => Self::Phone,
            MaskSpec::Street => Self::Street(locale),
            MaskSpec::City => Self::City(locale),
            MaskSpec::Company => Self::Company(locale),
            MaskSpec::Ip => Self::Ip,
            MaskSpec::Lorem => Self::Lorem,
            MaskSpec::Scramble { keep_first, keep_last } => {
                Self::Scramble { first: *keep_first as usize, last: *keep_last as usize }
            }
            MaskSpec::PostalCode { keep_first } => Self::Scramble { first: *keep_first as usize, last: 0 },
            MaskSpec::Mac => Self::Mac,
            MaskSpec::UserAgent => Self::UserAgent,
            MaskSpec::Url { keep_host } => Self::Url { keep_host: *keep_host },
            MaskSpec::FileName => Self::FileName,
            MaskSpec::JobTitle => Self::JobTitle(locale),
            MaskSpec::Iban => Self::Iban,
            MaskSpec::Card => Self::Card,
            MaskSpec::PasswordHash => Self::PasswordHash,
            MaskSpec::Pem => Self::Pem,
            MaskSpec::Regex { pattern } => Self::Regex(Pattern::compile(pattern)?),
            _ => return Ok(None),
        }))
    }

    /// Characters a column must take for the rule to make sense.
    pub(super) fn least_chars(&self) -> usize {
        match self {
            Self::Hash { .. } | Self::Username | Self::FileName => handles::DIGEST_LEAST_CHARS,
            Self::Url { .. } => handles::DIGEST_LEAST_CHARS + "https://example.com/".len(),
            Self::Mac => MAC_CHARS,
            // What is cut no longer matches.
            Self::Regex(pattern) => pattern.most_chars(),
            Self::Email { host } => handles::DIGEST_LEAST_CHARS + 1 + host.chars().count(),
            Self::Uuid => uuids::LEAST_CHARS,
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
            Self::Scramble { first, last } => characters::scramble(key, *first, *last, value, out),
            _ => {
                let identity = self.identity(value);
                let mut stream = key.stream(&identity);
                for _ in 0..DRAWS {
                    out.truncate(start);
                    self.draw(&mut stream, value, limit, out);
                    codec::fit(out, start, limit);
                    if !out[start..].eq_ignore_ascii_case(value) {
                        break;
                    }
                }
                if matches!(self, Self::Email { .. }) && *identity != *value {
                    handles::spell(&mut key.stream(value), &mut out[start..]);
                }
            }
        }
        codec::fit(out, start, limit);
    }

    /// What the stream is derived from: the canonical value, narrowed to what the rule takes as the same value.
    fn identity<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Uuid => uuids::identity(value),
            // An address is the same in whatever case: see `handles::spell`.
            Self::Email { .. } => codec::lower(value),
            Self::Ip => ip::identity(value),
            // Spaces, dashes and case are how a number is written, not which one it is.
            Self::Iban | Self::Card | Self::Mac => {
                let mut signs = Vec::with_capacity(value.len());
                signs.extend(value.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase));
                Cow::Owned(signs)
            }
            _ => Cow::Borrowed(value),
        }
    }

    fn draw(&self, stream: &mut Stream, value: &[u8], limit: usize, out: &mut Vec<u8>) {
        match self {
            Self::Token | Self::Phone | Self::Scramble { .. } => {}
            Self::Mac => web::mac_text(stream, value, out),
            Self::UserAgent => web::user_agent(stream, out),
            Self::Url { keep_host } => web::url(stream, *keep_host, value, out),
            Self::FileName => web::file_name(stream, value, limit, out),
            Self::JobTitle(locale) => names::job_title(stream, *locale, out),
            Self::Iban => codes::iban(stream, value, out),
            Self::Card => codes::card(stream, value, out),
            Self::PasswordHash => secrets::password_hash(value, limit, out),
            Self::Pem => secrets::pem(stream, value, limit, out),
            Self::Regex(pattern) => pattern.draw(stream, out),
            Self::Hash { chars } => handles::hash(stream, (*chars).min(limit), out),
            Self::Email { host } => handles::email(stream, host, limit, out),
            Self::Username => handles::username(stream, limit, out),
            Self::Uuid => uuids::write(stream, value, limit, out),
            Self::FirstName(locale) => names::first(stream, *locale, out),
            Self::LastName(locale) => names::last(stream, *locale, out),
            Self::FullName(locale) => names::full(stream, *locale, out),
            Self::Street(locale) => names::street(stream, *locale, out),
            Self::City(locale) => names::city(stream, *locale, out),
            Self::Company(locale) => names::company(stream, *locale, out),
            Self::Ip => ip::mask_text(stream, value, limit, out),
            Self::Lorem => lorem::lorem(stream, codec::count_chars(value), out),
        }
    }
}
