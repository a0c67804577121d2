//! Runs that are killed at every step they have.
#![cfg(debug_assertions)] // The program's steps are counted in debug builds only.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::vault::{Node, Tree, Vaults, copy_tree, run};
use crate::support::{Home, PROFILE, Ran, Scene};

/// A target after a first run, and what the next one is to do: replace, copy, remove, leave alone.
struct Killed {
    vaults: Vaults,
    old: Tree,
    new: Tree,
}

fn file(text: &str) -> Node {
    Node::File(text.as_bytes().to_vec())
}

impl Killed {
    fn new() -> Self {
        let vaults = Vaults::new();
        let old = ["same", "x/changed", "x/y/changed", "x/z/extra", "w/extra", "theirs"];
        vaults.put(&old.map(|path| (path, "old")));
        vaults.want(&old);
        vaults.sync(&[]).expect_code(0);
        vaults.edit("theirs", "edited");
        vaults.edit("x/user", "user");
        let old = vaults.tree();
        // Of more than one buffer.
        let long = "new".repeat(100_000);
        vaults.put(&[("x/changed", "new"), ("x/y/changed", &long), ("x/new", "new"), ("new/1/2", &long)]);
        vaults.want(&["same", "x/changed", "x/y/changed", "theirs", "x/new", "new/1/2"]);
        let mut new = old.clone();
        for (path, text) in [("x/changed", "new"), ("x/y/changed", &long), ("x/new", "new"), ("new/1/2", &long)] {
            new.insert(path.to_owned(), file(text));
        }
        new.retain(|path, _| !path.ends_with("extra"));
        copy_tree(&vaults.target(), &vaults.dir().join("kept"));
        Self { vaults, old, new }
    }

    /// The target as it was after the first run.
    fn reset(&self) {
        fs::remove_dir_all(self.vaults.target()).unwrap();
        copy_tree(&self.vaults.dir().join("kept"), &self.vaults.target());
    }

    fn sync_until(&self, step: u64, jobs: &str) -> Ran {
        let mut command = self.vaults.command("sync", &["--yes-remove", "2", "--vault-jobs", jobs]);
        run(command.env("TITHE_ABORT_AT_STEP", step.to_string()))
    }

    /// At no path stands anything but the whole old or the whole new, and nothing is lost.
    #[track_caller]
    fn assert_whole(&self, when: &str) {
        let (tree, trash) = (self.vaults.tree(), self.vaults.trash());
        for (path, node) in &tree {
            let known = [&self.old, &self.new].iter().any(|state| state.get(path) == Some(node));
            assert!(known, "{when}: {path} is neither old nor new");
        }
        for (path, node) in &self.old {
            let kept = trash.iter().any(|(at, kept)| at.ends_with(path.as_str()) && kept == node);
            assert!(tree.get(path) == Some(node) || kept, "{when}: {path} is lost");
            assert!(tree.contains_key(path) || path.ends_with("extra"), "{when}: nothing stands at {path}");
        }
    }

