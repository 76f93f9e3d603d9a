//! Chunks: many items in one job, and where their results are collected.
//!
//! *Assumes*: each chunk is settled once, on any thread.
//! *Promises*: `MapResults` puts results in the order of the items and resolves exactly once;
//! `ArrivedChunks` hands every chunk on once. No user code runs under their locks.
//! *Leaves out*: cutting the input (`process/pool/multiprocessing.rs`).
//!
//! ```text
//!  items   0 1 2 3 │ 4 5 6 7 │ 8 9
//!          chunk 0 │ chunk 1 │ chunk 2      each is one job, one frame there, one back or more
//!             │         │         │
//!             └───▶ MapResults ◀──┘         one future of all:  map
//!             └──▶ ArrivedChunks ◀┘         a chunk at a time:  imap, imap_unordered
//! ```

use crate::base::panic::drop_or_warn;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::{Condvar, Mutex, MutexGuard, wait_until};
use crate::futures::error::JobError;
use crate::futures::future::Promise;
use crate::futures::wire::Wire;
use crate::process::message::call::{ChunkReply, ItemFailure, RemoteFunction, decoded};
use crate::process::pool::job::Settle;
use crate::process::pool::options::JobOptions;
use crate::process::pool::process_pool::ProcessPool;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

/// CPython's rule (`Pool._map_async`): so many items a job that each worker gets about four
/// jobs, the last one smaller. 0 if there is nothing to do.
///
/// ```
/// use singletrack::process::pool::chunk::default_chunksize;
///
/// assert_eq!(default_chunksize(100, 2), 13); // eight jobs: seven of 13 and one of 9
/// assert_eq!(default_chunksize(3, 2), 1);
/// assert_eq!(default_chunksize(0, 2), 0);
/// ```
pub fn default_chunksize(items: usize, workers: usize) -> usize {
    items.div_ceil(workers.saturating_mul(4).max(1))
}

/// The results of the items of a chunk.
pub(crate) struct ChunkResults<R> {
    /// The values, in the order of their items.
    values: Vec<R>,
    /// Which items have no value, in order, and why.
    failures: Vec<(usize, JobError)>,
}

impl<R> ChunkResults<R> {
    /// From a reply to a chunk of so many items.
    fn new(reply: Result<ChunkReply<R>, JobError>, items: usize) -> Self {
        let why = match reply {
            Ok((values, failures)) if values.len() + failures.len() == items => {
                let failures = failures.into_iter().map(|(item, refused, why)| {
                    let error =
                        if refused { JobError::Codec(why) } else { JobError::Panicked(why) };
                    (item as usize, error)
                });
                return ChunkResults { values, failures: failures.collect() };
            }
            Ok(_) => JobError::Protocol(format!("the results for {items} items are too many")),
            Err(error) => error,
        };
        // The chunk failed as a whole: so did every item in it.
        let failures = (0..items).map(|item| (item, why.clone())).collect();
        ChunkResults { values: Vec::new(), failures }
    }

    /// One by one, in the order of the items.
    pub(crate) fn into_results(self) -> impl Iterator<Item = Result<R, JobError>> {
        let mut values = self.values.into_iter();
        let mut failures = self.failures.into_iter().peekable();
        (0..).map_while(move |item| match failures.next_if(|(failed, _)| *failed == item) {
            Some((_, error)) => Some(Err(error)),
            None => values.next().map(Ok),
        })
    }
}

impl<R> ChunkResults<R> {
    /// Nobody takes them.
    pub(crate) fn discard(self) {
        drop_each(self.values);
    }
}

/// Drops a user's values, of which more than one may panic at that.
pub(crate) fn drop_each<R>(values: impl IntoIterator<Item = R>) {
    values.into_iter().for_each(|value| drop_or_warn("a result that nobody took", value));
}

/// Where the results of chunks are collected.
pub(crate) trait ChunkCollector<R>: Send + Sync {
    /// A chunk is about to be sent; false: it is not wanted any more.
    fn is_wanted(&self) -> bool;
    /// A worker has begun one.
    fn begin(&self) {}
    /// Here is chunk number `index`.
    fn collect(&self, index: usize, results: ChunkResults<R>);
}

/// One chunk's promise, of results `R`: hands them to the collector.
pub(crate) struct ChunkPromise<R, C> {
    collector: Arc<C>,
    index: usize,
    /// How many items the chunk has.
    items: usize,
    results: PhantomData<fn(R)>,
}

