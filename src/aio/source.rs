//! A descriptor that the loop watches: the step between a system call and a future.
//!
//! *Assumes*: the reactor; descriptors in non-blocking mode.
//! *Promises*: the system call is tried first and the task sleeps only on `WouldBlock`; the
//! source is forgotten before its descriptor is closed, wherever it is dropped.
//! *Leaves out*: what the calls are (`aio/byte_stream.rs` and below).

use crate::base::id::LoopId;
use crate::base::slab::Key;
use crate::event_loop::core::{Core, tell, with_current};
use crate::event_loop::inbox::Message;
use crate::event_loop::reactor::Direction;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// An I/O object of std and its place in the reactor of the loop it was made on.
///
/// It may travel to other threads, but polls there report an error: its readiness lives with
/// its loop. Counterparts: tokio's `AsyncFd`, async-io's `Async`.
#[derive(Debug)]
pub struct Source<T: AsFd + Into<OwnedFd>> {
    /// `None` only inside `drop`.
    io: Option<T>,
    loop_id: LoopId,
    key: Key,
}

impl<T: AsFd + Into<OwnedFd>> Source<T> {
    /// Has the running loop watch `io`, which must be in non-blocking mode.
    ///
    /// # Errors
    /// `EPERM` for what cannot be watched (a regular file), the system's limits, and
    /// `NotConnected` when this thread runs no loop.
    pub fn new(io: T) -> io::Result<Self> {
        let core = with_current(Rc::clone).ok_or_else(no_loop)?;
        let key = core.reactor.borrow_mut().register(io.as_fd())?;
        Ok(Source { io: Some(io), loop_id: core.id, key })
    }

    /// The object itself, for calls that do not block.
    pub fn io(&self) -> &T {
        self.io.as_ref().expect("an object is in its source until the drop")
    }

    /// Tries `call`; on `WouldBlock` waits for news in that direction.
    ///
    /// # Errors
    /// What `call` reports; and `InvalidInput` on another loop than the source's own.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let core = self.home()?;
        loop {
            ready!(self.poll_ready(&core, cx, direction))?;
            ready!(core.budget.spend(cx));
            match call(self.io()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let mut reactor = core.reactor.borrow_mut();
                    reactor.clear(self.key, self.io().as_fd(), direction)?;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// [`poll_io`](Self::poll_io) as a future. Several tasks may wait in the same direction;
    /// news wakes them all, and each tries again.
    ///
    /// # Errors
    /// As `poll_io`.
    pub async fn io_call<R>(
        &self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut wait = Wait { source: self, direction, waker: None };
        poll_fn(|cx| {
            if wait.waker.as_ref().is_some_and(|waker| !waker.will_wake(cx.waker())) {
                wait.forget();
            }
            let polled = self.poll_io(cx, direction, &mut call);
            match polled {
                Poll::Pending => _ = wait.waker.get_or_insert_with(|| cx.waker().clone()),
                Poll::Ready(_) => wait.waker = None,
            }
            polled
        })
        .await
    }

    /// Tries `call` once, without waiting.
    ///
    /// # Errors
    /// `WouldBlock`, and as [`poll_io`](Self::poll_io).
    pub fn try_io<R>(
        &self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let core = self.home()?;
        if core.reactor.borrow().is_ready(self.key, direction) != Some(true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match call(self.io()) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                core.reactor.borrow_mut().clear(self.key, self.io().as_fd(), direction)?;
                Err(e)
            }
            other => other,
        }
    }

    /// A read of a byte stream that returned less than it had room for has emptied the
    /// kernel's buffer: saying so saves the system call that would find out.
    ///
    /// # Errors
    /// What the selector reports.
    pub fn clear_drained(&self) -> io::Result<()> {
        self.home()?.reactor.borrow_mut().clear_drained(self.key, self.io().as_fd())
    }

    fn poll_ready(
        &self,
        core: &Core,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<()>> {
        let mut reactor = core.reactor.borrow_mut();
        match reactor.is_ready(self.key, direction) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => {
                reactor.wait_for(self.key, direction, cx.waker());
                Poll::Pending
            }
            None => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "this source was forgotten by its event loop",
            ))),
        }
    }

    fn home(&self) -> io::Result<Rc<Core>> {
        let core = with_current(Rc::clone).ok_or_else(no_loop)?;
        if core.id != self.loop_id {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "this source belongs to event loop {}, not to event loop {}: make it on the \
                     loop that uses it",
                    self.loop_id.get(),
                    core.id.get()
                ),
            ));
        }
        Ok(core)
    }
}

/// A call that waits. Polled with another waker or dropped, it leaves none behind.
struct Wait<'a, T: AsFd + Into<OwnedFd>> {
    source: &'a Source<T>,
    direction: Direction,
    waker: Option<Waker>,
}

impl<T: AsFd + Into<OwnedFd>> Wait<'_, T> {
    /// Off the busy path: a wait that gets its news has nothing to forget.
    #[cold]
    fn forget(&mut self) {
        let Some(waker) = self.waker.take() else { return };
        // On any other thread or loop the waker stays, and wakes nobody or once for nothing.
        if let Ok(core) = self.source.home() {
            let mut reactor = core.reactor.borrow_mut();
            let left = reactor.forget_waiter(self.source.key, self.direction, &waker);
            drop(reactor);
            drop(left); // may be somebody else's waker: outside the borrow
        }
    }
}

impl<T: AsFd + Into<OwnedFd>> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        if self.waker.is_some() {
            self.forget();
        }
    }
}

fn no_loop() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "I/O needs a running event loop: use it inside `EventLoop::run_until_complete`",
    )
}

impl<T: AsFd + Into<OwnedFd>> Drop for Source<T> {
    fn drop(&mut self) {
        let Some(io) = self.io.take() else { return };
        let fd = std::cell::Cell::new(Some(io.into()));
        // If the loop is gone, so is its epoll instance: closing is all that is left to do.
        let _ = tell(
            self.loop_id,
            |core| core.close_source(self.key, fd.take().expect("one of the two runs")),
            || Message::Close(self.key, fd.take().expect("one of the two runs")),
        );
    }
}
