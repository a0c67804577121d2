//! What a run says it did to each column, against what SQL finds in both databases; pages and attestations of runs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{self, Home, Ran, TestDb};

/// Followers make support rows of accounts; events come leaf by leaf, visits in ranges of pages.
const SCHEMA: &str = r"
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL, phone text, city text, bio text, motto text);
CREATE TABLE posts (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users, answered_by int REFERENCES users, body text);
CREATE TABLE events (id int, owner_id int NOT NULL REFERENCES users, ip text) PARTITION BY RANGE (id);
CREATE TABLE events_low PARTITION OF events FOR VALUES FROM (0) TO (300);
CREATE TABLE events_high PARTITION OF events FOR VALUES FROM (300) TO (900);
CREATE TABLE visits (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users, agent text);
INSERT INTO users SELECT n, 'p' || n || '@home.example.org', 'Person ' || n, CASE WHEN n % 3 > 0 THEN '+49 30 ' || 100000 + n END,
    CASE n % 4 WHEN 0 THEN 'Berlin' WHEN 1 THEN '' WHEN 2 THEN 'nowhere' END, 'about ' || n % 7, 'onward'
    FROM generate_series(1, 200) n;
INSERT INTO posts SELECT n, 1 + n % 200, CASE WHEN n % 2 = 0 THEN 1 + n * 7 % 200 END, 'text ' || n % 50 FROM generate_series(1, 600) n;
INSERT INTO events SELECT n, 1 + n % 200, '192.0.2.' || n % 90 FROM generate_series(1, 800) n;
INSERT INTO visits SELECT n, 1 + n % 200, 'agent ' || n FROM generate_series(1, 20000) n;
ANALYZE";

const PROFILE: &str = r#"
[sample]
root = "users"
percent = 40
seed = "report"
[tables.posts]
pull = ["answered_by"]
[columns.users]
id = "keep"
email = "email"
name = { full_name = { domain = "people" }, support = { constant = "hidden" } }
phone = "phone"
city = { constant = "nowhere" }
bio = "null"
motto = { constant = "onward" }
[columns.posts]
id = "keep"
owner_id = "keep"
answered_by = "keep"
body = "keep"
[columns.events]
id = "keep"
owner_id = "keep"
ip = "ip"
[columns.visits]
id = "keep"
owner_id = "keep"
agent = { hash = { length = 16 } }
"#;

/// A key and its public half that everybody knows (RFC 8410, section 10.3).
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

struct Scene {
    home: Home,
    source: TestDb,
    target: TestDb,
    profile: tempfile::NamedTempFile,
}

impl Scene {
    fn new() -> Self {
        Self::with(SCHEMA, PROFILE)
    }

    fn with(schema: &str, profile: &str) -> Self {
        let scene = Self {
            home: Home::new(),
            source: support::source_database("report"),
            target: support::target_database("report"),
            profile: support::profile(profile),
        };
        scene.source.execute(schema);
        scene
    }

    fn sample_as(&self, variables: &[(&str, &str)], more: &[&str]) -> Ran {
        let (from, to, profile) = (self.source.url(), self.target.url(), self.profile.path().to_str().unwrap());
        let arguments = ["sample", "--yes", "--json", "--from", &from, "--to", &to, "--profile", profile];
        let mut command = self.home.command(&[&arguments[..], more].concat());
        command.envs(variables.iter().copied());
        Home::run(command)
    }

    fn sample(&self, more: &[&str]) -> Value {
        serde_json::from_str(&self.sample_as(&[], more).expect_code(0).stdout).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Both sides of a column, row by row.
    fn both(&self, table: &str, column: &str, which: &str) -> (Vec<Option<String>>, Vec<Option<String>>) {
        let ids = self.target.query_text(&format!("SELECT string_agg(id::text, ',') FROM {table} WHERE {which}"));
        let sql = format!(
            "SELECT json_agg({column} ORDER BY id)::text FROM {table} WHERE id IN ({})",
            ids.unwrap_or_else(|| "NULL".to_owned())
        );
        let side = |database: &TestDb| match database.query_text(&sql) {
            Some(json) => serde_json::from_str(&json).unwrap(),
            None => Vec::new(),
        };
        (side(&self.source), side(&self.target))
    }
}

fn table<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).unwrap()
}

