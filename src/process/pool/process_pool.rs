//! The process pool: functions submitted here run in forked workers.
//!
//! *Assumes*: a fork server (`process/forkserver/client.rs`).
//! *Promises*: every submitted job resolves exactly once; a worker's death fails only the job
//! it ran, and it is replaced; a future says that its job runs when that is true, and until then it
//! can be cancelled; values of any size up to a frame's limit pass, both ways at once, if their types
//! arrive at all (`Wire` names those that do not); nothing is left behind when the pool is gone. A copy
//! that came with a fork does nothing to the pool; a job that is submitted there fails with an error.
//! *Leaves out*: `map`, which comes with the `Executor` trait (`futures/executor.rs`), and
//! what `multiprocessing.Pool` has besides (`process/pool/multiprocessing.rs`).
//!
//! ```text
//!   any thread          state (one lock)     the thread that leads        fork server
//!   submit ─────▶ records, write ─┐                 ▲                        │ fork
//!      ▲                         ▼ request pipe     │ reply pipe, pidfd      ▼
//!      │                      worker ───────────────┘               new worker
//!    future ◀──────────────────────────── resolve
//! ```
//! `concurrent.futures.ProcessPoolExecutor` in Python, where one killed worker breaks the
//! whole pool, and `multiprocessing.Pool`, where its job hangs for ever (gh-96062). There is
//! no lock between processes that a killed worker could hold: each has two pipes of its own.
//!
//! **What a job has started** (with `Command`, say) is killed with its worker, by a limit, `kill` or
//! `kill_workers`, as far as `sys/process_tree.rs` says. What it leaves when the job returns, or when worker or program die by themselves, lives on.
//! Against that helps `PR_SET_PDEATHSIG` in the command's `pre_exec`. (CPython kills none of it.)
//!
//! **Large values** go by memory that pool and worker share (`process/message/segment.rs`), up to 4 MiB;
//! longer ones by the pipe. What a mebibyte costs is then mostly page faults, if malloc gives freed memory
//! back. So from its first large value on the program has glibc's keep up to 8 MiB, as a worker does,
//! unless `MALLOC_TRIM_THRESHOLD_` or `MALLOC_MMAP_THRESHOLD_` say what it is to keep.

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
use crate::process::pool::pool_shared::{Forking, JobsInPool, PoolShared};
use crate::process::pool::pool_state::PoolState;
use crate::process::pool::recording::PoolRecording;
use crate::process::pool::supervisor::start_crew;
use crate::process::pool::worker::WorkerStats;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io, thread};

