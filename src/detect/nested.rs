//! Documents: what their strings hold, to a bounded depth, and what their keys say.

use serde_json::Value;

use super::names;
use super::{Kind, KindSet, Marks, contact, shape, whole, within};

/// Levels that are followed, texts that are documents themselves included.
const DEPTH_MAX: usize = 8;

/// Strings of a document that cannot be parsed.
const PIECES_MAX: usize = 256;

/// Looks at a text that begins like an object or a list.
pub(super) fn document(text: &str, marks: &mut Marks) {
    marks.shape.document = true;
    match serde_json::from_str::<Value>(text) {
        Ok(value) => walk(&value, None, DEPTH_MAX, marks),
        // Cut off, or no JSON after all: its strings one by one, and the whole as prose.
        Err(_) => {
            for piece in text.split('"').take(PIECES_MAX) {
                marks.within.add_all(of_text(piece));
            }
            marks.within.add_all(within(text));
        }
    }
}

fn walk(value: &Value, key: Option<&str>, depth: usize, marks: &mut Marks) {
    match value {
        Value::Object(_) | Value::Array(_) if depth == 0 => marks.shape.too_deep = true,
        Value::Object(entries) => {
            for (key, value) in entries {
                if contact::holds_email(key) {
                    marks.within.add(Kind::Email);
                }
                walk(value, Some(key), depth - 1, marks);
            }
        }
        Value::Array(items) => {
            let point = items.len() >= 2 && items.iter().take(3).all(Value::is_number);
            if point && key == Some("coordinates") {
                marks.within.add(Kind::Geo);
            }
            items.iter().for_each(|item| walk(item, key, depth - 1, marks));
        }
        Value::String(text) => {
            let text = text.trim();
            if text.starts_with(['{', '['])
                && depth > 0
                && let Ok(inner) = serde_json::from_str::<Value>(text)
            {
                return walk(&inner, key, depth - 1, marks);
            }
            marks.within.add_all(of_text(text));
            if text.chars().filter(|c| c.is_alphanumeric()).count() >= 2 {
                marks.within.add_all(of_key(key, false));
            }
        }
        Value::Number(number) if number.is_f64() || number.as_i64().is_some_and(|n| n > 9_999_999) => {
            marks.within.add_all(of_key(key, true));
        }
        _ => {}
    }
}

fn of_text(text: &str) -> KindSet {
    let mut shape = shape(text);
    let mut kinds = whole(text, &mut shape);
    // One word is a name by chance too often, and so are two of which one is known; a digest is none of somebody.
    kinds.remove(&[
        Kind::FirstName,
        Kind::LastName,
        Kind::FullName,
        Kind::City,
        Kind::Digest,
        Kind::Username,
        Kind::PostalCode,
    ]);
    // Nine digits pass the check of one register or another too often.
    if text.len() < 15 && text.bytes().all(|b| b.is_ascii_digit()) {
        kinds.remove(&[Kind::NationalId]);
    }
    if shape.words > 1 || kinds.is_empty() {
        kinds.add_all(within(text));
    }
    kinds
}

/// What a key says of the text, or number, behind it.
fn of_key(key: Option<&str>, number: bool) -> KindSet {
    let mut kinds = KindSet::default();
    let kind = key.and_then(names::meaning).and_then(names::Meaning::kind);
    let telling = match kind {
        Some(Kind::Geo | Kind::Phone | Kind::Card | Kind::NationalId) => true,
        Some(Kind::Website | Kind::Digest | Kind::OutsideId | Kind::FreeText | Kind::Income | Kind::Company) => false,
        Some(_) => !number,
        None => false,
    };
    if let Some(kind) = kind.filter(|_| telling) {
        kinds.add(kind);
    }
    kinds
}
