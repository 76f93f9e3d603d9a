//! Descriptors of other code: `readable`, `writable`, `add_reader`, `add_writer`.
//!
//! *Assumes*: the reactor (`event_loop/reactor.rs`) reports each change once; `ppoll`
//! (`sys/fd.rs`) says whether a descriptor is ready now.
//! *Promises*: `readable` and `writable` return when the descriptor is ready at that moment; they
//! neither read nor change nor keep it, and a wait that is dropped leaves nothing behind. A
//! callback is called in every iteration in which its descriptor is ready, whether or not it has
//! read all there is (asyncio's level-triggered meaning); a removed callback is never called
//! again, and what it holds is dropped at once. Non-blocking mode is neither needed nor set: this is
//! the safe way to wait for a terminal, or for anything else that other processes share.
//! *Leaves out*: speed. Each `readable` enters a duplicate into the selector and takes it out
//! again, four system calls, and each callback costs a `ppoll`; streams of the loop's own
//! (`aio/net/byte_stream.rs`) cost neither.
//!
//! The task of a callback:
//!
//! ```text
//!   reactor's bit ── not set ──► wait for an event         (edge: reported once)
//!        │ set
//!        ▼
//!   ppoll, no timeout ── not ready ──► clear the bit, wait for an event
//!        │ ready
//!        ▼
//!   call ──► let the others run ──► ppoll again            (level: asked every time)
//! ```
//! Code written for asyncio relies on this: it reads one piece and returns. With edges alone
//! it would hang on the rest.
//!
//! asyncio watches a number, and a descriptor that was closed without `remove_reader` leaves a
//! stale watch behind, which a new one with the same number inherits. Here the loop owns or
//! shares (by `Rc`) what it watches, so it cannot be closed too early.

use crate::aio::net::async_fd::{AsyncFd, register};
use crate::aio::tasks::current::create_named_task;
use crate::base::id::Key;
use crate::event_loop::caught::{Caught, drop_wakers};
use crate::event_loop::core::{Core, current, with_current};
use crate::event_loop::join::Task;
use crate::event_loop::reactor::WaitTicket;
use crate::sys::fd::{Direction, can_read, can_write, wait_ready};
use crate::task::budget::yield_now;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// Waits until something can be read from `fd`: bytes, the end of a stream, or, from a pidfd,
/// the end of a process. One read of a descriptor in blocking mode then does not block, unless
/// another process that shares it has been quicker.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::readable;
/// use std::io::{Write, pipe};
///
/// let (reader, mut writer) = pipe()?;
/// writer.write_all(b"!")?;
/// EventLoop::new()?.run_until_complete(readable(&reader))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// `PermissionDenied` for what cannot be watched (a regular file); `EMFILE` when there are no
/// descriptors left; `NotConnected` outside a running loop.
#[doc(alias = "asyncio.loop.add_reader")]
pub async fn readable(fd: impl AsFd) -> io::Result<()> {
    wait_until_ready(fd, Direction::Read).await
}

/// Waits until something can be written to `fd`, or until it has no reader any more.
///
/// # Errors
/// As [`readable`].
#[doc(alias = "asyncio.loop.add_writer")]
pub async fn writable(fd: impl AsFd) -> io::Result<()> {
    wait_until_ready(fd, Direction::Write).await
}

async fn wait_until_ready(fd: impl AsFd, direction: Direction) -> io::Result<()> {
    let duplicate = AsyncFd::new(fd.as_fd().try_clone_to_owned()?)?;
    let is_ready = |fd: &OwnedFd| match wait_ready(fd.as_fd(), direction, Some(Duration::ZERO))? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    };
    duplicate.io_call(direction, is_ready).await
}

/// Calls `callback` in every iteration in which `io` can be read, or is at its end or has failed.
///
/// Takes the place of an earlier reader of the same descriptor. `io` is dropped when the
/// callback is removed; give an `Rc` to go on using it. Each callback has a task of its own,
/// which listings of tasks show. A panic goes to the exception handler; the callback stays.
///
/// # Errors
/// `PermissionDenied` for what is always ready and cannot be watched, such as a regular file;
/// `AlreadyExists` for what a stream of this loop watches; `EBADF` for a closed descriptor;
/// `NotConnected` outside a running loop; the system's limits.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{add_reader, remove_reader};
/// use std::{cell::Cell, io::Read, io::Write, os::unix::net::UnixStream, rc::Rc};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (near, mut far) = UnixStream::pair()?;
///     let (near, calls) = (Rc::new(near), Rc::new(Cell::new(0)));
///     let (inner, count) = (Rc::clone(&near), Rc::clone(&calls));
///     add_reader(Rc::clone(&near), move || {
///         (&*inner).read_exact(&mut [0]).unwrap(); // one byte, though there are three
///         count.set(count.get() + 1);
///     })?;
///     far.write_all(b"abc")?;
///     while calls.get() < 3 {
///         singletrack::yield_now().await;
///     }
///     assert!(remove_reader(&*near));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.loop.add_reader")]
pub fn add_reader(io: impl AsFd + 'static, callback: impl FnMut() + 'static) -> io::Result<()> {
    add(Direction::Read, Box::new(io), Box::new(callback))
}

/// As [`add_reader`], for writing.
///
/// # Errors
/// As there.
#[doc(alias = "asyncio.loop.add_writer")]
pub fn add_writer(io: impl AsFd + 'static, callback: impl FnMut() + 'static) -> io::Result<()> {
    add(Direction::Write, Box::new(io), Box::new(callback))
}

