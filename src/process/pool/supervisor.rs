//! What a pool's callers and its supervisor share: the desk, and how a worker is heard.
//!
//! *Assumes*: who holds a worker's `ReplyReader` is the only one to read its pipe.
//! *Promises*: a caller who waits for one result reads it himself, where he can: no other
//! thread is woken for it.
//! *Leaves out*: who may listen when (`process/pool/pool_state.rs`).
//!
//! ```text
//!   submit, then wait          call
//!   caller ─▶ worker           caller ─▶ worker
//!      ▲         │                ▲         │
//!      └ supervisor ◀             └─────────┘
//! ```
//! A wake-up costs more than all the rest of a small job; this saves one of three.
//!
//! # The supervisor: the pool's one thread, which hears workers out, reaps and replaces them
//!
//! *Assumes*: `mio` (edge-triggered); every worker has a reply pipe and a pidfd.
//! *Promises*: reads a pipe to its end before it believes a death, so no reply is lost; holds
//! the desk's lock neither while it asks the fork server nor while user code runs; when it ends,
//! whatever the reason, no job is left unresolved.
//! *Leaves out*: sending (`process/pool/pool_state.rs`), and the replies that a caller waits for himself
//! (`process/pool/supervisor.rs`).
//!
//! ```text
//!                 ┌──────────────── one poll ────────────────┐
//!  reply pipe ────┤ bytes  ▶ decode, answer, settle          │
//!                 │ end    ▶ SIGKILL (it is exiting, or      │
//!                 │          closed a pipe it should not)    │
//!  pidfd ─────────┤ dead   ▶ read the rest, reap, died       │
//!  request pipe ──┤ room   ▶ write                           │
//!  eventfd ───────┤ wake   ▶ spawn, new deadlines, shutdown  │
//!  deadline ──────┤ passed ▶ kill who is late                │
//!                 └──────────────────────────────────────────┘
//! ```
//! **Looking away.** While every worker that is busy holds many short jobs, to wake up for each
//! answer would cost more than the job. So the supervisor sleeps for a moment and then hears many
//! at once, as Linux's network drivers do under load (NAPI). A result is at most that moment late.
//!
//! It is an event loop of its own and not an [`EventLoop`](crate::EventLoop) with tasks: what
//! there is to do at an event is one `match`, and a task a worker would add a wake and a poll
//! to every reply. Also, a caller takes a reply pipe out of the poll and puts it back from his
//! own thread, which mio's registry allows and a loop's table of sources does not.

use crate::base::id::Key;
use crate::base::sync::Mutex;
use crate::futures::deadlock::{DeadlockGuard, SharedGuard, Sleeper, join_guard, while_guarded};
use crate::futures::error::JobError;
use crate::futures::future::Future;
use crate::process::forkserver::client::ForkServer;
use crate::process::forkserver::server::Forked;
use crate::process::message::call::read_reply;
use crate::process::pool::dispatcher::Settings;
use crate::process::pool::pool_state::{
    Ends, Lent, Link, PoolState, Settled, Source, token, watch,
};
use crate::process::pool::replies::ReplyReader;
use crate::sys::fd::set_nonblocking;
use crate::sys::process::Death;
use crate::sys::process::{send_signal, wait_for_exit};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

/// What every handle of a pool and its supervisor have: the desk, and how to wake the supervisor.
pub(crate) struct Shared {
    pub(crate) desk: Mutex<PoolState>,
    pub(crate) waker: Waker,
}

/// The thread that listens to a worker must not wait for the pool: it would be waiting for
/// itself. Callbacks of futures run on it, and may try.
impl DeadlockGuard for Shared {
    fn fall_asleep(&self) -> Result<(), JobError> {
        Err(JobError::WouldDeadlock(
            "the thread on which this callback runs is the pool's own, and what the job needs; \
             wait on another thread, or in a task"
                .to_owned(),
        ))
    }
}

impl Sleeper for Shared {
    fn wake_up(&self) {
        unreachable!("nobody falls asleep here");
    }
}

