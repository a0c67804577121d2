//! Reads a file's bytes from front to back, never past their end.

use super::TreatFault;

/// What is left to read.
#[derive(Clone)]
pub(super) struct ByteReader<'a> {
    rest: &'a [u8],
}

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left, without moving on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes; broken where there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], TreatFault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(TreatFault::Broken)?;
        self.rest = rest;
        Ok(taken)
    }

    /// As [`Self::take`] where the count comes from the file.
    pub(super) fn take_u32(&mut self, count: u32) -> Result<&'a [u8], TreatFault> {
        self.take(usize::try_from(count).map_err(|_| TreatFault::Broken)?)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], TreatFault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(TreatFault::Broken)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Broken where something else comes next.
    pub(super) fn expect(&mut self, expected: &[u8]) -> Result<(), TreatFault> {
        if self.take(expected.len())? == expected { Ok(()) } else { Err(TreatFault::Broken) }
    }

    pub(super) fn u8(&mut self) -> Result<u8, TreatFault> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16_le(&mut self) -> Result<u16, TreatFault> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u16_be(&mut self) -> Result<u16, TreatFault> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32_le(&mut self) -> Result<u32, TreatFault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u32_be(&mut self) -> Result<u32, TreatFault> {
        self.array().map(u32::from_be_bytes)
    }

    /// Three bytes, the lowest first.
    pub(super) fn u24_le(&mut self) -> Result<u32, TreatFault> {
        self.array().map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]))
    }
}
