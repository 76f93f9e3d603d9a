//! A job that waits for a worker of a thread pool: a closure beside the cell for its result.
//!
//! *Promises*: the job runs once, or never if its future was cancelled; its future is resolved, also by
//! a panic, and the closure is dropped before that; whoever has taken the closure out has begun the
//! job, or has said before that it never will be.
//! *Leaves out*: the queue (`futures/job_queue.rs`) and the cell (`futures/oneshot.rs`).
//!
//! ```text
//!   Arc ─▶ ┌ counts │ state, outcome, waiters │ closure ┐ ◀─ Arc
//!  queue   └────────┴─────────────────────────┴─────────┘   future
//! ```
//! A job and its result are one allocation. With two, `malloc` and `free` of blocks that one
//! thread allocates and another frees took two thirds of the time of a short job. And glibc frees a
//! block of at most 120 bytes (`M_MXFAST`), as that of a function with a small result is, without a look
//! at its neighbours.

use crate::base::panic::{drop_or_warn, into_message};
use crate::base::sync::Mutex;
use crate::futures::error::JobError;
use crate::futures::future::Promise;
use crate::futures::oneshot::{Beside, OneShot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A job in the queue: a closure, in one allocation with the cell for its result. One of these must
/// be called, once, before it is dropped.
pub(crate) trait QueuedJob: Send + Sync {
    /// Runs the closure, unless its future was cancelled, and resolves the future.
    fn run(self: Arc<Self>);
    /// Drops the closure and resolves the future with this error.
    fn fail(self: Arc<Self>, why: JobError);
}

/// Whoever takes the closure out has begun the job, if `never_runs` does not say otherwise: the worker
/// tells the cell only how it ended.
impl<F: Send> Beside for Mutex<Option<F>> {
    fn has_begun(&self) -> bool {
        self.lock().is_none()
    }

    fn unless_begun(&self, cancel: &mut dyn FnMut()) {
        let job = self.lock();
        if job.is_some() {
            cancel();
        }
    }
}

impl<R, F> QueuedJob for OneShot<R, Mutex<Option<F>>>
where
    R: Send + 'static,
    F: FnOnce() -> Result<R, JobError> + Send + 'static,
{
    fn run(self: Arc<Self>) {
        let f = self.job.lock().take();
        let promise = Promise::of(self);
        let Some(f) = f else { return };
        if promise.is_unwanted() {
            let _ = promise.set_running_or_notify_cancel();
            return drop_or_warn(NOT_BEGUN, f);
        }
        promise.resolve(match catch_unwind(AssertUnwindSafe(f)) {
            Ok(outcome) => outcome,
            Err(panic) => Err(JobError::Panicked(into_message(panic))),
        });
    }

    fn fail(self: Arc<Self>, why: JobError) {
        self.cell.lock().never_runs = true;
        let f = self.job.lock().take();
        drop_or_warn(NOT_BEGUN, f);
        let promise = Promise::of(self);
        match why {
            JobError::Cancelled => promise.cancel(),
            why => promise.set_error(why),
        }
    }
}

/// How a closure is called whose drop panicked.
const NOT_BEGUN: &str = "a job that was never begun";

#[cfg(not(any(loom, shuttle)))] // their locks are larger
const _: () = {
    let counts = 2 * size_of::<usize>();
    assert!(counts + size_of::<OneShot<u64, Mutex<Option<fn() -> u64>>>>() <= 120);
};
