//! Masked columns whose values are looked for elsewhere.

use super::form::{Form, Shape};
use super::secrets::ends_with;
use crate::copyfmt::Format;
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::Column;

/// A masked column whose values are looked for.
#[derive(Clone, Debug)]
pub struct Watched {
    form: Form,
    /// Of its own.
    number: u64,
    manner: Manner,
    /// What the mask itself makes: hosts with their `@`, whole texts.
    hosts: Vec<String>,
    constants: Vec<String>,
}

/// How the mask treats a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// As one.
    Whole,
    /// As running text that it replaces.
    Prose,
    /// Words of it, here and there.
    Words,
}

impl Watched {
    /// `None` where nothing in it could be recognized elsewhere: short numbers, dates, bytes, what is kept, and numbers
    /// that stay near what they were. No other column has that `number`.
    pub fn of(column: &Column, rule: &MaskRule, number: u64) -> Option<Self> {
        let mut watched = Self::public(column, number)?;
        match rule.spec.plain() {
            MaskSpec::Keep | MaskSpec::Noise { .. } | MaskSpec::Bucket { .. } | MaskSpec::DateTruncate { .. } => {
                return None;
            }
            MaskSpec::Json { .. } => watched.form.shape = Shape::Json,
            MaskSpec::Redact { .. } => watched.manner = Manner::Words,
            MaskSpec::Lorem => watched.manner = Manner::Prose,
            MaskSpec::Email { host } => watched.hosts.push(format!("@{}", host.to_lowercase())),
            MaskSpec::Constant(text) => watched.constants.push(text.trim().to_owned()),
            MaskSpec::Template(text) => {
                let host = text.rfind('@').map(|at| text[at..].to_lowercase());
                watched.hosts.extend(host.filter(|host| !host.contains('{')));
            }
            _ => {}
        }
        Some(watched)
    }

    /// A kept column whose values may stand anywhere.
    pub fn public(column: &Column, number: u64) -> Option<Self> {
        let form = Form::of(&column.data_type)?;
        Some(Self { form, number, manner: Manner::Whole, hosts: Vec::new(), constants: Vec::new() })
    }

    /// Holds running text: short phrases in it are everybody's.
    pub(super) fn is_prose(&self) -> bool {
        self.manner != Manner::Whole
    }

    /// The mask replaces words of a text and leaves the others.
    pub(super) fn is_redacted(&self) -> bool {
        self.manner == Manner::Words
    }

    /// The mask may treat parts of a value each by another rule.
    pub(super) fn is_of_parts(&self) -> bool {
        matches!(self.form.shape, Shape::Json | Shape::Hstore | Shape::Composite | Shape::Array)
    }

    pub(super) fn has_uuids(&self) -> bool {
        self.form.has(Shape::Uuid)
    }

    /// See [`Watched::of`].
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The source held already what the mask gives.
    pub fn is_made_by_mask(&self, text: &[u8]) -> bool {
        self.constants.iter().any(|constant| text.trim_ascii().eq_ignore_ascii_case(constant.as_bytes()))
            || self.hosts.iter().any(|host| ends_with(text, host))
    }

    /// See [`Form::texts`].
    pub(super) fn texts(&self, format: Format, field: &[u8], give: &mut dyn FnMut(&[u8])) {
        self.form.texts(format, field, give);
    }
}
