//! Which rows come, rule by rule: small databases whose outcome can be worked out by hand.
//!
//! Users 1 and 2 are drawn (`always`, beside a share too small to draw anybody) unless a test says otherwise.

use crate::support::{self, Home, Scene, TestDb};

/// A database and what its profile says beside the draw and the columns, which are all kept.
pub(crate) struct Setting {
    pub(crate) source: TestDb,
    pub(crate) target: TestDb,
    profile: tempfile::NamedTempFile,
}

pub(crate) const DRAW: &str = "[sample]\nroot = \"users\"\npercent = 0.0000001\nalways = \"id IN (1, 2)\"\n";

impl Setting {
    pub(crate) fn new(schema: &str, profile: &str) -> Self {
        Self::drawn(DRAW, schema, profile)
    }

    pub(crate) fn drawn(draw: &str, schema: &str, profile: &str) -> Self {
        let source = support::source_database("closure");
        source.execute(schema);
        let columns = source.query_one_text(
            "SELECT string_agg(section, '') FROM (SELECT format(E'[columns.\"%s%s\"]\n', CASE WHEN table_schema <> 'public'
                THEN table_schema || '.' END, table_name) || string_agg(format(E'\"%s\" = \"keep\"\n', column_name), '') AS section
             FROM information_schema.columns JOIN pg_class ON oid = format('%I.%I', table_schema, table_name)::regclass
             WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND NOT relispartition
             GROUP BY table_schema, table_name) s",
        );
        let profile = support::profile(&format!("{draw}{profile}\n{columns}"));
        Self { source, target: support::target_database("closure"), profile }
    }

    /// The same with another text in its profile.
    pub(crate) fn rewritten(mut self, from: &str, to: &str) -> Self {
        let text = std::fs::read_to_string(self.profile.path()).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.profile = support::profile(&text.replacen(from, to, 1));
        self
    }

    fn arguments(&self, command: &str) -> Vec<String> {
        let profile = self.profile.path().to_string_lossy().into_owned();
        let mut arguments =
            vec![command.to_owned(), "--from".to_owned(), self.source.url(), "--profile".to_owned(), profile];
        if command == "sample" {
            arguments.extend(["--yes", "--json", "--to"].map(str::to_owned));
            arguments.push(self.target.url());
        }
        arguments
    }

    pub(crate) fn run(&self, command: &str, more: &[&str]) -> support::Ran {
        let arguments = self.arguments(command);
        let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Home::new().tithe(&all)
    }

    /// Samples, then compares answers: (question, answer), NULL as `-`.
    #[track_caller]
    pub(crate) fn brings(&self, wanted: &[(&str, &str)]) {
        self.brings_with(&[], wanted);
    }

    #[track_caller]
    pub(crate) fn brings_with(&self, more: &[&str], wanted: &[(&str, &str)]) {
        let ran = self.run("sample", more);
        assert!([0, 3].contains(&ran.code), "exit {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
        for (expression, answer) in wanted {
            let (what, table) = expression.split_once(" FROM ").expect("an expression FROM a table");
            let question = format!("SELECT string_agg(coalesce(({what})::text, '-'), ' ' ORDER BY 1) FROM {table}");
            let found = self.target.query_text(&question.replace("ORDER BY 1)", &format!("ORDER BY ({what})::text)")));
            assert_eq!(found.as_deref().unwrap_or(""), *answer, "{expression}\n{}", ran.stdout);
        }
    }
}

/// Users 1 to 6.
const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, banned_until timestamptz);
    INSERT INTO users SELECT generate_series(1, 6);";

pub(crate) fn with_users(rest: &str) -> String {
    format!("{USERS}\n{rest}")
}

