//! The process pool as users of `multiprocessing` know it: apply, map, imap and their kin.
//!
//! *Assumes*: `process/pool.rs`.
//! *Promises*: results in the order of the items, except from `imap_unordered`; several items
//! go as one job, by CPython's rule unless told otherwise; `imap` reads its input no further
//! ahead than its buffer, so that it may be endless.
//! *Leaves out*: what an executor offers (`Pool::executor` gives it): limits and retries for
//! single jobs, kill, resize, statistics.
//!
//! ```text
//!   map           items ─▶ chunks ─▶ jobs ─▶ one future of a Vec
//!   imap          items ─▶ a window of jobs ─▶ in order
//!   imap_unordered         a window of jobs ─▶ as they are done
//! ```
//! | `Pool` here                       | in Python                                          |
//! |-----------------------------------|----------------------------------------------------|
//! | a killed worker fails its chunk   | the call never returns (gh-96062)                  |
//! | `imap` reads ahead by its buffer  | `imap` reads all its input at once (gh-64192)      |
//! | a job that waits for the pool's own thread fails | it hangs                            |
//! | a dropped pool is terminated      | a `with` block terminates; `del` is undefined      |

use crate::base::error::JobError;
use crate::base::wire::Wire;
use crate::concurrent::future::{Future, promise_of};
use crate::concurrent::home::own_home;
use crate::concurrent::waiting::Unfinished;
use crate::process::call::Function;
use crate::process::chunk::{
    Arrivals, Chunk, Collect, Gathering, Outcomes, Typed, default_chunksize,
};
use crate::process::nursery::Nursery;
use crate::process::options::{JobOptions, MapOptions};
use crate::process::pool::{PoolError, ProcessPool};
use crate::process::roster::MAX_AHEAD;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::Fuse;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

/// `multiprocessing.Pool`.
///
/// ```
/// use singletrack::process::multiprocessing::Pool;
/// use singletrack::process::nursery::Nursery;
///
/// fn power(base: u64, exponent: u32) -> u64 {
///     base.pow(exponent)
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let nursery = Nursery::start()?;
///     let pool = Pool::new(&nursery, 4)?;
///     assert_eq!(pool.map(|x: u64| x * x, [1, 2, 3])?, [1, 4, 9]);
///     assert_eq!(pool.starmap(power, [(2, 3), (3, 2)])?, [8, 9]);
///     let endless = pool.imap(|x: u64| x + 1, 0..);
///     let firsts: Vec<u64> = endless.take(3).collect::<Result<_, _>>()?;
///     assert_eq!(firsts, [1, 2, 3]);
///     Ok(()) // dropped, a pool is terminated; `close` and `join` wait instead
/// }
/// ```
#[doc(alias = "multiprocessing.Pool")]
pub struct Pool {
    executor: ProcessPool,
}

/// A pool with more to choose: see [`ProcessPool::builder`].
impl From<ProcessPool> for Pool {
    fn from(executor: ProcessPool) -> Self {
        Pool { executor }
    }
}

impl Pool {
    /// A pool of so many workers, forked from the nursery.
    ///
    /// # Errors
    /// As [`ProcessPool::new`].
    pub fn new(nursery: &Nursery, processes: usize) -> Result<Pool, PoolError> {
        ProcessPool::new(nursery, processes).map(Pool::from)
    }

    /// The same workers as an executor.
    pub fn executor(&self) -> &ProcessPool {
        &self.executor
    }

    /// Runs `f(args)` in a worker and waits for its result.
    ///
    /// # Errors
    /// Why there is none.
    pub fn apply<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Result<R, JobError> {
        self.executor.call(f, args)
    }

