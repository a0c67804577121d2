//! GIF: a screen, then blocks; the compressed image data come in pieces of at most 255 bytes.

use super::TreatFault;
use super::kind::ImageSize;
use super::reader::ByteReader;

const IMAGE: u8 = 0x2C;
const EXTENSION: u8 = 0x21;
const TRAILER: u8 = 0x3B;
const GRAPHIC_CONTROL: u8 = 0xF9;
const PLAIN_TEXT: u8 = 0x01;
const APPLICATION: u8 = 0xFF;

/// The name that a colour profile goes by.
const PROFILE_NAME: &[u8] = b"ICCRGBG1012";

/// Keeps screen, images, their timing, how often they are repeated, and where asked the colour profile.
pub(super) fn strip(bytes: &[u8], keep_icc: bool) -> Result<Vec<u8>, TreatFault> {
    let mut reader = ByteReader::new(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(screen(&mut reader)?);
    let mut has_image = false;
    let mut awaits_profile = keep_icc;
    // Belongs to the next image or text and goes with it.
    let mut control: Option<&[u8]> = None;
    loop {
        match reader.u8()? {
            IMAGE => {
                if let Some(body) = control.take() {
                    out.extend_from_slice(&[EXTENSION, GRAPHIC_CONTROL, 4]);
                    out.extend_from_slice(body);
                    out.push(0);
                }
                out.push(IMAGE);
                out.extend_from_slice(image(&mut reader)?);
                has_image = true;
            }
            EXTENSION => match reader.u8()? {
                GRAPHIC_CONTROL => control = Some(graphic_control(&mut reader)?),
                PLAIN_TEXT => {
                    skip_pieces(&mut reader)?;
                    control = None;
                }
                APPLICATION if awaits_profile && is_profile(reader.rest()) => {
                    awaits_profile = false;
                    out.extend_from_slice(&[EXTENSION, APPLICATION]);
                    let start = reader.rest();
                    skip_pieces(&mut reader)?;
                    out.extend_from_slice(read_since(start, &reader));
                }
                APPLICATION => put_repetition(&mut out, &mut reader)?,
                _ => skip_pieces(&mut reader)?,
            },
            TRAILER if has_image => break,
            _ => return Err(TreatFault::Broken),
        }
    }
    out.push(TRAILER);
    Ok(out)
}

/// Of the screen.
pub(super) fn size(bytes: &[u8]) -> Result<ImageSize, TreatFault> {
    let mut reader = ByteReader::new(bytes);
    reader.take(6)?;
    Ok(ImageSize { width: reader.u16_le()?.into(), height: reader.u16_le()?.into() })
}

/// Signature, screen and its colours.
fn screen<'a>(reader: &mut ByteReader<'a>) -> Result<&'a [u8], TreatFault> {
    let start = reader.rest();
    reader.take(10)?;
    let flags = reader.u8()?;
    reader.take(2)?;
    reader.take(palette_length(flags))?;
    Ok(read_since(start, reader))
}

/// An image behind its first byte: place, colours and compressed data.
fn image<'a>(reader: &mut ByteReader<'a>) -> Result<&'a [u8], TreatFault> {
    let start = reader.rest();
    reader.take(8)?;
    let flags = reader.u8()?;
    reader.take(palette_length(flags))?;
    let code_bits = reader.u8()?;
    if !(1..=11).contains(&code_bits) {
        return Err(TreatFault::Broken);
    }
    skip_pieces(reader)?;
    Ok(read_since(start, reader))
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn read_since<'a>(start: &'a [u8], reader: &ByteReader) -> &'a [u8] {
    &start[..start.len() - reader.rest().len()]
}

fn graphic_control<'a>(reader: &mut ByteReader<'a>) -> Result<&'a [u8], TreatFault> {
    reader.expect(&[4])?;
    let body = reader.take(4)?;
    reader.expect(&[0])?;
    Ok(body)
}

/// The next piece; empty at their end.
fn next_piece<'a>(reader: &mut ByteReader<'a>) -> Result<&'a [u8], TreatFault> {
    let length = reader.u8()?;
    reader.take(usize::from(length))
}

fn skip_pieces(reader: &mut ByteReader) -> Result<(), TreatFault> {
    while !next_piece(reader)?.is_empty() {}
    Ok(())
}

fn is_profile(rest: &[u8]) -> bool {
    rest.strip_prefix(&[11]).is_some_and(|rest| rest.starts_with(PROFILE_NAME))
}

/// Of all other applications' blocks only the one that says how often an animation repeats.
fn put_repetition(out: &mut Vec<u8>, reader: &mut ByteReader) -> Result<(), TreatFault> {
    let name = next_piece(reader)?;
    if name.is_empty() {
        return Ok(());
    }
    let repeats = matches!(name, b"NETSCAPE2.0" | b"ANIMEXTS1.0");
    loop {
        let piece = next_piece(reader)?;
        match piece {
            [] => return Ok(()),
            [1, low, high] if repeats => {
                out.extend_from_slice(&[EXTENSION, APPLICATION, 11]);
                out.extend_from_slice(name);
                out.extend_from_slice(&[3, 1, *low, *high, 0]);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::treat::samples;

    #[test]
    fn only_images_their_timing_and_the_repetition_stay() {
        let stripped = strip(&samples::gif(), false).unwrap();
        let extensions = memchr::memmem::find_iter(&stripped, b"NETSCAPE2.0\x03\x01\x07\0\0").count();
        assert_eq!(extensions, 1);
        // The control block of the text (a delay of 0x63) goes with the text.
        let controls: Vec<u8> =
            memchr::memmem::find_iter(&stripped, b"\x21\xf9\x04").map(|at| stripped[at + 4]).collect();
        assert_eq!(controls, [30, 30]);
    }

    #[test]
    fn the_control_block_of_a_text_does_not_fall_to_the_next_image() {
        let screen = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
        let text = b"\x21\xf9\x04\x0c\x63\0\0\0\x21\x01\x01x\0";
        let image = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0\x3b";
        let stripped = strip(&[&screen[..], text, image].concat(), false).unwrap();
        assert_eq!(stripped, [&screen[..], image].concat());
    }

    #[test]
    fn a_file_without_an_image_is_refused() {
        let empty = b"GIF89a\x01\0\x01\0\0\0\0\x3b";
        assert_eq!(strip(empty, false), Err(TreatFault::Broken));
    }

    /// As another decoder reads it: the first one, of several pieces.
    #[test]
    fn the_colour_profile_stays_where_asked() {
        let profile = b"PROFILE-ICC".repeat(40);
        let block = |bytes: &[u8]| {
            let mut out = b"\x21\xff\x0bICCRGBG1012".to_vec();
            for piece in bytes.chunks(255) {
                out.push(piece.len() as u8);
                out.extend(piece);
            }
            out.push(0);
            out
        };
        let screen = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
        let image = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0\x3b";
        let sample = [&screen[..], &block(&profile), &block(b"another"), image].concat();
        assert_eq!(strip(&sample, false).unwrap(), [&screen[..], image].concat());
        let kept = strip(&sample, true).unwrap();
        assert_eq!(kept, [&screen[..], &block(&profile), image].concat());
        let mut decoder = gif::DecodeOptions::new().read_info(&kept[..]).unwrap();
        while decoder.read_next_frame().unwrap().is_some() {}
        assert_eq!(decoder.icc_profile(), Some(&profile[..]));
    }
}
