//! What the program may remove: only what it brought, only what nobody changed, never much without being told to.

use std::fs;

use crate::support::vault::{Node, Vaults};

/// Twenty files `f0` to `f19` in folders of their own, brought.
fn twenty() -> (Vaults, Vec<String>) {
    let vaults = Vaults::new();
    let names: Vec<String> = (0..20).map(|n| format!("d{n}/deeper/f{n}")).collect();
    names.iter().for_each(|name| vaults.put(&[(name, name)]));
    want(&vaults, &names);
    vaults.sync(&[]).expect_code(0);
    vaults.assert_agree();
    (vaults, names)
}

fn want(vaults: &Vaults, names: &[String]) {
    vaults.want(&names.iter().map(String::as_str).collect::<Vec<_>>());
}

fn folders(vaults: &Vaults) -> usize {
    fs::read_dir(vaults.target()).unwrap().count() - 1
}

#[test]
fn a_tenth_goes_without_a_question_and_more_does_not() {
    let (vaults, names) = twenty();
    want(&vaults, &names[..17]);
    let before = vaults.tree();
    let said = vaults.sync(&[]).expect_code(10).stderr;
    assert!(said.contains("3 of 20 files would be removed") && said.contains("--yes-remove 3"), "{said}");
    assert_eq!((vaults.tree(), vaults.trash()), (before, vec![]));
    want(&vaults, &names[..18]);
    vaults.sync(&[]).expect_code(0);
    assert_eq!(vaults.tree().len(), 18);
    // The folders went along, and nothing else did.
    assert_eq!(folders(&vaults), 18);
    let removed = |n: usize| (format!("removed/{}", names[n]), Node::File(names[n].clone().into_bytes()));
    assert_eq!(vaults.trash(), [removed(18), removed(19)]);
    vaults.assert_agree();
}

#[test]
fn yes_remove_is_a_limit() {
    let (vaults, names) = twenty();
    want(&vaults, &names[..19]);
    vaults.sync(&["--yes-remove", "0"]).expect_code(10);
    want(&vaults, &names[..10]);
    vaults.sync(&["--yes-remove", "9"]).expect_code(10);
    assert_eq!(vaults.tree().len(), 20);
    vaults.sync(&["--yes-remove", "10"]).expect_code(0);
    assert_eq!(vaults.tree().len(), 10);
}

#[test]
fn more_than_a_thousand_are_asked_for_however_few_percent_they_are() {
    let vaults = Vaults::new();
    let names: Vec<String> = (0..10_100).map(|n| format!("{}/{n}", n % 7)).collect();
    names.iter().for_each(|name| vaults.put(&[(name, "")]));
    want(&vaults, &names);
    vaults.sync(&["--durability", "off"]).expect_code(0);
    want(&vaults, &names[..9_099]);
    let said = vaults.sync(&["--durability", "off"]).expect_code(10).stderr;
    assert!(said.contains("1001 of 10100"), "{said}");
    want(&vaults, &names[..9_100]);
    vaults.sync(&["--durability", "off"]).expect_code(0);
    assert_eq!(vaults.tree().len(), 9_100);
}

#[test]
fn an_empty_list_removes_nothing_whatever_is_allowed() {
    let (vaults, _) = twenty();
    vaults.want(&[]);
    for more in [&[][..], &["--yes-remove", "1000"]] {
        let said = vaults.sync(more).expect_code(10).stderr;
        assert!(said.contains("no file is wanted"), "{said}");
        assert_eq!(vaults.tree().len(), 20);
    }
}

#[test]
fn a_source_that_fails_removes_nothing() {
    let (vaults, names) = twenty();
    want(&vaults, &names[..10]);
    let before = vaults.tree();
    // As after a mount that did not come up, one that is not there, and one of links to nowhere.
    fs::rename(vaults.source(), vaults.dir().join("real")).unwrap();
    vaults.sync(&["--yes-remove", "1000"]).expect_code(8);
    fs::create_dir(vaults.source()).unwrap();
    vaults.sync(&["--yes-remove", "1000"]).expect_code(8);
    for n in 0..20 {
        std::os::unix::fs::symlink("/nowhere", vaults.source().join(format!("d{n}"))).unwrap();
    }
    let said = vaults.sync(&["--yes-remove", "1000"]).expect_code(8).stderr;
    assert!(said.contains("10 of 10 files that rows name are missing or cannot be read"), "{said}");
    assert_eq!((vaults.tree(), vaults.trash()), (before, vec![]));
}

