//! A JSON Schema of the profile, so that editors complete keys and mark mistakes while it is written.
//!
//! It says less than `raw`: what a schema cannot express (one mode for each reference, balanced quotes) only a run
//! or `tithe plan` finds.

use serde_json::{Map, Value, json};

use super::columns::{DEFAULT_EMAIL_HOST, DEFAULT_HASH_LENGTH, HASH_LENGTHS, KEYED_RULES, RULES};
use super::files::DEFAULT_MISSING_PERCENT;
use super::leaks::ACTIONS;
use super::raw::DEFAULT_SEED;

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
            "target": object("What happens in the target after the load.", json!({
                "after_load": names("Shell commands run against the new database before it takes its place."),
            })),
            "tables": described(json!({ "type": "object", "additionalProperties": table() }),
                "Which rows of a table are chosen. Names are `table` in schema public, \"schema.table\" elsewhere."),
            "references": described(json!({ "type": "array", "items": reference() }),
                "References that are not foreign keys."),
            "vault": vault(),
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
                rows refer to; none: structure only.", &["owned", "all", "referenced", "none"]),
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
            "unowned": word("Rows whose owning references are all NULL.", &["drop", "keep"]),
            "orphans": word("Rows whose reference is broken in the source already.", &["drop", "null", "keep"]),
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
                of the same type and size; none: it stays behind.", &["real", "strip-metadata", "placeholder", "none"]),
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
    let actions: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
    object(
        "Values of masked columns that stand in what was kept.",
        json!({
            "default": word("In kept columns. fail: nothing is swapped in; warn: told in the report; scrub: crossed out; \
                allow: not looked for.", &actions),
            "prose": word("In kept columns of running text. Default: warn.", &actions),
            "definitions": word("In defaults, views, functions and labels of the schema.", &["fail", "warn", "allow"]),
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
    let rules = RULES.iter().copied().filter(|rule| !matches!(*rule, "constant" | "template"));
    let words: Vec<&str> = undecided.then_some("undecided").into_iter().chain(rules).collect();
    json!({ "enum": words })
}

/// `{ rule = … }`, with `support` where that may stand.
fn rule_table(support: bool) -> Value {
    let mut properties: Map<String, Value> = RULES.iter().map(|rule| ((*rule).to_owned(), parameters(rule))).collect();
    if support {
        properties.insert("support".to_owned(), json!({ "$ref": "#/definitions/rule" }));
    }
    let one: Vec<Value> = RULES.iter().map(|rule| json!({ "required": [rule] })).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "oneOf": one })
}

fn parameters(rule: &str) -> Value {
    match rule {
        "constant" => return json!({ "type": ["string", "integer", "boolean"] }),
        "template" => {
            return described(json!({ "type": "string" }), "Text in which {column} stands for a column of the row.");
        }
        _ => {}
    }
    let mut properties = Map::new();
    match rule {
        "hash" => {
            let (least, most) = (HASH_LENGTHS.start(), HASH_LENGTHS.end());
            let length =
                json!({ "type": "integer", "minimum": least, "maximum": most, "default": DEFAULT_HASH_LENGTH });
            properties.insert("length".to_owned(), length);
        }
        "email" => {
            properties.insert("host".to_owned(), json!({ "type": "string", "default": DEFAULT_EMAIL_HOST }));
        }
        _ => {}
    }
    if KEYED_RULES.contains(&rule) {
        let domain = described(
            json!({ "type": "string" }),
            "Equal values mask equally within a domain. Default: the rule's name.",
        );
        properties.insert("domain".to_owned(), domain);
    }
    json!({ "oneOf": [
        { "const": true },
        { "type": "object", "additionalProperties": false, "properties": properties },
    ] })
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

fn word(description: &str, words: &[&str]) -> Value {
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
