//! What becomes of jobs: the verdicts, and how many there were of each. Pure.
//!
//! *Assumes*: each job is entered once when it comes and once when it goes.
//! *Promises*: the books balance: submitted = answered + the verdicts + what is in the pool.
//! *Leaves out*: who passes the verdicts (`process/dispatcher.rs`).

use crate::base::slab::Key;

/// Why a job came out without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was cancelled before it was sent.
    Cancelled,
    /// It ran past its limit, in nanoseconds.
    TimedOut(u64),
    /// This worker died, or was killed, and may have begun it.
    Lost(Key),
    /// This worker, which had it, broke the protocol: how.
    Protocol(Key, String),
    /// It came after the shutdown.
    ShutDown,
    /// No worker can be had any more.
    Broken,
}

/// How often each thing happened in a pool's life.
///
/// ```
/// use singletrack::process::account::{Counts, Verdict};
///
/// let mut counts = Counts { submitted: 2, answered: 1, ..Counts::default() };
/// counts.enter(&Verdict::Cancelled);
/// assert_eq!(counts.submitted, counts.resolved());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Jobs that came. (A chunk of a `map` is one.)
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
    /// Jobs that came after the shutdown.
    pub shut_down: u64,
    /// Jobs that no worker could be had for.
    pub broken: u64,
    /// Times a job that was lost was sent again, as its `retries` allow.
    pub retried: u64,
    /// Workers that were forked.
    pub workers_started: u64,
    /// Workers that are dead and collected, whatever ended them.
    pub workers_ended: u64,
}

impl Counts {
    /// A job came out with this verdict.
    pub fn enter(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Cancelled => &mut self.cancelled,
            Verdict::TimedOut(_) => &mut self.timed_out,
            Verdict::Lost(_) => &mut self.lost,
            Verdict::Protocol(..) => &mut self.protocol,
            Verdict::ShutDown => &mut self.shut_down,
            Verdict::Broken => &mut self.broken,
        } += 1;
    }

    /// Jobs that are out of the pool, one way or another.
    pub fn resolved(&self) -> u64 {
        let failed = self.timed_out + self.lost + self.protocol + self.shut_down + self.broken;
        self.answered + self.cancelled + failed
    }
}
