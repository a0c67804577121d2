//! The password file (`~/.pgpass`): `host:port:database:user:password`, `*` for any, `\:` and `\\` escaped.
//!
//! Owns reading and matching; never prints what it read. The entries are kept rather than one password, since which of
//! them fits depends on the host reached and on the database, and both change within a run.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A text that has no printed form.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Clone)]
struct Entry {
    /// Host, port, database, user; `None` matches anything.
    fields: [Option<String>; 4],
    password: Secret,
}

/// The entries of a password file; empty when there is none.
#[derive(Clone, Default)]
pub(super) struct PassFile {
    entries: Arc<[Entry]>,
}

impl PassFile {
    /// Reads `path`. Like libpq, a file that others may read counts as absent; the note says so.
    pub(super) fn read(path: &Path) -> (Self, Option<String>) {
        let ignored = |why: String| (Self::default(), Some(format!("password file {}: {why}", path.display())));
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(_) => return (Self::default(), None),
        };
        if !metadata.is_file() {
            return ignored("ignored, it is not a regular file".to_owned());
        }
        if metadata.mode() & 0o077 != 0 {
            return ignored("ignored, others may read it (chmod 0600 it)".to_owned());
        }
        match std::fs::read(path) {
            Ok(bytes) => (Self::parse(&String::from_utf8_lossy(&bytes)), None),
            Err(error) => ignored(format!("ignored, {error}")),
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        let entries = text.lines().filter(|line| !line.starts_with('#')).filter_map(entry).collect();
        Self { entries }
    }

    /// The password of the first line that fits. `hosts` are the names the server goes by (a socket directory that is
    /// the default also answers to `localhost`).
    pub(super) fn find(&self, hosts: &[&str], port: u16, dbname: &str, user: &str) -> Option<&Secret> {
        let port = port.to_string();
        let fits = |field: &Option<String>, value: &str| field.as_deref().is_none_or(|field| field == value);
        let found = self.entries.iter().find(|entry| {
            let [host, its_port, its_dbname, its_user] = &entry.fields;
            hosts.iter().any(|name| fits(host, name))
                && fits(its_port, &port)
                && fits(its_dbname, dbname)
                && fits(its_user, user)
        });
        found.map(|entry| &entry.password).filter(|password| !password.expose().is_empty())
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut fields = [const { None }; 4];
    let mut rest = line.trim_end_matches('\r');
    for field in &mut fields {
        let (text, after) = split_field(rest)?;
        rest = after;
        *field = (text != "*").then(|| unescape(text));
    }
    Some(Entry { fields, password: Secret::new(unescape(rest)) })
}

/// Splits at the first `:` that no backslash precedes.
fn split_field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let colon = text.bytes().position(|byte| {
        let ends = byte == b':' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((&text[..colon], &text[colon + 1..]))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next()),
            c => plain.push(c),
        }
    }
    plain
}

/// Where the password file is by default.
pub(super) fn default_path(env: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    env("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(&home).join(".pgpass"))
}
