//! Vaults in a bucket: a real S3 server of this machine, with a proxy in front of it where answers are to break. One file,
//! though long: all of it stands on one scene.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{self, BUCKET, Breakage, Home, KEY, PROFILE, Ran, Request, SECRET, Store};

const URL: &str = "s3://vault-tests/files";

/// A folder, a bucket, and a list of files.
struct Scene {
    home: Home,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { home: Home::new(), store: Store::start() };
        std::fs::create_dir(scene.path("source")).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes files with content of their own to the source folder.
    fn fill(&self, names: &[&str]) {
        for name in names {
            self.write(&format!("source/{name}"), format!("content of {name}").as_bytes());
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn list(&self, names: &[&str]) {
        std::fs::write(self.path("list"), names.join("\n")).unwrap();
    }

    fn command(&self, verb: &str, from: &str, to: &str, more: &[&str]) -> Command {
        let mut arguments =
            vec!["vault", verb, "--json", "--files-from", "list", "--vault-from", from, "--vault-to", to];
        arguments.extend(more);
        let mut command = self.home.command(&arguments);
        command.envs(self.store.variables());
        command
    }

    /// A command about the bucket alone.
    fn look(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = self.home.command(&[&["vault", verb, "--json", "--vault-to", URL], more].concat());
        command.envs(self.store.variables());
        command
    }

    /// Runs to the end; nothing that is printed may hold a secret.
    fn run(&self, command: Command) -> Ran {
        let ran = Home::run(command);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(SECRET) && !text.contains(KEY) && !text.contains("Signature="), "{text}");
        }
        ran
    }

    fn sync(&self, from: &str, to: &str, more: &[&str]) -> Ran {
        self.run(self.command("sync", from, to, more))
    }

    /// The objects' bytes lie as files, so rsync can compare the bucket with a folder as well.
    #[track_caller]
    fn expect_same(&self, one: &Path, other: &Path) {
        let mut command = Command::new("rsync");
        command.args(["-rnci", "--files-from"]).arg(self.path("list")).arg(one).arg(other);
        let output = command.output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && printed.is_empty(), "{}", String::from_utf8_lossy(&printed));
    }

    /// As if fifteen minutes had passed.
    fn let_lock_expire(&self) {
        let Ok(text) = std::fs::read_to_string(self.store.file("files/.tithe/lock")) else { return };
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["expires"] = 1.into();
        self.store.lay("files/.tithe/lock", value.to_string().as_bytes());
    }

    /// Runs, and kills the run before its so many-th fitting request is passed on; tells whether it came so far.
    fn kill_at(&self, step: u32, fits: impl Fn(&Request) -> bool + Send + 'static, (from, to): (&str, &str)) -> bool {
        self.kill(step, fits, self.command("sync", from, to, &["--vault-jobs", "1", "--yes-remove", "9"]))
    }

    /// As `kill_at`, of any command.
    fn kill(&self, step: u32, fits: impl Fn(&Request) -> bool + Send + 'static, mut command: Command) -> bool {
        let child = Arc::new(AtomicU32::new(0));
        let victim = Arc::clone(&child);
        let kill = move |count| {
            if count == step {
                send(&victim, rustix::process::Signal::KILL);
            }
            Breakage::None
        };
        self.store.breaks(nth(fits, kill));
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.store(running.id(), Ordering::SeqCst);
        let killed = running.wait().unwrap().code().is_none();
        self.store.settle();
        self.store.breaks(|_| Breakage::None);
        killed
    }

    fn bucket(&self) -> PathBuf {
        self.store.file("files")
    }
}

fn number(ran: &Ran, name: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    value["vault"][name].as_u64().unwrap()
}

/// A request for an object of the vault, not one of Tithe's own.
fn is_object(request: &Request, method: &str, end: &str) -> bool {
    let path = request.target.split('?').next().unwrap();
    request.method == method && path.ends_with(end) && !path.contains("/.tithe/")
}

/// Decides by how many requests fitted already.
fn nth(
    fits: impl Fn(&Request) -> bool + Send + 'static,
    what: impl Fn(u32) -> Breakage + Send + 'static,
) -> impl FnMut(&Request) -> Breakage + Send + 'static {
    let mut count = 0;
    move |request| {
        if !fits(request) {
            return Breakage::None;
        }
        count += 1;
        what(count)
    }
}