impl Shared {
    /// Reads what a worker has said, until there is nothing more. False: it will never say
    /// anything again.
    pub(crate) fn hear(&self, lent: &mut Lent) -> bool {
        let Lent { key, ends, hearing } = lent;
        loop {
            let room = hearing.room();
            let asked = room.len();
            let count = match ends.replies.read(room) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => break,
            };
            hearing.filled(count);
            self.take_in(*key, hearing);
            // Less than asked for: the pipe was empty then, and more will raise a new edge.
            if count < asked {
                return true;
            }
        }
        // The end of the stream. A process that is exiting closes its files when its exit code
        // is decided, so this kill changes nothing for it; one that lives on without its pipe
        // is of no use.
        let _ = send_signal(ends.pidfd.as_fd(), libc::SIGKILL);
        false
    }

    fn take_in(&self, key: Key, hearing: &mut ReplyReader) {
        let mut desk = self.desk.lock();
        let now = desk.now();
        let answered = hearing.handle_frames(key, &mut desk.dispatcher, now);
        if let Some(why) = hearing.failure() {
            desk.last_failure.clone_from(why);
        }
        let settled = desk.turn();
        drop(desk);
        for (job, kind, place) in answered {
            job.body.settle(read_reply(kind, hearing.body(place)));
        }
        settled.into_iter().for_each(Settled::settle);
    }

    /// Listens to a worker until `future`, its only job, is done or the worker is no more;
    /// then leaves it to whoever is next.
    pub(crate) fn listen_for<R>(self: &Arc<Self>, future: &Future<R>, mut lent: Lent) {
        // Jobs sent ahead to the same worker are settled here as well, callbacks and all.
        while_guarded(Arc::clone(self) as SharedGuard, || {
            let mut alive = true;
            while alive && !future.done() {
                let ends = &lent.ends;
                let news = wait_for_exit(&[ends.replies.as_fd(), ends.pidfd.as_fd()], None);
                alive = news.is_ok_and(|ready| !ready.contains(&1));
                alive &= self.hear(&mut lent);
            }
        });
        let wake = self.desk.lock().give_reader_back(lent);
        if wake {
            // An eventfd's counter does not overflow by ones, so this cannot fail.
            let _ = self.waker.wake();
        }
    }
}

/// What every worker runs before its first job, and the descriptors that go with it.
pub(crate) struct Initializer {
    pub(crate) frame: Arc<Vec<u8>>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

const WAKE: Token = Token(usize::MAX);

/// How long the supervisor looks away. The system's timers add about 50 µs.
const NAP: Duration = Duration::from_micros(20);

/// It looks away if no worker can run out of work in so many nanoseconds: longer than a nap.
const LULL_NS: u64 = 100_000;

/// What is to come before the next events are handled.
struct Pause {
    /// Let answers collect first.
    look_away: bool,
    /// How long to wait for an event; `None`: until there is one.
    timeout: Option<Duration>,
}

/// What the supervisor's thread owns: the selector, the fork server, and its share of the desk.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    fork_server: ForkServer,
    initializer: Option<Initializer>,
    poll: Poll,
    /// The workers by the index of their keys, which is what a token can carry.
    keys: HashMap<usize, Key>,
}

impl Supervisor {
    /// A supervisor for this desk, and what it shares with submitters.
    pub(crate) fn new(
        fork_server: ForkServer,
        initializer: Option<Initializer>,
        settings: Settings,
    ) -> io::Result<(Supervisor, Arc<Shared>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let registry = poll.registry().try_clone()?;
        let desk = Mutex::new(PoolState::new(settings, registry));
        let shared = Arc::new(Shared { desk, waker });
        let ours = Arc::clone(&shared);
        Ok((
            Supervisor { shared: ours, fork_server, initializer, poll, keys: HashMap::new() },
            shared,
        ))
    }

