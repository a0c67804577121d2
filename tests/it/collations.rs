//! Keys under nondeterministic collations, and of types with several spellings: equal keys need not be equal bytes, and
//! still name one row.

use crate::closure::{DRAW, Setting};

/// Cases do not count.
const LOOSE: &str = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE users (id int PRIMARY KEY);
    INSERT INTO users SELECT generate_series(1, 6);";

/// Asked by list, and as sets too large for a list are.
const BOTH_FORMS: [&[&str]; 2] = [&[], &["--literal-keys-max", "0"]];

fn loose(rest: &str) -> String {
    format!("{LOOSE}\n{rest}")
}

fn everywhere(schema: &str, profile: &str, wanted: &[(&str, &str)]) {
    for more in BOTH_FORMS {
        Setting::new(schema, profile).brings_with(more, wanted);
    }
}

#[test]
fn a_key_in_another_spelling_names_its_row_in_every_mode() {
    let schema = loose(
        "CREATE TABLE words (word text COLLATE loose PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, word text COLLATE loose REFERENCES words);
         INSERT INTO words VALUES ('Red', 1), ('Green', 2), ('Blue', 5), ('Grey', 6);
         INSERT INTO uses VALUES (1, 1, 'RED'), (2, 2, 'green'), (3, 1, 'BLUE'), (4, 1, 'Red'), (5, 5, 'red'), (6, 2, NULL);",
    );
    let mode = |mode: &str| format!("[tables.uses]\n{mode} = [\"word\"]\n");
    let words = ("word FROM words", "Green Red");
    let all = ("(id, word) FROM uses", "(1,RED) (2,green) (3,) (4,Red) (6,)");
    everywhere(&schema, &mode("null"), &[words, all]);
    everywhere(&schema, &mode("within"), &[words, ("(id, word) FROM uses", "(1,RED) (2,green) (4,Red) (6,)")]);
    everywhere(&schema, &mode("follow"), &[words, ("(id, word) FROM uses", "(1,RED) (2,green) (4,Red) (5,red)")]);
    let pulled = ("(id, word) FROM uses", "(1,RED) (2,green) (3,BLUE) (4,Red) (6,)");
    everywhere(&schema, &mode("pull"), &[("word FROM words", "Blue Green Red"), pulled]);
    let referenced = "[tables.words]\nrows = \"referenced\"\n".to_owned() + &mode("pull");
    everywhere(&schema, &referenced, &[("word FROM words", "Blue Green Red"), pulled]);
}

#[test]
fn circles_composite_keys_and_rows_that_cannot_come() {
    let circle = loose(
        "CREATE TABLE nodes (name text COLLATE loose PRIMARY KEY, owner int NOT NULL REFERENCES users, up text COLLATE loose REFERENCES nodes);
         INSERT INTO nodes VALUES ('A', 1, NULL), ('B', 2, 'a'), ('C', 5, 'A'), ('D', 1, 'c'), ('E', 1, 'b'), ('F', 2, 'f');",
    );
    let up = "[tables.nodes]\nwithin = [\"up\"]\n";
    everywhere(&circle, up, &[("(name, up) FROM nodes", "(A,) (B,a) (E,b) (F,f)")]);
    let pair = loose(
        "CREATE TABLE places (town text COLLATE loose, no int, PRIMARY KEY (town, no));
         CREATE TABLE visits (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, town text COLLATE loose, no int,
             FOREIGN KEY (town, no) REFERENCES places);
         INSERT INTO places VALUES ('Oslo', 1), ('Oslo', 2), ('Rome', 1);
         INSERT INTO visits VALUES (1, 1, 'OSLO', 1), (2, 2, 'rome', 1), (3, 5, 'oslo', 2), (4, 1, 'x', NULL);",
    );
    everywhere(
        &pair,
        "[tables.places]\nrows = \"referenced\"\n",
        &[("(town, no) FROM places", "(Oslo,1) (Rome,1)"), ("id FROM visits", "1 2 4")],
    );
    let barred = "CREATE TABLE people (mail text COLLATE loose PRIMARY KEY, id int NOT NULL, boss text COLLATE loose NOT NULL REFERENCES people);
         INSERT INTO people VALUES ('A', 1, 'a'), ('B', 2, 'b'), ('C', 3, 'B'), ('D', 4, 'c'), ('E', 5, 'A');
         CREATE TABLE posts (id int PRIMARY KEY, owner text COLLATE loose NOT NULL REFERENCES people, thanks text COLLATE loose REFERENCES people);
         INSERT INTO posts VALUES (1, 'a', 'B'), (2, 'B', NULL), (3, 'E', 'd'), (4, 'e', 'a'), (5, 'D', NULL);";
    // 2 may never leave, 3 cannot do without 2, nor 4 without 3.
    let draw = DRAW.replace("users", "people").replace("(1, 2)", "(1, 2, 4, 5)") + "never = \"id = 2\"\n";
    for more in BOTH_FORMS {
        Setting::drawn(&draw, &loose(barred), "[tables.users]\nrows = \"none\"\n[tables.posts]\npull = [\"thanks\"]\n")
            .brings_with(more, &[("mail FROM people", "A E"), ("(id, thanks) FROM posts", "(1,) (3,) (4,a)")]);
    }
}

