//! Links, addresses and tokens: where one begins and ends.

use super::signs::{DIGIT, LETTER, character, is_wide_mark, kind};

/// Characters from which letters and digits in a row are taken for a token.
const TOKEN_CHARS: usize = 20;

/// The first link in `from..end`: from the scheme, or `www.`, to where no link goes on, but for punctuation that closes
/// the sentence.
pub(super) fn link(value: &[u8], from: usize, end: usize) -> Option<(usize, usize)> {
    let word = &value[from..end];
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+';
    let (start, least) = memchr::memchr2_iter(b':', b'.', word).find_map(|at| {
        if word[at..].starts_with(b"://") {
            return Some((word[..at].iter().rposition(|byte| !is_scheme(byte)).map_or(0, |last| last + 1), at + 3));
        }
        let start = at.checked_sub(3).filter(|_| word[at] == b'.')?;
        let begins = start == 0 || !word[start - 1].is_ascii_alphanumeric();
        (begins && word[start..at].eq_ignore_ascii_case(b"www")).then_some((start, at + 1))
    })?;
    let stop = mark(value, from + least, end, |byte| b"<>\"`{}|\\^".contains(&byte));
    let closes = |byte: &u8| b")].,;:!?'*_".contains(byte);
    let last = value[from + least..stop].iter().rposition(|byte| !closes(byte)).map_or(0, |last| last + 1);
    Some((from + start, from + least + last))
}

/// An address, and what stands before it that may be a part of it: `to=` or `page/`, or in
/// `bounce-ann=home.org@list.example` whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) from: usize,
    pub(super) core: usize,
    pub(super) to: usize,
}

/// Signs of a local part that also stand before addresses, and nothing of them behind the last one is meant.
const PARTING: &[u8] = b"=/?{}|^";
/// Signs of a local part that also stand around addresses.
const QUOTING: &[u8] = b"!#$&'*`~";
/// Names of fields that may stand before an address.
const FIELDS: &[&[u8]] =
    &[b"email", b"mail", b"e-mail", b"to", b"from", b"cc", b"bcc", b"reply-to", b"user", b"username", b"login"];

/// The first address of a mailbox in `from..end`.
pub(super) fn address(value: &[u8], from: usize, end: usize) -> Option<Address> {
    let mut behind = from;
    memchr::memchr_iter(b'@', &value[from..end]).map(|at| from + at).find_map(|at| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || b"._%+-".contains(&byte);
        let is_local = |byte: u8| is_plain(byte) || PARTING.contains(&byte) || QUOTING.contains(&byte);
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || b".-".contains(&byte);
        let start =
            value[behind..at].iter().rposition(|byte| !is_local(*byte)).map_or(behind, |last| behind + last + 1);
        behind = at + 1;
        let start = behind_marks(value, start, at);
        let core =
            value[start..at].iter().rposition(|byte| PARTING.contains(byte)).map_or(start, |last| start + last + 1);
        let quotes = value[core..at].iter().position(|byte| !QUOTING.contains(byte)).unwrap_or(at - core);
        let before = value[start..core].iter().position(u8::is_ascii_alphanumeric).unwrap_or(core - start);
        let field = value[start + before..core].strip_suffix(b"=");
        let is_field = field.is_some_and(|field| FIELDS.iter().any(|name| field.eq_ignore_ascii_case(name)));
        let core = core + quotes;
        let start = if is_field { core } else { start };
        let stop = mark(value, at + 1, end, |byte| !is_host(byte));
        let host = &value[at + 1..stop];
        let host = &host[..host.iter().rposition(|byte| !b".-".contains(byte)).map_or(0, |last| last + 1)];
        (core < at && host.contains(&b'.')).then_some(Address { from: start, core, to: at + 1 + host.len() })
    })
}

/// The token around the digit at `at`, within `from..to`, without punctuation at its ends; empty where there is none.
/// Then where the search ended.
pub(super) fn token(value: &[u8], at: usize, from: usize, to: usize) -> (usize, usize, usize) {
    let belongs = |byte: &u8| kind(*byte) & (LETTER | DIGIT) != 0 || b"_-+/.~".contains(byte);
    let start = value[from..at].iter().rposition(|byte| !belongs(byte)).map_or(from, |last| from + last + 1);
    let end = value[at..to].iter().position(|byte| !belongs(byte)).map_or(to, |length| at + length);
    let run = &value[start..end];
    let (letters, digits) = run.iter().fold((0, 0), |(letters, digits), byte| match kind(*byte) {
        kind if kind & LETTER != 0 => (letters + 1, digits),
        kind if kind & DIGIT != 0 => (letters, digits + 1),
        _ => (letters, digits),
    });
    if letters == 0 || letters + digits < TOKEN_CHARS {
        return (at, at, end);
    }
    let ends = |byte: &u8| kind(*byte) & (LETTER | DIGIT) != 0;
    let first = run.iter().position(ends).unwrap_or_default();
    let last = run.iter().rposition(ends).unwrap_or_default();
    (start + first, start + last + 1, end)
}

/// The first place in `from..to` of a byte that `ends`, or of a mark outside ASCII.
fn mark(value: &[u8], from: usize, to: usize, ends: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while at < to {
        let (found, length) = character(value, at);
        if ends(value[at]) || is_wide_mark(found) {
            return at;
        }
        at += length;
    }
    at.min(to)
}

/// Behind the last mark outside ASCII in `from..to`.
fn behind_marks(value: &[u8], from: usize, to: usize) -> usize {
    let (mut at, mut start) = (from, from);
    while at < to {
        let (found, length) = character(value, at);
        at += length;
        if is_wide_mark(found) {
            start = at;
        }
    }
    start.min(to)
}
