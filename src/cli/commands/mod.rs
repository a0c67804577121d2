//! One file per command: arguments to engine, result to screen.

mod plan;
mod rollback;
mod sample;

use std::future::Future;

use super::args::{Cli, Command};
use crate::error::{Error, ErrorKind, Result};

/// Runs the command; the number is the exit code.
pub(super) fn dispatch(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::Sample(args) => block_on(sample::run(&args, &cli.global)),
        Command::Plan(args) => block_on(plan::run(&args)),
        Command::Rollback(args) => block_on(rollback::run(&args)),
        _ => Err(Error::new(ErrorKind::Usage, "not yet")),
    }
}

/// Runs a future on a runtime of its own, until it ends or the user asks to stop.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::new(ErrorKind::Unexpected, "start the runtime").with_cause(cause))?;
    runtime.block_on(work)
}
