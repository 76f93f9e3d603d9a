//! What a job may call, and the calls that a model makes for it.
//!
//! *Promises*: a job sees [`JobContext`] alone; in [`Calls`] is all in which the models differ. A
//! connection that was closed, or led elsewhere, is forgotten.
//! *Leaves out*: the jobs (`lab/compare/job.rs`); the models' calls (`lab/compare/threads.rs`,
//! `lab/compare/loops.rs`).

use crate::lab::compare::compute::Compute;
use crate::lab::report::failure::Failure;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How a model computes and does its I/O: all in which the models differ, for one job at a time.
///
/// Under the blocking models these futures are ready at their first poll; under the loop they
/// truly wait. Nothing here is `Send`: a job stays on its thread.
pub trait Calls {
    /// A connection.
    type Stream;

    /// Does a computation, wherever this model does them.
    ///
    /// # Errors
    /// If it was shipped to a process and that process failed.
    fn compute<C: Compute>(&mut self, work: C) -> impl Future<Output = Result<C::Output, Failure>>;

    /// A new connection to `to` that sends each write at once (`TCP_NODELAY`). `TimedOut` if there
    /// is none at the deadline.
    fn connect(
        &mut self,
        to: SocketAddr,
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Sends all of `bytes`; `TimedOut` if that takes past the deadline.
    fn write_all(
        &mut self,
        stream: &mut Self::Stream,
        bytes: &[u8],
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<()>>;

    /// Waits for bytes and says how many came; 0 at the end of the stream. `TimedOut` if none came
    /// before the deadline.
    fn read(
        &mut self,
        stream: &mut Self::Stream,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<usize>>;

    /// Makes a call that blocks the thread under every model.
    fn block<R>(&mut self, call: impl FnOnce() -> R) -> R;

    /// How long all calls but the computations have taken so far, without any wait for a lock.
    fn blocked(&self) -> Duration;

    /// Job `number` has ended after so long: to be written down, if anybody wants to know.
    fn note_job(&mut self, _number: usize, _took: Duration) {}
}

/// What the jobs of one lane share: the model's calls, and the one connection that the lane keeps
/// from job to job.
pub struct JobContext<C: Calls> {
    calls: C,
    connection: Option<(SocketAddr, C::Stream)>,
    deadline: Option<Instant>,
}

impl<C: Calls + Default> Default for JobContext<C> {
    fn default() -> JobContext<C> {
        JobContext::new(C::default())
    }
}

impl<C: Calls> JobContext<C> {
    /// A context without a connection.
    pub fn new(calls: C) -> JobContext<C> {
        JobContext { calls, connection: None, deadline: None }
    }

    /// Opens the connection that the first job will need, before the clock starts.
    ///
    /// # Errors
    /// If nothing listens at `to`.
    pub async fn reach(&mut self, to: SocketAddr) -> Result<(), Failure> {
        let connected = self.calls.connect(to, self.deadline).await;
        self.connection = Some((to, connected.map_err(|e| Failure::unreachable(to, &e))?));
        Ok(())
    }

    /// The calls themselves.
    pub fn calls(&mut self) -> &mut C {
        &mut self.calls
    }

    /// The same connection, for other calls.
    pub fn with_calls<D: Calls<Stream = C::Stream>>(self, calls: D) -> JobContext<D> {
        JobContext { calls, connection: self.connection, deadline: self.deadline }
    }

    /// How long its calls have taken so far: [`Calls::blocked`].
    pub fn blocked(&self) -> Duration {
        self.calls.blocked()
    }

    /// Until [`hang_up`](Self::hang_up), whatever waits longer than this from now fails.
    pub fn limit(&mut self, limit: Duration) {
        self.deadline = Instant::now().checked_add(limit);
    }

    /// Whether the limit has passed.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Forgets the connection, and the limit.
    pub fn hang_up(&mut self) {
        (self.connection, self.deadline) = (None, None);
    }

    /// Does a computation.
    ///
    /// # Errors
    /// If it was shipped to a process and that process failed.
    pub async fn compute<W: Compute>(&mut self, work: W) -> Result<W::Output, Failure> {
        self.calls.compute(work).await
    }

    /// Sends `bytes` to `to`, over the connection that is kept if it leads there, else over a new
    /// one.
    ///
    /// # Errors
    /// If nothing listens at `to`, or the connection broke.
    pub async fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<(), Failure> {
        let connection = match self.connection.take().filter(|(peer, _)| *peer == to) {
            Some(kept) => kept,
            None => {
                let connected = self.calls.connect(to, self.deadline).await;
                (to, connected.map_err(|e| Failure::unreachable(to, &e))?)
            }
        };
        let (_, stream) = self.connection.insert(connection);
        let sent = self.calls.write_all(stream, bytes, self.deadline).await;
        sent.map_err(|e| Failure::broken(to, &e))
    }

    /// Waits for the next bytes of the answer and says how many came. 0 means that the peer
    /// has closed; the connection is then forgotten.
    ///
    /// # Errors
    /// If nothing was sent before, or the connection broke.
    pub async fn wait(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let Some((peer, stream)) = &mut self.connection else {
            return Err(Failure::nothing_sent());
        };
        let got = self.calls.read(stream, buffer, self.deadline).await;
        let got = got.map_err(|e| Failure::broken(*peer, &e))?;
        if got == 0 {
            self.connection = None;
        }
        Ok(got)
    }

    /// Reads at most `limit` bytes of a file from byte `from` on; fewer only at its end.
    ///
    /// # Errors
    /// If the file cannot be opened or read.
    pub fn read_file(&mut self, path: &Path, from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
        self.calls.block(|| read_piece(path, from, limit))
    }
}

/// At most `limit` bytes of a file from byte `from` on. The failure names the path.
fn read_piece(path: &Path, from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
    let read = || {
        let file = File::open(path)?;
        let rest = file.metadata()?.len().saturating_sub(from);
        let mut bytes = vec![0; limit.min(usize::try_from(rest).unwrap_or(limit))];
        file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    };
    read().map_err(|e: io::Error| {
        let remedy = "make it readable, and leave it alone while it is compared";
        Failure::io(path.display().to_string(), &e, remedy)
    })
}