/// Takes the reader of a descriptor away. False if there is none, or no running loop.
///
/// A number is accepted as well: `remove_reader(&0)`.
#[doc(alias = "asyncio.loop.remove_reader")]
pub fn remove_reader(fd: &impl AsRawFd) -> bool {
    remove(Direction::Read, fd.as_raw_fd())
}

/// As [`remove_reader`], for the writer.
#[doc(alias = "asyncio.loop.remove_writer")]
pub fn remove_writer(fd: &impl AsRawFd) -> bool {
    remove(Direction::Write, fd.as_raw_fd())
}

/// The descriptors of one loop that have callbacks.
#[derive(Default)]
struct FdCallbacks(RefCell<HashMap<RawFd, FdEntry>>);

/// One descriptor: its entry in the reactor, and at most one callback in each direction.
struct FdEntry {
    key: Key,
    reader: Option<Registered>,
    writer: Option<Registered>,
}

impl FdEntry {
    fn slot(&mut self, direction: Direction) -> &mut Option<Registered> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

/// The only strong reference to a callback, and the task that calls it.
struct Registered {
    callback: Rc<FdCallback>,
    task: Task<()>,
}

struct FdCallback {
    key: Key,
    direction: Direction,
    io: Caught<Box<dyn AsFd>>,
    function: RefCell<Caught<Box<dyn FnMut()>>>,
    name: String,
}

fn add(direction: Direction, io: Box<dyn AsFd>, function: Box<dyn FnMut()>) -> io::Result<()> {
    let core = with_current(Rc::clone).ok_or_else(|| {
        let text = "watching a descriptor needs a running event loop";
        io::Error::new(io::ErrorKind::NotConnected, text)
    })?;
    let callbacks = core.extensions.get::<FdCallbacks>();
    let fd = io.as_fd().as_raw_fd();
    let known = callbacks.0.borrow().get(&fd).map(|entry| entry.key);
    let key = match known {
        Some(key) => key,
        None => register(&core, io.as_fd())?,
    };
    let what = if direction == Direction::Read { "reader" } else { "writer" };
    let name = format!("{what} of descriptor {fd}");
    let function = RefCell::new(Caught::new("the callback of a descriptor", function));
    let io = Caught::new("a descriptor", io);
    let callback = Rc::new(FdCallback { key, direction, io, function, name });
    let task = create_named_task(&callback.name, serve(Rc::downgrade(&callback)));
    let mut table = callbacks.0.borrow_mut();
    let entry = table.entry(fd).or_insert(FdEntry { key, reader: None, writer: None });
    let old = entry.slot(direction).replace(Registered { callback, task });
    drop(table);
    if let Some(old) = old {
        old.end(&core);
    }
    Ok(())
}

fn remove(direction: Direction, fd: RawFd) -> bool {
    // A copy of the loop that came with a fork watches nothing: its selector is the original's.
    let Some(core) = with_current(Rc::clone).filter(|core| !core.is_copy()) else { return false };
    let callbacks = core.extensions.get::<FdCallbacks>();
    let mut table = callbacks.0.borrow_mut();
    let Some(entry) = table.get_mut(&fd) else { return false };
    let Some(registered) = entry.slot(direction).take() else { return false };
    let last = entry.reader.is_none() && entry.writer.is_none();
    if last {
        table.remove(&fd);
    }
    drop(table);
    if last {
        let fd = registered.callback.io.as_fd();
        let waiters = core.reactor.borrow_mut().deregister(registered.callback.key, fd);
        drop(waiters); // the waker of its own task, which ends now
    }
    registered.end(&core);
    true
}

impl Registered {
    /// Ends the task; the callback and its descriptor are dropped, unless the callback is running.
    fn end(self, core: &Core) {
        let FdCallback { key, direction, .. } = *self.callback;
        let own = core.reactor.borrow_mut().remove_waiter(key, direction, &WaitTicket::polled());
        self.task.cancel();
        drop(own);
    }
}

/// Calls a callback whenever its descriptor is ready, as long as it is registered.
async fn serve(callback: Weak<FdCallback>) {
    while poll_fn(|cx| poll_ready(&callback, cx)).await {
        let Some(callback) = callback.upgrade() else { return };
        callback.call();
        drop(callback); // so that `remove` frees it while the other tasks run
        yield_now().await;
    }
}

/// True when the descriptor is ready; false when its callback was removed.
fn poll_ready(callback: &Weak<FdCallback>, cx: &mut Context<'_>) -> Poll<bool> {
    let (Some(callback), Some(core)) = (callback.upgrade(), with_current(Rc::clone)) else {
        return Poll::Ready(false);
    };
    let (key, direction, fd) = (callback.key, callback.direction, callback.io.as_fd());
    loop {
        let bit = core.reactor.borrow().is_ready(key, direction);
        match bit {
            None => return Poll::Ready(false),
            Some(false) => {
                let waker = cx.waker().clone();
                let mut reactor = core.reactor.borrow_mut();
                let old = reactor.set_waiter(key, direction, &mut WaitTicket::polled(), waker);
                drop(reactor);
                drop_wakers(old);
                return Poll::Pending;
            }
            Some(true) => {}
        }
        let ready = match direction {
            Direction::Read => can_read(fd),
            Direction::Write => can_write(fd),
        };
        // If the descriptor is broken, the callback's own system call will find out.
        if ready.unwrap_or(true) || core.reactor.borrow_mut().clear(key, fd, direction).is_err() {
            return Poll::Ready(true);
        }
    }
}

impl FdCallback {
    fn call(&self) {
        current("a callback").run_user_code(&self.name, || (self.function.borrow_mut())());
    }
}
