//! Tables and partitions that do not come: left out by the profile, foreign, or an extension's own.

use crate::support::{self, Home, Ran, TestDb};

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY);
    INSERT INTO users SELECT generate_series(1, 40);
    CREATE SCHEMA archive;
    CREATE TABLE events (id int, kind int, user_id int NOT NULL REFERENCES users, note text, PRIMARY KEY (id, kind))
        PARTITION BY LIST (kind);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
    CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2) PARTITION BY LIST (id);
    CREATE TABLE archive.events_2_old PARTITION OF events_2 FOR VALUES IN (1, 2, 3, 4, 5, 6, 7, 8, 9);
    CREATE TABLE events_2_rest PARTITION OF events_2 DEFAULT;
    CREATE TABLE events_rest PARTITION OF events DEFAULT;
    CREATE INDEX events_by_user ON events (user_id);
    INSERT INTO events SELECT n, 1 + n % 3, 1 + n % 40, 'note ' || n FROM generate_series(1, 400) n;";

fn profile(source: &str, more: &str) -> String {
    format!(
        "[sample]\nroot = \"users\"\npercent = 50\nseed = \"behind\"\n{source}\n[columns.users]\nid = \"keep\"\n{more}"
    )
}

const EVENTS: &str = "[columns.events]\nid = \"keep\"\nkind = \"keep\"\nuser_id = \"keep\"\nnote = \"keep\"\n";

fn sample(from: &str, target: &TestDb, profile: &str) -> Ran {
    let file = support::profile(profile);
    let path = file.path().to_str().unwrap().to_owned();
    let home = Home::new();
    let to = target.url();
    let ran = home.tithe(&["sample", "--yes", "--profile", &path, "--from", from, "--to", &to]);
    if ran.code == 0 {
        home.tithe(&["verify", "--profile", &path, "--from", from, "--to", &to]).expect_code(0);
    }
    ran
}

fn databases() -> (TestDb, TestDb) {
    let (source, target) = (support::source_database("behind"), support::target_database("behind"));
    source.execute(USERS);
    (source, target)
}

/// Of the events that both databases could have: those of the target's users.
fn assert_same_events(source: &TestDb, target: &TestDb, come: &str) {
    let users = target.query_one_text("SELECT string_agg(id::text, ',') FROM users");
    let sum = "SELECT count(*) || ' ' || coalesce(md5(string_agg(concat_ws(' ', id, kind, user_id, note), ',' ORDER BY id)), '')
        FROM events";
    let wanted = source.query_one_text(&format!("{sum} WHERE user_id = ANY ('{{{users}}}') AND ({come})"));
    assert!(!wanted.starts_with("0 "), "{wanted}");
    assert_eq!(target.query_one_text(sum), wanted);
}

/// Its partitions go with it, though pg_dump would not leave them out; and the role need not read them.
#[test]
fn a_partitioned_table_is_left_out_with_all_its_partitions() {
    let (source, target) = databases();
    let role = format!("reader_{}", source.name());
    source.execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}"));
    for from in [source.url(), support::as_role(&source, &role)] {
        sample(&from, &target, &profile("[source]\nexclude_tables = [\"events\"]", "")).expect_code(0);
        let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'events%' OR relname LIKE '%\\_old'";
        assert_eq!(target.query_one_text(left), "0");
    }
    source.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn rows_of_partitions_that_are_left_out_stay_behind() {
    let (source, target) = databases();
    for (left_out, come) in [
        ("exclude_schemas = [\"archive\"]", "kind <> 2 OR id > 9"),
        ("exclude_tables = [\"archive.events_2_old\", \"events_1\"]", "kind = 2 AND id > 9 OR kind = 3"),
        ("exclude_tables = [\"events_2\"]", "kind <> 2"),
    ] {
        sample(&source.url(), &target, &profile(&format!("[source]\n{left_out}"), EVENTS)).expect_code(0);
        assert_same_events(&source, &target, come);
    }
    // Whatever refers to such a table might refer to a row that stays behind.
    source.execute(
        "CREATE TABLE answers (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, event int, kind int,
             FOREIGN KEY (event, kind) REFERENCES events)",
    );
    let more =
        format!("{EVENTS}[columns.answers]\nid = \"keep\"\nuser_id = \"keep\"\nevent = \"keep\"\nkind = \"keep\"\n");
    let text = profile("[source]\nexclude_schemas = [\"archive\"]", &more);
    let ran = sample(&source.url(), &target, &text).expect_code(5);
    assert!(ran.stderr.contains("archive.events_2_old") && ran.stderr.contains("answers"), "{}", ran.stderr);
}

