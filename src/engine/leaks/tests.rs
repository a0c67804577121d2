//! What comes of hits, over a catalog built by hand.

use std::path::Path;

use super::*;
use crate::copyfmt::Format;
use crate::leaks::{Folded, Intake, Kind, RowCounts, Search};
use crate::plan::{self, Options};
use crate::profile::Profile;
use crate::schema::{Column, ColumnType, ForeignKey, Reference, Table, TypeClass, UniqueKey};
use crate::types::{QualifiedName, RefId};

const ID: usize = 0;
const EMAIL: usize = 1;
const BODY: usize = 1;
const TITLE: usize = 2;
const BY: usize = 3;
const META: usize = 4;

pub(super) fn column(name: &str, class: TypeClass, max_chars: Option<u32>) -> Column {
    Column::bare(name, ColumnType { max_chars, ..ColumnType::plain(class, "text") })
}

fn table(catalog: &mut Catalog, name: &str, columns: Vec<Column>) -> TableId {
    let id = TableId::from_index(catalog.tables.len());
    let columns = [vec![column("id", TypeClass::Text, None)], columns].concat();
    let key = UniqueKey {
        name: format!("{name}_key"),
        columns: vec![ColumnId::from_index(ID)],
        primary: true,
        nulls_not_distinct: false,
    };
    let name = QualifiedName::new("public", name);
    let on = Table { columns, unique_keys: vec![key], ..Table::bare(id, 1000 + id.index() as u32, name) };
    catalog.tables.push(on);
    id
}

/// `users.email` is masked; prose, a title and what refers to `users.id` are kept.
fn planned(more: &str) -> (Catalog, Plan) {
    planned_with(more, "\"keep\"")
}

fn planned_with(more: &str, meta: &str) -> (Catalog, Plan) {
    let mut catalog = Catalog { server_version: 150_000, ..Catalog::default() };
    let users = table(&mut catalog, "users", vec![column("email", TypeClass::Text, None)]);
    let columns = vec![
        column("body", TypeClass::Text, None),
        column("title", TypeClass::Varchar, Some(100)),
        column("by", TypeClass::Text, None),
        column("meta", TypeClass::Jsonb, None),
    ];
    let posts = table(&mut catalog, "posts", columns);
    catalog.references.push(Reference {
        id: RefId::from_index(0),
        name: "by_user".to_owned(),
        child: posts,
        child_columns: vec![ColumnId::from_index(BY)],
        parent: users,
        parent_columns: vec![ColumnId::from_index(ID)],
        validated: true,
        match_full: false,
        temporal: false,
        array: false,
        condition: None,
        foreign_key: Some(ForeignKey { oid: 1, definition: String::new(), on: QualifiedName::new("public", "posts") }),
    });
    let text = format!(
        "[sample]\nroot = \"users\"\npercent = 100\n[tables.posts]\nrows = \"all\"\n{more}\n\
         [columns.users]\nid = \"keep\"\nemail = \"username\"\n\
         [columns.posts]\nid = \"keep\"\nbody = \"keep\"\ntitle = \"keep\"\nby = \"keep\"\nmeta = {meta}\n"
    );
    let profile = Profile::parse(&text, Path::new("p.toml")).unwrap_or_else(|error| panic!("{}", error.chain()));
    let plan =
        plan::make(&mut catalog, &profile, &Options::default()).unwrap_or_else(|error| panic!("{}", error.chain()));
    (catalog, plan)
}

fn id(catalog: &Catalog, table: &str) -> TableId {
    catalog.find_table(table).expect("there")
}

fn mail(n: u32) -> String {
    format!("person{n}@home.example")
}

/// Addresses in prose, then in titles, judged with so much room; what a run says of them, and how often it tells.
fn judged_with(more: &str, entries_max: u64, room: &Room) -> (Option<String>, Vec<(String, LeakAction)>) {
    let (catalog, plan) = planned(more);
    let (users, posts) = (id(&catalog, "users"), id(&catalog, "posts"));
    let watched = places::watched(&plan, catalog.table(users), &[ColumnId::from_index(EMAIL)], false);
    let watched = watched.into_iter().next().expect("masked").1;
    let secrets = Secrets::with_room(entries_max);
    let mut intake = Intake::new(watched.clone());
    (0..80).for_each(|n| secrets.take(&mut intake, Format::Binary, mail(n).as_bytes(), None));
    let mut search = Search::new(&secrets);
    let mut place = |id: usize, texts: &[String]| {
        let mut suspects = Suspects::new(room);
        texts.iter().for_each(|text| suspects.add(text.as_bytes(), search.text(text.as_bytes(), Kind::Plain)));
        Place { at: At::Column(posts, ColumnId::from_index(id)), suspects }
    };
    let prose: Vec<String> = (0..40).map(|n| format!("so I wrote to {} and went home", mail(n))).collect();
    let titles: Vec<String> = (40..80).map(mail).collect();
    let places = [place(BODY, &prose), place(TITLE, &titles)];
    let suspects = places.iter().map(|place| &place.suspects);
    let verdict = Verdict::about(suspects, &secrets, &[watched.number()]);
    let (mut rows, mut folded) = (RowCounts::new(), Folded::default());
    for n in 0..80 {
        verdict.see(&mut rows, (&secrets, &mut folded), &watched, Format::Binary, mail(n).as_bytes());
    }
    verdict.end_table(&rows);
    let found = judged(&catalog, &plan, &places, &verdict);
    let actions = found.iter().map(|(place, _, action)| (places::name(&catalog, &place.at), *action));
    (failing(&catalog, &found), actions.collect())
}

