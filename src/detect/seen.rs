//! Counts of what a column's values showed. No value is kept.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::types::{ColumnId, TableId};

use super::moments::is_birth_year;
use super::{Kind, inspect};

/// What was seen of columns whose values were read.
pub type Looked = HashMap<(TableId, ColumnId), Seen>;

/// Distinct values are told apart up to this many.
const DISTINCT_MAX: usize = 512;

/// Words from which on a value is prose.
const PROSE_WORDS: u8 = 4;

/// What the values of one column showed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Values looked at: neither NULL nor blank.
    pub values: u32,
    whole: [u32; Kind::ALL.len()],
    within: [u32; Kind::ALL.len()],
    distinct: HashSet<u64>,
    pub(super) prose: u32,
    pub(super) with_at: u32,
    pub(super) with_digits: u32,
    pub(super) with_letters: u32,
    pub(super) documents: u32,
    pub(super) too_deep: u32,
    pub(super) dialled: u32,
    pub(super) or_version: u32,
    pub(super) birth_days: u32,
    birth_years: Option<(u16, u16)>,
}

impl Seen {
    /// Looks at one more value.
    pub fn look(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        let marks = inspect(value);
        self.values += 1;
        marks.whole.iter().for_each(|kind| self.whole[kind as usize] += 1);
        marks.within.iter().for_each(|kind| self.within[kind as usize] += 1);
        if self.distinct.len() < DISTINCT_MAX {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            self.distinct.insert(hasher.finish());
        }
        let shape = marks.shape;
        self.prose += u32::from(shape.words >= PROSE_WORDS && !shape.document);
        self.with_at += u32::from(shape.at);
        self.with_digits += u32::from(shape.digits > 0);
        self.with_letters += u32::from(shape.letters);
        self.documents += u32::from(shape.document);
        self.too_deep += u32::from(shape.too_deep);
        self.dialled += u32::from(shape.dialled);
        self.or_version += u32::from(shape.or_version);
        if let Some(year) = shape.year.filter(|year| is_birth_year(*year)) {
            self.birth_days += 1;
            let (first, last) = self.birth_years.unwrap_or((year, year));
            self.birth_years = Some((first.min(year), last.max(year)));
        }
    }

    /// Values that are of the kind as a whole.
    pub fn whole(&self, kind: Kind) -> u32 {
        self.whole[kind as usize]
    }

    /// Values that hold the kind somewhere.
    pub fn within(&self, kind: Kind) -> u32 {
        self.within[kind as usize]
    }

    /// Different values, as far as they are counted.
    pub fn distinct(&self) -> usize {
        self.distinct.len()
    }

    /// The share of the values, 0 where there are none.
    pub(super) fn share(&self, count: u32) -> f64 {
        if self.values == 0 { 0.0 } else { f64::from(count) / f64::from(self.values) }
    }

    /// Years between the first and the last day of the plausible ones.
    pub(super) fn birth_span(&self) -> u16 {
        self.birth_years.map_or(0, |(first, last)| last - first)
    }
}
