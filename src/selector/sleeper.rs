//! How a thread sleeps that watches no descriptor: it parks.
//!
//! A loop without sources hears from its timers and from other threads alone. A parked thread sleeps on
//! a futex, and to go to sleep there and be woken costs less than `epoll_wait` and a write to an eventfd.
//!
//! *Assumes*: `park` and `unpark`, whose token is kept for a thread that does not sleep yet.
//! *Promises*: a wake ends the sleep in progress, or the next one, in whichever way the thread sleeps; of
//! two wakes before the thread has risen, the second costs no system call.
//! *Leaves out*: the other way to sleep, and what ends that (`selector/mio.rs`).
//!
//! ```text
//!                    ┌────────────────── rise ───────────────────┐
//!                    ▼                                           │
//!                  AWAKE ───── park ─────► PARKED ─── wake ───► WOKEN ◄─┐
//!                    │                      │          unpark    ▲      │ wake
//!                    ├◄── rise: time is up ─┘                    │      │ nothing
//!                    └──── wake: the caller writes to the eventfd┴──────┘
//! ```
//! All four are read-modify-writes of one word: so either `wake` comes first, and `park` finds WOKEN and
//! does not sleep; or `park` comes first, and `wake` finds PARKED and unparks. `tests/loom_sleeper.rs` walks
//! through all interleavings.
//!
//! Counterpart: tokio's worker parks on a condition variable while another worker has the I/O driver.

use crate::base::sync::atomic::{AtomicU8, Ordering};
use crate::base::sync::park_for;
use crate::base::sync::thread::{self, Thread};
use std::time::Duration;

const AWAKE: u8 = 0;
const PARKED: u8 = 1;
const WOKEN: u8 = 2;

/// The thread that sleeps.
///
/// ```
/// use singletrack::selector::sleeper::Sleeper;
///
/// let sleeper = Sleeper::new();
/// assert!(sleeper.wake()); // it is not parked: wake it in the other way, too
/// assert!(!sleeper.wake()); // that has been done
/// assert!(!sleeper.park(None)); // it returns at once
/// assert!(sleeper.rise());
/// ```
#[derive(Debug)]
pub struct Sleeper {
    thread: Thread,
    state: AtomicU8,
}

impl Default for Sleeper {
    fn default() -> Self {
        Self::new()
    }
}

impl Sleeper {
    /// For the calling thread.
    pub fn new() -> Self {
        Sleeper { thread: thread::current(), state: AtomicU8::new(AWAKE) }
    }

    /// Sleeps until it is woken or `timeout` has passed; with a `timeout`, perhaps less long. False: it was
    /// woken before it slept, and in the other way. Only the thread that sleeps calls this.
    #[doc(alias = "std::thread::park")]
    pub fn park(&self, timeout: Option<Duration>) -> bool {
        let parked =
            self.state.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        while parked && self.state.load(Ordering::Acquire) == PARKED {
            park_for(timeout);
            if timeout.is_some() {
                break;
            }
        }
        parked
    }

    /// The sleep is over. True: somebody has woken it.
    pub fn rise(&self) -> bool {
        // Seldom anybody has, and a load is cheaper. Who wakes it after the load finds it awake.
        self.state.load(Ordering::Acquire) != AWAKE
            && self.state.swap(AWAKE, Ordering::AcqRel) == WOKEN
    }

    /// Ends the sleep, or the next one. True: it is not parked, and nobody has woken it; so the caller
    /// must wake it in the other way, too.
    #[doc(alias = "std::thread::Thread::unpark")]
    pub fn wake(&self) -> bool {
        match self.state.swap(WOKEN, Ordering::AcqRel) {
            PARKED => {
                self.thread.unpark();
                false
            }
            state => state == AWAKE,
        }
    }
}
