//! `[columns.TABLE]`: column rules as the profile writes them.
//!
//! A rule is a word (`"keep"`, `"email"`) or a table of one rule and, perhaps, `support`:
//! `{ email = { host = "dev.example" }, support = "null" }`. Whether a rule suits its column is decided in `plan`.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Checker, Node, Section, did_you_mean, shown};
use super::facts::{Default as Absent, Form, Kind, Parameter, RULES, RuleFacts, Value, Values};
use super::{ColumnRule, Locale, MaskRule, MaskSpec, predicate, toml_text};

/// Names of all rules, in the order messages list them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

fn list() -> String {
    names().collect::<Vec<_>>().join(", ")
}

fn is_name(name: &str) -> bool {
    RuleFacts::find(name).is_some()
}

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
            let known = |name: &str| matches!(name, "support" | "when") || is_name(name);
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
        _ => checker.wrong_type(node, "a rule's name or { NAME = … }"),
    }
}

/// `[masks]`
pub(super) fn locale<'d>(checker: &mut Checker<'d>, mut section: Section<'d>) -> Locale {
    let locale = section.take("locale").and_then(|node| checker.word(&node, Locale::ALL));
    section.finish(checker, None);
    locale.unwrap_or_default()
}

/// Names in every rule are those of the profile's language.
pub(super) fn localize(rules: &mut BTreeMap<String, ColumnRule>, locale: Locale) {
    for rule in rules.values_mut() {
        if let ColumnRule::Decided { member, support } = rule {
            member.spec.localize(locale);
            if let Some(support) = support {
                support.spec.localize(locale);
            }
        }
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
        _ => checker.wrong_type(node, "a rule's name or { NAME = … }"),
    }
}

/// A rule that is only a word.
fn by_name(checker: &mut Checker<'_>, node: &Node<'_>, word: &str) -> Option<MaskRule> {
    let Some(facts) = RuleFacts::find(word) else {
        let hint = did_you_mean(word, names().chain(["undecided"]));
        return checker.refuse(node, format!("unknown rule \"{}\"{hint} (undecided, {})", shown(word), list()));
    };
    match (facts.form, facts.defaults()) {
        (Form::Direct(_), _) => checker.refuse(node, format!("needs a text: {{ {word} = \"…\" }}")),
        (Form::Parameters(_), Ok(spec)) if facts.is_word() => Some(MaskRule { spec, domain: None }),
        _ => checker.refuse(node, format!("needs parameters, such as {}", facts.example.rule)),
    }
}

/// `{ rule = parameters }`: exactly one rule.
fn from_table<'d>(checker: &mut Checker<'d>, mut section: Section<'d>, support_allowed: bool) -> Option<MaskRule> {
    let nodes: Vec<(&'static RuleFacts, Node<'d>)> =
        RULES.iter().filter_map(|rule| section.take(rule.name).map(|node| (rule, node))).collect();
    let when = section.take("when");
    let (key, at) = (section.key().to_owned(), section.at());
    let beside = |name: &str| name == "when" || (support_allowed && name == "support");
    if section.named().iter().all(|(name, _)| is_name(name) || beside(name)) {
        // Only then: with an unknown key about, "names no rule" would be told beside the better message.
        match nodes.as_slice() {
            [] => checker.problem(at, &key, format!("names no rule ({})", list())),
            [_] => {}
            [(first, _), (second, _), ..] => {
                let (first, second) = (first.name, second.name);
                checker.problem(at, &key, format!("names two rules, `{first}` and `{second}`; a column has one"));
            }
        }
    }
    section.finish(checker, None);
    let [(facts, node)] = nodes.as_slice() else { return None };
    let rule = with_parameters(checker, facts, node);
    let Some(when) = when else { return rule };
    let condition = super::raw::fragment(checker, &when)?;
    let MaskRule { spec, domain } = rule?;
    Some(MaskRule { spec: MaskSpec::When { condition, rule: Box::new(spec) }, domain })
}

fn with_parameters<'d>(checker: &mut Checker<'d>, facts: &'static RuleFacts, node: &Node<'d>) -> Option<MaskRule> {
    let mut domain = None;
    let values = match (facts.form, node.value) {
        (Form::Direct(parameter), _) => {
            let mut values = Values::default();
            values.set(parameter.name, value(checker, &parameter, node)?);
            values
        }
        (_, DeValue::Boolean(true)) if facts.is_word() => Values::defaults(facts.parameters()),
        (_, DeValue::Boolean(true)) => {
            return checker.refuse(node, format!("needs parameters, such as {}", facts.example.rule));
        }
        (_, DeValue::Boolean(false)) => return checker.refuse(node, "is false; name the rule that applies instead"),
        (Form::Parameters(parameters), DeValue::Table(_)) => {
            let mut section = checker.section(node)?;
            let values = parameters_of(checker, parameters, &mut section);
            if facts.keyed
                && let Some(node) = section.take("domain")
            {
                domain = Some(checker.name(&node)?);
            }
            section.finish(checker, None);
            values?
        }
        _ => return checker.wrong_type(node, "true or a table of parameters"),
    };
    match (facts.build)(&values) {
        Ok(spec) => Some(MaskRule { spec, domain }),
        Err(what) => checker.refuse(node, what),
    }
}

