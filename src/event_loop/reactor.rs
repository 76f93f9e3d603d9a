//! The descriptors of one loop: what is ready on each, and which tasks wait for it.
//!
//! *Assumes*: a selector that keeps the contract of `selector/event.rs`.
//! *Promises*: readiness is remembered until a system call says `WouldBlock`; stale events
//! wake no task; no more wakers are held than there are waits alive, and one for whoever polls by
//! hand in each direction; an event costs only the waiters of its own source and direction; no user
//! code runs in here: wakers are handed out, not called.
//! *Leaves out*: the system calls on the descriptors (`aio/`) and waking (`event_loop/run_once.rs`).
//!
//! ```text
//!   task ── read() ──► WouldBlock ──► clear the bit, leave the waker ──► pending
//!                                                   │
//!   epoll ── event ──► set the bit, hand the waker out ──► task reads again
//! ```
//! Who waits stands with its source, by direction, under a [`WaitTicket`]:
//!
//! ```text
//!   source ── read ──► polled by hand: one waker, that of the last poll_*
//!        │             wait 7: a waker · wait 9: a waker         in order of arrival
//!        └─── write ─► …
//! ```
//! std's contract of a `poll_*` is that the waker of the *last* call is woken, so one replaces the
//! other. But two tasks that read one socket are two waits, and a wait of an `async fn` can do what a
//! `poll_*` cannot: take its waker back when it is dropped. tokio's `ScheduledIo` has the same two
//! kinds.
//!
//! Bits need no lock and no tick counter: the same thread sets and clears them. tokio's
//! `ScheduledIo` packs both into one atomic because there a driver thread may race a reader.

use crate::base::id::{GenerationSlab, Key};
use crate::selector::event::{IoEvent, Readiness, Selector, Token};
use crate::sys::fd::Direction;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::task::Waker;
use std::time::Duration;

fn bit(direction: Direction) -> Readiness {
    match direction {
        Direction::Read => Readiness::READABLE,
        Direction::Write => Readiness::WRITABLE,
    }
}

/// Under which a wait leaves its waker, and finds it again.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitTicket(u64);

impl Default for WaitTicket {
    fn default() -> Self {
        WaitTicket::new()
    }
}

impl WaitTicket {
    /// That of all who poll by hand: each replaces the waker of the one before.
    pub const fn polled() -> WaitTicket {
        WaitTicket(0)
    }

    /// A wait that has no waker here. It gets its number with the first one.
    pub const fn new() -> WaitTicket {
        WaitTicket(u64::MAX)
    }

    /// True if it has left no waker that is still here.
    pub fn is_new(&self) -> bool {
        *self == WaitTicket::new()
    }

    /// The event came, and took the waker along.
    pub fn was_woken(&mut self) {
        if *self != WaitTicket::polled() {
            *self = WaitTicket::new();
        }
    }
}

struct Waiter {
    ticket: u64,
    waker: Waker,
}

/// Those who wait for one source in one direction, by ticket: so in order of arrival.
#[derive(Default)]
struct Waiters(Vec<Waiter>);

impl Waiters {
    fn find(&self, ticket: &WaitTicket) -> Result<usize, usize> {
        self.0.binary_search_by_key(&ticket.0, |waiter| waiter.ticket)
    }

    fn set(&mut self, ticket: &WaitTicket, waker: Waker) -> Option<Waker> {
        match self.find(ticket) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].waker, waker)),
            Err(at) => {
                if self.0.capacity() == 0 {
                    self.0.reserve_exact(1); // nearly always the only one
                }
                self.0.insert(at, Waiter { ticket: ticket.0, waker });
                None
            }
        }
    }

    fn remove(&mut self, ticket: &WaitTicket) -> Option<Waker> {
        self.find(ticket).ok().map(|at| self.0.remove(at).waker)
    }

    /// After a crowd the memory is given back.
    fn take(&mut self, woken: &mut Vec<Waker>) {
        if self.0.len() > KEPT_WAITERS {
            woken.extend(std::mem::take(&mut self.0).into_iter().map(|waiter| waiter.waker));
        } else {
            woken.extend(self.0.drain(..).map(|waiter| waiter.waker));
        }
    }
}

/// The room for so many is kept.
const KEPT_WAITERS: usize = 4;

/// One watched descriptor.
struct WatchedFd {
    /// For people: listings of waiting tasks show it.
    fd: RawFd,
    ready: Readiness,
    readers: Waiters,
    writers: Waiters,
}

impl WatchedFd {
    fn waiters(&mut self, direction: Direction) -> &mut Waiters {
        match direction {
            Direction::Read => &mut self.readers,
            Direction::Write => &mut self.writers,
        }
    }

    fn take_waiters(&mut self, woken: &mut Vec<Waker>) {
        self.readers.take(woken);
        self.writers.take(woken);
    }
}

/// The table of descriptors and the selector that feeds it.
pub struct Reactor {
    selector: Box<dyn Selector>,
    sources: GenerationSlab<WatchedFd>,
    next_ticket: u64,
    /// Kept from one `wait` to the next, so that it does not allocate.
    events: Vec<IoEvent>,
}

impl Reactor {
    /// No descriptors yet.
    pub fn new(selector: Box<dyn Selector>) -> Self {
        Reactor { selector, sources: GenerationSlab::new(), next_ticket: 1, events: Vec::new() }
    }

    /// Nanoseconds of the loop's clock.
    pub fn now(&self) -> u64 {
        self.selector.now()
    }

