//! Jobs as tasks of an event loop: one thread, and every wait is an `await`.
//!
//! *Promises*: the calls of `lab/compare/threads.rs`, with the task parked where the thread blocks.
//! *Leaves out*: reading files without blocking: Linux says of every file that it is ready.
//!
//! ```text
//!   one thread:  EventLoop ─┬─ task: lane 0 ── send, wait: parked
//!                           ├─ task: lane 1 ── compute ──▶ ComputePlace: LoopThread, or a pool
//!                           └─ …                           (`lab/compare/processes.rs`)
//! ```
//! While [`LoopThread`] computes, everything else on the loop waits.

use crate::aio::net::tcp::TcpStream;
use crate::aio::time::timeout::wait_for;
use crate::event_loop::lifecycle::EventLoop;
use crate::gil::rules::decision::nanos;
use crate::lab::compare::job::{Calls, Compute, JobContext};
use crate::lab::compare::lane::{LaneStats, WorkQueue, run_lane};
use crate::lab::compare::threads::NoLock;
use crate::lab::report::failure::Failure;
use crate::sys::usage::thread_cpu_time;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

/// Where the tasks of a loop have their computations done.
pub trait ComputePlace: Clone + 'static {
    /// Does one.
    ///
    /// # Errors
    /// If it was sent elsewhere and lost there.
    fn compute<C: Compute>(&self, work: C) -> impl Future<Output = Result<C::Output, Failure>>;
}

/// On the loop's own thread.
#[derive(Debug, Clone, Copy)]
pub struct LoopThread;

impl ComputePlace for LoopThread {
    async fn compute<C: Compute>(&self, work: C) -> Result<C::Output, Failure> {
        Ok(work.compute(&mut NoLock))
    }
}

/// `lanes` tasks on one loop on this thread.
///
/// # Errors
/// The first failure of a job, or of the loop.
pub fn run(
    queue: &Rc<WorkQueue>,
    lanes: usize,
    place: impl ComputePlace,
) -> Result<LaneStats, Failure> {
    let cpu = thread_cpu_time();
    let event_loop =
        EventLoop::new().map_err(|e| Failure::io("the event loop", &e, "raise `ulimit -n`"))?;
    let lane = |_| {
        let (queue, place) = (Rc::clone(queue), place.clone());
        event_loop.create_task(async move { lane(&queue, place).await })
    };
    let tasks: Vec<_> = (0..lanes).map(lane).collect();
    let mut total = event_loop.run_until_complete(async {
        let mut total = LaneStats::default();
        for task in tasks {
            let ended = task.await.map_err(|e| {
                Failure::new("a task", e.to_string(), "this is a bug; please report it")
            })?;
            total.merge(ended?);
        }
        Ok(total)
    })?;
    // One thread is behind all the lanes, so its CPU time is added once.
    total.cpu_ns += nanos(thread_cpu_time().saturating_sub(cpu));
    Ok(total)
}

async fn lane(queue: &WorkQueue, place: impl ComputePlace) -> Result<LaneStats, Failure> {
    let start = Instant::now();
    let mut stats = run_lane(&mut JobContext::new(TaskCalls(place)), queue).await?;
    stats.lane_ns = nanos(start.elapsed());
    Ok(stats)
}

/// The calls of one task.
#[derive(Debug)]
pub struct TaskCalls<P>(pub P);

impl<P: ComputePlace> Calls for TaskCalls<P> {
    type Stream = TcpStream;

    async fn compute<C: Compute>(&mut self, work: C) -> Result<C::Output, Failure> {
        self.0.compute(work).await
    }

    async fn connect(
        &mut self,
        to: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<TcpStream> {
        let stream = in_time(deadline, TcpStream::connect(to)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn write_all(
        &mut self,
        stream: &mut TcpStream,
        bytes: &[u8],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        in_time(deadline, stream.write_all(bytes)).await
    }

    async fn read(
        &mut self,
        stream: &mut TcpStream,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<usize> {
        in_time(deadline, stream.read(buffer)).await
    }

    fn block<R>(&mut self, call: impl FnOnce() -> R) -> R {
        call()
    }
}

/// What `call` comes to, or `TimedOut` at the deadline.
async fn in_time<T>(
    deadline: Option<Instant>,
    call: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let Some(deadline) = deadline else { return call.await };
    let left = deadline.saturating_duration_since(Instant::now());
    wait_for(call, Some(left)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
