//! Jobs as tasks of an event loop: one thread, and every wait is an `await`.
//!
//! *Assumes*: a thread for the loop.
//! *Promises*: the same verbs as `lab/compare/blocking.rs`, with the task parked where the thread blocked.
//! *Leaves out*: reading files without blocking: Linux says of every file that it is ready.
//!
//! Where a loop computes is a choice of its own: [`Here`], and then everything else waits, or
//! in other processes (`lab/compare/processes.rs`).

use crate::aio::net::tcp::TcpStream;
use crate::event_loop::lifecycle::EventLoop;
use crate::gil::rules::decision::nanos;
use crate::lab::compare::blocking::run_lane;
use crate::lab::compare::blocking::{Free, read_piece};
use crate::lab::compare::blocking::{Queue, Tally};
use crate::lab::compare::job::{Compute, Context};
use crate::lab::report::failure::Failure;
use crate::sys::usage::thread_cpu_time;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

/// Where a loop does its computations.
pub trait Workplace: Clone + 'static {
    /// Does one.
    ///
    /// # Errors
    /// If it was sent elsewhere and lost there.
    fn compute<C: Compute>(&self, work: C) -> impl Future<Output = Result<C::Output, Failure>>;
}

/// On the loop's own thread.
#[derive(Debug, Clone, Copy)]
pub struct Here;

impl Workplace for Here {
    async fn compute<C: Compute>(&self, work: C) -> Result<C::Output, Failure> {
        Ok(work.compute(&mut Free))
    }
}

/// The context of one task.
struct OnLoop<W> {
    workplace: W,
    link: Option<(SocketAddr, TcpStream)>,
}

async fn open(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl<W: Workplace> Context for OnLoop<W> {
    async fn compute<C: Compute>(&mut self, work: C) -> Result<C::Output, Failure> {
        self.workplace.compute(work).await
    }

    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<(), Failure> {
        let kept = self.link.take().filter(|(there, _)| *there == to);
        let link = match kept {
            Some(link) => link,
            None => (to, open(to).await.map_err(|e| Failure::unreachable(to, &e))?),
        };
        let (_, stream) = self.link.insert(link);
        stream.write_all(bytes).await.map_err(|e| Failure::broken(to, &e))
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let Some((to, stream)) = &self.link else { return Err(Failure::nothing_sent()) };
        let got = stream.read(buffer).await.map_err(|e| Failure::broken(*to, &e))?;
        if got == 0 {
            self.link = None;
        }
        Ok(got)
    }

    async fn read_file(
        &mut self,
        path: &Path,
        from: u64,
        limit: usize,
    ) -> Result<Vec<u8>, Failure> {
        read_piece(path, from, limit)
    }
}

/// `lanes` tasks on one loop on this thread.
///
/// # Errors
/// The first failure of a job, or of the loop.
pub fn run(queue: &Rc<Queue>, lanes: usize, workplace: impl Workplace) -> Result<Tally, Failure> {
    let cpu = thread_cpu_time();
    let event_loop =
        EventLoop::new().map_err(|e| Failure::io("the event loop", &e, "raise `ulimit -n`"))?;
    let lane = |_| {
        let (queue, workplace) = (Rc::clone(queue), workplace.clone());
        event_loop.create_task(async move { lane(&queue, workplace).await })
    };
    let tasks: Vec<_> = (0..lanes).map(lane).collect();
    let mut total = event_loop.run_until_complete(async {
        let mut total = Tally::default();
        for task in tasks {
            let ended = task.await.map_err(|e| {
                Failure::new("a task", e.to_string(), "this is a bug; please report it")
            })?;
            total.merge(ended?);
        }
        Ok(total)
    })?;
    total.cpu_ns += nanos(thread_cpu_time().saturating_sub(cpu));
    Ok(total)
}

async fn lane(queue: &Queue, workplace: impl Workplace) -> Result<Tally, Failure> {
    let start = Instant::now();
    let mut tally = run_lane(&mut OnLoop { workplace, link: None }, queue).await?;
    tally.lane_ns = nanos(start.elapsed());
    Ok(tally)
}
