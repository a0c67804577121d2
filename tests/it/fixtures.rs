//! The small schemas of `fixtures/traps/` load, and say what they are about. What a run makes of them: `traps.rs`.

use crate::support;

#[test]
fn every_trap_loads_and_is_explained() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traps");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".sql"));
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let path = format!("fixtures/traps/{name}");
        let text = support::repository_text(&path);
        assert!(text.starts_with("-- trap ") && text.contains("\n-- expect: "), "{path} lacks its first lines");
        assert!(text.contains("\n-- assert-target: "), "{path} asserts nothing");
        assert!(!support::repository_text(&path.replace(".sql", ".toml")).is_empty());
        support::source_database("trap").execute_file(&path);
    }
}
