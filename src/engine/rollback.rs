//! Swaps the previous database back, and the files that its rows name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::files::{StopOnDrop, joined};
use crate::error::Result;
use crate::pg::connect::ConnectInfo;
use crate::pg::target::Target;
use crate::vault::{self, Location, RemoteSettings, Restored, StoreSettings, Version};

/// How to reach files that lie elsewhere.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Other machines.
    pub remote: RemoteSettings,
    /// Object stores.
    pub store: StoreSettings,
}

/// What a rollback did.
#[derive(Debug)]
pub struct RolledBack {
    /// The target's name.
    pub name: String,
    /// What became of the files, where the run had brought some.
    pub files: Option<(Location, Restored)>,
}

/// Swaps `<target>__prev` back into place. `vault_of` tells the place that a run brought files to.
///
/// # Errors
/// `Target`, `Refused`, `Locked`, `Interrupted` or `Vault`.
pub async fn rollback(
    to: ConnectInfo,
    run_id: &str,
    reach: &Reach,
    vault_of: impl Fn(&str) -> Option<String>,
) -> Result<RolledBack> {
    let target = Target::open(to, run_id).await?;
    target.lock().await?;
    // Going back and forth between two runs undoes and redoes what the later one did to the files. Which of the two it
    // is, the rows tell: they are swapped last and at once, so a rollback that ended before goes on the same way.
    let (current, previous) = (target.run_of(target.name()).await?, target.run_of(&target.prev()).await?);
    let version = if current >= previous { Version::Older } else { Version::Newer };
    let later = current.max(previous);
    let files = match later.and_then(|run| Some((vault_of(&run)?, run))) {
        // Files first: whichever rows are in use meanwhile, what they name is there.
        Some((place, run)) => Some(restore(place_of(&place)?, run, version, reach).await?),
        None => None,
    };
    target.rollback().await?;
    Ok(RolledBack { name: target.name().to_owned(), files })
}

/// A report names folders from the root on.
fn place_of(text: &str) -> Result<Location> {
    if Path::new(text).is_absolute() { Ok(Location::Folder(PathBuf::from(text))) } else { text.parse() }
}

async fn restore(place: Location, run: String, version: Version, reach: &Reach) -> Result<(Location, Restored)> {
    let reach = reach.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let _guard = StopOnDrop(Arc::clone(&stop));
    let work = tokio::task::spawn_blocking(move || {
        let restored = vault::restore(&place, (&reach.remote, &reach.store), &run, version, &stop)?;
        Ok((place, restored))
    });
    joined(work.await).map_err(|error| {
        let remedy = format!("{}; --no-vault rolls back the rows alone", error.remedy());
        error.with_remedy(remedy)
    })
}
