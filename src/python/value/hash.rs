//! A quick hash for keys and texts.
//!
//! *Promises*: the same number for equal things, in every run; all bits of it depend on all of what
//! was hashed.
//! *Leaves out*: safety from keys that were made to collide: a program can slow down itself only.

use std::hash::{BuildHasherDefault, Hasher};

/// A map by this hash.
pub type Quick = BuildHasherDefault<Mix>;

/// The hash on its way.
///
/// ```
/// use singletrack::python::value::hash::Mix;
/// use std::hash::Hasher;
///
/// let hash = |words: [u64; 2]| {
///     let mut mix = Mix::default();
///     words.into_iter().for_each(|word| mix.write_u64(word));
///     mix.finish()
/// };
/// assert_eq!(hash([1, 2]), hash([1, 2]));
/// assert_ne!(hash([1, 2]), hash([2, 1]));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Mix(u64);

impl Mix {
    /// The two halves of a product depend on all bits of both factors.
    #[inline]
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9;
        #[allow(clippy::cast_possible_truncation, reason = "its lower half")]
        let low = product as u64;
        self.0 = low ^ (product >> 64) as u64;
    }
}

impl Hasher for Mix {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let word = chunk.try_into().map_or(0, u64::from_le_bytes);
            self.mix(word);
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.mix(u64::from(word));
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    #[inline]
    fn write_i64(&mut self, word: i64) {
        self.mix(word.cast_unsigned());
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.mix(word as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
