//! Images for the tests: encoded by the packages that others use, with everything planted that may not travel.

use super::{png as png_chunks, webp as webp_chunks};

/// Begins whatever may not survive.
pub(super) const PLANTED: &[u8] = b"PLANTED-";
/// Ends every sample, behind the image.
pub(super) const TAIL: &[u8] = b"PLANTED-TAIL";
/// Begins the colour profile.
pub(super) const PROFILE: &[u8] = b"PROFILE-ICC";

pub(super) const WIDTH: u32 = 18;
pub(super) const HEIGHT: u32 = 10;

/// A lossy WebP of 8 x 8 pixels with transparency: what its two chunks hold.
const LOSSY_ALPHA: &[u8] = b"\x01\x07\x50\xb2\x88\x08\x44\x44\xff\x03";
const LOSSY: &[u8] =
    b"\xd0\x01\x00\x9d\x01\x2a\x08\x00\x08\x00\x02\xc0\x4c\x25\xb0\x02\x74\x00\xf4\x31\x92\x44\x80\x00\
    \xfe\xf3\x54\x23\x3f\x98\x70\x2b\x41\xc7\x58\x24\xb3\x36\x02\xb5\x83\x5c\x5f\xf3\x7d\x4f\xd6\x2b\x57\x7f\x15\xe0\
    \x1c\x00";

/// Every sample with its name; all of them carry [`TAIL`].
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("jpeg", jpeg(false, 1)),
        ("progressive jpeg", jpeg(true, 6)),
        ("png", png(false)),
        ("animated png", png(true)),
        ("lossless webp", webp_lossless()),
        ("lossy webp", webp_lossy()),
        ("animated webp", webp_animated()),
        ("gif", gif()),
        ("bmp", bmp()),
        ("bmp of runs", bmp_of_runs()),
    ]
}

pub(super) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// Red, green and blue.
fn pixels() -> Vec<u8> {
    (0..WIDTH * HEIGHT * 3).map(|at| (at * at % 251).to_le_bytes()[0]).collect()
}

/// EXIF as a camera writes it: orientation, description, position.
pub(super) fn tiff(orientation: u8, little_endian: bool) -> Vec<u8> {
    let u16 = |value: u16| if little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
    let u32 = |value: u32| if little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
    let mut out = if little_endian { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    out.extend(u32(8));
    out.extend(u16(3));
    // The description lies behind the directory, the position behind the description.
    for (tag, kind, count, value) in [(0x010E, 2, 12, u32(50)), (0x0112, 3, 1, [0; 4]), (0x8825, 4, 1, u32(62))] {
        out.extend([u16(tag), u16(kind)].as_flattened());
        out.extend(u32(count));
        let short = u16(u16::from(orientation));
        out.extend(if tag == 0x0112 { [short[0], short[1], 0, 0] } else { value });
    }
    out.extend(u32(0));
    out.extend(b"PLANTED-EXIFPLANTED-GPS.");
    out
}

pub(super) fn jpeg(progressive: bool, orientation: u8) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut plain, 80);
    encoder.set_progressive(progressive);
    encoder.set_restart_interval(1);
    encoder.encode(&pixels(), WIDTH as u16, HEIGHT as u16, jpeg_encoder::ColorType::Rgb).expect("encodes");
    let mut out = vec![0xFF, 0xD8];
    let segments: [(u8, &[u8]); 10] = [
        (0xE0, b"JFIF\0\x01\x01\x01\x00\x48\x00\x48\x02\x02PLANTED-THMB"),
        (0xE0, b"JFXX\0\x13PLANTED-JFXX"),
        (0xE1, &[b"Exif\0\0", &tiff(orientation, true)[..]].concat()),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0PLANTED-XMP"),
        (0xE2, b"ICC_PROFILE\0\x01\x01PROFILE-ICC"),
        (0xE2, b"MPF\0PLANTED-MPF"),
        (0xED, b"Photoshop 3.0\08BIMPLANTED-IPTC"),
        (0xEE, b"Adobe\0\x64\0\0\0\0\x01PLANTED-MORE"),
        (0xE7, b"PLANTED-NOTE"),
        (0xFE, b"PLANTED-COMMENT"),
    ];
    for (marker, body) in segments {
        out.extend([0xFF, marker]);
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
    }
    // Behind the first marker and the APP0 of 18 bytes.
    out.extend(&plain[20..]);
    out.extend(TAIL);
    out
}

