//! Vaults on other machines: the built program on both ends, joined by a command in ssh's place, by a real ssh, or by
//! a peer that misbehaves.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Home, Ran, free_port};

/// Two folders, a list, and a command that runs the far side on this machine.
struct Ends {
    home: Home,
    ssh: PathBuf,
}

impl Ends {
    fn new() -> Self {
        let home = Home::new();
        let ssh = home.path().join("reach");
        // As ssh does: options, the host, and what that machine's shell is to run.
        script(&ssh, "[ \"$1\" = -p ] && shift 2\nshift\necho $$ > \"$0.pid\"\nexec sh -c \"exec $1\"\n");
        for folder in ["prod", "dev"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        Self { home, ssh }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn list(&self, names: &[&str]) {
        fs::write(self.path("list"), names.join("\n") + "\n").unwrap();
    }

    fn command(&self, order: &str, from: &str, to: &str, more: &[&str]) -> Command {
        let mut arguments = vec!["vault", order, "--files-from", "list", "--vault-from", from, "--vault-to", to];
        arguments.extend(["--json", "--remote-tithe", env!("CARGO_BIN_EXE_tithe")]);
        arguments.extend(more);
        let mut command = self.home.command(&arguments);
        if !more.contains(&"--ssh") {
            command.env("TITHE_SSH", &self.ssh);
        }
        command
    }

    fn far(&self, folder: &str) -> String {
        format!("far:{}", self.path(folder).display())
    }

    fn pull(&self, more: &[&str]) -> Ran {
        Home::run(self.command("sync", &self.far("prod"), "dev", more))
    }

    fn push(&self, more: &[&str]) -> Ran {
        Home::run(self.command("sync", "prod", &self.far("dev"), more))
    }

    /// What `rsync -rnc` would still change.
    #[track_caller]
    fn assert_equal(&self) {
        let mut rsync = Command::new("rsync");
        rsync.args(["-rnci", "--files-from"]).arg(self.path("list")).args([self.path("prod"), self.path("dev")]);
        let output = rsync.output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
}

fn script(path: &Path, body: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, format!("#!/bin/sh\n{body}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn vault_of(ran: &Ran) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()["vault"].clone()
}

/// Bytes that no compression and no chance makes alike.
fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(count + 8);
    while out.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_le_bytes());
    }
    out.truncate(count);
    out
}

fn many_files(ends: &Ends) {
    let mut names = Vec::new();
    for at in 0..300_usize {
        let name = format!("{:02}/f {at}", at % 7);
        ends.put(&format!("prod/{name}"), &bytes(at * 37, at as u64));
        names.push(name);
    }
    // Empty, of one piece, of a piece and a byte, of several.
    for (at, size) in [0, 1 << 20, (1 << 20) + 1, 5 << 20].into_iter().enumerate() {
        let name = format!("large {at}");
        ends.put(&format!("prod/{name}"), &bytes(size, 1000 + at as u64));
        names.push(name);
    }
    ends.put("prod/not wanted", b"x");
    ends.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn files_are_pulled_from_another_machine() {
    let ends = Ends::new();
    many_files(&ends);
    let first = vault_of(&ends.pull(&[]).expect_code(0));
    assert_eq!(first["files_copied"], 304);
    assert!(first["wire_bytes"].as_u64() > first["bytes"].as_u64(), "{first}");
    ends.assert_equal();
    assert!(!ends.path("dev/not wanted").exists());
    let second = vault_of(&ends.pull(&[]).expect_code(0));
    assert_eq!((&second["files_copied"], &second["files_kept"]), (&0.into(), &304.into()));
    assert!(second["wire_bytes"].as_u64().unwrap() < 100_000, "{second}");
    // The far side remembers hashes beside its own state, never in the folder it serves.
    assert!(!ends.path("prod/.tithe").exists());
}

#[test]
fn files_are_pushed_to_another_machine() {
    let ends = Ends::new();
    many_files(&ends);
    let first = vault_of(&ends.push(&[]).expect_code(0));
    assert_eq!(first["files_copied"], 304);
    ends.assert_equal();
    let second = vault_of(&ends.push(&[]).expect_code(0));
    assert_eq!((&second["files_copied"], &second["files_kept"]), (&0.into(), &304.into()));
    // What nobody names any more goes, after a question.
    ends.list(&["00/f 0", "large 1"]);
    let refused = ends.push(&[]).expect_code(10);
    assert!(refused.stderr.contains("--yes-remove 302"), "{refused:?}");
    assert!(ends.path("dev/large 2").exists());
    let third = vault_of(&ends.push(&["--yes-remove", "302"]).expect_code(0));
    assert_eq!(third["files_removed"], 302);
    assert!(!ends.path("dev/large 2").exists() && ends.path("dev/large 1").exists());
}

#[test]
fn a_plan_touches_neither_side() {
    let ends = Ends::new();
    many_files(&ends);
    for (from, to) in [(ends.far("prod"), "dev".to_owned()), ("prod".to_owned(), ends.far("dev"))] {
        let ran = Home::run(ends.command("plan", &from, &to, &[])).expect_code(0);
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(value["steps"].as_array().unwrap().len(), 304, "{from} {to}");
    }
    assert_eq!(fs::read_dir(ends.path("dev")).unwrap().count(), 0);
}

/// 20 MB, of which 1 % changed in place.
fn changed_in_place(old: &[u8]) -> Vec<u8> {
    let mut new = old.to_vec();
    for block in 0..20 {
        new[block * 1_000_000..block * 1_000_000 + 10_000].copy_from_slice(&bytes(10_000, 77 + block as u64));
    }
    new
}

#[test]
fn a_changed_large_file_moves_as_what_differs() {
    type Go = fn(&Ends, &[&str]) -> Ran;
    let ways: [Go; 2] = [Ends::pull, Ends::push];
    for go in ways {
        let ends = Ends::new();
        let old = bytes(20_000_000, 5);
        ends.put("prod/a", &old);
        ends.put("prod/b", &bytes(3_000_000, 6));
        ends.list(&["a", "b"]);
        go(&ends, &[]).expect_code(0);
        let mut new = changed_in_place(&old);
        new.extend(b"longer");
        ends.put("prod/a", &new);
        // Nothing of the old version is in this one.
        ends.put("prod/b", &bytes(3_000_001, 7));
        let told = vault_of(&go(&ends, &[]).expect_code(0));
        assert_eq!((&told["files_patched"], &told["files_replaced"]), (&1.into(), &2.into()), "{told}");
        let wire = told["wire_bytes"].as_u64().unwrap();
        assert!(wire < 3_000_001 + 2_000_000, "{wire}");
        ends.assert_equal();
        assert_eq!(fs::read(ends.path("dev/a")).unwrap(), new);
    }
}

#[test]
fn a_server_that_only_reads_takes_no_files() {
    let ends = Ends::new();
    ends.put("prod/a", b"x");
    ends.list(&["a"]);
    // As a forced command would: whatever is asked for, it is served for reading.
    let reading = ends.path("reading");
    let serve =
        format!("exec {} vault serve --stdio --root {}", env!("CARGO_BIN_EXE_tithe"), ends.path("dev").display());
    script(&reading, &serve);
    let refused = ends.push(&["--ssh", reading.to_str().unwrap()]).expect_code(10);
    assert!(refused.stderr.contains("reading only"), "{refused:?}");
    assert_eq!(fs::read_dir(ends.path("dev")).unwrap().count(), 0);
}

/// Whoever talks to it: what the hello says is not what it goes by.
#[test]
fn a_server_that_only_reads_puts_nothing_back() {
    let ends = Ends::new();
    ends.put("prod/a", b"old");
    ends.list(&["a"]);
    ends.push(&[]).expect_code(0);
    ends.put("prod/a", b"newer");
    ends.push(&[]).expect_code(0);
    let parts = fs::read_dir(ends.path("dev/.tithe/trash")).unwrap().map(|part| part.unwrap());
    let part = parts.into_iter().find(|part| part.path().join("replaced/a").exists()).unwrap();
    let name = part.file_name().into_string().unwrap();
    let (_, run) = name.split_once('-').unwrap();
    let order = |run: &str| format!("{{\"run_id\":\"{run}\",\"to\":\"Older\"}}");
    let answer = |more: &[&str], order: &str| {
        let mut command = ends.home.command(&["vault", "serve", "--stdio", "--root", "dev"]);
        let mut serving = command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut to, mut from) = (serving.stdin.take().unwrap(), serving.stdout.take().unwrap());
        to.write_all(&[hello(), frame(24, 1, order.as_bytes())].concat()).unwrap();
        from.read_exact(&mut [0; 16]).unwrap();
        let mut said = Vec::new();
        let mut head = [0; 9];
        while from.read_exact(&mut head).is_ok() && !matches!(head[4], DONE | FAILED) {
            let mut payload = vec![0; u32::from_le_bytes(head[..4].try_into().unwrap()) as usize];
            from.read_exact(&mut payload).unwrap();
            said.extend(payload);
        }
        drop(to);
        let _ = from.read_to_end(&mut said);
        serving.wait().unwrap();
        (head[4], String::from_utf8_lossy(&said).into_owned())
    };
    let (kind, said) = answer(&[], &order(run));
    assert!(kind == FAILED && said.contains("\"Refused\"") && said.contains("reading only"), "{kind} {said}");
    let (kind, said) = answer(&["--writable"], &order("../../dev"));
    assert!(kind != DONE, "{said}");
    assert_eq!(fs::read(ends.path("dev/a")).unwrap(), b"newer");
    let (kind, said) = answer(&["--writable"], &order(run));
    assert!(kind == DONE && said.contains("\"exchanged\":1"), "{kind} {said}");
    assert_eq!(fs::read(ends.path("dev/a")).unwrap(), b"old");
}

#[test]
fn what_cannot_be_reached_is_told_with_the_far_sides_words() {
    let ends = Ends::new();
    ends.list(&["a"]);
    let ran = Home::run(ends.command("sync", "far:/nowhere/at/all", "dev", &[])).expect_code(8);
    assert!(ran.stderr.contains("/nowhere/at/all") && ran.stderr.contains("No such file"), "{ran:?}");
    assert!(ran.stderr.contains("the tithe there says: ") && !ran.stderr.contains("\\n"), "{ran:?}");
    assert!(!ran.stderr.contains("must be a tithe"), "{ran:?}");
    // As some shells say that there is no tithe.
    let shell = ends.path("shell");
    script(&shell, "echo 'tithe: Command not found.' >&2; exit 127\n");
    let ran = ends.pull(&["--ssh", shell.to_str().unwrap()]).expect_code(8);
    assert!(ran.stderr.contains("Command not found") && ran.stderr.contains("must be a tithe"), "{ran:?}");
    let ran = ends.pull(&["--ssh", "/nowhere/ssh"]).expect_code(8);
    assert!(ran.stderr.contains("--ssh"), "{ran:?}");
    let ran = Home::run(ends.command("sync", &ends.far("prod"), &ends.far("dev"), &[])).expect_code(2);
    assert!(ran.stderr.contains("run it on that machine"), "{ran:?}");
    let ran = Home::run(ends.command("sync", "-oProxyCommand=x:/a", "dev", &[])).code;
    assert_eq!(ran, 2);
}

#[test]
fn a_far_side_that_is_killed_is_started_again() {
    type Go = fn(&Ends, &[&str]) -> Ran;
    let ways: [Go; 2] = [Ends::pull, Ends::push];
    for go in ways {
        let ends = Ends::new();
        let names: Vec<String> = (0..24).map(|at| format!("f{at}")).collect();
        for (at, name) in names.iter().enumerate() {
            ends.put(&format!("prod/{name}"), &bytes(500_000 + at * 100_000, at as u64));
        }
        ends.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        thread::scope(|scope| {
            let running = scope.spawn(|| go(&ends, &["--bwlimit", "16M"]));
            let staging = ends.path("dev/.tithe/staging");
            let until = Instant::now() + Duration::from_secs(60);
            while files_in(&staging).len() < 3 {
                assert!(Instant::now() < until && !running.is_finished(), "nothing is staged");
                thread::sleep(Duration::from_millis(5));
            }
            let first = fs::read_to_string(ends.path("reach.pid")).unwrap();
            assert!(Command::new("kill").args(["-9", first.trim()]).status().unwrap().success());
            running.join().unwrap().expect_code(0);
            assert_ne!(fs::read_to_string(ends.path("reach.pid")).unwrap(), first, "it was not started again");
        });
        ends.assert_equal();
        assert!(files_in(&ends.path("dev/.tithe/staging")).is_empty());
        assert_eq!(vault_of(&go(&ends, &[]).expect_code(0))["files_kept"], 24);
    }
}

/// The sizes of all files in a folder, however deep.
fn files_in(folder: &Path) -> Vec<u64> {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    entries.filter(|entry| entry.file_type().is_file()).filter_map(|file| Some(file.metadata().ok()?.len())).collect()
}

#[test]
fn a_large_file_goes_on_where_the_connection_was_lost() {
    let ends = Ends::new();
    ends.put("prod/a", &bytes(24_000_000, 1));
    ends.list(&["a"]);
    let told = thread::scope(|scope| {
        let running = scope.spawn(|| ends.pull(&["--bwlimit", "12M"]));
        let staged = || files_in(&ends.path("dev/.tithe/staging")).into_iter().max();
        let until = Instant::now() + Duration::from_secs(60);
        while staged().unwrap_or(0) < 12_000_000 {
            assert!(Instant::now() < until && !running.is_finished(), "nothing is staged");
            thread::sleep(Duration::from_millis(5));
        }
        let pid = fs::read_to_string(ends.path("reach.pid")).unwrap();
        assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
        vault_of(&running.join().unwrap().expect_code(0))
    });
    ends.assert_equal();
    // What was under way is asked for again, not what was here.
    assert!(told["wire_bytes"].as_u64().unwrap() < 24_000_000 + 8_000_000, "{told}");
}

#[test]
fn links_are_not_followed_on_another_machine() {
    type Go = fn(&Ends, &[&str]) -> Ran;
    let ways: [Go; 2] = [Ends::pull, Ends::push];
    for go in ways {
        let ends = Ends::new();
        ends.put("secret/b", b"secret");
        ends.put("prod/fine", b"fine");
        std::os::unix::fs::symlink(ends.path("secret/b"), ends.path("prod/a")).unwrap();
        std::os::unix::fs::symlink(ends.path("secret"), ends.path("prod/folder")).unwrap();
        // Two of three would be a failing source.
        let many: Vec<String> = (0..200).map(|at| format!("more/{at}")).collect();
        many.iter().for_each(|path| ends.put(&format!("prod/{path}"), b"more"));
        ends.list(&many.iter().map(String::as_str).chain(["a", "fine", "folder/b"]).collect::<Vec<_>>());
        let ran = go(&ends, &[]).expect_code(3);
        assert!(ran.stdout.contains("2 files are links"), "{ran:?}");
        assert!(ends.path("dev/fine").exists() && !ends.path("dev/a").exists() && !ends.path("dev/folder").exists());
    }
}

/// A peer made for the test: it gets the connection's two ends, once for each time it is connected to.
struct Peer {
    ends: Ends,
}

const LOOK: u8 = 1;
const READ: u8 = 3;
const BRING: u8 = 19;
const PART: u8 = 65;
const DONE: u8 = 66;
const FAILED: u8 = 67;

fn frame(kind: u8, request: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_le_bytes().to_vec();
    out.push(kind);
    out.extend(request.to_le_bytes());
    out.extend(payload);
    out
}

fn hello() -> Vec<u8> {
    [b"TITHEVLT".as_slice(), &[1, 0, 0, 0], &(1_u32 << 20).to_le_bytes()].concat()
}

/// The next request that is none of "alive".
fn request(up: &mut File) -> Option<(u8, u32)> {
    loop {
        let mut head = [0; 9];
        up.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_le_bytes(head[..4].try_into().unwrap()) as usize];
        up.read_exact(&mut payload).ok()?;
        if head[4] != 64 {
            return Some((head[4], u32::from_le_bytes(head[5..].try_into().unwrap())));
        }
    }
}

