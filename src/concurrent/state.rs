//! The five states of a future and every legal step between them.
//!
//! *Assumes*: nothing. No lock, no thread, no value: pure.
//! *Promises*: a state only moves along an arrow below; a refused step changes nothing.
//! *Leaves out*: the value, the waiters, the callbacks (`concurrent/oneshot.rs`).
//!
//! ```text
//!             start                finish
//!  PENDING ───────────▶ RUNNING ───────────▶ FINISHED
//!     │ │                                       ▲
//!     │ └───────────────────────────────────────┘ finish (an executor that fails a job
//!     │                                           it never started)
//!     │ cancel               start
//!     └───────▶ CANCELLED ───────────▶ CANCELLED_AND_NOTIFIED
//! ```
//! The names and the arrows are those of CPython's `Lib/concurrent/futures/_base.py`.

/// Where a job stands. `Finished` and the two cancelled states are *done*.
///
/// ```
/// use singletrack::concurrent::state::State;
///
/// let mut state = State::default();
/// assert!(state.cancel()); // PENDING -> CANCELLED
/// assert!(!state.start()); // -> CANCELLED_AND_NOTIFIED: the job must not run
/// assert!(!state.finish()); // too late for a result
/// assert_eq!(state, State::CancelledAndNotified);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Waiting for a worker.
    #[default]
    Pending,
    /// A worker has begun; it can no longer be cancelled.
    Running,
    /// A value or an error is there.
    Finished,
    /// Cancelled, and the worker that would run it has not been told yet.
    Cancelled,
    /// Cancelled, and its worker knows.
    CancelledAndNotified,
}

impl State {
    /// A worker wants to begin. False means: do not run it.
    ///
    /// Asked again it changes nothing and answers the same; CPython raises there.
    #[must_use]
    pub fn start(&mut self) -> bool {
        match self {
            State::Pending => *self = State::Running,
            State::Cancelled => *self = State::CancelledAndNotified,
            State::Running | State::Finished | State::CancelledAndNotified => {}
        }
        *self == State::Running
    }

    /// A result has come. False means: the future was done before, drop the result.
    #[must_use]
    pub fn finish(&mut self) -> bool {
        let open = !self.is_done();
        if open {
            *self = State::Finished;
        }
        open
    }

    /// Someone lost interest. True means: it will never run (now, or since an earlier call).
    #[must_use]
    pub fn cancel(&mut self) -> bool {
        if *self == State::Pending {
            *self = State::Cancelled;
        }
        self.is_cancelled()
    }

    /// No step can change the outcome any more.
    pub fn is_done(self) -> bool {
        self == State::Finished || self.is_cancelled()
    }

    /// Either of the two cancelled states.
    pub fn is_cancelled(self) -> bool {
        matches!(self, State::Cancelled | State::CancelledAndNotified)
    }
}
