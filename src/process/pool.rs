//! The process pool: functions submitted here run in forked workers.
//!
//! *Assumes*: a nursery.
//! *Promises*: every submitted job resolves exactly once; a worker's death fails only the job
//! it ran, and it is replaced; results and arguments of any size up to a frame's limit pass,
//! both ways at once; nothing is left behind when the pool is gone.
//! *Leaves out*: `map` and its kin, which come with the `Executor` trait
//! (`concurrent/processes.rs`).
//!
//! ```text
//!   any thread          desk (one lock)      supervisor (one thread)      nursery
//!   submit ─────▶ books, write ──┐                  ▲                        │ fork
//!      ▲                         ▼ request pipe     │ reply pipe, pidfd      ▼
//!      │                      worker ───────────────┘               new worker
//!    future ◀──────────────────────────── settle
//! ```
//! `concurrent.futures.ProcessPoolExecutor` in Python, where one killed worker breaks the
//! whole pool, and `multiprocessing.Pool`, where its job hangs for ever (gh-96062). There is
//! no lock between processes that a killed worker could hold: each has two pipes of its own.

use crate::base::sync::{Arc, Mutex};
use crate::base::wire::Wire;
use crate::concurrent::future::Future;
use crate::process::desk::{Desk, Settled};
use crate::process::dispatcher::Settings;
use crate::process::nursery::Nursery;
use crate::process::parcel::Parcel;
use crate::process::supervisor::{Shared, Supervisor};
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// Why there is no pool.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool of no workers was asked for.
    NoWorkers,
    /// `max_tasks_per_child` was 0: its workers could do nothing.
    NoTasks,
    /// The operating system refused.
    Os(io::Error),
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::NoWorkers => write!(f, "a pool needs at least one worker"),
            PoolError::NoTasks => write!(f, "max_tasks_per_child must be at least 1"),
            PoolError::Os(error) => write!(f, "the pool could not be started: {error}"),
        }
    }
}

impl std::error::Error for PoolError {}

impl From<io::Error> for PoolError {
    fn from(error: io::Error) -> Self {
        PoolError::Os(error)
    }
}

/// Collects what a pool should be like; made by [`ProcessPool::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    nursery: Nursery,
    settings: Settings,
    limit: Option<Duration>,
}

impl Builder {
    /// How many worker processes. Default: one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// How long any job may run. Default: for ever. See [`ProcessPool::submit_within`].
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Replaces a worker by a fresh one after so many jobs. Default: never. CPython refuses
    /// this with fork, because its parent has threads by then; the nursery has none.
    pub fn max_tasks_per_child(mut self, tasks: u32) -> Self {
        self.settings.max_tasks_per_child = Some(tasks);
        self
    }

    /// Starts the pool: one thread here, and the workers.
    ///
    /// # Errors
    /// [`PoolError`]. That workers cannot be forked is no error of this call: it is tried for
    /// a while, and then every job resolves to [`JobError::Broken`].
    ///
    /// [`JobError::Broken`]: crate::base::error::JobError::Broken
    pub fn start(self) -> Result<ProcessPool, PoolError> {
        if self.settings.workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        if self.settings.max_tasks_per_child == Some(0) {
            return Err(PoolError::NoTasks);
        }
        let (supervisor, shared) = Supervisor::new(self.nursery, Desk::new(self.settings))?;
        let thread =
            thread::Builder::new().name("process-pool".to_owned()).spawn(|| supervisor.run())?;
        Ok(ProcessPool {
            shared,
            supervisor_id: thread.thread().id(),
            supervisor: Mutex::new(Some(thread)),
            next_job: AtomicU64::new(0),
            limit: self.limit,
        })
    }
}