    /// Runs until the pool is shut down and all workers are gone.
    pub(crate) fn run(mut self) {
        join_guard(Arc::clone(&self.shared) as SharedGuard);
        let mut events = Events::with_capacity(256);
        while let Some(Pause { look_away, timeout }) = self.prepare() {
            if look_away {
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

    /// Everything that can be done without waiting; then how to wait. `None` when all is over.
    fn prepare(&mut self) -> Option<Pause> {
        loop {
            let mut desk = self.shared.desk.lock();
            let settled = desk.turn();
            let spawn = desk.take_spawn();
            let dead = desk.take_dead();
            let finished = desk.dispatcher.finished();
            let deadline = desk.dispatcher.next_deadline();
            desk.armed = deadline.unwrap_or(u64::MAX);
            let look_away = desk.dispatcher.backlog() > LULL_NS;
            let timeout = deadline.map(|at| Duration::from_nanos(at.saturating_sub(desk.now())));
            drop(desk);
            settled.into_iter().for_each(Settled::settle);
            if finished {
                return None;
            }
            if !spawn && dead.is_empty() {
                return Some(Pause { look_away, timeout });
            }
            dead.into_iter().for_each(|key| self.reap(key));
            if spawn {
                self.spawn();
            }
        }
    }

    fn handle(&mut self, token: Token) {
        if token == WAKE {
            return;
        }
        let Some(key) = self.keys.get(&(token.0 / 4)).copied() else { return };
        match token.0 % 4 {
            source if source == Source::Replies as usize => self.listen(key),
            source if source == Source::Death as usize => self.reap(key),
            _ => self.shared.desk.lock().write(key),
        }
    }

    /// Reads what a worker has said, until there is nothing more.
    fn listen(&self, key: Key) {
        let lent = self.shared.desk.lock().borrow_reader(key);
        if let Some(lent) = lent {
            self.hear(lent);
        }
    }

    fn hear(&self, mut lent: Lent) {
        self.shared.hear(&mut lent);
        if let Some(link) = self.shared.desk.lock().links.get_mut(&lent.key) {
            link.listening.put_back(lent.hearing);
        }
    }

    /// A worker is dead: hears its last words, collects it, and settles what it ran.
    fn reap(&mut self, key: Key) {
        if !self.is_dead(key) {
            return;
        }
        let lent = self.shared.desk.lock().borrow_reader_of_the_dead(key);
        let Some(lent) = lent else { return };
        self.hear(lent);
        let mut desk = self.shared.desk.lock();
        self.keys.remove(&(key.index as usize));
        desk.stop_watching(key);
        let Some(pid) = desk.links.get(&key).map(|link| link.pid) else { return };
        drop(desk);
        // If the fork server is gone, its workers were killed by the kernel.
        let death = self.fork_server.reap(pid).unwrap_or(Death::Signal(libc::SIGKILL));
        let mut desk = self.shared.desk.lock();
        let stillborn = !desk.dispatcher.was_ready(key);
        if let Some(link) = desk.links.get_mut(&key) {
            link.requests = None;
            link.death = Some(death);
            if stillborn && link.listening.reader().is_some_and(|said| said.failure().is_none()) {
                desk.last_failure = format!(
                    "worker process {pid} ended with {death} before it could take a job; look at \
                     the initializer and the fork hooks"
                );
            }
        }
        let now = desk.now();
        desk.dispatcher.died(key, now);
        let settled = desk.turn();
        desk.links.remove(&key);
        drop(desk);
        settled.into_iter().for_each(Settled::settle);
    }

    /// A pidfd may be reported once too often; and asking the fork server to collect a living
    /// worker would block it.
    fn is_dead(&self, key: Key) -> bool {
        let desk = self.shared.desk.lock();
        let Some(link) = desk.links.get(&key) else { return false };
        wait_for_exit(&[link.ends.pidfd.as_fd()], Some(Duration::ZERO)).is_ok_and(|d| !d.is_empty())
    }

    /// Has one worker forked and begins to listen to it.
    fn spawn(&mut self) {
        let descriptors = self.initializer.as_ref().map_or(&[][..], |first| &first.descriptors);
        let forked = self.fork_server.spawn(descriptors);
        // One lock for all of it: who finds a worker in the books finds its pipe as well, and can
        // let it go.
        let mut desk = self.shared.desk.lock();
        let now = desk.now();
        match forked {
            Ok(forked) => {
                let key = desk.dispatcher.started(now);
                let pid = forked.pid;
                match self.watch_all(key, forked) {
                    Ok(link) => {
                        self.keys.insert(key.index as usize, key);
                        desk.links.insert(key, link);
                        desk.write(key);
                    }
                    Err(error) => {
                        desk.last_failure = format!("a worker could not be watched: {error}");
                        desk.dispatcher.died(key, now);
                        drop(desk);
                        // With its pipes closed it ends at once.
                        let _ = self.fork_server.reap(pid);
                    }
                }
            }
            Err(error) => {
                desk.last_failure = format!("no worker could be forked: {error}");
                desk.dispatcher.spawn_failed(now);
            }
        }
    }

    /// Has the poll report all that becomes of a worker.
    fn watch_all(&self, key: Key, forked: Forked) -> io::Result<Link> {
        let Forked { pid, pidfd, requests, replies } = forked;
        let ends = Arc::new(Ends { replies, pidfd });
        let registry = self.poll.registry();
        set_nonblocking(&requests)?;
        set_nonblocking(&ends.replies)?;
        watch(registry, &ends.pidfd, token(key, Source::Death))?;
        watch(registry, &ends.replies, token(key, Source::Replies))?;
        let fd = requests.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&fd), token(key, Source::Room), Interest::WRITABLE)?;
        let prologue = self.initializer.as_ref().map(|first| Arc::clone(&first.frame));
        Ok(Link::new(pid, ends, requests, prologue))
    }
}

/// The end in good order, in which nothing is left to do; or in a panic, in which nobody must
/// wait for ever.
impl Drop for Supervisor {
    fn drop(&mut self) {
        let mut desk = self.shared.desk.lock();
        if desk.dispatcher.finished() {
            return;
        }
        desk.last_failure = "the pool's supervisor thread failed".to_owned();
        desk.dispatcher.collapse();
        let settled = desk.turn();
        desk.links.clear();
        drop(desk);
        settled.into_iter().for_each(Settled::settle);
    }
}
