//! The pool's rules: which job is where, and what must happen next. Pure.
//!
//! *Assumes*: a worker runs its jobs one at a time, in the order in which they were sent;
//! time comes in as nanoseconds that never go back.
//! *Promises*: every job submitted comes out exactly once, answered or with a [`JobOutcome`]; a death
//! fails only the job which that worker ran; a job that may have begun is sent again only as its
//! terms allow; no worker is started beyond those wanted; when none can be started, all jobs come
//! out as `Broken`.
//! *Leaves out*: pipes, clocks and promises (`process/pool/pool_state.rs`) and processes
//! (`process/pool/supervisor.rs`); which worker is next and when one more is forked
//! (`process/pool/workers.rs`); how far ahead a worker is fed (`process/pool/worker.rs`); what of that
//! is taken back (`process/pool/take_back.rs`).
//!
//! ```text
//!  submit ──▶ queue ──assign──▶ sent to a worker ──answered──▶ out: the caller has its answer
//!               │  ▲             (the first runs)
//!               │  └────────taken back──┤├──death, begun────▶ out: Lost
//!               ├──cancelled────▶ out    ├──past its limit──▶ out: TimedOut, worker killed
//!               └──shutdown─────▶ out    ├──kill────────────▶ out: Lost, worker killed
//!                                        └──garbage─────────▶ out: Protocol, worker killed
//! ```
//! A job is a value that is *moved*: from the queue to a worker's list to an [`Action`]. So
//! "exactly once" is not a count that is kept but an owner that changes.

use crate::base::id::Key;
use crate::process::pool::job::PoolJob;
use crate::process::pool::job::{JobOutcome, PoolCounts};
use crate::process::pool::worker::{Worker, WorkerStats, WorkerStatus};
use crate::process::pool::workers::SpawnBackoff;
use crate::process::pool::workers::Workers;
use std::collections::VecDeque;

/// What the caller has to do.
#[derive(Debug)]
pub enum Action<B> {
    /// Start one worker; then call `started` or `spawn_failed`. No other is asked for before.
    Spawn,
    /// Kill this worker; its death is still to be reported.
    Kill(Key),
    /// Tell this worker to exit, by closing its request pipe. Its death is still to be reported.
    Retire(Key),
    /// Take back what this worker has not begun, by [`Dispatcher::take_back`]: it is held up by the job
    /// that it runs, and another worker has nothing to do.
    TakeBack(Key),
    /// Resolve this job.
    Resolve(PoolJob<B>, JobOutcome),
}

/// What the pool should be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many workers.
    pub workers: usize,
    /// After so many jobs a worker is replaced by a fresh one. `None`: never.
    pub max_tasks_per_child: Option<u32>,
}

/// Why the pool takes no more jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    /// The queue is worked off first.
    ShutDown,
    /// What has not begun never will.
    Terminated,
    Broken,
}

/// A pool's records: jobs, replies, deaths and the time come in; assignments and outcomes come out.
///
/// ```
/// use singletrack::process::pool::job::{JobOutcome, PoolJob, Terms};
/// use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
///
/// let mut pool = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
/// assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
/// let worker = pool.started(0);
/// pool.ready(worker);
///
/// for id in [0, 1] {
///     pool.submit(PoolJob { id, terms: Terms::default(), body: "sleep" });
/// }
/// assert_eq!(pool.assign(0, |_| true), Some(worker)); // job 0 is sent; job 1 waits
/// assert_eq!(pool.assign(0, |_| true), None);
/// pool.delivered(worker);
///
/// pool.died(worker, 5); // the kernel was out of memory and killed it, say
/// match pool.next_action(5) {
///     Some(Action::Resolve(job, JobOutcome::Lost(_))) => assert_eq!(job.id, 0),
///     other => panic!("{other:?}"),
/// }
/// assert!(matches!(pool.next_action(5), Some(Action::Spawn))); // for job 1
/// ```
#[derive(Debug)]
pub struct Dispatcher<B> {
    pub(super) queue: VecDeque<PoolJob<B>>,
    pub(super) workers: Workers<B>,
    backoff: SpawnBackoff,
    pub(super) actions: VecDeque<Action<B>>,
    closed: Option<Closed>,
    counts: PoolCounts,
}

