//! Whether a template's result tells which key stands in it.
//!
//! Alone, a key's placeholder does. Beside others it does where its place in the text is known: what stands before it
//! (or, read from the end, behind it) is fixed, or ends where it meets a letter that its type cannot hold. `{a}{id}` gives
//! the same text for 1, 23 and 12, 3.

use crate::anonymize::{TemplatePiece, template_pieces};
use crate::schema::{Column, Table, TypeClass};
use crate::types::ColumnId;

/// The text gives the key away: different keys, different texts.
pub(super) fn shows(template: &str, table: &Table, key: ColumnId) -> bool {
    let Ok(pieces) = template_pieces(template) else { return false };
    let key = &table.column(key).name;
    let is_key = |piece: &TemplatePiece<String>| matches!(piece, TemplatePiece::Placeholder(name) if name == key);
    let is_other = |piece: &TemplatePiece<String>| matches!(piece, TemplatePiece::Placeholder(name) if name != key);
    if !pieces.iter().any(is_other) {
        return pieces.iter().any(is_key);
    }
    let places = pieces.iter().enumerate().filter(|(_, piece)| is_key(piece)).map(|(at, _)| at);
    let backwards: Vec<&TemplatePiece<String>> = pieces.iter().rev().collect();
    let forwards: Vec<&TemplatePiece<String>> = pieces.iter().collect();
    let last = pieces.len() - 1;
    places.into_iter().any(|at| {
        found(&forwards, at, table, Direction::Forwards) || found(&backwards, last - at, table, Direction::Backwards)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forwards,
    Backwards,
}

/// Read in this direction, the beginning and the end of the piece at `at` are known.
fn found(pieces: &[&TemplatePiece<String>], at: usize, table: &Table, direction: Direction) -> bool {
    let only_literals = |from: usize| pieces[from..].iter().all(|piece| matches!(piece, TemplatePiece::Literal(_)));
    (0..=at).all(|place| match pieces[place] {
        TemplatePiece::Literal(_) => true,
        TemplatePiece::Placeholder(name) => {
            let Some(id) = table.find_column(name) else { return false };
            (place == at && only_literals(at + 1)) || ends(table.column(id), pieces.get(place + 1), direction)
        }
    })
}

/// Where a value of the column ends shows, with what follows it.
fn ends(column: &Column, next: Option<&&TemplatePiece<String>>, direction: Direction) -> bool {
    let class = column.data_type.class;
    if class == TypeClass::Uuid && column.not_null {
        return true;
    }
    let Some(TemplatePiece::Literal(text)) = next else { return false };
    let letter = match direction {
        Direction::Forwards => text.chars().next(),
        Direction::Backwards => text.chars().next_back(),
    };
    letter.is_some_and(|letter| match class {
        // A sign stands in front of digits only.
        _ if class.is_integer() && letter == '-' => direction == Direction::Forwards && column.not_null,
        _ if class.is_integer() => !letter.is_ascii_digit(),
        TypeClass::Oid => !letter.is_ascii_digit(),
        TypeClass::Uuid => !letter.is_ascii_hexdigit() && letter != '-',
        TypeClass::Inet | TypeClass::Cidr => !letter.is_ascii_hexdigit() && !".:/".contains(letter),
        TypeClass::Bool => !letter.is_ascii_alphabetic(),
        // Whatever an index makes of upper and lower case.
        TypeClass::Enum => {
            let labels = &column.data_type.enum_labels;
            let has = |label: &String| label.to_lowercase().contains(&letter.to_lowercase().to_string());
            !labels.is_empty() && !labels.iter().any(has)
        }
        _ => false,
    })
}
