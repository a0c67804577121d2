//! Splitting COPY streams into rows and fields, and joining them again, without a server.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use tithe::copyfmt::{Fields, Format, RowReader, RowWriter};

const ROWS: usize = 10_000;

fn main() {
    divan::main();
}

/// Rows as an application has them: keys, a few short texts, a time, NULLs, a longer text now and then. One chunk per
/// row, as the server sends them.
fn chunks(format: Format) -> Vec<Bytes> {
    let (mut writer, mut start) = (RowWriter::new(format), Vec::new());
    writer.header(&mut start);
    let mut chunks = Vec::from([Bytes::from(start)]);
    for row in 0..ROWS {
        let mut out = Vec::new();
        let number = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let email = format!("person{row}@host{}.example", number % 97);
        let body = "Lorem ipsum dolor sit amet\n".repeat((number % 13) as usize);
        let fields: [Option<&[u8]>; 8] = [
            Some(&number.to_be_bytes()),
            Some(email.as_bytes()),
            None,
            Some(b"active"),
            Some(&number.to_le_bytes()),
            Some(body.as_bytes()),
            Some(b""),
            Some(&[0, 0, 0, 1]),
        ];
        writer.begin_row(fields.len(), &mut out).expect("few fields");
        fields.iter().for_each(|field| writer.field(*field, &mut out).expect("short"));
        writer.end_row(&mut out);
        chunks.push(out.into());
    }
    let mut end = Vec::new();
    writer.trailer(&mut end);
    chunks.push(end.into());
    chunks
}

fn each_row(chunks: &[Bytes], format: Format, mut visit: impl FnMut(&Fields)) {
    let (mut reader, mut fields) = (RowReader::new(format), Fields::default());
    for chunk in chunks {
        reader.push(chunk.clone());
        while let Some(row) = reader.next_row().expect("well formed") {
            fields.split(row, format).expect("well formed");
            visit(&fields);
        }
    }
    reader.finish().expect("complete");
}

fn bytes(chunks: &[Bytes]) -> BytesCount {
    BytesCount::new(chunks.iter().map(Bytes::len).sum::<usize>())
}

#[divan::bench(args = [Format::Binary, Format::Text])]
fn split(bencher: Bencher, format: Format) {
    let chunks = chunks(format);
    bencher.counter(bytes(&chunks)).bench(|| {
        let mut seen = 0;
        each_row(&chunks, format, |fields| seen += fields.get(1).map_or(0, <[u8]>::len));
        seen
    });
}

#[divan::bench(args = [Format::Binary, Format::Text])]
fn split_and_join(bencher: Bencher, format: Format) {
    let chunks = chunks(format);
    bencher.counter(bytes(&chunks)).bench(|| {
        let (mut writer, mut out, mut joined) = (RowWriter::new(format), Vec::new(), 0);
        each_row(&chunks, format, |fields| {
            out.clear();
            writer.begin_row(fields.len(), &mut out).expect("few fields");
            fields.iter().for_each(|field| writer.field(field, &mut out).expect("short"));
            writer.end_row(&mut out);
            joined += out.len();
        });
        joined
    });
}
