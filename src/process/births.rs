//! When the next worker may be forked: one at a time, and after a failure not at once. Pure.
//!
//! *Assumes*: it is told what becomes of every fork, and of every worker that was forked.
//! *Promises*: a pause after each failure, twice as long as the one before, up to 64 times the
//! first; it tells when there is no hope left.
//! *Leaves out*: whether a worker is wanted (`process/dispatcher.rs`).
//!
//! ```text
//!           begin                end                 lived
//!   ───▶ DUE ──▶ UNDER WAY ─────────────▶ starting ─────────▶ the count begins anew
//!         ▲          │ end, failed            │ failed
//!         └─ pause ──┴────────────────────────┘
//! ```

/// So many workers in a row that did not come to life, and none alive: the pool is broken.
pub const MAX_FAILURES: u32 = 8;

/// The pause after the first failure to start a worker; it doubles with each, to 64 times.
pub const BACKOFF_NS: u64 = 10_000_000;

/// Counts forks that failed and workers that died young, and says when to try again, or to give up.
///
/// ```
/// use singletrack::process::births::{BACKOFF_NS, Births};
///
/// let mut births = Births::default();
/// assert_eq!(births.due(), Some(0));
/// births.begin();
/// assert_eq!(births.due(), None); // what will become of this one?
/// births.end();
/// births.failed(5); // it could not be forked
/// assert_eq!(births.due(), Some(5 + BACKOFF_NS));
/// ```
#[derive(Debug, Default)]
pub struct Births {
    under_way: bool,
    /// Workers in a row that did not come to life.
    failures: u32,
    not_before: u64,
}

impl Births {
    /// From when on one more may be forked; `None` while a fork is under way.
    pub fn due(&self) -> Option<u64> {
        (!self.under_way).then_some(self.not_before)
    }

    /// A fork was asked for.
    pub fn begin(&mut self) {
        self.under_way = true;
    }

    /// It was done, or it failed.
    pub fn end(&mut self) {
        self.under_way = false;
    }

    /// A worker could not be forked, or died before it was ready for a job.
    pub fn failed(&mut self, now: u64) {
        self.not_before = now.saturating_add(BACKOFF_NS << self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
    }

    /// A worker is ready for jobs.
    pub fn lived(&mut self) {
        self.failures = 0;
    }

    /// It has failed too often to be tried again, if nobody is alive.
    pub fn are_hopeless(&self) -> bool {
        self.failures >= MAX_FAILURES
    }
}
