//! `[columns.TABLE]`: column rules as the profile writes them.
//!
//! A rule is a word (`"keep"`, `"email"`) or a table of one rule and, perhaps, `support`:
//! `{ email = { host = "dev.example" }, support = "null" }`. Whether a rule suits its column is decided in `plan`.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Checker, Node, Section, did_you_mean, shown};
use super::{ColumnRule, MaskRule, MaskSpec, toml_text};

/// Every rule, in the order messages list them.
pub(super) const RULES: &[&str] = &[
    "keep",
    "null",
    "constant",
    "template",
    "hash",
    "token",
    "uuid",
    "email",
    "username",
    "first_name",
    "last_name",
    "full_name",
    "phone",
    "street",
    "city",
    "company",
    "ip",
    "lorem",
    "empty_json",
];

/// Rules whose result depends on the secret key, and so on a domain.
pub(super) const KEYED_RULES: &[&str] = &[
    "hash",
    "token",
    "uuid",
    "email",
    "username",
    "first_name",
    "last_name",
    "full_name",
    "phone",
    "street",
    "city",
    "company",
    "ip",
    "lorem",
];

/// Host of masked addresses where the profile names none: reserved for examples (RFC 2606), so no mail arrives.
pub(super) const DEFAULT_EMAIL_HOST: &str = "example.com";

/// 128 bits in hexadecimal: collisions are out of the question.
pub(super) const DEFAULT_HASH_LENGTH: u32 = 32;

/// Fewest and most hexadecimal digits.
pub(super) const HASH_LENGTHS: std::ops::RangeInclusive<i64> = 8..=64;

pub(super) fn of_table<'d>(
    checker: &mut Checker<'d>,
    table: &str,
    section: Section<'d>,
) -> BTreeMap<String, ColumnRule> {
    let rules = section.named().into_iter();
    rules.filter_map(|(name, node)| Some((name.clone(), rule(checker, table, &name, &node)?))).collect()
}

fn rule<'d>(checker: &mut Checker<'d>, table: &str, column: &str, node: &Node<'d>) -> Option<ColumnRule> {
    match node.value {
        DeValue::String(word) if word == "undecided" => Some(ColumnRule::Undecided),
        DeValue::String(word) => Some(ColumnRule::Decided { member: by_name(checker, node, word)?, support: None }),
        DeValue::Table(entries) => {
            let known = |name: &str| name == "support" || RULES.contains(&name);
            let mut keys = entries.keys().map(|key| key.get_ref().as_ref());
            if !keys.any(known) && entries.values().all(|value| is_rule_like(value.get_ref())) && entries.len() > 1 {
                // `[columns.audit.events]` without quotes: its "rule" is a list of columns.
                let quoted = toml_text::string(&format!("{table}.{column}"));
                return checker
                    .refuse(node, format!("names no rule; a table of another schema is written in quotes: {quoted}"));
            }
            let mut section = checker.section(node)?;
            let support = section.take("support");
            let member = from_table(checker, section, true);
            let support = match support {
                Some(node) => Some(support_rule(checker, &node)?),
                None => None,
            };
            Some(ColumnRule::Decided { member: member?, support })
        }
        _ => checker.wrong_type(node, "a rule's name or { rule = … }"),
    }
}

fn is_rule_like(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::String(_) | DeValue::Table(_))
}

fn support_rule<'d>(checker: &mut Checker<'d>, node: &Node<'d>) -> Option<MaskRule> {
    match node.value {
        DeValue::String(word) if word == "undecided" => {
            checker.refuse(node, "cannot be undecided; leave it out instead")
        }
        DeValue::String(word) => by_name(checker, node, word),
        DeValue::Table(_) => {
            let section = checker.section(node)?;
            from_table(checker, section, false)
        }
        _ => checker.wrong_type(node, "a rule's name or { rule = … }"),
    }
}

/// A rule that is only a word.
fn by_name(checker: &mut Checker<'_>, node: &Node<'_>, word: &str) -> Option<MaskRule> {
    match word {
        "constant" | "template" => checker.refuse(node, format!("needs a text: {{ {word} = \"…\" }}")),
        _ => match without_parameters(word) {
            Some(spec) => Some(MaskRule { spec, domain: None }),
            None => {
                let hint = did_you_mean(word, RULES.iter().copied().chain(["undecided"]));
                checker
                    .refuse(node, format!("unknown rule \"{}\"{hint} (undecided, {})", shown(word), RULES.join(", ")))
            }
        },
    }
}

