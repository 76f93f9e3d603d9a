//! The words of the lock's decisions: what a thread is told, and why.
//!
//! *Assumes*: nothing.
//! *Promises*: plain data, compared and printed as such.
//! *Leaves out*: the rules (`gil/machine.rs`).

use std::time::Duration;

/// A moment, in nanoseconds since the lock was made.
pub type Nanos = u64;

/// The number of a thread that uses the lock. It is used again after the thread has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub(crate) u32);

impl ThreadId {
    /// The number itself, counted from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a thread that wants the lock does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It holds the lock and runs.
    Run {
        /// Another thread held it before.
        switched: bool,
    },
    /// It sleeps until it is woken, or until this moment; then it says which of the two.
    Sleep {
        /// The moment to give up sleeping; `None` is never.
        until: Option<Nanos>,
        /// Why it may not run.
        why: Why,
    },
    /// It cannot have the lock.
    Refused(Refusal),
}

/// Why a thread sleeps (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is taken.
    Busy,
    /// It was woken for a free lock, and somebody was quicker.
    Barged,
    /// It waited a whole interval under one holder and has now asked for the lock.
    Asked,
    /// The interval passed, but the holder is a new one, who gets a whole interval of its own.
    NewHolder,
    /// It woke up for no reason.
    Early,
}

/// Why a thread cannot have the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has it already.
    Nested,
    /// The lock was finalised by another thread.
    Finalised,
}

/// What to do after an event: the thread's own turn, and one sleeper to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the thread must do as it is told, and the sleeper must be woken"]
pub struct Verdict {
    /// For the thread whose event it was.
    pub turn: Turn,
    /// Another thread.
    pub wake: Option<ThreadId>,
}

/// What to do after the lock was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the sleeper must be woken"]
pub struct Parting {
    /// A waiter to wake.
    pub wake: Option<ThreadId>,
    /// The dropper sleeps until the switch has come: the machine's
    /// `is_handing_over` is false for it.
    pub await_switch: bool,
}

/// A thread that does not hold the lock tried to drop it. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotHolder;

/// Why the lock is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The thread blocks, or is done.
    Voluntary,
    /// A tick check: it wants the lock back at once.
    Tick,
    /// It saw the drop request: it wants the lock back at once.
    Request,
}

impl Verdict {
    /// Run; and perhaps somebody may go on.
    pub(crate) fn run(switched: bool, wake: Option<ThreadId>) -> Verdict {
        Verdict { turn: Turn::Run { switched }, wake }
    }

    /// No.
    pub(crate) fn refused(refusal: Refusal) -> Verdict {
        Verdict { turn: Turn::Refused(refusal), wake: None }
    }
}

/// A duration as a number; what does not fit is for ever, or five centuries.
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
