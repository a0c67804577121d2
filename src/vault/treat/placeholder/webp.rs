//! Lossless WebP that takes no bit for a pixel: each tile names one of two code groups, and each group has only one
//! colour to say.

use super::bits::BitWriter;
use super::{Picture, TreatFault};
use crate::vault::treat::webp::{file, put_chunk};

/// Lossless image data hold no longer side.
const SIDE_MAX: u32 = 1 << 14;
const SIGNATURE: u32 = 0x2F;
/// Tiles are of 4 to 512 pixels a side; that many rows of them are aimed at.
const TILE_BITS_MIN: u32 = 2;
const TILE_BITS_MAX: u32 = 9;
const TILE_ROWS: u32 = 32;

pub(super) fn encode(picture: &Picture) -> Result<Vec<u8>, TreatFault> {
    if picture.size.width > SIDE_MAX || picture.size.height > SIDE_MAX {
        return Err(TreatFault::Size);
    }
    let mut out = Vec::new();
    put_chunk(&mut out, b"VP8L", &image(picture));
    file(&out)
}

fn image(picture: &Picture) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.put(SIGNATURE, 8);
    bits.put(picture.size.width - 1, 14);
    bits.put(picture.size.height - 1, 14);
    // No transparency, version 0, no transformation, no colour cache.
    bits.put(0, 1 + 3 + 1 + 1);
    let tile_bits = (picture.size.height / TILE_ROWS).checked_ilog2().unwrap_or(0).clamp(TILE_BITS_MIN, TILE_BITS_MAX);
    let rows: Vec<usize> = (0..picture.size.height).step_by(1 << tile_bits).map(|row| picture.colour_at(row)).collect();
    let has_both = rows.contains(&1);
    bits.put(u32::from(has_both), 1);
    if has_both {
        put_tiles(&mut bits, &rows, picture.size.width, tile_bits);
    }
    for [red, green, blue] in picture.colours.into_iter().take(1 + usize::from(has_both)) {
        for value in [green, red, blue, u8::MAX, 0] {
            put_only(&mut bits, value);
        }
    }
    bits.finish()
}

/// The small image that gives each tile its code group: its green is 0 or 1, a bit each.
fn put_tiles(bits: &mut BitWriter, rows: &[usize], width: u32, tile_bits: u32) {
    bits.put(tile_bits - TILE_BITS_MIN, 3);
    // No colour cache.
    bits.put(0, 1);
    // A simple code of two symbols, the first of them (0) in one bit, the second (1) in eight.
    bits.put(0b0_0_1_1, 4);
    bits.put(1, 8);
    for _red_blue_alpha_distance in 0..4 {
        put_only(bits, 0);
    }
    for row in rows {
        for _tile in 0..width.div_ceil(1 << tile_bits) {
            bits.put(u32::from(*row == 1), 1);
        }
    }
}

/// A simple code of one symbol, in eight bits; it takes no bits where it is used.
fn put_only(bits: &mut BitWriter, symbol: u8) {
    bits.put(0b1_0_1, 3);
    bits.put(symbol.into(), 8);
}
