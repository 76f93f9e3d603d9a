//! The one-shot cell two threads share: one keeps the promise, the other holds the future.
//!
//! *Assumes*: the steps of `concurrent/state.rs`.
//! *Promises*: every future becomes done exactly once; its value is moved, never cloned;
//! wakers, callbacks and drops of user values run outside the lock.
//! *Leaves out*: who runs the job (the executors), how a task waits (any event loop's `Waker`).
//!
//! ```text
//!  a worker                     one Arc                          whoever submitted
//!  Promise ──set_result──▶ ┌────────────────────┐ ◀──wait────── Future   (a thread)
//!                          │ state   outcome    │ ◀──poll────── Future   (a task)
//!                          │ waker   callbacks  │ ◀──add_done_callback── Future
//!                          └────────────────────┘
//! ```
//! The counterpart of `concurrent.futures.Future`. CPython has one object with both faces;
//! here a worker cannot cancel and a client cannot set a result, because the types differ.
//! `Future` is not `Clone`: the value has one owner.

use crate::base::error::JobError;
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, spin_until};
use crate::concurrent::home::{Home, HomeId, Sleeper, own_home};
use crate::concurrent::state::State;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

type Callback = Box<dyn FnOnce() + Send>;

/// Who added a callback, so that it can be taken back: 0 for `add_done_callback`.
type Subscriber = usize;

/// What both halves point to: the only allocation of a future nobody waits for specially.
struct Shared<T> {
    cell: Mutex<Cell<T>>,
    /// Notified once, when the state becomes done. Costs one load when no thread waits.
    done: Condvar,
    /// The pool that runs the job, if a worker of it can wait for it in vain.
    home: HomeId,
}

struct Cell<T> {
    state: State,
    /// `Some` from the moment the state is done until the future's owner takes it.
    outcome: Option<Result<T, JobError>>,
    /// Boxed, for most futures have none and there may be millions of them.
    listeners: Option<Box<Listeners>>,
}

/// Who wants to hear of the end, besides the threads asleep on the condvar.
#[derive(Default)]
struct Listeners {
    waker: Option<Waker>,
    callbacks: Vec<(Subscriber, Callback)>,
    /// Those who must know that workers of the pool that runs this job sleep for it no longer.
    sleepers: Vec<(Subscriber, std::sync::Arc<dyn Sleeper>)>,
}

impl Listeners {
    /// Tells everyone, in order. A panic in one of them is printed by the panic hook and
    /// goes no further (CPython logs it), so it cannot harm the others or the worker.
    fn tell(self) {
        if let Some(waker) = self.waker {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        for (_, callback) in self.callbacks {
            let _ = catch_unwind(AssertUnwindSafe(callback));
        }
    }
}

/// A promise and its future: two ends of one cell.
///
/// ```
/// use singletrack::concurrent::future::promise;
///
/// let (promise, future) = promise();
/// std::thread::spawn(move || promise.set_result("hello"));
/// assert_eq!(future.result(), Ok("hello"));
/// ```
pub fn promise<T>() -> (Promise<T>, Future<T>) {
    promise_of(HomeId::default())
}

/// A promise for a job that only the workers of `home` can run.
pub(crate) fn promise_of<T>(home: HomeId) -> (Promise<T>, Future<T>) {
    let shared = Arc::new(Shared {
        cell: Mutex::new(Cell { state: State::default(), outcome: None, listeners: None }),
        done: Condvar::new(),
        home,
    });
    (Promise { shared: Some(Arc::clone(&shared)) }, Future { shared })
}

impl<T> Shared<T> {
    /// Moves to FINISHED and tells everyone; if the future is done already, drops `outcome`.
    fn finish(&self, outcome: Result<T, JobError>) {
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
            listeners.sleepers.iter().for_each(|(_, sleeper)| sleeper.wake_up());
        }
        drop(cell);
        self.done.notify_all();
        if let Some(listeners) = listeners {
            listeners.tell();
        }
    }

    /// Cancels if nothing has begun; answers as [`State::cancel`].
    fn cancel(&self) -> bool {
        let mut cell = self.cell.lock();
        let was_done = cell.state.is_done();
        let cancelled = cell.state.cancel();
        if cancelled && !was_done {
            self.close(cell, Err(JobError::Cancelled));
        }
        cancelled
    }

    /// Calls `callback` when done; at once if that is already so, and then gives false.
    fn subscribe(&self, who: Subscriber, callback: Callback) -> bool {
        let mut cell = self.cell.lock();
        let open = !cell.state.is_done();
        if open {
            cell.listeners().callbacks.push((who, callback));
        } else {
            drop(cell);
            Listeners { callbacks: vec![(who, callback)], ..Listeners::default() }.tell();
        }
        open
    }

