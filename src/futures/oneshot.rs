//! The five states of a future and every legal step between them.
//!
//! *Assumes*: whoever owns the cell serialises these steps; this is pure.
//! *Promises*: a state only moves along an arrow below; a refused step changes nothing.
//! *Leaves out*: the value, the waiters, the callbacks (`futures/oneshot.rs`).
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
//!
//! # The cell that a promise and its future share
//!
//! *Assumes*: the steps of `futures/oneshot.rs`.
//! *Promises*: it is closed exactly once, whoever comes first; wakers, callbacks and drops of user
//! values run outside its lock; whoever waits sees it closed.
//! *Leaves out*: who may do what with it (`futures/future.rs`), and the job that may lie in it
//! (`futures/job_queue.rs`).
//!
//! ```text
//!   lock:     state ─ outcome ─ waker, callbacks, sleepers
//!                        │ close
//!   unlocked:            ├─▶ condvar: the threads that wait
//!                        └─▶ waker, then callbacks in order
//! ```

use crate::base::panic::discard;
use crate::base::sync::{Condvar, Mutex, MutexGuard, spin_until};
use crate::futures::deadlock::{GuardId, SharedGuard, Unblock, own_guard};
use crate::futures::error::JobError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// Where a job stands. `Finished` and the two cancelled states are *done*.
///
/// ```
/// use singletrack::futures::oneshot::FutureState;
///
/// let mut state = FutureState::default();
/// assert!(state.cancel()); // PENDING -> CANCELLED
/// assert!(!state.start()); // -> CANCELLED_AND_NOTIFIED: the job must not run
/// assert!(!state.finish()); // too late for a result
/// assert_eq!(state, FutureState::CancelledAndNotified);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FutureState {
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

impl FutureState {
    /// A worker wants to begin. False means: do not run it.
    ///
    /// Asked again it changes nothing and answers the same; CPython raises there.
    #[must_use]
    pub fn start(&mut self) -> bool {
        match self {
            FutureState::Pending => *self = FutureState::Running,
            FutureState::Cancelled => *self = FutureState::CancelledAndNotified,
            FutureState::Running | FutureState::Finished | FutureState::CancelledAndNotified => {}
        }
        *self == FutureState::Running
    }

    /// A result has come. False means: the future was done before, drop the result.
    #[must_use]
    pub fn finish(&mut self) -> bool {
        let open = !self.is_done();
        if open {
            *self = FutureState::Finished;
        }
        open
    }

    /// Someone lost interest. True means: it will never run (now, or since an earlier call).
    #[must_use]
    pub fn cancel(&mut self) -> bool {
        if *self == FutureState::Pending {
            *self = FutureState::Cancelled;
        }
        self.is_cancelled()
    }

    /// No step can change the outcome any more.
    pub fn is_done(self) -> bool {
        self == FutureState::Finished || self.is_cancelled()
    }

    /// Either of the two cancelled states.
    pub fn is_cancelled(self) -> bool {
        matches!(self, FutureState::Cancelled | FutureState::CancelledAndNotified)
    }
}

pub(crate) type FutureCallback = Box<dyn FnOnce() + Send>;

/// Who added a callback, so that it can be taken back: 0 for `add_done_callback`.
pub(crate) type Subscriber = usize;

/// What both halves point to: the only allocation of a future nobody waits for specially.
///
/// A pool of threads puts the job there as well: one allocation for all there is of a job. The
/// promise and the future need not know its type.
pub(crate) struct OneShot<T, J: ?Sized = dyn Send + Sync> {
    pub(crate) cell: Mutex<Cell<T>>,
    /// Notified once, when the state becomes done. Costs one load when no thread waits.
    done: Condvar,
    /// The pool that runs the job, if a worker of it can wait for it in vain.
    pub(crate) guard: GuardId,
    /// Whatever is to lie beside the cell; nothing, mostly.
    pub(crate) job: J,
}

pub(crate) struct Cell<T> {
    pub(crate) state: FutureState,
    /// `Some` from the moment the state is done until the future's owner takes it.
    pub(crate) outcome: Option<Result<T, JobError>>,
    /// Boxed, for most futures have none and there may be millions of them.
    listeners: Option<Box<OnDone>>,
}

/// Who wants to hear of the end, besides the threads asleep on the condvar.
#[derive(Default)]
pub(crate) struct OnDone {
    pub(crate) waker: Option<Waker>,
    callbacks: Vec<(Subscriber, FutureCallback)>,
    /// Those who must know that workers of the pool that runs this job sleep for it no longer.
    unblock: Vec<(Subscriber, Arc<dyn Unblock>)>,
}

impl OnDone {
    /// Tells everyone, in order. A panic in one of them is printed by the panic hook and
    /// goes no further (CPython logs it), so it cannot harm the others or the worker.
    fn run(self) {
        if let Some(waker) = self.waker {
            catch_unwind(AssertUnwindSafe(|| waker.wake())).unwrap_or_else(discard);
        }
        for (_, callback) in self.callbacks {
            catch_unwind(AssertUnwindSafe(callback)).unwrap_or_else(discard);
        }
    }
}