#[test]
fn a_root_key_is_drawn_whatever_the_spelling_of_references() {
    let schema = loose(
        "CREATE TABLE people (mail text COLLATE loose PRIMARY KEY);
         CREATE TABLE posts (id int PRIMARY KEY, owner text COLLATE loose NOT NULL REFERENCES people);
         INSERT INTO people SELECT 'p' || n FROM generate_series(1, 200) n;
         INSERT INTO posts SELECT n, 'P' || 1 + n % 200 FROM generate_series(1, 1000) n;",
    );
    let draw = "[sample]\nroot = \"people\"\npercent = 50\n";
    for more in BOTH_FORMS {
        let setting = Setting::drawn(draw, &schema, "[tables.users]\nrows = \"none\"\n");
        setting.brings_with(more, &[]);
        let drawn = setting.target.query_one_text("SELECT string_agg(mail, ' ' ORDER BY mail) FROM people");
        let count = drawn.split(' ').count();
        assert!((60..140).contains(&count), "{count}");
        assert_eq!(setting.target.query_one_text("SELECT count(*) FROM posts"), (5 * count).to_string());
    }
}

#[test]
fn orphans_of_virtual_references_are_told_from_other_spellings() {
    let schema = loose(
        "CREATE TABLE words (word text COLLATE loose PRIMARY KEY);
         CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, word text COLLATE loose, kind text);
         INSERT INTO words VALUES ('Red'), ('Green');
         INSERT INTO uses VALUES (1, 1, 'RED', 'w'), (2, 1, 'gone', 'w'), (3, 1, 'gone', 'x'), (4, 5, 'green', 'w');",
    );
    let reference = "[[references]]\nname = \"word\"\ntable = \"uses\"\ncolumns = [\"word\"]\nparent = \"words\"\nparent_columns = [\"word\"]\ncondition = \"kind = 'w'\"\n\
        [tables.words]\nrows = \"referenced\"\n[tables.uses]\npull = [\"word\"]\n";
    for (orphans, wanted) in
        [("drop", "(1,RED) (3,gone)"), ("null", "(1,RED) (2,) (3,gone)"), ("keep", "(1,RED) (2,gone) (3,gone)")]
    {
        let profile = format!("{reference}orphans = \"{orphans}\"\n");
        everywhere(&schema, &profile, &[("word FROM words", "Red"), ("(id, word) FROM uses", wanted)]);
    }
}

