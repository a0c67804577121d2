//! Proposals for catalogs built by hand.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::detect::Seen;
use crate::profile::{ColumnRule, MaskSpec, Profile, RowsRule};
use crate::schema::{Column, ColumnType, ForeignKey, Index, Reference, TypeClass, UniqueKey};
use crate::types::{ColumnId, QualifiedName, RefId};

/// Builds catalogs from a line per table: `users: id int! key, email varchar! unique, boss_id int -> users`.
fn catalog(tables: &[&str]) -> Catalog {
    let mut catalog = Catalog { server_version: 150_000, ..Catalog::default() };
    let mut references = Vec::new();
    for (index, line) in tables.iter().enumerate() {
        let (name, columns) = line.split_once(": ").expect("name: columns");
        let (schema, name) = name.split_once('/').unwrap_or(("public", name));
        let mut built = table(index, schema, name);
        for (position, column) in columns.split(", ").enumerate() {
            let (column, parent) =
                column.split_once(" -> ").map_or((column, None), |(column, parent)| (column, Some(parent)));
            let mut words = column.split(' ');
            let name = words.next().expect("a name");
            let type_name = words.next().expect("a type");
            built.columns.push(self::column(name, type_name.trim_end_matches('!'), type_name.ends_with('!')));
            for word in words {
                unique(&mut built, position, word == "key");
            }
            if let Some(parent) = parent {
                references.push((index, position, parent.to_owned()));
            }
        }
        catalog.tables.push(built);
    }
    for (child, column, parent) in references {
        let parent = catalog.find_table(&parent).expect("the parent is there");
        refer(&mut catalog, TableId::from_index(child), ColumnId::from_index(column), parent);
    }
    catalog
}

fn table(index: usize, schema: &str, name: &str) -> Table {
    Table {
        rows_estimate: 100.0,
        heap_bytes: 8192,
        ..Table::bare(TableId::from_index(index), 1000 + index as u32, QualifiedName::new(schema, name))
    }
}

fn data_type(type_name: &str) -> ColumnType {
    if let Some(element) = type_name.strip_suffix("[]") {
        let inside = vec![(String::new(), data_type(element))];
        return ColumnType { inside, ..ColumnType::plain(TypeClass::Array, type_name) };
    }
    if let Some(chars) = type_name.strip_prefix("varchar").and_then(|chars| chars.parse().ok()) {
        return ColumnType { max_chars: Some(chars), ..ColumnType::plain(TypeClass::Varchar, "varchar") };
    }
    let class = match type_name {
        "int" | "integer" => TypeClass::Int4,
        "bigint" => TypeClass::Int8,
        "bool" => TypeClass::Bool,
        "date" => TypeClass::Date,
        "uuid" => TypeClass::Uuid,
        "jsonb" => TypeClass::Jsonb,
        "inet" => TypeClass::Inet,
        "macaddr" => TypeClass::Macaddr,
        "bytea" => TypeClass::Bytea,
        "text" => TypeClass::Text,
        "numeric" => TypeClass::Numeric,
        "float8" => TypeClass::Float8,
        "realtime.filter" => TypeClass::Composite,
        "point" => TypeClass::Other,
        "varchar" => return data_type("varchar255"),
        "char2" => return ColumnType { max_chars: Some(2), ..ColumnType::plain(TypeClass::Bpchar, type_name) },
        other => panic!("no such type in these tests: {other}"),
    };
    ColumnType::plain(class, type_name)
}

fn column(name: &str, type_name: &str, not_null: bool) -> Column {
    Column { not_null, ..Column::bare(name, data_type(type_name)) }
}

fn unique(table: &mut Table, position: usize, primary: bool) {
    let columns = vec![ColumnId::from_index(position)];
    let name = format!("{}_{position}", table.name.name);
    table.indexes.push(Index {
        oid: 0,
        name: name.clone(),
        columns: columns.iter().copied().map(Some).collect(),
        valid: true,
        unique: true,
        partial: false,
        nulls_not_distinct: false,
        definition: String::new(),
        loose: vec![false],
        constraint_oid: None,
    });
    let at = if primary { 0 } else { table.unique_keys.len() };
    table.unique_keys.insert(at, UniqueKey { name, columns, primary, nulls_not_distinct: false });
}

