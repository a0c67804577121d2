//! Swaps the previous database back, and the files that its rows name; and takes back the files of a run that failed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::files::{StopOnDrop, VaultRequest, joined};
use crate::error::{Error, ErrorKind, Result};
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

/// What is known of the files of a run.
#[derive(Clone, Debug)]
pub enum RunFiles {
    /// It brought none, or they are to be left as they are.
    None,
    /// Nothing: its report is not here.
    Unknown,
    /// It brought some.
    Brought {
        /// Where to.
        place: String,
        /// How many it replaced or removed.
        displaced: u64,
    },
}

/// What a rollback did.
#[derive(Debug)]
pub struct RolledBack {
    /// The target's name.
    pub name: String,
    /// What became of the files, where the run had brought some.
    pub files: Option<(Location, Restored)>,
    /// What keeps the files from being those of the rows, one line each.
    pub problems: Vec<String>,
}

/// Swaps `<target>__prev` back into place. `files_of` tells of the files of a run.
///
/// # Errors
/// `Target`, `Refused`, `Locked`, `Interrupted` or `Vault`.
pub async fn rollback(
    to: ConnectInfo,
    run_id: &str,
    reach: &Reach,
    files_of: impl Fn(&str) -> RunFiles,
) -> Result<RolledBack> {
    let target = Target::open(to, run_id).await?;
    target.lock().await?;
    // Before a file moves.
    target.check_rollback().await?;
    // Going back and forth between two runs undoes and redoes what the later one did to the files. Which of the two it
    // is, the rows tell: they are swapped last and at once, so a rollback that ended before goes on the same way.
    let (current, previous) = (target.run_of(target.name()).await?, target.run_of(&target.prev()).await?);
    let version = if current >= previous { Version::Older } else { Version::Newer };
    let mut done = RolledBack { name: target.name().to_owned(), files: None, problems: Vec::new() };
    if let Some(run) = current.max(previous) {
        match files_of(&run) {
            RunFiles::None => {}
            RunFiles::Unknown => done.problems.push(format!(
                "the report of run {run} is not among yours, so the files that it may have brought are left as they are"
            )),
            // Files first: whichever rows are in use meanwhile, what they name is there.
            RunFiles::Brought { place, displaced } => {
                let (place, restored) = restore(place_of(&place)?, run.clone(), version, reach).await?;
                done.problems.extend(problems(&run, (&place, displaced), &restored));
                done.files = Some((place, restored));
            }
        }
    }
    target.rollback().await.map_err(|error| with_files_told(error, done.files.as_ref()))?;
    Ok(done)
}

fn problems(run: &str, (place, displaced): (&Location, u64), restored: &Restored) -> Vec<String> {
    let mut problems = Vec::new();
    // A bucket has no empty folders: there a part is missing as well where nothing was ever put in it.
    let had_part = displaced > 0 || !matches!(place, Location::Bucket(_));
    if restored.trash_gone && had_part {
        problems.push(format!(
            "what run {run} replaced and removed is not in the trash of {place} any more, so its files stay as they are"
        ));
    }
    if restored.conflicts > 0 {
        problems.push(format!(
            "{} files of {place} were changed or put there by somebody else: they stay",
            restored.conflicts
        ));
    }
    problems
}

/// The rows could not follow the files.
fn with_files_told(error: Error, files: Option<&(Location, Restored)>) -> Error {
    let Some((place, _)) = files.filter(|(_, restored)| restored.moved() > 0) else { return error };
    let remedy = format!(
        "{}; the files in {place} are those of the previous database already: `tithe rollback` again finishes it",
        error.remedy()
    );
    error.with_remedy(remedy)
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

/// After a run failed: the old rows stay, so files that it replaced get their former version again. The error tells
/// what became of them.
pub(super) async fn take_back(request: &VaultRequest, error: Error) -> Error {
    let settings = &request.settings;
    let told = match restore_when_free(settings).await {
        Ok(Restored { exchanged: 0, conflicts: 0, .. }) => return error,
        Ok(Restored { exchanged, conflicts, .. }) => {
            let more = if conflicts > 0 { format!(", {conflicts} were changed since and stay") } else { String::new() };
            format!("{exchanged} files that the run had replaced have their former version again{more}")
        }
        Err(failure) => format!(
            "files that the run replaced in {} could not get their former version again ({}): until a run ends well, \
             rows of the old database may find newer files",
            settings.target,
            failure.chain()
        ),
    };
    let remedy = format!("{}; {told}", error.remedy());
    error.with_remedy(remedy)
}

/// Waits for the run's own threads, and for its far side, to let go of the vault.
async fn restore_when_free(settings: &vault::Settings) -> Result<Restored> {
    const TRIES: u32 = 75;
    let mut tries = 0;
    loop {
        let settings = settings.clone();
        let work = tokio::task::spawn_blocking(move || {
            let vault::Settings { target, remote, store, run_id, .. } = &settings;
            vault::restore(target, (remote, store), run_id, Version::Older, &AtomicBool::new(false))
        });
        match joined(work.await) {
            Err(error) if error.kind() == ErrorKind::Locked && tries < TRIES => tries += 1,
            ended => return ended,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
