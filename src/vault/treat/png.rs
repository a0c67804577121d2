//! PNG, still or animated: a signature and then chunks, each with a checksum.

use super::kind::ImageSize;
use super::reader::ByteReader;
use super::{TreatFault, exif};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Chunks that change how the image is shown, and how long they can be; a longer one carries something else.
const KEPT: &[(&[u8; 4], usize)] = &[
    (b"IHDR", 13),
    (b"PLTE", 768),
    (b"IDAT", usize::MAX),
    (b"IEND", 0),
    (b"tRNS", 256),
    (b"gAMA", 4),
    (b"cHRM", 32),
    (b"sRGB", 1),
    (b"cICP", 4),
    (b"mDCV", 24),
    (b"cLLI", 8),
    (b"sBIT", 4),
    (b"bKGD", 6),
    (b"pHYs", 9),
    (b"hIST", 512),
    (b"sPLT", usize::MAX),
    (b"acTL", 8),
    (b"fcTL", 26),
    (b"fdAT", usize::MAX),
];

struct Chunk<'a> {
    name: [u8; 4],
    body: &'a [u8],
    /// With length, name and checksum.
    whole: &'a [u8],
}

/// Keeps the chunks of the list, the orientation and where asked the colour profile.
pub(super) fn strip(bytes: &[u8], keep_icc: bool) -> Result<Vec<u8>, TreatFault> {
    let mut reader = ByteReader::new(bytes);
    reader.expect(SIGNATURE)?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(SIGNATURE);
    header(&reader)?;
    let (mut has_data, mut has_exif) = (false, false);
    loop {
        let chunk = next_chunk(&mut reader)?;
        // Only the first one counts for those who show it, and none that is damaged.
        if &chunk.name == b"eXIf" && !has_exif && check(&chunk).is_ok() {
            has_exif = true;
            if let Some(orientation) = exif::orientation(chunk.body) {
                put_chunk(&mut out, b"eXIf", &exif::only_orientation(orientation));
            }
        } else if is_kept(&chunk, keep_icc) {
            check(&chunk)?;
            out.extend_from_slice(chunk.whole);
        } else if chunk.name[0].is_ascii_uppercase() {
            // Nothing can be shown without understanding it, and it is not understood.
            return Err(TreatFault::Broken);
        }
        has_data |= &chunk.name == b"IDAT";
        if &chunk.name == b"IEND" {
            return if has_data { Ok(out) } else { Err(TreatFault::Broken) };
        }
    }
}

/// Out of the header chunk.
pub(super) fn size(bytes: &[u8]) -> Result<ImageSize, TreatFault> {
    let mut reader = ByteReader::new(bytes);
    reader.expect(SIGNATURE)?;
    header(&reader)
}

/// Appends a chunk; `body` is far below 4 GiB.
pub(super) fn put_chunk(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(body);
    out.extend_from_slice(&checksum(name, body).to_be_bytes());
}

/// The first chunk; the reader passed in stays before it.
fn header(reader: &ByteReader) -> Result<ImageSize, TreatFault> {
    let chunk = next_chunk(&mut reader.clone())?;
    if &chunk.name != b"IHDR" || chunk.body.len() != 13 {
        return Err(TreatFault::Broken);
    }
    let mut body = ByteReader::new(chunk.body);
    Ok(ImageSize { width: body.u32_be()?, height: body.u32_be()? })
}

fn next_chunk<'a>(reader: &mut ByteReader<'a>) -> Result<Chunk<'a>, TreatFault> {
    let start = reader.rest();
    let length = reader.u32_be()?;
    let name: [u8; 4] = reader.array()?;
    if !name.iter().all(u8::is_ascii_alphabetic) {
        return Err(TreatFault::Broken);
    }
    let body = reader.take_u32(length)?;
    reader.take(4)?;
    Ok(Chunk { name, body, whole: &start[..start.len() - reader.rest().len()] })
}

fn is_kept(chunk: &Chunk, keep_icc: bool) -> bool {
    if &chunk.name == b"iCCP" {
        return keep_icc;
    }
    KEPT.iter().any(|(name, length_max)| **name == chunk.name && chunk.body.len() <= *length_max)
}

fn check(chunk: &Chunk) -> Result<(), TreatFault> {
    let sum = checksum(&chunk.name, chunk.body).to_be_bytes();
    if chunk.whole.ends_with(&sum) { Ok(()) } else { Err(TreatFault::Broken) }
}

fn checksum(name: &[u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::treat::samples;

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut reader = ByteReader::new(&bytes[SIGNATURE.len()..]);
        let mut names = Vec::new();
        while !reader.is_empty() {
            let chunk = next_chunk(&mut reader).unwrap();
            check(&chunk).unwrap();
            names.push(String::from_utf8(chunk.name.to_vec()).unwrap());
        }
        names
    }

    #[test]
    fn chunks_that_change_the_picture_stay() {
        let stripped = |animated| names(&strip(&samples::png(animated), false).unwrap());
        assert_eq!(stripped(false), ["IHDR", "eXIf", "gAMA", "IDAT", "IEND"]);
        assert_eq!(stripped(true), ["IHDR", "eXIf", "gAMA", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "IEND"]);
        let with_profile = strip(&samples::png(false), true).unwrap();
        assert_eq!(names(&with_profile), ["IHDR", "iCCP", "eXIf", "gAMA", "IDAT", "IEND"]);
    }

    /// As another decoder reads it; a second one and one that says nothing new go.
    #[test]
    fn the_orientation_stays_where_it_changes_the_picture() {
        let sample = samples::png(false);
        let at = memchr::memmem::find(&sample, b"eXIf").unwrap() - 4;
        let end = at + 12 + samples::tiff(6, false).len();
        for first in 1..=9 {
            let mut chunks = Vec::new();
            put_chunk(&mut chunks, b"eXIf", &samples::tiff(first, true));
            put_chunk(&mut chunks, b"eXIf", &samples::tiff(8, true));
            let stripped = strip(&[&sample[..at], &chunks, &sample[end..]].concat(), false).unwrap();
            let reader = png::Decoder::new(std::io::Cursor::new(&stripped)).read_info().unwrap();
            let kept = reader.info().exif_metadata.as_deref().map(<[u8]>::to_vec);
            let expected = (2..=8).contains(&first).then(|| exif::only_orientation(first));
            assert_eq!(kept, expected, "{first}");
        }
    }

    #[test]
    fn a_kept_chunk_whose_checksum_is_wrong_is_refused() {
        let mut sample = samples::png(false);
        let at = memchr::memmem::find(&sample, b"IDAT").unwrap();
        sample[at + 8] ^= 1;
        assert_eq!(strip(&sample, false), Err(TreatFault::Broken));
    }

    #[test]
    fn a_chunk_that_must_be_understood_is_refused() {
        let mut sample = SIGNATURE.to_vec();
        put_chunk(&mut sample, b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]);
        put_chunk(&mut sample, b"CgBI", &[]);
        assert_eq!(strip(&sample, false), Err(TreatFault::Broken));
    }
}
