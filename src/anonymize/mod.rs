//! Masks: compiled from column rules, applied to rows in the stream.
//!
//! A mask is a pure function of (secret key, domain, canonical value), so equal values get equal masks in every table
//! and every night, and nobody without the key can reverse or guess one. Everything that can be wrong is found when
//! rules are compiled, before a row moves; what only a row can show becomes a [`MaskError`] that names table, column
//! and rule, never the value. Whether a mask suits a unique index, and which column has which rule, is decided in
//! `plan` with the help of [`uniqueness()`]; nothing here reads the profile file, a database or a clock.
//!
//! What holds under every rule: NULL stays NULL; an empty text stays empty under all but `null`, `constant`, `template`
//! and `sql` (it says nothing about anybody, and applications test for it); a text is never longer than its column allows.
//!
//! ```text
//! id 7 | "Ann@Home.org" | NULL      rules: keep, email, username
//! id 7 | "otto.k3f9x2mw7qp4t@example.com" | NULL
//! ```

mod array;
mod codec;
mod constant;
mod json;
mod distinct;
mod extent;
mod mask;
mod net;
mod numeric;
mod parts;
mod rules;
mod tally;
mod template;
mod transform;
mod uniqueness;

use std::fmt;

pub use extent::agrees;
pub use mask::Mask;
pub use tally::Tally;
pub use template::{Piece as TemplatePiece, template_columns, template_pieces};
pub use transform::RowTransform;
pub use uniqueness::{Uniqueness, uniqueness};

use crate::profile::MaskRule;

/// Some rule needs the secret `TITHE_KEY`.
pub fn needs_key<'a>(rules: impl IntoIterator<Item = &'a MaskRule>) -> bool {
    rules.into_iter().any(|rule| rule.spec.facts().keyed || needs_key(rule.spec.rules_inside()))
}

/// A row that a compiled rule cannot mask. Names places, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskError {
    table: String,
    column: String,
    rule: &'static str,
    what: &'static str,
}

impl fmt::Display for MaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mask {}.{} by rule {}: {}", self.table, self.column, self.rule, self.what)
    }
}

impl std::error::Error for MaskError {}

/// What is wrong with a value, before it is known where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault(&'static str);

const MALFORMED: Fault = Fault("the value does not have the form of its type");
const TOO_LONG: Fault = Fault("the result is longer than the column allows");

#[cfg(test)]
mod docs;
#[cfg(test)]
mod json_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
