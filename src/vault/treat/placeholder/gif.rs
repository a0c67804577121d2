//! GIF of one image in two colours.

use super::Picture;
use super::bits::BitWriter;

/// Two colours would need one bit; fewer than two are not allowed.
const CODE_BITS: u8 = 2;
const CLEAR: u32 = 4;
const END: u32 = 5;
/// First code that stands for more than one pixel.
const FIRST_FREE: u32 = 6;
const CODES_MAX: u32 = 4096;

/// A palette of two colours.
const SCREEN_FLAGS: u8 = 0x80;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
const PIECE_BYTES_MAX: usize = 255;

pub(super) fn encode(picture: &Picture) -> Vec<u8> {
    let [width, height] = picture.sides_u16().map(u16::to_le_bytes);
    let mut out = b"GIF89a".to_vec();
    out.extend([width, height].as_flattened());
    out.extend([SCREEN_FLAGS, 0, 0]);
    out.extend(picture.colours.as_flattened());
    out.extend([IMAGE, 0, 0, 0, 0]);
    out.extend([width, height].as_flattened());
    out.extend([0, CODE_BITS]);
    for piece in compressed(picture).chunks(PIECE_BYTES_MAX) {
        out.push(u8::try_from(piece.len()).unwrap_or(u8::MAX));
        out.extend(piece);
    }
    out.extend([0, TRAILER]);
    out
}

/// LZW of the stripes. Between two of them the table is begun anew, so that it only ever holds runs of one colour.
fn compressed(picture: &Picture) -> Vec<u8> {
    let mut codes = CodeWriter { bits: BitWriter::default(), next: FIRST_FREE, width: u32::from(CODE_BITS) + 1 };
    let (mut colour, mut pixels) = (picture.colour_at(0), 0);
    for row in 0..picture.size.height {
        let next = picture.colour_at(row);
        if next != colour {
            codes.put_run(colour, pixels);
            (colour, pixels) = (next, 0);
        }
        pixels += picture.size.width;
    }
    codes.put_run(colour, pixels);
    codes.bits.put(END, codes.width);
    codes.bits.finish()
}

struct CodeWriter {
    bits: BitWriter,
    /// What the reader's table will hold next.
    next: u32,
    width: u32,
}

impl CodeWriter {
    /// After a single pixel each code stands for one pixel more than the one before it.
    fn put_run(&mut self, colour: usize, pixels: u32) {
        let mut left = pixels;
        while left > 0 {
            self.clear();
            self.bits.put(u32::from(colour == 1), self.width);
            left -= 1;
            while left > 0 && self.next < CODES_MAX - 1 {
                let length = (self.next - FIRST_FREE + 2).min(left);
                let code = if length == 1 { u32::from(colour == 1) } else { FIRST_FREE + length - 2 };
                self.bits.put(code, self.width);
                left -= length;
                self.next += 1;
                if self.next == 1 << self.width {
                    self.width += 1;
                }
            }
        }
    }

    fn clear(&mut self) {
        self.bits.put(CLEAR, self.width);
        (self.next, self.width) = (FIRST_FREE, u32::from(CODE_BITS) + 1);
    }
}
