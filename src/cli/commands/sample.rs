//! `tithe sample`

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use crate::attest::{self, Signer};
use crate::cli::args::{Global, SampleArgs};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId};
use crate::cli::terminal::Look;
use crate::cli::{ask, output, print, print_exact, render, signing, state};
use crate::engine::{self, Answer, Confirm, ConfirmRemoval, SampleRequest, SourceRequest, TargetState, VaultRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::page;
use crate::pg::errors::Side;
use crate::profile::Profile;
use crate::report::{Outcome, RunReport};

pub(super) async fn run(args: &SampleArgs, global: &Global, stop: Interrupt) -> Result<u8> {
    let run = RunId::new();
    let to = settings::connect_info(&args.target.to, Side::Target)?;
    let source = settings::source_request(&args.source.from, &args.choice, &args.limits, &run)?;
    let show = match (global.quiet, args.json) {
        (true, _) => Show::Nothing,
        (false, true) => Show::OnTerminalOnly,
        (false, false) => Show::Progress,
    };
    let source = SourceRequest { patience: Duration::from_secs_f64(args.yield_to_ddl), ..source };
    let vault = vault_request(args, &source.profile, &run)?;
    // A key that cannot sign is known before rows move.
    let signer = if args.attest.is_some() { signing::signer()? } else { None };
    let display = Arc::new(Display::open(show, global.log.as_deref(), &run.id)?);
    let replaced = Arc::new(OnceLock::new());
    let request = SampleRequest {
        source,
        to: to.clone(),
        key: settings::mask_key()?,
        memory_bytes: args.limits.memory,
        max_rate: args.max_rate,
        range_bytes: args.range_bytes,
        started_at: run.started_at.clone(),
        vault,
        confirm: Some(confirm(args.yes, Arc::clone(&display), Arc::clone(&replaced))),
        confirm_removal: (!args.yes && ask::can_ask()).then(|| confirm_removal(Arc::clone(&display))),
    };
    let watching = Arc::clone(&display);
    stop.announce(move || {
        watching.note("stopping: ending queries, removing what was built; once more ends at once");
    });
    let monitor: Arc<dyn Monitor> = Arc::<Display>::clone(&display);
    let mut report = engine::sample(request, monitor, stop.error()).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    let before = replaced.get();
    note_other_key(&mut report, before.and_then(|state: &TargetState| state.made_by.as_deref()));
    let kept = state::save(&report);
    let mut missing: Vec<String> = kept.as_ref().err().map(Error::chain).into_iter().collect();
    missing.extend(documents(args, &report, signer.as_ref()));
    if !missing.is_empty() {
        // The target is in place by now: something is missing, nothing has failed.
        report.problems.extend(missing);
        report.outcome = Outcome::Partial;
    }
    if args.json {
        print_exact(&(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"));
    } else if !global.quiet {
        let kept = kept.as_deref().ok();
        let replaced = before.is_some_and(|state| state.exists);
        let context = render::Context { to: Some(&to), replaced, kept };
        print(&render::report(&report, &context, Look::stdout()));
    }
    Ok(report.exit_code())
}

/// Writes what was asked for beside the report; answers what could not be written.
fn documents(args: &SampleArgs, report: &RunReport, signer: Option<&Signer>) -> Vec<String> {
    let attestation = || attest::attest(report, signer).to_text();
    let wanted = [
        args.attest.as_ref().map(|path| output::write(path, &attestation())),
        args.report.as_ref().map(|path| output::write(path, &page::html(report))),
    ];
    wanted.into_iter().flatten().filter_map(|written| Some(written.err()?.chain())).collect()
}

/// With another key equal values get other masks: rows of the two runs do not fit together.
fn note_other_key(report: &mut RunReport, made_by: Option<&str>) {
    let Some(previous) = made_by.and_then(state::find) else { return };
    if let (Some(then), Some(now)) = (&previous.key_fingerprint, &report.key_fingerprint)
        && then != now
    {
        report.notes.push(format!(
            "masks differ from those of the target's previous run {}: its key had the fingerprint {then}, this one {now}",
            previous.run_id
        ));
    }
}

/// Files come too where the profile knows them and both folders are named.
fn vault_request(args: &SampleArgs, profile: &Profile, run: &RunId) -> Result<Option<VaultRequest>> {
    if args.no_vault {
        return Ok(None);
    }
    let settings = settings::vault_settings(&args.vault, profile.vault.missing_percent, run)?;
    if settings.is_some() && profile.vault.files.is_empty() {
        return Err(Error::new(
            ErrorKind::Undecided,
            format!("{}: no [[vault.files]] says which files belong to the rows", profile.path.display()),
        )
        .with_remedy("add an entry for each kind of file, or say --no-vault"));
    }
    Ok(settings.map(|settings| VaultRequest { settings, yes_remove: args.vault.yes_remove }))
}

/// Asks before many files are removed.
fn confirm_removal(display: Arc<Display>) -> ConfirmRemoval {
    Box::new(move |what| display.suspend(|| ask::replace(&format!("{what}. Remove them?"))).is_ok())
}

/// Asks before an existing database is replaced, unless told not to.
fn confirm(yes: bool, display: Arc<Display>, replaced: Arc<OnceLock<TargetState>>) -> Confirm {
    let ask = move |state: TargetState| -> Answer {
        let _ = replaced.set(state.clone());
        let display = Arc::clone(&display);
        Box::pin(async move {
            if yes || !state.exists {
                return Ok(());
            }
            let made_by = state.made_by.map(|run| format!(" (made by run {run})")).unwrap_or_default();
            let question = format!(
                "{} exists{made_by}. Replace it? It stays as {}__prev, for `tithe rollback`.",
                state.target, state.database
            );
            // Reading a line would block the signals as well.
            tokio::task::spawn_blocking(move || display.suspend(|| ask::replace(&question)))
                .await
                .map_err(|cause| Error::new(ErrorKind::Unexpected, "ask").with_cause(cause))?
        })
    };
    Confirm { asks: !yes, ask: Box::new(ask) }
}
