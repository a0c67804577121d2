//! `tithe verify`: a target against its run's report, and against the source where that is given.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::args::{Global, VerifyArgs};
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::terminal::{Look, wrap};
use crate::cli::{print, print_exact, state};
use crate::engine::{self, VerifyRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;
use crate::report::VerifyReport;

/// Sessions on either side: a check is no hurry, and a development server is small.
const JOBS: usize = 2;
/// Columns of a check's name.
const NAME_WIDTH: usize = 25;

pub(super) async fn run(args: &VerifyArgs, global: &Global) -> Result<u8> {
    let run = RunId::new();
    let request = VerifyRequest {
        to: connect_info(&args.target.to, Side::Target)?,
        from: args.from.as_deref().map(|from| connect_info(from, Side::Source)).transpose()?,
        profile: args.profile.as_deref().map(settings::profile).transpose()?,
        jobs: JOBS,
        lock_timeout: Duration::from_secs(10),
        session_id: format!("verify {}", run.id),
        now: run.started_at.clone(),
    };
    let show = if global.quiet { Show::Nothing } else { Show::OnTerminalOnly };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    let report = engine::verify(&request, state::find, &display).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    drop(display);
    if args.json {
        print_exact(&(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"));
    } else if !global.quiet {
        print(&text(&report, Look::stdout()));
    }
    outcome(&report).map(|()| 0)
}

/// The first difference, as the error to end with.
pub(super) fn outcome(report: &VerifyReport) -> Result<()> {
    match report.first_difference() {
        None => Ok(()),
        Some(check) => Err(Error::new(
            ErrorKind::Verification,
            format!("verify {}: {}: {}", report.target, check.name, check.detail),
        )
        .with_remedy(match check.name.as_str() {
            "leak check" => "mask these columns, or allow them or the values under [leaks] in the profile; then run the sample again",
            _ => "run the sample again; the database before it is kept for `tithe rollback`",
        })),
    }
}

pub(super) fn text(report: &VerifyReport, look: Look) -> String {
    let mut text = format!("\n  {}\n\n", look.bold(&format!("Verified {}", report.target)));
    for check in &report.checks {
        let mark = match check.ok {
            Some(true) => look.good(),
            Some(false) => look.bad(),
            None => look.yellow(look.dash()),
        };
        let detail = match check.ok {
            None => format!("not possible: {}", check.detail),
            Some(_) => check.detail.clone(),
        };
        let indent = 5 + NAME_WIDTH;
        let _ = writeln!(text, "  {mark}  {:<NAME_WIDTH$}{}", check.name, wrap(&detail, look.width, indent));
    }
    text.push('\n');
    text
}
