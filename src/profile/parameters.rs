//! The parameters of a rule as reports show them.

use super::MaskSpec;

impl MaskSpec {
    /// Name and value of each. A constant is told by its length: it may be a password's hash.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Constant(text) => vec![("characters", text.chars().count().to_string())],
            Self::Template(text) => vec![("text", text.clone())],
            Self::Hash { length } => vec![("length", length.to_string())],
            Self::Email { host } => vec![("host", host.clone())],
            _ => Vec::new(),
        }
    }
}
