//! Tables copied in pieces: partitioned ones leaf by leaf, large heaps in ranges of pages.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{self, Home, PROFILE, Ran, Scene, TestDb};

/// Two levels, DEFAULTs at both, other orders of columns, a dropped column, a key within an expression.
const TREE: &str = "
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE events (id int NOT NULL, at date NOT NULL, user_id int NOT NULL REFERENCES users, name text NOT NULL)
        PARTITION BY RANGE (at);
    CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE events_2025 (name text NOT NULL, user_id int NOT NULL, id int NOT NULL, at date NOT NULL)
        PARTITION BY HASH (name);
    ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE events_2025_a (gone int, at date NOT NULL, name text NOT NULL, id int NOT NULL, user_id int NOT NULL);
    ALTER TABLE events_2025_a DROP COLUMN gone;
    ALTER TABLE events_2025 ATTACH PARTITION events_2025_a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE events_2025_b PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE events_other PARTITION OF events DEFAULT PARTITION BY LIST ((id % 2));
    CREATE TABLE events_even PARTITION OF events_other FOR VALUES IN (0);
    CREATE TABLE events_odd PARTITION OF events_other DEFAULT;
    ALTER TABLE events_2024 ADD PRIMARY KEY (id);
    CREATE INDEX events_by_user ON events (user_id);
    INSERT INTO users SELECT generate_series(1, 60);
    INSERT INTO events SELECT n, date '2023-01-01' + n % 1400, 1 + n % 60, 'name' || n FROM generate_series(1, 6000) n;
    ANALYZE;";

const TREE_PROFILE: &str = r#"
    [sample]
    root = "users"
    percent = 50
    seed = "tree"
    [columns.users]
    id = "keep"
    [columns.events]
    id = "keep"
    at = "keep"
    user_id = "keep"
    name = "keep"
"#;

/// Leaves that hold rows, and how many of them have all rows stored as already vacuumed; a server before 14 does not
/// tell.
const FROZEN: &str = "
    SELECT count(*) FILTER (WHERE relallvisible = relpages OR current_setting('server_version_num')::int < 140000)
        || ' of ' || count(*)
    FROM pg_class JOIN pg_partition_tree('events') ON oid = relid WHERE isleaf AND relpages > 0";

fn sample(source: &TestDb, target: &TestDb, profile: &str, more: &[&str]) -> Ran {
    let file = support::profile(profile);
    let path = file.path().to_str().unwrap().to_owned();
    let (from, to) = (source.url(), target.url());
    let mut arguments = vec!["sample", "--yes", "--json", "--profile", &path, "--from", &from, "--to", &to];
    arguments.extend(more);
    let home = Home::new();
    let mut command = home.command(&arguments);
    command.env("TITHE_KEY", "a secret key for the tests");
    Home::run(command)
}

/// What the run's report says of a table, without how long it took.
fn told(ran: &Ran, table: &str) -> Value {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let entry = report["tables"].as_array().unwrap().iter().find(|entry| entry["table"] == table).unwrap();
    let mut entry = entry.clone();
    entry["seconds"].take();
    entry
}

/// Every row of the tree with its leaf, of the users in `users`.
fn rows(database: &TestDb, users: &str) -> String {
    database.query_one_text(&format!(
        "SELECT count(*) || ' ' || md5(string_agg(concat_ws(' ', tableoid::regclass, id, at, user_id, name), ',' ORDER BY id))
         FROM events WHERE user_id = ANY ('{{{users}}}')"
    ))
}

#[test]
fn leaves_arrive_one_by_one_as_they_are() {
    let source = support::source_database("tree");
    source.execute(TREE);
    for more in [&["--jobs", "4"][..], &["--jobs", "1", "--range-bytes", "8kB"]] {
        let target = support::target_database("tree");
        let ran = sample(&source, &target, TREE_PROFILE, more).expect_code(0);
        let users = target.query_one_text("SELECT string_agg(id::text, ',') FROM users");
        let arrived = rows(&target, &users);
        assert_eq!(arrived, rows(&source, &users));
        let count = arrived.split(' ').next().unwrap();
        assert!(count.parse::<u32>().unwrap() > 1000, "{count}");
        assert_eq!(target.query_one_text("SELECT count(*) FROM events"), count);
        assert_eq!(told(&ran, "events")["rows_copied"].to_string(), count);
        assert_eq!(target.query_one_text(FROZEN), "5 of 5");
        assert_eq!(target.query_one_text("SELECT bool_and(indisvalid) AND count(*) > 10 FROM pg_index"), "t");
        let only_once = "SELECT count(*) FROM pg_stat_user_tables WHERE relname = 'events' AND last_analyze IS NULL";
        assert_eq!(target.query_one_text(only_once), "0");
    }
}

