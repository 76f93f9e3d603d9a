//! What can be chosen for a job, and for a map of many.
//!
//! *Assumes*: nothing; a pool of `process/builder.rs` has its own limit, where a job has none.
//! *Promises*: the default of every choice is CPython's, where it has one.
//! *Leaves out*: what can be chosen for a whole pool (`process/builder.rs`).

use crate::concurrent::future::Future;
use crate::process::roster::Terms;
use std::num::NonZeroUsize;
use std::time::Duration;

/// What is agreed on for one job.
///
/// ```
/// use singletrack::process::options::JobOptions;
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

    /// The same for the dispatcher. `limit` is the pool's.
    pub(crate) fn terms(self, limit: Option<Duration>) -> Terms {
        let limit = self.limit.or(limit);
        let limit = limit.map(|l| u64::try_from(l.as_nanos()).unwrap_or(u64::MAX));
        Terms { limit, retries: self.retries, alone: self.killable }
    }
}

/// A job's number, as it stands in [`WorkerLost`](crate::base::error::JobError::WorkerLost), and its future.
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
/// use singletrack::process::options::{JobOptions, MapOptions};
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
    /// four jobs; for `imap`, 1.
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
    /// Default: all is run, and then the first failure told, as in CPython.
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