#[test]
fn defaults_are_strict_and_give_their_reasons() {
    let schema = with_users(
        "CREATE TABLE countries (id int PRIMARY KEY);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, editor int REFERENCES users,
                             country int REFERENCES countries);
         CREATE TABLE notes (id int PRIMARY KEY, post int NOT NULL REFERENCES posts);
         INSERT INTO countries SELECT generate_series(1, 4);
         INSERT INTO posts VALUES (1, 1, 2, 1), (2, 2, 3, NULL), (3, 3, 1, 3), (4, 1, NULL, 4);
         INSERT INTO notes VALUES (1, 1), (2, 3), (3, 4);",
    );
    let setting = Setting::new(&schema, "[tables.countries]\nrows = \"referenced\"");
    setting.brings(&[
        ("id FROM users", "1 2"),
        ("(id, editor) FROM posts", "(1,2) (2,) (4,)"),
        ("id FROM notes", "1 3"),
        ("id FROM countries", "1 4"),
    ]);
    let plan = setting.run("plan", &["--json"]).expect_code(0).stdout;
    for reason in [
        "NOT NULL reference that leads to the root",
        "nullable reference to an owned table",
        "its parent does not lead to the root",
        "the profile says rows = \\\"referenced\\\"",
        "its NOT NULL reference owner -> users leads to the root",
    ] {
        assert!(plan.contains(reason), "{reason}\n{plan}");
    }
}

#[test]
fn within_a_table_that_refers_to_itself() {
    let schema = with_users(
        "CREATE TABLE comments (id int PRIMARY KEY, author int NOT NULL REFERENCES users, parent int REFERENCES comments);
         INSERT INTO comments VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 2), (4, 1, 3), (5, 1, 4), (6, 2, 6), (7, 1, 2);",
    );
    // 4 answers a comment of user 3, 5 answers 4; 6 answers itself.
    Setting::new(&schema, "[tables.comments]\nwithin = [\"parent\"]").brings(&[("id FROM comments", "1 2 6 7")]);
    Setting::new(&schema, "").brings(&[("(id, parent) FROM comments", "(1,) (2,1) (4,) (5,4) (6,6) (7,2)")]);
}

#[test]
fn two_tables_that_need_each_other() {
    let schema = with_users(
        "CREATE TABLE accounts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, card int NOT NULL);
         CREATE TABLE cards (id int PRIMARY KEY, account int NOT NULL REFERENCES accounts);
         INSERT INTO accounts VALUES (1, 1, 1), (2, 2, 3), (3, 3, 3), (4, 1, 5);
         INSERT INTO cards VALUES (1, 1), (2, 1), (3, 3), (4, 2), (5, 4);
         ALTER TABLE accounts ADD FOREIGN KEY (card) REFERENCES cards;",
    );
    // Account 2's card belongs to account 3, whose owner is not drawn.
    Setting::new(&schema, "").brings(&[("id FROM accounts", "1 4"), ("id FROM cards", "1 2 5")]);
}

#[test]
fn a_followed_reference_brings_rows_whoever_wrote_them() {
    let schema = with_users(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE comments (id int PRIMARY KEY, post int NOT NULL REFERENCES posts, author int NOT NULL REFERENCES users,
                                editor int REFERENCES users, answer int REFERENCES comments);
         INSERT INTO posts VALUES (1, 1), (2, 5);
         INSERT INTO comments VALUES (1, 1, 4, 5, NULL), (2, 2, 1, 1, 1), (3, 1, 2, 2, 2), (4, 1, 6, NULL, 1);",
    );
    Setting::new(&schema, "[tables.comments]\nfollow = [\"post\"]").brings(&[
        ("(id, author, editor, answer) FROM comments", "(1,4,,) (3,2,2,) (4,6,,1)"),
        ("id FROM users", "1 2 4 6"),
        ("id FROM posts", "1"),
    ]);
    // Of two followed references either brings a row, and the other one's parent comes where it must.
    Setting::new(&schema, "[tables.comments]\nfollow = [\"post\", \"author\"]").brings(&[
        ("id FROM comments", "1 2 3 4"),
        ("id FROM posts", "1 2"),
        ("id FROM users", "1 2 4 5 6"),
    ]);
}

