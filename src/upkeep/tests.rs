//! Profiles brought up to date and compared.

use std::path::Path;

use super::*;
use crate::profile::Profile;

fn profile(text: &str) -> Profile {
    Profile::parse(text, Path::new("p.toml")).unwrap_or_else(|error| panic!("{text}: {}", error.chain()))
}

fn gained(table: &str, column: &str) -> GainedColumn {
    GainedColumn {
        table: table.to_owned(),
        column: column.to_owned(),
        data_type: "text".to_owned(),
        proposed: "\"email\"".to_owned(),
        reason: "by its name".to_owned(),
    }
}

fn with_columns(columns: &[(&str, &str)]) -> Drift {
    let gained_columns = columns.iter().map(|(table, column)| gained(table, column)).collect();
    Drift { gained_columns, ..Drift::default() }
}

fn lost(columns: &[(&str, &str)], tables: &[&str]) -> Drift {
    let column =
        |(table, column): &(&str, &str)| LostColumn { table: (*table).to_owned(), column: (*column).to_owned() };
    Drift {
        lost_columns: columns.iter().map(column).collect(),
        lost_tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        ..Drift::default()
    }
}

#[test]
fn a_column_goes_to_the_end_of_its_section() {
    let text = "# head\n[sample]\nroot = \"users\" # the root\n\n[columns.users]   # people\n  id='keep'  # key\n\n# next\n[columns.posts]\nid = \"keep\"";
    let update = update(&profile(text), &with_columns(&[("users", "e mail"), ("posts", "body")])).expect("valid");
    assert_eq!(
        update.text,
        "# head\n[sample]\nroot = \"users\" # the root\n\n[columns.users]   # people\n  id='keep'  # key\n  \"e mail\" = \"undecided\"                    # proposed \"email\": by its name\n\n# next\n[columns.posts]\nid = \"keep\"\nbody = \"undecided\"                          # proposed \"email\": by its name\n"
    );
    assert_eq!(
        update.diff,
        "--- p.toml\n+++ p.toml\n@@ -4,7 +4,9 @@\n \n [columns.users]   # people\n   id='keep'  # key\n+  \"e mail\" = \"undecided\"                    # proposed \"email\": by its name\n \n # next\n [columns.posts]\n id = \"keep\"\n+body = \"undecided\"                          # proposed \"email\": by its name\n"
    );
}

