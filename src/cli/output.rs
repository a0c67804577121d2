//! Documents that a user asked for, written to a file or to standard output. Only their owner may read the file: they
//! name tables of a production database. Whoever wants to pass one on says so with chmod.

use std::io::Write as _;
use std::path::Path;

use super::print_exact;
use crate::error::{Error, ErrorKind, Result};

/// Writes the whole text, or leaves what was there. `-` is standard output.
///
/// # Errors
/// `Usage` when the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    if path == Path::new("-") {
        print_exact(text);
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".tithe-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("write {}", path.display()))
            .with_cause(cause)
            .with_remedy("name a file in a folder that can be written")
    })
}
