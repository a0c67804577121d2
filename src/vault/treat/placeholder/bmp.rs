//! BMP with a palette of two colours and rows as runs, which most readers know and which saves a byte for each pixel.

use super::{Picture, TreatFault};

const HEADERS_BYTES: u32 = 14 + 40;
const COLOURS: u32 = 2;
const PIXELS_AT: u32 = HEADERS_BYTES + COLOURS * 4;
const PLANES: u16 = 1;
const BITS_PER_PIXEL: u16 = 8;
const RLE8: u32 = 1;
/// 72 dots per inch.
const PIXELS_PER_METRE: u32 = 2835;
const END_OF_ROW: [u8; 2] = [0, 0];
const END_OF_IMAGE: [u8; 2] = [0, 1];

pub(super) fn encode(picture: &Picture) -> Result<Vec<u8>, TreatFault> {
    let rows = rows(picture);
    let length = u32::try_from(rows.len()).map_err(|_| TreatFault::Size)?;
    let mut out = b"BM".to_vec();
    put(&mut out, &[PIXELS_AT + length, 0, PIXELS_AT, 40, picture.size.width, picture.size.height]);
    out.extend(PLANES.to_le_bytes());
    out.extend(BITS_PER_PIXEL.to_le_bytes());
    put(&mut out, &[RLE8, length, PIXELS_PER_METRE, PIXELS_PER_METRE, COLOURS, COLOURS]);
    for [red, green, blue] in picture.colours {
        out.extend([blue, green, red, 0]);
    }
    out.extend(rows);
    Ok(out)
}

fn put(out: &mut Vec<u8>, fields: &[u32]) {
    out.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
}

/// From the lowest row to the uppermost.
fn rows(picture: &Picture) -> Vec<u8> {
    let flat = [row(picture.size.width, 0), row(picture.size.width, 1)];
    let mut out = Vec::with_capacity(flat[0].len() * picture.size.height as usize + END_OF_IMAGE.len());
    for row in (0..picture.size.height).rev() {
        out.extend(&flat[picture.colour_at(row)]);
    }
    out.extend(END_OF_IMAGE);
    out
}

fn row(width: u32, colour: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut left = width;
    while left > 0 {
        let run = u8::try_from(left).unwrap_or(u8::MAX);
        out.extend([run, colour]);
        left -= u32::from(run);
    }
    out.extend(END_OF_ROW);
    out
}
