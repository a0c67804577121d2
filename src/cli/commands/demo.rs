//! `tithe demo`: everything at once, for a person who has nothing yet.
//!
//! Two throw-away servers, a made-up production in one of them, then what a user would do: plan, sample, verify, look.
//! What stays afterwards is in one folder, with a script that removes it all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli::args::{DemoArgs, Global};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::{Display, Show};
use crate::cli::settings::RunId;
use crate::cli::terminal::{Look, duration};
use crate::cli::{print, render, state};
use crate::closure::LITERAL_KEYS_MAX;
use crate::demo::{Options, Throwaway, production};
use crate::digest::MaskKey;
use crate::engine::{self, Exactness, SampleRequest, SourceRequest, VaultRequest, VerifyRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::page;
use crate::pg::connect::ConnectInfo;
use crate::pg::errors::Side;
use crate::plan;
use crate::profile::Profile;
use crate::report::{RunReport, VerifyReport};
use crate::vault::{self, VaultVerified};

use super::verify;

const PRODUCTION: &str = "production";
const DEV: &str = "dev";
/// The files of the production, and of the sample.
const VAULTS: [&str; 2] = ["production-files", "dev-files"];
const PERCENT: f64 = 10.0;
const JOBS: usize = 2;
const MEMORY_BYTES: u64 = 512 << 20;

/// What the demo's commands answered.
struct Answers {
    /// Rows that the plan counted.
    planned: u64,
    report: RunReport,
    verified: VerifyReport,
    files: VaultVerified,
}

/// What the demo made, in the order in which it goes away.
struct Scene {
    production: Arc<Throwaway>,
    dev: Arc<Throwaway>,
    folder: tempfile::TempDir,
    key: String,
    files: usize,
    begun: Instant,
}

pub(super) async fn run(args: &DemoArgs, global: &Global, stop: Interrupt) -> Result<u8> {
    let run = RunId::new();
    let show = if global.quiet { Show::Nothing } else { Show::Progress };
    let display = Arc::new(Display::open(show, global.log.as_deref(), &run.id)?);
    let work = perform(args, &run, &display);
    let done = tokio::select! {
        done = work => done,
        error = stop.error() => Err(error.with_remedy("the demo's servers are gone")),
    };
    let (scene, answers) = done.inspect_err(|error| display.fail(error))?;
    display.finish();
    let look = Look::stdout();
    let context = render::Context { to: None, replaced: false, kept: None };
    print(&render::report(&answers.report, &context, look));
    print(&verify::text(&answers.verified, look));
    print(&render::files::verified(&answers.files, look));
    print(&before_and_after(&scene, &answers, look).await?);
    if args.no_keep {
        print(&format!("  {} in all. Nothing of it stays.\n", duration(scene.begun.elapsed())));
    } else {
        print(&leave(scene, &answers.report, look)?);
    }
    verify::outcome(&answers.verified).map(|()| answers.report.exit_code())
}

async fn perform(args: &DemoArgs, run: &RunId, display: &Arc<Display>) -> Result<(Scene, Answers)> {
    let begun = Instant::now();
    display.heading("tithe demo");
    display.phase("start two PostgreSQL servers");
    let (production, dev) = aside(start_servers).await?;
    let folder = tempfile::Builder::new().prefix("tithe-demo-").tempdir().map_err(failed("make the demo's folder"))?;
    let (production, dev, scale) = (Arc::new(production), Arc::new(dev), args.scale);

    display.phase("make up a production: rows");
    let server = Arc::clone(&production);
    aside(move || production::write_rows(&server, PRODUCTION, scale)).await?;
    display.phase("its keys, references, indexes");
    let server = Arc::clone(&production);
    aside(move || production::build_keys(&server, PRODUCTION)).await?;
    display.phase("its files");
    let (server, vault) = (Arc::clone(&production), folder.path().join(VAULTS[0]));
    let files = aside(move || production::write_files(&server, PRODUCTION, &vault)).await?;

    let key = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let profile = folder.path().join("art-site.toml");
    fs::write(&profile, production::PROFILE).map_err(failed("write the profile"))?;
    let scene = Scene { production, dev, folder, key, files, begun };
    let answers = commands(&scene, &profile, run, display).await?;
    Ok((scene, answers))
}

/// Plan, sample, verify, as a user would.
async fn commands(scene: &Scene, profile: &Path, run: &RunId, display: &Arc<Display>) -> Result<Answers> {
    let source = SourceRequest {
        literal_keys_max: LITERAL_KEYS_MAX,
        from: address(&scene.production, PRODUCTION, Side::Source)?,
        profile: Profile::read(profile)?,
        options: plan::Options { percent: Some(PERCENT), rows: None, seed: None, run_time: run.started_at.clone() },
        jobs: JOBS,
        run_id: run.id.clone(),
        lock_timeout: Duration::from_secs(10),
        patience: engine::PATIENCE,
    };
    let monitor: Arc<dyn Monitor> = Arc::<Display>::clone(display);
    display.heading("tithe plan");
    let (prepared, numbers) = engine::plan(&source, Exactness::Counted, MEMORY_BYTES, Arc::clone(&monitor)).await?;
    drop(prepared);
    let planned = numbers.members.iter().chain(&numbers.support).sum();
    let request = SampleRequest {
        source,
        to: address(&scene.dev, DEV, Side::Target)?,
        key: Some(MaskKey::from_secret(&scene.key)?),
        memory_bytes: MEMORY_BYTES,
        max_rate: None,
        range_bytes: crate::engine::RANGE_BYTES,
        started_at: run.started_at.clone(),
        vault: Some(VaultRequest { settings: vault_settings(scene, run)?, yes_remove: None }),
        confirm: None,
        confirm_removal: None,
    };
    display.heading("tithe sample --percent 10");
    let report = engine::sample(request, monitor, std::future::pending()).await?;
    state::save(&report)?;
    display.heading("tithe verify");
    let request = VerifyRequest {
        to: address(&scene.dev, DEV, Side::Target)?,
        from: Some(address(&scene.production, PRODUCTION, Side::Source)?),
        profile: None,
        jobs: JOBS,
        lock_timeout: Duration::from_secs(10),
        session_id: format!("verify {}", run.id),
        now: run.started_at.clone(),
    };
    let verified = engine::verify(&request, state::find, &**display).await?;
    display.heading("tithe vault verify");
    let to = address(&scene.dev, DEV, Side::Target)?;
    let wanted = engine::wanted_files(to, &Profile::read(profile)?, &run.started_at, false).await?;
    let settings = vault_settings(scene, run)?;
    let files = aside(move || vault::verify(&settings.target, &settings.remote, &settings.store, &wanted)).await?;
    Ok(Answers { planned, report, verified, files })
}

/// From the production's folder to a new one beside it.
fn vault_settings(scene: &Scene, run: &RunId) -> Result<vault::Settings> {
    Ok(vault::Settings {
        source: vault::Location::Folder(scene.folder.path().join(VAULTS[0])),
        target: vault::Location::Folder(scene.folder.path().join(VAULTS[1])),
        remote: vault::RemoteSettings::new("ssh", "tithe", Duration::from_secs(60))?,
        store: vault::StoreSettings::default(),
        state: state::vaults().ok(),
        run_id: run.id.clone(),
        jobs: JOBS,
        bytes_per_second: None,
        durability: vault::Durability::Batch,
        adopt: false,
        overwrite: false,
        paranoid: false,
        missing_percent: 1.0,
        keep_trash: Duration::from_secs(7 * 86_400),
    })
}

/// Both at once: each takes a second or two.
fn start_servers() -> Result<(Throwaway, Throwaway)> {
    // Rows come in bulk; checkpoints between them would only write pages twice.
    let options =
        || Options::default().setting("max_wal_size", "4GB").setting("shared_buffers", "256MB").setting("jit", "off");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| Throwaway::start(options()));
        let production = Throwaway::start(options());
        let dev = other.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, "start a server")));
        Ok((production?, dev?))
    })
}

