//! JPEG: a row of marked segments; the compressed image data follow the start of each scan.

use super::kind::ImageSize;
use super::reader::ByteReader;
use super::{TreatFault, exif};

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DHT: u8 = 0xC4;
const DAC: u8 = 0xCC;
const DQT: u8 = 0xDB;
const DNL: u8 = 0xDC;
const DRI: u8 = 0xDD;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
const COM: u8 = 0xFE;

/// `JFIF\0`, version, unit and densities: what comes before the thumbnail's width and height.
const JFIF_BYTES: usize = 12;
/// `Adobe`, version, flags and the colour transform, without which colours are decoded wrongly.
const ADOBE_BYTES: usize = 12;

struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    /// Compressed data behind it; only a scan has some.
    scan: &'a [u8],
}

/// Keeps what decoding needs, the densities, the orientation and where asked the colour profile.
pub(super) fn strip(bytes: &[u8], keep_icc: bool) -> Result<Vec<u8>, TreatFault> {
    let mut reader = ByteReader::new(bytes);
    reader.expect(&[0xFF, SOI])?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&[0xFF, SOI]);
    let (mut frames, mut scans, mut exifs, mut jfifs) = (0_u32, 0_u32, 0_u32, 0_u32);
    loop {
        let segment = next_segment(&mut reader)?;
        match segment.marker {
            EOI => break,
            APP0 if jfifs == 0 && segment.body.starts_with(b"JFIF\0") => {
                jfifs += 1;
                put_jfif(&mut out, segment.body)?;
            }
            // Only the first one counts for those who show it.
            APP1 if exifs == 0 && segment.body.starts_with(b"Exif\0") => {
                exifs += 1;
                put_orientation(&mut out, segment.body);
            }
            APP2 if keep_icc && segment.body.starts_with(b"ICC_PROFILE\0") => put(&mut out, APP2, segment.body),
            APP14 if segment.body.starts_with(b"Adobe") => {
                put(&mut out, APP14, segment.body.get(..ADOBE_BYTES).ok_or(TreatFault::Broken)?);
            }
            APP0..=APP15 | COM => {}
            marker => {
                check(&segment)?;
                frames += u32::from(is_frame(marker));
                scans += u32::from(marker == SOS);
                put(&mut out, marker, segment.body);
                out.extend_from_slice(segment.scan);
            }
        }
    }
    if frames != 1 || scans == 0 {
        return Err(TreatFault::Broken);
    }
    out.extend_from_slice(&[0xFF, EOI]);
    Ok(out)
}

/// Out of the frame's header.
pub(super) fn size(bytes: &[u8]) -> Result<ImageSize, TreatFault> {
    let mut reader = ByteReader::new(bytes);
    reader.expect(&[0xFF, SOI])?;
    loop {
        let segment = next_segment(&mut reader)?;
        if is_frame(segment.marker) {
            let mut frame = ByteReader::new(segment.body);
            frame.u8()?;
            let (height, width) = (frame.u16_be()?, frame.u16_be()?);
            return Ok(ImageSize { width: width.into(), height: height.into() });
        }
        if matches!(segment.marker, EOI | SOS) {
            return Err(TreatFault::Broken);
        }
    }
}

fn next_segment<'a>(reader: &mut ByteReader<'a>) -> Result<Segment<'a>, TreatFault> {
    reader.expect(&[0xFF])?;
    let mut marker = reader.u8()?;
    while marker == 0xFF {
        marker = reader.u8()?;
    }
    match marker {
        EOI => return Ok(Segment { marker, body: &[], scan: &[] }),
        // No segments: stuffing, a reserved range, restarts outside a scan, an image within the image.
        0x00..=0xBF | 0xD0..=SOI => return Err(TreatFault::Broken),
        _ => {}
    }
    let length = usize::from(reader.u16_be()?);
    let body = reader.take(length.checked_sub(2).ok_or(TreatFault::Broken)?)?;
    let scan = if marker == SOS { reader.take(scan_length(reader.rest())?)? } else { &[] };
    Ok(Segment { marker, body, scan })
}

/// Bytes up to the next marker that is no restart; a stuffed 0xFF is no marker.
fn scan_length(rest: &[u8]) -> Result<usize, TreatFault> {
    memchr::memchr_iter(0xFF, rest)
        .find(|at| rest.get(at + 1).is_some_and(|next| !matches!(next, 0x00 | 0xD0..=0xD7)))
        .ok_or(TreatFault::Broken)
}

/// Baseline, extended, progressive and lossless frames, by Huffman or arithmetic codes; none of the hierarchical ones.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xC3 | 0xC9..=0xCB)
}

