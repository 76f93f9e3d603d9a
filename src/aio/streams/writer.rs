//! A buffered writer: `write` never waits, `drain` waits when too much is queued.
//!
//! *Promises*: what `write` took is sent in order, by a task of the writer's own, with or without
//! a `drain`; `close` sends it all before it closes; `abort` sends nothing more. A writer that is
//! dropped, or that fails, ends its own direction and no other: only `close` and `abort`, which
//! say so, end the reader of this side as well.
//! *Leaves out*: how the bytes go, and how they end (`aio/streams/outgoing.rs`); reading
//! (`aio/streams/reader.rs`).
//!
//! ```text
//!   write ──► try at once ── all sent ──► done
//!                  │ rest
//!                  ▼
//!               queue ◄── one task flushes it; then: `write_eof` or `close`, if called
//!                  └── above the high mark: drain waits for the low one
//! ```

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::streams::outgoing::{Closable, Ending, Linger, Outgoing};
use crate::event_loop::core::spend_budget;
use crate::task::budget::yield_now;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The writing side of a stream. Dropped, it ends its direction, as
/// [`write_eof`](Self::write_eof) does, and lets go of the stream; what is queued is still sent, as
/// long as the loop runs. A reader of the same stream reads on.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{StreamWriter, pipe};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (reader, sender) = pipe()?;
///     let writer = StreamWriter::new(sender);
///     writer.write(&[7; 100_000])?; // a pipe holds 64 KiB: the rest is queued
///     assert_eq!(writer.queued(), 100_000 - 65_536);
///     let mut room = vec![0; 100_000];
///     reader.read_exact(&mut room).await?;
///     writer.drain().await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.StreamWriter")]
pub struct StreamWriter<T: Bytes + 'static>(Rc<Outgoing<T>>)
where
    for<'a> &'a T: Write;

