//! Sources that are not an ordinary primary read by its owner: a hot standby, a role with SELECT alone, an endpoint
//! that spreads sessions over servers, a role with short timeouts; and what a run leaves behind on a source: nothing.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tithe::demo::{Options, Throwaway};

use crate::support::{self, PROFILE, Scene};

struct Pair {
    primary: Throwaway,
    standby: Throwaway,
}

/// A primary and its hot standby; both listen on TCP too.
fn pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let options = || {
            let options = Options { port: Some(support::free_port()), ..Options::default() };
            options.setting("listen_addresses", "127.0.0.1").setting("autovacuum", "off")
        };
        let primary = Throwaway::start(options().setting("wal_level", "replica")).unwrap();
        let standby = Throwaway::create_standby(&primary, options().setting("max_standby_streaming_delay", "-1"));
        Pair { standby: standby.unwrap(), primary }
    })
}

/// A scene on the primary, and the standby's URL of its source.
fn scene() -> (Scene, String) {
    let scene = Scene::on(&pair().primary, &support::servers().target);
    let from = pair().standby.url(scene.source.name());
    (scene, from)
}

/// A role that may read the scene's tables and nothing else.
fn reader(scene: &Scene) -> String {
    let role = format!("reader_of_{}", scene.source.name());
    scene.source.execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON users, posts TO {role}"));
    role
}

fn slow(scene: &Scene, from: &str, more: &[&str]) -> (Child, tempfile::NamedTempFile) {
    let profile = support::profile(PROFILE);
    let more = [&["--from", from, "--max-rate", "300kB"], more].concat();
    let arguments = scene.arguments(&profile.path().to_string_lossy(), &more);
    let mut command: Command = scene.home.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), profile)
}

#[track_caller]
fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < end, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn ended(child: Child) -> support::Ran {
    let output = child.wait_with_output().unwrap();
    support::Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
fn wait_for_copy(scene: &Scene) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%posts%' AND datname = '{}__next'",
        scene.target.name()
    );
    wait_for("the copy", || scene.target.query_one_text(&sql) != "0");
}

#[test]
fn a_hot_standby_read_by_a_role_with_select_alone() {
    let (scene, from) = scene();
    scene.grow();
    let role = reader(&scene);
    pair().standby.wait_replayed(&pair().primary).unwrap();
    let from = from.replace("user=postgres", &format!("user={role}"));
    // Large tables are read in ranges there, too.
    let ran = scene.sample(&["--from", &from, "--json", "--range-bytes", "64kB"]).expect_code(0);
    assert!(ran.stdout.contains("\"standby\": true"), "{}", ran.stdout);
    scene.assert_sampled();
    // The same rows as from the primary.
    let question = "SELECT count(*) || ' ' || sum(id) FROM posts";
    let first = scene.target.query_one_text(question);
    scene.sample(&[]).expect_code(0);
    assert_eq!(scene.target.query_one_text(question), first);
    // Its primary as the target of its standby: one cluster.
    let to = pair().primary.url("brand_new");
    scene.sample(&["--from", &from, "--to", &to]).failed(10, &["physical copy", "development server"]);
}

/// A standby has no content of unlogged tables; everything else can be sampled all the same.
#[test]
fn unlogged_tables_on_a_standby() {
    let (scene, from) = scene();
    scene.source.execute("CREATE UNLOGGED TABLE fast (id int GENERATED ALWAYS AS IDENTITY)");
    pair().standby.wait_replayed(&pair().primary).unwrap();
    let with = |rows: &str| {
        let text = format!("{PROFILE}\n[tables.fast]\nrows = \"{rows}\"\n[columns.fast]\nid = \"keep\"\n");
        scene.sample_with(&text, &["--from", &from])
    };
    scene.refused(with("all"), 6, &["fast", "unlogged", "rows = \"none\""]);
    with("none").expect_code(0);
    scene.assert_sampled();
}

