//! Rows of both formats, cut at every place, whole and damaged.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

type Row = Vec<Option<Vec<u8>>>;

fn join(rows: &[Row], format: Format) -> Vec<u8> {
    let (mut writer, mut out) = (RowWriter::new(format), Vec::new());
    writer.header(&mut out);
    for row in rows {
        writer.begin_row(row.len(), &mut out).expect("few fields");
        for field in row {
            writer.field(field.as_deref(), &mut out).expect("short");
        }
        writer.end_row(&mut out);
    }
    writer.trailer(&mut out);
    out
}

/// Splits `stream`, cut into chunks at `cuts`, and joins the raw fields again beside.
fn split(stream: &[u8], cuts: &[usize], format: Format) -> Result<(Vec<Row>, Vec<u8>), RowError> {
    let (mut reader, mut fields, mut rows) = (RowReader::new(format), Fields::default(), Vec::new());
    let (mut writer, mut raw) = (RowWriter::new(format), Vec::new());
    writer.header(&mut raw);
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).chain([0, stream.len()]).collect();
    bounds.sort_unstable();
    for pair in bounds.windows(2) {
        reader.push(Bytes::copy_from_slice(&stream[pair[0]..pair[1]]));
        while let Some(row) = reader.next_row()? {
            fields.split(row, format)?;
            rows.push(fields.iter().map(|field| field.map(<[u8]>::to_vec)).collect());
            writer.begin_row(fields.len(), &mut raw)?;
            let half = fields.len() / 2;
            for (first, end) in [(0, half), (half, fields.len())] {
                if first < end {
                    writer.raw_fields(fields.raw(first, end), &mut raw);
                }
            }
            writer.end_row(&mut raw);
        }
    }
    writer.trailer(&mut raw);
    reader.finish()?;
    Ok((rows, raw))
}

