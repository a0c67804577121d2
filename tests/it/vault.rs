//! Random histories of a source, a target and its user: what the program leaves must be what the definitions say.
//!
//! `TITHE_VAULT_CASES` runs more cases, `TITHE_VAULT_SEED` other ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::support::vault::{Node, Tree, Vaults, tree, write};

const CASES: u32 = 40;
const SEED: u64 = 2026;

/// Names that differ in case or Unicode form only, hidden ones, one that is a folder elsewhere.
const NAMES: [&str; 14] = [
    "a.png",
    "A.png",
    "b/c d.txt",
    "b/C d.txt",
    "b/.hidden",
    "caf\u{e9}",
    "cafe\u{301}",
    "deep/1/2/3/x",
    " lead",
    "stra\u{df}e",
    "-rf",
    "m",
    "m/n",
    "b/~$&'\"*?",
];
const SIZES: [usize; 6] = [0, 1, 4095, 4096, 70_000, 3 << 20];

#[derive(Clone, Copy, Debug)]
enum Thing {
    /// Of a size and a kind.
    File(usize, u8),
    Nothing,
    Folder,
    Link,
}

#[derive(Clone, Debug)]
enum Event {
    /// Something happens in the source.
    Source(usize, Thing),
    /// The target's user does something.
    User(usize, Thing),
    /// The names of these bits are wanted, those the source lacks only where the flag says so.
    Sync(u16, bool),
}

fn things() -> impl Strategy<Value = Thing> {
    prop_oneof![
        12 => (0..5_usize, 0..3_u8).prop_map(|(size, kind)| Thing::File(SIZES[size], kind)),
        1 => (0..3_u8).prop_map(|kind| Thing::File(SIZES[5], kind)),
        3 => Just(Thing::Nothing),
        1 => Just(Thing::Folder),
        1 => Just(Thing::Link),
    ]
}

fn histories() -> impl Strategy<Value = Vec<Event>> {
    let names = 0..NAMES.len();
    let event = prop_oneof![
        4 => (names.clone(), things()).prop_map(|(name, thing)| Event::Source(name, thing)),
        2 => (names, things()).prop_map(|(name, thing)| Event::User(name, thing)),
        3 => (any::<u16>(), prop::bool::weighted(0.05)).prop_map(|(mask, lacking)| Event::Sync(mask, lacking)),
    ];
    (vec((0..5_usize, 0..3_u8), NAMES.len()), vec(event, 4..18)).prop_map(|(first, mut events)| {
        let first = first.into_iter().enumerate().filter(|(name, _)| NAMES[*name] != "m");
        let first = first.map(|(name, (size, kind))| Event::Source(name, Thing::File(SIZES[size], kind)));
        events.splice(0..0, first.collect::<Vec<_>>());
        events.push(Event::Sync(u16::MAX, false));
        events
    })
}

fn bytes(size: usize, kind: u8) -> Vec<u8> {
    (0..size).map(|at| (at as u8).wrapping_mul(31) ^ kind ^ (at >> 8) as u8).collect()
}

/// Makes it so, where nothing else stands in the way.
fn happen(root: &Path, name: &str, thing: Thing) {
    let path = root.join(name);
    if path.parent().is_some_and(|above| fs::create_dir_all(above).is_err()) || path.is_dir() {
        return;
    }
    let _ = fs::remove_file(&path);
    match thing {
        Thing::File(size, kind) => write(&path, &bytes(size, kind)),
        Thing::Nothing => {}
        Thing::Folder => write(&path.join("inside"), b"in a folder"),
        Thing::Link => std::os::unix::fs::symlink("/etc/hostname", &path).unwrap(),
    }
}

/// What ought to be, by the definitions.
#[derive(Default)]
struct Model {
    /// What Tithe installed, as it installed it.
    ours: BTreeMap<String, Node>,
    trash: Vec<(String, Node)>,
}

/// What stands at a path, seen without following a link.
enum Stands<'a> {
    Nothing,
    File(&'a Node),
    Other,
}

fn stands<'a>(tree: &'a Tree, path: &str) -> Stands<'a> {
    match tree.get(path) {
        Some(file @ Node::File(_)) => return Stands::File(file),
        Some(_) => return Stands::Other,
        None => {}
    }
    let is_folder =
        tree.range(format!("{path}/")..).next().is_some_and(|(next, _)| next.starts_with(&format!("{path}/")));
    let blocked = path.match_indices('/').any(|(end, _)| tree.contains_key(&path[..end]));
    if is_folder || blocked { Stands::Other } else { Stands::Nothing }
}

