//! `multiprocessing.Pool`: apply, map, imap and their kin.
//!
//! *Assumes*: `process/pool/process_pool.rs` runs the jobs, `process/pool/chunk.rs` collects results.
//! *Promises*: results in the order of the items, except from `imap_unordered`; several items
//! go as one job, by CPython's rule unless told otherwise; `imap` reads its input no further
//! ahead than its window, so that it may be endless, keeps what arrives too early, and cancels,
//! when dropped, what has not begun.
//! *Leaves out*: what an executor offers (`process/pool/process_pool.rs`; `Pool::executor` gives
//! it): limits and retries for single jobs, kill, resize, statistics.
//!
//! ```text
//!   map             items ─▶ chunks ─▶ jobs ─▶ one future of a Vec
//!   imap            items ─▶ a window of jobs ─▶ in order
//!   imap_unordered           a window of jobs ─▶ as they are done
//!
//!   items ─ chunk ─▶ ░░░▓▓▓▓▓▓ ─▶ arrived ─▶ out of order: 5, 7 ─▶ ready ─▶ next
//!                    └ window ┘                (`imap` only)
//! ```
//! | `Pool` here                       | in Python                                          |
//! |-----------------------------------|----------------------------------------------------|
//! | a killed worker fails its chunk   | the call never returns (gh-96062)                  |
//! | `imap` reads ahead by its buffer  | `imap` reads all its input at once (gh-64192)      |
//! | a job that waits for the pool's own thread fails | it hangs                            |
//! | a dropped pool is terminated      | a `with` block terminates; `del` is undefined      |

use crate::futures::deadlock::own_guard;
use crate::futures::error::JobError;
use crate::futures::future::{Future, promise_beside};
use crate::futures::waiting::Unfinished;
use crate::futures::wire::Wire;
use crate::process::forkserver::client::ForkServer;
use crate::process::message::call::RemoteFunction;
use crate::process::pool::chunk::{
    ArrivedChunks, ChunkResults, MapResults, default_chunksize, drop_each, send_chunk,
};
use crate::process::pool::options::{JobOptions, MapOptions, PoolError};
use crate::process::pool::process_pool::ProcessPool;
use crate::process::pool::worker::MAX_AHEAD;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::Fuse;
use std::sync::Arc;
use std::time::Instant;

/// `multiprocessing.Pool`.
///
/// ```
/// use singletrack::process::Pool;
/// use singletrack::process::ForkServer;
///
/// fn power(base: u64, exponent: u32) -> u64 {
///     base.pow(exponent)
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let pool = Pool::new(&fork_server, 4)?;
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

/// A pool with options: see [`ProcessPool::builder`].
impl From<ProcessPool> for Pool {
    fn from(executor: ProcessPool) -> Self {
        Pool { executor }
    }
}

impl Pool {
    /// A pool of so many workers, forked from the fork server.
    ///
    /// # Errors
    /// As [`ProcessPool::new`].
    pub fn new(fork_server: &ForkServer, processes: usize) -> Result<Pool, PoolError> {
        ProcessPool::new(fork_server, processes).map(Pool::from)
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
    /// The first chunks are at work while the last items are still to come, if the iterator knows
    /// how many there are, or the options say how many make a chunk. If it panics, so does this
    /// call; chunks that were sent are run all the same.
    ///
    /// # Errors
    /// The failure that stands first in the input, after all items were run. A pool that takes no
    /// more jobs reads no more items.
    pub fn map<A, R, I>(&self, f: fn(A) -> R, items: I) -> Result<Vec<R>, JobError>
    where
        A: Wire,
        R: Wire,
        I: IntoIterator<Item = A>,
    {
        self.map_async(f, items).result()
    }

    /// As [`map`](Self::map), for a future of all results. It runs from when its first
    /// chunk has begun, and can be cancelled until then.
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
        self.send_all(options, f, items.into_iter())
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
        self.send_all(options, f, items.into_iter())
    }

    /// Sends the items as the iterator gives them, so that the first are at work while the last
    /// are still to come. But the rule for the size of a chunk needs their number: an iterator
    /// that does not know it is emptied first, as in CPython (`Pool._map_async`).
    fn send_all<F, I>(&self, options: MapOptions, f: F, items: I) -> Future<Vec<F::Value>>
    where
        F: RemoteFunction,
        I: Iterator<Item = F::Args>,
    {
        let (count, at_most) = items.size_hint();
        let size = match options.chunksize {
            Some(size) => usize::from(size),
            None if at_most == Some(count) => {
                // Not 0, although 0 items are announced: there may be some all the same.
                default_chunksize(count, self.executor.workers()).max(1)
            }
            None => return self.send_all(options, f, items.collect::<Vec<_>>().into_iter()),
        };
        let group = self.executor.new_group();
        let (promise, future) = promise_beside(self.executor.guard(), self.executor.place(group));
        let all = Arc::new(MapResults::new(count, options.fail_fast, promise));
        let mut items = items.fuse();
        let mut chunks = 0;
        let mut chunk = Vec::new();
        let _ = chunk.try_reserve(size.min(count));
        while all.wants_more() {
            // Not `extend`, which reserves as much memory as the iterator announces.
            items.by_ref().take(size).for_each(|item| chunk.push(item));
            if chunk.is_empty() {
                break;
            }
            chunks += send_chunk(&self.executor, options.job, f, &chunk, chunks, group, &all);
            chunk.clear();
        }
        all.all_sent(chunks);
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
        Imap::new(&self.executor, options, f, items.into_iter(), true)
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
        Imap::new(&self.executor, options, f, items.into_iter(), false)
    }

