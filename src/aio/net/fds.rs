//! Waiting for a descriptor that somebody else reads and writes.
//!
//! *Assumes*: `aio/net/source.rs`.
//! *Promises*: returns when the descriptor is ready at that moment; the descriptor itself is
//! neither read nor changed nor kept; a wait that is dropped leaves nothing behind.
//! *Leaves out*: speed. Each wait enters a duplicate into the selector and takes it out again,
//! four system calls; streams of the loop's own stay in.
//!
//! asyncio's `add_reader` and `add_writer`, for one time.
//!
//! # Callbacks for descriptors: `add_reader`, `add_writer`, and their removal
//!
//! *Assumes*: the reactor (`event_loop/reactor.rs`), which speaks once per change; `ppoll`
//! (`sys/fd.rs`), which answers how things are.
//! *Promises*: asyncio's level-triggered meaning: a callback is called in every turn in which
//! its descriptor is ready, whether or not it has read all there is; a removed callback is
//! never called again, and what it holds is dropped at once.
//! *Leaves out*: reading and writing. What the callback does is its own affair.
//!
//! ```text
//!   reactor's bit ── not set ──► wait for news            (edge: told once)
//!        │ set
//!        ▼
//!   ppoll, no timeout ── not ready ──► clear the bit, wait for news
//!        │ ready
//!        ▼
//!   call ──► let the others run ──► ppoll again           (level: asked every time)
//! ```
//! Code written for asyncio counts on this: it reads one piece and returns. With edges alone
//! it would hang on the rest. The price is one more system call a callback.
//!
//! asyncio watches a number, and a descriptor that was closed without `remove_reader` leaves a
//! stale watch behind, which a new one with the same number inherits. Here the loop owns or
//! shares (by `Rc`) what it watches, so it cannot be closed too early.

use crate::aio::net::source::{Source, register};
use crate::aio::tasks::current::create_named_task;
use crate::base::id::Key;
use crate::event_loop::core::{Core, current, with_current};
use crate::event_loop::join::Task;
use crate::event_loop::waker::waker;
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
/// the end of a process.
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
    ready(fd, Direction::Read).await
}

/// Waits until something can be written to `fd`, or nobody is left to read it.
///
/// # Errors
/// As [`readable`].
#[doc(alias = "asyncio.loop.add_writer")]
pub async fn writable(fd: impl AsFd) -> io::Result<()> {
    ready(fd, Direction::Write).await
}

async fn ready(fd: impl AsFd, direction: Direction) -> io::Result<()> {
    let source = Source::new(fd.as_fd().try_clone_to_owned()?)?;
    let is_ready = |fd: &OwnedFd| match wait_ready(fd.as_fd(), direction, Some(Duration::ZERO))? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    };
    source.io_call(direction, is_ready).await
}

/// Calls `callback` in every turn in which `io` can be read, or is at its end or has failed.
///
/// Takes the place of an earlier reader of the same descriptor. `io` is dropped when the
/// callback is removed; give an `Rc` to go on using it. A task of its own serves each callback,
/// and listings of tasks show it. A panic goes to the exception handler; the watch goes on.
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
/// A number will do as well: `remove_reader(&0)`.
#[doc(alias = "asyncio.loop.remove_reader")]
pub fn remove_reader(fd: &impl AsRawFd) -> bool {
    remove(Direction::Read, fd.as_raw_fd())
}

/// As [`remove_reader`], for the writer.
#[doc(alias = "asyncio.loop.remove_writer")]
pub fn remove_writer(fd: &impl AsRawFd) -> bool {
    remove(Direction::Write, fd.as_raw_fd())
}

/// The watched descriptors of one loop.
#[derive(Default)]
struct Watches(RefCell<HashMap<RawFd, Watched>>);

/// One descriptor: its place in the reactor, and at most one watch in each direction.
struct Watched {
    key: Key,
    reader: Option<Watch>,
    writer: Option<Watch>,
}

