//! A profile after it was written: checked, brought up to date, compared (`tithe profile …`).

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::{self, Home, PROFILE, Scene, tithe};

fn path(file: &tempfile::NamedTempFile) -> String {
    file.path().to_string_lossy().into_owned()
}

/// `check --json` against the scene's source, and its exit code.
fn checked(scene: &Scene, text: &str) -> (i32, Value) {
    let file = support::profile(text);
    let (from, file) = (scene.source.url(), path(&file));
    let ran = scene.home.tithe(&["profile", "check", "--json", "--from", &from, "--profile", &file]);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}")))
}

/// `line key`, and the kind, of each problem.
fn told(checked: &Value) -> Vec<String> {
    let problems = checked["problems"].as_array().unwrap().iter();
    problems.map(|p| format!("{} {} {}", p["line"], p["key"].as_str().unwrap(), p["kind"].as_str().unwrap())).collect()
}

#[test]
fn check_tells_everything_at_once_with_its_place() {
    let scene = Scene::new();
    let (code, fits) = checked(&scene, PROFILE);
    assert_eq!((code, told(&fits)), (0, vec![]));
    assert_eq!(fits["ok"], true);
    scene.source.execute("CREATE TABLE logs (id int PRIMARY KEY, line text); CREATE TABLE tags (id int PRIMARY KEY)");
    let text = r#"[sample]
root = "user"
always = "id = 1"

[source]
exclude_schemas = ["pulic"]

[tables.posts]
within = ["user_id", "autor_id"]
per_parent = { column = "usr_id", limit = 3 }

[tables.tags]
rows = "none"

[[references]]
table = "posts"
columns = ["idd"]
parent = "users"

[columns.users]
id = "keep"
email = { ip = true }
nmae = "keep"

[columns.post]
id = "keep"

[columns.posts]
id = "undecided"
user_id = "keep"
body = "uuid"

[[vault.files]]
name = "pictures"
table = "posts"
path = "{boddy}.png"
"#;
    let (code, found) = checked(&scene, text);
    assert_eq!(code, 4);
    assert_eq!(
        told(&found),
        [
            "2 sample.root profile",
            "6 source.exclude_schemas[0] profile",
            "9 tables.posts.within[1] profile",
            "10 tables.posts.per_parent.column profile",
            "17 references[0].columns[0] profile",
            "20 columns.users undecided",
            "22 columns.users.email plan",
            "23 columns.users.nmae profile",
            "25 columns.post profile",
            "29 columns.posts.id undecided",
            "33 vault.files[0] undecided",
            "36 vault.files[0].path profile",
            "null columns.logs undecided",
        ],
        "{found:#}"
    );
    let messages = found["problems"].to_string();
    for hint in [
        "\\\"users\\\"?",
        "\\\"public\\\"?",
        "\\\"user_id\\\"?",
        "\\\"id\\\"?",
        "\\\"name\\\"?",
        "\\\"posts\\\"?",
        "\\\"body\\\"?",
    ] {
        assert!(messages.contains(hint), "{hint} in {messages}");
    }
    assert!(messages.contains("rows = \\\"none\\\""), "{messages}");

    // What names right, but cannot be; a table that nothing settles.
    let text = PROFILE
        .replace("email = \"email\"", "email = \"first_name\"")
        .replace("body = \"keep\"", "body = \"null\"")
        .replace("user_id = \"keep\"", "user_id = \"uuid\"");
    let (code, found) = checked(&scene, &format!("{text}[columns.logs]\nid = \"ip\"\nline = \"keep\"\n"));
    assert_eq!(code, 4);
    let mut lines = told(&found);
    lines.sort();
    assert_eq!(
        lines,
        [
            "14 columns.posts.user_id plan",
            "17 columns.logs.id profile",
            "9 columns.users.email plan",
            "null columns.tags undecided",
            "null tables.logs undecided",
            "null tables.tags undecided",
        ],
        "{found:#}"
    );

    // The same profile stops a plan, at once and with places.
    let file = support::profile("[sample]\nroot = \"user\"\npercent = 5\n[columns.usrs]\nid = \"keep\"\n");
    let name = path(&file);
    let ran = scene.home.tithe(&["plan", "--from", &scene.source.url(), "--profile", &name]).expect_code(4);
    for line in [format!("{name}:2:8: sample.root: "), format!("{name}:4:10: columns.usrs: ")] {
        assert!(ran.stderr.contains(&line), "{line} in {}", ran.stderr);
    }
}

