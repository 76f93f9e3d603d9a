//! A pool of threads that share memory: `ThreadPoolExecutor`.
//!
//! *Promises*: jobs start in the order of submission; each future becomes done exactly once,
//! whatever panics; no thread is started while one is idle; dropping the pool finishes its jobs.
//! What a job holds, or returns to nobody, may panic when it is dropped: that is reported on
//! standard error and costs neither a worker nor another job. Where no thread can be started, the
//! workers that there are do the jobs, and a later job tries again; without any worker the queued
//! jobs fail with `Broken`.
//! *Leaves out*: interrupting a running job. A thread cannot be stopped from outside. And a fork:
//! it copies no workers, so a copy of the pool (`base/origin.rs`) refuses jobs with `Broken`, and
//! dropping it does nothing. To wait for a copied future of a job that was not done is an error, too.
//!
//! ```text
//!   submit_fn(closure) ─▶ one allocation: job and cell ─▶ JobQueue ─▶ a worker
//!        │                               │                              │
//!        └──▶ Future ◀───────────────────┘ ◀──────── its result ◀───────┘
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

/// Runs jobs on threads that are started as needed and kept until the pool is dropped.
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
    queue: Arc<JobQueue>,
    detached: bool,
}

/// The options of a [`ThreadPoolExecutor`]: CPython's keyword arguments.
///
/// ```
/// use singletrack::futures::ThreadPoolOptions;
///
/// let pool = ThreadPoolOptions::default()
///     .max_workers(1)
///     .thread_name_prefix("resizer")
///     .initializer(|| println!("a thread has started"))
///     .build()?;
/// let name = pool.submit_fn(|| std::thread::current().name().map(str::to_owned));
/// assert_eq!(name.result(), Ok(Some("resizer_0".to_owned())));
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

    /// For pools whose jobs need more than a thread: called when a worker is about to block on a job
    /// of its own pool, and returns why it must not.
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
        let queue = JobQueue::new(max, prefix, self.initializer, self.obstacle);
        Ok(ThreadPoolExecutor { queue: Arc::new(queue), detached: false })
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
    // std's atomic even under loom: it only numbers pools for a list of threads.
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

    /// Queues a closure, which may capture and return anything that is `Send`.
    ///
    /// The future's error is [`JobError::Panicked`] if the closure panics, [`JobError::ShutDown`] or
    /// [`JobError::Broken`] if the pool takes no jobs, and [`JobError::WouldDeadlock`] if one of
    /// this pool's workers waits for it while all others wait for such a job already. (That holds
    /// for waits without a time limit, for one future or for many.)
    pub fn submit_fn<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Future<R> {
        self.submit_outcome(move || Ok(f()))
    }

    /// Queues a closure that may return other errors than its own panic.
    pub(crate) fn submit_outcome<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<R, JobError> + Send + 'static,
    ) -> Future<R> {
        let (job, future) = future_of(guard_id(&self.queue), Mutex::new(Some(f)));
        JobQueue::submit(&self.queue, job);
        future
    }

    /// Drops the pool without waiting for jobs that run, which may last for ever; those that have not
    /// begun are cancelled.
    pub(crate) fn detach(mut self) {
        self.detached = true;
    }

    /// How many threads there are now.
    pub fn workers(&self) -> usize {
        self.queue.workers()
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

    /// As the trait says. Called by one of the pool's own jobs it cannot wait (the job would wait
    /// for its own end) and returns at once; the pool still finishes its jobs.
    fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.queue.close(cancel_futures);
        if wait && own_guard(guard_id(&self.queue)).is_none() {
            self.queue.join();
        }
    }
}

impl Drop for ThreadPoolExecutor {
    fn drop(&mut self) {
        self.shutdown(!self.detached, self.detached);
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolExecutor").field("queue", &self.queue).finish()
    }
}
