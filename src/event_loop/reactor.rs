//! The sources of one loop: what is ready on each, and who waits for it.
//!
//! *Assumes*: a selector that speaks once per change (`selector/`).
//! *Promises*: readiness is remembered until a system call says `WouldBlock`; stale events
//! wake nobody; no user code runs in here: wakers are handed out, not called.
//! *Leaves out*: the system calls on the sources (`aio/`) and waking (`event_loop/run.rs`).
//!
//! ```text
//!   task ── read() ──► WouldBlock ──► clear the bit, leave the waker ──► pending
//!                                                   │
//!   epoll ── event ──► set the bit, hand the waker out ──► task reads again
//! ```
//! Bits need no lock and no tick counter: the same thread sets and clears them. tokio's
//! `ScheduledIo` packs both into one atomic because there a driver thread may race a reader.

use crate::base::slab::{GenerationSlab, Key};
use crate::selector::event::{Event, Readiness, Selector, Token};
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;
use std::time::Duration;

/// Reading or writing: each has its own waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Read, accept, receive.
    Read,
    /// Write, connect, send.
    Write,
}

impl Direction {
    fn bit(self) -> Readiness {
        match self {
            Direction::Read => Readiness::READABLE,
            Direction::Write => Readiness::WRITABLE,
        }
    }
}

/// One watched descriptor.
struct Source {
    ready: Readiness,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Source {
    fn waiter(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

/// The table of sources and the selector that feeds it.
pub struct Reactor {
    selector: Box<dyn Selector>,
    sources: GenerationSlab<Source>,
    /// Kept between turns so that a turn does not allocate.
    events: Vec<Event>,
}

impl Reactor {
    /// No sources yet.
    pub fn new(selector: Box<dyn Selector>) -> Self {
        Reactor { selector, sources: GenerationSlab::new(), events: Vec::new() }
    }

    /// Nanoseconds of the loop's clock.
    pub fn now(&self) -> u64 {
        self.selector.now()
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
        let source = Source { ready: Readiness::BOTH, reader: None, writer: None };
        let key = self.sources.insert(source);
        if let Err(refused) = self.selector.register(fd, Token(key.pack())) {
            self.sources.remove(key);
            return Err(refused);
        }
        Ok(key)
    }

    /// Forgets a source. Whoever still waits for it is handed out to be woken; the next use
    /// of the source then reports that it is gone.
    pub fn deregister(&mut self, key: Key, fd: BorrowedFd<'_>) -> [Option<Waker>; 2] {
        match self.sources.remove(key) {
            None => [None, None],
            Some(source) => {
                // It can only fail if the descriptor is not watched, which is what we want.
                let _ = self.selector.deregister(fd);
                [source.reader, source.writer]
            }
        }
    }

    /// True while nobody has met `WouldBlock` since the last news. `None`: unknown source.
    pub fn is_ready(&self, key: Key, direction: Direction) -> Option<bool> {
        self.sources.get(key).map(|source| source.ready.has(direction.bit()))
    }

    /// A system call said `WouldBlock`.
    ///
    /// # Errors
    /// What the selector reports when asked for news again.
    pub fn clear(&mut self, key: Key, fd: BorrowedFd<'_>, direction: Direction) -> io::Result<()> {
        if let Some(source) = self.sources.get_mut(key) {
            source.ready = source.ready.without(direction.bit());
            self.selector.rearm(fd, Token(key.pack()), direction.bit())?;
        }
        Ok(())
    }

    /// A read returned less than it had room for, so the kernel's buffer is empty and the
    /// next read would say `WouldBlock`. Not so once the peer has closed: the end of file is
    /// still to be read, and no further news would announce it.
    ///
    /// # Errors
    /// What the selector reports when asked for news again.
    pub fn clear_drained(&mut self, key: Key, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self.sources.get(key) {
            Some(source) if !source.ready.has(Readiness::READ_CLOSED) => {
                self.clear(key, fd, Direction::Read)
            }
            _ => Ok(()),
        }
    }

    /// Leaves a waker for the next news in one direction. The latest one counts; one that it
    /// replaces is handed out to be woken, so that no task waits in vain.
    pub fn wait_for(&mut self, key: Key, direction: Direction, waker: &Waker) -> Option<Waker> {
        let slot = self.sources.get_mut(key)?.waiter(direction);
        match slot {
            Some(old) if old.will_wake(waker) => None,
            _ => slot.replace(waker.clone()),
        }
    }

    /// Sleeps for news, notes it, and moves the wakers it concerns to the end of `woken`.
    /// Returns how many events there were.
    ///
    /// # Errors
    /// The selector's.
    pub fn turn(&mut self, timeout: Option<Duration>, woken: &mut Vec<Waker>) -> io::Result<usize> {
        self.events.clear();
        self.selector.wait(&mut self.events, timeout)?;
        for event in &self.events {
            // A source that was dropped after the kernel queued this event is not found.
            let Some(source) = self.sources.get_mut(Key::unpack(event.token.0)) else { continue };
            source.ready = source.ready.with(event.ready);
            for direction in [Direction::Read, Direction::Write] {
                if event.ready.has(direction.bit()) {
                    woken.extend(source.waiter(direction).take());
                }
            }
        }
        Ok(self.events.len())
    }
}
