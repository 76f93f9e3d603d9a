//! A pool of threads that share memory: `ThreadPoolExecutor`.
//!
//! *Assumes*: `futures/job_queue.rs`, where jobs and workers meet.
//! *Promises*: jobs start in the order of submission; each future becomes done exactly once,
//! whatever panics; no thread is started while one is free; dropping the pool finishes its work.
//! *Leaves out*: interrupting a running job. A thread cannot be stopped from outside.
//!
//! ```text
//!   submit_fn(closure) ─▶ one allocation: job and cell ─▶ the pool's hall ─▶ a worker
//!        │                               │                                     │
//!        └──▶ Future ◀───────────────────┘ ◀───────── its result ◀─────────────┘
//! ```

use crate::base::sync::Mutex;
use crate::futures::deadlock::{guard_id, own_guard};
use crate::futures::error::JobError;
use crate::futures::executor::Executor;
use crate::futures::future::{Future, future_of};
use crate::futures::job_queue::{Initializer, JobQueue, Obstacle};
use crate::futures::wire::Wire;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs jobs on threads that are started as needed and kept until the pool goes.
///
/// Dropping the pool is `shutdown(true, false)`: it refuses new jobs, finishes the old ones
/// and waits for its threads. (A dropped CPython pool does the same, but lets only the
/// interpreter's exit wait.)
///
/// ```
/// use singletrack::futures::Executor;
/// use singletrack::futures::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(2)?;
/// let greeting = String::from("hello");
/// let length = pool.submit_fn(move || greeting.len()); // a closure may capture
/// let square = pool.submit(|x: u64| x * x, 12); // so may not a `fn`
/// assert_eq!((length.result(), square.result()), (Ok(5), Ok(144)));
/// # Ok::<(), singletrack::futures::NoWorkers>(())
/// ```
#[doc(alias = "concurrent.futures.ThreadPoolExecutor")]
pub struct ThreadPoolExecutor {
    pool: Arc<JobQueue>,
}

/// How a [`ThreadPoolExecutor`] is to be: CPython's keyword arguments.
///
/// ```
/// use singletrack::futures::ThreadPoolOptions;
///
/// let pool = ThreadPoolOptions::default()
///     .max_workers(1)
///     .thread_name_prefix("crane")
///     .initializer(|| println!("a crane is manned"))
///     .build()?;
/// let name = pool.submit_fn(|| std::thread::current().name().map(str::to_owned));
/// assert_eq!(name.result(), Ok(Some("crane_0".to_owned())));
/// # Ok::<(), singletrack::futures::NoWorkers>(())
/// ```
#[derive(Default)]
pub struct ThreadPoolOptions {
    max_workers: Option<usize>,
    thread_name_prefix: Option<String>,
    initializer: Option<Initializer>,
    obstacle: Option<Obstacle>,
}

impl ThreadPoolOptions {
    /// At most so many threads. Default: the cores this process may use plus 4, but not above 32.
    pub fn max_workers(mut self, max: usize) -> Self {
        self.max_workers = Some(max);
        self
    }

    /// Threads are called `prefix_0`, `prefix_1`, … Default: `ThreadPoolExecutor-N`, where N
    /// counts the pools of this process. (Linux shows the first 15 bytes.)
    pub fn thread_name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.thread_name_prefix = Some(prefix.into());
        self
    }

    /// Runs first on every new thread. If it panics the pool is broken: queued and later jobs
    /// fail with [`JobError::Broken`].
    pub fn initializer(mut self, initializer: impl Fn() + Send + Sync + 'static) -> Self {
        self.initializer = Some(Box::new(initializer));
        self
    }

    /// For pools whose jobs need more than a thread to run: asked when a worker is about to
    /// wait for a job of its own pool.
    pub(crate) fn obstacle(
        mut self,
        obstacle: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.obstacle = Some(Box::new(obstacle));
        self
    }

    /// The pool. No thread is started yet.
    ///
    /// # Errors
    /// [`NoWorkers`] for `max_workers(0)`.
    pub fn build(self) -> Result<ThreadPoolExecutor, NoWorkers> {
        let max = self.max_workers.unwrap_or_else(default_max_workers);
        if max == 0 {
            return Err(NoWorkers);
        }
        let prefix = self.thread_name_prefix.unwrap_or_else(next_prefix);
        let pool = JobQueue::new(max, prefix, self.initializer, self.obstacle);
        Ok(ThreadPoolExecutor { pool: Arc::new(pool) })
    }
}

/// A pool was asked to have no workers at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoWorkers;

impl fmt::Display for NoWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("max_workers is 0, so no job would ever run; give at least 1")
    }
}

impl std::error::Error for NoWorkers {}

/// CPython's `min(32, (os.process_cpu_count() or 1) + 4)`: some threads wait for I/O.
fn default_max_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_add(4).min(32)
}

fn next_prefix() -> String {
    // Only numbers pools for the reader of a thread list; no model needs to see it.
    static POOLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    format!("ThreadPoolExecutor-{}", POOLS.fetch_add(1, Ordering::Relaxed))
}

impl ThreadPoolExecutor {
    /// A pool of at most `max_workers` threads, none started yet.
    ///
    /// # Errors
    /// [`NoWorkers`] if that is 0.
    pub fn new(max_workers: usize) -> Result<Self, NoWorkers> {
        ThreadPoolOptions::default().max_workers(max_workers).build()
    }

    /// Queues a closure, which may capture what it likes and return what it likes.
    ///
    /// The future's error is [`JobError::Panicked`] if it panics, [`JobError::ShutDown`] or
    /// [`JobError::Broken`] if the pool takes no jobs, and [`JobError::WouldDeadlock`] if it
    /// is waited for by the last of this pool's workers that does not itself wait for such a
    /// job. (That holds for waits without a time limit, for one future or for many.)
    pub fn submit_fn<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Future<R> {
        self.submit_outcome(move || Ok(f()))
    }

    /// Queues a closure that knows more errors than its own panic.
    pub(crate) fn submit_outcome<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<R, JobError> + Send + 'static,
    ) -> Future<R> {
        let (job, future) = future_of(guard_id(&self.pool), Mutex::new(Some(f)));
        JobQueue::submit(&self.pool, job);
        future
    }

    /// How many threads there are now.
    pub fn workers(&self) -> usize {
        self.pool.workers()
    }
}

impl Default for ThreadPoolExecutor {
    /// A pool of CPython's default size: cores plus 4, but not above 32.
    fn default() -> Self {
        ThreadPoolExecutor::new(default_max_workers()).expect("the default is at least 1")
    }
}

impl Executor for ThreadPoolExecutor {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.submit_fn(move || f(args))
    }

    /// As the trait says. From one of the pool's own jobs it cannot wait (the job would wait
    /// for its own end) and returns at once; the pool still drains.
    fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.pool.close(cancel_futures);
        if wait && own_guard(guard_id(&self.pool)).is_none() {
            self.pool.join();
        }
    }
}

impl Drop for ThreadPoolExecutor {
    fn drop(&mut self) {
        self.shutdown(true, false);
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolExecutor").field("pool", &self.pool).finish()
    }
}
