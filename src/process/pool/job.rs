//! A job in the pool: what was agreed on, how it came out, and how many came out how. Pure.
//!
//! *Assumes*: each job is counted once when it is submitted and once when it comes out.
//! *Promises*: the counts balance: submitted = answered + the other outcomes + the jobs that are
//! still in the pool.
//! *Leaves out*: the rules by which a job comes out (`process/pool/dispatcher.rs`); the bytes and the
//! promise of a job (`process/pool/work_item.rs`).
//!
//! ```text
//!   PoolJob { id, terms, body }  ──▶ answered by a worker
//!                                ──▶ Cancelled, TimedOut, Lost, Protocol, ShutDown or Broken
//! ```

use crate::base::id::Key;

/// What was agreed on for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// How long it may run, in nanoseconds.
    pub limit: Option<u64>,
    /// How often it may be sent again after a worker died that may have begun it.
    pub retries: u32,
    /// It is sent only to a worker that holds no other, so that it can be killed.
    pub alone: bool,
}

impl Terms {
    /// Whether killing its worker must endanger no other job.
    pub(crate) fn travels_alone(&self) -> bool {
        self.alone || self.limit.is_some()
    }
}

/// One job on its way through the pool. `B` is what the caller needs to send and to resolve
/// it; the dispatcher only moves it.
#[derive(Debug)]
pub struct PoolJob<B> {
    /// Its number.
    pub id: u64,
    /// What was agreed on.
    pub terms: Terms,
    /// The caller's part.
    pub body: B,
}

/// Why a job came out without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It was cancelled before it was sent.
    Cancelled,
    /// It ran past its limit, in nanoseconds.
    TimedOut(u64),
    /// This worker died, or was killed, and may have begun it.
    Lost(Key),
    /// This worker, which had it, broke the protocol: how.
    Protocol(Key, String),
    /// It was submitted after the shutdown.
    ShutDown,
    /// No worker can be started any more.
    Broken,
}

/// How often each thing has happened since the pool began.
///
/// ```
/// use singletrack::process::pool::job::{JobOutcome, PoolCounts};
///
/// let mut counts = PoolCounts { submitted: 2, answered: 1, ..PoolCounts::default() };
/// counts.record(&JobOutcome::Cancelled);
/// assert_eq!(counts.submitted, counts.resolved());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Jobs that were submitted. (A chunk of a `map` is one.)
    pub submitted: u64,
    /// Jobs that a worker answered, with a value, a panic or a refusal.
    pub answered: u64,
    /// Jobs cancelled before they were sent.
    pub cancelled: u64,
    /// Jobs killed because they ran too long.
    pub timed_out: u64,
    /// Jobs lost with their workers, or killed.
    pub lost: u64,
    /// Jobs whose workers broke the protocol.
    pub protocol: u64,
    /// Jobs that were submitted after the shutdown.
    pub shut_down: u64,
    /// Jobs for which no worker could be started.
    pub broken: u64,
    /// Times a job that was lost was sent again, as its `retries` allow.
    pub retried: u64,
    /// Workers that were forked.
    pub workers_started: u64,
    /// Workers that are dead and reaped, whatever ended them.
    pub workers_ended: u64,
}

impl PoolCounts {
    /// A job came out without an answer.
    pub fn record(&mut self, outcome: &JobOutcome) {
        *match outcome {
            JobOutcome::Cancelled => &mut self.cancelled,
            JobOutcome::TimedOut(_) => &mut self.timed_out,
            JobOutcome::Lost(_) => &mut self.lost,
            JobOutcome::Protocol(..) => &mut self.protocol,
            JobOutcome::ShutDown => &mut self.shut_down,
            JobOutcome::Broken => &mut self.broken,
        } += 1;
    }

    /// Jobs that have left the pool, with or without an answer.
    pub fn resolved(&self) -> u64 {
        let failed = self.timed_out + self.lost + self.protocol + self.shut_down + self.broken;
        self.answered + self.cancelled + failed
    }
}
