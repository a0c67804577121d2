//! The one error type, and the one table of exit codes and remedies.
//!
//! `action` says what was being done, to which table, file or server, with names and numbers; the cause stays
//! reachable by `source()`. Neither ever holds a password, a key or a cell's value: constructors that take a
//! database error go through `pg::errors`, which drops PostgreSQL's DETAIL and CONTEXT fields (they quote rows).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::iter;

use rustix::io::Errno;

/// Shorthand used by every fallible function of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, where, and what to do about it.
pub struct Error {
    kind: ErrorKind,
    action: String,
    remedy: Option<String>,
    cause: Option<Cause>,
}

/// The class of a failure: decides the exit code, and the remedy where the error brings none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A fault in this program or in the operating system around it.
    Unexpected,
    /// The command line cannot be understood.
    Usage,
    /// The profile is malformed, or does not fit the schema.
    Profile,
    /// Columns, tables or files that the profile does not decide.
    Undecided,
    /// No valid plan exists (a cycle with no possible break, a mask that cannot serve a unique index).
    Plan,
    /// The source cannot be reached, refused us, or failed.
    Source,
    /// The target cannot be reached, refused us, or failed.
    Target,
    /// Files could not be read or written.
    Vault,
    /// Verification found a difference.
    Verification,
    /// Refused because carrying on would be dangerous.
    Refused,
    /// Another run holds the target's lock.
    Locked,
    /// The user asked to stop.
    Interrupted,
}

impl ErrorKind {
    /// The process exit code (public interface, see docs/design.md) and the remedy shown when the error has no
    /// better one.
    pub fn exit(self) -> (u8, &'static str) {
        match self {
            Self::Unexpected => {
                (1, "this is a fault in tithe or its surroundings; run again with --log FILE and report it")
            }
            Self::Usage => (2, "see `tithe --help`"),
            Self::Profile => (4, "correct the profile; `tithe init` writes one that fits the schema"),
            Self::Undecided => {
                (4, "decide each of them in the profile: `keep`, a mask, or rows = \"none\" for the table")
            }
            Self::Plan => {
                (5, "change the modes named above in the profile; `tithe plan` shows the result without moving a row")
            }
            Self::Source => (6, "check that the source server runs and that the role may connect and SELECT"),
            Self::Target => (7, "the target's old database is untouched; correct the cause and run again"),
            Self::Vault => (8, "check the vault's path and rights"),
            Self::Verification => (9, "nothing was swapped in: the target is as it was"),
            Self::Refused => (10, "nothing was changed"),
            Self::Locked => (11, "wait for the other run to end"),
            Self::Interrupted => (130, "the target's old database is untouched"),
        }
    }
}

impl Error {
    /// An error of `kind` while doing `action`.
    pub(crate) fn new(kind: ErrorKind, action: impl Into<String>) -> Self {
        Self { kind, action: action.into(), remedy: None, cause: None }
    }

    /// Adds what to do next, replacing the kind's general remedy.
    #[must_use]
    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The class of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was being done.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// What to do next.
    pub fn remedy(&self) -> &str {
        match &self.remedy {
            Some(remedy) => remedy,
            None if self.lacks_open_files() => "raise the limit of open files (ulimit -n), or lower --vault-jobs",
            None => self.kind.exit().1,
        }
    }

    /// The system opens no more files, whatever was being done.
    fn lacks_open_files(&self) -> bool {
        iter::successors(self.source(), |&cause| cause.source()).any(|cause| {
            let code = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
            code == Some(Errno::MFILE.raw_os_error())
        })
    }

    /// The process exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit().0
    }

    /// The action and every cause beneath it, each once, joined by ": ".
    pub fn chain(&self) -> String {
        let mut text = self.action.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            let line = cause.to_string();
            if !text.contains(&line) {
                text.push_str(": ");
                text.push_str(&line);
            }
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.action)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.chain())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_general_remedy_sends_to_a_rollback() {
        // Most errors come before a swap; going back then would take the good database away.
        for kind in [ErrorKind::Verification, ErrorKind::Target, ErrorKind::Refused] {
            assert!(!kind.exit().1.contains("rollback"), "{kind:?}");
        }
    }

    #[test]
    fn chain_names_each_cause_once() {
        let inner = Error::new(ErrorKind::Source, "read table a");
        let outer = Error::new(ErrorKind::Source, "copy").with_cause(inner).with_remedy("look");
        assert_eq!(outer.chain(), "copy: read table a");
        assert_eq!(outer.remedy(), "look");
        assert_eq!(outer.exit_code(), 6);
    }

    #[test]
    fn too_many_open_files_have_a_remedy_of_their_own() {
        let cause = || io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let inner = Error::new(ErrorKind::Vault, "read a").with_cause(cause());
        let outer = Error::new(ErrorKind::Vault, "copy").with_cause(inner);
        assert!(outer.remedy().contains("ulimit -n"), "{}", outer.remedy());
        assert_eq!(Error::new(ErrorKind::Vault, "read a").with_cause(cause()).with_remedy("look").remedy(), "look");
        let other = Error::new(ErrorKind::Vault, "read a").with_cause(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(other.remedy(), ErrorKind::Vault.exit().1);
    }
}
