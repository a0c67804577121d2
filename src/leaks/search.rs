//! Kept texts against the fingerprints: each run of words that could be a value is looked up.

use std::borrow::Cow;
use std::collections::HashSet;

use super::escapes::Escape;
use super::fold::{Folded, is_short, is_short_span};
use super::memo::Memo;
use super::secrets::Secrets;
use super::{CHARS_MAX, CHARS_MIN, WORDS_MAX};

/// Words of a long text that are held at a time.
const WORDS_HELD: usize = 4096;
/// Bytes of a long text whose escapes are undone at a time, and of the next part with them.
const PART_BYTES: usize = 1 << 20;
const OVERLAP_BYTES: usize = 4096;

/// How to read a kept text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is, and without its escapes, where it has some.
    Plain,
    /// The 16 bytes of a uuid, which is one value or none.
    Uuid,
}

/// A run of words that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it begins in the text.
    pub start: usize,
    /// And ends.
    pub end: usize,
    /// Of its letters and digits.
    pub fingerprint: u64,
    /// It has an `@` in it or before it.
    pub is_mention: bool,
    /// Nothing else stands in the text.
    pub is_whole: bool,
}

impl Hit {
    /// Another hit that shares one is the same.
    fn ends(&self) -> [(u64, usize); 2] {
        [(self.fingerprint, 2 * self.start), (self.fingerprint, 2 * self.end + 1)]
    }
}

/// Looks through texts, one after the other.
pub struct Search<'s> {
    secrets: &'s Secrets,
    folded: Folded,
    /// Short texts without a hit.
    memo: Memo,
    hits: Vec<Hit>,
}

impl<'s> Search<'s> {
    /// For all that masked columns held; all rows must have been read by now.
    pub fn new(secrets: &'s Secrets) -> Self {
        Self { secrets, folded: Folded::default(), memo: Memo::default(), hits: Vec::new() }
    }

    /// What is known of this text, with places in it.
    pub fn text(&mut self, text: &[u8], kind: Kind) -> &[Hit] {
        self.hits.clear();
        if kind == Kind::Uuid {
            self.folded.clear();
            self.folded.hex(text);
            self.runs_from(0, text);
            self.hits.iter_mut().for_each(|hit| hit.is_whole = true);
        } else if text.len() >= CHARS_MIN && self.memo.seen(text).is_none_or(|seen| *seen == 0) {
            self.look(text);
            self.look_within(text);
            let is_clean = self.hits.is_empty();
            self.memo.seen(text).into_iter().for_each(|seen| *seen = u8::from(is_clean));
        }
        &self.hits
    }

    /// As it is meant where it is written with escapes: those of JSON (in JSON, in JSON), those of links and of HTML,
    /// and bytes in hexadecimal digits.
    fn look_within(&mut self, text: &[u8]) {
        if !Escape::ALL.iter().any(|escape| escape.is_in(text)) {
            return;
        }
        let mut known: HashSet<(u64, usize)> = self.hits.iter().flat_map(Hit::ends).collect();
        let mut start = 0;
        while start < text.len() {
            // A part at a time, since each byte's place takes eight; runs that cross to the next are in both.
            let part = &text[start..text.len().min(start + PART_BYTES + OVERLAP_BYTES)];
            let first = self.hits.len();
            self.look_within_part(part);
            let mut found = self.hits.split_off(first);
            for hit in &mut found {
                (hit.start, hit.end) = (hit.start + start, hit.end + start);
                hit.is_whole &= part.len() == text.len();
            }
            found.retain(|hit| hit.ends().map(|end| known.insert(end)) == [true; 2]);
            self.hits.extend(found);
            start += PART_BYTES;
        }
    }

    fn look_within_part(&mut self, text: &[u8]) {
        let mut written = Cow::Borrowed(text);
        let mut places: Option<Vec<usize>> = None;
        for escape in Escape::IN_TURN {
            if !escape.is_in(&written) {
                continue;
            }
            let (mut plain, mut steps) = (Vec::with_capacity(written.len()), Vec::new());
            escape.undo(&written, &mut plain, &mut steps);
            if let Some(places) = &places {
                steps.iter_mut().for_each(|place| *place = places[*place]);
            }
            let first = self.hits.len();
            self.look(&plain);
            self.hits[first..].iter_mut().for_each(|hit| (hit.start, hit.end) = (steps[hit.start], steps[hit.end]));
            (written, places) = (Cow::Owned(plain), Some(steps));
        }
    }

    fn look(&mut self, text: &[u8]) {
        self.folded.clear();
        let known = self.hits.len();
        let (mut at, mut first, mut last) = (0, None, 0);
        loop {
            at = self.folded.fold(text, at, WORDS_HELD);
            let words = self.folded.words();
            first = first.or(words.first().map(|word| word.start));
            last = words.last().map_or(last, |word| word.end);
            let is_over = at >= text.len();
            // Runs that begin with the last words may go on in the next part.
            let ready = words.len() - if is_over { 0 } else { WORDS_MAX.min(words.len()) };
            (0..ready).for_each(|word| self.runs_from(word, text));
            if is_over {
                break;
            }
            self.folded.forget(ready);
        }
        self.hits[known..].iter_mut().for_each(|hit| hit.is_whole = first == Some(hit.start) && last == hit.end);
    }

    fn runs_from(&mut self, first: usize, text: &[u8]) {
        let Self { secrets, folded, hits, .. } = self;
        if secrets.has_shorts() && folded.short_head(first).is_some_and(|head| secrets.may_begin_short(head)) {
            short_runs_from(secrets, folded, first, text, hits);
        }
        let Some(head) = folded.head(first).filter(|head| secrets.may_begin(*head)) else { return };
        for last in first..folded.words().len().min(first + WORDS_MAX) {
            let letters = folded.run(first, last);
            if secrets.may_be(head, letters.len()) && !is_short(letters) {
                let fingerprint = secrets.fingerprint(letters);
                if secrets.contains(fingerprint) {
                    hits.push(hit(text, folded.span(first, last), fingerprint));
                }
            }
            if letters.len() >= CHARS_MAX {
                return;
            }
        }
    }
}

/// Values that are known by all that stands there.
fn short_runs_from(secrets: &Secrets, folded: &Folded, first: usize, text: &[u8], hits: &mut Vec<Hit>) {
    for last in first + 1..folded.words().len().min(first + WORDS_MAX) {
        if !is_short(folded.run(first, last)) {
            return;
        }
        let (start, end) = folded.span(first, last);
        if is_short_span(&text[start..end]) {
            let fingerprint = secrets.short_fingerprint(&text[start..end]);
            if secrets.contains(fingerprint) {
                hits.push(hit(text, (start, end), fingerprint));
            }
        }
    }
}

fn hit(text: &[u8], (start, end): (usize, usize), fingerprint: u64) -> Hit {
    let is_mention = text[..start].ends_with(b"@") || text[start..end].contains(&b'@');
    Hit { start, end, fingerprint, is_mention, is_whole: false }
}
