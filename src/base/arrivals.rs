//! What has arrived and nobody has looked at: a flag for each kind, and one bell for all.
//!
//! *Assumes*: the bell stays rung until somebody silences it.
//! *Promises*: who silences the bell and then takes the flags, each time it rings, hears of
//! every kind that arrives; what arrives twice between two looks is told once.
//! *Leaves out*: the bell, and what arrives (`base/sys/signal.rs`: signals).
//!
//! ```text
//!   note:  raise the flag ──► ring           look:  silence ──► take each flag
//! ```
//! However the four steps mix: if a flag is raised too late to be taken, its ring comes after
//! the silence, and there will be another look. Ring first, or silence last, and an arrival
//! can be lost. `tests/loom_loop.rs` walks through all of it.

use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that any thread may swap. A trait only because a model's atomics cannot stand in a
/// `static`, as those that a signal handler finds must.
pub trait Flag {
    /// Puts `raised` in the place of what was there, and brings that.
    fn swap(&self, raised: bool, order: Ordering) -> bool;
}

impl Flag for AtomicBool {
    fn swap(&self, raised: bool, order: Ordering) -> bool {
        self.swap(raised, order)
    }
}

/// Flags for the kinds 0 to `N - 1`.
///
/// ```
/// use singletrack::base::arrivals::Arrivals;
/// use std::sync::atomic::AtomicBool;
///
/// static ARRIVALS: Arrivals<AtomicBool, 2> =
///     Arrivals::new([const { AtomicBool::new(false) }; 2]);
/// ARRIVALS.note(1, || println!("ring"));
/// ARRIVALS.note(1, || println!("ring"));
/// assert_eq!((ARRIVALS.take(0), ARRIVALS.take(1)), (false, true));
/// assert!(!ARRIVALS.take(1)); // both are told of
/// ```
pub struct Arrivals<F, const N: usize>([F; N]);

impl<F: Flag, const N: usize> Arrivals<F, N> {
    /// Nothing has arrived, if no flag is raised.
    pub const fn new(flags: [F; N]) -> Self {
        Arrivals(flags)
    }

    /// One of this kind has arrived. Takes no lock and no memory.
    pub fn note(&self, kind: usize, ring: impl FnOnce()) {
        self.0[kind].swap(true, Ordering::AcqRel);
        ring();
    }

    /// True if one of this kind has arrived since this was last asked; false for a kind that
    /// there is not.
    pub fn take(&self, kind: usize) -> bool {
        self.0.get(kind).is_some_and(|flag| flag.swap(false, Ordering::AcqRel))
    }
}
