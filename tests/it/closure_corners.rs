//! Which rows come where several rules meet: each test is named after what went wrong before, or nearly did.

use crate::closure::{DRAW, Setting, with_users};

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

#[test]
fn rows_of_a_root_that_is_thinned_do_not_come() {
    let schema = "CREATE TABLE teams (id int PRIMARY KEY, open bool NOT NULL);
         CREATE TABLE users (id int PRIMARY KEY, team int REFERENCES teams);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         INSERT INTO teams VALUES (1, true), (2, false);
         INSERT INTO users VALUES (1, 1), (2, 2), (3, NULL), (4, 1);
         INSERT INTO posts VALUES (1, 1), (2, 2), (3, 3), (4, 4);";
    let profile = "[tables.teams]\nrows = \"all\"\nwhere = \"open\"\n[tables.users]\nwithin = [\"team\"]\n";
    for more in BOTH_FORMS {
        let draw = DRAW.replace("(1, 2)", "(1, 2, 3)");
        Setting::drawn(&draw, schema, profile)
            .brings_with(more, &[("id FROM teams", "1"), ("id FROM users", "1 3"), ("id FROM posts", "1 3")]);
        // Likewise of a draw of everybody, whose root would otherwise be known to come whole.
        Setting::drawn("[sample]\nroot = \"users\"\npercent = 100\n", schema, profile)
            .brings_with(more, &[("id FROM users", "1 3 4"), ("id FROM posts", "1 3 4")]);
    }
}

#[test]
fn references_of_a_single_partition_hold_for_its_rows_only() {
    let schema = with_users(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE events (id int, kind text, owner int REFERENCES users, target int, post int, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
         CREATE TABLE events_post PARTITION OF events FOR VALUES IN ('post');
         CREATE TABLE events_rest PARTITION OF events DEFAULT;
         ALTER TABLE events_post ADD FOREIGN KEY (post) REFERENCES posts;
         INSERT INTO posts VALUES (1, 1), (2, 5);
         INSERT INTO events VALUES (1, 'post', 1, 1, 1), (2, 'post', 1, 1, 2), (3, 'post', 1, 2, NULL),
             (4, 'user', 1, 2, 99), (5, 'user', 1, 5, 2), (6, 'post', 2, 77, 1), (7, 'none', 2, 77, 77), (8, 'post', 5, 1, 1);",
    );
    let virtual_ = |name: &str, parent: &str| {
        format!(
            "[[references]]\nname = \"{name}\"\ntable = \"events\"\ncolumns = [\"target\"]\nparent = \"{parent}\"\nparent_columns = [\"id\"]\ncondition = \"kind = '{name}'\"\n"
        )
    };
    let profile = virtual_("post", "posts")
        + &virtual_("user", "users")
        + "[tables.events]\nrows = \"owned\"\nwithin = [\"owner\", \"post\"]\n";
    // By `post` alone two references are meant: the virtual one, and the partition's key.
    for more in BOTH_FORMS {
        Setting::new(&schema, &profile).brings_with(
            more,
            &[("(id, target, post) FROM events", "(1,1,1) (4,2,99) (5,,2) (7,77,77)"), ("id FROM posts", "1")],
        );
        let capped = profile.clone() + "per_parent = { column = \"owner\", limit = 2, order = \"id DESC\" }\n";
        // Ranked before anything else: of user 1 the rows 5 and 4, of user 2 the rows 7 and 6.
        Setting::new(&schema, &capped)
            .brings_with(more, &[("(id, target, post) FROM events", "(4,2,99) (5,,2) (7,77,77)")]);
        let followed = profile.replace("within = [\"owner\", \"post\"]", "follow = [\"post\"]\nwithin = [\"owner\"]");
        Setting::new(&schema, &followed)
            .brings_with(more, &[("(id, target, post) FROM events", "(1,1,1) (2,1,) (6,,1)")]);
    }
}

/// One that is divided further: the key holds for all its leaves, and for no other.
#[test]
fn references_of_a_divided_partition_hold_for_its_leaves_only() {
    let schema = with_users(
        "CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users);
         CREATE TABLE events (id int, kind text, owner int REFERENCES users, post int) PARTITION BY LIST (kind);
         CREATE TABLE events_post PARTITION OF events FOR VALUES IN ('post') PARTITION BY RANGE (id);
         CREATE TABLE events_low PARTITION OF events_post FOR VALUES FROM (0) TO (5);
         CREATE TABLE events_high PARTITION OF events_post FOR VALUES FROM (5) TO (99);
         CREATE TABLE events_rest PARTITION OF events DEFAULT;
         ALTER TABLE events_post ADD FOREIGN KEY (post) REFERENCES posts;
         INSERT INTO posts VALUES (1, 1), (2, 5);
         INSERT INTO events VALUES (1, 'post', 1, 1), (2, 'post', 1, 2), (6, 'post', 2, 1), (7, 'post', 2, 2), (8, 'rest', 1, 99);",
    );
    let rows = |mode: &str| format!("[tables.events]\nrows = \"owned\"\n{mode}");
    for more in BOTH_FORMS {
        Setting::new(&schema, &rows("null = [\"post\"]\n"))
            .brings_with(more, &[("(id, post) FROM events", "(1,1) (2,) (6,1) (7,) (8,99)")]);
        let setting = Setting::new(&schema, &rows("within = [\"owner\", \"post\"]\n"));
        setting.brings_with(more, &[("(id, post) FROM events", "(1,1) (6,1) (8,99)")]);
        let on =
            "SELECT conrelid::regclass FROM pg_constraint WHERE conname = 'events_post_post_fkey' AND conparentid = 0";
        assert_eq!(setting.target.query_one_text(on), "events_post");
    }
}

#[test]
fn more_support_rows_than_members_are_told_beforehand() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, thanks int REFERENCES users);
         INSERT INTO users SELECT generate_series(1, 40);
         INSERT INTO posts SELECT n, 1, 1 + n FROM generate_series(1, 30) n; ANALYZE";
    let setting = Setting::new(schema, "[tables.posts]\nwithin = [\"owner\"]\npull = [\"thanks\"]\n");
    let planned = setting.run("plan", &[]).expect_code(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(planned.contains("users: 29 support rows outnumber its 2 members"), "{planned}");
    assert!(planned.contains("% of users arrive although"), "{planned}");
    // Estimates count no support rows, so they cannot tell; nor do they read a row.
    let guessed = setting.run("plan", &["--no-exact"]).expect_code(0).stdout;
    assert!(!guessed.contains("outnumber") && guessed.contains("posts"), "{guessed}");
}

