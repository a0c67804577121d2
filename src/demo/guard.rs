//! What keeps a throw-away cluster from outliving its owner: the waiting shell, the locked owner file, the sweep.
//!
//! Does not start servers; stops them only as a last act, together with their folders.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::binaries::{Account, plain_command};
use super::throwaway::failed;
use crate::error::Result;

pub(super) const PREFIX: &str = "tithe-";
pub(super) const OWNER: &str = "owner";
/// A socket's path has at most 103 bytes on macOS (107 on Linux), of which the file's name takes 16.
const SOCKET_DIR_BYTES: usize = 80;

/// Waits for the pipe to close, then stops the server in `$2` and removes `$1` and `$2`; "leave" lets both live.
/// Runs as the server's user, so that a stale pid file can never hit anybody else's process.
const GUARD: &str = r#"trap '' HUP INT TERM
read -r word
[ "$word" = leave ] && exit 0
tries=0
while [ -e "$1" ] || [ -e "$2" ]; do
  pid=$(head -n 1 "$2/postmaster.pid" 2>/dev/null)
  case $pid in
    ''|*[!0-9]*) ;;
    *) kill -QUIT "$pid" 2>/dev/null
       waited=0
       while [ -e "$2/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ $waited -lt 200 ]; do
         sleep 0.05; waited=$((waited + 1))
       done ;;
  esac
  rm -rf -- "$2" "$1" 2>/dev/null
  tries=$((tries + 1))
  [ $tries -ge 20 ] && exit 0
  [ -e "$1" ] && sleep 0.1
done
exit 0
"#;

/// The waiting shell, and what keeps it waiting.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
    /// Where data lives outside the temporary folder; the shell may lack the right to remove the folder itself.
    data: PathBuf,
    _owner: File,
}

impl Guard {
    pub(super) fn start(anchor: &Path, data: &Path, account: Option<Account>, owner: File) -> Result<Self> {
        let mut shell = guard_command(anchor, data, account);
        let mut shell = shell.stdin(Stdio::piped()).spawn().map_err(|cause| {
            let _ = fs::remove_dir_all(anchor);
            failed("start the server's guard".to_owned()).with_cause(cause)
        })?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe, data: data.to_path_buf(), _owner: owner })
    }

    pub(super) fn leave(&mut self) -> Result<()> {
        let told = self.pipe.take().map_or(Ok(()), |mut pipe| pipe.write_all(b"leave\n"));
        self.data = PathBuf::new();
        told.and_then(|()| self.shell.wait())
            .map(drop)
            .map_err(|cause| failed("tell the server's guard".to_owned()).with_cause(cause))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
        if !self.data.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.data);
        }
    }
}

fn guard_command(anchor: &Path, data: &Path, account: Option<Account>) -> Command {
    let mut command = plain_command("/bin/sh", account);
    command.args(["-c", GUARD, "tithe-guard"]).arg(anchor).arg(data).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Writes the owner file and locks it; it appears under its name only when locked, so no sweep can take it for dead.
pub(super) fn own(anchor: &Path, account: Option<Account>) -> std::io::Result<File> {
    let making = anchor.join("owner.new");
    let mut owner = File::create_new(&making)?;
    owner.lock()?;
    writeln!(owner, "{}", std::process::id())?;
    fs::rename(&making, anchor.join(OWNER))?;
    give(anchor, account)?;
    Ok(owner)
}

/// Removes what dead owners and dead guards left behind. Only folders of our own user or the server's: the temporary
/// folder belongs to everyone. Whatever goes wrong is left to the next sweep.
pub(super) fn sweep(parent: &Path, account: Option<Account>) {
    let ours = [Some(rustix::process::geteuid().as_raw()), account.map(|account| account.uid)];
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let anchor = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX)
            || !fs::symlink_metadata(&anchor).is_ok_and(|meta| meta.is_dir() && ours.contains(&Some(meta.uid())))
        {
            continue;
        }
        let Ok(owner) = File::open(anchor.join(OWNER)) else { continue };
        if owner.try_lock().is_ok() {
            let _ = guard_command(&anchor, &anchor.join("data"), account).status();
        }
    }
}

/// The temporary folder; `/tmp` where a socket's path in it would be too long, or where the server runs as another
/// user, who could not enter a folder of ours.
pub(super) fn temp_dir(account: Option<Account>) -> PathBuf {
    let dir = std::env::temp_dir();
    let short = dir.is_absolute() && dir.as_os_str().len() + PREFIX.len() + 8 < SOCKET_DIR_BYTES;
    if short && account.is_none() { dir } else { PathBuf::from("/tmp") }
}

pub(super) fn give(path: &Path, account: Option<Account>) -> std::io::Result<()> {
    account.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)))
}
