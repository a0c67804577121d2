//! A profile's file: read as it is, replaced at once or not at all.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// The text.
///
/// # Errors
/// `Profile`
pub(super) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|cause| Error::new(ErrorKind::Profile, format!("read profile {}", path.display())).with_cause(cause))
}

/// Puts a new text in the place of the old one: a file beside it, made durable, then renamed. Mode and owner stay; a
/// link stays a link.
///
/// # Errors
/// `Refused` where somebody changed the file meanwhile, `Usage` where it cannot be written.
pub(super) fn replace(path: &Path, old: &str, new: &str) -> Result<()> {
    let failed = |cause: std::io::Error| {
        Error::new(ErrorKind::Usage, format!("write {}", path.display()))
            .with_cause(cause)
            .with_remedy("the profile is as it was; its folder must be writable, or look with --dry-run")
    };
    let path = fs::canonicalize(path).map_err(failed)?;
    let write = || -> std::io::Result<Option<tempfile::NamedTempFile>> {
        let facts = fs::metadata(&path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".tithe-profile-").tempfile_in(folder)?;
        file.write_all(new.as_bytes())?;
        let made = file.as_file().metadata()?;
        if (made.uid(), made.gid()) != (facts.uid(), facts.gid()) {
            std::os::unix::fs::fchown(file.as_file(), Some(facts.uid()), Some(facts.gid()))?;
        }
        file.as_file().set_permissions(facts.permissions())?;
        file.as_file().sync_all()?;
        Ok((fs::read(&path)? == old.as_bytes()).then_some(file))
    };
    let Some(file) = write().map_err(failed)? else {
        return Err(Error::new(ErrorKind::Refused, format!("{} was changed meanwhile", path.display()))
            .with_remedy("nothing was written; run again"));
    };
    file.persist(&path).map_err(|refused| failed(refused.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn mode_and_link_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        replace(&link, "old", "new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        fs::write(&path, "theirs").unwrap();
        assert_eq!(replace(&path, "old", "new").unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
