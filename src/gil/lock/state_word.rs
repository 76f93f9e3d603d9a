//! The fast way in and out: one atomic word, for the thread that had the lock last.
//!
//! *Assumes*: only a thread at the desk (holding the mutex around the machine) shuts or opens
//! the door, and it opens it for a thread that [`Machine::undisturbed`] names.
//! *Promises*: what happened at the door is not lost: whoever shuts it learns whether the lock
//! is held, and what the holder wrote is seen by whoever takes the lock next.
//! *Leaves out*: everybody else. They go to the desk.
//!
//! ```text
//!              take (compare-exchange)
//!     FREE for t ◀──────────────────▶ HELD by t
//!          ▲ │     drop (the same)       ▲ │
//!     open │ │ shut                 open │ │ shut       by a thread at the desk
//!          │ ▼                           │ ▼
//!          └──────────── SHUT ───────────┘
//! ```
//! While nobody waits, a thread that takes a lock it had last and drops it again changes
//! nothing that anyone could see: no switch, no request, nobody to wake. So it need not ask the
//! machine. This is why taking the lock and dropping it costs two atomic operations.
//!
//! [`Machine::undisturbed`]: crate::gil::rules::machine::Machine::undisturbed

use crate::base::sync::atomic::AtomicU64;
use crate::base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::gil::rules::decision::ThreadId;

const SHUT: u64 = 0;
const HELD: u64 = 1;

/// What a thread shows at the door; never the value of a shut one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass(u64);

impl Pass {
    pub(crate) fn of(id: ThreadId) -> Pass {
        Pass((u64::from(id.0) + 1) << 1)
    }
}

/// The word, on a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct StateWord(AtomicU64);

impl StateWord {
    pub(crate) fn shut_from_the_start() -> StateWord {
        StateWord(AtomicU64::new(SHUT))
    }

    /// Takes the free lock; false if the door is not open for this thread.
    #[inline]
    pub(crate) fn take(&self, pass: Pass) -> bool {
        self.0.compare_exchange(pass.0, pass.0 | HELD, Acquire, Relaxed).is_ok()
    }

    /// Drops the lock; false if the door was shut meanwhile.
    #[inline]
    pub(crate) fn leave(&self, pass: Pass) -> bool {
        self.0.compare_exchange(pass.0 | HELD, pass.0, Release, Relaxed).is_ok()
    }

    /// Everybody is sent to the desk.
    #[inline]
    pub(crate) fn is_shut(&self) -> bool {
        self.0.load(Relaxed) == SHUT
    }

    /// Sends everybody to the desk from now on. If the door was open: is the lock held?
    pub(crate) fn shut(&self) -> Option<bool> {
        match self.0.swap(SHUT, AcqRel) {
            SHUT => None,
            word => Some(word & HELD != 0),
        }
    }

    /// Lets this thread in and out.
    pub(crate) fn open(&self, pass: Pass, held: bool) {
        self.0.store(pass.0 | if held { HELD } else { 0 }, Release);
    }
}
