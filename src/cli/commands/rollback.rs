//! `tithe rollback`

use crate::cli::args::RollbackArgs;
use crate::cli::settings::{RunId, connect_info};
use crate::cli::{ask, print};
use crate::engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;

pub(super) async fn run(args: &RollbackArgs) -> Result<u8> {
    let to = connect_info(&args.target.to, Side::Target)?;
    if !args.yes {
        let question = format!("Put the previous database in the place of {to}?");
        // Reading a line would block the signals as well.
        tokio::task::spawn_blocking(move || ask::replace(&question))
            .await
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "ask").with_cause(cause))??;
    }
    let name = engine::rollback(to, &RunId::new().id).await?;
    print(&format!(
        "{name} is the previous database again; the one it replaced is kept as {name}__prev, so rolling back once more returns it\n"
    ));
    Ok(0)
}
