//! Corners that a first reading of the code showed: each test is named after what used to go wrong.

use tithe::demo::Throwaway;

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
    // What a database may hold that keeps others from filling a view, or only fits with its settings. From 17 on no path
    // of anybody's counts while a view is filled.
    let path_counts = source.query_one_text("SELECT current_setting('server_version_num')::int < 170000") == "t";
    let settled = if path_counts { "settled" } else { "app.settled" };
    source.execute(&format!(
        "CREATE FUNCTION least_id() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT min(id) FROM {settled}); END';
         CREATE SCHEMA app; CREATE TABLE app.settled (id int); SET search_path = app, public;
         CREATE MATERIALIZED VIEW public.by_path AS SELECT public.least_id() AS id, timestamptz '2026-01-01 00:30+09' AS at;
         CREATE STATISTICS both_of_them ON nick, number FROM people;
         CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
         CREATE EVENT TRIGGER none ON ddl_command_start WHEN TAG IN ('REFRESH MATERIALIZED VIEW') EXECUTE FUNCTION refuse();
         COMMENT ON EVENT TRIGGER none IS 'none';
         ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         ALTER DATABASE \"{}\" SET search_path = app, public",
        source.name()
    ));
    let settled = "[tables.\"app.settled\"]\nrows = \"none\"\n";
    sample(&source, &target, &people(settled)).expect_code(0);
    assert_eq!(target.query_one_text("SELECT (SELECT count(*) FROM by_key) = (SELECT count(*) FROM people)"), "t");
    for analysed in [
        "SELECT count(*) = 1 FROM pg_statistic_ext_data",
        "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'by_key'",
        "SELECT relispopulated FROM pg_class WHERE relname = 'by_path'",
        "SELECT count(*) = 1 FROM pg_event_trigger WHERE obj_description(oid, 'pg_event_trigger') = 'none'",
    ] {
        assert_eq!(target.query_one_text(analysed), "t", "{analysed}");
    }
    assert_eq!(target.query_one_text("SELECT nextval('numbers') > 50"), "t");
}

#[test]
fn a_materialized_view_over_a_table_left_out_is_reported() {
    let (source, target) = (support::source_database("left_view"), support::target_database("left_view"));
    source.execute(SCHEMA);
    source.execute(
        "CREATE FUNCTION extras() RETURNS SETOF extra LANGUAGE sql AS 'SELECT * FROM extra';
         COMMENT ON FUNCTION extras() IS 'c'; CREATE VIEW over_extras AS SELECT * FROM extras()",
    );
    let profile = format!("[sample]\nroot = \"people\"\n[source]\nexclude_tables = [\"extra\"]\n{COLUMNS}\n");
    let ran = sample(&source, &target, &profile).expect_code(3);
    for told in ["view over_extra:", "function extras():", "view over_extras:"] {
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("comment"), "{}", ran.stdout);
    assert_eq!(target.query_one_text("SELECT count(*) > 0 FROM by_key"), "t");
}

#[test]
fn a_foreign_table_stays_behind_and_is_never_asked() {
    let (source, target) = (support::source_database("foreign"), support::target_database("foreign"));
    source.execute(SCHEMA);
    // Without a handler every question to it fails.
    source.execute(
        "CREATE FOREIGN DATA WRAPPER nobody; CREATE SERVER nowhere FOREIGN DATA WRAPPER nobody;
         CREATE FOREIGN TABLE remote (id serial, a int DEFAULT 1 CHECK (a > 0)) SERVER nowhere;
         COMMENT ON FOREIGN TABLE remote IS 'c'; COMMENT ON SERVER nowhere IS 'c'; COMMENT ON COLUMN remote.a IS 'c';
         GRANT SELECT ON remote TO PUBLIC; GRANT USAGE ON FOREIGN SERVER nowhere TO tithe_corner_gone;
         CREATE MATERIALIZED VIEW over_remote AS SELECT * FROM remote WITH NO DATA;
         CREATE UNIQUE INDEX ON over_remote (id); GRANT SELECT ON over_remote TO PUBLIC;
         CREATE FUNCTION remotes() RETURNS SETOF remote LANGUAGE sql AS 'SELECT * FROM remote'"
            .replace("tithe_corner_gone", &corner_role(&support::servers().source, "gone"))
            .as_str(),
    );
    let profile = people("[tables.remote]\nrows = \"none\"\n");
    let ran = sample(&source, &target, &profile).expect_code(0);
    for told in ["view over_remote:", "function remotes():"] {
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("grants name roles"), "{}", ran.stdout);
    let plan = |profile: &str, command: &[&str], code: i32| {
        let file = support::profile(profile);
        let (path, from) = (file.path().to_str().unwrap().to_owned(), source.url());
        Home::new().tithe(&[command, &["--profile", &path, "--from", &from]].concat()).expect_code(code)
    };
    plan(&profile, &["plan", "--percent", "50"], 0);
    let whole = people("[tables.remote]\nrows = \"all\"\n[columns.remote]\nid = \"keep\"\na = \"keep\"\n");
    let ran = plan(&whole, &["plan", "--percent", "50"], 5);
    assert!(ran.stderr.contains("foreign table") && ran.stderr.contains("tables.remote"), "{}", ran.stderr);
    let ran = plan(&whole, &["profile", "check"], 4);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("foreign table"), "{}{}", ran.stdout, ran.stderr);
}

