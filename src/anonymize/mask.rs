//! A rule compiled for one column, and its application to one value.

use super::codec::{self, JSONB_VERSION};
use super::json::{Dates, Documents, Leaf, LeafKind};
use super::net::Net;
use super::parts::{self, Pairs, Part};
use super::rules::{self, Keyed, Names, Redactor, Typed, address};
use super::template::Template;
use super::uniqueness::limit;
use super::{Fault, MALFORMED, TOO_LONG, array, constant, template};
use crate::copyfmt::Format;
use crate::digest::{DomainKey, MaskKey};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{AddressPart, Locale, MaskRule, MaskSpec};
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
    Redact(Box<Redactor>),
    Address(AddressPart, DomainKey),
    Json(Box<Documents>),
    Hstore(Box<Pairs>),
    Composite(Vec<Part>),
}

/// What a rule is compiled for: a column, or what stands inside its type.
#[derive(Clone, Copy)]
struct Place<'a> {
    locale: Locale,
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
        Self::at(rule, Place { locale: Locale::default(), table, data_type, not_null }, key).map_err(|what| {
            let column = &table.column(column).name;
            Error::new(ErrorKind::Profile, format!("mask {}.{column} by rule {name}: {what}", table.name))
        })
    }

    fn at(rule: &MaskRule, place: Place<'_>, key: Option<&MaskKey>) -> Result<Self, String> {
        match &rule.spec {
            MaskSpec::In { locale, rule: spec } => {
                let rule = MaskRule { spec: spec.as_ref().clone(), domain: rule.domain.clone() };
                return Self::at(&rule, Place { locale: *locale, ..place }, key);
            }
            // The condition is the row's business.
            MaskSpec::When { rule: spec, .. } => {
                return Self::at(&MaskRule { spec: spec.as_ref().clone(), domain: rule.domain.clone() }, place, key);
            }
            _ => {}
        }
        let data_type = place.data_type;
        let facts = rule.spec.facts();
        let mut beside = Vec::new();
        let body = if facts.takes(data_type) {
            for name in rule.spec.columns_beside() {
                let (id, other) = template::column(name, place.table)?;
                beside.push((id, other.data_type.class));
            }
            Self::body(rule, place, key, &mut beside)?
        } else {
            match data_type.inside.as_slice() {
                [(_, element)] if data_type.class == TypeClass::Array => {
                    let inner = Self::at(rule, Place { data_type: element, not_null: false, ..place }, key)?;
                    if inner.template().is_some() {
                        return Err("a template cannot stand for the elements of an array".to_owned());
                    }
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

    fn body(
        rule: &MaskRule,
        place: Place<'_>,
        key: Option<&MaskKey>,
        beside: &mut Vec<(ColumnId, TypeClass)>,
    ) -> Result<Body, String> {
        let Place { locale, table, data_type, not_null } = place;
        let limit = limit(data_type);
        let room = |needed: usize| {
            if needed <= limit { Ok(()) } else { Err(format!("needs {needed} characters, the column takes {limit}")) }
        };
        let domain = || {
            let key = key.ok_or("the secret TITHE_KEY is not set")?;
            Ok(key.domain(rule.domain.as_deref().unwrap_or(rule.spec.name())))
        };
        let body = match &rule.spec {
            // The server that sends the row has applied the expression.
            MaskSpec::Keep | MaskSpec::Sql(_) => Body::Keep,
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
            MaskSpec::Redact { .. } if rule.domain.is_some() => {
                return Err("redact takes no domain: what it finds is masked as in columns of its kind".to_owned());
            }
            MaskSpec::Redact { .. } => {
                Body::Redact(Box::new(Redactor::new(key.ok_or("the secret TITHE_KEY is not set")?, locale)))
            }
            MaskSpec::Address { part, .. } => Body::Address(*part, domain()?),
            MaskSpec::Json { paths, default } => {
                let rules = std::iter::once(("what no path names", default.as_ref()));
                let rules = rules.chain(paths.iter().map(|(path, rule)| (path.as_str(), rule)));
                let leaf = |(path, rule)| leaf(rule, place, key, beside).map_err(|what| format!("{path}: {what}"));
                let rules = rules.map(leaf).collect::<Result<_, _>>()?;
                Body::Json(Box::new(Documents::new(paths.iter().map(|(path, _)| path.as_str()), rules)?))
            }
            MaskSpec::Hstore { keys, default } => {
                let text = ColumnType::plain(TypeClass::Text, "text");
                let mut part = |rule| part(rule, Place { data_type: &text, not_null: false, ..place }, key, beside);
                let keys = keys.iter().map(|(name, rule)| Ok((name.clone().into_bytes(), part(rule)?)));
                let keys = keys.collect::<Result<_, String>>()?;
                Body::Hstore(Box::new(Pairs { keys, default: part(default)? }))
            }
            MaskSpec::Composite { fields, default } => {
                let unknown = fields.iter().find(|(name, _)| data_type.inside.iter().all(|(own, _)| own != name));
                if let Some((name, _)) = unknown {
                    return Err(format!("the type {} has no field {name}", data_type.sql_name));
                }
                let field = |(name, data_type): &(String, ColumnType)| {
                    let rule = fields.iter().find(|(own, _)| own == name).map_or(default.as_ref(), |(_, rule)| rule);
                    part(rule, Place { data_type, not_null: false, ..place }, key, beside)
                        .map_err(|what| format!("field {name}: {what}"))
                };
                Body::Composite(data_type.inside.iter().map(field).collect::<Result<_, _>>()?)
            }
            spec => {
                if let Some(typed) = Typed::new(spec, data_type, domain)? {
                    return Ok(Body::Typed(Box::new(typed)));
                }
                let keyed = Keyed::new(spec, locale)?.ok_or("the rule is not known")?;
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

    /// Different values of one shape become different values of that shape.
    pub(super) fn is_permutation(&self) -> bool {
        matches!(&self.body, Body::Keyed(Keyed::Token | Keyed::Phone | Keyed::Scramble { .. }, _))
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
            (Body::Redact(redactor), _) => {
                let mut names = Names::default();
                for ((class, format), subject) in self.beside.iter().map(|(_, class)| (*class, format)).zip(beside) {
                    if let Some(subject) = subject {
                        names.add(&codec::identity(class, format, subject)?);
                    }
                }
                let start = out.len();
                redactor.apply(value, &names, out);
                codec::fit(out, start, self.limit);
            }
            (Body::Address(part, key), _) => {
                let country = match (self.beside.first(), beside.first()) {
                    (Some((_, class)), Some(Some(country))) => Some(codec::identity(*class, format, country)?),
                    _ => None,
                };
                let (start, value) = (out.len(), codec::canonical(self.class, value));
                if !value.is_empty() {
                    address::write(key, *part, country.as_deref(), &value, out);
                    codec::fit(out, start, self.limit);
                }
            }
            (Body::Json(documents), _) => {
                let text = match (self.class, format) {
                    (TypeClass::Jsonb, Format::Binary) => {
                        out.push(JSONB_VERSION);
                        codec::jsonb_text(value)?
                    }
                    _ => value,
                };
                // An empty text is no document, and says nothing.
                if !text.is_empty() {
                    let start = out.len();
                    documents.apply(text, beside, out)?;
                    if self.limit < usize::MAX && codec::count_chars(&out[start..]) > self.limit {
                        return Err(TOO_LONG);
                    }
                }
            }
            (Body::Hstore(pairs), _) => pairs.apply(value, beside, format, out)?,
            (Body::Composite(fields), _) => parts::composite(fields, value, beside, format, out)?,
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

/// A rule for a part of the value. Its columns stand behind those that are there already.
fn part(
    rule: &MaskRule,
    place: Place<'_>,
    key: Option<&MaskKey>,
    beside: &mut Vec<(ColumnId, TypeClass)>,
) -> Result<Part, String> {
    if rule.spec.condition().is_some() || matches!(rule.spec, MaskSpec::Sql(_)) {
        return Err("conditions and SQL cannot stand inside another rule".to_owned());
    }
    let mask = Mask::at(rule, place, key)?;
    if mask.template().is_some() {
        return Err("a template cannot stand inside another rule".to_owned());
    }
    let first = beside.len();
    beside.extend_from_slice(&mask.beside);
    Ok(Part { mask, beside: first })
}

/// A rule for values inside documents: for strings and numbers, for numbers or dates alone.
fn leaf(
    rule: &MaskRule,
    place: Place<'_>,
    key: Option<&MaskKey>,
    beside: &mut Vec<(ColumnId, TypeClass)>,
) -> Result<Leaf, String> {
    let kind = match rule.spec.plain() {
        MaskSpec::Keep => LeafKind::Keep,
        MaskSpec::Null => LeafKind::Null,
        _ => LeafKind::Mask,
    };
    let first = beside.len();
    let mut leaf = Leaf { text: None, number: None, is_whole: false, dates: None, kind, beside: first };
    if kind != LeafKind::Mask {
        return Ok(leaf);
    }
    let facts = rule.spec.facts();
    let mut compiled = |class, name: &str| {
        let data_type = ColumnType::plain(class, name);
        if !facts.takes(&data_type) {
            return Ok(None);
        }
        part(rule, Place { data_type: &data_type, not_null: false, ..place }, key, beside).map(|part| Some(part.mask))
    };
    leaf.text = compiled(TypeClass::Text, "text")?;
    if leaf.text.is_some() {
        // Constants would be written twice, and differ in nothing.
        return Ok(leaf);
    }
    leaf.number = compiled(TypeClass::Numeric, "numeric")?;
    if leaf.number.is_none() {
        leaf.number = compiled(TypeClass::Int8, "bigint")?;
        leaf.is_whole = true;
    }
    if let (Some(timestamp), Some(timestamptz)) =
        (compiled(TypeClass::Timestamp, "timestamp")?, compiled(TypeClass::Timestamptz, "timestamptz")?)
    {
        // A date has no hours that a rule could cut.
        let date = compiled(TypeClass::Date, "date").ok().flatten();
        leaf.dates = Some(Dates { date, timestamp, timestamptz });
    }
    if leaf.number.is_none() && leaf.dates.is_none() {
        let accepted = facts.accepted();
        return Err(format!("documents have texts, numbers and dates; the rule {} accepts {accepted}", facts.name));
    }
    Ok(leaf)
}
