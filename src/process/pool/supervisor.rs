//! The supervisor: what the thread that leads does, and the requests to the fork server.
//!
//! *Assumes*: `mio` (edge-triggered); every worker has a reply pipe and a pidfd.
//! *Promises*: reads a pipe to its end before it believes a death, so no reply is lost; neither asks
//! the fork server nor runs user code while it leads, so that limits are kept whatever these do; when
//! it ends, for whatever reason, no job is left unresolved.
//! *Leaves out*: sending (`process/pool/pool_state.rs`), the replies that a caller reads itself
//! (`process/pool/pool_shared.rs`), and which thread leads (`process/pool/crew.rs`).
//!
//! ```text
//!                 ┌──────────────── one poll ────────────────┐
//!  reply pipe ────┤ bytes  ▶ answers: to be settled          │──▶ Settle   decode, resolve,
//!                 │ end    ▶ SIGKILL (it is exiting, or      │             call back
//!                 │          closed a pipe it should not)    │
//!  pidfd ─────────┤ dead   ▶ read the rest; to be reaped     │──▶ Request  reap, died
//!  request pipe ──┤ room   ▶ write                           │
//!  eventfd ───────┤ wake   ▶ new deadlines, shutdown, spawn  │──▶ Request  spawn, started
//!  deadline ──────┤ passed ▶ kill the workers that are late  │
//!                 └──────────────────────────────────────────┘
//!                                leads                           done when the lead was left
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
use crate::base::panic::discard;
use crate::futures::deadlock::{SharedGuard, work_for};
use crate::process::forkserver::connection::{Look, reborrow};
use crate::process::forkserver::server::Forked;
use crate::process::message::segment::Segment;
use crate::process::pool::dispatcher::Settings;
use crate::process::pool::outcomes::Outcomes;
use crate::process::pool::pool_shared::{Forking, Lead, PoolShared, ReadTo, Request};
use crate::process::pool::pool_state::PoolState;
use crate::process::pool::roles::{Seen, Turn};
use crate::process::pool::worker_pipes::{
    BorrowedReader, ReplyPipe, WorkerEvent, WorkerPipes, token, watch,
};
use crate::sys::fd::set_nonblocking;
use crate::sys::process::{Death, wait_for_exit};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

const WAKE: Token = Token(usize::MAX);

/// How long the supervisor naps. The system's timers add about 50 µs.
const NAP: Duration = Duration::from_micros(20);

/// It naps if no worker can run out of work in so many nanoseconds: longer than a nap.
const MIN_BACKLOG_NS: u64 = 100_000;

/// Starts the threads of a pool: one that leads, and at once has the first worker forked; and one that
/// leads meanwhile.
pub(crate) fn start_crew(forking: Forking, settings: Settings) -> io::Result<Arc<PoolShared>> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    let state = PoolState::new(settings, poll.registry().try_clone()?);
    let shared = Arc::new(PoolShared::new(state, forking, waker));
    let lead =
        Lead { poll, events: Events::with_capacity(256), tokens: Vec::new(), unread: Vec::new() };
    shared.crew.begin(lead, || start_thread(&shared, false))?;
    shared.crew.stand_by(|| start_thread(&shared, true));
    Ok(shared)
}

fn start_thread(shared: &Arc<PoolShared>, stands_by: bool) -> io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    let thread = thread::Builder::new().name("process-pool".to_owned());
    thread.spawn(move || serve(&shared, stands_by))
}

/// What each of the pool's threads does until it is not needed any more.
fn serve(shared: &Arc<PoolShared>, stands_by: bool) {
    work_for(Arc::clone(shared) as SharedGuard);
    let mut turn = shared.crew.next(stands_by);
    loop {
        let mut next = None;
        match turn {
            Turn::Lead(lead) => next = Supervisor { shared, lead: Some(lead) }.run(),
            Turn::Settle(outcomes) => outcomes.settle(),
            Turn::Request(request) => shared.carry_out(&request),
            Turn::Over => return,
        }
        turn = next.unwrap_or_else(|| shared.crew.next(false));
    }
}

/// How to wait for the next events.
struct PollPlan {
    /// Sleep first, so that answers collect.
    nap: bool,
    /// How long to wait for an event; `None`: until there is one.
    timeout: Option<Duration>,
}

/// The thread that leads.
struct Supervisor<'a> {
    shared: &'a Arc<PoolShared>,
    /// `None` when it has left the lead, or all is over.
    lead: Option<Lead>,
}

