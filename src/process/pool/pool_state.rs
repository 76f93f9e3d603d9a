//! The desk: the books and the request pipes under one lock, where submitters and the
//! supervisor meet.
//!
//! *Assumes*: the lock is held by whoever calls; all request pipes are non-blocking.
//! *Promises*: never blocks, never runs user code; what must be done without the lock is
//! handed out ([`Settled`], [`PoolState::take_spawn`]).
//! *Leaves out*: reading replies (`process/pool/supervisor.rs`), forking and collecting
//! (`process/pool/supervisor.rs`).
//!
//! ```text
//!  submit ─┐          ┌───────────── PoolState ─────────────┐
//!          ├─ lock ─▶ │ Dispatcher     Link per worker │ ─ writev ─▶ request pipes
//!  reply ──┘          └──────┬─────────────────────────┘ ─ SIGKILL ▶ pidfds
//!                            ▼
//!                     Settled: resolved by whoever held the lock, after letting go
//! ```
//! So a submitted job goes to an idle worker in the submitter's own system call: no thread has
//! to be woken first. Nor need one be for the answer, if the submitter waits for it: he is lent
//! the worker's reply pipe, and reads. The supervisor waits only for what nobody else brings: other
//! replies, deaths, time, and pipes that have room again.

use crate::base::id::Key;
use crate::futures::error::JobError;
use crate::process::forkserver::worker::ROOMY;
use crate::process::pool::dispatcher::{Action, Dispatcher, Settings};
use crate::process::pool::replies::ReaderOwner;
use crate::process::pool::replies::ReplyReader;
use crate::process::pool::work_item::WorkItem;
use crate::process::pool::worker::JobOutcome;
use crate::process::pool::worker::{PoolJob, Terms, WorkerStats};
use crate::sys::fd::{CAPACITY, Reader, Writer, set_capacity};
use crate::sys::process::Death;
use crate::sys::process::send_signal;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One system call writes at most so many frames.
const AT_ONCE: usize = 64;

/// Where a worker is heard: its reply pipe, and the pidfd that tells of its death.
pub(crate) struct Ends {
    pub(crate) replies: Reader,
    pub(crate) pidfd: OwnedFd,
}

/// The right to read a worker's replies, and what that takes.
pub(crate) struct Lent {
    pub(crate) key: Key,
    pub(crate) ends: Arc<Ends>,
    pub(crate) hearing: ReplyReader,
}

/// A worker as seen by those who send to it.
pub(crate) struct Link {
    pub(crate) pid: u32,
    pub(crate) ends: Arc<Ends>,
    pub(crate) listening: ReaderOwner<ReplyReader>,
    /// `None` when the worker was let go.
    pub(crate) requests: Option<Writer>,
    /// What is to be written before any job: the initializer's call.
    prologue: Option<Arc<Vec<u8>>>,
    /// Its pipe was made larger.
    roomy: bool,
    /// How much of the prologue, or else of the first undelivered frame, is written.
    offset: usize,
    /// Set when it is dead and collected.
    pub(crate) death: Option<Death>,
}

impl Link {
    /// Of a worker just forked, to which the supervisor listens.
    pub(crate) fn new(
        pid: u32,
        ends: Arc<Ends>,
        requests: Writer,
        prologue: Option<Arc<Vec<u8>>>,
    ) -> Link {
        Link {
            pid,
            ends,
            listening: ReaderOwner::new(ReplyReader::new(prologue.is_some())),
            requests: Some(requests),
            prologue,
            roomy: false,
            offset: 0,
            death: None,
        }
    }
}

/// What a token of the supervisor's selector stands for: a worker, and one of its three
/// descriptors.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Replies,
    Death,
    Room,
}

pub(crate) fn token(key: Key, source: Source) -> Token {
    Token(key.index as usize * 4 + source as usize)
}

/// Has the supervisor told when something can be read.
pub(crate) fn watch(registry: &Registry, fd: &impl AsFd, token: Token) -> io::Result<()> {
    registry.register(&mut SourceFd(&fd.as_fd().as_raw_fd()), token, Interest::READABLE)
}

/// A job that came out without an answer, to be resolved when the lock is released.
pub(crate) struct Settled(WorkItem, JobError);

impl Settled {
    /// Keeps the promise. Runs user code: hold no lock.
    pub(crate) fn settle(self) {
        self.0.settle(Err(self.1));
    }
}