    /// True if about a millisecond has passed since `then`.
    pub fn has_ticked(&self, then: u64) -> bool {
        self.selector.has_ticked(then)
    }

    /// How many descriptors are watched.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Starts watching a descriptor. It counts as ready until a system call says otherwise.
    ///
    /// # Errors
    /// The selector's; then nothing is kept.
    pub fn register(&mut self, fd: BorrowedFd<'_>) -> io::Result<Key> {
        let (readers, writers) = (Waiters::default(), Waiters::default());
        let source = WatchedFd { fd: fd.as_raw_fd(), ready: Readiness::BOTH, readers, writers };
        let key = self.sources.insert(source);
        if let Err(refused) = self.selector.register(fd, Token(key.pack())) {
            self.sources.remove(key);
            return Err(refused);
        }
        Ok(key)
    }

    /// Forgets a source. The wakers of the tasks that still wait for it are handed out; the next
    /// use of the source then reports that it is gone.
    pub fn deregister(&mut self, key: Key, fd: BorrowedFd<'_>) -> Vec<Waker> {
        let mut waiters = Vec::new();
        if let Some(mut source) = self.sources.remove(key) {
            // It can only fail if the descriptor is not watched, and then all is well.
            let _ = self.selector.deregister(fd);
            source.take_waiters(&mut waiters);
        }
        waiters
    }

    /// True until a system call meets `WouldBlock` after the last event. `None`: unknown source.
    pub fn is_ready(&self, key: Key, direction: Direction) -> Option<bool> {
        self.sources.get(key).map(|source| source.ready.has(bit(direction)))
    }

    /// A system call said `WouldBlock`.
    ///
    /// # Errors
    /// What the selector's `rearm` reports. Then no event would come, so the source stays ready: who
    /// tries again is told again.
    pub fn clear(&mut self, key: Key, fd: BorrowedFd<'_>, direction: Direction) -> io::Result<()> {
        if let Some(source) = self.sources.get_mut(key) {
            self.selector.rearm(fd, Token(key.pack()), bit(direction))?;
            source.ready = source.ready.without(bit(direction));
        }
        Ok(())
    }

    /// A read returned less than it had room for, so the kernel's buffer is empty and the
    /// next read would say `WouldBlock`. Not so once the peer has closed: the end of file is
    /// still to be read, and an edge-triggered selector would send no further event for it.
    pub fn clear_drained(&mut self, key: Key, fd: BorrowedFd<'_>) {
        match self.sources.get(key) {
            Some(source) if !source.ready.has(Readiness::READ_CLOSED) => {
                // Refused, it stays ready: the next read finds out, and this one keeps its bytes.
                let _ = self.clear(key, fd, Direction::Read);
            }
            _ => {}
        }
    }

    /// Leaves a waker for the next event in one direction, beside those of other waits. The event
    /// wakes them all, and each tries again.
    ///
    /// (Were the earlier one woken instead, to make room, it would come back and wake the
    /// later one: two tasks reading one idle socket would keep the loop busy for ever.)
    ///
    /// What this wait has left before is returned, to be dropped by the caller.
    #[must_use]
    pub fn set_waiter(
        &mut self,
        key: Key,
        direction: Direction,
        ticket: &mut WaitTicket,
        waker: Waker,
    ) -> Option<Waker> {
        let Some(source) = self.sources.get_mut(key) else { return Some(waker) };
        if ticket.is_new() {
            *ticket = WaitTicket(self.next_ticket);
            self.next_ticket += 1;
        }
        source.waiters(direction).set(ticket, waker)
    }

    /// A wait was given up: its waker is returned, to be dropped by the caller.
    pub fn remove_waiter(
        &mut self,
        key: Key,
        direction: Direction,
        ticket: &WaitTicket,
    ) -> Option<Waker> {
        self.sources.get_mut(key)?.waiters(direction).remove(ticket)
    }

    /// All waiters: for which descriptor, in which direction.
    pub fn waiters(&self) -> impl Iterator<Item = (RawFd, Direction, &Waker)> {
        self.sources.iter().flat_map(|(_, source)| {
            let readers = source.readers.0.iter().map(|one| (Direction::Read, &one.waker));
            let writers = source.writers.0.iter().map(|one| (Direction::Write, &one.waker));
            readers.chain(writers).map(|(direction, waker)| (source.fd, direction, waker))
        })
    }

    /// Hands out the wakers of all that wait, and forgets them.
    pub fn take_waiters(&mut self) -> Vec<Waker> {
        let keys: Vec<Key> = self.sources.iter().map(|(key, _)| key).collect();
        let mut waiters = Vec::new();
        for key in keys {
            if let Some(source) = self.sources.get_mut(key) {
                source.take_waiters(&mut waiters);
            }
        }
        waiters
    }

    /// Polls the selector, notes its events, and moves the wakers that they concern to the end of
    /// `woken`. Returns how many events there were.
    ///
    /// # Errors
    /// The selector's.
    pub fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<Waker>) -> io::Result<usize> {
        self.events.clear();
        self.selector.wait(&mut self.events, timeout)?;
        for event in &self.events {
            let key = Key::unpack(event.token.0);
            // A source that was dropped after the kernel queued this event is not found.
            let Some(source) = self.sources.get_mut(key) else { continue };
            source.ready = source.ready.with(event.ready);
            for direction in [Direction::Read, Direction::Write] {
                if event.ready.has(bit(direction)) {
                    source.waiters(direction).take(woken);
                }
            }
        }
        Ok(self.events.len())
    }
}
