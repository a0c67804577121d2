//! The log file of `--log`: one line per event, with time and run, for audits. Appends; never truncates.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::{Timestamp, Unit};

use crate::error::{Error, ErrorKind, Result};

/// An open log.
pub(super) struct Log {
    file: Mutex<File>,
    run_id: String,
}

impl Log {
    pub(super) fn open(path: &Path, run_id: &str) -> Result<Self> {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = opened.map_err(|cause| {
            Error::new(ErrorKind::Usage, format!("open the log {}", path.display()))
                .with_cause(cause)
                .with_remedy("give --log a file that can be written")
        })?;
        Ok(Self { file: Mutex::new(file), run_id: run_id.to_owned() })
    }

    /// Writes a line. A full disk must not end a run that is otherwise well, so failures are let go.
    pub(super) fn line(&self, kind: &str, text: &str) {
        let now = Timestamp::now().round(Unit::Millisecond).unwrap_or_else(|_| Timestamp::now());
        // A line break in a name must not forge an entry.
        let text = text.replace(|c: char| c.is_control(), " ");
        let line = format!("{now} {} {kind} {text}\n", self.run_id);
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}
