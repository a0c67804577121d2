//! Fingerprints of what masked columns held, filled by all lanes at once.

use std::collections::HashSet;
use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::filter::Filter;
use super::gram::{Gram, words};
use super::held::Watched;
use super::{CHARS_MAX, CHARS_MIN, DIGITS_MIN};
use crate::copyfmt::Format;

/// A million values leave one in sixteen words to be hashed.
const HEAD_BITS: u32 = 24;

/// The fingerprints. Nothing of a value can be read from them, and nothing of them shows in Debug.
pub struct Secrets {
    pub(super) keys: RandomState,
    pub(super) others: RandomState,
    filter: Filter,
    /// Beginnings of values: most words of a text are dismissed here.
    heads: Box<[AtomicU64]>,
    /// Which lengths there are.
    lengths: Box<[AtomicBool]>,
    has_uuids: AtomicBool,
    allowed: HashSet<u128>,
    allowed_hosts: Vec<String>,
    read: AtomicU64,
}

/// A text as a value: what the search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) fingerprint: u64,
    pub(super) digest: u128,
    pub(super) length: usize,
    pub(super) head: u64,
    pub(super) words: usize,
    /// Letters alone: it may be an ordinary word or name.
    pub(super) is_letters: bool,
}

impl Secrets {
    /// For about so many values. `allow` names values that may stand anywhere, or as `@host` all addresses of a host.
    pub fn new(expected: Option<u64>, allow: &[String]) -> Self {
        let mut secrets = Self {
            keys: RandomState::new(),
            others: RandomState::new(),
            filter: Filter::new(expected),
            heads: (0..1_usize << (HEAD_BITS - 6)).map(|_| AtomicU64::new(0)).collect(),
            lengths: (0..=CHARS_MAX).map(|_| AtomicBool::new(false)).collect(),
            has_uuids: AtomicBool::new(false),
            allowed: HashSet::new(),
            allowed_hosts: Vec::new(),
            read: AtomicU64::new(0),
        };
        let (hosts, values): (Vec<&String>, Vec<&String>) = allow.iter().partition(|text| text.starts_with('@'));
        secrets.allowed_hosts = hosts.into_iter().map(|host| host.to_lowercase()).collect();
        secrets.allowed =
            values.into_iter().filter_map(|text| secrets.value(text.as_bytes())).map(|v| v.digest).collect();
        secrets
    }

    /// Takes in what a masked column held in one row.
    pub fn take(&self, watched: &Watched, format: Format, field: &[u8]) {
        watched.texts(format, field, &mut |text| {
            self.read.fetch_add(1, Ordering::Relaxed);
            if let Some(value) = self.watched_value(watched, text) {
                self.filter.insert(value.fingerprint);
                self.lengths[value.length].store(true, Ordering::Relaxed);
                let (at, bit) = head_place(value.head);
                if self.heads[at].load(Ordering::Relaxed) & bit == 0 {
                    self.heads[at].fetch_or(bit, Ordering::Relaxed);
                }
            }
        });
        if watched.is_uuid() {
            self.has_uuids.store(true, Ordering::Relaxed);
        }
    }

    /// The value of a text of a masked column, unless it says nothing about anybody or is allowed.
    pub(super) fn watched_value(&self, watched: &Watched, text: &[u8]) -> Option<Value> {
        if watched.is_made_by_mask(text) || self.is_allowed_host(text) {
            return None;
        }
        let value = self.value(text)?;
        let is_phrase = watched.is_prose() && value.is_letters && value.words < 4;
        (!is_phrase && !self.allowed.contains(&value.digest)).then_some(value)
    }

    fn is_allowed_host(&self, text: &[u8]) -> bool {
        if self.allowed_hosts.is_empty() {
            return false;
        }
        let text = String::from_utf8_lossy(text).trim().to_lowercase();
        self.allowed_hosts.iter().any(|host| text.ends_with(host.as_str()))
    }

    /// A text's letters and digits as a value; `None` where they are too few.
    pub(super) fn value(&self, text: &[u8]) -> Option<Value> {
        let (mut gram, mut other) = (Gram::new(&self.keys), Gram::new(&self.others));
        let (mut first, mut last) = (None, 0);
        words(text, &mut Vec::new(), |word, start, end| {
            if !gram.is_full() {
                gram.push(word);
                other.push(word);
                first.get_or_insert(start);
                last = end;
            }
        });
        let head = gram.head()?;
        let shortest = if gram.is_number() { DIGITS_MIN } else { CHARS_MIN };
        let has_signs = text[first.unwrap_or(0)..last].iter().any(|byte| is_sign(*byte));
        (gram.length() >= shortest).then(|| Value {
            fingerprint: gram.fingerprint(),
            digest: u128::from(gram.fingerprint()) << 64 | u128::from(other.fingerprint()),
            length: gram.length(),
            head,
            words: gram.words(),
            is_letters: !gram.has_digits() && !has_signs,
        })
    }

    pub(super) fn may_begin(&self, head: u64) -> bool {
        let (at, bit) = head_place(head);
        self.heads[at].load(Ordering::Relaxed) & bit != 0
    }

    pub(super) fn may_contain(&self, gram: &Gram) -> bool {
        self.lengths.get(gram.length()).is_some_and(|known| known.load(Ordering::Relaxed))
            && self.filter.contains(gram.fingerprint())
    }

    /// Values read, repeated ones and those left out among them.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Different values to look for.
    pub fn distinct(&self) -> u64 {
        self.filter.distinct()
    }

    /// Some masked column holds uuids: then columns of that type are worth reading.
    pub fn has_uuids(&self) -> bool {
        self.has_uuids.load(Ordering::Relaxed)
    }

    /// Memory of the fingerprints.
    pub fn memory_bytes(&self) -> u64 {
        self.filter.memory_bytes() + size_of_val(&*self.heads) as u64
    }

    /// Share of other texts that the filter takes for values; each is found out when it is confirmed.
    pub fn false_positive_rate(&self) -> f64 {
        self.filter.false_positive_rate()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(redacted)")
    }
}

/// Signs that stand in addresses and handles, and not between ordinary words.
pub(super) fn is_sign(byte: u8) -> bool {
    matches!(byte, b'@' | b'_' | b'.' | b':' | b'/' | b'\\' | b'#' | b'+' | b'=')
}

fn head_place(head: u64) -> (usize, u64) {
    let bits = head >> (64 - HEAD_BITS);
    ((bits >> 6) as usize, 1 << (bits & 63))
}