fn refer(catalog: &mut Catalog, child: TableId, column: ColumnId, parent: TableId) {
    let on = catalog.table(child).name.clone();
    let parent_columns =
        catalog.table(parent).primary_key().map_or_else(|| vec![ColumnId(0)], |key| key.columns.clone());
    catalog.references.push(Reference {
        id: RefId::from_index(catalog.references.len()),
        name: format!("{on}_fkey"),
        child,
        child_columns: vec![column],
        parent,
        parent_columns,
        validated: true,
        match_full: false,
        temporal: false,
        array: false,
        condition: None,
        foreign_key: Some(ForeignKey { oid: 0, definition: String::new(), on }),
    });
}

fn site() -> Catalog {
    let mut catalog = catalog(&[
        "users: id int! key, email varchar! unique, handle varchar! unique, password_hash varchar!, full_name text, \
         date_of_birth date!, born date, bio text, last_ip varchar, country char2, is_admin bool!, settings jsonb, \
         slug varchar unique, api_key varchar unique, otp varchar6 unique, salary numeric, street varchar, boss_id int -> users",
        "posts: id int! key, owner_id int! -> users, license_id int -> licenses, place_id int -> places, title varchar!, \
         body text!, storage_key uuid! unique, post_ids integer[], hashtags text[], friends text[], share_token uuid",
        "comments: id uuid! key, post_id int! -> posts, author_id int -> users, author_ip inet, user_agent text!",
        "devices: id int! key, owner_id int -> users, name varchar",
        "device_settings: id int! key, device_id int! -> devices, zip varchar6",
        "licenses: id int! key, title varchar!, canonical_url varchar!",
        "places: id int! key, city varchar!",
        "refresh_tokens: id int! key, user_id int! -> users, token_hash varchar!",
        "import_logs: id int! key, line text",
        "watermarks: name varchar! key, day date!",
        "measurements: id int! key, value numeric!",
        "logins: username text! key, phone varchar",
        "visits: id int! key, username text! -> logins, target_type varchar!, target_id varchar!, stripe_customer_id varchar",
    ]);
    let big = |catalog: &mut Catalog, name: &str| {
        let id = catalog.find_table(name).expect("there");
        catalog.tables[id.index()].rows_estimate = 5e6;
    };
    big(&mut catalog, "places");
    big(&mut catalog, "measurements");
    catalog
}

/// Harmless values for these columns.
fn looked(catalog: &Catalog, columns: &[(&str, &str)]) -> Looked {
    let mut looked = Looked::new();
    for (table, column) in columns {
        let table = catalog.table(catalog.find_table(table).expect("there"));
        let id = table.find_column(column).expect("there");
        let mut seen = Seen::default();
        (0..30).for_each(|n| seen.look(["blue", "green", "red"][n % 3]));
        looked.insert((table.id, id), seen);
    }
    looked
}

/// Columns whose words need a look at values before they are kept.
const HARMLESS: &[(&str, &str)] =
    &[("posts", "hashtags"), ("licenses", "title"), ("licenses", "canonical_url"), ("watermarks", "name")];

fn looked_at_site(catalog: &Catalog) -> Looked {
    let there: Vec<_> = HARMLESS.iter().copied().filter(|(table, _)| catalog.find_table(table).is_some()).collect();
    looked(catalog, &there)
}

fn proposed(catalog: &Catalog, root: TableId) -> Profile {
    let text = profile(catalog, root, &looked_at_site(catalog));
    Profile::parse(&text, Path::new("draft.toml")).unwrap_or_else(|error| panic!("{}\n{text}", error.action()))
}

#[test]
fn root_is_the_most_referenced_table_of_people() {
    let (id, reason) = root(&site()).expect("users");
    assert_eq!(site().table(id).name.name, "users");
    assert_eq!(reason, "4 references lead to it, and it has a person's columns: email, handle, full_name");
    assert!(root(&catalog(&["a: id int! key, x text"])).is_none());
    assert!(root(&Catalog::default()).is_none());
}

