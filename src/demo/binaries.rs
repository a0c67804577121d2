//! Finds PostgreSQL's server programs, and the user they may run as. Starts nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, ErrorKind, Result};

/// Names the folder with `initdb`, `pg_ctl` and `postgres`; beats every other place.
pub const BIN_VARIABLE: &str = "TITHE_PG_BIN";

const NEEDED: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// The folder of the server programs: `TITHE_PG_BIN`, Debian's folders (newest first), `pg_config`, `PATH`, and the
/// folders of Homebrew and of PostgreSQL's own RPM packages.
///
/// # Errors
/// When no folder has all of them, or the one that `TITHE_PG_BIN` names has not.
pub fn find_bin_dir() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()) {
        let dir = PathBuf::from(named);
        return if is_bin_dir(&dir) {
            Ok(dir)
        } else {
            Err(missing(format!("find initdb, pg_ctl and postgres in {} ({BIN_VARIABLE})", dir.display())))
        };
    }
    let mut places = numbered(Path::new("/usr/lib/postgresql"), "", "bin");
    places.extend(pg_config_bin_dir());
    places.extend(path_bin_dirs());
    for prefix in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
        places.extend(numbered(Path::new(prefix), "postgresql@", "bin"));
    }
    places.extend(numbered(Path::new("/usr"), "pgsql-", "bin"));
    places
        .into_iter()
        .find(|dir| is_bin_dir(dir))
        .ok_or_else(|| missing("find an installed PostgreSQL server".to_owned()))
}

fn missing(action: String) -> Error {
    Error::new(ErrorKind::Unexpected, action)
        .with_remedy(format!(
            "install PostgreSQL (`make demo` does where apt-get is there), or set {BIN_VARIABLE} to the folder of its programs"
        ))
}

fn is_bin_dir(dir: &Path) -> bool {
    NEEDED.iter().all(|name| dir.join(name).is_file())
}

/// `<parent>/<prefix>N/<below>` for every number N, highest first.
fn numbered(parent: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join(below)))
        })
        .collect();
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

fn pg_config_bin_dir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
}

/// Folders on `PATH`, with links to `initdb` followed: packages often link single programs.
fn path_bin_dirs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|dir| {
            let linked = dir.join("initdb").canonicalize().ok().and_then(|file| file.parent().map(Path::to_path_buf));
            [Some(dir), linked]
        })
        .flatten()
        .collect()
}

/// An account the server can run as when we are root, which PostgreSQL refuses to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The account to change to: `postgres`, else `nobody`; `None` where we are not root and need no other.
pub(super) fn server_account() -> Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = std::fs::read_to_string("/etc/passwd")
        .map_err(|cause| Error::new(ErrorKind::Unexpected, "read /etc/passwd").with_cause(cause))?;
    find_account(&passwd, "postgres").or_else(|| find_account(&passwd, "nobody")).map(Some).ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, "find a user for the server: PostgreSQL does not run as root")
            .with_remedy("run as an ordinary user, or create the user postgres")
    })
}

fn find_account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Account { uid, gid })
    })
}

/// A command with nothing of our environment but what programs need: no `PG*` variable may point a server program
/// at a real cluster.
pub(super) fn plain_command(program: impl AsRef<OsStr>, account: Option<Account>) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("HOME", "/").current_dir("/").stdin(std::process::Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A group of its own: Ctrl-C at the terminal is for us, not for the servers.
    command.process_group(0);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_come_from_passwd_lines() {
        let passwd = "root:x:0:0::/root:/bin/sh\n\nodd\npostgres:x:101:104:PostgreSQL,,,:/var/lib:/bin/bash\nzero:x:0:0::/:/bin/sh\n";
        assert_eq!(find_account(passwd, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find_account(passwd, "zero"), None);
        assert_eq!(find_account(passwd, "odd"), None);
        assert_eq!(find_account(passwd, "nobody"), None);
    }
}
