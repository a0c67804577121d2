//! What is known of each rule, in one table: the parser's names and parameters, the JSON Schema, messages, `docs/rules.md`
//! and the types a mask accepts all come from here.
//!
//! A new rule is its variant of [`MaskSpec`], its entry in `table`, and its code in `anonymize`.

mod table;
mod values;

use super::MaskSpec;
use crate::schema::{ColumnType, TypeClass};

pub use table::RULES;
pub(super) use table::UNKNOWN;
pub(super) use values::{Value, Values};

/// Facts of one rule.
#[derive(Debug)]
pub struct RuleFacts {
    /// As the profile writes it.
    pub name: &'static str,
    /// One line.
    pub meaning: &'static str,
    /// What stands after `rule =` itself.
    pub form: Form,
    /// Columns it can be used on. Rules that do not take arrays themselves mask them element by element.
    pub accepts: &'static [TypeSet],
    /// The result depends on the secret key, and so on a domain.
    pub keyed: bool,
    /// The same value gives the same result, in every table and every run with the same key.
    pub deterministic: bool,
    /// When different values stay different; empty: never.
    pub injective: &'static str,
    /// The result has as many characters (or bytes) as the value.
    pub keeps_length: bool,
    /// The result has the shape of the value.
    pub keeps_format: bool,
    /// How it looks.
    pub example: Example,
    pub(super) build: fn(&Values) -> Result<MaskSpec, String>,
}

/// What a rule is written with.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// `rule = true` or `rule = { parameter = … }`; the rule's name alone where no parameter is required.
    Parameters(&'static [Parameter]),
    /// `rule = value`.
    Direct(Parameter),
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// As the profile writes it.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is where the profile does not say.
    pub default: Default,
    /// One line.
    pub meaning: &'static str,
}

/// What a parameter is where the profile does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// The profile must say.
    Required,
    /// Nothing.
    Nothing,
    /// As TOML would write it.
    Is(&'static str),
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A text, a whole number or a boolean, taken as text.
    Scalar,
    /// Any text.
    Text,
    /// A text with columns in braces.
    Template,
    /// An SQL expression.
    Expression,
    /// A regular expression.
    Pattern,
    /// A host name.
    Host,
    /// One of these.
    Word(&'static [&'static str]),
    /// A whole number in these bounds.
    Integer(i64, i64),
    /// A number in these bounds.
    Number(f64, f64),
    /// true or false.
    Boolean,
    /// A column of the same table.
    Column,
    /// Columns of the same table.
    Columns,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Numbers,
    /// Another rule.
    Rule,
    /// Other rules, each under a text.
    Rules,
}

/// Types that a rule takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSet {
    /// Every type.
    Any,
    /// text, varchar, char, citext, name
    Text,
    /// smallint, integer, bigint
    Integer,
    /// smallint, integer, bigint, numeric, real, double precision
    Number,
    /// date, timestamp, timestamptz
    Date,
    /// All that a constant can be written for.
    Constant,
    /// All that a constant can be written for, but for arrays.
    Scalar,
    /// A type that has no class of its own, by its name.
    Named(&'static str),
    /// One type.
    One(TypeClass, &'static str),
}

/// One look at a rule: the result is worked out where `docs/rules.md` is made.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The rule as the profile writes it.
    pub rule: &'static str,
    /// Type of the column.
    pub class: TypeClass,
    /// The value, as PostgreSQL prints it.
    pub value: &'static str,
}

impl RuleFacts {
    /// The rule of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// Its parameters, but for a direct one.
    pub fn parameters(&self) -> &'static [Parameter] {
        match self.form {
            Form::Parameters(parameters) => parameters,
            Form::Direct(_) => &[],
        }
    }

    /// The name alone is a rule.
    pub fn is_word(&self) -> bool {
        let needed = |parameter: &Parameter| parameter.default == Default::Required;
        match self.form {
            Form::Parameters(parameters) => !parameters.iter().any(needed) && self.defaults().is_ok(),
            Form::Direct(_) => false,
        }
    }

    /// The rule with every parameter at its default, where that is enough.
    #[cfg(test)]
    pub(crate) fn build_default(&self) -> Result<MaskSpec, String> {
        self.defaults()
    }

    /// The rule that its name alone means, if it means one.
    pub fn with_defaults(&self) -> Option<MaskSpec> {
        self.defaults().ok().filter(|_| self.is_word())
    }

    /// With every parameter at its default.
    pub(super) fn defaults(&self) -> Result<MaskSpec, String> {
        (self.build)(&Values::defaults(self.parameters()))
    }

    /// The rule takes columns of that type as they are (arrays: not element by element).
    pub fn takes(&self, data_type: &ColumnType) -> bool {
        self.accepts.iter().any(|set| set.has(data_type))
    }

    /// The types it takes, in words.
    pub fn accepted(&self) -> String {
        let mut words: Vec<&str> = self.accepts.iter().map(|set| set.words()).collect();
        match (words.as_slice(), words.len()) {
            ([TypeSet::TEXT], _) => "text types (text, varchar, char, citext, name)".to_owned(),
            (_, 0 | 1) => words.concat(),
            _ => {
                let last = words.pop().unwrap_or_default();
                format!("{} and {last}", words.join(", "))
            }
        }
    }
}

impl TypeSet {
    const TEXT: &'static str = "text types";

    fn has(self, data_type: &ColumnType) -> bool {
        use TypeClass as C;
        let class = data_type.class;
        match self {
            Self::Any => true,
            Self::Text => class.is_text(),
            Self::Integer => class.is_integer(),
            Self::Number => class.is_integer() || matches!(class, C::Numeric | C::Float4 | C::Float8),
            Self::Date => matches!(class, C::Date | C::Timestamp | C::Timestamptz),
            Self::Constant => {
                !matches!(class, C::Composite | C::Range | C::Tsvector | C::Interval | C::Macaddr | C::Other)
            }
            Self::Scalar => class != C::Array && Self::Constant.has(data_type),
            Self::Named(name) => {
                class == C::Other && data_type.base_sql_name.rsplit('.').next().is_some_and(|own| own == name)
            }
            Self::One(own, _) => own == class,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Any => "every type",
            Self::Text => Self::TEXT,
            Self::Integer => "smallint, integer, bigint",
            Self::Number => "smallint, integer, bigint, numeric, real, double precision",
            Self::Date => "date, timestamp, timestamptz",
            Self::Constant => {
                "text types, integers, oid, numeric, real, double precision, boolean, bytea, uuid, json, jsonb, xml, \
                 inet, cidr, date, time, timestamp, timestamptz, enums and (as {}) arrays"
            }
            Self::Scalar => {
                "text types, integers, oid, numeric, real, double precision, boolean, bytea, uuid, json, jsonb, xml, \
                 inet, cidr, date, time, timestamp, timestamptz and enums"
            }
            Self::Named(words) | Self::One(_, words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_to_their_own_variant() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(RULES[..at].iter().all(|other| other.name != rule.name), "{}", rule.name);
            assert!(!rule.meaning.is_empty() && !rule.accepts.is_empty(), "{}", rule.name);
            if rule.is_word() {
                assert_eq!(rule.defaults().expect("a word").name(), rule.name);
            }
            assert!(rule.example.rule.contains(rule.name), "{}", rule.name);
        }
    }
}
