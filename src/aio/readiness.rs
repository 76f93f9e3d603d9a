//! Waiting for a descriptor that somebody else reads and writes.
//!
//! *Assumes*: `aio/source.rs`.
//! *Promises*: returns when the descriptor is ready at that moment; the descriptor itself is
//! neither read nor changed nor kept; a wait that is dropped leaves nothing behind.
//! *Leaves out*: speed. Each wait enters a duplicate into the selector and takes it out again,
//! four system calls; streams of the loop's own stay in.
//!
//! asyncio's `add_reader` and `add_writer`, for one time.

use crate::aio::source::Source;
use crate::base::sys::poll::{Readiness, wait_ready};
use crate::event_loop::reactor::Direction;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Waits until something can be read from `fd`: bytes, the end of a stream, or, from a pidfd,
/// the end of a process.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::readiness::readable;
/// use std::io::{Write, pipe};
///
/// let (reader, mut writer) = pipe()?;
/// writer.write_all(b"!")?;
/// EventLoop::new()?.run_until_complete(readable(&reader))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// `PermissionDenied` for what cannot be watched (a regular file); `EMFILE` when there are no
/// descriptors left; `NotConnected` outside a running loop.
#[doc(alias = "asyncio.loop.add_reader")]
pub async fn readable(fd: impl AsFd) -> io::Result<()> {
    ready(fd, Direction::Read, Readiness::Read).await
}

/// Waits until something can be written to `fd`, or nobody is left to read it.
///
/// # Errors
/// As [`readable`].
#[doc(alias = "asyncio.loop.add_writer")]
pub async fn writable(fd: impl AsFd) -> io::Result<()> {
    ready(fd, Direction::Write, Readiness::Write).await
}

async fn ready(fd: impl AsFd, direction: Direction, readiness: Readiness) -> io::Result<()> {
    let source = Source::new(fd.as_fd().try_clone_to_owned()?)?;
    let is_ready = |fd: &OwnedFd| match wait_ready(fd.as_fd(), readiness, Some(Duration::ZERO))? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    };
    source.io_call(direction, is_ready).await
}
