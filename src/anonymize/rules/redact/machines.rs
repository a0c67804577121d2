//! Addresses of machines: of the internet in both versions, and of devices.

use std::net::{IpAddr, Ipv4Addr};

/// Longest text of such an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const HOST_CHARS: usize = 45;
/// Pairs of digits from which a row with colons is a device's address; fingerprints of keys have more.
const PAIRS: usize = 6;
/// Characters of a fingerprint of 512 bits.
const FINGERPRINT_CHARS: usize = 191;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Host,
    /// An address of a device, or a fingerprint.
    Pairs,
}

/// `192.0.2.7` at that place: where it ends.
pub(super) fn dotted(value: &[u8], at: usize, to: usize) -> Option<usize> {
    let most = &value[at..to.min(at + 16)];
    let length = most.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(most.len());
    let text = most[..length].strip_suffix(b".").unwrap_or(&most[..length]);
    let is_address = text.len() < 16 && std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv4Addr>().is_ok());
    is_address.then_some(at + text.len())
}

/// What has the colon at `at` in it, within `from..to`, and where the search ended.
pub(super) fn coloned(value: &[u8], at: usize, from: usize, to: usize) -> (Option<(usize, usize, Machine)>, usize) {
    let belongs = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
    let (least, most) = (from.max(at.saturating_sub(HOST_CHARS)), to.min(at + FINGERPRINT_CHARS));
    let mut start = value[least..at].iter().rposition(|byte| !belongs(byte)).map_or(least, |last| least + last + 1);
    let mut end = value[at..most].iter().position(|byte| !belongs(byte)).map_or(most, |length| at + length);
    let reached = end;
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if is_part(value[from..start].last()) || is_part(value[..to].get(end)) {
        return (None, reached);
    }
    // Punctuation of the sentence.
    while end > start && (value[end - 1] == b'.' || (value[end - 1] == b':' && !value[start..end].ends_with(b"::"))) {
        end -= 1;
    }
    if value[start..end].starts_with(b":") && !value[start..end].starts_with(b"::") {
        start += 1;
    }
    let run = &value[start..end];
    let is_host = || {
        let text = std::str::from_utf8(run).ok();
        run.iter().any(u8::is_ascii_hexdigit) && text.is_some_and(|text| text.parse::<IpAddr>().is_ok())
    };
    let mut pairs = run.split(|byte| *byte == b':');
    if memchr::memchr_iter(b':', run).count() < 2 {
        (None, reached)
    } else if is_host() {
        (Some((start, end, Machine::Host)), reached)
    } else if pairs.clone().count() >= PAIRS && pairs.all(|pair| pair.len() == 2 && !pair.contains(&b'.')) {
        (Some((start, end, Machine::Pairs)), reached)
    } else {
        (None, reached)
    }
}
