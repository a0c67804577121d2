//! `tithe sample` with files: rows and files agree, or neither changes.

use std::collections::BTreeSet;
use std::fs;

use crate::support::vault::{Node, Vaults, write};
use crate::support::{PROFILE, Ran, Scene};

const FILES: &str = r#"
[[vault.files]]
name = "pictures"
table = "posts"
path = "pictures/{id}.png"
mode = "real"
"#;

struct Sampled {
    scene: Scene,
    vaults: Vaults,
}

impl Sampled {
    /// A file for each of the thousand posts.
    fn new() -> Self {
        let vaults = Vaults::new();
        for id in 1..=1000 {
            write(&vaults.source().join(format!("pictures/{id}.png")), format!("picture {id}").as_bytes());
        }
        Self { scene: Scene::new(), vaults }
    }

    fn sample(&self, files: &str, more: &[&str]) -> Ran {
        let (from, to) = (self.vaults.source(), self.vaults.target());
        let folders = ["--vault-from", from.to_str().unwrap(), "--vault-to", to.to_str().unwrap()];
        self.scene.sample_with(&format!("{PROFILE}{files}"), &[&folders, more].concat())
    }

    /// The files of the rows that are there, and no others.
    #[track_caller]
    fn assert_agree(&self) {
        let question = "SELECT string_agg('pictures/' || id || '.png', ' ') FROM posts";
        let named = self.scene.target.query_one_text(question);
        let named: BTreeSet<&str> = named.split(' ').collect();
        let tree = self.vaults.tree();
        assert_eq!(tree.keys().map(String::as_str).collect::<BTreeSet<_>>(), named);
        self.vaults.want(&named.into_iter().collect::<Vec<_>>());
        self.vaults.assert_agree();
        self.vaults.assert_clean();
    }
}

#[test]
fn rows_and_files_agree_after_each_run() {
    let scene = Sampled::new();
    scene.sample(FILES, &[]).expect_code(0);
    scene.scene.assert_sampled();
    scene.assert_agree();
    let many = scene.vaults.tree().len();
    assert!((250..750).contains(&many), "{many}");
    // Too many would go: the rows are swapped in, the files stay, and it is said.
    let said = scene.sample(FILES, &["--percent", "10"]).expect_code(3).stdout;
    assert!(said.contains("files would be removed from the vault; they stay"), "{said}");
    assert_eq!(scene.vaults.tree().len(), many);
    scene.sample(FILES, &["--percent", "10", "--yes-remove", "1000"]).expect_code(0);
    assert!(scene.vaults.tree().len() < many / 2);
    scene.assert_agree();
    scene.sample(FILES, &["--percent", "50"]).expect_code(0);
    scene.assert_agree();
}