impl Supervisor<'_> {
    /// Leads until there is something else for this thread to do, which it gives, or until the pool is
    /// shut down and all workers are gone.
    fn run(mut self) -> Option<Turn<Lead, Outcomes, Request>> {
        loop {
            let plan = self.prepare();
            let lead = self.lead.take()?;
            let Some(PollPlan { nap, timeout }) = plan else {
                drop(lead);
                self.shared.crew.end();
                return None;
            };
            let start = || start_thread(self.shared, true);
            let lead = match self.shared.crew.leave(lead, start) {
                Turn::Lead(lead) => self.lead.insert(lead),
                other => return Some(other),
            };
            if nap {
                thread::sleep(NAP);
            }
            let timeout = if lead.unread.is_empty() { timeout } else { Some(Duration::ZERO) };
            match lead.poll.poll(&mut lead.events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return None,
            }
            let mut tokens = std::mem::take(&mut lead.tokens);
            tokens.extend(lead.events.iter().map(|event| event.token()));
            std::mem::take(&mut lead.unread).into_iter().for_each(|key| self.read_replies(key));
            tokens.drain(..).for_each(|token| self.handle(token));
            self.lead.iter_mut().for_each(|lead| lead.tokens = std::mem::take(&mut tokens));
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
            self.shared.fail_later(failed);
            if spawn {
                self.shared.crew.request_later(Request::Spawn);
            }
            if finished {
                return None;
            }
            if dead.is_empty() {
                return Some(PollPlan { nap, timeout });
            }
            dead.into_iter().for_each(|key| self.bury(key));
        }
    }

    /// Handles one event of the selector.
    fn handle(&mut self, token: Token) {
        if token == WAKE {
            return;
        }
        let mut state = self.shared.state.lock();
        let Some(key) = state.keys.get(&(token.0 / 4)).copied() else { return };
        match token.0 % 4 {
            event if event == WorkerEvent::Replies as usize => {
                let borrowed = state.borrow_reader(key);
                drop(state);
                self.read_borrowed(key, borrowed);
            }
            event if event == WorkerEvent::Death as usize => {
                drop(state);
                self.bury(key);
            }
            _ => state.write(key),
        }
    }

    /// Reads a worker's replies until its pipe is empty, unless a caller reads them.
    fn read_replies(&mut self, key: Key) {
        let borrowed = self.shared.state.lock().borrow_reader(key);
        self.read_borrowed(key, borrowed);
    }

    fn read_borrowed(&mut self, key: Key, borrowed: Option<BorrowedReader>) {
        if let Some(borrowed) = borrowed
            && self.read_and_return(borrowed) == ReadTo::Enough
            && let Some(lead) = &mut self.lead
        {
            lead.unread.push(key);
        }
    }

    fn read_and_return(&self, mut borrowed: BorrowedReader) -> ReadTo {
        let mut out = Vec::new();
        let to = self.shared.read_replies(&mut borrowed, &mut out);
        if let Some(pipes) = self.shared.state.lock().pipes.get_mut(&borrowed.key) {
            pipes.reader.put_back(borrowed.reader);
        }
        out.into_iter().for_each(|outcomes| self.shared.crew.settle_later(outcomes));
        to
    }

    /// A worker is dead: reads its last replies, and has it reaped.
    fn bury(&mut self, key: Key) {
        loop {
            if !self.is_dead(key) {
                return;
            }
            let borrowed = self.shared.state.lock().borrow_reader_of_dead(key);
            let Some(borrowed) = borrowed else { return };
            if self.read_and_return(borrowed) != ReadTo::Enough {
                break;
            }
        }
        let mut state = self.shared.state.lock();
        let Some(pid) = state.pipes.get(&key).map(|pipes| pipes.pid) else { return };
        state.stop_watching(key);
        state.end(key);
        let first = state.add_unreaped(key, pid);
        let failed = state.advance();
        drop(state);
        self.shared.fail_later(failed);
        if first {
            self.shared.crew.request_later(Request::Reap);
        }
    }

    /// A pidfd may be reported once too often; and asking the fork server to reap a living
    /// worker would block it.
    fn is_dead(&self, key: Key) -> bool {
        let state = self.shared.state.lock();
        if state.keys.get(&(key.index as usize)) != Some(&key) {
            return false;
        }
        let Some(pipes) = state.pipes.get(&key) else { return false };
        wait_for_exit(&[pipes.reply_pipe.pidfd.as_fd()], Some(Duration::ZERO))
            .is_ok_and(|d| !d.is_empty())
    }
}

