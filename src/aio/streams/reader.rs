//! A buffered reader: by lines, by separators, by counts.
//!
//! *Promises*: a read that is dropped half way has taken nothing; an error of the stream is
//! reported to every later read, but only after the bytes before it are read.
//! *Leaves out*: what the buffer does (`aio/streams/buffers.rs`), the writer
//! (`aio/streams/writer.rs`), servers (`aio/streams/server.rs`).
//!
//! ```text
//!   read_until, … ──► try the buffer ── Some(result) ──► Ready
//!                        ▲    │ None
//!                        │    ▼
//!                        └── fill: one read of the stream, or its end
//! ```
//! asyncio's transport reads ahead, and must be paused when twice the limit is buffered. This
//! reader reads the stream only when a caller needs more. So at most the limit and one read wait
//! in its buffer, and the rest stays where it slows the sender down: in the kernel.

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::net::tcp::TcpStream;
use crate::aio::net::unix::UnixStream;
use crate::aio::streams::buffers::{ReadBuffer, StreamError};
use crate::aio::streams::outgoing::copy;
use crate::aio::streams::writer::StreamWriter;
use crate::event_loop::core::spend_budget;
use crate::sys::fd::unread;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// A separator must begin within so many bytes, unless set otherwise.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// The reading side of a stream.
///
/// Reads take `&mut self`, so that two tasks cannot read at the same time. asyncio finds that
/// out at run time: "read() called while another coroutine is already waiting".
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{UnixStream, split};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (here, there) = UnixStream::pair()?;
///     let (_, writer) = split(there);
///     let (mut reader, _writer) = split(here);
///     writer.write(b"first line\nsecond")?;
///     writer.close();
///     assert_eq!(reader.readline().await?, b"first line\n");
///     assert_eq!(reader.readline().await?, b"second"); // the last one may lack its end
///     assert_eq!(reader.readline().await?, b"");
///     assert!(reader.at_eof());
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// ```compile_fail,E0499
/// # use singletrack::aio::{PipeReader, StreamReader};
/// # async fn two(stream: PipeReader) {
/// let mut reader = StreamReader::new(stream);
/// let (one, two) = (reader.readline(), reader.readline()); // borrowed twice
/// # one.await; two.await;
/// # }
/// ```
#[doc(alias = "asyncio.StreamReader")]
pub struct StreamReader<T: Bytes> {
    stream: Rc<ByteStream<T>>,
    buffer: ReadBuffer,
    error: Option<io::Error>,
}

