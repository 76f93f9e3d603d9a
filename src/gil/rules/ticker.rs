//! When the next check is due, for policies that count: every `n + 1` ticks.
//!
//! *Assumes*: only the thread that holds the lock ticks.
//! *Promises*: CPython 2's exact off-by-ones.
//! *Leaves out*: what a check does (`gil/lock/token.rs`).
//!
//! ```text
//!   ticks     x  ·  ·  …  ·  x  ·  ·  …  ·  x          x = check
//!   ticker   0→n           0→n            0→n
//!             └── n + 1 ────┘
//! ```
//! There is one ticker a lock, not one a thread. It goes with the lock: a thread that takes
//! over after 60 ticks has 40 left. It is not set back by a switch, only by a check.

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
    /// It starts at 0, so the very first tick is a check.
    pub fn new() -> Self {
        Ticker(0)
    }

    /// One counted instruction; true when a check is due before it runs. A check sets the
    /// count to `n`, and the next one fires when it falls *below* zero: `n + 1` ticks later.
    #[inline]
    pub fn tick(&mut self, n: u32) -> bool {
        self.0 -= 1;
        let due = self.0 < 0;
        if due {
            self.0 = n as i32;
        }
        due
    }

    /// An instruction that must not be interrupted (CPython 2's `SETUP_FINALLY`, the entry of
    /// a `try`). It counts, but a check that falls due is left to the next tick.
    pub fn tick_with_grace(&mut self) {
        self.0 = (self.0 - 1).max(-1);
    }

    /// Ticks that can still pass before the one that is a check.
    pub fn left(self) -> i32 {
        self.0
    }

    /// The inverse of [`left`](Self::left); what is below -1 means -1.
    pub fn with_left(left: i32) -> Self {
        Ticker(left.max(-1))
    }
}
