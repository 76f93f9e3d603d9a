//! The last events of one thread: a ring that one thread writes, and any thread reads.
//!
//! *Assumes*: it is written by one thread, the one it belongs to.
//! *Promises*: writing takes no lock and never waits; a full ring forgets its oldest events and
//! counts them; a reader sees whole events, in order, while the writer goes on.
//! *Leaves out*: what the events mean (`gil/record.rs`).
//!
//! ```text
//!   written = 9            slot   0   1   2   3      room for three, and one
//!                               ┌───┬───┬───┬───┐    that the writer may be about to fill
//!                               │ 8 │ 5 │ 6 │ 7 │
//!                               └───┴───┴───┴───┘
//! ```
//! The atomics are std's, under loom too: as with the counters, nothing waits for them.

use crate::gil::record::Event;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

/// The last events of one thread. One writes, anybody reads.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: Box<[AtomicU64]>,
    /// How many events were ever written.
    written: AtomicU64,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Ring {
        // One slot more than asked for: the writer may be about to fill it.
        let slots = (0..=capacity).map(|_| AtomicU64::new(0)).collect();
        Ring { slots, written: AtomicU64::new(0) }
    }

    /// Only ever by its own thread.
    #[inline]
    pub(crate) fn write(&self, event: Event) {
        let written = self.written.load(Relaxed);
        let slot = (written % self.slots.len() as u64) as usize;
        // Release: who reads this word also sees that all before it were written.
        self.slots[slot].store(event.to_word(), Release);
        self.written.store(written + 1, Release);
    }

    /// The events, oldest first, and how many were before them.
    pub(crate) fn read(&self) -> (Vec<Event>, u64) {
        let (size, until) = (self.slots.len() as u64, self.written.load(Acquire));
        let slot = |i: u64| self.slots[(i % size) as usize].load(Relaxed);
        let from = (until + 1).saturating_sub(size);
        let words: Vec<u64> = (from..until).map(slot).collect();
        // What the writer has meanwhile written over, or is about to, does not count.
        fence(Acquire);
        let lost = (self.written.load(Relaxed) + 1).saturating_sub(size).min(until);
        let whole = &words[(lost - from) as usize..];
        (whole.iter().map(|&word| Event::from_word(word)).collect(), lost)
    }
}
