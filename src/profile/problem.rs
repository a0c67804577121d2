//! One thing that is wrong with a profile, and where.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// What kind of wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// It cannot be read, or names what is not there.
    Profile,
    /// Something is not decided yet.
    Undecided,
    /// What it asks for cannot be.
    Plan,
}

/// One problem. Line and column count from 1, the column in characters; they are absent where nothing in the file
/// corresponds, such as a table that the file does not mention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// Line.
    pub line: Option<usize>,
    /// Column.
    pub column: Option<usize>,
    /// `columns.users.email`; empty: the document itself.
    pub key: String,
    /// What is wrong, with the nearest known name where there is one.
    pub message: String,
}

impl Problem {
    /// `shop.toml:12:1: columns.users.email: …`
    pub fn in_file<'a>(&'a self, path: &'a Path) -> impl fmt::Display + 'a {
        Line { problem: self, path }
    }
}

struct Line<'a> {
    problem: &'a Problem,
    path: &'a Path,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let (Some(line), Some(column)) = (self.problem.line, self.problem.column) {
            write!(f, ":{line}:{column}")?;
        }
        let key = &self.problem.key;
        write!(f, ": {key}{}{}", if key.is_empty() { "" } else { ": " }, self.problem.message)
    }
}
