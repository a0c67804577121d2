//! The question before something is replaced: asked on a terminal, refused without one.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::terminal::{Look, wrap};
use crate::error::{Error, ErrorKind, Result};

/// Somebody is there to answer.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks, with "no" as the answer to everything but yes. Blocks until a line is typed.
///
/// # Errors
/// `Refused` when the answer is no, or nobody is there to ask.
#[expect(clippy::print_stderr, reason = "a question is for the person at the terminal")]
pub(super) fn replace(question: &str) -> Result<()> {
    if !can_ask() {
        return Err(Error::new(ErrorKind::Refused, format!("{question} Nobody is there to answer"))
            .with_remedy("nothing was changed; add --yes to go ahead without a question"));
    }
    let look = Look::stderr();
    eprint!("  {} ", wrap(&format!("{question} [y/N]"), look.width, 2));
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_err() || !answer.ends_with('\n') {
        eprintln!();
    }
    if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, "the answer was no").with_remedy("nothing was changed"))
}
