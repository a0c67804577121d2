//! Sources that are not an ordinary primary read by its owner: a hot standby, a role with SELECT alone, an endpoint
//! that spreads sessions over servers, a role with short timeouts; and what a run leaves behind on a source: nothing.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
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

/// A query that sends nothing does not notice that its client is gone.
#[test]
fn a_plan_that_is_stopped_leaves_no_query_on_the_source() {
    let scene = Scene::new();
    scene.source.execute(
        "CREATE FUNCTION slow(int) RETURNS bool STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN true; END $$",
    );
    let profile = support::profile(&format!("{PROFILE}\n[tables.posts]\nwhere = \"public.slow(id)\"\n"));
    let (path, from) = (profile.path().to_string_lossy().into_owned(), scene.source.url());
    let sessions = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'tithe%' \
         AND state = 'active' AND wait_event = 'PgSleep'",
        scene.source.name()
    );
    let mut command = scene.home.command(&["plan", "--profile", &path, "--from", &from]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the count", || scene.source.query_one_text(&sessions) != "0");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let begun = Instant::now();
    ended(child).expect_code(130);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    wait_for("the query's end", || scene.source.query_one_text(&sessions) == "0");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// The snapshot would show it empty: both the old rows and the new ones are out of its sight.
#[test]
fn a_table_that_is_emptied_before_it_is_locked_is_read_anew() {
    let scene = Scene::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(scene.source.connect());
    for (change, told) in [
        (
            "CREATE TEMP TABLE kept AS SELECT * FROM posts; TRUNCATE posts; INSERT INTO posts SELECT * FROM kept",
            "posts was emptied or rewritten",
        ),
        // With the index of its key: the snapshot knows one that is gone.
        ("ALTER TABLE posts ALTER id TYPE bigint", "beginning anew"),
    ] {
        runtime.block_on(session.batch_execute(&format!("BEGIN; {change}"))).unwrap();
        let profile = support::profile(PROFILE);
        let arguments = scene.arguments(&profile.path().to_string_lossy(), &[]);
        let mut command: Command = scene.home.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let waits = format!(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE NOT granted AND datname = '{}'",
            scene.source.name()
        );
        wait_for("the lock", || scene.source.query_one_text(&waits) != "0");
        runtime.block_on(session.batch_execute("COMMIT")).unwrap();
        let ran = ended(child).expect_code(0);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        scene.assert_sampled();
        let posts = scene.target.query_one_text("SELECT count(*) = 5 * (SELECT count(*) FROM users) FROM posts");
        assert_eq!(posts, "t");
    }
}

/// Two servers with one identity: the copy may be a staging server, or production itself after a failover.
#[test]
fn a_physical_copy_is_no_target_unless_the_profile_says_so() {
    let (scene, _) = scene();
    let copy = Throwaway::create_standby(&pair().primary, Options::default()).unwrap();
    copy.wait_replayed(&pair().primary).unwrap();
    copy.query_text("postgres", "SELECT pg_promote()").unwrap();
    let to = copy.url(scene.source.name());
    scene.refused(scene.sample(&["--to", &to]), 10, &["physical copies of one cluster", "clone_of_source = true"]);
    let told = format!("{PROFILE}\n[target]\nclone_of_source = true\n");
    scene.sample_with(&told, &["--to", &to]).expect_code(0);
    let users = copy.query_text(scene.source.name(), "SELECT count(*) < 200 FROM users").unwrap();
    assert_eq!(users.as_deref(), Some("t"));
}

/// The role may not ask for the cluster's identity: then it is not known, and nothing else is the matter.
#[test]
fn a_source_that_keeps_its_identity_to_itself() {
    let (scene, _) = scene();
    let role = reader(&scene);
    let server = &pair().primary;
    let revoke = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC";
    scene.source.execute(revoke);
    let from = server.url(scene.source.name()).replace("user=postgres", &format!("user={role}"));
    for jobs in ["1", "4"] {
        scene.sample(&["--from", &from, "--jobs", jobs]).expect_code(0);
    }
    scene.assert_sampled();
}

/// Of the two, the one that is asked for, whichever is named first.
#[test]
fn servers_are_told_apart_by_what_they_are() {
    let (scene, _) = scene();
    pair().standby.wait_replayed(&pair().primary).unwrap();
    let (primary, standby) = (pair().primary.port(), pair().standby.port());
    let name = scene.source.name();
    for (hosts, attrs, is_standby) in [
        ((primary, standby), "standby", true),
        ((primary, standby), "prefer-standby", true),
        ((primary, standby), "read-only", true),
        ((standby, primary), "primary", false),
        ((standby, primary), "read-write", false),
        ((standby, primary), "any", true),
    ] {
        let from = format!(
            "postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/{name}?target_session_attrs={attrs}",
            hosts.0, hosts.1
        );
        let ran = scene.sample(&["--json", "--from", &from]).expect_code(0);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["source"]["standby"], is_standby, "{attrs}");
    }
}