impl<B> Dispatcher<B> {
    /// A pool that has no workers yet and wants them.
    pub fn new(settings: Settings) -> Self {
        Dispatcher {
            queue: VecDeque::new(),
            workers: Workers::new(settings.workers, settings.max_tasks_per_child),
            backoff: SpawnBackoff::default(),
            actions: VecDeque::new(),
            closed: None,
            counts: PoolCounts::default(),
        }
    }

    /// Takes a job. After a shutdown it comes straight out again.
    pub fn submit(&mut self, job: PoolJob<B>) {
        self.counts.submitted += 1;
        match self.closed {
            None => self.queue.push_back(job),
            Some(Closed::Broken) => self.resolve(job, JobOutcome::Broken),
            Some(_) => self.resolve(job, JobOutcome::ShutDown),
        }
    }

    /// Whether a job submitted now would wait behind others.
    pub fn is_backed_up(&self) -> bool {
        self.closed.is_none() && !self.queue.is_empty()
    }

    /// Moves one job from the queue to the worker that has least to do, and says to which.
    /// `admit` is asked whether the job still wants to run; if not, it comes out as cancelled.
    pub fn assign(&mut self, now: u64, mut admit: impl FnMut(&PoolJob<B>) -> bool) -> Option<Key> {
        loop {
            let key = self.workers.with_room_for(self.queue.front()?)?;
            let job = self.queue.pop_front()?;
            if admit(&job) {
                self.workers.get_mut(key)?.send(job, now);
                return Some(key);
            }
            self.resolve(job, JobOutcome::Cancelled);
        }
    }

    /// For so many nanoseconds no worker runs out of jobs: each has many of them, or none. 0 if a
    /// thread may be waiting for one particular answer.
    pub fn backlog(&self) -> u64 {
        self.workers.backlog()
    }

    /// The jobs that are still to be written to a worker's pipe, in order.
    pub fn undelivered(&self, key: Key) -> impl Iterator<Item = &PoolJob<B>> {
        self.workers.get(key).into_iter().flat_map(Worker::undelivered)
    }

    /// The first of a worker's [`undelivered`](Self::undelivered) jobs was written whole.
    /// From now on it may have begun.
    pub fn delivered(&mut self, key: Key) {
        if let Some(worker) = self.workers.get_mut(key) {
            worker.deliver();
        }
    }

    /// A spawn succeeded: the worker's key. It gets jobs when it is [`ready`](Self::ready).
    pub fn started(&mut self, now: u64) -> Key {
        self.backoff.end();
        self.counts.workers_started += 1;
        self.workers.add(now)
    }

    /// A spawn failed. It is tried again after a pause, unless too many have failed.
    pub fn spawn_failed(&mut self, now: u64) {
        self.backoff.end();
        self.record_failure(now);
    }

    fn record_failure(&mut self, now: u64) {
        self.backoff.failed(now);
        if self.backoff.is_hopeless() && self.workers.len() == 0 {
            self.give_up();
        }
    }

    /// The caller cannot go on: every job there is comes out as broken, also those that run.
    pub fn collapse(&mut self) {
        while let Some(key) = self.workers.first() {
            let (begun, rest) = self.workers.remove(key).expect("just found").split_begun();
            self.queue.extend(begun.into_iter().chain(rest));
        }
        self.backoff.end();
        self.give_up();
    }

    /// Takes no more jobs, and all that have not begun come out as broken; those that run may
    /// finish. Called when a worker's initializer fails: it would fail in the next worker too.
    pub fn give_up(&mut self) {
        self.closed = Some(Closed::Broken);
        for job in std::mem::take(&mut self.queue) {
            self.resolve(job, JobOutcome::Broken);
        }
    }

    /// A worker's hello has come. It runs its initializer for as long as that needs.
    pub fn hello(&mut self, key: Key) {
        if let Some(worker) = self.workers.get_mut(key)
            && worker.status == WorkerStatus::Starting
        {
            worker.status = WorkerStatus::Initializing;
        }
    }

    /// A worker may be sent jobs from now on.
    pub fn ready(&mut self, key: Key) {
        if let Some(worker) = self.workers.get_mut(key)
            && matches!(worker.status, WorkerStatus::Starting | WorkerStatus::Initializing)
        {
            worker.status = WorkerStatus::Serving;
            worker.was_ready = true;
            self.backoff.succeeded();
        }
    }