#[test]
fn a_run_that_fails_leaves_rows_and_files() {
    let scene = Sampled::new();
    scene.sample(FILES, &["--percent", "10"]).expect_code(0);
    let (rows, files) = (scene.scene.target.query_one_text("SELECT count(*) FROM posts"), scene.vaults.tree());
    let unchanged = || {
        assert_eq!(scene.scene.target.query_one_text("SELECT count(*) FROM posts"), rows);
        assert_eq!((scene.vaults.tree(), scene.vaults.trash()), (files.clone(), vec![]));
    };
    let after = format!("{FILES}\n[target]\nafter_load = ['exit 3']\n");
    scene.sample(&after, &["--percent", "50", "--yes-remove", "1000"]).expect_code(7);
    unchanged();
    // Half of the files are gone.
    for id in (1..=1000).step_by(2) {
        fs::remove_file(scene.vaults.source().join(format!("pictures/{id}.png"))).unwrap();
    }
    let ran = scene.sample(FILES, &["--percent", "50", "--yes-remove", "1000"]);
    ran.failed(8, &["files that rows name are missing in", "missing_percent"]);
    unchanged();
    // Few enough by the profile: what is there comes, and what is missing is said.
    let ran = scene.sample(&format!("[vault]\nmissing_percent = 60\n{FILES}"), &["--percent", "50"]);
    let said = ran.expect_code(3).stdout;
    assert!(said.contains("are named by rows and missing in the source"), "{said}");
    assert!(scene.vaults.tree().len() > files.len());
    // All files are in place, and then the databases cannot be swapped: what was replaced is as it was.
    let (rows, files) = (scene.scene.target.query_one_text("SELECT count(*) FROM posts"), scene.vaults.tree());
    for id in (2..=1000).step_by(2) {
        write(&scene.vaults.source().join(format!("pictures/{id}.png")), b"newer");
    }
    let in_the_way = format!("{}__drop", scene.scene.target.name());
    let replacing = format!(
        "[vault]\nmissing_percent = 60\n{FILES}\n[target]\n\
         after_load = ['psql -qd postgres -c \"CREATE DATABASE {in_the_way} TEMPLATE template0\"']\n"
    );
    let ran = scene.sample(&replacing, &["--percent", "50"]);
    ran.failed(10, &["that no run of tithe made", "files that the run had replaced have their former version again"]);
    assert_eq!(scene.scene.target.query_one_text("SELECT count(*) FROM posts"), rows);
    assert_eq!(scene.vaults.tree(), files);
    let admin = &crate::support::servers().target;
    admin.query_text("postgres", &format!("DROP DATABASE {in_the_way}")).unwrap();
    // They are Tithe's as before: the next run replaces them.
    scene.sample(&replacing.replace("CREATE DATABASE", "SELECT 1 --"), &["--percent", "50"]).expect_code(3);
    assert!(scene.vaults.tree().into_values().any(|node| node == Node::File(b"newer".to_vec())));
}

/// Opened and locked, but given nothing.
#[track_caller]
fn assert_no_files(vault: &std::path::Path) {
    let names: Vec<_> =
        std::fs::read_dir(vault).into_iter().flatten().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name == ".tithe"), "{names:?}");
}

#[test]
fn a_hostile_path_in_a_row_stops_the_run() {
    let scene = Sampled::new();
    for (path, fault) in [
        ("../../etc/passwd", "has a `.` or `..` component"),
        ("/etc/passwd", "is absolute"),
        (".tithe/lock", "leads into Tithe's own folder"),
        ("a\\b", "has a backslash"),
        ("passwd\u{7}", "has a control character"),
    ] {
        let quoted = path.replace('\\', "\\\\");
        let sql = format!(
            "UPDATE posts SET body = 'pictures/' || id || '.png'; UPDATE posts SET body = E'{quoted}' WHERE id = 77"
        );
        scene.scene.source.execute(&sql);
        let files = FILES.replace("pictures/{id}.png", "{body}");
        let ran = scene.sample(&files, &["--percent", "100"]);
        let said = ran.failed(5, &["pictures", "row 77 of the sampled rows of", "posts", fault]);
        assert!(!said.contains("passwd"), "the cell is shown: {said}");
        assert_eq!(said.contains("\"body\"::text ~ '[[:cntrl:]"), fault.contains("control"), "{said}");
        scene.scene.assert_old();
        assert_no_files(&scene.vaults.target());
    }
}

#[test]
fn two_kinds_may_not_disagree_and_each_needs_a_mode() {
    let scene = Sampled::new();
    let said = scene.sample(&FILES.replace("mode = \"real\"", ""), &[]).failed(4, &["pictures", "mode"]);
    assert!(said.contains("real"), "{said}");
    scene.scene.assert_old();
    // Files that may not come are no others' to bring either.
    for other in ["placeholder", "none"] {
        let twice = format!("{FILES}{}", FILES.replace("pictures\"", "others\"").replace("real", other));
        scene.sample(&twice, &[]).failed(4, &["pictures", "others", "which treat it differently"]);
        scene.scene.assert_old();
    }
    assert_no_files(&scene.vaults.target());
}

#[test]
fn files_stay_where_they_are_without_folders_and_with_no_vault() {
    let scene = Sampled::new();
    scene.sample(FILES, &["--no-vault"]).expect_code(0);
    assert!(!scene.vaults.target().exists());
    let again = Sampled::new();
    again.scene.sample_with(&format!("{PROFILE}{FILES}"), &[]).expect_code(0);
    assert!(!again.vaults.target().exists());
}

