//! The one place where names and texts become SQL.

use crate::schema::Catalog;
use crate::types::{ColumnId, QualifiedName, TableId};

/// A quoted identifier; any name PostgreSQL can hold.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted, schema-qualified name.
pub fn qualified(name: &QualifiedName) -> String {
    format!("{}.{}", ident(&name.schema), ident(&name.name))
}

/// A string literal, under `standard_conforming_strings = on` (every session sets it).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An array literal (not yet cast) of texts.
pub fn array_literal<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let mut out = String::from("'{");
    for (at, text) in texts.enumerate() {
        let text = text.as_ref();
        if at > 0 {
            out.push(',');
        }
        let plain = !text.is_empty()
            && !text.eq_ignore_ascii_case("null")
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plain {
            out.push_str(text);
            continue;
        }
        out.push('"');
        for letter in text.chars() {
            match letter {
                '"' | '\\' => out.extend(['\\', letter]),
                '\'' => out.push_str("''"),
                other => out.push(other),
            }
        }
        out.push('"');
    }
    out.push_str("}'");
    out
}

/// `alias."column"`.
pub fn column(catalog: &Catalog, table: TableId, column: ColumnId, alias: &str) -> String {
    format!("{alias}.{}", ident(&catalog.table(table).column(column).name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_escape() {
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        let texts = ["1", "", "a,b", "q\"uote", "back\\slash", "it's", "NULL", "{}"];
        assert_eq!(array_literal(texts.into_iter()), r#"'{1,"","a,b","q\"uote","back\\slash","it''s","NULL","{}"}'"#);
    }
}