/// Worker processes that run functions.
///
/// ```
/// use singletrack::process::nursery::Nursery;
/// use singletrack::process::pool::ProcessPool;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let nursery = Nursery::start()?; // before any thread
///     let pool = ProcessPool::new(&nursery, 2)?;
///     let future = pool.submit(|x: u64| x * x, 12);
///     assert_eq!(future.result()?, 144);
///     Ok(())
/// }
/// ```
///
/// The function is a `fn` or a closure that captures nothing; what it needs goes into its
/// argument. A closure with captures does not compile:
///
/// ```compile_fail
/// # use singletrack::process::pool::ProcessPool;
/// fn scaled(pool: &ProcessPool, by: u64) {
///     pool.submit(|x: u64| x * by, 12); // expected fn pointer, found closure
/// }
/// ```
///
/// Dropping the pool waits for all jobs, as leaving a `with` block does in Python; in a panic
/// it cancels those that have not begun.
#[doc(alias = "concurrent.futures.ProcessPoolExecutor")]
#[doc(alias = "multiprocessing.Pool")]
pub struct ProcessPool {
    shared: Arc<Shared>,
    /// Taken by the first who joins it; others wait at this lock meanwhile.
    supervisor: Mutex<Option<JoinHandle<()>>>,
    supervisor_id: ThreadId,
    next_job: AtomicU64,
    limit: Option<Duration>,
}

impl ProcessPool {
    /// A pool of so many workers, forked from the nursery.
    ///
    /// # Errors
    /// See [`Builder::start`].
    pub fn new(nursery: &Nursery, workers: usize) -> Result<ProcessPool, PoolError> {
        ProcessPool::builder(nursery).workers(workers).start()
    }

    /// A pool with more to choose.
    pub fn builder(nursery: &Nursery) -> Builder {
        let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let settings = Settings { workers, max_tasks_per_child: None };
        Builder { nursery: nursery.clone(), settings, limit: None }
    }

    /// Queues `f(args)`. The future becomes `running` when the job is sent to a worker, and
    /// cannot be cancelled from then on. Never blocks on the job; all failures come by the
    /// future.
    pub fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.send(self.limit, f, args)
    }

    /// As [`submit`](Self::submit), but the job may run no longer than `limit` after it was
    /// sent: then its worker is killed and replaced, and the future gives
    /// [`JobError::TimedOut`]. Limits are kept to about a millisecond.
    ///
    /// [`JobError::TimedOut`]: crate::base::error::JobError::TimedOut
    pub fn submit_within<A: Wire, R: Wire>(
        &self,
        limit: Duration,
        f: fn(A) -> R,
        args: A,
    ) -> Future<R> {
        self.send(Some(limit), f, args)
    }

    fn send<A: Wire, R: Wire>(&self, limit: Option<Duration>, f: fn(A) -> R, args: A) -> Future<R> {
        let id = self.next_job.fetch_add(1, Ordering::Relaxed);
        match Parcel::pack(f, &args, id) {
            Ok((parcel, future)) => {
                self.change(|desk| desk.submit(id, limit, parcel));
                future
            }
            Err(error) => Future::resolved(Err(error)),
        }
    }

    /// Changes the books, does what follows, and wakes the supervisor only for what cannot be
    /// done here.
    fn change(&self, change: impl FnOnce(&mut Desk)) {
        let mut desk = self.shared.desk.lock();
        change(&mut desk);
        let settled = desk.turn();
        let wake = desk.wants_supervisor();
        drop(desk);
        if wake {
            // An eventfd's counter does not overflow by ones, so this cannot fail.
            let _ = self.shared.waker.wake();
        }
        settled.into_iter().for_each(Settled::settle);
    }

    /// The process ids of the workers alive now.
    pub fn worker_pids(&self) -> Vec<u32> {
        let desk = self.shared.desk.lock();
        let mut pids: Vec<u32> = desk.hands.values().map(|hand| hand.pid).collect();
        pids.sort_unstable();
        pids
    }

    /// Refuses new jobs with [`JobError::ShutDown`]. With `cancel_futures`, jobs not yet sent
    /// to a worker resolve to [`JobError::Cancelled`]; without, all are run first. With
    /// `wait`, blocks until every job is resolved and every worker gone. May be called again.
    ///
    /// A job that runs is never interrupted. Called from a future's callback, on the pool's
    /// own thread, it does not wait.
    ///
    /// [`JobError::ShutDown`]: crate::base::error::JobError::ShutDown
    /// [`JobError::Cancelled`]: crate::base::error::JobError::Cancelled
    pub fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.change(|desk| desk.dispatcher.shutdown(cancel_futures));
        let _ = self.shared.waker.wake();
        if wait && thread::current().id() != self.supervisor_id {
            let mut supervisor = self.supervisor.lock();
            // An error would be a panic, of which every future has told.
            let _ = supervisor.take().map(JoinHandle::join);
        }
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        self.shutdown(true, thread::panicking());
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPool").field("workers", &self.worker_pids()).finish_non_exhaustive()
    }
}