#[test]
fn files_go_to_a_bucket_and_come_back() {
    let scene = Scene::new();
    let names = ["a/one.png", "a/two.png", "b/ü ß.webp", "deep/er/x+y=z&.bin", "run.sh", "empty"];
    scene.fill(&names);
    scene.write("source/empty", b"");
    let program = scene.path("source/run.sh");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::File::open(&program)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_nanos(1_234_567_890_123_456_789))
        .unwrap();
    scene.list(&names);
    let up = scene.sync("source", URL, &[]).expect_code(0);
    assert_eq!(number(&up, "files_copied"), 6);
    scene.expect_same(&scene.path("source"), &scene.bucket());
    let down = scene.sync(URL, "target", &[]).expect_code(0);
    assert_eq!(number(&down, "files_copied"), 6);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
    let came = std::fs::metadata(scene.path("target/run.sh")).unwrap();
    assert_eq!(came.permissions().mode() & 0o111, 0o111);
    assert_eq!(std::fs::metadata(scene.path("target/a/one.png")).unwrap().permissions().mode() & 0o111, 0);
    assert_eq!(came.modified().unwrap(), std::fs::metadata(&program).unwrap().modified().unwrap());
    // Metadata: the hash is the content's.
    let noted = scene.store.metadata("files/a/one.png");
    assert_eq!(noted["tithe-blake3"], blake3::hash(b"content of a/one.png").to_hex().to_string());
    // Once more: nothing to do in either direction, and no object is read or put.
    scene.store.requests();
    for (from, to) in [("source", URL), (URL, "target")] {
        let again = scene.sync(from, to, &[]).expect_code(0);
        assert_eq!((number(&again, "files_copied"), number(&again, "files_kept")), (0, 6));
    }
    let moved = |request: &Request| {
        is_object(request, "PUT", "") || (is_object(request, "GET", "") && !request.target.contains("list-type"))
    };
    let moved: Vec<_> = scene.store.requests().into_iter().filter(moved).collect();
    assert!(moved.is_empty(), "{moved:?}");
}

#[test]
fn one_bucket_folder_feeds_another() {
    let scene = Scene::new();
    scene.fill(&["a/one.png", "b/two.png"]);
    scene.list(&["a/one.png", "b/two.png"]);
    scene.sync("source", URL, &[]).expect_code(0);
    let other = format!("s3://{BUCKET}/copy");
    let ran = scene.sync(URL, &other, &[]).expect_code(0);
    assert_eq!(number(&ran, "files_copied"), 2);
    scene.expect_same(&scene.path("source"), &scene.store.file("copy"));
    for inside in [URL.to_owned(), format!("{URL}/inner"), format!("s3://{BUCKET}")] {
        let refused = scene.sync(URL, &inside, &[]).expect_code(10);
        assert!(refused.stderr.contains("lie in each other"), "{}", refused.stderr);
    }
}

#[test]
fn an_object_that_somebody_put_meanwhile_stays() {
    let scene = Scene::new();
    scene.fill(&["a.png", "b.png"]);
    scene.list(&["a.png", "b.png"]);
    let theirs = scene.store.file("files/a.png");
    let file = theirs.clone();
    // Between the look at the key and the put.
    scene.store.breaks(nth(
        |request| is_object(request, "PUT", "/a.png"),
        move |_| {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "theirs").unwrap();
            Breakage::None
        },
    ));
    let ran = scene.sync("source", URL, &[]).expect_code(3);
    assert!(ran.stdout.contains("differ in the target and are not as Tithe left them"), "{}", ran.stdout);
    assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs");
    assert_eq!(number(&ran, "files_copied"), 1);
    // It counts as theirs from now on, too.
    scene.store.breaks(|_| Breakage::None);
    scene.sync("source", URL, &[]).expect_code(3);
    assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs");
    scene.sync("source", URL, &["--overwrite-local"]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.bucket());
}

#[test]
fn an_object_that_changed_since_it_was_compared_is_not_replaced() {
    let scene = Scene::new();
    scene.fill(&["a.png"]);
    scene.list(&["a.png"]);
    scene.sync("source", URL, &[]).expect_code(0);
    scene.write("source/a.png", b"a newer version of it");
    let theirs = scene.store.file("files/a.png");
    let other = scene.store.file("files/other");
    std::fs::write(&other, "theirs").unwrap();
    let internal = scene.store.file("").join("..");
    let internal: Vec<_> = std::fs::read_dir(internal)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_str().unwrap().ends_with("internal.json"))
        .collect();
    let file = theirs.clone();
    scene.store.breaks(nth(
        |request| is_object(request, "PUT", "/a.png"),
        move |_| {
            std::fs::write(&file, "theirs").unwrap();
            // So that the store computes its ETag anew.
            internal.iter().for_each(|path| std::fs::remove_file(path).unwrap());
            Breakage::None
        },
    ));
    let ran = scene.sync("source", URL, &[]).expect_code(3);
    assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs", "{}", ran.stdout);
    assert_eq!(number(&ran, "files_copied"), 0);
}

