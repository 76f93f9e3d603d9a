//! The pool's records and pipes, under one lock.
//!
//! *Assumes*: all pipes of the workers are non-blocking; the thread that has a worker's
//! [`BorrowedReader`] is the only one to read its reply pipe.
//! *Promises*: under the lock nothing blocks and no user code runs: what needs either is handed out
//! ([`FailedJob`], [`PoolState::take_spawn`]).
//! *Leaves out*: the rules (`process/pool/dispatcher.rs`, `process/pool/replies.rs`); reading and
//! settling (`process/pool/pool_shared.rs`); forking and reaping (`process/pool/supervisor.rs`).
//!
//! ```text
//!  submit ─┐          ┌────────────────── PoolState ──────────────────┐
//!          ├─ lock ─▶ │ Dispatcher             WorkerPipes per worker │ ─ writev ─▶ request pipes
//!  reply ──┘          └──────┬────────────────────────────────────────┘ ─ SIGKILL ▶ pidfds
//!                            ▼
//!                     FailedJob: resolved after the unlock
//! ```
//! So a submitted job goes to an idle worker in the submitter's own system call: no thread has to be
//! woken first.

use crate::base::id::Key;
use crate::futures::error::JobError;
use crate::process::message::claim::WorkerClaims;
use crate::process::pool::dispatcher::{Action, Dispatcher, Settings};
use crate::process::pool::job::{JobOutcome, PoolJob, Terms, WorkItem};
use crate::process::pool::outcomes::FailedJob;
use crate::process::pool::recording::{PoolEventKind, PoolRecorder, word};
use crate::process::pool::take_back::Claims;
use crate::process::pool::worker::WorkerStats;
use crate::process::pool::worker_pipes::{BorrowedReader, WorkerEvent, WorkerPipes, token, watch};
use crate::sys::process::Death;
use crate::sys::process_tree::{kill_trees_soon, signal_trees};
use mio::Registry;
use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The words of all workers. What was delivered to a worker without words may have begun.
struct PoolClaims<'a>(&'a BTreeMap<Key, WorkerPipes>);

impl PoolClaims<'_> {
    fn of(&self, worker: Key) -> Option<&WorkerClaims> {
        self.0.get(&worker)?.claims.as_ref()
    }
}

impl Claims for PoolClaims<'_> {
    fn take_back(&mut self, worker: Key, nth: u64) -> bool {
        self.of(worker).is_some_and(|claims| claims.take_back(nth))
    }

    fn is_claimed(&mut self, worker: Key, nth: u64) -> bool {
        self.of(worker).is_none_or(|claims| claims.is_claimed(nth))
    }
}

/// The dispatcher, and the pipes of its workers to carry out what it decides.
pub(crate) struct PoolState {
    pub(crate) dispatcher: Dispatcher<WorkItem>,
    pub(crate) pipes: BTreeMap<Key, WorkerPipes>,
    /// The workers that are watched, by the index of their keys, which is what a token can carry.
    pub(crate) keys: HashMap<usize, Key>,
    /// The dispatcher wants a worker that the supervisor has not begun to fork.
    spawn_wanted: bool,
    /// Dead workers whose reader a caller had when they died, and has given back.
    dead: Vec<Key>,
    /// Dead workers that were read to the end, and their processes: to be reaped.
    unreaped: Vec<(Key, u32)>,
    /// The job for which a caller will wait and read, if it may.
    awaited: Option<u64>,
    /// The worker whose replies that caller is to read.
    read_by_caller: Option<Key>,
    /// The supervisor's selector.
    pub(crate) registry: Registry,
    /// The deadline until which the supervisor sleeps at most.
    pub(crate) armed: u64,
    /// Why the last spawn failed, for the message when all is over.
    pub(crate) last_failure: String,
    /// What happens, if that is recorded.
    pub(super) recorder: PoolRecorder,
    epoch: Instant,
}