/// A third server is not asked, and a DEFAULT partition does not take what is not there.
#[test]
fn rows_of_foreign_partitions_stay_behind_and_are_never_asked_for() {
    let (source, target) = databases();
    // Without a handler every question to it fails; no key can span it.
    source.execute(
        "ALTER TABLE events DROP CONSTRAINT events_pkey, DROP CONSTRAINT events_user_id_fkey; CREATE FOREIGN DATA WRAPPER nobody;
         CREATE SERVER nowhere FOREIGN DATA WRAPPER nobody;
         CREATE FOREIGN TABLE events_far PARTITION OF events FOR VALUES IN (77) SERVER nowhere",
    );
    let owner = "[[references]]\ntable = \"events\"\ncolumns = [\"user_id\"]\nparent = \"users\"\n";
    let file = support::profile(&profile(owner, EVENTS));
    let path = file.path().to_str().unwrap().to_owned();
    let from = source.url();
    let told = Home::new().tithe(&["plan", "--profile", &path, "--from", &from]).expect_code(0);
    let words = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the rows of 1 partition stay behind") && words.contains("events_far"), "{words}");
    sample(&from, &target, &profile(owner, EVENTS)).expect_code(0);
    assert_same_events(&source, &target, "kind <> 77");
    assert_eq!(target.query_one_text("SELECT count(*) FROM pg_class WHERE relname = 'events_far'"), "0");
}

/// Such a table comes with its extension, or not: what refers to it is kept, and told where it has no parent.
#[test]
fn references_to_an_extensions_own_table_keep_their_values() {
    let (source, target) = databases();
    source.execute(
        "CREATE EXTENSION citext; CREATE TABLE places (id int PRIMARY KEY); INSERT INTO places VALUES (1), (2);
         ALTER EXTENSION citext ADD TABLE places;
         CREATE TABLE visits (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, place int NOT NULL REFERENCES places);
         INSERT INTO visits SELECT n, n, 1 + n % 2 FROM generate_series(1, 40) n",
    );
    let columns = "[columns.visits]\nid = \"keep\"\nuser_id = \"keep\"\nplace = \"keep\"\n";
    let ran = sample(&source.url(), &target, &profile("", &format!("{EVENTS}{columns}"))).expect_code(3);
    assert!(ran.stderr.contains("visits_place_fkey") || ran.stdout.contains("visits_place_fkey"), "{ran:?}");
    let same = "SELECT bool_and(place = 1 + id % 2) AND count(*) = (SELECT count(*) FROM users) FROM visits";
    assert_eq!(target.query_one_text(same), "t");
}

/// The key is one of that partition alone: another may hold the same number.
#[test]
fn a_reference_to_a_single_partition_has_no_plan_unless_the_table_comes_whole() {
    let (source, target) = databases();
    source.execute(
        "ALTER TABLE events_1 ADD UNIQUE (id);
         CREATE TABLE marks (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, event int REFERENCES events_1 (id));
         INSERT INTO marks SELECT id, user_id, id FROM events_1",
    );
    let columns = format!("{EVENTS}[columns.marks]\nid = \"keep\"\nuser_id = \"keep\"\nevent = \"keep\"\n");
    let ran = sample(&source.url(), &target, &profile("", &columns)).expect_code(5);
    assert!(ran.stderr.contains("marks_event_fkey") && ran.stderr.contains("tables.events"), "{}", ran.stderr);
    let whole = format!("{columns}[tables.events]\nrows = \"all\"\n");
    let ran = sample(&source.url(), &target, &profile("", &whole).replace("percent = 50", "percent = 100"));
    ran.expect_code(0);
    assert_eq!(target.query_one_text("SELECT count(*) > 0 AND count(event) = count(*) FROM marks"), "t");
}

