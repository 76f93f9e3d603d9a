//! The cell that a promise and its future share: five states and an outcome.
//!
//! *Promises*: a state moves only along an arrow below, and a refused step changes nothing; the cell
//! is closed exactly once, by the first that comes; wakers, callbacks and drops of user values run
//! outside its lock, and a panic in one of them harms nothing else; a thread that waits sees it
//! closed; a copy that came with a fork, of what a pool or a loop has, waits neither for that nor for
//! the lock.
//! *Leaves out*: which side may do what (`futures/future.rs`), how callbacks are run
//! (`futures/on_done.rs`), and the job that may lie beside the cell (`futures/queued_job.rs`).
//!
//! ```text
//!             start                finish
//!  PENDING ───────────▶ RUNNING ───────────▶ FINISHED
//!     │ │                                       ▲
//!     │ └───────────────────────────────────────┘ finish (a job that was never started; or by
//!     │                                           a worker that tells only the end)
//!     │ cancel               start
//!     └───────▶ CANCELLED ───────────▶ CANCELLED_AND_NOTIFIED
//! ```
//! The names and the arrows are those of CPython's `Lib/concurrent/futures/_base.py`.
//!
//! ```text
//!   lock:     state ─ outcome ─ waker, callbacks, blocked workers
//!                        │ close
//!                        ├─▶ blocked workers: no longer blocked
//!   unlocked:            ├─▶ condvar: the threads that wait
//!                        └─▶ waker, `wait` and `as_completed`, then callbacks in order
//! ```

use crate::base::origin::Origin;
use crate::base::panic::drop_or_warn;
use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::atomic::Ordering::{Acquire, Release};
use crate::base::sync::{Condvar, Mutex, MutexGuard, spin_until};
use crate::futures::deadlock::{Awaited, GuardId, Unblock, begin_waiting, own_guard};
use crate::futures::error::JobError;
use crate::futures::on_done::{FutureCallback, OnDone, Subscriber};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// The state of a job. `Finished` and the two cancelled states are *done*. Pure: the lock of the
/// cell serialises the steps.
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
    /// There is a value or an error.
    Finished,
    /// Cancelled, and the worker that would run it does not know yet.
    Cancelled,
    /// Cancelled, and the worker that would run it knows.
    CancelledAndNotified,
}

impl FutureState {
    /// A worker wants to begin. False means that it must not run the job.
    ///
    /// A second call changes nothing and returns the same; CPython raises there.
    #[must_use]
    pub fn start(&mut self) -> bool {
        match self {
            FutureState::Pending => *self = FutureState::Running,
            FutureState::Cancelled => *self = FutureState::CancelledAndNotified,
            FutureState::Running | FutureState::Finished | FutureState::CancelledAndNotified => {}
        }
        *self == FutureState::Running
    }

    /// There is a result. False means that the future was done before, and the result is dropped.
    #[must_use]
    pub fn finish(&mut self) -> bool {
        let open = !self.is_done();
        if open {
            *self = FutureState::Finished;
        }
        open
    }

    /// The result is no longer wanted. True means that the job will never run, because of this call
    /// or an earlier one.
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

/// What lies beside the cell: a job, or who has it.
pub(crate) trait Beside: Send + Sync {
    /// Whether a job that is still PENDING here has begun: its worker need not tell the cell, and one
    /// that is a process cannot. To be called without the cell's lock, and not in a copy.
    fn has_begun(&self) -> bool {
        false
    }

    /// Calls `cancel` at a moment when the job has not begun, and cannot if that moves the cell on; or
    /// does nothing. To be called in the same way.
    fn unless_begun(&self, cancel: &mut dyn FnMut()) {
        cancel();
    }
}

impl Beside for () {}

/// What both halves point to: the only allocation of a future without waker and callbacks.
///
/// A pool of threads puts the job there as well: one allocation for a job and its result. The
/// promise and the future need not know its type.
pub(crate) struct OneShot<T, J: ?Sized = dyn Beside> {
    pub(crate) cell: Mutex<Cell<T>>,
    /// Notified once, when the state becomes done. Costs one load when no thread waits.
    done: Condvar,
    /// The guard of the pool or loop that runs the job, if a wait for the job could be a deadlock.
    pub(crate) guard: GuardId,
    /// A copy is not told of the result: that comes to the original.
    origin: Origin,
    /// Whether the cell is closed, which it then stays: to be asked without its lock.
    closed: AtomicBool,
    /// What lies beside the cell; mostly nothing.
    pub(crate) job: J,
}

pub(crate) struct Cell<T> {
    pub(crate) state: FutureState,
    /// The job is about to be dropped, and was not begun.
    pub(crate) never_runs: bool,
    /// `Some` from when the state is done until the future's owner takes it.
    pub(crate) outcome: Option<Result<T, JobError>>,
    /// Boxed, because most futures have none, and there may be millions of futures.
    on_done: Option<Box<OnDone>>,
}

impl<T, J> OneShot<T, J> {
    /// Not done, for a job of the pool or loop with this guard.
    pub(crate) fn new(guard: GuardId, job: J) -> Self {
        let state = FutureState::default();
        let cell = Cell { state, never_runs: false, outcome: None, on_done: None };
        let origin = Origin::here();
        let closed = AtomicBool::new(false);
        OneShot { cell: Mutex::new(cell), done: Condvar::new(), guard, origin, closed, job }
    }
}

impl<T> OneShot<T> {
    /// The lock; `None` if a thread that was not copied may have it in this copy.
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, Cell<T>>> {
        if self.is_copy() { self.cell.try_lock() } else { Some(self.cell.lock()) }
    }

