//! Bad input: each kind ends with its exit code and says what to do; the old target stays, and no secret is shown.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tithe::demo::{Options, Throwaway};

use crate::support::{self, Home, PROFILE, Scene, TestDb};

/// A server that listens on TCP too and asks for passwords there.
fn guarded() -> &'static Throwaway {
    static SERVER: OnceLock<Throwaway> = OnceLock::new();
    SERVER.get_or_init(|| {
        let hba = "local all all trust\nhost all all all scram-sha-256\n";
        let options = Options { port: Some(support::free_port()), hba: Some(hba.to_owned()), ..Options::default() };
        let server = Throwaway::start(options.setting("listen_addresses", "127.0.0.1")).unwrap();
        server.query_text("postgres", "CREATE ROLE guarded SUPERUSER LOGIN PASSWORD 'pw-Secret-77'").unwrap();
        server.query_text("postgres", "ALTER ROLE postgres PASSWORD 'pw-Secret-77'").unwrap();
        server
    })
}

fn with_user(url: &str, role: &str) -> String {
    url.replace("user=postgres", &format!("user={role}"))
}

#[test]
fn servers_that_do_not_let_us_in() {
    let scene = Scene::on(guarded(), guarded());
    let port = guarded().port();
    let (source, target) = (scene.source.name(), scene.target.name());
    let right = |database: &str| format!("postgresql://guarded:pw-Secret-77@127.0.0.1:{port}/{database}");
    let wrong = |database: &str| format!("postgresql://guarded:x-pw-Secret-77@127.0.0.1:{port}/{database}");
    scene.refused(scene.sample(&["--from", &wrong(source)]), 6, &["wrong password for guarded", "source URL"]);
    scene.refused(scene.sample(&["--to", &wrong(target)]), 7, &["wrong password for guarded", "target URL"]);
    let nobody = format!("postgresql://guarded@127.0.0.1:{port}/{source}");
    scene.refused(scene.sample(&["--from", &nobody]), 6, &["none is given", "PGPASSWORD"]);
    scene.refused(
        scene.sample(&["--from", &right("no_such_db")]),
        6,
        &["no_such_db", "check the name of the database"],
    );
    let closed = format!("postgresql://guarded:pw-Secret-77@127.0.0.1:{}/x", support::free_port());
    scene.refused(scene.sample(&["--from", &closed]), 6, &["127.0.0.1", "check host and port of the source"]);
    scene.refused(scene.sample(&["--to", &closed]), 7, &["127.0.0.1", "check host and port of the target"]);
    let nowhere = "postgresql://guarded:pw-Secret-77@no-such-host.invalid/x";
    scene.refused(scene.sample(&["--from", nowhere]), 6, &["no-such-host.invalid"]);
    let garbled = "postgresql://guarded:pw-Secret-77@127.0.0.1:port/x";
    scene.refused(scene.sample(&["--from", garbled]), 2, &["--from", "port"]);
    scene.sample(&["--from", &right(source), "--to", &right(target)]).expect_code(0);
    scene.assert_sampled();
}

