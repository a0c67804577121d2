//! A JSON Schema of the profile, so that editors complete keys and mark mistakes while it is written.
//!
//! It says less than `raw`: what a schema cannot express (one mode for each reference, balanced quotes) only a run
//! or `tithe plan` finds. Words and defaults come from the types; a test asks the parser whether the keys are the same.

use serde_json::{Map, Value, json};

use super::Locale;
use super::facts::{Default as Absent, Form, Kind, Parameter, RULES, RuleFacts};
use super::files::DEFAULT_MISSING_PERCENT;
use super::leaks::{ACTIONS, ACTIONS_OF_DEFINITIONS};
use super::raw::DEFAULT_SEED;
use super::{FileTreatment, Orphans, RowsRule, Unowned};

/// The schema, as it ships in `sampling-profiles/profile.schema.json`.
pub fn json_schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Tithe sampling profile",
        "type": "object",
        "additionalProperties": false,
        "required": ["sample"],
        "properties": {
            "sample": sample(),
            "source": object("What is read.", json!({
                "exclude_schemas": names("Schemas left out altogether, their structure too."),
                "exclude_tables": names("Tables left out altogether, their structure too."),
                "allow_row_security": described(json!({ "type": "boolean", "default": false }),
                    "Go on although row-level security hides rows from the reading role."),
            })),
            "target": object("What the target is, and what happens there after the load.", json!({
                "after_load": names("Shell commands run against the new database before it takes its place."),
                "clone_of_source": described(json!({ "type": "boolean", "default": false }),
                    "The target's server was made as a physical copy of the source's."),
            })),
            "tables": described(json!({ "type": "object", "additionalProperties": table() }),
                "Which rows of a table are chosen. Names are `table` in schema public, \"schema.table\" elsewhere."),
            "references": described(json!({ "type": "array", "items": reference() }),
                "References that are not foreign keys."),
            "vault": vault(),
            "masks": object("What holds for every rule.", json!({
                "locale": word("Language of made-up names.", Locale::ALL),
            })),
            "leaks": leaks(),
            "columns": described(
                json!({
                    "type": "object",
                    "additionalProperties": { "type": "object", "additionalProperties": { "$ref": "#/definitions/column" } },
                }),
                "What becomes of each column.",
            ),
        },
        "definitions": { "column": column(), "rule": { "oneOf": [words(false), rule_table(false)] } },
    })
}

fn sample() -> Value {
    let mut sample = object(
        "The root table and the draw.",
        json!({
            "root": described(json!({ "type": "string" }), "The table rows are drawn from."),
            "percent": described(json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 100 }), "Share of its rows."),
            "rows": described(json!({ "type": "integer", "minimum": 1 }), "Number of its rows, instead of a share."),
            "seed": described(json!({ "type": ["string", "integer"], "default": DEFAULT_SEED }),
                "The same seed draws the same rows."),
            "always": predicate("Root rows that are always drawn."),
            "never": predicate("Root rows that never leave; beats `always`."),
        }),
    );
    sample["required"] = json!(["root"]);
    sample["not"] = json!({ "required": ["percent", "rows"] });
    sample
}

fn table() -> Value {
    object(
        "Rules of one table.",
        json!({
            "rows": word("owned: references lead to the root; all: copied whole; referenced: only rows that chosen \
                rows refer to; none: structure only.", &RowsRule::WORDS),
            "within": names("References whose parent must be in the sample."),
            "follow": names("References whose parent being in the sample brings the row."),
            "pull": names("References whose parent is brought as a support row."),
            "null": names("References that become NULL where the parent is not chosen."),
            "where": predicate("Rows must satisfy it."),
            "per_parent": required(object("Cap on the rows of one parent.", json!({
                "column": { "type": "string" },
                "limit": { "type": "integer", "minimum": 1 },
                "order": { "type": "string" },
            })), &["column", "limit"]),
            "unowned": word("Rows whose owning references are all NULL.", &Unowned::WORDS),
            "orphans": word("Rows whose reference is broken in the source already.", &Orphans::WORDS),
        }),
    )
}