fn column<'a>(report: &'a Value, of: &str, name: &str) -> &'a Value {
    table(report, of)["columns"].as_array().unwrap().iter().find(|column| column["column"] == name).unwrap()
}

/// The numbers that the report should have, from both sides of a column.
fn expected(before: &[Option<String>], after: &[Option<String>]) -> Value {
    assert_eq!(before.len(), after.len());
    let pairs = || before.iter().zip(after).filter_map(|(before, after)| Some((before.as_ref()?, after.as_ref())));
    serde_json::json!({
        "values": pairs().count(),
        "nulls": before.iter().filter(|value| value.is_none()).count(),
        "emptied": pairs().filter(|(_, after)| after.is_none()).count(),
        "unchanged": pairs().filter(|(before, after)| *after == Some(before)).count(),
        "distinct_before": pairs().map(|(before, _)| before).collect::<BTreeSet<_>>().len(),
        "distinct_after": pairs().filter_map(|(_, after)| after).collect::<BTreeSet<_>>().len(),
        "estimated_before": false,
        "estimated_after": false,
    })
}

#[test]
fn what_is_counted_in_the_stream_is_what_sql_finds() {
    let scene = Scene::new();
    let report = scene.sample(&["--range-bytes", "64kB"]);
    assert!(table(&report, "users")["support"].as_u64().unwrap() > 10, "{report}");
    for name in ["email", "name", "phone", "city", "bio"] {
        for (part, which) in [("members", "name <> 'hidden'"), ("support", "name = 'hidden'")] {
            let (before, after) = scene.both("users", name, which);
            assert_eq!(column(&report, "users", name)[part], expected(&before, &after), "{name} {part}");
        }
    }
    let idle = format!(
        "every value as it was: users.motto (constant, {} values), users.motto (constant, {} values in support rows)",
        column(&report, "users", "motto")["members"]["values"],
        column(&report, "users", "motto")["support"]["values"]
    );
    assert!(report["notes"].to_string().contains(&idle), "{}", report["notes"]);
    // Two leaves, counted apart and added up.
    let (before, after) = scene.both("events", "ip", "true");
    assert_eq!(column(&report, "events", "ip")["members"], expected(&before, &after));

    // More than are counted exactly: five standard errors around the truth.
    let (before, after) = scene.both("visits", "agent", "true");
    let (truth, counts) = (expected(&before, &after), &column(&report, "visits", "agent")["members"]);
    assert_eq!((&counts["values"], &counts["estimated_before"]), (&truth["values"], &Value::Bool(true)));
    assert_eq!(counts["estimated_after"], true);
    let error = 5.0 * report["distinct_error_percent"].as_f64().unwrap() / 100.0;
    for number in ["distinct_before", "distinct_after"] {
        let (found, truth) = (counts[number].as_f64().unwrap(), truth[number].as_f64().unwrap());
        assert!(truth > 5_000.0 && (found / truth - 1.0).abs() < error, "{number}: {found} for {truth}");
    }
}