#[test]
fn a_share_outside_its_range() {
    let scene = Scene::new();
    for percent in ["0", "-1", "100.1", "NaN", "inf"] {
        let percent = format!("--percent={percent}");
        scene.refused(scene.sample(&[&percent]), 2, &["--percent", "up to 100"]);
    }
    scene.refused(scene.sample(&["--rows", "0"]), 2, &["--rows 0"]);
    scene.refused(scene.sample_with(&PROFILE.replace("percent = 50", "percent = 0"), &[]), 4, &["percent"]);
    scene.refused(scene.sample_with(&PROFILE.replace("percent = 50\n", ""), &[]), 2, &["--percent 10"]);
    let ran = scene.sample(&["--percent", "many"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn a_draw_that_brings_nothing() {
    let scene = Scene::new();
    let words = ["the root table users has no row that is chosen", "raise --percent", "untouched"];
    scene.refused(scene.sample(&["--percent", "1e-9"]), 10, &words);
    scene.source.execute("TRUNCATE users CASCADE");
    scene.refused(scene.sample(&[]), 10, &["the root table users is empty in the source", "--from"]);
}

#[test]
fn targets_that_nobody_means() {
    let scene = Scene::new();
    let url = scene.target.url();
    let named = format!("/{}?", scene.target.name());
    for (name, word) in [("postgres", "server's own"), ("template1", "template"), ("template0", "template")] {
        let to = url.replace(&named, &format!("/{name}?"));
        scene.refused(scene.sample(&["--to", &to]), 10, &[name, word, "--to"]);
    }
    let template = format!("ALTER DATABASE {} IS_TEMPLATE ", scene.target.name());
    scene.target.execute(&format!("{template} true"));
    scene.refused(scene.sample(&[]), 10, &["is a template"]);
    scene.target.execute(&format!("{template} false"));
    scene.refused(scene.sample(&["--to", &url.replace(&named, "/?")]), 2, &["--to", "names no database"]);
}

/// Such a database takes any bytes; those that are UTF-8 can be read.
#[test]
fn a_source_without_an_encoding() {
    let (server, scene) = (&support::servers().source, Scene::new());
    server.query_text("postgres", "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'").unwrap();
    let ask = |sql: &str| server.query_text("ascii", sql).unwrap();
    ask(
        "CREATE TABLE users (id int PRIMARY KEY, email text, name text); INSERT INTO users VALUES (1, 'ö@x.test', 'ö');
         CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, body text);
         INSERT INTO posts VALUES (1, 1, 'a' || chr(233))",
    );
    let from = server.url("ascii");
    let sample = || scene.sample(&["--percent", "100", "--from", &from]);
    scene.refused(sample(), 6, &["posts", "encoding of this database is SQL_ASCII", "rewrite them as UTF-8"]);
    ask("DO $$ BEGIN EXECUTE format('ALTER TABLE posts ADD CONSTRAINT odd CHECK (body <> %L)', chr(233)); END $$");
    scene.refused(sample(), 6, &["encoding of this database is SQL_ASCII"]);
    ask("TRUNCATE posts; ALTER TABLE posts DROP CONSTRAINT odd");
    sample().expect_code(0);
    assert_eq!(scene.target.query_one_text("SELECT name FROM users"), "ö");
    server.query_text("postgres", "DROP DATABASE ascii").unwrap();
}

#[test]
fn profiles_that_do_not_fit() {
    let scene = Scene::new();
    let with = |old: &str, new: &str| {
        assert!(PROFILE.contains(old), "{old}");
        scene.sample_with(&PROFILE.replace(old, new), &[])
    };
    // File, line and key of what cannot be read.
    scene.refused(with("percent = 50", "percent = = 50"), 4, &["profile-", ".toml:4"]);
    scene.refused(with("percent = 50", "percnt = 50"), 4, &["profile-", ".toml:4", "percnt", "percent"]);
    scene.refused(with("percent = 50", "percent = \"half\""), 4, &["profile-", ".toml:4", "percent"]);
    scene.refused(with("email = \"email\"", "email = \"e-mail\""), 4, &["profile-", ".toml:9", "e-mail", "email"]);
    scene.refused(scene.sample_with("", &[]), 4, &["profile-", "sample"]);
    let ran = scene.home.tithe(&scene.arguments("no-such-profile", &[]).iter().map(String::as_str).collect::<Vec<_>>());
    scene.refused(ran, 4, &["no-such-profile", "tithe init"]);
    // Names that the source does not have.
    scene.refused(with("\"users\"", "\"user\""), 4, &["no table \"user\"", "did you mean \"users\"?"]);
    scene.refused(with("[columns.posts]", "[columns.post]"), 4, &["\"post\"", "did you mean \"posts\"?"]);
    scene.refused(with("body = ", "bdy = "), 4, &["\"bdy\"", "did you mean \"body\"?"]);
    let more = |text: &str| scene.sample_with(&format!("{PROFILE}\n{text}"), &[]);
    scene.refused(more("[tables.pots]\nrows = \"all\""), 4, &["pots", "posts"]);
    scene.refused(more("[tables.posts]\nfollow = [\"author\"]"), 4, &["author", "user_id"]);
    scene.refused(more("[tables.posts]\nwhere = \"bdy = 'x'\""), 4, &["tables.posts.where", "toml:", "bdy"]);
    let never = with("percent = 50", "percent = 50\nnever = \"idd > 3\"");
    scene.refused(never, 4, &["profile-", ".toml:5", "sample.never", "idd"]);
    // Columns that nobody decided: all of them are named, and nothing moved.
    let said = scene.refused(
        scene.sample_with("[sample]\nroot = \"users\"\npercent = 50\nseed = \"x\"\n", &[]),
        4,
        &["6 columns", "users: id, email, name", "posts: id, user_id, body", "[columns.TABLE]"],
    );
    assert!(said.contains("nothing was moved"), "{said}");
    scene.source.execute("CREATE TABLE lonely (id int)");
    scene.refused(scene.sample(&[]), 4, &["lonely", "rows ="]);
}

#[test]
fn plans_that_cannot_be() {
    let scene = Scene::new();
    let with = |old: &str, new: &str| scene.sample_with(&PROFILE.replace(old, new), &[]);
    scene.refused(with("email = \"email\"", "email = \"null\""), 5, &["users.email", "NOT NULL", "another mask"]);
    let constant = "email = { constant = \"x\" }";
    scene.refused(with("email = \"email\"", constant), 5, &["users.email", "constant", "users_email_key"]);
    let key = PROFILE.replacen("id = \"keep\"", "id = { constant = 1 }", 1);
    scene.refused(scene.sample_with(&key, &[]), 5, &["users.id"]);
    let keyless = TestDb::on(&support::servers().source, "keyless");
    keyless.execute("CREATE TABLE users (id int)");
    let profile = "[sample]\nroot = \"users\"\npercent = 50\nseed = \"x\"\n[columns.users]\nid = \"keep\"\n";
    scene.refused(scene.sample_with(profile, &["--from", &keyless.url()]), 5, &["users", "no primary key"]);
}

#[test]
fn rights_that_are_missing() {
    let scene = Scene::new();
    let server = &support::servers().source;
    let role = format!("partly_{}", std::process::id());
    server.query_text("postgres", &format!("CREATE ROLE {role} LOGIN")).unwrap();
    scene.source.execute(&format!("GRANT SELECT ON users TO {role}"));
    let from = with_user(&scene.source.url(), &role);
    scene.refused(scene.sample(&["--from", &from]), 6, &["posts", "GRANT SELECT"]);
    scene.source.execute("CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY)");
    scene.source.execute(&format!("GRANT SELECT ON posts, closed.t TO {role}"));
    let closed = format!("{PROFILE}\n[tables.\"closed.t\"]\nrows = \"all\"\n[columns.\"closed.t\"]\nid = \"keep\"\n");
    scene.refused(
        scene.sample_with(&closed, &["--from", &from]),
        6,
        &["closed", "GRANT SELECT", "USAGE on their schemas"],
    );
}

#[test]
fn targets_that_may_not_be_written() {
    let scene = Scene::new();
    let server = &support::servers().target;
    let role = format!("modest_{}", std::process::id());
    let name = scene.target.name();
    let to = with_user(&scene.target.url(), &role);
    let admin = |sql: &str| server.query_text("postgres", sql).unwrap();
    admin(&format!("CREATE ROLE {role} LOGIN"));
    scene.refused(scene.sample(&["--to", &to]), 7, &["may not create databases", "CREATEDB"]);
    admin(&format!("ALTER ROLE {role} CREATEDB"));
    scene.refused(scene.sample(&["--to", &to]), 7, &["does not own", "OWNER TO"]);
    admin(&format!("ALTER DATABASE {name} OWNER TO {role}"));
    // A superuser's session is in the way, and such a role may not end it.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(scene.target.connect());
    scene.refused(scene.sample(&["--to", &to]), 7, &["being accessed by other users", "close the sessions"]);
    drop(session);
    drop(runtime);
    scene.sample(&["--to", &to]).expect_code(0);
    scene.assert_sampled();
}

#[test]
fn databases_that_are_not_ours() {
    let scene = Scene::new();
    let name = scene.target.name();
    for suffix in ["__next", "__prev", "__drop"] {
        let server = &support::servers().target;
        let admin = |sql: String| server.query_text("postgres", &sql).unwrap();
        admin(format!("CREATE DATABASE {name}{suffix} TEMPLATE template0"));
        scene.refused(scene.sample(&[]), 10, &[&format!("{name}{suffix}"), "rename or drop it"]);
        admin(format!("DROP DATABASE {name}{suffix}"));
    }
    let long = "x".repeat(58);
    scene.refused(scene.sample(&["--to", &support::servers().target.url(&long)]), 10, &["57 bytes", "shorter name"]);
}

#[test]
fn a_target_that_is_the_source() {
    let scene = Scene::on(guarded(), guarded());
    let (port, name) = (guarded().port(), scene.source.name().to_owned());
    let socket = guarded().socket_dir().display().to_string();
    for to in [
        scene.source.url(),
        format!("postgresql://guarded:pw-Secret-77@127.0.0.1:{port}/{name}"),
        format!("postgres://postgres:pw-Secret-77@localhost:{port}/{}", name.replace("sc", "%73%63")),
        format!("host=127.0.0.1 port={port} user=guarded password=pw-Secret-77 dbname='{name}'"),
        format!("host={socket} port={port} user=guarded dbname={name}"),
        format!("postgresql://guarded:pw-Secret-77@/{name}?hostaddr=127.0.0.1&port={port}"),
    ] {
        scene.refused(scene.sample(&["--to", &to]), 10, &["same database", "development server"]);
        assert_eq!(scene.source.query_one_text("SELECT count(*) FROM users"), "200");
    }
    // A source that the run would overwrite by its own names.
    let server = guarded();
    server.query_text("postgres", &format!("CREATE DATABASE {name}__prev TEMPLATE {name}")).unwrap();
    let from = server.url(&format!("{name}__prev"));
    scene.refused(scene.sample(&["--from", &from, "--to", &server.url(&name)]), 10, &[&format!("{name}__prev")]);
}

#[test]
fn a_missing_key() {
    let scene = Scene::new();
    let file = support::profile(PROFILE);
    let arguments = scene.arguments(&file.path().to_string_lossy(), &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    for key in [None, Some("")] {
        let mut command = scene.home.command(&arguments);
        match key {
            None => command.env_remove("TITHE_KEY"),
            Some(key) => command.env("TITHE_KEY", key),
        };
        scene.refused(Home::run(command), 4, &["TITHE_KEY", "openssl rand -hex 32"]);
    }
    let mut command = scene.home.command(&arguments);
    command.env("TITHE_KEY", "33445566");
    scene.refused(Home::run(command), 10, &["TITHE_KEY", "could be guessed", "openssl rand"]);
}

#[test]
fn pg_dump_missing_or_too_old() {
    let scene = Scene::new();
    let file = support::profile(PROFILE);
    let arguments = scene.arguments(&file.path().to_string_lossy(), &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = |variable: &str, value: &str| {
        let mut command = scene.home.command(&arguments);
        command.env(variable, value);
        Home::run(command)
    };
    scene.refused(run("TITHE_PG_DUMP", "/no/such/pg_dump"), 6, &["/no/such/pg_dump, which TITHE_PG_DUMP names"]);
    let fake = scene.home.path().join("pg_dump");
    let script = |text: &str| {
        std::fs::write(&fake, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let path = fake.to_string_lossy();
    script("echo 'pg_dump (PostgreSQL) 9.6.24'");
    scene.refused(run("TITHE_PG_DUMP", &path), 6, &["is version 9", "client programs", "TITHE_PG_DUMP"]);
    script(
        "case $1 in --version) echo 'pg_dump (PostgreSQL) 99.1';; *) echo 'pg_dump: error: broken' >&2; exit 1;; esac",
    );
    scene.refused(run("TITHE_PG_DUMP", &path), 6, &["pg_dump: error: broken"]);
    // As of a newer source: the target does not know the words.
    script("pg_dump \"$@\" | sed 's/^CREATE TABLE/CREATE NEW TABLE/'");
    let words = ["create table posts in the target", "of the source's version or later"];
    scene.refused(run("TITHE_PG_DUMP", &path), 7, &words);
    // Nothing on PATH is no obstacle where the packages' own folders are known.
    let mut command = scene.home.command(&arguments);
    command.env("PATH", scene.home.path().join("empty"));
    let ran = command.output().unwrap();
    assert!([Some(0), Some(6)].contains(&ran.status.code()), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_second_run_at_the_same_time() {
    let scene = Scene::new();
    scene.grow();
    let file = support::profile(PROFILE);
    let arguments = scene.arguments(&file.path().to_string_lossy(), &["--max-rate", "1MB"]);
    let mut first: Command = scene.home.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let mut first = first.stdout(std::process::Stdio::null()).spawn().unwrap();
    let next = format!("SELECT count(*) FROM pg_database WHERE datname = '{}__next'", scene.target.name());
    let end = Instant::now() + Duration::from_secs(60);
    while scene.target.query_one_text(&next) == "0" {
        assert!(Instant::now() < end, "the first run makes no database");
        std::thread::sleep(Duration::from_millis(10));
    }
    scene.sample(&[]).failed(11, &["another run works on", "wait"]);
    scene.assert_readable();
    assert_eq!(first.wait().unwrap().code(), Some(0));
    scene.assert_sampled();
}

/// A run that fails or is killed between making a database and marking it leaves none that later runs refuse.
#[test]
fn a_database_that_was_not_marked_yet_is_a_leftover() {
    let scene = Scene::new();
    let name = scene.target.name();
    let admin = |sql: String| support::servers().target.query_text("postgres", &sql).unwrap();
    admin(format!("CREATE DATABASE {name}__next TEMPLATE template0 ALLOW_CONNECTIONS false CONNECTION LIMIT 10101"));
    scene.sample(&[]).expect_code(0);
    scene.assert_sampled();
}

/// PostgreSQL calls these syntax errors, as if the statement were at fault, and quotes the cell.
#[test]
fn a_value_that_is_no_query_is_not_quoted() {
    let scene = Scene::new();
    for data_type in ["tsquery", "jsonpath"] {
        let profile = format!("{PROFILE}\n[tables.posts]\nwhere = \"(body || ' (((')::{data_type} IS NULL\"\n");
        scene.refused(scene.sample_with(&profile, &[]), 6, &["read rows of posts", "syntax error in a value"]);
    }
}

/// Policies would hide rows without a word.
#[test]
fn rows_that_policies_hide() {
    let scene = Scene::new();
    let server = &support::servers().source;
    let role = format!("hidden_{}", scene.source.name());
    server.query_text("postgres", &format!("CREATE ROLE {role} LOGIN")).unwrap();
    scene.source.execute(&format!(
        "GRANT SELECT ON users, posts TO {role}; ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
         CREATE POLICY few ON posts USING (id <= 10)"
    ));
    let from = with_user(&scene.source.url(), &role);
    let words = ["row-level security", "posts", "BYPASSRLS", "allow_row_security"];
    scene.refused(scene.sample(&["--from", &from]), 6, &words);
    // The owner sees them all.
    scene.sample(&[]).expect_code(0);
    let accepted = format!("{PROFILE}\n[source]\nallow_row_security = true\n");
    scene.sample_with(&accepted, &["--from", &from]).expect_code(0);
    assert_eq!(scene.target.query_one_text("SELECT count(*) BETWEEN 1 AND 10 FROM posts"), "t");
}

/// Whether a row comes would hang on each of its elements, which hang on it.
#[test]
fn a_circle_that_cannot_be_broken() {
    let scene = Scene::new();
    scene.source.execute(
        "CREATE TABLE circles (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, friends int[] NOT NULL);
         INSERT INTO circles SELECT n, n, ARRAY[n, 1] FROM generate_series(1, 200) n",
    );
    let profile = format!(
        "{PROFILE}\n[[references]]\nname = \"friends\"\ntable = \"circles\"\ncolumns = [\"friends\"]\nparent = \"circles\"\n\
         array = true\n[tables.circles]\nwithin = [\"friends\"]\n\
         [columns.circles]\nid = \"keep\"\nuser_id = \"keep\"\nfriends = \"keep\"\n"
    );
    let words = ["circles", "within a cycle", "mode null or pull"];
    scene.refused(scene.sample_with(&profile, &[]), 5, &words);
    let broken = profile.replace("within = [\"friends\"]", "null = [\"friends\"]");
    scene.sample_with(&broken, &[]).expect_code(0);
}

/// Advisory locks are a database's own, and two roles may come in by different ones.
#[test]
fn a_second_run_that_came_in_by_another_database() {
    let scene = Scene::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let other = support::target_database("elsewhere");
    let session = runtime.block_on(other.connect());
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('tithe {}', 0))", scene.target.name());
    runtime.block_on(session.batch_execute(&lock)).unwrap();
    scene.refused(scene.sample(&[]), 11, &["another run"]);
    drop(session);
    drop(runtime);
}

/// Whatever code its author gave it.
#[test]
fn an_exception_of_a_function_is_not_quoted() {
    let scene = Scene::new();
    scene.source.execute(
        "CREATE FUNCTION fits(text) RETURNS boolean LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'bad value %', $1 USING ERRCODE = 'check_violation'; END $$",
    );
    let profile = format!("{PROFILE}\n[tables.posts]\nwhere = \"public.fits(body)\"\n");
    scene.refused(scene.sample_with(&profile, &[]), 6, &["exception raised by a function", "posts"]);
}