/// The leaf of a row depends on keys of lower levels too, also within an expression: only the root's were read once.
#[test]
fn a_masked_key_of_a_lower_level_goes_through_the_root() {
    let masks = [
        ("name = \"keep\"", "name = \"email\""),
        ("events]\n    id = \"keep\"", "events]\n    id = { constant = \"7\" }"),
    ];
    for (kept, masked) in masks {
        let (source, target) = (support::source_database("tree"), support::target_database("tree"));
        source.execute(TREE);
        source.execute("ALTER TABLE events_2024 DROP CONSTRAINT events_2024_pkey");
        let profile = TREE_PROFILE.replace(kept, masked);
        assert_ne!(profile, TREE_PROFILE);
        sample(&source, &target, &profile, &[]).expect_code(0);
        let users = target.query_one_text("SELECT string_agg(id::text, ',') FROM users");
        let wanted = source.query_one_text(&format!("SELECT count(*) FROM events WHERE user_id = ANY ('{{{users}}}')"));
        assert_eq!(target.query_one_text("SELECT count(*) FROM events"), wanted);
        let kept = "SELECT count(*) FROM events WHERE name LIKE 'name%' AND id <> 7";
        assert_eq!(target.query_one_text(kept), "0");
    }
}

/// As a key of the first level: NULL would move the row to another leaf, or to none.
#[test]
fn a_key_of_a_lower_level_cannot_become_null() {
    let (source, target) = (support::source_database("tree"), support::target_database("tree"));
    source.execute(
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE gifts (id int NOT NULL, from_id int NOT NULL REFERENCES users, to_id int REFERENCES users)
             PARTITION BY RANGE (id);
         CREATE TABLE gifts_1 PARTITION OF gifts FOR VALUES FROM (0) TO (1000) PARTITION BY RANGE (to_id);
         CREATE TABLE gifts_1_1 PARTITION OF gifts_1 FOR VALUES FROM (0) TO (1000);
         INSERT INTO users SELECT generate_series(1, 60);
         INSERT INTO gifts SELECT n, 1 + n % 60, 1 + n * 7 % 60 FROM generate_series(1, 600) n;",
    );
    let keep = "id = \"keep\"";
    let profile = format!(
        "[sample]\nroot = \"users\"\n[columns.users]\n{keep}\n[columns.gifts]\n{keep}\nfrom_id = \"keep\"\nto_id = \"keep\"\n"
    );
    sample(&source, &target, &profile, &["--percent", "50"]).expect_code(0);
    assert_eq!(target.query_one_text("SELECT count(*) > 50 AND bool_and(to_id IS NOT NULL) FROM gifts"), "t");
}

/// The rows of one user lie in all leaves and pages, and only all of them show which are the first.
#[test]
fn rows_are_capped_over_all_leaves_and_pages() {
    let source = support::source_database("tree");
    source.execute(TREE);
    source.execute(
        "CREATE TABLE plain AS SELECT * FROM events; ALTER TABLE plain ADD FOREIGN KEY (user_id) REFERENCES users",
    );
    let capped = "per_parent = { column = \"user_id\", limit = 3, order = \"id\" }";
    let columns = &TREE_PROFILE[TREE_PROFILE.find("[columns.events]").unwrap()..].replace("events", "plain");
    let profile = format!(
        "{TREE_PROFILE}{columns}[tables.events]\n{capped}\n[tables.plain]\nrows = \"owned\"\nwithin = [\"user_id\"]\n{capped}\n"
    );
    let target = support::target_database("tree");
    sample(&source, &target, &profile, &["--range-bytes", "8kB"]).expect_code(0);
    for table in ["events", "plain"] {
        let counts =
            format!("SELECT min(n) || ' ' || max(n) FROM (SELECT count(*) AS n FROM {table} GROUP BY user_id) c");
        assert_eq!(target.query_one_text(&counts), "3 3", "{table}");
    }
}

/// A hash over oids puts a row into another leaf on another server; policies of the root hide no rows of its leaves.
#[test]
fn leaves_that_cannot_stand_alone_go_through_the_root() {
    let (source, target) = (support::source_database("tree"), support::target_database("tree"));
    source.execute(TREE);
    source.execute(
        "CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd');
         CREATE TABLE moods (user_id int NOT NULL REFERENCES users, mood mood NOT NULL) PARTITION BY HASH (mood);
         CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO moods SELECT id, mood FROM users, unnest(enum_range(NULL::mood)) AS mood;
         CREATE POLICY even ON events USING (id % 2 = 0);
         ALTER TABLE events ENABLE ROW LEVEL SECURITY;
         CREATE ROLE tree_reader LOGIN;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO tree_reader;",
    );
    let from = source.url().replace("user=postgres", "user=tree_reader");
    let profile = format!(
        "{TREE_PROFILE}[source]\nallow_row_security = true\n[columns.moods]\nuser_id = \"keep\"\nmood = \"keep\"\n"
    );
    let file = support::profile(&profile);
    let (path, to) = (file.path().to_string_lossy(), target.url());
    let ran = Home::new().tithe(&["sample", "--yes", "--from", &from, "--to", &to, "--profile", &path]);
    source.execute("DROP OWNED BY tree_reader; DROP ROLE tree_reader");
    ran.expect_code(0);
    assert_eq!(target.query_one_text("SELECT count(*) > 1000 AND bool_and(id % 2 = 0) FROM events"), "t");
    assert_eq!(target.query_one_text("SELECT count(*) = 4 * (SELECT count(*) FROM users) FROM moods"), "t");
}

