//! A unit of work made of steps: computing, waiting, computing without the lock, and what it carries.
//!
//! *Assumes*: whoever makes a step has calibrated how many operations its time is on this machine.
//! *Promises*: a step costs what it says under every model, for its work is a number of operations,
//! not a time that a busy machine would use up without doing anything; its value depends on its seed.
//! *Leaves out*: the waiting, which is a question to the lab's own server (`lab/compare/job.rs`).
//!
//! ```text
//!   Cpu     operations with the lock, a tick about once a microsecond
//!   Native  the same operations, without the lock where there is one: CPython's C code that lets go
//!   Io      a question to the server, which answers after that time
//!   Send    bytes that go along with the job to the process that computes it, and come back: copied
//!           out, through a pipe, and in again. Threads and tasks share memory, and pay nothing
//! ```

use crate::base::random::mix;
use crate::lab::compare::compute::{Compute, Tick};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Operations between two ticks: about a microsecond of work.
const SLICE: u64 = 256;

/// One step of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Computes with the lock: so many operations.
    Cpu(u64),
    /// Waits for an answer that comes after so many microseconds.
    Io(u32),
    /// Computes without the lock: so many operations.
    Native(u64),
    /// Carries so many bytes there and back.
    Send(u32),
}

/// Bytes that go along. All jobs of a process share them, as long as nobody sends them anywhere.
///
/// ```
/// use singletrack::futures::wire::{decode, encode};
/// use singletrack::lab::compare::step::Payload;
///
/// let sent = encode(&Payload::of(4096)).unwrap();
/// assert!(sent.len() > 4096);
/// assert_eq!(decode::<Payload>(&sent).unwrap(), Payload::of(4096));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// So many bytes.
    pub fn of(bytes: usize) -> Payload {
        Payload(vec![0x5a; bytes].into())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Payload {
    fn default() -> Payload {
        Payload::of(0)
    }
}

impl Serialize for Payload {
    /// In one piece, as `pickle` does it with `bytes`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Payload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Payload, E> {
                Ok(Payload(bytes.into()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// So many operations, and what goes along with them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spin {
    /// Decides what they come to.
    pub seed: u64,
    /// How many.
    pub operations: u64,
    /// Whether they are done without the lock.
    pub native: bool,
    /// What comes along, and goes back.
    pub payload: Payload,
}

impl Compute for Spin {
    type Output = (u64, Payload);

    fn compute(self, tick: &mut dyn Tick) -> (u64, Payload) {
        let mut value = self.seed;
        if self.native {
            tick.native(&mut || value = spin(value, self.operations));
            tick.tick();
        } else {
            let mut left = self.operations;
            while left > 0 {
                let slice = left.min(SLICE);
                value = spin(value, slice);
                left -= slice;
                tick.tick();
            }
        }
        (value, self.payload)
    }
}

/// Each operation needs the one before it.
fn spin(seed: u64, operations: u64) -> u64 {
    (0..operations).fold(seed, |value, _| mix(value.wrapping_add(1)))
}