#[test]
fn rules_are_told_with_parameters_and_domains() {
    let scene = Scene::new();
    let report = scene.sample(&[]);
    let rule = |of: &str, name: &str, which: &str| column(&report, of, name)[which].clone();
    assert_eq!(rule("users", "id", "rule"), serde_json::json!({"name": "keep"}));
    assert_eq!(column(&report, "users", "id").get("members"), None);
    assert_eq!(rule("users", "name", "rule"), serde_json::json!({"name": "full_name", "domain": "people"}));
    assert_eq!(
        rule("users", "name", "support_rule"),
        serde_json::json!({"name": "constant", "parameters": {"characters": "6"}})
    );
    let hash = serde_json::json!({"name": "hash", "parameters": {"length": "16"}, "domain": "hash"});
    assert_eq!(rule("visits", "agent", "rule"), hash);
    let pulled = report["references"].as_array().unwrap().iter().find(|r| r["columns"][0] == "answered_by").unwrap();
    assert_eq!(pulled["mode"], "pull");
    let fingerprint = report["key_fingerprint"].as_str().unwrap();
    assert!(fingerprint.len() == 16 && !report.to_string().contains("a key for tests"));
    // As text, with the same numbers.
    let text = scene.home.tithe(&["report"]).expect_code(0).stdout;
    assert!(text.contains(fingerprint) && text.contains("users.email") && text.contains("support rows"), "{text}");
    let json: Value = serde_json::from_str(&scene.home.tithe(&["report", "--json"]).expect_code(0).stdout).unwrap();
    assert_eq!(json, report);
}

#[test]
fn a_run_with_another_key_says_so() {
    let scene = Scene::new();
    let notes = |ran: Ran| {
        let report: Value = serde_json::from_str(&ran.expect_code(0).stdout).unwrap();
        report["notes"].to_string()
    };
    assert!(!notes(scene.sample_as(&[], &[])).contains("fingerprint"));
    assert!(!notes(scene.sample_as(&[], &[])).contains("fingerprint"));
    let other = scene.sample_as(&[("TITHE_KEY", "another key, of 32 bytes at least")], &[]);
    let said = notes(other);
    assert!(
        said.contains("previous run") && said.contains("fingerprint") && !said.contains("another key, of"),
        "{said}"
    );
}

#[test]
fn a_page_holds_hostile_names_as_text() {
    let hostile = "</title></svg><script>alert(1)</script>&\"\"";
    let scene = Scene::with(
        &format!(
            "CREATE TABLE users (id int PRIMARY KEY, \"{hostile}\" text); CREATE TABLE \"{hostile}\" (id int PRIMARY KEY, \
             owner int NOT NULL REFERENCES users); INSERT INTO users SELECT n, 'secret-' || n FROM generate_series(1, 9) n; \
             INSERT INTO \"{hostile}\" SELECT n, n FROM generate_series(1, 9) n"
        ),
        "[sample]\nroot = \"users\"\npercent = 100\n[columns.users]\nid = \"keep\"\n\
         '</title></svg><script>alert(1)</script>&\"' = \"token\"\n\
         [columns.'</title></svg><script>alert(1)</script>&\"']\nid = \"keep\"\nowner = \"keep\"\n",
    );
    let path = scene.path("page.html");
    let report = scene.sample(&["--report", path.to_str().unwrap()]);
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;alert(1)") && !page.contains("secret-"),
        "{page}"
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let run = report["run_id"].as_str().unwrap();
    assert_eq!(scene.home.tithe(&["report", run, "--html", "-"]).expect_code(0).stdout, page);
    scene.home.tithe(&["report", &run[..12], "--html", "again.html"]).expect_code(0);
    assert_eq!(fs::read_to_string(scene.path("again.html")).unwrap(), page);
    scene.home.tithe(&["report", "nothing-like-it"]).expect_code(2);
    scene.home.tithe(&["report", "--html", "no/folder/page.html"]).expect_code(2);
}

/// Both keys in the scene's home.
fn keys(scene: &Scene) -> (String, String) {
    let (key, public) = (scene.path("sign.pem"), scene.path("sign.pub"));
    fs::write(&key, KEY).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&public, PUBLIC_KEY).unwrap();
    (key.to_str().unwrap().to_owned(), public.to_str().unwrap().to_owned())
}