/// The same accounts on both sides: what a mask does is best seen.
async fn before_and_after(scene: &Scene, answers: &Answers, look: Look) -> Result<String> {
    let planned = answers.planned;
    let copied: u64 = answers.report.tables.iter().map(|table| table.rows_copied).sum();
    let (mark, says) = match planned == copied {
        true => (look.good(), "exactly what came"),
        false => (look.bad(), "which is not what came"),
    };
    let mut text = format!("  {mark}  the plan had counted {} rows, {says}\n\n", look.count(planned));
    let member = "handle !~ '^hidden[0-9]+$' AND handle ~ '^[a-z]'";
    let support = "handle ~ '^hidden[0-9]+$'";
    for (title, which) in
        [("A member of the sample", member), ("Somebody who is here only for a comment on a member's post", support)]
    {
        let (production, dev) = (Arc::clone(&scene.production), Arc::clone(&scene.dev));
        let rows = aside(move || account(&production, &dev, which)).await?;
        if let Some((before, after)) = rows {
            let (before, after) = (look.dim(&before), look.bold(&after));
            text.push_str(&format!("  {title}\n    {PRODUCTION:<11} {before}\n    {DEV:<11} {after}\n"));
        }
    }
    text.push('\n');
    Ok(text)
}

/// One account of the sample, as it is on either side.
fn account(production: &Throwaway, dev: &Throwaway, which: &str) -> Result<Option<(String, String)>> {
    let pick = format!("SELECT id FROM users WHERE {which} AND bio IS NOT NULL ORDER BY id LIMIT 1");
    let pick_any = format!("SELECT id FROM users WHERE {which} ORDER BY id LIMIT 1");
    let found = match dev.query_text(DEV, &pick)? {
        Some(id) => Some(id),
        None => dev.query_text(DEV, &pick_any)?,
    };
    let Some(id) = found else { return Ok(None) };
    let show = format!(
        "SELECT concat_ws('  ', id, handle, email, 'bio: ' || coalesce(left(split_part(bio, E'\\n', 1), 28), '(none)')) \
         FROM users WHERE id = {id}"
    );
    Ok(production.query_text(PRODUCTION, &show)?.zip(dev.query_text(DEV, &show)?))
}

