//! The fast path: one atomic word, for the thread that had the lock last.
//!
//! *Assumes*: only a thread that has the mutex around the rules closes or opens the word, and it
//! opens it for a thread that [`Machine::undisturbed`] names.
//! *Promises*: what happened on the word is not lost: the thread that closes it learns whether
//! the lock is held, and the thread that takes the lock next sees what the holder wrote.
//! *Leaves out*: every other thread. Those take the mutex (`gil/lock/take_gil.rs`).
//!
//! ```text
//!              try_take (compare-exchange)
//!     FREE for t ◀──────────────────▶ HELD by t
//!          ▲ │   try_drop (the same)     ▲ │
//!     open │ │ close                open │ │ close      by a thread that has the mutex
//!          │ ▼                           │ ▼
//!          └─────────── CLOSED ──────────┘
//! ```
//! While no thread waits, one that takes a lock it had last and drops it again changes nothing
//! that others could see: no switch, no request, no thread to wake. So it need not ask the machine.
//! This is why taking the lock and dropping it costs two atomic operations.
//!
//! In free threading (`gil/free_threading/scope.rs`) each thread has such a word: FREE is then
//! detached, HELD is attached, and to stop the world is to close all words.
//!
//! [`Machine::undisturbed`]: crate::gil::rules::machine::Machine::undisturbed

use crate::base::sync::atomic::AtomicU64;
use crate::base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::gil::rules::decision::ThreadId;

const CLOSED: u64 = 0;
const HELD: u64 = 1;

/// The word's value while the lock is free for this thread. Never [`CLOSED`], never [`HELD`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnerBits(u64);

impl OwnerBits {
    pub(crate) fn of(id: ThreadId) -> OwnerBits {
        OwnerBits((u64::from(id.0) + 1) << 1)
    }
}

/// The word, on a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct StateWord(AtomicU64);

impl StateWord {
    pub(crate) fn closed() -> StateWord {
        StateWord(AtomicU64::new(CLOSED))
    }

    /// Takes the free lock; false if the word is closed, or open for another thread.
    #[inline]
    pub(crate) fn try_take(&self, owner: OwnerBits) -> bool {
        self.0.compare_exchange(owner.0, owner.0 | HELD, Acquire, Relaxed).is_ok()
    }

    /// Drops the lock; false if the word was closed meanwhile.
    #[inline]
    pub(crate) fn try_drop(&self, owner: OwnerBits) -> bool {
        self.0.compare_exchange(owner.0 | HELD, owner.0, Release, Relaxed).is_ok()
    }

    /// All threads must take the mutex.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Relaxed) == CLOSED
    }

    /// All threads must take the mutex from now on. If the word was open: is the lock held?
    pub(crate) fn close(&self) -> Option<bool> {
        match self.0.swap(CLOSED, AcqRel) {
            CLOSED => None,
            word => Some(word & HELD != 0),
        }
    }

    /// Lets this thread take and drop the lock without the mutex.
    pub(crate) fn open(&self, owner: OwnerBits, held: bool) {
        self.0.store(owner.0 | if held { HELD } else { 0 }, Release);
    }
}
