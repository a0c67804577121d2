//! What is shown of masks before a row moves: unique indexes under them, and what only the target can decide.

use crate::support::{self, Home, Ran, TestDb};

/// One source for all cases of a test; each has its own profile.
struct Scene {
    source: TestDb,
    target: TestDb,
    home: Home,
}

impl Scene {
    fn new(schema: &str) -> Self {
        let scene = Self {
            source: support::source_database("proofs"),
            target: support::target_database("proofs"),
            home: Home::new(),
        };
        scene.source.execute(schema);
        scene.target.execute("CREATE TABLE old AS SELECT 'old content' AS text");
        scene
    }

    fn run(&self, command: &[&str], columns: &str) -> Ran {
        let (from, to) = (self.source.url(), self.target.url());
        let profile =
            support::profile(&format!("[sample]\nroot = \"users\"\npercent = 100\n[columns.users]\n{columns}"));
        let path = profile.path().to_string_lossy().into_owned();
        let ends: &[&str] = if command[0] == "sample" { &["--to", &to, "--yes"] } else { &[] };
        self.home.tithe(&[command, &["--from", &from, "--profile", &path], ends].concat())
    }

    #[track_caller]
    fn refused(&self, ran: &Ran, words: &[&str], what: &str) {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 5, "{what}: {said}");
        for word in words {
            assert!(said.contains(word), "{what}: {word:?} is missing in: {said}");
        }
        assert!(!said.contains("Secret"), "{what}: {said}");
        assert_eq!(self.target.query_one_text("SELECT text FROM old"), "old content");
    }
}

const USERS: &str = "
    CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, name text, gone timestamptz, state text);
    INSERT INTO users SELECT n, 'Secret' || n || '@home.example', 'Secret', now(), 'new' FROM generate_series(1, 30) n";

/// Rules of `USERS`, those of the case first.
fn rules(stated: &str) -> String {
    let rest =
        ["id", "email", "name", "gone", "state"].into_iter().filter(|column| !stated.contains(&format!("{column} =")));
    let rest: String = rest.map(|column| format!("{column} = \"keep\"\n")).collect();
    format!("{}\n{rest}", stated.replace("; ", "\n"))
}

/// Index, rules, and what the refusal names; nothing where the index holds.
const INDEXES: &[(&str, &str, &[&str])] = &[
    // A key of several columns.
    ("(name, email)", "email = \"first_name\"", &["users.email", "first_name", "unique index u"]),
    ("(name, email)", "email = \"email\"; name = \"hash\"", &[]),
    // The primary key within it keeps rows apart by itself.
    ("(id, email)", "email = \"first_name\"", &[]),
    // Expressions.
    ("(lower(email))", "email = \"email\"", &[]),
    ("(upper(email), name)", "email = \"uuid\"", &[]),
    ("(lower(email))", "email = \"token\"", &["users.email", "token", "case only"]),
    ("(lower(email))", "email = { template = \"u{id}@dev.example\" }", &[]),
    ("(md5(email))", "email = \"email\"", &["users.email", "expression", "u"]),
    ("(\"left\"(email, 20))", "email = \"email\"", &["users.email", "expression"]),
    ("(lower(email))", "name = \"first_name\"", &[]),
    // Conditions.
    ("(state, email) WHERE gone IS NULL", "gone = \"null\"", &["users.gone", "null", "condition"]),
    ("(email) WHERE gone IS NULL", "email = \"email\"; state = \"null\"", &[]),
    ("(email) WHERE gone IS NOT NULL", "gone = \"null\"", &[]),
    ("(email) WHERE state = 'new'", "state = { constant = \"new\" }", &["users.state", "constant", "condition"]),
    ("(name) WHERE state = 'old'", "name = \"first_name\"", &["users.name", "first_name"]),
    // Members and support rows.
    ("(email)", "email = { keep = true, support = \"email\" }", &[]),
    (
        "(email)",
        "email = { keep = true, support = \"token\" }",
        &["users.email", "rules keep and, for support rows, token"],
    ),
    (
        "(email)",
        "email = { template = \"user{id}\", support = { template = \"user1{id}\" } }",
        &["users.email", "a member and a support row"],
    ),
    ("(email)", "email = { template = \"user{id}\", support = { template = \"guest{id}\" } }", &[]),
    ("(email)", "email = { hash = { length = 16 }, support = \"null\" }", &[]),
    // What a collation, or a whole row, sees.
    ("(email COLLATE loose)", "email = \"token\"", &["users.email", "token", "collation"]),
    ("(email COLLATE loose)", "email = \"email\"", &[]),
    ("(name, email COLLATE loose)", "name = \"token\"", &[]),
    ("(of_row(users.*))", "email = \"email\"", &["users.email", "expression"]),
];