fn facts(size: u64) -> Vec<u8> {
    let numbers = [1, 2, size, 3, 4].map(u64::to_le_bytes).concat();
    [numbers, vec![0]].concat()
}

impl Peer {
    /// `speak` gets what comes up and what goes down; the connection ends when it returns.
    fn new(speak: impl Fn(&mut File, &mut File) + Send + 'static) -> Self {
        let ends = Ends::new();
        ends.list(&["a"]);
        let door = ends.path("door");
        assert!(Command::new("mkfifo").arg(&door).status().unwrap().success());
        // Each connection has pipes of its own and knocks with their folder's name.
        let knock = "d=$(mktemp -d \"$0.XXXXXX\")\nmkfifo \"$d/up\" \"$d/down\"\necho \"$d\" >";
        let pass = "exec 3<&0\ncat <&3 >\"$d/up\" &\nexec 3<&-\nexec cat \"$d/down\"\n";
        script(&ends.ssh, &format!("{knock}{}\n{pass}", door.display()));
        thread::spawn(move || {
            while let Ok(knocked) = fs::read_to_string(&door) {
                let pipes = PathBuf::from(knocked.trim());
                let (Ok(mut up), Ok(mut down)) = (File::open(pipes.join("up")), File::create(pipes.join("down")))
                else {
                    continue;
                };
                speak(&mut up, &mut down);
            }
        });
        Self { ends }
    }

