//! What the records say once a rollback has moved files: one logic for folders and buckets.
//!
//! Records are settled after all files have moved, so an attempt that was killed may have moved files of which nothing
//! is recorded yet. The next attempt finds them by what is known of them and by their content.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::installed::Installed;
use super::ledger::Reader;
use super::path::VaultPath;
use super::trash::Why;

pub(super) type Ledger = BTreeMap<VaultPath, Installed>;
pub(super) type News = Vec<(VaultPath, Option<Installed>)>;
pub(super) type Paths = BTreeSet<VaultPath>;

/// Which of its two versions a file that a run replaced is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Version {
    /// That of before the run.
    Older,
    /// The run's.
    Newer,
}

impl Version {
    /// Where this version lies in the trash, and where the other goes.
    pub(super) fn ways(self) -> (Why, Why) {
        match self {
            Self::Older => (Why::Replaced, Why::Exchanged),
            Self::Newer => (Why::Exchanged, Why::Replaced),
        }
    }
}

/// A run's part of the trash after files were moved out of it.
#[derive(Debug)]
pub(super) struct Part {
    /// Files that were brought to their paths.
    pub(super) came: Paths,
    /// Removed files that lie in it.
    pub(super) removed: Paths,
    /// Files of the version that is brought that lie in it.
    pub(super) from: Paths,
    /// Files whose place they took.
    pub(super) into: Paths,
    /// What is known of the version that is brought.
    pub(super) incoming: Ledger,
    /// What is known of those whose place they took.
    pub(super) outgoing: Ledger,
    /// What is known of removed files; the same ledger as one of the other two.
    pub(super) of_removed: Ledger,
}

/// What is to be written, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// About the files that are in place.
    pub(super) installed: News,
    /// About those whose place they took.
    pub(super) outgoing: News,
}

impl Part {
    /// What is known of a file that came.
    fn record_of(&self, path: &VaultPath) -> Option<Installed> {
        let removed = || self.of_removed.get(path).filter(|_| !self.into.contains(path));
        self.incoming.get(path).or_else(removed).copied()
    }

    /// Files that an earlier attempt may have brought, with what they then hold.
    pub(super) fn doubtful(&self, current: &Ledger) -> Vec<(VaultPath, Installed)> {
        let known: Paths = self.incoming.keys().chain(self.of_removed.keys()).cloned().collect();
        let lies_here = |path: &VaultPath| self.removed.contains(path) || self.from.contains(path);
        let left = known.into_iter().filter(|path| !self.came.contains(path) && !lies_here(path));
        left.filter_map(|path| self.record_of(&path).map(|record| (path, record)))
            .filter(|(path, record)| current.get(path) != Some(record))
            .collect()
    }

    /// What is to be recorded; `current` is what is known of the files at their paths so far.
    pub(super) fn settle(&self, current: &Ledger) -> Settled {
        let mut settled = Settled::default();
        for path in &self.came {
            let (record, before) = (self.record_of(path), current.get(path).copied());
            // Of what nothing is known nothing is said: it counts as changed by its user.
            let Some(record) = record else { continue };
            // An earlier attempt may have recorded it already; then what it found is in the other ledger.
            let is_news = before != Some(record) || !self.outgoing.contains_key(path);
            if self.into.contains(path) && is_news {
                settled.outgoing.push((path.clone(), before));
            }
            if before != Some(record) {
                settled.installed.push((path.clone(), Some(record)));
            }
        }
        settled
    }
}

/// What is known so far of all files that some part knows.
///
/// # Errors
/// As the system says.
pub(super) fn current_of(parts: &[Part], installed: &mut Reader<Installed>) -> io::Result<Ledger> {
    let known =
        parts.iter().flat_map(|part| part.came.iter().chain(part.incoming.keys()).chain(part.of_removed.keys()));
    known_of(known, installed)
}

