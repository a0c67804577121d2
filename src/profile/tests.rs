//! What a profile may say, and what each mistake is told as.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Profile, String> {
    Profile::parse(text, Path::new("p.toml")).map_err(|error| {
        assert_eq!(error.kind(), crate::error::ErrorKind::Profile);
        error.action().to_owned()
    })
}

/// Without `[sample]`, which is put in front (two lines).
fn problems(text: &str) -> String {
    parse(&format!("[sample]\nroot = \"users\"\n{text}")).expect_err(text)
}

fn rule(written: &str) -> ColumnRule {
    let profile = parse(&format!("sample.root = \"users\"\n[columns.users]\nc = {written}")).expect(written);
    profile.columns["users"]["c"].clone()
}

fn plain(spec: MaskSpec) -> MaskRule {
    MaskRule { spec, domain: None }
}

#[test]
fn example_of_the_design_parses() {
    let profile = parse(
        r#"
        [sample]
        root = "users"
        percent = 10
        seed = "staging-2026"
        never = "banned_until > {run_time}"

        [tables.comments]
        follow = ["post_id"]                    # comments on sampled posts
        pull = ["author_id"]                    # whoever wrote them comes as a support row

        [tables.follows]
        within = ["follower_id", "following_id"]

        [tables.refresh_tokens]
        rows = "none"

        [columns.users]
        id = "keep"
        handle = { keep = true, support = { username = {} } }
        email = { template = "user{id}@dev.makapix.local" }

        [columns.auth_identities]
        secret_hash = { constant = "!" }
        "#,
    )
    .expect("valid");
    assert_eq!(profile.sample.percent, Some(10.0));
    assert_eq!(profile.sample.never.as_deref(), Some("banned_until > {run_time}"));
    assert_eq!(profile.tables["comments"].follow, ["post_id"]);
    assert_eq!(profile.tables["refresh_tokens"].rows, Some(RowsRule::None));
    assert_eq!(
        profile.columns["users"]["handle"],
        ColumnRule::Decided { member: plain(MaskSpec::Keep), support: Some(plain(MaskSpec::Username)) }
    );
    assert_eq!(profile.digest.len(), 64);
}

#[test]
fn every_section_is_read() {
    let profile = parse(
        r#"
        sample = { root = "users", rows = 500, seed = 7, always = "id = 1" }
        source = { exclude_schemas = "audit", exclude_tables = ["a", "b"], allow_row_security = true }
        target = { after_load = ["alembic upgrade head"] }
        [tables."audit.events"]
        rows = "owned"
        within = "a_id,  b_id"
        null = ["c_id"]
        where = "kind <> 'debug'"
        per_parent = { column = "a_id", limit = 100, order = "created_at DESC" }
        unowned = "keep"
        orphans = "null"
        [[references]]
        table = "playlists"
        column = "post_ids"
        parent = "posts"
        array = true
        [[references]]
        name = "reported post"
        table = "reports"
        columns = ["a", "b"]
        parent = "posts"
        parent_columns = ["x", "y"]
        condition = "target_type = 'post'"
        "#,
    )
    .expect("valid");
    assert_eq!((profile.sample.rows, profile.sample.seed.as_str()), (Some(500), "7"));
    assert_eq!(profile.source.exclude_schemas, ["audit"]);
    assert!(profile.source.allow_row_security);
    assert_eq!(profile.target.after_load, ["alembic upgrade head"]);
    let events = &profile.tables["audit.events"];
    assert_eq!(events.within, ["a_id, b_id"]);
    assert_eq!(events.per_parent.as_ref().map(|cap| cap.limit), Some(100));
    assert_eq!((events.unowned, events.orphans), (Unowned::Keep, Some(Orphans::Null)));
    assert_eq!(profile.references[0].parent_columns, ["id"]);
    assert!(profile.references[0].array);
    assert_eq!(profile.references[1].columns, ["a", "b"]);
    assert_eq!(parse("[sample]\nroot = \"u\"").expect("valid").sample.seed, "tithe");
}