/// After an end in good order nothing is left to do. After a panic or a failed poll every job that
/// is left resolves to an error, so that no thread waits for ever, and the workers are killed and reaped.
impl Drop for Supervisor<'_> {
    fn drop(&mut self) {
        if self.lead.take().is_none() {
            return;
        }
        let mut state = self.shared.state.lock();
        state.last_failure = "the pool's supervisor thread failed".to_owned();
        state.dispatcher.collapse();
        let failed = state.advance();
        state.signal_all(libc::SIGKILL);
        let dead = state.take_unreaped().into_iter().map(|(_, pid)| pid);
        let pids: BTreeSet<u32> = dead.chain(state.pipes.values().map(|pipes| pipes.pid)).collect();
        state.pipes.clear();
        drop(state);
        self.shared.fail_later(failed);
        self.shared.crew.end();
        let pids: Vec<u32> = pids.into_iter().collect();
        self.shared.forking.fork_server.reap(&pids, None);
        while let Turn::Settle(outcomes) = self.shared.crew.next(false) {
            outcomes.settle();
        }
    }
}

impl PoolShared {
    /// Makes a request of the fork server, on a thread that does not lead.
    fn carry_out(self: &Arc<Self>, request: &Request) {
        let mut seen = Seen::default();
        let mut look = || self.crew.look(&mut seen, || start_thread(self, true));
        let make = || match request {
            Request::Spawn => {
                self.crew.away_for_long();
                self.spawn(Some(&mut look));
            }
            Request::Reap => self.reap_all(Some(&mut look)),
        };
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(discard);
        // If one more worker is wanted, this thread is at hand; the leader would have to wake first.
        if self.state.lock().take_spawn() {
            self.crew.request_later(Request::Spawn);
        }
        self.crew.request_done();
        // There are new deadlines, perhaps, or another request.
        self.wake_supervisor();
    }

    /// Has the workers reaped that are dead and read to the end.
    fn reap_all(&self, look: Look<'_>) {
        let (keys, pids): (Vec<Key>, Vec<u32>) =
            self.state.lock().take_unreaped().into_iter().unzip();
        let deaths = self.forking.fork_server.reap(&pids, look);
        for ((key, pid), death) in keys.into_iter().zip(pids).zip(deaths) {
            self.reaped(key, pid, death);
        }
    }

    /// A worker was reaped: resolves the job that it ran.
    fn reaped(&self, key: Key, pid: u32, death: Death) {
        let mut state = self.state.lock();
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
        state.died(key, death);
        let failed = state.advance();
        state.pipes.remove(&key);
        drop(state);
        self.fail_later(failed);
    }

    /// Has one worker forked and begins to watch it.
    fn spawn(&self, mut look: Look<'_>) {
        let Forking { fork_server, initializer } = &self.forking;
        let descriptors = initializer.as_ref().map_or(&[][..], |call| &call.descriptors);
        let forked = fork_server.spawn(descriptors, reborrow(&mut look));
        // One lock for all of it: a thread that finds a worker in the records finds its pipes as
        // well, and can tell it to exit.
        let mut state = self.state.lock();
        let now = state.now();
        let mut unwatched = None;
        match forked {
            Ok(forked) => {
                let key = state.dispatcher.started(now);
                let pid = forked.pid;
                match self.watch_all(&state.registry, key, forked) {
                    Ok(pipes) => {
                        if pipes.claims.is_none() {
                            state.dispatcher.has_no_claims(key);
                        }
                        state.keys.insert(key.index as usize, key);
                        state.pipes.insert(key, pipes);
                        state.born(key);
                        state.write(key);
                    }
                    Err(error) => {
                        state.last_failure = format!("a worker could not be watched: {error}");
                        state.dispatcher.died(key, now);
                        unwatched = Some(pid);
                    }
                }
            }
            Err(error) => {
                state.last_failure = format!("no worker could be forked: {error}");
                state.dispatcher.spawn_failed(now);
            }
        }
        let failed = state.advance();
        drop(state);
        self.fail_later(failed);
        // With its pipes closed it exits at once.
        let _ = unwatched.map(|pid| fork_server.reap(&[pid], look));
    }

    /// Registers a worker's three descriptors with the selector.
    fn watch_all(&self, registry: &Registry, key: Key, forked: Forked) -> io::Result<WorkerPipes> {
        let Forked { pid, pidfd, requests, replies, segment } = forked;
        let segment = segment.and_then(|file| Segment::of_file(&file).ok());
        let reply_pipe = Arc::new(ReplyPipe { replies, pidfd });
        set_nonblocking(&requests)?;
        set_nonblocking(&reply_pipe.replies)?;
        watch(registry, &reply_pipe.pidfd, token(key, WorkerEvent::Death))?;
        watch(registry, &reply_pipe.replies, token(key, WorkerEvent::Replies))?;
        let fd = requests.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&fd), token(key, WorkerEvent::Room), Interest::WRITABLE)?;
        let initializer = self.forking.initializer.as_ref().map(|call| Arc::clone(&call.frame));
        let claims = self.forking.fork_server.lend_claims();
        Ok(WorkerPipes::new(
            pid,
            reply_pipe,
            requests,
            segment.map(Segment::for_pool),
            claims,
            initializer,
        ))
    }
}