impl Model {
    /// The exit code, and what the target holds afterwards.
    fn sync(&mut self, source: &Tree, before: &Tree, wanted: &BTreeSet<&str>) -> (i32, Tree) {
        let (mut after, mut ours, mut trash) = (before.clone(), self.ours.clone(), self.trash.clone());
        let (mut troubles, mut lost) = (0, 0);
        for path in wanted {
            let content = match stands(source, path) {
                Stands::File(content) => content,
                Stands::Nothing => return (8, before.clone()),
                Stands::Other => {
                    lost += 1;
                    troubles += 1;
                    continue;
                }
            };
            match stands(before, path) {
                Stands::Nothing => {}
                Stands::File(file) if file == content => continue,
                Stands::File(file) if ours.get(*path) == Some(file) => {
                    trash.push((format!("replaced/{path}"), file.clone()));
                }
                Stands::File(_) | Stands::Other => {
                    troubles += 1;
                    continue;
                }
            }
            after.insert((*path).to_owned(), content.clone());
            ours.insert((*path).to_owned(), content.clone());
        }
        if lost > 1 {
            return (8, before.clone());
        }
        let extras: Vec<String> = ours.keys().filter(|path| !wanted.contains(path.as_str())).cloned().collect();
        for path in &extras {
            match stands(before, path) {
                Stands::File(file) if ours.get(path) == Some(file) => {
                    // A run that wants nothing is a mistake, whatever it is allowed to remove.
                    if wanted.is_empty() {
                        return (10, before.clone());
                    }
                    after.remove(path);
                    trash.push((format!("removed/{path}"), file.clone()));
                    ours.remove(path);
                }
                Stands::Nothing => _ = ours.remove(path),
                _ => {}
            }
        }
        (self.ours, self.trash) = (ours, trash);
        (if troubles > 0 { 3 } else { 0 }, after)
    }
}

fn check(history: &[Event], synced: &AtomicUsize) -> Result<(), TestCaseError> {
    let vaults = Vaults::new();
    fs::create_dir(vaults.target()).unwrap();
    let mut model = Model::default();
    for event in history {
        let (mask, lacking) = match event {
            Event::Source(name, thing) => {
                happen(&vaults.source(), NAMES[*name], *thing);
                continue;
            }
            Event::User(name, thing) => {
                happen(&vaults.target(), NAMES[*name], *thing);
                continue;
            }
            Event::Sync(mask, lacking) => (*mask, *lacking),
        };
        let (source, before) = (tree(&vaults.source()), vaults.tree());
        let mut wanted: BTreeSet<&str> =
            (0..NAMES.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| NAMES[bit]).collect();
        wanted.retain(|path| lacking || !matches!(stands(&source, path), Stands::Nothing));
        if wanted.contains("m/n") {
            wanted.remove("m");
        }
        vaults.want(&wanted.iter().copied().collect::<Vec<_>>());
        let ran = vaults.sync(&["--durability", "off", "--yes-remove", "1000", "--adopt"]);
        let (code, after) = model.sync(&source, &before, &wanted);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        prop_assert_eq!(ran.code, code, "wanted {:?}: {}", wanted, said);
        let found = vaults.tree();
        prop_assert!(found == after, "wanted {wanted:?}: {}\n{said}", difference(&found, &after));
        let mut trash = model.trash.clone();
        trash.sort();
        prop_assert!(vaults.trash() == trash, "wanted {wanted:?}: the trash differs");
        vaults.assert_clean();
        if code == 0 {
            vaults.assert_agree();
            synced.fetch_add(wanted.len(), Ordering::Relaxed);
        }
    }
    Ok(())
}

/// The paths that differ; contents are long.
fn difference(found: &Tree, expected: &Tree) -> String {
    let paths: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let told = |node: Option<&Node>| match node {
        Some(Node::File(bytes)) => format!("file of {} bytes", bytes.len()),
        other => format!("{other:?}"),
    };
    let differing = paths.into_iter().filter(|path| found.get(*path) != expected.get(*path));
    differing.map(|path| format!("{path}: {} for {}; ", told(found.get(path)), told(expected.get(path)))).collect()
}

#[test]
fn random_histories_end_as_the_definitions_say() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TITHE_VAULT_SEED").unwrap_or(SEED);
    let cases = number("TITHE_VAULT_CASES").map_or(CASES, |cases| cases as u32);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let synced = AtomicUsize::new(0);
    match runner.run(&histories(), |history| check(&history, &synced)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, history)) => panic!("TITHE_VAULT_SEED={seed}\n{history:?}\n{reason}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    // Histories in which no run ends well would prove nothing.
    assert!(synced.into_inner() > 3 * cases as usize);
}
