//! `tithe rollback`

use crate::cli::args::{Global, RollbackArgs};
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::{ask, print, state};
use crate::engine::{self, RolledBack, RunFiles};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor as _;
use crate::pg::errors::Side;
use crate::report::{Outcome, RunReport};

pub(super) async fn run(args: &RollbackArgs, global: &Global) -> Result<u8> {
    let to = connect_info(&args.target.to, Side::Target)?;
    let reach = engine::Reach { remote: settings::remote(&args.remote)?, store: settings::store() };
    if !args.yes {
        let question = format!("Put the previous database in the place of {to}?");
        // Reading a line would block the signals as well.
        tokio::task::spawn_blocking(move || ask::replace(&question))
            .await
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "ask").with_cause(cause))??;
    }
    let files_of = |run: &str| match state::find(run) {
        _ if args.no_vault => RunFiles::None,
        None => RunFiles::Unknown,
        Some(report) if report.vault.target.is_empty() => RunFiles::None,
        Some(RunReport { vault, .. }) => {
            let displaced = vault.files_replaced + vault.files_removed;
            RunFiles::Brought { place: vault.target, displaced }
        }
    };
    let run = RunId::new();
    let display = Display::open(Show::Nothing, global.log.as_deref(), &run.id)?;
    let done = engine::rollback(to, &run.id, &reach, files_of).await.inspect_err(|error| display.fail(error))?;
    let lines = told(&done);
    lines.iter().for_each(|line| display.note(line));
    display.finish();
    if !global.quiet {
        print(&(lines.join("\n") + "\n"));
    }
    let outcome = if done.problems.is_empty() { Outcome::Complete } else { Outcome::Partial };
    Ok(outcome.exit_code())
}

fn told(done: &RolledBack) -> Vec<String> {
    let name = &done.name;
    let mut lines = vec![format!(
        "{name} is the previous database again; the one it replaced is kept as {name}__prev, so rolling back once more returns it"
    )];
    lines.extend(done.files.as_ref().map(|(place, files)| {
        format!(
            "{place}: {} removed files are back, {} have their other version again, {} left alone",
            files.returned, files.exchanged, files.conflicts
        )
    }));
    lines.extend(done.problems.iter().map(|problem| format!("skipped: {problem}")));
    if !done.problems.is_empty() {
        lines.push(
            "rows may name files that are missing or of another version: `tithe vault sync` brings what they name"
                .to_owned(),
        );
    }
    lines
}