fn without_parameters(word: &str) -> Option<MaskSpec> {
    Some(match word {
        "keep" => MaskSpec::Keep,
        "null" => MaskSpec::Null,
        "hash" => MaskSpec::Hash { length: DEFAULT_HASH_LENGTH },
        "token" => MaskSpec::Token,
        "uuid" => MaskSpec::Uuid,
        "email" => MaskSpec::Email { host: DEFAULT_EMAIL_HOST.to_owned() },
        "username" => MaskSpec::Username,
        "first_name" => MaskSpec::FirstName,
        "last_name" => MaskSpec::LastName,
        "full_name" => MaskSpec::FullName,
        "phone" => MaskSpec::Phone,
        "street" => MaskSpec::Street,
        "city" => MaskSpec::City,
        "company" => MaskSpec::Company,
        "ip" => MaskSpec::Ip,
        "lorem" => MaskSpec::Lorem,
        "empty_json" => MaskSpec::EmptyJson,
        _ => return None,
    })
}

/// `{ rule = parameters }`: exactly one rule.
fn from_table<'d>(checker: &mut Checker<'d>, mut section: Section<'d>, support_allowed: bool) -> Option<MaskRule> {
    let nodes: Vec<(&'static str, Node<'d>)> =
        RULES.iter().filter_map(|name| section.take(name).map(|node| (*name, node))).collect();
    let (key, at) = (section.key().to_owned(), section.at());
    if section.named().iter().all(|(name, _)| RULES.contains(&name.as_str()) || (support_allowed && name == "support"))
    {
        // Only then: with an unknown key about, "names no rule" would be told beside the better message.
        match nodes.as_slice() {
            [] => checker.problem(at, &key, format!("names no rule ({})", RULES.join(", "))),
            [_] => {}
            [(first, _), (second, _), ..] => {
                checker.problem(at, &key, format!("names two rules, `{first}` and `{second}`; a column has one"));
            }
        }
    }
    section.finish(checker, None);
    let [(name, node)] = nodes.as_slice() else { return None };
    with_parameters(checker, name, node)
}

fn with_parameters<'d>(checker: &mut Checker<'d>, name: &'static str, node: &Node<'d>) -> Option<MaskRule> {
    let plain = |spec| Some(MaskRule { spec, domain: None });
    match (name, node.value) {
        ("constant", value) => {
            let text = match value {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(_) => checker.integer(node)?.to_string(),
                DeValue::Boolean(value) => value.to_string(),
                _ => return checker.wrong_type(node, "a string, a whole number or a boolean"),
            };
            plain(MaskSpec::Constant(text))
        }
        ("template", _) => {
            let text = checker.string(node)?;
            match template_fault(&text) {
                None => plain(MaskSpec::Template(text)),
                Some(fault) => checker.refuse(node, fault),
            }
        }
        (_, DeValue::Boolean(true)) => plain(without_parameters(name)?),
        (_, DeValue::Boolean(false)) => checker.refuse(node, "is false; name the rule that applies instead"),
        (_, DeValue::Table(_)) => {
            let mut section = checker.section(node)?;
            let spec = match name {
                "hash" => section
                    .take("length")
                    .map_or(Some(DEFAULT_HASH_LENGTH), |node| hash_length(checker, &node))
                    .map(|length| MaskSpec::Hash { length }),
                "email" => section
                    .take("host")
                    .map_or(Some(DEFAULT_EMAIL_HOST.to_owned()), |node| host(checker, &node))
                    .map(|host| MaskSpec::Email { host }),
                _ => without_parameters(name),
            };
            let domain = if KEYED_RULES.contains(&name) { section.take("domain") } else { None };
            let domain = match domain {
                Some(node) => Some(checker.name(&node)?),
                None => None,
            };
            section.finish(checker, None);
            Some(MaskRule { spec: spec?, domain })
        }
        _ => checker.wrong_type(node, "true or a table of parameters"),
    }
}

fn hash_length(checker: &mut Checker<'_>, node: &Node<'_>) -> Option<u32> {
    let length = checker.integer(node)?;
    match u32::try_from(length) {
        Ok(fits) if HASH_LENGTHS.contains(&length) => Some(fits),
        _ => {
            let (least, most) = (HASH_LENGTHS.start(), HASH_LENGTHS.end());
            checker.refuse(node, format!("is {length}; {least} to {most} characters are possible"))
        }
    }
}

fn host(checker: &mut Checker<'_>, node: &Node<'_>) -> Option<String> {
    let host = checker.name(node)?;
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    if host.split('.').all(label) {
        Some(host)
    } else {
        checker.refuse(node, format!("\"{}\" is not a host name, such as {DEFAULT_EMAIL_HOST}", shown(&host)))
    }
}

/// `{column}` names a column, `{{` and `}}` stand for braces.
fn template_fault(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            rest = &tail[2..];
        } else if tail.starts_with('}') {
            return Some("has a \"}\" that closes nothing; \"}}\" stands for a brace".to_owned());
        } else {
            match tail[1..].find(['{', '}']) {
                Some(length) if tail.as_bytes()[1 + length] == b'}' => {
                    if tail[1..1 + length].is_empty() {
                        return Some("has {} without a column's name in it".to_owned());
                    }
                    rest = &tail[length + 2..];
                }
                _ => return Some("leaves a \"{\" open; \"{{\" stands for a brace".to_owned()),
            }
        }
    }
    None
}
