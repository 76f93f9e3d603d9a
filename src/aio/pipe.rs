//! Pipes: bytes in one direction.
//!
//! *Assumes*: byte streams (`aio/byte_stream.rs`); mio's pipe ends, which can be made
//! non-blocking without a word of `libc`.
//! *Promises*: the reader reads the end of the stream once every writer is dropped; a writer
//! without a reader gets `BrokenPipe`.
//! *Leaves out*: named pipes. Open one with std, non-blocking, and take it over.

use crate::aio::byte_stream::{ByteStream, Bytes};
use mio::unix::pipe::{Receiver, Sender};
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;

/// The end of a pipe that bytes come out of.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::pipe::pipe;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (reader, writer) = pipe()?;
///     writer.write_all(b"hello").await?;
///     drop(writer);
///     let mut greeting = [0; 8];
///     assert_eq!(reader.read(&mut greeting).await?, 5);
///     assert_eq!(reader.read(&mut greeting).await?, 0);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.loop.connect_read_pipe")]
pub type PipeReader = ByteStream<Receiver>;

/// The end of a pipe that bytes go into.
#[doc(alias = "asyncio.loop.connect_write_pipe")]
pub type PipeWriter = ByteStream<Sender>;

/// A new pipe.
///
/// # Errors
/// `EMFILE` when there are no descriptors left; and `NotConnected` outside a running loop.
#[doc(alias = "os.pipe")]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (sender, receiver) = mio::unix::pipe::new()?;
    Ok((PipeReader::new(receiver)?, PipeWriter::new(sender)?))
}

impl Bytes for Receiver {
    const SHORT_READ_DRAINS: bool = true;
    const HALF_CLOSES: bool = false;

    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

impl Bytes for Sender {
    const SHORT_READ_DRAINS: bool = true;
    const HALF_CLOSES: bool = false;

    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

impl PipeReader {
    /// Takes over the reading end of a pipe. Non-blocking mode belongs to the open pipe end:
    /// whoever shares it gets it too.
    ///
    /// # Errors
    /// `PermissionDenied` for a regular file; and `NotConnected` outside a running loop.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let receiver = Receiver::from(fd);
        receiver.set_nonblocking(true)?;
        PipeReader::new(receiver)
    }
}

impl PipeWriter {
    /// Takes over the writing end of a pipe, as [`PipeReader::from_fd`] does the reading end.
    ///
    /// # Errors
    /// As there.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let sender = Sender::from(fd);
        sender.set_nonblocking(true)?;
        PipeWriter::new(sender)
    }
}
