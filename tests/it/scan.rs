//! Planted values of every kind, in every place, on a real server: `profile scan` and `init` find them and print none.

use serde_json::Value;

use crate::support::{self, Home, TestDb};

/// Kind, and an SQL text over `n` that makes a value of it.
const PLANTED: &[(&str, &str)] = &[
    ("email", "'planted.' || n || '@mail.example.org'"),
    ("phone", "'+49 30 9018277' || lpad(n::text, 2, '0')"),
    ("full_name", "(ARRAY['Anna Schmidt', 'Peter Garcia', 'Laura Martin', 'Thomas Weber'])[1 + n % 4]"),
    ("first_name", "(ARRAY['Anna', 'Peter', 'Laura', 'Thomas'])[1 + n % 4]"),
    ("last_name", "(ARRAY['Schmidt', 'Garcia', 'Weber', 'Silva'])[1 + n % 4]"),
    ("address", "'Gartenstraße ' || n"),
    ("city", "(ARRAY['Berlin', 'Madrid', 'Toulouse', 'Porto'])[1 + n % 4]"),
    ("postal_code", "'SW1A 1A' || chr(65 + n % 20)"),
    ("ip", "'203.0.113.' || (100 + n)"),
    ("mac", "'00:1b:44:11:3a:' || lpad(to_hex(n), 2, '0')"),
    ("url_credentials", "'postgres://app:planted' || n || '@db.example.org/x'"),
    ("iban", "'DE89370400440532013000'"),
    ("card", "'4111 1111 1111 1111'"),
    ("national_id", "'12345678Z'"),
    ("geo", "'52.5200' || n || ',13.40500'"),
    ("user_agent", "'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/11' || n"),
    ("token", "encode(sha256(n::text::bytea), 'base64')"),
    ("digest", "md5(n::text)"),
    ("password_hash", "'$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW'"),
    ("key", "'AKIA' || 'IOSFODNN7EXAMPLE'"),
    ("cookie", "'sessionid=planted' || n || '; HttpOnly'"),
    ("username", "'@planted' || n"),
];

/// Kinds that are told in prose and documents, where one word alone is no sign.
const WITHIN: &[&str] = &[
    "email",
    "phone",
    "full_name",
    "address",
    "ip",
    "mac",
    "url_credentials",
    "iban",
    "card",
    "national_id",
    "user_agent",
    "token",
    "password_hash",
    "key",
];

/// What no output may hold.
const VALUES: &[&str] = &[
    "planted",
    "9018277",
    "Schmidt",
    "Garcia",
    "Gartenstra",
    "Toulouse",
    "203.0.113",
    "00:1b:44",
    "DE8937",
    "4111 1111",
    "12345678Z",
    "13.40500",
    "Firefox",
    "EixZaYVK",
    "IOSFODNN7",
    "SW1A",
];

const ROWS: u32 = 40;

