//! The throw-away servers that every other test stands on.

use std::process::Command;
use std::time::{Duration, Instant};

use tithe::demo::{Options, Throwaway};

use crate::support::{self, Home};

#[test]
fn a_database_is_made_used_and_dropped() {
    let database = support::source_database("Smoke \"test");
    database.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3)");
    assert_eq!(database.query_one_text("SELECT count(*) FROM t"), "3");
    assert_eq!(database.query_text("SELECT NULL"), None);
    let name = database.name().to_owned();
    drop(database);
    let question = format!("SELECT count(*) FROM pg_database WHERE datname = $tag${name}$tag$");
    assert_eq!(support::servers().source.query_text("postgres", &question).unwrap().as_deref(), Some("0"));
}

#[tokio::test]
async fn source_and_target_are_different_clusters() {
    let source = support::source_database("identity");
    let target = support::target_database("identity");
    let question = "SELECT system_identifier::text FROM pg_control_system()";
    let here = source.connect().await.query_one(question, &[]).await.unwrap().get::<_, String>(0);
    assert_ne!(here, target.query_one_text(question));
}

#[test]
fn the_program_sees_a_clean_environment() {
    let home = Home::new();
    let command = home.command(&["--version"]);
    assert!(command.get_envs().all(|(name, _)| !name.to_string_lossy().starts_with("PG")));
    assert_eq!(command.get_current_dir(), Some(home.path()));
    assert_eq!(Home::run(command).code, 0);
    let ran = support::tithe(&["--version"]).expect_code(0);
    assert!(ran.stderr.is_empty(), "{ran:?}");
    assert!(support::profile("[sample]\n").path().exists());
}

#[test]
fn a_standby_replays_what_the_primary_writes() {
    let primary = Throwaway::start(Options::default()).unwrap();
    primary.query_text("postgres", "CREATE TABLE t AS SELECT 1 AS n").unwrap();
    let standby = match Throwaway::create_standby(&primary, Options::default()) {
        Ok(standby) => standby,
        // Some packages hold the server alone; CI runs with all of PostgreSQL.
        Err(error) if !primary.bin_dir().join("pg_basebackup").exists() => {
            assert!(error.action().contains("pg_basebackup"), "{error:?}");
            return;
        }
        Err(error) => panic!("{error:?}"),
    };
    primary.query_text("postgres", "INSERT INTO t VALUES (2)").unwrap();
    standby.wait_replayed(&primary).unwrap();
    assert_eq!(standby.query_text("postgres", "SELECT sum(n) FROM t").unwrap().as_deref(), Some("3"));
    assert_eq!(standby.query_text("postgres", "SELECT pg_is_in_recovery()").unwrap().as_deref(), Some("t"));
}

#[test]
fn a_killed_server_starts_again_and_a_stopped_one_is_gone() {
    let server = Throwaway::start(Options::default()).unwrap();
    server.query_text("postgres", "CREATE TABLE t AS SELECT 7 AS n").unwrap();
    server.kill().unwrap();
    assert!(server.query_text("postgres", "SELECT 1").is_err());
    server.set("work_mem", "5MB").unwrap();
    server.write_file("note", "only for the server").unwrap();
    server.restart().unwrap();
    server.restart().unwrap();
    assert_eq!(server.query_text("postgres", "SHOW work_mem").unwrap().as_deref(), Some("5MB"));
    let (anchor, data) = (server.socket_dir().to_path_buf(), server.data_dir().to_path_buf());
    assert!(data.join("note").exists() && server.port() == 5432);
    server.stop().unwrap();
    assert!(!anchor.exists() && !data.exists());
}

#[test]
fn a_server_that_cannot_start_says_why_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    open_to_all(parent.path());
    let dir = parent.path().join("data");
    let options = Options { dir: Some(dir.clone()), ..Options::default() };
    let error = Throwaway::start(options.setting("shared_buffers", "it's wrong")).unwrap_err();
    assert!(error.chain().contains("it's wrong"), "{error:?}");
    assert!(!dir.exists());
    assert!(Throwaway::start(Options::default().setting("a\nb", "c")).is_err());
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("precious"), "").unwrap();
    let options = Options { dir: Some(dir.path().to_path_buf()), ..Options::default() };
    assert!(Throwaway::start(options).unwrap_err().chain().contains("not empty"));
    assert!(dir.path().join("precious").exists());
}

/// Run by the test below in a process of its own; by itself it does nothing.
#[test]
fn helper_that_is_killed() {
    let Some(path) = std::env::var_os("TITHE_TEST_KILLED") else { return };
    let server = Throwaway::start(Options::default()).unwrap();
    std::fs::write(path, server.socket_dir().to_str().unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(120));
}

#[test]
fn servers_die_with_a_process_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("note");
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["throwaway::helper_that_is_killed", "--exact"])
        .env("TITHE_TEST_KILLED", &note)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let anchor = wait_for("the helper's server", || {
        let anchor = std::fs::read_to_string(&note).ok()?;
        (!anchor.is_empty()).then(|| std::path::PathBuf::from(anchor))
    });
    let pid = std::fs::read_to_string(anchor.join("data/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().to_owned();
    helper.kill().unwrap();
    helper.wait().unwrap();
    wait_for("its folder to vanish", || (!anchor.exists()).then_some(()));
    let alive = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(!alive, "the server {pid} lives on");
}

#[test]
fn what_a_dead_owner_left_is_swept() {
    let server = Throwaway::start(Options::default()).unwrap();
    let anchor = server.socket_dir().to_path_buf();
    let stop = server.detach().unwrap();
    assert!(anchor.exists() && stop.contains("postmaster.pid"));
    // As after a kill of owner and guard: an owner file that nobody locks, and a server that still runs.
    std::fs::write(anchor.join("owner"), "1").unwrap();
    let other = Throwaway::start(Options::default()).unwrap();
    assert!(!anchor.exists());
    drop(other);
}

#[test]
fn a_detached_server_lives_until_its_line_of_shell_is_run() {
    let server = Throwaway::start(Options::default()).unwrap();
    let anchor = server.socket_dir().to_path_buf();
    let stop = server.detach().unwrap();
    assert!(anchor.join("data/postmaster.pid").exists());
    assert!(Command::new("sh").args(["-c", &stop]).status().unwrap().success());
    assert!(!anchor.exists());
}

#[track_caller]
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if let Some(value) = ready() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited a minute for {what}");
}

/// When tests run as root the server's user must be able to enter the folder.
fn open_to_all(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
}
