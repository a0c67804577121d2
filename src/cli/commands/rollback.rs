//! `tithe rollback`

use crate::cli::args::RollbackArgs;
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::{ask, print, state};
use crate::engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;

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
    let vault_of = |run: &str| {
        let report = state::find(run).filter(|_| !args.no_vault)?;
        Some(report.vault.target).filter(|place| !place.is_empty())
    };
    let done = engine::rollback(to, &RunId::new().id, &reach, vault_of).await?;
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
    Ok(0)
}