/// Whatever way a section is written in, the added column is found in it and nothing else changes its meaning
/// (`update` itself asks the parser).
#[test]
fn columns_are_added_to_sections_of_any_form() {
    for section in [
        "[columns.users]\nid = \"keep\"",
        "[columns.users]",
        "[columns.users]\n[columns.users.id.email]\nhost = \"h.example\"\n",
        "[columns.users]\nid = { email = {\n host = \"h.example\",\n} }\n[columns.posts]\nid = \"keep\"\n",
        "[columns.users]\nid.email.host = \"h.example\" # dotted\n",
        "[columns]\nusers.id = \"keep\"\nposts.id = \"keep\"\n",
        "[columns]\nusers = { id = \"keep\" }\n",
        "[columns]\nusers = {}\n",
        "[columns]\nusers = {\n id = \"keep\",\n}\n",
        "[columns.users]\r\nid = \"keep\"\r\n\r\n[columns.posts]\r\nid = \"keep\"\r\n",
        "[columns.users]\n# id = \"keep\"\n\n[columns.posts]\nid = \"keep\"\n",
    ] {
        let mut text = format!("[sample]\nroot = \"users\"\n\n{section}");
        if section.contains("\r\n") {
            text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        let drift = with_columns(&[("users", "email"), ("users", "phone"), ("tags", "name")]);
        let done = update(&profile(&text), &drift).unwrap_or_else(|error| panic!("{text}: {}", error.chain()));
        let read = profile(&done.text);
        assert_eq!(read.columns["users"].len(), profile(&text).columns["users"].len() + 2, "{}", done.text);
        assert_eq!(read.columns["tags"].len(), 1, "{}", done.text);
        assert!(text.lines().all(|line| done.text.contains(line.trim_end_matches('}').trim_end())), "{}", done.text);
        if text.contains("\r\n") {
            assert!(!done.text.replace("\r\n", "").contains('\n'), "{:?}", done.text);
        }
    }
}

#[test]
fn what_is_gone_is_commented_out() {
    let text = "[sample]\nroot = \"users\"\n[columns.users]\nid = \"keep\"\nold = { email = {\n  host = \"x.example\" } } # why\n[tables.audit]\nrows = \"owned\" # all\n\n[columns.audit]\nid = \"keep\"\n";
    let done = update(&profile(text), &lost(&[("users", "old")], &["audit"])).expect("valid");
    assert_eq!(
        done.text,
        "[sample]\nroot = \"users\"\n[columns.users]\nid = \"keep\"\n# gone: old = { email = {\n# gone:   host = \"x.example\" } } # why\n# gone: [tables.audit]\n# gone: rows = \"owned\" # all\n\n# gone: [columns.audit]\n# gone: id = \"keep\"\n"
    );
    assert!(done.by_hand.is_empty());
    assert!(done.diff.contains("-rows = \"owned\" # all\n+# gone: rows = \"owned\" # all\n"), "{}", done.diff);
}

#[test]
fn what_shares_its_line_is_left_to_a_person() {
    let text = "[sample]\nroot = \"users\"\n[columns]\nusers = { id = \"keep\", old = \"keep\" }\n";
    let done = update(&profile(text), &lost(&[("users", "old")], &[])).expect("valid");
    assert_eq!((done.text.as_str(), done.diff.as_str()), (text, ""));
    assert_eq!(done.by_hand, ["columns.users.old"]);
}

/// The mark of a line that is commented out must not slip to the line put in before it.
#[test]
fn a_section_of_a_partition_is_not_called_gone() {
    let text = "[sample]\nroot = \"users\"\n[columns.users]\nid = \"keep\"\n[columns.msgs_1]\nid = \"keep\"\n";
    let partition = Partition { table: "msgs_1".to_owned(), of: "msgs".to_owned() };
    let drift = Drift { partitions: vec![partition], ..lost(&[], &["msgs_1"]) };
    let done = update(&profile(text), &drift).expect("valid");
    let wanted = "\n# a partition of msgs: [columns.msgs_1]\n# a partition of msgs: id = \"keep\"\n";
    assert!(done.text.ends_with(wanted), "{}", done.text);
}

#[test]
fn a_column_gained_right_before_one_that_is_gone() {
    let text = "[sample]\nroot = \"users\"\n[columns.users]\nid = \"keep\"\n[columns.gone]\nid = \"keep\"\n";
    let drift = Drift { lost_tables: vec!["gone".to_owned()], ..with_columns(&[("users", "email")]) };
    let done = update(&profile(text), &drift).expect("valid");
    assert!(
        done.text.contains("\nemail = \"undecided\" ") && done.text.contains("\n# gone: [columns.gone]\n"),
        "{}",
        done.text
    );
}

#[test]
fn a_new_table_gets_a_section_of_its_own() {
    let table = GainedTable {
        table: "audit.events\n[x]".to_owned(),
        rows: Some("none"),
        reason: "a log, by its name".to_owned(),
        columns: vec![gained("audit.events\n[x]", "who")],
    };
    let drift = Drift { gained_tables: vec![table], ..Drift::default() };
    let done = update(&profile("[sample]\nroot = \"users\"\n"), &drift).expect("valid");
    let read = profile(&done.text);
    assert_eq!(read.columns["audit.events\n[x]"].len(), 1, "{}", done.text);
    assert!(done.text.contains("# rows = \"none\" "), "{}", done.text);
}

#[test]
fn differences_of_the_leak_check_are_told() {
    let with = |leaks: &str| profile(&format!("[sample]\nroot = \"users\"\n{leaks}"));
    let one = with("[leaks]\ndefault = \"fail\"\nallow = [\"b\", \"a\"]\n");
    assert_eq!(differences(&one, &with("[leaks]\nallow = [\"a\", \"b\"]\n")), []);
    let other = with("[leaks]\ndefault = \"allow\"\ncolumns = { \"public.posts.body\" = \"scrub\" }\n");
    let told: Vec<String> = differences(&one, &other).into_iter().map(|difference| difference.key).collect();
    assert_eq!(told, ["leaks.allow", "leaks.columns.\"posts.body\"", "leaks.default"]);
}

#[test]
fn differences_are_of_meaning() {
    let one = profile(
        "[sample]\nroot = \"public.users\"\n[tables.posts]\nwithin = [\"a\", \"b\"]\nunowned = \"drop\"\n[columns.users]\nid = \"keep\"\nemail = \"email\"\nname = \"keep\"\n",
    );
    let same = profile(
        "columns.users = { name = { keep = true }, email = { email = { host = \"example.com\" } }, id = 'keep' }\n[sample]\nroot = \"users\"\nseed = \"tithe\"\n[tables.\"public.posts\"]\nwithin = [\"b\", \"a\"]\n",
    );
    assert_eq!(differences(&one, &same), []);
    let other = profile(
        "[sample]\nroot = \"users\"\npercent = 5\n[tables.posts]\nrows = \"none\"\n[columns.users]\nid = \"keep\"\nemail = \"keep\"\nphone = \"phone\"\n",
    );
    let told: Vec<String> = differences(&one, &other)
        .into_iter()
        .map(|d| format!("{} {} {}", d.key, d.before.as_deref().unwrap_or("-"), d.after.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(
        told,
        [
            "sample.percent - 5",
            "tables.posts.rows - \"none\"",
            "tables.posts.within [\"a\", \"b\"] -",
            "columns.users.email \"email\" \"keep\"",
            "columns.users.name \"keep\" -",
            "columns.users.phone - \"phone\"",
        ]
    );
}
