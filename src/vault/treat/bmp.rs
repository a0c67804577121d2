//! BMP: two headers, colours, pixels. Nothing in it is metadata by name, but there is room between and behind them.

use super::TreatFault;
use super::kind::ImageSize;
use super::reader::ByteReader;

const FILE_HEADER_BYTES: usize = 14;
const CORE_BYTES: u32 = 12;
const INFO_BYTES: u32 = 40;
const V5_BYTES: u32 = 124;

const RGB: u32 = 0;
const RLE8: u32 = 1;
const RLE4: u32 = 2;
const BITFIELDS: u32 = 3;
const ALPHA_BITFIELDS: u32 = 6;

/// Of the last header: which colours are meant, and where a profile that says so lies, seen from that header.
const COLOUR_SPACE_AT: usize = FILE_HEADER_BYTES + 56;
const PROFILE_AT: usize = FILE_HEADER_BYTES + 112;
const V5_END: usize = FILE_HEADER_BYTES + 124;
/// `MBED` and `LINK` as the file holds them; the second is the path of a file.
const PROFILE_EMBEDDED: &[u8] = b"DEBM";
const PROFILE_LINKED: &[u8] = b"KNIL";
const SRGB: &[u8] = b"BGRs";

struct Header {
    length: u32,
    width: u32,
    height: u32,
    bits_per_pixel: u16,
    compression: u32,
    colours_used: u32,
    pixels_at: usize,
}

