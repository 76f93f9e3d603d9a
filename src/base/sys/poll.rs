//! Waiting for one descriptor, to the nanosecond, or asking how it is now.
//!
//! *Assumes*: Linux `ppoll`.
//! *Promises*: never returns before the timeout unless the descriptor is ready or a signal
//! came; both look the same to the caller, who looks again anyway.
//! *Leaves out*: waiting for many (that is what the selectors are for).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Waits until `fd` is readable or `timeout` has passed; says whether it is readable.
///
/// # Errors
/// What `ppoll(2)` reports, except `EINTR`, which answers `Ok(false)`.
pub fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    wait(fd, libc::POLLIN, timeout)
}

/// True if a read would not block now, be it because there is an end or an error to be read.
///
/// # Errors
/// As [`wait_readable`].
pub fn can_read(fd: BorrowedFd<'_>) -> io::Result<bool> {
    wait(fd, libc::POLLIN, Duration::ZERO)
}

/// True if a write would not block now, be it because it would fail.
///
/// # Errors
/// As [`wait_readable`].
pub fn can_write(fd: BorrowedFd<'_>) -> io::Result<bool> {
    wait(fd, libc::POLLOUT, Duration::ZERO)
}

fn wait(fd: BorrowedFd<'_>, events: libc::c_short, timeout: Duration) -> io::Result<bool> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs().min(i32::MAX as u64) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: `entry` and `timeout` are locals that outlive the call, the count is 1, a null
    // signal mask means "leave it", and the descriptor is borrowed, hence open.
    let ready = unsafe { libc::ppoll(&mut entry, 1, &timeout, std::ptr::null()) };
    match ready {
        -1 => match io::Error::last_os_error() {
            e if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            e => Err(e),
        },
        n => Ok(n > 0),
    }
}
