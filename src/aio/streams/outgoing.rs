//! The sending side of a stream: a queue, the task that empties it, and how it ends.
//!
//! *Promises*: bytes go in order; an end waits until they have gone; each end is carried out once,
//! and a lesser one after it changes nothing. Every caller gets the error of the stream. A close
//! that lingers is bounded, and an abort ends it.
//! *Leaves out*: what its user calls (`aio/streams/writer.rs`), when to pause
//! (`aio/streams/buffers.rs`).
//!
//! ```text
//!   ends, each further than the one before:
//!   open ──write_eof──► end of file ──drop──► released ──close, abort──► closed
//!                       └───── this direction only ─────┘                └ both
//! ```
//! Counterparts: `write_eof` and `close` are asyncio's; the drop is that of tokio's
//! `OwnedWriteHalf`. (asyncio has one transport for both directions, and its collector closes that.)

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::streams::buffers::WriteQueue;
use crate::aio::sync::notify::{Notify, PollSlot};
use crate::aio::time::timeout::wait_for;
use crate::base::origin::Origin;
use crate::event_loop::reactor::WaitTicket;
use crate::event_loop::scheduler::create_task;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::Shutdown;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// The state of a writer: shared with the task that flushes, and with a server that may close it.
pub(crate) struct Outgoing<T: Bytes> {
    /// `None` once released or closed.
    pub(super) stream: RefCell<Option<Rc<ByteStream<T>>>>,
    /// For a close that comes after the release, while the reader still has the stream.
    released: Weak<ByteStream<T>>,
    pub(super) queue: RefCell<WriteQueue>,
    /// Tasks that drain or wait for the close, and the flushing task.
    pub(super) changed: Notify,
    pub(super) error: RefCell<Option<io::Error>>,
    flushing: Cell<bool>,
    /// How far it is to end, as soon as nothing is queued.
    pub(super) ending: Cell<Ending>,
    pub(super) linger: Cell<Linger>,
    pub(super) slots: Slots,
    /// For the task that lingers.
    this: Weak<Outgoing<T>>,
    origin: Origin,
}

/// Where each function that is polled by hand leaves its waker: they may be polled by several tasks.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) drain: PollSlot,
    pub(super) sent: PollSlot,
    closed: PollSlot,
    /// The two places of the task that flushes. It is not `poll_write`'s, which the user may poll.
    flush: PollSlot,
    flush_ticket: Cell<WaitTicket>,
}

/// Whether a close is delayed while the peer still sends; the reset that would follow makes a
/// peer give up that has not yet read what it was sent. (Whether it sends cannot be asked: what is on
/// its way has not arrived.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linger {
    No,
    /// For so long at most.
    For(Duration),
    /// A task reads and throws away, and closes then.
    Now,
}

/// How a writer ends, each further than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    Open,
    /// `write_eof`: the peer reads the end.
    EndOfFile,
    /// The writer was dropped: that, and the stream is the reader's alone.
    Released,
    /// `close`: both directions end.
    Closed,
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

impl<T: Bytes + 'static> Closable for Outgoing<T> {
    fn close(&self) {
        self.end(Ending::Closed);
    }

    fn abort(&self) {
        self.queue.borrow_mut().clear();
        self.linger.set(Linger::No);
        self.close();
    }

    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_until(&self.slots.closed, cx, Self::is_closed)
    }
}

