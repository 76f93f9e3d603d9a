//! The descriptors of one loop: what is ready on each, and which tasks wait for it.
//!
//! *Assumes*: a selector that keeps the contract of `selector/event.rs`.
//! *Promises*: readiness is remembered until a system call says `WouldBlock`; stale events
//! wake no task; no user code runs in here: wakers are handed out, not called.
//! *Leaves out*: the system calls on the descriptors (`aio/`) and waking (`event_loop/run_once.rs`).
//!
//! ```text
//!   task ── read() ──► WouldBlock ──► clear the bit, leave the waker ──► pending
//!                                                   │
//!   epoll ── event ──► set the bit, hand the waker out ──► task reads again
//! ```
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

/// One watched descriptor.
struct WatchedFd {
    /// For people: listings of waiting tasks show it.
    fd: RawFd,
    ready: Readiness,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl WatchedFd {
    fn waiter(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

/// A second or later waiter for the same descriptor and direction.
struct ExtraWaiter {
    key: Key,
    direction: Direction,
    waker: Waker,
}

impl ExtraWaiter {
    fn waits_for(&self, key: Key, direction: Direction) -> bool {
        (self.key, self.direction) == (key, direction)
    }
}

/// The table of descriptors and the selector that feeds it.
pub struct Reactor {
    selector: Box<dyn Selector>,
    sources: GenerationSlab<WatchedFd>,
    /// Waiters for a descriptor and direction that has one already; nearly always empty.
    extra_waiters: Vec<ExtraWaiter>,
    /// Kept from one `wait` to the next, so that it does not allocate.
    events: Vec<IoEvent>,
}

impl Reactor {
    /// No descriptors yet.
    pub fn new(selector: Box<dyn Selector>) -> Self {
        let (sources, more_waiters, events) = (GenerationSlab::new(), Vec::new(), Vec::new());
        Reactor { selector, sources, extra_waiters: more_waiters, events }
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
        let source =
            WatchedFd { fd: fd.as_raw_fd(), ready: Readiness::BOTH, reader: None, writer: None };
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
        if let Some(source) = self.sources.remove(key) {
            // It can only fail if the descriptor is not watched, and then all is well.
            let _ = self.selector.deregister(fd);
            waiters.extend([source.reader, source.writer].into_iter().flatten());
            let others = self.extra_waiters.extract_if(.., |waiter| waiter.key == key);
            waiters.extend(others.map(|waiter| waiter.waker));
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
    /// What the selector's `rearm` reports.
    pub fn clear(&mut self, key: Key, fd: BorrowedFd<'_>, direction: Direction) -> io::Result<()> {
        if let Some(source) = self.sources.get_mut(key) {
            source.ready = source.ready.without(bit(direction));
            self.selector.rearm(fd, Token(key.pack()), bit(direction))?;
        }
        Ok(())
    }

    /// A read returned less than it had room for, so the kernel's buffer is empty and the
    /// next read would say `WouldBlock`. Not so once the peer has closed: the end of file is
    /// still to be read, and an edge-triggered selector would send no further event for it.
    ///
    /// # Errors
    /// What the selector's `rearm` reports.
    pub fn clear_drained(&mut self, key: Key, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self.sources.get(key) {
            Some(source) if !source.ready.has(Readiness::READ_CLOSED) => {
                self.clear(key, fd, Direction::Read)
            }
            _ => Ok(()),
        }
    }

    /// Leaves a waker for the next event in one direction, beside those that wait already. The
    /// event wakes them all, and each tries again.
    ///
    /// (Were the earlier one woken instead, to make room, it would come back and wake the
    /// later one: two tasks reading one idle socket would keep the loop busy for ever.)
    ///
    /// A waker that waits already is returned, to be dropped by the caller.
    #[must_use]
    pub fn add_waiter(&mut self, key: Key, direction: Direction, waker: Waker) -> Option<Waker> {
        let Some(source) = self.sources.get_mut(key) else { return Some(waker) };
        let slot = source.waiter(direction);
        let Some(first) = slot else {
            *slot = Some(waker);
            return None;
        };
        let same = |w: &ExtraWaiter| w.waits_for(key, direction) && w.waker.will_wake(&waker);
        if first.will_wake(&waker) || self.extra_waiters.iter().any(same) {
            return Some(waker);
        }
        self.extra_waiters.push(ExtraWaiter { key, direction, waker });
        None
    }

    /// A wait was given up: its waker is returned, to be dropped by the caller.
    pub fn remove_waiter(
        &mut self,
        key: Key,
        direction: Direction,
        waker: &Waker,
    ) -> Option<Waker> {
        let slot = self.sources.get_mut(key)?.waiter(direction);
        let others = &mut self.extra_waiters;
        if slot.as_ref().is_some_and(|first| first.will_wake(waker)) {
            // The next one moves up: so an empty slot means that there is no waiter at all.
            let next = others.iter().position(|w| w.waits_for(key, direction));
            return std::mem::replace(slot, next.map(|at| others.remove(at).waker));
        }
        let same = |w: &ExtraWaiter| w.waits_for(key, direction) && w.waker.will_wake(waker);
        let at = others.iter().position(same)?;
        Some(others.remove(at).waker)
    }

    /// All waiters: for which descriptor, in which direction.
    pub fn waiters(&self) -> impl Iterator<Item = (RawFd, Direction, &Waker)> {
        let first = self.sources.iter().flat_map(|(_, source)| {
            let reader = source.reader.iter().map(|waker| (source.fd, Direction::Read, waker));
            reader.chain(source.writer.iter().map(|waker| (source.fd, Direction::Write, waker)))
        });
        let others = self.extra_waiters.iter().filter_map(|waiter| {
            Some((self.sources.get(waiter.key)?.fd, waiter.direction, &waiter.waker))
        });
        first.chain(others)
    }

    /// Hands out the wakers of all that wait, and forgets them.
    pub fn take_waiters(&mut self) -> Vec<Waker> {
        let keys: Vec<Key> = self.sources.iter().map(|(key, _)| key).collect();
        let mut waiters: Vec<Waker> = self.extra_waiters.drain(..).map(|w| w.waker).collect();
        for key in keys {
            let source = self.sources.get_mut(key);
            waiters.extend(
                source.into_iter().flat_map(|s| [s.reader.take(), s.writer.take()]).flatten(),
            );
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
                if !event.ready.has(bit(direction)) {
                    continue;
                }
                woken.extend(source.waiter(direction).take());
                if !self.extra_waiters.is_empty() {
                    let here = |waiter: &mut ExtraWaiter| waiter.waits_for(key, direction);
                    woken.extend(self.extra_waiters.extract_if(.., here).map(|w| w.waker));
                }
            }
        }
        Ok(self.events.len())
    }
}