    /// Sleeps until done or until the time is up; the guard tells which.
    fn wait(&self, timeout: Option<Duration>) -> MutexGuard<'_, Cell<T>> {
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
            && let Some(home) = own_home(self.home)
        {
            cell = self.report_to(home, cell);
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

impl<T> Shared<T> {
    /// Tells this worker's pool that it is about to sleep until the pool's own job is done.
    /// If all its other workers do the same nobody is left to run the job: then the job
    /// ends here, with the pool's error, instead of never.
    fn report_to<'a>(
        &'a self,
        home: Home,
        mut cell: MutexGuard<'a, Cell<T>>,
    ) -> MutexGuard<'a, Cell<T>> {
        match home.fall_asleep() {
            Ok(()) => {
                cell.listeners().sleepers.push((0, home));
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
    fn listeners(&mut self) -> &mut Listeners {
        self.listeners.get_or_insert_default()
    }

    fn take(&mut self) -> Result<T, JobError> {
        self.outcome.take().expect("this future's result was taken before, by an await")
    }
}

/// The side that sets the result: held by an executor for a job.
///
/// Dropped without a result, it gives its future [`JobError::Abandoned`], so nobody waits
/// for ever.
///
/// ```
/// use singletrack::base::error::JobError;
/// use singletrack::concurrent::future::promise;
///
/// let (promise, future) = promise::<u8>();
/// assert!(promise.set_running_or_notify_cancel());
/// assert!(!future.cancel(), "too late: it runs");
/// drop(promise);
/// assert_eq!(future.result(), Err(JobError::Abandoned));
/// ```
pub struct Promise<T> {
    /// Taken by `resolve`, so that `drop` knows there is nothing left to do.
    shared: Option<Arc<Shared<T>>>,
}

impl<T> Promise<T> {
    fn lock(&self) -> MutexGuard<'_, Cell<T>> {
        self.shared.as_ref().expect("only `resolve` and `drop` take it").cell.lock()
    }

    /// A worker is about to begin: PENDING → RUNNING and true; false if the future was
    /// cancelled, and then the job must not run.
    #[must_use = "false means that the job was cancelled and must not run"]
    pub fn set_running_or_notify_cancel(&self) -> bool {
        self.lock().state.start()
    }

    /// True if the value would be dropped: the future was cancelled, or refused its owner.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.lock().state.is_done()
    }

    /// True if the future was cancelled: its value would be dropped.
    pub fn cancelled(&self) -> bool {
        self.lock().state.is_cancelled()
    }

    /// Wakes `waker` when the future is done, because it was cancelled, say. The counterpart
    /// of [`Future::add_done_callback`] on this side.
    #[doc(alias = "tokio::sync::oneshot::Sender::closed")]
    pub fn wake_when_done(&self, waker: Waker) {
        let shared = self.shared.as_ref().expect("only `resolve` and `drop` take it");
        shared.subscribe(0, Box::new(move || waker.wake()));
    }

    /// The job's value. Dropped if the future was cancelled.
    pub fn set_result(self, value: T) {
        self.resolve(Ok(value));
    }

    /// Why there is no value. `Future.set_exception` in CPython.
    #[doc(alias = "set_exception")]
    pub fn set_error(self, error: JobError) {
        self.resolve(Err(error));
    }

    /// Withdraws a job that has not begun, as [`Future::cancel`] does from the other side.
    pub fn cancel(mut self) {
        if let Some(shared) = self.shared.take()
            && !shared.cancel()
        {
            shared.finish(Err(JobError::Abandoned));
        }
    }

    /// Value or error, whichever it is.
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
        f.debug_tuple("Promise").field(&self.lock().state).finish()
    }
}

