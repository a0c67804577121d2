//! What masks may stand where, over catalogs built by hand.

use std::path::Path;

use super::*;
use crate::profile::{LeakAction, MaskSpec, Profile};
use crate::schema::{Catalog, Check, Column, ColumnType, Index, Leaf, Reference, Table, TypeClass, UniqueKey};
use crate::types::{ColumnId, QualifiedName};

/// Builds catalogs from a line per table: `follows: id int! key, handle varchar(8) -> users.handle`.
fn catalog(tables: &[&str]) -> Catalog {
    let mut catalog = Catalog { server_version: 150_000, ..Catalog::default() };
    let mut references = Vec::new();
    for (index, line) in tables.iter().enumerate() {
        let (name, columns) = line.split_once(": ").expect("name: columns");
        let mut built = table(index, name);
        for (position, column) in columns.split(", ").enumerate() {
            let (column, parents) = column.split_once(" -> ").unwrap_or((column, ""));
            let mut words = column.split(' ');
            let (name, kind) = (words.next().expect("a name"), words.next().expect("a type"));
            built.columns.push(self::column(name, kind));
            for word in words {
                match word {
                    "generated" => built.columns[position].generated = true,
                    _ => unique(&mut built, &[position], word == "key"),
                }
            }
            references.extend(parents.split(" and ").filter(|p| !p.is_empty()).map(|p| (index, position, p)));
        }
        catalog.tables.push(built);
    }
    for (child, column, parent) in references {
        let (table, parent_column) = parent.split_once('.').expect("table.column");
        let parent = catalog.find_table(table).expect("the parent is there");
        let parent_column = catalog.table(parent).find_column(parent_column).expect("its column is there");
        let (child, column) = (TableId::from_index(child), ColumnId::from_index(column));
        refer(&mut catalog, (child, column), (parent, parent_column));
    }
    catalog
}

fn table(index: usize, name: &str) -> Table {
    Table {
        rows_estimate: 100.0,
        heap_bytes: 8192,
        ..Table::bare(TableId::from_index(index), 1000 + index as u32, QualifiedName::new("public", name))
    }
}

fn column(name: &str, kind: &str) -> Column {
    let bare = kind.trim_end_matches('!');
    let (class, max_chars) = match bare {
        "int" => (TypeClass::Int4, None),
        "uuid" => (TypeClass::Uuid, None),
        "citext" => (TypeClass::Citext, None),
        "text" => (TypeClass::Text, None),
        sized => {
            let chars = sized.strip_prefix("varchar(").and_then(|rest| rest.strip_suffix(')'));
            (TypeClass::Varchar, Some(chars.and_then(|chars| chars.parse().ok()).expect("a known type")))
        }
    };
    let data_type = ColumnType { max_chars, ..ColumnType::plain(class, bare) };
    Column { not_null: kind.ends_with('!'), ..Column::bare(name, data_type) }
}

fn unique(table: &mut Table, positions: &[usize], primary: bool) {
    let columns: Vec<ColumnId> = positions.iter().map(|at| ColumnId::from_index(*at)).collect();
    let names: Vec<&str> = columns.iter().map(|id| table.column(*id).name.as_str()).collect();
    let name = format!("{}_{}", table.name.name, names.join("_"));
    let definition = format!("CREATE UNIQUE INDEX {name} ON {} USING btree ({})", table.name, names.join(", "));
    table.indexes.push(Index {
        oid: 0,
        name: name.clone(),
        columns: columns.iter().copied().map(Some).collect(),
        valid: true,
        unique: true,
        partial: false,
        nulls_not_distinct: false,
        definition,
        loose: vec![false; positions.len()],
        constraint_oid: None,
    });
    let at = if primary { 0 } else { table.unique_keys.len() };
    table.unique_keys.insert(at, UniqueKey { name, columns, primary, nulls_not_distinct: false });
}

fn refer(catalog: &mut Catalog, child: (TableId, ColumnId), parent: (TableId, ColumnId)) {
    catalog.references.push(Reference {
        id: RefId::from_index(catalog.references.len()),
        name: format!("reference {}", catalog.references.len()),
        child: child.0,
        child_columns: vec![child.1],
        parent: parent.0,
        parent_columns: vec![parent.1],
        validated: true,
        match_full: false,
        temporal: false,
        array: false,
        condition: None,
        foreign_key: None,
    });
}

