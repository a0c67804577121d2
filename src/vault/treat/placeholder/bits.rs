//! Bits packed into bytes, the lowest first.

#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u32,
    pending_bits: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`, at most 16.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.pending |= (value & ((1 << count) - 1)) << self.pending_bits;
        self.pending_bits += count;
        while self.pending_bits >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    /// All bytes, the last one filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.pending_bits > 0 {
            self.put(0, 8 - self.pending_bits);
        }
        self.bytes
    }
}
