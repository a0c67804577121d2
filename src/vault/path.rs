//! Paths inside a vault, parsed once and plain from then on.
//!
//! A path comes out of a row, a manifest or another machine: nothing about it is believed. What is refused is refused
//! whole; no path is ever made acceptable by changing it.

use std::fmt;

/// Longest name of a folder or file, in bytes: what every common file system takes.
const NAME_BYTES_MAX: usize = 255;
/// Longest path, in bytes: Linux takes 4096 with the root before it.
const PATH_BYTES_MAX: usize = 2048;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;
/// The folder inside a vault that holds Tithe's own records.
pub(super) const OWN_FOLDER: &str = ".tithe";

/// A relative path of plain names joined by `/`, in UTF-8. Orders as its text does.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct VaultPath(Box<str>);

/// Why a text is no path of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// Nothing, or nothing between two slashes.
    Empty,
    /// Starts with a slash.
    Absolute,
    /// `.` or `..`
    Dots,
    /// A backslash: a separator on some systems.
    Backslash,
    /// NUL or another control character.
    Control,
    /// A colon, or a name that means a device on some systems, or one that ends in a dot or a space.
    Reserved,
    /// Tithe's own folder.
    Own,
    /// A name over 255 bytes, a path over 2048, or nested deeper than 64.
    TooLong,
}

impl VaultPath {
    /// Checks every component.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        if text.len() > PATH_BYTES_MAX {
            return Err(PathFault::TooLong);
        }
        if text.starts_with('/') {
            return Err(PathFault::Absolute);
        }
        let mut depth = 0;
        for name in text.split('/') {
            check_name(name)?;
            if depth == 0 && name.eq_ignore_ascii_case(OWN_FOLDER) {
                return Err(PathFault::Own);
            }
            depth += 1;
        }
        if depth > DEPTH_MAX {
            return Err(PathFault::TooLong);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder's path (empty at the top) and the file's name.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// Everything before the name's last dot; the whole path where the name has none.
    pub fn stem(&self) -> &str {
        let (folder, name) = self.split();
        match name.rfind('.') {
            Some(dot) if dot > 0 => &self.0[..self.0.len() - (name.len() - dot)],
            _ => &self.0[..folder.len() + usize::from(!folder.is_empty()) + name.len()],
        }
    }

    /// What follows the name's last dot, if anything.
    pub fn extension(&self) -> &str {
        self.0[self.stem().len()..].trim_start_matches('.')
    }
}

impl TryFrom<String> for VaultPath {
    type Error = PathFault;

    fn try_from(text: String) -> Result<Self, PathFault> {
        Self::parse(&text)
    }
}

impl fmt::Debug for VaultPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for VaultPath {
    /// Holds no control characters by construction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty or has an empty component",
            Self::Absolute => "is absolute",
            Self::Dots => "has a `.` or `..` component",
            Self::Backslash => "has a backslash",
            Self::Control => "has a control character",
            Self::Reserved => "has a name that some systems reserve",
            Self::Own => "leads into Tithe's own folder",
            Self::TooLong => "is too long",
        })
    }
}

fn check_name(name: &str) -> Result<(), PathFault> {
    if name.is_empty() {
        return Err(PathFault::Empty);
    }
    if name == "." || name == ".." {
        return Err(PathFault::Dots);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(PathFault::TooLong);
    }
    for letter in name.chars() {
        match letter {
            '\\' => return Err(PathFault::Backslash),
            ':' => return Err(PathFault::Reserved),
            // Overrides of writing direction let a name show as another.
            letter if letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                return Err(PathFault::Control);
            }
            _ => {}
        }
    }
    if name.ends_with(['.', ' ']) || is_device(name) {
        return Err(PathFault::Reserved);
    }
    Ok(())
}

/// `CON`, `NUL.txt`, `com1`, `LPT²`: devices on Windows whatever follows the first dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    if stem.chars().count() < 3 || stem.chars().count() > 7 {
        return false;
    }
    let upper = stem.to_ascii_uppercase();
    if matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let port = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    port.is_some_and(|digit| {
        matches!(digit.chars().next(), Some('1'..='9' | '¹' | '²' | '³')) && digit.chars().count() == 1
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for text in ["a", "aa/bb/cc/6f1c.png", "a b/ä ö.webp", ".hidden", "x/.tithe", "console/com10.txt", "-rf", "~"]
        {
            assert_eq!(VaultPath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        use PathFault as F;
        for (text, fault) in [
            ("", F::Empty),
            ("a//b", F::Empty),
            ("a/", F::Empty),
            ("/etc/passwd", F::Absolute),
            ("../x", F::Dots),
            ("a/../../x", F::Dots),
            ("./a", F::Dots),
            ("a\\..\\b", F::Backslash),
            ("a\0b", F::Control),
            ("a\nb", F::Control),
            ("a\u{1b}[31m", F::Control),
            ("gnp\u{202e}exe.a", F::Control),
            ("C:/x", F::Reserved),
            ("con", F::Reserved),
            ("a/NUL.txt", F::Reserved),
            ("com1.png", F::Reserved),
            ("LPT².png", F::Reserved),
            ("a./b", F::Reserved),
            ("a /b", F::Reserved),
            (".tithe/lock", F::Own),
            (".TITHE/lock", F::Own),
        ] {
            assert_eq!(VaultPath::parse(text).unwrap_err(), fault, "{text:?}");
        }
        assert_eq!(VaultPath::parse(&"x".repeat(256)).unwrap_err(), F::TooLong);
        assert_eq!(VaultPath::parse(&vec!["x"; 65].join("/")).unwrap_err(), F::TooLong);
        assert_eq!(VaultPath::parse(&vec!["x".repeat(200); 11].join("/")).unwrap_err(), F::TooLong);
    }

    #[test]
    fn names_come_apart() {
        for (text, folder, name, stem, extension) in [
            ("aa/bb/k.png", "aa/bb", "k.png", "aa/bb/k", "png"),
            ("k.tar.gz", "", "k.tar.gz", "k.tar", "gz"),
            ("a.b/k", "a.b", "k", "a.b/k", ""),
            ("a/.k", "a", ".k", "a/.k", ""),
        ] {
            let path = VaultPath::parse(text).unwrap();
            assert_eq!((path.split(), path.stem(), path.extension()), ((folder, name), stem, extension));
        }
    }

    proptest! {
        /// What is accepted stays below any folder it is joined to, as the standard library sees it.
        #[test]
        fn accepted_paths_stay_inside(text in "[a./\\\\\u{0}C: \u{202e}~-]{0,12}") {
            if let Ok(path) = VaultPath::parse(&text) {
                let plain = std::path::Path::new(path.as_str())
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(plain && !text.contains('\0'));
            }
        }
    }
}
