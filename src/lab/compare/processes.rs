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
use crate::lab::compare::compute::Compute;
use crate::lab::compare::context::JobContext;
use crate::lab::compare::film::Film;
use crate::lab::compare::job::{self, Job};
use crate::lab::compare::lane::{LaneStats, Phase, PhaseFigures, WorkQueue};
use crate::lab::compare::loops::{self, ComputePlace};
use crate::lab::compare::step::Payload;
use crate::lab::compare::tape::Tape;
use crate::lab::compare::threads::{NoLock, ThreadCalls, poll_once};
use crate::lab::report::failure::Failure;
use crate::process::forkserver::client::ForkServer;
use crate::process::forkserver::error::ForkServerError;
use crate::process::pool::options::PoolError;
use crate::process::pool::process_pool::ProcessPool;
use crate::sys::usage::monotonic_time;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A value that a worker computed, and how long that took there, in calls and altogether.
#[derive(Debug, Serialize, Deserialize)]
struct Timed<T> {
    value: T,
    wall_ns: u64,
    blocked_ns: u64,
    /// Its process, and what it has written down, if that was asked for.
    tape: Option<(u32, Tape)>,
}

type WorkerContext = JobContext<ThreadCalls<NoLock>>;

thread_local! {
    /// A worker's connection outlives its jobs, like that of any lane.
    static CONTEXT: RefCell<WorkerContext> =
        RefCell::new(JobContext::new(ThreadCalls::new(NoLock)));
}

/// Runs in the worker. A job that comes after the deadline is not begun. What it carries goes back.
fn whole_job(
    (job, deadline_ns, film): (Job, u64, bool),
) -> Timed<Option<Result<(u64, Payload), Failure>>> {
    if monotonic_time() >= deadline_ns {
        return Timed { value: None, wall_ns: 0, blocked_ns: 0, tape: None };
    }
    CONTEXT.with_borrow_mut(|context| {
        context.calls().tape = film.then(Tape::default);
        let (start, blocked) = (Instant::now(), context.blocked());
        let value = poll_once(job::run(context, &job)).map(|value| (value, job.payload()));
        let value = Some(value);
        let blocked_ns = nanos(context.blocked().saturating_sub(blocked));
        let wall_ns = nanos(start.elapsed());
        let tape = context.calls().tape.take().map(|tape| (std::process::id(), tape));
        Timed { value, wall_ns, blocked_ns, tape }
    })
}

/// Runs in the worker, before the clock starts: opens the connection, and stays a moment, so that
/// the other workers get their share of these jobs.
fn make_ready(server: Option<SocketAddr>) -> Result<(), Failure> {
    const MOMENT: Duration = Duration::from_millis(2);
    std::thread::sleep(MOMENT);
    let Some(server) = server else { return Ok(()) };
    CONTEXT.with_borrow_mut(|context| poll_once(context.reach(server)))
}

/// Runs in the worker.
fn computation<C: Compute>(work: C) -> Timed<C::Output> {
    let start = Instant::now();
    let value = work.compute(&mut NoLock);
    Timed { value, wall_ns: nanos(start.elapsed()), blocked_ns: 0, tape: None }
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

/// Has each of the pool's workers made ready.
///
/// # Errors
/// If nothing listens at `server`, or a worker dies.
fn all_ready(
    pool: &impl Executor,
    workers: usize,
    server: Option<SocketAddr>,
) -> Result<(), Failure> {
    let ready: Vec<_> = (0..workers).map(|_| pool.submit(make_ready, server)).collect();
    ready.into_iter().try_for_each(|ready| ready.result().map_err(|e| lost(&e))?)
}

/// All jobs of the queue in the workers of a pool.
///
/// # Errors
/// The first failure of a job, or of the worker that ran it.
pub fn whole_jobs(
    queue: &WorkQueue,
    workers: usize,
    server: Option<SocketAddr>,
    pool: &impl Executor,
    film: &Film,
) -> Result<(LaneStats, PhaseFigures), Failure> {
    all_ready(pool, workers, server)?;
    let phase = Phase::begin(queue);
    let deadline_ns = queue.deadline_ns();
    let jobs = std::iter::from_fn(|| queue.take())
        .map(|(_, job)| (job.clone(), deadline_ns, film.is_on()));
    let mut stats = LaneStats::default();
    for (number, done) in pool.map(whole_job, jobs).enumerate() {
        let done = done.map_err(|e| lost(&e))?;
        match done.value {
            Some(Ok((value, _))) => stats.record(number, value, Duration::from_nanos(done.wall_ns)),
            Some(Err(failure)) => stats.fail(failure, queue)?,
            None => {}
        }
        done.tape.into_iter().for_each(|(pid, tape)| film.keep_worker(pid, tape));
        stats.lane_ns += done.wall_ns;
        stats.blocked_ns += done.blocked_ns;
    }
    let ended = Instant::now();
    Ok((stats, phase.end(ended)))
}

/// `lanes` tasks on a loop whose computations go to the workers of a pool.
///
/// # Errors
/// The first failure of a job, of the loop, or of a worker.
pub fn computations<P: Executor + 'static>(
    queue: &Rc<WorkQueue>,
    (lanes, workers): (usize, usize),
    server: Option<SocketAddr>,
    pool: Rc<P>,
    film: &Film,
) -> Result<(LaneStats, PhaseFigures), Failure> {
    all_ready(&*pool, workers, None)?;
    loops::run(queue, lanes, server, PoolWorkers(pool), film)
}

/// In the workers of a pool.
struct PoolWorkers<P>(Rc<P>);

impl<P> Clone for PoolWorkers<P> {
    fn clone(&self) -> Self {
        PoolWorkers(Rc::clone(&self.0))
    }
}

impl<P: Executor + 'static> ComputePlace for PoolWorkers<P> {
    async fn compute<C: Compute>(&self, work: C) -> Result<(C::Output, Duration), Failure> {
        let start = Instant::now();
        let done = self.0.submit(computation::<C>, work).await.map_err(|e| lost(&e))?;
        let computing = Duration::from_nanos(done.wall_ns);
        Ok((done.value, start.elapsed().saturating_sub(computing)))
    }
}

fn lost(why: &JobError) -> Failure {
    let text = why.to_string();
    // What the system refused brings a remedy of its own.
    let (why, remedy) =
        text.split_once("; ").unwrap_or((&text, "run it again; look for who killed it"));
    Failure::new("a worker", why.split(" (os error").next().unwrap_or(why), remedy)
}
