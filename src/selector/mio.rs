//! The default selector: mio's epoll, edge-triggered, with timeouts to the nanosecond; and a futex where
//! nothing is watched.
//!
//! *Assumes*: mio; `ppoll` (`sys/fd.rs`) for the last stretch of a timeout; a thread that parks
//! (`selector/sleeper.rs`).
//! *Promises*: one system call a poll when no deadline is near, and none for a mere look where nothing is
//! watched; timers late by the wake-up itself, not by a rounded millisecond; [`Readiness::READ_CLOSED`] at
//! the end of file, on errors and on urgent data, since no later edge would announce them.
//! *Leaves out*: level-triggered watching. A change is told once; the reactor remembers it.

use crate::selector::event::{IoEvent, Readiness, Selector, Token, WakeFn};
use crate::selector::sleeper::Sleeper;
use crate::sys::fd::wait_readable;
use crate::sys::usage::{coarse_time, monotonic_time};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Waker};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

/// The waker's token; no slab key packs to it before 2^32 insertions at slot 2^32 - 1.
const WAKER: mio::Token = mio::Token(usize::MAX);

/// Below this, mio's whole milliseconds would be late: sleep with `ppoll` instead.
const FINE: Duration = Duration::from_millis(2);

/// mio, wrapped.
///
/// ```
/// use singletrack::selector::event::Selector;
/// use singletrack::selector::mio::MioSelector;
/// use std::time::Duration;
///
/// let mut selector = MioSelector::new()?;
/// selector.waker()(); // used before the wait: it returns at once
/// selector.wait(&mut Vec::new(), None)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MioSelector {
    poll: Poll,
    batch: mio::Events,
    alarm: Arc<Alarm>,
    /// How many descriptors are watched.
    sources: usize,
    /// When this was made, on the system's clock.
    origin: u64,
}

/// What wakes the thread, however it sleeps.
#[derive(Debug)]
struct Alarm {
    sleeper: Sleeper,
    eventfd: Waker,
}

impl Alarm {
    fn ring(&self) {
        if self.sleeper.wake() {
            // It cannot fail: mio empties a counter that is full, and writes again.
            drop(self.eventfd.wake());
        }
    }
}

impl MioSelector {
    /// Opens an epoll instance, and an eventfd for the waker.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE` when there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let eventfd = Waker::new(poll.registry(), WAKER)?;
        Ok(MioSelector {
            poll,
            batch: mio::Events::with_capacity(1024),
            alarm: Arc::new(Alarm { sleeper: Sleeper::new(), eventfd }),
            sources: 0,
            origin: monotonic_time(),
        })
    }
}

/// mio rounds a timeout up to whole milliseconds. So the coarse part of a wait goes to mio, rounded down and
/// a millisecond less, and what is left (the loop waits again) to `ppoll` on mio's epoll descriptor, which is
/// readable when epoll has events. Gives how long mio may sleep; `None` if the time passed without events, so
/// that mio need not be called.
fn fine_wait(poll: &Poll, timeout: Option<Duration>) -> io::Result<Option<Option<Duration>>> {
    Ok(match timeout {
        Some(t) if t >= FINE => Some(Some(Duration::from_millis(t.as_millis() as u64 - 1))),
        Some(t) if !t.is_zero() => {
            wait_readable(poll.registry().as_fd(), t)?.then_some(Some(Duration::ZERO))
        }
        other => Some(other),
    })
}

impl Selector for MioSelector {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let (fd, token) = (fd.as_raw_fd(), mio::Token(token.0 as usize));
        let all = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        self.poll.registry().register(&mut SourceFd(&fd), token, all)?;
        self.sources += 1;
        Ok(())
    }

    fn rearm(&mut self, _: BorrowedFd<'_>, _: Token, _: Readiness) -> io::Result<()> {
        Ok(()) // edge-triggered: the next change makes an event without being asked
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()))?;
        self.sources -= 1;
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()> {
        self.batch.clear();
        let ask = |timeout| match fine_wait(&self.poll, timeout)? {
            Some(timeout) => self.poll.poll(&mut self.batch, timeout),
            None => Ok(()),
        };
        match self.alarm.sleeper.sleep(self.sources > 0, timeout, ask) {
            Some(Err(e)) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Some(polled) => polled?,
            None => return Ok(()),
        }
        events.extend(self.batch.iter().filter(|e| e.token() != WAKER).map(translate));
        Ok(())
    }

    fn waker(&self) -> WakeFn {
        let alarm = Arc::clone(&self.alarm);
        Box::new(move || alarm.ring())
    }

    fn now(&self) -> u64 {
        monotonic_time() - self.origin
    }

    /// The coarse clock stands at the kernel's last tick: a later time than `then` means that one
    /// has come since.
    fn has_ticked(&self, then: u64) -> bool {
        coarse_time() > self.origin + then
    }
}

/// mio's event in this crate's type. After an error or a hang-up both directions try their system
/// call, which says what happened.
fn translate(event: &mio::event::Event) -> IoEvent {
    let mut ready = Readiness::NONE;
    if event.is_readable() || event.is_read_closed() || event.is_error() {
        ready = ready.with(Readiness::READABLE);
    }
    if event.is_writable() || event.is_write_closed() || event.is_error() {
        ready = ready.with(Readiness::WRITABLE);
    }
    // Urgent data (priority) splits the stream: a read stops short of it with more behind.
    if event.is_read_closed() || event.is_error() || event.is_priority() {
        ready = ready.with(Readiness::READ_CLOSED);
    }
    IoEvent { token: Token(event.token().0 as u64), ready }
}