#[test]
fn pulled_rows_bring_only_what_they_cannot_be_without() {
    let schema = with_users(
        "CREATE TABLE a (id int PRIMARY KEY);
         CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a, other_a int REFERENCES a, boss int NOT NULL REFERENCES b);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, b int NOT NULL REFERENCES b);
         INSERT INTO a SELECT generate_series(1, 9);
         INSERT INTO b VALUES (1, 1, 5, 1), (2, 2, 1, 1), (3, 3, 6, 2), (4, 4, 7, 4);
         INSERT INTO posts VALUES (1, 1, 3), (2, 5, 4);",
    );
    Setting::new(&schema, "[tables.a]\nrows = \"referenced\"\n[tables.b]\nrows = \"referenced\"").brings(&[
        ("(id, a, other_a, boss) FROM b", "(1,1,,1) (2,2,1,1) (3,3,,2)"),
        ("id FROM a", "1 2 3"),
        ("id FROM posts", "1"),
    ]);
}

#[test]
fn what_cannot_become_null_falls_back_to_within() {
    // NULLS NOT DISTINCT came with 15.
    let has_nnd = support::oldest_version() >= 15;
    let distinct = if has_nnd { "(u, p) NULLS NOT DISTINCT" } else { "(u, coalesce(p, 0))" };
    let schema = with_users(&format!(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE keyed (u int NOT NULL REFERENCES users, p int REFERENCES posts, PRIMARY KEY (u, p));
         CREATE TABLE parted (u int NOT NULL REFERENCES users, p int REFERENCES posts) PARTITION BY LIST (p);
         CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
         CREATE TABLE checked (u int NOT NULL REFERENCES users, p int REFERENCES posts, CHECK (num_nulls(p) = 0));
         CREATE TABLE harmless (u int NOT NULL REFERENCES users, p int REFERENCES posts, CHECK (p > 0 AND NOT p = 77));
         CREATE TABLE distinct_nulls (u int NOT NULL REFERENCES users, p int REFERENCES posts, name text);
         CREATE UNIQUE INDEX ON distinct_nulls {distinct};
         CREATE TABLE folders (u int NOT NULL REFERENCES users, p int REFERENCES posts, name text);
         CREATE UNIQUE INDEX ON folders (u, name) WHERE p IS NULL;
         CREATE TABLE named (u int NOT NULL REFERENCES users, p int REFERENCES posts, name text);
         CREATE UNIQUE INDEX ON named (u, coalesce(p, 0), name);
         INSERT INTO posts VALUES (1, 1), (2, 5), (3, 6);
         INSERT INTO keyed VALUES (1, 1), (1, 2), (2, 1);
         INSERT INTO parted SELECT * FROM keyed;
         INSERT INTO checked SELECT * FROM keyed;
         INSERT INTO harmless SELECT * FROM keyed;
         INSERT INTO distinct_nulls VALUES (1, 1, 'a'), (1, 2, 'a'), (1, 3, 'a'), (1, NULL, 'a');
         INSERT INTO folders SELECT * FROM distinct_nulls;
         INSERT INTO named SELECT * FROM distinct_nulls;"
    ));
    let stated = |table: &str| format!("[tables.{table}]\nnull = [\"p\"]\n");
    let profile: String =
        ["keyed", "parted", "checked", "harmless", "distinct_nulls", "folders", "named"].map(stated).concat();
    let setting = Setting::new(&schema, &profile);
    setting.brings(&[
        ("(u, p) FROM keyed", "(1,1) (2,1)"),
        ("(u, p) FROM parted", "(1,1) (2,1)"),
        ("(u, p) FROM checked", "(1,1) (2,1)"),
        ("(u, p) FROM harmless", "(1,) (1,1) (2,1)"),
        ("p FROM distinct_nulls", "1 -"),
        ("p FROM folders", "1 -"),
        ("p FROM named", "1 -"),
    ]);
    let said = setting.run("plan", &["--json"]).expect_code(0).stdout;
    let nnd = if has_nnd { "NULLS NOT DISTINCT" } else { "expression" };
    for obstacle in ["NOT NULL", "in the partition key", "in a CHECK", nnd, "condition of a unique index"] {
        assert!(said.contains(obstacle), "{obstacle}\n{said}");
    }
}

