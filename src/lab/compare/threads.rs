//! One thread a lane: none beside the command's own, many that are free, many under a lock.
//!
//! *Assumes*: a process of its own, so that it may start as many threads as it likes.
//! *Promises*: every thread has ended when a function here returns.
//! *Leaves out*: a pool. A lane lasts as long as its model runs; a pool would add nothing.

use crate::base::panic::panic_message;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::AttachError;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::compare::blocking;
use crate::lab::compare::blocking::{Free, Interpreter, timed};
use crate::lab::compare::blocking::{LaneStats, WorkQueue};
use crate::lab::compare::job::Tick;
use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use std::io;
use std::thread;

/// One job after another on the calling thread.
///
/// # Errors
/// The first failure of a job.
pub fn sequential(queue: &WorkQueue) -> Result<LaneStats, Failure> {
    timed(|| blocking::lane(Free, queue))
}

/// `lanes` threads under no lock.
///
/// # Errors
/// The first failure of a job, or of starting a thread.
pub fn free(queue: &WorkQueue, lanes: usize) -> Result<LaneStats, Failure> {
    side_by_side(queue, lanes, || blocking::lane(Free, queue))
}

/// `lanes` threads that share one interpreter lock: they compute with it, tick by tick, and
/// block without it.
///
/// # Errors
/// The first failure of a job, or of starting a thread.
pub fn under_lock(
    queue: &WorkQueue,
    lanes: usize,
    policy: SwitchPolicy,
) -> Result<(LaneStats, LockUse), Failure> {
    let lock = GlobalLock::new(policy);
    let lane = || {
        let attached = lock.attach(|gil| blocking::lane(Attached(gil), queue));
        attached.unwrap_or_else(|e| Err(no_lock(&e)))
    };
    let tally = side_by_side(queue, lanes, lane)?;
    let counters = lock.counters();
    let lock = LockUse {
        wait_ns: counters.wait_ns,
        forced: counters.forced_drops + counters.tick_drops,
        voluntary: counters.voluntary_drops,
    };
    Ok((tally, lock))
}

/// A thread that has the lock.
struct Attached<'a, 'g>(&'a mut Gil<'g>);

impl Tick for Attached<'_, '_> {
    /// A slice of work is one pass of a loop, and a loop's jump back is where every Python
    /// looks whether another thread wants to run; 3.10 looks nowhere else but at calls.
    fn tick(&mut self) {
        self.0.checkpoint();
    }
}

impl Interpreter for Attached<'_, '_> {
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R {
        self.0.detach(call)
    }
}

/// How often the interpreter lock was dropped, and what waiting for it cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockUse {
    /// Time that threads waited for the lock, added up.
    pub wait_ns: u64,
    /// Times it was dropped at a checkpoint: another thread had asked, or the ticks ran out.
    pub forced: u64,
    /// Times it was dropped around a blocking call, or at the end of a lane.
    pub voluntary: u64,
}

/// Runs `lane` on `lanes` threads at once and adds up their accounts.
fn side_by_side(
    queue: &WorkQueue,
    lanes: usize,
    lane: impl Fn() -> Result<LaneStats, Failure> + Sync,
) -> Result<LaneStats, Failure> {
    thread::scope(|scope| {
        let start = |number| {
            let named = thread::Builder::new().name(format!("lane-{number}"));
            named.spawn_scoped(scope, || timed(&lane)).map_err(|e| no_thread(number, &e))
        };
        let started: Result<Vec<_>, Failure> =
            (0..lanes).map(start).collect::<Result<_, _>>().inspect_err(|_| queue.close());
        let mut total = LaneStats::default();
        for thread in started? {
            let ended = thread.join();
            let tally = ended.map_err(|payload| panicked(&panic_message(&*payload)))?;
            total.merge(tally.inspect_err(|_| queue.close())?);
        }
        Ok(total)
    })
}

fn no_thread(number: usize, why: &io::Error) -> Failure {
    Failure::io(format!("thread {}", number + 1), why, "lower --connections or --workers")
}

fn no_lock(why: &AttachError) -> Failure {
    Failure::new("a lane", why.to_string(), "this is a bug; please report it")
}

fn panicked(message: &str) -> Failure {
    Failure::new("a lane", format!("panicked: {message}"), "this is a bug; please report it")
}
