//! WebP: a RIFF file of chunks; one with more than plain image data begins with a chunk of flags.

use super::kind::ImageSize;
use super::reader::ByteReader;
use super::{TreatFault, exif};

const ICC_FLAG: u8 = 0x20;
const ALPHA_FLAG: u8 = 0x10;
const EXIF_FLAG: u8 = 0x08;
const ANIMATION_FLAG: u8 = 0x02;

/// Position, size, duration and blending of a frame, before its own chunks.
const FRAME_HEADER_BYTES: usize = 16;

struct Chunk<'a> {
    name: [u8; 4],
    body: &'a [u8],
}

/// Keeps the chunks that are image, animation, the orientation and where asked the colour profile; sets the flags to
/// what is there.
pub(super) fn strip(bytes: &[u8], keep_icc: bool) -> Result<Vec<u8>, TreatFault> {
    let mut chunks = ByteReader::new(content(bytes)?);
    let first = next_chunk(&mut chunks)?;
    let mut kept = Vec::with_capacity(bytes.len());
    match &first.name {
        b"VP8 " | b"VP8L" => {
            image_size(&first)?;
            put_chunk(&mut kept, &first.name, first.body);
        }
        b"VP8X" => strip_extended(&first, chunks, keep_icc, &mut kept)?,
        _ => return Err(TreatFault::Broken),
    }
    file(&kept)
}

/// Of the canvas where there is one.
pub(super) fn size(bytes: &[u8]) -> Result<ImageSize, TreatFault> {
    let first = next_chunk(&mut ByteReader::new(content(bytes)?))?;
    if &first.name != b"VP8X" {
        return image_size(&first);
    }
    let mut body = ByteReader::new(first.body);
    body.take(4)?;
    Ok(ImageSize { width: body.u24_le()? + 1, height: body.u24_le()? + 1 })
}

/// A whole file of these chunks.
pub(super) fn file(chunks: &[u8]) -> Result<Vec<u8>, TreatFault> {
    let length = u32::try_from(chunks.len() + 4).map_err(|_| TreatFault::Broken)?;
    Ok([b"RIFF", &length.to_le_bytes()[..], b"WEBP", chunks].concat())
}

/// Appends a chunk, padded to an even length; `body` is far below 4 GiB.
pub(super) fn put_chunk(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

/// All chunks: what follows the length that the file gives itself is no part of it.
fn content(bytes: &[u8]) -> Result<&[u8], TreatFault> {
    let mut reader = ByteReader::new(bytes);
    reader.expect(b"RIFF")?;
    let length = reader.u32_le()?;
    let mut file = ByteReader::new(reader.take_u32(length)?);
    file.expect(b"WEBP")?;
    Ok(file.rest())
}

fn next_chunk<'a>(reader: &mut ByteReader<'a>) -> Result<Chunk<'a>, TreatFault> {
    let name = reader.array()?;
    let length = reader.u32_le()?;
    let body = reader.take_u32(length)?;
    // Some writers leave out the padding at the file's end.
    if body.len() % 2 == 1 && !reader.is_empty() {
        reader.take(1)?;
    }
    Ok(Chunk { name, body })
}

fn strip_extended(flags: &Chunk, mut chunks: ByteReader, keep_icc: bool, out: &mut Vec<u8>) -> Result<(), TreatFault> {
    let mut canvas = *flags.body.first_chunk::<10>().ok_or(TreatFault::Broken)?;
    // Without the flag nobody looks for EXIF.
    let mut awaits_exif = canvas[0] & EXIF_FLAG != 0;
    canvas[0] &= ALPHA_FLAG | ANIMATION_FLAG;
    canvas[1..4].fill(0);
    let flags_at = out.len() + 8;
    put_chunk(out, b"VP8X", &canvas);
    let (mut has_icc, mut has_image, mut has_frames) = (false, false, false);
    while !chunks.is_empty() {
        let chunk = next_chunk(&mut chunks)?;
        match &chunk.name {
            b"ICCP" if keep_icc && !has_icc => {
                has_icc = true;
                put_chunk(out, b"ICCP", chunk.body);
            }
            b"ANIM" if !has_frames => put_chunk(out, b"ANIM", chunk.body.get(..6).ok_or(TreatFault::Broken)?),
            b"ANMF" => {
                has_frames = true;
                put_chunk(out, b"ANMF", &frame(chunk.body)?);
            }
            b"EXIF" if awaits_exif => {
                awaits_exif = false;
                if let Some(orientation) = orientation(chunk.body) {
                    out[flags_at] |= EXIF_FLAG;
                    put_chunk(out, b"EXIF", &exif::only_orientation(orientation));
                }
            }
            // Nobody shows a second one.
            b"ALPH" | b"VP8 " | b"VP8L" if !has_image => has_image = put_image(out, &chunk)?,
            _ => {}
        }
    }
    if !has_image && !has_frames {
        return Err(TreatFault::Broken);
    }
    if has_icc {
        out[flags_at] |= ICC_FLAG;
    }
    Ok(())
}

