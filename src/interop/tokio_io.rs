//! tokio's `AsyncRead` and `AsyncWrite` on every stream (feature `tokio-io`).
//!
//! *Assumes*: only tokio's traits, with all of its features off: no runtime comes with them.
//! *Promises*: a byte stream is an `AsyncRead` and an `AsyncWrite`; so are a buffered reader, with
//! what it has in its buffer (`AsyncBufRead`), and a buffered writer. Database clients and codecs
//! that are given a connection run on this loop.
//! *Leaves out*: what a read and a write are (`interop/halves.rs`); a reference to a stream, which
//! tokio's own extension traits would take for the stream itself. Two halves of one stream are
//! [`split`](crate::aio::split), or [`into_split`](ByteStream::into_split).

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::net::owned_halves::{OwnedReadHalf, OwnedWriteHalf};
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::writer::StreamWriter;
use crate::interop::halves::{WriteHalf, read_through_scratch, write_through_halves};
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

read!(ByteStream<T>, OwnedReadHalf<T>, StreamReader<T>);
write_through_halves!(AsyncWrite, poll_shutdown, is_write_vectored => ByteStream<T>);
write_through_halves!(AsyncWrite, poll_shutdown, is_write_vectored => OwnedWriteHalf<T>);
write_through_halves!(AsyncWrite, poll_shutdown, is_write_vectored => StreamWriter<T>);

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
