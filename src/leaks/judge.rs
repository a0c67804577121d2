//! From hits to findings: which are values of masked columns, and which of these say something.
//!
//! Not everything that stands in a masked column names somebody. What consists of letters alone and occurs in more
//! than [`COMMON_ROWS`] rows of every masked column that has it (`Berlin`, `unknown`) is common and left out. One word
//! of letters alone may be somebody's handle and an ordinary word (`marigold`): by itself it is a weak finding, which
//! is told and fails nothing, unless it stands behind an `@` or fills one value in twenty of the kept column.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};

use super::fold::Folded;
use super::known::{SIGNS, WORDS};
use super::search::{Kind, Search};
use super::secrets::Secrets;
use super::suspects::Suspects;
use super::{COMMON_ROWS, Watched};
use crate::copyfmt::Format;

/// What is known of the suspects.
#[derive(Debug, Default)]
pub struct Verdict {
    natures: HashMap<u64, AtomicU8>,
    /// Each hit is a value, also those for which there was no room.
    is_exact: bool,
}

/// Rows of the table that is being read a second time, by column and suspect.
pub type RowCounts = HashMap<(u64, u64), u32>;

// Beside SIGNS and WORDS.
const IS_CONFIRMED: u8 = 4;
/// Of few rows of some column.
const IS_RARE: u8 = 8;
/// It is kept where the profile says that it may stand anywhere.
const IS_PUBLIC: u8 = 16;

impl Verdict {
    /// About these suspects, as far as it is known exactly; `columns` are the numbers of all that were watched.
    pub fn about<'a>(all: impl IntoIterator<Item = &'a Suspects>, secrets: &Secrets, columns: &[u64]) -> Self {
        let nature = |fingerprint: &u64| match secrets.nature(*fingerprint, columns) {
            Some((nature, is_rare)) => nature | IS_CONFIRMED | if is_rare { IS_RARE } else { 0 },
            None => 0,
        };
        let fingerprints = all.into_iter().flat_map(Suspects::fingerprints);
        let natures = fingerprints.map(|print| (*print, AtomicU8::new(nature(print)))).collect();
        Self { natures, is_exact: secrets.is_exact() }
    }

    fn add(&self, fingerprint: u64, nature: u8) -> bool {
        let Some(known) = self.natures.get(&fingerprint) else { return false };
        known.fetch_or(nature, Ordering::Relaxed);
        true
    }

    fn nature(&self, fingerprint: u64) -> u8 {
        self.natures.get(&fingerprint).map_or(0, |nature| nature.load(Ordering::Relaxed))
    }

    /// A field of a masked column once more; `folded` is room to work in.
    pub fn see(
        &self,
        rows: &mut RowCounts,
        (secrets, folded): (&Secrets, &mut Folded),
        watched: &Watched,
        format: Format,
        field: &[u8],
    ) {
        let mut see = |folded: &mut Folded, text: &[u8]| {
            let Some(value) = secrets.watched_value(folded, watched, text) else { return };
            if self.add(value.fingerprint, value.nature | IS_CONFIRMED) {
                *rows.entry((watched.number(), value.fingerprint)).or_default() += 1;
            }
        };
        if watched.is_redacted() {
            let mut search = Search::new(secrets);
            search.text(field, Kind::Plain).iter().for_each(|hit| see(folded, &field[hit.start..hit.end]));
        } else {
            watched.texts(format, field, &mut |text| see(folded, text));
        }
    }

    /// A row of a kept column whose values may stand anywhere.
    pub fn see_public(
        &self,
        (secrets, folded): (&Secrets, &mut Folded),
        public: &Watched,
        format: Format,
        field: &[u8],
    ) {
        public.texts(format, field, &mut |text| {
            if let Some(value) = secrets.value(folded, text) {
                self.add(value.fingerprint, IS_PUBLIC);
            }
        });
    }

    /// All rows of the table have been seen.
    pub fn end_table(&self, rows: &RowCounts) {
        for ((_, fingerprint), rows) in rows {
            if *rows <= COMMON_ROWS {
                self.add(*fingerprint, IS_RARE);
            }
        }
    }

    /// A hit that is a value of a masked column and not a common one.
    pub fn names_somebody(&self, fingerprint: u64) -> bool {
        let nature = self.nature(fingerprint);
        nature & (IS_CONFIRMED | IS_PUBLIC) == IS_CONFIRMED && nature & (IS_RARE | SIGNS) != 0
    }

    fn is_letters(&self, fingerprint: u64) -> bool {
        self.nature(fingerprint) & SIGNS == 0
    }

    /// One word of letters alone.
    fn is_word(&self, fingerprint: u64) -> bool {
        self.nature(fingerprint) & (SIGNS | WORDS) == 0
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
    /// Hits for which there was no room: values where all are known exactly, else maybe.
    pub untold: u64,
    /// Those of them that nobody can tell from chance: not all values are known exactly.
    pub unconfirmed: u64,
}

/// Judges the suspects of a place. Where a column is masked in part, names of letters alone are weak findings: masks make
/// such names, and somebody may be called like that.
pub fn judge(suspects: &Suspects, verdict: &Verdict, is_masked_in_part: bool) -> Finding {
    let untold = suspects.untold();
    let mut finding = Finding { untold, whole: suspects.untold_whole(), ..Finding::default() };
    match verdict.is_exact {
        true => (finding.values, finding.times) = (untold, untold),
        false => finding.unconfirmed = untold,
    }
    let mut weak_whole = 0;
    for (fingerprint, seen) in suspects.seen() {
        if !verdict.names_somebody(fingerprint) {
            continue;
        }
        let may_be_word =
            if is_masked_in_part { verdict.is_letters(fingerprint) } else { verdict.is_word(fingerprint) };
        if seen.mentions == 0 && may_be_word {
            finding.weak_values += 1;
            finding.weak_times += seen.times;
            weak_whole += seen.whole;
        } else {
            finding.values += 1;
            finding.times += seen.times;
        }
        finding.whole += seen.whole;
    }
    if !is_masked_in_part && suspects.is_copy(weak_whole) {
        finding.values += finding.weak_values;
        finding.times += finding.weak_times;
        (finding.weak_values, finding.weak_times) = (0, 0);
    }
    // What nobody could confirm is not taken for nothing.
    if finding.values + finding.weak_values + finding.unconfirmed == 0 { Finding::default() } else { finding }
}