/// Some writers put before the TIFF what a JPEG has there.
fn orientation(body: &[u8]) -> Option<u8> {
    exif::orientation(body.strip_prefix(b"Exif\0\0").unwrap_or(body))
}

/// A frame with the chunks that are image alone.
fn frame(body: &[u8]) -> Result<Vec<u8>, TreatFault> {
    let mut reader = ByteReader::new(body);
    let mut out = reader.take(FRAME_HEADER_BYTES)?.to_vec();
    let mut has_image = false;
    while !reader.is_empty() && !has_image {
        let chunk = next_chunk(&mut reader)?;
        if matches!(&chunk.name, b"ALPH" | b"VP8 " | b"VP8L") {
            has_image = put_image(&mut out, &chunk)?;
        }
    }
    if has_image { Ok(out) } else { Err(TreatFault::Broken) }
}

/// Whether it was the image itself: its transparency comes in a chunk before it.
fn put_image(out: &mut Vec<u8>, chunk: &Chunk) -> Result<bool, TreatFault> {
    let is_image = &chunk.name != b"ALPH";
    if is_image {
        image_size(chunk)?;
    }
    put_chunk(out, &chunk.name, chunk.body);
    Ok(is_image)
}

/// Of lossy or lossless image data.
fn image_size(chunk: &Chunk) -> Result<ImageSize, TreatFault> {
    let mut body = ByteReader::new(chunk.body);
    match &chunk.name {
        b"VP8 " => {
            body.take(3)?;
            body.expect(&[0x9D, 0x01, 0x2A])?;
            // The two highest bits ask for scaling.
            let mut side = || Ok(u32::from(body.u16_le()? & 0x3FFF));
            Ok(ImageSize { width: side()?, height: side()? })
        }
        b"VP8L" => {
            body.expect(&[0x2F])?;
            let bits = body.u32_le()?;
            Ok(ImageSize { width: (bits & 0x3FFF) + 1, height: (bits >> 14 & 0x3FFF) + 1 })
        }
        _ => Err(TreatFault::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::treat::samples;

    fn chunks(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut reader = ByteReader::new(content(bytes).unwrap());
        let mut chunks = Vec::new();
        while !reader.is_empty() {
            let chunk = next_chunk(&mut reader).unwrap();
            chunks.push((String::from_utf8(chunk.name.to_vec()).unwrap(), chunk.body.to_vec()));
        }
        chunks
    }

    #[test]
    fn chunks_and_flags_say_the_same() {
        for (name, sample) in samples::all().into_iter().filter(|(name, _)| name.ends_with("webp")) {
            for keep_icc in [false, true] {
                let chunks = chunks(&strip(&sample, keep_icc).unwrap());
                let has = |wanted: &str| chunks.iter().any(|(name, _)| name == wanted);
                assert!(!has("XMP "), "{name}");
                if name == "lossless webp" {
                    assert!(chunks.len() == 1 && has("VP8L"), "{name}");
                    continue;
                }
                let mut flags = if name == "lossy webp" { ALPHA_FLAG } else { ANIMATION_FLAG };
                flags |= EXIF_FLAG | if keep_icc { ICC_FLAG } else { 0 };
                assert_eq!((chunks[0].0.as_str(), chunks[0].1[0], has("ICCP")), ("VP8X", flags, keep_icc), "{name}");
            }
        }
    }

    /// As another decoder reads it; a second one and one that says nothing new go.
    #[test]
    fn the_orientation_stays_where_it_changes_the_picture() {
        let whole = chunks(&samples::all().into_iter().find(|(name, _)| *name == "lossy webp").unwrap().1);
        for (first, prefix, flag) in (1..=9).flat_map(|first| [(first, "", 8), (first, "Exif\0\0", 8), (first, "", 0)])
        {
            let mut sample = Vec::new();
            for (name, body) in &whole {
                let mut body = body.clone();
                match name.as_str() {
                    "VP8X" => body[0] = ALPHA_FLAG | flag,
                    "EXIF" => body = [prefix.as_bytes(), &samples::tiff(first, true)].concat(),
                    _ => {}
                }
                put_chunk(&mut sample, name.as_bytes().first_chunk().unwrap(), &body);
            }
            put_chunk(&mut sample, b"EXIF", &samples::tiff(8, true));
            let stripped = strip(&file(&sample).unwrap(), false).unwrap();
            let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(&stripped)).unwrap();
            let kept = decoder.exif_metadata().unwrap();
            let expected = ((2..=8).contains(&first) && flag != 0).then(|| exif::only_orientation(first));
            assert_eq!(kept, expected, "{first} {prefix} {flag}");
        }
    }

    #[test]
    fn a_file_without_an_image_is_refused() {
        let mut chunks = Vec::new();
        put_chunk(&mut chunks, b"VP8X", &[0; 10]);
        put_chunk(&mut chunks, b"EXIF", b"x");
        assert_eq!(strip(&file(&chunks).unwrap(), false), Err(TreatFault::Broken));
    }
}
