//! Ways in which a text may be written inside another one, and what it means.

use super::unescape::unescape;

/// A way of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// Bytes as PostgreSQL prints them: `\x616263`.
    Hex,
    /// `\u0061`, `\"`, as in JSON and in the printed form of arrays.
    Backslash,
    /// `%40`, as in links.
    Percent,
    /// `&eacute;`, `&#64;`, `&#x40;`, as in HTML and XML.
    Entity,
}

/// Hexadecimal digits of the shortest value.
const HEX_DIGITS_MIN: usize = 2 * super::CHARS_MIN;
/// With the sign that ends it: `&#x10ffff;`
const ENTITY_BYTES_MAX: usize = 10;

impl Escape {
    pub(super) const ALL: [Self; 4] = [Self::Hex, Self::Backslash, Self::Percent, Self::Entity];

    /// In the order in which they are undone: documents stand in documents, and bytes in any of them.
    pub(super) const IN_TURN: [Self; 8] = [
        Self::Hex,
        Self::Backslash,
        Self::Hex,
        Self::Backslash,
        Self::Hex,
        Self::Backslash,
        Self::Percent,
        Self::Entity,
    ];

    /// Whether something is written like that.
    pub(super) fn is_in(self, text: &[u8]) -> bool {
        match self {
            Self::Backslash => memchr::memchr(b'\\', text).is_some(),
            Self::Hex => memchr::memchr_iter(b'\\', text).any(|at| hex(&text[at..]).is_some()),
            Self::Percent => memchr::memchr_iter(b'%', text).any(|at| percent(&text[at..]).is_some()),
            Self::Entity => memchr::memchr_iter(b'&', text).any(|at| entity(&text[at..]).is_some()),
        }
    }

    /// The text that is meant; `places` get for each of its bytes where it came from, and one more entry, the end.
    pub(super) fn undo(self, text: &[u8], out: &mut Vec<u8>, places: &mut Vec<usize>) {
        let sign = match self {
            Self::Backslash => return unescape(text, out, Some(places)),
            Self::Hex => b'\\',
            Self::Percent => b'%',
            Self::Entity => b'&',
        };
        let mut at = 0;
        while at < text.len() {
            let plain = memchr::memchr(sign, &text[at..]).unwrap_or(text.len() - at);
            out.extend_from_slice(&text[at..at + plain]);
            places.extend(at..at + plain);
            at += plain;
            let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { break };
            let length = match self {
                Self::Hex => hex(rest).map(|digits| {
                    out.extend(digits.chunks_exact(2).map(|pair| 16 * digit(pair[0]) + digit(pair[1])));
                    places.extend((at + 2..at + 2 + digits.len()).step_by(2));
                    2 + digits.len()
                }),
                Self::Percent => percent(rest).map(|byte| {
                    out.push(byte);
                    places.push(at);
                    3
                }),
                Self::Backslash | Self::Entity => entity(rest).map(|(letter, length)| {
                    let before = out.len();
                    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                    places.extend(std::iter::repeat_n(at, out.len() - before));
                    length
                }),
            };
            if length.is_none() {
                out.push(sign);
                places.push(at);
            }
            at += length.unwrap_or(1);
        }
        places.push(text.len());
    }
}

fn digit(byte: u8) -> u8 {
    char::from(byte).to_digit(16).unwrap_or_default() as u8
}

/// The digits after `\x`, in pairs, where they are long enough to hold a value.
fn hex(text: &[u8]) -> Option<&[u8]> {
    let digits = text.strip_prefix(b"\\x")?;
    let length = digits.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(digits.len()) / 2 * 2;
    (length >= HEX_DIGITS_MIN).then(|| &digits[..length])
}

fn percent(text: &[u8]) -> Option<u8> {
    let digits = text.get(1..3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    Some(16 * digit(digits[0]) + digit(digits[1]))
}

/// The letter that an entity stands for, and its length with both signs.
fn entity(text: &[u8]) -> Option<(char, usize)> {
    let end = text.iter().take(ENTITY_BYTES_MAX).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let letter = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => named(name)?,
    };
    Some((letter, end + 1))
}

/// Those of XML, those that hide addresses, and the letters of Latin 1 (HTML 4.01, section 24.2.1).
fn named(name: &str) -> Option<char> {
    const OTHERS: [(&str, char); 9] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("commat", '@'),
        ("period", '.'),
        ("lowbar", '_'),
    ];
    const LATIN: &str = "Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc \
        Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave \
        aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve \
        oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";
    let other = OTHERS.iter().find(|(other, _)| *other == name).map(|(_, letter)| *letter);
    let latin = || LATIN.split_ascii_whitespace().zip('\u{c0}'..).find(|(latin, _)| *latin == name);
    other.or_else(|| latin().map(|(_, letter)| letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(escape: Escape, text: &str) -> (String, Vec<usize>) {
        let (mut out, mut places) = (Vec::new(), Vec::new());
        escape.undo(text.as_bytes(), &mut out, &mut places);
        assert_eq!(places.len(), out.len() + 1, "{text}");
        assert_eq!(escape.is_in(text.as_bytes()), out != text.as_bytes(), "{text}");
        (String::from_utf8_lossy(&out).into_owned(), places)
    }

    #[test]
    fn each_way_of_writing_is_read_and_its_places_known() {
        for (escape, text, meant) in [
            (Escape::Percent, "a%40b %4 100% %zz", "a@b %4 100% %zz"),
            (Escape::Entity, "Andr&eacute; &#64; &#x40;&amp; R&B; &Yacute;&yuml;&times; &", "André @ @& R&B; Ýÿ× &"),
            (Escape::Hex, r#"{"\x616e6e406b"} \x6162 \x"#, r#"{"\x616e6e406b"} \x6162 \x"#),
            (Escape::Hex, r#"{"\x616e6e406b6c7"}"#, r#"{"ann@kl7"}"#),
        ] {
            assert_eq!(undone(escape, text).0, meant);
        }
        assert_eq!(undone(Escape::Percent, "a%40b").1, [0, 1, 4, 5]);
        assert_eq!(undone(Escape::Entity, "&eacute;b").1, [0, 0, 8, 9]);
        assert_eq!(undone(Escape::Hex, r"\x616263646566.").1, [2, 4, 6, 8, 10, 12, 14, 15]);
    }
}