pub(super) fn png(animated: bool) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut encoder = png::Encoder::new(&mut plain, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_source_gamma(png::ScaledFloat::new(0.5));
    if animated {
        encoder.set_animated(2, 0).expect("two frames");
    }
    let mut writer = encoder.write_header().expect("a header");
    for _frame in 0..=u8::from(animated) {
        writer.write_image_data(&pixels()).expect("encodes");
    }
    writer.finish().expect("ends");
    let (end, header_end) = (plain.len() - 12, 8 + 25);
    let mut out = plain[..header_end].to_vec();
    let compressed = b"\x78\x01\x01\x01\x00\xfe\xff\x78\x00\x79\x00\x79";
    for (name, body) in [
        (b"iCCP", &[b"PROFILE-ICC\0\0", &compressed[..]].concat()[..]),
        (b"tEXt", b"PLANTED-TEXT\0x"),
        (b"zTXt", &[b"PLANTED-ZTXT\0\0", &compressed[..]].concat()),
        (b"iTXt", b"PLANTED-ITXT\0\0\0\0\0x"),
        (b"eXIf", &tiff(6, false)),
        (b"tIME", b"\x07\xea\x01\x01\x01\x01\x01"),
        (b"sBIT", b"PLANTED-IN-A-KNOWN-CHUNK"),
        (b"abCd", b"PLANTED-OWN"),
    ] {
        png_chunks::put_chunk(&mut out, name, body);
    }
    out.extend(&plain[header_end..end]);
    png_chunks::put_chunk(&mut out, b"tEXt", b"PLANTED-LATE\0x");
    out.extend(&plain[end..]);
    out.extend(TAIL);
    out
}

/// One chunk of lossless image data.
fn lossless() -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut out);
    encoder.encode(&pixels(), WIDTH, HEIGHT, image_webp::ColorType::Rgb8).expect("encodes");
    out.split_off(12)
}

fn webp(chunks: &[u8]) -> Vec<u8> {
    [webp_chunks::file(chunks).expect("small").as_slice(), TAIL].concat()
}

fn webp_lossless() -> Vec<u8> {
    let mut chunks = lossless();
    webp_chunks::put_chunk(&mut chunks, b"EXIF", &tiff(6, true));
    webp(&chunks)
}

fn webp_lossy() -> Vec<u8> {
    let mut chunks = Vec::new();
    for (name, body) in [
        (b"VP8X", &b"\x3c\0\0\0\x07\0\0\x07\0\0"[..]),
        (b"ICCP", PROFILE),
        (b"ALPH", LOSSY_ALPHA),
        (b"VP8 ", LOSSY),
        (b"EXIF", &tiff(6, true)),
        (b"XMP ", b"PLANTED-XMP"),
        (b"MINE", b"PLANTED-OWN"),
    ] {
        webp_chunks::put_chunk(&mut chunks, name, body);
    }
    webp(&chunks)
}

fn webp_animated() -> Vec<u8> {
    let size = [WIDTH as u8 - 1, 0, 0, HEIGHT as u8 - 1, 0, 0];
    let mut frame = [&[0; 6][..], &size, &[100, 0, 0, 0]].concat();
    frame.extend(lossless());
    webp_chunks::put_chunk(&mut frame, b"MINE", b"PLANTED-IN-THE-FRAME");
    let mut chunks = Vec::new();
    webp_chunks::put_chunk(&mut chunks, b"VP8X", &[&[0x2e, 0, 0, 0][..], &size].concat());
    webp_chunks::put_chunk(&mut chunks, b"ICCP", PROFILE);
    webp_chunks::put_chunk(&mut chunks, b"ANIM", &[0; 6]);
    webp_chunks::put_chunk(&mut chunks, b"ANMF", &frame);
    webp_chunks::put_chunk(&mut chunks, b"ANMF", &frame);
    webp_chunks::put_chunk(&mut chunks, b"EXIF", &tiff(6, true));
    webp_chunks::put_chunk(&mut chunks, b"XMP ", b"PLANTED-XMP");
    webp(&chunks)
}

