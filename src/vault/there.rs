//! A target on another machine.

use std::sync::atomic::AtomicBool;

use super::bring::Brought;
use super::compare::VaultPlan;
use super::local::Local;
use super::location::SshPlace;
use super::path::VaultPath;
use super::remote::push::Push;
use super::session::{Planned, Settings, threads};
use super::source::{SourceFolder, forgotten};
use super::wanted::WantedList;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::rate::RateLimit;

/// A folder of another machine, held by this run; files come from a folder of this one.
pub(crate) struct There {
    settings: Settings,
    source: SourceFolder,
    push: Push,
    rate: RateLimit,
    threads: rayon::ThreadPool,
}

impl There {
    /// Connects; for changes only where `writable`.
    ///
    /// # Errors
    /// `Vault`, `Refused`.
    pub(crate) fn open(settings: Settings, place: &SshPlace, writable: bool) -> Result<Self> {
        // Somebody must hold the files, and it is us.
        let source = settings.source.folder("bring files to another machine from")?;
        let source = SourceFolder::open(source, settings.state.as_deref())?;
        let push = Push::open(&settings, place, writable)?;
        let rate = RateLimit::new(settings.bytes_per_second);
        let threads = threads(settings.jobs)?;
        Ok(Self { settings, source, push, rate, threads })
    }

    /// Compares only.
    ///
    /// # Errors
    /// `Vault`, or as the far side says.
    pub(crate) fn plan(&self, wanted: &WantedList) -> Result<Planned> {
        let from = (&self.source.root, &self.rate);
        let (mut planned, notes) = self.with_local(|local| self.push.plan(&self.settings, wanted, from, local))?;
        planned.notes.extend(notes);
        Ok(planned)
    }

    /// Compares and brings.
    ///
    /// # Errors
    /// `Vault`, `Interrupted`, or as the far side says.
    pub(crate) fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        let from = (&self.source.root, &self.rate, stop);
        let bring = |local: &mut Local<'_>| self.push.bring(&self.settings, wanted, from, (monitor, permit), local);
        let ((mut planned, brought), notes) = self.with_local(bring)?;
        planned.notes.extend(notes);
        Ok((planned, brought))
    }

    /// Lets the far side remove what its plan found too many.
    ///
    /// # Errors
    /// `Vault`, or as the far side says.
    pub(crate) fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        if plan.extras.is_empty() && plan.gone.is_empty() {
            return Ok((0, self.push.leave()));
        }
        self.push.remove()
    }

    /// What was hashed is remembered however the work ends; also remarks on that.
    fn with_local<T: Send>(&self, work: impl FnOnce(&mut Local<'_>) -> Result<T> + Send) -> Result<(T, Vec<String>)> {
        let (mut local, mut notes) = self.source.local(&self.rate, self.settings.paranoid)?;
        let outcome = self.threads.install(|| work(&mut local));
        notes.extend(local.save().err().map(|error| forgotten(&self.settings.source, &error)));
        outcome.map(|done| (done, notes))
    }
}