#[test]
fn composite_references_lose_only_columns_of_their_own() {
    let schema = with_users(
        "CREATE TABLE places (tenant int REFERENCES users, id int, PRIMARY KEY (tenant, id));
         CREATE TABLE full_visits (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, a int, b int,
             FOREIGN KEY (a, b) REFERENCES places MATCH FULL);
         CREATE TABLE visits (id int PRIMARY KEY, tenant int NOT NULL REFERENCES users, place int,
             FOREIGN KEY (tenant, place) REFERENCES places);
         CREATE TABLE shared (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, a int REFERENCES users, b int,
             FOREIGN KEY (a, b) REFERENCES places MATCH FULL);
         INSERT INTO places SELECT t, p FROM generate_series(1, 6) t, generate_series(1, 2) p;
         INSERT INTO full_visits VALUES (1, 1, 1, 1), (2, 1, 5, 1), (3, 2, NULL, NULL);
         INSERT INTO visits VALUES (1, 1, 1), (2, 1, NULL), (3, 5, 1);
         INSERT INTO shared VALUES (1, 1, 1, 1), (2, 1, 5, 1), (3, 2, NULL, NULL);",
    );
    Setting::new(&schema, "").brings(&[
        ("(id, a, b) FROM full_visits", "(1,1,1) (2,,) (3,,)"),
        ("(id, tenant, place) FROM visits", "(1,1,1) (2,1,)"),
        // The first column alone cannot become NULL beside MATCH FULL: both references fall back to within.
        ("(id, a, b) FROM shared", "(1,1,1) (3,,)"),
    ]);
}

#[test]
fn never_beats_always_and_keeps_away_what_hangs_on_it() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY, mail text UNIQUE, banned_until timestamptz, guide int NOT NULL REFERENCES users);
         INSERT INTO users SELECT n, 'm' || n, CASE WHEN n IN (2, 4) THEN timestamptz '2030-01-01' END,
             CASE n WHEN 5 THEN 4 WHEN 6 THEN 5 ELSE n END FROM generate_series(1, 9) n;
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, author int NOT NULL REFERENCES users, thanks text REFERENCES users (mail));
         CREATE TABLE seals (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, mail text NOT NULL REFERENCES users (mail));
         INSERT INTO posts VALUES (1, 1, 3, 'm4'), (2, 1, 4, 'm1'), (3, 1, 6, NULL), (4, 2, 1, NULL), (5, 1, 1, 'm3'), (6, 1, 7, 'm6');
         INSERT INTO seals VALUES (1, 1, 'm8'), (2, 1, 'm4'), (3, 1, 'm6');";
    let draw = format!("{DRAW}never = \"banned_until > {{run_time}}\"\n");
    let profile = "[tables.posts]\npull = [\"author\", \"thanks\"]\n[tables.seals]\npull = [\"mail\"]";
    let setting = Setting::drawn(&draw, schema, profile);
    // 5 needs 4, and 6 needs 5: neither can come. Written as of a day when the ban stands, then after it.
    setting.brings_with(
        &["--as-of", "2026-01-01T00:00:00Z"],
        &[
            ("id FROM users", "1 3 7 8"),
            ("(id, author, thanks) FROM posts", "(1,3,) (5,1,m3) (6,7,)"),
            ("id FROM seals", "1"),
        ],
    );
    setting.brings_with(
        &["--as-of", "2031-01-01T00:00:00Z"],
        &[("id FROM users", "1 2 3 4 5 6 7 8"), ("id FROM posts", "1 2 3 4 5 6"), ("id FROM seals", "1 2 3")],
    );
}