#[test]
fn what_the_server_would_compare_otherwise_is_refused() {
    let schema = loose(
        "CREATE TABLE words (word text COLLATE loose PRIMARY KEY);
         CREATE TABLE plain (word text PRIMARY KEY);
         CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, word text, other text COLLATE loose, list text[] COLLATE loose);
         INSERT INTO words VALUES ('Red');
         INSERT INTO plain VALUES ('Red');
         INSERT INTO uses VALUES (1, 1, 'RED', 'RED', '{RED}');",
    );
    let reference = |column: &str, parent: &str, more: &str| {
        format!(
            "[[references]]\nname = \"v\"\ntable = \"uses\"\ncolumns = [\"{column}\"]\nparent = \"{parent}\"\nparent_columns = [\"word\"]\n{more}"
        )
    };
    let rows = |words: &str, plain: &str| {
        format!(
            "[tables.words]\nrows = \"{words}\"\n[tables.plain]\nrows = \"{plain}\"\n[tables.uses]\npull = [\"v\"]\n"
        )
    };
    for (reference, names) in [
        (reference("word", "words", ""), "uses.word -> words.word"),
        (reference("other", "plain", ""), "uses.other -> plain.word"),
        (reference("list", "words", "array = true\n"), "uses.list -> words.word"),
    ] {
        let setting = Setting::new(&schema, &(reference.clone() + &rows("referenced", "referenced")));
        let said = setting.run("sample", &[]).expect_code(5).stderr;
        assert!(said.contains(names) && said.contains("collation") && said.contains("rows = \"all\""), "{said}");
        Setting::new(&schema, &(reference + &rows("all", "all"))).run("plan", &[]).expect_code(0);
    }
}

/// Their texts differ, so that none of them would be found.
#[test]
fn elements_of_another_type_than_the_key_are_refused() {
    let schema = loose(
        "CREATE TABLE days (day timestamp PRIMARY KEY);
         CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, days date[], many timestamp[]);
         INSERT INTO days VALUES ('2024-01-01'), ('2024-01-02');
         INSERT INTO uses VALUES (1, 1, '{2024-01-01}', '{2024-01-01,2023-01-01}');",
    );
    let profile = |column: &str| {
        format!(
            "[[references]]\nname = \"v\"\ntable = \"uses\"\ncolumns = [\"{column}\"]\nparent = \"days\"\nparent_columns = [\"day\"]\n\
             array = true\n[tables.days]\nrows = \"referenced\"\n[tables.uses]\npull = [\"v\"]\n"
        )
    };
    let said = Setting::new(&schema, &profile("days")).run("sample", &[]).expect_code(5).stderr;
    assert!(said.contains("uses.days -> days.day") && said.contains("another type"), "{said}");
    Setting::new(&schema, &profile("many"))
        .brings(&[("day FROM days", "2024-01-01 00:00:00"), ("many FROM uses", "{\"2024-01-01 00:00:00\"}")]);
}

#[test]
fn a_mask_on_such_a_key_is_refused() {
    let schema = loose(
        "CREATE TABLE words (word text COLLATE loose PRIMARY KEY);
         CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, word text COLLATE loose REFERENCES words);
         INSERT INTO words VALUES ('Red');
         INSERT INTO uses VALUES (1, 1, 'RED');",
    );
    let setting = Setting::new(&schema, "[tables.words]\nrows = \"all\"\n")
        .rewritten("[columns.\"words\"]\n\"word\" = \"keep\"", "[columns.\"words\"]\n\"word\" = \"hash\"");
    let said = setting.run("sample", &[]).expect_code(5).stderr;
    assert!(said.contains("words.word") && said.contains("collation"), "{said}");
}

#[test]
fn a_token_is_no_key_where_case_does_not_count() {
    let schema = loose(
        "CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, mark text COLLATE loose UNIQUE, other text);
         CREATE UNIQUE INDEX by_other ON uses (other COLLATE loose);
         INSERT INTO uses VALUES (1, 1, 'RED', 'RED');",
    );
    for (mark, other, refused) in
        [("token", "keep", Some("uses_mark_key")), ("keep", "token", Some("by_other")), ("hash", "email", None)]
    {
        let setting = Setting::new(&schema, "")
            .rewritten("\"mark\" = \"keep\"", &format!("\"mark\" = \"{mark}\""))
            .rewritten("\"other\" = \"keep\"", &format!("\"other\" = \"{other}\""));
        let Some(index) = refused else {
            setting.run("plan", &[]).expect_code(0);
            continue;
        };
        let said = setting.run("sample", &[]).expect_code(5).stderr;
        assert!(said.contains("are the same in the collation") && said.contains(index), "{said}");
    }
}

