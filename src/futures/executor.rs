//! `Executor`, the interface of all pools: submit, map, shut down.
//!
//! *Promises*: `map` keeps the order of its input; dropping its iterator cancels the jobs that have
//! not begun.
//! *Leaves out*: running the jobs, which each executor does in its own way; waiting for several
//! futures (`futures/waiting.rs`).
//!
//! ```text
//!   submit(f, args) ─▶ Future             ┌ futures/thread_pool.rs         closures, shared memory
//!   map(f, items)   ─▶ results in order ──┼ gil/lock/gil_thread.rs             the same, one at a time
//!   shutdown(wait, cancel_futures)        └ process/pool/process_pool.rs   bytes over pipes
//! ```
//! The counterpart of `concurrent.futures`. A function is given as `fn(A) -> R`, which
//! captures nothing, and its argument and result are serde values: then the same call can be
//! run by a thread or by another process. Pools of threads take closures as well.

use crate::futures::error::JobError;
use crate::futures::future::Future;
use crate::futures::waiting::Unfinished;
use crate::futures::wire::Wire;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Runs functions somewhere else and gives a [`Future`] for each.
///
/// ```
/// use singletrack::futures::Wire;
/// use singletrack::futures::Executor;
/// use singletrack::futures::Future;
///
/// /// The smallest executor: it runs every job at once, on the caller's thread.
/// struct Inline;
///
/// impl Executor for Inline {
///     fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
///         Future::resolved(Ok(f(args)))
///     }
///     fn shutdown(&self, _wait: bool, _cancel_futures: bool) {}
/// }
///
/// let squares: Result<Vec<u32>, _> = Inline.map(|x: u32| x * x, [1, 2, 3]).collect();
/// assert_eq!(squares, Ok(vec![1, 4, 9]));
/// ```
#[doc(alias = "concurrent.futures.Executor")]
pub trait Executor {
    /// Queues `f(args)`. It does not wait for the job and returns no error: if the executor is shut
    /// down or broken, the future is done from the start and has the error.
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R>;

    /// Refuses new jobs with [`JobError::ShutDown`]. With `cancel_futures`, cancels the jobs that no
    /// worker has begun; a running job is never interrupted. With `wait`, blocks until the workers have
    /// ended and every job is done, but for those that another thread is cancelling meanwhile. May be
    /// called again, from any thread.
    fn shutdown(&self, wait: bool, cancel_futures: bool);

    /// Queues `f(item)` for all items now, and gives the results in the order of the items,
    /// each as soon as it and those before it are done.
    ///
    /// An error stands at the place of its item, and the other jobs go on. (CPython raises it and
    /// thereby cancels the rest; to get that, stop iterating.) Dropping the iterator cancels
    /// what has not begun.
    fn map<A, R, I>(&self, f: fn(A) -> R, items: I) -> Results<R>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        items.into_iter().map(|item| self.submit(f, item)).collect()
    }

    /// As [`map`](Self::map), but never has more than `buffersize` results outstanding, so
    /// `items` may be endless. Nothing is submitted before the first `next`.
    ///
    /// CPython 3.14's `map(buffersize=n)` holds `n + 1` for a moment (gh-131466); this does not.
    fn map_buffered<A, R, I>(
        &self,
        f: fn(A) -> R,
        items: I,
        buffersize: NonZeroUsize,
    ) -> impl Iterator<Item = Result<R, JobError>>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        let mut items = items.into_iter().fuse();
        let mut window = Results { futures: VecDeque::new() };
        std::iter::from_fn(move || {
            let room = buffersize.get() - window.futures.len();
            window.futures.extend(items.by_ref().take(room).map(|item| self.submit(f, item)));
            window.next()
        })
    }
}

/// The results of a [`map`](Executor::map), in order. Dropping it cancels what has not begun.
#[derive(Debug)]
pub struct Results<R> {
    futures: VecDeque<Future<R>>,
}

impl<R> Results<R> {
    /// The next result; waits for it until `deadline` at the latest.
    ///
    /// # Errors
    /// [`Unfinished`] if the deadline passes first. That cancels and loses nothing: call again, or
    /// drop the iterator to cancel the rest, as CPython's `map(timeout=)` does.
    pub fn next_before(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<Result<R, JobError>>, Unfinished> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.futures.front() {
            Some(first) if !first.wait(Some(left)) => {
                let of = self.futures.len();
                let unfinished = self.futures.iter().filter(|f| !f.done()).count();
                Err(Unfinished { unfinished, of })
            }
            _ => Ok(self.next()),
        }
    }
}

impl<R> Iterator for Results<R> {
    type Item = Result<R, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.futures.pop_front().map(Future::result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.futures.len(), Some(self.futures.len()))
    }
}

impl<R> ExactSizeIterator for Results<R> {}

impl<R> FromIterator<Future<R>> for Results<R> {
    fn from_iter<I: IntoIterator<Item = Future<R>>>(futures: I) -> Self {
        Results { futures: futures.into_iter().collect() }
    }
}

impl<R> Drop for Results<R> {
    fn drop(&mut self) {
        for future in &self.futures {
            future.cancel();
        }
    }
}
