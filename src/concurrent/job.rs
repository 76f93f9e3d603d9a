//! What a thread pool's queue holds: a closure, and the promise of its result.
//!
//! *Assumes*: somebody calls `run` or `give_up`, once.
//! *Promises*: the future is resolved either way, also by a panic; the closure is dropped before.
//! *Leaves out*: whose turn it is (`concurrent/hall.rs`).
//!
//! ```text
//!   Arc ─▶ ┌ counts │ state, outcome, who waits │ closure ┐ ◀─ Arc
//!  queue   └────────┴───────────────────────────┴─────────┘   future
//! ```
//! One allocation for all there is of a job. With two, malloc and free, of blocks that one
//! thread makes and another frees, were two thirds of a short job.

use crate::base::error::{JobError, last_words};
use crate::base::sync::Mutex;
use crate::concurrent::future::Promise;
use crate::concurrent::oneshot::OneShot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the queue holds: a closure, in one allocation with the cell for its result. It must not
/// be dropped before one of these was called.
pub(crate) trait Job: Send + Sync {
    /// Runs the closure, unless its future was cancelled, and resolves the future.
    fn run(self: Arc<Self>);
    /// Drops the closure and resolves the future with this error.
    fn give_up(self: Arc<Self>, why: JobError);
}

impl<R, F> Job for OneShot<R, Mutex<Option<F>>>
where
    R: Send + 'static,
    F: FnOnce() -> Result<R, JobError> + Send + 'static,
{
    fn run(self: Arc<Self>) {
        let f = self.job.lock().take();
        let promise = Promise::of(self);
        if let Some(f) = f
            && promise.set_running_or_notify_cancel()
        {
            promise.resolve(match catch_unwind(AssertUnwindSafe(f)) {
                Ok(outcome) => outcome,
                Err(panic) => Err(JobError::Panicked(last_words(panic))),
            });
        }
    }

    fn give_up(self: Arc<Self>, why: JobError) {
        let _unused = self.job.lock().take();
        let promise = Promise::of(self);
        match why {
            JobError::Cancelled => promise.cancel(),
            why => promise.set_error(why),
        }
    }
}
