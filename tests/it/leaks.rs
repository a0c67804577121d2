//! The leak check: a value of a masked column, planted wherever something is kept, is found before the swap.

use serde_json::Value;

use crate::support::{self, Home, Ran, TestDb};

const SCHEMA: &str = r"
CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE TABLE users (id int PRIMARY KEY, email text, full_name text, phone text, address inet, device uuid,
                    aliases text[], profile jsonb, account bigint, city text);
CREATE TABLE posts (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users, title varchar(120), body text,
                    tags text[], meta jsonb, draft json, page xml, raw bytea, code char(60), origin inet,
                    pair mood DEFAULT 'calm', labels json, shout text GENERATED ALWAYS AS (upper(title)) STORED);
CREATE VIEW titles AS SELECT title FROM posts;
INSERT INTO users SELECT n, 'person' || n || '@home.example', 'Wilhelmina Kowalczyk' || chr(64 + n), '+49 170/12345' || 100 + n,
    ('203.10.113.' || n)::inet, ('0f8fad5b-d9cb-469f-a165-7086772895' || 10 + n)::uuid,
    ARRAY['crazy_cat_' || 100 + n, 'Nobody'], jsonb_build_object('deep', ARRAY['skype:person' || n]), 491239990000 + n,
    'Springfield'
    FROM generate_series(1, 20) n;
INSERT INTO posts (id, owner_id, title, body, tags, meta, draft, page, raw, code, origin, labels)
    SELECT n, 1 + n % 20, 'title ' || n, 'a few words on a nice day in Springfield, number ' || n, ARRAY['red', 'green'],
    '{}', '{}', '<p/>', '\x00ff', 'code', '10.0.0.1',
    json_build_object('by', 'crazy_cat_' || 100 + n % 20) FROM generate_series(1, 60) n;";

const PROFILE: &str = r#"
[sample]
root = "users"
percent = 100

[columns.users]
id = "keep"
email = { email = { host = "dev.example" } }
full_name = "full_name"
phone = "phone"
address = "ip"
device = "uuid"
aliases = "null"
profile = "empty_json"
account = "null"
city = "city"

[columns.posts]
id = "keep"
owner_id = "keep"
title = "keep"
body = "keep"
tags = "keep"
meta = "keep"
draft = "keep"
page = "keep"
raw = "keep"
code = "keep"
origin = "keep"
pair = "keep"
labels = { json = { default = "username" } }
"#;

struct Scene {
    source: TestDb,
    target: TestDb,
    home: Home,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            source: support::source_database("leaks"),
            target: support::target_database("leaks"),
            home: Home::new(),
        };
        scene.source.execute(SCHEMA);
        scene.target.execute("CREATE TABLE old AS SELECT 'old content' AS text");
        scene
    }

    fn run(&self, command: &str, extra: &str) -> Ran {
        self.run_with(command, &format!("{PROFILE}{extra}"))
    }

    fn run_with(&self, command: &str, profile: &str) -> Ran {
        let (from, to) = (self.source.url(), self.target.url());
        let profile = support::profile(profile);
        let path = profile.path().to_string_lossy().into_owned();
        let mut arguments = vec![command, "--from", &from, "--to", &to, "--profile", &path, "--json"];
        if command == "sample" {
            arguments.push("--yes");
        }
        self.home.tithe(&arguments)
    }

    /// The report of a run that must end well.
    #[track_caller]
    fn sample(&self, extra: &str) -> Value {
        serde_json::from_str(&self.run("sample", extra).expect_code(0).stdout).unwrap()
    }
}

/// Findings of a report: place, action, values, times, words.
fn findings(report: &Value) -> Vec<(String, String, u64, u64, u64)> {
    let number = |finding: &Value, key: &str| finding[key].as_u64().unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let list = report["leaks"]["findings"].as_array().unwrap();
    list.iter()
        .map(|f| (text(f, "place"), text(f, "action"), number(f, "values"), number(f, "times"), number(f, "words")))
        .collect()
}

fn leak_check(report: &Value) -> &Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "leak check").unwrap()
}

/// What the report says of these columns.
#[track_caller]
fn assert_searched(report: &Value, table: &str, expected: &[&str]) {
    let table = report["tables"].as_array().unwrap().iter().find(|found| found["table"] == table).unwrap();
    for told in expected {
        let (name, says) = told.split_once(' ').unwrap();
        let column = table["columns"].as_array().unwrap().iter().find(|column| column["column"] == name);
        assert_eq!(column.unwrap()["leak_check"], says, "{name}: {table:#}");
    }
}