fn source() -> TestDb {
    let source = support::source_database("scan");
    let list =
        |type_name: &str| PLANTED.iter().enumerate().map(|(at, _)| format!(", c{at} {type_name}")).collect::<String>();
    let values =
        |wrap: fn(&str) -> String| PLANTED.iter().map(|(_, sql)| format!(", {}", wrap(sql))).collect::<String>();
    let fill = |table: &str, type_name: &str, wrap: fn(&str) -> String| {
        source.execute(&format!(
            "CREATE TABLE {table} (id int PRIMARY KEY{}); \
             INSERT INTO {table} SELECT n{} FROM generate_series(1, {ROWS}) n",
            list(type_name),
            values(wrap)
        ));
    };
    fill("things", "text", str::to_owned);
    fill("lists", "text[]", |sql| format!("ARRAY['x', {sql}]"));
    fill("papers", "jsonb", |sql| {
        format!(
            "jsonb_build_object('a', jsonb_build_object('b', jsonb_build_object('c', jsonb_build_object('d', jsonb_build_object('e', {sql})))))"
        )
    });
    fill("letters", "text", |sql| format!("'it was said of ' || ({sql}) || ' that all is well'"));
    source.execute(
        "CREATE TYPE mood AS ENUM ('well', 'planted@mail.example.org');
         CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, date_of_birth date, last_login inet,
             lowered text GENERATED ALWAYS AS (lower(email)) STORED, note text DEFAULT 'ask planted@mail.example.org');
         INSERT INTO users SELECT n, 'planted' || n || '@mail.example.org', date '1950-01-01' + n * 365, '203.0.113.7'
             FROM generate_series(1, 40) n;
         COMMENT ON TABLE users IS 'written by planted@mail.example.org';
         COMMENT ON COLUMN users.note IS 'call +49 30 901827701';
         CREATE VIEW staff AS SELECT * FROM users WHERE email = 'planted@mail.example.org';
         CREATE FUNCTION boss() RETURNS text LANGUAGE sql AS $$ SELECT 'planted@mail.example.org' $$;
         CREATE DOMAIN contact AS text DEFAULT 'planted@mail.example.org';
         CREATE FUNCTION ask(who text DEFAULT 'planted@mail.example.org') RETURNS text LANGUAGE sql AS $$ SELECT who $$;
         CREATE INDEX of_mail ON users (id) WHERE email <> 'planted@mail.example.org';
         CREATE POLICY seen ON users USING (email <> 'planted@mail.example.org');
         CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
         CREATE TRIGGER told AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION nothing('planted@mail.example.org');
         CREATE RULE kept AS ON DELETE TO users WHERE OLD.email = 'planted@mail.example.org' DO INSTEAD NOTHING;
         CREATE TABLE shares (mail text) PARTITION BY LIST (mail);
         CREATE TABLE share PARTITION OF shares FOR VALUES IN ('planted@mail.example.org');
         CREATE TABLE colours (id int PRIMARY KEY, c1 text, c2 jsonb);
         INSERT INTO colours SELECT n, (ARRAY['red', 'blue'])[1 + n % 2], '{\"size\": 3}' FROM generate_series(1, 40) n;
         ANALYZE",
    );
    for (at, sql) in told_within() {
        source.execute(&format!(
            "DO $do$ DECLARE v text := (SELECT {sql} FROM (SELECT 7) AS x (n)); BEGIN
                 EXECUTE format('CREATE TABLE holds_{at} (a text DEFAULT %L)', 'it is ' || v || ' now');
                 EXECUTE format('COMMENT ON TABLE holds_{at} IS %L', 'said: ' || v);
                 EXECUTE format('CREATE VIEW sees_{at} AS SELECT a FROM holds_{at} WHERE a = %L', v);
                 IF length(v) < 64 THEN EXECUTE format('CREATE TYPE label_{at} AS ENUM (%L)', v); END IF;
             END $do$"
        ));
    }
    let long = "SELECT 1; ".repeat(1000);
    source.execute(&format!(
        "CREATE FUNCTION late() RETURNS text LANGUAGE sql AS $$ {long} SELECT 'planted@mail.example.org' $$"
    ));
    if support::oldest_version() >= 14 {
        source.execute(
            "CREATE FUNCTION atomic() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 'planted@mail.example.org'::text; END",
        );
    }
    source
}

/// Planted kinds that stand in texts of the schema, too, by number.
fn told_within() -> impl Iterator<Item = (usize, &'static str)> {
    PLANTED.iter().enumerate().filter(|(_, (kind, _))| WITHIN.contains(kind)).map(|(at, (_, sql))| (at, *sql))
}

/// Everything kept.
fn profile_text() -> String {
    let mut text = "[sample]\nroot = \"users\"\npercent = 10\n".to_owned();
    text += "[tables.shares]\nrows = \"none\"\n";
    told_within().for_each(|(at, _)| text += &format!("[tables.holds_{at}]\nrows = \"none\"\n"));
    for table in ["things", "lists", "papers", "letters", "colours"] {
        text += &format!("[tables.{table}]\nrows = \"all\"\n[columns.{table}]\nid = \"keep\"\n");
        let columns = if table == "colours" { 1..3 } else { 0..PLANTED.len() };
        columns.for_each(|at| text += &format!("c{at} = \"keep\"\n"));
    }
    text + "[columns.users]\nid = \"keep\"\nemail = \"email\"\ndate_of_birth = \"undecided\"\nlast_login = \"keep\"\nnote = \"null\"\n"
}

#[track_caller]
fn assert_silent(output: &str) {
    for value in VALUES {
        assert!(!output.contains(value), "{value} in:\n{output}");
    }
}