/// A profile that keeps all columns but those of the stated rules: `users.email = "email"`.
fn profile(catalog: &Catalog, rules: &[&str], more: &str) -> Profile {
    let mut text = format!("[sample]\nroot = \"users\"\npercent = 100\n{more}\n");
    for table in &catalog.tables {
        text.push_str(&format!("[columns.{}]\n", table.name));
        for (_, column) in table.copied_columns() {
            let place = format!("{}.{} = ", table.name, column.name);
            let rule = rules.iter().find_map(|rule| rule.strip_prefix(&place)).unwrap_or("\"keep\"");
            text.push_str(&format!("{} = {rule}\n", column.name));
        }
        if table.name.name != "users" && !more.contains(&format!("[tables.{}]", table.name)) {
            text.push_str(&format!("[tables.{}]\nrows = \"all\"\n", table.name));
        }
    }
    Profile::parse(&text, Path::new("p.toml")).unwrap_or_else(|error| panic!("{}\n{text}", error.chain()))
}

fn plan_of(tables: &[&str], rules: &[&str]) -> Result<Plan, String> {
    planned(catalog(tables), rules, "")
}

fn planned(mut catalog: Catalog, rules: &[&str], more: &str) -> Result<Plan, String> {
    let profile = profile(&catalog, rules, more);
    make(&mut catalog, &profile, &Options::default()).map_err(|error| error.chain())
}

#[track_caller]
fn refused(planned: Result<Plan, String>, words: &[&str]) {
    let said = planned.map(|_| ()).expect_err("refused");
    words.iter().for_each(|word| assert!(said.contains(word), "{word:?} is missing in {said:?}"));
}

#[test]
fn a_mask_is_carried_along_chains_whatever_the_order_of_tables() {
    let tables = ["users: id uuid! key -> zeds.id", "amigos: id uuid! key -> users.id", "zeds: id uuid! key"];
    let plan = plan_of(&tables, &["zeds.id = \"uuid\""]).expect("a plan");
    let spec = |table: usize| plan.tables[table].masks[0].as_ref().map(|masks| masks.member.spec.clone());
    assert_eq!([0, 1, 2].map(spec), [0, 1, 2].map(|_| Some(MaskSpec::Uuid)));
    // A child that states what its parent is only given.
    plan_of(&tables, &["zeds.id = \"uuid\"", "amigos.id = \"uuid\""]).expect("a plan");
}

#[test]
fn a_column_that_follows_two_keys_needs_one_mask_for_both() {
    let tables =
        ["users: id uuid! key", "posts: id uuid! key", "reports: id int! key, target uuid -> users.id and posts.id"];
    let mask = |table: &str, domain: &str| format!("{table}.id = {{ uuid = {{ domain = \"{domain}\" }} }}");
    let both = |first: &str, second: &str| plan_of(&tables, &[&mask("users", first), &mask("posts", second)]);
    both("one", "one").expect("a plan");
    refused(
        both("one", "other"),
        &["reports.target refers to users.id (uuid in the domain one) and to posts.id (uuid in the domain other)"],
    );
    refused(plan_of(&tables, &[&mask("users", "one")]), &["reports.target", "users.id", "posts.id (keep)"]);
    refused(plan_of(&tables, &[&mask("posts", "one")]), &["reports.target", "users.id (keep)", "posts.id"]);
}

#[test]
fn a_mask_whose_results_differ_in_a_narrower_column_is_not_carried() {
    let tables = |child: &str| {
        [
            "users: id int! key, handle varchar(40)! unique".to_owned(),
            format!("follows: id int! key, handle {child} -> users.handle"),
        ]
    };
    let plan = |child: &str, rule: &str| {
        let tables = tables(child);
        plan_of(&tables.each_ref().map(String::as_str), &[&format!("users.handle = {rule}")])
    };
    for rule in ["\"username\"", "{ hash = { length = 16 } }"] {
        refused(plan("varchar(8)", rule), &["users.handle", "follows.handle", "8 characters"]);
    }
    for (child, rule) in [("text", "\"username\""), ("varchar(8)", "\"token\""), ("varchar(30)", "\"username\"")] {
        plan(child, rule).expect(child);
    }
    refused(plan("citext", "\"username\""), &["users.handle", "follows.handle", "citext"]);
    let tables = tables("varchar(8)");
    let stated = ["users.handle = \"username\"", "follows.handle = \"username\""];
    refused(plan_of(&tables.each_ref().map(String::as_str), &stated), &["users.handle", "8 characters"]);
}