impl PoolState {
    pub(crate) fn new(settings: Settings, registry: Registry) -> Self {
        PoolState {
            dispatcher: Dispatcher::new(settings),
            pipes: BTreeMap::new(),
            keys: HashMap::new(),
            spawn_wanted: false,
            dead: Vec::new(),
            unreaped: Vec::new(),
            awaited: None,
            read_by_caller: None,
            registry,
            armed: u64::MAX,
            last_failure: "no worker could be started".to_owned(),
            recorder: PoolRecorder::default(),
            epoch: Instant::now(),
        }
    }

    /// Nanoseconds since the pool began.
    pub(crate) fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// One more job. [`advance`](Self::advance) sends it.
    pub(crate) fn submit(&mut self, id: u64, terms: Terms, body: WorkItem) {
        self.note(|_| Some(PoolEventKind::Queued(id)));
        self.dispatcher.submit(PoolJob { id, terms, body });
    }

    /// Submits a job for which the caller will wait. If it went to an idle worker, the caller gets
    /// the reader of that worker.
    pub(crate) fn submit_awaited(
        &mut self,
        id: u64,
        terms: Terms,
        body: WorkItem,
    ) -> (Vec<FailedJob>, Option<BorrowedReader>) {
        self.submit(id, terms, body);
        self.awaited = Some(id);
        let failed = self.advance();
        self.awaited = None;
        let key = self.read_by_caller.take();
        (failed, key.and_then(|key| self.borrow_reader(key)))
    }

    /// Does all that can be done now: sends jobs to workers with room, kills, tells to exit. To be
    /// called after every change.
    #[must_use = "jobs that came out must be resolved after the lock is released"]
    pub(crate) fn advance(&mut self) -> Vec<FailedJob> {
        let now = self.now();
        let mut failed = Vec::new();
        let mut fed: Vec<Key> = Vec::new();
        // Assigning may bring out cancelled jobs, and what is taken back is to be assigned.
        let mut changed = true;
        while changed {
            changed = self.carry_out(now, &mut failed);
            while let Some(key) = self.dispatcher.assign(now, |job| job.body.is_wanted()) {
                changed = true;
                self.note(|state| {
                    let sent = state.dispatcher.held(key).last()?.id;
                    Some(PoolEventKind::Sent(sent, key))
                });
                if !fed.contains(&key) {
                    fed.push(key);
                }
            }
        }
        for key in fed {
            self.write(key);
            self.appoint_reader(key);
        }
        failed
    }

    /// Carries out what the dispatcher wants; false if that is nothing.
    fn carry_out(&mut self, now: u64, failed: &mut Vec<FailedJob>) -> bool {
        let (mut any, mut killed) = (false, None);
        while let Some(action) = self.dispatcher.next_action(now) {
            any = true;
            match action {
                Action::TakeBack(key) => self.take_back(key),
                Action::Spawn => self.spawn_wanted = true,
                Action::Kill(key) => {
                    killed = Some(key);
                    if let Some(pipes) = self.pipes.get(&key) {
                        pipes.reply_pipe.kill_tree();
                    }
                }
                Action::Retire(key) => {
                    if let Some(pipes) = self.pipes.get_mut(&key) {
                        pipes.requests = None;
                    }
                }
                Action::Resolve(job, outcome) => {
                    if outcome.may_have_begun() {
                        job.body.begin();
                        killed.take().into_iter().for_each(|key| self.note_killed(key, job.id));
                    }
                    self.note(|_| Some(PoolEventKind::NoAnswer(job.id, word(&outcome))));
                    let error = self.error_of(job.id, outcome);
                    failed.push(FailedJob { item: job.body, error });
                }
            }
        }
        any
    }

    /// Takes back what a worker has not begun.
    pub(crate) fn take_back(&mut self, key: Key) {
        if let Some(pipes) = self.pipes.get_mut(&key) {
            pipes.keep_rest(key, &mut self.dispatcher);
        }
        let held = self.held_by([key]);
        self.dispatcher.take_back(key, &mut PoolClaims(&self.pipes));
        self.note_returned(&held);
    }

