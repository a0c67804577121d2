//! Templates: `user{id}@dev.example`, with other columns of the row as they arrive in the target.
//!
//! `{{` and `}}` stand for braces. A NULL in a placeholder inserts nothing. Which values the placeholders get is the
//! business of `transform`, which alone knows the whole row.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Column, Table};
use crate::types::ColumnId;

use super::codec;

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece<ColumnId>>,
}

/// A part of a template, whose columns are named or resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<Column> {
    /// Text.
    Literal(String),
    /// A column.
    Placeholder(Column),
}

/// The columns a template inserts, in order of appearance.
///
/// # Errors
/// `ErrorKind::Profile` when it is malformed.
pub fn template_columns(template: &str) -> Result<Vec<String>> {
    Ok(template_pieces(template)?
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name),
            Piece::Literal(_) => None,
        })
        .collect())
}

/// All of a template, in order.
///
/// # Errors
/// As [`template_columns`].
pub fn template_pieces(template: &str) -> Result<Vec<Piece<String>>> {
    parse(template).map_err(|what| Error::new(ErrorKind::Profile, format!("read the template {template:?}: {what}")))
}

impl Template {
    /// Resolves the names of `text` in `table`; what is wrong otherwise, for a message that already names the column.
    pub(super) fn compile(text: &str, table: &Table) -> Result<Self, String> {
        let resolve = |piece: Piece<String>| match piece {
            Piece::Literal(text) => Ok(Piece::Literal(text)),
            Piece::Placeholder(name) => placeholder(&name, table).map(Piece::Placeholder),
        };
        Ok(Self { pieces: parse(text)?.into_iter().map(resolve).collect::<Result<_, _>>()? })
    }

    /// Characters that every result has.
    pub(super) fn least_chars(&self) -> usize {
        let literal = |piece: &Piece<_>| match piece {
            Piece::Literal(text) => text.chars().count(),
            Piece::Placeholder(_) => 0,
        };
        self.pieces.iter().map(literal).sum()
    }
}

/// The column of that name, which the rule of another one looks at.
pub(super) fn column<'t>(name: &str, table: &'t Table) -> Result<(ColumnId, &'t Column), String> {
    let Some(id) = table.find_column(name) else {
        let nearest = table.columns.iter().map(|column| &column.name).min_by_key(|known| distance(name, known));
        let hint = nearest.map(|nearest| format!("; did you mean {{{nearest}}}?")).unwrap_or_default();
        return Err(format!("{} has no column {name}{hint}", table.name));
    };
    Ok((id, table.column(id)))
}

fn placeholder(name: &str, table: &Table) -> Result<ColumnId, String> {
    let (id, column) = column(name, table)?;
    if column.generated {
        return Err(format!("{{{name}}} is a generated column: the target computes it after the row has arrived"));
    }
    if !codec::is_printable(column.data_type.class) {
        return Err(format!(
            "{{{name}}} is of type {}; text types, integers, oid, boolean, uuid, json, jsonb, xml, enums, inet and cidr \
             can be inserted",
            column.data_type.sql_name
        ));
    }
    Ok(id)
}

fn parse(template: &str) -> Result<Vec<Piece<String>>, &'static str> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
        } else if brace == "{" {
            let (name, after) = after.split_once('}').ok_or("a { is not closed; a brace itself is written {{")?;
            if name.is_empty() {
                return Err("{} names no column");
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = after;
        } else {
            return Err("a } stands alone; a brace itself is written }}");
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// Edits that lead from one name to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_as_written() {
        let columns = |text: &str| template_columns(text).map_err(|error| error.action().to_owned());
        assert_eq!(columns("user{id}@dev.example{tenant id}"), Ok(vec!["id".into(), "tenant id".into()]));
        assert_eq!(
            parse("{{{a}}}"),
            Ok(vec![Piece::Literal("{".into()), Piece::Placeholder("a".into()), Piece::Literal("}".into()),])
        );
        assert_eq!(parse(""), Ok(vec![]));
        for malformed in ["{a", "a}", "{}", "{{}"] {
            assert!(columns(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [("", "", 0), ("id", "id", 0), ("usr_id", "user_id", 1), ("", "abc", 3), ("ab", "ba", 2)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
