//! One file per command: arguments to engine, result to screen.

mod demo;
mod explain;
mod graph;
mod init;
mod manual;
mod plan;
mod profile;
mod profile_scan;
mod report;
mod rollback;
mod sample;
mod vault;
mod verify;

use std::future::Future;
use std::time::Duration;

use super::args::{Cli, Command};
use super::interrupt::Interrupt;
use crate::error::{Error, ErrorKind, Result};

/// A thread that still waits (for a name server, for an answer to a question) must not keep the program.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(200);
/// Files on their way to a bucket end within it, and its lock is given back; a second signal ends the wait.
const LOCKS_LIMIT: Duration = Duration::from_secs(20);

/// Runs the command; the number is the exit code.
pub(super) fn dispatch(cli: Cli) -> Result<u8> {
    let global = &cli.global;
    match cli.command {
        Command::Demo(args) => block_on_with(|stop| demo::run(&args, global, stop)),
        Command::Init(args) => block_on(init::run(&args, global)),
        Command::Sample(args) => block_on_with(|stop| sample::run(&args, global, stop)),
        Command::Profile { command } => block_on(profile::run(&command, global)),
        Command::Plan(args) => block_on(plan::run(&args, global)),
        Command::Report(args) => report::run(&args, global),
        Command::Rollback(args) => block_on(rollback::run(&args, global)),
        Command::Graph(args) => block_on(graph::run(&args, global)),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::page(),
        Command::Vault { command } => block_on_with(|stop| vault::run(&command, global, stop)),
        Command::Verify(args) => block_on(verify::run(&args, global)),
        Command::Explain(args) => block_on(explain::run(&args, global)),
    }
}

/// Runs a future on a runtime of its own, until it ends or the user asks to stop; it is then dropped.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    block_on_with(|stop| async {
        tokio::select! {
            done = work => done,
            error = stop.error() => Err(error),
        }
    })
}

/// Runs a future that sees to interruptions itself.
fn block_on_with<T, F: Future<Output = Result<T>>>(work: impl FnOnce(Interrupt) -> F) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::new(ErrorKind::Unexpected, "start the runtime").with_cause(cause))?;
    let done = runtime.block_on(async { work(Interrupt::listen()?).await });
    // The kernel takes back a folder's lock; a bucket's is to be deleted.
    crate::vault::wait_for_locks(LOCKS_LIMIT);
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
    done
}