    /// Takes back from all workers what they have not begun: the pool is about to cancel it.
    pub(crate) fn take_back_all(&mut self) {
        let keys: Vec<Key> = self.pipes.keys().copied().collect();
        keys.into_iter().for_each(|key| self.take_back(key));
    }

    /// A worker is dead, and its last reply was read: what it had not begun is given to others, and the
    /// rest may not be cancelled any more.
    pub(crate) fn end(&mut self, key: Key) {
        let held = self.held_by([key]);
        self.dispatcher.take_back(key, &mut PoolClaims(&self.pipes));
        self.note_returned(&held);
        for (job, nth) in self.delivered_to(key) {
            self.note_times(key, job, nth);
        }
        self.dispatcher.held(key).for_each(|job| job.body.begin());
        self.dispatcher.ended(key);
    }

    /// A worker is dead and reaped.
    pub(crate) fn died(&mut self, key: Key, death: Death) {
        let (held, retried) = (self.held_by([key]), self.dispatcher.counts().retried);
        self.note(|_| Some(PoolEventKind::Died(key, death)));
        self.dispatcher.died(key, self.now());
        if self.dispatcher.counts().retried > retried {
            for (key, job, _) in held.into_iter().filter(|(.., may)| *may) {
                self.note(|_| Some(PoolEventKind::Retried(job, key)));
            }
        }
    }

    /// Takes back the jobs of this group; true: none has begun.
    pub(crate) fn withdraw(&mut self, group: u64, all_or_none: bool) -> bool {
        for (key, pipes) in &mut self.pipes {
            pipes.keep_rest(*key, &mut self.dispatcher);
        }
        let held = self.held_by(self.pipes.keys().copied());
        let is_meant = |job: &PoolJob<WorkItem>| job.body.group == group;
        let claims = &mut PoolClaims(&self.pipes);
        let none_begun = self.dispatcher.withdraw(is_meant, all_or_none, claims);
        self.note_returned(&held);
        none_begun
    }

    /// Whether a worker runs a job of this group.
    pub(crate) fn has_begun(&self, group: u64) -> bool {
        let is_meant = |job: &PoolJob<WorkItem>| job.body.group == group;
        self.dispatcher.has_begun(is_meant, &mut PoolClaims(&self.pipes))
    }

    /// An outcome, as the error that the job's future gives.
    fn error_of(&self, job: u64, outcome: JobOutcome) -> JobError {
        let pid = |key: Key| self.pipes.get(&key).map_or(0, |pipes| pipes.pid);
        match outcome {
            JobOutcome::Cancelled => JobError::Cancelled,
            JobOutcome::TimedOut(limit) => JobError::TimedOut(Duration::from_nanos(limit)),
            JobOutcome::Lost(key) => {
                let death = self.pipes.get(&key).and_then(|pipes| pipes.death);
                let death = death.unwrap_or(Death::Signal(libc::SIGKILL));
                JobError::WorkerLost { pid: pid(key), death, job }
            }
            JobOutcome::Protocol(key, why) => {
                JobError::Protocol(format!("worker process {} was killed: {why}", pid(key)))
            }
            JobOutcome::ShutDown => JobError::ShutDown,
            JobOutcome::Broken => JobError::Broken(self.last_failure.clone()),
        }
    }

    /// Writes to a worker's request pipe what it has room for.
    pub(crate) fn write(&mut self, key: Key) {
        if let Some(pipes) = self.pipes.get_mut(&key) {
            pipes.write(key, &mut self.dispatcher);
        }
    }

