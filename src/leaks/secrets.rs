//! Fingerprints of what masked columns held, filled by all lanes at once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::few::Few;
use super::fold::{Folded, is_short, is_short_span, is_unparted};
use super::held::Watched;
use super::intake::Intake;
use super::known::{Known, SIGNS, WORDS};
use super::{CHARS_MAX, WORDS_MAX};
use crate::copyfmt::Format;

/// 2 MB, which stay in a processor's cache.
pub(super) const MARK_BITS: u32 = 24;
const SHORT_MARK_BITS: u32 = 18;

/// Of a text that is a uuid.
const UUID_DIGITS: usize = 32;

/// The fingerprints. Nothing of a value can be read from them, and nothing of them shows in Debug.
pub struct Secrets {
    keys: RandomState,
    known: Known,
    /// Beginnings of values: most words of a text are dismissed here.
    heads: Marks,
    /// Beginnings with lengths: most of the rest here.
    forms: Marks,
    /// Beginnings of short values.
    shorts: Marks,
    has_shorts: AtomicBool,
    has_uuids: AtomicBool,
    allowed: HashSet<u64>,
    allowed_hosts: Vec<String>,
    few: Mutex<HashMap<u64, Few>>,
    read: AtomicU64,
    made_by_mask: AtomicU64,
}

