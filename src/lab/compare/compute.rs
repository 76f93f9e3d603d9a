//! The computations of the jobs, as values: done here or shipped to a process, with ticks.
//!
//! *Promises*: a tick about once a microsecond, so that a thread under a lock can drop it as CPython
//! would; what CPython does in C without the lock is done without it ([`Tick::native`]).
//! *Leaves out*: who computes where (`lab/compare/job.rs`).
//!
//! ```text
//!   Primes   tick · tick · tick · …            bytecode: the lock is held, a request is seen at a tick
//!   Hash     ≤ 2,047 bytes: one call, a tick   C with the lock
//!            more: native, a tick              C without the lock: others compute meanwhile
//!   Deflate  native, a tick                    the same, however short
//! ```
//! What is *native* is CPython's choice: `hashlib` lets go of the lock for blocks of 2,048 bytes and
//! more, `zlib` always, and so do reads of files. That is why threads hash or compress a directory side
//! by side, lock or no lock.

use crate::futures::wire::Wire;
use miniz_oxide::deflate::compress_to_vec_zlib;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// CPython's `hashlib` hashes longer blocks than this without the lock (`HASHLIB_GIL_MINSIZE`).
pub const HELD_AT_MOST: usize = 2047;

/// One counted instruction of the emulated interpreter.
pub trait Tick {
    /// Called once per small slice of a computation. Under a global lock this is where the
    /// lock may change hands; elsewhere it does nothing.
    fn tick(&mut self);

    /// Does a part of a computation that CPython would do in C without the lock: hashing a long
    /// block, say, or compressing it. Others may compute meanwhile; it has no ticks.
    fn native(&mut self, work: &mut dyn FnMut());
}

/// A computation as a value, so that it can be done here or shipped to another process.
pub trait Compute: Wire {
    /// What it comes to.
    type Output: Wire;

    /// Does it, with one `tick` per small slice of work (about a microsecond).
    fn compute(self, tick: &mut dyn Tick) -> Self::Output;
}

/// Counts prime numbers by trial division, one tick a candidate.
#[derive(Debug, Serialize, Deserialize)]
pub struct Primes {
    /// The first candidate.
    pub from: u64,
    /// How many candidates.
    pub count: u64,
}

impl Compute for Primes {
    type Output = u64;

    fn compute(self, tick: &mut dyn Tick) -> u64 {
        let mut primes = 0;
        for candidate in self.from..self.from + self.count {
            primes += u64::from(is_prime(candidate));
            tick.tick();
        }
        primes
    }
}

fn is_prime(n: u64) -> bool {
    let mut divisors = (2..).take_while(|d| d * d <= n);
    n >= 2 && divisors.all(|d| !n.is_multiple_of(d))
}

/// The first 8 bytes of a SHA-256: one call, so one tick, as in Python; a long block without the
/// lock.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hash {
    /// What is hashed.
    pub bytes: Vec<u8>,
}

impl Compute for Hash {
    type Output = u64;

    fn compute(self, tick: &mut dyn Tick) -> u64 {
        let mut hash = 0;
        let mut digest = || {
            let digest = Sha256::digest(&self.bytes);
            hash = digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte));
        };
        match self.bytes.len() > HELD_AT_MOST {
            true => tick.native(&mut digest),
            false => digest(),
        }
        tick.tick();
        hash
    }
}

/// How hard [`Deflate`] tries: Python's `zlib.compress` does so, if it is not told otherwise.
const LEVEL: u8 = 6;

/// Compresses as Python's `zlib.compress` does, without the lock.
#[derive(Debug, Serialize, Deserialize)]
pub struct Deflate {
    /// What is compressed.
    pub bytes: Vec<u8>,
}

impl Compute for Deflate {
    type Output = u64;

    /// How many bytes it comes to, and the checksum of all that went in, which stands at their end.
    fn compute(self, tick: &mut dyn Tick) -> u64 {
        let mut packed = Vec::new();
        tick.native(&mut || packed = compress_to_vec_zlib(&self.bytes, LEVEL));
        tick.tick();
        let sum = packed.last_chunk().map_or(0, |sum| u64::from(u32::from_be_bytes(*sum)));
        (packed.len() as u64) << 32 | sum
    }
}