    /// A well-behaved start; then `answer` for each request.
    fn answering(answer: impl Fn(u8, u32, &mut File) -> Option<()> + Send + 'static) -> Self {
        Self::new(move |up, down| {
            let mut theirs = [0; 16];
            if up.read_exact(&mut theirs).is_err() || down.write_all(&hello()).is_err() {
                return;
            }
            while let Some((kind, number)) = request(up) {
                if answer(kind, number, down).is_none() {
                    return;
                }
            }
        })
    }

    #[track_caller]
    fn refused(&self, code: i32, word: &str) {
        let ran = self.ends.pull(&["--peer-timeout", "1"]).expect_code(code);
        assert!(ran.stderr.contains(word) || ran.stdout.contains(word), "{ran:?}");
        assert!(ran.stderr.matches("far:/").count() < 2, "the place is told twice: {ran:?}");
        assert!(!self.ends.path("dev/a").exists(), "it was installed");
        let staging = self.ends.path("dev/.tithe/staging");
        assert!(files_in(&staging).is_empty(), "bytes were left");
    }
}

#[test]
fn a_stranger_is_told_from_tithe() {
    let peer = Peer::new(|_, down| drop(down.write_all(b"Welcome to prod\x1b[31m!\nLast login: now\n")));
    peer.refused(8, "something else than tithe");
    let peer =
        Peer::new(|_, down| drop(down.write_all(&[b"TITHEVLT".as_slice(), &[9, 0, 0, 0, 0, 0, 16, 0]].concat())));
    peer.refused(8, "version 9");
}