#[test]
fn large_files_go_up_in_parts_on_the_same_condition() {
    let scene = Scene::new();
    let content: Vec<u8> =
        (0..40_u32 << 18).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    scene.write("source/large.bin", &content);
    scene.list(&["large.bin"]);
    scene.sync("source", URL, &[]).expect_code(0);
    let parts = scene.store.requests().iter().filter(|request| request.target.contains("partNumber=")).count();
    assert_eq!(parts, 5);
    scene.expect_same(&scene.path("source"), &scene.bucket());
    assert_eq!(scene.store.metadata("files/large.bin")["tithe-blake3"], blake3::hash(&content).to_hex().to_string());
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
    // Somebody puts an object of this name while the parts of a new one go up.
    scene.write("source/next.bin", &content);
    scene.list(&["large.bin", "next.bin"]);
    let theirs = scene.store.file("files/next.bin");
    let file = theirs.clone();
    scene.store.breaks(nth(
        |request| request.target.contains("partNumber=5"),
        move |_| {
            std::fs::write(&file, "theirs").unwrap();
            Breakage::None
        },
    ));
    let ran = scene.sync("source", URL, &[]).expect_code(3);
    assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs", "{}", ran.stdout);
    // What was uploaded for nothing is given up.
    let given_up = |request: &Request| request.method == "DELETE" && request.target.contains("uploadId=");
    assert!(scene.store.requests().iter().any(given_up));
}

#[test]
fn only_needed_prefixes_are_listed() {
    let scene = Scene::new();
    let names: Vec<String> = (0..40).map(|number| format!("wanted/{number:02}.png")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        scene.store.lay(&format!("files/{name}"), name.as_bytes());
        scene.write(&format!("source/{name}"), name.as_bytes());
    }
    for number in 0..1500 {
        scene.store.lay(&format!("files/other/{number}"), b"x");
    }
    scene.store.lay("files/single/one.png", b"one");
    scene.write("source/single/one.png", b"one");
    names.push("single/one.png");
    scene.list(&names);
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
    let requests = scene.store.requests();
    let lists: Vec<_> = requests.iter().filter(|request| request.target.contains("list-type=2")).collect();
    assert!(lists.len() == 1 && lists[0].target.contains("prefix=files%2Fwanted%2F"), "{lists:?}");
    let heads = requests.iter().filter(|request| request.method == "HEAD").count();
    assert_eq!(heads, 1, "one for the file that is alone in its folder");
    let gets = requests.iter().filter(|request| is_object(request, "GET", ".png")).count();
    assert_eq!(gets, 41);
}

#[test]
fn a_folder_that_holds_far_more_is_not_listed_to_its_end() {
    let scene = Scene::new();
    let names = ["many/00000.png", "many/00001.png", "many/02002.png", "many/04999.png", "many/09999.png"];
    for number in 0..5000 {
        scene.store.lay(&format!("files/many/{number:05}.png"), format!("{number}").as_bytes());
    }
    for (name, content) in names.iter().zip(["0", "1", "2002", "4999"]) {
        scene.write(&format!("source/{name}"), content.as_bytes());
    }
    scene.write("source/many/09999.png", b"last");
    scene.store.lay("files/many/09999.png", b"last");
    scene.list(&names);
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
    let requests = scene.store.requests();
    let count = |fits: &dyn Fn(&Request) -> bool| requests.iter().filter(|request| fits(request)).count();
    assert_eq!(count(&|request| request.target.contains("list-type=2")), 2);
    assert_eq!(count(&|request| request.method == "HEAD"), 3);
}

#[test]
fn a_key_that_may_not_list_asks_for_each_object() {
    let scene = Scene::new();
    let names = ["a/1.png", "a/2.png", "a/3.png", "a/4.png", "a/5.png"];
    scene.fill(&names);
    scene.list(&names);
    scene.sync("source", URL, &[]).expect_code(0);
    scene.store.breaks(nth(|request| request.target.contains("list-type=2"), |_| Breakage::Deny));
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
    // A single object that is denied is that object's trouble.
    scene.store.breaks(|request| {
        match request.target.contains("list-type=2") || request.target.ends_with("/a/3.png") {
            true => Breakage::Deny,
            false => Breakage::None,
        }
    });
    let ran = scene.sync(URL, "other", &[]).expect_code(3);
    assert!(ran.stdout.contains("the store denies it"), "{}", ran.stdout);
    assert!(scene.path("other/a/4.png").exists() && !scene.path("other/a/3.png").exists());
}

#[test]
fn a_name_that_no_store_takes_stays_behind() {
    let scene = Scene::new();
    let folder = "x".repeat(250);
    let long = [folder.as_str(); 5].join("/");
    scene.fill(&["a.png", &long]);
    scene.list(&["a.png", &long]);
    let ran = scene.sync("source", URL, &[]).expect_code(3);
    assert!(ran.stdout.contains("longer than an object store takes"), "{}", ran.stdout);
    assert_eq!(scene.store.keys(), ["files/a.png"]);
}

#[test]
fn a_storm_of_errors_passes() {
    let scene = Scene::new();
    scene.fill(&["a.png", "b.png"]);
    scene.list(&["a.png", "b.png"]);
    scene.store.breaks(nth(|_| true, |count| if count % 3 == 0 { Breakage::None } else { Breakage::Unavailable }));
    scene.sync("source", URL, &[]).expect_code(0);
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
}