    /// Another run ends as one that was never killed, and knows what it owns.
    #[track_caller]
    fn assert_ends_well(&self, when: &str) {
        let ran = self.vaults.sync(&["--yes-remove", "2", "--durability", "off"]);
        assert_eq!(ran.code, 3, "{when}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(self.vaults.tree(), self.new, "{when}");
        self.vaults.assert_clean();
        self.assert_whole(when);
        // All that Tithe placed is its own: with a list of one file the rest goes, and the user's files stay.
        let list = fs::read_to_string(self.vaults.list()).unwrap();
        self.vaults.want(&["same"]);
        self.vaults.sync(&["--yes-remove", "4", "--durability", "off"]).expect_code(0);
        fs::write(self.vaults.list(), list).unwrap();
        let left: BTreeMap<_, _> = [("same", "old"), ("theirs", "edited"), ("x/user", "user")].into();
        let left: Tree = left.into_iter().map(|(path, text)| (path.to_owned(), file(text))).collect();
        assert_eq!(self.vaults.tree(), left, "{when}");
    }
}

#[test]
fn a_run_killed_at_any_step_leaves_whole_files_and_ends_well_when_run_again() {
    let scene = Killed::new();
    let mut step = 0;
    loop {
        step += 1;
        scene.reset();
        let ran = scene.sync_until(step, "1");
        let when = format!("step {step}");
        if ran.code == 3 {
            break;
        }
        assert!(ran.stderr.contains("Aborted") || ran.code > 128 || ran.code == -1, "{when}: {ran:?}");
        scene.assert_whole(&when);
        scene.assert_ends_well(&when);
    }
    assert!(step > 40, "only {step} steps");
}

/// The run that clears up can be killed as well.
#[test]
fn a_run_killed_while_it_recovers_from_a_kill_ends_well() {
    let scene = Killed::new();
    for first in (12..60).step_by(6) {
        scene.reset();
        scene.sync_until(first, "2");
        for then in [3, 9, 15] {
            scene.sync_until(then, "2");
            scene.assert_whole(&format!("step {first}, then {then}"));
        }
        scene.assert_ends_well(&format!("step {first}, recovering"));
    }
}

/// A first run, into a folder that is not there yet.
#[test]
fn a_first_run_killed_at_any_step_is_made_up_for() {
    let vaults = Vaults::new();
    vaults.put(&[("a", "one"), ("b/c", "two")]);
    vaults.want(&["a", "b/c"]);
    for step in 1.. {
        let _ = fs::remove_dir_all(vaults.target());
        let ran = run(vaults.command("sync", &["--vault-jobs", "1"]).env("TITHE_ABORT_AT_STEP", step.to_string()));
        if ran.code == 0 {
            assert!(step > 10, "only {step} steps");
            break;
        }
        vaults.sync(&["--durability", "off"]).expect_code(0);
        vaults.assert_agree();
        vaults.assert_clean();
        assert_eq!(vaults.tree().len(), 2);
    }
}

/// At any step of a run somebody saves his own version of files that it is about to replace, make and remove.
#[test]
fn what_is_saved_at_any_step_of_a_run_stays() {
    let scene = Killed::new();
    let files = ["x/changed", "x/new", "w/extra"];
    let mut step = 0;
    loop {
        step += 1;
        scene.reset();
        let mut command = scene.vaults.command("sync", &["--yes-remove", "2", "--vault-jobs", "1"]);
        let Some((mut child, paused)) = paused_at(&mut command, step) else { break };
        for path in files {
            let aside = scene.vaults.dir().join("aside");
            fs::write(&aside, "mine").unwrap();
            let path = scene.vaults.target().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::rename(&aside, &path).unwrap();
        }
        kill_process(Pid::from_raw(paused).unwrap(), Signal::CONT).unwrap();
        child.wait().unwrap();
        for path in files {
            assert_eq!(scene.vaults.text(path), "mine", "step {step}");
        }
    }
    assert!(step > 40, "only {step} steps");
}

/// Starts it and waits until it has stopped itself at that step; `None` where it ended before.
fn paused_at(command: &mut Command, step: i32) -> Option<(Child, i32)> {
    command.env("TITHE_PAUSE_AT_STEP", step.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if let Some(paused) = stopped_child(child.id()) {
            return Some((child, paused));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The files of a target and what Tithe has recorded of them.
type State = (Tree, Vec<u8>);

/// Two runs: the later one replaced, removed and brought files beside its rows.
struct TwoRuns {
    rows: Scene,
    vaults: Vaults,
}

impl TwoRuns {
    fn new() -> Self {
        let (rows, vaults) = (Scene::new(), Vaults::new());
        let [from, to] = [vaults.source(), vaults.target()].map(|path| path.to_str().unwrap().to_owned());
        let sample = |numbers: &str, percent: &str| {
            let files = format!(
                "[[vault.files]]\nname = \"numbered\"\nmode = \"real\"\n\
                 query = \"SELECT 'x/' || n FROM generate_series({numbers}) n\"\n"
            );
            let more = ["--vault-from", &from, "--vault-to", &to, "--percent", percent, "--yes-remove", "9"];
            rows.sample_with(&format!("{PROFILE}{files}"), &more).expect_code(0);
        };
        vaults.put(&["x/1", "x/2", "x/3", "x/4"].map(|path| (path, "old")));
        sample("1, 4", "100");
        vaults.put(&[("x/2", "newer"), ("x/3", "newer"), ("x/5", "new")]);
        sample("2, 5", "10");
        copy_tree(&vaults.target(), &vaults.dir().join("kept"));
        Self { rows, vaults }
    }

    /// The files as they were after the later run.
    fn reset(&self) {
        fs::remove_dir_all(self.vaults.target()).unwrap();
        copy_tree(&self.vaults.dir().join("kept"), &self.vaults.target());
    }

    fn roll(&self, abort_at: Option<u64>) -> Ran {
        let mut command = self.rows.home.command(&["rollback", "--yes", "--to", &self.rows.target.url()]);
        command.envs(abort_at.map(|step| ("TITHE_ABORT_AT_STEP", step.to_string())));
        Home::run(command)
    }

    fn state(&self) -> State {
        (self.vaults.tree(), fs::read(self.vaults.own().join("installed")).unwrap())
    }

    fn has_older_rows(&self) -> bool {
        self.rows.target.query_one_text("SELECT count(*) FROM posts") == "1000"
    }
}

#[test]
fn a_rollback_killed_at_any_step_is_finished_by_the_next_and_undone_by_another() {
    let scene = TwoRuns::new();
    let newer = scene.state();
    scene.roll(None).expect_code(0);
    let back = scene.state();
    let old = |paths: &[&str]| paths.iter().map(|path| ((*path).to_owned(), file("old"))).collect::<Tree>();
    let mut expected = old(&["x/1", "x/2", "x/3", "x/4"]);
    expected.insert("x/5".to_owned(), file("new"));
    assert_eq!(back.0, expected);
    scene.roll(None).expect_code(0);
    let forth = scene.state();
    // What the older rows named stays.
    let mut expected = newer.0.clone();
    expected.extend(old(&["x/1"]));
    assert_eq!(forth.0, expected);
    let mut step = 0;
    loop {
        step += 1;
        scene.reset();
        let when = format!("step {step}");
        if scene.roll(Some(step)).code == 0 {
            break;
        }
        assert!(!scene.has_older_rows(), "{when}: rows are swapped last");
        for (path, node) in scene.vaults.tree() {
            assert!([&back, &newer].iter().any(|state| state.0.get(&path) == Some(&node)), "{when}: {path}");
        }
        assert!(newer.0.keys().all(|path| scene.vaults.tree().contains_key(path)), "{when}: a file is missing");
        scene.roll(None).expect_code(0);
        assert_eq!((scene.state(), scene.has_older_rows()), (back.clone(), true), "{when}");
        scene.roll(None).expect_code(0);
        assert_eq!((scene.state(), scene.has_older_rows()), (forth.clone(), false), "{when}");
    }
    assert!(step > 15, "only {step} steps");
}

/// Rows that were rolled back alone go forth again alone: the files are those of the newer rows already.
#[test]
fn files_that_were_left_out_of_a_rollback_are_left_as_they_are_when_it_is_undone() {
    let scene = TwoRuns::new();
    let newer = scene.state();
    let mut command = scene.rows.home.command(&["rollback", "--yes", "--no-vault"]);
    command.args(["--to", &scene.rows.target.url()]);
    Home::run(command).expect_code(0);
    scene.roll(None).expect_code(0);
    assert!(!scene.has_older_rows());
    assert_eq!(scene.state(), newer);
}

/// What a killed run loses is ten seconds; and what a version before this one staged goes, too.
#[test]
fn a_slow_run_that_is_killed_keeps_what_it_had_in_place() {
    let vaults = Vaults::new();
    let names: Vec<String> = (0..200).map(|n| format!("d/f{n:03}")).collect();
    names.iter().for_each(|name| vaults.put(&[(name, &name.repeat(1500))]));
    vaults.want(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut slow = vaults.command("sync", &["--bwlimit", "100kB"]).stderr(Stdio::null()).spawn().unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while vaults.tree().is_empty() {
        assert!(std::time::Instant::now() < end && slow.try_wait().unwrap().is_none(), "nothing is in place");
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_process(Pid::from_raw(child_of(slow.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    slow.wait().unwrap();
    let placed = vaults.tree().len();
    assert!(placed < names.len(), "{placed}");
    fs::write(vaults.own().join("staging/00000007"), "of a version before").unwrap();
    let said = vaults.sync(&[]).expect_code(0).stdout;
    assert!(said.contains(&format!("brought {} files", names.len() - placed)), "{placed}: {said}");
    vaults.assert_agree();
    vaults.assert_clean();
}

/// One bit of the only staged file, at any step before it is in place.
#[test]
fn a_bit_that_flips_in_a_staged_file_is_found_when_it_is_read_back() {
    let vaults = Vaults::new();
    vaults.put(&[("a", &"text ".repeat(120_000))]);
    vaults.want(&["a"]);
    let mut found = 0;
    for step in 1.. {
        let _ = fs::remove_dir_all(vaults.target());
        let mut command = vaults.command("sync", &["--durability", "readback"]);
        let Some((mut child, paused)) = paused_at(&mut command, step) else { break };
        if let Some(path) = vaults.staged() {
            let mut bytes = fs::read(&path).unwrap();
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
                // In its place: the program holds it open.
                fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&bytes[..1], 0).unwrap();
            }
        }
        kill_process(Pid::from_raw(paused).unwrap(), Signal::CONT).unwrap();
        match child.wait().unwrap().code() {
            Some(0) => vaults.assert_agree(),
            Some(8) => {
                found += 1;
                assert!(vaults.tree().is_empty(), "step {step}");
                vaults.sync(&["--durability", "readback"]).expect_code(0);
                vaults.assert_agree();
            }
            code => panic!("{code:?} at step {step}"),
        }
    }
    assert!(found > 2, "found {found} times only");
}

/// The program below `timeout`.
fn child_of(parent: u32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// The stopped program below `timeout`.
fn stopped_child(parent: u32) -> Option<i32> {
    let child = child_of(parent)?;
    let state = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
    state.rsplit_once(')')?.1.trim_start().starts_with('T').then_some(child)
}
