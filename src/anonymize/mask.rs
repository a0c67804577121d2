//! A rule compiled for one column, and its application to one value.

use super::codec::{self, JSONB_VERSION};
use super::net::Net;
use super::rules::{self, Keyed, Typed};
use super::template::Template;
use super::uniqueness::limit;
use super::{Fault, MALFORMED, array, constant, template};
use crate::copyfmt::Format;
use crate::digest::{DomainKey, MaskKey};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{ColumnType, Table, TypeClass};
use crate::types::ColumnId;

/// A rule compiled for a column.
#[derive(Clone, Debug)]
pub struct Mask {
    rule: &'static str,
    class: TypeClass,
    limit: usize,
    body: Body,
    /// Columns of the same row that the rule looks at, as they are in the source.
    beside: Vec<(ColumnId, TypeClass)>,
}

#[derive(Clone, Debug)]
enum Body {
    Keep,
    Null,
    Constant {
        binary: Vec<u8>,
        text: Vec<u8>,
    },
    EmptyArray,
    EmptyJson,
    Template(Template),
    Keyed(Keyed, DomainKey),
    Typed(Box<Typed>),
    /// Each element of an array.
    Elements(Box<Mask>),
}

/// What a rule is compiled for: a column, or what stands inside its type.
#[derive(Clone, Copy)]
struct Place<'a> {
    table: &'a Table,
    data_type: &'a ColumnType,
    not_null: bool,
}

impl Mask {
    /// Compiles `rule` for a column. The key may be absent where the rule does not need one (see
    /// [`super::needs_key`]).
    ///
    /// # Errors
    /// `ErrorKind::Profile` naming the column and the rule: it does not suit the column's type or length, or the key
    /// is missing.
    pub fn compile(rule: &MaskRule, table: &Table, column: ColumnId, key: Option<&MaskKey>) -> Result<Self> {
        let name = rule.spec.name();
        let (data_type, not_null) = (&table.column(column).data_type, table.column(column).not_null);
        Self::at(rule, Place { table, data_type, not_null }, key).map_err(|what| {
            let column = &table.column(column).name;
            Error::new(ErrorKind::Profile, format!("mask {}.{column} by rule {name}: {what}", table.name))
        })
    }

    fn at(rule: &MaskRule, place: Place<'_>, key: Option<&MaskKey>) -> Result<Self, String> {
        let data_type = place.data_type;
        let facts = rule.spec.facts();
        let mut beside = Vec::new();
        let body = if facts.takes(data_type) {
            for name in rule.spec.columns_beside() {
                let (id, other) = template::column(name, place.table)?;
                beside.push((id, other.data_type.class));
            }
            Self::body(rule, place, key)?
        } else {
            match data_type.inside.as_slice() {
                [(_, element)] if data_type.class == TypeClass::Array => {
                    let inner = Self::at(rule, Place { data_type: element, not_null: false, ..place }, key)?;
                    beside.clone_from(&inner.beside);
                    Body::Elements(Box::new(inner))
                }
                _ => {
                    let (is, accepted) = (&data_type.sql_name, facts.accepted());
                    return Err(format!("the column is of type {is}; the rule accepts {accepted}"));
                }
            }
        };
        Ok(Self { rule: facts.name, class: data_type.class, limit: limit(data_type), body, beside })
    }

    fn body(rule: &MaskRule, place: Place<'_>, key: Option<&MaskKey>) -> Result<Body, String> {
        let Place { table, data_type, not_null } = place;
        let limit = limit(data_type);
        let room = |needed: usize| {
            if needed <= limit { Ok(()) } else { Err(format!("needs {needed} characters, the column takes {limit}")) }
        };
        let domain = || {
            let key = key.ok_or("the secret TITHE_KEY is not set")?;
            Ok(key.domain(rule.domain.as_deref().unwrap_or(rule.spec.name())))
        };
        let body = match &rule.spec {
            MaskSpec::Keep => Body::Keep,
            MaskSpec::Null if not_null => return Err("the column is NOT NULL".into()),
            MaskSpec::Null => Body::Null,
            MaskSpec::Constant(text) if data_type.class == TypeClass::Array => {
                if text.trim() != "{}" {
                    return Err("of an array, only the empty one ({}) can be a constant".into());
                }
                Body::EmptyArray
            }
            MaskSpec::Constant(text) => {
                if data_type.class.is_text() {
                    let is_name = data_type.class == TypeClass::Name;
                    room(if is_name { text.len() } else { text.chars().count() })?;
                }
                let binary = constant::encode(text, data_type)
                    .ok_or_else(|| format!("the constant is no value of type {}", data_type.sql_name))?;
                Body::Constant { binary, text: text.clone().into_bytes() }
            }
            MaskSpec::Template(text) => {
                let template = Template::compile(text, table)?;
                room(template.least_chars())?;
                Body::Template(template)
            }
            MaskSpec::EmptyJson => {
                room(2)?;
                Body::EmptyJson
            }
            MaskSpec::Hash { length } if !(8..=64).contains(length) => {
                return Err(format!("a length of {length} is not between 8 and 64"));
            }
            spec => {
                if let Some(typed) = Typed::new(spec, data_type, domain)? {
                    return Ok(Body::Typed(Box::new(typed)));
                }
                let keyed = Keyed::new(spec)?.ok_or("the rule is not known")?;
                room(keyed.least_chars())?;
                Body::Keyed(keyed, domain()?)
            }
        };
        Ok(body)
    }

