//! The one thing of EXIF that changes how a picture is shown: its orientation.

use super::TreatFault;
use super::reader::ByteReader;

const ORIENTATION_TAG: u16 = 0x0112;
const SHORT: u16 = 3;

/// Orientation 2 to 8 of the first directory. Anything else, also what cannot be read, is shown as it lies.
pub(super) fn orientation(tiff: &[u8]) -> Option<u8> {
    let big_endian = match tiff.first_chunk()? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let order = ByteOrder { big_endian };
    find_orientation(tiff, order).ok().flatten().filter(|value| (2..=8).contains(value))
}

/// EXIF (a TIFF of one directory) that says the orientation and nothing else.
pub(super) fn only_orientation(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    for field in [ORIENTATION_TAG, SHORT, 0, 1, u16::from(orientation), 0] {
        tiff.extend_from_slice(&field.to_be_bytes());
    }
    // No further directory.
    tiff.extend_from_slice(&[0; 4]);
    tiff
}

#[derive(Clone, Copy)]
struct ByteOrder {
    big_endian: bool,
}

impl ByteOrder {
    fn u16(self, reader: &mut ByteReader) -> Result<u16, TreatFault> {
        if self.big_endian { reader.u16_be() } else { reader.u16_le() }
    }

    fn u32(self, reader: &mut ByteReader) -> Result<u32, TreatFault> {
        if self.big_endian { reader.u32_be() } else { reader.u32_le() }
    }
}

fn find_orientation(tiff: &[u8], order: ByteOrder) -> Result<Option<u8>, TreatFault> {
    let mut reader = ByteReader::new(tiff);
    reader.take(4)?;
    let directory_at = order.u32(&mut reader)?;
    let mut reader = ByteReader::new(tiff);
    reader.take_u32(directory_at)?;
    for _ in 0..order.u16(&mut reader)? {
        let mut entry = ByteReader::new(reader.take(12)?);
        let (tag, kind, count) = (order.u16(&mut entry)?, order.u16(&mut entry)?, order.u32(&mut entry)?);
        if (tag, kind, count) == (ORIENTATION_TAG, SHORT, 1) {
            return Ok(u8::try_from(order.u16(&mut entry)?).ok());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::treat::samples;

    #[test]
    fn orientation_is_read_in_both_byte_orders() {
        for orientation in 2..=8 {
            assert_eq!(super::orientation(&samples::tiff(orientation, true)), Some(orientation));
            assert_eq!(super::orientation(&samples::tiff(orientation, false)), Some(orientation));
            assert_eq!(super::orientation(&only_orientation(orientation)), Some(orientation));
        }
    }

    #[test]
    fn what_says_nothing_new_or_cannot_be_read_is_no_orientation() {
        let whole = samples::tiff(6, true);
        for tiff in
            [samples::tiff(1, true), samples::tiff(9, false), whole[..14].to_vec(), b"MM\0*\xff\xff\xff\xff".into()]
        {
            assert_eq!(orientation(&tiff), None);
        }
    }
}