#[test]
fn ends_with_the_same_rule_are_no_reference_where_it_looks_at_the_row() {
    let tables = ["users: id int! key, handle text! unique", "follows: id int! key, handle text -> users.handle"];
    for rule in [
        "{ template = \"u{id}\" }",
        "{ username = true, when = \"id > 5\" }",
        "{ keep = true, support = \"username\" }",
    ] {
        let stated = ["users", "follows"].map(|table| format!("{table}.handle = {rule}"));
        refused(plan_of(&tables, &stated.each_ref().map(String::as_str)), &["users.handle is referenced"]);
    }
    plan_of(&tables, &["users.handle = \"username\"", "follows.handle = \"username\""]).expect("a plan");
}

#[test]
fn a_reference_may_become_null_whatever_the_key_becomes() {
    let tables = |kind: &str| {
        let child = format!("follows: id int! key, handle {kind} -> users.handle");
        ["users: id int! key, handle text! unique".to_owned(), child]
    };
    let plan = |kind: &str| {
        let tables = tables(kind);
        plan_of(&tables.each_ref().map(String::as_str), &["users.handle = \"token\"", "follows.handle = \"null\""])
    };
    plan("text").expect("a plan");
    refused(plan("text!"), &["follows.handle", "NOT NULL"]);
}

#[test]
fn a_generated_reference_follows_no_mask() {
    let tables = ["users: id uuid! key", "notes: id int! key, by uuid generated -> users.id"];
    refused(plan_of(&tables, &["users.id = \"uuid\""]), &["notes.by is generated", "users.id"]);
    plan_of(&tables, &[]).expect("a plan");
}

/// What a template with the key `id` among other columns gives: apart, or not.
#[test]
fn a_template_keeps_rows_apart_where_its_key_can_be_told_from_the_rest() {
    let tables = ["users: id int! key, ref uuid! unique, n int, m int!, name text, login text unique"];
    for (template, apart) in [
        ("u{id}", true),
        ("{id}u{id}", true),
        ("u{name}", false),
        ("u{id}{n}", false),
        ("u{id}.{n}", true),
        ("{n}.{id}", true),
        ("{n}{id}", false),
        ("u{id}-{n}", true),
        ("{m}-{id}", true),
        ("{n}-{id}", false),
        ("{name}-{id}", false),
        ("{name}.{id}", true),
        ("{name}.{id}@{n}", true),
        ("{name}.{id}@{name}", false),
        ("{id}1{n}", false),
        ("{ref}{name}", true),
        ("{name}{ref}", true),
        ("{name}{ref}{name}", false),
        ("{n}.{ref}{name}", true),
    ] {
        let planned = plan_of(&tables, &[&format!("users.login = {{ template = \"{template}\" }}")]);
        assert_eq!(planned.is_ok(), apart, "{template}: {:?}", planned.err());
    }
}

/// A catalog of users whose only index beside the key is this one.
fn indexed(keys: &str, condition: Option<&str>, loose: bool) -> Catalog {
    let mut catalog = catalog(&["users: id int! key, email text, name text"]);
    let rest = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
    let column = catalog.tables[0].find_column(keys);
    catalog.tables[0].indexes.push(Index {
        oid: 0,
        name: "u".to_owned(),
        columns: vec![column],
        loose: vec![loose],
        unique: true,
        valid: true,
        partial: condition.is_some(),
        nulls_not_distinct: false,
        definition: format!("CREATE UNIQUE INDEX u ON public.users USING btree ({keys}){rest}"),
        constraint_oid: None,
    });
    catalog
}

#[test]
fn what_an_index_sees_of_a_masked_column() {
    for (keys, condition, loose, rule, words) in [
        ("email", None, true, "users.email = \"token\"", &["users.email", "token", "collation"][..]),
        ("email", None, true, "users.email = \"email\"", &[]),
        ("email", None, true, "users.email = { template = \"u{id}\" }", &[]),
        ("email", None, false, "users.email = \"token\"", &[]),
        ("lower(email)", None, true, "users.email = \"token\"", &["users.email", "token"]),
        ("f(users.*)", None, false, "users.email = \"email\"", &["users.email", "expression"]),
        ("lower(email)", None, false, "users.email = \"email\"", &[]),
        ("lower(email) text_pattern_ops", None, false, "users.email = \"email\"", &[]),
        (
            "split_part(lower(email), '@'::text, 2)",
            None,
            false,
            "users.email = \"email\"",
            &["users.email", "expression"],
        ),
        ("\"left\"(lower(email), 12)", None, false, "users.email = \"email\"", &["users.email", "expression"]),
        (
            "((lower(email))::character varying(5))",
            None,
            false,
            "users.email = \"email\"",
            &["users.email", "expression"],
        ),
        ("name", Some("g(users.*)"), false, "users.email = \"email\"", &["users.email", "condition"]),
        (
            "name",
            Some("(email IS NULL)"),
            false,
            "users.email = { sql = \"NULL::text\" }",
            &["users.email", "condition"],
        ),
        ("name", Some("(email IS NOT NULL)"), false, "users.email = { sql = \"'x'\" }", &["users.email", "condition"]),
        ("name", Some("(email IS NULL)"), false, "users.email = \"email\"", &[]),
    ] {
        let planned = planned(indexed(keys, condition, loose), &[rule], "");
        match words {
            [] => assert!(planned.is_ok(), "{keys} {condition:?} {rule}: {:?}", planned.err()),
            words => refused(planned, words),
        }
    }
}