impl<R: Wire, C: ChunkCollector<R>> Settle for ChunkPromise<R, C> {
    fn is_wanted(&self) -> bool {
        self.collector.is_wanted()
    }

    fn begin(&self) {
        self.collector.begin();
    }

    fn settle(self: Box<Self>, parts: &[Vec<u8>], outcome: Result<&[u8], JobError>) {
        let reply = outcome.and_then(|last| match parts {
            [] => decoded(last),
            _ => joined(parts, last),
        });
        self.collector.collect(self.index, ChunkResults::new(reply, self.items));
    }
}

/// The results of a chunk that came in parts, numbered as its items are.
fn joined<R: Wire>(parts: &[Vec<u8>], last: &[u8]) -> Result<ChunkReply<R>, JobError> {
    let mut replies = Vec::new();
    for part in parts.iter().map(Vec::as_slice).chain([last]) {
        replies.push(decoded::<ChunkReply<R>>(part)?);
    }
    let (mut values, mut failures) = (Vec::new(), Vec::new());
    for (mut some, failed) in replies {
        let before = u32::try_from(values.len() + failures.len()).unwrap_or(u32::MAX);
        values.append(&mut some);
        let number =
            |(item, refused, why): ItemFailure| (before.saturating_add(item), refused, why);
        failures.extend(failed.into_iter().map(number));
    }
    Ok((values, failures))
}

/// All results of a `map`, until they are complete.
pub(crate) struct MapResults<R> {
    state: Mutex<MapState<R>>,
    fail_fast: bool,
    /// No further chunk can change anything.
    enough: AtomicBool,
    /// It cannot be cancelled any more.
    begun: AtomicBool,
    /// Its promise is resolved.
    over: AtomicBool,
}

struct MapState<R> {
    /// The values of the first chunks, one after the other. (Kept apart until the end, chunks
    /// would touch twice the memory, and the thread that waits would wait for the joining, too.)
    values: Vec<R>,
    /// How many chunks those are.
    joined: usize,
    /// From there on: chunks that have arrived before one that precedes them.
    early: VecDeque<Option<Vec<R>>>,
    /// How many chunks there are, once the last was sent.
    chunks: Option<usize>,
    /// The failure that stands first in the input, and the chunk it is in.
    failure: Option<(usize, JobError)>,
    /// Taken when it is resolved.
    promise: Option<Promise<Vec<R>>>,
}