    /// A worker answered job `id`: gives the job, whose answer the caller holds.
    ///
    /// `None` if the answer does not count: the worker is about to be killed, or this is no
    /// answer to the job it runs; then it [`misbehaved`](Self::misbehaved).
    pub fn answered(&mut self, key: Key, id: u64, now: u64) -> Option<PoolJob<B>> {
        let worker = self.workers.get_mut(key)?;
        if worker.status == WorkerStatus::BeingKilled {
            return None;
        }
        let job = worker.answer(id, now);
        if worker.load() == 0 && self.queue.is_empty() {
            worker.reset_streak();
        }
        if job.is_none() {
            self.misbehaved(key, format!("it answered job {id}, which it was not running"));
        }
        self.counts.answered += u64::from(job.is_some());
        job
    }

    /// A worker sent a part of its answer to job `id`. False if that does not count, as for
    /// [`answered`](Self::answered).
    pub fn answered_in_part(&mut self, key: Key, id: u64) -> bool {
        let Some(worker) = self.workers.get_mut(key) else { return false };
        if worker.status == WorkerStatus::BeingKilled {
            return false;
        }
        let expected = worker.answer_part(id);
        if !expected {
            self.misbehaved(key, format!("it sent a part of an answer to job {id} out of turn"));
        }
        expected
    }

    /// A worker broke the protocol: it is killed. The job it ran comes out with `why`; other jobs
    /// that it has begun by the time it is dead are lost.
    pub fn misbehaved(&mut self, key: Key, why: String) {
        if let Some(job) = self.kill_worker(key) {
            self.resolve(job, JobOutcome::Protocol(key, why));
        }
    }

    /// Has a worker killed; gives the job it ran.
    fn kill_worker(&mut self, key: Key) -> Option<PoolJob<B>> {
        let worker = self.workers.get_mut(key)?;
        match worker.status {
            WorkerStatus::BeingKilled => return None,
            WorkerStatus::Dead => {}
            _ => {
                worker.status = WorkerStatus::BeingKilled;
                self.actions.push_back(Action::Kill(key));
            }
        }
        worker.take_running()
    }

    /// Ends a job whose terms have it travel alone: takes it out of the queue, or has the worker
    /// killed that runs it. False if the pool does not have it, or its terms are others: nothing
    /// happens to it then, whether it waits or runs.
    pub fn kill(&mut self, id: u64) -> bool {
        if let Some(at) = self.queue.iter().position(|job| job.may_be_killed_as(id)) {
            let job = self.queue.remove(at).expect("just found");
            self.resolve(job, JobOutcome::Cancelled);
            return true;
        }
        let Some(key) = self.workers.running_alone(id) else { return false };
        let job = self.kill_worker(key);
        let killed = job.is_some();
        job.into_iter().for_each(|job| self.resolve(job, JobOutcome::Lost(key)));
        killed
    }

    /// Jobs that have not begun, or may be begun again, go back to the front of the queue.
    pub(super) fn requeue(&mut self, jobs: impl DoubleEndedIterator<Item = PoolJob<B>>) {
        for job in jobs.rev() {
            match self.closed {
                Some(Closed::Terminated) => self.resolve(job, JobOutcome::Cancelled),
                Some(Closed::Broken) => self.resolve(job, JobOutcome::Broken),
                _ => self.queue.push_front(job),
            }
        }
    }

    /// A worker is dead, and all its replies were reported before. Jobs that it had not begun go
    /// back to the front of the queue, and so do those that may be tried again.
    pub fn died(&mut self, key: Key, now: u64) {
        let Some(worker) = self.workers.remove(key) else { return };
        self.counts.workers_ended += 1;
        let never_ready = !worker.was_ready && !worker.was_told_to_exit;
        let (begun, rest) = worker.split_begun();
        let mut back = Vec::new();
        for mut job in begun {
            if job.terms.retries > 0 && self.closed != Some(Closed::Terminated) {
                job.terms.retries -= 1;
                self.counts.retried += 1;
                back.push(job);
            } else {
                self.resolve(job, JobOutcome::Lost(key));
            }
        }
        self.requeue(back.into_iter().chain(rest));
        if never_ready {
            self.record_failure(now);
        }
        if self.closed == Some(Closed::Broken) {
            self.give_up();
        }
    }

    /// Changes how many workers the pool is to have.
    pub fn resize(&mut self, workers: usize) {
        self.workers.resize(workers);
    }

