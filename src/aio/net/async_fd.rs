//! A descriptor that the loop watches: the step between a system call and a future.
//!
//! *Assumes*: the reactor (`event_loop/reactor.rs`); descriptors in non-blocking mode.
//! *Promises*: the system call is tried first and the task sleeps only on `WouldBlock`; a wait that
//! is dropped, or polled with another waker, leaves none of its own behind, and a `poll_*` replaces the
//! waker of the last one in its direction; the descriptor is deregistered before it is closed, wherever it is dropped; and one that was taken
//! over from elsewhere is then in the mode that it came in (`aio/net/nonblocking.rs`).
//! *Leaves out*: the calls themselves (`aio/net/byte_stream.rs` and the sockets).
//!
//! ```text
//!   poll_io:   the reactor's bit ── not set ──► register the waker, Pending
//!                   │ set                                  ▲
//!                   ▼                                      │ clear the bit
//!              the call ── WouldBlock ─────────────────────┘
//!                   └── anything else ──► Ready
//! ```

use crate::aio::net::nonblocking::Borrowed;
use crate::base::id::{Key, LoopId};
use crate::event_loop::caught::drop_wakers;
use crate::event_loop::core::{Core, made_here, try_enter, with_current};
use crate::event_loop::inbox::{self, LoopMessage};
use crate::event_loop::reactor::WaitTicket;
use crate::sys::fd::Direction;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// An I/O object of std, registered in the reactor of the loop it was made on.
///
/// It may travel to other threads, but polls there report an error: its readiness lives with
/// its loop. Counterparts: tokio's `AsyncFd`, async-io's `Async`.
#[derive(Debug)]
pub struct AsyncFd<T: AsFd + Into<OwnedFd>> {
    /// `None` only inside `drop`.
    io: Option<T>,
    loop_id: LoopId,
    key: Key,
    /// A mode to be put back.
    borrowed: Option<Borrowed>,
}

impl<T: AsFd + Into<OwnedFd>> AsyncFd<T> {
    /// Has the running loop watch `io`, which must be in non-blocking mode.
    ///
    /// # Errors
    /// `EPERM` for what cannot be watched (a regular file), the system's limits, and
    /// `NotConnected` when this thread runs no loop.
    pub fn new(io: T) -> io::Result<Self> {
        let core = with_current(Rc::clone).ok_or_else(no_loop)?;
        let key = register(&core, io.as_fd())?;
        Ok(AsyncFd::registered(io, &core, key, None))
    }

    /// As [`new`](Self::new), for what comes from elsewhere and may be shared: sets non-blocking
    /// mode, which all that share the open file see, and puts it back when the last user here is
    /// dropped, if it was blocking before. On an error it is as it was.
    ///
    /// Think twice before you take over a terminal: your shell shares it. If this process ends
    /// without a drop, the shell is left with a terminal that does not block. Wait with
    /// [`readable`](crate::aio::readable) instead, which changes nothing, or open `/dev/tty` anew.
    ///
    /// # Errors
    /// As `new`.
    pub fn take_over(io: T) -> io::Result<Self> {
        let core = with_current(Rc::clone).ok_or_else(no_loop)?;
        let borrowed = Borrowed::set(io.as_fd())?;
        match register(&core, io.as_fd()) {
            Ok(key) => Ok(AsyncFd::registered(io, &core, key, borrowed)),
            Err(refused) => {
                if let Some(borrowed) = borrowed {
                    borrowed.put_back(io.as_fd());
                }
                Err(refused)
            }
        }
    }

    fn registered(io: T, core: &Core, key: Key, borrowed: Option<Borrowed>) -> Self {
        AsyncFd { io: Some(io), loop_id: core.id, key, borrowed }
    }

    /// The loop that watches it.
    pub(crate) fn loop_id(&self) -> LoopId {
        self.loop_id
    }

    /// The object itself, for calls that do not block.
    pub fn io(&self) -> &T {
        self.io.as_ref().expect("the object is here until the drop")
    }

