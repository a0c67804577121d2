//! `tithe explain`: each role a row can have, each reason to be left out, and keys that name no row.

use serde_json::Value;

use crate::support::{self, TestDb};

/// User 1 is the only root row that is drawn, 2 may never leave, 3 comes because of comment 100.
const SCHEMA: &str = r"
CREATE TABLE countries (code char(2) PRIMARY KEY);
CREATE TABLE users (id int PRIMARY KEY, country char(2) NOT NULL REFERENCES countries);
CREATE TABLE posts (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users, draft bool NOT NULL DEFAULT false);
CREATE TABLE comments (id int PRIMARY KEY, post_id int NOT NULL REFERENCES posts, author_id int NOT NULL REFERENCES users,
                       parent_id int REFERENCES comments);
CREATE TABLE seats (user_id int NOT NULL REFERENCES users, place text, until date, PRIMARY KEY (user_id, place, until));
CREATE TABLE secrets (id int PRIMARY KEY);
CREATE TABLE lists (id int PRIMARY KEY);
CREATE TABLE keyless (user_id int NOT NULL REFERENCES users);
INSERT INTO countries VALUES ('aa'), ('bb'), ('cc');
INSERT INTO users VALUES (1, 'aa'), (2, 'cc'), (3, 'bb');
INSERT INTO posts VALUES (10, 1, false), (11, 3, false), (12, 1, true);
INSERT INTO comments VALUES (100, 10, 3, NULL), (101, 11, 1, NULL), (102, 10, 1, 100);
INSERT INTO seats VALUES (1, 'it''s', '2026-01-01'), (3, 'b', '2026-01-01');
INSERT INTO secrets VALUES (1);
INSERT INTO lists VALUES (7)";

const PROFILE: &str = r#"
[sample]
root = "users"
always = "id = 1"
never = "id = 2"
[tables.countries]
rows = "referenced"
[tables.posts]
where = "NOT draft"
[tables.comments]
follow = ["post_id"]
pull = ["author_id"]
[tables.secrets]
rows = "none"
[tables.lists]
rows = "all"
[columns.countries]
code = "keep"
[columns.users]
id = "keep"
country = "keep"
[columns.posts]
id = "keep"
owner_id = "keep"
draft = "keep"
[columns.comments]
id = "keep"
post_id = "keep"
author_id = "keep"
parent_id = "keep"
[columns.seats]
user_id = "keep"
place = "keep"
until = "keep"
[columns.lists]
id = "keep"
[columns.keyless]
user_id = "keep"
"#;

/// So few that nobody is drawn by hash.
const PERCENT: &str = "0.000001";

fn explain(source: &TestDb, profile: &str, table: &str, key: &str, more: &[&str]) -> Vec<String> {
    let from = source.url();
    let mut arguments = vec!["explain", "--from", &from, "--profile", profile, "--percent", PERCENT, table, key];
    arguments.extend(more);
    arguments.into_iter().map(str::to_owned).collect()
}

