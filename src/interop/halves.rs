//! A half of a stream, as every foreign trait asks for it: polled to read, or polled to write.
//!
//! *Promises*: a read of a buffered reader gives what is in its buffer first; a write through a
//! buffered writer drains first, so that at most its high mark and one write are queued; closing
//! ends the direction, also when the peer has closed first.
//! *Leaves out*: the traits themselves, one file each.
//!
//! A foreign buffer may be uninitialised memory. Bytes come to it through a scratch buffer of the
//! thread's, so that no `unsafe` is needed here: a copy of some hundred bytes costs a fraction of
//! the system call that read them.

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::net::owned_halves::{OwnedReadHalf, OwnedWriteHalf};
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::writer::StreamWriter;
#[cfg(any(feature = "tokio-io", feature = "hyper"))]
use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

/// What can be polled to read.
#[allow(dead_code)] // each feature asks for its own part
pub(super) trait ReadHalf {
    /// Reads into `buffer`; 0 bytes are the end of the stream, if there was room.
    fn read_half(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// The same into several buffers, in their order.
    fn read_half_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>>;
}

/// What can be polled to write.
#[allow(dead_code)] // as above
pub(super) trait WriteHalf {
    /// Whether several slices go out in one system call.
    const IS_VECTORED: bool;

    /// Writes some of `bytes`.
    fn write_half(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// The same from several slices, in their order.
    fn write_half_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Waits until what was written has been given to the system.
    fn flush_half(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The same, and ends the direction. (A pipe ends when it is dropped.)
    fn close_half(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A stream, a reference to one, or the owner of one of its directions: they poll in the same way.
pub(super) trait Unbuffered {
    type Io: Bytes;

    fn stream(&self) -> &ByteStream<Self::Io>;
}

impl<T: Bytes> Unbuffered for ByteStream<T> {
    type Io = T;

    fn stream(&self) -> &ByteStream<T> {
        self
    }
}

impl<T: Bytes> Unbuffered for &ByteStream<T> {
    type Io = T;

    fn stream(&self) -> &ByteStream<T> {
        self
    }
}

impl<T: Bytes> Unbuffered for OwnedReadHalf<T> {
    type Io = T;

    fn stream(&self) -> &ByteStream<T> {
        self.as_ref()
    }
}

impl<T: Bytes> Unbuffered for OwnedWriteHalf<T> {
    type Io = T;

    fn stream(&self) -> &ByteStream<T> {
        self.as_ref()
    }
}

impl<S: Unbuffered> ReadHalf for S
where
    for<'a> &'a S::Io: Read,
{
    fn read_half(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_read(cx, buffer)
    }

    fn read_half_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_read_vectored(cx, buffers)
    }
}

impl<S: Unbuffered> WriteHalf for S
where
    for<'a> &'a S::Io: Write,
{
    const IS_VECTORED: bool = true;

    fn write_half(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn write_half_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, slices)
    }

    fn flush_half(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close_half(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.stream().shutdown(Shutdown::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        })
    }
}

impl<T: Bytes> ReadHalf for StreamReader<T>
where
    for<'a> &'a T: Read,
{
    fn read_half(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_fill(cx))?.read(buffer)?;
        self.consume(count);
        Poll::Ready(Ok(count))
    }

    fn read_half_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_fill(cx))?.read_vectored(buffers)?;
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl<T: Bytes + 'static> WriteHalf for StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    const IS_VECTORED: bool = false;

    fn write_half(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        Poll::Ready(self.write(bytes).map(|()| bytes.len()))
    }

    fn write_half_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.write_half(cx, first.map_or(&[], |slice| slice))
    }

    fn flush_half(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(cx)
    }

    fn close_half(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_eof()?;
        self.poll_sent(cx)
    }
}

/// The most that one read brings to a foreign buffer: the default capacity of a pipe.
#[cfg(any(feature = "tokio-io", feature = "hyper"))]
const SCRATCH: usize = 64 * 1024;

#[cfg(any(feature = "tokio-io", feature = "hyper"))]
thread_local! {
    static SCRATCH_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads at most `room` bytes and gives them to `put`. Without `room` nothing is read.
#[cfg(any(feature = "tokio-io", feature = "hyper"))]
pub(super) fn read_through_scratch(
    half: &mut impl ReadHalf,
    cx: &mut Context<'_>,
    room: usize,
    put: impl FnOnce(&[u8]),
) -> Poll<io::Result<()>> {
    if room == 0 {
        return Poll::Ready(Ok(()));
    }
    // Taken out meanwhile: a foreign waker, cloned or dropped in there, may read a stream of its own.
    let mut scratch = SCRATCH_BUFFER.take();
    scratch.resize(SCRATCH, 0); // once a thread; then it has that length
    let read = half.read_half(cx, &mut scratch[..room.min(SCRATCH)]);
    let read = read.map_ok(|count| put(&scratch[..count]));
    SCRATCH_BUFFER.set(scratch);
    read
}

/// A foreign `AsyncWrite`, spelled out over [`WriteHalf`]: the crates differ in the name of the last
/// method, and in whether they ask `is_write_vectored`.
macro_rules! write_through_halves {
    ($name:path, $close:ident $(, $vectored:ident)? => $target:ty) => {
        impl<T: Bytes + Unpin + 'static> $name for $target
        where
            for<'a> &'a T: Write,
        {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().write_half(cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().write_half_vectored(cx, slices)
            }

            $(fn $vectored(&self) -> bool {
                Self::IS_VECTORED
            })?

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().flush_half(cx)
            }

            fn $close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().close_half(cx)
            }
        }
    };
}
pub(super) use write_through_halves;
