//! Jobs, or the computations of jobs, in a pool of forked processes.
//!
//! *Assumes*: a process with one thread, for the fork server must be forked first.
//! *Promises*: the workers have ended, and the kernel has charged them to this process, when
//! [`with_pool`] returns.
//! *Leaves out*: the pool itself (`process/pool/process_pool.rs`).
//!
//! ```text
//!   processes        whole jobs cross the pipe:  Job ──▶ worker: compute, send, wait, read_file
//!   loop+processes   computations do:            Compute ──▶ worker     (I/O stays on the loop)
//! ```

use crate::futures::error::JobError;
use crate::futures::executor::Executor;
use crate::gil::rules::decision::nanos;
use crate::lab::compare::job::{self, Compute, Job, JobContext};
use crate::lab::compare::lane::{LaneStats, WorkQueue};
use crate::lab::compare::loops::{self, ComputePlace};
use crate::lab::compare::threads::{NoLock, ThreadCalls, poll_once};
use crate::lab::report::failure::Failure;
use crate::process::forkserver::client::{ForkServer, ForkServerError};
use crate::process::pool::options::PoolError;
use crate::process::pool::process_pool::ProcessPool;
use crate::sys::usage::thread_cpu_time;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A value that a worker computed, and what that took there.
#[derive(Debug, Serialize, Deserialize)]
struct Timed<T> {
    value: T,
    wall_ns: u64,
    cpu_ns: u64,
}

impl<T> Timed<T> {
    fn by(work: impl FnOnce() -> T) -> Timed<T> {
        let (start, cpu) = (Instant::now(), thread_cpu_time());
        let value = work();
        let cpu_ns = nanos(thread_cpu_time().saturating_sub(cpu));
        Timed { value, wall_ns: nanos(start.elapsed()), cpu_ns }
    }
}

thread_local! {
    /// A worker's connection outlives its jobs, like that of any lane.
    static CONTEXT: RefCell<JobContext<ThreadCalls<NoLock>>> =
        RefCell::new(JobContext::new(ThreadCalls(NoLock)));
}

/// Runs in the worker.
fn whole_job(job: Job) -> Timed<Result<u64, Failure>> {
    Timed::by(|| CONTEXT.with_borrow_mut(|context| poll_once(job::run(context, &job))))
}

/// Runs in the worker.
fn computation<C: Compute>(work: C) -> Timed<C::Output> {
    Timed::by(|| work.compute(&mut NoLock))
}

/// Gives `work` a pool, and ends the pool and its fork server afterwards.
///
/// # Errors
/// Those of `work`, and that there is no pool.
pub fn with_pool<R>(
    workers: usize,
    work: impl FnOnce(&Rc<ProcessPool>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let remedy = "lower --workers, or raise `ulimit -u`";
    let refused = |e: &io::Error| Failure::io("the process pool", e, remedy);
    let no_pool = |why: &dyn Display| Failure::new("the process pool", why.to_string(), remedy);
    let fork_server = ForkServer::start().map_err(|e| match &e {
        ForkServerError::Os(e) => refused(e),
        e => no_pool(e),
    })?;
    let pool = ProcessPool::new(&fork_server, workers).map_err(|e| match &e {
        PoolError::Os(e) => refused(e),
        e => no_pool(e),
    })?;
    let pool = Rc::new(pool);
    let result = work(&pool);
    // After a failure the jobs that have not begun are cancelled.
    pool.shutdown(true, result.is_err());
    result
}

/// All jobs of the queue in the workers of a pool.
///
/// # Errors
/// The first failure of a job, or of the worker that ran it.
pub fn whole_jobs(queue: &WorkQueue, pool: &impl Executor) -> Result<LaneStats, Failure> {
    let jobs = std::iter::from_fn(|| queue.take()).map(|(_, job)| job.clone());
    let mut stats = LaneStats::default();
    for (number, done) in pool.map(whole_job, jobs).enumerate() {
        let done = done.map_err(|e| lost(&e))?;
        match done.value {
            Ok(value) => stats.record(number, value, Duration::from_nanos(done.wall_ns)),
            Err(failure) => stats.fail(failure, queue)?,
        }
        stats.lane_ns += done.wall_ns;
        stats.cpu_ns += done.cpu_ns;
    }
    Ok(stats)
}

/// `lanes` tasks on a loop whose computations go to the workers of a pool.
///
/// # Errors
/// The first failure of a job, of the loop, or of a worker.
pub fn computations<P: Executor + 'static>(
    queue: &Rc<WorkQueue>,
    lanes: usize,
    pool: Rc<P>,
) -> Result<LaneStats, Failure> {
    let cpu_ns = Rc::new(Cell::new(0));
    let mut stats = loops::run(queue, lanes, PoolWorkers { pool, cpu_ns: Rc::clone(&cpu_ns) })?;
    stats.cpu_ns += cpu_ns.get();
    Ok(stats)
}

/// In the workers of a pool.
struct PoolWorkers<P> {
    pool: Rc<P>,
    /// CPU time that the workers reported.
    cpu_ns: Rc<Cell<u64>>,
}

impl<P> Clone for PoolWorkers<P> {
    fn clone(&self) -> Self {
        PoolWorkers { pool: Rc::clone(&self.pool), cpu_ns: Rc::clone(&self.cpu_ns) }
    }
}

impl<P: Executor + 'static> ComputePlace for PoolWorkers<P> {
    async fn compute<C: Compute>(&self, work: C) -> Result<C::Output, Failure> {
        let done = self.pool.submit(computation::<C>, work).await.map_err(|e| lost(&e))?;
        self.cpu_ns.set(self.cpu_ns.get() + done.cpu_ns);
        Ok(done.value)
    }
}

fn lost(why: &JobError) -> Failure {
    Failure::new("a worker", why.to_string(), "run it again; look for who killed it")
}
