//! Runs that are broken off: by kill -9, by Ctrl-C, by the death of a server, by a full disk.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tithe::demo::{Options, Throwaway};

use crate::support::{self, PROFILE, Ran, Scene};

/// A run in the background, slow enough to be caught in the middle.
struct Running {
    child: Child,
    _profile: tempfile::NamedTempFile,
}

impl Running {
    fn start(scene: &Scene, rate: &str) -> Self {
        Self::start_with(scene, PROFILE, rate)
    }

    fn start_with(scene: &Scene, profile: &str, rate: &str) -> Self {
        let profile = support::profile(profile);
        let arguments = scene.arguments(&profile.path().to_string_lossy(), &["--max-rate", rate]);
        let mut command: Command = scene.home.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, _profile: profile }
    }

    fn signal(&self, signal: Signal) {
        // The child is not waited for yet, so the number is still its own.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// How it ended; after a minute it is killed and the test fails.
    #[track_caller]
    fn end(mut self) -> Ran {
        let end = Instant::now() + Duration::from_secs(60);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                let _ = self.child.kill();
                panic!("the run does not end");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = self.child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-output.status.signal().unwrap_or(1000)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Waits until rows of the posts are on their way.
#[track_caller]
fn wait_for_copy(scene: &Scene) {
    let name = scene.target.name();
    let question =
        format!("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%posts%' AND datname = '{name}__next'");
    wait_for("the copy", || scene.target.query_one_text(&question) != "0");
}

#[track_caller]
fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < end, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Passes a server's sessions on, in a folder of its own, until it hears the statements of a swap: those it still brings
/// to the server, but not the answer back.
struct DeafLine {
    folder: tempfile::TempDir,
    is_cut: Arc<AtomicBool>,
}

impl DeafLine {
    fn to(server: &Throwaway) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!(".s.PGSQL.{}", server.port());
        let (behind, is_cut) = (server.socket_dir().join(&name), Arc::new(AtomicBool::new(false)));
        let listener = UnixListener::bind(folder.path().join(&name)).unwrap();
        let cut = Arc::clone(&is_cut);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, cut) = (UnixStream::connect(&behind).unwrap(), Arc::clone(&cut));
                let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let is_deaf = Arc::new(AtomicBool::new(false));
                let hears = Arc::clone(&is_deaf);
                std::thread::spawn(move || pass(from_server, to_client, |_| !hears.load(Ordering::SeqCst)));
                std::thread::spawn(move || {
                    pass(client, server, |sent| {
                        let is_swap = sent.windows(9).any(|word| word == b"RENAME TO") && sent.ends_with(b"COMMIT\0");
                        is_deaf.fetch_or(is_swap, Ordering::SeqCst);
                        cut.fetch_or(is_swap, Ordering::SeqCst);
                        true
                    });
                });
            }
        });
        Self { folder, is_cut }
    }
}

/// Passes bytes on until one side ends or `goes_on` says no of them; then both are closed.
fn pass(mut from: UnixStream, mut to: UnixStream, goes_on: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer)
        && goes_on(&buffer[..read])
        && to.write_all(&buffer[..read]).is_ok()
    {}
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// The databases have changed their names then, and a run that says otherwise would put files back under rows that are
/// no more.
#[test]
fn a_line_that_breaks_before_the_swap_is_answered_does_not_fail_the_run() {
    let scene = Scene::new();
    let target = &support::servers().target;
    let line = DeafLine::to(target);
    let host = |folder: &std::path::Path| folder.to_string_lossy().replace('/', "%2F");
    let (direct, through) = (host(target.socket_dir()), host(line.folder.path()));
    let url = scene.target.url();
    assert!(url.contains(&direct), "{url}");
    let ran = scene.sample(&["--to", &url.replace(&direct, &through)]).expect_code(0);
    assert!(line.is_cut.load(Ordering::SeqCst), "no swap was heard");
    assert!(ran.stdout.contains("the connection to the target's server broke while the databases"), "{}", ran.stdout);
    scene.assert_sampled();
    // What was left behind, and the lock, are no obstacle.
    scene.sample(&[]).expect_code(0);
}

/// Numbers that look random, from a seed that a failure can be repeated with.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let given = std::env::var("TITHE_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into()
        });
        // Shown when the test fails.
        #[expect(clippy::print_stderr, reason = "shown when the test fails, to run it again")]
        {
            eprintln!("TITHE_TEST_SEED={seed}");
        }
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Whether the target is a sample. The server goes on with what it was last sent, so a session may begin just while the
/// databases change their names; the next one finds the target.
fn was_swapped(scene: &Scene) -> bool {
    let question = "SELECT to_regclass('old') IS NULL";
    match scene.target.try_query_text(question) {
        Err(error) if error.chain().contains("just been dropped or renamed") => {
            std::thread::sleep(Duration::from_millis(200));
            scene.target.query_one_text(question) == "t"
        }
        answer => answer.unwrap().as_deref() == Some("t"),
    }
}

