//! What a pool's handles and threads share: the state, the crew, and the reading of replies.
//!
//! *Assumes*: the thread that has a worker's [`BorrowedReader`] is the only one to read its reply
//! pipe.
//! *Promises*: no user code runs while a thread has a worker's reader or a lock: what was read becomes
//! [`Outcomes`], which keep the bytes that they look into. A caller that waits for one result reads it
//! itself where it can: no other thread is woken for it.
//! *Leaves out*: the records (`process/pool/pool_state.rs`), which thread settles
//! (`process/pool/crew.rs`).
//!
//! ```text
//!   submit, then wait          call
//!   caller ─▶ worker           caller ─▶ worker
//!      ▲         │                ▲         │
//!      └ supervisor ◀             └─────────┘
//!
//!   reply pipe ─▶ bytes ─▶ frames: Dispatcher ─▶ Outcomes, which share the bytes ─▶ decode, resolve
//!                   ▲                                                                  │
//!                   └─ read into again, if nobody looks into them any more ◀───────────┘
//! ```
//! No thread has to be woken for a job that is submitted, to an idle worker. Nor, with `call`, for its
//! answer: the caller borrows the worker's reader and reads the pipe. A wake-up costs more than all the rest
//! of a small job; this saves one of three. The supervisor waits for the rest: other replies, deaths,
//! deadlines, and pipes that have room again.

use crate::base::id::Key;
use crate::base::origin::Origin;
use crate::base::sync::{Mutex, MutexGuard};
use crate::futures::deadlock::{DeadlockGuard, Unblock};
use crate::futures::error::JobError;
use crate::futures::future::Future;
use crate::futures::oneshot::Beside;
use crate::process::forkserver::client::ForkServer;
use crate::process::pool::crew::Crew;
use crate::process::pool::job::{Terms, WorkItem};
use crate::process::pool::options::InitializerCall;
use crate::process::pool::outcomes::{FailedJob, Outcomes};
use crate::process::pool::pool_state::PoolState;
use crate::process::pool::replies::{Reply, ReplyReader};
use crate::process::pool::worker_pipes::{BorrowedReader, ReplyPipe};
use crate::sys::process::wait_for_exit;
use mio::{Events, Poll, Token, Waker};
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Weak};
use std::thread;

/// What every handle of a pool has, and each of its threads.
pub(crate) struct PoolShared {
    origin: Origin,
    pub(crate) state: Mutex<PoolState>,
    pub(crate) crew: Crew<Lead, Outcomes, Request>,
    pub(crate) forking: Forking,
    waker: Waker,
}

/// What the thread that leads has, and no other.
pub(crate) struct Lead {
    pub(crate) poll: Poll,
    pub(crate) events: Events,
    /// Room for the tokens of those.
    pub(crate) tokens: Vec<Token>,
    /// Workers whose reply pipes are not read to the end.
    pub(crate) unread: Vec<Key>,
}

/// What the pool asks of the fork server.
#[derive(Debug)]
pub(crate) enum Request {
    /// A worker.
    Spawn,
    /// How the workers ended that are dead.
    Reap,
}

/// What it takes to have workers forked and reaped.
pub(crate) struct Forking {
    pub(crate) fork_server: ForkServer,
    pub(crate) initializer: Option<InitializerCall>,
}

/// How far a reply pipe was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadTo {
    /// It is empty; more will raise a new edge.
    Empty,
    /// There may be more, but what was read is much.
    Enough,
    /// It has ended: no reply will come any more.
    End,
}

/// A caller looks for its answer so often, and lets others run between, before it sleeps: some 18 µs, about
/// as long as a sleeping core takes to wake.
const LOOKS: u32 = 32;

/// So many replies are settled before more are read.
const MANY_REPLIES: usize = 1024;

/// A callback runs on one of the pool's own threads, where it must not wait for the pool. (The pool
/// would go on without that thread. But callbacks that wait for each other's jobs would need more and
/// more threads, and the rule is the same for every pool: a callback does not wait.)
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

/// Who has the jobs of a future: a pool, while there is one.
pub(crate) struct JobsInPool {
    pool: Weak<PoolShared>,
    group: u64,
}

impl JobsInPool {
    pub(crate) fn new(pool: &Arc<PoolShared>, group: u64) -> JobsInPool {
        JobsInPool { pool: Arc::downgrade(pool), group }
    }

    /// `None` as well in a copy that came with a fork, where the jobs are the original's.
    fn pool(&self) -> Option<Arc<PoolShared>> {
        self.pool.upgrade().filter(|pool| !pool.origin.is_copy())
    }
}

impl Beside for JobsInPool {
    fn has_begun(&self) -> bool {
        self.pool().is_some_and(|pool| pool.state.lock().has_begun(self.group))
    }

    fn unless_begun(&self, cancel: &mut dyn FnMut()) {
        // Without a pool all its jobs have come out.
        let Some(pool) = self.pool() else { return cancel() };
        pool.with_state(|state| {
            if state.withdraw(self.group, true) {
                cancel();
            }
            (state.advance(), ())
        });
    }
}

impl PoolShared {
    /// The waker is that of the leader's selector.
    pub(crate) fn new(state: PoolState, forking: Forking, waker: Waker) -> PoolShared {
        let origin = Origin::here();
        PoolShared { origin, state: Mutex::new(state), crew: Crew::new(), forking, waker }
    }

    /// Wakes the thread that leads.
    pub(crate) fn wake_supervisor(&self) {
        // An eventfd's counter does not overflow by ones, so this cannot fail.
        let _ = self.waker.wake();
    }

