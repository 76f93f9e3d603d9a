//! A job: what was agreed on, its frame and promise, and how it came out.
//!
//! *Assumes*: each job is counted once when it is submitted and once when it comes out.
//! *Promises*: the counts balance: submitted = answered + the other outcomes + the jobs that are
//! still in the pool. A `WorkItem` is settled exactly once, since that consumes it; a panic in the
//! user's code (encoding, decoding, dropping, calling back) goes no further.
//! *Leaves out*: the rules by which a job comes out (`process/pool/dispatcher.rs`); when to send it and
//! on which thread to settle it (`process/pool/crew.rs`).
//!
//! ```text
//!   PoolJob { id, terms, body: WorkItem { frame, promise } }
//!        │                               │       └─▶ the caller's future
//!        │                               └─▶ request pipe
//!        ├─▶ answered by a worker
//!        └─▶ Cancelled, TimedOut, Lost, Protocol, ShutDown or Broken
//! ```

use crate::base::id::Key;
use crate::base::panic::{discard, into_message};
use crate::futures::deadlock::GuardId;
use crate::futures::error::JobError;
use crate::futures::future::{Future, Promise, promise_beside};
use crate::futures::oneshot::Beside;
use crate::futures::wire::Wire;
use crate::process::message::call::{RemoteFunction, decoded, encode_call, encode_chunk};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What was agreed on for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// How long it may run, in nanoseconds.
    pub limit: Option<u64>,
    /// How often it may be sent again after a worker died that may have begun it.
    pub retries: u32,
    /// It is sent only to a worker that holds no other, so that it can be killed.
    pub alone: bool,
    /// How many items it has, if it is a chunk: its answer may come in so many parts.
    pub items: u32,
}

impl Terms {
    /// Whether killing its worker must endanger no other job.
    pub(crate) fn travels_alone(&self) -> bool {
        self.alone || self.limit.is_some()
    }
}

/// One job on its way through the pool. `B` is what the caller needs to send and to resolve
/// it; the dispatcher only moves it.
#[derive(Debug)]
pub struct PoolJob<B> {
    /// Its number.
    pub id: u64,
    /// What was agreed on.
    pub terms: Terms,
    /// The caller's part.
    pub body: B,
}

impl<B> PoolJob<B> {
    /// Whether it is number `id`, and killing it endangers no other.
    pub(crate) fn may_be_killed_as(&self, id: u64) -> bool {
        self.id == id && self.terms.travels_alone()
    }
}

/// Why a job came out without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It was cancelled before it began.
    Cancelled,
    /// It ran past its limit, in nanoseconds.
    TimedOut(u64),
    /// This worker died, or was killed, and may have begun it.
    Lost(Key),
    /// This worker, which had it, broke the protocol: how.
    Protocol(Key, String),
    /// It was submitted after the shutdown.
    ShutDown,
    /// No worker can be started any more.
    Broken,
}

impl JobOutcome {
    /// Whether a worker may have begun the job.
    pub fn may_have_begun(&self) -> bool {
        matches!(self, JobOutcome::TimedOut(_) | JobOutcome::Lost(_) | JobOutcome::Protocol(..))
    }
}

/// How often each thing has happened since the pool began.
///
/// ```
/// use singletrack::process::pool::job::{JobOutcome, PoolCounts};
///
/// let mut counts = PoolCounts { submitted: 2, answered: 1, ..PoolCounts::default() };
/// counts.record(&JobOutcome::Cancelled);
/// assert_eq!(counts.submitted, counts.resolved());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Jobs that were submitted. (A chunk of a `map` is one.)
    pub submitted: u64,
    /// Jobs that a worker answered, with a value, a panic or a refusal.
    pub answered: u64,
    /// Jobs cancelled before they began.
    pub cancelled: u64,
    /// Jobs killed because they ran too long.
    pub timed_out: u64,
    /// Jobs lost with their workers, or killed.
    pub lost: u64,
    /// Jobs whose workers broke the protocol.
    pub protocol: u64,
    /// Jobs that were submitted after the shutdown.
    pub shut_down: u64,
    /// Jobs for which no worker could be started.
    pub broken: u64,
    /// Times a job that was lost was sent again, as its `retries` allow.
    pub retried: u64,
    /// Workers that were forked.
    pub workers_started: u64,
    /// Workers that are dead and reaped, whatever ended them.
    pub workers_ended: u64,
}