/// `Ann` and `ann` are two keys, and one in the column.
#[test]
fn what_differs_in_case_only_is_the_same_in_citext() {
    let tables = |kind: &str| {
        [format!("users: id int! key, handle text! unique, nick citext! unique, ref uuid unique, email {kind} unique")]
    };
    let plan = |kind: &str, rule: &str| {
        plan_of(&tables(kind).each_ref().map(String::as_str), &[&format!("users.email = {rule}")])
    };
    for rule in [
        "{ template = \"{handle}@dev.example\" }",
        // The reference may be NULL, so the handle alone tells the rows apart.
        "{ template = \"{ref}.{handle}\" }",
        "{ regex = { pattern = \"[a-zA-Z]{12}\" } }",
    ] {
        plan("text", rule).expect(rule);
        refused(plan("citext", rule), &["users.email", "users_email"]);
    }
    for rule in
        ["{ template = \"{id}@dev.example\" }", "{ template = \"{nick}@dev.example\" }", "\"token\"", "\"email\""]
    {
        plan("citext", rule).expect(rule);
    }
    let folded = |template: &str| {
        let mut catalog = catalog(&["users: id int! key, handle text! unique, ref uuid unique, email text"]);
        catalog.tables[0].indexes.push(indexed("lower(email)", None, false).tables[0].indexes[1].clone());
        planned(catalog, &[&format!("users.email = {{ template = \"{template}\" }}")], "")
    };
    refused(folded("{ref}.{handle}"), &["users.email", "case only"]);
    folded("{id}.{handle}").expect("a plan");
}

/// A generated column counts as what it is made of.
#[test]
fn an_index_on_a_generated_column_is_one_on_its_expression() {
    let plan = |expression: &str, key: &str, condition: Option<&str>, rule: &str| {
        let mut catalog = indexed(key, condition, false);
        let mut low = column("low", "text");
        (low.generated, low.expression) = (true, Some(expression.to_owned()));
        catalog.tables[0].columns.push(low);
        let index = catalog.tables[0].indexes.last_mut().expect("the index");
        if key == "low" {
            index.columns = vec![Some(ColumnId::from_index(3))];
        }
        planned(catalog, &[&format!("users.name = \"{rule}\"")], "")
    };
    refused(plan("lower(name)", "low", None, "first_name"), &["users.name", "first_name", "unique index u"]);
    refused(plan("lower(name)", "low", None, "token"), &["users.name", "token", "case only"]);
    refused(plan("\"left\"(name, 5)", "low", None, "username"), &["users.name", "expression"]);
    refused(plan("lower(name)", "md5(low)", None, "username"), &["users.name", "expression"]);
    refused(plan("lower(name)", "email", Some("(low = 'ann'::text)"), "username"), &["users.name", "condition"]);
    plan("lower(name)", "low", None, "username").expect("a plan");
    plan("lower(name)", "email", Some("(low IS NOT NULL)"), "username").expect("a plan");
    plan("lower(email)", "low", None, "first_name").expect("a plan");
}

#[test]
fn spellings_of_one_address_are_told_of_where_case_tells_rows_apart() {
    let told = |kind: &str, folded: bool, rule: &str| {
        let mut catalog = catalog(&[&format!("users: id int! key, email {kind} unique, name text")]);
        if folded {
            catalog.tables[0].indexes.push(indexed("lower(email)", None, false).tables[0].indexes[1].clone());
        }
        let plan = planned(catalog, &[&format!("users.email = \"{rule}\"")], "").expect("a plan");
        plan.warnings.iter().any(|warning| warning.contains("differ in case only"))
    };
    assert!(told("text", false, "email"));
    assert!(!told("citext", false, "email") && !told("text", true, "email") && !told("text", false, "username"));
}