    /// Runs `f(args)` in a worker.
    pub fn apply_async<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.executor.submit(f, args)
    }

    /// Runs `f` of every item and waits for all results, which come in the order of the items.
    ///
    /// # Errors
    /// The failure that stands first in the input, after all items were run.
    pub fn map<A, R, I>(&self, f: fn(A) -> R, items: I) -> Result<Vec<R>, JobError>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        self.map_async(f, items).result()
    }

    /// As [`map`](Self::map), for a future of all results. It counts as running when its first
    /// chunk was sent.
    pub fn map_async<A, R, I>(&self, f: fn(A) -> R, items: I) -> Future<Vec<R>>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        self.map_with(MapOptions::default(), f, items)
    }

    /// As [`map_async`](Self::map_async), with options.
    pub fn map_with<A, R, I>(&self, options: MapOptions, f: fn(A) -> R, items: I) -> Future<Vec<R>>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        self.send_all(options, f, items.into_iter().collect())
    }

    /// As [`map`](Self::map), for a function of two arguments, which come in pairs.
    ///
    /// # Errors
    /// As `map`.
    pub fn starmap<A, B, R, I>(&self, f: fn(A, B) -> R, items: I) -> Result<Vec<R>, JobError>
    where
        A: Wire,
        B: Wire,
        R: Wire,
        I: IntoIterator<Item = (A, B)>,
    {
        self.starmap_with(MapOptions::default(), f, items).result()
    }

    /// As [`starmap`](Self::starmap), with options, for a future of all results.
    #[doc(alias = "starmap_async")]
    pub fn starmap_with<A, B, R, I>(
        &self,
        options: MapOptions,
        f: fn(A, B) -> R,
        items: I,
    ) -> Future<Vec<R>>
    where
        A: Wire,
        B: Wire,
        R: Wire,
        I: IntoIterator<Item = (A, B)>,
    {
        self.send_all(options, f, items.into_iter().collect())
    }

    fn send_all<F: Function>(
        &self,
        options: MapOptions,
        f: F,
        items: Vec<F::Args>,
    ) -> Future<Vec<F::Value>> {
        let by_rule = || default_chunksize(items.len(), self.executor.workers());
        let size = options.chunksize.map_or_else(by_rule, usize::from);
        if items.is_empty() {
            return Future::resolved(Ok(Vec::new()));
        }
        let (promise, future) = promise_of(self.executor.home());
        let chunks = items.chunks(size);
        let all = Arc::new(Gathering::new(chunks.len(), options.fail_fast, promise));
        for (index, chunk) in chunks.enumerate() {
            send_chunk(&self.executor, options.job, f, chunk, index, &all);
        }
        future
    }

    /// Runs `f` of every item and gives the results in the order of the items, each as soon as
    /// it and those before it are there. One item is one job; the input is read as far ahead
    /// as the workers can hold jobs.
    ///
    /// An error stands at the place of its item, and the rest go on.
    pub fn imap<A, R, I>(&self, f: fn(A) -> R, items: I) -> Imap<'_, A, R, I::IntoIter>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        self.imap_with(MapOptions::default(), f, items)
    }

    /// As [`imap`](Self::imap), with options.
    pub fn imap_with<A, R, I>(
        &self,
        options: MapOptions,
        f: fn(A) -> R,
        items: I,
    ) -> Imap<'_, A, R, I::IntoIter>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        Imap::new(self, options, f, items.into_iter(), Some(BTreeMap::new()))
    }

    /// As [`imap`](Self::imap), but gives each result as soon as it is there.
    pub fn imap_unordered<A, R, I>(&self, f: fn(A) -> R, items: I) -> Imap<'_, A, R, I::IntoIter>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        self.imap_unordered_with(MapOptions::default(), f, items)
    }

    /// As [`imap_unordered`](Self::imap_unordered), with options.
    pub fn imap_unordered_with<A, R, I>(
        &self,
        options: MapOptions,
        f: fn(A) -> R,
        items: I,
    ) -> Imap<'_, A, R, I::IntoIter>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        Imap::new(self, options, f, items.into_iter(), None)
    }

    /// Takes no more jobs; the workers go when those it has are done.
    pub fn close(&self) {
        self.executor.shutdown(false, false);
    }

    /// Ends the pool at once: the workers are killed, jobs that run are lost, the others
    /// cancelled. (Python sends SIGTERM; here [`ProcessPool::terminate_workers`] does.)
    pub fn terminate(&self) {
        self.executor.kill_workers();
    }

    /// Waits until the workers are gone. Closes the pool first, if nobody did; in Python that
    /// would be a `ValueError`.
    pub fn join(&self) {
        self.executor.shutdown(true, false);
    }
}

/// Terminates the pool and waits, as the end of a `with` block does in Python.
impl Drop for Pool {
    fn drop(&mut self) {
        self.terminate();
        self.join();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("executor", &self.executor).finish()
    }
}