fn vault() -> Value {
    let entry = object(
        "One kind of files: either `table` and `path`, or `query`.",
        json!({
            "name": described(json!({ "type": "string" }), "For messages and reports."),
            "table": described(json!({ "type": "string" }), "The table whose columns make the path."),
            "where": predicate("Rows must satisfy it."),
            "path": described(json!({ "type": "string" }),
                "Path below the vault: {column}, {reference.column}, {sha256(column)[0:2]}, {lower(column)}."),
            "query": described(json!({ "type": "string" }), "SELECT on the landed database whose first column is the path."),
            "variants": names("Endings that replace the path's own: further files, which may be absent."),
            "required": described(json!({ "type": "boolean", "default": true }), "A file that a row names must be there."),
            "mode": word("real: as it is; strip-metadata: images without EXIF, GPS and the like; placeholder: a made-up image \
                of the same type and size; none: it stays behind.", &FileTreatment::WORDS),
            "keep_icc": described(json!({ "type": "boolean", "default": false }), "strip-metadata keeps the colour profile."),
        }),
    );
    object(
        "The files that rows name.",
        json!({
            "missing_percent": described(json!({ "type": "number", "minimum": 0, "maximum": 100, "default": DEFAULT_MISSING_PERCENT }),
                "Share of the required files that may be missing in the source."),
            "files": { "type": "array", "items": required(entry, &["name", "mode"]) },
        }),
    )
}

fn leaks() -> Value {
    let actions = ACTIONS.map(|(name, _)| name);
    object(
        "Values of masked columns that stand in what was kept.",
        json!({
            "default": word("In kept columns. fail: nothing is swapped in; warn: told in the report; scrub: crossed out; \
                allow: not looked for.", &ACTIONS),
            "prose": word("In kept columns of running text. Default: warn.", &ACTIONS),
            "definitions": word("In defaults, views, functions and labels of the schema.", &ACTIONS_OF_DEFINITIONS),
            "allow": names("Values that may stand anywhere; @host stands for every address of a host."),
            "columns": described(json!({ "type": "object", "additionalProperties": { "enum": actions } }),
                "By \"table.column\": what a finding does; allow lets what stands in the column stand anywhere."),
        }),
    )
}

fn reference() -> Value {
    let properties = json!({
        "name": described(json!({ "type": "string" }), "Name to use in `within = […]`."),
        "table": described(json!({ "type": "string" }), "Referencing table."),
        "columns": names("Referencing columns."),
        "column": { "type": "string" },
        "parent": described(json!({ "type": "string" }), "Referenced table."),
        "parent_columns": names("Referenced columns; a unique key. Default: id."),
        "parent_column": { "type": "string" },
        "condition": predicate("Where the reference holds."),
        "array": described(json!({ "type": "boolean", "default": false }), "The column is an array of references."),
    });
    required(object("A reference that is not a foreign key.", properties), &["table", "parent"])
}

fn column() -> Value {
    json!({ "oneOf": [words(true), rule_table(true)] })
}

/// Rules that are only a word.
fn words(undecided: bool) -> Value {
    let rules = RULES.iter().filter(|rule| rule.is_word()).map(|rule| rule.name);
    let words: Vec<&str> = undecided.then_some("undecided").into_iter().chain(rules).collect();
    json!({ "enum": words })
}

/// `{ rule = … }`, with `support` where that may stand.
fn rule_table(support: bool) -> Value {
    let entry = |rule: &RuleFacts| (rule.name.to_owned(), described(parameters(rule), rule.meaning));
    let mut properties: Map<String, Value> = RULES.iter().map(entry).collect();
    if support {
        properties.insert("support".to_owned(), json!({ "$ref": "#/definitions/rule" }));
    }
    properties
        .insert("when".to_owned(), predicate("The rule applies where it is not false; other rows keep their value."));
    let one: Vec<Value> = RULES.iter().map(|rule| json!({ "required": [rule.name] })).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "oneOf": one })
}

fn parameters(rule: &RuleFacts) -> Value {
    let list = match rule.form {
        Form::Direct(parameter) => return kind(&parameter),
        Form::Parameters(list) => list,
    };
    let mut properties: Map<String, Value> = list
        .iter()
        .map(|parameter| (parameter.name.to_owned(), described(kind(parameter), parameter.meaning)))
        .collect();
    if rule.keyed {
        let domain = described(
            json!({ "type": "string" }),
            "Equal values mask equally within a domain. Default: the rule's name.",
        );
        properties.insert("domain".to_owned(), domain);
    }
    let needed = list.iter().filter(|parameter| parameter.default == Absent::Required);
    let needed: Vec<&str> = needed.map(|parameter| parameter.name).collect();
    let mut table = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !needed.is_empty() {
        table["required"] = json!(needed);
    }
    if rule.is_word() { json!({ "oneOf": [{ "const": true }, table] }) } else { table }
}