#[test]
fn kill_9_at_ten_moments_leaves_the_old_target() {
    const KILLS: u32 = 10;
    let scene = Scene::new();
    scene.grow();
    let name = scene.target.name();
    // Nothing of ours, though it is called like it: no run may touch it.
    let theirs = format!("{name}__next2");
    let admin = |sql: &str| support::servers().target.query_text("postgres", sql).unwrap();
    admin(&format!("CREATE DATABASE \"{theirs}\" TEMPLATE template0"));
    let begun = Instant::now();
    let whole = {
        // Against another target, to learn how long a run takes here and now.
        let other = support::target_database("unkilled");
        scene.sample(&["--to", &other.url(), "--max-rate", "10MB"]).expect_code(0);
        begun.elapsed()
    };
    let mut moments = Moments::new();
    let (mut killed, mut tries) = (0, 0);
    while killed < KILLS {
        tries += 1;
        assert!(tries < 10 * KILLS, "too many runs end before they are killed");
        let wait = Duration::from_micros(moments.below(whole.as_micros() as u64));
        let running = Running::start(&scene, "10MB");
        std::thread::sleep(wait);
        running.signal(Signal::KILL);
        let ran = running.end();
        if ran.code == 0 {
            // It was faster than the measured one: put the old content back.
            scene.home.tithe(&["rollback", "--yes", "--to", &scene.target.url()]).expect_code(0);
        } else {
            assert_eq!(ran.code, -9, "after {wait:?}: {}{}", ran.stdout, ran.stderr);
            killed += 1;
            if was_swapped(&scene) {
                // Killed after the swap: the new database is whole, and the old one is behind it.
                scene.assert_sampled();
                let ran = scene.home.tithe(&["rollback", "--yes", "--to", &scene.target.url()]);
                // Whether the report was kept before depends.
                assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
            }
        }
        scene.assert_readable();
    }
    scene.sample(&[]).expect_code(0);
    scene.assert_sampled();
    let left =
        format!("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE '{name}%'");
    assert_eq!(scene.target.query_one_text(&left), format!("{name} {name}__next2 {name}__prev"));
    admin(&format!("DROP DATABASE \"{theirs}\""));
}

#[test]
fn ctrl_c_ends_the_run_and_cleans_up() {
    let scene = Scene::new();
    scene.grow();
    for signal in [Signal::INT, Signal::TERM] {
        let running = Running::start(&scene, "200kB");
        wait_for_copy(&scene);
        running.signal(signal);
        running.end().failed(130, &["untouched"]);
        scene.assert_old();
        let sessions =
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tithe 2%' AND datname LIKE '";
        for database in [&scene.source, &scene.target] {
            let question = format!("{sessions}{}%'", database.name());
            wait_for("the run's sessions to end", || database.query_one_text(&question) == "0");
        }
    }
}

/// A server of its own, for tests that kill it.
fn mortal() -> &'static Throwaway {
    // Leaked: its guard ends it with the process.
    Box::leak(Box::new(Throwaway::start(Options::default()).unwrap()))
}

#[test]
fn a_source_that_dies() {
    let server = mortal();
    let scene = Scene::on(server, &support::servers().target);
    scene.grow();
    let running = Running::start(&scene, "200kB");
    wait_for_copy(&scene);
    server.kill().unwrap();
    // A broken session, or a new one that met the shutdown or nobody at all.
    running.end().failed(6, &["server"]);
    scene.assert_old();
    server.restart().unwrap();
    scene.sample(&[]).expect_code(0);
    scene.assert_sampled();
}

#[test]
fn a_target_that_dies() {
    let server = mortal();
    let scene = Scene::on(&support::servers().source, server);
    scene.grow();
    let running = Running::start(&scene, "200kB");
    wait_for_copy(&scene);
    server.kill().unwrap();
    // A broken session, or a new one that met the shutdown or nobody at all.
    running.end().failed(7, &["server"]);
    server.restart().unwrap();
    scene.assert_readable();
    scene.sample(&[]).expect_code(0);
    scene.assert_sampled();
    let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{}__next'", scene.target.name());
    assert_eq!(scene.target.query_one_text(&left), "0");
}

/// The server's administrator ends a session of the run, on either side.
#[test]
fn sessions_that_are_terminated() {
    let scene = Scene::new();
    scene.grow();
    for (database, code) in [(&scene.source, 6), (&scene.target, 7)] {
        let running = Running::start(&scene, "200kB");
        wait_for_copy(&scene);
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'COPY%posts%' AND datname LIKE '{}%'",
            database.name()
        );
        assert_eq!(database.query_one_text(&sql), "1");
        running.end().failed(code, &["posts", "the server ended the connection"]);
        scene.assert_old();
    }
}

