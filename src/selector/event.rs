//! The `Selector` trait: what a loop needs of the system, and a backend's contract.
//!
//! *Promises*: one trait of six methods, and a seventh that need not be written, so that the loop
//! above can run on epoll, on another poller, or on a script, and cannot tell which.
//! *Leaves out*: which tasks wait for a descriptor (`event_loop/reactor.rs`).
//!
//! ```text
//!   event_loop/reactor.rs    register ─► event ─► read … ─► WouldBlock ─► rearm ─► event ─► …
//!                                                   │
//!                                                   └─ a short read counts as WouldBlock where the
//!                                                      kind of descriptor allows it (TCP:
//!                                                      `Bytes::SHORT_READ_DRAINS`), unless the
//!                                                      source is READ_CLOSED
//! ```

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// The last nanosecond that the clock of a [`Selector`] may show, after 584 years.
pub const END_OF_TIME: u64 = u64::MAX - 1;

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
    /// A short read no longer means that nothing is left: the peer will send no more and the end
    /// of file is still to be read, or there is an error, or a byte is marked as urgent and
    /// reads stop short of it. [`Selector`] says which backends must send this.
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

/// What became possible on one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoEvent {
    /// The source's name.
    pub token: Token,
    /// What became possible since its last event.
    pub ready: Readiness,
}

/// Makes a sleeping [`Selector::wait`] return, or the next one if none sleeps. From any thread.
pub type WakeFn = Box<dyn Fn() + Send + Sync>;

/// A source of readiness and of time. Counterparts: mio's `Poll`, Python's `selectors`.
///
/// Sources are registered for both directions at once, and count as ready until a system call
/// says otherwise. Readiness is *edge-like*: an event says that something became possible; the
/// reactor remembers it until a system call returns `WouldBlock`, and then calls
/// [`rearm`](Self::rearm). Between the two, a backend need not repeat itself.
///
/// # The contract of [`READ_CLOSED`](Readiness::READ_CLOSED)
///
/// After a read from a TCP stream that filled only a part of its buffer the reactor expects `WouldBlock` next, saves
/// that system call, and calls `rearm` at once. If the end of the file (or an error, or what
/// stands behind an urgent byte) was in the kernel's buffer already, then
///
/// | backend | it | so it |
/// | --- | --- | --- |
/// | edge-triggered: `rearm` does nothing | would never speak of it again | **must** add `READ_CLOSED` to the event that announces it, and the reactor keeps reading |
/// | oneshot: `rearm` asks the kernel anew | gets another `READABLE` at once | need not send it |
///
/// `mio.rs` is of the first kind and sends it on `EPOLLRDHUP`, `EPOLLHUP`, `EPOLLERR` and
/// `EPOLLPRI`. `polling.rs` is of the second kind and never sends it. In `scripted.rs`, which does
/// nothing in `rearm`, the script has to send it. An event that says `READ_CLOSED` also says
/// `READABLE`.
pub trait Selector {
    /// Starts watching a descriptor.
    ///
    /// # Errors
    /// `EPERM` for a regular file (it is always ready and cannot be watched), `EEXIST` if it
    /// is watched already, `ENOSPC`/`ENOMEM` at the system's limits.
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()>;

    /// A system call returned `WouldBlock`, or is expected to: events of `interest` are wanted
    /// again. Nothing to do for an edge-triggered selector; a oneshot selector must ask anew, for
    /// this direction and for the other if that is still wanted.
    ///
    /// # Errors
    /// What the system reports.
    fn rearm(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Readiness) -> io::Result<()>;

    /// Stops watching. Always before the descriptor is closed.
    ///
    /// # Errors
    /// `ENOENT` if it was not watched.
    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Sleeps until there are events, the waker is used, or `timeout` has passed (`None`: for
    /// ever), and appends the events to `events`. May return early with none.
    ///
    /// # Errors
    /// What the system reports; an interrupting signal is no error.
    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()>;

    /// What makes [`wait`](Self::wait) return, for other threads.
    fn waker(&self) -> WakeFn;

    /// Nanoseconds since the selector was made; never goes back, nor beyond [`END_OF_TIME`].
    fn now(&self) -> u64;

    /// True if about a millisecond has passed since `then`, a time that [`now`](Self::now) gave.
    /// A busy loop asks in every iteration: so the answer should cost a few nanoseconds, and may be
    /// as coarse as the kernel's tick.
    fn has_ticked(&self, then: u64) -> bool {
        self.now().saturating_sub(then) >= 1_000_000
    }
}
