//! Holds the source to its own rules: the order of modules, homes of outside packages, sizes, no `unwrap()`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Outside packages that only these modules may name.
const HOMES: &[(&str, &[&str])] = &[
    ("tokio_postgres", &["pg", "demo"]),
    ("tokio_postgres_rustls", &["pg"]),
    ("deadpool_postgres", &["pg"]),
    ("petgraph", &["graph"]),
    ("fake", &["anonymize"]),
    ("blake3", &["digest", "vault"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("fast_rsync", &["vault"]),
    ("flate2", &["vault"]),
    ("object_store", &["vault"]),
    ("rayon", &["anonymize", "closure", "engine", "vault", "demo"]),
    ("regex_syntax", &["anonymize"]),
    ("ring", &["attest"]),
    ("sha2", &["profile"]),
    ("toml", &["profile"]),
    ("walkdir", &["vault"]),
];

const LINES_AT_MOST: usize = 800;

struct SourceFile {
    path: PathBuf,
    /// Top-level module; empty for lib.rs and main.rs.
    module: String,
    text: String,
}

impl SourceFile {
    /// Lines of code with their numbers, without comments and without the unit tests at the file's end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }
}

#[test]
fn a_module_imports_only_modules_listed_above_it() {
    let order = module_order();
    let place = |module: &str| order.iter().position(|listed| listed == module);
    let mut faults = String::new();
    for file in source_files() {
        let Some(own) = place(&file.module) else { continue };
        for (line, code) in file.code() {
            for used in crate_paths(code) {
                // What is not a module is an item of lib.rs, which is fine.
                if place(used).is_some_and(|other| other > own) {
                    let _ = writeln!(faults, "{}:{line}: {} is listed above {used}", file.path.display(), file.module);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn every_module_is_listed() {
    let order = module_order();
    let missing: Vec<_> = source_files()
        .into_iter()
        .map(|file| file.module)
        .filter(|name| !name.is_empty() && !order.contains(name))
        .collect();
    assert!(missing.is_empty(), "not in lib.rs: {missing:?}");
}

#[test]
fn outside_packages_stay_at_home() {
    let mut faults = String::new();
    for file in source_files() {
        for (line, code) in file.code() {
            for (package, homes) in HOMES {
                if names_package(code, package) && !homes.contains(&file.module.as_str()) {
                    let _ = writeln!(faults, "{}:{line}: {package} belongs to {homes:?}", file.path.display());
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn files_stay_readable() {
    let long: Vec<_> = source_files()
        .into_iter()
        .filter(|file| file.text.lines().count() > LINES_AT_MOST)
        .map(|file| file.path)
        .collect();
    assert!(long.is_empty(), "over {LINES_AT_MOST} lines: {long:?}");
}

#[test]
fn nothing_is_unwrapped() {
    let mut faults = String::new();
    for file in source_files() {
        for (line, _) in file.code().filter(|(_, code)| code.contains(".unwrap()")) {
            let _ = writeln!(faults, "{}:{line}: unwrap()", file.path.display());
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> =
        source_files().into_iter().filter(|file| !file.text.starts_with("//!")).map(|file| file.path).collect();
    assert!(silent.is_empty(), "no header: {silent:?}");
}

/// The rules above hold nothing if these functions see nothing.
#[test]
fn the_rules_see_imports() {
    assert_eq!(
        crate_paths("use crate::{error::Error, pg::{pool, sql}, Thing};").collect::<Vec<_>>(),
        ["error", "pg", "Thing"]
    );
    assert_eq!(crate_paths("let x = crate::plan::make(crate::types::A);").collect::<Vec<_>>(), ["plan", "types"]);
    assert!(names_package("use clap::Parser;", "clap"));
    assert!(names_package("    fake::locales", "fake"));
    assert!(!names_package("use clap_mangen::Man;", "clap"));
    assert!(!names_package("let fake = 1; snowflake::id()", "fake"));
    assert!(!names_package("use crate::fake::x;", "fake"));
    assert!(source_files().len() > 5 && module_order().len() > 5);
}

/// The top-level modules in the order of lib.rs.
fn module_order() -> Vec<String> {
    let text = std::fs::read_to_string(source_dir().join("lib.rs")).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect()
}

/// First segments after `crate::`, also within one line's `crate::{a::b, c}`. Such a list over several lines shows
/// only what stands on its first line; rustfmt splits one only when it is long, which ours are not.
fn crate_paths(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("crate::").flat_map(move |(start, found)| {
        let rest = &code[start + found.len()..];
        match rest.strip_prefix('{') {
            Some(list) => top_level_items(list),
            None => vec![first_word(rest)],
        }
    })
}

fn top_level_items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0_i32, 0, Vec::new());
    for (index, symbol) in list.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(first_word(list[start..index].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(first_word(list[start..index].trim()));
                start = index + 1;
            }
            _ => {}
        }
    }
    items
}

fn first_word(text: &str) -> &str {
    text.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '_').next().unwrap_or_default()
}

/// Whether a line names a package: `name::`, not as a part of a longer name or path.
fn names_package(code: &str, package: &str) -> bool {
    let needle = format!("{package}::");
    code.match_indices(&needle).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        !before.is_some_and(|symbol| symbol.is_alphanumeric() || symbol == '_' || symbol == ':')
    })
}

fn source_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn source_files() -> Vec<SourceFile> {
    let (mut files, mut folders) = (Vec::new(), vec![source_dir()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(source_dir()).unwrap().to_path_buf();
                let first = below.iter().next().unwrap().to_string_lossy();
                let module = match first.trim_end_matches(".rs") {
                    "lib" | "main" => String::new(),
                    name => name.to_owned(),
                };
                let text = std::fs::read_to_string(&path).unwrap();
                files.push(SourceFile { path: below, module, text });
            }
        }
    }
    files
}
