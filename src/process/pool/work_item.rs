//! The body of a job: the frame to send, and the promise to resolve, of whatever type.
//!
//! *Assumes*: `process/message/call.rs` encodes and decodes; `futures/future.rs` has the promise.
//! *Promises*: settled exactly once; a panic in the user's code (decoding, dropping, calling
//! back) goes no further.
//! *Leaves out*: when to send (`process/pool/dispatcher.rs`) and when to settle
//! (`process/pool/pool_state.rs`).

use crate::base::panic::{discard, last_words};
use crate::futures::deadlock::GuardId;
use crate::futures::error::JobError;
use crate::futures::future::{Future, Promise, promise_of};
use crate::futures::wire::Wire;
use crate::process::message::call::{RemoteFunction, decoded, encode_call, encode_chunk};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a job takes along on its way through the pool.
pub(crate) struct WorkItem {
    /// The frame of the call. Kept until the job is settled: a job that was sent but not begun
    /// when its worker died is sent again.
    pub(crate) frame: Vec<u8>,
    promise: Box<dyn Settle>,
}

impl WorkItem {
    /// `f(args)` as job `id` of the pool whose guard is `guard`.
    pub(crate) fn for_call<A: Wire, R: Wire>(
        f: fn(A) -> R,
        args: &A,
        id: u64,
        guard: GuardId,
    ) -> Result<(WorkItem, Future<R>), JobError> {
        let frame = encoded(|| encode_call(f, args, id))?;
        let (promise, future) = promise_of(guard);
        Ok((WorkItem { frame, promise: Box::new(promise) }, future))
    }

    /// `f` of each of `items` as job `id`; the promise will get all results in one.
    pub(crate) fn for_chunk<F: RemoteFunction>(
        f: F,
        items: &[F::Args],
        id: u64,
        promise: Box<dyn Settle>,
    ) -> Result<WorkItem, (JobError, Box<dyn Settle>)> {
        match encoded(|| encode_chunk(f, items, id)) {
            Ok(frame) => Ok(WorkItem { frame, promise }),
            Err(error) => Err((error, promise)),
        }
    }

    /// The job is about to be sent: false if it was cancelled.
    pub(crate) fn start(&self) -> bool {
        self.promise.start()
    }

    /// Resolves the promise. Runs user code: hold no lock.
    pub(crate) fn settle(self, outcome: Result<&[u8], JobError>) {
        let settle = || self.promise.settle(outcome);
        catch_unwind(AssertUnwindSafe(settle)).unwrap_or_else(discard);
    }
}

/// Encoding runs the user's `Serialize`, which may panic.
fn encoded(encode: impl FnOnce() -> Result<Vec<u8>, JobError>) -> Result<Vec<u8>, JobError> {
    catch_unwind(AssertUnwindSafe(encode))
        .unwrap_or_else(|payload| Err(JobError::Panicked(last_words(payload))))
}

/// A promise whose type is forgotten.
pub(crate) trait Settle: Send {
    /// The job is about to be sent; false: do not.
    fn start(&self) -> bool;
    /// Here is its reply, or why there is none. Runs user code.
    fn settle(self: Box<Self>, outcome: Result<&[u8], JobError>);
}

impl<R: Wire> Settle for Promise<R> {
    fn start(&self) -> bool {
        self.set_running_or_notify_cancel()
    }

    fn settle(self: Box<Self>, outcome: Result<&[u8], JobError>) {
        self.resolve(outcome.and_then(decoded));
    }
}
