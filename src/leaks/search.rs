//! Kept texts against the fingerprints: each run of words that could be a value is looked up.

use super::gram::{Gram, words};
use super::secrets::Secrets;
use super::{CHARS_MIN, DIGITS_MIN};

/// How to read a kept text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// With escapes: JSON, or an array's printed form.
    Escaped,
}

/// A run of words that the filter knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it begins in the text.
    pub start: usize,
    /// And ends.
    pub end: usize,
    /// Of its letters and digits.
    pub digest: u128,
    /// It has an `@` in it or before it.
    pub is_mention: bool,
    /// Nothing else stands in the text.
    pub is_whole: bool,
}

/// Looks through texts, one after the other.
pub struct Search<'s> {
    secrets: &'s Secrets,
    open: Vec<Open>,
    folded: Vec<u8>,
    unescaped: Vec<u8>,
    places: Vec<usize>,
    hits: Vec<Hit>,
}

/// A run of words that may go on.
struct Open {
    gram: Gram,
    start: usize,
    /// Some value begins like it.
    is_promising: bool,
}

impl<'s> Search<'s> {
    /// In all that masked columns held; all rows must have been read by now.
    pub fn new(secrets: &'s Secrets) -> Self {
        Self {
            secrets,
            open: Vec::new(),
            folded: Vec::new(),
            unescaped: Vec::new(),
            places: Vec::new(),
            hits: Vec::new(),
        }
    }

    /// What the filter knows of this text, with places in it.
    pub fn text(&mut self, text: &[u8], kind: Kind) -> &[Hit] {
        self.hits.clear();
        if text.len() < CHARS_MIN {
            return &self.hits;
        }
        let may_escape = kind == Kind::Escaped || matches!(text.first(), Some(b'{' | b'['));
        if !may_escape || memchr::memchr(b'\\', text).is_none() {
            self.look(text, None);
            return &self.hits;
        }
        let (mut plain, mut places) = (std::mem::take(&mut self.unescaped), std::mem::take(&mut self.places));
        plain.clear();
        places.clear();
        super::unescape(text, &mut plain, Some(&mut places));
        self.look(&plain, Some(&places));
        (self.unescaped, self.places) = (plain, places);
        &self.hits
    }

    fn look(&mut self, text: &[u8], places: Option<&[usize]>) {
        let Self { secrets, open, folded, hits, .. } = self;
        open.clear();
        let (mut first, mut last) = (None, 0);
        words(text, folded, |word, start, end| {
            first.get_or_insert(start);
            last = end;
            open.push(Open { gram: Gram::new(&secrets.keys), start, is_promising: false });
            open.retain_mut(|open| {
                open.gram.push(word);
                if !open.is_promising {
                    match open.gram.head() {
                        None => return true,
                        Some(head) if !secrets.may_begin(head) => return false,
                        Some(_) => open.is_promising = true,
                    }
                }
                let is_short = open.gram.is_number() && open.gram.length() < DIGITS_MIN;
                if !is_short && secrets.may_contain(&open.gram) {
                    hits.extend(hit(secrets, text, open.start, end));
                }
                !open.gram.is_full()
            });
        });
        for hit in hits.iter_mut() {
            hit.is_whole = first == Some(hit.start) && last == hit.end;
            if let Some(places) = places {
                (hit.start, hit.end) = (places[hit.start], places[hit.end]);
            }
        }
    }
}

fn hit(secrets: &Secrets, text: &[u8], start: usize, end: usize) -> Option<Hit> {
    let value = secrets.value(&text[start..end])?;
    let is_mention = text[..start].ends_with(b"@") || text[start..end].contains(&b'@');
    Some(Hit { start, end, digest: value.digest, is_mention, is_whole: false })
}
