//! Disks that are full, files that may not be read or go on changing, records with flipped bits.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::Ran;
use crate::support::vault::{NOBODY, Vaults, copy_tree, run, tree};

/// Two files brought, one of them changed in the source since, and a new one of 3 MB.
fn changed() -> Vaults {
    let vaults = Vaults::new();
    vaults.put(&[("a", "old"), ("b/c", "old")]);
    vaults.want(&["a", "b/c"]);
    vaults.sync(&[]).expect_code(0);
    vaults.put(&[("b/c", "new"), ("big", &"big".repeat(1 << 20)), ("d/e", "new")]);
    vaults.want(&["a", "b/c", "big", "d/e"]);
    vaults
}

/// Nothing at any path is half there, whatever is.
#[track_caller]
fn assert_whole(vaults: &Vaults) {
    let source = tree(&vaults.source());
    for (path, node) in vaults.tree() {
        let old = crate::support::vault::Node::File(b"old".to_vec());
        assert!(source.get(&path) == Some(&node) || node == old, "{path} is neither old nor new");
    }
    assert!(vaults.target().join("a").exists() && vaults.target().join("b/c").exists());
}

#[track_caller]
fn assert_made_up_for(vaults: &Vaults) {
    vaults.sync(&[]).expect_code(0);
    vaults.assert_agree();
    vaults.assert_clean();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program as somebody whom rights mean something to; the vaults become his.
fn as_nobody(vaults: &Vaults, more: &[&str]) -> Ran {
    let mut command = vaults.command("sync", more);
    if is_root() {
        let owned = Command::new("chown").arg("-R").arg(NOBODY.to_string()).arg(vaults.dir()).status().unwrap();
        assert!(owned.success());
        command.uid(NOBODY).gid(NOBODY);
    }
    run(&mut command)
}

fn rights(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// No file can grow beyond a limit, as under a quota. The shell counts in KiB; `trap` leaves the error to the program.
#[test]
fn a_file_that_cannot_grow() {
    let vaults = changed();
    let command = vaults.command("sync", &[]);
    let mut limited = Command::new("bash");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""]).arg(command.get_program());
    limited.args(command.get_args()).env("HOME", vaults.dir());
    let said = run(&mut limited).expect_code(8).stderr;
    assert!(said.contains("write files to the vault") && said.contains("File too large"), "{said}");
    assert_whole(&vaults);
    vaults.assert_clean();
    assert_made_up_for(&vaults);
}

/// A disk of its own, which only root may have: others are covered by the test above.
#[test]
fn a_full_disk() {
    let vaults = changed();
    let disk = vaults.dir().join("disk");
    fs::rename(vaults.target(), &disk).unwrap();
    // The first size is refused by a look at the free space; the second fills up, since a sparse file says little.
    for (size, words) in [("2M", "are free there"), ("3500k", "")] {
        let script = "mount -t tmpfs -o size=$1 none \"$2\" && cp -a \"$3/.\" \"$2/\" && shift 3 || exit 99
            head -c 300000 /dev/zero > \"$FILL\"; \"$@\"; code=$?; rm \"$FILL\"
            mkdir -p \"$OUT\" && cp -a \"$TARGET/.\" \"$OUT/\"; exit $code";
        fs::create_dir_all(vaults.target()).unwrap();
        let out = vaults.dir().join(format!("out-{size}"));
        let command = vaults.command("sync", &[]);
        let mut mounted = Command::new("unshare");
        mounted.args(["-m", "bash", "-c", script, "bash", size]).arg(vaults.target()).arg(&disk);
        mounted.arg(command.get_program()).args(command.get_args());
        mounted.env("HOME", vaults.dir()).env("OUT", &out).env("TARGET", vaults.target());
        let ran = run(mounted.env("FILL", vaults.target().join(".tithe/fill")));
        if !is_root() || ran.code == 99 || ran.stderr.contains("unshare failed") {
            return;
        }
        let said = ran.expect_code(8).stderr;
        assert!(said.contains(words) && said.contains("make room"), "{said}");
        fs::remove_dir_all(vaults.target()).unwrap();
        fs::rename(&out, vaults.target()).unwrap();
        assert_whole(&vaults);
        vaults.assert_clean();
        fs::remove_dir_all(vaults.target()).unwrap();
    }
    fs::rename(&disk, vaults.target()).unwrap();
    assert_made_up_for(&vaults);
}