#[test]
fn unique_indexes_under_masks() {
    let scene = Scene::new(&USERS.replace("text NOT NULL", "text"));
    scene.source.execute(
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE FUNCTION of_row(u users) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT u.id || u.email $$",
    );
    for (index, stated, words) in INDEXES {
        scene.source.execute(&format!("CREATE UNIQUE INDEX u ON users {index}"));
        let ran = scene.run(&["plan", "--no-exact"], &rules(stated));
        let what = format!("{index} with {stated}");
        match words {
            [] => assert_eq!(ran.code, 0, "{what}: {}{}", ran.stdout, ran.stderr),
            words => scene.refused(&ran, words, &what),
        }
        scene.source.execute("DROP INDEX u");
    }
}

#[test]
fn exclusion_constraints_and_nulls_that_are_not_distinct() {
    let scene = Scene::new(USERS);
    scene.source.execute("ALTER TABLE users ADD CONSTRAINT apart EXCLUDE USING btree (email WITH =)");
    let ran = scene.run(&["plan", "--no-exact"], &rules("email = \"first_name\""));
    scene.refused(&ran, &["users.email", "first_name", "exclusion constraint apart"], "exclusion");
    assert_eq!(scene.run(&["plan", "--no-exact"], &rules("email = \"email\"")).code, 0);
    if support::oldest_version() >= 15 {
        scene.source.execute(
            "ALTER TABLE users ALTER email DROP NOT NULL; CREATE UNIQUE INDEX n ON users (email) NULLS NOT DISTINCT",
        );
        let ran = scene.run(&["plan", "--no-exact"], &rules("email = \"null\""));
        scene.refused(&ran, &["users.email", "null", "unique index n"], "nulls not distinct");
    }
}

/// What a kept value and a template's give together only the rows can tell: it is said, and a clash swaps nothing in.
#[test]
fn a_kept_value_like_a_templates_is_told_of_beforehand() {
    let scene = Scene::new(&format!("{USERS}; CREATE UNIQUE INDEX u ON users (email)"));
    let stated = rules("email = { keep = true, support = { template = \"hidden{id}\" } }");
    let ran = scene.run(&["plan", "--no-exact"], &stated).expect_code(0);
    assert!(ran.stdout.contains("reads like the template's"), "{}", ran.stdout);
}

/// Schema, rules, and what the refusal names.
const TRIALS: &[(&str, &str, &[&str])] = &[
    (
        "ALTER TABLE users ADD CONSTRAINT at_home CHECK (email LIKE '%@home.example')",
        "email = \"email\"",
        &["users.email (rule email)", "at_home", "line 1", "exempt rows"],
    ),
    (
        "ALTER TABLE users ADD CONSTRAINT long CHECK (length(name) > 5 OR state = 'old')",
        "name = { constant = \"x\" }",
        &["users.name (rule constant)", "long", "line 1"],
    ),
    (
        "CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@home.example'); ALTER TABLE users ALTER email TYPE address",
        "email = \"email\"",
        &["users.email (rule email)", "address_check"],
    ),
    (
        "ALTER TABLE users ADD number int GENERATED ALWAYS AS (substr(email, 7, 1)::int) STORED",
        "email = \"email\"",
        &["users.email (rule email)"],
    ),
    (
        "CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@home.example');
         ALTER TABLE users ALTER name TYPE address[] USING ARRAY[email]::address[]",
        "name = \"email\"",
        &["users.name (rule email)", "address_check"],
    ),
    (
        "ALTER TABLE users ALTER state SET NOT NULL",
        "state = { sql = \"nullif(state, 'new')\" }",
        &["users.state (rule sql)", "line 1"],
    ),
];

