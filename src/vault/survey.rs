//! Both sides of a run, opened for looking and compared.

use std::io;
use std::sync::atomic::AtomicBool;

use super::compare::{self, Rules};
use super::installed::Installed;
use super::ledger::Reader;
use super::session::{Planned, Settings, contradiction, failed};
use super::side::Side;
use super::source::{Source, forgotten, hashed_again};
use super::wanted::WantedList;
use crate::error::Result;
use crate::rate::RateLimit;

/// What is known of a target.
pub(crate) struct Known<'a> {
    /// `None` where there is no such folder yet.
    pub(crate) side: Option<Side<'a>>,
    /// What Tithe put there.
    installed: Reader<Installed>,
    /// The target's disk takes names that differ in case for one.
    pub(crate) folds_case: bool,
    pub(crate) notes: Vec<String>,
}

/// What came of a comparison, and the sides that learned from it.
pub(crate) struct Survey<'a> {
    pub(crate) planned: Planned,
    pub(crate) source: Side<'a>,
    pub(crate) target: Option<Side<'a>>,
}

impl<'a> Known<'a> {
    /// Of a side, whether what is remembered of it was damaged, and the record of what was installed there.
    pub(crate) fn new(
        settings: &Settings,
        side: Option<(Side<'a>, bool)>,
        installed: Option<io::Result<(Reader<Installed>, bool)>>,
    ) -> Result<Self> {
        let installed = installed.unwrap_or_else(|| Ok((Reader::empty(), false)));
        let (installed, lost) =
            installed.map_err(|error| failed("read what was installed in", &settings.target, error))?;
        let mut notes = Vec::new();
        let damaged = side.as_ref().is_some_and(|(_, damaged)| *damaged);
        notes.extend(damaged.then(|| hashed_again(&settings.target)));
        notes.extend(lost.then(|| {
            let place = &settings.target;
            format!("the record of installed files of {place} was damaged: what is there counts as yours and stays")
        }));
        Ok(Self { side: side.map(|(side, _)| side), installed, folds_case: false, notes })
    }

    /// Compares the source with it.
    ///
    /// # Errors
    /// `Plan`, `Profile`, `Vault`.
    pub(crate) fn compare(
        self,
        settings: &Settings,
        rate: &'a RateLimit,
        source: &'a Source,
        wanted: &WantedList,
        stop: &'a AtomicBool,
    ) -> Result<Survey<'a>> {
        let folded = wanted.folded_pairs().map_err(contradiction)?;
        let (mut of_source, mut notes) = source.side(settings, rate, stop)?;
        notes.extend(self.notes);
        let mut target = self.side;
        let rules = Rules { overwrite: settings.overwrite, folds_case: self.folds_case };
        let plan = compare::compare(wanted, &mut of_source, target.as_mut(), self.installed, rules)
            .map_err(|error| failed("compare files of", &source.place(), error))?;
        Ok(Survey { planned: Planned { plan, folded, notes }, source: of_source, target })
    }
}

/// Writes what sides learned; where only the next run would know it, that it cannot be written is a remark.
///
/// # Errors
/// `Vault` where a target takes nothing more.
pub(crate) fn save(
    settings: &Settings,
    source: Side<'_>,
    target: Option<Side<'_>>,
    notes: &mut Vec<String>,
) -> Result<()> {
    notes.extend(source.save().err().map(|error| forgotten(&settings.source, &error)));
    let Some(target) = target else { return Ok(()) };
    let inside = matches!(target, Side::Here(_));
    match target.save() {
        Err(error) if inside => Err(failed("remember the hashes of", &settings.target, error)),
        saved => {
            notes.extend(saved.err().map(|error| forgotten(&settings.target, &error)));
            Ok(())
        }
    }
}