/// Keeps headers, colours, pixels and where asked the colour profile; empties what lies between them.
pub(super) fn strip(bytes: &[u8], keep_icc: bool) -> Result<Vec<u8>, TreatFault> {
    let header = Header::parse(bytes)?;
    let colours_end = header.colours_end()?;
    let pixels = bytes.get(header.pixels_at..).ok_or(TreatFault::Broken)?;
    let pixels_end = header.pixels_at + header.pixels_length(pixels)?;
    let mut out = bytes.get(..pixels_end).ok_or(TreatFault::Broken)?.to_vec();
    out[6..10].fill(0);
    out[colours_end..header.pixels_at].fill(0);
    if header.length == V5_BYTES {
        strip_profile(&mut out, bytes, keep_icc)?;
    }
    let length = u32::try_from(out.len()).map_err(|_| TreatFault::Broken)?;
    out[2..6].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

/// Out of the second header.
pub(super) fn size(bytes: &[u8]) -> Result<ImageSize, TreatFault> {
    let header = Header::parse(bytes)?;
    Ok(ImageSize { width: header.width, height: header.height })
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, TreatFault> {
        let mut reader = ByteReader::new(bytes);
        reader.expect(b"BM")?;
        reader.take(8)?;
        let pixels_at = usize::try_from(reader.u32_le()?).map_err(|_| TreatFault::Broken)?;
        let length = reader.u32_le()?;
        let mut header = match length {
            CORE_BYTES => Self::parse_core(&mut reader)?,
            INFO_BYTES | 52 | 56 | 108 | V5_BYTES => Self::parse_info(&mut reader)?,
            _ => return Err(TreatFault::UnknownKind),
        };
        header.length = length;
        header.pixels_at = pixels_at;
        let whole = header.width > 0 && header.height > 0;
        let known = match header.compression {
            RGB => matches!(header.bits_per_pixel, 1 | 2 | 4 | 8 | 16 | 24 | 32),
            RLE8 => header.bits_per_pixel == 8,
            RLE4 => header.bits_per_pixel == 4,
            BITFIELDS | ALPHA_BITFIELDS => matches!(header.bits_per_pixel, 16 | 32),
            // Another image within this one.
            _ => false,
        };
        if whole && known { Ok(header) } else { Err(TreatFault::Broken) }
    }

    fn parse_core(reader: &mut ByteReader) -> Result<Self, TreatFault> {
        let (width, height, _planes) = (reader.u16_le()?, reader.u16_le()?, reader.u16_le()?);
        Ok(Self {
            length: 0,
            width: width.into(),
            height: height.into(),
            bits_per_pixel: reader.u16_le()?,
            compression: RGB,
            colours_used: 0,
            pixels_at: 0,
        })
    }

    fn parse_info(reader: &mut ByteReader) -> Result<Self, TreatFault> {
        let (width, height) = (reader.u32_le()?, reader.u32_le()?);
        reader.take(2)?;
        let (bits_per_pixel, compression) = (reader.u16_le()?, reader.u32_le()?);
        reader.take(12)?;
        let colours_used = reader.u32_le()?;
        Ok(Self {
            length: 0,
            width: u32::try_from(width.cast_signed()).map_err(|_| TreatFault::Broken)?,
            // Negative where the first row is the upper one.
            height: height.cast_signed().unsigned_abs(),
            bits_per_pixel,
            compression,
            colours_used,
            pixels_at: 0,
        })
    }

    /// Where headers, masks and colours end: before the pixels, whatever the counts say.
    fn colours_end(&self) -> Result<usize, TreatFault> {
        let masks = match (self.length, self.compression) {
            (INFO_BYTES, BITFIELDS) => 12,
            (INFO_BYTES, ALPHA_BITFIELDS) => 16,
            _ => 0,
        };
        let colour_bytes = if self.length == CORE_BYTES { 3 } else { 4 };
        let colours = match (self.colours_used, self.bits_per_pixel) {
            (0, 1..=8) => 1 << self.bits_per_pixel,
            (used, _) => used.min(256) as usize,
        };
        let headers_end = FILE_HEADER_BYTES + self.length as usize + masks;
        if headers_end > self.pixels_at {
            return Err(TreatFault::Broken);
        }
        Ok((headers_end + colours * colour_bytes).min(self.pixels_at))
    }

    /// How many bytes of `rest` the pixels take.
    fn pixels_length(&self, rest: &[u8]) -> Result<usize, TreatFault> {
        if matches!(self.compression, RLE8 | RLE4) {
            return runs_length(rest, self.compression);
        }
        let row_bits = u64::from(self.width) * u64::from(self.bits_per_pixel);
        let length = (row_bits.div_ceil(32) * 4).saturating_mul(self.height.into());
        usize::try_from(length).ok().filter(|length| *length <= rest.len()).ok_or(TreatFault::Broken)
    }
}

/// Bytes up to and with the mark of the image's end.
fn runs_length(rest: &[u8], compression: u32) -> Result<usize, TreatFault> {
    let mut reader = ByteReader::new(rest);
    loop {
        match reader.array()? {
            [0, 1] => return Ok(rest.len() - reader.rest().len()),
            // Moves the place where the next run goes.
            [0, 2] => _ = reader.take(2)?,
            [0, pixels @ 3..=u8::MAX] => {
                let length = if compression == RLE8 { usize::from(pixels) } else { usize::from(pixels).div_ceil(2) };
                reader.take(length.next_multiple_of(2))?;
            }
            _ => {}
        }
    }
}

/// Moves the profile behind the pixels or makes the header forget it.
fn strip_profile(out: &mut Vec<u8>, bytes: &[u8], keep_icc: bool) -> Result<(), TreatFault> {
    let mut fields = ByteReader::new(&out[PROFILE_AT..V5_END]);
    let (start, length) = (fields.u32_le()?, fields.u32_le()?);
    let colour_space = &out[COLOUR_SPACE_AT..COLOUR_SPACE_AT + 4];
    let (embedded, linked) = (colour_space == PROFILE_EMBEDDED, colour_space == PROFILE_LINKED);
    out[PROFILE_AT..V5_END].fill(0);
    if embedded && keep_icc {
        let mut reader = ByteReader::new(&bytes[FILE_HEADER_BYTES..]);
        reader.take_u32(start)?;
        let profile = reader.take_u32(length)?;
        let moved = u32::try_from(out.len() - FILE_HEADER_BYTES).map_err(|_| TreatFault::Broken)?;
        out[PROFILE_AT..PROFILE_AT + 4].copy_from_slice(&moved.to_le_bytes());
        out[PROFILE_AT + 4..PROFILE_AT + 8].copy_from_slice(&length.to_le_bytes());
        out.extend_from_slice(profile);
    } else if embedded || linked {
        out[COLOUR_SPACE_AT..COLOUR_SPACE_AT + 4].copy_from_slice(SRGB);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::treat::samples;

    fn field(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize
    }

    #[test]
    fn lengths_and_spare_fields_are_set_anew() {
        for (bytes, behind) in [(samples::bmp(), samples::PROFILE.len()), (samples::bmp_of_runs(), 0)] {
            let stripped = strip(&bytes, false).unwrap();
            assert_eq!(stripped.len(), bytes.len() - samples::TAIL.len() - behind);
            assert_eq!((field(&stripped, 2), field(&stripped, 6)), (stripped.len(), 0));
        }
    }

    #[test]
    fn a_profile_is_found_where_the_header_says() {
        let kept = strip(&samples::bmp(), true).unwrap();
        assert_eq!(&kept[COLOUR_SPACE_AT..][..4], PROFILE_EMBEDDED);
        let start = FILE_HEADER_BYTES + field(&kept, PROFILE_AT);
        assert_eq!(&kept[start..][..field(&kept, PROFILE_AT + 4)], samples::PROFILE);
        let gone = strip(&samples::bmp(), false).unwrap();
        assert_eq!((&gone[COLOUR_SPACE_AT..][..4], field(&gone, PROFILE_AT)), (SRGB, 0));
    }

    /// A linked profile is the path of a file on the machine where the image was made.
    #[test]
    fn a_linked_profile_goes_even_where_profiles_stay() {
        let mut linked = samples::bmp();
        linked[COLOUR_SPACE_AT..][..4].copy_from_slice(PROFILE_LINKED);
        let stripped = strip(&linked, true).unwrap();
        assert!(!samples::contains(&stripped, samples::PROFILE));
        assert_eq!(&stripped[COLOUR_SPACE_AT..][..4], SRGB);
    }

    #[test]
    fn an_image_within_the_image_is_refused() {
        let mut nested = samples::bmp();
        nested[30] = 4;
        assert_eq!(strip(&nested, false), Err(TreatFault::Broken));
    }
}