/// The side that waits for the result: with a thread (`result`, `wait`), in a task
/// (`.await`, on any executor), or by callback.
///
/// Dropping it detaches: the job runs on, its value is dropped where it was made.
///
/// ```
/// use singletrack::base::error::JobError;
/// use singletrack::concurrent::future::promise;
///
/// let (promise, future) = promise::<u8>();
/// assert!(future.cancel());
/// assert!(!promise.set_running_or_notify_cancel(), "the worker must not begin");
/// assert_eq!(future.result(), Err(JobError::Cancelled));
/// ```
#[doc(alias = "concurrent.futures.Future")]
#[must_use = "dropping a future detaches its job and loses the result"]
pub struct Future<T> {
    shared: Arc<Shared<T>>,
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
        self.state().is_done()
    }

    /// True while a worker is at it.
    pub fn running(&self) -> bool {
        self.state() == State::Running
    }

    /// True if [`cancel`](Self::cancel) came in time.
    pub fn cancelled(&self) -> bool {
        self.state().is_cancelled()
    }

    fn state(&self) -> State {
        self.shared.cell.lock().state
    }

    /// Asks that the job never start. True means it will not, ever; false means that it has
    /// started or ended, and nothing changes.
    ///
    /// Everyone who waits learns of it at once. In CPython `wait` and `as_completed` learn
    /// of a cancel only when a worker meets the job (gh-94440).
    pub fn cancel(&self) -> bool {
        self.shared.cancel()
    }

    /// Blocks this thread until done, or for `timeout`; `None` waits for ever. True = done.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.shared.wait(timeout).state.is_done()
    }

    /// Blocks until done and gives the value.
    ///
    /// # Errors
    /// Why there is none; [`JobError::Cancelled`] after a cancel; [`JobError::WouldDeadlock`]
    /// on a thread that would wait for itself: the last free worker of the job's pool, or the
    /// thread of the event loop that the task lives on.
    ///
    /// # Panics
    /// If an `.await` has already taken the result.
    pub fn result(self) -> Result<T, JobError> {
        self.shared.wait(None).take()
    }

    /// As [`result`](Self::result), but gives the future back when the time runs out first.
    ///
    /// # Panics
    /// If an `.await` has already taken the result.
    pub fn result_timeout(self, timeout: Duration) -> Result<Result<T, JobError>, Future<T>> {
        let mut cell = self.shared.wait(Some(timeout));
        if cell.state.is_done() {
            return Ok(cell.take());
        }
        drop(cell);
        Err(self)
    }

    /// Blocks until done and tells why there is no value, or `None` if there is one. The
    /// result stays in the future.
    pub fn exception(&self) -> Option<JobError> {
        self.shared.wait(None).outcome.as_ref().and_then(|o| o.as_ref().err().cloned())
    }

    /// Calls `callback` once when done: on the thread that resolves or cancels, in the order
    /// of these calls; at once, on this thread, if already done.
    ///
    /// A panic in a callback is printed and goes no further. CPython passes the future to
    /// the callback; here it would have two owners, so a callback gets nothing.
    pub fn add_done_callback(&self, callback: impl FnOnce() + Send + 'static) {
        self.subscribe(0, callback);
    }

    /// `add_done_callback` under a name by which it can be taken back. False: it is done, and
    /// `callback` was called.
    pub(crate) fn subscribe(&self, who: usize, callback: impl FnOnce() + Send + 'static) -> bool {
        self.shared.subscribe(who, Box::new(callback))
    }

    /// Has `sleeper` told, before any callback, when this is done. False: it is.
    pub(crate) fn wake_when_done(&self, who: usize, sleeper: std::sync::Arc<dyn Sleeper>) -> bool {
        let mut cell = self.shared.cell.lock();
        let open = !cell.state.is_done();
        if open {
            cell.listeners().sleepers.push((who, sleeper));
        }
        open
    }

    /// Takes back what `who` subscribed and was not called yet.
    pub(crate) fn unsubscribe(&self, who: usize) {
        let mut cell = self.shared.cell.lock();
        if let Some(listeners) = &mut cell.listeners {
            let all = std::mem::take(&mut listeners.callbacks);
            let (gone, kept) = all.into_iter().partition(|(owner, _)| *owner == who);
            listeners.callbacks = kept;
            listeners.sleepers.retain(|(owner, _)| *owner != who);
            drop(cell);
            drop::<Vec<_>>(gone);
        }
    }

    /// The pool whose workers alone can run the job.
    pub(crate) fn home(&self) -> HomeId {
        self.shared.home
    }

    /// Ends the job here, unless it is done: waiting for it would last for ever.
    pub(crate) fn fail(&self, error: JobError) {
        self.shared.finish(Err(error));
    }
}

/// Awaitable anywhere: the waker is called from the thread that resolves.
///
/// Polled again after it was ready it panics, as most futures do.
impl<T> std::future::Future for Future<T> {
    type Output = Result<T, JobError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned before, and the old one dropped after the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut cell = self.shared.cell.lock();
        if cell.state.is_done() {
            return Poll::Ready(cell.take());
        }
        let old = cell.listeners().waker.replace(waker);
        drop(cell);
        drop(old);
        Poll::Pending
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Future").field(&self.state()).finish()
    }
}