#[test]
fn a_storm_without_end_ends_the_run() {
    let scene = Scene::new();
    scene.fill(&["a.png"]);
    scene.list(&["a.png"]);
    scene.sync("source", URL, &[]).expect_code(0);
    scene.store.requests();
    scene.store.breaks(nth(|request| is_object(request, "GET", "a.png"), |_| Breakage::Unavailable));
    let ran = scene.sync(URL, "target", &[]).expect_code(8);
    assert!(
        ran.stderr.contains("read files of the vault s3://vault-tests/files: the store answers 503"),
        "{}",
        ran.stderr
    );
    assert!(!scene.path("target/a.png").exists());
    let tries = scene.store.requests().iter().filter(|request| is_object(request, "GET", "a.png")).count();
    assert_eq!(tries, 9);
}

#[test]
fn a_broken_body_goes_on_by_a_range() {
    let scene = Scene::new();
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    scene.write("source/a.bin", &content);
    scene.list(&["a.bin"]);
    scene.sync("source", URL, &[]).expect_code(0);
    scene.store.requests();
    scene.store.breaks(nth(
        |request| is_object(request, "GET", "a.bin"),
        |count| if count == 1 { Breakage::CutAfter(1_000_000) } else { Breakage::None },
    ));
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
    let gets: Vec<_> =
        scene.store.requests().into_iter().filter(|request| is_object(request, "GET", "a.bin")).collect();
    assert!(gets.len() == 2 && gets[1].head.contains("\nrange: bytes="), "{gets:?}");
}

#[test]
fn a_whole_object_in_answer_to_a_range_is_not_appended() {
    let scene = Scene::new();
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    // Known to Tithe, with its hash; and known to nobody, where only the length could tell.
    scene.write("source/a.bin", &content);
    scene.list(&["a.bin"]);
    scene.sync("source", URL, &[]).expect_code(0);
    scene.write("source/b.bin", &content);
    scene.store.lay("files/b.bin", &content);
    scene.list(&["a.bin", "b.bin"]);
    for name in ["a.bin", "b.bin"] {
        let mut count = 0;
        let cut = move |request: &Request| {
            if !is_object(request, "GET", name) {
                return Breakage::None;
            }
            count += 1;
            match count {
                1 => Breakage::CutAfter(1_000_000),
                _ if request.head.contains("\nrange:") => Breakage::IgnoreRange,
                _ => Breakage::None,
            }
        };
        scene.store.requests();
        scene.store.breaks(cut);
        scene.sync(URL, &format!("target-{name}"), &[]).expect_code(0);
        scene.expect_same(&scene.path("source"), &scene.path(&format!("target-{name}")));
        let gets = scene.store.requests().iter().filter(|request| is_object(request, "GET", name)).count();
        assert_eq!(gets, 3, "broken, refused, read from its start");
    }
}

#[test]
fn a_body_that_is_not_what_was_put_is_not_brought() {
    let scene = Scene::new();
    scene.fill(&["a.png", "b.png"]);
    scene.list(&["a.png", "b.png"]);
    scene.sync("source", URL, &[]).expect_code(0);
    for breakage in [Breakage::Shorten(3), Breakage::Flip] {
        let fits = |request: &Request| is_object(request, "GET", "a.png");
        scene.store.breaks(nth(fits, move |_| breakage));
        let ran = scene.sync(URL, "target", &[]).expect_code(3);
        assert!(ran.stdout.contains("checksum differs"), "{breakage:?}: {}", ran.stdout);
        assert!(!scene.path("target/a.png").exists() && scene.path("target/b.png").exists());
    }
    // Once only, it is read again.
    let fits = |request: &Request| is_object(request, "GET", "a.png");
    scene.store.breaks(nth(fits, |count| if count == 1 { Breakage::Flip } else { Breakage::None }));
    scene.sync(URL, "target", &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.path("target"));
}

#[test]
fn a_put_whose_answer_was_lost_is_ours() {
    let scene = Scene::new();
    scene.fill(&["a.png"]);
    scene.list(&["a.png"]);
    let fits = |request: &Request| is_object(request, "PUT", "a.png");
    scene.store.breaks(nth(fits, |count| if count == 1 { Breakage::LoseAnswer } else { Breakage::None }));
    let ran = scene.sync("source", URL, &[]).expect_code(0);
    assert_eq!(number(&ran, "files_copied"), 1);
    // Ours: so it may be replaced.
    scene.store.breaks(|_| Breakage::None);
    scene.write("source/a.png", b"a newer version of it");
    scene.sync("source", URL, &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.bucket());
}

