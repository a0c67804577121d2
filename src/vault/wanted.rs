//! Which files the rows name: sorted, each once, decided.

use super::collisions::{Collision, collisions};
use super::path::VaultPath;
pub use crate::profile::FileTreatment as FileMode;

/// A kind of files: one entry of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRule {
    /// As the profile calls it.
    pub name: String,
    /// What becomes of its files.
    pub mode: FileMode,
}

/// A file that the target is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedFile {
    /// In the target.
    pub path: VaultPath,
    /// In the source, where that is another path.
    pub source: Option<VaultPath>,
    /// Index of its rule.
    pub rule: u16,
    /// A row needs it; otherwise it may be absent.
    pub required: bool,
}

impl WantedFile {
    /// Where it lies in the source.
    pub fn source_path(&self) -> &VaultPath {
        self.source.as_ref().unwrap_or(&self.path)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct WantedList {
    /// Sorted by path, each once, none of a rule with mode `None`.
    pub files: Vec<WantedFile>,
    /// The rules.
    pub rules: Vec<FileRule>,
}

/// Why a list cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two rules treat one file differently.
    Modes {
        /// The file.
        path: VaultPath,
        /// The rules' names.
        rules: [String; 2],
    },
    /// One target file out of two source files.
    Sources(VaultPath),
    /// A file in the place of a folder.
    FileInFolder(VaultPath, VaultPath),
}

impl WantedList {
    /// Sorts and unites; a file that two rows name is one file, required if either needs it.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn unite(rules: Vec<FileRule>, mut files: Vec<WantedFile>) -> Result<Self, Contradiction> {
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path).then(a.rule.cmp(&b.rule)));
        let mut united: Vec<WantedFile> = Vec::with_capacity(files.len());
        for file in files {
            let Some(last) = united.last_mut().filter(|last| last.path == file.path) else {
                united.push(file);
                continue;
            };
            let mode = |rule: u16| rules[usize::from(rule)].mode;
            if mode(last.rule) != mode(file.rule) {
                let name = |rule: u16| rules[usize::from(rule)].name.clone();
                return Err(Contradiction::Modes { path: file.path, rules: [name(last.rule), name(file.rule)] });
            }
            if last.source_path() != file.source_path() {
                return Err(Contradiction::Sources(file.path));
            }
            last.required |= file.required;
        }
        united.retain(|file| rules[usize::from(file.rule)].mode != FileMode::None);
        united.shrink_to_fit();
        Ok(Self { files: united, rules })
    }

    /// Pairs that a disk which folds case or Unicode forms would store in one place.
    ///
    /// # Errors
    /// A file in the place of a folder, which no disk takes.
    pub fn folded_pairs(&self) -> Result<Vec<(VaultPath, VaultPath)>, Contradiction> {
        let mut pairs = Vec::new();
        for collision in collisions(self.files.iter().map(|file| &file.path)) {
            match collision {
                Collision::FileInFolder(file, inside) => return Err(Contradiction::FileInFolder(file, inside)),
                Collision::Folded(one, other) => pairs.push((one, other)),
            }
        }
        Ok(pairs)
    }

    /// The rule of a file.
    pub fn rule(&self, file: &WantedFile) -> &FileRule {
        &self.rules[usize::from(file.rule)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, rule: u16, required: bool) -> WantedFile {
        WantedFile { path: VaultPath::parse(path).unwrap(), source: None, rule, required }
    }

    fn rules(modes: &[FileMode]) -> Vec<FileRule> {
        modes.iter().enumerate().map(|(at, mode)| FileRule { name: format!("rule {at}"), mode: *mode }).collect()
    }

    #[test]
    fn a_file_that_many_rows_name_is_one_file() {
        let files = vec![file("b", 0, false), file("a", 1, true), file("b", 1, true), file("b", 0, false)];
        let list = WantedList::unite(rules(&[FileMode::Real, FileMode::Real]), files).unwrap();
        assert_eq!(list.files, [file("a", 1, true), file("b", 0, true)]);
    }

    #[test]
    fn rules_may_not_contradict_each_other() {
        let files = vec![file("b", 0, true), file("b", 1, true)];
        let refused = WantedList::unite(rules(&[FileMode::Real, FileMode::Placeholder]), files);
        assert!(matches!(refused, Err(Contradiction::Modes { .. })), "{refused:?}");
        let two = WantedFile { source: Some(VaultPath::parse("x").unwrap()), ..file("b", 0, true) };
        let refused = WantedList::unite(rules(&[FileMode::Real]), vec![two, file("b", 0, true)]);
        assert!(matches!(refused, Err(Contradiction::Sources(_))), "{refused:?}");
    }

    #[test]
    fn files_that_do_not_come_are_not_wanted() {
        let list = WantedList::unite(rules(&[FileMode::None]), vec![file("a", 0, true)]).unwrap();
        assert!(list.files.is_empty());
    }
}
