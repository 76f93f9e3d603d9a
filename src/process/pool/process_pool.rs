//! The process pool: functions submitted here run in forked workers.
//!
//! *Assumes*: a fork server (`process/forkserver/client.rs`).
//! *Promises*: every submitted job resolves exactly once; a worker's death fails only the job
//! it ran, and it is replaced; results and arguments of any size up to a frame's limit pass,
//! both ways at once; nothing is left behind when the pool is gone. A copy that came with a fork
//! does nothing to the pool; a job that is submitted there fails with an error.
//! *Leaves out*: `map`, which comes with the `Executor` trait (`futures/executor.rs`), and
//! what `multiprocessing.Pool` has besides (`process/pool/multiprocessing.rs`).
//!
//! ```text
//!   any thread          state (one lock)     supervisor (one thread)      fork server
//!   submit ─────▶ records, write ─┐                 ▲                        │ fork
//!      ▲                         ▼ request pipe     │ reply pipe, pidfd      ▼
//!      │                      worker ───────────────┘               new worker
//!    future ◀──────────────────────────── resolve
//! ```
//! `concurrent.futures.ProcessPoolExecutor` in Python, where one killed worker breaks the
//! whole pool, and `multiprocessing.Pool`, where its job hangs for ever (gh-96062). There is
//! no lock between processes that a killed worker could hold: each has two pipes of its own.
//!
//! **What a job has started** (with `Command`, say) is killed with its worker, by a limit, by
//! `kill`, by `kill_workers`, as far as it is attached to it: `sys/process_tree.rs` says how far that
//! is. What it leaves when the job returns, or when the worker dies by itself, lives on; so does all
//! of it when the program is killed, which takes the fork server and the workers along. Against that
//! helps `PR_SET_PDEATHSIG` in the command's `pre_exec`, or a process group of its own that is
//! signalled. (Nor does CPython kill what a worker has started.)
//!
//! **Large values.** Beyond its copies, what a mebibyte costs is mostly page faults: glibc's malloc
//! gives the free top of its heap back to the system and asks for it anew. A worker has it keep some
//! (`process/forkserver/worker.rs`); a library must not decide that for its caller's process. There, frame
//! buffers kept by the pool save a half of the faults and a twentieth of the time (tried, and left
//! out): the other buffers are the caller's values. A program that moves many of them can tell malloc
//! to keep its memory, by setting `MALLOC_TRIM_THRESHOLD_` and `MALLOC_MMAP_THRESHOLD_` to 64 MiB,
//! say.

use crate::base::origin::Origin;
use crate::base::sync::Mutex;
use crate::futures::deadlock::{GuardId, guard_id, own_guard};
use crate::futures::error::JobError;
use crate::futures::executor::Executor;
use crate::futures::future::Future;
use crate::futures::wire::Wire;
use crate::process::forkserver::client::ForkServer;
use crate::process::message::call::RemoteFunction;
use crate::process::pool::job::{ChunkItem, PoolCounts, Settle, Terms, WorkItem};
use crate::process::pool::options::{Builder, JobOptions, PoolError, Submitted};
use crate::process::pool::pool_state::{FailedJob, PoolShared, PoolState};
use crate::process::pool::supervisor::Supervisor;
use crate::process::pool::worker::WorkerStats;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io, thread};

impl Builder {
    /// Starts the pool: one thread here, and the workers.
    ///
    /// # Errors
    /// [`PoolError`]. If workers cannot be forked, that is no error of this call: it is tried for
    /// a while, and then every job resolves to [`JobError::Broken`].
    pub fn start(self) -> Result<ProcessPool, PoolError> {
        if self.settings.workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        if self.settings.max_tasks_per_child == Some(0) {
            return Err(PoolError::NoTasks);
        }
        self.fork_server.check_origin()?;
        let initializer = self.initializer.transpose().map_err(PoolError::Initializer)?;
        let (supervisor, shared) = Supervisor::new(self.fork_server, initializer, self.settings)?;
        let thread =
            thread::Builder::new().name("process-pool".to_owned()).spawn(|| supervisor.run())?;
        Ok(ProcessPool {
            origin: Origin::here(),
            shared,
            supervisor: Mutex::new(Some(thread)),
            next_job: AtomicU64::new(0),
            limit: self.limit,
        })
    }
}