impl<T, J> OneShot<T, J> {
    /// Open, for a job of this pool.
    pub(crate) fn new(home: GuardId, job: J) -> Self {
        let cell = Cell { state: FutureState::default(), outcome: None, listeners: None };
        OneShot { cell: Mutex::new(cell), done: Condvar::new(), guard: home, job }
    }
}

impl<T> OneShot<T> {
    /// Moves to FINISHED and tells everyone; if the future is done already, drops `outcome`.
    pub(crate) fn finish(&self, outcome: Result<T, JobError>) {
        let mut cell = self.cell.lock();
        if cell.state.finish() {
            self.close(cell, outcome);
        } else {
            // `outcome` holds a user's value: its drop must not run under the lock.
            drop(cell);
            drop(outcome);
        }
    }

    /// The last step to a done state: stores the outcome, then, unlocked, tells everyone.
    fn close(&self, mut cell: MutexGuard<'_, Cell<T>>, outcome: Result<T, JobError>) {
        cell.outcome = Some(outcome);
        let listeners = cell.listeners.take();
        if let Some(listeners) = &listeners {
            // Under the lock: from this moment on those workers are no longer stuck.
            listeners.unblock.iter().for_each(|(_, sleeper)| sleeper.unblock());
        }
        drop(cell);
        self.done.notify_all();
        if let Some(listeners) = listeners {
            listeners.run();
        }
    }

    /// Cancels if nothing has begun; answers as [`State::cancel`].
    pub(crate) fn cancel(&self) -> bool {
        let mut cell = self.cell.lock();
        let was_done = cell.state.is_done();
        let cancelled = cell.state.cancel();
        if cancelled && !was_done {
            self.close(cell, Err(JobError::Cancelled));
        }
        cancelled
    }

    /// Calls `callback` when done; at once if that is already so, and then gives false.
    pub(crate) fn subscribe(&self, who: Subscriber, callback: FutureCallback) -> bool {
        let mut cell = self.cell.lock();
        let open = !cell.state.is_done();
        if open {
            cell.on_done().callbacks.push((who, callback));
        } else {
            drop(cell);
            OnDone { callbacks: vec![(who, callback)], ..OnDone::default() }.run();
        }
        open
    }

    /// Has `sleeper` told, before any callback, when this is done. False: it is.
    pub(crate) fn unblock_when_done(&self, who: Subscriber, sleeper: Arc<dyn Unblock>) -> bool {
        let mut cell = self.cell.lock();
        let open = !cell.state.is_done();
        if open {
            cell.on_done().unblock.push((who, sleeper));
        }
        open
    }

    /// Takes back what `who` subscribed and was not called yet.
    pub(crate) fn unsubscribe(&self, who: Subscriber) {
        let mut cell = self.cell.lock();
        if let Some(listeners) = &mut cell.listeners {
            let all = std::mem::take(&mut listeners.callbacks);
            let (gone, kept) = all.into_iter().partition(|(owner, _)| *owner == who);
            listeners.callbacks = kept;
            listeners.unblock.retain(|(owner, _)| *owner != who);
            drop(cell);
            drop::<Vec<_>>(gone);
        }
    }

    /// Sleeps until done or until the time is up; the guard tells which.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> MutexGuard<'_, Cell<T>> {
        let cell = self.cell.lock();
        if cell.state.is_done() || timeout == Some(Duration::ZERO) {
            return cell;
        }
        drop(cell);
        // A short job is done sooner than a sleep and a wake-up would be.
        spin_until(|| self.cell.lock().state.is_done());
        self.sleep(timeout)
    }

    fn sleep(&self, timeout: Option<Duration>) -> MutexGuard<'_, Cell<T>> {
        let mut cell = self.cell.lock();
        // A timeout beyond the clock's end is no timeout.
        let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
        if !cell.state.is_done()
            && deadline.is_none()
            && let Some(home) = own_guard(self.guard)
        {
            cell = self.begin_blocking(home, cell);
        }
        while !cell.state.is_done() {
            match deadline {
                None => self.done.wait(&mut cell),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.done.wait_for(&mut cell, left);
                }
            }
        }
        cell
    }
}

impl<T> OneShot<T> {
    /// Tells this worker's pool that it is about to sleep until the pool's own job is done.
    /// If all its other workers do the same nobody is left to run the job: then the job
    /// ends here, with the pool's error, instead of never.
    fn begin_blocking<'a>(
        &'a self,
        home: SharedGuard,
        mut cell: MutexGuard<'a, Cell<T>>,
    ) -> MutexGuard<'a, Cell<T>> {
        match home.begin_blocking() {
            Ok(()) => {
                cell.on_done().unblock.push((0, home));
                cell
            }
            Err(deadlock) => {
                drop(cell);
                self.finish(Err(deadlock));
                self.cell.lock()
            }
        }
    }
}

impl<T> Cell<T> {
    pub(crate) fn on_done(&mut self) -> &mut OnDone {
        self.listeners.get_or_insert_default()
    }

    pub(crate) fn take(&mut self) -> Result<T, JobError> {
        self.outcome.take().expect("this future's result was taken before, by an await")
    }
}
