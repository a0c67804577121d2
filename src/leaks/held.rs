//! The texts that a field of a masked column holds: itself, the elements of an array, the strings inside JSON.

use std::net::{Ipv4Addr, Ipv6Addr};

use uuid::Uuid;

use super::secrets::ends_with;
use super::unescape::{quoted, unescape};
use crate::copyfmt::Format;
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Column, TypeClass};

/// A masked column whose values are looked for.
#[derive(Clone, Debug)]
pub struct Watched {
    shape: Shape,
    /// Of its own.
    number: u64,
    prose: bool,
    /// What the mask itself makes: hosts with their `@`, whole texts.
    hosts: Vec<String>,
    constants: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
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

impl Watched {
    /// `None` where nothing in it could be recognized elsewhere: short numbers, dates, bytes, what is kept. No other
    /// column has that `number`.
    pub fn of(column: &Column, rule: &MaskRule, number: u64) -> Option<Self> {
        let (mut hosts, mut constants) = (Vec::new(), Vec::new());
        match rule.spec.plain() {
            MaskSpec::Keep => return None,
            // They leave most of a value as it is, on purpose: what of it was masked cannot be told here.
            MaskSpec::Json { default, .. } | MaskSpec::Hstore { default, .. } | MaskSpec::Composite { default, .. }
                if default.spec == MaskSpec::Keep =>
            {
                return None;
            }
            MaskSpec::Redact { .. }
            | MaskSpec::Noise { .. }
            | MaskSpec::Bucket { .. }
            | MaskSpec::DateTruncate { .. } => return None,
            MaskSpec::Email { host } => hosts.push(format!("@{}", host.to_lowercase())),
            MaskSpec::Constant(text) => constants.push(text.trim().to_owned()),
            MaskSpec::Template(text) => {
                let host = text.rfind('@').map(|at| text[at..].to_lowercase());
                hosts.extend(host.filter(|host| !host.contains('{')));
            }
            _ => {}
        }
        Some(Self { prose: *rule.spec.plain() == MaskSpec::Lorem, hosts, constants, ..Self::public(column, number)? })
    }

    /// A kept column whose values may stand anywhere.
    pub fn public(column: &Column, number: u64) -> Option<Self> {
        use TypeClass as C;
        let shape = match column.data_type.class {
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
            _ if column.data_type.base_sql_name.ends_with("hstore") => Shape::Hstore,
            _ => return None,
        };
        Some(Self { shape, number, prose: false, hosts: Vec::new(), constants: Vec::new() })
    }

    /// Holds running text: short phrases in it are everybody's.
    pub(super) fn is_prose(&self) -> bool {
        self.prose
    }

    pub(super) fn is_uuid(&self) -> bool {
        self.shape == Shape::Uuid
    }

    /// See [`Watched::of`].
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The source held already what the mask gives.
    pub(super) fn is_made_by_mask(&self, text: &[u8]) -> bool {
        self.constants.iter().any(|constant| text.trim_ascii().eq_ignore_ascii_case(constant.as_bytes()))
            || self.hosts.iter().any(|host| ends_with(text, host))
    }

    /// Gives the texts in a field one after the other; what does not have the form of its type gives none.
    pub(super) fn texts(&self, format: Format, field: &[u8], give: &mut dyn FnMut(&[u8])) {
        match (self.shape, format) {
            (Shape::Json, Format::Binary) => json(field.strip_prefix(&[1]).unwrap_or(field), give),
            (Shape::Json, Format::Text) => json(field, give),
            (Shape::Xml, _) => xml(field, give),
            (Shape::Array | Shape::Composite | Shape::Hstore, Format::Text) => {
                quoted(field, give);
                let outside = |byte: &u8| b"{}(),\"".contains(byte);
                field.split(outside).for_each(give);
            }
            (_, Format::Text) | (Shape::Text, _) => give(field),
            (Shape::Uuid, _) => element(UUID, field, give),
            (Shape::Inet, _) => element(INET, field, give),
            (Shape::Macaddr, _) => {
                give(field.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":").as_bytes());
            }
            (Shape::Integer, _) => element(if field.len() == 8 { INT8 } else { INT4 }, field, give),
            (Shape::Numeric, _) => {
                numeric(field).into_iter().for_each(|text| give(text.as_bytes()));
            }
            (Shape::Array, _) => drop(array(field, give)),
            (Shape::Composite, _) => drop(composite(field, give)),
            (Shape::Hstore, _) => drop(hstore(field, give)),
        }
    }
}

// Object identifiers of types are the same on every server below this.
const FIRST_OF_USERS: u32 = 16_384;
const UUID: u32 = 2950;
const INET: u32 = 869;
const CIDR: u32 = 650;
const INT8: u32 = 20;
const INT4: u32 = 23;
const NUMERIC: u32 = 1700;
const JSON: u32 = 114;
const JSONB: u32 = 3802;
const TEXTS: [u32; 4] = [25, 1043, 1042, 19];

/// A value in its binary form, by the oid of its type.
fn element(type_oid: u32, field: &[u8], give: &mut dyn FnMut(&[u8])) {
    let text = match type_oid {
        UUID => Uuid::from_slice(field).ok().map(|uuid| uuid.hyphenated().to_string()),
        INET | CIDR => address(field),
        INT8 => field.try_into().ok().map(|bytes| i64::from_be_bytes(bytes).unsigned_abs().to_string()),
        INT4 => field.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).unsigned_abs().to_string()),
        NUMERIC => numeric(field),
        JSON | JSONB => return json(field.strip_prefix(&[1]).unwrap_or(field), give),
        other if TEXTS.contains(&other) || other >= FIRST_OF_USERS => return give(field),
        _ => None,
    };
    text.into_iter().for_each(|text| give(text.as_bytes()));
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

fn array(field: &[u8], give: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut reader = Reader(field);
    let (dimensions, _has_nulls, type_oid) = (reader.int()?, reader.int()?, reader.int()?.cast_unsigned());
    for _ in 0..dimensions {
        let (_length, _lower_bound) = (reader.int()?, reader.int()?);
    }
    while !reader.0.is_empty() {
        if let Some(value) = reader.counted()? {
            element(type_oid, value, give);
        }
    }
    Some(())
}

fn composite(field: &[u8], give: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut reader = Reader(field);
    for _ in 0..reader.int()? {
        let type_oid = reader.int()?.cast_unsigned();
        if let Some(value) = reader.counted()? {
            element(type_oid, value, give);
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

fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
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