#[test]
fn ranges_bring_what_one_statement_brings() {
    let scene = Scene::new();
    scene.grow();
    // In text, for its reg* column.
    scene
        .source
        .execute("ALTER TABLE users ADD kind regtype DEFAULT 'integer'; UPDATE users SET name = repeat('n', 300)");
    scene.source.execute("ANALYZE");
    let profile = PROFILE.replace("name = \"keep\"", "name = \"keep\"\nkind = \"keep\"");
    let read = |more: &[&str]| {
        let ran = scene.sample_with(&profile, &[&["--json"], more].concat()).expect_code(0);
        (told(&ran, "posts"), told(&ran, "users"))
    };
    let at_once = read(&[]);
    assert!(at_once.0["rows_copied"].as_u64() > Some(1000), "{at_once:?}");
    for jobs in ["1", "4"] {
        assert_eq!(read(&["--range-bytes", "64kB", "--jobs", jobs]), at_once, "{jobs} jobs");
    }
    scene.assert_sampled();
    let path = support::profile(&profile);
    let (from, to, path) = (scene.source.url(), scene.target.url(), path.path().to_string_lossy().into_owned());
    scene.home.tithe(&["verify", "--from", &from, "--to", &to, "--profile", &path]).expect_code(0);
}

/// Most sessions that were there at one moment and had last asked for a range of the posts.
fn most_readers(scene: &Scene, mut run: Child) -> usize {
    let question = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'COPY%posts%ctid%'",
        scene.source.name()
    );
    let mut most = 0;
    while run.try_wait().unwrap().is_none() {
        most = most.max(scene.source.query_one_text(&question).parse::<usize>().unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(run.wait().unwrap().success());
    most
}

#[test]
fn sessions_that_are_free_join_in_reading() {
    let scene = Scene::new();
    scene.grow();
    let profile = support::profile(PROFILE);
    // Before 14 a range of pages is no plan of a server's.
    let has_ranges = scene.source.query_one_text("SELECT current_setting('server_version_num')::int >= 140000") == "t";
    for (jobs, wanted) in [("1", 1..=1), ("3", 2..=3)] {
        let wanted = if has_ranges { wanted } else { 0..=0 };
        let more = ["--jobs", jobs, "--range-bytes", "256kB", "--max-rate", "2MB"];
        let arguments = scene.arguments(&profile.path().to_string_lossy(), &more);
        let mut command = scene.home.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let most = most_readers(&scene, run);
        assert!(wanted.contains(&most), "{most} readers of {jobs} sessions");
        scene.assert_sampled();
    }
}

/// The failure of a range is the run's own, told once; nothing hangs and nothing is left.
#[test]
fn a_range_that_cannot_be_read_ends_the_run() {
    let scene = Scene::new();
    scene.grow();
    let profile = format!("{PROFILE}\n[tables.posts]\nwhere = \"1000000 / (id % 499 - 400) <> 1\"\n");
    for jobs in ["1", "4"] {
        let ran = scene.sample_with(&profile, &["--jobs", jobs, "--range-bytes", "64kB"]);
        scene.refused(ran, 6, &["read rows of posts", "division by zero"]);
    }
}

/// A few keys are looked up by an index: ranges would repeat that for nothing.
#[test]
fn rows_found_by_an_index_are_read_at_once() {
    let scene = Scene::new();
    scene.grow();
    scene.source.execute("CREATE INDEX ON posts (user_id)");
    scene.source.execute("VACUUM ANALYZE");
    scene.source.execute("SELECT pg_stat_reset()");
    scene.sample(&["--rows", "1", "--range-bytes", "64kB"]).expect_code(0);
    // A session tells what it read when it ends.
    let name = scene.source.name();
    let idle = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()");
    while scene.source.query_one_text(&idle) != "0" {
        std::thread::sleep(Duration::from_millis(50));
    }
    let scans = "SELECT seq_scan || ' ' || idx_scan FROM pg_stat_user_tables WHERE relname = 'posts'";
    assert_eq!(scene.source.query_one_text(scans), "0 1");
}

/// Sessions that the server does not grant any more: those that are there go on.
#[test]
fn a_session_that_cannot_join_does_not_end_the_run() {
    let scene = Scene::new();
    scene.grow();
    let profile = support::profile(PROFILE);
    let role = format!("few_{}", scene.source.name());
    scene.source.execute(&format!(
        "CREATE ROLE {role} LOGIN CONNECTION LIMIT 5; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let arguments = scene.arguments(&profile.path().to_string_lossy(), &["--jobs", "8", "--range-bytes", "64kB"]);
    let (own, limited) = (scene.source.url(), support::as_role(&scene.source, &role));
    let arguments: Vec<&str> =
        arguments.iter().map(|a| if *a == own { limited.as_str() } else { a.as_str() }).collect();
    let ran = scene.home.tithe(&arguments);
    scene.source.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    ran.expect_code(0);
    scene.assert_sampled();
}
