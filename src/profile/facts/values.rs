//! Parameters of one rule after they were read: by name, each of the kind that its facts state.

use std::collections::BTreeMap;

use super::{Default as Absent, Kind, Parameter};
use crate::profile::MaskRule;

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::profile) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Texts(Vec<String>),
    Numbers(Vec<f64>),
    Rule(Box<MaskRule>),
    Rules(Vec<(String, MaskRule)>),
}

/// All parameters of one rule.
#[derive(Clone, Debug, Default)]
pub(in crate::profile) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// Those that have a default.
    pub(in crate::profile) fn defaults(parameters: &[Parameter]) -> Self {
        let default = |parameter: &Parameter| match parameter.default {
            Absent::Is(written) => Some((parameter.name, read(parameter.kind, written))),
            Absent::Required | Absent::Nothing => None,
        };
        Self(parameters.iter().filter_map(default).collect())
    }

    pub(in crate::profile) fn set(&mut self, name: &'static str, value: Value) {
        self.0.insert(name, value);
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// A number that its facts keep within 32 bits.
    pub(super) fn small(&self, name: &str) -> u32 {
        self.integer(name).and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Value::Number(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Boolean(true))
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn numbers(&self, name: &str) -> Vec<f64> {
        match self.0.get(name) {
            Some(Value::Numbers(numbers)) => numbers.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn rule(&self, name: &str) -> Option<Box<MaskRule>> {
        match self.0.get(name) {
            Some(Value::Rule(rule)) => Some(rule.clone()),
            _ => None,
        }
    }

    pub(super) fn rules(&self, name: &str) -> Vec<(String, MaskRule)> {
        match self.0.get(name) {
            Some(Value::Rules(rules)) => rules.clone(),
            _ => Vec::new(),
        }
    }
}

/// A default, which the facts write as text. Lists and rules have none.
fn read(kind: Kind, written: &str) -> Value {
    match kind {
        Kind::Integer(..) => Value::Integer(written.parse().unwrap_or_default()),
        Kind::Number(..) => Value::Number(written.parse().unwrap_or_default()),
        Kind::Boolean => Value::Boolean(written == "true"),
        _ => Value::Text(written.to_owned()),
    }
}
