//! The verbs of a job: compute, send, wait, read. A model of concurrency is one way to do them.
//!
//! *Assumes*: nothing.
//! *Promises*: a job written against [`Context`] runs unchanged under every model.
//! *Leaves out*: the models themselves (`lab/blocking.rs`, `lab/loops.rs`) and the jobs (`lab/workload.rs`).
//!
//! ```text
//!                        compute               send / wait             read_file
//!  sequential            here                  the thread blocks       the thread blocks
//!  threads-py*           here, tick by tick    without the lock        without the lock
//!  threads-free          here                  the thread blocks       the thread blocks
//!  processes             in the worker         the worker blocks       the worker blocks
//!  event-loop            here: all wait        the task is parked      the loop blocks
//!  loop+processes        in a worker           the task is parked      the loop blocks
//! ```
//!
//! Linux has no readiness for regular files, so a file blocks the loop, as it does in asyncio.

use crate::base::wire::Wire;
use crate::lab::failure::Failure;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;

/// One counted instruction of the emulated interpreter.
pub trait Tick {
    /// Called once per small slice of a computation. Under a global lock this is where the
    /// lock may change hands; elsewhere it does nothing.
    fn tick(&mut self);
}

/// A computation as a value, so that it can be done here or shipped to another process.
pub trait Compute: Wire {
    /// What it comes to.
    type Output: Wire;

    /// Does it, with one `tick` per small slice of work (about a microsecond).
    fn compute(self, tick: &mut dyn Tick) -> Self::Output;
}

/// What a job may do, and at most one connection that it may hold.
///
/// Under the blocking models these futures are ready at their first poll; under the loop
/// they truly wait. Nothing here is `Send`: a job stays on its thread.
pub trait Context {
    /// Does a computation, wherever this model does them.
    ///
    /// # Errors
    /// If it was shipped to a process and that process failed.
    fn compute<C: Compute>(&mut self, work: C) -> impl Future<Output = Result<C::Output, Failure>>;

    /// Sends `bytes` to `to`, over the connection already held if it leads there, else over
    /// a new one.
    ///
    /// # Errors
    /// If there is no way to `to`, or it stopped listening.
    fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> impl Future<Output = Result<(), Failure>>;

    /// Waits for the next bytes of the answer and says how many came. 0 means that the peer
    /// has closed; the connection is then forgotten.
    ///
    /// # Errors
    /// If nothing was sent before, or the connection broke.
    fn wait(&mut self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, Failure>>;

    /// Reads at most `limit` bytes of a file from byte `from` on; fewer only at its end.
    ///
    /// # Errors
    /// If the file cannot be opened or read.
    fn read_file(
        &mut self,
        path: &Path,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<u8>, Failure>>;
}
