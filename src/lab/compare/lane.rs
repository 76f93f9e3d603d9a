//! A lane takes jobs one after another: its queue, its figures, where its time goes.
//!
//! *Promises*: every job is taken once; a checksum does not depend on which lane did which job
//! when; after a failure no further job is begun,
//! unless the queue keeps going; then the failure is counted.
//! *Leaves out*: how lanes run side by side (`lab/compare/threads.rs`, `lab/compare/loops.rs`,
//! `lab/compare/processes.rs`).
//!
//! ```text
//!   WorkQueue  job 0 · job 1 · job 2 · …      a lane is a thread, a task or a worker process
//!                │       │       │
//!              lane    lane    lane           take a job, run it, record it, again
//!                └───────┼───────┘
//!                    LaneStats                merged when the lanes have ended
//! ```
//!
//! # Where the time goes
//!
//! A lane lasts from the start of its thread or task to its end; in a pool, a worker counts as a
//! lane while it does a job. The comparison splits the time of all lanes, added up, in three:
//!
//! | column | what it is | where it is read |
//! | --- | --- | --- |
//! | on CPU | CPU time of the model's process and of those below it | `lab/report/measure.rs` |
//! | GIL wait | from asking for the lock to having it, after a sleep | [`LockUse::wait_ns`] |
//! | blocked | `lane_ns` − `cpu_ns` − `wait_ns`, but not less than 0 | [`ModelRun::blocked_ns`] |
//!
//! So *blocked* is a rest: waiting for I/O, for a worker, for another task of the same loop, or for
//! a free core. It is as good as what is subtracted:
//!
//! * `cpu_ns` is the CPU time of the threads behind the lanes, by their own clocks, while the lanes
//!   lasted: of a loop's one thread, from when the loop is made; of a pool's workers, while they do
//!   a job or a computation. *On CPU* is what `wait4` says, which is more: the start and the end of
//!   every process and thread are in it. So the three columns may come to more than the lanes
//!   lasted.
//! * A thread that waits for the lock wakes up at each interval to ask for it. That little CPU time
//!   is in `cpu_ns` and in `wait_ns`, so *blocked* is too small by it.
//! * A thread that was asked to drop the lock sleeps until another has taken it (Python 3.2 and
//!   later). The lock does not count that as waiting, so it is in *blocked*.

use crate::base::random::mix;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::gil::rules::decision::nanos;
use crate::lab::compare::job::{self, Calls, Job, JobContext};
use crate::lab::report::failure::Failure;
use crate::sys::usage::thread_cpu_time;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Jobs to be taken, first come, first served.
#[derive(Debug)]
pub struct WorkQueue {
    jobs: Vec<Job>,
    next: AtomicUsize,
    keeps_going: bool,
}

impl WorkQueue {
    /// A queue of these jobs.
    pub fn new(jobs: Vec<Job>) -> WorkQueue {
        WorkQueue { jobs, next: AtomicUsize::new(0), keeps_going: false }
    }

    /// Whether a job that fails is only counted.
    pub fn keep_going(self, keeps_going: bool) -> WorkQueue {
        WorkQueue { keeps_going, ..self }
    }

    /// The next job and its number; `None` when all are taken or the queue is closed.
    pub fn take(&self) -> Option<(usize, &Job)> {
        // Relaxed: lanes share nothing but the number; the jobs were there before them.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.jobs.get(number).map(|job| (number, job))
    }

    /// No further job will be taken.
    pub fn close(&self) {
        self.next.store(self.jobs.len(), Ordering::Relaxed);
    }
}

/// What one lane, or several, have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStats {
    /// How long each job took, from the moment a lane took it, in no particular order.
    pub latencies_ns: Vec<u64>,
    /// All values together with their job numbers, in any order.
    pub checksum: u64,
    /// How long the lanes lasted, added up.
    pub lane_ns: u64,
    /// How much CPU time the threads behind the lanes used meanwhile.
    pub cpu_ns: u64,
    /// Why jobs failed, one entry each, where the queue keeps going.
    pub failed: Vec<Failure>,
}

impl LaneStats {
    /// A job has failed. If the queue keeps going, that is recorded; else it is closed.
    ///
    /// # Errors
    /// The failure, if the queue does not keep going.
    pub fn fail(&mut self, failure: Failure, queue: &WorkQueue) -> Result<(), Failure> {
        if !queue.keeps_going {
            queue.close();
            return Err(failure);
        }
        self.failed.push(failure);
        Ok(())
    }

    /// Records that job `number` came to `value` after `latency`.
    pub fn record(&mut self, number: usize, value: u64, latency: Duration) {
        self.latencies_ns.push(nanos(latency));
        self.checksum = self.checksum.wrapping_add(mix(mix(number as u64 + 1) ^ value));
    }

    /// Adds another lane's figures to these.
    pub fn merge(&mut self, mut other: LaneStats) {
        self.latencies_ns.append(&mut other.latencies_ns);
        self.checksum = self.checksum.wrapping_add(other.checksum);
        self.lane_ns += other.lane_ns;
        self.cpu_ns += other.cpu_ns;
        self.failed.append(&mut other.failed);
    }
}

/// How often the interpreter lock was dropped, and how long threads waited for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockUse {
    /// Time that threads waited for the lock, added up.
    pub wait_ns: u64,
    /// Times it was dropped at a checkpoint: another thread had asked, or the ticks ran out.
    pub forced: u64,
    /// Times it was dropped around a blocking call, or at the end of a lane.
    pub voluntary: u64,
}

/// What a model knows of its own run. It crosses the pipe from the child to the command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRun {
    /// From before the model began to start anything until the last lane had ended.
    pub wall_ns: u64,
    /// What the lanes did.
    pub lanes: LaneStats,
    /// What the lock did; nothing where there is none.
    pub lock: LockUse,
}

impl ModelRun {
    /// How long the lanes were neither on a CPU nor waiting for the lock.
    pub fn blocked_ns(&self) -> u64 {
        let LaneStats { lane_ns, cpu_ns, .. } = self.lanes;
        lane_ns.saturating_sub(cpu_ns).saturating_sub(self.lock.wait_ns)
    }
}

/// One lane: takes jobs until there are none.
///
/// # Errors
/// The first failure of a job; the queue is then closed, so that the other lanes end too. None if
/// it keeps going.
pub async fn run_lane(
    context: &mut JobContext<impl Calls>,
    queue: &WorkQueue,
) -> Result<LaneStats, Failure> {
    let mut stats = LaneStats::default();
    while let Some((number, job)) = queue.take() {
        let start = Instant::now();
        match job::run(context, job).await {
            Ok(value) => stats.record(number, value, start.elapsed()),
            Err(failure) => stats.fail(failure, queue)?,
        }
    }
    Ok(stats)
}

/// Runs a lane that has a thread of its own, and adds how long it lasted and what CPU time it
/// used. The wait for a lock before the first job is part of it.
///
/// # Errors
/// Those of the lane.
pub fn timed(lane: impl FnOnce() -> Result<LaneStats, Failure>) -> Result<LaneStats, Failure> {
    let (start, cpu) = (Instant::now(), thread_cpu_time());
    let mut stats = lane()?;
    stats.cpu_ns = nanos(thread_cpu_time().saturating_sub(cpu));
    stats.lane_ns = nanos(start.elapsed());
    Ok(stats)
}