/// A role of these tests, made by whoever comes first.
fn corner_role(server: &Throwaway, name: &str) -> String {
    let name = format!("tithe_corner_{name}");
    let made = format!(
        "DO $$ BEGIN CREATE ROLE {name}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    server.query_text("postgres", &made).unwrap();
    name
}

#[test]
fn owners_come_along_and_no_function_gains_their_successors_rights_unsaid() {
    let (source, target) = (support::source_database("owners"), support::target_database("owners"));
    let servers = support::servers();
    let (shop, gone) = (corner_role(&servers.source, "shop"), corner_role(&servers.source, "gone"));
    corner_role(&servers.target, "shop");
    source.execute(SCHEMA);
    source.execute(&format!(
        "CREATE FUNCTION sd() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
         CREATE FUNCTION sd_gone(a int, OUT b int) LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
         ALTER FUNCTION sd() OWNER TO {shop}; ALTER FUNCTION sd_gone(int) OWNER TO {gone};
         ALTER TABLE people OWNER TO {shop}; ALTER TABLE extra OWNER TO {gone}; GRANT SELECT ON by_key TO {shop}"
    ));
    let ran = sample(&source, &target, &people("")).expect_code(0);
    for (question, answer) in [
        ("SELECT tableowner FROM pg_tables WHERE tablename = 'people'", shop.as_str()),
        ("SELECT proowner::regrole FROM pg_proc WHERE proname = 'sd'", &shop),
        ("SELECT relowner::regrole FROM pg_class WHERE relname = 'numbers'", &shop),
        ("SELECT tableowner FROM pg_tables WHERE tablename = 'extra'", "postgres"),
    ] {
        assert_eq!(target.query_one_text(question), answer, "{question}");
    }
    target.execute(&format!("SET ROLE {shop}; SELECT count(*) FROM people; SELECT count(*) FROM by_key"));
    assert!(ran.stdout.contains("2 objects") && ran.stdout.contains(&gone), "{}", ran.stdout);
    assert!(ran.stdout.contains("SECURITY DEFINER") && ran.stdout.contains("sd_gone(integer)"), "{}", ran.stdout);
    // The run's own role goes on as before.
    sample(&source, &target, &people("")).expect_code(0);
}

#[test]
fn settings_of_applications_stay_behind() {
    let (source, target) = (support::source_database("settings"), support::target_database("settings"));
    source.execute(SCHEMA);
    let name = source.name();
    source.execute(&format!("ALTER DATABASE \"{name}\" SET app.key = 'cell-Secret-88'"));
    source.execute(&format!("ALTER DATABASE \"{name}\" SET work_mem = '5MB'"));
    let app = corner_role(&support::servers().target, "app");
    let smuggled = format!("public;ALTER/**/ROLE/**/{app}/**/CREATEROLE;--");
    source.execute(&format!(
        "SELECT set_config('search_path', '{smuggled}', false); ALTER DATABASE \"{name}\" SET search_path FROM CURRENT"
    ));
    let ran = sample(&source, &target, &people("")).expect_code(0);
    let rights = format!("SELECT rolcreaterole FROM pg_roles WHERE rolname = '{app}'");
    assert_eq!(target.query_one_text(&rights), "f");
    assert_eq!(target.query_one_text("SHOW search_path"), format!("\"{smuggled}\""));
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