/// The session that holds the source's locks does nothing for long, so it is the first that an administrator's rule
/// against idle transactions finds; without it a table can lose its rows under the run. Nor does the one that holds the
/// target's run lock.
#[test]
fn sessions_that_hold_locks_are_missed_at_once() {
    let scene = Scene::new();
    scene.grow();
    let holder = format!(
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = '{}' \
         AND application_name LIKE 'tithe 2%' ORDER BY backend_start LIMIT 1",
        scene.source.name()
    );
    let locker = format!(
        "SELECT pg_terminate_backend(pid)::text FROM pg_locks WHERE locktype = 'advisory' \
         AND (classid::int8 << 32) | objid::int8 = hashtextextended('tithe {}', 0)",
        scene.target.name()
    );
    for (database, sql, code, words) in [
        (&scene.source, holder, 6, ["hold the snapshot and the locks", "idle transactions"]),
        (&scene.target, locker, 7, ["hold the run lock", "run again"]),
    ] {
        // The whole run would take 40 seconds and more.
        let running = Running::start(&scene, "200kB");
        wait_for_copy(&scene);
        assert_eq!(database.query_one_text(&sql), "true");
        let ended = Instant::now();
        running.end().failed(code, &words);
        assert!(ended.elapsed() < Duration::from_secs(15), "{:?}", ended.elapsed());
        scene.assert_old();
    }
}

#[test]
fn what_a_command_started_ends_with_the_run() {
    let scene = Scene::new();
    let file = scene.home.path().join("pid");
    let command = format!("sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 90'; true", file.display());
    let profile = format!("{PROFILE}\n[target]\nafter_load = [\"{command}\"]\n");
    let running = Running::start_with(&scene, &profile, "10MB");
    wait_for("the command", || file.exists());
    running.signal(Signal::INT);
    running.end().failed(130, &["untouched"]);
    scene.assert_old();
    let stat = format!("/proc/{}/stat", std::fs::read_to_string(&file).unwrap().trim());
    let is_alive = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    wait_for("its child to end", || !is_alive());
}

/// No file of this server can grow beyond a limit, as under a quota; that needs no rights, which a small file system
/// would.
#[test]
fn a_full_disk() {
    let real = tithe::demo::binaries::find_bin_dir().unwrap();
    let bin = tempfile::tempdir().unwrap();
    std::fs::set_permissions(bin.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["initdb", "postgres"] {
        std::os::unix::fs::symlink(real.join(name), bin.path().join(name)).unwrap();
    }
    // The server inherits the limit; bash counts in KiB.
    let pg_ctl = bin.path().join("pg_ctl");
    std::fs::write(&pg_ctl, format!("#!/bin/bash\nulimit -f 24576\nexec '{}/pg_ctl' \"$@\"\n", real.display()))
        .unwrap();
    std::fs::set_permissions(&pg_ctl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = Options { bin_dir: Some(bin.path().to_path_buf()), ..Options::default() };
    let scene = Scene::on(&support::servers().source, Box::leak(Box::new(Throwaway::start(options).unwrap())));
    scene.source.execute("ALTER TABLE posts ALTER body SET STORAGE EXTERNAL");
    scene.source.execute(
        "INSERT INTO posts SELECT n, 1 + n % 200, repeat('cell-Secret-88 ', 130) FROM generate_series(1001, 20000) n",
    );
    scene.refused(scene.sample(&["--percent", "100"]), 7, &["posts", "could not extend file", "disk space"]);
    scene.sample(&["--percent", "10"]).expect_code(0);
}

/// `DROP DATABASE … WITH (FORCE)` refuses an ordinary role while autovacuum is at work there.
#[test]
fn an_ordinary_role_removes_what_autovacuum_works_on() {
    let options = Options::default().setting("autovacuum_naptime", "1s").setting("autovacuum_vacuum_cost_limit", "1");
    let options = options.setting("autovacuum_vacuum_cost_delay", "100ms");
    let server: &'static Throwaway = Box::leak(Box::new(Throwaway::start(options).unwrap()));
    let scene = Scene::on(&support::servers().source, server);
    let next = format!("{}__next", scene.target.name());
    for sql in [
        "CREATE ROLE modest LOGIN CREATEDB".to_owned(),
        format!("ALTER DATABASE {} OWNER TO modest", scene.target.name()),
        format!("CREATE DATABASE {next} OWNER modest"),
        format!("COMMENT ON DATABASE {next} IS 'tithe run killed: staging'"),
    ] {
        server.query_text("postgres", &sql).unwrap();
    }
    server.query_text(&next, "CREATE TABLE old AS SELECT generate_series(1, 200000) AS n; DELETE FROM old").unwrap();
    let worker = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND datname = '{next}'"
    );
    wait_for("autovacuum", || scene.target.query_one_text(&worker) == "t");
    let to = scene.target.url().replace("user=postgres", "user=modest");
    scene.sample(&["--to", &to]).expect_code(0);
    scene.assert_sampled();
}
