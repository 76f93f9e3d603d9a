//! The supervisor: the pool's one thread, which hears workers out, buries and replaces them.
//!
//! *Assumes*: `mio` (edge-triggered); every worker has a reply pipe and a pidfd.
//! *Promises*: reads a pipe to its end before it believes a death, so no reply is lost; holds
//! the desk's lock neither while it asks the nursery nor while user code runs; when it ends,
//! whatever the reason, no job is left unresolved.
//! *Leaves out*: sending (`process/desk.rs`).
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

use crate::base::error::{Death, JobError};
use crate::base::slab::Key;
use crate::base::sync::Mutex;
use crate::base::sys::pipe::{Reader, set_nonblocking};
use crate::base::sys::process::{send_signal, wait_for_exit};
use crate::concurrent::home::{Home, Household, work_for};
use crate::process::call::read_reply;
use crate::process::desk::{Desk, Hand, Settled};
use crate::process::hearing::Hearing;
use crate::process::nursery::{Forked, Nursery};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// What submitters and the supervisor share. (std's `Arc`, for `Household`.)
pub(crate) struct Shared {
    pub(crate) desk: Mutex<Desk>,
    pub(crate) waker: Waker,
}

/// The supervisor is the one thread of a pool that must not wait for the pool: it would be
/// waiting for itself. Callbacks of futures run on it, and may try.
impl Household for Shared {
    fn fall_asleep(&self) -> Result<(), JobError> {
        Err(JobError::WouldDeadlock(
            "the pool's own thread, on which this callback runs, is what the job needs; wait on \
             another thread, or in a task"
                .to_owned(),
        ))
    }

    fn wake_up(&self) {
        unreachable!("nobody falls asleep here");
    }
}

/// What every worker runs before its first job, and the descriptors that go with it.
pub(crate) struct Initializer {
    pub(crate) frame: Arc<Vec<u8>>,
    pub(crate) luggage: Vec<OwnedFd>,
}

/// What a token stands for: a slot of the books, and one of its three descriptors.
#[derive(Clone, Copy)]
enum Source {
    Replies,
    Death,
    Room,
}

const WAKE: Token = Token(usize::MAX);

fn token(key: Key, source: Source) -> Token {
    Token(key.index as usize * 4 + source as usize)
}

/// A worker as seen by the one who listens to it.
struct Voice {
    key: Key,
    pid: u32,
    replies: Reader,
    hearing: Hearing,
}

/// See the top of the page.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    nursery: Nursery,
    initializer: Option<Initializer>,
    poll: Poll,
    /// By the index of the worker's key, which is what a token can carry.
    voices: HashMap<usize, Voice>,
}

impl Supervisor {
    /// A supervisor for this desk, and what it shares with submitters.
    pub(crate) fn new(
        nursery: Nursery,
        initializer: Option<Initializer>,
        desk: Desk,
    ) -> io::Result<(Supervisor, Arc<Shared>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let shared = Arc::new(Shared { desk: Mutex::new(desk), waker });
        let ours = Arc::clone(&shared);
        let voices = HashMap::new();
        Ok((Supervisor { shared: ours, nursery, initializer, poll, voices }, shared))
    }

