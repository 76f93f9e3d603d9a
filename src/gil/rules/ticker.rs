//! When a check is due under a policy that counts: every `n + 1` ticks.
//!
//! *Assumes*: only the thread that holds the lock counts.
//! *Promises*: CPython 2's exact off-by-ones.
//! *Leaves out*: what a check does (`gil/lock/token.rs`); what is a tick (`gil/rules/policy.rs`).
//!
//! ```text
//!   ticks     x  ·  ·  …  ·  x  ·  ·  …  ·  x          x = a tick with a check
//!   ticker   0→n           0→n            0→n
//!             └── n + 1 ────┘
//! ```
//! A check sets the ticker to the check interval `n`. Each tick counts it down, and the next
//! check is due when it falls *below* zero. So CPython 2's default of 100 is a check every 101
//! ticks.
//!
//! There is one ticker for a lock, not one for each thread. It goes with the lock: a thread that
//! takes over after 60 ticks has 40 left. A switch does not set it back, only a check does.

/// The count-down of CPython 2's `_Py_Ticker`.
///
/// ```
/// use singletrack::gil::rules::ticker::Ticker;
///
/// let mut ticker = Ticker::new();
/// let checks: Vec<usize> = (1..=10_100).filter(|_| ticker.tick(100)).collect();
/// assert_eq!(checks[..3], [1, 102, 203]);
/// assert_eq!(checks.len(), 100);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[doc(alias = "_Py_Ticker")]
pub struct Ticker(i32);

impl Ticker {
    /// It starts at 0, so a check is due at the very first tick.
    pub fn new() -> Self {
        Ticker(0)
    }

    /// Counts one tick. True if a check is due; the ticker is set to `n` then.
    #[inline]
    pub fn tick(&mut self, n: u32) -> bool {
        self.0 -= 1;
        let due = self.0 < 0;
        if due {
            self.0 = n as i32;
        }
        due
    }

    /// Counts an instruction that must not be interrupted (CPython 2's `SETUP_FINALLY`, the entry
    /// of a `try`). A check that falls due is left to the next tick.
    pub fn tick_with_grace(&mut self) {
        self.0 = (self.0 - 1).max(-1);
    }

    /// How many ticks can still pass before the one with a check.
    pub fn left(self) -> i32 {
        self.0
    }

    /// The inverse of [`left`](Self::left); a value below -1 means -1.
    pub fn with_left(left: i32) -> Self {
        Ticker(left.max(-1))
    }
}