#[test]
fn only_what_was_installed_is_removed_and_into_the_trash() {
    let scene = Scene::new();
    scene.store.lay("files/theirs.png", b"theirs");
    scene.fill(&["a.png", "b.png", "c.png"]);
    scene.list(&["a.png", "b.png", "c.png"]);
    let refused = scene.sync("source", URL, &[]).expect_code(10);
    assert!(refused.stderr.contains("holds objects"), "{}", refused.stderr);
    scene.sync("source", URL, &["--adopt"]).expect_code(0);
    scene.store.lay("files/b.png", b"changed by somebody");
    scene.list(&["a.png"]);
    let refused = scene.sync("source", URL, &[]).expect_code(10);
    assert!(refused.stderr.contains("1 of 3 files would be removed"), "{}", refused.stderr);
    let ran = scene.sync("source", URL, &["--yes-remove", "1"]).expect_code(0);
    assert_eq!(number(&ran, "files_removed"), 1);
    assert_eq!(scene.store.keys(), ["files/a.png", "files/b.png", "files/theirs.png"]);
    let trash = scene.store.file("files/.tithe/trash");
    let run = std::fs::read_dir(&trash).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read(run.join("removed/c.png")).unwrap(), b"content of c.png");
    assert!(run.join("records").exists());
}

