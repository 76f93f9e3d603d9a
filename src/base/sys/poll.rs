//! Waiting for one descriptor, to the nanosecond, or asking how it is now.
//!
//! *Assumes*: Linux `ppoll`.
//! *Promises*: never returns before the timeout unless the descriptor is ready or a signal
//! came; both look the same to the caller, who looks again anyway.
//! *Leaves out*: waiting for many (that is what the selectors are for).
#![allow(unsafe_code)]

use crate::base::sys::errno::checked;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Something can be read, or the end of the stream.
    Read,
    /// Something can be written, or nobody will ever read it.
    Write,
}

/// Waits until `fd` is readable or `timeout` has passed; says whether it is readable.
///
/// # Errors
/// What `ppoll(2)` reports, except `EINTR`, which answers `Ok(false)`.
pub fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    wait_ready(fd, Readiness::Read, Some(timeout))
}

/// True if a read would not block now, be it because there is an end or an error to be read.
///
/// # Errors
/// As [`wait_readable`].
pub fn can_read(fd: BorrowedFd<'_>) -> io::Result<bool> {
    wait_ready(fd, Readiness::Read, Some(Duration::ZERO))
}

/// True if a write would not block now, be it because it would fail.
///
/// # Errors
/// As [`wait_readable`].
pub fn can_write(fd: BorrowedFd<'_>) -> io::Result<bool> {
    wait_ready(fd, Readiness::Write, Some(Duration::ZERO))
}

/// Waits until `fd` is ready or `timeout` has passed (`None`: no limit); says which.
///
/// # Errors
/// As [`wait_readable`].
pub fn wait_ready(
    fd: BorrowedFd<'_>,
    readiness: Readiness,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let events = match readiness {
        Readiness::Read => libc::POLLIN,
        Readiness::Write => libc::POLLOUT,
    };
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs().min(i32::MAX as u64) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    });
    let limit = timeout.as_ref().map_or(std::ptr::null(), |timeout| &raw const *timeout);
    // SAFETY: `entry` and `timeout` are locals that outlive the call, a null limit is none, the
    // count is 1, a null signal mask means "leave it", and the descriptor is borrowed, hence
    // open.
    match checked(unsafe { libc::ppoll(&mut entry, 1, limit, std::ptr::null()) }) {
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
        ready => Ok(ready? > 0),
    }
}

/// Makes `attempt` until it does something else than `WouldBlock`, sleeping in between until
/// `fd` is ready, but not past the deadline.
///
/// # Errors
/// What `attempt` and `ppoll(2)` report; `TimedOut`.
pub fn block_on<R>(
    fd: BorrowedFd<'_>,
    readiness: Readiness,
    deadline: Option<Instant>,
    mut attempt: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    loop {
        match attempt() {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        wait_until(fd, readiness, deadline)?;
    }
}

/// Waits until `fd` is ready, or a signal came, so look again.
///
/// # Errors
/// What `ppoll(2)` reports; `TimedOut` when the deadline has passed.
pub fn wait_until(
    fd: BorrowedFd<'_>,
    readiness: Readiness,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    if left == Some(Duration::ZERO) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    wait_ready(fd, readiness, left).map(drop)
}