/// What is known of the files at these paths.
///
/// # Errors
/// As the system says.
pub(super) fn known_of<'p>(
    paths: impl Iterator<Item = &'p VaultPath>,
    installed: &mut Reader<Installed>,
) -> io::Result<Ledger> {
    let mut known = Ledger::new();
    for path in paths.collect::<BTreeSet<_>>() {
        known.extend(installed.find(path)?.map(|record| (path.clone(), record)));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::wanted::FileMode;

    fn path(text: &str) -> VaultPath {
        VaultPath::parse(text).unwrap()
    }

    fn paths(all: &[&str]) -> Paths {
        all.iter().map(|text| path(text)).collect()
    }

    fn record(content: u8) -> Installed {
        Installed { hash: [content; 32], origin: [content; 32], mode: FileMode::Real, size: 1 }
    }

    fn ledger(all: &[(&str, u8)]) -> Ledger {
        all.iter().map(|(text, content)| (path(text), record(*content))).collect()
    }

    fn news(all: &[(&str, Option<u8>)]) -> News {
        all.iter().map(|(text, content)| (path(text), content.map(record))).collect()
    }

    const OLD: u8 = 1;
    const NEW: u8 = 2;

    /// A run replaced `a` and `b` and removed `gone`; the rollback has just moved them all.
    fn older() -> (Part, Ledger) {
        let records = ledger(&[("a", OLD), ("b", OLD), ("gone", OLD)]);
        let part = Part {
            came: paths(&["a", "b", "gone"]),
            removed: Paths::new(),
            from: Paths::new(),
            into: paths(&["a", "b"]),
            incoming: records.clone(),
            outgoing: Ledger::new(),
            of_removed: records,
        };
        (part, ledger(&[("a", NEW), ("b", NEW), ("other", NEW)]))
    }

    fn apply(ledger: &mut Ledger, news: &News) {
        for (path, record) in news {
            match record {
                Some(record) => drop(ledger.insert(path.clone(), *record)),
                None => drop(ledger.remove(path)),
            }
        }
    }

    #[test]
    fn both_versions_stay_known_forth_and_back() {
        let (mut part, mut current) = older();
        let forth = part.settle(&current);
        assert_eq!(forth.installed, news(&[("a", Some(OLD)), ("b", Some(OLD)), ("gone", Some(OLD))]));
        assert_eq!(forth.outgoing, news(&[("a", Some(NEW)), ("b", Some(NEW))]));
        apply(&mut current, &forth.installed);
        apply(&mut part.outgoing, &forth.outgoing);
        let back = Part {
            came: paths(&["a", "b"]),
            into: paths(&["a", "b"]),
            from: Paths::new(),
            removed: Paths::new(),
            incoming: part.outgoing,
            outgoing: part.incoming,
            of_removed: part.of_removed,
        };
        assert!(back.doubtful(&current).is_empty(), "what was removed is back and known");
        let settled = back.settle(&current);
        assert_eq!(settled.installed, news(&[("a", Some(NEW)), ("b", Some(NEW))]));
        assert_eq!(settled.outgoing, news(&[("a", Some(OLD)), ("b", Some(OLD))]));
    }

    /// Between any two of its writes: the other ledger first, then the record of what is installed.
    #[test]
    fn an_attempt_killed_while_it_records_is_finished_by_the_next() {
        let (whole, before) = older();
        let settled = whole.settle(&before);
        for written in 0..=2 {
            let (mut again, mut current) = older();
            again.came.clear();
            if written > 0 {
                apply(&mut again.outgoing, &settled.outgoing);
            }
            if written > 1 {
                apply(&mut current, &settled.installed);
            }
            let doubtful: Paths = again.doubtful(&current).into_iter().map(|(path, _)| path).collect();
            assert_eq!(doubtful, if written > 1 { Paths::new() } else { paths(&["a", "b", "gone"]) });
            again.came = doubtful;
            let rest = again.settle(&current);
            apply(&mut again.outgoing, &rest.outgoing);
            apply(&mut current, &rest.installed);
            assert_eq!(again.outgoing, ledger(&[("a", NEW), ("b", NEW)]), "{written} written");
            assert_eq!(current, ledger(&[("a", OLD), ("b", OLD), ("gone", OLD), ("other", NEW)]), "{written} written");
        }
    }

    #[test]
    fn files_that_still_lie_in_the_trash_did_not_come() {
        let (mut part, current) = older();
        part.came = paths(&["b"]);
        (part.from, part.removed, part.into) = (paths(&["a"]), paths(&["gone"]), paths(&["b"]));
        assert!(part.doubtful(&current).is_empty());
        assert_eq!(part.settle(&current).installed, news(&[("b", Some(OLD))]));
    }

    /// A user's change was replaced by the same version that Tithe had installed there before.
    #[test]
    fn equal_records_of_both_versions_are_kept_on_both_sides() {
        let (mut part, _) = older();
        part.came = paths(&["a"]);
        let settled = part.settle(&ledger(&[("a", OLD)]));
        assert_eq!((settled.installed, settled.outgoing), (News::new(), news(&[("a", Some(OLD))])));
    }

    #[test]
    fn what_nothing_is_known_of_is_left_as_it_is_recorded() {
        let (mut part, current) = older();
        part.incoming.clear();
        part.of_removed.clear();
        assert_eq!(part.settle(&current), Settled::default());
    }
}
