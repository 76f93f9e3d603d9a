//! What a loop needs of the operating system: a bell, a clock, and news of descriptors.
//!
//! *Promises*: one trait of six verbs, so that the loop above can run on epoll, on another
//! poller, or on a script, and cannot tell which.
//! *Leaves out*: who is interested in a descriptor (`event_loop/reactor.rs`).

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// The caller's name for a source; comes back with its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

/// What became possible on a source. Bits, because the loop keeps them per source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness(u8);

impl Readiness {
    /// Nothing.
    pub const NONE: Readiness = Readiness(0);
    /// A read would not block (there is data, end of file, or an error).
    pub const READABLE: Readiness = Readiness(1);
    /// A write would not block.
    pub const WRITABLE: Readiness = Readiness(2);
    /// The peer will send no more: reads drain what is left, then see end of file. Or it has
    /// marked a byte as urgent. From now on a short read does not mean that nothing is left.
    pub const READ_CLOSED: Readiness = Readiness(4);
    /// Both directions.
    pub const BOTH: Readiness = Readiness(3);

    /// True if any bit of `other` is set here.
    pub fn has(self, other: Readiness) -> bool {
        self.0 & other.0 != 0
    }

    /// With the bits of `other` set as well.
    #[must_use]
    pub fn with(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    /// With the bits of `other` cleared.
    #[must_use]
    pub fn without(self, other: Readiness) -> Readiness {
        Readiness(self.0 & !other.0)
    }
}

/// One piece of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoEvent {
    /// Whose.
    pub token: Token,
    /// What became possible since the last news.
    pub ready: Readiness,
}

/// Makes a sleeping [`Selector::wait`] return. May be rung from any thread.
pub type WakeFn = Box<dyn Fn() + Send + Sync>;

/// A source of readiness and of time. Counterparts: mio's `Poll`, Python's `selectors`.
///
/// Sources are registered for both directions at once. Readiness is *edge-like*: an event
/// says that something became possible; the loop remembers it until a system call answers
/// `WouldBlock`, and then says [`rearm`](Self::rearm).
pub trait Selector {
    /// Starts watching a descriptor.
    ///
    /// # Errors
    /// `EPERM` for a regular file (it is always ready and cannot be watched), `EEXIST` if it
    /// is watched already, `ENOSPC`/`ENOMEM` at the system's limits.
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()>;

    /// The loop met `WouldBlock` and wants news of `interest` again. Nothing to do for an
    /// edge-triggered selector; a oneshot selector must ask anew.
    ///
    /// # Errors
    /// What the system reports.
    fn rearm(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Readiness) -> io::Result<()>;

    /// Stops watching. Always before the descriptor is closed.
    ///
    /// # Errors
    /// `ENOENT` if it was not watched.
    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Sleeps until there is news, the bell rings, or `timeout` has passed (`None`: for
    /// ever), and appends the news to `events`. May return early with none.
    ///
    /// # Errors
    /// What the system reports; an interrupting signal is no error.
    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()>;

    /// A bell for other threads.
    fn waker(&self) -> WakeFn;

    /// Nanoseconds since the selector was made; never goes back.
    fn now(&self) -> u64;
}