/// Lets everything live, and says where it is and how it goes away.
fn leave(scene: Scene, report: &RunReport, look: Look) -> Result<String> {
    let (from, to) = (
        render::address(&address(&scene.production, PRODUCTION, Side::Source)?),
        render::address(&address(&scene.dev, DEV, Side::Target)?),
    );
    let folder = scene.folder.keep();
    let mut stop = String::from("# Stops the demo's servers and removes all of it.\n");
    for server in [scene.production, scene.dev] {
        // Nobody else holds one any more: the work is done.
        if let Some(server) = Arc::into_inner(server) {
            stop.push_str(&server.detach()?);
            stop.push('\n');
        }
    }
    stop.push_str(&format!("rm -rf {}\n", folder.display()));
    let env = format!(
        "export TITHE_FROM={from}\nexport TITHE_TO={to}\nexport TITHE_KEY={}\nexport TITHE_PROFILE={}\n\
         export TITHE_VAULT_FROM={}\nexport TITHE_VAULT_TO={}\n",
        scene.key,
        folder.join("art-site.toml").display(),
        folder.join(VAULTS[0]).display(),
        folder.join(VAULTS[1]).display()
    );
    write(&folder.join("env"), &env)?;
    let script = write(&folder.join("stop"), &stop)?;
    let report = write(&folder.join("report.html"), &page::html(report))?;
    let folder = folder.display();
    let row = |title: &str, text: String| format!("  {} {text}\n", look.dim(&format!("{title:<11}")));
    Ok([
        row("production", format!("psql {from}")),
        row("dev", format!("psql {to}")),
        row("files", format!("{folder}/{}  ({} of them)", VAULTS[0], look.count(scene.files as u64))),
        row("", format!("{folder}/{}  (those that the sample's rows name)", VAULTS[1])),
        row("report", format!("{}  (a page for the browser; needs no network)", report.display())),
        row("again", format!(". {folder}/env; tithe sample --percent 5")),
        row("clean up", format!("sh {}", script.display())),
        format!("\n  {} in all.\n", duration(scene.begun.elapsed())),
    ]
    .concat())
}

fn write(path: &Path, text: &str) -> Result<PathBuf> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .map_err(failed("write the demo's folder"))?;
    Ok(path.to_path_buf())
}

/// A connection to a throw-away server. The user's PG* variables are for other servers.
fn address(server: &Throwaway, database: &str, side: Side) -> Result<ConnectInfo> {
    ConnectInfo::parse(&server.url(database), side, &|_| None)
}

/// Runs what blocks on a thread for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(Error::new(ErrorKind::Unexpected, "run a step of the demo").with_cause(cause)))
}

fn failed(action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |cause| Error::new(ErrorKind::Unexpected, action).with_cause(cause)
}