impl<T: Bytes> StreamReader<T>
where
    for<'a> &'a T: Read,
{
    /// A reader for a stream of its own or shared with a writer, with the usual [`DEFAULT_LIMIT`].
    pub fn new(stream: impl Into<Rc<ByteStream<T>>>) -> Self {
        Self::with_limit(stream, DEFAULT_LIMIT)
    }

    /// A reader whose separators must begin within `limit` bytes.
    pub fn with_limit(stream: impl Into<Rc<ByteStream<T>>>, limit: usize) -> Self {
        StreamReader { stream: stream.into(), buffer: ReadBuffer::new(limit), error: None }
    }

    /// The bytes that are there, at least one and at most `most`; none at the end.
    ///
    /// # Errors
    /// The error that ended the stream.
    pub async fn read(&mut self, most: usize) -> io::Result<Vec<u8>> {
        self.read_with(|buffer| buffer.read(most)).await
    }

    /// Everything until the end of the stream.
    ///
    /// # Errors
    /// The error that ended the stream.
    #[doc(alias = "asyncio.StreamReader.read(-1)")]
    pub async fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        self.read_with(ReadBuffer::read_to_end).await
    }

    /// `count` bytes, of which there may be more than the limit.
    ///
    /// # Errors
    /// [`StreamError::IncompleteRead`] if the stream ends first; its `partial` holds the bytes
    /// before the end. And the error that ended the stream.
    #[doc(alias = "asyncio.StreamReader.readexactly")]
    pub async fn read_exactly(&mut self, count: usize) -> Result<Vec<u8>, StreamError> {
        self.read_with(|buffer| buffer.read_exactly(count)).await?
    }

    /// Everything through the next `separator`.
    ///
    /// # Errors
    /// [`StreamError::IncompleteRead`] as above; [`StreamError::LimitOverrun`] if no separator
    /// begins within the limit: then the bytes stay, to be read in another way.
    #[doc(alias = "asyncio.StreamReader.readuntil")]
    pub async fn read_until(&mut self, separator: &[u8]) -> Result<Vec<u8>, StreamError> {
        let mut searched = 0;
        self.read_with(|buffer| buffer.read_until(separator, &mut searched)).await?
    }

    /// The next line with its `\n`; without one at the end of the stream; empty after it.
    ///
    /// # Errors
    /// [`StreamError::LimitOverrun`] if the line is longer than the limit. That much of it is
    /// thrown away (asyncio throws away what has arrived, and raises `ValueError`).
    #[doc(alias = "asyncio.StreamReader.readline")]
    pub async fn readline(&mut self) -> Result<Vec<u8>, StreamError> {
        match self.read_until(b"\n").await {
            Err(StreamError::IncompleteRead { partial, .. }) => Ok(partial),
            Err(StreamError::LimitOverrun { consumed }) => {
                let _ = self.buffer.read(consumed);
                Err(StreamError::LimitOverrun { consumed })
            }
            other => other,
        }
    }

    /// Waits for the end of the stream, and takes nothing.
    pub(crate) async fn wait_eof(&mut self) -> io::Result<()> {
        while !self.buffer.has_ended() {
            self.fill().await?;
        }
        Ok(())
    }

    /// Reads as many bytes as can be read now, without waiting, and takes none.
    pub(crate) fn read_unread(&mut self) -> io::Result<()> {
        let stream = Rc::clone(&self.stream);
        let mut left = unread(&*stream)?;
        while left > 0 {
            // Not by the reactor, which may not have heard of these bytes yet.
            match stream.async_fd().io().read(self.buffer.room()) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                read => {
                    left = left.saturating_sub(*read.as_ref().unwrap_or(&left));
                    self.record_read(read)?;
                }
            }
        }
        Ok(())
    }

    /// The bytes that are here and not yet read.
    pub(crate) fn take_buffered(&mut self) -> Vec<u8> {
        self.buffer.read(usize::MAX).unwrap_or_default()
    }

    /// True once the end has come and everything is read.
    #[doc(alias = "asyncio.StreamReader.at_eof")]
    pub fn at_eof(&self) -> bool {
        self.buffer.at_eof()
    }

    /// How many bytes have arrived here and are not read.
    pub fn buffered(&self) -> usize {
        self.buffer.data().len()
    }

    /// The stream beneath, for its addresses and options.
    pub fn stream(&self) -> &ByteStream<T> {
        &self.stream
    }

    /// Tries to read from the buffer, and fills it, until there is a result. A read that needs no
    /// system call spends budget as well: there may be thousands of lines in the buffer.
    async fn read_with<R>(
        &mut self,
        mut try_read: impl FnMut(&mut ReadBuffer) -> Option<R>,
    ) -> io::Result<R> {
        poll_fn(spend_budget).await;
        loop {
            if let Some(result) = try_read(&mut self.buffer) {
                return Ok(result);
            }
            self.fill().await?;
        }
    }

    /// Brings the buffer more bytes or the end.
    async fn fill(&mut self) -> io::Result<()> {
        if let Some(error) = &self.error {
            return Err(copy(error));
        }
        let read = self.stream.read(self.buffer.room()).await;
        self.record_read(read)
    }

    /// The bytes that are here and not yet read; if there are none, what one read of the stream
    /// brings; at the end, none. For hand-written futures; report with
    /// [`consume`](Self::consume) how many were used.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if !self.buffer.data().is_empty() || self.buffer.has_ended() {
            ready!(spend_budget(cx)); // a read pays for itself
        } else if let Some(error) = &self.error {
            return Poll::Ready(Err(copy(error)));
        } else {
            let read = ready!(self.stream.poll_read(cx, self.buffer.room()));
            self.record_read(read)?;
        }
        Poll::Ready(Ok(self.buffer.data()))
    }

    /// The first `count` bytes of what [`poll_fill`](Self::poll_fill) brought are read.
    ///
    /// # Panics
    /// If there were fewer.
    pub fn consume(&mut self, count: usize) {
        self.buffer.skip(count);
    }

    fn record_read(&mut self, read: io::Result<usize>) -> io::Result<()> {
        match read {
            Ok(0) => self.buffer.feed_eof(),
            Ok(count) => self.buffer.filled(count),
            Err(e) => {
                // The system reports a reset once, and after that the end.
                self.error = self.stream.async_fd().check_loop().is_ok().then(|| copy(&e));
                return Err(e);
            }
        }
        Ok(())
    }
}

impl<T: Bytes> fmt::Debug for StreamReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamReader ({} bytes buffered)", self.buffer.data().len())
    }
}

/// A reader and a writer for one stream, which is closed when both are dropped. The writer's drop
/// alone tells the peer that no more comes; the reader's alone does nothing.
pub fn split<T: Bytes + 'static>(stream: ByteStream<T>) -> (StreamReader<T>, StreamWriter<T>)
where
    for<'a> &'a T: Read + Write,
{
    let stream = Rc::new(stream);
    (StreamReader::new(Rc::clone(&stream)), StreamWriter::new(stream))
}

/// A TCP connection as a reader and a writer.
pub type TcpStreams = (StreamReader<std::net::TcpStream>, StreamWriter<std::net::TcpStream>);

/// A Unix connection as a reader and a writer.
pub type UnixStreams =
    (StreamReader<std::os::unix::net::UnixStream>, StreamWriter<std::os::unix::net::UnixStream>);

/// Connects by TCP.
///
/// # Errors
/// As [`TcpStream::connect`].
#[doc(alias = "asyncio.open_connection")]
pub async fn open_connection(address: SocketAddr) -> io::Result<TcpStreams> {
    Ok(split(TcpStream::connect(address).await?))
}

/// Connects to a Unix socket.
///
/// # Errors
/// As [`UnixStream::connect`].
#[doc(alias = "asyncio.open_unix_connection")]
pub async fn open_unix_connection(path: impl AsRef<Path>) -> io::Result<UnixStreams> {
    Ok(split(UnixStream::connect(path).await?))
}
