//! How two profiles differ in what they mean, however they are written.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;

use crate::profile::{
    LeakRules, Profile, Sample, SourceRules, TableRules, TargetRules, VaultRules, VirtualReference, dotted,
};

/// One key in which two profiles differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `columns.users.email`
    pub key: String,
    /// What the first says, as it writes it; absent: nothing.
    pub before: Option<String>,
    /// What the second says.
    pub after: Option<String>,
}

/// Every key in which the two differ, in the order of sections and names.
pub fn differences(before: &Profile, after: &Profile) -> Vec<Difference> {
    let (mut before, mut after) = (Meaning::of(before).entries, Meaning::of(after).entries);
    let mut keys: Vec<Key> = before.keys().chain(after.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    let differs = |key: Key| {
        let (old, new) = (before.remove(&key), after.remove(&key));
        let meaning = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.meaning.clone());
        let same = meaning(&old) == meaning(&new);
        let path: Vec<&str> = key.1.iter().map(String::as_str).collect();
        let shown = |entry: Option<Entry>| entry.map(|entry| entry.written);
        (!same).then(|| Difference { key: dotted(&path), before: shown(old), after: shown(new) })
    };
    keys.into_iter().filter_map(differs).collect()
}

/// A section's place among the sections, and the path.
type Key = (usize, Vec<String>);

struct Entry {
    meaning: String,
    written: String,
}

/// What a profile says beyond the defaults, key by key.
struct Meaning<'p> {
    profile: &'p Profile,
    entries: BTreeMap<Key, Entry>,
}

const SECTIONS: [&str; 8] = ["sample", "source", "target", "tables", "references", "vault", "leaks", "columns"];

impl<'p> Meaning<'p> {
    fn of(profile: &'p Profile) -> Self {
        // Every field by its name, so that a new one is not forgotten here.
        let Profile {
            path: _,
            digest: _,
            places: _,
            sample,
            source: SourceRules { exclude_schemas, exclude_tables, allow_row_security },
            target: TargetRules { after_load, clone_of_source },
            tables,
            references,
            vault,
            leaks,
            columns,
        } = profile;
        let mut all = Self { profile, entries: BTreeMap::new() };
        all.sample(sample);
        all.list(&["source", "exclude_schemas"], exclude_schemas);
        all.list(&["source", "exclude_tables"], exclude_tables);
        all.put(&["source", "allow_row_security"], allow_row_security, &false);
        // Commands run in their order.
        all.put(&["target", "after_load"], after_load, &Vec::new());
        all.put(&["target", "clone_of_source"], clone_of_source, &false);
        tables.iter().for_each(|(name, rules)| all.table(name, rules));
        all.references(references);
        all.vault(vault);
        all.leaks(leaks);
        for (table, rules) in columns {
            for (column, rule) in rules {
                let key = ["columns", plain(table), column];
                all.put_at(&key, &["columns", table, column], rule, None);
            }
        }
        all
    }

    fn sample(&mut self, sample: &Sample) {
        let root = plain(&sample.root).to_owned();
        self.put_at(&["sample", "root"], &["sample", "root"], &root, None);
        self.put(&["sample", "percent"], &sample.percent, &None);
        self.put(&["sample", "rows"], &sample.rows, &None);
        self.put_at(&["sample", "seed"], &["sample", "seed"], &sample.seed, None);
        self.put(&["sample", "always"], &sample.always, &None);
        self.put(&["sample", "never"], &sample.never, &None);
    }

    fn table(&mut self, name: &str, rules: &TableRules) {
        let default = TableRules::default();
        let mut put = |field: &str, value: &dyn Debug, default: &dyn Debug| {
            let key = ["tables", plain(name), field];
            self.put_at(&key, &["tables", name, field], value, Some(default));
        };
        put("rows", &rules.rows, &default.rows);
        for (field, list) in
            [("within", &rules.within), ("follow", &rules.follow), ("pull", &rules.pull), ("null", &rules.null)]
        {
            put(field, &sorted(list), &Vec::<String>::new());
        }
        put("where", &rules.filter, &default.filter);
        put("per_parent", &rules.per_parent, &default.per_parent);
        put("unowned", &rules.unowned, &default.unowned);
        put("orphans", &rules.orphans, &default.orphans);
    }

    fn references(&mut self, references: &[VirtualReference]) {
        for (at, reference) in references.iter().enumerate() {
            let unnamed = || format!("{}.{}", plain(&reference.table), reference.columns.join(", "));
            let name = reference.name.clone().unwrap_or_else(unnamed);
            let element = format!("[{at}]");
            let mut put = |field: &str, value: &dyn Debug, default: Option<&dyn Debug>| {
                self.put_at(&["references", &name, field], &["references", &element, field], value, default);
            };
            put("table", &plain(&reference.table), None);
            put("columns", &reference.columns, None);
            put("parent", &plain(&reference.parent), None);
            put("parent_columns", &reference.parent_columns, Some(&vec!["id"]));
            put("condition", &reference.condition, Some(&None::<String>));
            put("array", &reference.array, Some(&false));
        }
    }

    fn vault(&mut self, vault: &VaultRules) {
        self.put(&["vault", "missing_percent"], &vault.missing_percent, &VaultRules::default().missing_percent);
        for (at, entry) in vault.files.iter().enumerate() {
            let element = format!("[{at}]");
            let mut put = |field: &str, value: &dyn Debug, default: &dyn Debug| {
                let key = ["vault", "files", &entry.name, field];
                self.put_at(&key, &["vault", "files", &element, field], value, Some(default));
            };
            put("path", &entry.paths, &"");
            put("variants", &sorted(&entry.variants), &Vec::<String>::new());
            put("required", &entry.required, &true);
            put("mode", &entry.treatment, &None::<()>);
        }
    }

    fn leaks(&mut self, leaks: &LeakRules) {
        let LeakRules { default, prose, definitions, allow, columns } = leaks;
        let usual = LeakRules::default();
        self.put(&["leaks", "default"], default, &usual.default);
        self.put(&["leaks", "prose"], prose, &usual.prose);
        self.put(&["leaks", "definitions"], definitions, &usual.definitions);
        self.list(&["leaks", "allow"], allow);
        for (column, action) in columns {
            let key = ["leaks", "columns", plain(column)];
            self.put_at(&key, &["leaks", "columns", column], action, None);
        }
    }

    fn list(&mut self, path: &[&str], names: &[String]) {
        self.put_at(path, path, &sorted(names), Some(&Vec::<String>::new()));
    }

    fn put<T: Debug>(&mut self, path: &[&str], value: &T, default: &T) {
        self.put_at(path, path, value, Some(default));
    }

    /// `key` is what the difference is told under, `place` where the file has it.
    fn put_at(&mut self, key: &[&str], place: &[&str], value: &dyn Debug, default: Option<&dyn Debug>) {
        let meaning = format!("{value:?}");
        if default.is_some_and(|default| format!("{default:?}") == meaning) {
            return;
        }
        let section = SECTIONS.iter().position(|section| *section == key[0]).unwrap_or_default();
        let written = self.profile.places.written(place).map(one_line).unwrap_or_else(|| meaning.clone());
        let key = key.iter().map(|part| (*part).to_owned()).collect();
        self.entries.insert((section, key), Entry { meaning, written });
    }
}

/// `public.users` is `users`.
fn plain(table: &str) -> &str {
    table.strip_prefix("public.").unwrap_or(table)
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

fn one_line(written: &str) -> String {
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}
