//! The two directions of one stream, each with an owner of its own.
//!
//! *Assumes*: both are used on the loop that watches the stream; the halves themselves may travel.
//! *Promises*: each half polls its own direction only, so one task that reads and one that writes
//! never disturb each other; when the writing half is dropped the peer reads the end of the stream;
//! the descriptor is closed when both are gone.
//! *Leaves out*: buffers ([`split`](crate::aio::split) gives halves that have them). And two tasks of
//! one thread that could share the stream by an `Rc`: reading and writing take `&self`, so they need
//! no halves. They are for code that wants two owned objects, as a codec or a router does.
//!
//! ```text
//!   ByteStream ── into_split ──▶ OwnedReadHalf    read, read_exact
//!        ▲                       OwnedWriteHalf   write, write_all; drop: shutdown(Write)
//!        └────────── reunite ───────┘
//! ```

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::base::origin::Origin;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

/// The direction that is read. See [`ByteStream::into_split`].
#[derive(Debug)]
#[doc(alias = "tokio::net::tcp::OwnedReadHalf")]
pub struct OwnedReadHalf<T: Bytes>(Arc<ByteStream<T>>);

/// The direction that is written. Its drop tells the peer that no more comes.
#[derive(Debug)]
#[doc(alias = "tokio::net::tcp::OwnedWriteHalf")]
pub struct OwnedWriteHalf<T: Bytes> {
    stream: Arc<ByteStream<T>>,
    open: bool,
    /// A copy ends nothing: the connection is the original's.
    origin: Origin,
}

/// The halves are of two streams. They come back as they were.
pub struct ReuniteError<T: Bytes>(pub OwnedReadHalf<T>, pub OwnedWriteHalf<T>);

impl<T: Bytes> ByteStream<T> {
    /// Takes the stream apart into its directions. Of a pipe's end only one of them works.
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use singletrack::aio::UnixStream;
    ///
    /// let event_loop = EventLoop::new()?;
    /// event_loop.run_until_complete(async {
    ///     let (here, there) = UnixStream::pair()?;
    ///     let (reader, writer) = here.into_split();
    ///     writer.write_all(b"over").await?;
    ///     drop(writer);
    ///     let mut word = [0; 8];
    ///     assert_eq!(there.read(&mut word).await?, 4);
    ///     assert_eq!(there.read(&mut word).await?, 0); // the end
    ///     there.write_all(b"out").await?; // the other direction is still open
    ///     assert_eq!(reader.read(&mut word).await?, 3);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "tokio::net::TcpStream::into_split")]
    pub fn into_split(self) -> (OwnedReadHalf<T>, OwnedWriteHalf<T>) {
        let stream = Arc::new(self);
        (
            OwnedReadHalf(Arc::clone(&stream)),
            OwnedWriteHalf { stream, open: true, origin: Origin::here() },
        )
    }
}

impl<T: Bytes> OwnedReadHalf<T> {
    /// The stream again.
    ///
    /// # Errors
    /// [`ReuniteError`] with both, if they are not of one stream.
    #[allow(clippy::result_large_err, reason = "the halves are two pointers")]
    pub fn reunite(self, writer: OwnedWriteHalf<T>) -> Result<ByteStream<T>, ReuniteError<T>> {
        if !Arc::ptr_eq(&self.0, &writer.stream) {
            return Err(ReuniteError(self, writer));
        }
        let mut writer = writer;
        writer.open = false;
        drop(writer);
        // The two halves were the only owners.
        Arc::try_unwrap(self.0).map_err(|stream| {
            let writer =
                OwnedWriteHalf { stream: Arc::clone(&stream), open: true, origin: Origin::here() };
            ReuniteError(OwnedReadHalf(stream), writer)
        })
    }
}

impl<T: Bytes> OwnedReadHalf<T>
where
    for<'a> &'a T: Read,
{
    /// As [`ByteStream::read`].
    ///
    /// # Errors
    /// As there.
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.0.read(buffer)
    }

    /// As [`ByteStream::read_exact`].
    ///
    /// # Errors
    /// As there.
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer).await
    }
}

impl<T: Bytes> OwnedWriteHalf<T>
where
    for<'a> &'a T: Write,
{
    /// As [`ByteStream::write`].
    ///
    /// # Errors
    /// As there.
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.stream.write(bytes)
    }

    /// As [`ByteStream::write_all`].
    ///
    /// # Errors
    /// As there.
    pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.stream.write_all(bytes)
    }
}

impl<T: Bytes> AsRef<ByteStream<T>> for OwnedReadHalf<T> {
    fn as_ref(&self) -> &ByteStream<T> {
        &self.0
    }
}

impl<T: Bytes> AsRef<ByteStream<T>> for OwnedWriteHalf<T> {
    fn as_ref(&self) -> &ByteStream<T> {
        &self.stream
    }
}

impl<T: Bytes> Drop for OwnedWriteHalf<T> {
    fn drop(&mut self) {
        if self.open && !self.origin.is_copy() {
            // It can only fail for a connection that is gone.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

impl<T: Bytes> fmt::Debug for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError")
    }
}

impl<T: Bytes> fmt::Display for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two streams: reunite those that came from one `into_split`")
    }
}

impl<T: Bytes> std::error::Error for ReuniteError<T> {}
