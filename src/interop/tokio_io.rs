//! tokio's `AsyncRead` and `AsyncWrite` on every stream (feature `tokio-io`).
//!
//! *Assumes*: only tokio's traits, with all of its features off: no runtime comes with them.
//! *Promises*: a byte stream is an `AsyncRead` and an `AsyncWrite`; so are a buffered reader, with
//! what it has in its buffer (`AsyncBufRead`), and a buffered writer. Database clients and codecs
//! that are given a connection run on this loop.
//! *Leaves out*: what a read and a write are (`interop/halves.rs`); a reference to a stream, which
//! tokio's own extension traits would take for the stream itself. Two halves of one stream are
//! [`split`](crate::aio::split).

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::writer::StreamWriter;
use crate::interop::halves::{WriteHalf, read_through_scratch};
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

macro_rules! read {
    ($($target:ty),*) => {$(
        impl<T: Bytes + Unpin> AsyncRead for $target
        where
            for<'a> &'a T: Read,
        {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let room = buffer.remaining();
                read_through_scratch(self.get_mut(), cx, room, |bytes| buffer.put_slice(bytes))
            }
        }
    )*};
}

macro_rules! write {
    ($($target:ty),*) => {$(
        impl<T: Bytes + Unpin + 'static> AsyncWrite for $target
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

            fn is_write_vectored(&self) -> bool {
                Self::IS_VECTORED
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().flush_half(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().close_half(cx)
            }
        }
    )*};
}

read!(ByteStream<T>, StreamReader<T>);
write!(ByteStream<T>, StreamWriter<T>);

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
