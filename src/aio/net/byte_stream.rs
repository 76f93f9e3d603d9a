//! A stream of bytes: what TCP, Unix streams and pipes have in common.
//!
//! *Assumes*: std's `Read` and `Write` on a shared reference.
//! *Promises*: std's semantics, with `.await` where std would block; every read and write
//! tries first and sleeps only on `WouldBlock` (`aio/net/async_fd.rs`). A pipe's reader reads the
//! end of the stream once every writer is dropped; a writer without a reader gets `BrokenPipe`.
//! A connection that is lost is an error to reads as well, and never a clean end, also if a write
//! was the first to meet it. Non-blocking mode, which all that share a descriptor see, is put back by its last user.
//! *Leaves out*: connections (`aio/net/tcp.rs`, `aio/net/unix.rs`) and buffering
//! (`aio/streams/reader.rs`). And named pipes: open one with std, non-blocking, and take it over.
//!
//! Reading and writing take `&self`: a stream behind an `Rc` serves a reading task and a
//! writing one, and needs no splitting into halves.
//!
//! ```text
//!              Bytes: AsFd, Read, Write, how it shuts down
//!                ▲          ▲          ▲           ▲
//!             std's TCP  std's Unix  mio's pipe Receiver, Sender
//!
//!   ByteStream<T: Bytes> = AsyncFd<T> and read, write, read_exact, write_all, shutdown
//! ```

use crate::aio::net::async_fd::AsyncFd;
use crate::event_loop::reactor::WaitTicket;
use crate::sys::fd::Direction;
use crate::sys::socket;
use mio::unix::pipe::{Receiver, Sender};
use std::future::Future;
use std::io;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll, ready};

/// What a [`ByteStream`] must know of the object inside it.
pub trait Bytes: AsFd + Into<OwnedFd> {
    /// A read of less than there was room for means that the kernel has no more, so the next
    /// one need not be tried before the next event. True of TCP. False of Unix streams, where a
    /// read also stops short at a message that carries descriptors; and of what comes as a pipe: it
    /// may be a terminal, which gives one line a read, or a pipe whose writer has asked for packets
    /// (`O_DIRECT`), which it may do at any time and without the reader's knowledge.
    const SHORT_READ_DRAINS: bool;

    /// Whether one direction can be closed while the other stays open. If not (a pipe), the
    /// end of writing is the end of the object.
    const HALF_CLOSES: bool;

    /// Closes one direction or both, if that can be done without closing the descriptor.
    ///
    /// # Errors
    /// What `shutdown(2)` reports.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

/// A stream of bytes that the loop watches.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::UnixStream;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (here, there) = UnixStream::pair()?;
///     there.write_all(b"hello").await?;
///     let mut greeting = [0; 5];
///     here.read_exact(&mut greeting).await?;
///     assert_eq!(&greeting, b"hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ByteStream<T: Bytes> {
    fd: AsyncFd<T>,
    /// The error of the whole connection that a write has met, or 0. The system reports it once;
    /// without this a read would then find an end like any other. Atomic only because this may
    /// travel.
    lost: AtomicI32,
}

impl<T: Bytes> ByteStream<T> {
    /// Has the running loop watch `io`, which must be in non-blocking mode.
    ///
    /// # Errors
    /// As [`AsyncFd::new`].
    pub fn new(io: T) -> io::Result<Self> {
        Ok(ByteStream { fd: AsyncFd::new(io)?, lost: AtomicI32::new(0) })
    }

    /// As [`new`](Self::new), for what comes from elsewhere: see [`AsyncFd::take_over`].
    ///
    /// # Errors
    /// As there.
    pub fn take_over(io: T) -> io::Result<Self> {
        Ok(ByteStream { fd: AsyncFd::take_over(io)?, lost: AtomicI32::new(0) })
    }

    /// The descriptor, for calls that only one kind of stream has.
    pub fn async_fd(&self) -> &AsyncFd<T> {
        &self.fd
    }