#[test]
fn a_cap_ranks_all_rows_of_a_parent_and_breaks_ties_by_key() {
    let schema = with_users(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, score int, hidden bool DEFAULT false);
         INSERT INTO posts VALUES (1, 1, 5), (2, 1, 7), (3, 1, 7), (4, 1, 7), (5, 2, 1), (6, 3, 9);
         UPDATE posts SET hidden = true WHERE id = 2;",
    );
    let cap = "[tables.posts]\nper_parent = { column = \"owner\", limit = 2, order = \"score DESC\" }\n";
    Setting::new(&schema, cap).brings(&[("id FROM posts", "2 3 5")]);
    Setting::new(&schema, &format!("{cap}where = \"NOT hidden\"")).brings(&[("id FROM posts", "3 5")]);
}

#[test]
fn unowned_rows_are_dropped_or_kept() {
    let schema = with_users(
        "CREATE TABLE files (id int PRIMARY KEY, owner int REFERENCES users, team int REFERENCES users);
         INSERT INTO files VALUES (1, 1, NULL), (2, NULL, 5), (3, NULL, NULL), (4, 2, 1), (5, 1, 4);",
    );
    let owned = "[tables.files]\nrows = \"owned\"\n";
    Setting::new(&schema, owned).brings(&[("id FROM files", "1 4")]);
    Setting::new(&schema, &format!("{owned}unowned = \"keep\"")).brings(&[("id FROM files", "1 3 4")]);
}

#[test]
fn orphans_are_dropped_nulled_or_kept() {
    let schema = with_users(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE notes (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, post int, list int[]);
         INSERT INTO posts VALUES (1, 1), (2, 5);
         INSERT INTO notes VALUES (1, 1, 1, '{1,NULL}'), (2, 1, 2, '{2,1}'), (3, 1, 99, '{99,1}'), (4, 1, NULL, NULL);
         ALTER TABLE notes ADD FOREIGN KEY (post) REFERENCES posts NOT VALID;",
    );
    let list =
        "[[references]]\ntable = \"notes\"\ncolumns = [\"list\"]\nparent = \"posts\"\narray = true\n[tables.notes]\n";
    for (orphans, wanted) in [
        ("drop", "(1,1,\"{1,NULL}\") (2,,{1}) (4,,)"),
        ("null", "(1,1,\"{1,NULL}\") (2,,{1}) (3,,{1}) (4,,)"),
        ("keep", "(1,1,\"{1,NULL}\") (2,,{1}) (3,99,\"{99,1}\") (4,,)"),
    ] {
        Setting::new(&schema, &format!("{list}orphans = \"{orphans}\""))
            .brings(&[("(id, post, list) FROM notes", wanted)]);
    }
}

#[test]
fn virtual_references_have_conditions_arrays_and_other_types() {
    let schema = with_users(
        "CREATE TABLE posts (id bigint PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE tags (code char(8) PRIMARY KEY);
         CREATE TABLE likes (id int PRIMARY KEY, kind text NOT NULL, target text NOT NULL, tags char(8)[], posts int[]);
         INSERT INTO posts VALUES (1, 1), (2, 5), (1700000000000000001, 2);
         INSERT INTO tags VALUES ('red'), ('green'), ('blue');
         INSERT INTO likes VALUES (1, 'post', '1', '{red}', '{1,2}'), (2, 'post', '2', '{blue}', '{1}'), (3, 'user', '1', '{}', '{2}'),
             (4, 'user', '3', NULL, NULL), (5, 'post', '1700000000000000001', '{red,green}', NULL), (6, 'post', 'junk', NULL, NULL), (7, 'none', 'x', NULL, NULL);",
    );
    let virtual_ = |name: &str, column: &str, parent: &str, key: &str, more: &str| {
        format!(
            "[[references]]\nname = \"{name}\"\ntable = \"likes\"\ncolumns = [\"{column}\"]\nparent = \"{parent}\"\nparent_columns = [\"{key}\"]\n{more}\n"
        )
    };
    let profile = [
        virtual_("post", "target", "posts", "id", "condition = \"kind = 'post'\""),
        virtual_("user", "target", "users", "id", "condition = \"kind = 'user'\""),
        virtual_("tags", "tags", "tags", "code", "array = true"),
        virtual_("posts", "posts", "posts", "id", "array = true"),
        "[tables.tags]\nrows = \"referenced\"\n[tables.likes]\nrows = \"owned\"\nfollow = [\"post\", \"user\"]\n"
            .to_owned(),
    ];
    Setting::new(&schema, &profile.concat()).brings(&[
        ("(id, posts) FROM likes", "(1,{1}) (3,{}) (5,)"),
        ("code FROM tags", "green red"),
        ("id FROM posts", "1 1700000000000000001"),
    ]);
}

