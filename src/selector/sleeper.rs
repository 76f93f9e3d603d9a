//! How a thread sleeps that watches no descriptor: it parks.
//!
//! A loop without sources hears of its timers and of other threads, and that is all. To sleep on a futex and
//! be woken there costs less than `epoll_wait` and a write to an eventfd.
//!
//! *Assumes*: one thread that sleeps, and any that wake it; to poll takes off what [`wake`](Sleeper::wake)
//! has asked its caller for.
//! *Promises*: a wake ends the sleep in progress, or the next one, in whichever way the thread sleeps; of
//! two wakes before it has risen, the second costs no system call. A signal ends a sleep, as it ends that of
//! `epoll_wait`.
//! *Leaves out*: the other way to sleep, and what ends that: `selector/mio.rs`, the only one that parks.
//!
//! ```text
//!               the thread: park     another: wake                              the thread: rise
//!    AWAKE      becomes PARKED,      becomes WOKEN; the caller must end the     stays
//!               and sleeps           poll, too
//!    PARKED                          becomes WOKEN; the futex is woken          becomes AWAKE: time is up
//!    WOKEN      does not sleep       stays; somebody has seen to it             becomes AWAKE
//! ```
//! `park` and `wake` are read-modify-writes of one word. So either `wake` comes first, and `park` finds WOKEN
//! and does not sleep; or `park` comes first, and `wake` finds PARKED. `rise` begins with a load: a WOKEN that
//! it misses stays for the next sleep, which then does not begin. `tests/loom_sleeper.rs` walks through all
//! interleavings.
//!
//! Counterpart: tokio's worker parks on a condition variable while another worker has the I/O driver.

use crate::base::sync::Futex;
use crate::base::sync::atomic::Ordering;
use std::time::Duration;

const AWAKE: u32 = 0;
const PARKED: u32 = 1;
const WOKEN: u32 = 2;

/// The word of a thread that sleeps in one of two ways.
///
/// ```
/// use singletrack::selector::sleeper::Sleeper;
///
/// let sleeper = Sleeper::new();
/// assert!(sleeper.wake()); // it is not parked: the poll must end, too
/// assert!(!sleeper.wake()); // somebody sees to that
/// let polled = sleeper.sleep(false, None, |timeout| timeout);
/// assert_eq!(polled, Some(Some(std::time::Duration::ZERO))); // to take off what was written for it
/// ```
#[derive(Debug)]
pub struct Sleeper(Futex);

impl Default for Sleeper {
    fn default() -> Self {
        Self::new()
    }
}

impl Sleeper {
    /// Of a thread that is awake.
    pub fn new() -> Self {
        Sleeper(Futex::new(AWAKE))
    }

    /// Sleeps for `timeout` (`None`: for ever) or less long: by `poll`, which is given how long, if the thread
    /// watches something, else parked. `None`: there was no need to poll.
    pub fn sleep<R>(
        &self,
        watches: bool,
        mut timeout: Option<Duration>,
        poll: impl FnOnce(Option<Duration>) -> R,
    ) -> Option<R> {
        if !watches {
            let parked = timeout != Some(Duration::ZERO) && self.park(timeout);
            let woken = self.rise();
            if parked || !woken {
                return None;
            }
            // Somebody took it for awake, and has ended a poll that has not begun.
            timeout = Some(Duration::ZERO);
        }
        let polled = poll(timeout);
        self.rise();
        Some(polled)
    }

    /// False: it was woken before it slept.
    fn park(&self, timeout: Option<Duration>) -> bool {
        let word = self.0.word();
        let parked = word.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire);
        if parked.is_ok() {
            self.0.wait(PARKED, timeout);
        }
        parked.is_ok()
    }

    /// The sleep is over. True: somebody has woken it.
    fn rise(&self) -> bool {
        // Seldom anybody has, and a load is cheaper.
        let word = self.0.word();
        word.load(Ordering::Acquire) != AWAKE && word.swap(AWAKE, Ordering::AcqRel) == WOKEN
    }

    /// Ends the sleep, or the next one. True: the caller must make a poll return, the one in progress or the
    /// next; for the thread is not parked, and nobody else sees to it.
    pub fn wake(&self) -> bool {
        let before = self.0.word().swap(WOKEN, Ordering::AcqRel);
        if before == PARKED {
            self.0.wake();
        }
        before == AWAKE
    }
}
