//! What others see of an image: decoded for the tests, by the packages that others use.

use std::io::Cursor;

use super::kind::ImageKind;

/// What is seen: the pixels of all frames, with their timing where there are several.
pub(super) fn decode(bytes: &[u8]) -> Vec<u8> {
    match ImageKind::of(bytes).expect("a kind") {
        ImageKind::Jpeg => zune_jpeg::JpegDecoder::new(Cursor::new(bytes)).decode().expect("decodes"),
        ImageKind::Png => decode_png(bytes),
        ImageKind::WebP => decode_webp(bytes),
        ImageKind::Gif => decode_gif(bytes),
        ImageKind::Bmp => decode_bmp(bytes),
    }
}

fn decode_png(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a header");
    let frames = reader.info().animation_control().map_or(1, |animation| animation.num_frames);
    let mut out = Vec::new();
    for _frame in 0..frames {
        let mut buffer = vec![0; reader.output_buffer_size().expect("small")];
        reader.next_frame(&mut buffer).expect("decodes");
        out.extend(buffer);
    }
    out
}

fn decode_webp(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).expect("a header");
    let mut out = vec![0; decoder.output_buffer_size().expect("small")];
    if !decoder.is_animated() {
        decoder.read_image(&mut out).expect("decodes");
        return out;
    }
    let mut frames = Vec::new();
    for _frame in 0..decoder.num_frames() {
        frames.extend(decoder.read_frame(&mut out).expect("decodes").to_le_bytes());
        frames.extend(&out);
    }
    frames
}

fn decode_gif(bytes: &[u8]) -> Vec<u8> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    options.allow_unknown_blocks(true);
    let mut decoder = options.read_info(bytes).expect("a header");
    let mut out = Vec::new();
    while let Some(frame) = decoder.read_next_frame().expect("decodes") {
        out.extend(frame.delay.to_le_bytes());
        out.extend(frame.buffer.iter());
    }
    // Known once all is read.
    out.extend(format!("{:?}", decoder.repeat()).bytes());
    out
}

/// Pixels of 24 bits as they lie, or runs drawn out; both from the lowest row up.
fn decode_bmp(bytes: &[u8]) -> Vec<u8> {
    let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
    let (rows, width, height) = (&bytes[field(10)..], field(18), field(22));
    if field(30) == 0 {
        return rows[..(width * 3).next_multiple_of(4) * height].to_vec();
    }
    let mut out = vec![0; width * height];
    let (mut x, mut y, mut at) = (0, 0, 0);
    loop {
        let (count, value) = (usize::from(rows[at]), usize::from(rows[at + 1]));
        at += 2;
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => return out,
            (0, 2) => {
                (x, y) = (x + usize::from(rows[at]), y + usize::from(rows[at + 1]));
                at += 2;
            }
            (0, pixels) => {
                out[y * width + x..][..pixels].copy_from_slice(&rows[at..at + pixels]);
                (x, at) = (x + pixels, at + pixels.next_multiple_of(2));
            }
            (pixels, value) => {
                out[y * width + x..][..pixels].fill(value as u8);
                x += pixels;
            }
        }
    }
}