#[test]
fn tables_of_one_name_in_two_schemas_are_two_tables() {
    let schema = with_users(
        "CREATE SCHEMA shop;
         CREATE TABLE shop.users (id int PRIMARY KEY, owner int NOT NULL REFERENCES public.users);
         CREATE TABLE public.orders (id int PRIMARY KEY, buyer int NOT NULL REFERENCES shop.users);
         CREATE TABLE shop.orders (id int PRIMARY KEY, buyer int NOT NULL REFERENCES shop.users);
         INSERT INTO shop.users VALUES (1, 5), (2, 1), (3, 2);
         INSERT INTO public.orders VALUES (1, 1), (2, 2);
         INSERT INTO shop.orders VALUES (3, 3), (4, 1);",
    );
    Setting::new(&schema, "[tables.\"shop.orders\"]\nwhere = \"id > 0\"").brings(&[
        ("id FROM shop.users", "2 3"),
        ("id FROM public.orders", "2"),
        ("id FROM shop.orders", "3"),
    ]);
}

#[test]
fn a_thinned_table_of_reference_data_is_asked_row_by_row() {
    let schema = with_users(
        "CREATE TABLE kinds (id int PRIMARY KEY, old bool);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, kind int NOT NULL REFERENCES kinds, other int REFERENCES kinds);
         INSERT INTO kinds VALUES (1, false), (2, true), (3, true), (4, true);
         INSERT INTO posts VALUES (1, 1, 1, 3), (2, 1, 2, NULL);",
    );
    let all = "[tables.kinds]\nrows = \"all\"\nwhere = \"NOT old\"\n[tables.posts]\n";
    // A row that the filter keeps away still comes for the sake of those that refer to it.
    Setting::new(&schema, all).brings(&[("id FROM kinds", "1 2 3"), ("id FROM posts", "1 2")]);
    Setting::new(&schema, &format!("{all}within = [\"kind\"]\nnull = [\"other\"]"))
        .brings(&[("id FROM kinds", "1"), ("(id, other) FROM posts", "(1,)")]);
}

#[test]
fn a_followed_reference_of_a_whole_table_may_lead_nowhere() {
    let schema = with_users(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE pages (id int PRIMARY KEY, post int REFERENCES posts, must int NOT NULL REFERENCES users);
         INSERT INTO posts VALUES (1, 1), (2, 5);
         INSERT INTO pages VALUES (1, 1, 1), (2, 2, 3), (3, NULL, 6);",
    );
    Setting::new(&schema, "[tables.pages]\nrows = \"all\"\nfollow = [\"post\"]")
        .brings(&[("(id, post) FROM pages", "(1,1) (2,) (3,)"), ("id FROM users", "1 2 3 6")]);
}

