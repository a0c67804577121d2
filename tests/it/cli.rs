//! The command line as a user meets it: questions, reports, interruptions, first profiles.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{self, Home, TestDb, tithe};

const PROFILE: &str = r#"
[sample]
root = "users"
percent = 50
seed = "cli"

[columns.users]
id = "keep"
email = { template = "user{id}@dev.example" }
"#;

fn source() -> TestDb {
    let source = support::source_database("cli");
    source.execute(
        "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL); \
         INSERT INTO users SELECT n, repeat('x', 200) || n || '@example.com' FROM generate_series(1, 5000) n; ANALYZE",
    );
    source
}

/// A target that is in use already, with something to recognise it by.
fn target() -> TestDb {
    let target = support::target_database("cli");
    target.execute("CREATE TABLE old (id int)");
    target
}

fn is_old(target: &TestDb) -> bool {
    target.query_text("SELECT to_regclass('old')").is_some()
}

/// Databases of this target's family.
fn family(target: &TestDb) -> String {
    let sql = format!(
        "SELECT string_agg(replace(datname, '{0}', ''), ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE '{0}%'",
        target.name()
    );
    support::servers().target.query_text("postgres", &sql).unwrap().unwrap_or_default()
}

#[test]
fn an_existing_target_is_replaced_only_with_a_yes() {
    let (source, target, home, profile) = (source(), target(), Home::new(), support::profile(PROFILE));
    let profile = profile.path().to_str().unwrap();
    let (from, to) = (source.url(), target.url());
    let arguments = ["sample", "--from", &from, "--to", &to, "--profile", profile];
    let refused = home.tithe(&arguments).expect_code(10);
    assert!(refused.stderr.contains("--yes") && is_old(&target), "{refused:?}");
    assert_eq!(family(&target), "");

    let ran = home.tithe(&[&arguments[..], &["--yes", "--json"]].concat()).expect_code(0);
    assert!(ran.stderr.is_empty(), "{ran:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(!is_old(&target));
    let kept = home.path().join(format!("state/tithe/runs/{}.json", report["run_id"].as_str().unwrap()));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&std::fs::read(kept).unwrap()).unwrap(), report);
    let names: Vec<&str> = report["phases"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"connect"), Some(&"swap")));

    home.tithe(&["rollback", "--to", &to]).expect_code(10);
    home.tithe(&["rollback", "--to", &to, "--yes"]).expect_code(0);
    assert!(is_old(&target));
}

/// Scripts and dashboards live on them.
#[test]
fn the_report_has_the_keys_that_are_promised() {
    let (source, target, profile) = (source(), support::target_database("cli"), support::profile(PROFILE));
    let (from, to, profile) = (source.url(), target.url(), profile.path().to_string_lossy().into_owned());
    let arguments = ["sample", "--from", &from, "--to", &to, "--profile", &profile, "--yes", "--json"];
    let report: serde_json::Value = serde_json::from_str(&tithe(&arguments).expect_code(0).stdout).unwrap();
    let of = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let of_first = |name: &str| of(&report[name][0]);
    for (found, promised) in [
        (
            of(&report),
            "run_id seed percent source target started_at phases tables vault checks problems peak_memory_bytes outcome",
        ),
        (of(&report["source"]), "server_version snapshot_lsn standby"),
        (of_first("phases"), "name seconds"),
        (of_first("tables"), "schema table mode rows_source rows_copied members support bytes seconds checksum"),
        (of(&report["vault"]), "files_wanted files_copied files_patched files_removed bytes"),
        (of_first("checks"), "name ok detail"),
    ] {
        for name in promised.split(' ') {
            assert!(found.iter().any(|key| key == name), "{name} is not among {found:?}");
        }
    }
    assert_eq!((&report["outcome"], &report["percent"]), (&"complete".into(), &50.0.into()));
}

