//! Two folders, a list of wanted files, and the program that brings them from one to the other.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Ran;

/// Who may do what root may not be kept from doing.
pub(crate) const NOBODY: u32 = 65_534;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    File(Vec<u8>),
    Link(PathBuf),
    /// A pipe, a device, a socket.
    Special,
}

/// Everything below a folder but folders, by path.
pub(crate) type Tree = BTreeMap<String, Node>;

/// A source vault and a target vault.
pub(crate) struct Vaults {
    dir: tempfile::TempDir,
}

impl Vaults {
    /// An empty source; the target does not exist yet.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("tithe-vault-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("source")).unwrap();
        Self { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.dir.path().join("target")
    }

    pub(crate) fn own(&self) -> PathBuf {
        self.target().join(".tithe")
    }

    /// A file on its way.
    pub(crate) fn staged(&self) -> Option<PathBuf> {
        let entries = walkdir::WalkDir::new(self.own().join("staging")).into_iter().flatten();
        entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).next()
    }

    /// Writes files of the source.
    pub(crate) fn put(&self, files: &[(&str, &str)]) {
        files.iter().for_each(|(path, text)| write(&self.source().join(path), text.as_bytes()));
    }

    /// Writes a file of the target, as its user would.
    pub(crate) fn edit(&self, path: &str, text: &str) {
        write(&self.target().join(path), text.as_bytes());
    }

    /// Names the wanted files.
    pub(crate) fn want(&self, paths: &[&str]) {
        fs::write(self.list(), paths.iter().map(|path| format!("{path}\n")).collect::<String>()).unwrap();
    }

    pub(crate) fn list(&self) -> PathBuf {
        self.dir.path().join("list.txt")
    }

    /// `tithe vault WHAT` with the list and both folders, and more arguments; ended after two minutes.
    pub(crate) fn command(&self, what: &str, more: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "120"]).arg(env!("CARGO_BIN_EXE_tithe")).args(["vault", what]);
        command.arg("--files-from").arg(self.list()).arg("--vault-to").arg(self.target());
        if what != "verify" {
            command.arg("--vault-from").arg(self.source());
        }
        command.args(more).env_clear().current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.dir.path());
        command
    }

    pub(crate) fn sync(&self, more: &[&str]) -> Ran {
        run(&mut self.command("sync", more))
    }

    pub(crate) fn vault(&self, what: &str, more: &[&str]) -> Ran {
        run(&mut self.command(what, more))
    }

    /// What the target holds besides Tithe's own folder.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = tree(&self.target());
        tree.retain(|path, _| !path.starts_with(".tithe/"));
        tree
    }

    /// The text of a file of the target.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.target().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What lies in the trash, as `removed/PATH` and `replaced/PATH`, over all runs.
    pub(crate) fn trash(&self) -> Vec<(String, Node)> {
        let mut found: Vec<_> = tree(&self.own().join("trash"))
            .into_iter()
            .filter_map(|(path, node)| path.split_once('/').map(|(_, path)| (path.to_owned(), node)))
            .filter(|(path, _)| path.contains('/'))
            .collect();
        found.sort();
        found
    }

    /// Nothing is left half done: no staged file, no intents.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let own = tree(&self.own());
        let left: Vec<_> = own
            .keys()
            .filter(|path| path.starts_with("staging/") || !path.contains('/') && path.contains(['-', '.']))
            .filter(|path| *path != "vault.json")
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// Source and target hold the same at every wanted path: by our own reader, and by rsync where there is one.
    #[track_caller]
    pub(crate) fn assert_agree(&self) {
        let list = fs::read_to_string(self.list()).unwrap();
        for path in list.lines().filter(|path| !path.is_empty()) {
            let read = |root: PathBuf| fs::read(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(read(self.source()) == read(self.target()), "{path} differs");
        }
        let zeroed = self.dir.path().join("list.0");
        fs::write(&zeroed, list.replace('\n', "\0")).unwrap();
        let mut rsync = Command::new("rsync");
        rsync.args(["-rnc", "--itemize-changes", "--from0", "--files-from"]).arg(zeroed);
        rsync.arg(format!("{}/", self.source().display())).arg(format!("{}/", self.target().display()));
        let Ok(output) = rsync.output() else { return };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.is_empty(), "rsync: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Writes a file and the folders above it.
#[track_caller]
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Everything below a folder, following no link.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    gather(root, "", &mut found);
    found
}

fn gather(folder: &Path, prefix: &str, found: &mut Tree) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        // What is gone by now, in a race, is not there.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            gather(&entry.path(), &format!("{path}/"), found);
        } else if kind.is_symlink() {
            found.extend(fs::read_link(entry.path()).ok().map(|to| (path, Node::Link(to))));
        } else if kind.is_fifo() || kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
            found.insert(path, Node::Special);
        } else {
            found.extend(fs::read(entry.path()).ok().map(|bytes| (path, Node::File(bytes))));
        }
    }
}

/// Copies a tree of folders and files.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