    /// Closes one direction or both; the peer then reads the end of the stream. It does
    /// nothing to a pipe, which ends when it is dropped.
    ///
    /// # Errors
    /// What `shutdown(2)` reports.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.fd.io().shutdown(how)
    }

    /// Reads some of what a socket has, or will have, and throws it away; 0 at the end.
    pub(crate) fn discard(&self) -> impl Future<Output = io::Result<usize>> {
        self.fd.io_call(Direction::Read, |io| socket::discard(io))
    }

    /// Has the close of a TCP socket tell the peer at once that nobody reads any more.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        socket::reset_on_close(self.fd.io())
    }

    /// A read that got `got` of `room` bytes may have emptied the kernel's buffer, or come to an end
    /// that is none.
    fn note_read(&self, got: usize, room: usize) -> io::Result<usize> {
        if got == 0 && room > 0 {
            return match self.lost.load(Ordering::Relaxed) {
                0 => Ok(0),
                code => Err(io::Error::from_raw_os_error(code)),
            };
        }
        if T::SHORT_READ_DRAINS && 0 < got && got < room {
            self.fd.clear_drained()?;
        }
        Ok(got)
    }

    /// A write has failed: is it the connection that is lost, or only this direction (`BrokenPipe`)?
    #[cold]
    fn noted(&self, error: io::Error) -> io::Error {
        use io::ErrorKind::{ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
        if let Some(code) = error.raw_os_error()
            && let ConnectionReset | HostUnreachable | NetworkUnreachable | TimedOut = error.kind()
        {
            self.lost.store(code, Ordering::Relaxed);
        }
        error
    }
}

impl<T: Bytes> ByteStream<T>
where
    for<'a> &'a T: Read,
{
    /// Reads what there is, at least one byte, into `buffer`; 0 is the end of the stream.
    /// Dropped before it is done, it has taken nothing.
    ///
    /// # Errors
    /// `ConnectionReset` and the rest of `read(2)`.
    #[doc(alias = "asyncio.loop.sock_recv_into")]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.fd.wait(Direction::Read, move |ticket, cx| self.poll_read_as(ticket, cx, buffer))
    }

    /// [`read`](Self::read) for hand-written futures. The next event wakes the waker that it was last
    /// polled with: of several tasks that poll by hand, one. Have them await `read`.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_as(&mut WaitTicket::polled(), cx, buffer)
    }

    fn poll_read_as(
        &self,
        ticket: &mut WaitTicket,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let room = buffer.len();
        let got = self.fd.poll_io_as(ticket, cx, Direction::Read, |mut io| io.read(buffer));
        got.map(|got| self.note_read(got?, room))
    }

    /// Reads what there is, at least one byte and at most `limit`; nothing is the end of the stream.
    /// The room for it is made only when something is there: a buffer that its owner holds while it
    /// waits is most of the memory of an idle connection. Dropped before it is done, it has taken nothing.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[doc(alias = "asyncio.loop.sock_recv")]
    pub fn read_up_to(&self, limit: usize) -> impl Future<Output = io::Result<Vec<u8>>> {
        self.fd.wait(Direction::Read, move |ticket, cx| {
            let mut bytes = Vec::new();
            let read = |mut io: &T| {
                bytes = vec![0; limit]; // a great one is mapped, and takes memory as it is filled
                io.read(&mut bytes)
            };
            let got = ready!(self.fd.poll_io_as(ticket, cx, Direction::Read, read))?;
            bytes.truncate(self.note_read(got, limit)?);
            Poll::Ready(Ok(bytes))
        })
    }

    /// Reads what there is at once, without waiting; 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing; and as [`read`](Self::read).
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let got = self.fd.try_io(Direction::Read, |mut io| io.read(buffer))?;
        self.note_read(got, room)
    }

    /// [`read`](Self::read) into several buffers, in their order.
    ///
    /// # Errors
    /// As `read`.
    #[doc(alias = "readv")]
    pub fn read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.fd.wait(Direction::Read, move |ticket, cx| {
            self.poll_read_vectored_as(ticket, cx, buffers)
        })
    }

    /// [`read_vectored`](Self::read_vectored) for hand-written futures.
    pub fn poll_read_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_vectored_as(&mut WaitTicket::polled(), cx, buffers)
    }

    fn poll_read_vectored_as(
        &self,
        ticket: &mut WaitTicket,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        // The system takes no more buffers than that, and std gives it no more.
        let room = buffers.iter().take(libc::UIO_MAXIOV as usize).map(|buffer| buffer.len()).sum();
        let read = |mut io: &T| io.read_vectored(buffers);
        let got = self.fd.poll_io_as(ticket, cx, Direction::Read, read);
        got.map(|got| self.note_read(got?, room))
    }

    /// Fills `buffer`. Dropped half way, it has taken some bytes from the stream.
    ///
    /// # Errors
    /// `UnexpectedEof` if the stream ends first; and as [`read`](Self::read).
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
        }
        Ok(())
    }
}

