//! Promise and future: one thread will set a result, others wait for it.
//!
//! *Promises*: every future becomes done exactly once; its value is moved, never cloned;
//! wakers, callbacks and drops of user values run outside the lock.
//! *Leaves out*: the cell that both sides share (`futures/oneshot.rs`), and running the job
//! (`futures/executor.rs`).
//!
//! ```text
//!  a worker                     one Arc                          the submitter
//!  Promise ──set_result──▶ ┌────────────────────┐ ◀──wait────── Future   (a thread)
//!                          │ state   outcome    │ ◀──poll────── Future   (a task)
//!                          │ waker   callbacks  │ ◀──add_done_callback── Future
//!                          └────────────────────┘
//! ```
//! The counterpart of `concurrent.futures.Future`. CPython has one object for
//! both sides; here a worker cannot cancel and a submitter cannot set a result, because the types
//! differ.
//! `Future` is not `Clone`: the value has one owner.

use crate::base::panic::drop_or_warn;
use crate::futures::deadlock::{Awaited, GuardId, Unblock};
use crate::futures::error::JobError;
use crate::futures::on_done::WAKER;
use crate::futures::oneshot::{Beside, FutureState, OneShot};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A promise and its future: two ends of one cell.
///
/// ```
/// use singletrack::futures::promise;
///
/// let (promise, future) = promise();
/// std::thread::spawn(move || promise.set_result("hello"));
/// assert_eq!(future.result(), Ok("hello"));
/// ```
#[doc(alias = "asyncio.Future")]
#[doc(alias = "asyncio.loop.create_future")]
#[doc(alias = "asyncio.wrap_future")]
pub fn promise<T>() -> (Promise<T>, Future<T>) {
    promise_of(GuardId::default())
}

/// A promise for a job that only the pool or loop with this guard can run.
pub(crate) fn promise_of<T>(guard: GuardId) -> (Promise<T>, Future<T>) {
    promise_beside(guard, ())
}

/// The same for a job that may have begun without its promise being told.
pub(crate) fn promise_beside<T>(
    guard: GuardId,
    job: impl Beside + 'static,
) -> (Promise<T>, Future<T>) {
    let shared: Arc<OneShot<T>> = Arc::new(OneShot::new(guard, job));
    (Promise { shared: Some(Arc::clone(&shared)) }, Future { shared, has_waker: false })
}

/// The future of `job`, in one allocation with it. The other pointer must become a promise, by
/// [`Promise::of`], that is resolved.
pub(crate) fn future_of<T, J>(guard: GuardId, job: J) -> (Arc<OneShot<T, J>>, Future<T>)
where
    J: Beside + 'static,
{
    let shared = Arc::new(OneShot::new(guard, job));
    (Arc::clone(&shared), Future { shared, has_waker: false })
}

/// The side that sets the result: held by an executor for a job.
///
/// If it is dropped without a result, its future's result is [`JobError::Abandoned`], so that no
/// thread waits for ever.
///
/// ```
/// use singletrack::futures::JobError;
/// use singletrack::futures::promise;
///
/// let (promise, future) = promise::<u8>();
/// assert!(promise.set_running_or_notify_cancel());
/// assert!(!future.cancel(), "too late: it runs");
/// drop(promise);
/// assert_eq!(future.result(), Err(JobError::Abandoned));
/// ```
pub struct Promise<T> {
    /// Taken by `resolve` and `cancel`, so that `drop` knows that nothing is left to do.
    shared: Option<Arc<OneShot<T>>>,
}

impl<T> Promise<T> {
    /// The promise for what [`future_of`] made. To be called once.
    pub(crate) fn of(shared: Arc<OneShot<T>>) -> Promise<T> {
        Promise { shared: Some(shared) }
    }

    fn shared(&self) -> &OneShot<T> {
        self.shared.as_ref().expect("only `resolve` and `drop` take it")
    }

    /// A worker is about to begin: PENDING → RUNNING and true; false if the future was
    /// cancelled, and then the job must not run.
    #[must_use = "false means that the job was cancelled and must not run"]
    pub fn set_running_or_notify_cancel(&self) -> bool {
        self.shared().lock().is_some_and(|mut cell| cell.state.start())
    }

