//! The five states of a task, and every legal step between them.
//!
//! *Assumes*: one thread.
//! *Promises*: a task is queued at most once; a wake during a poll leads to exactly one more
//! poll; no wake is lost, and none disturbs a task that is done.
//! *Leaves out*: the future and the queue.
//!
//! ```text
//!            1 wake              2 start             4 finish
//!     Idle ─────────► Queued ──────────────► Running ─────────► Done
//!      ▲                ▲                     │   │ 1 wake        ▲
//!      │                │ 3 pause: Requeue    │   ▼               │
//!      │                └─────────────────────┼─ RunningWoken ────┘
//!      └──────────────────────────────────────┘
//!                      3 pause: Park
//! ```
//! A wake in any state not drawn changes nothing. Counterparts: embassy's two bits,
//! async-task's `SCHEDULED | RUNNING`, tokio's `State`; those are atomics because wakes come
//! from other threads. Here they come through the inbox, so an enum does.

/// Where a task is between its spawn and its end.
///
/// ```
/// use singletrack::task::state::{Pause, State};
///
/// let mut state = State::Idle;
/// assert!(state.wake()); // enqueue it
/// assert!(!state.wake()); // it is queued already
/// state.start();
/// assert!(!state.wake()); // it runs: remember
/// assert_eq!(state.pause(), Pause::Requeue);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for a wake.
    Idle,
    /// Stands in the ready queue.
    Queued,
    /// Is being polled, or dropped.
    Running,
    /// Is being polled, and was woken meanwhile.
    RunningWoken,
    /// Its future is gone.
    Done,
}

/// What to do with a task whose poll returned `Pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pause {
    /// Leave it until it is woken.
    Park,
    /// Put it at the end of the ready queue.
    Requeue,
}

impl State {
    /// 1: somebody used the waker. True: put the task into the ready queue.
    #[must_use]
    pub fn wake(&mut self) -> bool {
        match *self {
            State::Idle => {
                *self = State::Queued;
                true
            }
            State::Running => {
                *self = State::RunningWoken;
                false
            }
            State::Queued | State::RunningWoken | State::Done => false,
        }
    }

    /// 2: the task left the ready queue and is about to be polled.
    pub fn start(&mut self) {
        debug_assert_eq!(*self, State::Queued, "only a queued task can start");
        *self = State::Running;
    }

    /// 3: the poll returned `Pending`.
    pub fn pause(&mut self) -> Pause {
        match *self {
            State::RunningWoken => {
                *self = State::Queued;
                Pause::Requeue
            }
            _ => {
                debug_assert_eq!(*self, State::Running, "only a running task can pause");
                *self = State::Idle;
                Pause::Park
            }
        }
    }

    /// 4: the future is gone, because it was ready or because it was dropped.
    pub fn finish(&mut self) {
        debug_assert!(self.is_running(), "only a running task can finish");
        *self = State::Done;
    }

    /// True while the future is being polled or dropped.
    pub fn is_running(self) -> bool {
        matches!(self, State::Running | State::RunningWoken)
    }
}