#[test]
fn nothing_is_written_on_the_source() {
    let server = Box::leak(Box::new(Throwaway::start(Options::default().setting("autovacuum", "off")).unwrap()));
    let scene = Scene::on(server, &support::servers().target);
    let role = reader(&scene);
    let from = scene.source.url().replace("user=postgres", &format!("user={role}"));
    // Hint bits and the visibility map are set by whoever reads first, and that is logged: not by the run.
    scene.source.execute("VACUUM");
    scene.source.execute("CHECKPOINT");
    let question = "SELECT format('%s %s %s %s %s %s', tup_inserted, tup_updated, tup_deleted, temp_files, deadlocks, \
                    (SELECT count(*) FROM pg_class)) FROM pg_stat_database WHERE datname = current_database()";
    let settle = || std::thread::sleep(Duration::from_millis(1200));
    settle();
    let before = scene.source.query_one_text(question);
    let wal = "SELECT pg_current_wal_insert_lsn()::text";
    let lsn = scene.source.query_one_text(wal);
    scene.sample(&["--from", &from]).expect_code(0);
    settle();
    assert_eq!(scene.source.query_one_text(question), before);
    // A checkpoint or a snapshot of running transactions, which the server logs by itself, takes some hundred bytes.
    let written = scene.source.query_one_text(&format!("SELECT pg_current_wal_insert_lsn() - '{lsn}'::pg_lsn"));
    assert!(written.parse::<u64>().unwrap() < 1000, "{written} bytes of WAL");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tithe%' AND pid <> pg_backend_pid() \
                AND datname = current_database()";
    wait_for("sessions to end", || scene.source.query_one_text(open) == "0");
}

#[test]
fn timeouts_of_the_role_do_not_matter() {
    let (scene, _) = scene();
    scene.grow();
    let role = reader(&scene);
    scene.source.execute(&format!(
        "ALTER ROLE {role} SET statement_timeout = '300ms'; ALTER ROLE {role} SET idle_in_transaction_session_timeout = '300ms'; \
         ALTER ROLE {role} SET DateStyle = 'German'; ALTER ROLE {role} SET client_encoding = 'LATIN1'; \
         ALTER DATABASE {} SET default_transaction_isolation = 'serializable'",
        scene.source.name()
    ));
    let from = scene.source.url().replace("user=postgres", &format!("user={role}"));
    scene.sample(&["--from", &from, "--max-rate", "2MB"]).expect_code(0);
    scene.assert_sampled();
}

/// The standby must replay the removal of rows that the run still reads.
#[test]
fn a_conflict_with_recovery_ends_the_run() {
    let standby = Throwaway::create_standby(
        &pair().primary,
        Options::default().setting("max_standby_streaming_delay", "0").setting("hot_standby_feedback", "off"),
    )
    .unwrap();
    let (scene, _) = scene();
    scene.grow();
    standby.wait_replayed(&pair().primary).unwrap();
    let (child, _profile) = slow(&scene, &standby.url(scene.source.name()), &[]);
    wait_for_copy(&scene);
    scene.source.execute("DELETE FROM posts WHERE id % 2 = 0");
    scene.source.execute("VACUUM posts");
    let said = ended(child).failed(6, &[]);
    assert!(
        ["conflict with recovery", "the server ended the connection"].iter().any(|words| said.contains(words)),
        "{said}"
    );
    scene.assert_old();
}

/// What a load balancer or a reader endpoint does: every session goes to the next server.
#[test]
fn an_endpoint_that_spreads_sessions() {
    let (scene, _) = scene();
    pair().standby.wait_replayed(&pair().primary).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (turn, incoming) in listener.incoming().enumerate() {
            let server = if turn % 2 == 0 { &pair().primary } else { &pair().standby };
            let Ok(incoming) = incoming else { return };
            let Ok(outgoing) = TcpStream::connect(("127.0.0.1", server.port())) else { return };
            let pipe = |mut from: TcpStream, mut to: TcpStream| {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            };
            pipe(incoming.try_clone().unwrap(), outgoing.try_clone().unwrap());
            pipe(outgoing, incoming);
        }
    });
    let from = format!("postgresql://postgres@127.0.0.1:{port}/{}", scene.source.name());
    for _ in 0..3 {
        scene.refused(scene.sample(&["--from", &from]), 6, &["same server", "pooler", "server's own address"]);
    }
}

#[test]
fn a_migration_that_waits_goes_first() {
    let scene = Scene::new();
    scene.grow();
    let (child, _profile) = slow(&scene, &scene.source.url(), &["--yield-to-ddl", "1"]);
    wait_for_copy(&scene);
    let begun = Instant::now();
    scene.source.execute("SET lock_timeout = '30s'; ALTER TABLE posts ADD COLUMN late int");
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(500) && waited < Duration::from_secs(10), "{waited:?}");
    ended(child).failed(6, &["waited 1 s", "posts", "run again when the migration is done"]);
    scene.assert_old();
    // A migration before the run's lock: the run gives up instead of queueing before others.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(scene.source.connect());
    runtime.block_on(session.batch_execute("BEGIN; LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")).unwrap();
    scene.refused(scene.sample(&["--lock-timeout", "0.5"]), 6, &["lock", "run again later"]);
    drop(session);
}
