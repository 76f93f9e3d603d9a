//! A buffered writer: `write` never waits, `drain` waits when too much is queued.
//!
//! *Promises*: what `write` took is sent in order, by a task of the writer's own, with or without
//! a `drain`; `close` sends it all before it closes; `abort` sends nothing more.
//! *Leaves out*: when to pause (`aio/streams/buffers.rs`), and reading (`aio/streams/reader.rs`).
//!
//! ```text
//!   write ──► try at once ── all sent ──► done
//!                  │ rest
//!                  ▼
//!               queue ◄── one task flushes it; then: `write_eof` or `close`, if called
//!                  └── above the high mark: drain waits for the low one
//! ```

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::streams::buffers::WriteQueue;
use crate::aio::sync::notify::Notify;
use crate::event_loop::core::spend_budget;
use crate::event_loop::scheduler::create_task;
use crate::task::budget::yield_now;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The writing side of a stream. Dropped, it closes; what is queued is still sent, as long
/// as the loop runs.
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

/// The state of a writer: shared with the task that flushes, and with a server that may close it.
pub(crate) struct Outgoing<T: Bytes> {
    /// `None` once closed.
    stream: RefCell<Option<Rc<ByteStream<T>>>>,
    queue: RefCell<WriteQueue>,
    /// Tasks that drain or wait for the close, and the flushing task.
    changed: Notify,
    error: RefCell<Option<io::Error>>,
    flushing: Cell<bool>,
    /// `write_eof` was called.
    ending: Cell<bool>,
    /// `close` was called.
    closing: Cell<bool>,
}

impl<T: Bytes + 'static> StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    /// A writer for a stream of its own or shared with a reader.
    pub fn new(stream: impl Into<Rc<ByteStream<T>>>) -> Self {
        StreamWriter(Rc::new(Outgoing {
            stream: RefCell::new(Some(stream.into())),
            queue: RefCell::default(),
            changed: Notify::default(),
            error: RefCell::default(),
            flushing: Cell::new(false),
            ending: Cell::new(false),
            closing: Cell::new(false),
        }))
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
        if self.0.ending.get() || self.0.closing.get() {
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
        if self.0.closing.get() {
            yield_now().await;
        }
        poll_fn(spend_budget).await;
        self.0.until(|out| !out.queue.borrow().paused()).await
    }

    /// [`drain`](Self::drain) for hand-written futures.
    ///
    /// # Errors
    /// The error that ended the stream.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_until(cx, |out| !out.queue.borrow().paused()))?;
        spend_budget(cx).map(Ok) // to wait costs nothing
    }

    /// Ready when nothing is queued any more.
    ///
    /// # Errors
    /// The error that ended the stream.
    pub fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_until(cx, |out| out.queue.borrow().is_empty())
    }

    /// Ends the stream for the peer, once the queue is empty. Reading goes on.
    ///
    /// # Errors
    /// The error that ended the stream.
    #[doc(alias = "asyncio.StreamWriter.write_eof")]
    pub fn write_eof(&self) -> io::Result<()> {
        self.0.check()?;
        self.0.ending.set(true);
        self.0.finish_if_flushed();
        Ok(())
    }

    /// Closes both directions, once the queue is empty: the reader of this side, too, comes
    /// to the end. Returns at once; see [`wait_closed`](Self::wait_closed).
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
        self.0.closing.get()
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

    /// Sets the marks, see [`WriteQueue::set_limits`].
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

    /// Its state, for a server, which may close its connections.
    pub(crate) fn outgoing(&self) -> Rc<dyn Closable> {
        Rc::clone(&self.0) as Rc<dyn Closable>
    }
}

impl<T: Bytes + 'static> Drop for StreamWriter<T>
where
    for<'a> &'a T: Write,
{
    fn drop(&mut self) {
        self.0.close();
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

/// What a server does to the writer of a connection, whatever that writes to.
pub(crate) trait Closable {
    /// Closes once the queue is empty.
    fn close(&self);
    /// Closes now.
    fn abort(&self);
    /// Ready when closed.
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl<T: Bytes> Closable for Outgoing<T> {
    fn close(&self) {
        self.closing.set(true);
        self.finish_if_flushed();
    }

    fn abort(&self) {
        self.queue.borrow_mut().clear();
        self.close();
    }

    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_until(cx, Self::is_closed)
    }
}

impl<T: Bytes> Outgoing<T> {
    /// The error that ended the stream, if one did.
    fn check(&self) -> io::Result<()> {
        match &*self.error.borrow() {
            Some(error) => Err(copy(error)),
            None => Ok(()),
        }
    }

    fn pauses_and_resumes(&self) -> (u64, u64) {
        self.queue.borrow().pauses_and_resumes()
    }

    fn is_closed(&self) -> bool {
        self.stream.borrow().is_none()
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) -> io::Result<()> {
        let check = || match (self.check(), reached(self)) {
            (Ok(()), false) => Poll::Pending,
            (checked, _) => Poll::Ready(checked),
        };
        self.changed.until(check).await
    }

    fn poll_until(
        &self,
        cx: &mut Context<'_>,
        reached: impl Fn(&Self) -> bool,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        self.changed.poll_until(cx, || reached(self)).map(Ok)
    }

    /// If nothing is queued: ends or closes the stream, if `write_eof` or `close` was called.
    fn finish_if_flushed(&self) {
        if self.queue.borrow().is_empty() {
            let stream = self.stream.borrow().clone();
            // It can only fail if the peer has closed already, which is as good.
            if let Some(stream) = stream.filter(|_| self.ending.get() || self.closing.get()) {
                let both = self.closing.get();
                let how = if both { Shutdown::Both } else { Shutdown::Write };
                let _ = stream.shutdown(how);
                if both || !T::HALF_CLOSES {
                    self.stream.replace(None);
                }
            }
        }
        self.changed.notify_all();
    }

    /// The stream has failed: everything queued is lost, and every caller gets the error.
    fn fail(&self, error: io::Error) {
        self.error.replace(Some(error));
        self.abort();
    }
}

impl<T: Bytes + 'static> Outgoing<T>
where
    for<'a> &'a T: Write,
{
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let stream = self.stream.borrow().clone();
        match stream.map_or(Ok(0), |stream| stream.try_write(bytes)) {
            Ok(sent) => Ok(sent),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(e) => {
                self.fail(copy(&e));
                Err(e)
            }
        }
    }

    /// Bytes are queued: makes sure that a task of the running loop sends them.
    fn start_flushing(this: &Rc<Self>) {
        if this.flushing.replace(true) {
            return;
        }
        let out = Rc::clone(this);
        drop(create_task(async move { poll_fn(|cx| out.poll_flush(cx)).await }));
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let stream = self.stream.borrow().clone();
            let Some(stream) = stream.filter(|_| !self.queue.borrow().is_empty()) else { break };
            let sent = stream.poll_write_vectored(cx, &self.queue.borrow().slices());
            let Poll::Ready(sent) = sent else {
                // An abort must wake this task too, so that it drops the stream.
                return self.poll_until(cx, |_| false).map(drop);
            };
            let resumes = self.pauses_and_resumes().1;
            match sent {
                Ok(sent) => self.queue.borrow_mut().pop(sent),
                Err(e) => self.fail(e),
            }
            if self.pauses_and_resumes().1 != resumes {
                self.changed.notify_all();
            }
        }
        self.flushing.set(false);
        self.finish_if_flushed();
        Poll::Ready(())
    }
}

/// Every caller gets the error of the stream, and `io::Error` cannot be cloned.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
