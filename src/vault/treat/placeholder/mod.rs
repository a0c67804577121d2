//! An image in the place of another: of its kind and size, with stripes in two colours that follow from the path.
//!
//! All rows are flat, so that every kind compresses them to next to nothing and none is ever held as pixels.

mod bits;
mod bmp;
mod gif;
mod jpeg;
mod png;
mod webp;

use super::TreatFault;
use super::kind::{ImageKind, ImageSize};
use crate::vault::path::VaultPath;

const PATH_CONTEXT: &str = "tithe 2026 placeholder image";

/// What the kinds' headers hold.
const SIDE_MAX: u32 = 65_535;
/// 16,384 x 16,384: more cannot be decoded where developers work.
const PIXELS_MAX: u64 = 1 << 28;

/// Stripes in an image that is high enough.
const STRIPES: u64 = 8;

/// What is to be encoded.
struct Picture {
    size: ImageSize,
    /// Red, green and blue of both colours.
    colours: [[u8; 3]; 2],
    /// The colour of each stripe from above: a bit each, the lowest first.
    stripes: u8,
}

/// The image for a path; of the source only its kind and its size are looked at.
pub(super) fn placeholder(path: &VaultPath, source: &[u8]) -> Result<Vec<u8>, TreatFault> {
    let kind = ImageKind::of(source)?;
    image(path, kind, kind.size(source)?)
}

/// The image for a path, of that kind and size.
pub(super) fn image(path: &VaultPath, kind: ImageKind, size: ImageSize) -> Result<Vec<u8>, TreatFault> {
    let picture = Picture::of(path, size)?;
    match kind {
        ImageKind::Jpeg => Ok(jpeg::encode(&picture)),
        ImageKind::Png => png::encode(&picture),
        ImageKind::WebP => webp::encode(&picture),
        ImageKind::Gif => Ok(gif::encode(&picture)),
        ImageKind::Bmp => bmp::encode(&picture),
    }
}

impl Picture {
    fn of(path: &VaultPath, size: ImageSize) -> Result<Self, TreatFault> {
        let sides = 1..=SIDE_MAX;
        let pixels = u64::from(size.width) * u64::from(size.height);
        if !sides.contains(&size.width) || !sides.contains(&size.height) || pixels > PIXELS_MAX {
            return Err(TreatFault::Size);
        }
        let [r, g, b, other_r, other_g, other_b, stripes, ..] =
            blake3::derive_key(PATH_CONTEXT, path.as_str().as_bytes());
        // The uppermost is of the first colour, the next of the second: whatever is drawn, two stripes differ.
        Ok(Self { size, colours: [[r, g, b], [other_r, other_g, other_b]], stripes: stripes & !0b11 | 0b10 })
    }

    /// Which of the two colours a row has.
    fn colour_at(&self, row: u32) -> usize {
        let stripe = u64::from(row) * STRIPES / u64::from(self.size.height);
        usize::from(self.stripes >> stripe & 1)
    }

    /// Width and height, which `Picture::of` has made sure to fit.
    fn sides_u16(&self) -> [u16; 2] {
        [self.size.width, self.size.height].map(|side| u16::try_from(side).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests;
