//! The one face of all pools: submit a function, map it over many, wait for some or all.
//!
//! *Assumes*: `concurrent/future.rs`.
//! *Promises*: `map` keeps the order of its input; `wait` splits its input in two and loses
//! none; `as_completed` gives every future once; whoever stops listening leaves nothing behind.
//! *Leaves out*: how a job is run (the pools below this page).
//!
//! ```text
//!   submit(f, args) ─▶ Future                      ┌ threads.rs      closures, shared memory
//!   map(f, items)   ─▶ results in order      over  ├ gil_threads.rs  the same, one at a time
//!   shutdown(wait, cancel_futures)                 └ processes.rs    bytes over pipes
//! ```
//! The counterpart of `concurrent.futures`. A function is given as `fn(A) -> R`, which
//! captures nothing, and its argument and result are serde values: then the same call can be
//! run by a thread or by another process. Pools of threads take closures as well.

use crate::base::error::JobError;
use crate::base::sync::{Arc, Condvar, Mutex, wait_until};
use crate::base::wire::Wire;
use crate::concurrent::future::Future;
use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Runs functions somewhere else and gives a [`Future`] for each.
///
/// ```
/// use singletrack::base::wire::Wire;
/// use singletrack::concurrent::executor::Executor;
/// use singletrack::concurrent::future::Future;
///
/// /// The smallest executor: it runs every job at once, on the spot.
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
    /// Queues `f(args)`. Never blocks on the job and never fails itself: when the executor
    /// is shut down or broken, the future is done from the start and says so.
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R>;

    /// Refuses new jobs with [`JobError::ShutDown`]. With `cancel_futures`, cancels those no
    /// worker has begun; a running job is never interrupted. With `wait`, blocks until every
    /// job is done and the workers are gone. May be called again, from anywhere.
    fn shutdown(&self, wait: bool, cancel_futures: bool);

    /// Queues `f(item)` for all items now, and gives the results in the order of the items,
    /// each as soon as it and those before it are done.
    ///
    /// An error stands at the place of its item and the rest go on. (CPython raises it and
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
    /// The next result, waiting for it no longer than until `deadline`.
    ///
    /// # Errors
    /// [`Unfinished`] when the deadline passes first. Nothing is cancelled or lost by that:
    /// ask again, or drop the iterator to cancel the rest, as CPython's `map(timeout=)` does.
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

/// When [`wait`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReturnWhen {
    /// As soon as one is done.
    FirstCompleted,
    /// As soon as one has failed (a cancel is no failure), or all are done.
    FirstException,
    /// When all are done.
    #[default]
    AllCompleted,
}

/// Time ran out while some futures were not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// How many are not done.
    pub unfinished: usize,
    /// Of how many.
    pub of: usize,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (of {}) futures unfinished", self.unfinished, self.of)
    }
}

impl std::error::Error for Unfinished {}

/// Blocks until `when` holds or `timeout` has passed (`None`: no limit), and splits the
/// futures into those done and those not, each in the order given.
///
/// A future cannot be given twice, since it has one owner. A cancelled one is done at once;
/// in CPython only after a worker met it.
///
/// ```
/// use singletrack::concurrent::executor::{ReturnWhen, wait};
/// use singletrack::concurrent::future::promise;
/// use std::time::Duration;
///
/// let (first, a) = promise();
/// let (_second, b) = promise();
/// first.set_result(1);
/// let (done, not_done) = wait([a, b], ReturnWhen::FirstCompleted, None);
/// assert_eq!((done.len(), not_done.len()), (1, 1));
/// let (done, _) = wait(not_done, ReturnWhen::AllCompleted, Some(Duration::ZERO));
/// assert!(done.is_empty());
/// ```
#[doc(alias = "concurrent.futures.wait")]
pub fn wait<T>(
    futures: impl IntoIterator<Item = Future<T>>,
    when: ReturnWhen,
    timeout: Option<Duration>,
) -> (Vec<Future<T>>, Vec<Future<T>>) {
    if when == ReturnWhen::AllCompleted {
        return wait_for_all(futures.into_iter().collect(), timeout);
    }
    let mut completed = as_completed(futures, timeout);
    while let Some(Ok(index)) = completed.next_index() {
        if when == ReturnWhen::FirstCompleted || completed.failed(index) {
            break;
        }
    }
    completed.into_rest().into_iter().partition(Future::done)
}