    /// Takes no more jobs; the workers exit when those it has are done.
    pub fn close(&self) {
        self.executor.shutdown(false, false);
    }

    /// Ends the pool at once: the workers are killed, jobs that run are lost, the others
    /// cancelled. (Python sends SIGTERM; here [`ProcessPool::terminate_workers`] does.)
    pub fn terminate(&self) {
        self.executor.kill_workers();
    }

    /// Waits until the workers are gone. Closes the pool first, if it is open; in Python that
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

/// The results of an `imap`, one after the other. Dropping it cancels what has
/// not begun.
///
/// In a callback on the pool's own thread it cannot wait: it gives one
/// [`JobError::WouldDeadlock`] and ends. [`next_before`](Self::next_before) can, with a limit.
#[must_use = "nothing is submitted before the first `next`"]
pub struct Imap<'pool, A, R, I> {
    pool: &'pool ProcessPool,
    f: fn(A) -> R,
    items: Fuse<I>,
    options: JobOptions,
    group: u64,
    chunksize: usize,
    /// How many chunks may be submitted and not handed out.
    window: usize,
    submitted: usize,
    handed_out: usize,
    arrived: Arc<ArrivedChunks<R>>,
    /// Chunks that have arrived before one that precedes them; `None` if the order is free.
    out_of_order: Option<BTreeMap<usize, ChunkResults<R>>>,
    /// The results to be given next.
    ready: VecDeque<Result<R, JobError>>,
}

impl<'pool, A: Wire, R: Wire, I: Iterator<Item = A>> Imap<'pool, A, R, I> {
    pub(crate) fn new(
        pool: &'pool ProcessPool,
        options: MapOptions,
        f: fn(A) -> R,
        items: I,
        ordered: bool,
    ) -> Self {
        // At least one: a copy that came with a fork has no workers, and an error for every job.
        let most = pool.workers().saturating_mul(MAX_AHEAD).max(1);
        Imap {
            pool,
            f,
            items: items.fuse(),
            options: options.job,
            group: pool.new_group(),
            chunksize: options.chunksize.map_or(1, usize::from),
            window: options.buffersize.map_or(most, usize::from),
            submitted: 0,
            handed_out: 0,
            arrived: Arc::new(ArrivedChunks::new()),
            out_of_order: ordered.then(BTreeMap::new),
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
            if let Some(why) = self.pool.refusal() {
                // What was sent before the fork arrives in the original.
                (self.window, self.handed_out) = (0, self.submitted);
                return Ok(Some(Err(why)));
            }
            if let (Some(guard), None) = (own_guard(self.pool.guard()), deadline) {
                // Waiting here would last for ever. That is one error, and then the end.
                self.arrived.close();
                (self.window, self.handed_out) = (0, self.submitted);
                return Ok(guard.begin_blocking().err().map(Err));
            }
            let (index, results) = self
                .arrived
                .take(deadline)
                .ok_or(Unfinished { unfinished: missing, of: self.submitted })?;
            self.accept(index, results);
        }
    }

    /// Submits chunks until as many are under way as the window allows.
    fn fill_window(&mut self) {
        while self.submitted - self.handed_out < self.window {
            let chunk: Vec<A> = self.items.by_ref().take(self.chunksize).collect();
            if chunk.is_empty() {
                return;
            }
            let (pool, index) = (self.pool, self.submitted);
            let (options, group) = (self.options, self.group);
            self.submitted +=
                send_chunk(pool, options, self.f, &chunk, index, group, &self.arrived);
        }
    }

    /// Takes in a chunk that has arrived: it is ready now, or when those before it are.
    fn accept(&mut self, index: usize, results: ChunkResults<R>) {
        let Some(out_of_order) = &mut self.out_of_order else {
            self.handed_out += 1;
            return self.ready.extend(results.into_results());
        };
        out_of_order.insert(index, results);
        while let Some(results) = out_of_order.remove(&self.handed_out) {
            self.handed_out += 1;
            self.ready.extend(results.into_results());
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
        if self.pool.is_copy() {
            return; // what is under way is the original's
        }
        self.arrived.close();
        drop_each(std::mem::take(&mut self.ready));
        let early = self.out_of_order.take().into_iter().flatten();
        early.for_each(|(_, results)| results.discard());
        if self.handed_out < self.submitted {
            self.pool.withdraw(self.group);
        }
    }
}

impl<A, R, I> fmt::Debug for Imap<'_, A, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (submitted, handed_out) = (self.submitted, self.handed_out);
        write!(f, "Imap({handed_out} of {submitted} chunks handed out)")
    }
}
