//! Nothing leads out of a vault's folder: no path, no link, no race.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::vault::{Node, Vaults, run, tree, write};

/// A folder beside the vaults, with a file in it that nobody may read into the target, change or remove.
fn outside(vaults: &Vaults) -> std::path::PathBuf {
    let outside = vaults.dir().join("outside");
    write(&outside.join("c"), b"outside");
    outside
}

#[track_caller]
fn assert_untouched(outside: &Path) {
    let found = tree(outside);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("c".to_owned(), Node::File(b"outside".to_vec()))]);
}

fn fifo(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn hostile_paths_refuse_the_whole_list() {
    let vaults = Vaults::new();
    vaults.put(&[("good", "good")]);
    let long = "x".repeat(256);
    for path in [
        "../outside",
        "a/../../outside",
        "/etc/passwd",
        "a//b",
        "./a",
        "a\\b",
        "a\u{7}b",
        "C:/x",
        "nul",
        "a./b",
        ".tithe/lock",
        ".TITHE/lock",
        "a\u{202e}b",
        long.as_str(),
    ] {
        vaults.want(&["good", path]);
        for what in ["plan", "sync", "verify"] {
            let said = vaults.vault(what, &[]).expect_code(5).stderr;
            assert!(said.contains("list.txt:2: the path "), "{path:?}: {said}");
        }
        assert!(!vaults.target().exists());
    }
    vaults.want(&["a", "a/b"]);
    let said = vaults.sync(&[]).expect_code(5).stderr;
    assert!(said.contains("as the folder of a/b") && said.contains("leave one out"), "{said}");
}

#[test]
fn links_in_the_source_are_not_followed() {
    for at in 0..3 {
        let vaults = Vaults::new();
        let outside = outside(&vaults);
        for n in 0..200 {
            vaults.put(&[(&format!("good/{n}"), "good")]);
        }
        let parts = ["a", "a/b", "a/b/c"];
        if at > 0 {
            fs::create_dir_all(vaults.source().join(parts[at - 1])).unwrap();
        }
        let to = if at == 2 { outside.join("c") } else { outside.clone() };
        symlink(to, vaults.source().join(parts[at])).unwrap();
        let wanted: Vec<String> = (0..200).map(|n| format!("good/{n}")).chain(["a/b/c".to_owned()]).collect();
        vaults.want(&wanted.iter().map(String::as_str).collect::<Vec<_>>());
        write(&outside.join("b/c"), b"outside");
        let ran = vaults.sync(&[]);
        // Behind a link there is nothing that could be told from something.
        assert!(ran.code == 3 || ran.code == 8, "{ran:?}");
        assert!(!vaults.target().join("a").exists(), "{}", parts[at]);
    }
}

#[test]
fn links_in_the_target_are_neither_followed_nor_replaced() {
    for at in 0..3 {
        let vaults = Vaults::new();
        let outside = outside(&vaults);
        vaults.put(&[("a/b/c", "of the source"), ("good", "good")]);
        let part = vaults.target().join(["a", "a/b", "a/b/c"][at]);
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        symlink(if at == 2 { outside.join("c") } else { outside.clone() }, &part).unwrap();
        vaults.want(&["a/b/c", "good"]);
        for more in [&["--adopt"][..], &["--overwrite-local"]] {
            let said = vaults.sync(more).expect_code(3).stdout;
            assert!(said.contains("where a link or a folder stands: a/b/c"), "{said}");
            assert!(part.is_symlink());
            assert_eq!(vaults.text("good"), "good");
            assert_untouched(&outside);
        }
    }
}

#[test]
fn a_link_in_the_place_of_what_tithe_brought_is_not_followed_when_it_goes() {
    let vaults = Vaults::new();
    let outside = outside(&vaults);
    // The same content, so that only the link tells them apart.
    vaults.put(&[("a/c", "outside"), ("b/c", "outside"), ("good", "good")]);
    vaults.want(&["a/c", "b/c", "good"]);
    vaults.sync(&[]).expect_code(0);
    fs::remove_dir_all(vaults.target().join("a")).unwrap();
    symlink(&outside, vaults.target().join("a")).unwrap();
    fs::remove_file(vaults.target().join("b/c")).unwrap();
    symlink(outside.join("c"), vaults.target().join("b/c")).unwrap();
    vaults.want(&["good"]);
    vaults.sync(&["--yes-remove", "100"]).expect_code(0);
    assert!(vaults.target().join("a").is_symlink() && vaults.target().join("b/c").is_symlink());
    assert_eq!(vaults.trash(), []);
    assert_untouched(&outside);
}

#[test]
fn pipes_and_devices_are_no_files_and_keep_nobody_waiting() {
    let vaults = Vaults::new();
    let begun = Instant::now();
    let names: Vec<String> = (0..200).map(|n| format!("good/{n}")).collect();
    names.iter().for_each(|name| vaults.put(&[(name, name)]));
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    wanted.extend(["pipe", "a/pipe"]);
    fifo(&vaults.source().join("pipe"));
    vaults.put(&[("a/pipe", "a file here")]);
    fifo(&vaults.target().join("a/pipe"));
    vaults.want(&wanted);
    let said = vaults.sync(&["--adopt"]).expect_code(3).stdout;
    assert!(said.contains("1 files are links or no files in the source, and stay behind: pipe"), "{said}");
    assert!(said.contains("1 files cannot be put in place, where a link or a folder stands: a/pipe"), "{said}");
    assert_eq!(vaults.tree()["a/pipe"], Node::Special);
    vaults.vault("status", &[]);
    let said = vaults.vault("verify", &[]).expect_code(9).stderr;
    for words in ["--overwrite-local", "has to be taken away by hand", "missing in the source, too, stays missing"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // Those of our own records.
    fs::remove_file(vaults.own().join("installed")).unwrap();
    fifo(&vaults.own().join("installed"));
    vaults.sync(&[]);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn links_in_the_place_of_tithes_own_records_lead_nowhere() {
    let own = ["", "/vault.json", "/lock", "/installed", "/cache", "/staging", "/trash", "/installed.new"];
    for part in own {
        let vaults = Vaults::new();
        vaults.put(&[("a", "one"), ("b", "two")]);
        vaults.want(&["a", "b"]);
        vaults.sync(&[]).expect_code(0);
        vaults.put(&[("a", "new one"), ("c", "three")]);
        vaults.want(&["a", "c"]);
        let (planted, elsewhere) = (vaults.dir().join(format!("target/.tithe{part}")), vaults.dir().join("elsewhere"));
        if planted.exists() {
            fs::rename(&planted, &elsewhere).unwrap();
        } else {
            write(&elsewhere, b"elsewhere");
        }
        let before = tree(vaults.dir());
        symlink(&elsewhere, &planted).unwrap();
        let ran = vaults.sync(&["--yes-remove", "100"]);
        assert!(ran.code != 0 || part == "/installed.new", "{part}: {ran:?}");
        let mut after = tree(vaults.dir());
        after.retain(|path, _| path.starts_with("elsewhere"));
        for (path, node) in after {
            assert_eq!(before.get(&path), Some(&node), "{part}: {path} was written through the link");
        }
        if part.is_empty() || part == "/trash" || part == "/staging" || part == "/vault.json" {
            assert_eq!(vaults.text("a"), "one", "{part}");
        }
    }
}

/// A name of our own that is a second name of somebody's file: it is not written through.
#[test]
fn hard_links_share_nothing() {
    let vaults = Vaults::new();
    let outside = outside(&vaults);
    vaults.put(&[("a", "one"), ("b", "one")]);
    fs::remove_file(vaults.source().join("b")).unwrap();
    fs::hard_link(vaults.source().join("a"), vaults.source().join("b")).unwrap();
    vaults.want(&["a", "b"]);
    vaults.sync(&[]).expect_code(0);
    let inode = |path: &str| fs::metadata(vaults.target().join(path)).unwrap();
    assert_eq!((inode("a").nlink(), inode("b").nlink()), (1, 1));
    assert_ne!(inode("a").ino(), inode("b").ino());
    // Somebody keeps a second name of what Tithe brought: it keeps its content.
    fs::hard_link(vaults.target().join("a"), vaults.dir().join("second")).unwrap();
    for name in ["installed.new", "cache.new", "placing-0.new", "Case", "vault.json.new"] {
        fs::hard_link(outside.join("c"), vaults.own().join(name)).unwrap();
    }
    vaults.put(&[("a", "two")]);
    vaults.sync(&[]).expect_code(0);
    vaults.assert_agree();
    assert_eq!(fs::read_to_string(vaults.dir().join("second")).unwrap(), "one");
    assert_untouched(&outside);
}

/// Ends the other thread however this one ends.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps a folder of the vault and a link to somewhere else for as long as runs go on.
fn race(vaults: &Vaults, root: &Path, mut work: impl FnMut(u64)) -> u64 {
    let outside = vaults.dir().join("outside");
    let (folder, aside, link) = (root.join("raced"), root.join("aside"), vaults.dir().join("link"));
    symlink(&outside, &link).unwrap();
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if fs::rename(&folder, &aside).is_ok() {
                    let _ = fs::rename(&link, &folder);
                    std::hint::spin_loop();
                    let _ = fs::rename(&folder, &link);
                    let _ = fs::rename(&aside, &folder);
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let _ended = Ended(&done);
        (0..40).for_each(&mut work);
    });
    swaps.into_inner()
}

#[test]
fn a_folder_raced_with_a_link_leads_nobody_out() {
    for in_source in [false, true] {
        let vaults = Vaults::new();
        let outside = outside(&vaults);
        let names: Vec<String> = (0..60).map(|n| format!("raced/{n}/c")).chain(["raced/c".to_owned()]).collect();
        names.iter().for_each(|name| vaults.put(&[(name, "inside")]));
        vaults.put(&[("keep", "keep")]);
        let wanted: Vec<&str> = names.iter().map(String::as_str).chain(["keep"]).collect();
        fs::create_dir_all(vaults.target().join("raced")).unwrap();
        vaults.want(&["keep"]);
        vaults.sync(&["--adopt"]).expect_code(0);
        let root = if in_source { vaults.source() } else { vaults.target() };
        let leaked = || tree(&vaults.target()).into_values().any(|node| node == Node::File(b"outside".to_vec()));
        let swaps = race(&vaults, &root, |round| {
            if !in_source {
                names.iter().for_each(|name| write(&vaults.source().join(name), round.to_string().as_bytes()));
            }
            vaults.want(if round % 3 == 2 { &["keep"] } else { &wanted });
            let ran = run(&mut vaults.command("sync", &["--durability", "off", "--yes-remove", "100"]));
            assert!([0, 3, 8].contains(&ran.code), "{ran:?}");
            assert_untouched(&outside);
            // Walking through a target whose folders are being swapped, the test itself could be led out.
            assert!(!in_source || !leaked(), "a file from outside came in");
        });
        assert!(!leaked(), "a file from outside came in");
        assert!(swaps > 200, "only {swaps} swaps");
    }
}

#[test]
fn folders_in_other_use_are_refused() {
    let vaults = Vaults::new();
    vaults.put(&[("a", "one"), ("inner/b", "two")]);
    vaults.want(&["a"]);
    vaults.edit("theirs", "theirs");
    let said = vaults.sync(&[]).expect_code(10).stderr;
    assert!(said.contains("holds files and is no vault") && said.contains("--adopt"), "{said}");
    assert!(!vaults.own().exists());
    let inode = fs::metadata(vaults.target().join("theirs")).unwrap().ino();
    vaults.sync(&["--adopt"]).expect_code(0);
    vaults.sync(&[]).expect_code(0);
    assert_eq!((vaults.text("theirs").as_str(), vaults.text("a").as_str()), ("theirs", "one"));
    assert_eq!(fs::metadata(vaults.target().join("theirs")).unwrap().ino(), inode);
}

#[test]
fn one_folder_inside_the_other_is_refused_before_anything_is_made() {
    let vaults = Vaults::new();
    vaults.put(&[("a", "one"), ("inner/b", "two")]);
    vaults.want(&["a"]);
    symlink(vaults.source(), vaults.dir().join("by-link")).unwrap();
    let before = tree(&vaults.source());
    let folder = |path: &str| vaults.dir().join(path).to_string_lossy().into_owned();
    for (from, to) in [
        ("source", "source"),
        ("source", "source/inner"),
        ("source", "source/not-there/yet"),
        ("source", "by-link/not-there"),
        ("source", "target/../source/not-there"),
        ("by-link", "source"),
        ("source/inner", "source"),
        ("source", "."),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tithe"));
        command.args(["vault", "sync", "--adopt", "--files-from"]).arg(vaults.list()).env("HOME", vaults.dir());
        let said = run(command.args(["--vault-from", &folder(from), "--vault-to", &folder(to)]));
        let said = said.expect_code(10).stderr;
        assert!(said.contains("lie in each other"), "{from} {to}: {said}");
        assert_eq!(tree(&vaults.source()), before, "{from} {to}");
        assert!(!vaults.source().join("not-there").exists() && !vaults.dir().join(".tithe").exists(), "{from} {to}");
    }
}

#[test]
fn one_run_at_a_time() {
    let vaults = Vaults::new();
    vaults.put(&[("a", &"one".repeat(100_000))]);
    vaults.want(&["a"]);
    let mut first = vaults.command("sync", &["--bwlimit", "100kB"]).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while vaults.staged().is_none() {
        assert!(Instant::now() < end, "the first run does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    let said = vaults.sync(&[]).expect_code(11).stderr;
    assert!(said.contains("another run (process "), "{said}");
    assert!(first.wait().unwrap().success());
    vaults.sync(&[]).expect_code(0);
    vaults.assert_agree();
}