/// The target's user had his own file at a row's path.
#[test]
fn a_file_of_the_user_stays_and_is_told() {
    let scene = Sampled::new();
    (1..=1000).step_by(100).for_each(|id| scene.vaults.edit(&format!("pictures/{id}.png"), "mine"));
    let said = scene.sample(FILES, &["--adopt", "--percent", "100"]).expect_code(3).stdout;
    assert!(said.contains("10 files differ in the target and are not as Tithe left them"), "{said}");
    let mine = scene.vaults.tree().into_values().filter(|node| *node == Node::File(b"mine".to_vec())).count();
    assert_eq!((mine, scene.vaults.tree().len()), (10, 1000));
}

/// Paths of masked names, one of them of another table: the source's files lie under the names that production has.
const MASKED_FILES: &str = r#"
[[vault.files]]
name = "pictures"
table = "posts"
path = "pictures/{lower(user_id.name)}/{body}.png"
variants = ["_small.webp"]
mode = "real"
"#;

const MASKED: &str = r#"
[columns.users]
id = "keep"
email = "email"
name = "token"

[columns.posts]
id = "keep"
user_id = "keep"
body = { token = true, support = "hash" }
"#;

fn masked_scene() -> (Sampled, String) {
    let scene = Sampled::new();
    scene.scene.source.execute("UPDATE users SET name = 'Artist-' || id; UPDATE posts SET body = 'Holiday-' || id");
    for id in 1..=1000 {
        let stem = format!("pictures/artist-{}/Holiday-{id}", 1 + id % 200);
        write(&scene.vaults.source().join(format!("{stem}.png")), format!("picture {id}").as_bytes());
        write(&scene.vaults.source().join(format!("{stem}_small.webp")), format!("small {id}").as_bytes());
    }
    let head = &PROFILE[..PROFILE.find("[columns.users]").unwrap()];
    (scene, format!("{head}{MASKED}{MASKED_FILES}"))
}

#[test]
fn files_named_after_masked_columns_come_under_their_masked_names() {
    let (scene, profile) = masked_scene();
    let (from, to) = (scene.vaults.source(), scene.vaults.target());
    let folders = ["--vault-from", from.to_str().unwrap(), "--vault-to", to.to_str().unwrap()];
    scene.scene.sample_with(&profile, &folders).expect_code(0);
    let target = &scene.scene.target;
    let rows = target.query_one_text(
        "SELECT string_agg(p.id || ' pictures/' || lower(u.name) || '/' || p.body, ' ') FROM posts p JOIN users u ON u.id = p.user_id",
    );
    let rows: Vec<&str> = rows.split(' ').collect();
    assert!(rows.len() > 500, "{rows:?}");
    for row in rows.chunks(2) {
        let [id, stem] = row else { panic!("{row:?}") };
        assert_eq!(scene.vaults.text(&format!("{stem}.png")), format!("picture {id}"));
        assert_eq!(scene.vaults.text(&format!("{stem}_small.webp")), format!("small {id}"));
    }
    let tree = scene.vaults.tree();
    assert_eq!(tree.len(), rows.len());
    assert!(!tree.keys().any(|path| path.contains("artist") || path.contains("Holiday")));
    // Again: everything is in place, by content.
    let again = scene.scene.sample_with(&profile, &[&folders[..], &["--json"]].concat()).expect_code(0).stdout;
    let report: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(report["vault"]["files_copied"], 0, "{}", report["vault"]);
}

#[test]
fn a_landed_database_does_not_tell_where_files_of_masked_names_lie() {
    let (scene, profile) = masked_scene();
    let (from, to) = (scene.vaults.source(), scene.vaults.target());
    let folders = ["--vault-from", from.to_str().unwrap(), "--vault-to", to.to_str().unwrap()];
    scene.scene.sample_with(&profile, &folders).expect_code(0);
    let file = crate::support::profile(&profile);
    let url = scene.scene.target.url();
    let landed = ["--to", &url, "--profile", file.path().to_str().unwrap(), "--vault-to", to.to_str().unwrap()];
    scene.scene.home.tithe(&[&["vault", "verify"], &landed[..]].concat()).expect_code(0);
    let sync = [&["vault", "sync", "--vault-from", from.to_str().unwrap()], &landed[..]].concat();
    let said = scene.scene.home.tithe(&sync).failed(5, &["pictures", "users.name", "tithe sample"]);
    assert!(!said.contains("Artist"), "{said}");
}