    /// Decides which thread reads the replies of a worker that has jobs: the caller that waits for
    /// its only job, or the supervisor.
    fn appoint_reader(&mut self, key: Key) {
        let Some(pipes) = self.pipes.get_mut(&key) else { return };
        let alone = self.awaited.is_some_and(|job| self.dispatcher.runs_only(key, job));
        let caller = if alone { pipes.reader.appoint_caller() } else { None };
        if let Some(watched) = caller {
            self.read_by_caller = Some(key);
            if watched {
                pipes.stop_watching_replies(&self.registry);
            }
        } else if self.dispatcher.load(key) > 0 && pipes.reader.appoint_supervisor() {
            let token = token(key, WorkerEvent::Replies);
            if watch(&self.registry, &pipes.reply_pipe.replies, token).is_err() {
                // A worker whose replies cannot be watched is of no use; its pidfd is watched.
                pipes.reply_pipe.kill_worker();
            }
        }
    }

    /// Takes the reader of a worker, unless another thread has it.
    pub(crate) fn borrow_reader(&mut self, key: Key) -> Option<BorrowedReader> {
        self.pipes.get_mut(&key)?.borrow_reader(key)
    }

    /// Takes the reader of a worker that is dead. If a caller has it, the worker is reaped when the
    /// caller gives it back.
    pub(crate) fn borrow_reader_of_dead(&mut self, key: Key) -> Option<BorrowedReader> {
        self.pipes.get_mut(&key)?.borrow_reader_of_dead(key)
    }

    /// A caller has read the reply that it waited for, or the end. True: wake the supervisor.
    pub(crate) fn return_reader(&mut self, borrowed: BorrowedReader) -> bool {
        let BorrowedReader { key, reader, .. } = borrowed;
        let Some(pipes) = self.pipes.get_mut(&key) else { return false };
        if pipes.reader.give_back(reader) {
            self.dead.push(key);
        } else {
            self.appoint_reader(key);
        }
        !self.dead.is_empty() || self.needs_supervisor()
    }

    /// The dead workers that the supervisor can reap now.
    pub(crate) fn take_dead(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.dead)
    }

    /// A dead worker was read to the end; true: it is the first to be reaped.
    pub(crate) fn add_unreaped(&mut self, key: Key, pid: u32) -> bool {
        self.unreaped.push((key, pid));
        self.unreaped.len() == 1
    }

    /// The dead workers that are to be reaped now.
    pub(crate) fn take_unreaped(&mut self) -> Vec<(Key, u32)> {
        std::mem::take(&mut self.unreaped)
    }

    /// Takes a dead worker's descriptors out of the supervisor's selector.
    pub(crate) fn stop_watching(&mut self, key: Key) {
        self.keys.remove(&(key.index as usize));
        if let Some(pipes) = self.pipes.get(&key) {
            pipes.stop_watching(&self.registry);
        }
    }

    /// Whether a worker is to be forked now; the caller does it.
    pub(crate) fn take_spawn(&mut self) -> bool {
        std::mem::take(&mut self.spawn_wanted)
    }

    /// Whether the supervisor has something to do that none of its descriptors reports.
    pub(crate) fn needs_supervisor(&self) -> bool {
        let deadline = self.dispatcher.next_deadline().unwrap_or(u64::MAX);
        self.spawn_wanted || deadline < self.armed || self.dispatcher.finished()
    }

    /// Sends a signal to every worker, and to what they have started.
    pub(crate) fn signal_all(&self, signal: i32) {
        let workers = self.pipes.values().map(|pipes| pipes.reply_pipe.pidfd.as_fd());
        let workers: Vec<_> = workers.collect();
        // It can only fail for a worker that has become another user's.
        let _ = match signal {
            libc::SIGKILL => kill_trees_soon(&workers),
            _ => signal_trees(&workers, signal),
        };
    }

    /// What each worker has done.
    pub(crate) fn worker_stats(&self) -> Vec<WorkerStats> {
        let pid = |key: Key| self.pipes.get(&key).map_or(0, |pipes| pipes.pid);
        let all = self.dispatcher.worker_stats();
        all.map(|(key, stats)| WorkerStats { pid: pid(key), ..stats }).collect()
    }
}
