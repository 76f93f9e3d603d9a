//! A lane takes jobs one after another: its queue, its figures, where its time goes.
//!
//! *Promises*: every job is taken once, if there is time for it; a checksum does not depend on which lane
//! did which job when; after a failure no further job is begun, unless the queue keeps going; then the
//! failure is counted.
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
//! The clock starts when the model is ready: its threads run, its workers are forked, and the
//! connections of the built-in I/O cases are open. It stops when the last lane has ended; until the
//! run has been weighed ([`Phase`]), no thread and no connection goes. A lane lasts from that start to
//! its end; in a pool, a worker counts as a lane while it does a job. At each moment a lane does
//! one of three things, so these add up to the time of all lanes. Two are measured where they
//! happen:
//!
//! | column | what it is | where it is read |
//! | --- | --- | --- |
//! | computing | the rest: its own work, with a core or waiting for one | [`ModelRun::computing_ns`] |
//! | GIL wait | from asking for the lock to having it, after a sleep | [`LockUse::wait_ns`] |
//! | blocked | in calls: I/O, a file; under a loop, until it is the task's turn again | [`Calls::blocked`] |
//!
//! Beside them stand what the kernel counts of all threads of the run while the clock ran
//! (`lab/compare/footprint.rs`): how long they were on a core (*CPU*), and how long they could have
//! run and had none (*no core*). These cut across the three: a thread that has just got the lock may
//! have no core, and a system call takes a core for a while.
//!
//! A thread that was made to drop the lock (Python 3.2 and later) waits from that moment for its next
//! turn: the sleep for the switch is in *GIL wait*. Only one that drops it to make a call, while a waiter
//! asks, sleeps for the switch uncounted, before its call begins: that is in *computing*.

use crate::base::random::mix;
use crate::base::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::gil::rules::decision::nanos;
use crate::lab::compare::context::{Calls, JobContext};
use crate::lab::compare::footprint::Footprint;
use crate::lab::compare::job::{self, Job};
use crate::lab::report::failure::Failure;
use crate::sys::usage::monotonic_time;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Jobs to be taken, first come, first served.
#[derive(Debug)]
pub struct WorkQueue {
    jobs: Vec<Job>,
    next: AtomicUsize,
    keeps_going: bool,
    limit: Option<Duration>,
    /// On the system's clock, so that a forked worker can hold it against its own.
    deadline_ns: AtomicU64,
}

impl WorkQueue {
    /// A queue of these jobs.
    pub fn new(jobs: Vec<Job>) -> WorkQueue {
        let next = AtomicUsize::new(0);
        let deadline_ns = AtomicU64::new(u64::MAX);
        WorkQueue { jobs, next, keeps_going: false, limit: None, deadline_ns }
    }

    /// Whether a job that fails is only counted.
    pub fn keep_going(self, keeps_going: bool) -> WorkQueue {
        WorkQueue { keeps_going, ..self }
    }

    /// No job is begun later than this after the clock has started.
    pub fn within(self, limit: Option<Duration>) -> WorkQueue {
        WorkQueue { limit, ..self }
    }

    /// The clock starts.
    pub fn begin(&self) {
        if let Some(limit) = self.limit {
            let deadline = monotonic_time().saturating_add(nanos(limit));
            // Relaxed, as the rest: what lanes share is not ordered by it.
            self.deadline_ns.store(deadline, Ordering::Relaxed);
        }
    }

    /// When jobs are no longer begun: [`monotonic_time`] of that moment.
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns.load(Ordering::Relaxed)
    }

    /// The next job and its number; `None` when all are taken, the queue is closed or the time is
    /// up.
    pub fn take(&self) -> Option<(usize, &Job)> {
        if self.limit.is_some() && monotonic_time() >= self.deadline_ns() {
            self.close();
        }
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
    /// How long they were in calls, added up.
    pub blocked_ns: u64,
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
        self.blocked_ns += other.blocked_ns;
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

/// The time in which a model does its jobs, and what its processes use meanwhile.
#[derive(Debug)]
pub struct Phase {
    before: Footprint,
    begun: Instant,
    begun_ns: u64,
}

/// What came of a [`Phase`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseFigures {
    /// When it began, on the system's clock ([`monotonic_time`]).
    pub begun_ns: u64,
    /// From when the model was ready until the last lane had ended.
    pub wall_ns: u64,
    /// The run's processes at the end of it, with their threads and connections still there; the
    /// times are those of the phase alone.
    pub footprint: Footprint,
}

impl Phase {
    /// The model is ready, and its lanes wait for this: the clock starts, and with it the queue's.
    pub fn begin(queue: &WorkQueue) -> Phase {
        let before = Footprint::without_memory();
        queue.begin();
        Phase { before, begun: Instant::now(), begun_ns: monotonic_time() }
    }

    /// The last lane ended at that moment, and all that the model has is still there.
    pub fn end(self, ended: Instant) -> PhaseFigures {
        let wall = ended.saturating_duration_since(self.begun);
        // Times first: learning the memory costs CPU time that is not the model's.
        let times = Footprint::without_memory();
        let memory_kib = Footprint::now().memory_kib;
        let since = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        let footprint = Footprint {
            memory_kib,
            cpu_ns: since(times.cpu_ns, self.before.cpu_ns),
            core_wait_ns: since(times.core_wait_ns, self.before.core_wait_ns),
            ..times
        };
        PhaseFigures { begun_ns: self.begun_ns, wall_ns: nanos(wall), footprint }
    }
}

/// What a model knows of its own run. It crosses the pipe from the child to the command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRun {
    /// From before the model began to start anything until it was ready.
    pub start_ns: u64,
    /// The time of the jobs, and what was used in it.
    pub phase: PhaseFigures,
    /// Memory of the process before it became a model, in KiB.
    pub bare_kib: Option<u64>,
    /// How many jobs there were.
    pub jobs: u64,
    /// What the lanes did.
    pub lanes: LaneStats,
    /// What the lock did; nothing where there is none.
    pub lock: LockUse,
}

impl ModelRun {
    /// How long the lanes were neither in a call nor waiting for the lock.
    pub fn computing_ns(&self) -> u64 {
        let LaneStats { lane_ns, blocked_ns, .. } = self.lanes;
        lane_ns.saturating_sub(blocked_ns).saturating_sub(self.lock.wait_ns)
    }

    /// How many jobs came to their end.
    pub fn done(&self) -> usize {
        self.lanes.latencies_ns.len()
    }

    /// Whether its time was up before its jobs were done.
    pub fn was_cut(&self) -> bool {
        ((self.done() + self.lanes.failed.len()) as u64) < self.jobs
    }
}

/// One lane: takes jobs until there are none, and says how long that and its calls took.
///
/// # Errors
/// The first failure of a job; the queue is then closed, so that the other lanes end too. None if
/// it keeps going.
pub async fn run_lane(
    context: &mut JobContext<impl Calls>,
    queue: &WorkQueue,
) -> Result<LaneStats, Failure> {
    let mut stats = LaneStats::default();
    let (begun, blocked) = (Instant::now(), context.blocked());
    while let Some((number, job)) = queue.take() {
        let start = Instant::now();
        let ran = job::run(context, job).await;
        let took = start.elapsed();
        context.calls().note_job(number, took);
        match ran {
            Ok(value) => stats.record(number, value, took),
            Err(failure) => stats.fail(failure, queue)?,
        }
    }
    stats.lane_ns = nanos(begun.elapsed());
    stats.blocked_ns = nanos(context.blocked().saturating_sub(blocked));
    Ok(stats)
}
