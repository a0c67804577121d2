//! `docs/rules.md` from the facts of the rules; what examples give is worked out by the rules themselves.

use std::fmt::Write;
use std::path::Path;

use super::tests::{apply, column, transform};
use crate::copyfmt::Format;
use crate::profile::facts::{Default, Form, Kind, Parameter, RULES, RuleFacts};
use crate::profile::{ColumnRule, MaskRule, MaskSpec, Profile};
use crate::schema::{ColumnType, TypeClass};

const INTRODUCTION: &str = "\
# Rules

Written by a test from the code's own table of facts (`src/profile/facts/`). To write it anew:
`TITHE_REWRITE=1 cargo test --lib rules_are_documented`.

A rule is a word (`email = \"email\"`) or a table (`email = { email = { host = \"dev.example\" } }`), and may have a second,
stricter one for support rows: `{ keep = true, support = \"username\" }`.

What holds under every rule:

- NULL stays NULL. An empty text stays empty, but for `null`, `constant`, `template` and `sql`. No text is longer than its
  column allows.
- A keyed rule gives the same result for the same value in the same *domain*, in every table, every run, and every type
  that holds the value (text, varchar, char; integers of all widths, numeric; uuid, inet, macaddr and their texts): the
  domain is the rule's name, or what `domain = \"…\"` says. Without the secret `TITHE_KEY` nobody can compute or undo it.
  A value of citext counts in lower case. Results are cut to the column's length, where rules say so to a shorter digest,
  and to the digits that a number's type shows, so columns of other lengths may differ in the end.
- A new secret is a new world: all keyed results change, and samples of before and after do not match. Reports name the
  key's fingerprint, never the key, so that it shows which runs belong together. To rotate the key, set another `TITHE_KEY`
  and load again; nothing else keeps anything of the old one.
- A rule that does not take arrays masks them element by element, whatever their dimensions; NULL elements stay NULL.
- A rule inside another one (`json`, `hstore`, `composite`) has its own name as its domain, so an address in a document
  becomes what it becomes in a column.

*Injective* says when different values stay different, which unique indexes need.
";

/// Run with `TITHE_REWRITE=1` to write the page anew, and review the difference.
#[test]
fn rules_are_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let current = page();
    if std::env::var_os("TITHE_REWRITE").is_some() {
        std::fs::write(&path, &current).expect("write the page");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == current, "docs/rules.md is out of date; run this test with TITHE_REWRITE=1");
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let yes = |fact: bool| if fact { "yes" } else { "" };
    page.push_str(
        "\n| rule | keyed | deterministic | injective | keeps length | keeps format |\n|---|---|---|---|---|---|\n",
    );
    for rule in RULES {
        let injective = rule.injective.split([':', ',']).next().unwrap_or_default();
        let _ = writeln!(
            page,
            "| [{}](#{}) | {} | {} | {} | {} | {} |",
            rule.name,
            rule.name,
            yes(rule.keyed),
            yes(rule.deterministic),
            injective,
            yes(rule.keeps_length),
            yes(rule.keeps_format)
        );
    }
    RULES.iter().for_each(|rule| section(rule, &mut page));
    page
}

fn section(rule: &RuleFacts, page: &mut String) {
    let _ = writeln!(page, "\n## {}\n\n{}.\n", rule.name, capital(rule.meaning));
    let _ = writeln!(page, "- Types: {}.", rule.accepted());
    if !rule.injective.is_empty() {
        let _ = writeln!(page, "- Injective: {}.", rule.injective);
    }
    match rule.form {
        Form::Direct(parameter) => {
            let _ = writeln!(page, "- Written `{} = {}`.", rule.name, kind(&parameter));
        }
        Form::Parameters(parameters) => {
            for parameter in parameters {
                let default = match parameter.default {
                    Default::Required => "required".to_owned(),
                    Default::Nothing => "may be left out".to_owned(),
                    Default::Is(written) => format!("default {written}"),
                };
                let (name, meaning) = (parameter.name, parameter.meaning);
                let _ = writeln!(page, "- `{name}` ({}; {default}): {meaning}.", kind(parameter));
            }
        }
    }
    let (value, result) = example(rule);
    let _ = writeln!(page, "\n```\n{}\n{value}\n{result}\n```", rule.example.rule);
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn kind(parameter: &Parameter) -> String {
    match parameter.kind {
        Kind::Scalar => "text, whole number or boolean".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Template => "text with {column}".to_owned(),
        Kind::Expression => "SQL expression".to_owned(),
        Kind::Pattern => "regular expression".to_owned(),
        Kind::Host => "host name".to_owned(),
        Kind::Word(words) => words.join(", "),
        Kind::Integer(i64::MIN, i64::MAX) => "whole number".to_owned(),
        Kind::Integer(least, most) => format!("{least} to {most}"),
        Kind::Number(least, most) => format!("number from {least} to {most}"),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Column => "column of the table".to_owned(),
        Kind::Columns => "columns of the table".to_owned(),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Numbers => "list of numbers".to_owned(),
        Kind::Rule => "rule".to_owned(),
        Kind::Rules => "table of rules".to_owned(),
    }
}

/// The value and what becomes of it.
fn example(rule: &RuleFacts) -> (String, String) {
    let text = format!("[sample]\nroot = \"t\"\n[columns.t]\nc = {}", rule.example.rule);
    let profile = Profile::parse(&text, Path::new("example")).unwrap_or_else(|error| panic!("{error}"));
    let ColumnRule::Decided { member, .. } = &profile.columns["t"]["c"] else { panic!("{} decides", rule.name) };
    if matches!(member.spec, MaskSpec::Sql(_)) {
        // Only a server could tell.
        return (rule.example.value.to_owned(), "A.".to_owned());
    }
    let mut own = column("c", rule.example.class, None);
    own.data_type.base_sql_name = rule.name.to_owned();
    if rule.example.class == TypeClass::Composite {
        let text = || ColumnType::plain(TypeClass::Text, "text");
        own.data_type.inside = vec![("street".to_owned(), text()), ("code".to_owned(), text())];
    }
    let columns = vec![own, column("id", TypeClass::Int4, None)];
    let rules: Vec<Option<MaskRule>> = vec![Some(member.clone()), None];
    let mut transform = transform(columns, &rules, Format::Text).unwrap_or_else(|error| panic!("{error}"));
    let row = vec![Some(rule.example.value.as_bytes().to_vec()), Some(b"7".to_vec())];
    let masked = apply(&mut transform, &row, &[], Format::Text).unwrap_or_else(|error| panic!("{error}"));
    let result = masked[0].clone().map_or_else(|| "NULL".to_owned(), |text| String::from_utf8_lossy(&text).into());
    (rule.example.value.to_owned(), result)
}
