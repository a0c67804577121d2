//! Path templates: `{storage_shard}/{storage_key}.{format}`.
//!
//! ```text
//! template   = { text | "{{" | "}}" | "{" expression "}" }
//! expression = ( function "(" expression ")" | column ) [ "[" from ":" to "]" ]
//! column     = name { "." name }      through references: post_id.storage_key
//! function   = "sha256" | "lower" | "upper"
//! ```
//! `sha256` is the hexadecimal SHA-256 of the text in UTF-8; a slice counts characters, from 0, to exclusive.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    pieces: Vec<Piece>,
    columns: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Expression),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    /// Position among the template's columns.
    Column(usize),
    Sha256(Box<Expression>),
    Lower(Box<Expression>),
    Upper(Box<Expression>),
    Slice(Box<Expression>, usize, usize),
}

impl PathTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong, in words that follow the key's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut columns = Vec::new();
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push(letter);
                rest = after;
            } else if letter == '{' {
                let end = rest.find('}').ok_or("has a { without its }")?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Value(expression(&rest[1..end], &mut columns)?));
                rest = &rest[end + 1..];
            } else if letter == '}' {
                return Err("has a } without its {; a brace itself is written twice".to_owned());
            } else {
                plain.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if columns.is_empty() {
            return Err("names no column, so every row would have the same file".to_owned());
        }
        Ok(Self { pieces, columns })
    }

    /// The columns it needs, each as names along references.
    pub fn columns(&self) -> &[Vec<String>] {
        &self.columns
    }

    /// The path for a row's values, in the order of `columns`; `None` where one that is used is NULL.
    pub fn path(&self, values: &[Option<&str>]) -> Option<String> {
        let mut path = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Value(expression) => path.push_str(&expression.value(values)?),
            }
        }
        Some(path)
    }
}

impl Expression {
    fn value(&self, values: &[Option<&str>]) -> Option<String> {
        Some(match self {
            Self::Column(at) => (*values.get(*at)?)?.to_owned(),
            Self::Sha256(inner) => {
                Sha256::digest(inner.value(values)?.as_bytes()).iter().fold(String::new(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                })
            }
            Self::Lower(inner) => inner.value(values)?.to_lowercase(),
            Self::Upper(inner) => inner.value(values)?.to_uppercase(),
            Self::Slice(inner, from, to) => inner.value(values)?.chars().take(*to).skip(*from).collect(),
        })
    }
}

fn expression(text: &str, columns: &mut Vec<Vec<String>>) -> Result<Expression, String> {
    let text = text.trim();
    if let Some(inside) = text.strip_suffix(']') {
        let (value, slice) = inside.rsplit_once('[').ok_or("has a ] without its [")?;
        let (from, to) = slice.split_once(':').ok_or("has a slice that is not [from:to]")?;
        let number = |text: &str, empty: usize| match text.trim() {
            "" => Ok(empty),
            digits => digits.parse::<usize>().map_err(|_| "has a slice whose bounds are no numbers".to_owned()),
        };
        let (from, to) = (number(from, 0)?, number(to, usize::MAX)?);
        if from >= to {
            return Err("has an empty slice".to_owned());
        }
        return Ok(Expression::Slice(Box::new(expression(value, columns)?), from, to));
    }
    if let Some(inside) = text.strip_suffix(')') {
        let (function, argument) = inside.split_once('(').ok_or("has a ) without its (")?;
        let argument = Box::new(expression(argument, columns)?);
        return match function.trim() {
            "sha256" => Ok(Expression::Sha256(argument)),
            "lower" => Ok(Expression::Lower(argument)),
            "upper" => Ok(Expression::Upper(argument)),
            _ => Err("calls a function that is none of sha256, lower, upper".to_owned()),
        };
    }
    let names: Vec<String> = text.split('.').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(|name| name.is_empty() || name.contains(['(', '[', '{', '"', '\''])) {
        return Err("has a {} without a column's name".to_owned());
    }
    let at = columns.iter().position(|known| *known == names).unwrap_or_else(|| {
        columns.push(names);
        columns.len() - 1
    });
    Ok(Expression::Column(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(template: &str, values: &[Option<&str>]) -> Option<String> {
        PathTemplate::parse(template).unwrap().path(values)
    }

    #[test]
    fn values_take_their_places() {
        let template = "{storage_shard}/{ post_id.storage_key }.{format}";
        let parsed = PathTemplate::parse(template).unwrap();
        assert_eq!(parsed.columns(), [vec!["storage_shard"], vec!["post_id", "storage_key"], vec!["format"]]);
        assert_eq!(path(template, &[Some("aa/bb"), Some("k"), Some("png")]).unwrap(), "aa/bb/k.png");
        assert_eq!(path(template, &[Some("aa/bb"), None, Some("png")]), None);
        assert_eq!(path("{{{a}}}", &[Some("x")]).unwrap(), "{x}");
    }

    #[test]
    fn functions_and_slices_nest() {
        assert_eq!(path("{sha256(a)[0:2]}/{sha256(a)[2:4]}/{a}", &[Some("abc")]).unwrap(), "ba/78/abc");
        assert_eq!(path("{lower(a[1:])}{upper(a[:1])}", &[Some("äBC")]).unwrap(), "bcÄ");
        assert_eq!(path("{a[5:9]}x", &[Some("abc")]).unwrap(), "x");
    }

    #[test]
    fn mistakes_are_told() {
        for (template, said) in [
            ("plain", "names no column"),
            ("{a", "without its }"),
            ("a}", "without its {"),
            ("{}", "without a column"),
            ("{a..b}", "without a column"),
            ("{md5(a)}", "none of sha256"),
            ("{a[1]}", "not [from:to]"),
            ("{a[x:2]}", "no numbers"),
            ("{a[2:2]}", "empty slice"),
            ("{sha256(a}", "without a column"),
        ] {
            let error = PathTemplate::parse(template).unwrap_err();
            assert!(error.contains(said), "{template}: {error}");
        }
    }
}