impl<T: Bytes> ByteStream<T>
where
    for<'a> &'a T: Write,
{
    /// Writes some of `bytes` and says how many.
    ///
    /// # Errors
    /// `BrokenPipe`, `ConnectionReset` and the rest of `write(2)`.
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.fd.wait(Direction::Write, move |ticket, cx| self.poll_write_as(ticket, cx, bytes))
    }

    /// [`write`](Self::write) for hand-written futures. The next event wakes the waker that it was
    /// last polled with.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_as(&mut WaitTicket::polled(), cx, bytes)
    }

    fn poll_write_as(
        &self,
        ticket: &mut WaitTicket,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = self.fd.poll_io_as(ticket, cx, Direction::Write, |mut io| io.write(bytes));
        sent.map_err(|e| self.noted(e))
    }

    /// Writes what the kernel takes at once, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing; and as [`write`](Self::write).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.fd.try_io(Direction::Write, |mut io| io.write(bytes));
        sent.map_err(|e| self.noted(e))
    }

    /// [`write`](Self::write) from several buffers, in their order.
    ///
    /// # Errors
    /// As `write`.
    #[doc(alias = "writev")]
    pub fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.fd.wait(Direction::Write, move |ticket, cx| {
            self.poll_write_vectored_as(ticket, cx, buffers)
        })
    }

    /// [`write_vectored`](Self::write_vectored) for hand-written futures.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_as(&mut WaitTicket::polled(), cx, buffers)
    }

    /// For a wait of its own; see [`AsyncFd::poll_io_as`].
    pub(crate) fn poll_write_vectored_as(
        &self,
        ticket: &mut WaitTicket,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = |mut io: &T| io.write_vectored(buffers);
        let sent = self.fd.poll_io_as(ticket, cx, Direction::Write, write);
        sent.map_err(|e| self.noted(e))
    }

    /// Writes all of `bytes`. Dropped half way, it has written some of them.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    #[doc(alias = "asyncio.loop.sock_sendall")]
    pub fn write_all(&self, mut bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.fd.wait(Direction::Write, move |ticket, cx| {
            while !bytes.is_empty() {
                match ready!(self.poll_write_as(ticket, cx, bytes))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    n => bytes = &bytes[n..],
                }
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl<T: Bytes> AsFd for ByteStream<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.io().as_fd()
    }
}

/// The reading end of a pipe.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::pipe;
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

/// The writing end of a pipe.
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
    const SHORT_READ_DRAINS: bool = false;
    const HALF_CLOSES: bool = false;

    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

impl Bytes for Sender {
    const SHORT_READ_DRAINS: bool = false;
    const HALF_CLOSES: bool = false;

    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

impl PipeReader {
    /// Takes over the reading end of a pipe, or a terminal. Until it is dropped, every process that
    /// shares it finds it non-blocking, as [`AsyncFd::take_over`] says; so a terminal is better
    /// opened anew (`File::open("/dev/tty")`), or waited for with
    /// [`readable`](crate::aio::readable).
    ///
    /// # Errors
    /// `PermissionDenied` for a regular file; and `NotConnected` outside a running loop.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        PipeReader::take_over(Receiver::from(fd))
    }
}

impl PipeWriter {
    /// Takes over the writing end of a pipe, as [`PipeReader::from_fd`] does the reading end. A
    /// `println!` to the same pipe or terminal fails meanwhile where it would block.
    ///
    /// # Errors
    /// As there.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        PipeWriter::take_over(Sender::from(fd))
    }
}
