//! When the next worker may be forked: one at a time, and after a failure not at once. Pure.
//!
//! *Assumes*: it is told what becomes of every fork, and of every worker that was forked.
//! *Promises*: a pause after each failure, twice as long as the one before, up to 64 times the
//! first; it tells when there is no hope left.
//! *Leaves out*: whether a worker is wanted (`process/pool/dispatcher.rs`).
//!
//! ```text
//!           begin                end                 lived
//!   ───▶ DUE ──▶ UNDER WAY ─────────────▶ starting ─────────▶ the count begins anew
//!         ▲          │ end, failed            │ failed
//!         └─ pause ──┴────────────────────────┘
//! ```
//!
//! # All workers in the pool's books: who has room, who is late, who is one too many. Pure
//!
//! *Assumes*: it is told what each of them does (`process/pool/worker.rs`).
//! *Promises*: a job goes to the worker that has least to do; of those that are too many the
//! least busy go, and none before it has done what it holds.
//! *Leaves out*: jobs that no worker has (`process/pool/dispatcher.rs`).
//!
//! ```text
//!   wanted: 3     ┌─────────┐ ┌─────────┐ ┌─────────┐ ┌─────────┐
//!                 │ runs 12 │ │ idle    │ │ runs 7, │ │ runs 9  │
//!                 │         │ │         │ │ too long│ │ surplus │
//!                 └─────────┘ └────▲────┘ └────┬────┘ └────┬────┘
//!                              the next job   kill    goes when it has answered
//! ```

use crate::base::id::{GenerationSlab, Key};
use crate::process::pool::worker::{PoolJob, Worker, WorkerStats};

/// So many workers in a row that did not come to life, and none alive: the pool is broken.
pub const MAX_FAILURES: u32 = 8;

/// The pause after the first failure to start a worker; it doubles with each, to 64 times.
pub const BACKOFF_NS: u64 = 10_000_000;

/// PoolCounts forks that failed and workers that died young, and says when to try again, or to give up.
///
/// ```
/// use singletrack::process::pool::workers::{BACKOFF_NS, Births};
///
/// let mut births = Births::default();
/// assert_eq!(births.due(), Some(0));
/// births.begin();
/// assert_eq!(births.due(), None); // what will become of this one?
/// births.end();
/// births.failed(5); // it could not be forked
/// assert_eq!(births.due(), Some(5 + BACKOFF_NS));
/// ```
#[derive(Debug, Default)]
pub struct SpawnBackoff {
    under_way: bool,
    /// Workers in a row that did not come to life.
    failures: u32,
    not_before: u64,
}

impl SpawnBackoff {
    /// From when on one more may be forked; `None` while a fork is under way.
    pub fn due(&self) -> Option<u64> {
        (!self.under_way).then_some(self.not_before)
    }

    /// A fork was asked for.
    pub fn begin(&mut self) {
        self.under_way = true;
    }

    /// It was done, or it failed.
    pub fn end(&mut self) {
        self.under_way = false;
    }

    /// A worker could not be forked, or died before it was ready for a job.
    pub fn failed(&mut self, now: u64) {
        self.not_before = now.saturating_add(BACKOFF_NS << self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
    }

    /// A worker is ready for jobs.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// It has failed too often to be tried again, if nobody is alive.
    pub fn is_hopeless(&self) -> bool {
        self.failures >= MAX_FAILURES
    }
}

/// Among so many jobs of one worker nobody waits for a certain one.
const MANY: usize = 16;

/// All workers of a pool, of whom the one with least to do gets the next job.
#[derive(Debug)]
pub(crate) struct Workers<B> {
    workers: GenerationSlab<Worker<B>>,
    wanted: usize,
    /// How many jobs one worker does in its life.
    max_tasks: Option<u32>,
}

impl<B> Workers<B> {
    /// Nobody yet, and so many wanted.
    pub(crate) fn new(wanted: usize, max_tasks: Option<u32>) -> Self {
        Workers { workers: GenerationSlab::new(), wanted, max_tasks }
    }

