//! The TOML file as it is written, and its checking.

use std::path::Path;

use super::Profile;
use crate::error::{Error, ErrorKind, Result};

pub(super) fn read(path: &Path) -> Result<Profile> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Error::new(ErrorKind::Profile, format!("read profile {}", path.display())).with_cause(cause))?;
    parse(&text, path)
}

pub(super) fn parse(_text: &str, path: &Path) -> Result<Profile> {
    Err(Error::new(ErrorKind::Profile, format!("parse profile {}", path.display())))
}
