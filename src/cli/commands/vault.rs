//! `tithe vault …`: files alone.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::cli::args::{
    FileList, Global, VaultCommand, VaultMoveArgs, VaultServeArgs, VaultStatusArgs, VaultVerifyArgs,
};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::{Display, Show};
use crate::cli::render::files as render;
use crate::cli::settings::{self, RunId};
use crate::cli::terminal::Look;
use crate::cli::{ask, print, print_exact};
use crate::engine;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor as _;
use crate::pg::errors::Side;
use crate::report::VaultReport;
use crate::vault::{
    self, Action, FileMode, FileRule, Location, ServeSettings, Session, TroubleKind, VaultPath, VaultVerified,
    WantedFile, WantedList,
};

pub(super) async fn run(command: &VaultCommand, global: &Global, stop: Interrupt) -> Result<u8> {
    let run = RunId::new();
    match command {
        VaultCommand::Plan(args) => plan(args, global, &run).await,
        VaultCommand::Sync(args) => sync(args, global, &run, stop).await,
        VaultCommand::Status(args) => status(args).await,
        VaultCommand::Verify(args) => verify(args, &run).await,
        VaultCommand::Serve(args) => serve(args).await,
    }
}

async fn plan(args: &VaultMoveArgs, global: &Global, run: &RunId) -> Result<u8> {
    let (settings, list) = to_move(args, run).await?;
    let work = move || vault::plan(&settings, &list).map(|planned| (planned, settings, list));
    let (planned, settings, list) = aside(work).await?;
    let report = vault::report(&settings.target, &list, &planned.plan, &vault::Brought::default());
    let mut problems = vault::problems(&list, &planned.plan, &vault::Brought::default());
    problems.extend(vault::refusals(&settings, &list, &planned.plan, args.vault.yes_remove));
    if args.json {
        let value = plan_value(&settings, &list, &planned, &report, &problems);
        print_exact(&(serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"));
    } else if !global.quiet {
        let patched = planned.plan.steps.iter();
        let patched = patched.filter(|step| vault::action(&settings, &list, step) == Action::Patch).count() as u64;
        print(&render::plan(&report, &planned, &settings, patched, &problems, Look::stdout()));
    }
    Ok(0)
}

fn plan_value(
    settings: &vault::Settings,
    list: &WantedList,
    planned: &vault::Planned,
    report: &VaultReport,
    problems: &[String],
) -> serde_json::Value {
    let path = |file: u32| list.files[file as usize].path.as_str();
    let bring = planned.plan.steps.iter().map(|step| {
        let action = vault::action(settings, list, step);
        serde_json::json!({ "action": action, "path": path(step.file), "bytes": step.size })
    });
    let remove = planned.plan.extras.iter().map(|extra| {
        let (path, size) = (extra.path.as_str(), extra.facts.size);
        serde_json::json!({ "action": "remove", "path": path, "bytes": size })
    });
    let missing = planned.plan.troubles.iter().filter(|trouble| trouble.what == TroubleKind::Missing);
    serde_json::json!({
        "vault": report,
        "steps": bring.chain(remove).collect::<Vec<_>>(),
        "missing": missing.map(|trouble| path(trouble.file)).collect::<Vec<_>>(),
        "missing_percent": settings.missing_percent,
        "estimate": vault::estimate(settings, &planned.plan),
        "problems": problems,
        "notes": vault::notes(planned),
    })
}

/// How files are to be moved, and which.
async fn to_move(args: &VaultMoveArgs, run: &RunId) -> Result<(vault::Settings, WantedList)> {
    let Listed { wanted, missing_percent } = wanted(&args.list, run, true).await?;
    let missing_percent = args.missing_percent.unwrap_or(missing_percent);
    let settings = settings::vault_settings(&args.vault, missing_percent, run)?
        .ok_or_else(|| missing_option("--vault-from and --vault-to"))?;
    Ok((settings, wanted))
}

async fn sync(args: &VaultMoveArgs, global: &Global, run: &RunId, stop: Interrupt) -> Result<u8> {
    let show = match (global.quiet, args.json) {
        (true, _) => Show::Nothing,
        (false, true) => Show::OnTerminalOnly,
        (false, false) => Show::Progress,
    };
    let display = Arc::new(Display::open(show, global.log.as_deref(), &run.id)?);
    let (settings, wanted) = to_move(args, run).await.inspect_err(|error| display.fail(error))?;
    let halt = Arc::new(AtomicBool::new(false));
    let (told, shown, yes_remove) = (Arc::clone(&halt), Arc::clone(&display), args.vault.yes_remove);
    let work = aside(move || carry_out(settings, &wanted, yes_remove, &shown, &told));
    let done = tokio::select! {
        done = work => done,
        error = stop.error() => {
            halt.store(true, Ordering::Relaxed);
            Err(error.with_remedy("run again: what is in place stays, and nothing is half there"))
        }
    };
    let (report, problems, notes) = done.inspect_err(|error| display.fail(error))?;
    display.finish();
    if args.json {
        let value = serde_json::json!({ "run_id": run.id, "vault": report, "problems": problems, "notes": notes });
        print_exact(&(serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"));
    } else if !global.quiet {
        print(&render::synced(&report, &problems, &notes, Look::stdout()));
    }
    Ok(if problems.is_empty() { 0 } else { 3 })
}

type Told = (VaultReport, Vec<String>, Vec<String>);

fn carry_out(
    settings: vault::Settings,
    wanted: &WantedList,
    yes_remove: Option<u64>,
    display: &Arc<Display>,
    halt: &AtomicBool,
) -> Result<Told> {
    display.phase("bring files");
    let target = settings.target.clone();
    let session = Session::open(settings)?;
    let asking = Arc::clone(display);
    let permit = move |planned: &vault::Planned| match vault::check_removal(&planned.plan, yes_remove) {
        Err(refused) if planned.plan.wanted() > 0 && ask::can_ask() => {
            let question = format!("{}. Remove them?", refused.action());
            unless_told(halt, move || asking.suspend(|| ask::replace(&question)))
        }
        outcome => outcome,
    };
    let (planned, brought) = session.bring(wanted, &**display, halt, permit)?;
    display.phase("remove what nobody names");
    let (removed, changed) = session.remove(&planned.plan)?;
    let mut report = vault::report(&target, wanted, &planned.plan, &brought);
    report.files_removed = removed;
    let mut notes = vault::notes(&planned);
    if !changed.is_empty() {
        notes.push(format!("{} files changed while they were to be removed: they stay", changed.len()));
    }
    Ok((report, vault::problems(wanted, &planned.plan, &brought), notes))
}

/// Asks in a thread of its own: who is told to stop while nobody answers gives back what he holds.
fn unless_told(halt: &AtomicBool, ask: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let (tell, answer) = mpsc::channel();
    std::thread::spawn(move || tell.send(ask()));
    loop {
        match answer.recv_timeout(Duration::from_millis(100)) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) if !halt.load(Ordering::Relaxed) => {}
            Err(_) => return Err(Error::new(ErrorKind::Interrupted, "ask: stopped")),
        }
    }
}

async fn status(args: &VaultStatusArgs) -> Result<u8> {
    let place: Location = args.vault_to.parse()?;
    let (remote, store) = (settings::remote(&args.remote)?, settings::store());
    let (place, status) = aside(move || vault::status(&place, &remote, &store).map(|status| (place, status))).await?;
    match args.json {
        true => print_exact(&(serde_json::to_string_pretty(&status).unwrap_or_default() + "\n")),
        false => print(&render::status(&status, &place, Look::stdout())),
    }
    Ok(0)
}

async fn verify(args: &VaultVerifyArgs, run: &RunId) -> Result<u8> {
    let list = wanted(&args.list, run, false).await?.wanted;
    let (place, store) = (args.vault_to.parse::<Location>()?, settings::store());
    let remote = settings::remote(&args.remote)?;
    let found = aside(move || vault::verify(&place, &remote, &store, &list)).await?;
    match args.json {
        true => print_exact(&(serde_json::to_string_pretty(&found).unwrap_or_default() + "\n")),
        false => print(&render::verified(&found, Look::stdout())),
    }
    let differs = found.differences();
    if differs == 0 {
        return Ok(0);
    }
    Err(Error::new(ErrorKind::Verification, format!("{differs} files are not what the rows and the record say"))
        .with_remedy(mending(&found)))
}

/// What mends these differences. The source was not looked at: what it lacks is not known.
fn mending(found: &VaultVerified) -> String {
    let mut remedy = "run `tithe vault sync` again".to_owned();
    if found.changed.files + found.untreated.files > 0 {
        remedy.push_str(", with --overwrite-local to replace files that others changed or put there");
    }
    if found.changed.files > 0 {
        remedy.push_str("; a link or a folder in a file's place has to be taken away by hand");
    }
    if found.missing.files > 0 {
        remedy.push_str("; what is missing in the source, too, stays missing");
    }
    remedy
}

async fn serve(args: &VaultServeArgs) -> Result<u8> {
    let settings = ServeSettings {
        root: args.root.clone(),
        writable: args.writable,
        state: settings::state_of_vaults(),
        silence_max: Duration::from_secs_f64(args.peer_timeout.max(1.0)),
        jobs: usize::from(args.vault_jobs),
    };
    let failed = |cause| Error::new(ErrorKind::Unexpected, "take over standard input and output").with_cause(cause);
    // Unbuffered: the protocol knows itself when something is to go out.
    let from = File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(failed)?);
    let to = File::from(std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
    aside(move || vault::serve(&settings, from, to)).await?;
    Ok(0)
}

struct Listed {
    wanted: WantedList,
    missing_percent: f64,
}

/// The files that are wanted: those that a landed database's rows name, or those of a list.
async fn wanted(list: &FileList, run: &RunId, source: bool) -> Result<Listed> {
    if let Some(file) = &list.files_from {
        let wanted = from_file(file)?;
        return Ok(Listed { wanted, missing_percent: 0.0 });
    }
    let (Some(to), Some(profile)) = (&list.to, &list.profile) else {
        return Err(missing_option("--to and --profile, or --files-from"));
    };
    let profile = settings::profile(profile)?;
    let to = settings::connect_info(to, Side::Target)?;
    let wanted = engine::wanted_files(to, &profile, &run.started_at, source).await?;
    Ok(Listed { wanted, missing_percent: profile.vault.missing_percent })
}

/// One path a line, as it is.
fn from_file(file: &Path) -> Result<WantedList> {
    let text = std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("read the list of files {}", file.display())).with_cause(cause)
    })?;
    let mut files = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let path = VaultPath::parse(line).map_err(|fault| {
            Error::new(ErrorKind::Plan, format!("{}:{}: the path {fault}", file.display(), at + 1))
                .with_remedy("paths are relative to the vault, one a line")
        })?;
        files.push(WantedFile { path, source: None, rule: 0, required: true });
    }
    let rules = vec![FileRule { name: "list".to_owned(), mode: FileMode::Real }];
    WantedList::unite(rules, files).map_err(vault::contradiction)
}

fn missing_option(what: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{what} are needed")).with_remedy("see `tithe vault --help`")
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(Error::new(ErrorKind::Unexpected, "move files").with_cause(cause)))
}
