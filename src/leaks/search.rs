//! Kept texts against the fingerprints: each run of words that could be a value is looked up.

use super::gram::{Gram, Head, words};
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
    again: Vec<u8>,
    unescaped: Vec<u8>,
    places: Vec<usize>,
    hits: Vec<Hit>,
}

/// A run of words that may go on.
struct Open {
    start: usize,
    run: Run,
}

/// Hashing is what costs: it begins where some value begins alike.
enum Run {
    Beginning(Head),
    Promising(Gram),
}

impl<'s> Search<'s> {
    /// In all that masked columns held; all rows must have been read by now.
    pub fn new(secrets: &'s Secrets) -> Self {
        Self {
            secrets,
            open: Vec::new(),
            folded: Vec::new(),
            again: Vec::new(),
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
        let Self { secrets, open, folded, again, hits, .. } = self;
        open.clear();
        let (mut first, mut last) = (None, 0);
        words(text, folded, |word, start, end| {
            first.get_or_insert(start);
            last = end;
            open.push(Open { start, run: Run::Beginning(Head::default()) });
            open.retain_mut(|open| {
                match &mut open.run {
                    Run::Promising(gram) => gram.push(word),
                    Run::Beginning(head) => match head.push(word) {
                        None => return true,
                        Some(number) if !secrets.may_begin(number) => return false,
                        Some(_) => {
                            let mut gram = Gram::new(&secrets.keys);
                            words(&text[open.start..end], again, |word, _, _| gram.push(word));
                            open.run = Run::Promising(gram);
                        }
                    },
                }
                let Run::Promising(gram) = &open.run else { return true };
                let is_short = gram.is_number() && gram.length() < DIGITS_MIN;
                if !is_short && secrets.may_contain(gram) {
                    hits.extend(hit(secrets, text, open.start, end));
                }
                !gram.is_full()
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