#[track_caller]
fn told(source: &TestDb, profile: &str, table: &str, key: &str) -> Value {
    let arguments = explain(source, profile, table, key, &["--json"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = support::tithe(&arguments).expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// `comments 100 -> posts 10 follow post_id`, and so on.
fn shown(told: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps: Vec<String> = told["chain"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let row = format!("{} {}", text(&step["table"]), text(&step["key"]));
            match &step["mode"] {
                Value::Null => row,
                mode => format!("{row} {} {}", text(mode), text(&step["reference"])),
            }
        })
        .collect();
    format!("{}: {}: {}", text(&told["role"]), steps.join(" > "), text(&told["reason"]))
}

#[test]
fn every_role_and_every_reason() {
    let source = support::source_database("explain");
    source.execute(SCHEMA);
    let file = support::profile(PROFILE);
    let profile = file.path().to_string_lossy().into_owned();
    let up = "posts 10 follow post_id > users 1 within owner_id: drawn by sample.always";
    let cases = [
        ("users", "1", "root: users 1: drawn by sample.always".to_owned()),
        ("posts", "10", "member: posts 10 > users 1 within owner_id: drawn by sample.always".to_owned()),
        ("comments", "100", format!("member: comments 100 > {up}")),
        ("comments", "102", format!("member: comments 102 > {up}")),
        ("lists", "7", "member: lists 7: lists is copied whole".to_owned()),
        (
            "seats",
            "1, it's, 2026-01-01",
            "member: seats 1,it's,2026-01-01 > users 1 within user_id: drawn by sample.always".to_owned(),
        ),
        ("users", "3", format!("support: users 3 > comments 100 pull author_id > {up}")),
        (
            "countries",
            "bb",
            format!("support: countries bb > users 3 pull country > comments 100 pull author_id > {up}"),
        ),
        ("countries", "aa", "support: countries aa > users 1 pull country: drawn by sample.always".to_owned()),
        (
            "countries",
            "cc",
            "none: countries cc: of countries come only rows that chosen rows refer to; and no chosen row pulls it"
                .to_owned(),
        ),
        ("users", "2", "none: users 2: barred by sample.never; and no chosen row pulls it".to_owned()),
        (
            "comments",
            "101",
            format!(
                "none: comments 101 > posts 11 follow post_id > users 3 within owner_id: \
                 not drawn: its hash is not among the {PERCENT} % lowest"
            ),
        ),
        ("posts", "12", "none: posts 12: the `where` of posts does not hold for it".to_owned()),
        ("secrets", "1", "none: secrets 1: secrets brings no rows (rows = \"none\")".to_owned()),
    ];
    for (table, key, expected) in cases {
        let told = told(&source, &profile, table, key);
        assert_eq!(shown(&told), expected, "{told:#}");
        assert_eq!(told["chosen"], Value::Bool(!expected.starts_with("none")), "{told:#}");
    }
}

#[test]
fn what_names_no_row_is_a_usage_error() {
    let source = support::source_database("explain");
    source.execute(SCHEMA);
    let file = support::profile(PROFILE);
    let profile = file.path().to_string_lossy().into_owned();
    let cases = [
        ("user", "1", "did you mean \"users\"?"),
        ("users", "9", "users has no row with the key 9"),
        ("users", "x", "no value of its type (integer)"),
        ("users", "1' OR '1'='1", "no value of its type (integer)"),
        ("seats", "1", "the key of seats is (user_id, place, until)"),
        ("keyless", "1", "keyless has no key"),
    ];
    for (table, key, expected) in cases {
        let arguments = explain(&source, &profile, table, key, &[]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = support::tithe(&arguments).expect_code(2);
        assert!(ran.stderr.contains(expected), "{table} {key}: {}", ran.stderr);
    }
    let arguments = explain(&source, &profile, "comments", "100", &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = support::tithe(&arguments).expect_code(0).stdout;
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("-> posts 10  follow post_id"), "{text}");
}

#[test]
fn rows_pulled_by_an_array_of_texts() {
    let source = support::source_database("explain");
    source.execute(
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE tags (code text PRIMARY KEY);
         CREATE TABLE posts (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users, tags text[]);
         INSERT INTO users VALUES (1), (2);
         INSERT INTO tags VALUES ('it''s \\ \"x\", {y}'), ('blue'), ('grey');
         INSERT INTO posts VALUES (10, 1, ARRAY['it''s \\ \"x\", {y}', NULL, 'gone']), (11, 2, '{blue}'), (12, 1, '{}')",
    );
    let profile = support::profile(
        r#"
        [sample]
        root = "users"
        always = "id = 1"
        [[references]]
        name = "tags"
        table = "posts"
        columns = ["tags"]
        parent = "tags"
        parent_columns = ["code"]
        array = true
        [tables.tags]
        rows = "referenced"
        [tables.posts]
        pull = ["tags"]
        [columns.users]
        id = "keep"
        [columns.tags]
        code = "keep"
        [columns.posts]
        id = "keep"
        owner_id = "keep"
        tags = "keep"
        "#,
    );
    let profile = profile.path().to_string_lossy().into_owned();
    let odd = "it's \\ \"x\", {y}";
    let up = "users 1 within owner_id: drawn by sample.always";
    let only = "of tags come only rows that chosen rows refer to; and no chosen row pulls it";
    for (table, key, expected) in [
        ("posts", "10", format!("member: posts 10 > {up}")),
        ("posts", "12", format!("member: posts 12 > {up}")),
        ("tags", odd, format!("support: tags {odd} > posts 10 pull tags > {up}")),
        ("tags", "blue", format!("none: tags blue: {only}")),
        ("tags", "grey", format!("none: tags grey: {only}")),
    ] {
        assert_eq!(shown(&told(&source, &profile, table, key)), expected);
    }
}
