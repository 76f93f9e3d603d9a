//! The selector of simulated runs: time is a number that jumps, descriptors are real.
//!
//! *Promises*: it never sleeps. A wait asks the kernel what is ready now; if that is nothing, time
//! jumps to the deadline, and without one the wait is an error: nobody outside takes part, so
//! nothing could ever end it. What is ready is said in the order of registration.
//! *Leaves out*: other processes and threads: a run with them is not the same twice.
//!
//! Beside it, `scripted.rs` knows no descriptor: there the script says when one is ready. Here both
//! ends of a connection belong to the program that runs, so the kernel's answer is a function of what
//! the program has done.

use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::{Arc, Mutex};
use crate::selector::event::{END_OF_TIME, IoEvent, Readiness, Selector, Token, WakeFn};
use crate::sys::fd::ready_now;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Virtual time over real descriptors. A clone is the same selector: keep one to move time on.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{UnixStream, sleep};
/// use singletrack::selector::simulated::SimulatedSelector;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::with_selector(Box::new(SimulatedSelector::new()));
/// event_loop.run_until_complete(async {
///     let (here, there) = UnixStream::pair().unwrap();
///     let echo = singletrack::create_task(async move {
///         sleep(Duration::from_secs(3600)).await; // no time at all
///         there.write_all(b"late").await.unwrap();
///     });
///     let mut text = [0; 4];
///     here.read_exact(&mut text).await.unwrap();
///     assert_eq!(&text, b"late");
///     echo.await.unwrap();
/// });
/// assert_eq!(event_loop.time(), Duration::from_secs(3600));
/// ```
#[derive(Clone, Default)]
pub struct SimulatedSelector {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    now: Mutex<u64>,
    watched: Mutex<Vec<Source>>,
    woken: AtomicBool,
}

/// A oneshot source: what it has said is wanted no more, until the reactor asks for it again.
struct Source {
    fd: RawFd,
    token: Token,
    wanted: Readiness,
}

impl SimulatedSelector {
    /// Time zero, and no descriptor.
    pub fn new() -> SimulatedSelector {
        SimulatedSelector::default()
    }

    /// Moves time on, as a step that takes that long would.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let mut now = self.shared.now.lock();
        *now = now.saturating_add(by).min(END_OF_TIME);
    }

    /// What is ready of what is wanted, which is then wanted no more, until it is asked for again.
    fn ready(&self) -> io::Result<Vec<IoEvent>> {
        let mut watched = self.shared.watched.lock();
        let fds: Vec<RawFd> = watched.iter().map(|source| source.fd).collect();
        let mut events = Vec::new();
        for (fd, now) in ready_now(&fds)? {
            let Some(source) = watched.iter_mut().find(|source| source.fd == fd) else { continue };
            let bits = [(now.read, Readiness::READABLE), (now.write, Readiness::WRITABLE)];
            let wanted = bits.into_iter().filter(|(set, bit)| *set && source.wanted.has(*bit));
            let ready = wanted.fold(Readiness::NONE, |all, (_, bit)| all.with(bit));
            source.wanted = source.wanted.without(ready);
            if ready != Readiness::NONE {
                events.push(IoEvent { token: source.token, ready });
            }
        }
        Ok(events)
    }
}

impl Selector for SimulatedSelector {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let mut watched = self.shared.watched.lock();
        let fd = fd.as_raw_fd();
        if watched.iter().any(|source| source.fd == fd) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        watched.push(Source { fd, token, wanted: Readiness::BOTH });
        Ok(())
    }

    fn rearm(&mut self, fd: BorrowedFd<'_>, _: Token, interest: Readiness) -> io::Result<()> {
        let mut watched = self.shared.watched.lock();
        let found = watched.iter_mut().find(|source| source.fd == fd.as_raw_fd());
        found
            .map(|source| source.wanted = source.wanted.with(interest))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut watched = self.shared.watched.lock();
        let found = watched.iter().position(|source| source.fd == fd.as_raw_fd());
        found.map(|place| _ = watched.remove(place)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()> {
        let ready = self.ready()?;
        // Not ordered with anything: a thread of this process has no place in a simulated run.
        let woken = self.shared.woken.swap(false, Ordering::Relaxed);
        let news = woken || !ready.is_empty();
        events.extend(ready);
        match timeout {
            _ if news => Ok(()),
            Some(timeout) => {
                self.advance(timeout);
                Ok(())
            }
            None => Err(io::Error::new(
                io::ErrorKind::Deadlock,
                "the loop waits for ever: nothing is ready, no timer is armed, and no descriptor \
                 will become ready",
            )),
        }
    }

    fn waker(&self) -> WakeFn {
        let shared = Arc::clone(&self.shared);
        Box::new(move || shared.woken.store(true, Ordering::Relaxed))
    }

    fn now(&self) -> u64 {
        *self.shared.now.lock()
    }
}
