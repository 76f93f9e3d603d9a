//! A listener whose accepts fail: for want of descriptors or memory, or because a client has gone.
//!
//! *Promises*: connections come in the order in which they were made. A failure for want of something
//! leaves them where they are; one of a connection takes that connection along. With the listener go
//! those that nobody has accepted.
//! *Leaves out*: addresses, and a queue that is full.

use crate::aio::net::byte_stream::ByteStream;
use crate::aio::streams::server::Listener;
use crate::lab::seeds::faulty::Faulty;
use crate::sim::program::Sim;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// One in so many accepts fails.
const SELDOM: usize = 6;

/// What accept(2) may report; the last is the error of the connection that it would have returned.
const ERRORS: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ECONNABORTED];

/// The server's side.
#[derive(Debug)]
pub struct FaultyListener {
    sim: Sim,
    backlog: Rc<Backlog>,
}

/// The clients' side: where they wait until they are accepted.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: RefCell<VecDeque<Faulty>>,
    acceptor: RefCell<Option<Waker>>,
    closed: Cell<bool>,
    failures: Cell<u64>,
}

impl FaultyListener {
    /// A listener, and where to connect to it.
    pub fn new(sim: &Sim) -> (FaultyListener, Rc<Backlog>) {
        let backlog = Rc::new(Backlog::default());
        (FaultyListener { sim: sim.clone(), backlog: Rc::clone(&backlog) }, backlog)
    }
}

impl Backlog {
    /// A connection to the listener, accepted or not.
    ///
    /// # Errors
    /// `ConnectionRefused` when it is closed; the system's limits.
    pub fn connect(&self, sim: &Sim) -> io::Result<Faulty> {
        if self.closed.get() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (here, there) = Faulty::pair(sim, true)?;
        self.waiting.borrow_mut().push_back(there);
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.wake();
        }
        Ok(here)
    }

    /// How many accepts have failed.
    pub fn failures(&self) -> u64 {
        self.failures.get()
    }

    fn fail<T>(&self, error: i32) -> io::Result<T> {
        self.failures.update(|failures| failures + 1);
        if error == libc::ECONNABORTED {
            self.waiting.borrow_mut().pop_front();
        }
        Err(io::Error::from_raw_os_error(error))
    }
}

impl Listener for FaultyListener {
    type Io = Faulty;

    fn poll_connection(&self, cx: &mut Context<'_>) -> Poll<io::Result<ByteStream<Faulty>>> {
        if self.backlog.waiting.borrow().is_empty() {
            self.backlog.acceptor.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        if self.sim.choose(SELDOM) == 1 {
            return Poll::Ready(self.backlog.fail(ERRORS[self.sim.choose(ERRORS.len())]));
        }
        let next = self.backlog.waiting.borrow_mut().pop_front();
        Poll::Ready(next.map_or_else(|| self.backlog.fail(libc::ECONNABORTED), ByteStream::new))
    }
}

impl Drop for FaultyListener {
    fn drop(&mut self) {
        self.backlog.closed.set(true);
        drop(self.backlog.waiting.take()); // their clients read the end of the stream
    }
}