    /// Moves to FINISHED and closes the cell; if it is closed already, drops `outcome`.
    pub(crate) fn finish(&self, outcome: Result<T, JobError>) {
        let Some(mut cell) = self.lock() else { return drop_or_warn(NOT_TAKEN, outcome) };
        if cell.state.finish() {
            let on_done = self.close(&mut cell, outcome);
            drop(cell);
            self.announce(on_done);
        } else {
            // `outcome` holds a user's value: its drop must not run under the lock.
            drop(cell);
            drop_or_warn(NOT_TAKEN, outcome);
        }
    }

    /// The last step to a done state: stores the outcome; gives what is to be called without the lock.
    fn close(&self, cell: &mut Cell<T>, outcome: Result<T, JobError>) -> Option<Box<OnDone>> {
        cell.outcome = Some(outcome);
        let on_done = cell.on_done.take();
        if let Some(on_done) = &on_done {
            // Under the lock: from now on those workers are no longer blocked.
            on_done.unblock_all();
        }
        self.closed.store(true, Release);
        on_done
    }

    /// Wakes and calls all that wait.
    fn announce(&self, on_done: Option<Box<OnDone>>) {
        self.done.notify_all();
        if let Some(on_done) = on_done {
            on_done.run();
        }
    }

    /// The state, as the future's owner sees it. What a copy cannot look into has ended for it.
    pub(crate) fn state(&self) -> FutureState {
        let state = self.told_state();
        let taken = state == FutureState::Pending && !self.is_copy() && self.job.has_begun();
        if taken && !self.never_runs() { FutureState::Running } else { state }
    }

    /// The same without what lies beside the cell.
    pub(crate) fn told_state(&self) -> FutureState {
        self.lock().map_or(FutureState::Finished, |cell| cell.state)
    }

    /// Cancels the job if it has not begun; returns what [`FutureState::cancel`] does. In a copy the
    /// job is the original's.
    pub(crate) fn cancel(&self) -> bool {
        let state = self.told_state();
        if state != FutureState::Pending || self.is_copy() {
            return state.is_cancelled();
        }
        let mut ended = None;
        self.job.unless_begun(&mut || ended = Some(self.cancel_pending()));
        if ended.is_none() && self.never_runs() {
            ended = Some(self.cancel_pending());
        }
        let (cancelled, on_done) = ended.unwrap_or_default();
        self.announce(on_done);
        cancelled
    }

    /// To be asked after it was taken out: whether a job was not begun, but cancelled or dropped.
    fn never_runs(&self) -> bool {
        let cell = self.cell.lock();
        cell.never_runs || cell.state.is_cancelled()
    }

    /// The same by who has the job, and knows that it has not begun.
    pub(crate) fn withdraw(&self) -> bool {
        let (cancelled, on_done) = self.cancel_pending();
        self.announce(on_done);
        cancelled
    }

    /// PENDING → CANCELLED. Whether it is cancelled, and what is to be called.
    fn cancel_pending(&self) -> (bool, Option<Box<OnDone>>) {
        let Some(mut cell) = self.lock() else { return (false, None) };
        let open = cell.state == FutureState::Pending;
        let cancelled = cell.state.cancel();
        (cancelled, if open { self.close(&mut cell, Err(JobError::Cancelled)) } else { None })
    }

    /// Calls `callback` when done; if the future is done already, calls it at once and returns
    /// false.
    pub(crate) fn subscribe(&self, subscriber: Subscriber, callback: FutureCallback) -> bool {
        if let Some(mut cell) = self.lock()
            && !cell.state.is_done()
        {
            cell.on_done().add(subscriber, callback);
            return true;
        }
        OnDone::of(subscriber, callback).run();
        false
    }

    /// Calls `worker.unblock()` when done, before any callback. False: it is done already, and
    /// nothing is called.
    pub(crate) fn unblock_when_done(
        &self,
        subscriber: Subscriber,
        worker: Arc<dyn Unblock>,
    ) -> bool {
        let Some(mut cell) = self.lock() else { return false };
        let open = !cell.state.is_done();
        if open {
            cell.on_done().add_blocked(subscriber, worker);
        }
        open
    }