/// Each case: what is planted, how it is undone, and the place that is named. Nothing is swapped in, no value shown.
#[test]
fn a_secret_in_any_place_that_is_kept_ends_the_run() {
    let scene = Scene::new();
    let report = scene.sample("");
    assert_eq!(findings(&report), [], "{:#}", report["leaks"]);
    assert!(report["leaks"]["values"].as_u64().unwrap() >= 140, "{:#}", report["leaks"]);
    assert!(report["leaks"]["memory_bytes"].as_u64().unwrap() <= 64 << 20);
    assert_eq!(leak_check(&report)["ok"], true);
    assert_searched(&report, "users", &["id no-text", "email looked-for", "profile looked-for"]);
    assert_searched(
        &report,
        "posts",
        &["owner_id no-text", "title searched", "pair no-text", "shout searched", "labels keys-searched"],
    );
    let set = |column: &str, text: &str| format!("UPDATE posts SET {column} = {text} WHERE id = 7");
    let cases = [
        (set("title", "'by Person3@Home.example'"), set("title", "'t'"), "posts.title"),
        (set("title", "'call 0049 or +49-170-12345-103'"), set("title", "'t'"), "posts.title"),
        (set("title", "'WILHELMINA kowalczykC was here'"), set("title", "'t'"), "posts.title"),
        (set("title", "'from 203.10.113.3'"), set("title", "'t'"), "posts.title"),
        (set("title", "'491239990003'"), set("title", "'t'"), "posts.title"),
        (set("title", "'ask crazy_cat_103'"), set("title", "'t'"), "posts.title"),
        (set("title", "'skype person3'"), set("title", "'t'"), "posts.title"),
        (set("title", "'https://x.example/?e=person3%40home.example'"), set("title", "'t'"), "posts.title"),
        (set("title", r#"'INFO {"t":"\nperson3@home.example"}'"#), set("title", "'t'"), "posts.title"),
        (set("code", "'0F8FAD5Bd9cb469fa165708677289513'"), set("code", "'c'"), "posts.code"),
        (set("tags", "ARRAY['red', 'a \"b\" person3@home.example']"), set("tags", "'{red}'"), "posts.tags"),
        (
            set("meta", r#"'{"a":{"b":{"c":{"d":{"e":["x\tperson3@home.example"]}}}}}'"#),
            set("meta", "'{}'"),
            "posts.meta",
        ),
        (set("draft", r#"'{"a": "\u0070erson3@home.example"}'"#), set("draft", "'{}'"), "posts.draft"),
        (set("labels", r#"'{"a": {"person3@home.example": 1}}'"#), set("labels", "'{}'"), "posts.labels"),
        (set("page", r#"'<p mail="person3@home.example"/>'"#), set("page", "'<p/>'"), "posts.page"),
        (set("raw", r"'\xff00'::bytea || 'person3@home.example'::bytea"), set("raw", "'c'"), "posts.raw"),
        (set("origin", "'203.10.113.3'"), set("origin", "'10.0.0.1'"), "posts.origin"),
        (
            "ALTER TABLE posts ALTER title SET DEFAULT 'person3@home.example'".to_owned(),
            "ALTER TABLE posts ALTER title DROP DEFAULT".to_owned(),
            "posts",
        ),
        (
            "CREATE OR REPLACE VIEW titles AS SELECT title FROM posts WHERE title <> 'person3@home.example'".to_owned(),
            "CREATE OR REPLACE VIEW titles AS SELECT title FROM posts".to_owned(),
            "view titles",
        ),
        (
            "ALTER TYPE mood RENAME VALUE 'busy' TO 'person3@home.example'".to_owned(),
            "ALTER TYPE mood RENAME VALUE 'person3@home.example' TO 'busy'".to_owned(),
            "type mood",
        ),
        (
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''person3@home.example'''".to_owned(),
            "DROP FUNCTION f()".to_owned(),
            "function f()",
        ),
        (
            "ALTER TABLE posts ADD CHECK (title <> 'person3@home.example')".to_owned(),
            "ALTER TABLE posts DROP CONSTRAINT posts_title_check".to_owned(),
            "posts",
        ),
        (
            "CREATE INDEX secret_index ON posts (id) WHERE title = 'person3@home.example'".to_owned(),
            "DROP INDEX secret_index".to_owned(),
            "index secret_index",
        ),
    ];
    for (plant, undo, place) in cases {
        scene.source.execute(&plant);
        let ran = scene.run("sample", "");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 9, "{plant}: {said}");
        assert!(said.contains("leak check") && said.contains(place), "{plant}: {said}");
        for value in ["person3", "Person3", "170", "crazy", "203.10", "0003", "owalczyk", "9513"] {
            assert!(!said.contains(value), "{value} is shown: {said}");
        }
        assert_nothing_staged(&scene.target);
        scene.source.execute(&undo);
    }
    assert_eq!(findings(&scene.sample("")), []);
}

/// What the check refused is not left for somebody to look into.
#[track_caller]
fn assert_nothing_staged(target: &TestDb) {
    let next = format!("SELECT count(*) FROM pg_database WHERE datname = '{}__next'", target.name());
    assert_eq!(target.query_one_text(&next), "0", "the staging database is left");
}

/// Rules that leave a part of a value, or some values: what they leave is looked through, what they take out is looked for.
#[test]
fn columns_that_are_masked_in_part_are_looked_through() {
    let scene = Scene::new();
    let with = |column: &str, rule: &str| {
        let kept = format!("\n{column} = \"keep\"\n");
        assert!(PROFILE.contains(&kept), "{column}");
        PROFILE.replace(&kept, &format!("\n{column} = {rule}\n"))
    };
    let meta = r#"{ json = { paths = { "by" = "email" }, default = "keep" } }"#;
    let cases = [
        ("meta", meta, r#"'{"by": "a@home.example", "note": "ask person3@home.example"}'"#, "posts.meta"),
        ("body", "\"redact\"", "'it was, I think, crazy_cat_103 who said that and nobody else'", "posts.body"),
        ("title", "{ null = true, when = \"t.id > 30\" }", "'by person3@home.example'", "posts.title"),
        ("code", "{ sql = \"code\" }", "'at person3@home.example'", "posts.code"),
    ];
    for (column, rule, planted, place) in cases {
        let profile = with(column, rule);
        let strict = format!("{profile}[leaks]\nprose = \"fail\"\n");
        scene.run_with("sample", &strict).expect_code(0);
        scene.source.execute(&format!("UPDATE posts SET {column} = {planted} WHERE id = 7"));
        let ran = scene.run_with("sample", &strict).expect_code(9);
        assert!(ran.stderr.contains(place), "{column}: {}", ran.stderr);
        let back = if column == "meta" { "'{}'" } else { "'as it was'" };
        scene.source.execute(&format!("UPDATE posts SET {column} = {back} WHERE id = 7"));
    }
    // What these rules take out is a secret everywhere else; what a condition exempts is none.
    let taken = [
        (with("meta", meta), "meta", r#"'{"by": "zoe@else.example"}'"#, "zoe@else.example", 9),
        (with("code", "{ sql = \"'new'\" }"), "code", "'zoe_code_77'", "zoe_code_77", 9),
        (with("code", "{ hash = {}, when = \"t.id > 30\" }"), "code", "'zoe_code_77'", "zoe_code_77", 0),
    ];
    for (profile, column, planted, value, code) in taken {
        scene.source.execute(&format!(
            "UPDATE posts SET {column} = {planted} WHERE id = 7; UPDATE posts SET title = 'of {value}' WHERE id = 8"
        ));
        let ran = scene.run_with("sample", &profile).expect_code(code);
        assert!(code == 0 || ran.stderr.contains("posts.title"), "{value}: {}", ran.stderr);
        let back = if column == "meta" { "'{}'" } else { "'as it was'" };
        scene.source.execute(&format!("UPDATE posts SET {column} = {back}, title = 'none' WHERE id IN (7, 8)"));
    }
    let report: Value =
        serde_json::from_str(&scene.run_with("sample", &with("code", "{ sql = \"'new'\" }")).expect_code(0).stdout)
            .unwrap();
    let tables = report["evidence"].to_string() + &report["tables"].to_string();
    assert!(tables.contains("\"unchanged\":0"), "what the source computed is compared with what it was: {tables}");
}

#[test]
fn running_text_comments_and_generated_columns_only_warn() {
    let scene = Scene::new();
    scene.source.execute(
        "UPDATE posts SET body = body || ', greetings from person3@home.example and person4@home.example' WHERE id < 6;
         COMMENT ON TABLE posts IS 'ask person5@home.example';
         UPDATE posts SET title = 'by person3@home.example' WHERE id = 7",
    );
    let report = scene.sample("[leaks.columns]\n\"posts.title\" = \"allow\"\n");
    let found = findings(&report);
    let named = |place: &str| found.iter().find(|f| f.0 == place).unwrap_or_else(|| panic!("{place}: {found:?}"));
    assert_eq!(named("posts.body"), &("posts.body".to_owned(), "warn".to_owned(), 2, 10, 0));
    assert_eq!(named("posts.shout"), &("posts.shout".to_owned(), "warn".to_owned(), 1, 1, 0));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        report["notes"].to_string().contains("posts.body holds 2 values of masked columns, 10 times"),
        "{}",
        report["notes"]
    );
    // One value in twenty that is nothing but a masked one: a copy, not running text.
    scene.source.execute("UPDATE posts SET body = 'Wilhelmina of the Kowalczyks' WHERE id > 50");
    scene.sample("[leaks.columns]\n\"posts.title\" = \"allow\"\n");
    scene.source.execute("UPDATE users SET full_name = 'Wilhelmina of the Kowalczyks' WHERE id = 1");
    let ran = scene.run("sample", "[leaks.columns]\n\"posts.title\" = \"allow\"\n");
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    scene.source.execute("UPDATE posts SET body = 'so it goes, on and on and on' WHERE id > 50");
    let ran = scene.run("sample", "[leaks]\nprose = \"fail\"\n[leaks.columns]\n\"posts.title\" = \"warn\"\n");
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert!(ran.stderr.contains("posts.body (2 values, 10 times)"), "{}", ran.stderr);
}

#[test]
fn scrubbed_columns_keep_their_length_and_everything_else() {
    let scene = Scene::new();
    scene.source.execute(
        r#"UPDATE posts SET body = 'Ask Person3@home.example, not her!' WHERE id = 1;
           UPDATE posts SET title = 'of person4@home.example' WHERE id = 2;
           UPDATE posts SET title = '?e=person4%40home.example' WHERE id = 5;
           UPDATE posts SET meta = '{"by": "person5@home.example\n", "call": 491239990003, "n": 1}' WHERE id = 3"#,
    );
    let rules =
        "[leaks]\nprose = \"scrub\"\n[leaks.columns]\n\"posts.title\" = \"scrub\"\n\"posts.meta\" = \"scrub\"\n";
    let report = scene.sample(rules);
    let actions: Vec<_> = findings(&report).into_iter().map(|found| (found.0, found.1)).collect();
    let scrubbed = |place: &str| (place.to_owned(), "scrub".to_owned());
    let warned = ("posts.shout".to_owned(), "warn".to_owned());
    assert_eq!(actions, [scrubbed("posts.body"), scrubbed("posts.meta"), warned, scrubbed("posts.title")]);
    let text = |sql: &str| scene.target.query_one_text(sql);
    assert_eq!(text("SELECT body FROM posts WHERE id = 1"), "Ask xxxxxx9@xxxx.xxxxxxx, not her!");
    assert_eq!(
        text("SELECT title || '|' || shout FROM posts WHERE id = 2"),
        "of xxxxxx9@xxxx.xxxxxxx|OF XXXXXX9@XXXX.XXXXXXX"
    );
    assert_eq!(text("SELECT meta->>'by' FROM posts WHERE id = 3"), "xxxxxx9@xxxx.xxxxxxx\n");
    assert_eq!(text("SELECT meta->>'call' || (meta->>'n') FROM posts WHERE id = 3"), "9999999999991");
    assert_eq!(text("SELECT title FROM posts WHERE id = 5"), "?e=xxxxxx9%40xxxx.xxxxxxx");
    assert_eq!(text("SELECT count(*) FROM posts"), "60");
    // Neither what the planner knows of a column nor the rows' old versions may hold it.
    let known = "SELECT count(*) FROM pg_stats WHERE tablename = 'posts'
        AND concat(most_common_vals::text, histogram_bounds::text, most_common_elems::text) ILIKE '%person4_home%'";
    assert_eq!(text(known), "0");
    assert_eq!(text("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'posts' AND attname = 'title'"), "t");
    assert_eq!(text("SELECT pg_relation_size('posts') <= 8192 * 3"), "t");
    let to = scene.target.url();
    let from = scene.source.url();
    let profile = support::profile(&format!("{PROFILE}{rules}"));
    let path = profile.path().to_string_lossy().into_owned();
    scene.home.tithe(&["verify", "--from", &from, "--to", &to, "--profile", &path]).expect_code(0);
    scene
        .source
        .execute(r#"UPDATE posts SET meta = '{"person3@home.example": 1, "person4@home.example": 2}' WHERE id = 3"#);
    let ran = scene.run("sample", rules).expect_code(9);
    assert!(ran.stderr.contains("posts.meta") && ran.stderr.contains("would become one"), "{}", ran.stderr);
}

#[test]
fn values_and_columns_that_the_profile_allows_are_no_findings() {
    let scene = Scene::new();
    scene.source.execute("UPDATE posts SET title = 'by person3@home.example' WHERE id = 7");
    for rules in [
        "[leaks]\nallow = [\"Person3@home.example\"]\n",
        "[leaks]\nallow = \"@home.example\"\n",
        "[leaks.columns]\n\"users.email\" = \"allow\"\n",
        "[leaks]\ndefault = \"warn\"\n",
    ] {
        scene.sample(rules);
    }
    let off = scene.sample("[leaks]\ndefault = \"allow\"\nprose = \"allow\"\ndefinitions = \"allow\"\n");
    assert_eq!(leak_check(&off)["ok"], Value::Null, "what is switched off proves nothing");
    assert_searched(&off, "posts", &["title off", "id off"]);
    // What a kept column holds on purpose is no secret elsewhere either.
    scene
        .source
        .execute("UPDATE posts SET title = 'person3@home.example', code = 'at person3@home.example' WHERE id = 7");
    let allowed = scene.sample("[leaks.columns]\n\"posts.title\" = \"allow\"\n");
    assert_searched(&allowed, "posts", &["title allowed", "body searched"]);
    scene.source.execute("UPDATE posts SET code = 'person4@home.example' WHERE id = 8");
    let ran = scene.run("sample", "[leaks.columns]\n\"posts.title\" = \"allow\"\n");
    assert!(ran.code == 9 && ran.stderr.contains("posts.code"), "{}", ran.stderr);
    scene.source.execute("UPDATE posts SET code = 'code'");
    for (rules, words) in [
        ("[leaks.columns]\n\"posts.titel\" = \"warn\"\n", "did you mean \"title\"?"),
        ("[leaks.columns]\n\"post.title\" = \"warn\"\n", "did you mean \"posts\"?"),
        ("[leaks.columns]\n\"posts.raw\" = \"scrub\"\n", "cannot be scrubbed"),
        ("[leaks.columns]\n\"posts.title\" = \"ignore\"\n", "leaks.columns"),
        ("[leaks]\ndefinitions = \"scrub\"\n", "leaks.definitions"),
    ] {
        let ran = scene.run("sample", rules);
        assert_eq!(ran.code, 4, "{rules}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{rules}: {}", ran.stderr);
    }
}

/// In partitions, too, and where rows come as support rows under a rule of their own. One server is source and target:
/// the run cleans up there as well.
#[test]
fn partitions_are_looked_through_and_support_rows_have_their_own_secrets() {
    let (source, target, home) = (support::source_database("leaks"), support::source_database("leaks"), Home::new());
    source.execute(
        "CREATE TABLE users (id int PRIMARY KEY, handle text);
         CREATE TABLE posts (id int, owner_id int NOT NULL REFERENCES users, said varchar(80), PRIMARY KEY (id, owner_id))
             PARTITION BY RANGE (id);
         CREATE TABLE posts_1 PARTITION OF posts FOR VALUES FROM (0) TO (100);
         CREATE TABLE posts_2 PARTITION OF posts FOR VALUES FROM (100) TO (1000);
         CREATE TABLE answers (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users, by_id int REFERENCES users);
         INSERT INTO users SELECT n, 'handle_' || 1000 + n FROM generate_series(1, 10) n;
         INSERT INTO posts SELECT n, 1 + n % 10, 'x' FROM generate_series(1, 200) n;
         INSERT INTO answers SELECT n, 1, 2 FROM generate_series(1, 5) n;",
    );
    let rules = "[sample]\nroot = \"users\"\npercent = 0.0001\nalways = \"id = 1\"\n[tables.answers]\npull = [\"by_id\"]\n\
        [columns.users]\nid = \"keep\"\nhandle = { keep = true, support = \"username\" }\n\
        [columns.posts]\nid = \"keep\"\nowner_id = \"keep\"\nsaid = \"keep\"\n\
        [columns.answers]\nid = \"keep\"\nowner_id = \"keep\"\nby_id = \"keep\"\n";
    let profile = support::profile(rules);
    let sample = || {
        let (from, to, path) = (source.url(), target.url(), profile.path().to_string_lossy().into_owned());
        home.tithe(&["sample", "--yes", "--from", &from, "--to", &to, "--profile", &path])
    };
    source.execute("UPDATE posts SET said = 'I am handle_1001' WHERE id = 150 AND owner_id = 1");
    sample().expect_code(0);
    source.execute("UPDATE posts SET said = 'I like handle_1002' WHERE id = 150 AND owner_id = 1");
    let ran = sample().expect_code(9);
    assert!(ran.stderr.contains("posts.said (1 value, 1 time)"), "{}", ran.stderr);
    assert_nothing_staged(&target);
}
