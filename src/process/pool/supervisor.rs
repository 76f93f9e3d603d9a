//! The supervisor: the pool's one thread, which reads replies, reaps, respawns.
//!
//! *Assumes*: `mio` (edge-triggered); every worker has a reply pipe and a pidfd.
//! *Promises*: reads a pipe to its end before it believes a death, so no reply is lost; holds
//! the pool's lock neither while it asks the fork server nor while user code runs; when it ends,
//! for whatever reason, no job is left unresolved.
//! *Leaves out*: sending, and the replies that a caller reads itself (both in
//! `process/pool/pool_state.rs`).
//!
//! ```text
//!                 ┌──────────────── one poll ────────────────┐
//!  reply pipe ────┤ bytes  ▶ decode, answer, resolve         │
//!                 │ end    ▶ SIGKILL (it is exiting, or      │
//!                 │          closed a pipe it should not)    │
//!  pidfd ─────────┤ dead   ▶ read the rest, reap, died       │
//!  request pipe ──┤ room   ▶ write                           │
//!  eventfd ───────┤ wake   ▶ spawn, new deadlines, shutdown  │
//!  deadline ──────┤ passed ▶ kill the workers that are late  │
//!                 └──────────────────────────────────────────┘
//! ```
//! **Napping.** While every busy worker holds many short jobs, to wake up for each answer would cost
//! more than the job. So the supervisor sleeps for a moment and then reads many answers at once, as
//! Linux's network drivers do under load (NAPI). A result is at most that moment late.
//!
//! It is an event loop of its own and not an [`EventLoop`](crate::EventLoop) with tasks: what
//! there is to do at an event is one `match`, and a task for each worker would add a wake and a poll
//! to every reply. Also, a caller takes a reply pipe out of the selector and puts it back from its
//! own thread, which mio's registry allows and a loop's table of sources does not.

use crate::base::id::Key;
use crate::futures::deadlock::{SharedGuard, work_for};
use crate::process::forkserver::client::ForkServer;
use crate::process::forkserver::server::Forked;
use crate::process::pool::dispatcher::Settings;
use crate::process::pool::pool_state::{FailedJob, PoolShared, PoolState};
use crate::process::pool::worker_pipes::{
    BorrowedReader, ReplyPipe, WorkerEvent, WorkerPipes, token, watch,
};
use crate::sys::fd::set_nonblocking;
use crate::sys::process::{Death, wait_for_exit};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

/// What every worker runs before its first job, and the descriptors that go with it.
pub(crate) struct InitializerCall {
    pub(crate) frame: Arc<Vec<u8>>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

const WAKE: Token = Token(usize::MAX);

/// How long the supervisor naps. The system's timers add about 50 µs.
const NAP: Duration = Duration::from_micros(20);

/// It naps if no worker can run out of work in so many nanoseconds: longer than a nap.
const MIN_BACKLOG_NS: u64 = 100_000;

/// How to wait for the next events.
struct PollPlan {
    /// Sleep first, so that answers collect.
    nap: bool,
    /// How long to wait for an event; `None`: until there is one.
    timeout: Option<Duration>,
}

/// What the supervisor's thread owns: the selector, the fork server, and its share of the state.
pub(crate) struct Supervisor {
    shared: Arc<PoolShared>,
    fork_server: ForkServer,
    initializer: Option<InitializerCall>,
    poll: Poll,
    /// The workers by the index of their keys, which is what a token can carry.
    keys: HashMap<usize, Key>,
}

impl Supervisor {
    /// A supervisor, and what it shares with the pool's handles.
    pub(crate) fn new(
        fork_server: ForkServer,
        initializer: Option<InitializerCall>,
        settings: Settings,
    ) -> io::Result<(Supervisor, Arc<PoolShared>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let registry = poll.registry().try_clone()?;
        let shared = Arc::new(PoolShared::new(PoolState::new(settings, registry), waker));
        let ours = Arc::clone(&shared);
        let keys = HashMap::new();
        Ok((Supervisor { shared: ours, fork_server, initializer, poll, keys }, shared))
    }

    /// Runs until the pool is shut down and all workers are gone.
    pub(crate) fn run(mut self) {
        work_for(Arc::clone(&self.shared) as SharedGuard);
        let mut events = Events::with_capacity(256);
        while let Some(PollPlan { nap, timeout }) = self.prepare() {
            if nap {
                thread::sleep(NAP);
            }
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            }
            for event in &events {
                self.handle(event.token());
            }
        }
    }

    /// Does all that can be done without waiting; gives how to wait then. `None` when all is over.
    fn prepare(&mut self) -> Option<PollPlan> {
        loop {
            let mut state = self.shared.state.lock();
            let failed = state.advance();
            let spawn = state.take_spawn();
            let dead = state.take_dead();
            let finished = state.dispatcher.finished();
            let deadline = state.dispatcher.next_deadline();
            state.armed = deadline.unwrap_or(u64::MAX);
            let nap = state.dispatcher.backlog() > MIN_BACKLOG_NS;
            let timeout = deadline.map(|at| Duration::from_nanos(at.saturating_sub(state.now())));
            drop(state);
            failed.into_iter().for_each(FailedJob::resolve);
            if finished {
                return None;
            }
            if !spawn && dead.is_empty() {
                return Some(PollPlan { nap, timeout });
            }
            dead.into_iter().for_each(|key| self.reap(key));
            if spawn {
                self.spawn();
            }
        }
    }

