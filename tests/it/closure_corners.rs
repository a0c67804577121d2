//! Which rows come where several rules meet: each test is named after what went wrong before, or nearly did.

use crate::closure::{Setting, with_users};

/// Asked by list, and as sets too large for a list are.
const BOTH_FORMS: [&[&str]; 2] = [&[], &["--literal-keys-max", "0"]];

#[test]
fn domains_whose_check_forbids_null_are_not_nulled() {
    let schema = with_users(
        "CREATE DOMAIN filled AS int CHECK (VALUE IS NOT NULL);
         CREATE DOMAIN counted AS int CHECK (coalesce(VALUE, 0) > 0);
         CREATE DOMAIN above AS filled CHECK (VALUE < 1000);
         CREATE DOMAIN compared AS int CHECK (VALUE > 0);
         CREATE DOMAIN excepted AS int CHECK (VALUE IS NULL OR mod(VALUE, 1000) > 0);
         CREATE DOMAIN measured AS int CHECK (length(VALUE::text) < 9);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE a (u int NOT NULL REFERENCES users, p filled REFERENCES posts);
         CREATE TABLE b (u int NOT NULL REFERENCES users, p counted REFERENCES posts);
         CREATE TABLE c (u int NOT NULL REFERENCES users, p above REFERENCES posts);
         CREATE TABLE d (u int NOT NULL REFERENCES users, p compared REFERENCES posts);
         CREATE TABLE e (u int NOT NULL REFERENCES users, p excepted REFERENCES posts);
         CREATE TABLE f (u int NOT NULL REFERENCES users, p measured REFERENCES posts);
         INSERT INTO posts VALUES (1, 1), (2, 5);
         INSERT INTO a VALUES (1, 1), (2, 2);
         INSERT INTO b SELECT * FROM a; INSERT INTO c SELECT * FROM a; INSERT INTO d SELECT * FROM a;
         INSERT INTO e SELECT * FROM a; INSERT INTO f SELECT * FROM a;",
    );
    let setting = Setting::new(&schema, "");
    setting.brings(&[
        ("(u, p) FROM a", "(1,1)"),
        ("(u, p) FROM b", "(1,1)"),
        ("(u, p) FROM c", "(1,1)"),
        ("(u, p) FROM d", "(1,1) (2,)"),
        ("(u, p) FROM e", "(1,1) (2,)"),
        ("(u, p) FROM f", "(1,1) (2,)"),
    ]);
    let said = setting.run("plan", &["--json"]).expect_code(0).stdout;
    assert!(said.contains("a domain whose CHECK may forbid NULL"), "{said}");
}

#[test]
fn a_domain_whose_check_forbids_null_refuses_the_null_mask() {
    let schema = with_users(
        "CREATE DOMAIN filled AS text CHECK (VALUE IS NOT NULL);
         CREATE DOMAIN above AS filled;
         CREATE DOMAIN short AS text CHECK (char_length(VALUE) < 9);
         CREATE TABLE notes (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, must above, may short);
         INSERT INTO notes VALUES (1, 1, 'x', 'y');",
    );
    let refused = Setting::new(&schema, "").rewritten("\"must\" = \"keep\"", "\"must\" = \"null\"");
    let said = refused.run("sample", &[]).expect_code(5).stderr;
    assert!(said.contains("notes.must") && said.contains("domain") && said.contains("constant"), "{said}");
    Setting::new(&schema, "")
        .rewritten("\"may\" = \"keep\"", "\"may\" = \"null\"")
        .brings(&[("(id, must, may) FROM notes", "(1,x,)")]);
}

#[test]
fn an_excluded_schema_that_does_not_exist_is_told() {
    let schema = with_users("CREATE SCHEMA audit; CREATE SCHEMA empty; CREATE TABLE audit.events (id int);");
    let profile = |schemas: &str| format!("[source]\nexclude_schemas = {schemas}\n");
    let setting = Setting::new(&schema, &profile("[\"adit\", \"empty\"]"));
    let said = setting.run("plan", &[]).expect_code(4).stderr;
    assert!(said.contains("no schema \"adit\"; did you mean \"audit\"?"), "{said}");
    // One without tables exists all the same.
    let setting = setting.rewritten("\"adit\"", "\"audit\"");
    setting.brings(&[("id FROM users", "1 2")]);
    assert_eq!(setting.target.query_one_text("SELECT to_regclass('audit.events') IS NULL"), "t");
}

#[test]
fn an_array_of_a_table_in_a_circle_pulls() {
    let schema = with_users(
        "CREATE TABLE tags (code text PRIMARY KEY);
         CREATE TABLE nodes (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, up int REFERENCES nodes, tags text[]);
         INSERT INTO tags VALUES ('red'), ('it''s'), ('blue'), ('grey');
         INSERT INTO nodes VALUES (1, 1, NULL, '{red,NULL}'), (2, 1, 1, '{it''s,gone,red}'), (3, 3, 1, '{blue}'), (4, 2, 3, '{grey}');",
    );
    let profile = "[[references]]\nname = \"tags\"\ntable = \"nodes\"\ncolumns = [\"tags\"]\nparent = \"tags\"\nparent_columns = [\"code\"]\narray = true\n\
        [tables.tags]\nrows = \"referenced\"\n[tables.nodes]\nwithin = [\"up\"]\npull = [\"tags\"]\n";
    for more in BOTH_FORMS {
        Setting::new(&schema, profile).brings_with(
            more,
            &[("(id, tags) FROM nodes", "(1,\"{red,NULL}\") (2,\"{it's,red}\")"), ("code FROM tags", "it's red")],
        );
    }
}