#[test]
fn every_planted_kind_is_found_and_no_value_is_printed() {
    let (source, home) = (source(), Home::new());
    let (from, profile) = (source.url(), support::profile(&profile_text()));
    let path = profile.path().to_string_lossy().into_owned();
    let log = home.path().join("log").to_string_lossy().into_owned();
    let arguments = ["profile", "scan", "--from", &from, "--profile", &path];
    let ran = home.tithe(&[&arguments[..], &["--json", "--log", &log]].concat()).expect_code(4);
    assert_silent(&(ran.stdout.clone() + &ran.stderr + &std::fs::read_to_string(&log).unwrap()));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = |table: &str, column: &str| {
        report["findings"].as_array().unwrap().iter().find(|found| found["table"] == table && found["column"] == column)
    };
    let mut missed = Vec::new();
    for (at, (kind, _)) in PLANTED.iter().enumerate() {
        let column = format!("c{at}");
        if finding("things", &column).is_none_or(|found| found["kind"] != *kind || found["place"] != "whole") {
            missed.push(format!("{kind} in a column"));
        }
        for (table, place) in [("lists", "a list"), ("papers", "a document"), ("letters", "prose")] {
            let shown = finding(table, &column).is_some_and(|found| {
                found["place"] == "within"
                    && found["found"].as_array().unwrap().iter().any(|found| found["kind"] == *kind)
            });
            if WITHIN.contains(kind) && !shown {
                missed.push(format!("{kind} in {place}"));
            }
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}\n{}", ran.stdout);
    assert_eq!(finding("users", "date_of_birth").unwrap()["rule"], "undecided");
    assert_eq!(finding("users", "last_login").unwrap()["kind"], "ip");
    assert!(finding("users", "email").is_none() && finding("users", "note").is_none());
    assert!(
        finding("colours", "c1").is_none() && finding("colours", "c2").is_none() && finding("things", "id").is_none()
    );
    let places: Vec<&str> =
        report["schema_texts"].as_array().unwrap().iter().map(|text| text["place"].as_str().unwrap()).collect();
    for place in [
        "comment on table public.users",
        "comment on column note of table public.users",
        "default of public.users.note",
        "view public.staff",
        "function public.boss()",
        "label of type public.mood",
        "default of domain public.contact",
        "arguments of function public.ask(text)",
        "index public.of_mail",
        "policy seen on public.users",
        "trigger told on public.users",
        "rule kept on public.users",
        "partition public.share",
        "function public.late()",
        if support::oldest_version() >= 14 { "function public.atomic()" } else { "function public.boss()" },
    ] {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    let mut silent = Vec::new();
    for (at, _) in told_within() {
        let of_kind = [
            format!("default of public.holds_{at}.a"),
            format!("comment on table public.holds_{at}"),
            format!("view public.sees_{at}"),
            format!("label of type public.label_{at}"),
        ];
        // A label takes 63 bytes.
        let is_there = |place: &String| {
            let is_too_long = PLANTED[at].0 == "user_agent" && place.starts_with("label");
            is_too_long || places.contains(&place.as_str())
        };
        silent.extend(of_kind.into_iter().filter(|place| !is_there(place)));
    }
    assert!(silent.is_empty(), "not told: {silent:?}");
    let people = home.tithe(&arguments).expect_code(4);
    assert!(people.stdout.contains("things.c0: keep") && people.stdout.contains("40 of 40 values"), "{people:?}");
    assert_silent(&(people.stdout + &people.stderr));
}

#[test]
fn init_masks_or_leaves_open_whatever_was_planted() {
    let (source, home) = (source(), Home::new());
    let ran = home.tithe(&["init", "--from", &source.url(), "--root", "users"]).expect_code(0);
    assert_silent(&(ran.stdout.clone() + &ran.stderr));
    let mut table = String::new();
    let mut kept = Vec::new();
    for line in ran.stdout.lines() {
        if let Some(name) = line.strip_prefix("[columns.").and_then(|rest| rest.strip_suffix(']')) {
            table = name.to_owned();
        }
        if let Some((column, _)) = line.split_once(" = \"keep\"") {
            kept.push(format!("{table}.{column}"));
        }
    }
    assert_eq!(
        kept,
        ["colours.id", "colours.c1", "letters.id", "lists.id", "papers.id", "things.id", "users.id"],
        "{}",
        ran.stdout
    );
}

/// What is decided and masked, or allowed by name, ends with 0; a look reads no more than it says.
#[test]
fn a_scan_is_bounded_and_can_be_satisfied() {
    let source = support::source_database("scan");
    source.execute(
        "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, c1 text);
         INSERT INTO users SELECT n, n || '@mail.example.org',
             repeat('filler ', 20) || n || CASE WHEN n > 40000 THEN '@mail.example.org' ELSE '' END
             FROM generate_series(1, 60000) n",
    );
    source.execute("VACUUM (FREEZE, ANALYZE) users");
    let profile = support::profile(
        "[sample]\nroot = \"users\"\npercent = 10\n[columns.users]\nid = \"keep\"\nemail = \"email\"\nc1 = \"keep\"\n",
    );
    let (from, path, home) = (source.url(), profile.path().to_string_lossy().into_owned(), Home::new());
    let arguments = ["profile", "scan", "--from", &from, "--profile", &path, "--rows", "50", "--json"];
    source.execute("SELECT pg_stat_reset()");
    let ran = home.tithe(&arguments).expect_code(4);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    // The id, the address and the filler of fifty rows at most, which come from the whole table.
    let values = report["values"].as_u64().unwrap();
    assert!((90..=150).contains(&values), "{values} values");
    let idle = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        source.name()
    );
    while source.query_one_text(&idle) != "0" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let reads = source.query_one_text("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'users'");
    assert!(reads.parse::<u64>().unwrap() < 1000, "{reads} rows read");
    home.tithe(&[&arguments[..], &["--allow", "users.c1"]].concat()).expect_code(0);
    let masked = |email: &str, c1: &str| {
        support::profile(&format!(
            "[sample]\nroot = \"users\"\npercent = 10\n[columns.users]\nid = \"keep\"\nemail = {email}\nc1 = {c1}\n"
        ))
    };
    let scan = |profile: &tempfile::NamedTempFile, more: &[&str]| {
        let path = profile.path().to_string_lossy().into_owned();
        home.tithe(&[&["profile", "scan", "--from", &from, "--profile", &path][..], more].concat())
    };
    // Without a look at values a name still tells; `c1` tells nothing.
    let blind = scan(&masked("\"keep\"", "\"keep\""), &["--rows", "0"]).expect_code(4);
    assert!(blind.stdout.contains("users.email: keep") && !blind.stdout.contains("users.c1"), "{blind:?}");
    scan(&masked("\"email\"", "\"lorem\""), &[]).expect_code(0);
    // A name that leads nowhere accepts nothing.
    let misspelt = scan(&masked("\"keep\"", "\"keep\""), &["--allow", "users.emial"]).expect_code(2);
    assert!(misspelt.stderr.contains("did you mean users.email?"), "{misspelt:?}");
    scan(&masked("\"keep\"", "\"lorem\""), &["--allow", "public.users.email"]).expect_code(0);
    // Nothing was read before the name was looked for.
    let root = home.tithe(&["init", "--from", &from, "--root", "user"]).expect_code(2);
    assert!(root.stderr.contains("did you mean users?"), "{root:?}");
}

/// What is brought and was not looked at ends with 3, and is named.
#[test]
fn what_a_scan_could_not_read_is_no_success() {
    let source = support::source_database("scan");
    let role = format!("{}_reader", source.name());
    source.execute(&format!(
        "CREATE TABLE users (id int PRIMARY KEY, c1 jsonb, c2 jsonb, c3 text);
         INSERT INTO users SELECT n, '{{\"size\": 3}}', (SELECT jsonb_agg(md5(n::text || m)) FROM generate_series(1, 2000) m)
             FROM generate_series(1, 20) n;
         CREATE TABLE hidden (id int PRIMARY KEY, c1 text);
         CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}"
    ));
    let (home, from) = (Home::new(), support::as_role(&source, &role));
    let scan = |hidden: &str, c2: &str| {
        let profile = support::profile(&format!(
            "[sample]\nroot = \"users\"\npercent = 10\n[tables.hidden]\nrows = \"{hidden}\"\n[columns.hidden]\nc1 = \"keep\"\n\
             [columns.users]\nid = \"keep\"\nc1 = \"keep\"\nc2 = \"{c2}\"\nc3 = \"keep\"\n"
        ));
        let path = profile.path().to_string_lossy().into_owned();
        let ran = home.tithe(&["profile", "scan", "--json", "--from", &from, "--profile", &path]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let of = |unread: &Value| format!("{} {}", unread["table"], unread["column"]);
        let unread: Vec<String> = report["unread"].as_array().unwrap().iter().map(of).collect();
        assert_eq!(report["columns_without_values"], serde_json::json!(["users.c3"]));
        (ran.code, unread.join(", "))
    };
    assert_eq!(scan("all", "null"), (3, r#""hidden" null"#.to_owned()));
    assert_eq!(scan("none", "keep"), (3, r#""users" "c2""#.to_owned()));
    assert_eq!(scan("none", "null"), (0, String::new()));
}
