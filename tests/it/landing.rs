//! The landed database: the whole schema, proven and usable at once; the swap and the way back.

use std::path::Path;
use std::process::Command;

use tithe::demo::Throwaway;

use crate::support::{self, Home, PROFILE, Scene, TestDb};

/// The source, once for this file: what can be in a schema.
fn everything() -> TestDb {
    let servers = support::servers();
    // Roles are the server's: whoever comes first makes them.
    let role = |name: &str| {
        format!("DO $$ BEGIN CREATE ROLE {name}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$")
    };
    for name in ["tithe_landing_both", "tithe_landing_source"] {
        servers.source.query_text("postgres", &role(name)).unwrap();
    }
    servers.target.query_text("postgres", &role("tithe_landing_both")).unwrap();
    let source = support::source_database("everything");
    let loaded = source.try_query_text(&support::repository_text("fixtures/landing/schema.sql"));
    loaded.unwrap_or_else(|error| panic!("fixtures/landing/schema.sql: {error:?}"));
    source.execute(&format!(
        "ALTER DATABASE {0} SET search_path = billing, \"$user\", \"Odd \"\"name\"\" of ünïcode\", public; \
         ALTER DATABASE {0} SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE {0} SET my.own = 'it''s, \"so\"'",
        source.name()
    ));
    source
}

/// A profile that takes the whole of `database`: root `users`, all else copied whole, every column kept.
fn whole(database: &TestDb) -> String {
    let tables = database.query_one_text(
        "SELECT string_agg(format(E'[tables.%s]\nrows = \"all\"\n%s', name, orphans), E'\n') FROM (
           SELECT to_json(CASE n.nspname WHEN 'public' THEN relname ELSE n.nspname || '.' || relname END)::text AS name,
             CASE relname WHEN 'loose' THEN 'orphans = \"keep\"' ELSE '' END AS orphans
           FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
           WHERE relkind IN ('r', 'p') AND NOT relispartition AND n.nspname !~ '^pg_|information' AND relname <> 'users') t",
    );
    let columns = database.query_one_text(
        "SELECT string_agg(format(E'[columns.%s]\n%s\n', name, columns), E'\n') FROM (
           SELECT to_json(CASE n.nspname WHEN 'public' THEN relname ELSE n.nspname || '.' || relname END)::text AS name,
             string_agg(format('%s = \"keep\"', to_json(attname)), E'\n') AS columns
           FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid
           WHERE relkind IN ('r', 'p') AND NOT relispartition AND n.nspname !~ '^pg_|information' AND attnum > 0
             AND NOT attisdropped AND attgenerated = '' GROUP BY 1) t",
    );
    format!("[sample]\nroot = \"users\"\npercent = 100\nseed = \"landing\"\n{tables}\n{columns}")
}