#[test]
fn check_without_a_server() {
    let ok = support::profile(PROFILE);
    assert!(tithe(&["profile", "check", "--profile", &path(&ok)]).expect_code(0).stdout.contains("--from"));
    let many: String = (0..40).map(|n| format!("c{n} = \"kep\"\n")).collect();
    let wrong = support::profile(&format!("{PROFILE}more = \"undecided\"\n[columns.many]\n{many}"));
    let ran = tithe(&["profile", "check", "--profile", &path(&wrong)]).expect_code(4);
    assert!(ran.stdout.contains("c39: unknown rule \"kep\"; did you mean `keep`?"), "{ran:?}");
    assert!(ran.stdout.ends_with("\n40 problems\n"), "{ran:?}");
    let undecided = support::profile(&PROFILE.replace("body = \"keep\"", "body = \"undecided\""));
    let ran = tithe(&["profile", "check", "--profile", &path(&undecided)]).expect_code(4);
    assert!(ran.stdout.contains(":15:8: columns.posts.body: is undecided"), "{ran:?}");
    let absent = tithe(&["profile", "check", "--profile", "./no-such.toml"]).expect_code(4);
    assert!(absent.stderr.contains("no-such.toml"), "{absent:?}");
}

#[test]
fn update_follows_the_database_and_keeps_the_rest() {
    let scene = Scene::new();
    let text = format!(
        "# our shop\n{}\n# the end, without a line break",
        PROFILE.replace("name = \"keep\"", "name   =   'keep'   # as it is").trim_end()
    );
    let file = support::profile(&text);
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let (from, name) = (scene.source.url(), path(&file));
    let read = || std::fs::read_to_string(&name).unwrap();
    let run = |more: &[&str]| {
        let arguments = ["profile", "update", "--from", &from, "--profile", &name];
        scene.home.tithe(&[&arguments[..], more].concat()).expect_code(0)
    };
    assert!(run(&[]).stdout.contains("lists all that the database has"));
    assert_eq!(read(), text);

    scene.source.execute(
        "ALTER TABLE users ADD phone text, ADD twice int GENERATED ALWAYS AS (id * 2) STORED; ALTER TABLE posts DROP body;
         CREATE SCHEMA audit; CREATE TABLE audit.\"Ev ents\" (id int PRIMARY KEY, ip inet);
         CREATE TABLE likes (user_id int NOT NULL REFERENCES users, post_id int NOT NULL REFERENCES posts, PRIMARY KEY (user_id, post_id))",
    );
    let shown = run(&["--dry-run"]).stdout;
    assert_eq!(read(), text);
    let patched = patch(&text, &shown);
    let said = run(&[]).stdout;
    assert!(said.contains("+ likes: a new table with 2 columns") && said.contains("- posts.body"), "{said}");
    let updated = read();
    assert_eq!(updated, patched, "the difference shown is the one made");
    let wanted = text
        .replace(
            "# as it is\n",
            "# as it is\nphone = \"undecided\"                         # proposed \"phone\": phone numbers by its name\n",
        )
        .replace("body = \"keep\"", "# gone: body = \"keep\"");
    assert!(updated.starts_with(&wanted), "{updated}");
    for line in [
        "\n[tables.\"audit.Ev ents\"]\n# rows = \"",
        "\n[columns.\"audit.Ev ents\"]\nid = \"undecided\" ",
        "# proposed \"ip\": IP addresses by its type",
        "\n[columns.likes]\nuser_id = \"undecided\" ",
    ] {
        assert!(updated.contains(line), "{line} in {updated}");
    }
    assert!(!updated.contains("twice") && !updated.contains("[tables.likes]"), "{updated}");
    assert_eq!(std::fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o640);
    run(&[]);
    assert_eq!(read(), updated, "a second run changes nothing");

    // Undecided columns stop a run; decided as proposed, it goes.
    let arguments = scene.arguments(&name, &[]);
    let sample = || scene.home.tithe(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = sample().expect_code(4).stderr;
    assert!(refused.contains("audit.Ev ents"), "{refused}");
    let decided = updated.replace("# rows = ", "rows = ").replace("\"undecided\"", "\"keep\"");
    std::fs::write(&name, decided).unwrap();
    sample().expect_code(0);

    scene.source.execute("DROP TABLE audit.\"Ev ents\"");
    run(&[]);
    let gone = read();
    assert!(gone.contains("\n# gone: [tables.\"audit.Ev ents\"]\n# gone: rows"), "{gone}");
    sample().expect_code(0);
}

/// Applies a unified difference.
fn patch(text: &str, difference: &str) -> String {
    let old: Vec<&str> = text.lines().collect();
    let (mut new, mut at) = (Vec::new(), 0);
    for line in difference.lines().skip(2) {
        if let Some(header) = line.strip_prefix("@@ -") {
            let mut numbers = header.split([',', ' ']).map(|number| number.parse::<usize>().unwrap_or_default());
            let (start, count) = (numbers.next().unwrap(), numbers.next().unwrap());
            let start = if count == 0 { start } else { start - 1 };
            new.extend_from_slice(&old[at..start]);
            at = start;
            continue;
        }
        let (sign, rest) = line.split_at(1);
        if sign != "+" {
            assert_eq!(old[at], rest);
            at += 1;
        }
        if sign != "-" {
            new.push(rest);
        }
    }
    new.extend_from_slice(&old[at..]);
    new.join("\n") + "\n"
}

#[test]
fn diff_of_two_profiles_and_of_a_database() {
    let scene = Scene::new();
    let (one, other) =
        (support::profile(PROFILE), support::profile(&PROFILE.replace("email = \"email\"", "email = \"keep\"")));
    let (one, other) = (path(&one), path(&other));
    let ran = tithe(&["profile", "diff", &one, &other]).expect_code(0);
    assert_eq!(ran.stdout, "~ columns.users.email: \"email\" -> \"keep\"\n");
    let ran = tithe(&["profile", "diff", "--json", &one, &other]).expect_code(0);
    let difference: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        difference,
        serde_json::json!([{ "key": "columns.users.email", "before": "\"email\"", "after": "\"keep\"" }])
    );
    let from = scene.source.url();
    let against = |more: &[&str]| {
        scene.home.tithe(&[&["profile", "diff", &one, "--from", &from][..], more].concat()).expect_code(0).stdout
    };
    assert_eq!(against(&[]), "");
    // A table's rules may stand in two sections, under its two names.
    let parted = PROFILE.replace("name = \"keep\"\n", "") + "[columns.\"public.users\"]\nname = \"keep\"\n";
    let parted = support::profile(&parted);
    let fits = scene.home.tithe(&["profile", "check", "--profile", &path(&parted), "--from", &from]).expect_code(0);
    assert!(fits.stdout.contains("all decided"), "{fits:?}");
    let ran = scene.home.tithe(&["profile", "diff", &path(&parted), "--from", &from]).expect_code(0);
    assert_eq!(ran.stdout, "");
    scene.source.execute(
        "ALTER TABLE users ADD phone text, DROP name, ALTER email TYPE bytea USING convert_to(email, 'UTF8'); CREATE TABLE likes (id int);
         CREATE TABLE \"z\x1b[2Jz\u{202e}\n+ forged\" (id int)",
    );
    // Names are shown, and do nothing to the terminal.
    let shown = against(&[]);
    assert!(shown.contains("+ z\u{fffd}[2Jz\u{fffd}\u{fffd}+ forged: a new table"), "{shown}");
    let drift: Value = serde_json::from_str(&against(&["--json"])).unwrap();
    assert_eq!(drift["gained_tables"][0]["table"], "likes");
    assert_eq!(drift["gained_columns"][0]["column"], "phone");
    assert_eq!(drift["lost_columns"][0], serde_json::json!({ "table": "users", "column": "name" }));
    assert_eq!(
        (&drift["unsuited"][0]["column"], &drift["unsuited"][0]["data_type"]),
        (&"email".into(), &"bytea".into())
    );
    let ran = tithe(&["profile", "diff", &one, &other, "--from", &from]).expect_code(2);
    assert!(ran.stderr.contains("leave out --from"), "{ran:?}");
    let ran = tithe(&["profile", "diff", &one]);
    assert!(ran.code == 2 && ran.stderr.contains("--from"), "{ran:?}");
}

#[test]
fn the_schema_and_the_help_are_printed() {
    let shipped = support::repository_text("sampling-profiles/profile.schema.json");
    assert_eq!(tithe(&["profile", "schema"]).expect_code(0).stdout, shipped);
    for command in ["check", "update", "diff", "schema"] {
        let help = Home::new().tithe(&["profile", command, "--help"]).expect_code(0).stdout;
        assert!(help.contains("Examples:") && help.lines().all(|line| line.chars().count() <= 110), "{help}");
    }
    let manual = tithe(&["man"]).expect_code(0).stdout;
    assert!(manual.contains("TITHE PROFILE UPDATE") && manual.contains("dry\\-run"), "{manual}");
}
