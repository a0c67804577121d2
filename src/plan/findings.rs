//! What does not fit between profile and catalog, gathered so that a profile is corrected in one go.

use crate::error::{Error, ErrorKind, Result};
use crate::profile::{Problem, ProblemKind, Profile, dotted};

/// Problems told at most by a run; `tithe profile check` tells all.
const PROBLEMS_TOLD: usize = 20;

pub(super) struct Findings<'p> {
    profile: &'p Profile,
    problems: Vec<Problem>,
}

impl<'p> Findings<'p> {
    pub(super) fn new(profile: &'p Profile) -> Self {
        Self { profile, problems: Vec::new() }
    }

    /// The profile writes this key.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        self.profile.places.has(path)
    }

    /// Something is wrong with a key itself: it names what is not there.
    pub(super) fn key(&mut self, kind: ProblemKind, path: &[&str], message: impl Into<String>) {
        let place = self.profile.places.key(path);
        self.add(kind, path, place, message.into());
    }

    /// Something is wrong with what a key says.
    pub(super) fn value(&mut self, kind: ProblemKind, path: &[&str], message: impl Into<String>) {
        let place = self.profile.places.value(path);
        self.add(kind, path, place, message.into());
    }

    /// Something is wrong that the file does not mention at all.
    pub(super) fn unplaced(&mut self, kind: ProblemKind, path: &[&str], message: impl Into<String>) {
        self.add(kind, path, None, message.into());
    }

    /// An error of a later stage, which concerns this key.
    pub(super) fn error(&mut self, path: &[&str], error: &Error) {
        let kind = match error.kind() {
            ErrorKind::Plan => ProblemKind::Plan,
            ErrorKind::Undecided => ProblemKind::Undecided,
            _ => ProblemKind::Profile,
        };
        let general = error.kind().exit().1;
        let remedy = if error.remedy() == general { String::new() } else { format!("; {}", error.remedy()) };
        self.value(kind, path, format!("{}{remedy}", error.action()));
    }

    fn add(&mut self, kind: ProblemKind, path: &[&str], place: Option<(usize, usize)>, message: String) {
        let (line, column) = place.unzip();
        self.problems.push(Problem { kind, line, column, key: dotted(path), message });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// In the file's order; what stands nowhere in it comes last.
    pub(super) fn sorted(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line.is_none(), problem.line, problem.column));
        self.problems
    }

    /// One error with a line for each problem.
    pub(super) fn into_result(self) -> Result<()> {
        let profile = self.profile;
        refuse(profile, self.sorted())
    }
}

/// One error with a line for each problem, where there is any.
///
/// # Errors
/// `Profile`
pub fn refuse(profile: &Profile, problems: Vec<Problem>) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let path = &profile.path;
    let mut lines: Vec<String> =
        problems.iter().take(PROBLEMS_TOLD).map(|problem| problem.in_file(path).to_string()).collect();
    if problems.len() > PROBLEMS_TOLD {
        let more = problems.len() - PROBLEMS_TOLD;
        lines.push(format!("{}: and {more} more, which `tithe profile check` lists", path.display()));
    }
    Err(Error::new(ErrorKind::Profile, lines.join("\n")))
}