fn kind(parameter: &Parameter) -> Value {
    let rule = json!({ "$ref": "#/definitions/rule" });
    let mut schema = match parameter.kind {
        Kind::Scalar => json!({ "type": ["string", "integer", "boolean"] }),
        Kind::Text | Kind::Template | Kind::Expression | Kind::Pattern | Kind::Host | Kind::Column => {
            json!({ "type": "string" })
        }
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Columns => json!({ "oneOf": [
            { "type": "string" }, { "type": "array", "minItems": 1, "items": { "type": "string" } },
        ] }),
        Kind::Texts => json!({ "type": "array", "minItems": 1, "items": { "type": "string" } }),
        Kind::Numbers => json!({ "type": "array", "minItems": 1, "items": { "type": "number" } }),
        Kind::Rule => json!({ "oneOf": [rule] }),
        Kind::Rules => json!({ "type": "object", "additionalProperties": rule }),
    };
    if let Absent::Is(written) = parameter.default {
        let plain = matches!(parameter.kind, Kind::Integer(..) | Kind::Number(..) | Kind::Boolean);
        let value = if plain { serde_json::from_str(written).ok() } else { None };
        schema["default"] = value.unwrap_or_else(|| Value::from(written));
    }
    schema
}

fn object(description: &str, properties: Value) -> Value {
    json!({ "description": description, "type": "object", "additionalProperties": false, "properties": properties })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = Value::from(description);
    schema
}

fn required(mut schema: Value, keys: &[&str]) -> Value {
    schema["required"] = json!(keys);
    schema
}

/// One of the words that the type reads.
fn word<T>(description: &str, words: &[(&'static str, T)]) -> Value {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    json!({ "description": description, "enum": words })
}

fn names(description: &str) -> Value {
    let list = json!([{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]);
    json!({ "description": description, "oneOf": list })
}

fn predicate(description: &str) -> Value {
    let description = format!("{description} An SQL condition; {{run_time}} stands for the moment of the run.");
    json!({ "description": description, "type": "string", "minLength": 1 })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use crate::profile::Profile;

    /// In each section, what the parser knows is what the schema lists.
    #[test]
    fn keys_are_those_of_the_parser() {
        let schema = super::json_schema();
        for (section, pointer) in [
            ("", "/properties"),
            ("[sample]", "/properties/sample/properties"),
            ("[source]", "/properties/source/properties"),
            ("[target]", "/properties/target/properties"),
            ("[tables.t]", "/properties/tables/additionalProperties/properties"),
            ("[tables.t.per_parent]", "/properties/tables/additionalProperties/properties/per_parent/properties"),
            ("[[references]]", "/properties/references/items/properties"),
            ("[vault]", "/properties/vault/properties"),
            ("[[vault.files]]", "/properties/vault/properties/files/items/properties"),
        ] {
            let text = format!("{section}\nno_such_key_anywhere = 1");
            let problems = Profile::examine(&text, Path::new("p.toml")).expect_err("the key is unknown");
            let told = problems.iter().find(|p| p.key.ends_with("no_such_key_anywhere")).expect("told");
            let list = told.message.trim_start_matches("unknown key (").trim_end_matches(')');
            let known: BTreeSet<&str> = list.split(", ").collect();
            let listed = schema.pointer(pointer).and_then(|keys| keys.as_object()).expect(pointer);
            assert_eq!(known, listed.keys().map(String::as_str).collect(), "{pointer}");
        }
    }

    /// Set `TITHE_REWRITE=1` to write the file anew, and review the difference.
    #[test]
    fn shipped_schema_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sampling-profiles/profile.schema.json");
        let current = serde_json::to_string_pretty(&super::json_schema()).expect("a Value is JSON") + "\n";
        if std::env::var_os("TITHE_REWRITE").is_some() {
            std::fs::write(path, &current).expect("write the schema");
        }
        let shipped = std::fs::read_to_string(path).unwrap_or_default();
        assert!(shipped == current, "{path} is out of date; run this test with TITHE_REWRITE=1");
    }
}
