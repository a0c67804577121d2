//! The texts that a value holds: itself, the elements of an array, the strings inside JSON.

use std::net::{Ipv4Addr, Ipv6Addr};

use uuid::Uuid;

use super::keys::end_of_string;
use super::unescape::{quoted, unescape};
use crate::copyfmt::Format;
use crate::schema::{ColumnType, TypeClass};

/// How to read values of a type that can hold something recognizable.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) shape: Shape,
    /// Of an array's element, or of a composite's fields.
    inside: Vec<Option<Form>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Uuid,
    Inet,
    Macaddr,
    Integer,
    Numeric,
    Array,
    Composite,
    Json,
    Xml,
    Hstore,
}

impl Form {
    /// `None` for what names nobody elsewhere: short numbers, dates, bytes.
    pub(super) fn of(data_type: &ColumnType) -> Option<Self> {
        use TypeClass as C;
        let shape = match data_type.class {
            class if class.is_text() => Shape::Text,
            C::Uuid => Shape::Uuid,
            C::Inet | C::Cidr => Shape::Inet,
            C::Macaddr => Shape::Macaddr,
            C::Int4 | C::Int8 => Shape::Integer,
            C::Numeric => Shape::Numeric,
            C::Array => Shape::Array,
            C::Composite => Shape::Composite,
            C::Json | C::Jsonb => Shape::Json,
            C::Xml => Shape::Xml,
            _ if data_type.base_sql_name.ends_with("hstore") => Shape::Hstore,
            _ => return None,
        };
        Some(Self { shape, inside: data_type.inside.iter().map(|(_, part)| Self::of(part)).collect() })
    }

    /// It, or what stands inside it, may have this shape.
    pub(super) fn has(&self, shape: Shape) -> bool {
        self.shape == shape || self.inside.iter().flatten().any(|form| form.has(shape))
    }

    /// Gives the texts in a field one after the other; what does not have the form of its type gives none.
    pub(super) fn texts(&self, format: Format, field: &[u8], give: &mut dyn FnMut(&[u8])) {
        let whole = match (self.shape, format) {
            (Shape::Json, Format::Binary) => return json(field.strip_prefix(&[1]).unwrap_or(field), give),
            (Shape::Json, Format::Text) => return json(field, give),
            (Shape::Xml, _) => return xml(field, give),
            (Shape::Array | Shape::Composite | Shape::Hstore, Format::Text) => {
                quoted(field, give);
                let outside = |byte: &u8| b"{}(),\"".contains(byte);
                return field.split(outside).for_each(give);
            }
            (_, Format::Text) | (Shape::Text, _) => return text(field, give),
            (Shape::Array, _) => {
                array(self.inside.first().and_then(Option::as_ref), field, give);
                return;
            }
            (Shape::Composite, _) => {
                composite(&self.inside, field, give);
                return;
            }
            (Shape::Hstore, _) => {
                hstore(field, give);
                return;
            }
            (Shape::Uuid, _) => Uuid::from_slice(field).ok().map(|uuid| uuid.hyphenated().to_string()),
            (Shape::Inet, _) => address(field),
            (Shape::Macaddr, _) => Some(field.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")),
            (Shape::Integer, _) => integer(field),
            (Shape::Numeric, _) => numeric(field),
        };
        whole.into_iter().for_each(|text| give(text.as_bytes()));
    }
}

/// A text that holds a document gives what stands in that, too.
fn text(field: &[u8], give: &mut dyn FnMut(&[u8])) {
    give(field);
    match field.trim_ascii_start().first() {
        Some(b'{' | b'[') => json(field, give),
        Some(b'<') => xml(field, give),
        _ => {}
    }
}

fn integer(field: &[u8]) -> Option<String> {
    let number = match field.len() {
        4 => i64::from(i32::from_be_bytes(field.try_into().ok()?)),
        _ => i64::from_be_bytes(field.try_into().ok()?),
    };
    Some(number.unsigned_abs().to_string())
}

/// Without its prefix length.
fn address(field: &[u8]) -> Option<String> {
    match field.len() {
        8 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(&field[4..]).ok()?).to_string()),
        20 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(&field[4..]).ok()?).to_string()),
        _ => None,
    }
}

/// A whole number; base 10,000, the highest digit first.
fn numeric(field: &[u8]) -> Option<String> {
    let word = |at: usize| Some(u16::from_be_bytes(field.get(2 * at..2 * at + 2)?.try_into().ok()?));
    let (count, weight, scale) = (word(0)?, word(1)?.cast_signed(), word(3)?);
    if scale != 0 || !(0..16).contains(&weight) {
        return None;
    }
    let digit = |at: i16| if at.cast_unsigned() < count { word(4 + at as usize) } else { Some(0) };
    let text: Option<String> = (0..=weight).map(|at| digit(at).map(|digit| format!("{digit:04}"))).collect();
    text.map(|text| text.trim_start_matches('0').to_owned())
}

struct Reader<'f>(&'f [u8]);

impl<'f> Reader<'f> {
    fn int(&mut self) -> Option<i32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*bytes))
    }

    /// `None` is NULL.
    fn counted(&mut self) -> Option<Option<&'f [u8]>> {
        let Ok(length) = usize::try_from(self.int()?) else { return Some(None) };
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(bytes))
    }
}

fn array(element: Option<&Form>, field: &[u8], give: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut reader = Reader(field);
    let (dimensions, _has_nulls, _type_oid) = (reader.int()?, reader.int()?, reader.int()?);
    for _ in 0..dimensions {
        let (_length, _lower_bound) = (reader.int()?, reader.int()?);
    }
    while !reader.0.is_empty() {
        if let (Some(value), Some(form)) = (reader.counted()?, element) {
            form.texts(Format::Binary, value, give);
        }
    }
    Some(())
}

fn composite(forms: &[Option<Form>], field: &[u8], give: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut reader = Reader(field);
    for at in 0..usize::try_from(reader.int()?).ok()? {
        let _type_oid = reader.int()?;
        if let (Some(value), Some(Some(form))) = (reader.counted()?, forms.get(at)) {
            form.texts(Format::Binary, value, give);
        }
    }
    Some(())
}

fn hstore(field: &[u8], give: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut reader = Reader(field);
    for _ in 0..reader.int()? {
        let _key = reader.counted()?;
        if let Some(value) = reader.counted()? {
            give(value);
        }
    }
    Some(())
}

/// Strings that are no keys, and numbers.
fn json(text: &[u8], give: &mut dyn FnMut(&[u8])) {
    let (mut at, mut plain) = (0, Vec::new());
    while at < text.len() {
        match text[at] {
            b'"' => {
                let start = at + 1;
                let end = end_of_string(text, start);
                at = end + 1;
                let next = text[at.min(text.len())..].iter().find(|byte| !byte.is_ascii_whitespace());
                if next != Some(&b':') {
                    plain.clear();
                    unescape(&text[start..end], &mut plain, None);
                    give(&plain);
                }
            }
            b'0'..=b'9' => {
                let rest = &text[at..];
                let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                give(&rest[..length]);
                at += length;
            }
            _ => at += 1,
        }
    }
}

/// What stands between tags, and quoted within them.
fn xml(text: &[u8], give: &mut dyn FnMut(&[u8])) {
    for part in text.split(|byte| *byte == b'<') {
        match part.iter().position(|byte| *byte == b'>') {
            Some(end) => {
                quoted(&part[..end], give);
                give(&part[end + 1..]);
            }
            None => give(part),
        }
    }
}
