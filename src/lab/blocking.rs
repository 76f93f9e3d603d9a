//! Jobs on a thread that simply blocks, with or without an interpreter lock around it.
//!
//! *Assumes*: a thread of its own for each context.
//! *Promises*: its futures are ready at their first poll.
//! *Leaves out*: who makes the threads (`lab/threads.rs`).

use crate::base::sys::usage::thread_cpu_time;
use crate::gil::verdict::nanos;
use crate::lab::context::{Compute, Context, Tick};
use crate::lab::failure::Failure;
use crate::lab::tally::{self, Queue, Tally};
use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Instant;

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
pub fn lane(interpreter: impl Interpreter, queue: &Queue) -> Result<Tally, Failure> {
    drive(tally::lane(&mut Blocking::new(interpreter), queue))
}

/// A lane with what it cost this thread, the wait for a lock before its first job included.
///
/// # Errors
/// Those of the lane.
pub fn timed(lane: impl FnOnce() -> Result<Tally, Failure>) -> Result<Tally, Failure> {
    let (start, cpu) = (Instant::now(), thread_cpu_time());
    let mut tally = lane()?;
    tally.cpu_ns = nanos(thread_cpu_time().saturating_sub(cpu));
    tally.lane_ns = nanos(start.elapsed());
    Ok(tally)
}