#[test]
fn masked_paths_need_a_key_that_is_kept() {
    let (scene, profile) = masked_scene();
    scene.scene.source.execute("ALTER TABLE posts DROP CONSTRAINT posts_pkey");
    let (from, to) = (scene.vaults.source(), scene.vaults.target());
    let folders = ["--vault-from", from.to_str().unwrap(), "--vault-to", to.to_str().unwrap()];
    let ran = scene.scene.sample_with(&profile, &folders);
    scene.scene.refused(ran, 5, &["pictures", "posts.body", "no key"]);
    assert!(!scene.vaults.target().exists());
}

/// Rows and files go back together, and forth again, also where a sync removed the files.
#[test]
fn a_rollback_finds_the_files_of_the_older_rows() {
    // On another machine, which does there what is done here.
    let scene = Sampled::new();
    // Enough to be told apart.
    scene.scene.source.execute("DELETE FROM posts WHERE id > 200");
    let far = Far::new(&scene);
    let reach = &["--ssh", &far.ssh, "--remote-tithe", env!("CARGO_BIN_EXE_tithe")][..];
    let to = &*far.place;
    let file = crate::support::profile(&format!("{PROFILE}{FILES}"));
    let (url, from) = (scene.scene.target.url(), scene.vaults.source());
    let from = from.to_str().unwrap();
    let landed = ["--to", &url, "--profile", file.path().to_str().unwrap(), "--vault-to", to];
    let vault =
        |what: &str, more: &[&str]| scene.scene.home.tithe(&[&["vault", what], &landed[..], reach, more].concat());
    let sample = |more: &[&str]| {
        let places = ["--vault-from", from, "--vault-to", to, "--durability", "off"];
        scene.scene.sample_with(&format!("{PROFILE}{FILES}"), &[&places, reach, more].concat())
    };
    sample(&["--percent", "100"]).expect_code(0);
    // So that some are replaced.
    (1..=200).step_by(3).for_each(|id| {
        write(&scene.vaults.source().join(format!("pictures/{id}.png")), format!("newer {id}").as_bytes());
    });
    sample(&[]).expect_code(3);
    vault("sync", &["--vault-from", from, "--yes-remove", "1000"]).expect_code(0);
    scene.assert_agree();
    assert!(scene.vaults.tree().len() < 160);
    let roll = || scene.scene.home.tithe(&[&["rollback", "--yes", "--to", &url], reach].concat());
    far.assert_refusals(&scene, &url);
    for rows in ["200", "at most 160"] {
        let said = roll().expect_code(0).stdout;
        assert!(said.contains(&format!("{to}: ")), "{said}");
        let counted = scene.scene.target.query_one_text("SELECT count(*) FROM posts");
        assert!(rows == counted || rows != "200" && counted.parse::<u32>().unwrap() < 160, "{counted}");
        let found: serde_json::Value =
            serde_json::from_str(&vault("verify", &["--json"]).expect_code(0).stdout).unwrap();
        assert_eq!(found["intact"].to_string(), counted);
        let tree = scene.vaults.tree();
        let newer = tree.values().filter(|node| is_newer(node));
        assert_eq!(newer.count() > 0, rows != "200", "{rows}");
    }
    scene.assert_files_are_the_users_and_the_trash_is_told(roll);
}

