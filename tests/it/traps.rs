//! Samples half of every schema in `fixtures/traps/`, verifies the target, and asks it what the file asserts.
//!
//! A file's first lines: `-- trap N: …` (what broke others), `-- expect: …` (what a run must do),
//! `-- servers: 18` (both must be of this version or later; on older ones the file is left out, and only then),
//! `-- connect-as: ROLE` (whom to read the source as), `-- expect-exit: 3` (where something is skipped and reported),
//! `-- assert-target: SELECT …;` (true on the landed database).

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{self, Home, TestDb};

/// True when no validated foreign key of the database is broken; the server itself asks, by validating again.
const REVALIDATE: &str = r"
DO $$
DECLARE key record;
BEGIN
    FOR key IN SELECT conrelid::regclass AS relation, conname, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint WHERE contype = 'f' AND convalidated AND conparentid = 0
        AND (SELECT relkind FROM pg_class WHERE pg_class.oid = conrelid) = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.relation, key.conname);
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', key.relation, key.conname, key.definition);
    END LOOP;
END $$";

/// Several at a time: most of the time goes into making databases.
const LANES: usize = 4;

#[test]
fn every_trap_is_sampled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traps");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    files.sort();
    let oldest = support::oldest_version();
    files.retain(|name| {
        let text = support::repository_text(&format!("fixtures/traps/{name}"));
        marked(&text, "servers").all(|version| version.parse::<u32>().unwrap() <= oldest)
    });
    assert!(files.len() >= 20, "{files:?}");
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(name) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(fault) = sample(name) {
                        let _ = writeln!(faults.lock().unwrap(), "{name}: {fault}\n");
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{faults}");
}

fn sample(name: &str) -> Result<(), String> {
    let path = format!("fixtures/traps/{name}");
    let text = support::repository_text(&path);
    let marks = ["trap ", "expect: ", "assert-target: "];
    if let Some(mark) = marks.iter().find(|mark| !text.lines().any(|line| line.starts_with(&format!("-- {mark}")))) {
        return Err(format!("has no line `-- {mark}…`"));
    }
    let source = support::source_database("trap");
    source.try_query_text(&text).map_err(|error| format!("{error:?}"))?;
    let target = support::target_database("trap");
    let from = match marked(&text, "connect-as").next() {
        Some(role) => source.url().replace("user=postgres", &format!("user={role}")),
        None => source.url(),
    };
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join(path.replace(".sql", ".toml"));
    let profile = profile.to_string_lossy();
    let to = target.url();
    let home = Home::new();
    let ran = home.tithe(&["sample", "--percent", "50", "--yes", "--from", &from, "--to", &to, "--profile", &profile]);
    let wanted = marked(&text, "expect-exit").next().map_or(0, |code| code.parse().unwrap());
    if ran.code != wanted {
        return Err(format!("exit {}\n{}{}", ran.code, ran.stdout, ran.stderr));
    }
    let ran = home.tithe(&["verify", "--from", &from, "--to", &to]);
    if ran.code != 0 {
        return Err(format!("verify: exit {}\n{}{}", ran.code, ran.stdout, ran.stderr));
    }
    check(&target, &text)
}

fn check(target: &TestDb, text: &str) -> Result<(), String> {
    let mut faults = String::new();
    for question in marked(text, "assert-target") {
        match target.try_query_text(question) {
            Ok(Some(answer)) if answer == "t" => {}
            other => {
                let _ = write!(faults, "\n  {other:?}: {question}");
            }
        }
    }
    if let Err(cause) = target.try_query_text(REVALIDATE) {
        let _ = write!(faults, "\n  foreign keys: {cause:?}");
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// What follows `-- mark: ` on the lines that have it.
fn marked<'t>(text: &'t str, mark: &str) -> impl Iterator<Item = &'t str> {
    let start = format!("-- {mark}: ");
    text.lines().filter_map(move |line| line.strip_prefix(&start))
}
