//! Whether two folders of this machine lie in each other, by whatever names: files would be sorted into themselves.

use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// One is the other or lies inside it, also where one of them is reached by a bind mount. Neither needs to be there.
///
/// # Errors
/// As the system says.
pub(super) fn overlap(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (resolved(one)?, resolved(other)?);
    let within = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    if within(&one, &other) || is_above(&one, &other) || is_above(&other, &one) {
        return Ok(true);
    }
    // Not everybody may read it, nor has every system one.
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let places = [place(&mounts, &one), place(&mounts, &other)];
    Ok(matches!(&places, [Some((disk, one)), Some((same, other))] if disk == same && within(one, other)))
}

/// The path without links, also of a folder that is not there yet.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(above) = path.parent() else { return std::fs::canonicalize(".") };
            let above = resolved(above)?;
            Ok(match path.components().next_back() {
                Some(Component::Normal(name)) => above.join(name),
                // Of a folder that is not there, so of no link.
                Some(Component::ParentDir) => above.parent().unwrap_or(&above).to_owned(),
                _ => above,
            })
        }
        resolved => resolved,
    }
}

/// The folder is one of those that lead to the path, under another name.
fn is_above(folder: &Path, path: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    let Some(sought) = identity(folder) else { return false };
    path.ancestors().any(|above| identity(above) == Some(sought))
}

/// The disk that holds a path, and where on it that lies: what a bind mount shows is somewhere else, too.
fn place(mountinfo: &[u8], path: &Path) -> Option<(Vec<u8>, PathBuf)> {
    let mut found: Option<(usize, Vec<u8>, PathBuf)> = None;
    for line in mountinfo.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let (Some(disk), Some(root), Some(point)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let (root, point) = (unescaped(root), unescaped(point));
        let Ok(below) = path.strip_prefix(&point) else { continue };
        let depth = point.components().count();
        // Of two at one place the later one hides the other.
        if root.is_absolute() && found.as_ref().is_none_or(|(deepest, ..)| depth >= *deepest) {
            found = Some((depth, disk.to_vec(), root.join(below)));
        }
    }
    found.map(|(_, disk, place)| (disk, place))
}

/// Spaces and the like are written as `\040`.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = octal.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_lie_in_each_other_are_told_by_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::os::unix::fs::symlink(at("a/b"), at("link")).unwrap();
        for (one, other, expected) in [
            ("a", "a", true),
            ("a", "a/b/new/one", true),
            ("link/new", "a", true),
            ("a/b/../new", "a/b", false),
            ("a", "ab", false),
            ("new", "other", false),
        ] {
            assert_eq!(overlap(&at(one), &at(other)).unwrap(), expected, "{one} {other}");
            assert_eq!(overlap(&at(other), &at(one)).unwrap(), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_bind_mount_is_a_second_name_of_what_it_shows() {
        let mounts = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            23 22 8:17 / /data rw shared:1 - ext4 /dev/sdb1 rw\n\
            24 22 8:17 /vault/images /mnt/with\\040space rw - ext4 /dev/sdb1 rw\n\
            25 22 0:4 net:[4026531840] /run/netns/x rw - nsfs nsfs rw\n\
            nonsense\n";
        let place = |path: &str| {
            let (disk, place) = place(mounts, Path::new(path)).unwrap();
            (String::from_utf8(disk).unwrap(), place.to_str().unwrap().to_owned())
        };
        assert_eq!(place("/data/vault/images/a"), ("8:17".to_owned(), "/vault/images/a".to_owned()));
        assert_eq!(place("/mnt/with space/a"), place("/data/vault/images/a"));
        assert_eq!(place("/database"), ("8:1".to_owned(), "/database".to_owned()));
    }
}
