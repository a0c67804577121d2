//! Baseline JPEG whose blocks are flat: each has a brightness and nothing else, told as the difference from the block
//! before it.

use super::Picture;

/// A block is 8 x 8; four of brightness and one of each colour difference make a unit of 16 x 16.
const UNIT_SIDE: u32 = 16;
const BRIGHTNESS_BLOCKS: usize = 4;
/// A flat block's coefficient is eight times its value: this brings it back.
const QUANTIZER: u8 = 8;

/// Bit lengths (1 to 16) and symbols of the code for differences: none in one bit, up to 7 bits of difference in four,
/// 8 bits in five.
const DIFFERENCE_LENGTHS: [u8; 16] = [1, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const DIFFERENCE_SYMBOLS: [u8; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
/// The code for everything else knows one symbol: the end of the block, in one bit.
const REST_LENGTHS: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const REST_SYMBOLS: [u8; 1] = [0];

pub(super) fn encode(picture: &Picture) -> Vec<u8> {
    let [width, height] = picture.sides_u16().map(u16::to_be_bytes);
    let mut out = vec![0xFF, 0xD8];
    put_segment(&mut out, 0xE0, &[b"JFIF\0\x01\x01", &[0, 0, 1, 0, 1, 0, 0]]);
    put_segment(&mut out, 0xDB, &[&[0], &[QUANTIZER; 64]]);
    put_segment(&mut out, 0xC0, &[&[8], &height, &width, &[3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]]);
    put_segment(&mut out, 0xC4, &[&[0x00], &DIFFERENCE_LENGTHS, &DIFFERENCE_SYMBOLS]);
    put_segment(&mut out, 0xC4, &[&[0x10], &REST_LENGTHS, &REST_SYMBOLS]);
    put_segment(&mut out, 0xDA, &[&[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]]);
    put_scan(&mut out, picture);
    out.extend([0xFF, 0xD9]);
    out
}

fn put_segment(out: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) {
    let body = parts.concat();
    out.extend([0xFF, marker]);
    out.extend(u16::try_from(body.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(body);
}

fn put_scan(out: &mut Vec<u8>, picture: &Picture) {
    let mut bits = ScanWriter { out, pending: 0, pending_bits: 0 };
    let colours = picture.colours.map(brightness_and_differences);
    let units_per_row = picture.size.width.div_ceil(UNIT_SIDE);
    let mut before = [0; 3];
    for row in (0..picture.size.height).step_by(UNIT_SIDE as usize) {
        let colour = colours[picture.colour_at(row)];
        for _unit in 0..units_per_row {
            for (part, value) in colour.into_iter().enumerate() {
                bits.put_block(value - before[part]);
                for _same in 1..if part == 0 { BRIGHTNESS_BLOCKS } else { 1 } {
                    bits.put_block(0);
                }
            }
            before = colour;
        }
    }
    bits.finish();
}

/// As JFIF converts red, green and blue, each around 0.
fn brightness_and_differences([red, green, blue]: [u8; 3]) -> [i32; 3] {
    let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
    let brightness = (77 * red + 150 * green + 29 * blue) / 256 - 128;
    let blue_difference = (-43 * red - 85 * green + 128 * blue) / 256;
    let red_difference = (128 * red - 107 * green - 21 * blue) / 256;
    [brightness, blue_difference, red_difference].map(|value| value.clamp(-128, 127))
}

/// Bits packed into bytes, the highest first; a byte of ones is followed by one of zeros.
struct ScanWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u32,
    pending_bits: u32,
}

impl ScanWriter<'_> {
    /// A flat block. `difference` is at most 255 either way.
    fn put_block(&mut self, difference: i32) {
        let size = i32::BITS - difference.unsigned_abs().leading_zeros();
        match size {
            0 => self.put(0, 1),
            1..=7 => self.put(0b1000 + size - 1, 4),
            _ => self.put(0b11110, 5),
        }
        // A negative one is told as what is missing to the largest of its size.
        let told = if difference < 0 { difference + (1 << size) - 1 } else { difference };
        self.put(told.unsigned_abs(), size);
        self.put(0, 1);
    }

    fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | value;
        self.pending_bits += count;
        while self.pending_bits >= 8 {
            self.pending_bits -= 8;
            let [.., byte] = (self.pending >> self.pending_bits).to_be_bytes();
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
        self.pending &= (1 << self.pending_bits) - 1;
    }

    /// The last byte is filled up with ones.
    fn finish(mut self) {
        self.put(0x7F, 7);
    }
}