/// What a pooler in transaction mode does: each transaction gets the server process that has become free last.
struct Pooler {
    folder: tempfile::TempDir,
    port: u16,
}

impl Pooler {
    fn before(server: &Throwaway) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = 6432;
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}"))).unwrap();
        let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
        let free: Arc<Mutex<Vec<UnixStream>>> = Arc::default();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (free, socket) = (Arc::clone(&free), socket.clone());
                std::thread::spawn(move || serve(client, &free, &socket));
            }
        });
        Self { folder, port }
    }

    fn url(&self, name: &str) -> String {
        format!("host={} port={} user=postgres dbname={name}", self.folder.path().display(), self.port)
    }
}

/// One message with its type; `None` at the end of the stream.
fn message(from: &mut UnixStream) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
    let mut whole = head.to_vec();
    whole.resize(1 + length, 0);
    from.read_exact(&mut whole[5..]).ok()?;
    Some(whole)
}

/// Passes messages on until the server is ready; answers with that last one.
fn answer(server: &mut UnixStream, client: &mut UnixStream) -> Option<Vec<u8>> {
    loop {
        let told = message(server)?;
        if told[0] == b'Z' {
            return Some(told);
        }
        client.write_all(&told).ok()?;
    }
}

fn serve(mut client: UnixStream, free: &Mutex<Vec<UnixStream>>, socket: &Path) -> Option<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length).ok()?;
    let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut startup).ok()?;
    // Admitted, with a key for cancelling, and ready.
    let key = [&b"K\0\0\0\x0c"[..], &[0; 8]].concat();
    client.write_all(&[&b"R\0\0\0\x08\0\0\0\0"[..], &key, b"Z\0\0\0\x05I"].concat()).ok()?;
    let mut held: Option<UnixStream> = None;
    loop {
        let asked = message(&mut client)?;
        if asked[0] == b'X' {
            return None;
        }
        let known = held.take().or_else(|| free.lock().unwrap().pop());
        let mut server = match known {
            Some(server) => server,
            None => connected(socket, &startup)?,
        };
        server.write_all(&asked).ok()?;
        if !matches!(asked[0], b'Q' | b'S') {
            held = Some(server);
            continue;
        }
        let ready = answer(&mut server, &mut client)?;
        // It is free before the client knows of it.
        match ready[5] == b'I' {
            true => free.lock().unwrap().push(server),
            false => held = Some(server),
        }
        client.write_all(&ready).ok()?;
    }
}

/// A session of the server's own, begun as the client began.
fn connected(socket: &Path, startup: &[u8]) -> Option<UnixStream> {
    let mut server = UnixStream::connect(socket).ok()?;
    let length = u32::try_from(startup.len() + 4).unwrap().to_be_bytes();
    server.write_all(&[&length[..], startup].concat()).ok()?;
    while message(&mut server)?[0] != b'Z' {}
    Some(server)
}

/// Settings of the run would stay with whoever is served next: a production that suddenly writes nothing any more.
#[test]
fn a_pooler_in_transaction_mode_is_refused_before_anything_is_set() {
    let scene = Scene::new();
    let pooler = Pooler::before(&support::servers().source);
    let from = pooler.url(scene.source.name());
    let words = ["a pooler lends server processes", "server's own address"];
    scene.refused(scene.sample(&["--from", &from]), 6, &words);
    // What the pooler's next client finds.
    let settings = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query ~* '^ *set '",
        scene.source.name()
    );
    assert_eq!(scene.source.query_one_text(&settings), "0");
}
