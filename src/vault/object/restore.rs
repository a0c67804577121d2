//! Putting back objects that a run replaced and removed: as on disk, with copies for renames.
//!
//! An object is copied to its path and only then deleted from the trash, so an attempt that was killed between the two
//! is known by the same content in both places. S3 copies without a condition on what is overwritten: what somebody
//! puts between the last look and the copy is lost unless the bucket keeps versions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path as Key;

use super::super::installed::Installed;
use super::super::ledger::Owner;
use super::super::location::BucketPlace;
use super::super::path::VaultPath;
use super::super::restore::{Outcome, Restored, stopped};
use super::super::settle::{Part, Paths, Version, current_of, known_of};
use super::super::trash::Why;
use super::address::StoreSettings;
use super::fault::{Fault, FaultKind, local};
use super::link::{IN_FLIGHT, ObjectVault};
use super::lock::Lock;
use super::look::Object;
use super::own::Records;
use super::read::Nowhere;
use super::remove::Bin;
use crate::error::Result;
use crate::rate::RateLimit;

/// Puts back objects of a bucket.
///
/// # Errors
/// `Vault`, `Locked`, `Refused`, `Usage`, `Interrupted`.
pub(crate) fn restore(
    place: &BucketPlace,
    store: &StoreSettings,
    run_id: &str,
    to: Version,
    stop: &AtomicBool,
) -> Result<Restored> {
    let vault = Arc::new(ObjectVault::open(place, store)?);
    let Some(id) = vault.identity()? else { return Ok(Restored { trash_gone: true, ..Restored::default() }) };
    let lock = Lock::take(&vault, run_id)?;
    let work = Work { vault: &vault, lock: &lock, to, stop };
    let done = work.run(id, run_id);
    lock.check()?;
    done.map_err(|fault| match fault.kind {
        FaultKind::Stopped => stopped(),
        _ => fault.error("put back files of", &vault.name()),
    })
}

struct Work<'a> {
    vault: &'a ObjectVault,
    lock: &'a Lock,
    to: Version,
    stop: &'a AtomicBool,
}