/// NULL would bring rows under the condition that keep each other out.
#[test]
fn a_reference_in_the_condition_of_an_exclusion_is_not_nulled() {
    let schema = with_users(
        "CREATE TABLE bookings (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, during int4range NOT NULL,
             cancelled_by int REFERENCES users,
             EXCLUDE USING gist (during WITH &&) WHERE (cancelled_by IS NULL));
         INSERT INTO bookings VALUES (1, 1, '[1,5)', NULL), (2, 2, '[2,6)', 5), (3, 1, '[3,9)', 2), (4, 1, '[20,30)', NULL);",
    );
    Setting::new(&schema, "").brings(&[("(id, cancelled_by) FROM bookings", "(1,) (3,2) (4,)")]);
}

#[test]
fn a_table_that_comes_whole_stands_in_a_circle() {
    let schema = with_users(
        "CREATE TABLE kinds (id int PRIMARY KEY, best int);
         CREATE TABLE posts (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, kind int NOT NULL REFERENCES kinds, up int REFERENCES posts);
         INSERT INTO kinds VALUES (1, 1), (2, 3), (3, NULL);
         INSERT INTO posts VALUES (1, 1, 1, NULL), (2, 2, 3, 1), (3, 5, 2, NULL), (4, 1, 2, 3);
         ALTER TABLE kinds ADD FOREIGN KEY (best) REFERENCES posts;",
    );
    let profile =
        "[tables.kinds]\nrows = \"all\"\nfollow = [\"best\"]\n[tables.posts]\nwithin = [\"owner\", \"kind\", \"up\"]\n";
    for more in BOTH_FORMS {
        Setting::new(&schema, profile)
            .brings_with(more, &[("(id, best) FROM kinds", "(1,1) (2,) (3,)"), ("id FROM posts", "1 2")]);
    }
}

#[test]
fn several_references_pull_the_same_parent() {
    let schema = with_users(
        "CREATE TABLE places (id int PRIMARY KEY, code text NOT NULL UNIQUE, inside int NOT NULL REFERENCES places);
         CREATE TABLE trips (id int PRIMARY KEY, owner int NOT NULL REFERENCES users, start int NOT NULL REFERENCES places,
             stop int NOT NULL REFERENCES places, via text REFERENCES places (code), seen int);
         INSERT INTO places VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 2), (4, 'd', 4), (5, 'e', 4), (6, 'f', 6);
         INSERT INTO trips VALUES (1, 1, 3, 3, 'c', 3), (2, 2, 2, 3, 'e', 99), (3, 5, 6, 6, 'f', 6), (4, 1, 3, 2, NULL, NULL);",
    );
    let profile = "[[references]]\nname = \"seen\"\ntable = \"trips\"\ncolumns = [\"seen\"]\nparent = \"places\"\nparent_columns = [\"id\"]\n\
        [tables.places]\nrows = \"referenced\"\n[tables.trips]\npull = [\"via\", \"seen\"]\n";
    for more in BOTH_FORMS {
        let setting = Setting::new(&schema, profile);
        setting.brings_with(
            more,
            &[
                ("id FROM places", "1 2 3 4 5"),
                ("(id, start, stop, via, seen) FROM trips", "(1,3,3,c,3) (2,2,3,e,) (4,3,2,,)"),
            ],
        );
        let plan: serde_json::Value =
            serde_json::from_str(&setting.run("plan", &["--json"]).expect_code(0).stdout).unwrap();
        let places = plan["tables"].as_array().unwrap().iter().find(|table| table["table"] == "places").unwrap();
        assert_eq!(places["support"], 5, "{places:#}");
    }
}

