//! The trash of a bucket: `.tithe/trash/<seconds>-<run>/removed/PATH`, `…/replaced/PATH` and `…/exchanged/PATH`, as on
//! disk.
//!
//! An object is copied there, looked at once more, and only then deleted. S3 has no delete with a condition that all
//! stores know, so an object that somebody puts between that look and the delete would go with it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};

use super::super::path::VaultPath;
use super::super::target::now_ns;
use super::super::trash::{self, Why, names_after, names_since};
use super::fault::{Fault, FaultKind};
use super::link::{IN_FLIGHT, ObjectVault};
use super::look::Object;

const TRASH: &str = "trash";

/// One run's part of the trash.
#[derive(Clone, Debug)]
pub(super) struct Bin {
    folder: String,
}

impl Bin {
    pub(super) fn of_run(run_id: &str) -> Self {
        Self { folder: format!("{TRASH}/{}-{run_id}", now_ns() / 1_000_000_000) }
    }

    /// By the name of the part.
    fn named(name: &str) -> Self {
        Self { folder: format!("{TRASH}/{name}") }
    }

    pub(super) fn name(&self, why: Why, path: &VaultPath) -> String {
        format!("{}/{}/{path}", self.folder, why.folder())
    }

    /// The name of the record of what Tithe knew of such objects.
    pub(super) fn records(&self, why: Why) -> String {
        format!("{}/{}", self.folder, why.records())
    }
}

impl ObjectVault {
    /// Copies an object to the trash, if it is still this one.
    pub(super) async fn keep(&self, bin: &Bin, why: Why, path: &VaultPath, object: &Object) -> Result<(), Fault> {
        let (from, to) = (self.key(path)?, self.own_key(&bin.name(why, path))?);
        self.store.copy(&from, &to).await?;
        match self.head_of(&from).await? {
            Some(now) if now.etag == object.etag => Ok(()),
            _ => {
                self.store.delete(&to).await?;
                Err(Fault::new(FaultKind::Changed, "another object stands there"))
            }
        }
    }

    /// Moves an object to the trash, if it is still this one; tells whether it was.
    pub(super) async fn remove(&self, bin: &Bin, path: &VaultPath, object: &Object) -> Result<bool, Fault> {
        match self.keep(bin, Why::Removed, path, object).await {
            Ok(()) => {}
            Err(fault) if matches!(fault.kind, FaultKind::Changed | FaultKind::Missing) => return Ok(false),
            Err(fault) => return Err(fault),
        }
        self.store.delete(&self.key(path)?).await?;
        Ok(true)
    }

    /// The part of a run and those of later ones, in order, and whether the run's is there: a bucket has no empty folders,
    /// so it is missing where the run displaced nothing as well as where it is gone.
    pub(super) fn bins_since(&self, run_id: &str) -> Result<(Vec<Bin>, bool), Fault> {
        let trash = self.own_key(TRASH)?;
        let parts = self.wait(self.store.list_with_delimiter(Some(&trash)))?.common_prefixes;
        let names: Vec<_> = parts.iter().filter_map(|part| part.filename().map(str::to_owned)).collect();
        let named = |names: Vec<(String, String)>| names.into_iter().map(|(_, name)| Bin::named(&name));
        let since: Vec<Bin> = named(names_since(names.clone(), run_id)).collect();
        if !since.is_empty() {
            return Ok((since, true));
        }
        Ok((std::iter::once(Bin::of_run(run_id)).chain(named(names_after(names, run_id))).collect(), false))
    }

    /// The paths of such objects in a part.
    pub(super) fn in_bin(&self, bin: &Bin, why: Why) -> Result<BTreeSet<VaultPath>, Fault> {
        let folder = self.own_key(&format!("{}/{}", bin.folder, why.folder()))?;
        let above = format!("{}/", self.below(&folder));
        let of = |key: &Key| VaultPath::parse(self.below(key).strip_prefix(&above)?).ok();
        self.wait(async {
            let objects = self.store.list(Some(&folder)).map_err(Fault::from);
            objects
                .try_fold(BTreeSet::new(), |mut all, object| {
                    all.extend(of(&object.location));
                    async { Ok(all) }
                })
                .await
        })
    }

    /// Deletes the runs' parts that are older than `keep`, but that of the run `spared`.
    pub(super) fn expire(&self, keep: Duration, spared: &str) -> Result<(), Fault> {
        self.wait(async {
            let trash = self.own_key(TRASH)?;
            let parts = self.store.list_with_delimiter(Some(&trash)).await?.common_prefixes;
            for part in parts {
                if trash::is_expired(part.filename().unwrap_or_default(), keep, spared) {
                    let old = self.store.list(Some(&part)).map_ok(|object| object.location).boxed();
                    self.store.delete_stream(old).try_for_each(|_| async { Ok(()) }).await?;
                }
            }
            Ok(())
        })
    }

    /// Removes many at once; in the order given, whether each was.
    pub(super) fn remove_all(&self, bin: &Bin, paths: &[(&VaultPath, Object)]) -> Vec<Result<bool, Fault>> {
        let all = stream::iter(paths).map(|(path, object)| self.remove(bin, path, object));
        self.wait(all.buffered(IN_FLIGHT).collect())
    }
}
