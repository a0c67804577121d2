//! Reports of past runs, one file each, in `$XDG_STATE_HOME/tithe/runs`. Only their owner may read them: a report
//! names tables and numbers of a production database.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::report::RunReport;

/// Keeps a run's report; answers where.
///
/// # Errors
/// `Unexpected` when it cannot be written.
pub(super) fn save(report: &RunReport) -> Result<PathBuf> {
    save_in(&folder()?, report)
}

/// The report of a run.
pub(super) fn find(run_id: &str) -> Option<RunReport> {
    find_in(&folder().ok()?, run_id)
}

/// `$XDG_STATE_HOME/tithe/vaults`: what is remembered of source vaults.
pub(super) fn vaults() -> Result<PathBuf> {
    state().map(|state| state.join("tithe/vaults"))
}

/// `$XDG_STATE_HOME/tithe/runs`
fn folder() -> Result<PathBuf> {
    state().map(|state| state.join("tithe/runs"))
}

/// The variable counts only when absolute, as its specification says.
fn state() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    state.ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, "find a folder for run reports: neither XDG_STATE_HOME nor HOME is set")
            .with_remedy("set XDG_STATE_HOME")
    })
}

fn save_in(folder: &Path, report: &RunReport) -> Result<PathBuf> {
    let path = folder.join(format!("{}.json", report.run_id));
    let write = || -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let temporary = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(report)?)?;
        fs::rename(&temporary, &path)
    };
    write().map_err(|cause| {
        Error::new(ErrorKind::Unexpected, format!("keep the report in {}", path.display())).with_cause(cause)
    })?;
    Ok(path)
}

fn find_in(folder: &Path, run_id: &str) -> Option<RunReport> {
    // An id comes from a database's comment, which others may write: it must not lead out of the folder.
    let plain = run_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain { read(&folder.join(format!("{run_id}.json"))) } else { None }
}

fn read(path: &Path) -> Option<RunReport> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn reports_are_found_again() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("tithe/runs");
        let report = RunReport { run_id: "20260101T000000Z-a".to_owned(), ..RunReport::default() };
        save_in(&folder, &report).unwrap();
        assert!(find_in(&folder, "20260101T000000Z-a").is_some());
        assert!(find_in(&folder, "../runs/20260101T000000Z-a").is_none());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("20260101T000000Z-a.json")), 0o600);
    }
}
