//! The selector for tests: time is a number that jumps, and events come from a script.
//!
//! *Promises*: no system call; a loop on it is a deterministic function of its script: no sleep
//! takes real time, and a wait that nothing could ever end is an error instead of a hang.
//! *Leaves out*: the descriptors' own behaviour. The script says when one is ready, and when it is
//! [`Readiness::READ_CLOSED`]; what a read then returns is up to the test.

use crate::base::sync::{Arc, Mutex};
use crate::selector::event::{END_OF_TIME, IoEvent, Readiness, Selector, Token, WakeFn};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Virtual time, and what happens in it. Clone it before the loop takes the selector, to go
/// on writing the script from the test.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::sleep;
/// use singletrack::selector::scripted::ScriptedSelector;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
/// event_loop.run_until_complete(sleep(Duration::from_secs(86_400))); // at once
/// assert_eq!(event_loop.time(), Duration::from_secs(86_400));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ScriptedSelector {
    shared: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    now: u64,
    woken: bool,
    watched: BTreeMap<RawFd, Token>,
    /// By time, then in the order of writing.
    script: BTreeMap<(u64, u64), (RawFd, Readiness)>,
    written: u64,
    waits: u64,
}

impl ScriptedSelector {
    /// Time zero and an empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes into the script: at this time, `fd` becomes ready so. An event of a descriptor that
    /// is not watched at that time is lost, as it is with a real selector.
    pub fn ready_at(&self, time: Duration, fd: RawFd, ready: Readiness) {
        let mut shared = self.shared.lock();
        let order = shared.written;
        shared.written += 1;
        shared.script.insert((nanos(time), order), (fd, ready));
    }

    /// Moves time on, as a callback that takes that long would. It stops at [`END_OF_TIME`].
    pub fn advance(&self, by: Duration) {
        self.shared.lock().pass(by);
    }

    /// How often the loop has polled this selector.
    pub fn waits(&self) -> u64 {
        self.shared.lock().waits
    }

    /// The descriptors that are watched, in order.
    pub fn watched(&self) -> Vec<RawFd> {
        self.shared.lock().watched.keys().copied().collect()
    }
}

/// As the script counts; what is too long to be counted lies beyond the end of time.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Script {
    fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(nanos(time)).min(END_OF_TIME);
    }

    /// When the sleep ends: at the next line of the script or at the deadline.
    fn wake_time(&self, timeout: Option<Duration>) -> io::Result<u64> {
        let next = self.script.keys().next().map(|(at, _)| *at).filter(|at| *at <= END_OF_TIME);
        let next = next.map(|at| at.max(self.now));
        let deadline = timeout.map(|t| self.now.saturating_add(nanos(t)).min(END_OF_TIME));
        match (next, deadline) {
            _ if self.woken => Ok(self.now),
            (Some(a), Some(b)) => Ok(a.min(b)),
            (Some(t), None) | (None, Some(t)) => Ok(t),
            (None, None) => Err(io::Error::new(
                io::ErrorKind::Deadlock,
                "the loop waits for ever: no timer is armed, the script is over, \
                 and its waker was not used",
            )),
        }
    }
}

impl Selector for ScriptedSelector {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        match self.shared.lock().watched.insert(fd.as_raw_fd(), token) {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn rearm(&mut self, _: BorrowedFd<'_>, _: Token, _: Readiness) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self.shared.lock().watched.remove(&fd.as_raw_fd()) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()> {
        let mut shared = self.shared.lock();
        shared.waits += 1;
        shared.now = shared.wake_time(timeout)?;
        shared.woken = false;
        let after_now = (shared.now + 1, 0);
        let later = shared.script.split_off(&after_now);
        let due = std::mem::replace(&mut shared.script, later);
        events.extend(due.into_values().filter_map(|(fd, ready)| {
            shared.watched.get(&fd).map(|&token| IoEvent { token, ready })
        }));
        Ok(())
    }

    fn waker(&self) -> WakeFn {
        let shared = Arc::clone(&self.shared);
        Box::new(move || shared.lock().woken = true)
    }

    fn now(&self) -> u64 {
        self.shared.lock().now
    }
}
