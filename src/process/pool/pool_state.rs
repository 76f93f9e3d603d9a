//! What callers and the supervisor share: records and pipes under one lock.
//!
//! *Assumes*: all pipes of the workers are non-blocking; the thread that has a worker's
//! [`BorrowedReader`] is the only one to read its reply pipe.
//! *Promises*: under the lock nothing blocks and no user code runs: what needs either is handed out
//! ([`FailedJob`], [`PoolState::take_spawn`]). A caller that waits for one result reads it itself
//! where it can: no other thread is woken for it.
//! *Leaves out*: the rules (`process/pool/dispatcher.rs`, `process/pool/replies.rs`); forking and reaping
//! (`process/pool/supervisor.rs`).
//!
//! ```text
//!  submit ─┐          ┌────────────────── PoolState ──────────────────┐
//!          ├─ lock ─▶ │ Dispatcher             WorkerPipes per worker │ ─ writev ─▶ request pipes
//!  reply ──┘          └──────┬────────────────────────────────────────┘ ─ SIGKILL ▶ pidfds
//!                            ▼
//!                     FailedJob: resolved by the thread that held the lock, after the unlock
//!
//!   submit, then wait          call
//!   caller ─▶ worker           caller ─▶ worker
//!      ▲         │                ▲         │
//!      └ supervisor ◀             └─────────┘
//! ```
//! So a submitted job goes to an idle worker in the submitter's own system call: no thread has to be
//! woken first. Nor need one be for the answer, if the submitter waits for it: it borrows the
//! worker's reader and reads the pipe. A wake-up costs more than all the rest of a small job; this
//! saves one of three. The supervisor waits for the rest: other replies, deaths, deadlines, and
//! pipes that have room again.

use crate::base::id::Key;
use crate::base::sync::Mutex;
use crate::futures::deadlock::{DeadlockGuard, SharedGuard, Unblock, while_working_for};
use crate::futures::error::JobError;
use crate::futures::future::Future;
use crate::process::message::call::read_reply;
use crate::process::pool::dispatcher::{Action, Dispatcher, Settings};
use crate::process::pool::job::WorkItem;
use crate::process::pool::job::{JobOutcome, PoolJob, Terms};
use crate::process::pool::replies::{Reply, ReplyReader};
use crate::process::pool::worker::WorkerStats;
use crate::process::pool::worker_pipes::{BorrowedReader, WorkerEvent, WorkerPipes, token, watch};
use crate::sys::process::{Death, wait_for_exit};
use crate::sys::process_tree::{kill_trees_soon, signal_trees};
use mio::{Registry, Waker};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What every handle of a pool has, and its supervisor.
pub(crate) struct PoolShared {
    pub(crate) state: Mutex<PoolState>,
    waker: Waker,
}

/// A thread that reads a worker's replies must not wait for the pool: it would be waiting for
/// itself. Callbacks of futures run on it, and may try.
impl DeadlockGuard for PoolShared {
    fn begin_blocking(&self) -> Result<(), JobError> {
        Err(JobError::WouldDeadlock(
            "the thread on which this callback runs is the pool's own, and what the job needs; \
             wait on another thread, or in a task"
                .to_owned(),
        ))
    }
}

impl Unblock for PoolShared {
    fn unblock(&self) {
        unreachable!("no thread may block here");
    }
}

impl PoolShared {
    /// The waker is that of the supervisor's selector.
    pub(crate) fn new(state: PoolState, waker: Waker) -> PoolShared {
        PoolShared { state: Mutex::new(state), waker }
    }

    /// Wakes the supervisor.
    pub(crate) fn wake_supervisor(&self) {
        // An eventfd's counter does not overflow by ones, so this cannot fail.
        let _ = self.waker.wake();
    }