fn send_chunk<F: Function, C: Collect<F::Value> + 'static>(
    executor: &ProcessPool,
    options: JobOptions,
    f: F,
    items: &[F::Args],
    index: usize,
    collector: &Arc<C>,
) {
    let chunk = Chunk { collector: Arc::clone(collector), index, items: items.len() };
    executor.submit_chunk(options, f, items, Box::new(Typed(chunk, PhantomData)));
}

/// The results of an [`imap`](Pool::imap), one after the other. Dropping it cancels what has
/// not begun.
#[must_use = "nothing is submitted before the first `next`"]
pub struct Imap<'pool, A, R, I> {
    pool: &'pool Pool,
    f: fn(A) -> R,
    items: Fuse<I>,
    options: JobOptions,
    chunksize: usize,
    /// How many chunks may be submitted and not handed out.
    window: usize,
    submitted: usize,
    handed_out: usize,
    arrivals: Arc<Arrivals<R>>,
    /// What has arrived before its turn; `None` if there are no turns.
    early: Option<BTreeMap<usize, Outcomes<R>>>,
    /// What is to be given next.
    ready: VecDeque<Result<R, JobError>>,
}

impl<'pool, A: Wire, R: Wire, I: Iterator<Item = A>> Imap<'pool, A, R, I> {
    fn new(
        pool: &'pool Pool,
        options: MapOptions,
        f: fn(A) -> R,
        items: I,
        early: Option<BTreeMap<usize, Outcomes<R>>>,
    ) -> Self {
        let most = pool.executor.workers().saturating_mul(MAX_AHEAD);
        Imap {
            pool,
            f,
            items: items.fuse(),
            options: options.job,
            chunksize: options.chunksize.map_or(1, usize::from),
            window: options.buffersize.map_or(most, usize::from),
            submitted: 0,
            handed_out: 0,
            arrivals: Arc::new(Arrivals::new()),
            early,
            ready: VecDeque::new(),
        }
    }

    /// The next result, waiting for it no longer than until `deadline`. `None` at the end.
    ///
    /// # Errors
    /// [`Unfinished`] when the deadline passes first; nothing is lost by that.
    pub fn next_before(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<Result<R, JobError>>, Unfinished> {
        self.advance(Some(deadline))
    }

    fn advance(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<Result<R, JobError>>, Unfinished> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Ok(Some(result));
            }
            self.fill_window();
            let missing = self.submitted - self.handed_out;
            if missing == 0 {
                return Ok(None);
            }
            if let (Some(home), None) = (own_home(self.pool.executor.home()), deadline) {
                return Ok(home.fall_asleep().err().map(Err));
            }
            let (index, outcomes) = self
                .arrivals
                .take(deadline)
                .ok_or(Unfinished { unfinished: missing, of: self.submitted })?;
            self.sort_in(index, outcomes);
        }
    }

    /// Submits as much as may be under way.
    fn fill_window(&mut self) {
        while self.submitted - self.handed_out < self.window {
            let chunk: Vec<A> = self.items.by_ref().take(self.chunksize).collect();
            if chunk.is_empty() {
                return;
            }
            let (executor, index) = (&self.pool.executor, self.submitted);
            send_chunk(executor, self.options, self.f, &chunk, index, &self.arrivals);
            self.submitted += 1;
        }
    }

    fn sort_in(&mut self, index: usize, outcomes: Outcomes<R>) {
        let Some(early) = &mut self.early else {
            self.handed_out += 1;
            return self.ready.extend(outcomes.into_results());
        };
        early.insert(index, outcomes);
        while let Some(outcomes) = early.remove(&self.handed_out) {
            self.handed_out += 1;
            self.ready.extend(outcomes.into_results());
        }
    }
}

impl<A: Wire, R: Wire, I: Iterator<Item = A>> Iterator for Imap<'_, A, R, I> {
    type Item = Result<R, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(None).expect("without a deadline none passes")
    }
}

impl<A, R, I> Drop for Imap<'_, A, R, I> {
    fn drop(&mut self) {
        self.arrivals.close();
    }
}

impl<A, R, I> fmt::Debug for Imap<'_, A, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (submitted, handed_out) = (self.submitted, self.handed_out);
        write!(f, "Imap({handed_out} of {submitted} chunks handed out)")
    }
}
