//! The traits of the `futures-io` crate on every stream (feature `futures-io`).
//!
//! *Assumes*: byte streams (`aio/net/byte_stream.rs`) poll through a shared reference.
//! *Promises*: a stream, or a reference to one, is an `AsyncRead` and an `AsyncWrite`, so that
//! codecs, TLS and HTTP written against these traits run on this loop; so are a buffered reader,
//! with what it has in its buffer, and a writer.
//! *Leaves out*: tokio's traits; `tokio_util::compat` turns these into those.
#![cfg(feature = "futures-io")]

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::writer::StreamWriter;
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream and a reference to one poll in the same way: a `Pin` of either dereferences to the
/// stream.
macro_rules! poll_as_stream {
    ($(#[$doc:meta] $target:ty),*) => {$(
        #[$doc]
        impl<T: Bytes> AsyncRead for $target
        where
            for<'a> &'a T: Read,
        {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                ByteStream::poll_read(&self, cx, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                ByteStream::poll_read_vectored(&self, cx, buffers)
            }
        }

        /// There is nothing to flush. `close` ends the direction; a pipe ends when it is dropped.
        impl<T: Bytes> AsyncWrite for $target
        where
            for<'a> &'a T: Write,
        {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                ByteStream::poll_write(&self, cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                ByteStream::poll_write_vectored(&self, cx, buffers)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(end_writing(&self))
            }
        }
    )*};
}

poll_as_stream! {
    /// The stream itself.
    ByteStream<T>,
    /// Through a reference: two halves of one stream can be `&stream` twice.
    &ByteStream<T>
}

fn end_writing<T: Bytes>(stream: &ByteStream<T>) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        // The peer has closed first.
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
        done => done,
    }
}

/// What is in the buffer comes first.
impl<T: Bytes> AsyncRead for StreamReader<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(this.poll_fill(cx))?.read(buffer)?;
        this.consume(count);
        Poll::Ready(Ok(count))
    }
}

/// The reader's own buffer.
impl<T: Bytes> AsyncBufRead for StreamReader<T>
where
    for<'a> &'a T: Read,
{
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_fill(cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        StreamReader::consume(self.get_mut(), count);
    }
}

/// A write drains first, so at most its high mark and one write are queued. `flush` waits until
/// the queue is empty; `close` does too, and ends the direction.
impl<T: Bytes + 'static> AsyncWrite for StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        Poll::Ready(self.write(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_eof()?;
        self.poll_sent(cx)
    }
}
