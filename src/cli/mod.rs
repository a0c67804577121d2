//! The command line: the only place with a terminal, the environment and an exit code.

mod args;
mod ask;
mod bars;
mod commands;
mod help;
mod interrupt;
mod log;
mod profile_args;
mod profile_file;
mod output;
mod progress;
mod render;
mod settings;
mod signing;
mod state;
mod terminal;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use terminal::printable;

/// Runs the program with these arguments.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { 2 } else { 0 });
        }
    };
    match commands::dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// The error, once, and what to do about it.
#[expect(clippy::print_stderr, reason = "errors go to stderr")]
fn report(error: &crate::error::Error) {
    eprintln!("tithe: {}", printable(&error.chain()));
    eprintln!("       {}", printable(error.remedy()));
}

/// A result for people, to stdout: names in it do nothing to a terminal.
fn print(text: &str) {
    print_exact(&printable(text));
}

/// A document for programs, to stdout, byte for byte. Whoever closed the pipe has seen enough.
fn print_exact(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