impl Builder {
    /// Starts the pool: two threads here, of which one leads and one takes over if that one is held up
    /// (more, if user code is slow in many places at once), and the workers.
    ///
    /// # Errors
    /// [`PoolError`]. If workers cannot be forked, that is no error of this call: it is tried for
    /// a while, and then every job resolves to [`JobError::Broken`].
    pub fn start(self) -> Result<ProcessPool, PoolError> {
        let settings = self.settings();
        if settings.workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        if settings.max_tasks_per_child == Some(0) {
            return Err(PoolError::NoTasks);
        }
        self.fork_server.check_origin()?;
        let initializer = self.initializer.transpose().map_err(PoolError::Initializer)?;
        let forking = Forking { fork_server: self.fork_server, initializer };
        let shared = start_crew(forking, settings)?;
        Ok(ProcessPool {
            origin: Origin::here(),
            shared,
            joining: Mutex::new(()),
            next_job: AtomicU64::new(0),
            next_group: AtomicU64::new(1 << 63),
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
    /// Held by the thread that joins the pool's threads; others wait for it meanwhile.
    joining: Mutex<()>,
    next_job: AtomicU64,
    /// No job has such a number.
    next_group: AtomicU64,
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

    /// Queues `f(args)`. The future is `running` when a worker has begun the job, and can be cancelled
    /// until then, also if the job was sent to a worker ahead. While any worker is idle, no job waits
    /// behind another for more than a moment. Never blocks on the job; the future gives all failures.
    ///
    /// A callback of such a future runs on one of the pool's own threads. It may take its time: other
    /// answers and time limits do not wait for it. If it waits there for another job of the pool
    /// without a time limit, that job fails with [`JobError::WouldDeadlock`].
    pub fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.send(JobOptions::default(), f, args).future
    }

    /// As [`submit`](Self::submit), but the job may run no longer than `limit` after it was
    /// sent: then its worker is killed and replaced, and the future gives
    /// [`JobError::TimedOut`]. Limits are kept to about a millisecond, also while a callback, a
    /// `Deserialize`, a fork or the fork server takes long. What the job has started is killed, too,
    /// as far as it is attached to the worker.
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
        let (item, future) = WorkItem::for_call(f, &args, job, self.guard(), self.place(job))?;
        let terms = self.terms(JobOptions::default());
        if let Some(reader) = self.shared.with_state(|state| state.submit_awaited(job, terms, item))
        {
            self.shared.read_until_answered(job, &future, reader);
        }
        future.result()
    }

    fn send<A: Wire, R: Wire>(&self, options: JobOptions, f: fn(A) -> R, args: A) -> Submitted<R> {
        let job = self.next_job.fetch_add(1, Ordering::Relaxed);
        if let Some(why) = self.refusal() {
            return Submitted { job, future: Future::resolved(Err(why)) };
        }
        let future = match WorkItem::for_call(f, &args, job, self.guard(), self.place(job)) {
            Ok((item, future)) => {
                let terms = self.terms(options);
                self.shared.submit(job, terms, item);
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
        group: u64,
        promise: Box<dyn Settle>,
    ) -> bool {
        if let Some(why) = self.refusal() {
            promise.settle(&[], Err(why));
            return true;
        }
        let job = self.next_job.fetch_add(1, Ordering::Relaxed);
        match WorkItem::for_chunk(f, items, job, group, promise) {
            ChunkItem::Ready(item) => {
                let items = u32::try_from(items.len()).unwrap_or(u32::MAX);
                let terms = Terms { items, ..self.terms(options) };
                self.shared.submit(job, terms, item);
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

    /// How many workers the pool is to have, or will have soon. (A copy that came with a fork has none.)
    pub fn workers(&self) -> usize {
        self.read(|state| state.dispatcher.workers_wanted())
    }

    /// How often each thing has happened.
    pub fn counts(&self) -> PoolCounts {
        self.read(|state| state.dispatcher.counts())
    }

    /// What each worker has done and what it does now, in no order.
    pub fn worker_stats(&self) -> Vec<WorkerStats> {
        self.read(|state| state.worker_stats())
    }

    /// Records what happens from now on, with room for so many events; 0: no more.
    pub fn record(&self, capacity: usize) {
        self.read(|state| state.record(capacity));
    }

    /// What was recorded.
    pub fn recording(&self) -> PoolRecording {
        self.read(|state| state.recording())
    }

    /// Asks the state; in a copy there is nothing.
    fn read<T: Default>(&self, read: impl FnOnce(&mut PoolState) -> T) -> T {
        if self.is_copy() { T::default() } else { read(&mut self.shared.state.lock()) }
    }

    /// A number for the jobs of one `map`.
    pub(crate) fn new_group(&self) -> u64 {
        self.next_group.fetch_add(1, Ordering::Relaxed)
    }

    /// Where a future finds the jobs of this group, to know whether one has begun.
    pub(crate) fn place(&self, group: u64) -> JobsInPool {
        JobsInPool::new(&self.shared, group)
    }

    /// Takes back the jobs of this group that have not begun, and drops those that are not wanted.
    pub(crate) fn withdraw(&self, group: u64) {
        self.update(|state| _ = state.withdraw(group, false));
    }

    /// The guard that keeps the pool's own thread from waiting for the pool's futures.
    pub(crate) fn guard(&self) -> GuardId {
        guard_id(&self.shared)
    }

    /// Changes the state and does what follows from the change.
    fn update(&self, update: impl FnOnce(&mut PoolState)) {
        self.shared.with_state(|state| {
            update(state);
            (state.advance(), ())
        });
    }

    /// The process ids of the workers alive now.
    pub fn worker_pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.read(|state| state.pipes.values().map(|p| p.pid).collect());
        pids.sort_unstable();
        pids
    }

    /// Ends all workers with SIGTERM. A job that handles it may live on, and its future with it.
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
            state.take_back_all();
            state.dispatcher.terminate();
            state.signal_all(signal);
        });
    }

    /// Refuses new jobs with [`JobError::ShutDown`]. With `cancel_futures`, those that have not begun
    /// come out as [`JobError::Cancelled`]; without, all are run first. May be called again. With
    /// `wait`, blocks until every worker is gone and every job resolved, but for those that another
    /// thread is cancelling meanwhile.
    ///
    /// A job that runs is never interrupted. Called from a future's callback on one of the pool's own
    /// threads, it does not wait.
    pub fn shutdown(&self, wait: bool, cancel_futures: bool) {
        if self.is_copy() {
            return; // the jobs are the original's
        }
        self.update(|state| {
            if cancel_futures {
                state.take_back_all();
            }
            state.dispatcher.shutdown(cancel_futures);
        });
        if wait && own_guard(self.guard()).is_none() {
            let _joining = self.joining.lock();
            self.shared.crew.join();
        }
    }

    /// Whether it came with a fork.
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

    /// Lets go of what a copy has. The threads are not here, so their handles are leaked, not dropped.
    /// The pipes are closed, if no thread had the lock at the fork: a worker that is to exit sees the
    /// end of its requests only when every copy of the pipe is closed.
    fn let_go(&mut self) {
        if let Some(mut state) = self.shared.state.try_lock() {
            state.pipes.clear();
        }
        std::mem::forget(Arc::clone(&self.shared));
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
