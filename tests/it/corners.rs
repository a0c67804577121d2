//! Corners that a first reading of the code showed: each test is named after what used to go wrong.

use crate::support::{self, Home, TestDb};

const SCHEMA: &str = "
    CREATE TABLE people (id int PRIMARY KEY, nick text UNIQUE, number text NOT NULL);
    CREATE SEQUENCE numbers OWNED BY people.number;
    INSERT INTO people SELECT n, CASE WHEN n % 2 = 0 THEN 'nick' || n END, 'INV-' || nextval('numbers')
        FROM generate_series(1, 50) n;
    CREATE TABLE extra (id int PRIMARY KEY);
    CREATE MATERIALIZED VIEW by_key AS SELECT id, nick, number FROM people GROUP BY people.id;
    CREATE MATERIALIZED VIEW over_extra AS SELECT count(*) AS n FROM extra;
    CREATE UNIQUE INDEX over_extra_n ON over_extra (n);";

const COLUMNS: &str = r#"
    [columns.people]
    id = "keep"
    nick = "keep"
    number = "keep""#;

fn sample(source: &TestDb, target: &TestDb, profile: &str) -> support::Ran {
    let file = support::profile(profile);
    let path = file.path().to_str().unwrap().to_owned();
    let (from, to) = (source.url(), target.url());
    Home::new().tithe(&["sample", "--percent", "50", "--yes", "--profile", &path, "--from", &from, "--to", &to])
}

fn people(extra: &str) -> String {
    format!(
        "[sample]\nroot = \"people\"\n[tables.extra]\nrows = \"all\"\n{extra}{COLUMNS}\n[columns.extra]\nid = \"keep\"\n"
    )
}

#[test]
fn a_postponed_materialized_view_is_refreshed_and_a_text_column_may_own_a_sequence() {
    let (source, target) = (support::source_database("corners"), support::target_database("corners"));
    source.execute(SCHEMA);
    sample(&source, &target, &people("")).expect_code(0);
    assert_eq!(target.query_one_text("SELECT (SELECT count(*) FROM by_key) = (SELECT count(*) FROM people)"), "t");
    assert_eq!(target.query_one_text("SELECT nextval('numbers') > 50"), "t");
}

#[test]
fn a_materialized_view_over_a_table_left_out_is_reported() {
    let (source, target) = (support::source_database("left_view"), support::target_database("left_view"));
    source.execute(SCHEMA);
    let profile = format!("[sample]\nroot = \"people\"\n[source]\nexclude_tables = [\"extra\"]\n{COLUMNS}\n");
    let ran = sample(&source, &target, &profile).expect_code(3);
    assert!(ran.stdout.contains("over_extra"), "{}", ran.stdout);
    assert_eq!(target.query_one_text("SELECT count(*) > 0 FROM by_key"), "t");
}

#[test]
fn settings_of_applications_stay_behind() {
    let (source, target) = (support::source_database("settings"), support::target_database("settings"));
    source.execute(SCHEMA);
    let name = source.name();
    source.execute(&format!("ALTER DATABASE \"{name}\" SET app.key = 'cell-Secret-88'"));
    source.execute(&format!("ALTER DATABASE \"{name}\" SET work_mem = '5MB'"));
    let ran = sample(&source, &target, &people("")).expect_code(0);
    assert!(ran.stdout.contains("app.key") && !ran.stdout.contains("cell-Secret-88"), "{}", ran.stdout);
    assert_eq!(target.query_one_text("SELECT current_setting('work_mem')"), "5MB");
    assert_eq!(target.query_one_text("SELECT coalesce(current_setting('app.key', true), '')"), "");
}

#[test]
fn what_the_plan_could_not_hold_is_refused() {
    let (source, target) = (support::source_database("held"), support::target_database("held"));
    source.execute(SCHEMA);
    let template = |text: &str| people("").replace("nick = \"keep\"", &format!("nick = {{ template = \"{text}\" }}"));
    let refused = |profile: &str, code: i32, part: &str| {
        let ran = sample(&source, &target, profile).expect_code(code);
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    };
    // A literal brace is no placeholder.
    refused(&template("u{{id}}"), 5, "people.nick");
    // A condition stands under several names, so it may use none.
    refused(&people("[tables.people]\nwhere = \"t.id > 0\"\n"), 4, "people");
    refused(&people("[source]\nexclude_tables = [\"no_such\"]\n"), 4, "no_such");
    refused(&people("[tables.\"public.extra\"]\nrows = \"none\"\n"), 4, "twice");
}
