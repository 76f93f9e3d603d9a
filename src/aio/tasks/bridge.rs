//! Between loop and executors: jobs that tasks await, futures that threads wait for.
//!
//! *Assumes*: a [`Future`] wakes tasks and threads alike.
//! *Promises*: a task that is dropped cancels its job, if that has not begun; a thread that
//! cancels its future cancels the task; if one side is gone, the other learns of it.
//! *Leaves out*: interrupting a job that runs. A thread cannot be stopped from outside.
//!
//! ```text
//!    the loop's thread                               other threads
//!    to_thread(f).await  ── f ──────────────────►   asyncio_0, asyncio_1, …
//!                        ◄─────────── its value ──
//!    create_task(future) ◄──────────── future ────   handle.run_coroutine_threadsafe(future)
//!                        ── its value ──────────►   .result()
//! ```

use crate::base::id::LoopId;
use crate::base::panic::into_message;
use crate::event_loop::calls::{LoopClosed, LoopHandle};
use crate::event_loop::core::{Core, current, spend_budget};
use crate::event_loop::inbox;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::scheduler::create_task;
use crate::futures::deadlock::loop_guard_id;
use crate::futures::error::JobError;
use crate::futures::executor::Executor;
use crate::futures::future::{Future, Promise, promise, promise_of};
use crate::futures::thread_pool::{ThreadPoolExecutor, ThreadPoolOptions};
use crate::futures::wire::Wire;
use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A job that is cancelled when this handle is dropped.
///
/// Dropped before the job has begun, it takes the job out of the queue; a job that runs is not
/// interrupted, and its value is dropped on its thread. That is asyncio's rule. A plain
/// [`Future`] can be awaited as well, but dropping it leaves the job queued.
#[must_use = "dropping it cancels the job; `detach` lets it run"]
pub struct ExecutorJob<T>(Option<Future<T>>);

impl<T> ExecutorJob<T> {
    /// True once there is a value or an error.
    pub fn done(&self) -> bool {
        self.0.as_ref().is_some_and(Future::done)
    }

    /// Asks that the job never start; false means that it has started or ended.
    pub fn cancel(&self) -> bool {
        self.0.as_ref().is_some_and(Future::cancel)
    }

    /// The future alone, whose drop cancels nothing.
    pub fn detach(mut self) -> Future<T> {
        self.0.take().expect("only this and `drop` take it")
    }
}

impl<T> From<Future<T>> for ExecutorJob<T> {
    fn from(future: Future<T>) -> ExecutorJob<T> {
        ExecutorJob(Some(future))
    }
}

/// # Panics
/// When polled again after it was ready.
impl<T> std::future::Future for ExecutorJob<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.0.as_mut().expect("only `detach` and `drop` take it");
        if future.done() {
            ready!(spend_budget(cx)); // to wait costs nothing
        }
        Pin::new(future).poll(cx)
    }
}

impl<T> Drop for ExecutorJob<T> {
    fn drop(&mut self) {
        if let Some(future) = &self.0 {
            future.cancel();
        }
    }
}

impl<T> fmt::Debug for ExecutorJob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExecutorJob").field(&self.0).finish()
    }
}

/// Queues `f(args)` on any executor, to be awaited by a task: `f` may run in a thread, in a
/// thread that needs a global lock, or in another process. It is queued now; asyncio's does
/// the same.
///
/// For a closure on a pool of threads: `ExecutorJob::from(pool.submit_fn(closure))`.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::run_in_executor;
/// use singletrack::futures::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(2)?;
/// let event_loop = EventLoop::new()?;
/// let square = event_loop.run_until_complete(run_in_executor(&pool, |x: u64| x * x, 12));
/// assert_eq!(square, Ok(144));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "asyncio.loop.run_in_executor")]
pub fn run_in_executor<A: Wire, R: Wire>(
    executor: &impl Executor,
    f: fn(A) -> R,
    args: A,
) -> ExecutorJob<R> {
    ExecutorJob::from(executor.submit(f, args))
}