    /// Columns of the same row that [`Self::apply_beside`] wants, in order.
    pub(super) fn beside(&self) -> impl Iterator<Item = ColumnId> {
        self.beside.iter().map(|(column, _)| *column)
    }

    /// The rule's name.
    pub(super) fn rule(&self) -> &'static str {
        self.rule
    }

    /// Most characters of a result.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Values pass unchanged.
    pub fn is_keep(&self) -> bool {
        matches!(self.body, Body::Keep)
    }

    /// The template, for the one rule that needs the whole row.
    pub(super) fn template(&self) -> Option<&Template> {
        match &self.body {
            Body::Template(template) => Some(template),
            _ => None,
        }
    }

    /// Appends the mask of a value that is not NULL, both without length word or escapes; false when it is NULL.
    pub(super) fn apply(&self, value: &[u8], format: Format, out: &mut Vec<u8>) -> Result<bool, Fault> {
        self.apply_beside(value, &[], format, out)
    }

    /// As [`Self::apply`], with the source's values of the columns that [`Self::beside`] names.
    pub(super) fn apply_beside(
        &self,
        value: &[u8],
        beside: &[Option<&[u8]>],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<bool, Fault> {
        match (&self.body, format) {
            (Body::Keep, _) => out.extend_from_slice(value),
            (Body::Null, _) => return Ok(false),
            (Body::Constant { binary, .. }, Format::Binary) => out.extend_from_slice(binary),
            (Body::Constant { text, .. }, Format::Text) => out.extend_from_slice(text),
            (Body::EmptyArray, Format::Text) => out.extend_from_slice(b"{}"),
            (Body::EmptyArray, Format::Binary) => {
                // No dimension, no NULL, and the element type that the value itself names.
                out.extend_from_slice(&[0; 8]);
                out.extend_from_slice(value.get(8..12).ok_or(MALFORMED)?);
            }
            (Body::EmptyJson, _) => self.empty_json(value, format, out)?,
            (Body::Template(_), _) => return Err(Fault("a template needs the whole row")),
            (Body::Keyed(rule, key), _) => self.keyed(rule, key, value, format, out)?,
            (Body::Typed(rule), _) => {
                let subject = match (self.beside.first(), beside.first()) {
                    (Some((_, class)), Some(Some(subject))) => Some(codec::identity(*class, format, subject)?),
                    _ => None,
                };
                rule.apply(value, format, subject.as_deref(), out)?;
            }
            (Body::Elements(mask), _) => {
                array::each(value, format, out, |element, out| mask.apply_beside(element, beside, format, out))?;
            }
        }
        Ok(true)
    }

    fn empty_json(&self, value: &[u8], format: Format, out: &mut Vec<u8>) -> Result<(), Fault> {
        let text = match (self.class, format) {
            (TypeClass::Jsonb, Format::Binary) => {
                out.push(JSONB_VERSION);
                codec::jsonb_text(value)?
            }
            _ => value,
        };
        match text.trim_ascii_start().first() {
            None => {}
            Some(b'[') => out.extend_from_slice(b"[]"),
            Some(_) => out.extend_from_slice(b"{}"),
        }
        Ok(())
    }

    fn keyed(
        &self,
        rule: &Keyed,
        key: &DomainKey,
        value: &[u8],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        match (self.class, format) {
            (TypeClass::Uuid, Format::Binary) => {
                let mut canonical = Vec::with_capacity(36);
                codec::print(self.class, format, value, &mut canonical)?;
                out.extend_from_slice(rules::uuid(&mut key.stream(&canonical)).as_bytes());
                return Ok(());
            }
            (TypeClass::Inet | TypeClass::Cidr, _) => {
                let net = match format {
                    Format::Binary => Net::read(value),
                    Format::Text => Net::parse(value, self.class == TypeClass::Cidr),
                };
                let net = net.ok_or(MALFORMED)?;
                let masked = rules::mask_net(&mut key.stream(net.address.to_string().as_bytes()), net);
                match format {
                    Format::Binary => masked.write(out),
                    Format::Text => masked.print(usize::MAX, out),
                }
                return Ok(());
            }
            _ => {}
        }
        let canonical = codec::canonical(self.class, value);
        if canonical.is_empty() {
            return Ok(());
        }
        rule.write(key, &canonical, self.limit, out);
        Ok(())
    }
}
