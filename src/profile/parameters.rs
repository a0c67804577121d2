//! The parameters of a rule as reports show them.

use super::{MaskRule, MaskSpec};

impl MaskSpec {
    /// Name and value of each. A constant is told by its length: it may be a password's hash.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Constant(text) => vec![("characters", text.chars().count().to_string())],
            Self::Template(text) => vec![("text", text.clone())],
            Self::Hash { length } => vec![("length", length.to_string())],
            Self::Email { host } => vec![("host", host.clone())],
            Self::Permute { min, max } => {
                some([("min", min.map(|n| n.to_string())), ("max", max.map(|n| n.to_string()))])
            }
            Self::Noise { percent, amount } => {
                some([("percent", percent.map(|n| n.to_string())), ("amount", amount.map(|n| n.to_string()))])
            }
            Self::Bucket { size } => vec![("size", size.to_string())],
            Self::DateShift { days, subject } => some([("days", Some(days.to_string())), ("subject", subject.clone())]),
            Self::DateTruncate { to } => vec![("to", format!("{to:?}").to_lowercase())],
            Self::Pick { from, .. } => vec![("choices", from.len().to_string())],
            Self::PostalCode { keep_first } if *keep_first > 0 => vec![("keep_first", keep_first.to_string())],
            Self::Url { keep_host: true } => vec![("keep_host", "true".to_owned())],
            Self::GeoJitter { km } => vec![("km", km.to_string())],
            Self::Bytes { fill } => vec![("as", format!("{fill:?}").to_lowercase())],
            Self::Regex { pattern } => vec![("pattern", pattern.clone())],
            Self::Scramble { keep_first, keep_last } => {
                vec![("keep_first", keep_first.to_string()), ("keep_last", keep_last.to_string())]
            }
            Self::Redact { subject } if !subject.is_empty() => vec![("subject", subject.join(", "))],
            Self::Json { paths: parts, default } => inside("paths", parts, default),
            Self::Hstore { keys: parts, default } => inside("keys", parts, default),
            Self::Composite { fields: parts, default } => inside("fields", parts, default),
            Self::Address { part, country } => {
                some([("part", Some(format!("{part:?}").to_lowercase())), ("country", country.clone())])
            }
            Self::Sql(expression) => vec![("expression", expression.clone())],
            Self::When { condition, rule } => [rule.parameters(), vec![("when", condition.clone())]].concat(),
            Self::In { locale, rule } => {
                [rule.parameters(), vec![("locale", format!("{locale:?}").to_lowercase())]].concat()
            }
            Self::Keep
            | Self::Null
            | Self::Token
            | Self::Uuid
            | Self::Username
            | Self::FirstName
            | Self::LastName
            | Self::FullName
            | Self::Phone
            | Self::Street
            | Self::City
            | Self::Company
            | Self::Ip
            | Self::Lorem
            | Self::EmptyJson
            | Self::PostalCode { .. }
            | Self::Mac
            | Self::UserAgent
            | Self::Url { .. }
            | Self::FileName
            | Self::JobTitle
            | Self::Iban
            | Self::Card
            | Self::PasswordHash
            | Self::Pem
            | Self::Redact { .. } => Vec::new(),
        }
    }
}

/// Those that are stated.
fn some<const N: usize>(all: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What stands inside a value: each part with its rule's name.
fn inside(name: &'static str, parts: &[(String, MaskRule)], default: &MaskRule) -> Vec<(&'static str, String)> {
    let parts: Vec<String> = parts.iter().map(|(part, rule)| format!("{part} {}", rule.spec.name())).collect();
    vec![(name, parts.join(", ")), ("default", default.spec.name().to_owned())]
}