/// Runs `f`, which may block, on a thread of the loop's default executor.
///
/// That is a [`ThreadPoolExecutor`] of the default size, whose threads are called `asyncio_0`
/// and so on; it is made when it is first needed, and joined when the loop is dropped. As in
/// asyncio nothing is queued before the first poll, and dropping this cancels what has not
/// begun. Unlike there, context variables stay behind: they are not `Send`.
///
/// # Errors
/// Why `f` gave no value, such as [`JobError::Panicked`].
///
/// # Panics
/// When polled outside a running loop.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::to_thread;
///
/// let event_loop = EventLoop::new()?;
/// let name = event_loop.run_until_complete(to_thread(|| {
///     std::thread::current().name().map(str::to_owned)
/// }));
/// assert_eq!(name, Ok(Some("asyncio_0".to_owned())));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.to_thread")]
#[doc(alias = "spawn_blocking")]
pub async fn to_thread<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> Result<R, JobError> {
    let job = ExecutorJob::from(default_executor(&current("to_thread")).submit_fn(f));
    job.await
}

/// The default executors of one loop. The last one is in use; earlier ones are kept to be joined.
#[derive(Default)]
struct DefaultExecutors(RefCell<Vec<Arc<ThreadPoolExecutor>>>);

fn default_executor(core: &Core) -> Arc<ThreadPoolExecutor> {
    let pools = core.extensions.get::<DefaultExecutors>();
    let mut pools = pools.0.borrow_mut();
    if pools.is_empty() {
        let options = ThreadPoolOptions::default().thread_name_prefix("asyncio");
        pools.push(Arc::new(options.build().expect("the default size is at least 1")));
    }
    Arc::clone(pools.last().expect("made above, if need be"))
}

/// From now on [`to_thread`] uses this pool. The jobs of an earlier one are still done.
///
/// # Panics
/// When called outside a running loop; [`EventLoop::set_default_executor`] can do without.
#[doc(alias = "asyncio.loop.set_default_executor")]
pub fn set_default_executor(pool: ThreadPoolExecutor) {
    push_default_executor(&current("set_default_executor"), pool);
}

fn push_default_executor(core: &Core, pool: ThreadPoolExecutor) {
    core.extensions.get::<DefaultExecutors>().0.borrow_mut().push(Arc::new(pool));
}

impl EventLoop {
    /// As [`set_default_executor`], whether or not the loop is running.
    pub fn set_default_executor(&self, pool: ThreadPoolExecutor) {
        push_default_executor(&self.core, pool);
    }
}

/// Ends the loop's default executor and waits until its threads are gone, without holding up
/// the loop: a job may need it to come to its end. From now on [`to_thread`] gives
/// [`JobError::ShutDown`]. [`run`](crate::aio::run::run) does this by itself.
///
/// Dropped early, only the waiting ends; the shutdown goes on.
///
/// # Panics
/// When polled outside a running loop.
#[doc(alias = "asyncio.loop.shutdown_default_executor")]
pub async fn shutdown_default_executor() {
    let core = current("shutdown_default_executor");
    default_executor(&core); // there must be one, to refuse what comes later
    let pools = core.extensions.get::<DefaultExecutors>().0.borrow().clone();
    pools.iter().for_each(|pool| pool.shutdown(false, false));
    if pools.iter().all(|pool| pool.workers() == 0) {
        return;
    }
    let (promise, joined) = promise();
    let to_join = pools.clone();
    let joiner = std::thread::Builder::new().name("asyncio_join".to_owned()).spawn(move || {
        to_join.iter().for_each(|pool| pool.shutdown(true, false));
        drop(to_join);
        promise.set_result(());
    });
    match joiner {
        Ok(thread) => {
            joined.await.expect("the joiner keeps its promise");
            thread.join().expect("it has set the result and cannot panic after that");
        }
        // No thread could be started: then the loop itself must wait.
        Err(_) => pools.iter().for_each(|pool| pool.shutdown(true, false)),
    }
}

