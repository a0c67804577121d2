//! Texts inside texts: escapes undone, quoted strings found, spans crossed out.

/// Undoes the escapes of JSON strings and of arrays' printed form. With `places`, each byte of `out` gets the place in
/// `text` that it came from, and one more entry the end.
pub fn unescape(text: &[u8], out: &mut Vec<u8>, mut places: Option<&mut Vec<usize>>) {
    let mut at = 0;
    let mut push = |bytes: &[u8], from: usize, out: &mut Vec<u8>| {
        out.extend_from_slice(bytes);
        if let Some(places) = &mut places {
            places.extend(std::iter::repeat_n(from, bytes.len()));
        }
    };
    while at < text.len() {
        let plain = memchr::memchr(b'\\', &text[at..]).unwrap_or(text.len() - at);
        for byte in &text[at..at + plain] {
            push(&[*byte], at, out);
            at += 1;
        }
        if at + 1 >= text.len() {
            break;
        }
        match text[at + 1] {
            b'b' | b'f' | b'n' | b'r' | b't' => {
                push(b" ", at, out);
                at += 2;
            }
            b'u' => match letter(&text[at..]) {
                Some((letter, length)) => {
                    push(letter.encode_utf8(&mut [0; 4]).as_bytes(), at, out);
                    at += length;
                }
                None => at += 2,
            },
            // A quote or a backslash: no part of a word either way.
            other => {
                push(&[other], at + 1, out);
                at += 2;
            }
        }
    }
    if let Some(places) = places {
        places.push(text.len());
    }
}

/// `\u00e9`, or a pair of surrogates; with its length.
fn letter(text: &[u8]) -> Option<(char, usize)> {
    let unit = |text: &[u8]| {
        let digits = std::str::from_utf8(text.strip_prefix(b"\\u")?.get(..4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text)?;
    let second = text.get(6..).and_then(unit);
    let mut decoded = char::decode_utf16([first].into_iter().chain(second));
    match decoded.next()? {
        Ok(letter) => Some((letter, 6 * letter.len_utf16())),
        Err(_) => None,
    }
}

/// Gives what stands in double quotes, with the escapes undone.
pub(super) fn quoted(text: &[u8], give: &mut dyn FnMut(&[u8])) {
    let (mut at, mut plain) = (0, Vec::new());
    while let Some(open) = memchr::memchr(b'"', &text[at.min(text.len())..]) {
        let start = at + open + 1;
        let mut end = start;
        while end < text.len() && text[end] != b'"' {
            end += if text[end] == b'\\' { 2 } else { 1 };
        }
        plain.clear();
        unescape(&text[start..end.min(text.len())], &mut plain, None);
        give(&plain);
        at = end + 1;
    }
}

/// String constants of SQL, also those in dollar quotes (function bodies, whole).
pub fn literals(sql: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), sql);
    while let Some(at) = rest.find(['\'', '$', '"']) {
        let tail = &rest[at..];
        let (inner, length) = match tail.as_bytes()[0] {
            b'\'' => (true, quoted_length(tail, '\'')),
            b'"' => (false, quoted_length(tail, '"')),
            _ => match dollar_tag(tail) {
                Some(tag) => {
                    let body = &tail[tag.len()..];
                    let end = body.find(tag).unwrap_or(body.len());
                    found.push(body[..end].to_owned());
                    rest = body.get(end + tag.len()..).unwrap_or_default();
                    continue;
                }
                None => (false, 1),
            },
        };
        if inner {
            found.push(tail[1..length].trim_end_matches('\'').replace("''", "'"));
        }
        rest = &tail[length..];
    }
    found
}

/// With both quotes; a doubled one goes on.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].find(quote) {
        at += next + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// `$$` or `$name$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 2;
    let name = &text[1..end - 1];
    let is_tag =
        name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &text[..end])
}

/// The text with the letters in `spans` (sorted, not overlapping) as `x` and the digits as `9`, signs and escapes as
/// they were, those of links too: as many characters as before, and still JSON where it was.
pub fn scrubbed(text: &str, spans: &[(usize, usize)]) -> String {
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for &(start, end) in spans {
        let (Some(before), Some(mut rest)) = (text.get(done..start), text.get(start..end)) else { continue };
        out.push_str(before);
        while let Some(symbol) = rest.chars().next() {
            let mut length = symbol.len_utf8();
            match symbol {
                '\\' => match letter(rest.as_bytes()) {
                    Some((_, escape)) => {
                        out.push('x');
                        length = escape;
                    }
                    None => {
                        let escape = rest.chars().nth(1);
                        out.push('\\');
                        out.extend(escape);
                        length += escape.map_or(0, char::len_utf8);
                    }
                },
                '%' if escaped_byte(rest).is_some() => {
                    length = 3;
                    out.push_str(match escaped_byte(rest) {
                        Some(byte) if byte.is_ascii_digit() => "%39",
                        Some(byte) if byte.is_ascii_alphabetic() || !byte.is_ascii() => "%78",
                        _ => &rest[..length],
                    });
                }
                symbol if symbol.is_numeric() => out.push('9'),
                symbol if symbol.is_alphanumeric() => out.push('x'),
                symbol => out.push(symbol),
            }
            rest = &rest[length..];
        }
        done = end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// `%40`
fn escaped_byte(text: &str) -> Option<u8> {
    let digits =
        text.strip_prefix('%')?.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}