/// Worker processes that run functions.
///
/// ```
/// use singletrack::process::ForkServer;
/// use singletrack::process::ProcessPool;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?; // before any thread
///     let pool = ProcessPool::new(&fork_server, 2)?;
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
/// # use singletrack::process::ProcessPool;
/// fn scaled(pool: &ProcessPool, by: u64) {
///     pool.submit(|x: u64| x * by, 12); // expected fn pointer, found closure
/// }
/// ```
/// The compiler points at `by`: "closures can only be coerced to `fn` types if they do not
/// capture any variables". Make it part of the argument:
///
/// ```
/// # use singletrack::process::ProcessPool;
/// fn scaled(pool: &ProcessPool, by: u64) {
///     pool.submit(|(x, by): (u64, u64)| x * by, (12, by));
/// }
/// ```
///
/// Dropping the pool waits for all jobs, as leaving a `with` block does in Python; in a panic
/// it cancels those that have not begun.
#[doc(alias = "concurrent.futures.ProcessPoolExecutor")]
#[doc(alias = "multiprocessing.Pool")]
pub struct ProcessPool {
    /// In a copy the supervisor is not there, and it may have had the lock. So a copy is asked for
    /// before the lock is.
    origin: Origin,
    shared: Arc<PoolShared>,
    /// Taken by the first thread that joins it; others wait at this lock meanwhile.
    supervisor: Mutex<Option<JoinHandle<()>>>,
    next_job: AtomicU64,
    limit: Option<Duration>,
}

impl ProcessPool {
    /// A pool of so many workers, forked from the fork server.
    ///
    /// # Errors
    /// See [`Builder::start`].
    pub fn new(fork_server: &ForkServer, workers: usize) -> Result<ProcessPool, PoolError> {
        ProcessPool::builder(fork_server).workers(workers).start()
    }

    /// A pool with options.
    pub fn builder(fork_server: &ForkServer) -> Builder {
        Builder::new(fork_server)
    }