impl<R> MapResults<R> {
    /// Of about so many results.
    pub(crate) fn new(results: usize, fail_fast: bool, promise: Promise<Vec<R>>) -> Self {
        let mut values = Vec::new();
        // The number comes from a user's iterator, which may be wrong: too much is no reason to fail.
        let _ = values.try_reserve(results);
        let state = MapState {
            values,
            joined: 0,
            early: VecDeque::new(),
            chunks: None,
            failure: None,
            promise: Some(promise),
        };
        MapResults {
            state: Mutex::new(state),
            fail_fast,
            enough: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Whether another chunk can change anything. A hint: what counts is decided under the lock.
    pub(crate) fn wants_more(&self) -> bool {
        !self.enough.load(Ordering::Relaxed)
    }

    /// All chunks were sent, so many.
    pub(crate) fn all_sent(&self, chunks: usize) {
        let mut state = self.state.lock();
        state.chunks = Some(chunks);
        self.settle_if_over(state);
    }

    fn settle_if_over(&self, mut state: MutexGuard<'_, MapState<R>>) {
        let over =
            state.chunks == Some(state.joined) || (self.fail_fast && state.failure.is_some());
        let Some(promise) = state.promise.take_if(|_| over) else { return };
        self.enough.store(true, Ordering::Relaxed);
        self.over.store(true, Ordering::Relaxed);
        let values = std::mem::take(&mut state.values);
        let early = std::mem::take(&mut state.early);
        let failure = state.failure.take();
        // Unlocked, and first of all: the values are a user's, whose drop may panic.
        drop(state);
        match failure {
            Some((_, error)) => {
                promise.resolve(Err(error));
                drop_each(values);
            }
            None => promise.resolve(Ok(values)),
        }
        drop_each(early.into_iter().flatten().flatten());
    }
}

impl<R> MapState<R> {
    /// Joins a chunk to those before it, and the ones that waited for it.
    fn join(&mut self, index: usize, values: Vec<R>) {
        let place = index - self.joined;
        if place >= self.early.len() {
            self.early.resize_with(place + 1, || None);
        }
        self.early[place] = Some(values);
        while let Some(mut next) = self.early.front_mut().and_then(Option::take) {
            self.early.pop_front();
            self.joined += 1;
            self.values.append(&mut next);
        }
    }
}

impl<R: Send> ChunkCollector<R> for MapResults<R> {
    fn is_wanted(&self) -> bool {
        if self.begun.load(Ordering::Relaxed) {
            return !self.over.load(Ordering::Relaxed);
        }
        let state = self.state.lock();
        let wanted = |p: &Promise<_>| !p.is_unwanted() || p.set_running_or_notify_cancel();
        state.promise.as_ref().is_some_and(wanted)
    }

    fn begin(&self) {
        if !self.begun.load(Ordering::Relaxed) {
            let state = self.state.lock();
            let begun = state.promise.as_ref().map(Promise::set_running_or_notify_cancel);
            self.begun.store(begun == Some(true), Ordering::Relaxed);
        }
    }

    fn collect(&self, index: usize, results: ChunkResults<R>) {
        let ChunkResults { values, failures } = results;
        let mut state = self.state.lock();
        if state.promise.is_none() {
            // It failed before. These are a user's values: they are dropped outside the lock.
            drop(state);
            return drop_each(values);
        }
        state.join(index, values);
        if let Some((_, error)) = failures.into_iter().next() {
            if matches!(error, JobError::ShutDown | JobError::Broken(_)) {
                self.enough.store(true, Ordering::Relaxed);
            }
            if state.failure.as_ref().is_none_or(|(first, _)| index < *first) {
                state.failure = Some((index, error));
            }
        }
        self.settle_if_over(state);
    }
}

/// The chunks of an `imap` that have arrived and are still to be taken.
pub(crate) struct ArrivedChunks<R> {
    queue: Mutex<ArrivedState<R>>,
    arrived: Condvar,
}

struct ArrivedState<R> {
    chunks: VecDeque<(usize, ChunkResults<R>)>,
    /// No more will be taken.
    closed: bool,
}

impl<R> ArrivedChunks<R> {
    pub(crate) fn new() -> Self {
        let queue = ArrivedState { chunks: VecDeque::new(), closed: false };
        ArrivedChunks { queue: Mutex::new(queue), arrived: Condvar::new() }
    }

    /// From now on no chunk is begun; those that have arrived are dropped.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let unwanted = std::mem::take(&mut queue.chunks);
        drop(queue);
        unwanted.into_iter().for_each(|(_, results)| results.discard());
    }

    /// The next chunk to arrive; `None` when the deadline passes first.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Option<(usize, ChunkResults<R>)> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(chunk) = queue.chunks.pop_front() {
                return Some(chunk);
            }
            if !wait_until(&self.arrived, &mut queue, deadline) {
                return None;
            }
        }
    }
}

impl<R: Send> ChunkCollector<R> for ArrivedChunks<R> {
    fn is_wanted(&self) -> bool {
        !self.queue.lock().closed
    }

    fn collect(&self, index: usize, results: ChunkResults<R>) {
        let mut queue = self.queue.lock();
        // What is not wanted is dropped outside the lock: these are a user's values.
        let unwanted = match queue.closed {
            true => Some(results),
            false => {
                queue.chunks.push_back((index, results));
                None
            }
        };
        drop(queue);
        self.arrived.notify_one();
        unwanted.into_iter().for_each(ChunkResults::discard);
    }
}

/// Submits some items as one job, whose outcomes the collector gets as chunk `index`; or, if together
/// they are too long for a frame, each half of them by itself, as the chunks from `index` on. Gives
/// how many chunks that makes.
pub(crate) fn send_chunk<F: RemoteFunction, C: ChunkCollector<F::Value> + 'static>(
    executor: &ProcessPool,
    options: JobOptions,
    f: F,
    items: &[F::Args],
    index: usize,
    group: u64,
    collector: &Arc<C>,
) -> usize {
    let (receiver, count) = (Arc::clone(collector), items.len());
    let promise = ChunkPromise { collector: receiver, index, items: count, results: PhantomData };
    if executor.submit_chunk(options, f, items, group, Box::new(promise)) {
        return 1;
    }
    let (front, back) = items.split_at(count / 2);
    let made = send_chunk(executor, options, f, front, index, group, collector);
    made + send_chunk(executor, options, f, back, index + made, group, collector)
}
