//! The traits of the `futures-io` crate on every stream (feature `futures-io`).
//!
//! *Promises*: a byte stream, or a reference to one, is an `AsyncRead` and an `AsyncWrite`; so are a
//! buffered reader, with what it has in its buffer (`AsyncBufRead`), and a buffered writer. Codecs,
//! TLS and WebSockets written against these traits run on this loop.
//! *Leaves out*: what a read and a write are (`interop/halves.rs`).

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::net::owned_halves::{OwnedReadHalf, OwnedWriteHalf};
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::writer::StreamWriter;
use crate::interop::halves::{ReadHalf, WriteHalf, write_through_halves};
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

macro_rules! read {
    ($($target:ty),*) => {$(
        impl<T: Bytes + Unpin> AsyncRead for $target
        where
            for<'a> &'a T: Read,
        {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().read_half(cx, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().read_half_vectored(cx, buffers)
            }
        }
    )*};
}

read!(ByteStream<T>, &ByteStream<T>, OwnedReadHalf<T>, StreamReader<T>);
write_through_halves!(AsyncWrite, poll_close => ByteStream<T>);
write_through_halves!(AsyncWrite, poll_close => &ByteStream<T>);
write_through_halves!(AsyncWrite, poll_close => OwnedWriteHalf<T>);
write_through_halves!(AsyncWrite, poll_close => StreamWriter<T>);

/// The reader's own buffer.
impl<T: Bytes + Unpin> AsyncBufRead for StreamReader<T>
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