#[test]
fn folders_that_may_not_be_written_to() {
    let vaults = changed();
    rights(&vaults.target().join("b"), 0o555);
    let said = as_nobody(&vaults, &[]).expect_code(8).stderr;
    assert!(said.contains("put b/c in place in the vault") && said.contains("Permission denied"), "{said}");
    assert_whole(&vaults);
    rights(&vaults.target().join("b"), 0o755);
    let read_only = vaults.own();
    rights(&read_only, 0o555);
    as_nobody(&vaults, &[]).expect_code(8);
    rights(&read_only, 0o700);
    as_nobody(&vaults, &[]).expect_code(0);
    vaults.assert_agree();
    vaults.assert_clean();
}

#[test]
fn files_that_may_not_be_read() {
    let vaults = changed();
    rights(&vaults.source().join("b/c"), 0);
    let said = as_nobody(&vaults, &[]).expect_code(3).stdout;
    assert!(said.contains("1 files could not be read or treated (Permission denied (os error 13)): b/c"), "{said}");
    assert_eq!((vaults.text("b/c").as_str(), vaults.text("d/e").as_str()), ("old", "new"));
    let json = as_nobody(&vaults, &["--json"]).expect_code(3).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["vault"]["rules"][0]["brought"], &json["vault"]["rules"][0]["troubles"]),
        (&0.into(), &1.into()),
        "{json}"
    );
    // More than one: that is a source that fails, and nothing is removed on its word.
    rights(&vaults.source().join("d"), 0);
    vaults.want(&["b/c", "big", "d/e"]);
    let said = as_nobody(&vaults, &["--yes-remove", "100"]).expect_code(8).stderr;
    assert!(said.contains("2 of 3 files") && said.contains("b/c, d/e"), "{said}");
    assert_whole(&vaults);
    rights(&vaults.source().join("b/c"), 0o644);
    rights(&vaults.source().join("d"), 0o755);
    as_nobody(&vaults, &["--yes-remove", "100"]).expect_code(0);
    vaults.assert_agree();
}

/// Not the source is at fault, and not the whole run.
#[test]
fn files_of_the_target_that_may_not_be_read() {
    let vaults = changed();
    for path in ["a", "b/c"] {
        rights(&vaults.target().join(path), 0);
        // The content is not remembered any more.
        vaults.put(&[(path, "new")]);
    }
    let ran = as_nobody(&vaults, &["--paranoid", "--json"]).expect_code(3);
    let told = "2 files stand in the target and could not be read there (Permission denied (os error 13)): a, b/c";
    assert!(ran.stdout.contains(told), "{ran:?}");
    assert!(vaults.target().join("big").exists());
}

#[test]
fn a_folder_that_gives_nothing_away_does_not_keep_the_others_from_it() {
    let vaults = Vaults::new();
    vaults.put(&[("a/1", "1"), ("b/2", "2"), ("b/3", "3"), ("c/4", "4"), ("d", "5")]);
    vaults.want(&["a/1", "b/2", "b/3", "c/4", "d"]);
    vaults.sync(&[]).expect_code(0);
    vaults.want(&["d"]);
    rights(&vaults.target().join("b"), 0o555);
    let said = as_nobody(&vaults, &["--yes-remove", "4"]).expect_code(8).stderr;
    assert!(said.contains("b/2 and 1 others cannot be moved to the trash (Permission denied"), "{said}");
    assert!(said.contains("; 2 were"), "{said}");
    assert_eq!(vaults.tree().into_keys().collect::<Vec<_>>(), ["b/2", "b/3", "d"]);
    rights(&vaults.target().join("b"), 0o755);
    as_nobody(&vaults, &["--yes-remove", "4"]).expect_code(0);
    assert_eq!(vaults.tree().into_keys().collect::<Vec<_>>(), ["d"]);
    assert_eq!(vaults.trash().len(), 4);
}