impl<T: Bytes + 'static> Outgoing<T> {
    pub(super) fn new(stream: Rc<ByteStream<T>>) -> Rc<Self> {
        Rc::new_cyclic(|this| Outgoing {
            this: Weak::clone(this),
            released: Rc::downgrade(&stream),
            stream: RefCell::new(Some(stream)),
            queue: RefCell::default(),
            changed: Notify::default(),
            error: RefCell::default(),
            flushing: Cell::new(false),
            ending: Cell::new(Ending::Open),
            linger: Cell::new(Linger::No),
            slots: Slots::default(),
            origin: Origin::here(),
        })
    }

    /// The error that ended the stream, if one did.
    pub(super) fn check(&self) -> io::Result<()> {
        match &*self.error.borrow() {
            Some(error) => Err(copy(error)),
            None => Ok(()),
        }
    }

    pub(super) fn pauses_and_resumes(&self) -> (u64, u64) {
        self.queue.borrow().pauses_and_resumes()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stream.borrow().is_none()
    }

    pub(super) async fn until(&self, reached: impl Fn(&Self) -> bool) -> io::Result<()> {
        let check = || match (self.check(), reached(self)) {
            (Ok(()), false) => Poll::Pending,
            (checked, _) => Poll::Ready(checked),
        };
        self.changed.until(check).await
    }

    pub(super) fn poll_until(
        &self,
        slot: &PollSlot,
        cx: &mut Context<'_>,
        reached: impl Fn(&Self) -> bool,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        self.changed.poll_until(slot, cx, || reached(self)).map(Ok)
    }

    /// The writer is to end as far as this, or further if it was told so before.
    pub(super) fn end(&self, how: Ending) {
        self.ending.set(self.ending.get().max(how));
        self.finish_if_flushed();
    }

    /// If nothing is queued: ends the stream as far as it is to end.
    fn finish_if_flushed(&self) {
        if self.queue.borrow().is_empty() {
            self.finish();
        }
        self.changed.notify_all();
    }

    fn finish(&self) {
        let ending = self.ending.get();
        let stream = self.stream.borrow().clone();
        let stream = match (stream, ending) {
            (_, Ending::Open) => return,
            (None, Ending::Closed) => self.released.upgrade(), // the reader may have it yet
            (stream, _) => stream,
        };
        let Some(stream) = stream else { return };
        if self.origin.is_copy() {
            return; // to shut down would end the original's connection, too
        }
        // It can only fail if the peer has closed already, which is as good.
        let _ = stream.shutdown(Shutdown::Write);
        if ending == Ending::Closed {
            if self.lingers(&stream) {
                return;
            }
            // As above.
            let _ = stream.shutdown(Shutdown::Both);
        }
        if ending >= Ending::Released || !T::HALF_CLOSES {
            self.stream.replace(None);
        }
    }

    /// True while the close has to wait, because the peer may still be sending.
    fn lingers(&self, stream: &Rc<ByteStream<T>>) -> bool {
        let limit = match self.linger.get() {
            Linger::No => return false,
            Linger::Now => return true,
            Linger::For(limit) => limit,
        };
        let (Some(out), Ok(())) = (self.this.upgrade(), stream.async_fd().check_loop()) else {
            return false;
        };
        self.linger.set(Linger::Now);
        let stream = Rc::clone(stream);
        drop(create_task(async move {
            linger(&stream, limit).await;
            out.linger.set(Linger::No);
            out.finish_if_flushed();
        }));
        true
    }

    /// The stream has failed in this direction: everything queued is lost, and every caller gets
    /// the error. What the peer had sent before, or sends still, can be read.
    fn fail(&self, error: io::Error) {
        self.error.replace(Some(error));
        self.queue.borrow_mut().clear();
        self.end(Ending::EndOfFile);
    }
}

impl<T: Bytes + 'static> Outgoing<T>
where
    for<'a> &'a T: Write,
{
    pub(super) fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
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
    pub(super) fn start_flushing(this: &Rc<Self>) {
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
            let mut ticket = self.slots.flush_ticket.take();
            let sent =
                stream.poll_write_vectored_as(&mut ticket, cx, &self.queue.borrow().slices());
            self.slots.flush_ticket.set(ticket);
            let Poll::Ready(sent) = sent else {
                // An abort must wake this task too, so that it drops the stream.
                return self.poll_until(&self.slots.flush, cx, |_| false).map(drop);
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

/// A peer that is silent for so long is not sending.
const SILENCE: Duration = Duration::from_millis(250);

/// Reads what the peer still sends and throws it away, until its end, or until it is silent, or for
/// so long.
pub(crate) async fn linger<T: Bytes>(stream: &ByteStream<T>, limit: Duration) {
    let to_the_end =
        async { while let Ok(Ok(1..)) = wait_for(stream.discard(), Some(SILENCE)).await {} };
    if wait_for(to_the_end, Some(limit)).await.is_err() {
        // A plain close would leave a peer that waits for room to wait for a minute longer. What
        // is no TCP socket has no use for this, and closes at once anyway.
        let _ = stream.reset_on_close();
    }
}

/// Every caller gets the error of the stream, and `io::Error` cannot be cloned.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