    /// Queues `f(args)`. The future becomes `running` when the job is sent to a worker, and
    /// cannot be cancelled from then on. Never blocks on the job; the future gives all failures.
    ///
    /// A callback of such a future runs on the pool's own thread. If it waits there for
    /// another job of the pool without a time limit, that job fails with
    /// [`JobError::WouldDeadlock`].
    pub fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.send(JobOptions::default(), f, args).future
    }

    /// As [`submit`](Self::submit), but the job may run no longer than `limit` after it was
    /// sent: then its worker is killed and replaced, and the future gives
    /// [`JobError::TimedOut`]. Limits are kept to about a millisecond. What the job has started is
    /// killed, too, as far as it is attached to the worker.
    pub fn submit_within<A: Wire, R: Wire>(
        &self,
        limit: Duration,
        f: fn(A) -> R,
        args: A,
    ) -> Future<R> {
        self.send(JobOptions::default().limit(limit), f, args).future
    }

    /// As [`submit`](Self::submit), with options; gives the job's number as well.
    pub fn submit_with<A: Wire, R: Wire>(
        &self,
        options: JobOptions,
        f: fn(A) -> R,
        args: A,
    ) -> Submitted<R> {
        self.send(options, f, args)
    }

    /// Runs `f(args)` in a worker and waits for the result: `submit` and `result` in one, but
    /// the reply of an idle worker is read by this very thread.
    ///
    /// # Errors
    /// Why there is no result.
    pub fn call<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Result<R, JobError> {
        if let Some(why) = self.refusal() {
            return Err(why);
        }
        if own_guard(self.guard()).is_some() {
            return self.submit(f, args).result();
        }
        let job = self.next_job.fetch_add(1, Ordering::Relaxed);
        let (item, future) = WorkItem::for_call(f, &args, job, self.guard())?;
        let terms = self.terms(JobOptions::default());
        if let Some(reader) = self.with_state(|state| state.submit_awaited(job, terms, item)) {
            self.shared.read_until_done(&future, reader);
        }
        future.result()
    }

    fn send<A: Wire, R: Wire>(&self, options: JobOptions, f: fn(A) -> R, args: A) -> Submitted<R> {
        let job = self.next_job.fetch_add(1, Ordering::Relaxed);
        if let Some(why) = self.refusal() {
            return Submitted { job, future: Future::resolved(Err(why)) };
        }
        let future = match WorkItem::for_call(f, &args, job, guard_id(&self.shared)) {
            Ok((item, future)) => {
                let terms = self.terms(options);
                self.update(|state| state.submit(job, terms, item));
                future
            }
            Err(error) => Future::resolved(Err(error)),
        };
        Submitted { job, future }
    }

    /// Queues `f` of each of `items` as one job, whose results `promise` will get. False: nothing was
    /// queued, for together they are too long for a frame.
    pub(crate) fn submit_chunk<F: RemoteFunction>(
        &self,
        options: JobOptions,
        f: F,
        items: &[F::Args],
        promise: Box<dyn Settle>,
    ) -> bool {
        if let Some(why) = self.refusal() {
            promise.settle(&[], Err(why));
            return true;
        }
        let job = self.next_job.fetch_add(1, Ordering::Relaxed);
        match WorkItem::for_chunk(f, items, job, promise) {
            ChunkItem::Ready(item) => {
                let items = u32::try_from(items.len()).unwrap_or(u32::MAX);
                let terms = Terms { items, ..self.terms(options) };
                self.update(|state| state.submit(job, terms, item));
            }
            ChunkItem::TooLong => return false,
            ChunkItem::Failed(error, promise) => promise.settle(&[], Err(error)),
        }
        true
    }

    fn terms(&self, options: JobOptions) -> Terms {
        options.terms(self.limit)
    }

    /// Ends a job that was submitted as [`killable`](JobOptions::killable) (or with a time
    /// limit). If it runs, its worker is killed and replaced, and its future gives
    /// [`JobError::WorkerLost`] with SIGKILL, whatever its `retries`; if not, it gives
    /// [`JobError::Cancelled`]. False if the job is done, or was submitted without that option and
    /// without a limit (of its own or the pool's): then nothing happens to it, queued or running.
    pub fn kill(&self, job: u64) -> bool {
        if self.is_copy() {
            return false; // the job is the original's
        }
        let mut killed = false;
        self.update(|state| killed = state.dispatcher.kill(job));
        killed
    }

    /// Makes the pool larger or smaller. Workers that are too many exit when they have done the
    /// jobs that were sent to them; those with least to do are chosen.
    ///
    /// # Errors
    /// [`PoolError::NoWorkers`] for 0; to end all workers shut the pool down. [`PoolError::Os`] in a
    /// copy that came with a fork.
    pub fn resize(&self, workers: usize) -> Result<(), PoolError> {
        self.check_origin()?;
        if workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        self.update(|state| state.dispatcher.resize(workers));
        Ok(())
    }

    /// How many workers the pool is to have; there may be less while one is being replaced. (A copy
    /// that came with a fork has none, and has counted nothing.)
    pub fn workers(&self) -> usize {
        if self.is_copy() {
            return 0;
        }
        self.shared.state.lock().dispatcher.workers_wanted()
    }

    /// How often each thing has happened.
    pub fn counts(&self) -> PoolCounts {
        if self.is_copy() {
            return PoolCounts::default();
        }
        self.shared.state.lock().dispatcher.counts()
    }

    /// What each worker has done and what it does now, in no order.
    pub fn worker_stats(&self) -> Vec<WorkerStats> {
        if self.is_copy() {
            return Vec::new();
        }
        self.shared.state.lock().worker_stats()
    }

    /// The guard that keeps the pool's own thread from waiting for the pool's futures.
    pub(crate) fn guard(&self) -> GuardId {
        guard_id(&self.shared)
    }

    /// Changes the state and does what follows from the change.
    fn update(&self, update: impl FnOnce(&mut PoolState)) {
        self.with_state(|state| {
            update(state);
            (state.advance(), ())
        });
    }

    /// Runs `act` under the lock and resolves, without it, the jobs that came out. Wakes the
    /// supervisor only for what cannot be done here.
    fn with_state<T>(&self, act: impl FnOnce(&mut PoolState) -> (Vec<FailedJob>, T)) -> T {
        let mut state = self.shared.state.lock();
        let (failed, result) = act(&mut state);
        let wake = state.needs_supervisor();
        drop(state);
        if wake {
            self.shared.wake_supervisor();
        }
        failed.into_iter().for_each(FailedJob::resolve);
        result
    }

    /// The process ids of the workers alive now.
    pub fn worker_pids(&self) -> Vec<u32> {
        if self.is_copy() {
            return Vec::new();
        }
        let state = self.shared.state.lock();
        let mut pids: Vec<u32> = state.pipes.values().map(|pipes| pipes.pid).collect();
        pids.sort_unstable();
        pids
    }

    /// Ends all workers with SIGTERM, as [`kill_workers`](Self::kill_workers) does with
    /// SIGKILL. A job that handles SIGTERM may live on, and its future with it.
    pub fn terminate_workers(&self) {
        self.end_workers(libc::SIGTERM);
    }

    /// Shuts the pool down and kills its workers. Jobs that have not begun resolve to
    /// [`JobError::Cancelled`], those that run to [`JobError::WorkerLost`]. Does not wait.
    pub fn kill_workers(&self) {
        self.end_workers(libc::SIGKILL);
    }

    fn end_workers(&self, signal: i32) {
        if self.is_copy() {
            return; // the workers are the original's
        }
        self.update(|state| {
            state.dispatcher.terminate();
            state.signal_all(signal);
        });
        self.shared.wake_supervisor();
    }

    /// Refuses new jobs with [`JobError::ShutDown`]. With `cancel_futures`, jobs not yet sent
    /// to a worker resolve to [`JobError::Cancelled`]; without, all are run first. With
    /// `wait`, blocks until every job is resolved and every worker gone. May be called again.
    ///
    /// A job that runs is never interrupted. Called from a future's callback, on the pool's
    /// own thread or on one that reads the reply of its own [`call`](Self::call), it does not wait.
    pub fn shutdown(&self, wait: bool, cancel_futures: bool) {
        if self.is_copy() {
            return; // the jobs are the original's
        }
        self.update(|state| state.dispatcher.shutdown(cancel_futures));
        self.shared.wake_supervisor();
        if wait && own_guard(self.guard()).is_none() {
            let mut supervisor = self.supervisor.lock();
            // An error would be a panic; then every future has given an error already.
            let _ = supervisor.take().map(JoinHandle::join);
        }
    }
}