    /// One more job. Behind others that wait nothing follows from it: had a worker room, they would have
    /// been sent.
    pub(crate) fn submit(&self, id: u64, terms: Terms, body: WorkItem) {
        let mut state = self.state.lock();
        let waits = state.dispatcher.is_backed_up();
        state.submit(id, terms, body);
        if !waits {
            self.follow_up(state, |state| (state.advance(), ()));
        }
    }

    /// Runs `act` under the lock and resolves, without it, the jobs that came out. Wakes the
    /// supervisor only for what cannot be done here.
    pub(crate) fn with_state<T>(
        &self,
        act: impl FnOnce(&mut PoolState) -> (Vec<FailedJob>, T),
    ) -> T {
        self.follow_up(self.state.lock(), act)
    }

    fn follow_up<T>(
        &self,
        mut state: MutexGuard<'_, PoolState>,
        act: impl FnOnce(&mut PoolState) -> (Vec<FailedJob>, T),
    ) -> T {
        let (mut failed, result) = act(&mut state);
        let mut wake = state.needs_supervisor();
        // Jobs whose time is over are somebody else's, who is not to wait for this thread. Queued
        // under the lock: the pool's threads do not end before they have settled them.
        let timed_out = |failed: &mut FailedJob| matches!(failed.error, JobError::TimedOut(_));
        let late: Vec<_> = failed.extract_if(.., timed_out).collect();
        wake |= !late.is_empty();
        self.fail_later(late);
        drop(state);
        if wake {
            self.wake_supervisor();
        }
        failed.into_iter().for_each(FailedJob::resolve);
        result
    }

    /// Reads a worker's replies until the pipe is empty. What came out is added to `out`: it is to be
    /// settled when the reader was given back, for a user's code must not hold up a worker's replies.
    pub(crate) fn read_replies(
        &self,
        borrowed: &mut BorrowedReader,
        out: &mut Vec<Outcomes>,
    ) -> ReadTo {
        let BorrowedReader { key, pipe, reader } = borrowed;
        let mut count_out = 0;
        while count_out < MANY_REPLIES {
            if reader.is_done() {
                return self.end_replies(pipe);
            }
            let room = reader.room();
            let asked = room.len();
            let count = match pipe.replies.read(room) {
                Ok(0) => return self.end_replies(pipe),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return ReadTo::Empty,
                Err(_) => return self.end_replies(pipe),
            };
            reader.filled(count);
            loop {
                if let Some(outcomes) = self.take_replies(*key, reader) {
                    count_out += outcomes.len();
                    out.push(outcomes);
                }
                if !reader.fetch() {
                    break;
                }
            }
            // A read that gives less than was asked for has emptied the pipe; more bytes will
            // raise a new edge.
            if count < asked {
                return ReadTo::Empty;
            }
        }
        ReadTo::Enough
    }

    /// The end of the stream. A process that is exiting closes its files when its exit code is
    /// decided, so this kill changes nothing for it; one that lives on without its pipe is of
    /// no use.
    fn end_replies(&self, pipe: &ReplyPipe) -> ReadTo {
        pipe.kill_worker();
        ReadTo::End
    }

    /// Takes the frames that were read into the records, and sends the next jobs.
    fn take_replies(&self, key: Key, reader: &mut ReplyReader) -> Option<Outcomes> {
        let mut state = self.state.lock();
        let now = state.now();
        let delivered = state.delivered_to(key);
        let replies = reader.handle_frames(key, &mut state.dispatcher, now);
        state.note_answers(key, &delivered, &replies);
        if let Some(why) = reader.failure() {
            state.last_failure.clone_from(why);
        }
        for reply in &replies {
            if let Reply::Answer(job, ..) = reply {
                job.body.begin();
            }
        }
        let failed = state.advance();
        drop(state);
        let none = replies.is_empty() && failed.is_empty();
        (!none).then(|| Outcomes::of_read(replies, failed, reader))
    }

    /// These are to be settled, when the lead is left.
    pub(crate) fn fail_later(&self, failed: Vec<FailedJob>) {
        if !failed.is_empty() {
            self.crew.settle_later(Outcomes::failed(failed));
        }
    }

    /// Reads a worker's replies until its only job, `id` with this `future`, is answered or the worker
    /// is dead; then gives the reader back. What came out besides is left to the pool's threads.
    pub(crate) fn read_until_answered<R>(
        &self,
        id: u64,
        future: &Future<R>,
        mut borrowed: BorrowedReader,
    ) {
        let mut out = Vec::new();
        let mut alive = true;
        let mut looks = 0;
        while alive && out.is_empty() && !future.done() {
            looks += 1;
            if looks > LOOKS {
                let pipe = &borrowed.pipe;
                let ready = wait_for_exit(&[pipe.replies.as_fd(), pipe.pidfd.as_fd()], None);
                alive = ready.is_ok_and(|ready| !ready.contains(&1));
            } else if looks > 1 {
                thread::yield_now();
            }
            alive &= self.read_replies(&mut borrowed, &mut out) != ReadTo::End;
        }
        let own = out.iter_mut().find_map(|outcomes| outcomes.take_answer(id));
        out.retain(|outcomes| outcomes.len() > 0);
        let others = !out.is_empty();
        // Before the reader is given back: until then the worker is not reaped, and the pool's threads
        // do not end.
        out.into_iter().for_each(|outcomes| self.crew.settle_later(outcomes));
        if self.state.lock().return_reader(borrowed) || others {
            self.wake_supervisor();
        }
        own.into_iter().for_each(|own| own.settle());
    }
}