    /// True if a value would be dropped: the future was cancelled, or failed by a deadlock guard.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.is_closed())
    }

    /// True if the future was cancelled: its value would be dropped.
    pub fn cancelled(&self) -> bool {
        self.shared().told_state().is_cancelled()
    }

    /// Wakes `waker` when the future is done, because it was cancelled, say; before any callback is
    /// called. The counterpart of [`Future::add_done_callback`] on this side.
    #[doc(alias = "tokio::sync::oneshot::Sender::closed")]
    pub fn wake_when_done(&self, waker: Waker) {
        self.shared().subscribe(WAKER, Box::new(move || waker.wake()));
    }

    /// Sets the job's value. It is dropped if the future was cancelled.
    pub fn set_result(self, value: T) {
        self.resolve(Ok(value));
    }

    /// Says why there is no value. `Future.set_exception` in CPython.
    #[doc(alias = "set_exception")]
    pub fn set_error(self, error: JobError) {
        self.resolve(Err(error));
    }

    /// Withdraws a job that has not begun, as [`Future::cancel`] does from the other side.
    pub fn cancel(mut self) {
        if let Some(shared) = self.shared.take()
            && !shared.withdraw()
        {
            shared.finish(Err(JobError::Abandoned));
        }
    }

    /// Sets the value or the error.
    pub fn resolve(mut self, outcome: Result<T, JobError>) {
        if let Some(shared) = self.shared.take() {
            shared.finish(outcome);
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.finish(Err(JobError::Abandoned));
        }
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promise").field(&self.shared().told_state()).finish()
    }
}

/// The side that waits for the result: with a thread (`result`, `wait`), in a task
/// (`.await`, on any executor), or by callback.
///
/// Dropping it detaches: the job runs on, and its value is dropped on the thread that made it.
///
/// ```
/// use singletrack::futures::JobError;
/// use singletrack::futures::promise;
///
/// let (promise, future) = promise::<u8>();
/// assert!(future.cancel());
/// assert!(!promise.set_running_or_notify_cancel(), "the worker must not begin");
/// assert_eq!(future.result(), Err(JobError::Cancelled));
/// ```
#[doc(alias = "concurrent.futures.Future")]
#[must_use = "dropping a future detaches its job and loses the result"]
pub struct Future<T> {
    shared: Arc<OneShot<T>>,
    /// An `.await` has left its waker in the cell.
    has_waker: bool,
}

impl<T> Future<T> {
    /// A future that is done from the start.
    pub fn resolved(outcome: Result<T, JobError>) -> Future<T> {
        let (promise, future) = promise();
        promise.resolve(outcome);
        future
    }

    /// True once there is a value or an error, or it was cancelled.
    pub fn done(&self) -> bool {
        self.shared.is_closed()
    }

    /// True while a worker runs the job.
    pub fn running(&self) -> bool {
        self.shared.state() == FutureState::Running
    }

    /// True if [`cancel`](Self::cancel) came in time.
    pub fn cancelled(&self) -> bool {
        self.shared.state().is_cancelled()
    }

    /// Keeps the job from starting. True means that it will never start; false means that it has
    /// started or ended, and nothing changes.
    ///
    /// All that wait for the future learn of it at once. In CPython `wait` and `as_completed` learn
    /// of a cancel only when a worker meets the job (gh-94440).
    ///
    /// In a copy of this process that a fork has made it is false, if a pool or a loop has the job:
    /// the job is the original's.
    pub fn cancel(&self) -> bool {
        self.shared.cancel()
    }