#[test]
fn a_peer_that_stalls_is_given_up() {
    Peer::new(|_, _| thread::sleep(Duration::from_secs(30))).refused(8, "said nothing for 1 s");
    let silent = |_, _, _: &mut File| {
        thread::sleep(Duration::from_secs(3));
        Some(())
    };
    Peer::answering(silent).refused(8, "said nothing for 1 s");
}

#[test]
fn a_peer_that_lies_about_lengths_is_given_up() {
    let endless = |_: u8, number, down: &mut File| {
        let mut head = frame(PART, number, &[]);
        head[..4].fill(0xff);
        down.write_all(&head).ok()
    };
    Peer::answering(endless).refused(8, "longer than agreed");
    let too_much = |_: u8, number, down: &mut File| down.write_all(&frame(PART, number, &[0; 1 << 20])).ok();
    Peer::answering(too_much).refused(8, "more bytes than were asked for");
    let huge = |_: u8, number, down: &mut File| {
        let seen = [vec![2], facts(u64::MAX)].concat();
        down.write_all(&[frame(PART, number, &seen), frame(DONE, number, &[])].concat()).ok()
    };
    Peer::answering(huge).refused(8, "protocol");
}

#[test]
fn a_peer_that_closes_midway_is_given_up() {
    let half = |_: u8, number, down: &mut File| {
        let _ = down.write_all(&frame(PART, number, &[0; 100])[..50]);
        None
    };
    Peer::answering(half).refused(8, "run again");
}