impl LoopHandle {
    /// Runs `future` as a task of the loop and gives its value to another thread.
    ///
    /// Cancelling the [`Future`] drops `future` on the loop's thread, in its next iteration; as
    /// long as the value is not there this is possible, so the state stays *pending*, as in
    /// asyncio.
    ///
    /// The errors are [`JobError::Panicked`]; [`JobError::Cancelled`], also when the task is
    /// cancelled on the loop's side; [`JobError::Broken`] if the loop is gone, now or before
    /// `future` is done. On the loop's own thread *await* it: no other thread can run the loop,
    /// so blocking there in [`result`](Future::result) gives [`JobError::WouldDeadlock`], and
    /// `future` is dropped. (asyncio waits for ever.) The same if a task of the loop *blocks* on a
    /// job that waits here, through however many jobs and loops; but not if it blocks by other
    /// means than a [`Future`], on a channel, say: await the job.
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use singletrack::aio::sleep;
    /// use std::time::Duration;
    ///
    /// let event_loop = EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let thread = std::thread::spawn(move || {
    ///     let nap = async {
    ///         sleep(Duration::from_millis(1)).await;
    ///         "rested"
    ///     };
    ///     let value = handle.run_coroutine_threadsafe(nap).result();
    ///     handle.stop().unwrap();
    ///     value
    /// });
    /// event_loop.run_forever()?;
    /// assert_eq!(thread.join().unwrap(), Ok("rested"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.run_coroutine_threadsafe")]
    pub fn run_coroutine_threadsafe<F>(&self, future: F) -> Future<F::Output>
    where
        F: std::future::Future<Output: Send> + Send + 'static,
    {
        run_on_loop(*self, move || future)
    }
}

/// Has a loop make a future and run it as a task; its value, or why there is none, comes back.
pub(crate) fn run_on_loop<F>(
    handle: LoopHandle,
    make: impl FnOnce() -> F + Send + 'static,
) -> Future<F::Output>
where
    F: std::future::Future<Output: Send> + 'static,
{
    let (promise, result) = promise_of(loop_guard_id(handle.id()));
    let promised = TaskPromise { promise: Some(promise), loop_id: handle.id() };
    // Made inside the task, so that its panic is the value's. If the loop is gone the call is dropped,
    // and with it the promise, which reports that.
    let call = move || drop(create_task(promised.run(async move { make().await })));
    let _ = handle.call_soon_threadsafe(call);
    result
}

/// The promise of a task's output. Dropped, because the task or the loop has gone, it gives the
/// reason instead.
struct TaskPromise<T> {
    promise: Option<Promise<T>>,
    loop_id: LoopId,
}

impl<T> TaskPromise<T> {
    /// Polls `future` until it is done or the other thread has cancelled its future.
    async fn run(mut self, future: impl std::future::Future<Output = T>) {
        let mut future = pin!(future);
        let mut registered = false;
        let outcome = poll_fn(|cx| {
            let promise = self.promise.as_ref().expect("taken below, or in `drop`");
            if !std::mem::replace(&mut registered, true) {
                promise.wake_when_done(cx.waker().clone());
            }
            if promise.is_unwanted() {
                return Poll::Ready(Err(JobError::Cancelled));
            }
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(polled) => polled.map(Ok),
                Err(panic) => Poll::Ready(Err(JobError::Panicked(into_message(panic)))),
            }
        })
        .await;
        if let Some(promise) = self.promise.take() {
            promise.resolve(outcome);
        }
    }
}

impl<T> Drop for TaskPromise<T> {
    fn drop(&mut self) {
        let Some(promise) = self.promise.take() else { return };
        if inbox::is_open(self.loop_id) {
            promise.cancel(); // only the task has gone
        } else {
            promise.set_error(JobError::Broken(LoopClosed(self.loop_id).to_string()));
        }
    }
}