#[test]
fn rows_in_a_circle_are_told_apart_although_their_key_may_be_null() {
    let schema = with_users(
        "CREATE TABLE nodes (code text UNIQUE, owner int NOT NULL REFERENCES users, up text REFERENCES nodes (code), n int);
         INSERT INTO nodes VALUES ('a', 1, NULL, 1), (NULL, 1, 'a', 2), ('b', 5, NULL, 3), (NULL, 2, 'b', 4), (NULL, 2, NULL, 5);",
    );
    Setting::new(&schema, "[tables.nodes]\nwithin = [\"up\"]").brings(&[("n FROM nodes", "1 2 5")]);
}

#[test]
fn references_to_two_keys_of_one_table() {
    let schema = with_users(
        "CREATE TABLE things (id int UNIQUE, code text UNIQUE, owner int REFERENCES users);
         CREATE TABLE uses (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, thing int REFERENCES things (id), code text REFERENCES things (code));
         INSERT INTO things VALUES (1, NULL, 3), (NULL, 'b', 4), (3, 'c', NULL), (4, 'd', NULL);
         INSERT INTO uses VALUES (1, 1, 1, NULL), (2, 1, NULL, 'b'), (3, 2, 3, 'c'), (4, 5, 4, 'd');",
    );
    Setting::new(&schema, "[tables.things]\nrows = \"referenced\"").brings(&[
        ("(id, code, owner) FROM things", "(,b,) (1,,) (3,c,)"),
        ("(id, thing, code) FROM uses", "(1,1,) (2,,b) (3,3,c)"),
    ]);
}

#[test]
fn a_row_that_cannot_do_without_an_empty_table_keeps_others_away() {
    let schema = with_users(
        "CREATE TABLE secrets (id int PRIMARY KEY);
         CREATE TABLE vaults (id int PRIMARY KEY, secret int NOT NULL REFERENCES secrets);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, vault int NOT NULL REFERENCES vaults);
         CREATE TABLE links (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, vault int REFERENCES vaults);
         INSERT INTO secrets VALUES (1);
         INSERT INTO vaults VALUES (1, 1);
         INSERT INTO posts VALUES (1, 1, 1);
         INSERT INTO links VALUES (1, 1, 1), (2, 1, NULL);",
    );
    Setting::new(&schema, "[tables.secrets]\nrows = \"none\"\n[tables.vaults]\nrows = \"referenced\"").brings(&[
        ("id FROM vaults", ""),
        ("id FROM posts", ""),
        ("(id, vault) FROM links", "(1,) (2,)"),
    ]);
}

#[test]
fn a_number_of_rows_is_drawn_exactly() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 500);";
    let draw = "[sample]\nroot = \"users\"\n";
    for rows in ["1", "37", "500", "900"] {
        let wanted = rows.parse::<u32>().unwrap().min(500).to_string();
        let setting = Setting::drawn(draw, schema, "");
        setting.run("sample", &["--rows", rows]).expect_code(0);
        assert_eq!(setting.target.query_one_text("SELECT count(*) FROM users"), wanted);
    }
}

#[test]
fn draws_nest_and_repeat() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 3000);";
    let sampled = |more: &[&str]| {
        let setting = Setting::drawn("[sample]\nroot = \"users\"\n", schema, "");
        let ran = setting.run("sample", more).expect_code(0);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let ids = setting.target.query_one_text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM users");
        (report["tables"][0]["checksum"].as_str().unwrap().to_owned(), ids)
    };
    let (first, ids) = sampled(&["--percent", "10", "--seed", "one"]);
    assert_eq!(sampled(&["--percent", "10", "--seed", "one"]).0, first);
    assert_ne!(sampled(&["--percent", "10", "--seed", "two"]).0, first);
    let (_, fewer) = sampled(&["--percent", "5", "--seed", "one"]);
    let all: Vec<&str> = ids.split(' ').collect();
    assert!(fewer.split(' ').all(|id| all.contains(&id)), "{fewer}\n{ids}");
    assert!((200..400).contains(&all.len()), "{} of 3000 at 10 %", all.len());
}