/// What a copy that came with a fork does, and does not.
impl ProcessPool {
    pub(crate) fn is_copy(&self) -> bool {
        self.origin.is_copy()
    }

    fn check_origin(&self) -> io::Result<()> {
        self.origin.check("the pool", "make a fork server and a pool here")
    }

    /// Why a copy runs no job; `None` in the process that made the pool.
    pub(crate) fn refusal(&self) -> Option<JobError> {
        self.check_origin().err().map(|why| JobError::Broken(why.to_string()))
    }

    /// Lets go of what a copy has. The thread is not joined, nor detached by a drop of its handle: it
    /// is not here. The pipes are closed, if no thread had the lock at the fork: a worker that is to
    /// exit sees the end of its requests only when every copy of the pipe is closed.
    fn let_go(&mut self) {
        if let Some(mut supervisor) = self.supervisor.try_lock() {
            std::mem::forget(supervisor.take());
        }
        if let Some(mut state) = self.shared.state.try_lock() {
            state.pipes.clear();
        }
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        if self.is_copy() {
            return self.let_go();
        }
        self.shutdown(true, thread::panicking());
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPool").field("workers", &self.worker_pids()).finish_non_exhaustive()
    }
}

/// ```
/// use singletrack::futures::Executor;
/// use singletrack::process::ForkServer;
/// use singletrack::process::ProcessPool;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let pool = ProcessPool::new(&fork_server, 5)?;
///     let squares: Result<Vec<u64>, _> = pool.map(|x| x * x, [1, 2, 3]).collect();
///     assert_eq!(squares?, [1, 4, 9]);
///     Ok(())
/// }
/// ```
impl Executor for ProcessPool {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.submit(f, args)
    }

    fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.shutdown(wait, cancel_futures);
    }
}
