//! Swaps the previous database back, and the files that its rows name.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::pg::connect::ConnectInfo;
use crate::pg::target::Target;
use crate::vault::{self, Restored};

/// What a rollback did.
#[derive(Debug)]
pub struct RolledBack {
    /// The target's name.
    pub name: String,
    /// What became of the files, where the run had brought some.
    pub files: Option<(PathBuf, Restored)>,
    /// Where the run had brought files that are not put back: on another machine, or in a bucket.
    pub elsewhere: Option<String>,
}

/// Swaps `<target>__prev` back into place. `vault_of` tells the place that a run brought files to.
///
/// # Errors
/// `Target`, `Refused`, `Locked` or `Vault`.
pub async fn rollback(to: ConnectInfo, run_id: &str, vault_of: impl Fn(&str) -> Option<String>) -> Result<RolledBack> {
    let target = Target::open(to, run_id).await?;
    target.lock().await?;
    // Going back and forth between two runs undoes and redoes what the later one did to the files.
    let runs = [target.run_of(target.name()).await?, target.run_of(&target.prev()).await?];
    let later = runs.into_iter().flatten().max();
    let vault = later.and_then(|run| Some((vault_of(&run)?, run)));
    let (files, elsewhere) = match vault {
        Some((place, _)) if !Path::new(&place).is_absolute() => (None, Some(place)),
        vault => (vault.map(|(place, run)| (PathBuf::from(place), run)), None),
    };
    // Files first: whichever rows are in use meanwhile, what they name is there.
    let files = match files {
        None => None,
        Some((folder, run)) => {
            let path = folder.clone();
            let restored = tokio::task::spawn_blocking(move || vault::restore(&path, &run)).await;
            let restored =
                restored.map_err(|cause| Error::new(ErrorKind::Unexpected, "put back files").with_cause(cause))??;
            Some((folder, restored))
        }
    };
    target.rollback().await?;
    Ok(RolledBack { name: target.name().to_owned(), files, elsewhere })
}
