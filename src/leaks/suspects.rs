//! Hits that wait for a verdict, by place.
//!
//! There is room for so many different ones. Each place has some of its own, so that a column full of hits cannot use
//! up what another needs; hits beyond all room are counted and never taken for nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::search::Hit;

/// Different suspects of all places together, beside those that each has room for: 10 MB of them.
const SHARED_MAX: usize = 200_000;
/// Of one place, whatever the others hold.
const OWN_MAX: usize = 1_000;

/// Spaces in an average value of running text, at least.
const PROSE_SPACES: u64 = 2;
/// A column that holds nothing but a masked value in this share of its values (one in …) is a copy of the masked one,
/// neither running text nor words that happen to be handles.
const COPY_SHARE: u64 = 20;
const COPY_MIN: u64 = 3;

/// How many more suspects there may be.
#[derive(Clone, Debug)]
pub struct Room {
    shared: Arc<AtomicUsize>,
    own: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(OWN_MAX, SHARED_MAX)
    }
}

impl Room {
    /// For so many of each place, and for so many more of all together.
    pub fn of(own: usize, shared: usize) -> Self {
        Self { shared: Arc::new(AtomicUsize::new(shared)), own }
    }

    /// For one more of this place.
    fn take(&mut self) -> bool {
        if self.own > 0 {
            self.own -= 1;
            return true;
        }
        self.shared.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Hits in one place (a column, say), not yet confirmed.
#[derive(Debug)]
pub struct Suspects {
    seen: HashMap<u64, Seen>,
    values: u64,
    spaces: u64,
    untold: u64,
    untold_whole: u64,
    room: Room,
}

/// How often a suspect stands there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) times: u64,
    pub(super) whole: u64,
    pub(super) mentions: u64,
}

impl Suspects {
    /// None so far.
    pub fn new(room: &Room) -> Self {
        Self { seen: HashMap::new(), values: 0, spaces: 0, untold: 0, untold_whole: 0, room: room.clone() }
    }

    /// Adds one text with its hits.
    pub fn add(&mut self, text: &[u8], hits: &[Hit]) {
        self.add_times(text, hits, 1);
    }

    /// Adds a text that stands in so many rows.
    pub fn add_times(&mut self, text: &[u8], hits: &[Hit], times: u64) {
        self.values += times;
        self.spaces += times * memchr::memchr_iter(b' ', text).count() as u64;
        for hit in hits {
            let whole = times * u64::from(hit.is_whole);
            if !self.seen.contains_key(&hit.fingerprint) && !self.room.take() {
                self.untold += times;
                self.untold_whole += whole;
                continue;
            }
            let seen = self.seen.entry(hit.fingerprint).or_default();
            seen.times += times;
            seen.whole += whole;
            seen.mentions += times * u64::from(hit.is_mention);
        }
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = (u64, &Seen)> {
        self.seen.iter().map(|(fingerprint, seen)| (*fingerprint, seen))
    }

    pub(super) fn fingerprints(&self) -> impl Iterator<Item = &u64> {
        self.seen.keys()
    }

    /// Hits for which there was no room.
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// Those of them beside which nothing else stands.
    pub(super) fn untold_whole(&self) -> u64 {
        self.untold_whole
    }

    /// Nothing hit.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.untold == 0
    }

    /// The texts have three words and more on average, and `whole` of them are not too many that are themselves what a
    /// masked column holds.
    pub fn is_running_text(&self, whole: u64) -> bool {
        self.spaces >= PROSE_SPACES * self.values && !self.is_copy(whole)
    }

    pub(super) fn is_copy(&self, whole: u64) -> bool {
        whole >= COPY_MIN && whole * COPY_SHARE >= self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(fingerprint: u64) -> Hit {
        Hit { start: 0, end: 1, fingerprint, is_mention: false, is_whole: true }
    }

    #[test]
    fn a_place_full_of_hits_leaves_others_their_room() {
        let room = Room::of(3, 5);
        let [mut full, mut other] = [Suspects::new(&room), Suspects::new(&room)];
        (0..20).for_each(|n| full.add(b"x", &[hit(n)]));
        (0..4).for_each(|n| other.add(b"x", &[hit(n)]));
        // Known ones need no more room.
        (0..3).for_each(|n| other.add(b"x", &[hit(n)]));
        assert_eq!((full.seen.len(), full.untold()), (8, 12));
        assert_eq!((other.seen.len(), other.untold(), other.untold_whole()), (3, 1, 1));
    }
}
