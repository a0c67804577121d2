//! The pieces that cross a connection: a hello each way, then frames.
//!
//! ```text
//! hello: magic[8] version:u16 flags:u16 frame_max:u32
//! frame: length:u32 kind:u8 request:u32 payload[length]
//! ```
//! Integers are little-endian. No length is believed before it is checked.

use std::io::{self, ErrorKind, Read};

/// Largest payload.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Version of everything that crosses a connection.
pub(crate) const VERSION: u16 = 1;
pub(crate) const HELLO_BYTES: usize = 16;
const MAGIC: [u8; 8] = *b"TITHEVLT";
const WRITABLE: u16 = 1;
const HEAD_BYTES: usize = 9;

/// What a frame is. Those below `ALIVE` ask, the others answer.
pub(crate) mod kind {
    pub(crate) const LOOK: u8 = 1;
    pub(crate) const HASH: u8 = 2;
    pub(crate) const READ: u8 = 3;
    pub(crate) const SIGNATURE: u8 = 4;
    pub(crate) const DELTA: u8 = 5;
    pub(crate) const SETTINGS: u8 = 16;
    pub(crate) const FILES: u8 = 17;
    pub(crate) const PLAN: u8 = 18;
    pub(crate) const BRING: u8 = 19;
    pub(crate) const GO: u8 = 20;
    pub(crate) const REMOVE: u8 = 21;
    pub(crate) const VERIFY: u8 = 22;
    pub(crate) const STATUS: u8 = 23;
    pub(crate) const RESTORE: u8 = 24;
    pub(crate) const ALIVE: u8 = 64;
    pub(crate) const PART: u8 = 65;
    pub(crate) const DONE: u8 = 66;
    pub(crate) const FAILED: u8 = 67;
}

/// What both sides say first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Its folder may be changed.
    pub(crate) writable: bool,
}

/// Why a hello is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelloFault {
    /// Something else talks there.
    Stranger,
    /// Another version.
    Version(u16),
    /// Takes smaller frames than this version sends.
    Frames,
}

impl Hello {
    pub(crate) fn bytes(self) -> [u8; HELLO_BYTES] {
        let mut out = [0; HELLO_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10..12].copy_from_slice(&(if self.writable { WRITABLE } else { 0 }).to_le_bytes());
        out[12..].copy_from_slice(&(PAYLOAD_BYTES_MAX as u32).to_le_bytes());
        out
    }

    /// # Errors
    /// `HelloFault`
    pub(crate) fn parse(bytes: &[u8; HELLO_BYTES]) -> Result<Self, HelloFault> {
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        if bytes[..8] != MAGIC {
            return Err(HelloFault::Stranger);
        }
        if short(8) != VERSION {
            return Err(HelloFault::Version(short(8)));
        }
        let frame_max = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        if (frame_max as usize) < PAYLOAD_BYTES_MAX {
            return Err(HelloFault::Frames);
        }
        Ok(Self { writable: short(10) & WRITABLE != 0 })
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) request: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Bytes on the wire of a payload of this length.
    pub(crate) fn wire_bytes(payload: usize) -> u64 {
        (HEAD_BYTES + payload) as u64
    }

    pub(crate) fn head(kind: u8, request: u32, payload: usize) -> [u8; HEAD_BYTES] {
        let mut out = [0; HEAD_BYTES];
        out[..4].copy_from_slice(&(payload as u32).to_le_bytes());
        out[4] = kind;
        out[5..].copy_from_slice(&request.to_le_bytes());
        out
    }

    /// The next frame; `None` where the stream ends between two.
    ///
    /// # Errors
    /// `UnexpectedEof` where it ends within one, `InvalidData` for a length above the limit.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; HEAD_BYTES];
        loop {
            match from.read(&mut head[..1]) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        from.read_exact(&mut head[1..])?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > PAYLOAD_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "a frame longer than agreed"));
        }
        // Grows with what arrives, not with what was announced.
        let mut payload = Vec::with_capacity(length.min(64 << 10));
        from.take(length as u64).read_to_end(&mut payload)?;
        if payload.len() != length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let request = u32::from_le_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Some(Self { kind: head[4], request, payload }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_above_the_limit_is_not_read() {
        let head = Frame::head(kind::PART, 1, PAYLOAD_BYTES_MAX + 1);
        let mut endless = head.as_slice().chain(io::repeat(0));
        assert_eq!(Frame::read(&mut endless).unwrap_err().kind(), ErrorKind::InvalidData);
        let head = Frame::head(kind::PART, 1, PAYLOAD_BYTES_MAX);
        assert_eq!(Frame::read(&mut head.as_slice()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn hellos_of_others_are_told_apart() {
        let mut bytes = Hello { writable: true }.bytes();
        assert_eq!(Hello::parse(&bytes), Ok(Hello { writable: true }));
        bytes[12..].fill(0);
        assert_eq!(Hello::parse(&bytes), Err(HelloFault::Frames));
        bytes[8] = 9;
        assert_eq!(Hello::parse(&bytes), Err(HelloFault::Version(9)));
        bytes[0] = b'W';
        assert_eq!(Hello::parse(&bytes), Err(HelloFault::Stranger));
    }

    proptest! {
        #[test]
        fn frames_come_back(kind: u8, request: u32, payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut wire = Frame::head(kind, request, payload.len()).to_vec();
            wire.extend(&payload);
            let mut left = wire.as_slice();
            prop_assert_eq!(Frame::read(&mut left).unwrap(), Some(Frame { kind, request, payload }));
            prop_assert_eq!(Frame::read(&mut left).unwrap(), None);
        }

        #[test]
        fn any_bytes_are_frames_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut left = bytes.as_slice();
            while let Ok(Some(frame)) = Frame::read(&mut left) {
                prop_assert!(frame.payload.len() <= bytes.len());
            }
        }

        #[test]
        fn any_bytes_are_a_hello_or_a_fault(bytes: [u8; HELLO_BYTES]) {
            let mut close = Hello { writable: false }.bytes();
            close[8..].copy_from_slice(&bytes[8..]);
            let _ = (Hello::parse(&bytes), Hello::parse(&close));
        }
    }
}
