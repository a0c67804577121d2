//! What is in a bucket, counted by one listing.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use object_store::ObjectStore;

use super::super::path::OWN_FOLDER;
use super::super::trash::is_kept_file;
use super::super::verify::VaultStatus;
use super::fault::Fault;
use super::link::ObjectVault;
use crate::error::Result;

impl ObjectVault {
    /// Lists everything below the vault's folder.
    ///
    /// # Errors
    /// `Vault` as the store says.
    pub(crate) fn status(&self) -> Result<VaultStatus> {
        let failed = |fault: Fault| fault.error("look through", &self.name());
        let mut status = VaultStatus::default();
        let mut installed = BTreeSet::new();
        if let Some((mut records, _)) = super::installed(self)? {
            status.known = true;
            while let Some((path, record)) = records.take().map_err(|error| failed(super::fault::local(&error)))? {
                status.installed += 1;
                status.installed_bytes += record.size;
                installed.insert(path.as_str().to_owned());
            }
        }
        status.gone = status.installed;
        let own = format!("{OWN_FOLDER}/");
        let folder = self.key_of("").map_err(failed)?;
        let within = (!folder.as_ref().is_empty()).then_some(&folder);
        let count = async {
            let mut objects = self.store.list(within);
            while let Some(object) = objects.try_next().await? {
                match self.below(&object.location).strip_prefix(&own) {
                    Some(rest) if rest.strip_prefix("trash/").is_some_and(is_kept_file) => {
                        status.trash += 1;
                        status.trash_bytes += object.size;
                    }
                    Some(_) => {}
                    None if installed.contains(self.below(&object.location)) => status.gone -= 1,
                    None => status.foreign += 1,
                }
            }
            Ok::<_, object_store::Error>(())
        };
        self.wait(count).map_err(|error| failed(error.into()))?;
        Ok(status)
    }
}
