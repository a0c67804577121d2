//! What holds for the placeholders of every kind.

use super::*;
use crate::vault::treat::decoded::decode;
use crate::vault::treat::samples::{self, HEIGHT, PLANTED, PROFILE, WIDTH, contains};
use crate::vault::treat::{png as png_chunks, webp as webp_chunks};

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).expect("a path")
}

fn made(source: &[u8]) -> Result<Vec<u8>, TreatFault> {
    placeholder(&path("images/7.bin"), source)
}

/// A header that says this size, of each kind.
fn header(kind: ImageKind, width: u32, height: u32) -> Vec<u8> {
    let (w16, h16) = (width as u16, height as u16);
    match kind {
        ImageKind::Jpeg => {
            let [sides_h, sides_w] = [h16.to_be_bytes(), w16.to_be_bytes()];
            [b"\xff\xd8\xff\xc0\x00\x0b\x08", &sides_h[..], &sides_w, b"\x01\x01\x11\x00"].concat()
        }
        ImageKind::Png => {
            let mut out = png_chunks::SIGNATURE.to_vec();
            let body = [&width.to_be_bytes()[..], &height.to_be_bytes(), b"\x08\x02\0\0\0"].concat();
            png_chunks::put_chunk(&mut out, b"IHDR", &body);
            out
        }
        ImageKind::WebP => {
            let mut chunk = Vec::new();
            let [w, h] = [(width - 1).to_le_bytes(), (height - 1).to_le_bytes()];
            webp_chunks::put_chunk(&mut chunk, b"VP8X", &[&[0; 4][..], &w[..3], &h[..3]].concat());
            webp_chunks::file(&chunk).expect("small")
        }
        ImageKind::Gif => [b"GIF89a", &w16.to_le_bytes()[..], &h16.to_le_bytes(), &[0, 0, 0]].concat(),
        ImageKind::Bmp => {
            let mut out = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
            // The uppermost row first.
            out.extend([width.to_le_bytes(), height.wrapping_neg().to_le_bytes()].as_flattened());
            out.extend([1, 0, 24, 0]);
            out.extend([0; 24]);
            out
        }
    }
}

const KINDS: [ImageKind; 5] = [ImageKind::Jpeg, ImageKind::Png, ImageKind::WebP, ImageKind::Gif, ImageKind::Bmp];

#[test]
fn a_placeholder_is_of_the_same_kind_and_size_and_decodes() {
    for (name, sample) in samples::all() {
        let kind = ImageKind::of(&sample).expect(name);
        let image = made(&sample).expect(name);
        assert_eq!(ImageKind::of(&image), Ok(kind), "{name}");
        assert_eq!(kind.size(&image), kind.size(&sample), "{name}");
        assert!(!contains(&image, PLANTED) && !contains(&image, PROFILE), "{name}");
        decode(&image);
    }
    assert_eq!(ImageKind::Png.size(&samples::png(false)), Ok(ImageSize { width: WIDTH, height: HEIGHT }));
}

#[test]
fn a_placeholder_depends_on_path_kind_and_size_alone() {
    for kind in KINDS {
        let [plain, more] = [header(kind, 40, 30), [header(kind, 40, 30), b"and more".into()].concat()];
        let make = |name: &str, bytes: &[u8]| placeholder(&path(name), bytes).expect("served");
        assert_eq!(make("a/1", &plain), make("a/1", &plain), "{kind:?}");
        assert_eq!(make("a/1", &plain), make("a/1", &more), "{kind:?}");
        assert_ne!(decode(&make("a/1", &plain)), decode(&make("a/2", &plain)), "{kind:?}");
    }
}

/// Every row of one colour, the same colour in every kind. JPEG rounds, and its readers blend where stripes meet.
#[test]
fn placeholders_show_stripes_in_two_colours() {
    for (width, height) in [(1, 1), (3, 1), (1, 9), (300, 7), (17, 300), (640, 480), (2000, 1031)] {
        for kind in [ImageKind::Jpeg, ImageKind::Png, ImageKind::WebP] {
            let seen = decode(&made(&header(kind, width, height)).expect("served"));
            assert_eq!(seen.len(), (width * height * 3) as usize, "{kind:?} {width} x {height}");
            let mut colours: Vec<&[u8]> = Vec::new();
            for row in seen.chunks(width as usize * 3) {
                assert!(row.chunks(3).all(|pixel| close(pixel, &row[..3])), "{kind:?} {width} x {height}");
                if !colours.iter().any(|colour| close(colour, &row[..3])) {
                    colours.push(&row[..3]);
                }
            }
            let most = if kind == ImageKind::Jpeg { 8 } else { 2 };
            let expected = if height < 100 { 1..=most } else { 2..=most };
            assert!(expected.contains(&colours.len()), "{kind:?} {width} x {height}: {colours:?}");
            let exact = decode(&made(&header(ImageKind::Png, 1, 1)).expect("served"));
            assert!(close(colours[0], &exact), "{kind:?} {width} x {height}: {colours:?} {exact:?}");
        }
    }
}

fn close(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(*other) <= 6)
}

#[test]
fn the_largest_placeholders_are_small() {
    for kind in KINDS {
        for (width, height) in [(16_384, 16_384), (16_384, 1), (1, 16_384)] {
            let image = made(&header(kind, width, height)).expect("served");
            assert!(image.len() < 3 << 20, "{kind:?} {width} x {height}: {} bytes", image.len());
            assert_eq!(kind.size(&image), Ok(ImageSize { width, height }), "{kind:?}");
        }
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for kind in KINDS {
        let bytes = if kind == ImageKind::WebP { header(kind, 16_385, 1) } else { header(kind, 20_000, 20_000) };
        assert_eq!(made(&bytes), Err(TreatFault::Size), "{kind:?}");
    }
    for kind in [ImageKind::Jpeg, ImageKind::Png, ImageKind::Gif] {
        assert_eq!(made(&header(kind, 0, 7)), Err(TreatFault::Size), "{kind:?}");
    }
    for (width, height) in [(u32::MAX, u32::MAX), (u32::MAX, 1), (1 << 31, 1 << 31)] {
        assert_eq!(made(&header(ImageKind::Png, width, height)), Err(TreatFault::Size));
        assert!(made(&header(ImageKind::Bmp, width, height)).is_err());
    }
}
