//! Where SQL text stands outside of quotes: what pg_dump prints holds texts and names that look like anything.

/// What the text read so far has left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Quoting {
    #[default]
    Outside,
    /// Of a text (`'`) or a name (`"`); doubled, it closes and opens again.
    Quote(u8),
    /// With its delimiter, `$tag$`.
    Dollar(Vec<u8>),
    /// To the end of the line.
    Comment,
}

impl Quoting {
    /// Reads on, and says where semicolons stand outside of quotes.
    pub(super) fn read(&mut self, text: &str) -> Vec<usize> {
        let bytes = text.as_bytes();
        let (mut semicolons, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let (rest, byte) = (&bytes[at..], bytes[at]);
            let mut length = 1;
            match self {
                Self::Outside if byte == b';' => semicolons.push(at),
                Self::Outside if matches!(byte, b'\'' | b'"') => *self = Self::Quote(byte),
                Self::Outside if rest.starts_with(b"--") => *self = Self::Comment,
                Self::Outside if byte == b'$' && (at == 0 || !in_name(bytes[at - 1])) => {
                    if let Some(delimiter) = dollar_delimiter(rest) {
                        length = delimiter.len();
                        *self = Self::Dollar(delimiter.to_vec());
                    }
                }
                Self::Quote(quote) if byte == *quote => *self = Self::Outside,
                Self::Dollar(delimiter) if rest.starts_with(delimiter) => {
                    length = delimiter.len();
                    *self = Self::Outside;
                }
                Self::Comment if byte == b'\n' => *self = Self::Outside,
                _ => {}
            }
            at += length;
        }
        semicolons
    }
}

/// The statements of a text, without their semicolons.
pub(super) fn statements(text: &str) -> Vec<&str> {
    let mut start = 0;
    let mut found = Vec::new();
    for at in Quoting::default().read(text).into_iter().chain([text.len()]) {
        found.push(text[start..at].trim());
        start = (at + 1).min(text.len());
    }
    found.retain(|statement| !statement.is_empty());
    found
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// `$tag$` or `$$` at the beginning.
fn dollar_delimiter(text: &[u8]) -> Option<&[u8]> {
    let end = 1 + text[1..].iter().position(|byte| *byte == b'$' || !in_name(*byte))?;
    (text[end] == b'$' && !text[1].is_ascii_digit()).then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_outside_of_quotes() {
        let text = "GRANT a ON \"x;\n\"\"--\" TO b; SELECT 'it''s;'; DO $x$ ; $$ ; $x$;\n-- c;'\nSELECT $1;a$b$;";
        let wanted =
            ["GRANT a ON \"x;\n\"\"--\" TO b", "SELECT 'it''s;'", "DO $x$ ; $$ ; $x$", "-- c;'\nSELECT $1", "a$b$"];
        assert_eq!(statements(text), wanted);
    }

    #[test]
    fn what_is_open_stays_open_across_pieces() {
        let mut quoting = Quoting::default();
        for (piece, outside) in [("COMMENT IS 'a\n", false), ("--\n", false), ("'';\n", false), ("';\n", true)] {
            quoting.read(piece);
            assert_eq!(quoting == Quoting::Outside, outside, "{piece:?}");
        }
    }
}
