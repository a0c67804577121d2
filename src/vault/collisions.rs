//! Paths that some file system takes for one and the same.
//!
//! A disk that folds case or normalizes Unicode would store two such files in one place, the second over the first.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use unicode_normalization::UnicodeNormalization;

use super::path::VaultPath;

/// Two paths that cannot both be files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Collision {
    /// One names a folder on the way to the other: impossible everywhere.
    FileInFolder(VaultPath, VaultPath),
    /// Equal but for case or Unicode form (in the file's name or a folder's): impossible where the disk folds.
    Folded(VaultPath, VaultPath),
}

/// The collisions among different paths, in the order of the paths, which must be sorted.
pub(super) fn collisions<'a>(paths: impl IntoIterator<Item = &'a VaultPath>) -> Vec<Collision> {
    let mut found = Vec::new();
    // By a hash of the folded prefix, since a million texts are many bytes: whose prefix it was, and how long.
    let mut seen: HashMap<u64, (&VaultPath, u32)> = HashMap::new();
    let hash = RandomState::new();
    let mut previous = "";
    for path in paths {
        let text = path.as_str();
        for end in text.match_indices('/').map(|(end, _)| end).chain([text.len()]) {
            let is_file = end == text.len();
            // The same folder as before was looked at then.
            if !is_file && previous.get(..=end) == text.get(..=end) {
                continue;
            }
            let prefix = &text[..end];
            let key = folded(prefix);
            let Some((other_path, other_end)) =
                seen.get(&hash.hash_one(&key)).map(|(path, end)| (*path, *end as usize))
            else {
                seen.insert(hash.hash_one(&key), (path, end as u32));
                continue;
            };
            let other_prefix = &other_path.as_str()[..other_end];
            let pair = (other_path.clone(), path.clone());
            if other_prefix != prefix {
                if folded(other_prefix) == key {
                    found.push(Collision::Folded(pair.0, pair.1));
                }
            } else if is_file || other_end == other_path.as_str().len() {
                found.push(Collision::FileInFolder(pair.0, pair.1));
            }
        }
        previous = text;
    }
    found
}

/// Equal for texts that a case-folding, normalizing disk takes for equal: NFC of the full case folding, which upper
/// case followed by lower case gives (ß, SS and ss are one).
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    let upper: String = text.nfd().flat_map(char::to_uppercase).collect();
    upper.to_lowercase().nfc().collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(texts: &[&str]) -> Vec<(bool, String, String)> {
        let mut paths: Vec<VaultPath> = texts.iter().map(|text| VaultPath::parse(text).unwrap()).collect();
        paths.sort();
        collisions(&paths)
            .into_iter()
            .map(|collision| match collision {
                Collision::FileInFolder(a, b) => (false, a.to_string(), b.to_string()),
                Collision::Folded(a, b) => (true, a.to_string(), b.to_string()),
            })
            .collect()
    }

    #[test]
    fn different_files_do_not_collide() {
        assert_eq!(among(&["a/b.png", "a/b.gif", "a/c", "ab", "a b", "b/b.png", "aa/b.png"]), []);
    }

    #[test]
    fn case_and_unicode_forms_collide() {
        let pair = |a: &str, b: &str| vec![(true, a.to_owned(), b.to_owned())];
        assert_eq!(among(&["A.png", "a.png"]), pair("A.png", "a.png"));
        assert_eq!(among(&["strasse", "stra\u{df}e"]), pair("strasse", "stra\u{df}e"));
        assert_eq!(among(&["cafe\u{301}", "caf\u{e9}"]), pair("cafe\u{301}", "caf\u{e9}"));
        assert_eq!(among(&["Aa/x", "aa/y"]), pair("Aa/x", "aa/y"));
    }

    #[test]
    fn a_file_is_no_folder() {
        assert_eq!(among(&["a", "a/b"]), vec![(false, "a".to_owned(), "a/b".to_owned())]);
        assert_eq!(among(&["a", "a b", "a/b"]), vec![(false, "a".to_owned(), "a/b".to_owned())]);
    }
}
