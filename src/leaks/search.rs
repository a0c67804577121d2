//! Kept texts against the fingerprints: each run of words that could be a value is looked up.

use super::fold::{Folded, is_short};
use super::secrets::Secrets;
use super::{CHARS_MAX, CHARS_MIN, WORDS_MAX};

/// Words of a long text that are held at a time.
const WORDS_HELD: usize = 4096;

/// How to read a kept text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// With escapes: JSON, or an array's printed form.
    Escaped,
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

/// Looks through texts, one after the other.
pub struct Search<'s> {
    secrets: &'s Secrets,
    folded: Folded,
    unescaped: Vec<u8>,
    places: Vec<usize>,
    hits: Vec<Hit>,
}

impl<'s> Search<'s> {
    /// For all that masked columns held; all rows must have been read by now.
    pub fn new(secrets: &'s Secrets) -> Self {
        let (unescaped, places, hits) = (Vec::new(), Vec::new(), Vec::new());
        Self { secrets, folded: Folded::default(), unescaped, places, hits }
    }

    /// What is known of this text, with places in it.
    pub fn text(&mut self, text: &[u8], kind: Kind) -> &[Hit] {
        self.hits.clear();
        self.folded.clear();
        if kind == Kind::Uuid {
            self.folded.hex(text);
            self.runs_from(0, text);
            self.hits.iter_mut().for_each(|hit| hit.is_whole = true);
            return &self.hits;
        }
        if text.len() < CHARS_MIN {
            return &self.hits;
        }
        let may_escape = kind == Kind::Escaped || matches!(text.first(), Some(b'{' | b'['));
        if !may_escape || memchr::memchr(b'\\', text).is_none() {
            self.look(text);
            return &self.hits;
        }
        let (mut plain, mut places) = (std::mem::take(&mut self.unescaped), std::mem::take(&mut self.places));
        plain.clear();
        places.clear();
        super::unescape(text, &mut plain, Some(&mut places));
        self.look(&plain);
        self.hits.iter_mut().for_each(|hit| (hit.start, hit.end) = (places[hit.start], places[hit.end]));
        (self.unescaped, self.places) = (plain, places);
        &self.hits
    }

    fn look(&mut self, text: &[u8]) {
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
        self.hits.iter_mut().for_each(|hit| hit.is_whole = first == Some(hit.start) && last == hit.end);
    }

    fn runs_from(&mut self, first: usize, text: &[u8]) {
        let Self { secrets, folded, hits, .. } = self;
        let Some(head) = folded.head(first).filter(|head| secrets.may_begin(*head)) else { return };
        for last in first..folded.words().len().min(first + WORDS_MAX) {
            let letters = folded.run(first, last);
            if secrets.may_be(head, letters.len()) && !is_short(letters) {
                let fingerprint = secrets.fingerprint(letters);
                if secrets.contains(fingerprint) {
                    let (start, end) = (folded.words()[first].start, folded.words()[last].end);
                    let is_mention = text[..start].ends_with(b"@") || text[start..end].contains(&b'@');
                    hits.push(Hit { start, end, fingerprint, is_mention, is_whole: false });
                }
            }
            if letters.len() >= CHARS_MAX {
                return;
            }
        }
    }
}