#[test]
fn too_few_open_files() {
    let vaults = Vaults::new();
    let names: Vec<String> = (0..300).map(|n| format!("{}/{}/{}/{n}", n % 3, n % 5, n % 7)).collect();
    names.iter().for_each(|name| vaults.put(&[(name, name)]));
    vaults.want(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut failed = 0;
    for files in (10..60).step_by(5) {
        let command = vaults.command("sync", &["--vault-jobs", "8", "--durability", "off"]);
        let mut limited = Command::new("bash");
        limited.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]).arg(command.get_program());
        let ran = run(limited.args(command.get_args()).env("HOME", vaults.dir()));
        failed += u32::from(ran.code != 0);
        if ran.code == 8 && ran.stderr.contains("Too many open files") {
            assert!(ran.stderr.contains("ulimit -n"), "{}", ran.stderr);
        }
        for (path, node) in vaults.tree() {
            let whole = crate::support::vault::Node::File(path.clone().into_bytes());
            assert_eq!(node, whole, "{files} open files: {path}");
        }
        if ran.code == 0 {
            vaults.assert_agree();
        }
    }
    assert!(failed > 0);
    assert_made_up_for(&vaults);
}

/// Ends the other thread however this one ends.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file of the source is replaced, grows, shrinks and vanishes all the time: what is placed was there at one moment.
#[test]
fn a_source_that_goes_on_changing() {
    let vaults = Vaults::new();
    vaults.put(&[("still", "still"), ("calm", "calm")]);
    vaults.want(&["still", "calm", "replaced", "grows"]);
    let done = AtomicBool::new(false);
    let kinds: Vec<String> = (0..5_usize).map(|n| n.to_string().repeat(200_000 + n)).collect();
    vaults.put(&[("replaced", &kinds[0]), ("grows", "")]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in (0..5).cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
                let (path, aside) = (vaults.source().join("replaced"), vaults.source().join("aside"));
                fs::write(&aside, &kinds[round]).unwrap();
                fs::rename(&aside, &path).unwrap();
                let grows = vaults.source().join("grows");
                let bytes = fs::read(&grows).map_or(0, |bytes| bytes.len());
                fs::write(&grows, if bytes > 5_000_000 { vec![] } else { vec![b'x'; bytes + 100_000] }).unwrap();
                if round == 0 {
                    fs::remove_file(&grows).unwrap();
                }
            }
        });
        let _ended = Ended(&done);
        for _ in 0..15 {
            let ran = vaults.sync(&["--durability", "off"]);
            assert!([0, 3, 8].contains(&ran.code), "{ran:?}");
            if let Ok(text) = fs::read_to_string(vaults.target().join("replaced")) {
                assert!(kinds.contains(&text), "a mixture of {} bytes", text.len());
            }
            vaults.assert_clean();
        }
    });
    vaults.put(&[("grows", "done")]);
    assert_made_up_for(&vaults);
}