    /// Handles one event of the selector.
    fn handle(&mut self, token: Token) {
        if token == WAKE {
            return;
        }
        let Some(key) = self.keys.get(&(token.0 / 4)).copied() else { return };
        match token.0 % 4 {
            event if event == WorkerEvent::Replies as usize => self.read_replies(key),
            event if event == WorkerEvent::Death as usize => self.reap(key),
            _ => self.shared.state.lock().write(key),
        }
    }

    /// Reads a worker's replies until its pipe is empty, unless a caller reads them.
    fn read_replies(&self, key: Key) {
        let borrowed = self.shared.state.lock().borrow_reader(key);
        if let Some(borrowed) = borrowed {
            self.read_and_return(borrowed);
        }
    }

    fn read_and_return(&self, mut borrowed: BorrowedReader) {
        self.shared.read_replies(&mut borrowed);
        if let Some(pipes) = self.shared.state.lock().pipes.get_mut(&borrowed.key) {
            pipes.reader.put_back(borrowed.reader);
        }
    }

    /// A worker is dead: reads its last replies, has it reaped, and resolves the job that it ran.
    fn reap(&mut self, key: Key) {
        if !self.is_dead(key) {
            return;
        }
        let borrowed = self.shared.state.lock().borrow_reader_of_dead(key);
        let Some(borrowed) = borrowed else { return };
        self.read_and_return(borrowed);
        let mut state = self.shared.state.lock();
        self.keys.remove(&(key.index as usize));
        state.stop_watching(key);
        let Some(pid) = state.pipes.get(&key).map(|pipes| pipes.pid) else { return };
        drop(state);
        // If the fork server is gone, its workers were killed by the kernel.
        let death = self.fork_server.reap(pid).unwrap_or(Death::Signal(libc::SIGKILL));
        let mut state = self.shared.state.lock();
        let never_ready = !state.dispatcher.was_ready(key);
        if let Some(pipes) = state.pipes.get_mut(&key) {
            pipes.requests = None;
            pipes.death = Some(death);
            if never_ready && pipes.reader.reader().is_some_and(|r| r.failure().is_none()) {
                state.last_failure = format!(
                    "worker process {pid} ended with {death} before it could take a job; look at \
                     the initializer and the fork hooks"
                );
            }
        }
        let now = state.now();
        state.dispatcher.died(key, now);
        let failed = state.advance();
        state.pipes.remove(&key);
        drop(state);
        failed.into_iter().for_each(FailedJob::resolve);
    }

    /// A pidfd may be reported once too often; and asking the fork server to reap a living
    /// worker would block it.
    fn is_dead(&self, key: Key) -> bool {
        let state = self.shared.state.lock();
        let Some(pipes) = state.pipes.get(&key) else { return false };
        wait_for_exit(&[pipes.reply_pipe.pidfd.as_fd()], Some(Duration::ZERO))
            .is_ok_and(|d| !d.is_empty())
    }

    /// Has one worker forked and begins to watch it.
    fn spawn(&mut self) {
        let descriptors = self.initializer.as_ref().map_or(&[][..], |call| &call.descriptors);
        let forked = self.fork_server.spawn(descriptors);
        // One lock for all of it: a thread that finds a worker in the records finds its pipes as
        // well, and can tell it to exit.
        let mut state = self.shared.state.lock();
        let now = state.now();
        match forked {
            Ok(forked) => {
                let key = state.dispatcher.started(now);
                let pid = forked.pid;
                match self.watch_all(key, forked) {
                    Ok(pipes) => {
                        self.keys.insert(key.index as usize, key);
                        state.pipes.insert(key, pipes);
                        state.write(key);
                    }
                    Err(error) => {
                        state.last_failure = format!("a worker could not be watched: {error}");
                        state.dispatcher.died(key, now);
                        drop(state);
                        // With its pipes closed it exits at once.
                        let _ = self.fork_server.reap(pid);
                    }
                }
            }
            Err(error) => {
                state.last_failure = format!("no worker could be forked: {error}");
                state.dispatcher.spawn_failed(now);
            }
        }
    }

    /// Registers a worker's three descriptors with the selector.
    fn watch_all(&self, key: Key, forked: Forked) -> io::Result<WorkerPipes> {
        let Forked { pid, pidfd, requests, replies } = forked;
        let reply_pipe = Arc::new(ReplyPipe { replies, pidfd });
        let registry = self.poll.registry();
        set_nonblocking(&requests)?;
        set_nonblocking(&reply_pipe.replies)?;
        watch(registry, &reply_pipe.pidfd, token(key, WorkerEvent::Death))?;
        watch(registry, &reply_pipe.replies, token(key, WorkerEvent::Replies))?;
        let fd = requests.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&fd), token(key, WorkerEvent::Room), Interest::WRITABLE)?;
        let initializer = self.initializer.as_ref().map(|call| Arc::clone(&call.frame));
        Ok(WorkerPipes::new(pid, reply_pipe, requests, initializer))
    }
}

/// After an end in good order nothing is left to do. After a panic or a failed poll every job that
/// is left resolves to an error, so that no thread waits for ever.
impl Drop for Supervisor {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if state.dispatcher.finished() {
            return;
        }
        state.last_failure = "the pool's supervisor thread failed".to_owned();
        state.dispatcher.collapse();
        let failed = state.advance();
        state.pipes.clear();
        drop(state);
        failed.into_iter().for_each(FailedJob::resolve);
    }
}
