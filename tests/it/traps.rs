//! Samples half of every schema in `fixtures/traps/` and asks the target what the file asserts.
//!
//! A file's first lines: `-- trap N: …` (what broke others), `-- expect: …` (what a run must do),
//! `-- connect-as: ROLE` (whom to read the source as), `-- assert-target: SELECT …;` (true on the landed database).

use std::fmt::Write as _;
use std::path::Path;

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

#[test]
fn every_trap_is_sampled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traps");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    files.sort();
    let mut faults = String::new();
    for name in &files {
        if let Err(fault) = sample(name) {
            let _ = writeln!(faults, "{name}: {fault}\n");
        }
    }
    assert!(!files.is_empty() && faults.is_empty(), "{faults}");
}

fn sample(name: &str) -> Result<(), String> {
    let path = format!("fixtures/traps/{name}");
    let text = support::repository_text(&path);
    let source = support::source_database("trap");
    source.execute_file(&path);
    let target = support::target_database("trap");
    let from = match marked(&text, "connect-as").next() {
        Some(role) => source.url().replace("user=postgres", &format!("user={role}")),
        None => source.url(),
    };
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join(path.replace(".sql", ".toml"));
    let ran = Home::new().tithe(&[
        "sample",
        "--percent",
        "50",
        "--yes",
        "--from",
        &from,
        "--to",
        &target.url(),
        "--profile",
        profile.to_str().unwrap(),
    ]);
    if ran.code != 0 {
        return Err(format!("exit {}\n{}{}", ran.code, ran.stdout, ran.stderr));
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
