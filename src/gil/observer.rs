//! The clock of one lock, and how closely its threads are watched.
//!
//! *Assumes*: nothing.
//! *Promises*: while nothing is watched, to find that out is one load and one branch.
//! *Leaves out*: what is written down (`gil/diary.rs`).
//!
//! The flags are std's, under loom too: no decision hangs on them.

use crate::gil::verdict::{Nanos, nanos};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Instant;

/// Holds are measured.
pub(crate) const HOLD: u8 = 1;
/// Events are recorded.
pub(crate) const RECORD: u8 = 2;

/// When the lock was made, and what is watched beside the counters: [`HOLD`], [`RECORD`], or
/// nothing.
#[derive(Debug)]
pub(crate) struct Observer {
    made_at: Instant,
    watched: AtomicU8,
}

impl Observer {
    pub(crate) fn new() -> Observer {
        Observer { made_at: Instant::now(), watched: AtomicU8::new(0) }
    }

    pub(crate) fn now(&self) -> Nanos {
        nanos(self.made_at.elapsed())
    }

    /// What is watched.
    #[inline]
    pub(crate) fn watched(&self) -> u8 {
        self.watched.load(Relaxed)
    }

    /// Watches something, or does not any more.
    pub(crate) fn watch(&self, what: u8, on: bool) {
        if on {
            self.watched.fetch_or(what, Relaxed);
        } else {
            self.watched.fetch_and(!what, Relaxed);
        }
    }
}
