//! `tithe verify`: holds after a run, and finds each kind of tampering by its own check.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{self, Home, TestDb};

const SCHEMA: &str = r"
CREATE TABLE users (id serial PRIMARY KEY, email varchar(80) UNIQUE, name text NOT NULL, code char(8),
                    settings jsonb NOT NULL DEFAULT '{}', balance numeric(10, 2) NOT NULL DEFAULT 0);
CREATE TABLE posts (id serial PRIMARY KEY, owner_id int NOT NULL REFERENCES users, answers int REFERENCES posts,
                    title varchar(40) NOT NULL, contact varchar(100), length int GENERATED ALWAYS AS (7) STORED)
    -- The server must not make statistics anew between the removal of them and the look.
    WITH (autovacuum_enabled = off);
CREATE TABLE seats (owner_id int NOT NULL REFERENCES users, place text NOT NULL, PRIMARY KEY (owner_id, place));
CREATE TABLE logs (id int, owner_id int REFERENCES users);
CREATE INDEX posts_title ON posts (title);
CREATE VIEW titles AS SELECT title FROM posts;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER quiet BEFORE INSERT ON seats FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE seats ENABLE ROW LEVEL SECURITY;
-- A foreign table stays behind, and is not missed.
CREATE FOREIGN DATA WRAPPER nobody;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nobody;
CREATE FOREIGN TABLE far (id int) SERVER nowhere;
-- Of one of two leaves only: it is not valid, here and in the target.
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM (1) TO (2);
CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM (2) TO (3);
CREATE INDEX parts_id ON ONLY parts (id);
INSERT INTO users (email, name, code, settings)
    SELECT 'person' || n || '@home.example.org', 'Person ' || n, 'c' || n, jsonb_build_object('n', n)
    FROM generate_series(1, 60) n;
INSERT INTO posts (owner_id, answers, title) SELECT 1 + n % 60, CASE WHEN n > 1 THEN n / 2 END, 'title ' || n
    FROM generate_series(1, 300) n;
INSERT INTO seats SELECT 1 + n % 60, 'place, ' || n FROM generate_series(1, 120) n;
INSERT INTO logs SELECT n, 1 + n % 60 FROM generate_series(1, 10) n;
ANALYZE";

/// Masks of every kind whose stored form differs from the written one, beside the e-mail address.
const PROFILE: &str = r#"
[sample]
root = "users"
[tables.logs]
rows = "none"
[tables.parts]
rows = "none"
[tables.far]
rows = "none"
[columns.users]
id = "keep"
email = { template = "user{id}@dev.example.com" }
name = "full_name"
code = { constant = "x" }
settings = { constant = "{\"a\":1}" }
balance = { constant = "5" }
[columns.posts]
id = "keep"
owner_id = "keep"
answers = "keep"
title = "keep"
contact = "keep"
[columns.seats]
owner_id = "keep"
place = "keep"
"#;

/// A sampled pair of databases.
struct Scene {
    home: Home,
    source: TestDb,
    target: TestDb,
    profile: tempfile::NamedTempFile,
}

impl Scene {
    fn new(extra: &str) -> Self {
        let scene = Self {
            home: Home::new(),
            source: support::source_database("verify"),
            target: support::target_database("verify"),
            profile: support::profile(&format!("{extra}{PROFILE}")),
        };
        scene.source.execute(SCHEMA);
        scene.sample();
        scene
    }

    fn sample(&self) {
        self.wait_for_others();
        let (from, to) = (self.source.url(), self.target.url());
        let arguments =
            ["sample", "--percent", "50", "--yes", "--from", &from, "--to", &to, "--profile", &self.profile_path()];
        self.home.tithe(&arguments).expect_code(0);
    }

