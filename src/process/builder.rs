//! What a pool of processes should be like, collected before it starts.
//!
//! *Assumes*: a nursery (`process/nursery.rs`).
//! *Promises*: nothing is forked and no thread started here; what cannot be is a typed error at
//! the start.
//! *Leaves out*: starting (`process/pool.rs`); what a single job may have (`process/options.rs`).

use crate::base::error::JobError;
use crate::base::wire::Wire;
use crate::process::call::encode_call;
use crate::process::descriptor::packing;
use crate::process::dispatcher::Settings;
use crate::process::hearing::INITIALIZER;
use crate::process::nursery::{Nursery, with_remedy};
use crate::process::supervisor::Initializer;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

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

/// Collects what a pool should be like; made by `ProcessPool::builder`.
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    pub(crate) nursery: Nursery,
    pub(crate) settings: Settings,
    pub(crate) limit: Option<Duration>,
    pub(crate) initializer: Option<Result<Initializer, JobError>>,
}

impl Builder {
    /// A pool of one worker for each core.
    pub(crate) fn new(nursery: &Nursery) -> Self {
        let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let settings = Settings { workers, max_tasks_per_child: None };
        Builder { nursery: nursery.clone(), settings, limit: None, initializer: None }
    }

    /// How many worker processes. Default: one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// How long any job may run. Default: for ever. See `ProcessPool::submit_within`.
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

    /// Has every worker call `f(args)` before its first job: to load what all jobs need into a
    /// static, say. Ends of pipes and queues in `args` go with every worker.
    ///
    /// If it panics, the pool is broken, as CPython's executor is: jobs that have not begun
    /// and all later ones fail with [`JobError::Broken`]. (CPython's `Pool` starts such
    /// workers again and again, for ever.) A worker that dies in it is replaced, some times.
    #[doc(alias = "initargs")]
    pub fn initializer<A: Wire>(mut self, f: fn(A), args: A) -> Self {
        let (frame, descriptors) = packing(|| encode_call(f, &args, INITIALIZER));
        self.initializer =
            Some(frame.map(|frame| Initializer { frame: Arc::new(frame), descriptors }));
        self
    }
}
