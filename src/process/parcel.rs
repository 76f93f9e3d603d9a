//! A job's body in the pool: the frame to send, and the promise to keep, of whatever type.
//!
//! *Assumes*: `process/call.rs`, `concurrent/future.rs`.
//! *Promises*: settled exactly once; a panic in the user's code (decoding, dropping, calling
//! back) goes no further.
//! *Leaves out*: when to send and when to settle.

use crate::base::error::{JobError, panic_message};
use crate::base::wire::{Wire, decode};
use crate::concurrent::future::{Future, Promise, promise};
use crate::process::call::encode_call;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// See the top of the page.
pub(crate) struct Parcel {
    /// The frame of the call. Kept until the job is settled: a job that was sent but not begun
    /// when its worker died is sent again.
    pub(crate) frame: Vec<u8>,
    promise: Box<dyn Settle>,
}

impl Parcel {
    /// Packs up `f(args)` as job `id`.
    pub(crate) fn pack<A: Wire, R: Wire>(
        f: fn(A) -> R,
        args: &A,
        id: u64,
    ) -> Result<(Parcel, Future<R>), JobError> {
        // Encoding runs the user's `Serialize`.
        let frame = catch_unwind(AssertUnwindSafe(|| encode_call(f, args, id)))
            .unwrap_or_else(|payload| Err(JobError::Panicked(panic_message(&*payload))))?;
        let (promise, future) = promise();
        Ok((Parcel { frame, promise: Box::new(promise) }, future))
    }

    /// The job is about to be sent: false if it was cancelled.
    pub(crate) fn start(&self) -> bool {
        self.promise.start()
    }

    /// Keeps the promise. Runs user code: hold no lock.
    pub(crate) fn settle(self, outcome: Result<&[u8], JobError>) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.promise.settle(outcome)));
    }
}

/// A promise whose type is forgotten.
trait Settle: Send {
    fn start(&self) -> bool;
    fn settle(self: Box<Self>, outcome: Result<&[u8], JobError>);
}

impl<R: Wire> Settle for Promise<R> {
    fn start(&self) -> bool {
        self.set_running_or_notify_cancel()
    }

    fn settle(self: Box<Self>, outcome: Result<&[u8], JobError>) {
        let value = outcome.and_then(|bytes| {
            let decoded = catch_unwind(AssertUnwindSafe(|| decode(bytes)));
            decoded.unwrap_or_else(|payload| {
                let message = panic_message(&*payload);
                Err(JobError::Codec(format!("the result: decoding it panicked: {message}")))
            })
        });
        self.resolve(value);
    }
}