/// A text as a value: what the search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) fingerprint: u64,
    head: u64,
    /// Bytes of its letters; `None` of a short value, which is known by all that stands there.
    length: Option<usize>,
    words: usize,
    /// [`SIGNS`], [`WORDS`]
    pub(super) nature: u8,
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Secrets {
    /// None so far. `allow` names values that may stand anywhere, or as `@host` all addresses of a host.
    pub fn new(allow: &[String]) -> Self {
        let mut secrets = Self {
            keys: RandomState::new(),
            known: Known::default(),
            heads: Marks::of_bits(MARK_BITS),
            forms: Marks::of_bits(MARK_BITS),
            shorts: Marks::of_bits(SHORT_MARK_BITS),
            has_shorts: AtomicBool::new(false),
            has_uuids: AtomicBool::new(false),
            allowed: HashSet::new(),
            allowed_hosts: Vec::new(),
            few: Mutex::default(),
            read: AtomicU64::new(0),
            made_by_mask: AtomicU64::new(0),
        };
        let (hosts, values): (Vec<&String>, Vec<&String>) = allow.iter().partition(|text| text.starts_with('@'));
        let mut folded = Folded::default();
        secrets.allowed_hosts = hosts.into_iter().map(|host| host.to_lowercase()).collect();
        let values = values.into_iter().filter_map(|text| secrets.value(&mut folded, text.as_bytes()));
        secrets.allowed = values.map(|value| value.fingerprint).collect();
        secrets
    }

    /// With room for so many fingerprints before they are no longer known exactly.
    #[cfg(test)]
    pub fn with_room(entries_max: u64) -> Self {
        Self { known: Known::with_room(entries_max), ..Self::default() }
    }

    /// Takes in what a mask took out of a column in one row.
    pub fn take(&self, intake: &mut Intake, format: Format, before: &[u8], after: Option<&[u8]>) {
        let (mut read, mut made) = (0, 0);
        intake.taken_out(format, before, after, &mut |watched, folded, text| {
            read += 1;
            if watched.is_made_by_mask(text) {
                made += 1;
                return;
            }
            if let Some(value) = self.telling_value(folded, watched, text) {
                self.mark(&value);
                self.known.insert(value.fingerprint, value.nature, watched.number());
                // Documents name the rows that they belong to by keys that are kept: those say nothing.
                let may_be_uuid = value.length == Some(UUID_DIGITS) && !watched.is_of_parts();
                if may_be_uuid && !self.has_uuids() && is_hexadecimal(folded, value) {
                    self.has_uuids.store(true, Ordering::Relaxed);
                }
            }
        });
        self.read.fetch_add(read, Ordering::Relaxed);
        self.made_by_mask.fetch_add(made, Ordering::Relaxed);
        if intake.watched().has_uuids() && !self.has_uuids() {
            self.has_uuids.store(true, Ordering::Relaxed);
        }
    }

    fn mark(&self, value: &Value) {
        match value.length {
            Some(length) => {
                self.heads.set(value.head);
                self.forms.set(form(value.head, length));
            }
            None => {
                self.shorts.set(value.head);
                self.has_shorts.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Takes in what landed in some rows of a kept column, by the column's number.
    pub fn take_kept(&self, column: u64, few: &Few) {
        self.few.lock().unwrap_or_else(PoisonError::into_inner).entry(column).or_default().merge(few);
    }

    /// The different values of a kept column, where they are few; each once.
    pub fn kept(&self, column: u64) -> Option<Few> {
        let mut few = self.few.lock().unwrap_or_else(PoisonError::into_inner);
        few.remove(&column).filter(|few| few.values().is_some())
    }

    /// The value of a text of a masked column, unless it says nothing about anybody or is allowed.
    pub(super) fn watched_value(&self, folded: &mut Folded, watched: &Watched, text: &[u8]) -> Option<Value> {
        if watched.is_made_by_mask(text) { None } else { self.telling_value(folded, watched, text) }
    }

    /// The same of a text that the mask does not give.
    fn telling_value(&self, folded: &mut Folded, watched: &Watched, text: &[u8]) -> Option<Value> {
        if self.is_allowed_host(text) {
            return None;
        }
        let value = self.value(folded, text)?;
        let is_phrase = watched.is_prose() && value.nature & SIGNS == 0 && value.words < 4;
        (!is_phrase && !self.allowed.contains(&value.fingerprint)).then_some(value)
    }

    fn is_allowed_host(&self, text: &[u8]) -> bool {
        self.allowed_hosts.iter().any(|host| ends_with(text, host))
    }

    /// A text's letters and digits as a value; `None` where they are too few.
    pub(super) fn value(&self, folded: &mut Folded, text: &[u8]) -> Option<Value> {
        folded.clear();
        let mut at = 0;
        while at < text.len() && !folded.is_full() {
            at = folded.fold(text, at, folded.words().len() + 1);
        }
        let last = folded.words().len().min(WORDS_MAX).checked_sub(1)?;
        let letters = folded.run(0, last);
        let (start, end) = folded.span(0, last);
        let span = &text[start..end];
        let has_signs = span.iter().any(|byte| is_sign(*byte)) || letters.iter().any(u8::is_ascii_digit);
        // A few letters of a script that does not part words may be a word.
        let is_phrase = last > 0 && (last > 2 || span.is_ascii() || !is_all_unparted(span));
        let nature = (if has_signs { SIGNS } else { 0 }) | (if is_phrase { WORDS } else { 0 });
        let (fingerprint, head, length) = if !is_short(letters) {
            (self.fingerprint(letters), folded.head(0)?, Some(letters.len()))
        } else if last > 0 && is_short_span(span) {
            (self.short_fingerprint(span), folded.short_head(0)?, None)
        } else {
            return None;
        };
        Some(Value { fingerprint, head, length, words: last + 1, nature })
    }

    pub(super) fn fingerprint(&self, letters: &[u8]) -> u64 {
        self.keys.hash_one(letters)
    }

    /// Of a short value with what stands between its words.
    pub(super) fn short_fingerprint(&self, span: &[u8]) -> u64 {
        self.keys.hash_one((true, span.to_ascii_lowercase()))
    }

    pub(super) fn has_shorts(&self) -> bool {
        self.has_shorts.load(Ordering::Relaxed)
    }

    pub(super) fn may_begin_short(&self, head: u64) -> bool {
        self.shorts.is_set(head)
    }

    pub(super) fn may_begin(&self, head: u64) -> bool {
        self.heads.is_set(head)
    }

    /// Some value begins like that and is so long.
    pub(super) fn may_be(&self, head: u64, length: usize) -> bool {
        self.forms.is_set(form(head, length))
    }

    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        self.known.contains(fingerprint)
    }

    pub(super) fn nature(&self, fingerprint: u64, columns: &[u64]) -> Option<(u8, bool)> {
        self.known.nature(fingerprint, columns)
    }

    /// All values are known exactly: a hit needs no second look.
    pub fn is_exact(&self) -> bool {
        self.known.is_exact()
    }

    /// Values read, repeated ones and those left out among them.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Values left out because the mask of their column gives such: those of its host, its constant.
    pub fn made_by_mask(&self) -> u64 {
        self.made_by_mask.load(Ordering::Relaxed)
    }

    /// Different values to look for.
    pub fn distinct(&self) -> u64 {
        self.known.distinct()
    }

    /// Some masked column holds uuids, or texts like them: then columns of that type are worth reading.
    pub fn has_uuids(&self) -> bool {
        self.has_uuids.load(Ordering::Relaxed)
    }

    /// Memory of the fingerprints.
    pub fn memory_bytes(&self) -> u64 {
        self.known.memory_bytes()
            + [&self.heads, &self.forms, &self.shorts].map(Marks::memory_bytes).iter().sum::<u64>()
    }

    /// Share of other texts that are taken for values; those of a filter are found out when they are confirmed.
    pub fn false_positive_rate(&self) -> f64 {
        self.known.false_positive_rate()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(redacted)")
    }
}

/// The value that was cut last.
fn is_hexadecimal(folded: &Folded, value: Value) -> bool {
    folded.run(0, value.words - 1).iter().all(u8::is_ascii_hexdigit)
}

/// Without regard to case in ASCII letters, or to space behind it.
pub(super) fn ends_with(text: &[u8], end: &str) -> bool {
    let text = text.trim_ascii_end();
    text.len().checked_sub(end.len()).is_some_and(|at| text[at..].eq_ignore_ascii_case(end.as_bytes()))
}

/// Signs that stand in addresses and handles, and not between ordinary words.
fn is_sign(byte: u8) -> bool {
    matches!(byte, b'@' | b'_' | b'.' | b':' | b'/' | b'\\' | b'#' | b'+' | b'=')
}

fn is_all_unparted(span: &[u8]) -> bool {
    std::str::from_utf8(span).is_ok_and(|span| span.chars().all(is_unparted))
}

fn form(head: u64, length: usize) -> u64 {
    debug_assert!(length <= CHARS_MAX);
    // Heads take 48 bits.
    head ^ (length as u64) << 48
}

/// A set of numbers that may hold others too.
struct Marks {
    words: Box<[AtomicU64]>,
    shift: u32,
}

impl Marks {
    fn of_bits(bits: u32) -> Self {
        Self { words: (0..1_usize << (bits - 6)).map(|_| AtomicU64::new(0)).collect(), shift: 64 - bits }
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        ((bits >> 6) as usize, 1 << (bits & 63))
    }

    fn set(&self, number: u64) {
        let (at, bit) = self.place(number);
        // Most have been set before: a read does not take the cache line from other threads.
        if self.words[at].load(Ordering::Relaxed) & bit == 0 {
            self.words[at].fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn is_set(&self, number: u64) -> bool {
        let (at, bit) = self.place(number);
        self.words[at].load(Ordering::Relaxed) & bit != 0
    }

    fn memory_bytes(&self) -> u64 {
        size_of_val(&*self.words) as u64
    }
}