    /// Reads a worker's replies until the pipe is empty. False: the pipe has ended, and no reply
    /// will come any more.
    pub(crate) fn read_replies(&self, borrowed: &mut BorrowedReader) -> bool {
        let BorrowedReader { key, pipe, reader } = borrowed;
        loop {
            let room = reader.room();
            let asked = room.len();
            let count = match pipe.replies.read(room) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => break,
            };
            reader.filled(count);
            self.resolve_answered(*key, reader);
            // A read that gives less than was asked for has emptied the pipe; more bytes will
            // raise a new edge.
            if count < asked {
                return true;
            }
        }
        // The end of the stream. A process that is exiting closes its files when its exit code is
        // decided, so this kill changes nothing for it; one that lives on without its pipe is of
        // no use.
        pipe.kill_worker();
        false
    }

    /// Takes the frames that were read into the records, sends the next jobs, and, without the
    /// lock, resolves what was answered.
    fn resolve_answered(&self, key: Key, reader: &mut ReplyReader) {
        let mut state = self.state.lock();
        let now = state.now();
        let replies = reader.handle_frames(key, &mut state.dispatcher, now);
        if let Some(why) = reader.failure() {
            state.last_failure.clone_from(why);
        }
        let failed = state.advance();
        drop(state);
        for reply in replies {
            match reply {
                Reply::Part(place) => reader.keep_part(place),
                Reply::Answer(job, kind, place) => {
                    let parts = reader.take_parts();
                    job.body.settle(&parts, read_reply(kind, reader.body(place)));
                }
            }
        }
        failed.into_iter().for_each(FailedJob::resolve);
    }

    /// Reads a worker's replies until `future`, its only job, is done or the worker is dead; then
    /// gives the reader back.
    pub(crate) fn read_until_done<R>(
        self: &Arc<Self>,
        future: &Future<R>,
        mut borrowed: BorrowedReader,
    ) {
        // Jobs sent ahead to the same worker are resolved here as well, callbacks and all.
        while_working_for(Arc::clone(self) as SharedGuard, || {
            let mut alive = true;
            while alive && !future.done() {
                let pipe = &borrowed.pipe;
                let ready = wait_for_exit(&[pipe.replies.as_fd(), pipe.pidfd.as_fd()], None);
                alive = ready.is_ok_and(|ready| !ready.contains(&1));
                alive &= self.read_replies(&mut borrowed);
            }
        });
        let wake = self.state.lock().return_reader(borrowed);
        if wake {
            self.wake_supervisor();
        }
    }
}

/// A job that came out without an answer, to be resolved when the lock is released.
pub(crate) struct FailedJob(WorkItem, JobError);

impl FailedJob {
    /// Resolves its promise. Runs user code: hold no lock.
    pub(crate) fn resolve(self) {
        self.0.settle(&[], Err(self.1));
    }
}

/// The dispatcher, and the pipes of its workers to carry out what it decides.
pub(crate) struct PoolState {
    pub(crate) dispatcher: Dispatcher<WorkItem>,
    pub(crate) pipes: BTreeMap<Key, WorkerPipes>,
    /// The dispatcher wants a worker that the supervisor has not begun to fork.
    spawn_wanted: bool,
    /// Dead workers whose reader a caller had when they died, and has given back.
    dead: Vec<Key>,
    /// The job for which a caller will wait and read, if it may.
    awaited: Option<u64>,
    /// The worker whose replies that caller is to read.
    read_by_caller: Option<Key>,
    /// The supervisor's selector.
    registry: Registry,
    /// The deadline until which the supervisor sleeps at most.
    pub(crate) armed: u64,
    /// Why the last spawn failed, for the message when all is over.
    pub(crate) last_failure: String,
    epoch: Instant,
}

impl PoolState {
    pub(crate) fn new(settings: Settings, registry: Registry) -> Self {
        PoolState {
            dispatcher: Dispatcher::new(settings),
            pipes: BTreeMap::new(),
            spawn_wanted: false,
            dead: Vec::new(),
            awaited: None,
            read_by_caller: None,
            registry,
            armed: u64::MAX,
            last_failure: "no worker could be started".to_owned(),
            epoch: Instant::now(),
        }
    }

    /// Nanoseconds since the pool began.
    pub(crate) fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// One more job. [`advance`](Self::advance) sends it.
    pub(crate) fn submit(&mut self, id: u64, terms: Terms, body: WorkItem) {
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
        self.carry_out(now, &mut failed);
        let mut fed: Vec<Key> = Vec::new();
        while let Some(key) = self.dispatcher.assign(now, |job| job.body.start()) {
            if !fed.contains(&key) {
                fed.push(key);
            }
        }
        for key in fed {
            self.write(key);
            self.appoint_reader(key);
        }
        // Assigning may have brought out cancelled jobs.
        self.carry_out(now, &mut failed);
        failed
    }

    /// Carries out what the dispatcher wants.
    fn carry_out(&mut self, now: u64, failed: &mut Vec<FailedJob>) {
        while let Some(action) = self.dispatcher.next_action(now) {
            match action {
                Action::Spawn => self.spawn_wanted = true,
                Action::Kill(key) => {
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
                    let error = self.error_of(job.id, outcome);
                    failed.push(FailedJob(job.body, error));
                }
            }
        }
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

    /// Takes a dead worker's descriptors out of the supervisor's selector.
    pub(crate) fn stop_watching(&mut self, key: Key) {
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
