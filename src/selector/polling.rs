//! The other selector for real life: the `polling` crate, one shot at a time.
//!
//! *Assumes*: `polling`; descriptors stay open until they are deregistered (`event_loop/core.rs`
//! and `aio/net/fds.rs` see to that).
//! *Promises*: the same news as mio's, by the other of the kernel's two idioms.
//! *Leaves out*: speed. It makes about five system calls a turn where mio's makes one.
//!
//! ```text
//!   edge-triggered (mio)           oneshot (here)
//!   watch once, for ever           rearm(interest) ─► watched ─► news ─► not watched at all
//!   silence until a change                ▲                                    │
//!                                         └────────── rearm after WouldBlock ──┘
//! ```
//! One shot disarms a descriptor for *both* directions. So this file remembers which were
//! wanted, and asks again for those that the news did not answer.
#![allow(unsafe_code)]

use crate::selector::event::{IoEvent, Readiness, Selector, Token, WakeFn};
use polling::{Event as Shot, Events, Poller};
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
    /// By token, since news comes with nothing else.
    armed: HashMap<Token, Armed>,
    origin: Instant,
}

/// One descriptor: its number, valid until it is deregistered, and what is asked of it.
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
fn event(token: Token, wanted: Readiness) -> Shot {
    let (read, write) = (wanted.has(Readiness::READABLE), wanted.has(Readiness::WRITABLE));
    Shot::new(token.0 as usize, read, write)
}

impl Selector for PollingSelector {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        // Nothing is wanted yet: the reactor takes a new source for ready until it blocks.
        let watch = Armed { fd: fd.as_raw_fd(), interest: Readiness::NONE };
        // SAFETY: the descriptor must be deleted from the poller before it is closed, and that
        // is what `Selector::deregister` asks of its callers. Behind the reactor these are two:
        // `Core::close_source` and `aio/net/fds.rs`, which deregister first and close then. Where
        // a loop ends, what it still watches may be closed first; no call of this poller comes
        // after that, and its epoll instance goes with it.
        unsafe { self.poller.add(watch.fd, event(token, watch.interest))? };
        self.armed.insert(token, watch);
        Ok(())
    }

    fn rearm(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Readiness) -> io::Result<()> {
        match self.armed.get_mut(&token) {
            Some(watch) if !watch.interest.has(interest) => {
                watch.interest = watch.interest.with(interest);
                self.poller.modify(fd, event(token, watch.interest))
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
        for news in self.batch.iter() {
            let token = Token(news.key as u64);
            let Some(watch) = self.armed.get_mut(&token) else { continue };
            let mut ready = Readiness::NONE;
            if news.readable {
                ready = ready.with(Readiness::READABLE);
            }
            if news.writable {
                ready = ready.with(Readiness::WRITABLE);
            }
            watch.interest = watch.interest.without(ready);
            if watch.interest != Readiness::NONE {
                // SAFETY: as in `register`, a descriptor that is watched is open. The borrow ends
                // with this call, and nothing runs in between that could close it.
                let fd = unsafe { BorrowedFd::borrow_raw(watch.fd) };
                self.poller.modify(fd, event(token, watch.interest))?;
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
