//! From suspects to findings: which hits are values of masked columns, and which of these say something.
//!
//! Not everything that stands in a masked column names somebody. What consists of letters alone and occurs in more
//! than [`COMMON_ROWS`] rows of every masked column that has it (`Berlin`, `unknown`) is common and left out. One word
//! of letters alone may be somebody's handle and an ordinary word (`marigold`): by itself it is a weak finding, which
//! is told and fails nothing, unless it stands behind an `@` or fills one value in twenty of the kept column.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::COMMON_ROWS;
use super::Watched;
use super::search::Hit;
use super::secrets::Secrets;
use crate::copyfmt::Format;

/// Different suspects of all columns together: 20 MB of them, and as much again while they are confirmed.
const SUSPECTS_MAX: usize = 200_000;
/// Spaces in an average value of running text, at least.
const PROSE_SPACES: u64 = 2;
/// A column that holds nothing but a masked value in this share of its values (one in …) is a copy of the masked one,
/// neither running text nor words that happen to be handles.
const COPY_SHARE: u64 = 20;
const COPY_MIN: u64 = 3;

/// Hits in one place (a column, say), not yet confirmed.
#[derive(Debug)]
pub struct Suspects {
    seen: HashMap<u128, Seen>,
    values: u64,
    spaces: u64,
    /// Hits for which there was no room.
    untold: u64,
    room: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    times: u64,
    whole: u64,
    mentions: u64,
}

/// How many suspects there are in all.
pub type Room = Arc<AtomicUsize>;

impl Suspects {
    /// None so far; `room` is shared by all places.
    pub fn new(room: &Room) -> Self {
        Self { seen: HashMap::new(), values: 0, spaces: 0, untold: 0, room: Arc::clone(room) }
    }

    /// Adds one text with its hits.
    pub fn add(&mut self, text: &[u8], hits: &[Hit]) {
        self.values += 1;
        self.spaces += memchr::memchr_iter(b' ', text).count() as u64;
        for hit in hits {
            if !self.seen.contains_key(&hit.digest) && self.room.fetch_add(1, Ordering::Relaxed) >= SUSPECTS_MAX {
                self.untold += 1;
                continue;
            }
            let seen = self.seen.entry(hit.digest).or_default();
            seen.times += 1;
            seen.whole += u64::from(hit.is_whole);
            seen.mentions += u64::from(hit.is_mention);
        }
    }

    /// Nothing hit.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.untold == 0
    }

    /// The texts have three words and more on average, and are not themselves what a masked column holds.
    pub fn is_running_text(&self, finding: Finding) -> bool {
        self.spaces >= PROSE_SPACES * self.values && !self.is_copy(finding.whole)
    }

    fn is_copy(&self, whole: u64) -> bool {
        whole >= COPY_MIN && whole * COPY_SHARE >= self.values
    }
}

/// What the second look at masked columns says of the suspects.
#[derive(Debug, Default)]
pub struct Verdict {
    natures: HashMap<u128, Nature>,
    /// Rows of the table that is being read, by column and suspect.
    rows: HashMap<(usize, u128), u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Nature {
    is_confirmed: bool,
    /// Of few rows of some column.
    is_rare: bool,
    is_letters: bool,
    is_word: bool,
    /// It is kept where the profile says that it may stand anywhere.
    is_public: bool,
}

impl Verdict {
    /// About these suspects.
    pub fn about<'a>(all: impl IntoIterator<Item = &'a Suspects>) -> Self {
        let digests = all.into_iter().flat_map(|suspects| suspects.seen.keys());
        Self { natures: digests.map(|digest| (*digest, Nature::default())).collect(), rows: HashMap::new() }
    }

    /// A field of a masked column, the table's `column`-th, once more.
    pub fn see(&mut self, secrets: &Secrets, watched: &Watched, column: usize, format: Format, field: &[u8]) {
        watched.texts(format, field, &mut |text| {
            let Some(value) = secrets.watched_value(watched, text) else { return };
            let Some(nature) = self.natures.get_mut(&value.digest) else { return };
            nature.is_confirmed = true;
            nature.is_letters = value.is_letters;
            nature.is_word = value.is_letters && value.words == 1;
            *self.rows.entry((column, value.digest)).or_default() += 1;
        });
    }

    /// A row of a kept column whose values may stand anywhere.
    pub fn see_public(&mut self, secrets: &Secrets, public: &Watched, format: Format, field: &[u8]) {
        public.texts(format, field, &mut |text| {
            let nature = secrets.value(text).and_then(|value| self.natures.get_mut(&value.digest));
            if let Some(nature) = nature {
                nature.is_public = true;
            }
        });
    }

    /// All rows of the table have been seen.
    pub fn end_table(&mut self) {
        for ((_, digest), rows) in self.rows.drain() {
            if let Some(nature) = self.natures.get_mut(&digest) {
                nature.is_rare |= rows <= COMMON_ROWS;
            }
        }
    }

    /// A hit that is a value of a masked column and not a common one.
    pub fn names_somebody(&self, digest: u128) -> bool {
        self.natures
            .get(&digest)
            .is_some_and(|nature| nature.is_confirmed && !nature.is_public && (nature.is_rare || !nature.is_letters))
    }
}

/// What stands in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Different values.
    pub values: u64,
    /// Texts that hold one, counted for each value.
    pub times: u64,
    /// Different values that may be ordinary words.
    pub weak_values: u64,
    /// How often those stand there.
    pub weak_times: u64,
    /// Texts in which nothing else stands.
    pub whole: u64,
}

/// Judges the suspects of a place.
pub fn judge(suspects: &Suspects, verdict: &Verdict) -> Finding {
    let mut finding = Finding { values: suspects.untold, times: suspects.untold, ..Finding::default() };
    let mut weak_whole = 0;
    for (digest, seen) in &suspects.seen {
        if !verdict.names_somebody(*digest) {
            continue;
        }
        if seen.mentions == 0 && verdict.natures.get(digest).is_some_and(|nature| nature.is_word) {
            finding.weak_values += 1;
            finding.weak_times += seen.times;
            weak_whole += seen.whole;
        } else {
            finding.values += 1;
            finding.times += seen.times;
        }
        finding.whole += seen.whole;
    }
    if suspects.is_copy(weak_whole) {
        finding.values += finding.weak_values;
        finding.times += finding.weak_times;
        (finding.weak_values, finding.weak_times) = (0, 0);
    }
    finding
}