#[test]
fn checks_domains_and_generated_columns_are_asked_of_the_target_before_rows_move() {
    for (change, stated, words) in TRIALS {
        let scene = Scene::new(USERS);
        scene.source.execute(change);
        let ran = scene.run(&["sample"], &rules(stated));
        scene.refused(&ran, words, change);
        assert!(!ran.stderr.contains("load rows"), "{}", ran.stderr);
        let ran = scene.run(&["sample"], &rules("state = { constant = \"new\" }")).expect_code(0);
        assert!(ran.stdout.contains("30 values (30 unchanged)"), "{}", ran.stdout);
    }
}

#[test]
fn a_mask_that_leaves_no_partition_for_a_row_is_refused() {
    let scene = Scene::new(
        "CREATE TABLE users (id int, state text NOT NULL, email text) PARTITION BY LIST (state);
         CREATE TABLE users_new PARTITION OF users FOR VALUES IN ('new');
         CREATE TABLE users_old PARTITION OF users FOR VALUES IN ('old');
         ALTER TABLE users ADD PRIMARY KEY (id, state);
         INSERT INTO users SELECT n, CASE WHEN n % 2 = 0 THEN 'new' ELSE 'old' END, 'Secret' FROM generate_series(1, 30) n",
    );
    let rules = |state: &str| format!("id = \"keep\"\nstate = {state}\nemail = \"keep\"\n");
    let ran = scene.run(&["sample"], &rules("\"hash\""));
    scene.refused(&ran, &["users.state is in the partition key", "hash", "default partition"], "hash");
    scene.run(&["sample"], &rules("\"keep\"")).expect_code(0);
    scene.source.execute("CREATE TABLE users_rest PARTITION OF users DEFAULT");
    scene.run(&["sample"], &rules("\"hash\"")).expect_code(0);
}

/// Beyond the first rows the load finds it, and says the same.
#[test]
fn a_late_row_that_breaks_a_check_is_named_by_its_place() {
    let scene = Scene::new(USERS);
    scene.source.execute(
        "INSERT INTO users SELECT n, 'Secret', 'Secret', NULL, CASE WHEN n = 300 THEN 'new' ELSE 'old' END
             FROM generate_series(31, 300) n ORDER BY n;
         DELETE FROM users WHERE id < 31; ALTER TABLE users ADD CONSTRAINT long CHECK (length(name) > 5 OR state = 'old')",
    );
    let ran = scene.run(&["sample"], &rules("name = { constant = \"x\" }"));
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    for word in ["load rows into users", "long", "users.name (rule constant)", "line "] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("Secret"), "{}", ran.stderr);
    // So does a value that its rule cannot mask: here before any row has moved, or in the copy where no trial came.
    let not_json = "UPDATE users SET email = CASE id WHEN 33 THEN 'Secret' ELSE '{}' END";
    scene.source.execute(not_json);
    let rules = rules("email = { json = { default = \"token\" } }");
    let ran = scene.run(&["sample"], &rules);
    scene.refused(&ran, &["mask row 3 of users", "users.email by rule json", "exempt rows"], "not JSON");
}