#[test]
fn a_killed_run_is_taken_up() {
    let scene = Scene::new();
    let names: Vec<String> = (0..12).map(|number| format!("{number:02}.png")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.fill(&names);
    scene.list(&names);
    scene.kill_at(6, |request| is_object(request, "PUT", ".png"), ("source", URL));
    scene.store.breaks(|_| Breakage::None);
    assert!(scene.store.keys().len() >= 5 && scene.store.keys().len() < 12, "{:?}", scene.store.keys());
    let locked = scene.sync("source", URL, &[]).expect_code(11);
    assert!(locked.stderr.contains("its lock expires in 15 minutes"), "{}", locked.stderr);
    scene.let_lock_expire();
    scene.sync("source", URL, &[]).expect_code(0);
    assert!(!scene.store.file("files/.tithe/lock").exists());
    scene.expect_same(&scene.path("source"), &scene.bucket());
    // What the killed run put there counts as installed: it goes when nobody names it any more.
    scene.list(&["11.png"]);
    let ran = scene.sync("source", URL, &["--yes-remove", "11"]).expect_code(0);
    assert_eq!(number(&ran, "files_removed"), 11);
    assert_eq!(scene.store.keys(), ["files/11.png"]);
}

/// One file to keep, one to replace, one to bring, one to remove; a kill before each request of the run in turn.
#[test]
fn a_run_that_is_killed_at_any_request_ends_well_the_next_time() {
    let mut step = 0;
    loop {
        step += 1;
        let scene = Scene::new();
        scene.fill(&["kept.png", "changed.png", "gone.png"]);
        scene.list(&["kept.png", "changed.png", "gone.png"]);
        scene.sync("source", URL, &[]).expect_code(0);
        scene.fill(&["new.png"]);
        scene.write("source/changed.png", b"a newer version of it");
        scene.list(&["kept.png", "changed.png", "new.png"]);
        let killed = scene.kill_at(step, |_| true, ("source", URL));
        scene.let_lock_expire();
        let ran = scene.sync("source", URL, &["--yes-remove", "9"]);
        assert_eq!(ran.code, 0, "step {step}: {ran:?}");
        assert_eq!(scene.store.keys(), ["files/changed.png", "files/kept.png", "files/new.png"], "step {step}");
        scene.expect_same(&scene.path("source"), &scene.bucket());
        // All of it is known as installed.
        scene.list(&["kept.png"]);
        scene.sync("source", URL, &["--yes-remove", "9"]).expect_code(0);
        assert_eq!(scene.store.keys(), ["files/kept.png"], "step {step}");
        if !killed {
            break;
        }
    }
    assert!(step > 15, "{step} requests only");
}

/// Told to stop, a run takes its lock with it: the next need not wait for its time to be over.
#[test]
fn an_interrupted_run_gives_its_lock_back() {
    let scene = Scene::new();
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}.png")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.fill(&names);
    scene.list(&names);
    let child = Arc::new(AtomicU32::new(0));
    let victim = Arc::clone(&child);
    let fits = |request: &Request| is_object(request, "PUT", ".png");
    scene.store.breaks(nth(fits, move |count| {
        if count == 3 {
            send(&victim, rustix::process::Signal::INT);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        Breakage::None
    }));
    let mut command = scene.command("sync", "source", URL, &["--vault-jobs", "1"]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.store(running.id(), Ordering::SeqCst);
    assert_eq!(running.wait().unwrap().code(), Some(130));
    scene.store.settle();
    scene.store.breaks(|_| Breakage::None);
    let there = scene.store.keys().len();
    assert!((3..40).contains(&there), "{there}");
    scene.sync("source", URL, &[]).expect_code(0);
    scene.expect_same(&scene.path("source"), &scene.bucket());
}

#[test]
fn a_store_that_refuses_is_told_of() {
    let scene = Scene::new();
    scene.fill(&["a.png"]);
    scene.list(&["a.png"]);
    let with = |name: &str, value: &str, url: &str| {
        let mut command = scene.command("sync", "source", url, &[]);
        command.env(name, value);
        scene.run(command)
    };
    let ran = with("AWS_SECRET_ACCESS_KEY", "another-secret", URL).expect_code(8);
    assert!(ran.stderr.contains("does not accept the credentials (SignatureDoesNotMatch)"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("another-secret"), "{}", ran.stderr);
    let ran = with("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN", URL).expect_code(8);
    assert!(ran.stderr.contains("does not accept the credentials"), "{}", ran.stderr);
    let ran = with("AWS_REGION", "us-east-1", "s3://no-such-bucket/x").expect_code(8);
    assert!(ran.stderr.contains("there is no such bucket"), "{}", ran.stderr);
    let ran = with("AWS_ACCESS_KEY_ID", "", URL).expect_code(2);
    assert!(ran.stderr.contains("there are no credentials"), "{}", ran.stderr);
    let ran = with("AWS_ENDPOINT_URL", "http://store.example", URL).expect_code(10);
    assert!(ran.stderr.contains("plain http"), "{}", ran.stderr);
    assert!(scene.store.keys().is_empty());
}

#[test]
fn a_plan_touches_nothing_in_a_bucket() {
    let scene = Scene::new();
    scene.fill(&["a.png"]);
    scene.list(&["a.png"]);
    let planned = scene.run(scene.command("plan", "source", URL, &[])).expect_code(0);
    assert!(planned.stdout.contains("\"action\": \"copy\""), "{}", planned.stdout);
    let wrote = scene.store.requests().into_iter().find(|request| !matches!(request.method.as_str(), "GET" | "HEAD"));
    assert!(wrote.is_none(), "{wrote:?}");
}

/// A storm of errors while it compares would take half a minute.
#[test]
fn a_run_that_compares_is_stopped_at_once_and_gives_its_lock_back() {
    let scene = Scene::new();
    scene.fill(&["a.png", "b.png"]);
    scene.list(&["a.png", "b.png"]);
    let child = Arc::new(AtomicU32::new(0));
    let victim = Arc::clone(&child);
    scene.store.breaks(nth(
        |request| is_object(request, "HEAD", ".png"),
        move |count| {
            if count == 1 {
                send(&victim, rustix::process::Signal::INT);
            }
            Breakage::Unavailable
        },
    ));
    let mut command = scene.command("sync", "source", URL, &[]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.store(running.id(), Ordering::SeqCst);
    let begun = std::time::Instant::now();
    assert_eq!(running.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert!(!scene.store.file("files/.tithe/lock").exists());
}

/// Ctrl-C at a terminal, where the question stands and nobody answers.
#[test]
fn a_question_that_nobody_answers_keeps_no_lock() {
    let scene = Scene::new();
    scene.fill(&["a.png", "b.png"]);
    scene.list(&["a.png", "b.png"]);
    scene.sync("source", URL, &[]).expect_code(0);
    scene.list(&["a.png"]);
    let inner = scene.command("sync", "source", URL, &[]);
    let mut running = support::at_a_terminal(&inner, &scene.home).spawn().unwrap();
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while !shown.contains("Remove them?") {
        let read = running.stdout.as_mut().unwrap().read(&mut buffer).unwrap();
        assert!(read > 0, "{shown}");
        shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    running.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(running.wait().unwrap().code(), Some(130), "{shown}");
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert!(!scene.store.file("files/.tithe/lock").exists());
    assert_eq!(scene.store.keys(), ["files/a.png", "files/b.png"]);
}

/// Once the test has written down which process it is.
fn send(victim: &AtomicU32, signal: rustix::process::Signal) {
    while victim.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(victim.load(Ordering::SeqCst).cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn places_that_cannot_be_joined_and_slips_of_the_pen_end_in_one_sentence() {
    let scene = Scene::new();
    scene.fill(&["a.png"]);
    scene.list(&["a.png"]);
    for (from, to) in [(URL, "far:/srv/files"), ("far:/srv/files", URL)] {
        let said = scene.sync(from, to, &[]).failed(2, &["one of them must be a folder of this machine"]);
        assert!(said.contains(from) && said.contains(to), "{said}");
        scene.run(scene.command("plan", from, to, &[])).failed(2, &["one of them must be a folder"]);
    }
    for url in ["s3:/vault-tests/files", "gs://vault-tests/files", "http://vault-tests/files", "s3://x/y"] {
        scene.sync("source", url, &[]).failed(2, &["s3://bucket/folder"]);
    }
    assert!(scene.store.requests().is_empty());
}

#[test]
fn verify_reads_the_objects_and_believes_no_metadata() {
    let scene = Scene::new();
    let names = ["a.png", "b.png", "c.png", "d.png", "e.png"];
    scene.fill(&names);
    scene.list(&names);
    scene.sync("source", URL, &[]).expect_code(0);
    let verify = || scene.run(scene.look("verify", &["--files-from", "list"]));
    let status = || {
        let status = scene.run(scene.look("status", &[])).expect_code(0).stdout;
        let status = serde_json::from_str::<serde_json::Value>(&status).unwrap();
        ["installed", "installed_bytes", "gone", "foreign", "trash"].map(|name| status[name].as_u64().unwrap())
    };
    let found = |ran: &Ran| serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
    let whole = found(&verify().expect_code(0));
    assert_eq!((whole["intact"].as_u64(), whole["bytes"].as_u64()), (Some(5), Some(5 * 16)), "{whole}");
    assert_eq!(status(), [5, 5 * 16, 0, 0, 0]);
    // One bit less, one object less, one that nobody names.
    std::fs::write(scene.store.file("files/b.png"), "content of B.png").unwrap();
    std::fs::remove_file(scene.store.file("files/c.png")).unwrap();
    scene.list(&["a.png", "b.png", "c.png", "d.png"]);
    let broken = found(&verify().expect_code(9));
    for (name, first) in [("changed", "b.png"), ("missing", "c.png"), ("extra", "e.png")] {
        assert_eq!(
            (broken[name]["files"].as_u64(), broken[name]["first"][0].as_str()),
            (Some(1), Some(first)),
            "{name}"
        );
    }
    std::fs::write(scene.store.file("files/z.png"), "somebody's").unwrap();
    assert_eq!(status(), [5, 5 * 16, 1, 1, 0]);
    assert!(!scene.store.file("files/.tithe/lock").exists());
}

const FILES: &str = r#"
[[vault.files]]
name = "pictures"
table = "posts"
path = "pictures/{id}.png"
mode = "real"
"#;

/// Rows of a database name files of a folder, which go to a bucket.
struct Sampled {
    rows: support::Scene,
    files: Scene,
}

impl Sampled {
    fn new() -> Self {
        let files = Scene::new();
        for id in 1..=1000 {
            files.write(&format!("source/pictures/{id}.png"), format!("picture {id}").as_bytes());
        }
        Self { rows: support::Scene::new(), files }
    }

    fn command(&self, profile: &Path, more: &[&str]) -> Command {
        let source = self.files.path("source");
        let places = ["--vault-from", source.to_str().unwrap(), "--vault-to", URL, "--percent", "10"];
        let places = if more.contains(&"--vault-from") { &[] } else { &places[..] };
        let arguments = self.rows.arguments(profile.to_str().unwrap(), &[places, more].concat());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.rows.home.command(&arguments);
        command.envs(self.files.store.variables());
        command
    }

    fn sample(&self, profile: &str, more: &[&str]) -> Ran {
        let file = support::profile(&format!("{PROFILE}{profile}"));
        self.files.run(self.command(file.path(), more))
    }

    /// The files that the rows name, as keys below a folder.
    fn named(&self, folder: &str) -> Vec<String> {
        let named = self.rows.target.query_one_text("SELECT string_agg('pictures/' || id || '.png', ' ') FROM posts");
        let mut named: Vec<String> = named.split(' ').map(|name| format!("{folder}{name}")).collect();
        named.sort();
        named
    }

    #[track_caller]
    fn assert_agree(&self) {
        assert_eq!(self.files.store.keys(), self.named("files/"));
        assert!(!self.files.store.file("files/.tithe/lock").exists());
    }
}

#[test]
fn rows_and_a_buckets_files_agree_after_each_run() {
    let scene = Sampled::new();
    scene.sample(FILES, &[]).expect_code(0);
    scene.assert_agree();
    let (first, keys) = (scene.named(""), scene.files.store.keys());
    // A run that fails leaves both, and no lock.
    let failing = format!("{FILES}\n[target]\nafter_load = ['exit 3']\n");
    scene.sample(&failing, &["--seed", "another", "--yes-remove", "1000"]).expect_code(7);
    assert_eq!((scene.named(""), scene.files.store.keys()), (first.clone(), keys));
    scene.assert_agree();
    // Too many would go: the rows are swapped in, the files stay, and it is said.
    let said = scene.sample(FILES, &["--seed", "another"]).expect_code(3).stdout;
    assert!(said.contains("files would be removed from the vault; they stay"), "{said}");
    scene.sample(FILES, &["--seed", "another", "--yes-remove", "1000"]).expect_code(0);
    scene.assert_agree();
    assert_ne!(scene.named(""), first);
    // From the bucket to a folder, by the rows that are there.
    let target = scene.files.path("target");
    let target = target.to_str().unwrap();
    let back = ["--vault-from", URL, "--vault-to", target, "--percent", "10", "--seed", "another"];
    scene.sample(FILES, &back).expect_code(0);
    for name in scene.named("") {
        let id = name.trim_start_matches("pictures/").trim_end_matches(".png");
        assert_eq!(std::fs::read_to_string(scene.files.path("target").join(&name)).unwrap(), format!("picture {id}"));
    }
}

/// Files of their own numbers, whatever rows there are.
fn numbered(numbers: &str) -> String {
    format!(
        "[[vault.files]]\nname = \"numbered\"\nmode = \"real\"\n\
         query = \"SELECT 'x/' || n FROM generate_series({numbers}) n\"\n"
    )
}

/// Two runs, the later of which replaced, removed and brought objects; then back and forth, undisturbed and killed at
/// each request that changes something.
#[test]
fn a_rollback_puts_a_buckets_files_back_and_is_finished_when_it_was_killed() {
    let scene = Sampled::new();
    let files = &scene.files;
    for number in 1..=4 {
        files.write(&format!("source/x/{number}"), b"old");
    }
    scene.sample(&numbered("1, 4"), &[]).expect_code(0);
    for (number, text) in [(2, "newer"), (3, "newer"), (5, "new")] {
        files.write(&format!("source/x/{number}"), text.as_bytes());
    }
    scene.sample(&numbered("2, 5"), &["--seed", "another", "--yes-remove", "9"]).expect_code(0);
    let (root, kept) = (files.store.root(), files.path("kept"));
    support::vault::copy_tree(root, &kept);
    let reset = || {
        for entry in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { std::fs::remove_dir_all(entry) } else { std::fs::remove_file(entry) }.unwrap();
        }
        support::vault::copy_tree(&kept, root);
    };
    let newer_rows = scene.named("");
    let command = || {
        let mut command = scene.rows.home.command(&["rollback", "--yes", "--to", &scene.rows.target.url()]);
        command.envs(files.store.variables());
        command
    };
    let roll = || files.run(command()).expect_code(0).stdout;
    let texts = || {
        let text = |number| std::fs::read_to_string(files.store.file(&format!("files/x/{number}"))).unwrap_or_default();
        (1..=5).map(text).collect::<Vec<_>>().join(" ")
    };
    // What is recorded of each object is what it holds.
    let verify = |numbers: std::ops::RangeInclusive<u32>| {
        let names: Vec<String> = numbers.map(|number| format!("x/{number}")).collect();
        files.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let found = files.run(files.look("verify", &["--files-from", "list"])).expect_code(0).stdout;
        assert_eq!(serde_json::from_str::<serde_json::Value>(&found).unwrap()["intact"], 4, "{found}");
    };
    let assert_older = |when: &str| {
        assert_ne!(scene.named(""), newer_rows, "{when}");
        assert_eq!(texts(), "old old old old new", "{when}");
        verify(1..=4);
    };
    let assert_newer = |when: &str| {
        assert_eq!(scene.named(""), newer_rows, "{when}");
        assert_eq!(texts(), "old newer newer old new", "{when}");
        verify(2..=5);
    };
    let said = roll();
    assert!(
        said.contains(&format!("{URL}: 1 removed files are back, 2 have their other version again, 0 left")),
        "{said}"
    );
    assert_older("undisturbed");
    let noted = files.store.metadata("files/x/2");
    assert_eq!(noted["tithe-blake3"], blake3::hash(b"old").to_hex().to_string());
    roll();
    assert_newer("undisturbed");
    assert!(!files.store.file("files/.tithe/lock").exists());
    let mut step = 0;
    loop {
        step += 1;
        reset();
        let changes = |request: &Request| matches!(request.method.as_str(), "PUT" | "POST" | "DELETE");
        let killed = files.kill(step, changes, command());
        files.let_lock_expire();
        let when = format!("request {step}");
        if killed {
            assert_eq!(scene.named(""), newer_rows, "{when}: rows are swapped last");
            roll();
        }
        assert_older(&when);
        roll();
        assert_newer(&when);
        if !killed {
            break;
        }
    }
    assert!(step > 8, "{step} requests only");
    // What somebody put in an object's place stays.
    files.store.lay("files/x/2", b"mine");
    let said = files.run(command()).expect_code(3).stdout;
    assert!(said.contains("1 have their other version again, 1 left alone"), "{said}");
    assert_eq!(texts(), "old mine old old new");
    roll();
    assert_eq!(texts(), "old mine newer old new");
    files.store.lay("files/x/2", b"newer");
    // A bucket that cannot be reached keeps the rows as well, unless it is left out.
    let mut refused = command();
    refused.env("AWS_SECRET_ACCESS_KEY", "another-secret");
    files.run(refused).failed(8, &["does not accept the credentials", "--no-vault"]);
    assert_newer("refused");
}

/// The put at hand takes longer than a program that ends waits for its threads.
#[test]
fn an_interrupted_sample_gives_the_buckets_lock_back() {
    let scene = Sampled::new();
    let child = Arc::new(AtomicU32::new(0));
    let victim = Arc::clone(&child);
    scene.files.store.breaks(nth(
        |request| is_object(request, "PUT", ".png"),
        move |count| {
            if count == 3 {
                send(&victim, rustix::process::Signal::INT);
                std::thread::sleep(std::time::Duration::from_secs(2));
            }
            Breakage::None
        },
    ));
    let file = support::profile(&format!("{PROFILE}{FILES}"));
    let mut running = scene.command(file.path(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.store(running.id(), Ordering::SeqCst);
    assert_eq!(running.wait().unwrap().code(), Some(130));
    scene.rows.assert_old();
    assert!(!scene.files.store.file("files/.tithe/lock").exists());
    scene.files.store.breaks(|_| Breakage::None);
    scene.sample(FILES, &[]).expect_code(0);
    scene.assert_agree();
}
