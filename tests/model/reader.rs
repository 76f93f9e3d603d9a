//! Reads operations from any bytes: whatever a fuzzer finds is a list of them.

pub struct Reader<'a>(std::slice::Iter<'a, u8>);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes.iter())
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    /// A number below `n`, which is at most 256.
    pub fn below(&mut self, n: usize) -> Option<usize> {
        Some(usize::from(self.byte()?) % n)
    }

    /// As many as the bytes last for, but no more than keeps one run short.
    pub fn list<T>(&mut self, mut one: impl FnMut(&mut Reader<'a>) -> Option<T>) -> Vec<T> {
        std::iter::from_fn(|| one(self)).take(400).collect()
    }
}
