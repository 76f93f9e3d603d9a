//! The queue that lanes take jobs from, and the account they keep.
//!
//! *Assumes*: nothing of the model; only [`Context`].
//! *Promises*: every job is taken once; a checksum does not depend on who did what when;
//! after a failure no further job is begun.
//! *Leaves out*: how lanes run side by side (`lab/threads.rs`, `lab/loops.rs`, `lab/processes.rs`).
//!
//! ```text
//!   Queue  job 0 · job 1 · job 2 · …          a lane is a thread, a task or a process
//!            │       │       │
//!          lane    lane    lane               take a job, run it, write it down, again
//!            └───────┼───────┘
//!                  Tally                      merged when the lanes have ended
//! ```

use crate::base::random::mix;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::gil::verdict::nanos;
use crate::lab::context::Context;
use crate::lab::failure::Failure;
use crate::lab::workload::{self, Job};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Jobs to be taken, first come, first served.
#[derive(Debug)]
pub struct Queue {
    jobs: Vec<Job>,
    next: AtomicUsize,
}

impl Queue {
    /// A queue of these jobs.
    pub fn new(jobs: Vec<Job>) -> Queue {
        Queue { jobs, next: AtomicUsize::new(0) }
    }

    /// All the jobs, taken or not.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The next job and its number; `None` when all are taken or the queue is closed.
    pub fn take(&self) -> Option<(usize, &Job)> {
        // Relaxed: the number is all that lanes share; the jobs were there before them.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.jobs.get(number).map(|job| (number, job))
    }

    /// No further job will be taken.
    pub fn close(&self) {
        self.next.store(self.jobs.len(), Ordering::Relaxed);
    }
}

/// What a lane, or several, have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How long each job took, from the moment a lane took it, in no particular order.
    pub latencies_ns: Vec<u64>,
    /// All values together with their job numbers, in any order.
    pub checksum: u64,
    /// How long the lanes lasted, added up. Every nanosecond of it was spent on a CPU,
    /// waiting for the lock, or blocked elsewhere.
    pub lane_ns: u64,
    /// How much of it the threads behind the lanes spent on a CPU.
    pub cpu_ns: u64,
}

impl Tally {
    /// Writes down that job `number` came to `value` after `latency`.
    pub fn record(&mut self, number: usize, value: u64, latency: Duration) {
        self.latencies_ns.push(nanos(latency));
        self.checksum = self.checksum.wrapping_add(mix(mix(number as u64 + 1) ^ value));
    }

    /// Adds another lane's account to this one.
    pub fn merge(&mut self, mut other: Tally) {
        self.latencies_ns.append(&mut other.latencies_ns);
        self.checksum = self.checksum.wrapping_add(other.checksum);
        self.lane_ns += other.lane_ns;
        self.cpu_ns += other.cpu_ns;
    }
}

/// One lane: takes jobs until there are none.
///
/// # Errors
/// The first failure of a job; the queue is then closed, so that the other lanes end too.
pub async fn lane(context: &mut impl Context, queue: &Queue) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while let Some((number, job)) = queue.take() {
        let start = Instant::now();
        let value = workload::run(context, job).await.inspect_err(|_| queue.close())?;
        tally.record(number, value, start.elapsed());
    }
    Ok(tally)
}
