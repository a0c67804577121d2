//! What a mask took out of a value: a whole value, a part of a document, a few words of a text.

use std::collections::HashSet;

use super::COMMON_ROWS;
use super::fold::Folded;
use super::held::Watched;
use super::memo::Memo;
use crate::copyfmt::Format;

/// One masked column of the rows that a lane reads.
pub struct Intake {
    watched: Watched,
    memo: Memo,
    folded: Folded,
    remaining: HashSet<Box<[u8]>>,
}

impl Intake {
    /// Of this column.
    pub fn new(watched: Watched) -> Self {
        Self { watched, memo: Memo::default(), folded: Folded::default(), remaining: HashSet::new() }
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Gives each text that was there before and is not there after the mask, with room to work in. What the mask left
    /// as it was, by a condition say, may stand elsewhere too.
    pub(super) fn taken_out(
        &mut self,
        format: Format,
        before: &[u8],
        after: Option<&[u8]>,
        give: &mut dyn FnMut(&Watched, &mut Folded, &[u8]),
    ) {
        let Self { watched, memo, folded, remaining } = self;
        if after == Some(before) {
            return;
        }
        if watched.is_of_parts() {
            remaining.clear();
            if let Some(after) = after {
                watched.texts(format, after, &mut |text| {
                    remaining.insert(text.into());
                });
            }
            watched.texts(format, before, &mut |text| {
                if !remaining.contains(text) {
                    give(watched, folded, text);
                }
            });
        } else if watched.is_redacted() {
            remaining.clear();
            after.into_iter().for_each(|after| words_of(folded, after, remaining));
            changed_runs(folded, before, remaining, &mut |folded, text| give(watched, folded, text));
        } else {
            // More rows than a rare value has tell nothing new of it.
            if let Some(seen) = memo.seen(before) {
                if u32::from(*seen) > COMMON_ROWS {
                    return;
                }
                *seen += 1;
            }
            watched.texts(format, before, &mut |text| give(watched, folded, text));
        }
    }
}

fn words_of(folded: &mut Folded, text: &[u8], words: &mut HashSet<Box<[u8]>>) {
    folded.clear();
    folded.fold(text, 0, usize::MAX);
    words.extend((0..folded.words().len()).map(|at| Box::from(folded.run(at, at))));
}

/// Words beside each other that do not remain.
fn changed_runs(
    folded: &mut Folded,
    text: &[u8],
    remaining: &HashSet<Box<[u8]>>,
    give: &mut dyn FnMut(&mut Folded, &[u8]),
) {
    folded.clear();
    folded.fold(text, 0, usize::MAX);
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut is_open = false;
    for (at, word) in folded.words().iter().enumerate() {
        let is_gone = !remaining.contains(folded.run(at, at));
        match runs.last_mut().filter(|_| is_open && is_gone) {
            Some((_, end)) => *end = word.end,
            None if is_gone => runs.push((word.start, word.end)),
            None => {}
        }
        is_open = is_gone;
    }
    runs.into_iter().for_each(|(start, end)| give(folded, &text[start..end]));
}