/// Whoever has to think first must not keep production's old rows, or its migrations.
#[test]
fn a_question_keeps_nothing_open_on_the_source() {
    let (source, target, home, profile) = (source(), target(), Home::new(), support::profile(PROFILE));
    let (from, to) = (source.url(), target.url());
    let inner = home.command(&["sample", "--from", &from, "--to", &to, "--profile", profile.path().to_str().unwrap()]);
    let mut running = support::at_a_terminal(&inner, &home).spawn().unwrap();
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while !shown.contains("Replace it?") {
        let read = running.stdout.as_mut().unwrap().read(&mut buffer).unwrap();
        assert!(read > 0, "{shown}");
        shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    wait_until("the source is let go", || sessions(&source) == "0");
    assert!(is_old(&target));
    running.stdin.as_mut().unwrap().write_all(b"y\n").unwrap();
    let ended = running.wait_with_output().unwrap();
    assert!(ended.status.success(), "{shown}{}", String::from_utf8_lossy(&ended.stdout));
    assert!(!is_old(&target));
}

#[test]
fn quiet_says_nothing_and_the_log_everything() {
    let (source, target, home, profile) = (source(), target(), Home::new(), support::profile(PROFILE));
    let profile = profile.path().to_str().unwrap();
    let (from, to) = (source.url(), target.url());
    let arguments = ["sample", "--from", &from, "--to", &to, "--profile", profile, "--yes", "--log", "log"];
    let quiet = home.tithe(&[&arguments[..], &["--quiet"]].concat()).expect_code(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let spoken = home.tithe(&arguments).expect_code(0);
    assert!(spoken.stdout.contains("foreign keys") && spoken.stdout.contains("tithe rollback"), "{spoken:?}");
    assert!(spoken.stderr.contains("copy rows"), "{spoken:?}");
    let log = std::fs::read_to_string(home.path().join("log")).unwrap();
    assert_eq!(log.matches(" end complete").count(), 2, "{log}");
    assert!(log.contains(" table users: "), "{log}");
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    for (signal, limit) in [("TERM", "1kB"), ("INT", "20kB"), ("HUP", "1kB")] {
        let (source, target, home, profile) = (source(), target(), Home::new(), support::profile(PROFILE));
        let (from, to) = (source.url(), target.url());
        let profile = profile.path().to_str().unwrap();
        let mut command = home.command(&["sample", "--from", &from, "--to", &to, "--profile", profile, "--yes"]);
        command.args(["--max-rate", limit]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = command.spawn().unwrap();
        wait_until("rows are being copied", || run.try_wait().unwrap().is_some() || copying(&source));
        send(signal, &run);
        let asked = Instant::now();
        let status = run.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert!(asked.elapsed() < Duration::from_secs(8), "{signal}: {:?}", asked.elapsed());
        assert!(is_old(&target));
        assert_eq!(family(&target), "");
        wait_until("the sessions are gone", || sessions(&source) == "0");
    }
}

fn copying(source: &TestDb) -> bool {
    let sql = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'";
    source.query_one_text(sql) == "t"
}

fn sessions(source: &TestDb) -> String {
    source.query_one_text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND application_name LIKE 'tithe 2%'",
    )
}

fn send(signal: &str, run: &Child) {
    let killed = std::process::Command::new("kill").args([format!("-{signal}"), run.id().to_string()]).status();
    assert!(killed.unwrap().success());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_first_profile_is_written_once() {
    let (source, home) = (source(), Home::new());
    let from = source.url();
    let written = home.tithe(&["init", "--from", &from, "-o", "first.toml"]).expect_code(0);
    assert!(written.stdout.contains("users"), "{written:?}");
    let text = std::fs::read_to_string(home.path().join("first.toml")).unwrap();
    home.tithe(&["init", "--from", &from, "-o", "first.toml"]).expect_code(10);
    assert_eq!(home.tithe(&["init", "--from", &from]).expect_code(0).stdout, text);
    let wrong = home.tithe(&["init", "--from", &from, "--root", "user"]).expect_code(2);
    assert!(wrong.stderr.contains("did you mean users?"), "{wrong:?}");
    home.tithe(&["plan", "--from", &from, "--profile", "first.toml"]).expect_code(0);
}

#[test]
fn the_graph_is_drawn_with_and_without_a_profile() {
    let (source, profile) = (source(), support::profile(PROFILE));
    let from = source.url();
    for (format, begin) in [("dot", "digraph"), ("svg", "<svg"), ("mermaid", "flowchart")] {
        let drawn = tithe(&["graph", "--from", &from, "--format", format]).expect_code(0);
        assert!(drawn.stdout.starts_with(begin) && drawn.stdout.contains("users"), "{drawn:?}");
    }
    let coloured = tithe(&["graph", "--from", &from, "--profile", profile.path().to_str().unwrap()]).expect_code(0);
    assert!(coloured.stdout.contains("root"), "{coloured:?}");
    source.execute("CREATE TABLE \"odd\nname\" (id int)");
    for format in ["dot", "svg", "mermaid"] {
        let drawn = tithe(&["graph", "--from", &from, "--format", format]).expect_code(0);
        assert!(drawn.stdout.contains("odd\u{fffd}name"), "{drawn:?}");
    }
}

#[test]
fn help_completions_and_the_manual_are_there() {
    for command in [
        "demo",
        "init",
        "profile",
        "plan",
        "sample",
        "verify",
        "report",
        "rollback",
        "graph",
        "explain",
        "completions",
        "man",
    ] {
        let help = tithe(&[command, "--help"]).expect_code(0);
        assert!(help.stdout.contains("Examples:"), "{command}: {}", help.stdout);
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 110), "{command}: {}", help.stdout);
    }
    assert!(tithe(&["completions", "bash"]).expect_code(0).stdout.contains("complete -F"));
    let manual = tithe(&["man"]).expect_code(0).stdout;
    assert!(manual.contains(".TH tithe") && manual.contains("TITHE ROLLBACK"), "{manual}");
    tithe(&["sample"]).expect_code(2);
}

#[test]
fn the_demo_shows_a_report_and_leaves_nothing() {
    let ran = tithe(&["demo", "--scale", "0.05", "--no-keep"]).expect_code(0);
    assert!(ran.stdout.contains("exactly what came") && ran.stdout.contains("@dev.makapix.local"), "{ran:?}");
}

#[test]
fn the_demo_leaves_a_page() {
    // What it leaves lies in the home's temporary folder.
    let home = Home::new();
    let ran = home.tithe(&["demo", "--scale", "0.05"]).expect_code(0);
    let path = |title: &str| {
        let line = ran.stdout.lines().find(|line| line.trim_start().starts_with(title)).unwrap();
        line.split_whitespace().find(|word| word.starts_with('/')).unwrap().to_owned()
    };
    let page = std::fs::read_to_string(path("report ")).unwrap();
    let stopped = std::process::Command::new("sh").arg(path("clean up")).status().unwrap();
    assert!(page.contains("10 % of <bdi>users</bdi>") && page.contains("id=\"references\""));
    assert!(stopped.success() && !std::path::Path::new(&path("report ")).exists());
}