/// Waits for the last first. It was queued last, so while it is not done most sleeps for the
/// others would be short; one long sleep disturbs the workers less than many short ones.
fn wait_for_all<T>(
    futures: Vec<Future<T>>,
    timeout: Option<Duration>,
) -> (Vec<Future<T>>, Vec<Future<T>>) {
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let all = futures
        .iter()
        .rev()
        .all(|future| future.wait(deadline.map(|d| d.saturating_duration_since(Instant::now()))));
    if all { (futures, Vec::new()) } else { futures.into_iter().partition(Future::done) }
}

/// The futures, each once, in the order in which they become done.
///
/// The time limit counts from this call. When it passes, the iterator gives one
/// [`Unfinished`] and ends; [`AsCompleted::into_rest`] gives the unfinished back.
///
/// ```
/// use singletrack::concurrent::executor::as_completed;
/// use singletrack::concurrent::future::promise;
///
/// let (slow, a) = promise();
/// let (quick, b) = promise();
/// quick.set_result("quick");
/// let mut all = as_completed([a, b], None);
/// assert_eq!(all.next().unwrap().unwrap().result(), Ok("quick"));
/// slow.set_result("slow");
/// assert_eq!(all.next().unwrap().unwrap().result(), Ok("slow"));
/// assert!(all.next().is_none());
/// ```
#[doc(alias = "concurrent.futures.as_completed")]
pub fn as_completed<T>(
    futures: impl IntoIterator<Item = Future<T>>,
    timeout: Option<Duration>,
) -> AsCompleted<T> {
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let futures: Vec<_> = futures.into_iter().map(Some).collect();
    let arrivals = Arc::new(Arrivals::default());
    let (waiting, who) = (futures.len(), subscriber(&arrivals));
    for (index, future) in futures.iter().flatten().enumerate() {
        let arrivals = Arc::clone(&arrivals);
        future.subscribe(who, move || arrivals.push(index));
    }
    AsCompleted { futures, arrivals, deadline, waiting, asked: false, expired: false }
}

/// See [`as_completed`].
pub struct AsCompleted<T> {
    /// `None` where the future has been given out.
    futures: Vec<Option<Future<T>>>,
    arrivals: Arc<Arrivals>,
    deadline: Option<Instant>,
    /// How many have not been announced yet.
    waiting: usize,
    /// Whether the thread asked before its first sleep if it would wait for itself.
    asked: bool,
    expired: bool,
}

impl<T> AsCompleted<T> {
    /// The futures not given out yet, in the order in which they were passed in.
    pub fn into_rest(mut self) -> Vec<Future<T>> {
        self.unsubscribe();
        self.futures.drain(..).flatten().collect()
    }

    fn next_index(&mut self) -> Option<Result<usize, Unfinished>> {
        if self.waiting == 0 || self.expired {
            return None;
        }
        if self.deadline.is_none() && !std::mem::replace(&mut self.asked, true) {
            self.futures.iter().flatten().for_each(Future::refuse_if_alone);
        }
        if let Some(index) = self.arrivals.pop(self.deadline) {
            self.waiting -= 1;
            return Some(Ok(index));
        }
        self.expired = true;
        Some(Err(Unfinished { unfinished: self.waiting, of: self.futures.len() }))
    }

    /// Ended with an error of its own, which a cancel is not.
    fn failed(&self, index: usize) -> bool {
        self.futures[index].as_ref().is_some_and(|f| !f.cancelled() && f.exception().is_some())
    }

    fn unsubscribe(&self) {
        let who = subscriber(&self.arrivals);
        self.futures.iter().flatten().for_each(|future| future.unsubscribe(who));
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Result<Future<T>, Unfinished>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_index()?;
        Some(next.map(|index| self.futures[index].take().expect("each future arrives once")))
    }
}

impl<T> Drop for AsCompleted<T> {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// Where the callbacks of many futures meet one waiting thread: the numbers of those done.
#[derive(Default)]
struct Arrivals {
    queue: Mutex<VecDeque<usize>>,
    arrived: Condvar,
}

/// The name under which a waiter subscribes: unique while it lives.
fn subscriber(arrivals: &Arc<Arrivals>) -> usize {
    std::ptr::from_ref::<Arrivals>(arrivals).addr()
}

impl Arrivals {
    fn push(&self, index: usize) {
        self.queue.lock().push_back(index);
        self.arrived.notify_one();
    }

    /// The next number; `None` when the deadline passes first.
    fn pop(&self, deadline: Option<Instant>) -> Option<usize> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(index) = queue.pop_front() {
                return Some(index);
            }
            if !wait_until(&self.arrived, &mut queue, deadline) {
                return None;
            }
        }
    }
}