/// A partition may promise more than its root: NOT NULL, CHECK, what is unique.
#[test]
fn what_one_partition_forbids_is_not_done_to_its_rows() {
    let gifts = |alter: &str| {
        with_users(&format!(
            "CREATE TABLE gifts (id int NOT NULL, owner int NOT NULL REFERENCES users, giver int REFERENCES users, note text)
                 PARTITION BY RANGE (id);
             CREATE TABLE gifts_old (note text, gone int, giver int, owner int NOT NULL, id int NOT NULL);
             ALTER TABLE gifts_old DROP COLUMN gone;
             ALTER TABLE gifts ATTACH PARTITION gifts_old FOR VALUES FROM (0) TO (3);
             CREATE TABLE gifts_new PARTITION OF gifts DEFAULT;
             ALTER TABLE gifts_old {alter};
             INSERT INTO gifts VALUES (1, 1, 2, 'a'), (2, 1, 5, 'b'), (3, 2, 1, 'c'), (4, 2, 5, 'd');",
        ))
    };
    for alter in [
        "ALTER giver SET NOT NULL",
        "ADD CHECK (giver IS NOT NULL)",
        "ADD UNIQUE (giver), ADD CHECK (giver IS NOT NULL)",
    ] {
        Setting::new(&gifts(alter), "").brings(&[("(id, giver) FROM gifts", "(1,2) (3,1)")]);
    }
    for (alter, mask, word) in [
        ("ADD UNIQUE (note)", "{ constant = \"x\" }", "gifts_old_note_key"),
        ("ALTER note SET NOT NULL", "\"null\"", "NOT NULL in a partition"),
    ] {
        let setting = Setting::new(&gifts(alter), "").rewritten("\"note\" = \"keep\"", &format!("\"note\" = {mask}"));
        let said = setting.run("plan", &[]).expect_code(5).stderr;
        assert!(said.contains("gifts.note") && said.contains(word), "{said}");
    }
}

/// A list of them must be of their own type: `bit` alone means `bit(1)`, and arrays in an array are one array.
#[test]
fn keys_of_bits_arrays_and_rows_are_found_by_list() {
    for (data_type, value) in [("bit(8)", "n::bit(8)"), ("int[]", "ARRAY[n, 1]"), ("pair", "ROW(n, 'x,' || n)::pair")] {
        let schema = with_users(&format!(
            "CREATE TYPE pair AS (a int, b text);
             CREATE TABLE things (k {data_type} PRIMARY KEY, owner int NOT NULL REFERENCES users);
             CREATE TABLE tags (k {data_type} PRIMARY KEY);
             CREATE TABLE parts (id int PRIMARY KEY, thing {data_type} NOT NULL REFERENCES things, other {data_type} REFERENCES things,
                 tag {data_type} REFERENCES tags);
             INSERT INTO things SELECT {value}, n FROM generate_series(1, 6) n;
             INSERT INTO tags SELECT k FROM things;
             INSERT INTO parts SELECT owner, k, (SELECT k FROM things o WHERE o.owner = 7 - things.owner), k FROM things;"
        ));
        for more in BOTH_FORMS {
            let setting = Setting::new(&schema, "[tables.tags]\nrows = \"referenced\"\n");
            setting.brings_with(
                more,
                &[
                    ("owner FROM things", "1 2"),
                    ("(id, other IS NULL) FROM parts", "(1,t) (2,t)"),
                    ("1 FROM tags", "1 1"),
                ],
            );
        }
        let draw = DRAW.replace("\"users\"", "\"things\"").replace("id IN (1, 2)", "owner IN (1, 2)");
        let setting = Setting::drawn(
            &draw,
            &schema,
            "[tables.tags]\nrows = \"referenced\"\n[tables.users]\nrows = \"referenced\"\n",
        );
        setting.brings(&[("owner FROM things", "1 2"), ("id FROM parts", "1 2")]);
    }
}