#[test]
fn an_attestation_is_checked_against_key_and_run() {
    let scene = Scene::new();
    let (key, public) = keys(&scene);
    let signing = [("TITHE_SIGN_KEY", key.as_str())];
    scene.sample_as(&signing, &["--attest", "first.json"]).expect_code(0);
    let first = scene.path("first.json");
    let text = fs::read_to_string(&first).unwrap();
    assert!(!text.contains("@home.example.org") && !text.contains("a key for tests"), "{text}");
    let check = |file: &str, more: &[&str]| scene.home.tithe(&[&["report", "--check", file][..], more].concat());
    let held = check("first.json", &["--public-key", &public]).expect_code(0);
    assert!(held.stdout.contains("signed with the key given"), "{held:?}");
    let attested: Value = serde_json::from_str(&text).unwrap();
    let (key_hex, signed) = (&attested["signature"]["public_key"], &attested["signature"]["value"]);
    let by_somebody = check("first.json", &[]).expect_code(0);
    assert!(by_somebody.stdout.contains(key_hex.as_str().unwrap()), "{by_somebody:?}");
    assert!(by_somebody.stdout.contains("whoever holds that"), "{by_somebody:?}");

    // The same from the kept report, later.
    let mut command = scene.home.command(&["report", "--attest", "later.json"]);
    command.envs(signing);
    Home::run(command).expect_code(0);
    assert_eq!(fs::read_to_string(scene.path("later.json")).unwrap(), text);

    fs::write(scene.path("changed.json"), text.replacen("\"email\"", "\"emall\"", 1)).unwrap();
    check("changed.json", &["--public-key", &public]).expect_code(9);
    let signed = signed.as_str().unwrap();
    fs::write(scene.path("changed.json"), text.replacen(signed, &signed.replace('0', "1"), 1)).unwrap();
    let broken = check("changed.json", &[]).expect_code(9);
    assert!(broken.stderr.contains("signature does not fit"), "{broken:?}");
    scene.home.tithe(&["report", "--attest", "plain.json"]).expect_code(0);
    let unsigned = check("plain.json", &["--public-key", &public]).expect_code(9);
    assert!(unsigned.stderr.contains("not signed"), "{unsigned:?}");

    // Another run's report, and a report that somebody touched.
    let second = scene.sample(&[]);
    let run = second["run_id"].as_str().unwrap();
    let other = scene.home.tithe(&["report", run, "--check", "first.json", "--public-key", &public]).expect_code(9);
    assert!(other.stderr.contains(run), "{other:?}");
    let kept = scene.path(&format!("state/tithe/runs/{}.json", attested["statement"]["run_id"].as_str().unwrap()));
    let report = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, report.replacen("\"email\"", "\"keep\"", 1)).unwrap();
    let touched = check("first.json", &["--public-key", &public]).expect_code(9);
    assert!(touched.stderr.contains("kept report"), "{touched:?}");

    // Elsewhere only the document and its signature can be asked.
    let elsewhere = Home::new();
    let arguments = ["report", "--check", first.to_str().unwrap(), "--public-key", &public];
    let held = elsewhere.tithe(&arguments).expect_code(0);
    assert!(held.stdout.contains("not here"), "{held:?}");
}

#[test]
fn a_signing_key_that_others_may_read_is_refused_before_rows_move() {
    let scene = Scene::new();
    let (key, _) = keys(&scene);
    let signing = [("TITHE_SIGN_KEY", key.as_str())];
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = scene.sample_as(&signing, &["--attest", "run.json"]).expect_code(10);
        assert!(refused.stderr.contains("others may read it"), "{refused:?}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "no key").unwrap();
    let refused = scene.sample_as(&signing, &["--attest", "run.json"]).expect_code(10);
    assert!(refused.stderr.contains("no Ed25519 key"), "{refused:?}");
    assert_eq!(scene.target.query_one_text("SELECT to_regclass('users') IS NULL"), "t");
    assert!(!scene.path("run.json").exists());
}
