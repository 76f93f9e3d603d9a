//! The queue that lanes take jobs from, and the account they keep.
//!
//! *Assumes*: nothing of the model; only [`Context`].
//! *Promises*: every job is taken once; a checksum does not depend on who did what when;
//! after a failure no further job is begun.
//! *Leaves out*: how lanes run side by side (`lab/compare/threads.rs`, `lab/compare/loops.rs`, `lab/compare/processes.rs`).
//!
//! ```text
//!   Queue  job 0 · job 1 · job 2 · …          a lane is a thread, a task or a process
//!            │       │       │
//!          lane    lane    lane               take a job, run it, write it down, again
//!            └───────┼───────┘
//!                  Tally                      merged when the lanes have ended
//! ```
//!
//! # Jobs on a thread that simply blocks, with or without an interpreter lock around it
//!
//! *Assumes*: a thread of its own for each context.
//! *Promises*: its futures are ready at their first poll.
//! *Leaves out*: who makes the threads (`lab/compare/threads.rs`).

use crate::base::random::mix;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::gil::rules::decision::nanos;
use crate::lab::compare::job as workload;
use crate::lab::compare::job::{Compute, Context, Job, Tick};
use crate::lab::report::failure::Failure;
use crate::sys::usage::thread_cpu_time;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::future::Future;
use std::io;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Jobs to be taken, first come, first served.
#[derive(Debug)]
pub struct WorkQueue {
    jobs: Vec<Job>,
    next: AtomicUsize,
}

impl WorkQueue {
    /// A queue of these jobs.
    pub fn new(jobs: Vec<Job>) -> WorkQueue {
        WorkQueue { jobs, next: AtomicUsize::new(0) }
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
pub struct LaneStats {
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

impl LaneStats {
    /// Writes down that job `number` came to `value` after `latency`.
    pub fn record(&mut self, number: usize, value: u64, latency: Duration) {
        self.latencies_ns.push(nanos(latency));
        self.checksum = self.checksum.wrapping_add(mix(mix(number as u64 + 1) ^ value));
    }

    /// Adds another lane's account to this one.
    pub fn merge(&mut self, mut other: LaneStats) {
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
pub async fn run_lane(context: &mut impl Context, queue: &WorkQueue) -> Result<LaneStats, Failure> {
    let mut tally = LaneStats::default();
    while let Some((number, job)) = queue.take() {
        let start = Instant::now();
        let value = workload::run(context, job).await.inspect_err(|_| queue.close())?;
        tally.record(number, value, start.elapsed());
    }
    Ok(tally)
}

/// What stands around a thread's work: a lock that is left for every blocking call, or nothing.
pub trait Interpreter: Tick {
    /// Makes a blocking call. CPython: between `Py_BEGIN_ALLOW_THREADS` and
    /// `Py_END_ALLOW_THREADS`.
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R;
}

/// No lock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Free;

impl Tick for Free {
    fn tick(&mut self) {}
}

impl Interpreter for Free {
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R {
        call()
    }
}

/// The context of one blocking thread.
#[derive(Debug)]
pub struct Blocking<I> {
    interpreter: I,
    link: Option<(SocketAddr, TcpStream)>,
}

impl<I: Interpreter> Blocking<I> {
    /// A context without a connection.
    pub fn new(interpreter: I) -> Blocking<I> {
        Blocking { interpreter, link: None }
    }

    fn connect(&mut self, to: SocketAddr) -> Result<&mut TcpStream, Failure> {
        let kept = self.link.take().filter(|(there, _)| *there == to);
        let link = match kept {
            Some(link) => link,
            None => (
                to,
                self.interpreter.detach(|| open(to)).map_err(|e| Failure::unreachable(to, &e))?,
            ),
        };
        Ok(&mut self.link.insert(link).1)
    }
}

fn open(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl<I: Interpreter> Context for Blocking<I> {
    async fn compute<C: Compute>(&mut self, work: C) -> Result<C::Output, Failure> {
        Ok(work.compute(&mut self.interpreter))
    }

    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<(), Failure> {
        self.connect(to)?;
        let Blocking { interpreter, link: Some((_, stream)) } = self else {
            unreachable!("connect leaves a connection behind")
        };
        interpreter.detach(|| stream.write_all(bytes)).map_err(|e| Failure::broken(to, &e))
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let Blocking { interpreter, link } = self;
        let Some((to, stream)) = link else { return Err(Failure::nothing_sent()) };
        let got =
            interpreter.detach(|| stream.read(buffer)).map_err(|e| Failure::broken(*to, &e))?;
        if got == 0 {
            *link = None;
        }
        Ok(got)
    }

    async fn read_file(
        &mut self,
        path: &Path,
        from: u64,
        limit: usize,
    ) -> Result<Vec<u8>, Failure> {
        self.interpreter.detach(|| read_piece(path, from, limit))
    }
}

/// At most `limit` bytes of a file from byte `from` on.
///
/// # Errors
/// If it cannot be opened or read; the failure names the path.
pub fn read_piece(path: &Path, from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
    let read = || {
        let file = File::open(path)?;
        let rest = file.metadata()?.len().saturating_sub(from);
        let mut bytes = vec![0; limit.min(usize::try_from(rest).unwrap_or(limit))];
        file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    };
    read().map_err(|e: io::Error| {
        let remedy = "make it readable, and leave it alone while it is hashed";
        Failure::io(path.display().to_string(), &e, remedy)
    })
}

/// Runs a future of a blocking context: it has nothing to wait for, so one poll is all.
pub fn drive<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a blocking context blocks; it never pends"),
    }
}

/// One lane on this thread.
///
/// # Errors
/// The first failure of a job.
pub fn lane(interpreter: impl Interpreter, queue: &WorkQueue) -> Result<LaneStats, Failure> {
    drive(run_lane(&mut Blocking::new(interpreter), queue))
}

/// A lane with what it cost this thread, the wait for a lock before its first job included.
///
/// # Errors
/// Those of the lane.
pub fn timed(lane: impl FnOnce() -> Result<LaneStats, Failure>) -> Result<LaneStats, Failure> {
    let (start, cpu) = (Instant::now(), thread_cpu_time());
    let mut tally = lane()?;
    tally.cpu_ns = nanos(thread_cpu_time().saturating_sub(cpu));
    tally.lane_ns = nanos(start.elapsed());
    Ok(tally)
}