/// Of each type: three keys, and other spellings of them in a column that may be of another type.
#[test]
fn keys_of_types_with_several_spellings_name_their_rows() {
    let cases = [
        ("interval", ["1 day", "2 days", "3 days"], "interval", ["24:00", "48:00", "72:00"]),
        ("jsonb", ["1", "{\"a\": 2}", "[3]"], "jsonb", ["1.0", "{\"a\": 2.00}", "[3.0]"]),
        ("float8", ["0", "0.5", "1e21"], "float8", ["-0", "0.5", "1e21"]),
        ("float8", ["0", "0.5", "1e21"], "numeric", ["0.0", "0.50", "1000000000000000000000"]),
        ("float8", ["0", "0.5", "0.25"], "real", ["-0", "0.5", "0.25"]),
        ("float8", ["0", "5", "7"], "integer", ["0", "5", "7"]),
        ("timestamp", ["2024-01-01", "2024-01-02", "2024-01-03"], "date", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("date", ["2024-01-01", "2024-01-02", "2024-01-03"], "timestamp", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("text", ["Key A", "Key B", "Key C"], "citext", ["Key A", "Key B", "Key C"]),
        ("varchar(9)", ["Key A", "Key B", "Key C"], "citext", ["Key A", "Key B", "Key C"]),
        ("timetz", ["12:00+00", "13:00+00", "14:00+00"], "time", ["12:00", "13:00", "14:00"]),
        (
            "macaddr8",
            ["08:00:2b:ff:fe:01:02:03", "08:00:2b:ff:fe:01:02:04", "08:00:2b:ff:fe:01:02:05"],
            "macaddr",
            ["08:00:2b:01:02:03", "08:00:2b:01:02:04", "08:00:2b:01:02:05"],
        ),
        ("char(6)", ["a", "b", "c"], "text", ["a  ", "b", "c        "]),
        ("numrange", ["[1,2)", "[2,3)", "[3,4)"], "numrange", ["[1.0,2.0)", "[2.0,3)", "[3.0,4)"]),
        ("numeric[]", ["{1}", "{2,2}", "{3}"], "numeric[]", ["{1.0}", "{2.0,2.00}", "{3.00}"]),
        ("tag", ["(1)", "(2)", "(3)"], "tag", ["(1.0)", "(2.00)", "(3.0)"]),
    ];
    let mut schema = "CREATE EXTENSION citext; SET TimeZone = 'UTC'; CREATE TYPE tag AS (n numeric);\n".to_owned();
    let mut questions = Vec::new();
    for (at, (parent, [a, b, c], child, [a2, b2, c2])) in cases.into_iter().enumerate() {
        schema += &format!(
            "CREATE TABLE words{at} (word {parent} PRIMARY KEY, owner int NOT NULL REFERENCES users);
             CREATE TABLE uses{at} (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, word {child} REFERENCES words{at});
             INSERT INTO words{at} VALUES ('{a}', 1), ('{b}', 2), ('{c}', 5);
             INSERT INTO uses{at} VALUES (1, 1, '{a2}'), (2, 2, '{b2}'), (3, 1, '{c2}'), (4, 5, '{a2}'), (5, 2, NULL);\n"
        );
        let spelled = format!(
            "CASE word WHEN '{a2}'::{child} THEN 'a' WHEN '{b2}'::{child} THEN 'b' WHEN '{c2}'::{child} THEN 'c' END"
        );
        questions.push((format!("owner FROM words{at}"), format!("(id, {spelled}) FROM uses{at}")));
    }
    let schema = loose(&schema);
    for (mode, words, uses) in [
        ("null", "1 2", "(1,a) (2,b) (3,) (5,)"),
        ("within", "1 2", "(1,a) (2,b) (5,)"),
        ("follow", "1 2", "(1,a) (2,b) (4,a)"),
        ("pull", "1 2 5", "(1,a) (2,b) (3,c) (5,)"),
    ] {
        let profile: String =
            (0..questions.len()).map(|at| format!("[tables.uses{at}]\n{mode} = [\"word\"]\n")).collect();
        let wanted: Vec<(&str, &str)> =
            questions.iter().flat_map(|(of_words, of_uses)| [(of_words.as_str(), words), (of_uses, uses)]).collect();
        everywhere(&schema, &profile, &wanted);
    }
}