/// How long the frame is that a worker gets next.
fn next_length(dispatcher: &Dispatcher<WorkItem>, key: Key) -> Option<usize> {
    dispatcher.undelivered(key).next().map(|job| job.body.frame.len())
}

/// The dispatcher with the pipes of its workers: what whoever has the lock can act on at once.
pub(crate) struct PoolState {
    pub(crate) dispatcher: Dispatcher<WorkItem>,
    pub(crate) links: BTreeMap<Key, Link>,
    /// The dispatcher wants a spawn that the supervisor has not begun.
    spawn: bool,
    /// The dead whose last words a caller was still hearing.
    dead: Vec<Key>,
    /// The job that a caller will wait for himself, if he may.
    awaited: Option<u64>,
    /// The worker whose replies that caller is to read.
    lent: Option<Key>,
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
            links: BTreeMap::new(),
            spawn: false,
            dead: Vec::new(),
            awaited: None,
            lent: None,
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

    /// Does all that can be done now: sends jobs to workers with room, writes, kills, lets go.
    /// To be called after every change.
    #[must_use = "jobs that came out must be settled after the lock is released"]
    pub(crate) fn turn(&mut self) -> Vec<Settled> {
        let now = self.now();
        let mut settled = Vec::new();
        self.act(now, &mut settled);
        let mut fed: Vec<Key> = Vec::new();
        while let Some(key) = self.dispatcher.assign(now, |job| job.body.start()) {
            if !fed.contains(&key) {
                fed.push(key);
            }
        }
        for key in fed {
            self.write(key);
            self.find_listener(key);
        }
        // Assigning may have brought out cancelled jobs.
        self.act(now, &mut settled);
        settled
    }

    fn act(&mut self, now: u64, settled: &mut Vec<Settled>) {
        while let Some(action) = self.dispatcher.next_action(now) {
            match action {
                Action::Spawn => self.spawn = true,
                Action::Kill(key) => {
                    if let Some(link) = self.links.get(&key) {
                        // It can only fail for want of permission (a worker that changed its
                        // user); then it is at least cut off.
                        let _ = send_signal(link.ends.pidfd.as_fd(), libc::SIGKILL);
                    }
                }
                Action::Retire(key) => {
                    if let Some(link) = self.links.get_mut(&key) {
                        link.requests = None;
                    }
                }
                Action::Resolve(job, verdict) => {
                    let error = self.explain(job.id, verdict);
                    settled.push(Settled(job.body, error));
                }
            }
        }
    }

