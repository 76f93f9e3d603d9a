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
use crate::aio::tasks::current::create_named_task;
use crate::aio::time::timeout::wait_for;
use crate::event_loop::join::Task;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::scheduler::create_task;
use crate::lab::compare::compute::Compute;
use crate::lab::compare::context::{Calls, JobContext};
use crate::lab::compare::film::Film;
use crate::lab::compare::lane::{LaneStats, Phase, PhaseFigures, WorkQueue, run_lane};
use crate::lab::compare::threads::NoLock;
use crate::lab::report::failure::Failure;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Where the tasks of a loop have their computations done.
pub trait ComputePlace: Clone + 'static {
    /// Does one; says also how long the caller waited for others to do it.
    ///
    /// # Errors
    /// If it was sent elsewhere and lost there.
    fn compute<C: Compute>(
        &self,
        work: C,
    ) -> impl Future<Output = Result<(C::Output, Duration), Failure>>;
}

/// On the loop's own thread.
#[derive(Debug, Clone, Copy)]
pub struct LoopThread;

impl ComputePlace for LoopThread {
    async fn compute<C: Compute>(&self, work: C) -> Result<(C::Output, Duration), Failure> {
        Ok((work.compute(&mut NoLock), Duration::ZERO))
    }
}

type Context<P> = JobContext<TaskCalls<P>>;

/// `lanes` tasks on one loop on this thread, each with a connection to `server`, if there is one.
///
/// # Errors
/// The first failure of a job, or of the loop.
pub fn run(
    queue: &Rc<WorkQueue>,
    lanes: usize,
    server: Option<SocketAddr>,
    place: impl ComputePlace,
    film: &Film,
) -> Result<(LaneStats, PhaseFigures), Failure> {
    let event_loop =
        EventLoop::new().map_err(|e| Failure::io("the event loop", &e, "raise `ulimit -n`"))?;
    film.watch_loop(&event_loop);
    let ran = event_loop.run_until_complete(async {
        let reach = |_| create_task(reach(server, place.clone()));
        let contexts = all((0..lanes).map(reach).collect()).await?;
        let phase = Phase::begin(queue);
        let lane = |(number, context)| {
            let lane = lane(context, Rc::clone(queue));
            match film.is_on() {
                true => create_named_task(&format!("lane-{number}"), lane),
                false => create_task(lane),
            }
        };
        let ended = all(contexts.into_iter().enumerate().map(lane).collect()).await?;
        // What the tasks had is in `ended` still.
        let figures = phase.end(Instant::now());
        let mut total = LaneStats::default();
        ended.into_iter().for_each(|(_, stats)| total.merge(stats));
        Ok((total, figures))
    });
    film.keep_loop(&event_loop);
    ran
}

async fn all<T>(tasks: Vec<Task<Result<T, Failure>>>) -> Result<Vec<T>, Failure> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        let bug = "this is a bug; please report it";
        results.push(task.await.map_err(|e| Failure::new("a task", e.to_string(), bug))??);
    }
    Ok(results)
}

async fn reach<P: ComputePlace>(
    server: Option<SocketAddr>,
    place: P,
) -> Result<Context<P>, Failure> {
    let mut context = JobContext::new(TaskCalls::new(place));
    if let Some(server) = server {
        context.reach(server).await?;
    }
    Ok(context)
}

async fn lane<P: ComputePlace>(
    mut context: Context<P>,
    queue: Rc<WorkQueue>,
) -> Result<(Context<P>, LaneStats), Failure> {
    let stats = run_lane(&mut context, &queue).await?;
    Ok((context, stats))
}

/// The calls of one task.
#[derive(Debug)]
pub struct TaskCalls<P> {
    place: P,
    blocked: Duration,
}

impl<P: ComputePlace> TaskCalls<P> {
    /// Calls of a task whose computations are done at that place.
    pub fn new(place: P) -> TaskCalls<P> {
        TaskCalls { place, blocked: Duration::ZERO }
    }

    /// What `call` comes to, or `TimedOut` at the deadline. It counts as blocked meanwhile.
    async fn in_time<T>(
        &mut self,
        deadline: Option<Instant>,
        call: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        let start = Instant::now();
        let result = match deadline {
            None => call.await,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(start);
                let called = wait_for(call, Some(left)).await;
                called.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            }
        };
        self.blocked += start.elapsed();
        result
    }
}

impl<P: ComputePlace> Calls for TaskCalls<P> {
    type Stream = TcpStream;

    async fn compute<C: Compute>(&mut self, work: C) -> Result<C::Output, Failure> {
        let (output, waited) = self.place.compute(work).await?;
        self.blocked += waited;
        Ok(output)
    }

    async fn connect(
        &mut self,
        to: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<TcpStream> {
        let stream = self.in_time(deadline, TcpStream::connect(to)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn write_all(
        &mut self,
        stream: &mut TcpStream,
        bytes: &[u8],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.in_time(deadline, stream.write_all(bytes)).await
    }

    async fn read(
        &mut self,
        stream: &mut TcpStream,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<usize> {
        self.in_time(deadline, stream.read(buffer)).await
    }

    fn block<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = call();
        self.blocked += start.elapsed();
        result
    }

    fn blocked(&self) -> Duration {
        self.blocked
    }
}