#[test]
fn column_rules() {
    let decided = |spec| ColumnRule::Decided { member: plain(spec), support: None };
    let example = || MaskSpec::Email { host: "example.com".to_owned() };
    assert_eq!(rule(r#""undecided""#), ColumnRule::Undecided);
    assert_eq!(rule(r#""keep""#), decided(MaskSpec::Keep));
    assert_eq!(rule(r#""email""#), decided(example()));
    assert_eq!(rule(r#"{ null = true }"#), decided(MaskSpec::Null));
    assert_eq!(rule(r#"{ constant = "!" }"#), decided(MaskSpec::Constant("!".to_owned())));
    assert_eq!(rule("{ constant = 0 }"), decided(MaskSpec::Constant("0".to_owned())));
    assert_eq!(rule("{ constant = false }"), decided(MaskSpec::Constant("false".to_owned())));
    assert_eq!(rule("{ hash = { length = 12 } }"), decided(MaskSpec::Hash { length: 12 }));
    assert_eq!(rule(r#"{ template = "{{x}} {id}" }"#), decided(MaskSpec::Template("{{x}} {id}".to_owned())));
    assert_eq!(
        rule(r#"{ email = { host = "dev.example", domain = "people" }, support = "null" }"#),
        ColumnRule::Decided {
            member: MaskRule {
                spec: MaskSpec::Email { host: "dev.example".to_owned() },
                domain: Some("people".to_owned()),
            },
            support: Some(plain(MaskSpec::Null)),
        }
    );
    for facts in facts::RULES {
        if facts.is_word() {
            let ColumnRule::Decided { member, .. } = rule(&format!("{:?}", facts.name)) else {
                panic!("{}", facts.name)
            };
            assert_eq!(member.spec.name(), facts.name);
        }
        // Examples are written as the parser wants them, and name their own rule.
        let ColumnRule::Decided { member, .. } = rule(facts.example.rule) else { panic!("{}", facts.name) };
        assert_eq!(member.spec.name(), facts.name);
    }
    assert_eq!(
        rule(r#"{ email = { domain = "people" }, when = "NOT staff", support = "null" }"#),
        ColumnRule::Decided {
            member: MaskRule {
                spec: MaskSpec::When { condition: "NOT staff".to_owned(), rule: Box::new(example()) },
                domain: Some("people".to_owned()),
            },
            support: Some(plain(MaskSpec::Null)),
        }
    );
    let german =
        parse("sample.root = \"u\"\nmasks.locale = \"de\"\n[columns.u]\na = \"city\"\nb = \"token\"").expect("valid");
    let city = MaskSpec::In { locale: Locale::De, rule: Box::new(MaskSpec::City) };
    assert_eq!(german.columns["u"]["a"], decided(city));
    assert_eq!(german.columns["u"]["b"], decided(MaskSpec::Token));
    // A column may have the name of a rule.
    let profile = parse("sample.root = \"u\"\n[columns.u]\nemail = { template = \"x\" }").expect("valid");
    assert_eq!(profile.columns["u"]["email"], decided(MaskSpec::Template("x".to_owned())));
}

#[test]
fn rules_under_which_a_value_may_pass_are_known() {
    let leaves = |written: &str| match rule(written) {
        ColumnRule::Decided { member, .. } => member.spec.may_leave_source(),
        ColumnRule::Undecided => panic!("decided: {written}"),
    };
    for written in [
        r#""keep""#,
        r#"{ token = true, when = "id > 5" }"#,
        r#"{ sql = "c" }"#,
        r#"{ template = "{name}@example.com" }"#,
        r#""redact""#,
        r#"{ url = { keep_host = true } }"#,
        r#"{ scramble = { keep_last = 1 } }"#,
        r#"{ postal_code = { keep_first = 2 } }"#,
        r#"{ noise = { percent = 0.001 } }"#,
        r#"{ bucket = { size = 10 } }"#,
        r#"{ permute = { min = 1, max = 9 } }"#,
        r#"{ date_truncate = { to = "month" } }"#,
        r#"{ date_shift = { days = 1 } }"#,
        r#"{ geo_jitter = { km = 5 } }"#,
        r#"{ json = { default = "keep" } }"#,
        r#"{ json = { paths = { "a" = { json = { default = "keep" } } }, default = "null" } }"#,
        r#"{ hstore = { keys = { a = "keep" }, default = "null" } }"#,
        r#"{ composite = { fields = { a = "keep" }, default = "null" } }"#,
    ] {
        assert!(leaves(written), "{written}");
    }
    for written in [
        r#""null""#,
        r#""token""#,
        r#""url""#,
        r#"{ scramble = {} }"#,
        r#""permute""#,
        r#""postal_code""#,
        r#""city""#,
        r#"{ json = { paths = { "a" = "email" }, default = "null" } }"#,
    ] {
        assert!(!leaves(written), "{written}");
    }
    let keeps_keys = |written: &str| match rule(written) {
        ColumnRule::Decided { member, .. } => member.spec.keeps_keys(),
        ColumnRule::Undecided => panic!("decided: {written}"),
    };
    for written in [
        r#"{ json = { default = "null" } }"#,
        r#"{ hstore = { default = "null" }, when = "id > 5" }"#,
        r#"{ composite = { fields = { a = { json = { default = "null" } } }, default = "null" } }"#,
    ] {
        assert!(keeps_keys(written), "{written}");
    }
    assert!(![r#""empty_json""#, r#""null""#, r#"{ composite = { default = "null" } }"#].into_iter().any(keeps_keys));
    let german = |rule| MaskSpec::In { locale: Locale::De, rule: Box::new(rule) };
    assert!(german(MaskSpec::Redact { subject: Vec::new() }).may_leave_source());
    assert!(!german(MaskSpec::City).may_leave_source());
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let all_rules = columns::names().collect::<Vec<_>>().join(", ");
    for (text, expected) in [
        // The document.
        ("percent = 10\npercent = 10", "p.toml:4:1: not TOML: duplicate key"),
        (
            "[vaults]\nroot = \"x\"",
            "p.toml:3:2: vaults: unknown key; did you mean `vault`? (sample, source, target, tables, references, vault, masks, leaks, columns)",
        ),
        (
            "[colums.users]",
            "p.toml:3:2: colums: unknown key; did you mean `columns`? (sample, source, target, tables, references, vault, masks, leaks, columns)",
        ),
        // [sample]
        ("percent = 0", "p.toml:3:11: sample.percent: is 0; a number above 0 and up to 100 is needed"),
        ("percent = 100.5", "p.toml:3:11: sample.percent: is 100.5; a number above 0 and up to 100 is needed"),
        ("percent = nan", "p.toml:3:11: sample.percent: is nan; a number above 0 and up to 100 is needed"),
        ("percent = \"10\"", "p.toml:3:11: sample.percent: is a string; a number above 0 and up to 100 is needed"),
        ("percent = 1\nrows = 5", "p.toml:4:8: sample.rows: stands beside sample.percent; only one of them can be"),
        ("rows = 0", "p.toml:3:8: sample.rows: is 0; at least 1 is needed"),
        ("rows = 99999999999999999999", "p.toml:3:8: sample.rows: is too large a number"),
        ("seed = \"\"", "p.toml:3:8: sample.seed: is empty"),
        ("seed = 1.5", "p.toml:3:8: sample.seed: is a number with a point; a string is needed"),
        (
            "persent = 1",
            "p.toml:3:1: sample.persent: unknown key; did you mean `percent`? (root, percent, rows, seed, always, never)",
        ),
        (
            "always = \"id = 1; DROP TABLE x\"",
            "p.toml:3:10: sample.always: has a \";\" outside quotes; it must be one expression",
        ),
        ("never = \"(x\"", "p.toml:3:9: sample.never: leaves a \"(\" open"),
        (
            "never = \"until > now()\"",
            "p.toml:3:9: sample.never: calls now(): sessions of one snapshot see different values of it; write {run_time} for the moment of the run",
        ),
        // [source], [target]
        (
            "[source]\nallow_row_security = 1",
            "p.toml:4:22: source.allow_row_security: is a whole number; true or false is needed",
        ),
        (
            "[source]\nexclude_tables = [\"a\", 1]",
            "p.toml:4:24: source.exclude_tables: is a whole number; a string is needed",
        ),
        (
            "[target]\nafterload = \"x\"",
            "p.toml:4:1: target.afterload: unknown key; did you mean `after_load`? (after_load, clone_of_source)",
        ),
        // [tables]
        ("[tables]\nposts = \"all\"", "p.toml:4:9: tables.posts: is a string; a table is needed"),
        (
            "[tables.posts]\nrows = \"al\"",
            "p.toml:4:8: tables.posts.rows: \"al\" is not allowed; did you mean `all`? (\"owned\", \"all\", \"referenced\", \"none\")",
        ),
        (
            "[tables.posts]\nfilter = \"x\"",
            "p.toml:4:1: tables.posts.filter: unknown key (rows, within, follow, pull, null, where, per_parent, unowned, orphans)",
        ),
        (
            "[tables.audit.events]\nrows = \"all\"",
            "p.toml:3:15: tables.audit.events: unknown key; a table of another schema is written in quotes: \"audit.events\"",
        ),
        (
            "[tables.\"a b\"]\nwithin = [\"x\"]\nnull = [\"y\", \"x\"]",
            "p.toml:5:14: tables.\"a b\".null: names `x`, which `within` names too; a reference has one mode",
        ),
        ("[tables.a]\npull = [\"x, y\", \"x,y\"]", "p.toml:4:17: tables.a.pull: names `x, y` twice"),
        ("[tables.a]\nwithin = [\" \"]", "p.toml:4:11: tables.a.within: is empty"),
        (
            "[tables.a]\nrows = \"none\"\nfollow = \"x\"",
            "p.toml:5:10: tables.a.follow: has no effect beside rows = \"none\", which copies no row",
        ),
        (
            "[tables.a]\nwhere = \"a -- b\"",
            "p.toml:4:9: tables.a.where: holds a comment (\"--\"), which is not allowed",
        ),
        ("[tables.a]\nper_parent = { column = \"x\" }", "p.toml:4:14: tables.a.per_parent.limit: is missing"),
        (
            "[tables.a]\nper_parent = { column = \"x\", limit = 0 }",
            "p.toml:4:38: tables.a.per_parent.limit: is 0; at least 1 is needed",
        ),
        (
            "[tables.a]\nunowned = \"null\"",
            "p.toml:4:11: tables.a.unowned: \"null\" is not allowed (\"drop\", \"keep\")",
        ),
        // [[references]]
        (
            "[references]\ntable = \"a\"",
            "p.toml:3:1: references: is a table; a list of tables, written [[references]], is needed",
        ),
        ("[[references]]\ntable = \"a\"\ncolumn = \"b\"", "p.toml:3:1: references[0].parent: is missing"),
        (
            "[[references]]\ntable = \"a\"\nparent = \"b\"",
            "p.toml:3:1: references[0].columns: is missing; it names the referencing columns",
        ),
        (
            "[[references]]\ntable = \"a\"\nparent = \"b\"\ncolumn = \"x\"\ncolumns = [\"x\"]",
            "p.toml:6:10: references[0].column: stands beside `columns`; only one of them can be",
        ),
        (
            "[[references]]\ntable = \"a\"\nparent = \"b\"\ncolumns = [\"x\", \"y\"]",
            "p.toml:3:1: references[0]: pairs 2 columns with 1 parent_columns; they must be as many",
        ),
        (
            "[[references]]\ntable = \"a\"\nparent = \"b\"\ncolumn = \"x\"\ncondition = \"random() < 1\"",
            "p.toml:7:13: references[0].condition: calls random(): sessions of one snapshot see different values of it; write {run_time} for the moment of the run",
        ),
        (
            "[[references]]\ntable = \"a\"\nparent = \"b\"\ncolumn = \"x\"\n[[references]]\ntable = \"a\"\nparent = \"c\"\ncolumn = \"x\"",
            "p.toml:7:1: references[1]: is a second reference `x` of table a; give it a `name`",
        ),
        // [columns]
        (
            "[columns.u]\nc = \"emial\"",
            &format!("p.toml:4:5: columns.u.c: unknown rule \"emial\"; did you mean `email`? (undecided, {all_rules})"),
        ),
        ("[columns.u]\nc = \"constant\"", "p.toml:4:5: columns.u.c: needs a text: { constant = \"…\" }"),
        ("[columns.u]\nc = 1", "p.toml:4:5: columns.u.c: is a whole number; a rule's name or { NAME = … } is needed"),
        ("[columns.u]\nc = {}", &format!("p.toml:4:5: columns.u.c: names no rule ({all_rules})")),
        (
            "[columns.u]\nc = { keep = true, null = true }",
            "p.toml:4:5: columns.u.c: names two rules, `keep` and `null`; a column has one",
        ),
        (
            "[columns.u]\nc = { keep = true, suport = \"null\" }",
            &format!(
                "p.toml:4:20: columns.u.c.suport: unknown key; did you mean `support`? (support, {all_rules}, when)"
            ),
        ),
        (
            "[columns.u]\nc = { keep = false }",
            "p.toml:4:14: columns.u.c.keep: is false; name the rule that applies instead",
        ),
        (
            "[columns.u]\nc = { keep = \"yes\" }",
            "p.toml:4:14: columns.u.c.keep: is a string; true or a table of parameters is needed",
        ),
        (
            "[columns.u]\nc = { keep = { domain = \"d\" } }",
            "p.toml:4:16: columns.u.c.keep.domain: unknown key (none is known here)",
        ),
        (
            "[columns.u]\nc = { hash = { length = 4 } }",
            "p.toml:4:25: columns.u.c.hash.length: is 4; 8 to 64 characters are possible",
        ),
        (
            "[columns.u]\nc = { email = { hots = \"x\" } }",
            "p.toml:4:17: columns.u.c.email.hots: unknown key; did you mean `host`? (host, domain)",
        ),
        (
            "[columns.u]\nc = { email = { host = \"a@b\" } }",
            "p.toml:4:24: columns.u.c.email.host: \"a@b\" is not a host name, such as example.com",
        ),
        (
            "[columns.u]\nc = { template = \"user{id\" }",
            "p.toml:4:18: columns.u.c.template: leaves a \"{\" open; \"{{\" stands for a brace",
        ),
        (
            "[columns.u]\nc = { template = \"{}\" }",
            "p.toml:4:18: columns.u.c.template: has {} without a column's name in it",
        ),
        (
            "[columns.u]\nc = { keep = true, when = \"a; b\" }",
            "p.toml:4:27: columns.u.c.when: has a \";\" outside quotes; it must be one expression",
        ),
        (
            "[columns.u]\nc = \"noise\"",
            "p.toml:4:5: columns.u.c: needs parameters, such as { noise = { percent = 10 } }",
        ),
        ("[columns.u]\nc = { noise = {} }", "p.toml:4:15: columns.u.c.noise: needs `percent` or `amount`"),
        ("[columns.u]\nc = { bucket = {} }", "p.toml:4:16: columns.u.c.bucket.size: is missing"),
        (
            "[columns.u]\nc = { date_truncate = { to = \"mouth\" } }",
            "p.toml:4:30: columns.u.c.date_truncate.to: \"mouth\" is not allowed; did you mean `month`? (\"hour\", \"day\", \"week\", \"month\", \"quarter\", \"year\", \"decade\")",
        ),
        (
            "[columns.u]\nc = { pick = { from = [\"a\"], weights = [1, 2] } }",
            "p.toml:4:14: columns.u.c.pick: has 2 weights for a list of 1",
        ),
        (
            "[columns.u]\nc = { json = { paths = { a = \"emial\" }, default = \"keep\" } }",
            &format!(
                "p.toml:4:30: columns.u.c.json.paths.a: unknown rule \"emial\"; did you mean `email`? (undecided, {all_rules})"
            ),
        ),
        (
            "[masks]\nlocale = \"xx\"",
            "p.toml:4:10: masks.locale: \"xx\" is not allowed (\"en\", \"de\", \"fr\", \"it\", \"nl\", \"pt\", \"pt-br\", \"tr\")",
        ),
        (
            "[columns.u]\nc = { constant = 1.5 }",
            "p.toml:4:18: columns.u.c.constant: is a number with a point; a string, a whole number or a boolean is needed",
        ),
        (
            "[columns.u]\nc = { keep = true, support = \"undecided\" }",
            "p.toml:4:30: columns.u.c.support: cannot be undecided; leave it out instead",
        ),
        (
            "[columns.u]\nc = { keep = true, support = { null = true, support = \"null\" } }",
            &format!("p.toml:4:45: columns.u.c.support.support: unknown key ({all_rules}, when)"),
        ),
        (
            "[vault]\nmissing_percent = 101",
            "p.toml:4:19: vault.missing_percent: is 101; a number from 0 to 100 is needed",
        ),
        (
            "[[vault.files]]\nname = \"a\"\nmode = \"real\"",
            "p.toml:3:1: vault.files[0]: needs either `table` and `path`, or `query`",
        ),
        (
            "[[vault.files]]\nname = \"a\"\ntable = \"t\"\npath = \"{md5(x)}\"\nmode = \"real\"",
            "p.toml:6:8: vault.files[0].path: calls a function that is none of sha256, lower, upper",
        ),
        (
            "[[vault.files]]\nname = \"a\"\nquery = \"SELECT 1\"\nmode = \"reel\"",
            "p.toml:6:8: vault.files[0].mode: \"reel\" is not allowed; did you mean `real`? (\"real\", \"strip-metadata\", \"placeholder\", \"none\")",
        ),
        (
            "[[vault.files]]\nname = \"a\"\nquery = \"SELECT 1\"\nmode = \"real\"\nkeep_icc = true",
            "p.toml:7:12: vault.files[0].keep_icc: has an effect beside mode = \"strip-metadata\" only",
        ),
        (
            "[leaks]\nprose = \"ignore\"",
            "p.toml:4:9: leaks.prose: \"ignore\" is not allowed (\"fail\", \"warn\", \"scrub\", \"allow\")",
        ),
        (
            "[leaks]\ndefinitions = \"scrub\"",
            "p.toml:4:15: leaks.definitions: \"scrub\" is not allowed (\"fail\", \"warn\", \"allow\")",
        ),
        (
            "[leaks.columns]\nbody = \"warn\"",
            "p.toml:4:8: leaks.columns.body: names no column; write \"table.column\" in quotes",
        ),
        (
            "[columns.audit.events]\nid = \"keep\"\nnote = \"lorem\"",
            "p.toml:3:1: columns.audit.events: names no rule; a table of another schema is written in quotes: \"audit.events\"",
        ),
    ] {
        assert_eq!(problems(text), expected, "{text}");
    }
}

#[test]
fn missing_sample_and_several_problems() {
    assert_eq!(
        parse("").expect_err("empty"),
        "p.toml:1:1: sample: is missing; `[sample]` with `root = \"…\"` names the table to draw from"
    );
    assert_eq!(
        parse("[columns.\"ü\"]\n\"é\" = \"kepe\"\n[sample]\npercent = 200")
            .expect_err("three problems")
            .lines()
            .collect::<Vec<_>>(),
        [
            format!(
                "p.toml:2:7: columns.\"ü\".\"é\": unknown rule \"kepe\"; did you mean `keep`? (undecided, {})",
                columns::names().collect::<Vec<_>>().join(", ")
            )
            .as_str(),
            "p.toml:3:1: sample.root: is missing; it names the table to draw from",
            "p.toml:4:11: sample.percent: is 200; a number above 0 and up to 100 is needed",
        ]
    );
    let many: String = (0..50).map(|n| format!("c{n} = 1\n")).collect();
    assert_eq!(problems(&format!("[columns.u]\n{many}")).lines().last(), Some("p.toml: and 30 more"));
}

#[test]
fn text_that_is_no_toml_hides_nothing() {
    let text =
        "[sample]\nroot = = \"users\"\npercnt = 5\n[tables.posts]\nrows = \"al\"\n[columns.users]\nid = \"kepe\n";
    let problems = Profile::examine(text, Path::new("p.toml")).expect_err("wrong in four places");
    let told: Vec<String> = problems.iter().map(|p| p.in_file(Path::new("p.toml")).to_string()).collect();
    for start in
        ["p.toml:2:8: not TOML: ", "p.toml:3:1: sample.percnt: ", "p.toml:5:8: tables.posts.rows: ", "p.toml:7:"]
    {
        assert!(told.iter().any(|line| line.starts_with(start)), "{start} in {told:#?}");
    }
    assert!(!told.iter().any(|line| line.contains("is missing")), "{told:#?}");
}

#[test]
fn places_of_keys() {
    let profile = parse("sample.root = \"users\"\n[columns.\"a.b\"]\nid = \"keep\"\n[[references]]\ntable = \"a\"\nparent = \"b\"\ncolumns = [\"x\"]").expect("valid");
    let places = &profile.places;
    assert_eq!(places.value(&["sample", "root"]), Some((1, 15)));
    assert_eq!(places.key(&["columns", "a.b", "id"]), Some((3, 1)));
    assert_eq!(places.key(&["columns", "a.b", "missing"]), Some((2, 10)));
    assert_eq!(places.value(&["references", "[0]", "columns", "[0]"]), Some((7, 12)));
    assert_eq!(places.key(&["tables", "x"]), None);
    assert_eq!(places.written(&["columns", "a.b", "id"]), Some("\"keep\""));
    assert_eq!(dotted(&["columns", "a.b", "x", "[1]", "y"]), "columns.\"a.b\".x[1].y");
}

fn bundled(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sampling-profiles").join(name);
    Profile::read(&path).unwrap_or_else(|error| panic!("{}", error.chain()))
}

#[test]
fn bundled_profiles_parse() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sampling-profiles");
    let names = std::fs::read_dir(folder)
        .expect("the folder ships with the source")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("our own names are UTF-8"));
    let profiles: Vec<_> = names.filter(|name| name.ends_with(".toml")).map(|name| bundled(&name)).collect();
    assert!(profiles.len() >= 3, "{} profiles", profiles.len());
    for profile in profiles {
        let undecided =
            profile.columns.values().flat_map(BTreeMap::values).filter(|rule| **rule == ColumnRule::Undecided);
        assert_eq!(undecided.count(), 0, "{}", profile.path.display());
    }
}

/// The strict and the pulling profile differ from the art site's in rows alone, or benches would compare two things.
#[test]
fn art_site_profiles_share_their_columns() {
    let art_site = bundled("art-site.toml");
    for name in ["art-site-strict.toml", "art-site-pull.toml"] {
        let other = bundled(name);
        assert_eq!(other.columns, art_site.columns, "{name}");
        assert_eq!(other.references, art_site.references, "{name}");
        assert_eq!(other.sample, art_site.sample, "{name}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn never_panics_on_profile_like_text(
        text in r#"(\[sample\]|\[columns\.u\]|\[tables\.t\]|\[\[references\]\]|root|rows|within|email|keep|support| = |\{|\}|"x"|"\{é"|1|,|\n|\[|\]|true){0,30}"#
    ) {
        let _ = parse(&text);
    }
}