/// The target's user saves his own version of a file while a run replaces it: it is never lost.
#[test]
fn a_target_that_is_edited_while_it_is_brought() {
    let vaults = Vaults::new();
    vaults.want(&["a/file"]);
    vaults.put(&[("a/file", "0")]);
    vaults.sync(&[]).expect_code(0);
    let done = AtomicBool::new(false);
    let saved = std::thread::scope(|scope| {
        let editor = scope.spawn(|| {
            let (path, aside) = (vaults.target().join("a/file"), vaults.dir().join("aside"));
            let mut saved = 0;
            while !done.load(Ordering::Relaxed) {
                // Once Tithe's own stands there, the user puts his own in its place.
                if fs::read_to_string(&path).is_ok_and(|text| !text.starts_with("user")) {
                    saved += 1;
                    fs::write(&aside, format!("user {saved}")).unwrap();
                    fs::rename(&aside, &path).unwrap();
                }
                std::thread::sleep(Duration::from_millis(saved % 7));
            }
            saved
        });
        let _ended = Ended(&done);
        for round in 1..40 {
            vaults.put(&[("a/file", &round.to_string())]);
            let ran = vaults.sync(&["--durability", "off"]);
            assert!([0, 3].contains(&ran.code), "{ran:?}");
            if vaults.text("a/file").starts_with("user") && round % 2 == 0 {
                // Given up by the user: Tithe may bring it again.
                fs::rename(vaults.target().join("a/file"), vaults.dir().join(format!("given-up-{round}"))).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        editor.join().unwrap()
    });
    let everywhere: Vec<String> = tree(vaults.dir())
        .into_values()
        .filter_map(|node| match node {
            crate::support::vault::Node::File(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        })
        .collect();
    for number in 1..=saved {
        assert!(everywhere.contains(&format!("user {number}")), "what the user saved as number {number} is lost");
    }
}

/// One bit of one record is flipped: nothing of the user's is touched, and no file is taken for another.
#[test]
fn flipped_bits_in_tithes_own_records() {
    let vaults = changed();
    std::thread::sleep(Duration::from_millis(2100));
    vaults.sync(&[]).expect_code(0);
    vaults.sync(&[]).expect_code(0);
    vaults.edit("a", "edited");
    vaults.put(&[("b/c", "newer")]);
    let kept = vaults.dir().join("kept");
    copy_tree(&vaults.target(), &kept);
    for record in ["cache", "installed", "vault.json"] {
        let length = fs::metadata(kept.join(".tithe").join(record)).unwrap().len() as usize;
        for at in (0..length).step_by(length / 12 + 1) {
            fs::remove_dir_all(vaults.target()).unwrap();
            copy_tree(&kept, &vaults.target());
            let path = vaults.own().join(record);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            let ran = vaults.sync(&["--durability", "off", "--yes-remove", "100"]);
            assert_eq!(vaults.text("a"), "edited", "{record} {at}");
            let newer = vaults.text("b/c") == "newer";
            match record {
                // Everything is hashed again, and said so.
                "cache" => {
                    assert!(newer && ran.stdout.contains("remembered hashes"), "{at}: {ran:?}");
                    ran.expect_code(3);
                }
                // Nothing is known to be Tithe's any more, so nothing is replaced.
                "installed" => {
                    assert!(!newer && ran.stdout.contains("counts as yours and stays"), "{at}: {ran:?}");
                    ran.expect_code(3);
                    let found: serde_json::Value =
                        serde_json::from_str(&vaults.vault("verify", &["--json"]).expect_code(0).stdout).unwrap();
                    assert_eq!((&found["intact"], &found["foreign"]), (&0.into(), &found["wanted"]), "{at}: {found}");
                }
                _ => assert!(!newer && (ran.code == 10 || ran.code == 3), "{at}: {ran:?}"),
            }
        }
    }
}

/// Other bytes in a file whose inode, size and times tell of no change: what a dying disk does.
#[test]
fn silent_corruption_is_found_by_a_paranoid_run() {
    let vaults = changed();
    let path = vaults.source().join("b/c");
    let facts = || {
        let metadata = fs::metadata(&path).unwrap();
        [
            metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
        ]
    };
    vaults.sync(&[]).expect_code(0);
    std::thread::sleep(Duration::from_millis(2100));
    vaults.sync(&[]).expect_code(0);
    let ([mtime, ctime], time) = (facts(), fs::metadata(&path).unwrap().modified().unwrap());
    fs::write(&path, "bad").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(facts()[0], mtime);
    // Nobody can set the change time back, so the cache is told the new one.
    let caches = tree(vaults.dir()).into_keys().filter(|path| path.starts_with(".local/") && path.ends_with("/cache"));
    let [cache] = &caches.collect::<Vec<_>>()[..] else { panic!("one cache") };
    let cache = vaults.dir().join(cache);
    let mut bytes = fs::read(&cache).unwrap();
    // After the path: device, inode, size, time of change of the content, then of anything.
    let at = bytes.windows(3).position(|window| window == b"b/c").unwrap() + 3 + 4 * 8;
    assert_eq!(bytes[at..at + 8], ctime.to_le_bytes());
    bytes[at..at + 8].copy_from_slice(&facts()[1].to_le_bytes());
    let body = bytes.len() - 32;
    let sum = *blake3::hash(&bytes[..body]).as_bytes();
    bytes[body..].copy_from_slice(&sum);
    fs::write(&cache, bytes).unwrap();
    let said = vaults.sync(&["--paranoid"]).expect_code(3).stdout;
    assert!(said.contains("silent corruption: b/c"), "{said}");
    assert_eq!(vaults.text("b/c"), "new");
}
