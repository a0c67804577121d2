//! What becomes of a file whose content may not travel as it is.
//!
//! Pure functions over bytes that come from anywhere: every length in them is checked before it is used, and what is
//! not understood to its end is refused, never passed on. The kind is told by what a file begins with (`kind`), its
//! structure is walked without decoding a pixel (`jpeg`, `png`, `webp`, `gif`, `bmp`), or an image is made in its place
//! (`placeholder`).

mod bmp;
mod exif;
mod gif;
mod jpeg;
mod kind;
mod placeholder;
mod png;
mod reader;
mod webp;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use self::kind::{ImageKind, ImageSize};
use super::cache::ContentHash;
use super::pages::leave_as_found;
use super::path::VaultPath;
use super::pulse::beat;
use super::root::Facts;
use super::wanted::FileMode;
use crate::rate::RateLimit;

/// Read at a time, so that a limited rate is kept to.
const PIECE_BYTES: u64 = 256 << 10;
/// Largest file that is treated; it is held in memory.
pub(super) const TREATED_BYTES_MAX: u64 = 256 << 20;

/// Why a file could not be treated. It stays behind then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TreatFault {
    /// No image of a kind that is known.
    UnknownKind,
    /// Its structure is broken.
    Broken,
    /// No image can be made in its width and height.
    Size,
}

impl fmt::Display for TreatFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownKind => "it is no image of a kind that can be treated",
            Self::Broken => "its image data are broken",
            Self::Size => "no image can be made in the width and height it gives itself",
        })
    }
}

/// A file's whole content with its hash.
///
/// # Errors
/// As the system says; where it is too large or changes meanwhile.
pub(super) fn read(file: &mut File, facts: &Facts, rate: &RateLimit) -> io::Result<(Vec<u8>, ContentHash)> {
    if facts.size > TREATED_BYTES_MAX {
        return Err(io::Error::other("it is larger than 256 MB, more than can be treated"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(facts.size).unwrap_or_default());
    let file = &*file;
    let _pages = leave_as_found(file, 0, 0);
    loop {
        // One byte more than there should be tells that it grew.
        let piece = (facts.size + 1).saturating_sub(bytes.len() as u64).min(PIECE_BYTES);
        let read = file.take(piece).read_to_end(&mut bytes)?;
        if read == 0 {
            break;
        }
        rate.take_blocking(read);
        beat();
    }
    if super::root::facts_of(file)? != *facts || bytes.len() as u64 != facts.size {
        return Err(io::Error::other("it changed while it was read"));
    }
    let hash = *blake3::hash(&bytes).as_bytes();
    Ok((bytes, hash))
}

/// The bytes that travel instead.
///
/// # Errors
/// `TreatFault`
pub(super) fn treat(mode: FileMode, path: &VaultPath, bytes: &[u8]) -> Result<Vec<u8>, TreatFault> {
    match mode {
        FileMode::Real => Ok(bytes.to_vec()),
        FileMode::StripMetadata { keep_icc } => ImageKind::of(bytes)?.strip(bytes, keep_icc),
        FileMode::Placeholder => placeholder::placeholder(path, bytes),
        FileMode::None => Err(TreatFault::UnknownKind),
    }
}

/// An image of that size, made up for a path, in the format that its ending names; `None` for other endings.
pub fn made_up(path: &VaultPath, width: u32, height: u32) -> Option<Vec<u8>> {
    let kind = match path.extension() {
        "jpg" | "jpeg" => ImageKind::Jpeg,
        "png" => ImageKind::Png,
        "webp" => ImageKind::WebP,
        "gif" => ImageKind::Gif,
        "bmp" => ImageKind::Bmp,
        _ => return None,
    };
    placeholder::image(path, kind, ImageSize { width, height }).ok()
}

#[cfg(test)]
mod decoded;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
