//! The second backend for real descriptors: the `polling` crate, one shot at a time.
//!
//! *Assumes*: `polling`; descriptors stay open until they are deregistered (`event_loop/core.rs`
//! and `aio/net/fds.rs` see to that).
//! *Promises*: a reactor on it finds the same descriptors ready as on mio
//! (`tests/backend_diff.rs`), by the other of the kernel's two idioms.
//! *Leaves out*: [`Readiness::READ_CLOSED`]. It never sends it and, as a oneshot backend, need not:
//! an end of file that a short read left behind is announced again after `rearm`, at the price of
//! one more wait. Speed: it makes about five system calls an iteration where mio's makes one.
//!
//! ```text
//!   edge-triggered (mio)           oneshot (here)
//!   watch once, for ever           rearm(interest) ─► armed ─► event ─► not watched at all
//!   silence until a change                ▲                                    │
//!                                         └────────── rearm after WouldBlock ──┘
//! ```
//! One event disarms a descriptor for *both* directions. So this file remembers which were
//! wanted, and asks again for those that the event did not concern.
#![allow(unsafe_code)]

use crate::selector::event::{IoEvent, Readiness, Selector, Token, WakeFn};
use polling::{Event, Events, Poller};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The `polling` crate, wrapped. For `EventLoop::with_selector`.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::selector::polling::PollingSelector;
///
/// let event_loop = EventLoop::with_selector(Box::new(PollingSelector::new()?));
/// assert_eq!(event_loop.run_until_complete(async { 1 + 1 }), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PollingSelector {
    poller: Arc<Poller>,
    batch: Events,
    /// By token, since events come with nothing else.
    armed: HashMap<Token, Armed>,
    origin: Instant,
}

/// One descriptor: its number, valid until it is deregistered, and what it is armed for.
#[derive(Debug)]
struct Armed {
    fd: RawFd,
    interest: Readiness,
}

impl PollingSelector {
    /// Opens an epoll instance, an eventfd and a timerfd.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE` when there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(PollingSelector {
            poller: Arc::new(Poller::new()?),
            batch: Events::new(),
            armed: HashMap::new(),
            origin: Instant::now(),
        })
    }
}

/// What to ask of the poller. Its keys are `usize`, as wide as a token here.
fn interest_in(token: Token, wanted: Readiness) -> Event {
    let (read, write) = (wanted.has(Readiness::READABLE), wanted.has(Readiness::WRITABLE));
    Event::new(token.0 as usize, read, write)
}

impl Selector for PollingSelector {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        // Nothing is wanted yet: a new source counts as ready until a system call blocks.
        let watch = Armed { fd: fd.as_raw_fd(), interest: Readiness::NONE };
        // SAFETY: the descriptor must be deleted from the poller before it is closed, and that
        // is what `Selector::deregister` asks of its caller, the reactor. Two places call that:
        // `Core::close_source` and `aio/net/fds.rs`, which deregister first and close then. Where
        // a loop ends, what it still watches may be closed first; no call of this poller comes
        // after that, and its epoll instance goes with it.
        unsafe { self.poller.add(watch.fd, interest_in(token, watch.interest))? };
        self.armed.insert(token, watch);
        Ok(())
    }

    fn rearm(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Readiness) -> io::Result<()> {
        match self.armed.get_mut(&token) {
            Some(watch) if !watch.interest.has(interest) => {
                let interest = watch.interest.with(interest);
                self.poller.modify(fd, interest_in(token, interest))?;
                watch.interest = interest;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.armed.retain(|_, watch| watch.fd != fd.as_raw_fd());
        self.poller.delete(fd)
    }

    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()> {
        self.batch.clear();
        self.poller.wait(&mut self.batch, timeout)?;
        for event in self.batch.iter() {
            let token = Token(event.key as u64);
            let Some(watch) = self.armed.get_mut(&token) else { continue };
            let mut ready = Readiness::NONE;
            if event.readable {
                ready = ready.with(Readiness::READABLE);
            }
            if event.writable {
                ready = ready.with(Readiness::WRITABLE);
            }
            watch.interest = watch.interest.without(ready);
            if watch.interest != Readiness::NONE {
                // SAFETY: as in `register`, a descriptor that is watched is open. The borrow ends
                // with this call, and nothing runs in between that could close it.
                let fd = unsafe { BorrowedFd::borrow_raw(watch.fd) };
                if self.poller.modify(fd, interest_in(token, watch.interest)).is_err() {
                    // Nothing more would be heard of it: whoever waits tries, rearms, and is told why.
                    ready = ready.with(watch.interest);
                    watch.interest = Readiness::NONE;
                }
            }
            events.push(IoEvent { token, ready });
        }
        Ok(())
    }

    fn waker(&self) -> WakeFn {
        let poller = Arc::clone(&self.poller);
        // It fails only when the eventfd's counter is full, and then it is readable.
        Box::new(move || drop(poller.notify()))
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }
}