    /// Removes what `subscriber` added and has not been called yet.
    pub(crate) fn unsubscribe(&self, subscriber: Subscriber) {
        let Some(mut cell) = self.lock() else { return };
        if let Some(on_done) = &mut cell.on_done {
            let gone = on_done.remove(subscriber);
            drop(cell);
            drop(gone);
        }
    }

    /// The waker that is to be woken, to be dropped outside the lock.
    pub(crate) fn take_waker(&self) -> Option<Waker> {
        self.lock()?.on_done.as_mut()?.waker.take()
    }

    /// Whether it is done: looks, and takes no lock.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }

    /// Waits until done or until the time is up. True: done.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> bool {
        // A short job is done before this thread could sleep and be woken.
        self.is_closed()
            || timeout != Some(Duration::ZERO)
                && (self.end_copy()
                    || spin_until(|| self.is_closed())
                    || self.sleep(timeout).state.is_done())
    }

    /// Takes the outcome of what is done.
    ///
    /// # Panics
    /// If it was taken before.
    pub(crate) fn take(&self) -> Result<T, JobError> {
        if self.is_copy() { self.take_copied() } else { self.cell.lock().take() }
    }

    #[cold]
    fn take_copied(&self) -> Result<T, JobError> {
        let taken = self.lock().and_then(|mut cell| cell.outcome.take());
        taken.unwrap_or_else(|| Err(self.check_origin().expect_err("it is a copy")))
    }

    /// Why what is done has no value, if it has none.
    pub(crate) fn error(&self) -> Option<JobError> {
        match self.lock().as_ref().and_then(|cell| cell.outcome.as_ref()) {
            Some(outcome) => outcome.as_ref().err().cloned(),
            None => self.check_origin().err(),
        }
    }

    fn sleep(&self, timeout: Option<Duration>) -> MutexGuard<'_, Cell<T>> {
        let mut cell = self.cell.lock();
        // A timeout that the clock cannot represent is no timeout.
        let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
        if !cell.state.is_done() && deadline.is_none() {
            cell = self.begin_blocking(cell);
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
    /// Tells this worker's pool that the worker is about to block until the pool's own job is done,
    /// and everybody that this thread blocks. If all other workers do the same, none is left to run
    /// the job, and if the job waits for this thread, it cannot end: then it ends here, with the
    /// guard's error, instead of never.
    fn begin_blocking<'a>(&'a self, mut cell: MutexGuard<'a, Cell<T>>) -> MutexGuard<'a, Cell<T>> {
        if let Err(deadlock) = self.try_blocking(&mut cell) {
            drop(cell);
            self.finish(Err(deadlock));
            cell = self.cell.lock();
        }
        cell
    }

    /// For the deadlock guard: what a wait for this waits for.
    pub(crate) fn awaited(&self) -> Awaited {
        (std::ptr::from_ref(self).addr(), self.guard)
    }

    /// True if it came with a fork and only the original will be told: a pool or a loop has the job.
    /// (What anybody may complete, this process may as well.)
    pub(crate) fn is_copy(&self) -> bool {
        self.guard != GuardId::default() && self.origin.is_copy()
    }

    /// Ends such a copy, before somebody waits for it here for ever. False: it is none.
    pub(crate) fn end_copy(&self) -> bool {
        let Err(why) = self.check_origin() else { return false };
        self.finish(Err(why));
        self.closed.store(true, Release); // also if its lock cannot be had
        true
    }

    fn check_origin(&self) -> Result<(), JobError> {
        if !self.is_copy() {
            return Ok(());
        }
        let checked = self.origin.check("the job", "wait for it there");
        checked.map_err(|why| JobError::Broken(why.to_string()))
    }

    fn try_blocking(&self, cell: &mut Cell<T>) -> Result<(), JobError> {
        if let Some(guard) = own_guard(self.guard) {
            guard.begin_blocking()?;
            cell.on_done().add_blocked(0, guard);
        }
        if let Some(wait) = begin_waiting(&[self.awaited()])? {
            cell.on_done().add_blocked(0, Arc::new(wait));
        }
        Ok(())
    }
}

/// How a result is called whose drop panicked.
const NOT_TAKEN: &str = "the result of a job, which nobody took,";

/// The last of both halves is gone, on whatever thread.
impl<T> Drop for Cell<T> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            drop_or_warn(NOT_TAKEN, outcome);
        }
    }
}

impl<T> Cell<T> {
    pub(crate) fn on_done(&mut self) -> &mut OnDone {
        self.on_done.get_or_insert_default()
    }

    pub(crate) fn take(&mut self) -> Result<T, JobError> {
        self.outcome.take().expect("this future's result was taken before, by an await")
    }
}