#[test]
fn rows_are_written_where_references_do_not_settle_them() {
    let profile = proposed(&site(), TableId(0));
    let rows: BTreeMap<&str, RowsRule> =
        profile.tables.iter().filter_map(|(name, rules)| Some((name.as_str(), rules.rows?))).collect();
    assert_eq!(
        rows.into_iter().collect::<Vec<_>>(),
        [
            ("device_settings", RowsRule::Owned),
            ("devices", RowsRule::Owned),
            ("import_logs", RowsRule::None),
            ("licenses", RowsRule::All),
            ("logins", RowsRule::All),
            ("measurements", RowsRule::None),
            ("places", RowsRule::Referenced),
            ("refresh_tokens", RowsRule::None),
            ("visits", RowsRule::All),
            ("watermarks", RowsRule::All),
        ]
    );
    assert_eq!((profile.sample.root.as_str(), profile.sample.percent), ("users", Some(10.0)));
}

#[test]
fn columns_are_proposed_by_name_type_and_keys() {
    let text = profile(&site(), TableId(0), &looked_at_site(&site()));
    let profile = proposed(&site(), TableId(0));
    for (table, column, expected) in [
        ("users", "id", r#""keep""#),
        ("users", "email", r#""email""#),
        ("users", "handle", r#""username""#),
        ("users", "password_hash", r#""password_hash""#),
        ("users", "full_name", r#""full_name""#),
        ("users", "date_of_birth", r#"{ date_truncate = { to = "year" } }"#),
        ("users", "born", r#"{ date_truncate = { to = "year" } }"#),
        ("users", "bio", r#""undecided""#),
        ("users", "last_ip", r#""ip""#),
        ("users", "country", r#""keep""#),
        ("users", "is_admin", r#""keep""#),
        ("users", "settings", r#""undecided""#),
        ("users", "slug", r#""username""#),
        ("users", "api_key", "{ hash = { length = 32 } }"),
        ("users", "otp", r#""null""#),
        ("users", "salary", "{ noise = { percent = 10 } }"),
        ("users", "street", r#""street""#),
        ("users", "boss_id", r#""keep""#),
        ("posts", "title", r#""undecided""#),
        ("posts", "storage_key", r#""keep""#),
        ("posts", "post_ids", r#""keep""#),
        ("posts", "hashtags", r#""keep""#),
        ("posts", "friends", r#""undecided""#),
        ("posts", "share_token", r#""uuid""#),
        ("comments", "author_ip", r#""ip""#),
        ("comments", "user_agent", r#""user_agent""#),
        ("devices", "name", r#""undecided""#),
        ("device_settings", "zip", r#""postal_code""#),
        ("licenses", "title", r#""keep""#),
        ("licenses", "canonical_url", r#""keep""#),
        ("places", "city", r#""city""#),
        ("watermarks", "name", r#""keep""#),
        ("logins", "username", r#""username""#),
        ("visits", "username", r#""username""#),
        ("visits", "target_id", r#""undecided""#),
        ("visits", "stripe_customer_id", "{ hash = { length = 32 } }"),
    ] {
        let section = text.split(&format!("[columns.{table}]\n")).nth(1).expect(table);
        let line = section.lines().find_map(|line| line.strip_prefix(&format!("{column} = "))).expect(column);
        assert_eq!(line.split(" #").next().expect("split answers once").trim_end(), expected, "{table}.{column}");
    }
    assert!(!profile.columns.contains_key("refresh_tokens"));
    assert!(
        matches!(&profile.columns["comments"]["id"], ColumnRule::Decided { member, .. } if member.spec == MaskSpec::Keep)
    );
    // In attribute order.
    assert!(text.find("\nowner_id").expect("there") < text.find("\nlicense_id").expect("there"));
}

/// The rule and the reason of a column in a draft.
fn line_of(text: &str, table: &str, column: &str) -> String {
    let section = text.split(&format!("[columns.{table}]\n")).nth(1).expect(table);
    section.lines().find_map(|line| line.strip_prefix(&format!("{column} = "))).expect(column).to_owned()
}

/// What is drafted for `c` of a table `t`, with these values or none.
fn drafted(columns: &str, c: &str, value: Option<fn(u32) -> String>) -> String {
    let catalog = catalog(&[&format!("t: {columns}")]);
    let id = catalog.table(TableId(0)).find_column(c).expect("there");
    let mut looked = Looked::new();
    if let Some(value) = value {
        let seen = looked.entry((TableId(0), id)).or_default();
        (0..40).for_each(|n| seen.look(&value(n)));
    }
    line_of(&profile(&catalog, TableId(0), &looked), "t", c).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Forty-three letters at random and a filling, as base64 of 32 bytes.
fn secret(n: u32) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    drawn(n, 43).map(|at| char::from(LETTERS[at % 64])).chain(['=']).collect()
}

fn digest(n: u32) -> String {
    drawn(n, 32).map(|at| char::from(b"0123456789abcdef"[at % 16])).collect()
}

fn drawn(seed: u32, count: u64) -> impl Iterator<Item = usize> {
    // splitmix64
    (1..=count).map(move |step| {
        let mixed = (u64::from(seed) * 1000 + step).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 40) as usize
    })
}

#[test]
fn a_list_is_judged_by_its_elements_class_and_not_by_its_types_name() {
    assert!(drafted("id int! key, filters realtime.filter[]", "filters", None).starts_with("\"undecided\""));
    for plain in ["integer[]", "uuid[]", "date[]", "numeric[]"] {
        assert!(drafted(&format!("id int! key, c1 {plain}"), "c1", None).starts_with("\"keep\""), "{plain}");
    }
}

#[test]
fn keys_lists_and_codes_that_look_personal_are_not_kept() {
    for (columns, column, value) in [
        ("ssn bigint! key, x text", "ssn", None),
        ("id int! key, card_numbers bigint[]", "card_numbers", None),
        ("id int! key, phones bigint[]", "phones", None),
        ("id int! key, access_code text", "access_code", Some(secret as fn(u32) -> String)),
        ("id int! key, promo_code text", "promo_code", Some(secret)),
        ("id int! key, discount_code text", "discount_code", Some(digest)),
        ("id int! key, city varchar3", "city", Some(|_| "Rom".to_owned())),
    ] {
        let line = drafted(columns, column, value);
        assert!(!line.starts_with("\"keep\""), "{column}: {line}");
    }
    assert!(drafted("id bigint! key, x text", "id", None).starts_with("\"keep\""));
}

/// A rule that the plan refuses is no proposal.
#[test]
fn what_is_unique_gets_a_rule_that_the_plan_takes() {
    for (columns, column, expected) in [
        ("id int! key, email varchar! unique", "email", "\"email\" # e-mail addresses by its name"),
        (
            "id int! key, email varchar20! unique",
            "email",
            "{ hash = { length = 20 } } # e-mail addresses by its name; unique",
        ),
        ("id int! key, login varchar8! unique", "login", "\"token\" # user names by its name; unique"),
        ("id int! key, phone varchar12! unique", "phone", "\"phone\" # phone numbers by its name"),
        ("id int! key, ssn bigint! unique", "ssn", "\"permute\" # national ids by its name; unique"),
        (
            "id int! key, last_ip inet! unique",
            "last_ip",
            "\"undecided\" # IP addresses by its type; the rule ip can give",
        ),
        (
            "id int! key, email varchar12! unique",
            "email",
            "\"undecided\" # e-mail addresses by its name; the rule email can",
        ),
    ] {
        let line = drafted(columns, column, None);
        assert!(line.starts_with(expected), "{columns}: {line}");
    }
    let line = drafted("id int! key, email varchar12! unique", "email", None);
    assert!(line.ends_with("(the column takes at most 12 characters, too few for it)"), "{line}");
}

#[test]
fn each_kind_gets_the_rule_that_was_made_for_it() {
    for (column, expected) in [
        ("iban text", "\"iban\""),
        ("card_number text", "\"card\""),
        ("mac_address macaddr", "\"mac\""),
        ("postal_code text", "\"postal_code\""),
        ("latitude float8", "{ geo_jitter = { km = 5 } }"),
        ("latitude int", "\"null\""),
        ("home point", "{ geo_jitter = { km = 5 } }"),
        ("birth_date date", "{ date_truncate = { to = \"year\" } }"),
        ("birth_date text!", "{ constant = \"1970-01-01\" }"),
        ("password text", "\"password_hash\""),
        ("private_key text", "\"pem\""),
        ("website text", "\"url\""),
        ("api_token bytea!", "{ bytes = { as = \"random\" } }"),
        ("salary numeric", "{ noise = { percent = 10 } }"),
    ] {
        let name = column.split(' ').next().expect("a name");
        let line = drafted(&format!("id int! key, {column}"), name, None);
        assert!(line.starts_with(expected), "{column}: {line}");
    }
}

#[test]
fn days_that_look_like_births_are_left_open() {
    let births: fn(u32) -> String = |n| format!("{}-05-17", 1950 + n);
    for column in ["c1 date", "c1 text"] {
        let line = drafted(&format!("id int! key, {column}"), "c1", Some(births));
        assert!(line.starts_with("\"undecided\" # 40 of 40 values are days over 39 years"), "{line}");
    }
    assert!(drafted("id int! key, issued_on date", "issued_on", Some(births)).starts_with("\"keep\""));
    assert!(drafted("id int! key, c1 date", "c1", Some(|n| format!("20{}-05-17", 24 + n % 3))).starts_with("\"keep\""));
}

#[test]
fn the_root_is_found_where_nothing_refers_to_anything() {
    let found = |tables: &[&str]| root(&catalog(tables)).map(|(id, _)| id);
    assert_eq!(
        found(&["notes: id int! key, email text, phone text", "users: id int! key, email text"]),
        Some(TableId(1))
    );
    let mut hidden = catalog(&["users: id int! key, email text", "people: id int! key, email text"]);
    hidden.tables[0].readable = false;
    assert_eq!(root(&hidden).map(|(id, _)| id), Some(TableId(1)));
}

/// A name that speaks of a code or of reference data is no proof: without a look at values nothing is kept by it.
#[test]
fn no_text_is_kept_by_its_name_alone() {
    let catalog = site();
    let text = profile(&catalog, TableId(0), &Looked::new());
    for (table, column) in HARMLESS {
        assert!(line_of(&text, table, column).starts_with("\"undecided\""), "{table}.{column}");
    }
}

#[test]
fn values_decide_where_names_do_not() {
    let catalog = catalog(&["visits: id int! key, c1 text, c2 varchar, c3 text, code text, body jsonb, c4 text"]);
    let table = catalog.table(TableId(0));
    let mut looked = Looked::new();
    let mut look = |column: &str, value: fn(u32) -> String| {
        let seen = looked.entry((TableId(0), table.find_column(column).expect("there"))).or_default();
        (0..40).for_each(|n| seen.look(&value(n)));
    };
    look("c1", |n| format!("user{n}@mail.example"));
    look("c2", |n| format!("+49 30 90182{n:03}"));
    look("c3", |n| if n == 7 { "call me: anna@mail.example".to_owned() } else { format!("ok {n}") });
    look("code", |n| format!("192.168.{n}.20"));
    look("body", |n| format!("{{\"a\":{{\"b\":\"user{n}@mail.example\"}}}}"));
    look("c4", |n| ["blue", "green"][n as usize % 2].to_owned());
    let text = profile(&catalog, TableId(0), &looked);
    for (column, expected) in [
        ("c1", "\"email\" # e-mail addresses in 40 of 40 values: high confidence"),
        ("c2", "\"phone\" # phone numbers in 40 of 40 values"),
        ("c3", "\"undecided\" # e-mail addresses within 1 of 40 values; lorem replaces it, redact what it finds"),
        ("code", "\"ip\" # IP addresses in 40 of 40 values"),
        ("body", "\"undecided\" # e-mail addresses within 40 of 40 values; empty_json replaces it"),
        ("c4", "\"keep\" # no sign in 40 values looked at"),
    ] {
        let line = line_of(&text, "visits", column);
        assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), expected);
        assert!(!text.contains("mail.example"));
    }
}

#[test]
fn what_a_profile_keeps_is_compared_with_what_was_seen() {
    let catalog = catalog(&[
        "users: id int! key, email text! unique, c1 text, c2 text, city text",
        "mails: id int! key, sender_mail text -> users, c3 text",
    ]);
    let mut looked = Looked::new();
    for (table, column) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)] {
        let seen = looked.entry((TableId(table), ColumnId(column))).or_default();
        (0..40).for_each(|n| seen.look(&format!("user{n}@mail.example")));
    }
    let text = r#"
        [sample]
        root = "users"
        percent = 10
        [columns.users]
        id = "keep"
        email = "email"
        c1 = "keep"
        c2 = "phone"
        city = "keep"
        [columns.mails]
        id = "keep"
        sender_mail = "keep"
    "#;
    let profile = Profile::parse(text, Path::new("p.toml")).expect("a profile");
    let accepted = named_columns(&catalog, &["users.city".to_owned()]).expect("there");
    assert_eq!(named_columns(&catalog, &["public.users.city".to_owned()]).expect("there"), accepted);
    let misspelt = named_columns(&catalog, &["users.emial".to_owned()]);
    assert_eq!(misspelt, Err(("users.emial".to_owned(), Some("users.email".to_owned()))));
    let compared = weak(&catalog, &profile, &looked, &accepted);
    let found: Vec<_> = compared.weak.iter().map(|weak| (weak.column.as_str(), weak.rule)).collect();
    // `sender_mail` refers to a key by its first column, which is kept.
    assert_eq!(found, [("c1", "keep"), ("c2", "phone"), ("sender_mail", "keep"), ("c3", "undecided")]);
    assert_eq!((compared.accepted, compared.undecided), (1, 0));
}

#[test]
fn rules_that_let_values_pass_are_told_and_those_that_are_enough_are_not() {
    let catalog =
        catalog(&["users: id int! key, email text, c1 text, body jsonb, born date, salary numeric, spot point"]);
    let mut looked = Looked::new();
    for (column, before, after) in [(2, "", ""), (3, "{\"a\": \"", "\"}")] {
        let seen = looked.entry((TableId(0), ColumnId(column))).or_default();
        (0..40).for_each(|n| seen.look(&format!("{before}user{n}@mail.example{after}")));
    }
    let told = |columns: &str| -> Vec<(String, &'static str)> {
        let text = "[sample]\nroot = \"users\"\npercent = 10\n[columns.users]\nid = \"keep\"\nemail = \"email\"\n\
             c1 = \"email\"\nbody = \"empty_json\"\nborn = \"null\"\nsalary = \"null\"\nspot = \"null\"\n"
            .to_owned();
        let text = columns.lines().fold(text, |text, line| {
            let column = line.split(' ').next().expect("a name");
            let kept = text.lines().filter(|old| !old.starts_with(&format!("{column} = ")));
            kept.map(|line| format!("{line}\n")).collect::<String>() + line + "\n"
        });
        let profile = Profile::parse(&text, Path::new("p.toml")).unwrap_or_else(|error| panic!("{}", error.action()));
        let compared = weak(&catalog, &profile, &looked, &std::collections::HashSet::new());
        compared.weak.into_iter().map(|weak| (weak.column, weak.rule)).collect()
    };
    assert_eq!(told(""), []);
    for (line, rule) in [
        (r#"c1 = "keep""#, "keep"),
        (r#"c1 = { email = true, when = "id > 5" }"#, "when"),
        (r#"c1 = { sql = "c1" }"#, "sql"),
        (r#"c1 = { scramble = { keep_last = 12 } }"#, "scramble"),
        (r#"c1 = "redact""#, "redact"),
        (r#"body = { json = { default = "keep" } }"#, "json"),
        (r#"born = { date_shift = { days = 1 } }"#, "date_shift"),
        (r#"born = { date_truncate = { to = "day" } }"#, "date_truncate"),
        (r#"salary = { noise = { percent = 0.001 } }"#, "noise"),
    ] {
        let column = line.split(' ').next().expect("a name").to_owned();
        assert_eq!(told(line), [(column, rule)], "{line}");
    }
    assert_eq!(told("c1 = \"keep\"\nemail = { template = \"{c1}\" }").len(), 2);
    for line in [
        r#"email = { template = "user{id}@example.com" }"#,
        r#"email = { template = "{c1}" }"#,
        r#"body = { json = { default = "token" } }"#,
        r#"born = { date_truncate = { to = "year" } }"#,
        r#"salary = { noise = { percent = 10 } }"#,
        r#"spot = { geo_jitter = { km = 5 } }"#,
    ] {
        assert_eq!(told(line), [], "{line}");
    }
}

#[test]
fn comments_say_how_a_table_is_owned() {
    let text = profile(&site(), TableId(0), &looked_at_site(&site()));
    assert!(
        text.contains(
            "# comments (about 100 rows): rows whose parent is in the sample: comments.post_id -> posts.id\n"
        ),
        "{text}"
    );
    assert!(text.contains("# users (about 100 rows): the root\n"));
}

#[test]
fn never_null_where_a_value_is_needed() {
    let mut catalog = site();
    for table in &mut catalog.tables {
        for column in &mut table.columns {
            column.not_null = true;
        }
    }
    let profile = proposed(&catalog, TableId(0));
    for rule in profile.columns.values().flat_map(BTreeMap::values) {
        assert!(!matches!(rule, ColumnRule::Decided { member, .. } if member.spec == MaskSpec::Null));
    }
}

#[test]
fn generated_columns_are_left_out() {
    let mut catalog = site();
    catalog.tables[0].columns[4].generated = true;
    assert!(!proposed(&catalog, TableId(0)).columns["users"].contains_key("full_name"));
}

#[test]
fn odd_names_are_written_so_that_they_are_found_again() {
    let catalog = catalog(&[
        "a.b/c: id int! key",
        "a/b.c: id int! key",
        "public/a.b: id int! key, email text",
        "we\"ird\n/\\t #: \"x\" text, a.b text, é text, \u{1}\u{7f} text",
    ]);
    let profile = proposed(&catalog, TableId(2));
    assert_eq!(catalog.find_table(&profile.sample.root), Some(TableId(2)));
    assert!(profile.columns.keys().all(|name| catalog.find_table(name).is_some()));
    // `a`.`b.c` and `a.b`.`c` are written alike: one of the two is left out, with a comment.
    assert_eq!(profile.columns.len(), 3);
    let odd = &profile.columns["we\"ird\n.\\t #"];
    assert_eq!(odd.keys().map(String::as_str).collect::<Vec<_>>(), ["\u{1}\u{7f}", "\"x\"", "a.b", "é"]);
}

proptest! {
    /// Whatever the names, the draft is a profile, with every column of every table that can be named.
    #[test]
    fn any_catalog_gives_a_profile(names in prop::collection::vec(("\\PC{1,6}|[ab.]{1,3}|(?s).{1,4}", "(?s).{1,8}", any::<bool>()), 1..6), links in prop::collection::vec((0..6_usize, 0..6_usize), 0..8)) {
        let mut catalog = Catalog::default();
        for (index, (schema, name, not_null)) in names.iter().enumerate() {
            // No table has two columns of one name.
            prop_assume!(name != "id");
            let mut built = table(index, schema, name);
            built.columns.push(column("id", "int", true));
            built.columns.push(column(name, "varchar", *not_null));
            built.columns.push(column(&format!("{name}_email"), "text", *not_null));
            unique(&mut built, 0, true);
            catalog.tables.push(built);
        }
        for (child, parent) in links {
            if child < names.len() && parent < names.len() {
                refer(&mut catalog, TableId::from_index(child), ColumnId(1), TableId::from_index(parent));
            }
        }
        let (root, _) = root(&catalog).unwrap_or((TableId(0), String::new()));
        let profile = proposed(&catalog, root);
        for name in profile.columns.keys() {
            prop_assert!(catalog.find_table(name).is_some());
        }
    }
}