impl Watched {
    fn side(&mut self, direction: Direction) -> &mut Option<Watch> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

/// The only strong hold on a side, and the task that serves it.
struct Watch {
    side: Rc<Side>,
    task: Task<()>,
}

struct Side {
    key: Key,
    direction: Direction,
    io: Box<dyn AsFd>,
    callback: RefCell<Box<dyn FnMut()>>,
    name: String,
}

fn add(direction: Direction, io: Box<dyn AsFd>, callback: Box<dyn FnMut()>) -> io::Result<()> {
    let core = with_current(Rc::clone).ok_or_else(|| {
        let text = "watching a descriptor needs a running event loop";
        io::Error::new(io::ErrorKind::NotConnected, text)
    })?;
    let watches = core.extensions.get::<Watches>();
    let fd = io.as_fd().as_raw_fd();
    let known = watches.0.borrow().get(&fd).map(|watched| watched.key);
    let key = match known {
        Some(key) => key,
        None => register(&core, io.as_fd())?,
    };
    let what = if direction == Direction::Read { "reader" } else { "writer" };
    let name = format!("{what} of descriptor {fd}");
    let side = Rc::new(Side { key, direction, io, callback: RefCell::new(callback), name });
    let task = create_named_task(&side.name, serve(Rc::downgrade(&side)));
    let mut table = watches.0.borrow_mut();
    let watched = table.entry(fd).or_insert(Watched { key, reader: None, writer: None });
    let old = watched.side(direction).replace(Watch { side, task });
    drop(table);
    if let Some(old) = old {
        old.end(&core);
    }
    Ok(())
}

fn remove(direction: Direction, fd: RawFd) -> bool {
    let Some(core) = with_current(Rc::clone) else { return false };
    let watches = core.extensions.get::<Watches>();
    let mut table = watches.0.borrow_mut();
    let Some(watched) = table.get_mut(&fd) else { return false };
    let Some(watch) = watched.side(direction).take() else { return false };
    let last = watched.reader.is_none() && watched.writer.is_none();
    if last {
        table.remove(&fd);
    }
    drop(table);
    if last {
        let fd = watch.side.io.as_fd();
        let waiters = core.reactor.borrow_mut().deregister(watch.side.key, fd);
        drop(waiters); // only its own task, which ends now
    }
    watch.end(&core);
    true
}

impl Watch {
    /// The task polls no more; the callback and its descriptor go, if it is not running.
    fn end(self, core: &Core) {
        let Side { key, direction, .. } = *self.side;
        let waker = waker(self.task.id());
        let own = core.reactor.borrow_mut().remove_waiter(key, direction, &waker);
        self.task.cancel();
        drop(own);
    }
}

/// Serves a side as long as it is there.
async fn serve(side: Weak<Side>) {
    while poll_fn(|cx| poll_ready(&side, cx)).await {
        let Some(side) = side.upgrade() else { return };
        side.call();
        drop(side); // its owner may remove it while the others run
        yield_now().await;
    }
}

/// True when the descriptor is ready; false when nobody watches it any more.
fn poll_ready(side: &Weak<Side>, cx: &mut Context<'_>) -> Poll<bool> {
    let (Some(side), Some(core)) = (side.upgrade(), with_current(Rc::clone)) else {
        return Poll::Ready(false);
    };
    let (key, direction, fd) = (side.key, side.direction, side.io.as_fd());
    loop {
        let bit = core.reactor.borrow().is_ready(key, direction);
        match bit {
            None => return Poll::Ready(false),
            Some(false) => {
                let waker = cx.waker().clone();
                let known = core.reactor.borrow_mut().add_waiter(key, direction, waker);
                drop(known);
                return Poll::Pending;
            }
            Some(true) => {}
        }
        let ready = match direction {
            Direction::Read => can_read(fd),
            Direction::Write => can_write(fd),
        };
        // What is wrong with a descriptor, the callback's own system call will find out.
        if ready.unwrap_or(true) || core.reactor.borrow_mut().clear(key, fd, direction).is_err() {
            return Poll::Ready(true);
        }
    }
}

impl Side {
    fn call(&self) {
        current("a watch").run_user_code(&self.name, || (self.callback.borrow_mut())());
    }
}