#[test]
fn a_peer_that_sends_rubbish_is_given_up() {
    let odd_kind = |_: u8, number, down: &mut File| down.write_all(&frame(200, number, &[])).ok();
    Peer::answering(odd_kind).refused(8, "no known kind");
    let order = |_: u8, number, down: &mut File| down.write_all(&frame(18, number, &[])).ok();
    Peer::answering(move |kind, number, down| {
        order(kind, number, down)?;
        down.write_all(&[frame(PART, number, &[9; 40]), frame(DONE, number, &[])].concat()).ok()
    })
    .refused(8, "protocol");
}

#[test]
fn a_peers_words_steer_no_terminal() {
    let told = br#"{"why":"Vault","text":"no \u001b[31m\nway"}"#;
    let peer = Peer::answering(|_, number, down| down.write_all(&frame(FAILED, number, told)).ok());
    let ran = peer.ends.pull(&[]).expect_code(8);
    assert!(ran.stderr.contains("no \\u{1b}[31m\\nway") && !ran.stderr.contains('\u{1b}'), "{ran:?}");
}

/// Says that the file has the content `announced`, and gives `given`, with a right or a wrong hash of it.
fn giving(announced: &'static [u8], given: &'static [u8], honest: bool) -> Peer {
    Peer::answering(move |kind, number, down| {
        let hash = *blake3::hash(announced).as_bytes();
        let size = announced.len() as u64;
        let (part, end) = match kind {
            LOOK => ([vec![3], facts(size), hash.to_vec()].concat(), Vec::new()),
            READ => {
                let hash = if honest { *blake3::hash(given).as_bytes() } else { hash };
                let end = [&facts(size), given.len().to_le_bytes().as_slice(), &hash, &[0; 32]].concat();
                (given.to_vec(), end)
            }
            _ => return None,
        };
        down.write_all(&[frame(PART, number, &part), frame(DONE, number, &end)].concat()).ok()
    })
}