    /// Runs until the pool is shut down and all workers are gone.
    pub(crate) fn run(mut self) {
        work_for(Arc::clone(&self.shared) as Home);
        let mut events = Events::with_capacity(256);
        while let Some(timeout) = self.prepare() {
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

    /// Everything that can be done without waiting; then how long to wait (`Some(None)`: until
    /// something happens). `None` when all is over.
    fn prepare(&mut self) -> Option<Option<Duration>> {
        loop {
            let mut desk = self.shared.desk.lock();
            let settled = desk.turn();
            let spawns = desk.take_spawns();
            let finished = desk.dispatcher.finished();
            let deadline = desk.dispatcher.next_deadline();
            desk.armed = deadline.unwrap_or(u64::MAX);
            let timeout = deadline.map(|at| Duration::from_nanos(at.saturating_sub(desk.now())));
            drop(desk);
            settled.into_iter().for_each(Settled::settle);
            if finished {
                return None;
            }
            if spawns == 0 {
                return Some(timeout);
            }
            (0..spawns).for_each(|_| self.spawn());
        }
    }

    fn handle(&mut self, token: Token) {
        if token == WAKE {
            return;
        }
        let index = token.0 / 4;
        match token.0 % 4 {
            source if source == Source::Replies as usize => self.listen(index),
            source if source == Source::Death as usize => self.bury(index),
            _ => {
                if let Some(voice) = self.voices.get(&index) {
                    self.shared.desk.lock().write(voice.key);
                }
            }
        }
    }

    /// Reads what a worker has said, until there is nothing more.
    fn listen(&mut self, index: usize) {
        let Some(voice) = self.voices.get_mut(&index) else { return };
        loop {
            let room = voice.hearing.room();
            let asked = room.len();
            let count = match voice.replies.read(room) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            };
            voice.hearing.filled(count);
            let mut desk = self.shared.desk.lock();
            let now = desk.now();
            let answered = voice.hearing.take_in(voice.key, &mut desk.dispatcher, now);
            if let Some(why) = voice.hearing.failure() {
                desk.last_failure.clone_from(why);
            }
            let settled = desk.turn();
            drop(desk);
            for (job, kind, place) in answered {
                job.body.settle(read_reply(kind, voice.hearing.body(place)));
            }
            settled.into_iter().for_each(Settled::settle);
            // Less than asked for: the pipe was empty then, and more will raise a new edge.
            if count < asked {
                return;
            }
        }
        // The end of the stream. A process that is exiting closes its files when its exit code
        // is decided, so this kill changes nothing for it; one that lives on without its pipe
        // is of no use.
        if let Some(hand) = self.shared.desk.lock().hands.get(&voice.key) {
            let _ = send_signal(hand.pidfd.as_fd(), libc::SIGKILL);
        }
    }

    /// A worker is dead: hears its last words, collects it, and settles what it ran.
    fn bury(&mut self, index: usize) {
        let Some(voice) = self.voices.get(&index) else { return };
        let (key, pid) = (voice.key, voice.pid);
        if !self.is_dead(key) {
            return;
        }
        self.listen(index);
        let registry = self.poll.registry();
        if let Some(voice) = self.voices.remove(&index) {
            let _ = registry.deregister(&mut SourceFd(&voice.replies.as_fd().as_raw_fd()));
        }
        // If the nursery is gone, its workers were killed by the kernel.
        let death = self.nursery.reap(pid).unwrap_or(Death::Signal(libc::SIGKILL));
        let mut desk = self.shared.desk.lock();
        if let Some(hand) = desk.hands.get_mut(&key) {
            let _ = registry.deregister(&mut SourceFd(&hand.pidfd.as_raw_fd()));
            hand.requests = None;
            hand.death = Some(death);
        }
        let now = desk.now();
        desk.dispatcher.died(key, now);
        let settled = desk.turn();
        desk.hands.remove(&key);
        drop(desk);
        settled.into_iter().for_each(Settled::settle);
    }

    /// A pidfd may be reported once too often; and asking the nursery to collect a living
    /// worker would block it.
    fn is_dead(&self, key: Key) -> bool {
        let desk = self.shared.desk.lock();
        let Some(hand) = desk.hands.get(&key) else { return false };
        wait_for_exit(&[hand.pidfd.as_fd()], Some(Duration::ZERO)).is_ok_and(|d| !d.is_empty())
    }

    /// Has one worker forked and begins to listen to it.
    fn spawn(&mut self) {
        let luggage = self.initializer.as_ref().map_or(&[][..], |first| &first.luggage);
        let forked = self.nursery.spawn(luggage);
        let mut desk = self.shared.desk.lock();
        let now = desk.now();
        match forked {
            Ok(forked) => {
                let key = desk.dispatcher.started(now);
                drop(desk);
                if let Err(error) = self.adopt(key, forked) {
                    let mut desk = self.shared.desk.lock();
                    desk.last_failure = format!("a worker could not be watched: {error}");
                    desk.dispatcher.died(key, now);
                }
            }
            Err(error) => {
                desk.last_failure = format!("no worker could be forked: {error}");
                desk.dispatcher.spawn_failed(now);
            }
        }
    }

    fn adopt(&mut self, key: Key, forked: Forked) -> io::Result<()> {
        let Forked { pid, pidfd, requests, replies } = forked;
        let watch = |fd: &dyn AsRawFd, source, interest| {
            let registry = self.poll.registry();
            registry.register(&mut SourceFd(&fd.as_raw_fd()), token(key, source), interest)
        };
        let watched = set_nonblocking(&requests)
            .and_then(|()| set_nonblocking(&replies))
            .and_then(|()| watch(&pidfd.as_fd(), Source::Death, Interest::READABLE))
            .and_then(|()| watch(&requests.as_fd(), Source::Room, Interest::WRITABLE))
            .and_then(|()| watch(&replies.as_fd(), Source::Replies, Interest::READABLE));
        if let Err(error) = watched {
            // With its pipes closed it ends at once.
            drop((requests, replies));
            let _ = self.nursery.reap(pid);
            return Err(error);
        }
        let prologue = self.initializer.as_ref().map(|first| Arc::clone(&first.frame));
        let hearing = Hearing::new(prologue.is_some());
        let requests = Some(requests);
        let (roomy, offset, death) = (false, 0, None);
        let hand = Hand { pid, pidfd, requests, prologue, roomy, offset, death };
        let mut desk = self.shared.desk.lock();
        desk.hands.insert(key, hand);
        desk.write(key);
        drop(desk);
        let voice = Voice { key, pid, replies, hearing };
        self.voices.insert(key.index as usize, voice);
        Ok(())
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
        desk.hands.clear();
        drop(desk);
        settled.into_iter().for_each(Settled::settle);
    }
}