/// `Ann` and `ann` are two keys, and one under the index.
#[test]
fn a_key_is_none_under_a_looser_collation() {
    let build = |loose: bool| {
        let mut catalog = catalog(&["users: id int! key, name text! unique, email text"]);
        let columns = ["name", "email"].map(|column| catalog.tables[0].find_column(column));
        catalog.tables[0].indexes.push(Index {
            oid: 0,
            name: "u".to_owned(),
            columns: columns.to_vec(),
            loose: vec![loose, false],
            unique: true,
            valid: true,
            partial: false,
            nulls_not_distinct: false,
            definition: "CREATE UNIQUE INDEX u ON public.users USING btree (name COLLATE loose, email)".to_owned(),
            constraint_oid: None,
        });
        planned(catalog, &["users.email = \"first_name\""], "")
    };
    refused(build(true), &["users.email", "first_name", "unique index u"]);
    assert!(build(false).is_ok());
}

#[test]
fn what_something_rests_on_is_not_scrubbed() {
    let build = || {
        let mut catalog = catalog(&[
            "users: id int! key, login text! unique, bio text, about text",
            "posts: id int! key, by text -> users.login, title text, body text",
        ]);
        let posts = &mut catalog.tables[1];
        for (column, definition) in [(2, "CHECK ((title <> 'none'::text))"), (3, "CHECK ((char_length(body) <= 5000))")]
        {
            posts.checks.push(Check {
                name: "of_posts".to_owned(),
                definition: definition.to_owned(),
                columns: vec![ColumnId::from_index(column)],
                in_partition: false,
            });
        }
        catalog
    };
    for (place, words) in [
        ("users.login", &["leaks.columns", "unique index users_login"][..]),
        ("posts.by", &["the reference posts.by -> users.login"]),
        ("posts.title", &["the CHECK of_posts"]),
        ("posts.body", &[]),
        ("users.bio", &[]),
    ] {
        let planned = planned(build(), &[], &format!("[leaks.columns]\n\"{place}\" = \"scrub\""));
        match words {
            [] => assert!(planned.is_ok(), "{place}: {:?}", planned.err()),
            words => refused(planned, words),
        }
    }
    let plan = planned(build(), &[], "[leaks]\ndefault = \"scrub\"").expect("a plan");
    let action = |table: usize, column: usize| {
        plan.leaks.action(TableId::from_index(table), ColumnId::from_index(column), false)
    };
    assert_eq!([action(0, 1), action(1, 1), action(1, 2)], [LeakAction::Fail; 3]);
    assert_eq!([action(0, 2), action(1, 3)], [LeakAction::Scrub; 2]);
}

#[test]
fn arrays_can_be_scrubbed_where_their_elements_are_texts() {
    let of = |class| ColumnType::plain(class, "type");
    let array = |class| ColumnType { inside: vec![(String::new(), of(class))], ..of(TypeClass::Array) };
    for (data_type, can_be) in [
        (of(TypeClass::Text), true),
        (of(TypeClass::Jsonb), true),
        (of(TypeClass::Inet), false),
        (array(TypeClass::Varchar), true),
        (array(TypeClass::Inet), false),
        (array(TypeClass::Uuid), false),
        (array(TypeClass::Jsonb), false),
        (of(TypeClass::Array), false),
    ] {
        assert_eq!(can_be_scrubbed(&data_type), can_be, "{data_type:?}");
    }
}

#[test]
fn what_is_wrong_with_tables_is_told_by_names_that_can_be_written() {
    let mut catalog = catalog(&["users: id int! key, name text", "msgs: id int! key"]);
    catalog.tables[1].leaves.push(Leaf {
        oid: 5,
        name: QualifiedName::new("public", "msgs_1"),
        rows_estimate: 1.0,
        heap_bytes: 1,
        build_oids: Vec::new(),
    });
    let text = "[sample]\nroot = \"users\"\n[columns.\"public.users\"]\nid = \"keep\"\n[columns.msgs]\nid = \"keep\"\n\
        [tables.msgs]\nrows = \"all\"\n[columns.msgs_1]\nid = \"keep\"\n";
    let profile = Profile::parse(text, Path::new("p.toml")).expect("a profile");
    let told: Vec<String> = check(&mut catalog, &profile).into_iter().map(|problem| problem.message).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("under [tables.\"public.users\"]"), "{told:?}");
    assert!(told[1].starts_with("\"msgs_1\" is a partition of msgs:"), "{told:?}");
}
