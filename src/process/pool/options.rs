//! What can be chosen for a pool, for a job, and for a map of many jobs.
//!
//! *Assumes*: a fork server (`process/forkserver/client.rs`).
//! *Promises*: the default of every choice is CPython's, where it has one; nothing is forked and no
//! thread started here; what cannot be is a typed error at the start.
//! *Leaves out*: starting the pool (`process/pool/process_pool.rs`).

use crate::futures::error::JobError;
use crate::futures::future::Future;
use crate::futures::wire::Wire;
use crate::process::forkserver::client::ForkServer;
use crate::process::forkserver::error::with_remedy;
use crate::process::message::call::encode_call;
use crate::process::message::descriptor::packing;
use crate::process::pool::dispatcher::Settings;
use crate::process::pool::job::Terms;
use crate::process::pool::replies::INITIALIZER;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, thread};

/// What is agreed on for one job.
///
/// ```
/// use singletrack::process::JobOptions;
/// use std::time::Duration;
///
/// let patient = JobOptions::default().retries(3).limit(Duration::from_secs(60));
/// # let _ = patient;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct JobOptions {
    limit: Option<Duration>,
    retries: u32,
    killable: bool,
}

impl JobOptions {
    /// How long it may run, instead of the pool's time limit.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Declares the job idempotent: if its worker dies while it runs, it is sent to another,
    /// so many times at most. Without this a job that may have begun is never run again.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Has the job sent only to an idle worker, so that `ProcessPool::kill` can end it without
    /// harm to another.
    #[must_use]
    pub fn killable(mut self) -> Self {
        self.killable = true;
        self
    }

    /// The terms for the dispatcher. `limit` is the pool's, for a job that has none of its own.
    pub(crate) fn terms(self, limit: Option<Duration>) -> Terms {
        let limit = self.limit.or(limit);
        let limit = limit.map(|l| u64::try_from(l.as_nanos()).unwrap_or(u64::MAX));
        Terms { limit, retries: self.retries, alone: self.killable, items: 0 }
    }
}

/// A job's number, as it stands in [`WorkerLost`](crate::futures::error::JobError::WorkerLost), and its future.
#[derive(Debug)]
pub struct Submitted<R> {
    /// Its number in its pool.
    pub job: u64,
    /// Its result.
    pub future: Future<R>,
}

/// How a `map` is cut into jobs, and what happens when one of them fails.
///
/// ```
/// use singletrack::process::{JobOptions, MapOptions};
///
/// let options = MapOptions::default().chunksize(100).fail_fast().job(JobOptions::default());
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MapOptions {
    pub(crate) chunksize: Option<NonZeroUsize>,
    pub(crate) buffersize: Option<NonZeroUsize>,
    pub(crate) fail_fast: bool,
    pub(crate) job: JobOptions,
}

impl MapOptions {
    /// How many items make a job; 0 is taken for 1. Default: for `map`, what gives each worker
    /// four jobs; for `imap`, 1. Items that are too long for one frame (64 MiB) make several jobs;
    /// results that are come back in parts. Only a single item may not be that long.
    #[must_use]
    pub fn chunksize(mut self, items: usize) -> Self {
        self.chunksize = NonZeroUsize::new(items.max(1));
        self
    }

    /// For `imap`: how many jobs may be under way, or done and not yet taken; 0 is taken for 1.
    /// Default: what the workers can hold at most. (CPython submits all there are.)
    #[must_use]
    pub fn buffersize(mut self, jobs: usize) -> Self {
        self.buffersize = NonZeroUsize::new(jobs.max(1));
        self
    }

    /// For `map`: gives up at the first failure, reads no further, and cancels what has not begun.
    /// Default: all is run, and then the first failure is the error, as in CPython.
    #[must_use]
    pub fn fail_fast(mut self) -> Self {
        self.fail_fast = true;
        self
    }

    /// What is agreed on for each job, that is, for each chunk.
    #[must_use]
    pub fn job(mut self, options: JobOptions) -> Self {
        self.job = options;
        self
    }
}

/// Why there is no pool.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool of no workers was asked for.
    NoWorkers,
    /// `max_tasks_per_child` was 0: its workers could do nothing.
    NoTasks,
    /// The initializer's argument cannot be sent to a worker.
    Initializer(JobError),
    /// The operating system refused.
    Os(io::Error),
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::NoWorkers => {
                write!(f, "a pool of 0 workers would never run a job; give at least 1")
            }
            PoolError::NoTasks => {
                write!(f, "max_tasks_per_child is 0, so no worker would run a job; give at least 1")
            }
            PoolError::Initializer(error) => write!(f, "the initializer cannot be sent: {error}"),
            PoolError::Os(error) => {
                write!(f, "the pool could not be started: {}", with_remedy(error))
            }
        }
    }
}

impl std::error::Error for PoolError {}

impl From<io::Error> for PoolError {
    fn from(error: io::Error) -> Self {
        PoolError::Os(error)
    }
}

/// What every worker runs before its first job, and the descriptors that go with it.
pub(crate) struct InitializerCall {
    pub(crate) frame: Arc<Vec<u8>>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Collects the options of a pool; made by `ProcessPool::builder`.
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    pub(crate) fork_server: ForkServer,
    workers: Option<usize>,
    max_tasks: Option<u32>,
    pub(crate) limit: Option<Duration>,
    pub(crate) initializer: Option<Result<InitializerCall, JobError>>,
}

impl Builder {
    /// A pool of one worker for each core.
    pub(crate) fn new(fork_server: &ForkServer) -> Self {
        Builder {
            fork_server: fork_server.clone(),
            workers: None,
            max_tasks: None,
            limit: None,
            initializer: None,
        }
    }

    /// What was chosen, for the dispatcher. To count the cores takes longer than to start a thread (a dozen
    /// system calls, for files of the cgroup), so it is done only where the number is needed.
    pub(crate) fn settings(&self) -> Settings {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = self.workers.unwrap_or_else(cores);
        Settings { workers, max_tasks_per_child: self.max_tasks }
    }

    /// How many worker processes. Default: one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How long any job may run. Default: for ever. See `ProcessPool::submit_within`.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Replaces a worker by a fresh one after so many jobs. Default: never. CPython refuses
    /// this with fork, because its parent has threads by then; the fork server has none.
    pub fn max_tasks_per_child(mut self, tasks: u32) -> Self {
        self.max_tasks = Some(tasks);
        self
    }

    /// Has every worker call `f(args)` before its first job: to load what all jobs need into a
    /// static, say. Ends of pipes and queues in `args` go with every worker.
    ///
    /// If it panics, the pool is broken, as CPython's executor is: jobs that have not begun
    /// and all later ones fail with [`JobError::Broken`]. (CPython's `Pool` starts such
    /// workers again and again, for ever.) A worker that dies in it is replaced, a few times.
    #[doc(alias = "initargs")]
    pub fn initializer<A: Wire>(mut self, f: fn(A), args: A) -> Self {
        let (frame, descriptors) = packing(|| encode_call(f, &args, INITIALIZER));
        self.initializer =
            Some(frame.map(|frame| InitializerCall { frame: Arc::new(frame), descriptors }));
        self
    }
}
