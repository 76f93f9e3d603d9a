//! Why a job has no value: one enum for threads, GIL threads and processes.
//!
//! *Promises*: every failure names what failed and, where there is one, the remedy.
//! *Leaves out*: the errors of one type only, such as `NoWorkers`; those stand beside the type.

use crate::sys::process::Death;
use std::fmt;
use std::time::Duration;

/// Why a job has no value. A job ends exactly once: with its value or with one of these.
///
/// CPython spreads the same facts over `CancelledError`, `TimeoutError`,
/// `BrokenProcessPool`, `BrokenThreadPool` and the job's own exception.
///
/// ```
/// use singletrack::{sys::process::Death, futures::error::JobError};
///
/// let lost = JobError::WorkerLost { pid: 4711, death: Death::Signal(9), job: 3 };
/// assert_eq!(
///     lost.to_string(),
///     "worker process 4711 was lost by signal 9 (SIGKILL) while it ran job 3"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// The job panicked; this is its message.
    Panicked(String),
    /// `cancel` came before the job started.
    Cancelled,
    /// The job ran longer than its limit and was killed.
    TimedOut(Duration),
    /// The worker process died while it ran this job. Other jobs are not affected.
    WorkerLost {
        /// The process that died.
        pid: u32,
        /// What ended it.
        death: Death,
        /// The job it was running, numbered by the pool from 0.
        job: u64,
    },
    /// Arguments or result could not be encoded or decoded; the text says which and why.
    Codec(String),
    /// The worker sent something that is no answer to the job that it had.
    Protocol(String),
    /// The executor was shut down before the job started.
    ShutDown,
    /// The executor can serve no job any more; the text says why.
    Broken(String),
    /// A worker of the job's own pool, or the thread of its own event loop, was to block until the
    /// job is done, and no thread would have been left to run it; the text says which, and what
    /// to do instead.
    WouldDeadlock(String),
    /// The promise was dropped without a result: a bug in the executor that held it.
    Abandoned,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked(message) => write!(f, "the job panicked: {message}"),
            JobError::Cancelled => write!(f, "the job was cancelled before it started"),
            JobError::TimedOut(limit) => {
                write!(f, "the job ran longer than its limit of {limit:?} and was killed")
            }
            JobError::WorkerLost { pid, death, job } => {
                write!(f, "worker process {pid} was lost by {death} while it ran job {job}")
            }
            JobError::Codec(what) => write!(f, "the job could not cross the pipe: {what}"),
            JobError::Protocol(what) => write!(f, "the worker broke the protocol: {what}"),
            JobError::ShutDown => write!(f, "the executor was shut down before the job started"),
            JobError::Broken(why) => write!(f, "the executor is broken: {why}"),
            JobError::WouldDeadlock(why) => {
                write!(f, "waiting for the job would last for ever: {why}")
            }
            JobError::Abandoned => write!(f, "the job's promise was dropped without a result"),
        }
    }
}

impl std::error::Error for JobError {}