    /// How many are wanted.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// Whether one is missing.
    pub(crate) fn is_short(&self) -> bool {
        self.len() < self.wanted
    }

    /// How many have nothing to do, or not yet.
    pub(crate) fn idle(&self) -> usize {
        self.workers.iter().filter(|(_, w)| w.load() == 0 && !w.status.is_leaving()).count()
    }

    /// For so many nanoseconds, by all that is known, each worker that has jobs has more of them;
    /// 0 if one has few.
    pub(crate) fn backlog(&self) -> u64 {
        let busy = self.workers.iter().map(|(_, worker)| worker).filter(|w| w.load() > 0);
        let work = busy.map(|w| if w.load() < MANY { 0 } else { w.backlog() });
        work.min().unwrap_or(0)
    }

    /// One more, just forked.
    pub(crate) fn add(&mut self, now: u64) -> Key {
        let key = self.workers.insert(Worker::new(now));
        self.mark_surplus();
        key
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Worker<B>> {
        self.workers.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Worker<B>> {
        self.workers.get_mut(key)
    }

    /// It is dead.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Worker<B>> {
        self.workers.remove(key)
    }

    /// Any of them.
    pub(crate) fn first(&self) -> Option<Key> {
        self.find(|_| true)
    }

    /// The one with least to do of those that have room for `job`.
    pub(crate) fn with_room_for(&self, job: &PoolJob<B>) -> Option<Key> {
        let with_room = self.workers.iter().filter(|(_, w)| w.has_room_for(job, self.max_tasks));
        with_room.min_by_key(|(_, worker)| worker.load()).map(|(key, _)| key)
    }

    /// The one that runs this job, and holds no other.
    pub(crate) fn running_only(&self, job: u64) -> Option<Key> {
        self.find(|worker| worker.runs_only(job))
    }

    /// One that is late: with its job, with its hello, or in leaving.
    pub(crate) fn overdue(&self, now: u64) -> Option<Key> {
        self.find(|worker| worker.deadline().is_some_and(|deadline| now >= deadline))
    }

    /// When the next will be late.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.workers.iter().filter_map(|(_, worker)| worker.deadline()).min()
    }

    /// An idle one that is to go: because it is used up, or one too many, or because nothing is
    /// left to do.
    pub(crate) fn next_to_retire(&self, nothing_left: bool) -> Option<Key> {
        self.find(|w| {
            let over = nothing_left || w.surplus || w.used_up(self.max_tasks);
            over && w.load() == 0 && !w.status.is_leaving()
        })
    }

    /// From now on so many are wanted.
    pub(crate) fn resize(&mut self, wanted: usize) {
        self.wanted = wanted;
        let keys: Vec<Key> = self.workers.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.set_surplus(key, false));
        self.mark_surplus();
    }

    fn mark_surplus(&mut self) {
        let stays = |w: &Worker<B>| !w.surplus && !w.status.is_leaving();
        let staying = self.workers.iter().filter(|(_, worker)| stays(worker));
        let mut staying: Vec<_> = staying.map(|(key, worker)| (worker.load(), key)).collect();
        let surplus = staying.len().saturating_sub(self.wanted);
        staying.sort_by_key(|(load, _)| *load);
        staying.into_iter().take(surplus).for_each(|(_, key)| self.set_surplus(key, true));
    }

    fn set_surplus(&mut self, key: Key, surplus: bool) {
        if let Some(worker) = self.workers.get_mut(key) {
            worker.surplus = surplus;
        }
    }

    /// What each has done.
    pub(crate) fn stats(&self) -> impl Iterator<Item = (Key, WorkerStats)> {
        self.workers.iter().map(|(key, worker)| (key, worker.stats()))
    }

    fn find(&self, which: impl Fn(&Worker<B>) -> bool) -> Option<Key> {
        self.workers.iter().find(|(_, worker)| which(worker)).map(|(key, _)| key)
    }
}
