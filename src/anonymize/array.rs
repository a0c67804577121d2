//! Arrays of any number of dimensions, element by element, in both wire forms. Bounds and NULLs stay.

use super::{Fault, MALFORMED};
use crate::copyfmt::Format;

/// PostgreSQL's own limit (MAXDIM).
const DIMENSIONS_AT_MOST: usize = 6;
const TOO_LONG: Fault = Fault("the result is longer than a row can be");

/// Appends the array with each element replaced by what `mask` appends for it; false stands for NULL.
pub(super) fn each(
    value: &[u8],
    format: Format,
    out: &mut Vec<u8>,
    mask: impl FnMut(&[u8], &mut Vec<u8>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    match format {
        Format::Binary => binary(value, out, mask),
        Format::Text => text(value, out, mask),
    }
}

/// Number of dimensions, whether there are NULLs, type of the elements; length and lower bound of each dimension; then
/// the elements with their lengths.
fn binary(
    value: &[u8],
    out: &mut Vec<u8>,
    mut mask: impl FnMut(&[u8], &mut Vec<u8>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let word = |at: usize| {
        value.get(at..).and_then(|rest| rest.first_chunk()).map(|word| i32::from_be_bytes(*word)).ok_or(MALFORMED)
    };
    let dimensions = usize::try_from(word(0)?).ok().filter(|count| *count <= DIMENSIONS_AT_MOST).ok_or(MALFORMED)?;
    let head = 12 + 8 * dimensions;
    let start = out.len();
    out.extend_from_slice(value.get(..head).ok_or(MALFORMED)?);
    let mut at = head;
    while at < value.len() {
        let length = word(at)?;
        at += 4;
        let place = out.len();
        out.extend_from_slice(&[0; 4]);
        let mut masked = false;
        if let Ok(length) = usize::try_from(length) {
            let element = value.get(at..at + length).ok_or(MALFORMED)?;
            at += length;
            masked = mask(element, out)?;
        }
        let length = if masked {
            i32::try_from(out.len() - place - 4).map_err(|_| TOO_LONG)?
        } else {
            out.truncate(place + 4);
            out[start + 7] = 1;
            -1
        };
        out[place..place + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// `{a,"b \"c\"",NULL}`, `[0:1]={{1},{2}}`
fn text(
    value: &[u8],
    out: &mut Vec<u8>,
    mut mask: impl FnMut(&[u8], &mut Vec<u8>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let begin = value.iter().position(|byte| *byte == b'{').ok_or(MALFORMED)?;
    out.extend_from_slice(&value[..begin]);
    let (mut at, mut element, mut masked) = (begin, Vec::new(), Vec::new());
    while let Some(byte) = value.get(at) {
        if matches!(byte, b'{' | b'}' | b',') {
            out.push(*byte);
            at += 1;
            continue;
        }
        let quoted = *byte == b'"';
        at = item(value, at, b",}", &mut element)?;
        masked.clear();
        let is_null = !quoted && element.eq_ignore_ascii_case(b"NULL");
        if is_null || !mask(&element, &mut masked)? {
            out.extend_from_slice(b"NULL");
        } else {
            quote(&masked, out);
        }
    }
    Ok(())
}

/// Reads one item, quoted or not, that ends before one of `ends`; where it ends.
pub(super) fn item(value: &[u8], mut at: usize, ends: &[u8], item: &mut Vec<u8>) -> Result<usize, Fault> {
    item.clear();
    let mut quoted = false;
    while let Some(byte) = value.get(at) {
        match byte {
            b'"' if quoted && value.get(at + 1) == Some(&b'"') => {
                item.push(b'"');
                at += 1;
            }
            b'"' => quoted = !quoted,
            b'\\' => {
                at += 1;
                item.push(*value.get(at).ok_or(MALFORMED)?);
            }
            byte if !quoted && ends.contains(byte) => return Ok(at),
            byte => item.push(*byte),
        }
        at += 1;
    }
    if quoted { Err(MALFORMED) } else { Ok(at) }
}

pub(super) fn quote(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn upper(value: &[u8], out: &mut Vec<u8>) -> Result<bool, Fault> {
        out.extend(value.iter().map(u8::to_ascii_uppercase));
        Ok(value != b"gone")
    }

    #[test]
    fn elements_are_replaced_where_they_stand() {
        let run = |value: &str| {
            let mut out = Vec::new();
            each(value.as_bytes(), Format::Text, &mut out, upper).map(|()| String::from_utf8(out).expect("UTF-8"))
        };
        let done = |text: &str| Ok(text.to_owned());
        assert_eq!(run("{}"), done("{}"));
        assert_eq!(
            run(r#"{a,"b, c","d \"e\" \\",NULL,"NULL",gone}"#),
            done(r#"{"A","B, C","D \"E\" \\",NULL,"NULL",NULL}"#)
        );
        assert_eq!(run("{a;b,;}"), done(r#"{"A;B",";"}"#));
        assert_eq!(run("[0:1]={{a},{b}}"), done(r#"[0:1]={{"A"},{"B"}}"#));
        assert_eq!(run("x"), Err(MALFORMED));
        assert_eq!(run("{\"a"), Err(MALFORMED));
    }

    #[test]
    fn binary_elements_keep_bounds_and_nulls() {
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let value = [words(&[2, 0, 25, 2, 1, 1, 1, 1]), b"a".to_vec(), words(&[4]), b"gone".to_vec()].concat();
        let value = [words(&[2, 0, 25, 1, 1, 2, 1]), value[words(&[0; 7]).len()..].to_vec()].concat();
        let mut out = Vec::new();
        each(&value, Format::Binary, &mut out, upper).expect("well formed");
        assert_eq!(out, [words(&[2, 1, 25, 1, 1, 2, 1, 1]), b"A".to_vec(), words(&[-1])].concat());
        let empty = words(&[0, 0, 25]);
        let mut out = Vec::new();
        each(&empty, Format::Binary, &mut out, upper).expect("well formed");
        assert_eq!(out, empty);
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_array_never_panic(value in prop::collection::vec(any::<u8>(), 0..60), text in any::<bool>()) {
            let format = if text { Format::Text } else { Format::Binary };
            let _ = each(&value, format, &mut Vec::new(), upper);
        }
    }
}