#[test]
fn a_column_whose_hits_find_no_room_does_not_pass() {
    let named = |action: &str| format!("[leaks.columns]\n\"posts.title\" = \"{action}\"\n");
    let told = |action| vec![("posts.body".to_owned(), LeakAction::Warn), ("posts.title".to_owned(), action)];
    // Prose that only warns uses up what all share.
    let (said, actions) = judged_with("", 10, &Room::of(0, 40));
    assert_eq!(said.expect("ends the run"), "may stand in posts.title (40 hits more than can be confirmed)");
    assert_eq!(actions, told(LeakAction::Fail));
    let (said, _) = judged_with("", 10, &Room::of(5, 35));
    assert_eq!(said.expect("ends"), "stand in posts.title (5 values, 5 times, 35 hits more than can be confirmed)");
    let (said, _) = judged_with(&named("scrub"), 10, &Room::of(0, 40));
    assert_eq!(said.expect("ends the run"), "may stand in posts.title (40 hits more than can be crossed out)");
    // Where a warning is all that would come of it, that comes of it.
    let (said, actions) = judged_with(&named("warn"), 10, &Room::of(0, 40));
    assert_eq!((said, actions), (None, told(LeakAction::Warn)));
    let (said, actions) = judged_with(&named("allow"), 10, &Room::of(0, 0));
    assert_eq!((said, actions), (None, vec![("posts.body".to_owned(), LeakAction::Warn)]));
    // Where all values are known exactly each hit is one.
    let (said, _) = judged_with("", 1000, &Room::of(0, 40));
    assert_eq!(said.expect("ends the run"), "stand in posts.title (40 values, 40 times)");
    let (said, _) = judged_with("", 1000, &Room::default());
    assert_eq!(said.expect("ends the run"), "stand in posts.title (40 values, 40 times)");
}

/// A key that arrives NOT VALID does not show that each of its values stands in the column it refers to.
#[test]
fn copies_by_a_key_that_is_not_proven_are_looked_through() {
    let is_read = |more: &str| {
        let (catalog, plan) = planned(more);
        let posts = catalog.table(id(&catalog, "posts"));
        places::kept(&catalog, &plan, posts, false).contains(&ColumnId::from_index(BY))
    };
    assert!(!is_read(""));
    assert!(is_read("orphans = \"keep\""));
}

/// Masks leave keys as they are. The values beside them are none of the source's, though they may be like some.
#[test]
fn of_a_document_whose_values_are_masked_the_keys_are_looked_through() {
    let whole = Reading::Whole(Kind::Plain);
    for (rule, expected) in [
        (r#"{ json = { paths = { "a" = "email" }, default = "username" } }"#, Some(Reading::Keys)),
        (r#"{ json = { default = "username" }, support = "null" }"#, Some(Reading::Keys)),
        (r#"{ json = { default = "username" }, support = "keep" }"#, Some(whole)),
        (r#"{ json = { default = "keep" } }"#, Some(whole)),
        (r#"{ json = { paths = { "a" = { json = { default = "null" } } }, default = "null" } }"#, Some(whole)),
        (r#""keep""#, Some(whole)),
        (r#""empty_json""#, None),
        (r#""null""#, None),
    ] {
        let (catalog, plan) = planned_with("", rule);
        let (posts, meta) = (catalog.table(id(&catalog, "posts")), ColumnId::from_index(META));
        let is_read = places::kept(&catalog, &plan, posts, false).contains(&meta);
        assert_eq!(is_read.then(|| places::reading(&plan, posts, meta)), expected, "{rule}");
    }
    let secrets = Secrets::default();
    let (catalog, plan) = planned("");
    let users = catalog.table(id(&catalog, "users"));
    let watched = places::watched(&plan, users, &[ColumnId::from_index(EMAIL)], false);
    let mut intake = Intake::new(watched.into_iter().next().expect("masked").1);
    (0..4).for_each(|n| secrets.take(&mut intake, Format::Binary, mail(n).as_bytes(), None));
    let mut search = Search::new(&secrets);
    for text in [
        r#"{"person1@home.example": "person2@home.example", "a": {"\u0070erson3@home.example": 1}}"#,
        r#""person1@home.example"=>"person2@home.example", "a"=>NULL, "\u0070erson3@home.example"=>"1""#,
    ] {
        let hits = Reading::Keys.hits(&mut search, text.as_bytes());
        let found: Vec<&str> = hits.iter().map(|hit| &text[hit.start..hit.end]).collect();
        assert_eq!(found, ["person1@home.example", r"\u0070erson3@home.example"], "{text}");
    }
}