fn some(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

#[test]
fn binary_rows_look_as_the_manual_says() {
    let stream = join(&[vec![some("ab"), None]], Format::Binary);
    assert_eq!(stream, b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x02ab\xff\xff\xff\xff\xff\xff");
}

#[test]
fn text_rows_look_as_the_manual_says() {
    let rows = [vec![some("a\tb\\"), None, some(""), some("\\N"), some("é\n\r\u{8}\u{b}\u{c}")]];
    assert_eq!(join(&rows, Format::Text), "a\\tb\\\\\t\\N\t\t\\\\N\té\\n\\r\\b\\v\\f\n".as_bytes());
}

#[test]
fn text_escapes_nobody_writes_are_understood() {
    for (raw, value) in [
        ("\\x41\\x4G\\xzz", "A\u{4}Gxzz"),
        ("\\101\\60\\08", "A0\08"),
        ("\\q\\.", "q."),
        ("a\\\tb", "a\tb"),
        ("a\\", "a"),
        ("\\N.", "N."),
    ] {
        let mut fields = Fields::default();
        fields.split(Bytes::copy_from_slice(raw.as_bytes()), Format::Text).expect("well formed");
        assert_eq!((fields.len(), fields.get(0)), (1, Some(value.as_bytes())), "{raw}");
    }
}

#[test]
fn header_row_and_trailer_may_share_a_chunk_or_be_cut_anywhere() {
    let rows = vec![vec![some("one"), None, some("")], vec![some("two"), some("x"), None]];
    let stream = join(&rows, Format::Binary);
    for cut in 0..stream.len() {
        assert_eq!(split(&stream, &[cut], Format::Binary).expect("well formed").0, rows, "cut at {cut}");
    }
    assert_eq!(split(&stream, &(0..stream.len()).collect::<Vec<_>>(), Format::Binary).expect("bytewise").0, rows);
}

#[test]
fn rows_in_one_chunk_share_its_memory() {
    let chunk = Bytes::from(join(&[vec![some("one")], vec![some("two")]], Format::Binary));
    let mut reader = RowReader::new(Format::Binary);
    reader.push(chunk.clone());
    let range = chunk.as_ptr_range();
    while let Some(row) = reader.next_row().expect("well formed") {
        assert!(range.contains(&row.as_ptr()));
    }
}

#[test]
fn what_is_not_copy_data_is_refused() {
    let good = join(&[vec![some("a")]], Format::Binary);
    let patched = |at: usize, bytes: &[u8]| {
        let mut stream = good.clone();
        stream.splice(at..at + bytes.len(), bytes.iter().copied());
        stream
    };
    for (stream, error) in [
        (patched(0, b"X"), RowError::Signature),
        (patched(11, &[0, 1]), RowError::Header),
        (patched(15, &[0x7f]), RowError::Header),
        (patched(15, &[0xff]), RowError::Header),
        (patched(19, &[0x7f]), RowError::FieldCount(0x7f01)),
        (patched(19, &[0xff, 0xfe]), RowError::FieldCount(-2)),
        (patched(21, &[0x7f]), RowError::FieldLength(0x7f00_0001)),
        (patched(21, &[0xff]), RowError::FieldLength(-0x00ff_ffff)),
        ([&good[..], b"x"].concat(), RowError::AfterEnd),
        (good[..good.len() - 2].to_vec(), RowError::NoEnd),
        (good[..good.len() - 3].to_vec(), RowError::NoEnd),
        (good[..5].to_vec(), RowError::NoEnd),
    ] {
        assert_eq!(split(&stream, &[], Format::Binary).expect_err("refused"), error);
    }
    assert_eq!(split(b"a\tb", &[], Format::Text).expect_err("refused"), RowError::NoEnd);
    assert_eq!(split(b"a\n\\.\nb\n", &[], Format::Text).expect_err("refused"), RowError::AfterEnd);
    let mut fields = Fields::default();
    for (row, error) in [
        (&b""[..], RowError::Truncated),
        (b"\0\x01", RowError::Truncated),
        (b"\0\x01\0\0\0\x02a", RowError::Truncated),
        (b"\0\x01\0\0\0\x01ab", RowError::Surplus),
        (b"\xff\xff", RowError::FieldCount(-1)),
    ] {
        assert_eq!(fields.split(Bytes::copy_from_slice(row), Format::Binary), Err(error));
        assert!(fields.is_empty() && fields.get(0).is_none() && fields.raw(0, 1).is_empty());
    }
}

fn any_rows(least_fields: usize) -> impl Strategy<Value = Vec<Row>> {
    let field = prop_oneof![
        Just(None),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        prop::collection::vec(prop::sample::select(&b"\\N.\t\n\r\x08\x0b\x0cx0a"[..]), 0..8).prop_map(Some),
    ];
    prop::collection::vec(prop::collection::vec(field, least_fields..6), 0..6)
}

proptest! {
    #[test]
    fn split_then_join_is_identity(
        rows in any_rows(1), cuts in prop::collection::vec(any::<usize>(), 0..12), binary in any::<bool>(),
    ) {
        let format = if binary { Format::Binary } else { Format::Text };
        let stream = join(&rows, format);
        let (again, raw) = split(&stream, &cuts, format).expect("well formed");
        prop_assert_eq!(&again, &rows);
        prop_assert_eq!(raw, stream.clone());
        prop_assert_eq!(join(&again, format), stream);
    }

    #[test]
    fn rows_without_fields_survive_in_binary(rows in any_rows(0)) {
        let stream = join(&rows, Format::Binary);
        prop_assert_eq!(split(&stream, &[], Format::Binary).expect("well formed").0, rows);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<usize>(), 0..4),
        headed in any::<bool>(),
    ) {
        let mut fields = Fields::default();
        for format in [Format::Binary, Format::Text] {
            let _ = fields.split(Bytes::copy_from_slice(&bytes), format);
            let mut stream = Vec::new();
            if headed {
                RowWriter::new(format).header(&mut stream);
            }
            stream.extend_from_slice(&bytes);
            let _ = split(&stream, &cuts, format);
        }
    }
}