impl PoolCounts {
    /// A job came out without an answer.
    pub fn record(&mut self, outcome: &JobOutcome) {
        *match outcome {
            JobOutcome::Cancelled => &mut self.cancelled,
            JobOutcome::TimedOut(_) => &mut self.timed_out,
            JobOutcome::Lost(_) => &mut self.lost,
            JobOutcome::Protocol(..) => &mut self.protocol,
            JobOutcome::ShutDown => &mut self.shut_down,
            JobOutcome::Broken => &mut self.broken,
        } += 1;
    }

    /// Jobs that have left the pool, with or without an answer.
    pub fn resolved(&self) -> u64 {
        let failed = self.timed_out + self.lost + self.protocol + self.shut_down + self.broken;
        self.answered + self.cancelled + failed
    }
}

/// What a job takes along on its way through the pool.
pub(crate) struct WorkItem {
    /// The frame of the call. Kept until the job is settled: a job that was sent but not begun
    /// when its worker died is sent again.
    pub(crate) frame: Vec<u8>,
    /// The number that all jobs of one `map` have in common; else its own.
    pub(crate) group: u64,
    promise: Box<dyn Settle>,
}

impl WorkItem {
    /// `f(args)` as job `id` of the pool whose guard is `guard`; `place` knows whether it has begun.
    pub(crate) fn for_call<A: Wire, R: Wire>(
        f: fn(A) -> R,
        args: &A,
        id: u64,
        guard: GuardId,
        place: impl Beside + 'static,
    ) -> Result<(WorkItem, Future<R>), JobError> {
        let frame = encoded(|| encode_call(f, args, id))?;
        let (promise, future) = promise_beside(guard, place);
        Ok((WorkItem { frame, group: id, promise: Box::new(promise) }, future))
    }

    /// `f` of each of `items` as job `id`; the promise will get all results.
    pub(crate) fn for_chunk<F: RemoteFunction>(
        f: F,
        items: &[F::Args],
        id: u64,
        group: u64,
        promise: Box<dyn Settle>,
    ) -> ChunkItem {
        match encoded(|| encode_chunk(f, items, id)) {
            Ok(Some(frame)) => ChunkItem::Ready(WorkItem { frame, group, promise }),
            Ok(None) => ChunkItem::TooLong,
            Err(error) => ChunkItem::Failed(error, promise),
        }
    }

    /// The job is about to be sent: false if it was cancelled.
    pub(crate) fn is_wanted(&self) -> bool {
        self.promise.is_wanted()
    }

    /// A worker has begun it, so it cannot be cancelled any more.
    pub(crate) fn begin(&self) {
        self.promise.begin();
    }

    /// Resolves the promise; `parts` are the bodies that came before the answer's. Runs user code:
    /// hold no lock.
    pub(crate) fn settle(self, parts: &[Vec<u8>], outcome: Result<&[u8], JobError>) {
        let settle = || self.promise.settle(parts, outcome);
        catch_unwind(AssertUnwindSafe(settle)).unwrap_or_else(discard);
    }
}

/// What became of the items that were to be one job.
pub(crate) enum ChunkItem {
    /// They are one.
    Ready(WorkItem),
    /// Together they are too long for a frame.
    TooLong,
    /// They cannot be sent, and this is to be told.
    Failed(JobError, Box<dyn Settle>),
}

/// Encoding runs the user's `Serialize`, which may panic.
fn encoded<T>(encode: impl FnOnce() -> Result<T, JobError>) -> Result<T, JobError> {
    catch_unwind(AssertUnwindSafe(encode))
        .unwrap_or_else(|payload| Err(JobError::Panicked(into_message(payload))))
}

/// A promise whose type is forgotten.
pub(crate) trait Settle: Send {
    /// The job is about to be sent; false: do not.
    fn is_wanted(&self) -> bool;
    /// A worker has begun it.
    fn begin(&self);
    /// Here is its reply, after the parts of it that came before, or why there is none. Runs user
    /// code.
    fn settle(self: Box<Self>, parts: &[Vec<u8>], outcome: Result<&[u8], JobError>);
}

impl<R: Wire> Settle for Promise<R> {
    fn is_wanted(&self) -> bool {
        !self.is_unwanted() || self.set_running_or_notify_cancel()
    }

    fn begin(&self) {
        let _ = self.set_running_or_notify_cancel();
    }

    fn settle(self: Box<Self>, _no_parts: &[Vec<u8>], outcome: Result<&[u8], JobError>) {
        self.resolve(outcome.and_then(decoded));
    }
}
