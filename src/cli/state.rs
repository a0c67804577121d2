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

/// The report that a user means: a file, a run's id or its beginning; `None`: the latest run.
///
/// # Errors
/// `Usage` when there is none, or more than one.
pub(super) fn named(written: Option<&str>) -> Result<RunReport> {
    named_in(&folder()?, written)
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

fn named_in(folder: &Path, written: Option<&str>) -> Result<RunReport> {
    let usage = |what: String| Err(Error::new(ErrorKind::Usage, what).with_remedy(format!("see {}", folder.display())));
    let path = match written {
        Some(text) if text.contains('/') || text.ends_with(".json") => PathBuf::from(text),
        _ => {
            let begin = written.unwrap_or_default();
            let mut runs: Vec<String> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
                .filter(|run| run.starts_with(begin))
                .collect();
            runs.sort_unstable();
            match (runs.as_slice(), written) {
                ([], None) => return usage("find the latest run: no run has left a report here".to_owned()),
                ([], Some(text)) => return usage(format!("find run {text:?}: no report of it is here")),
                ([.., last], None) => folder.join(format!("{last}.json")),
                ([one], Some(_)) => folder.join(format!("{one}.json")),
                ([one, other, ..], Some(text)) => {
                    return usage(format!("find run {text:?}: {one} and {other} begin like that"));
                }
            }
        }
    };
    match read(&path) {
        Some(report) => Ok(report),
        None => usage(format!("read {}: it is no report of a run", path.display())),
    }
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
        let named = |text| named_in(&folder, text).map(|report| report.run_id).map_err(|error| error.exit_code());
        assert_eq!(named(Some("2026")), Ok(report.run_id.clone()));
        save_in(&folder, &RunReport { run_id: "20260102T000000Z-b".to_owned(), ..RunReport::default() }).unwrap();
        assert_eq!(named(None), Ok("20260102T000000Z-b".to_owned()));
        assert_eq!([named(Some("2026")), named(Some("2027")), named(Some("/etc/passwd"))], [Err(2), Err(2), Err(2)]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("20260101T000000Z-a.json")), 0o600);
    }
}
