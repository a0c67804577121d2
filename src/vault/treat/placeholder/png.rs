//! PNG with a palette of two colours, a bit for each pixel.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Picture, TreatFault};
use crate::vault::treat::png::{SIGNATURE, put_chunk};

const BIT_DEPTH: u8 = 1;
const INDEXED: u8 = 3;
/// A row's filters: as it is, or the difference from the row above.
const NO_FILTER: u8 = 0;
const UP: u8 = 2;

pub(super) fn encode(picture: &Picture) -> Result<Vec<u8>, TreatFault> {
    let mut header = [picture.size.width.to_be_bytes(), picture.size.height.to_be_bytes()].concat();
    header.extend_from_slice(&[BIT_DEPTH, INDEXED, 0, 0, 0]);
    let mut out = SIGNATURE.to_vec();
    put_chunk(&mut out, b"IHDR", &header);
    put_chunk(&mut out, b"PLTE", picture.colours.as_flattened());
    put_chunk(&mut out, b"IDAT", &rows(picture).map_err(|_| TreatFault::Size)?);
    put_chunk(&mut out, b"IEND", &[]);
    Ok(out)
}

fn rows(picture: &Picture) -> std::io::Result<Vec<u8>> {
    let row_length = 1 + picture.size.width.div_ceil(8) as usize;
    let mut flat = [vec![0; row_length], vec![0xFF; row_length]];
    flat[1][0] = NO_FILTER;
    let mut repeated = vec![0; row_length];
    repeated[0] = UP;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut above = None;
    for row in 0..picture.size.height {
        let colour = picture.colour_at(row);
        encoder.write_all(if above == Some(colour) { &repeated } else { &flat[colour] })?;
        above = Some(colour);
    }
    encoder.finish()
}
