//! `tithe report`: what a past run left, as text, page, JSON or attestation; and the check of an attestation.

use std::path::Path;

use crate::attest::{self, Attestation};
use crate::cli::args::{Global, ReportArgs};
use crate::cli::terminal::{Look, wrap};
use crate::cli::{output, print, print_exact, render, signing, state};
use crate::error::{Error, ErrorKind, Result};
use crate::page;
use crate::report::RunReport;

pub(super) fn run(args: &ReportArgs, global: &Global) -> Result<u8> {
    if let Some(path) = &args.check {
        return check(args, path, global);
    }
    let report = state::named(args.run.as_deref())?;
    if let Some(path) = &args.html {
        output::write(path, &page::html(&report))?;
        say_where(path, &format!("the page of run {}", report.run_id), global);
    } else if let Some(path) = &args.attest {
        let attestation = attest::attest(&report, signing::signer()?.as_ref());
        output::write(path, &attestation.to_text())?;
        let signed = if attestation.signature.is_some() { "signed" } else { "not signed: TITHE_SIGN_KEY is not set" };
        say_where(path, &format!("the attestation of run {}, {signed}", report.run_id), global);
    } else if args.json {
        print_exact(&(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"));
    } else {
        let look = Look::stdout();
        let context = render::Context { to: None, replaced: false, kept: None };
        print(&(render::report(&report, &context, look) + &render::masks::table(&report, look)));
    }
    Ok(0)
}

fn say_where(path: &Path, what: &str, global: &Global) {
    if !global.quiet && path != Path::new("-") {
        print(&format!("wrote {}: {what}\n", path.display()));
    }
}

/// Every way in which it could be wrong, from the file itself to the run that it is of.
fn check(args: &ReportArgs, path: &Path, global: &Global) -> Result<u8> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("read {}", path.display()))
            .with_cause(cause)
            .with_remedy("give --check the file that --attest wrote")
    })?;
    let attestation = Attestation::from_text(&text)?;
    let run = attestation.statement.run_id.clone();
    let key = args.public_key.as_deref().map(signing::public_key).transpose()?;
    if let Some(key) = &key {
        attestation.check_signature(key)?;
    }
    let report: Option<RunReport> = match args.run.as_deref() {
        Some(named) => Some(state::named(Some(named))?),
        None => state::find(&run),
    };
    if let Some(report) = &report {
        attestation.check_report(report)?;
    }
    if !global.quiet {
        let look = Look::stdout();
        let line = |holds: bool, what: &str| {
            let mark = if holds { look.good() } else { look.yellow(look.dash()) };
            format!("  {mark}  {}\n", wrap(what, look.width, 5))
        };
        let signature = match (&key, &attestation.signature) {
            (Some(_), Some(signature)) => format!("signed with the key given, {}", signature.public_key),
            (_, Some(signature)) => format!(
                "the signature fits the key {}, whoever holds that: give --public-key to know that it is the right one",
                signature.public_key
            ),
            (_, None) => "not signed: whoever made the file may have stated anything".to_owned(),
        };
        let kept = match report {
            Some(_) => "states what the kept report of the run says",
            None => "the run's report is not here to compare with",
        };
        print(&format!(
            "\n  {}\n\n{}{}{}\n",
            look.bold(&format!("Attestation of run {run}")),
            line(true, &format!("unchanged: {}", attestation.digest)),
            line(key.is_some(), &signature),
            line(report.is_some(), kept)
        ));
    }
    Ok(0)
}
