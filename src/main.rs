//! The `tithe` program: reads arguments, runs the command, returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tithe::cli::run(std::env::args_os())
}
