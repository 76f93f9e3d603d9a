//! All workers: which one gets the next job, when one more is forked. Pure.
//!
//! *Assumes*: it is told what each worker does (`process/pool/worker.rs`), and what becomes of every
//! fork.
//! *Promises*: a job goes to the worker that has least to do; of those that are too many the
//! least busy exit, and none before it has done the jobs it holds. After each failure to start a
//! worker comes a pause, twice as long as the one before, up to 64 times the first; after
//! [`MAX_FAILURES`] in a row it says that there is no hope.
//! *Leaves out*: jobs that no worker has (`process/pool/dispatcher.rs`).
//!
//! ```text
//!   wanted: 3     ┌─────────┐ ┌─────────┐ ┌─────────┐ ┌─────────┐
//!                 │ runs 12 │ │ idle    │ │ runs 7, │ │ runs 9  │
//!                 │         │ │         │ │ too long│ │ surplus │
//!                 └─────────┘ └────▲────┘ └────┬────┘ └────┬────┘
//!                              the next job   kill    exits when it has answered
//!
//!           begin                  end              succeeded
//!   ───▶ DUE ──▶ FORK UNDER WAY ───────▶ starting ───────────▶ the count of failures begins anew
//!         ▲          │ end, failed          │ failed
//!         └─ pause ──┴──────────────────────┘
//! ```

use crate::base::id::{GenerationSlab, Key};
use crate::process::pool::job::PoolJob;
use crate::process::pool::worker::{Worker, WorkerStats};

/// A worker that holds so many jobs has a backlog: probably no thread waits for its next answer.
const MANY: usize = 16;

/// All workers of a pool; the one with least to do gets the next job.
#[derive(Debug)]
pub(crate) struct Workers<B> {
    workers: GenerationSlab<Worker<B>>,
    wanted: usize,
    /// How many jobs one worker does in its life.
    max_tasks: Option<u32>,
}

impl<B> Workers<B> {
    /// No worker yet, and so many wanted.
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

    /// All of them.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.workers.iter().map(|(key, _)| key).collect()
    }

    /// When a worker has to be asked for the jobs that wait behind the one that it runs: another could
    /// begin them at once.
    pub(crate) fn asked_back_at(&self) -> Option<u64> {
        if !self.has_idle() {
            return None;
        }
        let late = self.workers.iter().filter(|(_, w)| w.may_give_back()).map(|(_, w)| w.late_at());
        late.min()
    }

    /// The worker that is to be asked.
    pub(crate) fn next_to_ask(&self, now: u64) -> Option<Key> {
        self.asked_back_at().filter(|at| now >= *at)?;
        self.find(|worker| worker.may_give_back() && now >= worker.late_at())
    }

    /// Whether one could begin a job at once.
    fn has_idle(&self) -> bool {
        let mut all = self.workers.iter();
        all.any(|(_, worker)| worker.load() == 0 && worker.takes_jobs(self.max_tasks))
    }

    /// Whether a job waits behind another, and could be had.
    pub(crate) fn may_give_back(&self) -> bool {
        self.find(Worker::may_give_back).is_some()
    }

    /// How many hold no job and may be sent one, now or when they are ready.
    pub(crate) fn idle(&self) -> usize {
        self.workers.iter().filter(|(_, w)| w.load() == 0 && !w.status.is_leaving()).count()
    }

    /// For so many nanoseconds, by the gaps between answers, no worker that has jobs runs out of
    /// them; 0 if one has few.
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

    /// The worker that runs this job, if it is one that travels alone.
    pub(crate) fn running_alone(&self, job: u64) -> Option<Key> {
        self.find(|worker| worker.runs_alone(job))
    }

    /// One that is late: with its job, with its hello, or with its exit.
    pub(crate) fn overdue(&self, now: u64) -> Option<Key> {
        self.find(|worker| worker.deadline().is_some_and(|deadline| now >= deadline))
    }

    /// When the next one will be late.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.workers.iter().filter_map(|(_, worker)| worker.deadline()).min()
    }

    /// An idle one that is to exit: because it has done all the jobs that it may, or is one too
    /// many, or because nothing is left to do.
    pub(crate) fn next_to_retire(&self, nothing_left: bool) -> Option<Key> {
        self.find(|w| {
            let over = nothing_left || w.surplus || w.used_up(self.max_tasks);
            over && w.load() == 0 && !w.status.is_leaving()
        })
    }

    /// Changes how many are wanted.
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

/// After so many workers in a row that never became ready, and with none alive, the pool is broken.
pub const MAX_FAILURES: u32 = 8;

/// The pause after the first failure to start a worker; it doubles with each, to 64 times.
pub const BACKOFF_NS: u64 = 10_000_000;

/// Counts forks that failed and workers that died before they were ready, and says when to try
/// again and when to give up.
///
/// ```
/// use singletrack::process::pool::workers::{BACKOFF_NS, SpawnBackoff};
///
/// let mut backoff = SpawnBackoff::default();
/// assert_eq!(backoff.due(), Some(0));
/// backoff.begin();
/// assert_eq!(backoff.due(), None); // one fork at a time
/// backoff.end();
/// backoff.failed(5); // it could not be forked
/// assert_eq!(backoff.due(), Some(5 + BACKOFF_NS));
/// ```
#[derive(Debug, Default)]
pub struct SpawnBackoff {
    under_way: bool,
    /// Workers in a row that never became ready.
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

    /// The fork was done, or it failed.
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

    /// It has failed too often to be tried again, if no worker is alive.
    pub fn is_hopeless(&self) -> bool {
        self.failures >= MAX_FAILURES
    }
}