/// An identity's sequence goes with its table; one that another table draws from is set past what that holds.
#[test]
fn sequences_of_a_table_that_is_left_out() {
    let (source, target) = databases();
    source.execute(
        "CREATE TABLE junk (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x int);
         CREATE TABLE old (id serial PRIMARY KEY, x int); INSERT INTO old SELECT generate_series(1, 50), 1;
         CREATE TABLE new (id int PRIMARY KEY DEFAULT nextval('old_id_seq'), user_id int NOT NULL REFERENCES users);
         INSERT INTO new SELECT nextval('old_id_seq'), n FROM generate_series(1, 40) n",
    );
    let columns = "[columns.new]\nid = \"keep\"\nuser_id = \"keep\"\n";
    let left_out = "[source]\nexclude_tables = [\"junk\", \"old\", \"events\"]";
    sample(&source.url(), &target, &profile(left_out, columns)).expect_code(0);
    assert_eq!(target.query_one_text("SELECT nextval('old_id_seq') > (SELECT max(id) FROM new)"), "t");
}

/// The first rows of each user, of those that come.
#[test]
fn capped_rows_of_a_table_whose_partitions_stay_behind_in_part() {
    let (source, target) = databases();
    source.execute("ALTER TABLE events DROP CONSTRAINT events_pkey; ALTER TABLE events_rest ADD FOREIGN KEY (id) REFERENCES users NOT VALID");
    let capped = format!(
        "{EVENTS}[tables.events]\norphans = \"keep\"\nper_parent = {{ column = \"user_id\", limit = 2, order = \"id\" }}\n"
    );
    let text = profile("[source]\nexclude_tables = [\"events_1\"]", &capped);
    sample(&source.url(), &target, &text).expect_code(0);
    let most = "SELECT max(n) = 2 AND min(n) > 0 FROM (SELECT count(*) AS n FROM events GROUP BY user_id) s";
    assert_eq!(target.query_one_text(most), "t");
    assert_eq!(target.query_one_text("SELECT count(*) FROM events WHERE kind = 1"), "0");
}

#[test]
fn what_cannot_be_left_out_or_read_in_part_is_told_by_the_plan() {
    let (source, _) = databases();
    source.execute("CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (more int) INHERITS (parent)");
    let role = format!("partly_{}", source.name());
    source.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON users, events, events_1, events_2_rest, events_rest, parent, child TO {role};
         GRANT USAGE ON SCHEMA archive TO {role}; GRANT SELECT ON archive.events_2_old TO {role}"
    ));
    let columns = format!("{EVENTS}[columns.child]\nid = \"keep\"\nmore = \"keep\"\n[tables.child]\nrows = \"all\"\n");
    let parent = format!("{columns}[tables.parent]\nrows = \"none\"\n");
    let plan = |from: &str, text: &str, code: i32| {
        let file = support::profile(text);
        Home::new().tithe(&["plan", "--profile", file.path().to_str().unwrap(), "--from", from]).expect_code(code)
    };
    let ran = plan(&source.url(), &profile("[source]\nexclude_tables = [\"parent\"]", &columns), 5);
    assert!(ran.stderr.contains("child inherits"), "{}", ran.stderr);
    let ran = plan(&support::as_role(&source, &role), &profile("", &parent), 6);
    assert!(ran.stderr.contains("events_2") && !ran.stderr.contains("events_1"), "{}", ran.stderr);
    source.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