#[test]
fn another_files_bytes_are_not_installed() {
    giving(b"right", b"wrong", true).refused(3, "not the one that the source announced");
    giving(b"right", b"wrong", false).refused(8, "protocol");
    giving(b"right", b"righ", true).refused(3, "size is not the one");
    let fine = giving(b"right", b"right", true);
    fine.ends.pull(&[]).expect_code(0);
    assert_eq!(fs::read(fine.ends.path("dev/a")).unwrap(), b"right");
}

/// Whoever a push goes to gets the files of the list and no other, however it asks.
#[test]
fn a_target_gets_only_what_is_wanted() {
    let (tell, told) = std::sync::mpsc::channel();
    let peer = Peer::new(move |up, down| {
        let mut hello = hello();
        hello[10] = 1;
        if up.read_exact(&mut [0; 16]).is_err() || down.write_all(&hello).is_err() {
            return;
        }
        let piece = |path: &str, mode: u8| {
            let path = [&(path.len() as u16).to_le_bytes(), path.as_bytes()].concat();
            [path, vec![mode], 0_u64.to_le_bytes().to_vec(), 100_u32.to_le_bytes().to_vec()].concat()
        };
        while let Some((kind, _)) = request(up) {
            if kind == BRING {
                let asked = [("secret", 0), ("a", 3), ("../prod/a", 0), ("a", 0)];
                for (number, (path, mode)) in (1..).zip(asked) {
                    let _ = down.write_all(&frame(READ, number, &piece(path, mode)));
                }
                let answers: Vec<_> = (0..5).map_while(|_| request(up)).collect();
                let _ = tell.send(answers);
                return;
            }
        }
    });
    peer.ends.put("prod/a", b"wanted");
    peer.ends.put("prod/secret", b"secret");
    peer.ends.push(&[]).expect_code(8);
    let mut answers = told.recv().unwrap();
    answers.sort_by_key(|(_, number)| *number);
    assert_eq!(answers, [(FAILED, 1), (FAILED, 2), (FAILED, 3), (PART, 4), (DONE, 4)]);
}

