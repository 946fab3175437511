//! Choices taken from bytes: a fuzzer's, or random ones.

/// Bytes that are used up from front to back. Behind their end there are zeros.
pub struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    pub fn new(bytes: &'i [u8]) -> Self {
        Input(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes: `len`, or as many as there are.
    pub fn bytes(&mut self, len: usize) -> &'i [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub fn u8(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    pub fn bool(&mut self) -> bool {
        self.u8() % 2 == 1
    }

    /// A number less than `count`, which is one to 65536. Small ones take one byte.
    pub fn below(&mut self, count: usize) -> usize {
        let number: usize = if count <= 256 { self.u8().into() } else { self.u16().into() };
        number % count
    }

    pub fn choice<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