pub(super) fn gif() -> Vec<u8> {
    let mut plain = Vec::new();
    let mut encoder = gif::Encoder::new(&mut plain, 5, 4, &[9, 8, 7, 200, 100, 0]).expect("a header");
    encoder.set_repeat(gif::Repeat::Finite(7)).expect("repeats");
    for shift in 0..2 {
        let buffer: Vec<u8> = (0..20).map(|at| (at / 3 + shift) % 2).collect();
        let frame = gif::Frame { width: 5, height: 4, delay: 30, buffer: buffer.into(), ..gif::Frame::default() };
        encoder.write_frame(&frame).expect("encodes");
    }
    drop(encoder);
    let (colours_end, end) = (13 + 6, plain.len() - 1);
    let mut out = plain[..colours_end].to_vec();
    out.extend(b"\x21\xfe\x0fPLANTED-COMMENT\0");
    out.extend(b"\x21\xff\x0bXMP DataXMP\x0bPLANTED-XMP\0");
    out.extend(b"\x21\xff\x0bNETSCAPE2.0\x0cPLANTED-MORE\0");
    out.extend(b"\x21\xff\x0bICCRGBG1012\x0bPROFILE-ICC\0");
    // The first control block belongs to the text, not to the image.
    out.extend(b"\x21\xf9\x04\x0c\x63\0\0\0\x21\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0\x0cPLANTED-TEXT\0");
    out.extend(b"\x21\x99\x0bPLANTED-OWN\0");
    out.extend(&plain[colours_end..end]);
    out.extend(b"\x21\xfe\x08harmless\0\x21\xfe\x0cPLANTED-LATE\0\x3b");
    out.extend(TAIL);
    out
}

/// Of 24 bits and the last header, with room before the pixels and a profile behind them.
pub(super) fn bmp() -> Vec<u8> {
    let rows: Vec<u8> = pixels()[..WIDTH as usize * 3].iter().copied().chain([0, 0]).collect();
    let pixels_at = 14 + 124 + 16;
    let mut out = b"BM\xff\xff\xff\xffROOM".to_vec();
    for field in [pixels_at, 124, WIDTH, 2] {
        out.extend(field.to_le_bytes());
    }
    out.extend([1, 0, 24, 0]);
    out.resize(14 + 56, 0);
    out.extend(b"DEBM");
    out.resize(14 + 112, 0);
    out.extend((pixels_at - 14 + 2 * rows.len() as u32).to_le_bytes());
    out.extend((PROFILE.len() as u32).to_le_bytes());
    out.extend(b"PLANPLANTED-IN-A-GAP");
    out.extend([&rows[..], &rows, PROFILE, TAIL].concat());
    out
}

/// Of 4 x 2 pixels: a run, single pixels with padding, a jump, an end.
pub(super) fn bmp_of_runs() -> Vec<u8> {
    let rows = b"\x04\x01\0\0\0\x03\x01\0\x01\0\0\x02\x01\0\0\x01";
    let pixels_at = 14 + 40 + 8;
    let mut out = b"BM\0\0\0\0\0\0\0\0".to_vec();
    for field in [pixels_at, 40, 4, 2] {
        out.extend(u32::to_le_bytes(field));
    }
    out.extend([1, 0, 8, 0]);
    for field in [1, rows.len() as u32, 0, 0, 2, 0] {
        out.extend(field.to_le_bytes());
    }
    out.extend(b"\x10\x20\x30\0\x40\x50\x60\0");
    out.extend(rows);
    out.extend(TAIL);
    out
}
