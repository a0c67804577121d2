//! ip: another address of the same family, in 10.0.0.0/8 (private use) or 2001:db8::/32 (documentation).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::anonymize::net::Net;
use crate::digest::Stream;

/// `10.255.255.255` and `2001:db8::ffff`
pub(super) const LEAST_CHARS: usize = 14;

/// The address alone, whatever its netmask and spelling; text that is no address as it stands.
pub(super) fn identity(value: &[u8]) -> Cow<'_, [u8]> {
    Net::parse(value, false).map_or(Cow::Borrowed(value), |net| Cow::Owned(net.address.to_string().into_bytes()))
}

/// Masks an address and keeps its netmask.
pub(crate) fn mask(stream: &mut Stream, net: Net) -> Net {
    let address = match net.address {
        IpAddr::V4(_) => v4(stream),
        IpAddr::V6(_) => {
            let mut octets: [u8; 16] = stream.bytes();
            octets[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
    };
    Net { address, ..net }.clear_host()
}

/// Masks an address in a text column; of a text that is none (a host name, a list) nothing remains.
pub(super) fn mask_text(stream: &mut Stream, value: &[u8], limit: usize, out: &mut Vec<u8>) {
    let net =
        Net::parse(value, false).unwrap_or(Net { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), bits: 32, cidr: false });
    let masked = mask(stream, net);
    let start = out.len();
    masked.print(limit, out);
    if out.len() - start > limit
        && let IpAddr::V6(address) = masked.address
    {
        // Too long for the column: an address with fewer groups, which is one of the same range.
        out.truncate(start);
        let [.., last] = address.segments();
        let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, last));
        Net { address, bits: 128, cidr: false }.print(limit, out);
    }
}

fn v4(stream: &mut Stream) -> IpAddr {
    let [a, b, c] = stream.bytes();
    IpAddr::V4(Ipv4Addr::new(10, a, b, c))
}