fn dump(database: &TestDb) -> String {
    let output = Command::new("pg_dump").args(["--schema-only", "--no-owner", "-d", &database.url()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    // Servers of two versions print the same view in different words: then only what there is counts.
    let major = |server: &Throwaway| server.query_text("postgres", "SHOW server_version_num").unwrap().unwrap();
    let (source, target) = (major(&support::servers().source), major(&support::servers().target));
    let alike = source[..2] == target[..2];
    let lines = lines.filter(|line| alike || (line.starts_with("-- Name: ") && !line.contains("Name: public; ")));
    // Grants to the role that only the source has, and the comment of a schema's grants that goes with the only one.
    lines
        .filter(|line| !line.contains("tithe_landing_source") && !line.contains("Name: SCHEMA billing; Type: ACL"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn run(source: &TestDb, target: &TestDb) -> support::Ran {
    let profile = support::profile(&whole(source));
    let path = profile.path().to_string_lossy();
    Home::new().tithe(&["sample", "--yes", "--from", &source.url(), "--to", &target.url(), "--profile", &path])
}

#[test]
fn a_whole_copy_has_the_same_schema_and_rows() {
    let (source, target) = (everything(), support::target_database("everything"));
    run(&source, &target).expect_code(0);
    let (wanted, found) = (dump(&source), dump(&target));
    let (wanted_lines, found_lines): (Vec<_>, Vec<_>) = (wanted.lines().collect(), found.lines().collect());
    let missing: Vec<_> = wanted_lines.iter().filter(|line| !found_lines.contains(line)).collect();
    let surplus: Vec<_> = found_lines.iter().filter(|line| !wanted_lines.contains(line)).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:#?}\nsurplus {surplus:#?}");

    let rows = "SELECT string_agg(format('%s %s', c.oid::regclass, \
                (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM ONLY %s', c.oid::regclass), false, true, '')))[1]), \
                E'\n' ORDER BY c.oid::regclass::text) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
                WHERE relkind IN ('r', 'm') AND relispopulated AND nspname !~ '^pg_|information'";
    assert_eq!(target.query_one_text(rows), source.query_one_text(rows));
    for table in ["users", "bookings", "billing.events", "child"] {
        let content = format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t");
        assert_eq!(target.query_one_text(&content), source.query_one_text(&content), "{table}");
    }
    for (question, answer) in [
        // Triggers did not fire: every row of the log is the source's.
        ("SELECT count(*) FROM audit", "101"),
        // What is populated and what is not is as it was.
        (
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'm' AND relispopulated",
            "top totals",
        ),
        ("SELECT most FROM top", "3"),
        ("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "0"),
        ("SELECT convalidated FROM pg_constraint WHERE conname = 'loose_user'", "f"),
        ("SELECT convalidated FROM pg_constraint WHERE conname = 'sensible'", "f"),
        ("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated", "1"),
        ("SELECT has_table_privilege('tithe_landing_both', 'bookings', 'SELECT')", "t"),
        ("SHOW search_path", "billing, \"$user\", \"Odd \"\"name\"\" of ünïcode\", public"),
        ("SHOW TimeZone", "Asia/Tokyo"),
        ("SELECT relpersistence FROM pg_class WHERE relname = 'fast'", "u"),
        // Sequences go on past what is there.
        ("SELECT nextval('public.users_id_seq') > 5000", "t"),
        ("SELECT nextval('public.bookings_id_seq') > (SELECT max(id) FROM public.bookings)", "t"),
        ("SELECT nextval('public.fast_id_seq')", "6"),
        ("SELECT nextval('public.standalone') > 5", "t"),
        ("SELECT nextval('public.down')", "-3"),
        // Nothing was taken of these yet, and what they give first is not their START.
        ("SELECT nextval('public.restarted')", "500"),
        ("SELECT nextval('public.set_ahead')", "77"),
        ("SELECT nextval('public.until_the_end')", "6"),
        ("SELECT nextval('public.restarted_below_rows') > (SELECT max(id) FROM public.numbered)", "t"),
        // Statistics are there for the first query.
        ("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'users'", "t"),
        ("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'events'", "t"),
        ("SELECT count(*) FROM pg_class WHERE relname IN ('users', 'bookings', 'events_old') AND reltuples > 0", "3"),
        ("SELECT count(*) FROM pg_class WHERE relname = 'totals' AND reltuples > 0", "1"),
    ] {
        assert_eq!(target.query_text(question).as_deref(), Some(answer), "{question}");
    }
}

#[test]
fn a_part_of_it_lands_too() {
    let (source, target) = (everything(), support::target_database("part"));
    let profile = whole(&source)
        .replace("percent = 100", "percent = 20")
        .replace("[tables.\"bookings\"]\nrows = \"all\"", "[tables.\"bookings\"]\nrows = \"owned\"")
        .replace("[tables.\"billing.events\"]\nrows = \"all\"", "[tables.\"billing.events\"]\nrows = \"owned\"");
    let profile = support::profile(&profile);
    let path = profile.path().to_string_lossy();
    let ran =
        Home::new().tithe(&["sample", "--yes", "--from", &source.url(), "--to", &target.url(), "--profile", &path]);
    ran.expect_code(0);
    for question in [
        "SELECT count(*) BETWEEN 5 AND 60 FROM users",
        "SELECT count(*) > 0 AND bool_and(user_id IN (SELECT id FROM users)) FROM bookings",
        "SELECT count(*) > 0 AND bool_and(user_id IN (SELECT id FROM users)) FROM billing.events",
        "SELECT count(*) = 4 FROM pg_partition_tree('billing.events') WHERE isleaf",
        "SELECT sum(bookings) = (SELECT count(*) FROM bookings) FROM totals",
    ] {
        assert_eq!(target.query_one_text(question), "t", "{question}");
    }
}

/// As on a managed server: the role may create databases and nothing more.
#[test]
fn a_role_without_great_rights_lands_it_all() {
    let (source, target) = (everything(), support::target_database("modest"));
    let server = &support::servers().target;
    server.query_text("postgres", "CREATE ROLE tithe_landing_modest LOGIN CREATEDB").unwrap();
    let owner = format!("ALTER DATABASE {} OWNER TO tithe_landing_modest", target.name());
    server.query_text("postgres", &owner).unwrap();
    // A view over rows that policies will hide from the role, and an extension that is for superusers.
    source.execute(
        "ALTER TABLE bookings ENABLE ROW LEVEL SECURITY; ALTER TABLE bookings FORCE ROW LEVEL SECURITY;
         CREATE EXTENSION pg_stat_statements WITH SCHEMA ext",
    );
    let profile = support::profile(&whole(&source));
    let path = profile.path().to_string_lossy();
    let to = target.url().replace("user=postgres", "user=tithe_landing_modest");
    let ran = Home::new().tithe(&["sample", "--yes", "--from", &source.url(), "--to", &to, "--profile", &path]);
    // Event triggers are for superusers: skipped, and said so.
    let ran = ran.expect_code(3);
    for told in ["event trigger watch_ddl", "the extension pg_stat_statements is not there", "(postgres)"] {
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
    let (wanted, found) = (dump(&source), dump(&target));
    let lines: Vec<&str> = found.lines().collect();
    let missing: Vec<_> = wanted.lines().filter(|line| !lines.contains(line)).collect();
    // Defaults of a role that ours is not are no different from its grants.
    let known = |line: &&str| {
        line.contains("DEFAULT PRIVILEGES")
            || line.contains("watch_ddl")
            || line.contains("note_ddl")
            || line.contains("CREATE VIEW')")
            || line.contains("pg_stat_statements")
    };
    assert!(missing.iter().all(known), "missing {missing:#?}");
    assert_eq!(target.query_one_text("SELECT count(*) FROM users"), "101");
}

#[test]
fn swaps_back_and_forth() {
    let scene = Scene::new();
    let name = scene.target.name().to_owned();
    let server = &support::servers().target;
    let rollback = || scene.home.tithe(&["rollback", "--yes", "--to", &scene.target.url()]);
    let databases = || {
        let sql =
            format!("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE '{name}%'");
        server.query_text("postgres", &sql).unwrap().unwrap()
    };
    rollback().failed(7, &["no previous database", "only the database before the last sample is kept"]);
    let owner = "tithe_landing \"owner\"";
    let quoted = owner.replace('"', "\"\"");
    for sql in [
        format!("CREATE ROLE \"{quoted}\""),
        format!("ALTER DATABASE {name} OWNER TO \"{quoted}\""),
        format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
        format!("GRANT TEMPORARY ON DATABASE {name} TO PUBLIC"),
        format!("GRANT CONNECT ON DATABASE {name} TO pg_monitor WITH GRANT OPTION"),
        format!("COMMENT ON DATABASE {name} IS 'it''s my dev'"),
    ] {
        server.query_text("postgres", &sql).unwrap();
    }
    let ask = |what: &str| {
        let sql = format!("SELECT {what} FROM pg_database WHERE datname = '{name}'");
        server.query_text("postgres", &sql).unwrap().unwrap()
    };
    let admits = || {
        ask(
            "pg_get_userbyid(datdba) || ' ' || (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) a)",
        )
    };
    let admitted = admits();
    assert!(admitted.starts_with(&format!("{owner} ")) && admitted.contains("pg_monitor=c*/"), "{admitted}");
    scene.sample(&[]).expect_code(0);
    scene.assert_sampled();
    assert_eq!(admits(), admitted);
    assert_eq!(
        server.query_text(&format!("{name}__prev"), "SELECT text FROM old").unwrap().as_deref(),
        Some("old content")
    );
    rollback().expect_code(0);
    scene.assert_readable();
    assert_eq!((admits(), ask("shobj_description(oid, 'pg_database')").as_str()), (admitted.clone(), "it's my dev"));
    let (to, log) = (scene.target.url(), scene.home.path().join("log").display().to_string());
    let quiet = scene.home.tithe(&["rollback", "--yes", "--quiet", "--log", &log, "--to", &to]).expect_code(0);
    assert_eq!(quiet.stdout, "");
    assert!(std::fs::read_to_string(&log).unwrap().contains("is the previous database again"));
    scene.assert_sampled();
    assert_eq!(admits(), admitted);
    // The next run keeps what it replaces; the one before that is gone.
    scene.target.execute("CREATE TABLE first_sample ()");
    scene.sample(&[]).expect_code(0);
    assert_eq!(databases(), format!("{name} {name}__prev"));
    assert_eq!(scene.target.query_one_text("SELECT to_regclass('first_sample') IS NULL"), "t");
    rollback().expect_code(0);
    assert_eq!(scene.target.query_one_text("SELECT to_regclass('first_sample') IS NULL"), "f");
    // A target that does not exist yet.
    let fresh = support::target_database("fresh");
    server.query_text("postgres", &format!("DROP DATABASE {}", fresh.name())).unwrap();
    scene.sample(&["--to", &fresh.url()]).expect_code(0);
    assert_eq!(fresh.query_one_text("SELECT count(*) > 0 FROM users"), "t");
    scene.home.tithe(&["rollback", "--yes", "--to", &fresh.url()]).failed(7, &["no previous database"]);
    for database in [name.clone(), format!("{name}__prev")] {
        server.query_text("postgres", &format!("ALTER DATABASE {database} OWNER TO postgres")).unwrap();
    }
    server.query_text("postgres", &format!("DROP ROLE \"{quoted}\"")).unwrap();
}

#[test]
fn an_application_on_the_target_is_disconnected() {
    let scene = Scene::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(scene.target.connect());
    runtime.block_on(session.batch_execute("BEGIN; LOCK TABLE old")).unwrap();
    scene.sample(&[]).expect_code(0);
    scene.assert_sampled();
    assert!(runtime.block_on(session.batch_execute("SELECT 1")).is_err());
}

#[test]
fn after_load_commands_run_before_the_swap() {
    let scene = Scene::new();
    let with = |commands: &str| scene.sample_with(&format!("{PROFILE}\n[target]\nafter_load = [{commands}]\n"), &[]);
    scene.refused(
        with(r#""echo said-it >&2; exit 3""#),
        7,
        &["after_load", "exit 3", "said-it", "the target's old database is untouched"],
    );
    scene.refused(with(r#""psql -v ON_ERROR_STOP=1 -c 'SELECT nonsense'""#), 7, &["nonsense"]);
    // A name that the run needs, taken meanwhile.
    let name = scene.target.name();
    for taken in [format!("{name}__prev"), format!("{name}__drop")] {
        let ran = with(&format!(r#""psql -qc 'CREATE DATABASE {taken}'""#));
        scene.refused(ran, 10, &[&format!("a database {taken} exists that no run of tithe made")]);
        support::servers().target.query_text("postgres", &format!("DROP DATABASE {taken}")).unwrap();
    }
    // By then the source has been let go: a migration need not wait.
    let source = scene.source.url();
    let alter = "-c 'SET lock_timeout = 3000' -c 'ALTER TABLE posts ALTER body SET DEFAULT 1'";
    with(&format!(r#""psql -v ON_ERROR_STOP=1 -qd '{source}' {alter}""#)).expect_code(0);
    scene.home.tithe(&["rollback", "--yes", "--to", &scene.target.url()]).expect_code(0);
    let migrate = r#""psql -qc 'CREATE TABLE migrated AS SELECT current_database() AS name'",
        "psql -q \"$DATABASE_URL\" -c 'CREATE TABLE by_url AS SELECT 1 AS n'",
        "test -z \"$TITHE_KEY\" && test -n \"$PATH\"""#;
    with(migrate).expect_code(0);
    scene.assert_sampled();
    assert_eq!(scene.target.query_one_text("SELECT name FROM migrated"), format!("{}__next", scene.target.name()));
    assert_eq!(scene.target.query_one_text("SELECT n FROM by_url"), "1");
}

/// Encoding and collation are the source's.
#[test]
fn the_new_database_sorts_as_the_source_does() {
    let servers = support::servers();
    servers
        .source
        .query_text("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        .unwrap();
    let ask = |sql: &str| servers.source.query_text("latin", sql).unwrap();
    ask("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Zoë'), (2, 'ærø')");
    let target = support::target_database("latin");
    let profile = support::profile(
        "[sample]\nroot = \"users\"\npercent = 100\nseed = \"x\"\n[columns.users]\nid = \"keep\"\nname = \"keep\"\n",
    );
    let path: &Path = profile.path();
    let from = servers.source.url("latin");
    let to = target.url();
    let arguments = ["sample", "--yes", "--from", &from, "--to", &to, "--profile", &path.to_string_lossy()];
    Home::new().tithe(&arguments).expect_code(0);
    let question =
        "SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = current_database()";
    assert_eq!(target.query_one_text(question), "LATIN1 C");
    assert_eq!(target.query_one_text("SELECT string_agg(name, ' ' ORDER BY id) FROM users"), "Zoë ærø");
}

/// What stands in texts and names is never run, however much it looks like the schema's own statements.
#[test]
fn texts_and_names_that_look_like_statements_stay_what_they_are() {
    let scene = Scene::new();
    let head = "--\n-- TOC entry 9 (class 0 OID 0)\n-- Name: x; Type: TABLE; Schema: public; Owner: -\n--\n";
    let text = format!("as in a dump:\n{head}CREATE TABLE smuggled_1 (); --\n-- Completed on\n");
    let name = "a;\nCREATE TABLE public.smuggled_2 ();\n--";
    scene.source.execute(&format!(
        "COMMENT ON TABLE users IS '{text}';
         CREATE FUNCTION told() RETURNS text LANGUAGE sql AS $$ SELECT '{text}'::text $$;
         CREATE VIEW \"{name}\" AS SELECT 1;
         CREATE VIEW \"v; Type: SERVER; Schema: x\" AS SELECT 2;
         GRANT SELECT ON \"{name}\" TO PUBLIC;"
    ));
    scene.sample(&[]).expect_code(0);
    let ask = |sql: &str| scene.target.query_one_text(sql);
    assert_eq!(ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'smuggled%'"), "0");
    assert_eq!(ask("SELECT obj_description('users'::regclass)"), text);
    assert_eq!(ask("SELECT told()"), text);
    assert_eq!(ask("SELECT has_table_privilege('public', oid, 'SELECT') FROM pg_class WHERE relname LIKE 'a;%'"), "t");
    assert_eq!(ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'v; Type%'"), "1");
}

#[test]
fn settings_of_the_databases_change_no_text() {
    let scene = Scene::new();
    let name = scene.source.name();
    scene.source.execute(&format!(
        "ALTER TABLE posts ALTER body SET DEFAULT 'a\\b'; COMMENT ON TABLE users IS 'c\\d';
         ALTER DATABASE \"{name}\" SET standard_conforming_strings = off;
         ALTER DATABASE \"{name}\" SET quote_all_identifiers = on;
         CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
         ALTER TABLE posts ADD doc xml; UPDATE posts SET doc = 'a<b/>c' WHERE id = 1"
    ));
    // Nor where XML has to be a document.
    let to = format!("{}&options=-c%20xmloption%3Ddocument", scene.target.url());
    scene.sample_with(&format!("{PROFILE}doc = \"keep\"\n"), &["--percent", "100", "--to", &to]).expect_code(0);
    let ask = |sql: &str| {
        let usual = "SET standard_conforming_strings = on; SET quote_all_identifiers = off";
        scene.target.query_one_text(&format!("{usual}; {sql}"))
    };
    assert_eq!(ask("SELECT doc FROM posts WHERE id = 1"), "a<b/>c");
    assert_eq!(ask("SELECT obj_description('users'::regclass)"), "c\\d");
    assert_eq!(ask("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef"), "'a\\b'::text");
}
