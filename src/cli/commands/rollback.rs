//! `tithe rollback`

use crate::cli::args::RollbackArgs;
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::{ask, print, state};
use crate::engine::{self, RunFiles};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;
use crate::report::{Outcome, RunReport};

pub(super) async fn run(args: &RollbackArgs) -> Result<u8> {
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
    let done = engine::rollback(to, &RunId::new().id, &reach, files_of).await?;
    let name = done.name;
    print(&format!(
        "{name} is the previous database again; the one it replaced is kept as {name}__prev, so rolling back once more returns it\n"
    ));
    if let Some((place, files)) = done.files {
        print(&format!(
            "{place}: {} removed files are back, {} have their other version again, {} left alone\n",
            files.returned, files.exchanged, files.conflicts
        ));
    }
    let outcome = if done.problems.is_empty() { Outcome::Complete } else { Outcome::Partial };
    if outcome == Outcome::Partial {
        let problems: String = done.problems.iter().map(|problem| format!("skipped: {problem}\n")).collect();
        print(&format!(
            "{problems}rows may name files that are missing or of another version: `tithe vault sync` brings what they name\n"
        ));
    }
    Ok(outcome.exit_code())
}