/// What the plan cannot see, since a generated column lies between, or only says: the key and the index then name the
/// rules. Of one address in thousands of spellings some get the same.
#[test]
fn a_key_or_an_index_that_masks_broke_names_the_rules_to_blame() {
    let scene = Scene::new(USERS);
    scene.source.execute(
        "ALTER TABLE users ADD k text GENERATED ALWAYS AS (lower(email)) STORED UNIQUE;
         CREATE TABLE follows (id int PRIMARY KEY, k text REFERENCES users (k));
         INSERT INTO follows SELECT id, k FROM users WHERE id < 6",
    );
    let follows = "[tables.follows]\nrows = \"all\"\n[columns.follows]\nid = \"keep\"\nk = \"keep\"\n";
    let blamed = |words: &[&str]| {
        let said = scene.run(&["sample"], &(rules("email = \"email\"") + follows)).expect_code(7).stderr;
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
        assert!(!said.contains("although it counts as validated") && !said.contains("Secret"), "{said}");
    };
    blamed(&["foreign key", "follows", "users.email (rule email)", "keep both"]);
    scene.source.execute(
        "ALTER TABLE users DROP COLUMN k CASCADE; CREATE UNIQUE INDEX u ON users (email);
         INSERT INTO users (id, email) SELECT 100 + n, 'Secret' || spelling || '@home.example'
             FROM generate_series(1, 6000) n,
                 LATERAL (SELECT string_agg(chr(CASE WHEN n >> i & 1 = 1 THEN 65 ELSE 97 END + i), '') AS spelling
                          FROM generate_series(0, 12) i) spelled",
    );
    blamed(&["create", "index", "users.email (rule email)", "two rows"]);
}

/// Rows of any size are tried: as many as fit into a few megabytes.
#[test]
fn a_trial_of_large_rows_takes_little_memory() {
    let scene = Scene::new(USERS);
    scene.source.execute("UPDATE users SET name = repeat('Secret ', 400000)");
    let allow = "\n[leaks]\ndefault = \"allow\"\nprose = \"allow\"\ndefinitions = \"allow\"";
    let peak = || {
        let ran = scene.run(&["sample", "--json"], &(rules("email = \"email\"") + allow)).expect_code(0);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a report");
        report["peak_memory_bytes"].as_u64().expect("a number")
    };
    let untried = peak();
    scene.source.execute("ALTER TABLE users ADD CHECK (email <> '' AND name <> '')");
    let tried = peak();
    // All 30 rows are 84 MB.
    assert!(tried < untried + (30 << 20), "{tried} after {untried}");
}

#[test]
fn sql_of_a_profile_is_put_to_the_source_before_rows_are_read() {
    let scene = Scene::new(USERS);
    for (stated, words) in [
        ("name = { sql = \"no_col2\" }", ["columns.users.name", "no_col2"]),
        ("name = { sql = \"no_col2 +\" }", ["columns.users.name", "syntax error"]),
        ("gone = { sql = \"id\" }", ["columns.users.gone", "cannot cast"]),
        ("email = { email = true, when = \"no_col = 1\" }", ["columns.users.email", "no_col"]),
        ("name = { keep = true, support = { lorem = true, when = \"nam = ''\" } }", ["columns.users.name", "nam"]),
    ] {
        for command in [&["plan", "--no-exact"][..], &["sample"], &["profile", "check"]] {
            let ran = scene.run(command, &rules(stated)).expect_code(4);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(words.iter().all(|word| said.contains(word)) && said.contains(".toml:5:"), "{stated}: {said}");
        }
    }
    let asked = rules("email = { email = true, when = \"gone < {run_time}\" }; name = { sql = \"left(name, 1)\" }");
    for command in [&["plan", "--no-exact"][..], &["profile", "check"]] {
        scene.run(command, &asked).expect_code(0);
    }
    let plan = scene.run(&["plan", "--no-exact"], &rules("email = { email = true, when = \"state <> 'new'\" }"));
    assert!(plan.stdout.contains("email email when state <> 'new'"), "{}", plan.stdout);
}