    /// Tries `call`; on `WouldBlock` waits until the descriptor is ready in that direction. Of
    /// several that poll by hand in one direction, the last one is woken; use
    /// [`wait`](Self::wait) where several wait.
    ///
    /// # Errors
    /// What `call` reports; and `InvalidInput` on another loop than this one's own.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_io_as(&mut WaitTicket::polled(), cx, direction, call)
    }

    /// [`poll_io`](Self::poll_io) for a wait that has a ticket of its own, which whoever drops it takes
    /// back, as [`wait`](Self::wait) does.
    ///
    /// # Errors
    /// As there.
    pub fn poll_io_as<R>(
        &self,
        ticket: &mut WaitTicket,
        cx: &mut Context<'_>,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let polls = |core: &Core| loop {
            ready!(self.poll_ready(core, ticket, cx, direction))?;
            ready!(core.budget.spend(cx));
            match call(self.io()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let mut reactor = core.reactor.borrow_mut();
                    reactor.clear(self.key, self.io().as_fd(), direction)?;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        };
        self.on_own_loop(polls).unwrap_or_else(|wrong_loop| Poll::Ready(Err(wrong_loop)))
    }

    /// [`poll_io`](Self::poll_io) as a future. Several tasks may wait in the same direction;
    /// an event wakes them all, and each tries again.
    pub fn io_call<R>(
        &self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R> + Unpin,
    ) -> impl Future<Output = io::Result<R>> {
        self.wait(direction, move |ticket, cx| self.poll_io_as(ticket, cx, direction, &mut call))
    }

    /// A future of `poll`, which polls this in one direction under the ticket that it is given.
    /// Polled with another waker or dropped, it leaves none of its wakers behind.
    pub fn wait<R, F>(&self, direction: Direction, poll: F) -> IoWait<'_, T, F>
    where
        F: FnMut(&mut WaitTicket, &mut Context<'_>) -> Poll<R> + Unpin,
    {
        IoWait { fd: self, direction, ticket: WaitTicket::new(), poll }
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
        self.on_own_loop(|core| {
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
        })?
    }

    /// A read of a byte stream that returned less than it had room for has emptied the
    /// kernel's buffer: saying so saves the system call that would find out.
    ///
    /// # Errors
    /// On another loop than this one's own.
    pub fn clear_drained(&self) -> io::Result<()> {
        let fd = self.io().as_fd();
        self.on_own_loop(|core| core.reactor.borrow_mut().clear_drained(self.key, fd))
    }

    /// `Ok` on the loop that watches this, while it runs. For streams, which must tell a mistake
    /// of their caller from an error of the object.
    ///
    /// # Errors
    /// `InvalidInput` on another loop, `NotConnected` outside any.
    pub fn check_loop(&self) -> io::Result<()> {
        self.on_own_loop(|_| ())
    }

    fn poll_ready(
        &self,
        core: &Core,
        ticket: &mut WaitTicket,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<()>> {
        let ready = core.reactor.borrow().is_ready(self.key, direction);
        match ready {
            Some(true) => {
                ticket.was_woken();
                Poll::Ready(Ok(()))
            }
            Some(false) => {
                // Cloned and dropped outside the borrow: a foreign waker runs foreign code.
                let waker = cx.waker().clone();
                let mut reactor = core.reactor.borrow_mut();
                let old = reactor.set_waiter(self.key, direction, ticket, waker);
                drop(reactor);
                drop_wakers(old);
                Poll::Pending
            }
            None => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "this descriptor was deregistered by its event loop",
            ))),
        }
    }

    /// Does `act` on this descriptor's own loop, if this thread is running it.
    fn on_own_loop<R>(&self, act: impl FnOnce(&Core) -> R) -> io::Result<R> {
        let done = with_current(|core| match core.id == self.loop_id {
            true => Ok(act(core)),
            false => Err(self.wrong_loop(core.id)),
        });
        done.unwrap_or_else(|| Err(no_loop()))
    }

    #[cold]
    fn wrong_loop(&self, there: LoopId) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "this descriptor belongs to event loop {}, not to event loop {}: make it on the \
                 loop that uses it",
                self.loop_id.get(),
                there.get()
            ),
        )
    }
}

/// See [`AsyncFd::wait`]. Written out, because an `async fn` would hold all of it twice: as
/// arguments, and as the variables of its body.
#[must_use = "a future does nothing until it is awaited"]
pub struct IoWait<'a, T: AsFd + Into<OwnedFd>, F> {
    fd: &'a AsyncFd<T>,
    direction: Direction,
    ticket: WaitTicket,
    poll: F,
}

impl<T, F, R> Future for IoWait<'_, T, F>
where
    T: AsFd + Into<OwnedFd>,
    F: FnMut(&mut WaitTicket, &mut Context<'_>) -> Poll<R> + Unpin,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.get_mut();
        (this.poll)(&mut this.ticket, cx)
    }
}

impl<T: AsFd + Into<OwnedFd>, F> IoWait<'_, T, F> {
    /// Off the hot path: a wait that was woken by its event has nothing to forget.
    #[cold]
    fn forget(&mut self) {
        // On another thread or loop the waker stays: it wakes no task, or one once in vain.
        let removed = self.fd.on_own_loop(|core| {
            let mut reactor = core.reactor.borrow_mut();
            reactor.remove_waiter(self.fd.key, self.direction, &self.ticket)
        });
        drop_wakers(removed.ok().flatten()); // outside the borrow
    }
}

impl<T: AsFd + Into<OwnedFd>, F> Drop for IoWait<'_, T, F> {
    fn drop(&mut self) {
        if !self.ticket.is_new() {
            self.forget();
        }
    }
}

/// Registers a descriptor with the loop's reactor.
///
/// # Errors
/// What the system refuses; and in a copy of the loop that came with a fork, whose selector is the original's.
pub(crate) fn register(core: &Core, fd: BorrowedFd<'_>) -> io::Result<Key> {
    core.check_origin()?;
    let registered = core.reactor.borrow_mut().register(fd);
    registered.map_err(|error| refused(fd.as_raw_fd(), &error))
}

/// The system's error, and what to do about it.
fn refused(fd: RawFd, error: &io::Error) -> io::Error {
    let why = match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::PermissionDenied, _) => {
            "is always ready, as regular files are; read or write it on a thread, with `to_thread`"
        }
        (io::ErrorKind::AlreadyExists, _) => "is watched by a stream of this loop; use that",
        (_, Some(libc::EBADF)) => "is closed",
        _ => "was refused by the system",
    };
    io::Error::new(error.kind(), format!("descriptor {fd} cannot be watched: it {why} ({error})"))
}

fn no_loop() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "I/O needs a running event loop: use it inside `EventLoop::run_until_complete`",
    )
}

impl<T: AsFd + Into<OwnedFd>> Drop for AsyncFd<T> {
    fn drop(&mut self) {
        let Some(io) = self.io.take() else { return };
        if let Some(borrowed) = self.borrowed {
            borrowed.put_back(io.as_fd());
        }
        // On its own thread also between two runs of its loop, or while another one runs.
        if let Some(core) = made_here(self.loop_id) {
            let _its_wakers_find_their_loop = try_enter(&core);
            return core.close_source(self.key, io.into());
        }
        // If the loop is gone, so is its epoll instance: closing is all that is left to do. And all that a
        // forked child may do, where the loop is a copy: to forget the source would forget the parent's.
        let _ = inbox::send(self.loop_id, LoopMessage::Close(self.key, io.into()));
    }
}