    /// How many workers the pool is to have.
    pub fn workers_wanted(&self) -> usize {
        self.workers.wanted()
    }

    /// Takes no more jobs. With `cancel`, the queue comes out as cancelled; without, it is
    /// worked off first. Workers exit when there is nothing left for them. May be repeated.
    pub fn shutdown(&mut self, cancel: bool) {
        self.closed.get_or_insert(Closed::ShutDown);
        if cancel {
            for job in std::mem::take(&mut self.queue) {
                self.resolve(job, JobOutcome::Cancelled);
            }
        }
    }

    /// As `shutdown` with `cancel`; besides, a worker that dies now is not replaced, and its jobs
    /// are not given to others: the caller is about to kill the workers.
    pub fn terminate(&mut self) {
        self.shutdown(true);
        if let Some(closed @ Closed::ShutDown) = &mut self.closed {
            *closed = Closed::Terminated;
        }
    }

    /// How many jobs a worker holds.
    pub fn load(&self, key: Key) -> usize {
        self.workers.get(key).map_or(0, Worker::load)
    }

    /// Whether a worker was ever ready for jobs.
    pub fn was_ready(&self, key: Key) -> bool {
        self.workers.get(key).is_some_and(|worker| worker.was_ready)
    }

    /// Whether a worker holds this job and no other.
    pub fn runs_only(&self, key: Key, job: u64) -> bool {
        self.workers.get(key).is_some_and(|worker| worker.runs_only(job))
    }

    /// How often each thing has happened so far.
    pub fn counts(&self) -> PoolCounts {
        self.counts
    }

    /// What each worker has done.
    pub fn worker_stats(&self) -> impl Iterator<Item = (Key, WorkerStats)> {
        self.workers.stats()
    }

    /// True when a closed pool has nothing left: no job, no worker, no action.
    pub fn finished(&self) -> bool {
        let left = self.queue.len() + self.workers.len() + self.actions.len();
        self.closed.is_some() && left == 0 && self.backoff.due().is_some()
    }

    /// When something is due next even if no event comes before.
    pub fn next_deadline(&self) -> Option<u64> {
        let asked_back = self.workers.asked_back_at();
        self.workers.deadline().into_iter().chain(self.next_spawn()).chain(asked_back).min()
    }

    /// When one more worker is to be forked, if one is missing. A closed pool needs one only for
    /// a job that waits and has no idle worker: the busy ones may be busy for ever.
    fn next_spawn(&self) -> Option<u64> {
        let needed = match self.closed {
            None => true,
            Some(Closed::ShutDown) => self.queue.len() > self.workers.idle(),
            Some(Closed::Terminated | Closed::Broken) => false,
        };
        if needed && self.workers.is_short() { self.backoff.due() } else { None }
    }

    /// The next thing to do. Ask until there is none, after every change and every deadline.
    pub fn next_action(&mut self, now: u64) -> Option<Action<B>> {
        if self.actions.is_empty() {
            self.expire(now);
            if self.ask_back(now) {
                return self.actions.pop_front(); // an idle worker may be needed yet
            }
            self.retire(now);
            if self.next_spawn().is_some_and(|due| now >= due) {
                self.backoff.begin();
                self.actions.push_back(Action::Spawn);
            }
        }
        self.actions.pop_front()
    }

    /// Kills every worker that is late: with its job, with its hello, or with its exit.
    fn expire(&mut self, now: u64) {
        while let Some(key) = self.workers.overdue(now) {
            if let Some(job) = self.kill_worker(key) {
                let limit = job.terms.limit.unwrap_or_default();
                self.resolve(job, JobOutcome::TimedOut(limit));
            }
        }
    }

    /// Tells idle workers to exit that are not needed any more.
    fn retire(&mut self, now: u64) {
        let closed = self.closed.is_some() && self.queue.is_empty();
        let nothing_left = closed && !self.workers.may_give_back();
        while let Some(key) = self.workers.next_to_retire(nothing_left) {
            self.workers.get_mut(key).expect("just found").retire(now);
            self.actions.push_back(Action::Retire(key));
        }
    }

    fn resolve(&mut self, job: PoolJob<B>, outcome: JobOutcome) {
        self.counts.record(&outcome);
        self.actions.push_back(Action::Resolve(job, outcome));
    }
}