impl<T: Bytes + 'static> StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    /// A writer for a stream of its own or shared with a reader.
    pub fn new(stream: impl Into<Rc<ByteStream<T>>>) -> Self {
        StreamWriter(Outgoing::new(stream.into()))
    }

    /// Sends what the kernel takes at once and queues the rest. Never waits:
    /// [`drain`](Self::drain) now and then, or the queue grows without bound.
    ///
    /// # Errors
    /// The error that ended the stream, each time, where asyncio reports nothing until `drain`;
    /// `BrokenPipe` after [`write_eof`](Self::write_eof) or [`close`](Self::close). While
    /// another loop runs than the stream's own, `InvalidInput`, and `NotConnected` while none
    /// does; the stream stays whole.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.check()?;
        if self.0.ending.get() > Ending::Open {
            let text = "this writer was ended or closed and takes no more bytes";
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, text));
        }
        self.stream().map_or(Ok(()), |stream| stream.async_fd().check_loop())?;
        let sent = if self.0.queue.borrow().is_empty() { self.0.send_now(bytes)? } else { 0 };
        if sent < bytes.len() {
            self.0.queue.borrow_mut().push(&bytes[sent..]);
            Outgoing::start_flushing(&self.0);
        }
        Ok(())
    }

    /// Returns at once while no more than the high mark is queued; else waits for the low mark.
    /// After [`close`](Self::close), lets the other tasks run first. It counts against the
    /// task's [budget](crate::task::budget), so that a loop of `write` and `drain` lets the
    /// others run even where the peer takes everything at once; asyncio's does not.
    ///
    /// # Errors
    /// The error that ended the stream.
    #[doc(alias = "asyncio.StreamWriter.drain")]
    pub async fn drain(&self) -> io::Result<()> {
        if self.0.ending.get() == Ending::Closed {
            yield_now().await;
        }
        poll_fn(spend_budget).await;
        self.0.until(|out| !out.queue.borrow().paused()).await
    }

    /// [`drain`](Self::drain) for hand-written futures. The waker that it was last polled with is
    /// woken; where several tasks wait, have them await `drain`.
    ///
    /// # Errors
    /// The error that ended the stream.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_until(&self.0.slots.drain, cx, |out| !out.queue.borrow().paused()))?;
        spend_budget(cx).map(Ok) // to wait costs nothing
    }

    /// Ready when nothing is queued any more. As with [`poll_drain`](Self::poll_drain) the last waker
    /// is woken.
    ///
    /// # Errors
    /// The error that ended the stream.
    pub fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_until(&self.0.slots.sent, cx, |out| out.queue.borrow().is_empty())
    }

    /// Ends the stream for the peer, once the queue is empty. Reading goes on.
    ///
    /// # Errors
    /// The error that ended the stream.
    #[doc(alias = "asyncio.StreamWriter.write_eof")]
    pub fn write_eof(&self) -> io::Result<()> {
        self.0.check()?;
        self.0.end(Ending::EndOfFile);
        Ok(())
    }

    /// Closes both directions, once the queue is empty: the reader of this side, too, comes
    /// to the end. Returns at once; see [`wait_closed`](Self::wait_closed).
    ///
    /// If the peer is still sending at that moment, the system answers with a reset: the peer's
    /// next write fails, and if it stops there it never reads what was written here. A
    /// [server](crate::aio::ServerOptions::linger) therefore reads on for a while; elsewhere,
    /// [`write_eof`](Self::write_eof) and then read to the end before you close.
    #[doc(alias = "asyncio.StreamWriter.close")]
    pub fn close(&self) {
        self.0.close();
    }

    /// Closes now. What is queued is dropped.
    #[doc(alias = "asyncio.WriteTransport.abort")]
    pub fn abort(&self) {
        self.0.abort();
    }

    /// True after [`close`](Self::close), or after the stream has failed.
    pub fn is_closing(&self) -> bool {
        self.0.ending.get() == Ending::Closed || self.0.error.borrow().is_some()
    }

    /// Waits until a close is done.
    ///
    /// # Errors
    /// The error that ended the stream instead.
    #[doc(alias = "asyncio.StreamWriter.wait_closed")]
    pub async fn wait_closed(&self) -> io::Result<()> {
        self.0.until(Outgoing::is_closed).await
    }

    /// How many bytes are queued.
    #[doc(alias = "asyncio.WriteTransport.get_write_buffer_size")]
    pub fn queued(&self) -> usize {
        self.0.queue.borrow().len()
    }

    /// How often the queue has grown above its high mark, and has come down to its low one.
    pub fn pauses_and_resumes(&self) -> (u64, u64) {
        self.0.pauses_and_resumes()
    }

    /// Sets the marks, see
    /// [`WriteQueue::set_limits`](crate::aio::streams::buffers::WriteQueue::set_limits).
    ///
    /// # Errors
    /// `InvalidInput` if `low` is above `high`.
    #[doc(alias = "asyncio.WriteTransport.set_write_buffer_limits")]
    pub fn set_limits(&self, high: Option<usize>, low: Option<usize>) -> io::Result<()> {
        self.0.queue.borrow_mut().set_limits(high, low)?;
        self.0.changed.notify_all();
        Ok(())
    }

    /// The stream beneath, for its addresses and options. `None` once closed.
    #[doc(alias = "asyncio.StreamWriter.get_extra_info")]
    pub fn stream(&self) -> Option<Rc<ByteStream<T>>> {
        self.0.stream.borrow().clone()
    }

    /// Its state, for a server, which may close its connections, and whose closes read on for so
    /// long.
    pub(crate) fn outgoing(&self, linger: Duration) -> Rc<dyn Closable> {
        if !linger.is_zero() {
            self.0.linger.set(Linger::For(linger));
        }
        Rc::clone(&self.0) as Rc<dyn Closable>
    }
}

impl<T: Bytes + 'static> Drop for StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    fn drop(&mut self) {
        self.0.end(Ending::Released);
    }
}

impl<T: Bytes + 'static> fmt::Debug for StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (&*self.0.stream.borrow(), self.is_closing()) {
            (None, _) => "closed",
            (_, true) => "closing",
            _ => "open",
        };
        write!(f, "StreamWriter ({state}, {} bytes queued)", self.queued())
    }
}