    /// Until every transaction that was running when the source was filled has ended: other tests share the server,
    /// and a row written beside a running transaction counts as one that may have changed since the run.
    fn wait_for_others(&self) {
        let settled = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8 > max(xmin::text::int8) FROM posts";
        let begun = Instant::now();
        while self.source.query_one_text(settled) != "t" {
            assert!(begun.elapsed() < Duration::from_secs(60), "a transaction runs on and on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn profile_path(&self) -> String {
        self.profile.path().to_string_lossy().into_owned()
    }

    /// The checks of a verification, which must end with this code.
    #[track_caller]
    fn verify(&self, home: &Home, more: &[&str], code: i32) -> Vec<Value> {
        let to = self.target.url();
        let ran = home.tithe(&[&["verify", "--json", "--to", &to], more].concat()).expect_code(code);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        report["checks"].as_array().unwrap().clone()
    }
}

fn named(checks: &[Value], ok: &Value) -> BTreeSet<String> {
    checks.iter().filter(|check| check["ok"] == *ok).map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

fn detail(checks: &[Value], name: &str) -> String {
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    check["detail"].as_str().unwrap().to_owned()
}

#[test]
fn a_fresh_sample_holds_and_each_tampering_is_found() {
    let scene = Scene::new("");
    let from = scene.source.url();
    let with_source = ["--from", &*from];
    let checks = scene.verify(&scene.home, &with_source, 0);
    assert_eq!(named(&checks, &Value::Bool(true)).len(), 10, "{checks:?}");
    let taken = scene.target.query_one_text("SELECT 'person' || max(id) || '@home.example.org' FROM users");
    let cases = [
        (
            "CREATE SCHEMA aside; CREATE TABLE aside.seats AS SELECT * FROM seats LIMIT 1;
             DELETE FROM seats s USING aside.seats a WHERE s.owner_id = a.owner_id AND s.place = a.place",
            "INSERT INTO seats SELECT * FROM aside.seats; DROP SCHEMA aside CASCADE",
            &["row counts", "checksums"][..],
        ),
        (
            "UPDATE posts SET title = title || '!' WHERE id = (SELECT min(id) FROM posts)",
            "UPDATE posts SET title = rtrim(title, '!') WHERE id = (SELECT min(id) FROM posts)",
            &["checksums", "kept columns"],
        ),
        (
            "UPDATE users SET name = name || '!' WHERE id = (SELECT min(id) FROM users)",
            "UPDATE users SET name = rtrim(name, '!') WHERE id = (SELECT min(id) FROM users)",
            &["checksums"],
        ),
        (
            "ALTER TABLE posts DROP CONSTRAINT posts_owner_id_fkey",
            "ALTER TABLE posts ADD CONSTRAINT posts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users",
            &["foreign keys", "schema objects"],
        ),
        (
            "ALTER TABLE posts DROP CONSTRAINT posts_owner_id_fkey;
             ALTER TABLE posts ADD CONSTRAINT posts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users NOT VALID",
            "ALTER TABLE posts VALIDATE CONSTRAINT posts_owner_id_fkey",
            &["foreign keys"],
        ),
        (
            "SET session_replication_role = replica; INSERT INTO seats VALUES (-1, 'nobody')",
            "DELETE FROM seats WHERE owner_id = -1",
            &["row counts", "checksums", "foreign keys"],
        ),
        ("SELECT setval('posts_id_seq', 1)", "SELECT setval('posts_id_seq', 1000)", &["sequences"]),
        ("ALTER TABLE posts DISABLE TRIGGER ALL", "ALTER TABLE posts ENABLE TRIGGER ALL", &["schema objects"]),
        ("ALTER TABLE logs RENAME id TO no", "ALTER TABLE logs RENAME no TO id", &["checksums"]),
        ("ALTER TABLE seats RENAME place TO spot", "ALTER TABLE seats RENAME spot TO place", &["checksums"]),
        ("ALTER TABLE seats DISABLE TRIGGER quiet", "ALTER TABLE seats ENABLE TRIGGER quiet", &["schema objects"]),
        (
            "ALTER TABLE seats DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE seats ENABLE ROW LEVEL SECURITY",
            &["schema objects"],
        ),
        ("ALTER VIEW titles RENAME TO headings", "ALTER VIEW headings RENAME TO titles", &["schema objects"]),
        ("DROP VIEW titles", "CREATE VIEW titles AS SELECT title FROM posts", &["schema objects"]),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'posts_title'::regclass",
            "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'posts_title'::regclass",
            &["schema objects", "indexes and statistics"],
        ),
        ("DELETE FROM pg_statistic WHERE starelid = 'posts'::regclass", "ANALYZE posts", &["indexes and statistics"]),
        (
            &format!("UPDATE posts SET contact = upper('{taken}') WHERE id = (SELECT min(id) FROM posts)"),
            "UPDATE posts SET contact = NULL",
            &["checksums", "kept columns", "leak check", "masked e-mail addresses"],
        ),
        // A name that the run never saw: its row was not chosen.
        (
            "UPDATE posts SET title = 'ask Person ' || (SELECT min(n) FROM generate_series(1, 60) n
                WHERE NOT EXISTS (SELECT FROM users WHERE id = n)) || '!', contact = title
             WHERE id = (SELECT min(id) FROM posts)",
            "UPDATE posts SET title = contact, contact = NULL WHERE contact IS NOT NULL",
            &["checksums", "kept columns", "leak check"],
        ),
    ];
    for (tamper, undo, expected) in cases {
        eprintln!("{tamper}");
        scene.target.execute(tamper);
        let checks = scene.verify(&scene.home, &with_source, 9);
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(named(&checks, &Value::Bool(false)), expected, "{tamper}: {checks:#?}");
        scene.target.execute(undo);
    }
    scene.verify(&scene.home, &with_source, 0);
    scene.verify(&scene.home, &[], 0);
}

#[test]
fn what_the_source_changed_since_is_counted_and_no_difference() {
    let scene = Scene::new("");
    let kept = scene.target.query_one_text("SELECT min(id) FROM posts");
    let gone = scene.target.query_one_text("SELECT max(owner_id) FROM seats");
    scene.source.execute(&format!("UPDATE posts SET title = 'new' WHERE id = {kept}"));
    scene.source.execute(&format!("DELETE FROM seats WHERE owner_id = {gone}"));
    scene.source.execute("CREATE VIEW newer AS SELECT 1 AS one; CREATE INDEX newer_still ON posts (owner_id)");
    let from = scene.source.url();
    let checks = scene.verify(&scene.home, &["--from", &from], 0);
    let told = detail(&checks, "kept columns");
    assert!(told.contains("1 row changed in the source since the run"), "{told}");
    assert!(told.contains("2 rows gone from it"), "{told}");
    assert!(detail(&checks, "schema objects").contains("the source has 2 more"), "{checks:?}");
}

#[test]
fn what_cannot_be_asked_is_not_said_to_hold() {
    let scene = Scene::new("");
    let from = scene.source.url();
    let possible = |checks: &[Value]| named(checks, &Value::Bool(true));
    let checks = scene.verify(&Home::new(), &[], 0);
    let expected = ["foreign keys", "indexes and statistics", "sequences"].map(str::to_owned);
    assert_eq!(possible(&checks), expected.into(), "{checks:?}");
    let checks = scene.verify(&Home::new(), &["--from", &from, "--profile", &scene.profile_path()], 0);
    assert!(possible(&checks).contains("masked e-mail addresses"), "{checks:?}");
    std::fs::write(scene.profile.path(), format!("# changed{PROFILE}")).unwrap();
    let checks = scene.verify(&scene.home, &["--from", &from], 0);
    assert!(detail(&checks, "kept columns").contains("has changed since"), "{checks:?}");
    let name = scene.target.name().to_owned();
    scene.target.execute(&format!("COMMENT ON DATABASE \"{name}\" IS 'mine'"));
    let checks = scene.verify(&scene.home, &[], 0);
    assert!(detail(&checks, "run report").contains("no run is named"), "{checks:?}");
    std::fs::write(scene.profile.path(), PROFILE).unwrap();
    scene.target.execute(
        "DROP TABLE seats; ALTER TABLE posts DROP COLUMN title CASCADE, DROP COLUMN contact;
         ALTER TABLE users DROP COLUMN email",
    );
    let checks = scene.verify(&Home::new(), &["--from", &from, "--profile", &scene.profile_path()], 9);
    assert!(!possible(&checks).contains("leak check"), "{checks:?}");
    let told = detail(&checks, "leak check");
    assert!(told.contains("no longer there: posts.contact, posts.title, seats.place, users.email"), "{told}");
    let missing = scene.target.url().replace(&name, "no_such_database");
    let ran = scene.home.tithe(&["verify", "--to", &missing]).expect_code(7);
    assert!(ran.stderr.contains("no_such_database"), "{}", ran.stderr);
}

#[test]
fn commands_after_the_load_may_change_rows() {
    let psql = r#"psql -X "$DATABASE_URL" -c "UPDATE posts SET title = 'rewritten'""#;
    let scene = Scene::new(&format!("[target]\nafter_load = ['''{psql}''']\n"));
    let from = scene.source.url();
    let checks = scene.verify(&scene.home, &["--from", &from], 0);
    assert!(detail(&checks, "checksums").contains("after_load"), "{checks:?}");
    assert_eq!(named(&checks, &Value::Null), ["checksums", "kept columns"].map(str::to_owned).into());
}

/// A database carries the id of the run that filled it, also when a later run or a rollback moved it.
#[test]
fn a_rolled_back_target_is_held_against_its_own_run() {
    let scene = Scene::new("");
    scene.source.execute("INSERT INTO seats SELECT id, 'late' FROM users");
    scene.sample();
    scene.verify(&scene.home, &[], 0);
    let to = scene.target.url();
    for _ in 0..2 {
        scene.home.tithe(&["rollback", "--yes", "--to", &to]).expect_code(0);
        scene.verify(&scene.home, &[], 0);
    }
}