impl Sampled {
    /// Two runs, of which the later one replaced files, and its rows are in use.
    #[track_caller]
    fn assert_files_are_the_users_and_the_trash_is_told(&self, roll: impl Fn() -> Ran) {
        let (admin, name) = (&crate::support::servers().target, self.scene.target.name());
        let rename = |from: &str, to: &str| {
            admin.query_text("postgres", &format!("ALTER DATABASE {from} RENAME TO {to}")).unwrap()
        };
        let files = self.vaults.tree();
        // Where the rows cannot go back the files stay.
        let (prev, away, in_the_way) = (format!("{name}__prev"), format!("{name}_away"), format!("{name}__drop"));
        rename(&prev, &away);
        roll().failed(7, &["there is no previous database"]);
        admin.query_text("postgres", &format!("CREATE DATABASE {in_the_way} TEMPLATE template0")).unwrap();
        rename(&away, &prev);
        roll().failed(10, &[&in_the_way, "that no run of tithe made"]);
        admin.query_text("postgres", &format!("DROP DATABASE {in_the_way}")).unwrap();
        assert_eq!(self.vaults.tree(), files);
        // What somebody changed stays, both ways.
        let (edited, _) = files.iter().find(|(_, node)| is_newer(node)).unwrap();
        self.vaults.edit(edited, "mine");
        let said = roll().expect_code(3).stdout;
        assert!(said.contains("1 left alone") && said.contains("tithe vault sync"), "{said}");
        assert_eq!(self.vaults.tree().values().filter(|node| is_newer(node)).count(), 0);
        assert_eq!(self.vaults.text(edited), "mine");
        roll().expect_code(0);
        assert_eq!(self.vaults.text(edited), "mine");
        // Where nothing can be put back, and where nobody knows of anything, that is told.
        fs::remove_dir_all(self.vaults.own().join("trash")).unwrap();
        let said = roll().expect_code(3).stdout;
        assert!(said.contains("is not in the trash of") && said.contains("tithe vault sync"), "{said}");
        let reports = self.scene.home.path().join("state/tithe/runs");
        fs::remove_dir_all(reports).unwrap();
        let said = roll().expect_code(3).stdout;
        assert!(said.contains("the report of run") && said.contains("tithe vault sync"), "{said}");
    }
}

fn is_newer(node: &Node) -> bool {
    matches!(node, Node::File(text) if text.starts_with(b"newer"))
}

/// The target's folder as another machine's: a command in ssh's place starts the program there.
struct Far {
    ssh: String,
    place: String,
}

impl Far {
    fn new(scene: &Sampled) -> Self {
        let ssh = scene.scene.home.path().join("reach");
        // As ssh does: the host, and what that machine's shell is to run.
        let body = "#!/bin/sh\nshift\nexec sh -c \"exec $1\"\n";
        fs::write(&ssh, body).unwrap();
        fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let place = format!("far:{}", scene.vaults.target().display());
        Self { ssh: ssh.display().to_string(), place }
    }

    /// Where the files cannot be put back the rows stay as well; what was interrupted there is gone on with.
    fn assert_refusals(&self, scene: &Sampled, url: &str) {
        let program = env!("CARGO_BIN_EXE_tithe");
        let (rows, files) = (scene.scene.target.query_one_text("SELECT count(*) FROM posts"), scene.vaults.tree());
        let roll = |ssh: &str, variables: &[(&str, &str)]| {
            let arguments = ["rollback", "--yes", "--to", url, "--ssh", ssh, "--remote-tithe", program];
            let mut command = scene.scene.home.command(&arguments);
            command.envs(variables.iter().copied());
            let ran = crate::support::Home::run(command);
            assert_eq!(scene.scene.target.query_one_text("SELECT count(*) FROM posts"), rows);
            ran
        };
        roll("/nowhere/ssh", &[]).failed(8, &["reach the vault far:", "--no-vault"]);
        let reading = format!("{}.reading", self.ssh);
        let root = scene.vaults.target();
        fs::write(&reading, format!("#!/bin/sh\nexec {program} vault serve --stdio --root {}\n", root.display()))
            .unwrap();
        fs::set_permissions(&reading, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        roll(&reading, &[]).failed(10, &["served for reading only", "--no-vault"]);
        assert_eq!(scene.vaults.tree(), files);
        // Counted in debug builds only.
        if cfg!(debug_assertions) {
            roll(&self.ssh, &[("TITHE_ABORT_AT_STEP", "50")]).failed(8, &["far:", "--no-vault"]);
            assert_ne!(scene.vaults.tree(), files);
        }
    }
}
