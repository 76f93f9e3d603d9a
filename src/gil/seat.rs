//! What a lock keeps of one thread that uses it.
//!
//! *Assumes*: nothing.
//! *Promises*: the flag that is read at every checkpoint shares its cache line with nothing.
//! *Leaves out*: the same thread's view of the lock (`gil/thread_state.rs`).

use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::{Arc, Condvar};
use crate::gil::diary::Diary;

/// Where a thread sleeps, where it is asked for something, and what is written down about it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) flag: Flag,
    pub(crate) bed: Condvar,
    /// Somebody wants this thread to unwind at its next check.
    pub(crate) interrupted: AtomicBool,
    pub(crate) diary: Arc<Diary>,
}

impl Seat {
    /// For the thread that calls this.
    pub(crate) fn of_this_thread(number: usize) -> Seat {
        Seat {
            flag: Flag::default(),
            bed: Condvar::new(),
            interrupted: AtomicBool::new(false),
            diary: Arc::new(Diary::of_this_thread(number)),
        }
    }
}

/// Something is asked of the holder: to drop the lock, to make a call, to unwind. CPython's eval
/// breaker.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Flag(pub(crate) AtomicBool);