    /// Blocks this thread until done, or for `timeout`; `None` is no limit. True: done. In a copy of
    /// this process that a fork has made, what a pool or a loop has ends now, with
    /// [`JobError::Broken`].
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.shared.wait(timeout)
    }

    /// Blocks until done and gives the value.
    ///
    /// # Errors
    /// Why there is no value: [`JobError::Cancelled`] after a cancel; [`JobError::Broken`] in a copy
    /// of this process that a fork has made, if a pool or a loop has the job and it was not done
    /// before; [`JobError::WouldDeadlock`] on a thread that would wait for itself, which is the last
    /// free worker of the job's pool, or the thread of the event loop that the task lives on.
    ///
    /// # Panics
    /// If an `.await` has already taken the result.
    pub fn result(self) -> Result<T, JobError> {
        self.shared.wait(None);
        self.shared.take()
    }

    /// As [`result`](Self::result), but returns the future if the time runs out first.
    ///
    /// # Panics
    /// If an `.await` has already taken the result.
    pub fn result_timeout(self, timeout: Duration) -> Result<Result<T, JobError>, Future<T>> {
        if !self.shared.wait(Some(timeout)) {
            return Err(self);
        }
        Ok(self.shared.take())
    }

    /// Blocks until done and returns why there is no value, or `None` if there is one. The
    /// result stays in the future.
    pub fn exception(&self) -> Option<JobError> {
        self.shared.wait(None);
        self.shared.error()
    }

    /// Calls `callback` once when done: on the thread that resolves or cancels, in the order
    /// of these calls; at once, on this thread, if it is done already. Threads and tasks that wait for
    /// the future are told first.
    ///
    /// A callback that resolves another future comes back when that one's callbacks have been called;
    /// but 32 of them deep they are called only when the callback at that depth has ended, each
    /// future's still in order. So a chain of any length ends, and only there a callback must not
    /// wait for the next one. (In CPython a long chain is a `RecursionError`.)
    ///
    /// A panic in a callback is printed and goes no further. CPython passes the future to
    /// the callback; here the future would then have two owners, so a callback gets no argument.
    pub fn add_done_callback(&self, callback: impl FnOnce() + Send + 'static) {
        self.subscribe(0, callback);
    }

    /// `add_done_callback` under a number by which it can be removed. False: the future is done,
    /// and `callback` was called.
    pub(crate) fn subscribe(
        &self,
        subscriber: usize,
        callback: impl FnOnce() + Send + 'static,
    ) -> bool {
        self.shared.subscribe(subscriber, Box::new(callback))
    }

    /// Calls `worker.unblock()`, before any callback, when this is done. False: it is done already,
    /// and nothing is called.
    pub(crate) fn unblock_when_done(&self, subscriber: usize, worker: Arc<dyn Unblock>) -> bool {
        self.shared.unblock_when_done(subscriber, worker)
    }

    /// Removes what `subscriber` added and has not been called yet.
    pub(crate) fn unsubscribe(&self, subscriber: usize) {
        self.shared.unsubscribe(subscriber);
    }

    /// The job, and the guard of the pool or loop that alone can run it.
    pub(crate) fn awaited(&self) -> Awaited {
        self.shared.awaited()
    }

    /// Ends it if it is a copy that came with a fork, and of a pool's job: a wait for it would last for
    /// ever.
    pub(crate) fn end_copy(&self) {
        self.shared.end_copy();
    }

    /// Ends the job with an error, unless it is done: a wait for it would last for ever.
    pub(crate) fn fail(&self, error: JobError) {
        self.shared.finish(Err(error));
    }
}

/// Can be awaited on any executor: the waker is called on the thread that resolves.
///
/// Polled again after it was ready, it panics, as most futures do.
impl<T> std::future::Future for Future<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The waker is cloned before the lock, and the old one dropped after it: both are foreign
        // code.
        let waker = cx.waker().clone();
        if self.shared.end_copy() {
            return Poll::Ready(self.shared.take());
        }
        let mut cell = self.shared.cell.lock();
        if cell.state.is_done() {
            return Poll::Ready(cell.take());
        }
        let old = cell.on_done().waker.replace(waker);
        drop(cell);
        drop(old);
        self.has_waker = true;
        Poll::Pending
    }
}

impl<T> Drop for Future<T> {
    /// The waker of a wait that is given up goes with it.
    fn drop(&mut self) {
        if self.has_waker {
            let waker = self.shared.take_waker();
            drop_or_warn("a waker", waker);
        }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Future").field(&self.shared.state()).finish()
    }
}