    fn explain(&self, job: u64, verdict: JobOutcome) -> JobError {
        let pid = |key: Key| self.links.get(&key).map_or(0, |link| link.pid);
        match verdict {
            JobOutcome::Cancelled => JobError::Cancelled,
            JobOutcome::TimedOut(limit) => JobError::TimedOut(Duration::from_nanos(limit)),
            JobOutcome::Lost(key) => {
                let death = self.links.get(&key).and_then(|link| link.death);
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

    /// Writes to a worker's pipe what it has room for.
    pub(crate) fn write(&mut self, key: Key) {
        let Some(link) = self.links.get_mut(&key) else { return };
        let Some(pipe) = &link.requests else { return };
        while let Some(prologue) = &link.prologue {
            let Ok(written) = pipe.write(&prologue[link.offset..]) else { return };
            link.offset += written;
            if link.offset == prologue.len() {
                (link.prologue, link.offset) = (None, 0);
            }
        }
        loop {
            let mut slices = [IoSlice::new(&[]); AT_ONCE];
            let mut count = 0;
            for (slot, job) in slices.iter_mut().zip(self.dispatcher.undelivered(key)) {
                let from = if count == 0 { link.offset } else { 0 };
                *slot = IoSlice::new(&job.body.frame[from..]);
                count += 1;
            }
            if count == 0 {
                return;
            }
            if !link.roomy && slices[0].len() > CAPACITY {
                link.roomy = true;
                // Many small steps take longer; but if the system says no, they will do.
                let _ = set_capacity(pipe, ROOMY);
            }
            // An error is a full pipe, or a dead worker, of which the pidfd tells.
            let Ok(written) = pipe.write_vectored(&slices[..count]) else { return };
            link.offset += written;
            while let Some(length) = next_length(&self.dispatcher, key)
                && link.offset >= length
            {
                link.offset -= length;
                self.dispatcher.delivered(key);
            }
        }
    }

    /// Sees to it that somebody reads the replies of a worker that has jobs.
    fn find_listener(&mut self, key: Key) {
        let Some(link) = self.links.get_mut(&key) else { return };
        let alone = self.awaited.is_some_and(|job| self.dispatcher.runs_only(key, job));
        let caller = if alone { link.listening.appoint_caller() } else { None };
        if let Some(watched) = caller {
            self.lent = Some(key);
            if watched {
                let replies = link.ends.replies.as_fd().as_raw_fd();
                let _ = self.registry.deregister(&mut SourceFd(&replies));
            }
        } else if self.dispatcher.load(key) > 0 && link.listening.appoint_supervisor() {
            let token = token(key, Source::Replies);
            if watch(&self.registry, &link.ends.replies, token).is_err() {
                // A worker that nobody can hear is of no use; its end will be heard.
                let _ = send_signal(link.ends.pidfd.as_fd(), libc::SIGKILL);
            }
        }
    }

    /// Submits a job for which the caller will wait. If it went to an idle worker, he gets the
    /// reader of that worker.
    pub(crate) fn submit_awaited(
        &mut self,
        id: u64,
        terms: Terms,
        body: WorkItem,
    ) -> (Vec<Settled>, Option<Lent>) {
        self.submit(id, terms, body);
        self.awaited = Some(id);
        let settled = self.turn();
        self.awaited = None;
        let key = self.lent.take();
        (settled, key.and_then(|key| self.borrow_reader(key)))
    }

    /// Takes the reader of a worker, unless somebody has.
    pub(crate) fn borrow_reader(&mut self, key: Key) -> Option<Lent> {
        let link = self.links.get_mut(&key)?;
        Some(Lent { key, ends: Arc::clone(&link.ends), hearing: link.listening.take()? })
    }

    /// The same for a worker that is dead. If a caller has its reader, the worker is reaped when
    /// he gives it back.
    pub(crate) fn borrow_reader_of_the_dead(&mut self, key: Key) -> Option<Lent> {
        let link = self.links.get_mut(&key)?;
        let hearing = link.listening.take_of_dead()?;
        Some(Lent { key, ends: Arc::clone(&link.ends), hearing })
    }

    /// A caller has heard what he waited for, or the end. True: wake the supervisor.
    pub(crate) fn give_reader_back(&mut self, Lent { key, hearing, .. }: Lent) -> bool {
        let Some(link) = self.links.get_mut(&key) else { return false };
        if link.listening.give_back(hearing) {
            self.dead.push(key);
        } else {
            self.find_listener(key);
        }
        !self.dead.is_empty() || self.wants_supervisor()
    }

    /// The dead whom the supervisor can reap now.
    pub(crate) fn take_dead(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.dead)
    }

    /// Takes a dead worker's descriptors out of the supervisor's selector.
    pub(crate) fn stop_watching(&mut self, key: Key) {
        let Some(link) = self.links.get(&key) else { return };
        for fd in [link.ends.pidfd.as_fd(), link.ends.replies.as_fd()] {
            // The pipe may be out already.
            let _ = self.registry.deregister(&mut SourceFd(&fd.as_raw_fd()));
        }
    }

    /// Whether a worker is to be forked now; the caller does it.
    pub(crate) fn take_spawn(&mut self) -> bool {
        std::mem::take(&mut self.spawn)
    }

    /// Whether the supervisor has something to do of which no descriptor tells.
    pub(crate) fn wants_supervisor(&self) -> bool {
        let deadline = self.dispatcher.next_deadline().unwrap_or(u64::MAX);
        self.spawn || deadline < self.armed || self.dispatcher.finished()
    }

    /// One more job.
    pub(crate) fn submit(&mut self, id: u64, terms: Terms, body: WorkItem) {
        self.dispatcher.submit(PoolJob { id, terms, body });
    }

    /// Sends a signal to every worker.
    pub(crate) fn signal_all(&self, signal: i32) {
        for link in self.links.values() {
            // It can only fail for a worker that has become another user's.
            let _ = send_signal(link.ends.pidfd.as_fd(), signal);
        }
    }

    /// What each worker has done.
    pub(crate) fn worker_stats(&self) -> Vec<WorkerStats> {
        let pid = |key: Key| self.links.get(&key).map_or(0, |link| link.pid);
        let all = self.dispatcher.worker_stats();
        all.map(|(key, stats)| WorkerStats { pid: pid(key), ..stats }).collect()
    }
}
