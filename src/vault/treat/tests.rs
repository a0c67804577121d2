//! What holds for every kind of image that is stripped, and for bytes that are none.

use proptest::prelude::*;

use super::*;
use crate::vault::treat::samples::{PLANTED, PROFILE, TAIL, contains};

const STRIP: FileMode = FileMode::StripMetadata { keep_icc: false };
const STRIP_KEEPING_ICC: FileMode = FileMode::StripMetadata { keep_icc: true };

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).expect("a path")
}

fn treated(mode: FileMode, bytes: &[u8]) -> Result<Vec<u8>, TreatFault> {
    treat(mode, &path("images/7.bin"), bytes)
}

#[test]
fn nothing_planted_survives_and_every_pixel_does() {
    for (name, sample) in samples::all() {
        for mode in [STRIP, STRIP_KEEPING_ICC] {
            let stripped = treated(mode, &sample).expect(name);
            assert!(contains(&sample, PLANTED) && !contains(&stripped, PLANTED), "{name}");
            assert_eq!(decoded::decode(&stripped), decoded::decode(&sample), "{name}");
            let icc = mode == STRIP_KEEPING_ICC && contains(&sample, PROFILE);
            assert_eq!(contains(&stripped, PROFILE), icc, "{name}");
            assert_eq!(treated(mode, &stripped).expect(name), stripped, "{name}: nothing is left to strip");
        }
    }
}

#[test]
fn an_image_that_ends_early_is_refused_at_every_length() {
    for (name, sample) in samples::all() {
        let end = sample.len() - TAIL.len();
        for length in 0..sample.len() {
            let stripped = treated(STRIP, &sample[..length]);
            // A profile that is not wanted may be cut off.
            let whole = end <= length || name == "bmp" && end - PROFILE.len() <= length;
            assert_eq!(stripped.is_ok(), whole, "{name} of {length} bytes");
            assert!(!contains(&stripped.unwrap_or_default(), PLANTED), "{name} of {length} bytes");
            let _ = treated(STRIP_KEEPING_ICC, &sample[..length]);
            let _ = treated(FileMode::Placeholder, &sample[..length]);
        }
    }
}

#[test]
fn what_is_no_known_image_is_refused() {
    for bytes in
        [&b""[..], b"<svg xmlns=", b"II*\0\x08\0\0\0", b"\0\0\0\x18ftypheic", b"RIFF\x04\0\0\0WAVE", b"\xff\xd8"]
    {
        for mode in [STRIP, FileMode::Placeholder, FileMode::None] {
            assert_eq!(treated(mode, bytes), Err(TreatFault::UnknownKind), "{bytes:?}");
        }
    }
}

/// Where metadata lie and what frames them; image data are left alone, for what they swallow is image data.
fn around_what_is_planted(sample: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(sample, PLANTED)
        .flat_map(|at| at.saturating_sub(8)..(at + 12).min(sample.len()))
        .collect()
}

fn all_modes(bytes: &[u8]) -> [Result<Vec<u8>, TreatFault>; 3] {
    [STRIP, STRIP_KEEPING_ICC, FileMode::Placeholder].map(|mode| treated(mode, bytes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn bytes_of_any_sort_do_no_harm(start in 0..6_usize, rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let magics: [&[u8]; 6] =
            [b"\xff\xd8\xff", png::SIGNATURE, b"RIFF\x40\0\0\0WEBPVP8X", b"GIF89a", b"BM", b""];
        let _ = all_modes(&[magics[start], &rest].concat());
    }

    #[test]
    fn damaged_images_do_no_harm(
        sample in any::<prop::sample::Selector>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let (name, mut bytes) = sample.select(samples::all());
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - length.index(bytes.len()) / 8);
        let [stripped, with_icc, placeholder] = all_modes(&bytes);
        for (mode, made) in [(STRIP, stripped), (STRIP_KEEPING_ICC, with_icc)] {
            if let Ok(made) = made {
                prop_assert_ne!(&made, &bytes, "{}: everything came through", name);
                prop_assert_eq!(treated(mode, &made), Ok(made), "{}: something was left to strip", name);
            }
        }
        if let Ok(made) = placeholder {
            prop_assert!(!contains(&made, PLANTED));
        }
    }

    #[test]
    fn damaged_metadata_do_not_come_through(
        sample in any::<prop::sample::Selector>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (name, mut bytes) = sample.select(samples::all());
        let places = around_what_is_planted(&bytes);
        for (at, value) in damage {
            bytes[*at.get(&places)] = value;
        }
        if let Ok(made) = treated(STRIP, &bytes) {
            prop_assert!(!contains(&made, PLANTED), "{}", name);
        }
    }
}