#[test]
fn key_sets_beyond_the_limit_end_the_run() {
    let schema = "CREATE TABLE users (id uuid PRIMARY KEY);
         CREATE TABLE posts (id int PRIMARY KEY, owner uuid NOT NULL REFERENCES users);
         INSERT INTO users SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 5000) n;";
    let setting = Setting::drawn("[sample]\nroot = \"users\"\npercent = 50\n", schema, "");
    let ran = setting.run("sample", &["--memory", "1kB"]).expect_code(5);
    assert!(ran.stderr.contains("users") && ran.stderr.contains("1 kB"), "{}", ran.stderr);
}

#[test]
fn a_row_beyond_half_the_limit_ends_the_run() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY, body text);
         INSERT INTO users SELECT n, repeat('x', CASE n WHEN 2 THEN 3 << 20 ELSE 1 END) FROM generate_series(1, 3) n;";
    let setting = Setting::drawn("[sample]\nroot = \"users\"\npercent = 100\n", schema, "");
    let ran = setting.run("sample", &["--memory", "4MB"]).expect_code(5);
    assert!(ran.stderr.contains("users") && ran.stderr.contains("the limit is 2 MB"), "{}", ran.stderr);
    setting.run("sample", &["--memory", "16MB"]).expect_code(0);
}

#[test]
fn lists_of_never_count_against_the_limit() {
    let schema = "CREATE TABLE users (id uuid PRIMARY KEY);
         INSERT INTO users SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 5000) n;";
    // All but one, since a run of nothing is refused.
    let one = "'00000000-0000-4000-8000-000000000001'";
    let draw = format!("[sample]\nroot = \"users\"\npercent = 50\nnever = \"id <> {one}\"\nalways = \"id = {one}\"\n");
    let setting = Setting::drawn(&draw, schema, "");
    let ran = setting.run("sample", &["--memory", "64kB"]).expect_code(5);
    assert!(ran.stderr.contains("users") && ran.stderr.contains("64 kB"), "{}", ran.stderr);
    setting.run("sample", &["--memory", "8MB"]).expect_code(0);
}

#[test]
fn reading_keys_keeps_to_the_rate() {
    let schema = "CREATE TABLE users (id uuid PRIMARY KEY);
         CREATE TABLE posts (id int PRIMARY KEY, owner uuid NOT NULL REFERENCES users);
         INSERT INTO users SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 20000) n;";
    let setting = Setting::drawn("[sample]\nroot = \"users\"\npercent = 90\n", schema, "");
    let ran = setting.run("sample", &["--max-rate", "400kB"]).expect_code(0);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let phases = report["phases"].as_array().unwrap();
    let choosing = phases.iter().find(|phase| phase["name"].as_str().unwrap().starts_with("choose rows")).unwrap();
    // 18,000 keys are 396,000 bytes on the wire; what came last need not be waited for.
    assert!(choosing["seconds"].as_f64().unwrap() > 0.3, "{choosing}");
}

/// The servers' hashes decide who is drawn; whoever upgrades a server must find the same people again.
#[test]
fn the_draw_is_the_same_on_every_version() {
    let scene = Scene::new();
    scene.sample(&[]).expect_code(0);
    let ids = "SELECT md5(string_agg(id::text, ' ' ORDER BY id)) FROM users";
    assert_eq!(scene.target.query_one_text(ids), "2425ed02df960a6e3412a435813e8390");
    let hashes = "SELECT concat_ws(' ', hashint8extended(42, 7), hashtextextended('café', 7),
        uuid_hash_extended('6f0d3c1e-8a55-4b1e-9c3a-2f1d5e7a9b10', 7), hash_numeric_extended(4.20, 7),
        hashbpcharextended('ab '::char(3), 7), hashtextextended(ROW(1, 'b')::text, 7))";
    assert_eq!(
        scene.source.query_one_text(hashes),
        "3069212791777980624 393834391226478406 -6925839991958908148 594718806594914655 -8956144013057076362 -2208591071314780367"
    );
}
