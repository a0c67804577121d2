//! `CHECK (status IN ('a', 'b'))`, as PostgreSQL prints it: the one form of a check that says what values there are.

/// The definition lists the column's values, and says nothing else. Casts may stand anywhere, as the server puts them.
pub(super) fn lists_values_of(column: &str, definition: &str) -> bool {
    let Some(body) = definition.strip_prefix("CHECK (").and_then(|rest| rest.strip_suffix(')')) else { return false };
    let Some(tokens) = tokens(body) else { return false };
    // Parentheses group only: no function is called and nothing is joined where these are all the tokens.
    let mut tokens = tokens.into_iter();
    let head: Vec<Token> = tokens.by_ref().take(5).collect();
    let expected =
        [Token::Name(column.to_owned()), Token::Equals, Token::word("ANY"), Token::word("ARRAY"), Token::Open];
    if head != expected {
        return false;
    }
    loop {
        if tokens.next() != Some(Token::Text) {
            return false;
        }
        match tokens.next() {
            Some(Token::Comma) => {}
            Some(Token::Close) => return tokens.next().is_none(),
            _ => return false,
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Name(String),
    Text,
    Equals,
    Comma,
    Open,
    Close,
}

impl Token {
    fn word(word: &str) -> Self {
        Self::Name(word.to_owned())
    }
}

/// Types to which the server casts texts.
const TEXT_TYPES: [&str; 6] = ["character varying", "character", "bpchar", "text", "citext", "name"];

/// `None` where something stands that this form does not have.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            ' ' | '(' | ')' => &rest[1..],
            '=' | ',' | '[' | ']' => {
                tokens.push(match first {
                    '=' => Token::Equals,
                    ',' => Token::Comma,
                    '[' => Token::Open,
                    _ => Token::Close,
                });
                &rest[1..]
            }
            '\'' => {
                tokens.push(Token::Text);
                quoted(rest, '\'')?.1
            }
            '"' => {
                let (name, after) = quoted(rest, '"')?;
                tokens.push(Token::Name(name));
                after
            }
            ':' => cast(rest.strip_prefix("::")?)?,
            c if c.is_alphabetic() || c == '_' => {
                let part = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
                let (name, after) = rest.split_at(rest.find(part).unwrap_or(rest.len()));
                tokens.push(Token::word(name));
                after
            }
            _ => return None,
        };
    }
    Some(tokens)
}

/// What stands between the quotes, doubled ones within, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            inner.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            inner.push(quote);
        } else {
            return Some((inner, &text[at + quote.len_utf8()..]));
        }
    }
    None
}

/// What follows the name of a text type, with its length, or of a list of them.
fn cast(text: &str) -> Option<&str> {
    let unqualified = TEXT_TYPES.iter().find_map(|name| text.strip_prefix(name));
    let qualified = || {
        let (schema, name) = text.split_once('.')?;
        let plain = schema.chars().all(|c| c.is_alphanumeric() || c == '_');
        name.strip_prefix("citext").filter(|_| plain)
    };
    let rest = unqualified.or_else(qualified)?;
    let rest = match rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
        Some((length, after)) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => after,
        _ => rest,
    };
    let rest = rest.strip_prefix("[]").unwrap_or(rest);
    // `textual`, `text COLLATE "C"`: something else.
    rest.starts_with([')', ',', ']', ' ', '=']).then_some(rest).or_else(|| rest.is_empty().then_some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_lists_values() {
        for listed in [
            "CHECK ((c = ANY (ARRAY['a'::text, 'b'::text])))",
            "CHECK (((c)::text = ANY ((ARRAY['a'::character varying, 'it''s, (b'::character varying])::text[])))",
            "CHECK (((c)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying(20))::text])))",
            "CHECK ((c = ANY (ARRAY['a'::bpchar])))",
            "CHECK ((c = ANY (ARRAY['a'::ext.citext, 'b'::citext])))",
        ] {
            assert!(lists_values_of("c", listed), "{listed}");
        }
        assert!(lists_values_of("Co\"l", "CHECK ((\"Co\"\"l\" = ANY (ARRAY['a'::text])))"));
        for other in [
            "CHECK (((c = ANY (ARRAY['a'::text])) OR (c ~~ '%@%'::text)))",
            "CHECK ((NOT (c = ANY (ARRAY['a'::text]))))",
            "CHECK ((c <> ALL (ARRAY['a'::text])))",
            "CHECK ((lower(c) = ANY (ARRAY['a'::text])))",
            "CHECK ((split_part(c, '@'::text, 2) = ANY (ARRAY['example.org'::text])))",
            "CHECK ((\"right\"(c, 3) = ANY (ARRAY['org'::text])))",
            "CHECK ((c = ANY (ARRAY['a'::text]))) NOT VALID",
            "CHECK ((d = ANY (ARRAY['a'::text])))",
            "CHECK ((c = ANY (ARRAY[d, 'a'::text])))",
            "CHECK ((c = ANY (ARRAY['a'::text, 'b'::text]) IS NOT FALSE))",
            "CHECK ((c = ANY (ARRAY['a'::text",
            "CHECK ((c = 'a'::text))",
            "",
        ] {
            assert!(!lists_values_of("c", other), "{other}");
        }
    }
}