/// The far side reads, and its answer is the one that it gives at home.
#[test]
fn a_vault_elsewhere_is_verified_and_looked_through_where_it_lies() {
    let ends = Ends::new();
    many_files(&ends);
    ends.push(&[]).expect_code(0);
    let ask = |order: &str, place: &str| {
        let mut arguments = vec!["vault", order, "--vault-to", place, "--json"];
        arguments.extend(["--remote-tithe", env!("CARGO_BIN_EXE_tithe")]);
        arguments.extend(["--files-from", "list"].into_iter().filter(|_| order == "verify"));
        let mut command = ends.home.command(&arguments);
        Home::run({
            command.env("TITHE_SSH", &ends.ssh);
            command
        })
    };
    let both = |order: &str, code: i32| {
        let far = ask(order, &ends.far("dev")).expect_code(code).stdout;
        assert_eq!(far, ask(order, "dev").expect_code(code).stdout);
        serde_json::from_str::<serde_json::Value>(&far).unwrap()
    };
    assert_eq!(both("verify", 0)["intact"], 304);
    ends.put("dev/02/f 9", b"changed by somebody");
    fs::remove_file(ends.path("dev/03/f 10")).unwrap();
    ends.put("dev/own", b"of somebody");
    let found = both("verify", 9);
    assert_eq!(
        (&found["intact"], &found["changed"]["first"][0], &found["missing"]["first"][0]),
        (&302.into(), &"02/f 9".into(), &"03/f 10".into())
    );
    let status = both("status", 0);
    assert_eq!((&status["installed"], &status["gone"], &status["foreign"]), (&304.into(), &1.into(), &1.into()));
    let said = ask("status", &ends.far("nowhere")).expect_code(8).stderr;
    assert!(said.contains("/nowhere: No such file or directory"), "{said}");
}

/// A real server and the system's client, with a forced command, all in a folder of the test's own.
#[test]
#[ignore = "needs openssh-server and, as root, the folder /run/sshd"]
fn a_real_sshd_carries_it() {
    let sshd = Path::new("/usr/sbin/sshd");
    assert!(sshd.exists(), "openssh-server is needed");
    let ends = Ends::new();
    many_files(&ends);
    let path = |name: &str| ends.path(name).display().to_string();
    for key in ["host", "user"] {
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]).status();
        assert!(made.unwrap().success());
    }
    let tithe = env!("CARGO_BIN_EXE_tithe");
    let forced = format!("restrict,command=\"{tithe} vault serve --stdio --root '{}'\" ", path("prod"));
    fs::write(ends.path("authorized"), forced + &fs::read_to_string(ends.path("user.pub")).unwrap()).unwrap();
    let port = free_port();
    let options = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
         UsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n",
        path("host"),
        path("authorized")
    );
    fs::write(ends.path("sshd_config"), options).unwrap();
    let mut server = Command::new(sshd);
    server.args(["-D", "-e", "-f", &path("sshd_config")]).stdin(Stdio::null());
    let log = File::create(ends.path("sshd.log")).unwrap();
    let mut server = server.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(ends.path("sshd.log")).unwrap();
        assert!(Instant::now() < until && server.try_wait().unwrap().is_none(), "{log}");
        thread::sleep(Duration::from_millis(50));
    }
    let ssh = format!(
        "ssh -F none -i '{}' -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile={}",
        path("user"),
        path("known")
    );
    // The path is the forced command's business: what is asked for does not matter.
    let place = format!("ssh://127.0.0.1:{port}/elsewhere");
    let ran = Home::run(ends.command("sync", &place, "dev", &["--ssh", &ssh]));
    let _ = server.kill();
    let _ = server.wait();
    assert_eq!(ran.code, 0, "{ran:?} {}", fs::read_to_string(ends.path("sshd.log")).unwrap());
    ends.assert_equal();
}