/// A segment holds what its kind holds and not a byte more.
fn check(segment: &Segment) -> Result<(), TreatFault> {
    let body = segment.body;
    let fits = match segment.marker {
        DQT => tables_fit(body, quantization_length),
        DHT => tables_fit(body, huffman_length),
        DAC => tables_fit(body, conditioning_length),
        DNL | DRI => body.len() == 2,
        SOS => body.first().is_some_and(|parts| body.len() == 4 + 2 * usize::from(*parts)),
        marker if is_frame(marker) => body.get(5).is_some_and(|parts| body.len() == 6 + 3 * usize::from(*parts)),
        _ => false,
    };
    if fits { Ok(()) } else { Err(TreatFault::Broken) }
}

/// Whether `body` is tables one after the other, each as long as its own beginning says.
fn tables_fit(mut body: &[u8], length: fn(&[u8]) -> Option<usize>) -> bool {
    while !body.is_empty() {
        let Some(rest) = length(body).and_then(|length| body.get(length..)) else { return false };
        body = rest;
    }
    true
}

fn quantization_length(table: &[u8]) -> Option<usize> {
    table_class(table).map(|class| if class == 0 { 1 + 64 } else { 1 + 128 })
}

fn huffman_length(table: &[u8]) -> Option<usize> {
    table_class(table)?;
    let symbols: usize = table.get(1..17)?.iter().map(|count| usize::from(*count)).sum();
    (symbols <= 256).then_some(17 + symbols)
}

/// Of arithmetic coding: a number for each table.
fn conditioning_length(table: &[u8]) -> Option<usize> {
    table_class(table).map(|_| 2)
}

/// A table begins with its class, 0 or 1, and its place, 0 to 3.
fn table_class(table: &[u8]) -> Option<u8> {
    let first = *table.first()?;
    (first & !0x13 == 0).then_some(first >> 4)
}

fn put_jfif(out: &mut Vec<u8>, body: &[u8]) -> Result<(), TreatFault> {
    let mut jfif = body.get(..JFIF_BYTES).ok_or(TreatFault::Broken)?.to_vec();
    // A thumbnail of no width and no height.
    jfif.extend_from_slice(&[0, 0]);
    put(out, APP0, &jfif);
    Ok(())
}

fn put_orientation(out: &mut Vec<u8>, body: &[u8]) {
    if let Some(orientation) = body.get(6..).and_then(exif::orientation) {
        let mut kept = b"Exif\0\0".to_vec();
        kept.extend_from_slice(&exif::only_orientation(orientation));
        put(out, APP1, &kept);
    }
}

/// `body` came out of a segment or is shorter than one.
fn put(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0xFF, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::treat::samples;

    fn stripped(bytes: &[u8]) -> Vec<u8> {
        strip(bytes, false).unwrap()
    }

    #[test]
    fn the_orientation_stays_where_it_changes_the_picture() {
        for orientation in 1..=9 {
            let out = stripped(&samples::jpeg(false, orientation));
            let kept = memchr::memmem::find(&out, b"Exif\0\0").map(|at| &out[at + 6..]);
            let expected = (2..=8).contains(&orientation).then_some(orientation);
            assert_eq!(kept.and_then(exif::orientation), expected);
        }
    }

    /// Behind a header of 2 + 18 bytes the encoder writes tables, frame and scans, which stay byte for byte.
    #[test]
    fn image_data_stay_byte_for_byte() {
        for progressive in [false, true] {
            let sample = samples::jpeg(progressive, 1);
            let tables_at = memchr::memmem::find(&sample, &[0xFF, DQT]).unwrap();
            let image = &sample[tables_at..sample.len() - samples::TAIL.len()];
            assert!(stripped(&sample).ends_with(image));
        }
    }

    #[test]
    fn segments_that_hold_more_than_their_kind_are_refused() {
        let sample = samples::jpeg(false, 1);
        for marker in [DQT, DHT, DRI, 0xC0, SOS] {
            let at = memchr::memmem::find(&sample, &[0xFF, marker]).unwrap();
            let mut longer = sample.clone();
            longer[at + 3] += 1;
            let end = at + 2 + usize::from(longer[at + 3]);
            longer.insert(end - 1, b'x');
            assert_eq!(strip(&longer, false), Err(TreatFault::Broken), "{marker:x}");
        }
    }

    /// A segment of arithmetic coding once let any text of an even length through.
    #[test]
    fn text_in_a_table_is_refused() {
        for marker in [DAC, DQT, DHT] {
            let mut sample = samples::jpeg(false, 1);
            let at = memchr::memmem::find(&sample, b"PLANTED-NOTE").unwrap();
            sample[at - 3] = marker;
            assert_eq!(strip(&sample, false), Err(TreatFault::Broken), "{marker:x}");
        }
    }

    #[test]
    fn an_image_within_the_image_is_refused() {
        let mut sample = samples::jpeg(false, 1);
        let end = sample.len() - samples::TAIL.len() - 2;
        sample.splice(end..end, [0xFF, SOI]);
        assert_eq!(strip(&sample, false), Err(TreatFault::Broken));
    }
}
