//! Which kind of image bytes are, by what they begin with. What a file is called says nothing.

use super::{TreatFault, bmp, gif, jpeg, png, webp};

/// The kinds that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageKind {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
}

/// In pixels, as the header says. Believed by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl ImageKind {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, TreatFault> {
        Ok(match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Self::Png,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::WebP,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            [b'B', b'M', ..] => Self::Bmp,
            _ => return Err(TreatFault::UnknownKind),
        })
    }

    /// Width and height out of the header.
    pub(super) fn size(self, bytes: &[u8]) -> Result<ImageSize, TreatFault> {
        match self {
            Self::Jpeg => jpeg::size(bytes),
            Self::Png => png::size(bytes),
            Self::WebP => webp::size(bytes),
            Self::Gif => gif::size(bytes),
            Self::Bmp => bmp::size(bytes),
        }
    }

    /// The image without anything that is not needed to show it.
    pub(super) fn strip(self, bytes: &[u8], keep_icc: bool) -> Result<Vec<u8>, TreatFault> {
        match self {
            Self::Jpeg => jpeg::strip(bytes, keep_icc),
            Self::Png => png::strip(bytes, keep_icc),
            Self::WebP => webp::strip(bytes, keep_icc),
            Self::Gif => gif::strip(bytes, keep_icc),
            Self::Bmp => bmp::strip(bytes, keep_icc),
        }
    }
}