impl Work<'_> {
    fn run(&self, id: Owner, run_id: &str) -> Result<Restored, Fault> {
        let mut records = Records::open(self.vault, id)?;
        // What a killed run put there is Tithe's as well.
        records.recover()?;
        let (bins, has_own) = self.vault.bins_since(run_id)?;
        let mut restored = Restored { trash_gone: !has_own, ..Restored::default() };
        let mut parts = Vec::with_capacity(bins.len());
        for (at, bin) in bins.iter().enumerate() {
            let mut came = Paths::new();
            if at == 0 {
                came.extend(self.move_all(bin, self.to.ways().0, &records, &mut restored)?);
            }
            if at > 0 || self.to == Version::Older {
                came.extend(self.move_all(bin, Why::Removed, &records, &mut restored)?);
            }
            parts.push(self.part(bin, &records, came)?);
        }
        self.settle(&bins, parts, &mut records)?;
        Ok(restored)
    }

    /// Answers which came.
    fn move_all(&self, bin: &Bin, why: Why, records: &Records<'_>, restored: &mut Restored) -> Result<Paths, Fault> {
        let files = self.vault.in_bin(bin, why)?;
        let known = records.installed().and_then(|(mut installed, _)| known_of(files.iter(), &mut installed));
        let known = known.map_err(|error| local(&error))?;
        let moved = stream::iter(&files).map(|path| self.move_one(bin, why, path, known.get(path)));
        let moved = moved.buffered(IN_FLIGHT);
        // What is under way ends before the lock is given back.
        let outcomes: Vec<_> = self.vault.wait(moved.collect());
        let mut came = Paths::new();
        for (path, outcome) in files.into_iter().zip(outcomes) {
            let outcome = outcome?;
            restored.count(why, outcome);
            came.extend((outcome == Outcome::Moved).then_some(path));
        }
        Ok(came)
    }

    /// `known` is what Tithe installed at the path.
    async fn move_one(
        &self,
        bin: &Bin,
        why: Why,
        path: &VaultPath,
        known: Option<&Installed>,
    ) -> Result<Outcome, Fault> {
        if self.stop.load(Ordering::Relaxed) || self.lock.check().is_err() {
            return Err(Fault::stopped());
        }
        let (from, to) = (self.vault.own_key(&bin.name(why, path))?, self.vault.key(path)?);
        let Some(kept) = self.vault.head_of(&from).await? else { return Ok(Outcome::AsItWas) };
        let now = self.vault.head_of(&to).await?;
        match (now, why) {
            (None, _) => self.vault.store.copy(&from, &to).await?,
            // What is noted tells the run as well: it is this object's copy.
            (Some(now), Why::Removed) if now.noted.is_some() && now.noted == kept.noted => {}
            // Somebody brought it anew.
            (Some(now), Why::Removed) if self.is_same((&to, &now), (&from, &kept)).await? => {
                return Ok(Outcome::AsItWas);
            }
            (Some(_), Why::Removed) => return Ok(Outcome::Conflict),
            (Some(now), _) if self.is_same((&to, &now), (&from, &kept)).await? => {}
            (Some(now), _) => {
                if !self.is_installed((&to, &now), known).await? || !self.keep(bin, path, &now).await? {
                    return Ok(Outcome::Conflict);
                }
                self.vault.store.copy(&from, &to).await?;
            }
        }
        self.vault.store.delete(&from).await?;
        Ok(Outcome::Moved)
    }

    /// Copies the object whose place is taken to the trash, or finds it there; false where it is another one.
    async fn keep(&self, bin: &Bin, path: &VaultPath, now: &Object) -> Result<bool, Fault> {
        let into = self.to.ways().1;
        let key = self.vault.own_key(&bin.name(into, path))?;
        match self.vault.head_of(&key).await? {
            Some(kept) => self.is_same((&self.vault.key(path)?, now), (&key, &kept)).await,
            None => match self.vault.keep(bin, into, path, now).await {
                Ok(()) => Ok(true),
                Err(fault) if matches!(fault.kind, FaultKind::Changed | FaultKind::Missing) => Ok(false),
                Err(fault) => Err(fault),
            },
        }
    }

    async fn is_installed(&self, (key, now): (&Key, &Object), known: Option<&Installed>) -> Result<bool, Fault> {
        let Some(known) = known.filter(|known| known.size == now.size) else { return Ok(false) };
        if let Some(noted) = &now.noted {
            return Ok(noted.hash == known.hash);
        }
        Ok(self.vault.read_key(key, &mut Nowhere, &RateLimit::new(None)).await?.1 == known.hash)
    }

    /// Whether two objects have one content; read only where nothing tells.
    async fn is_same(&self, one: (&Key, &Object), other: (&Key, &Object)) -> Result<bool, Fault> {
        if one.1.size != other.1.size {
            return Ok(false);
        }
        if let (Some(one), Some(other)) = (&one.1.noted, &other.1.noted) {
            return Ok(one.hash == other.hash);
        }
        let rate = RateLimit::new(None);
        let (_, hash) = self.vault.read_key(one.0, &mut Nowhere, &rate).await?;
        let (_, of_other) = self.vault.read_key(other.0, &mut Nowhere, &rate).await?;
        Ok(hash == of_other)
    }

    /// As it is after the objects were moved.
    fn part(&self, bin: &Bin, records: &Records<'_>, came: Paths) -> Result<Part, Fault> {
        let (from, into) = self.to.ways();
        let known = |why| records.beside(&bin.records(why));
        Ok(Part {
            came,
            removed: self.vault.in_bin(bin, Why::Removed)?,
            from: self.vault.in_bin(bin, from)?,
            into: self.vault.in_bin(bin, into)?,
            incoming: known(from)?,
            outgoing: known(into)?,
            of_removed: known(Why::Removed)?,
        })
    }

    fn settle(&self, bins: &[Bin], mut parts: Vec<Part>, records: &mut Records<'_>) -> Result<(), Fault> {
        let current = records.installed().and_then(|(mut installed, _)| current_of(&parts, &mut installed));
        let current = current.map_err(|error| local(&error))?;
        let mut news = BTreeMap::new();
        for (part, bin) in parts.iter_mut().zip(bins) {
            let holding = self.holding(part.doubtful(&current))?;
            part.came.extend(holding);
            let settled = part.settle(&current);
            records.lay_beside(&bin.records(self.to.ways().1), &settled.outgoing)?;
            news.extend(settled.installed);
        }
        records.update(&news.into_iter().collect::<Vec<_>>())
    }

    /// The paths at which the object stands that the record tells of.
    fn holding(&self, doubtful: Vec<(VaultPath, Installed)>) -> Result<Paths, Fault> {
        let paths: Vec<&VaultPath> = doubtful.iter().map(|(path, _)| path).collect();
        let heads = self.vault.heads(&paths, self.stop)?;
        let mut holding = Paths::new();
        for ((path, record), head) in doubtful.iter().zip(heads) {
            let holds = head?.and_then(|object| object.noted).is_some_and(|noted| noted.hash == record.hash);
            holding.extend(holds.then(|| path.clone()));
        }
        Ok(holding)
    }
}
