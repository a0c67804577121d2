//! What a mask took out of a value: a whole value, a part of a document, a few words of a text.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};

use super::COMMON_ROWS;
use super::changed::Changed;
use super::fold::Folded;
use super::held::Watched;
use super::known::Itself;
use super::memo::Memo;
use crate::copyfmt::Format;

/// Words of a long text that are held at a time.
const WORDS_HELD: usize = 1024;
/// Different texts of a value that are known to remain: 2 MB of them. Any more count as gone, which makes for more to
/// look for.
const REMAINING_MAX: usize = 1 << 17;
/// Of these there is room from one row to the next.
const REMAINING_KEPT: usize = 1 << 12;

/// One masked column of the rows that a lane reads.
pub struct Intake {
    watched: Watched,
    memo: Memo,
    folded: Folded,
    remaining: Remaining,
}

impl Intake {
    /// Of this column.
    pub fn new(watched: Watched) -> Self {
        Self { watched, memo: Memo::default(), folded: Folded::default(), remaining: Remaining::default() }
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
            if let Some(after) = after {
                watched.texts(format, after, &mut |text| remaining.add(text));
            }
            watched.texts(format, before, &mut |text| {
                if !remaining.holds(text) {
                    give(watched, folded, text);
                }
            });
            remaining.clear();
        } else if watched.is_redacted() {
            after.into_iter().for_each(|after| remaining.add_words(folded, after));
            changed(folded, before, remaining, &mut |folded, text| give(watched, folded, text));
            remaining.clear();
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

/// Texts that a mask left in a value, by hashes of 64 bits.
#[derive(Default)]
struct Remaining {
    hashes: HashSet<u64, BuildHasherDefault<Itself>>,
    keys: RandomState,
}

impl Remaining {
    fn add(&mut self, text: &[u8]) {
        if self.hashes.len() < REMAINING_MAX {
            self.hashes.insert(self.keys.hash_one(text));
        }
    }

    fn add_words(&mut self, folded: &mut Folded, text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            folded.clear();
            at = folded.fold(text, at, WORDS_HELD);
            (0..folded.words().len()).for_each(|word| self.add(folded.run(word, word)));
        }
    }

    fn holds(&self, text: &[u8]) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&self.keys.hash_one(text))
    }

    fn clear(&mut self) {
        self.hashes.clear();
        self.hashes.shrink_to(REMAINING_KEPT);
    }
}

/// Gives what the words that do not remain stood in.
fn changed(folded: &mut Folded, text: &[u8], remaining: &Remaining, give: &mut dyn FnMut(&mut Folded, &[u8])) {
    let (mut changed, mut at) = (Changed::default(), 0);
    while at < text.len() {
        folded.clear();
        at = folded.fold(text, at, WORDS_HELD);
        for (index, word) in folded.words().iter().enumerate() {
            changed.add(text, word.start..word.end, !remaining.holds(folded.run(index, index)));
        }
        changed.closed().for_each(|at| give(folded, &text[at]));
    }
    changed.end();
    changed.closed().for_each(|at| give(folded, &text[at]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{MaskRule, MaskSpec};
    use crate::schema::{Column, ColumnType, TypeClass};

    fn intake(spec: MaskSpec) -> Intake {
        let column = Column::bare("note", ColumnType::plain(TypeClass::Text, "text"));
        Intake::new(Watched::of(&column, &MaskRule { spec, domain: None }, 0).expect("watched"))
    }

    fn gone(intake: &mut Intake, before: &str, after: &str) -> Vec<String> {
        let mut gone = Vec::new();
        intake.taken_out(Format::Binary, before.as_bytes(), Some(after.as_bytes()), &mut |_, _, text| {
            gone.push(String::from_utf8(text.to_vec()).expect("UTF-8"));
        });
        gone
    }

    #[test]
    fn redacted_items_beside_each_other_are_each_looked_for() {
        let mut intake = intake(MaskSpec::Redact { subject: Vec::new() });
        assert_eq!(
            gone(
                &mut intake,
                "please write to (ann.lee@web.de), bob.roe@gmx.de as soon",
                "please write to (x@example.com), y@example.com as soon"
            ),
            ["ann.lee@web.de", "ann.lee@web.de), bob.roe@gmx.de", "bob.roe@gmx.de"]
        );
        // What another word leaves of an address is too short to be told by.
        assert_eq!(
            gone(&mut intake, "my gmail is b4@gmail.com ok", "my gmail is x@example.com ok"),
            ["b4", "b4@gmail.com"]
        );
        assert_eq!(gone(&mut intake, "call Ann\u{a0}now, Ann!", "call Xy\u{a0}now, Xy!"), ["Ann", "Ann"]);
        // Of what has more words than count its beginning would be looked for, which remains.
        assert_eq!(gone(&mut intake, "a-b-c-d-e-f-g-h-ann", "a-b-c-d-e-f-g-h-x"), ["ann"]);
    }

    #[test]
    fn long_values_are_walked_in_parts_and_leave_no_room_behind() {
        let words: String = (0..140_000).map(|n| format!("w{n} ")).collect();
        let document = format!("[\"{}\"]", words.trim().replace(' ', "\",\""));
        let specs = [
            MaskSpec::Redact { subject: Vec::new() },
            MaskSpec::Json { paths: Vec::new(), default: Box::new(MaskRule { spec: MaskSpec::Token, domain: None }) },
        ];
        for (spec, before) in specs.into_iter().zip([words, document]) {
            let mut intake = intake(spec);
            let after = before.replace("w7 ", "x ").replace("w7\"", "x\"");
            let gone = gone(&mut intake, &before, &after);
            assert!(gone[0].ends_with("w7") && gone.len() > 1, "more than is known to remain counts as gone");
            assert!(intake.remaining.hashes.capacity() <= 2 * REMAINING_KEPT);
            assert!(intake.folded.capacity_bytes() < 1 << 19, "{}", intake.folded.capacity_bytes());
        }
        let mut remaining = Remaining::default();
        (0..140_000_u32).for_each(|n| remaining.add(&n.to_be_bytes()));
        assert!(remaining.hashes.len() == REMAINING_MAX && remaining.hashes.capacity() <= 2 * REMAINING_MAX);
    }
}