/// All of them are read even if one is wrong.
fn parameters_of<'d>(
    checker: &mut Checker<'d>,
    parameters: &'static [Parameter],
    section: &mut Section<'d>,
) -> Option<Values> {
    let mut values = Some(Values::defaults(parameters));
    for parameter in parameters {
        match section.take(parameter.name) {
            Some(node) => match (value(checker, parameter, &node), &mut values) {
                (Some(value), Some(values)) => values.set(parameter.name, value),
                _ => values = None,
            },
            None if parameter.default == Absent::Required => {
                checker.problem(section.at(), &format!("{}.{}", section.key(), parameter.name), "is missing");
                values = None;
            }
            None => {}
        }
    }
    values
}

fn value<'d>(checker: &mut Checker<'d>, parameter: &Parameter, node: &Node<'d>) -> Option<Value> {
    Some(match parameter.kind {
        Kind::Scalar => Value::Text(match node.value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_) => checker.integer(node)?.to_string(),
            DeValue::Boolean(value) => value.to_string(),
            _ => return checker.wrong_type(node, "a string, a whole number or a boolean"),
        }),
        Kind::Text | Kind::Pattern => Value::Text(checker.string(node)?),
        Kind::Template => {
            let text = checker.string(node)?;
            match template_fault(&text) {
                None => Value::Text(text),
                Some(fault) => return checker.refuse(node, fault),
            }
        }
        Kind::Expression => {
            let text = checker.string(node)?;
            match predicate::check(&text) {
                Ok(()) => Value::Text(text),
                Err(fault) => return checker.refuse(node, fault),
            }
        }
        Kind::Host => Value::Text(host(checker, node)?),
        Kind::Word(words) => {
            let allowed: Vec<(&'static str, &'static str)> = words.iter().map(|word| (*word, *word)).collect();
            Value::Text(checker.word(node, &allowed)?.to_owned())
        }
        Kind::Integer(least, most) => {
            let number = checker.integer(node)?;
            if !(least..=most).contains(&number) {
                let what = parameter.meaning;
                return checker.refuse(node, format!("is {number}; {least} to {most} {what} are possible"));
            }
            Value::Integer(number)
        }
        Kind::Number(least, most) => Value::Number(number(checker, node, least, most)?),
        Kind::Boolean => Value::Boolean(checker.boolean(node)?),
        Kind::Column => Value::Text(checker.name(node)?),
        Kind::Columns => Value::Texts(texts(checker, node, true)?),
        Kind::Texts => Value::Texts(texts(checker, node, false)?),
        Kind::Numbers => match node.value {
            DeValue::Array(elements) => {
                let numbers = elements.iter().map(|element| {
                    let at = element.span().start;
                    let element = Node { key: node.key.clone(), at, value: element.get_ref() };
                    number(checker, &element, 0.0, 1e15)
                });
                Value::Numbers(numbers.collect::<Option<_>>()?)
            }
            _ => return checker.wrong_type(node, "a list of numbers"),
        },
        Kind::Rule => Value::Rule(Box::new(support_rule(checker, node)?)),
        Kind::Rules => {
            let section = checker.section(node)?;
            let rules = section.named().into_iter().map(|(name, node)| Some((name, support_rule(checker, &node)?)));
            Value::Rules(rules.collect::<Option<_>>()?)
        }
    })
}

fn texts<'d>(checker: &mut Checker<'d>, node: &Node<'d>, one_allowed: bool) -> Option<Vec<String>> {
    if !one_allowed && !matches!(node.value, DeValue::Array(_)) {
        return checker.wrong_type(node, "a list of strings");
    }
    let texts = checker.names(node);
    if texts.is_empty() {
        return checker.refuse(node, "is empty");
    }
    Some(texts.into_iter().map(|(text, _)| text).collect())
}

fn number(checker: &mut Checker<'_>, node: &Node<'_>, least: f64, most: f64) -> Option<f64> {
    let written = match node.value {
        DeValue::Integer(_) => checker.integer(node)?.to_string(),
        DeValue::Float(value) => value.as_str().to_owned(),
        _ => return checker.wrong_type(node, "a number"),
    };
    match written.parse::<f64>() {
        Ok(value) if (least..=most).contains(&value) => Some(value),
        _ => checker.refuse(node, format!("is {written}; a number from {least} to {most} is needed")),
    }
}

fn host(checker: &mut Checker<'_>, node: &Node<'_>) -> Option<String> {
    let host = checker.name(node)?;
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    if host.split('.').all(label) {
        Some(host)
    } else {
        checker.refuse(node, format!("\"{}\" is not a host name, such as example.com", shown(&host)))
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
