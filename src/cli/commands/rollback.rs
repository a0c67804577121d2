//! `tithe rollback`

use crate::cli::args::RollbackArgs;
use crate::cli::settings::{RunId, connect_info};
use crate::engine;
use crate::error::Result;
use crate::pg::errors::Side;

pub(super) async fn run(args: &RollbackArgs) -> Result<u8> {
    let to = connect_info(&args.target.to, Side::Target)?;
    let name = engine::rollback(to, &RunId::new().id).await?;
    println!("{name} is the previous database again; the one it replaced is {name}__prev");
    Ok(0)
}