#[test]
fn what_the_user_changed_stays_and_so_does_what_was_there_before() {
    let vaults = Vaults::new();
    vaults.put(&[("a", "one"), ("b", "two"), ("c", "three")]);
    // The user has the very content of `a` already: it is his.
    vaults.edit("a", "one");
    vaults.want(&["a", "b", "c"]);
    vaults.sync(&["--adopt"]).expect_code(0);
    vaults.edit("b", "edited");
    vaults.put(&[("d", "four")]);
    vaults.want(&["d"]);
    let said = vaults.sync(&["--yes-remove", "100"]).expect_code(0).stdout;
    assert!(said.contains("1 files of earlier runs were changed by somebody: they stay (b)"), "{said}");
    assert_eq!(vaults.tree().keys().collect::<Vec<_>>(), ["a", "b", "d"]);
    assert_eq!(vaults.text("b"), "edited");
}

#[test]
fn a_file_that_is_wanted_again_comes_back() {
    let (vaults, names) = twenty();
    for _ in 0..2 {
        want(&vaults, &names[..19]);
        vaults.sync(&[]).expect_code(0);
        want(&vaults, &names);
        vaults.sync(&[]).expect_code(0);
        vaults.assert_agree();
    }
    assert_eq!(vaults.trash().len(), 2);
}

#[test]
fn the_trash_is_emptied_in_time_and_only_the_trash() {
    let (vaults, names) = twenty();
    want(&vaults, &names[..19]);
    vaults.sync(&[]).expect_code(0);
    vaults.sync(&[]).expect_code(0);
    assert_eq!(vaults.trash().len(), 1, "seven days are not over");
    // What lies in the trash may be anything; a link in it is no way out.
    let run = fs::read_dir(vaults.own().join("trash")).unwrap().next().unwrap().unwrap().path();
    std::os::unix::fs::symlink(vaults.source(), run.join("link")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    vaults.sync(&["--keep-trash", "0"]).expect_code(0);
    assert_eq!(vaults.trash(), []);
    vaults.put(&[(&names[19], &names[19])]);
    want(&vaults, &names);
    vaults.sync(&[]).expect_code(0);
    vaults.assert_agree();
}

#[test]
fn a_run_that_fails_leaves_the_trash_as_it_is() {
    let (vaults, names) = twenty();
    want(&vaults, &names[..19]);
    vaults.sync(&[]).expect_code(0);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    want(&vaults, &[]);
    vaults.sync(&["--keep-trash", "0"]).expect_code(10);
    assert_eq!(vaults.trash().len(), 1);
    want(&vaults, &[&names[..19], &["gone".to_owned()]].concat());
    vaults.sync(&["--keep-trash", "0"]).expect_code(8);
    assert_eq!(vaults.trash().len(), 1);
    // What the run itself removes is not older than itself.
    want(&vaults, &names[..18]);
    vaults.sync(&["--keep-trash", "0"]).expect_code(0);
    assert_eq!(vaults.trash().len(), 1);
    assert!(vaults.trash()[0].0.ends_with(names[18].as_str()), "{:?}", vaults.trash());
}

#[test]
fn a_plan_touches_nothing() {
    let (vaults, names) = twenty();
    vaults.put(&[("new", "new")]);
    want(&vaults, &[&names[..10], &["new".to_owned()]].concat());
    let all = || crate::support::vault::tree(vaults.dir());
    let before = (all(), fs::metadata(vaults.own()).unwrap().modified().unwrap());
    let said = vaults.vault("plan", &[]).expect_code(0).stdout;
    assert!(said.contains("remove 10") && said.contains("--yes-remove 10"), "{said}");
    assert!(said.contains("about 1.0 s at 100 MB/s, as is assumed"), "{said}");
    assert_eq!((all(), fs::metadata(vaults.own()).unwrap().modified().unwrap()), before);
}

#[test]
fn a_plan_tells_what_is_missing_and_a_list_may_allow_it() {
    let (vaults, names) = twenty();
    want(&vaults, &[&names[..], &["gone".to_owned()]].concat());
    let plan = vaults.vault("plan", &["--json"]).expect_code(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((&plan["missing"], &plan["missing_percent"]), (&serde_json::json!(["gone"]), &0.0.into()));
    let told = plan["problems"].to_string();
    assert!(told.contains("1 of 21 files that rows name are missing") && told.contains("a sync would end"), "{told}");
    assert!(vaults.sync(&[]).expect_code(8).stderr.contains("--missing-percent"));
    vaults.sync(&["--missing-percent", "10"]).expect_code(3);
}
