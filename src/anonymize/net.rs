//! Network addresses: PostgreSQL's inet and cidr in both wire forms.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// PostgreSQL's own numbers for the families (PGSQL_AF_INET and the next), not the operating system's.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;

/// An address with its netmask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) address: IpAddr,
    pub(super) bits: u8,
    /// The type is cidr: the netmask is always printed, and no bit right of it is set.
    pub(super) cidr: bool,
}

impl Net {
    /// Reads the binary form: family, bits, is cidr, length, address.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let (&[family, bits, cidr, length], address) = value.split_first_chunk()?;
        let address = match (family, length) {
            (FAMILY_V4, 4) => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
            (FAMILY_V6, 16) => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
            _ => return None,
        };
        (bits <= width(address)).then_some(Self { address, bits, cidr: cidr != 0 })
    }

    /// Appends the binary form.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self.address {
            IpAddr::V4(address) => {
                out.extend_from_slice(&[FAMILY_V4, self.bits, u8::from(self.cidr), 4]);
                out.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                out.extend_from_slice(&[FAMILY_V6, self.bits, u8::from(self.cidr), 16]);
                out.extend_from_slice(&address.octets());
            }
        }
    }

    /// Reads `address` or `address/bits`.
    pub(super) fn parse(text: &[u8], cidr: bool) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let bits = bits.map_or(Some(width(address)), |bits| bits.parse().ok())?;
        (bits <= width(address)).then_some(Self { address, bits, cidr })
    }

    /// Appends the text; the netmask only where it says something and fits within `limit` characters.
    pub(super) fn print(self, limit: usize, out: &mut Vec<u8>) {
        let start = out.len();
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{}", self.address);
        let address_end = out.len();
        if self.cidr || self.bits < width(self.address) {
            let _ = write!(out, "/{}", self.bits);
            if out.len() - start > limit {
                out.truncate(address_end);
            }
        }
    }

    /// For cidr: clears the bits right of the netmask, which the type refuses.
    pub(super) fn clear_host(self) -> Self {
        if !self.cidr {
            return self;
        }
        let host_bits = u32::from(width(self.address) - self.bits);
        let address = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
            }
        };
        Self { address, ..self }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
