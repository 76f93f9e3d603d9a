//! Spare workers, forked ahead of being asked for. Pure.
//!
//! *Assumes*: it is told of every spare that was forked, and of every one that died waiting.
//! *Promises*: the oldest is handed out first; whatever fails is not tried again before somebody
//! asks, so a fork that always fails, or a spare that always dies, costs nothing but itself.
//! *Leaves out*: forking (`process/forkserver/server.rs`).
//!
//! ```text
//!                add                        take
//!   fork ───▶ │ youngest … oldest │ ───▶ a worker, at once
//!                     │ lost
//!                     ▼
//!                 collected; no more until the next take
//! ```
//!
//! # What the fork server process does all its life: fork workers, keep spares, collect the dead
//!
//! *Assumes*: it was just forked from a program with one thread, and starts none.
//! *Promises*: forks only while it has one thread; one answer to each request, in order; a spare
//! that dies is collected at once; when the program is gone it ends its spares, and itself.
//! *Leaves out*: the program's side (`process/forkserver/client.rs`); the workers (`process/forkserver/worker.rs`).
//!
//! ```text
//!             ┌──────────────── one poll ────────────────┐
//!  socket ────┤ Spawn     a spare, or hooks and fork      │──▶ Spawned, or SpawnFailed
//!             │ Reap pid  waitid                          │──▶ Reaped + how it ended
//!             │ end       exit                            │
//!  pidfds ────┤ a spare died: collect it                  │
//!             │ quiet, and too few spares: fork one       │
//!             └───────────────────────────────────────────┘
//! ```
//! **A spare is as old as its fork.** But nothing happens in the fork server between two forks
//! except what the hooks do. So a spare differs from a worker forked this moment only in what
//! hooks have changed meanwhile.

use crate::futures::wire::encode;
use crate::process::forkserver::worker::{Hooks, serve};
use crate::process::message::descriptor::arrive_with;
use crate::process::message::frame::{Decoder, FrameKind, frame};
use crate::sys::fd::{Reader, Writer, can_read, pipe};
use crate::sys::process::Death;
use crate::sys::process::{
    SingleThreaded, fork, ignore_group_signals, pidfd_open, send_signal, wait, wait_for_exit,
};
use crate::sys::socket as rights;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The stock of spares, and how many there should be.
///
/// ```
/// use singletrack::process::forkserver::server::Preforked;
///
/// let mut spares = Preforked::new(1);
/// assert!(spares.is_short());
/// spares.add("the first");
/// assert!(!spares.is_short());
/// assert_eq!(spares.take(), Some("the first"));
/// assert!(spares.is_short(), "so the next is forked while nobody waits for it");
/// ```
#[derive(Debug)]
pub struct Preforked<S> {
    wanted: usize,
    ready: VecDeque<S>,
    /// The last attempt came to nothing, and nobody has asked since.
    paused: bool,
}

impl<S> Preforked<S> {
    /// None yet, and `wanted` to be had.
    pub fn new(wanted: usize) -> Self {
        Preforked { wanted, ready: VecDeque::new(), paused: false }
    }

    /// Whether one more should be forked now.
    pub fn is_short(&self) -> bool {
        self.ready.len() < self.wanted && !self.paused
    }

    /// One was forked.
    pub fn add(&mut self, spare: S) {
        self.ready.push_back(spare);
    }

    /// One could not be forked.
    pub fn failed(&mut self) {
        self.paused = true;
    }

    /// Somebody wants a worker: the oldest spare, if there is one.
    pub fn take(&mut self) -> Option<S> {
        self.paused = false;
        self.ready.pop_front()
    }

    /// The spare at this place died waiting.
    ///
    /// # Panics
    /// If there is none at this place.
    pub fn lost(&mut self, place: usize) -> S {
        self.paused = true;
        self.ready.remove(place).expect("a spare at this place")
    }

    /// All spares, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.ready.iter()
    }
}

/// A process just forked, and the program's ends of its pipes.
#[derive(Debug)]
pub(crate) struct Forked {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) requests: Writer,
    pub(crate) replies: Reader,
}

/// Serves until the program is gone; gives the exit code.
pub(crate) fn serve_forks(socket: &UnixStream, hooks: Hooks, spares: usize) -> i32 {
    // Ctrl-C goes to the whole group, and so may SIGTERM. The program may survive them, or want its
    // workers to finish first; so the fork server must survive them, too. It ends with the program.
    ignore_group_signals();
    let Ok(proof) = SingleThreaded::prove() else { return 1 };
    let mut fork_server = ServerProcess { socket, proof, hooks, spares: Preforked::new(spares) };
    let served = fork_server.serve();
    fork_server.end_preforked();
    match served {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => 1,
        // The program is gone.
        Err(_) => 0,
    }
}

/// All that the fork server process has: the socket, the hooks, and the workers in stock.
struct ServerProcess<'a> {
    socket: &'a UnixStream,
    proof: SingleThreaded,
    hooks: Hooks,
    spares: Preforked<Forked>,
}

impl ServerProcess<'_> {
    /// One request after the other.
    fn serve(&mut self) -> io::Result<()> {
        let (mut decoder, mut descriptors) = (Decoder::new(), Vec::new());
        loop {
            self.wait_for_request()?;
            match rights::receive(self.socket, decoder.room(), &mut descriptors)? {
                0 => return Ok(()),
                count => decoder.filled(count),
            }
            while let Some(request) = decoder.next_frame().map_err(invalid)? {
                match request.kind {
                    FrameKind::Spawn => self.spawn(request.id, std::mem::take(&mut descriptors))?,
                    FrameKind::Reap => self.reap(request.id)?,
                    kind => return Err(invalid(format!("{kind:?} is no request"))),
                }
            }
        }
    }

    /// Keeps the stock of spares until there is something to read.
    fn wait_for_request(&mut self) -> io::Result<()> {
        loop {
            while self.spares.is_short() && !can_read(self.socket.as_fd())? {
                match self.fork_worker(Vec::new()) {
                    Ok(spare) => self.spares.add(spare),
                    Err(_) => self.spares.failed(),
                }
            }
            let pidfds = self.spares.iter().map(|spare| spare.pidfd.as_fd());
            let watched: Vec<_> = [self.socket.as_fd()].into_iter().chain(pidfds).collect();
            let ready = wait_for_exit(&watched, None)?;
            // From the back, so that the places of the others stay what they are.
            for place in ready.iter().rev().filter_map(|index| index.checked_sub(1)) {
                // It is our child and dead, so this neither fails nor waits.
                let _ = wait(self.spares.lost(place).pid);
            }
            if ready.first() == Some(&0) {
                return Ok(());
            }
        }
    }

    /// Hands out a worker that has so many descriptors (`count`).
    fn spawn(&mut self, count: u64, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        let spare = if count == 0 { self.spares.take() } else { None };
        // With no descriptor left, some would have been lost on the way here.
        let complete = descriptors.len() as u64 == count;
        let forked = match spare {
            Some(spare) => Ok(spare),
            None if complete => self.fork_worker(descriptors),
            None => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        };
        match forked {
            Ok(child) => {
                let rights = [child.pidfd.as_fd(), child.requests.as_fd(), child.replies.as_fd()];
                send_frame(self.socket, FrameKind::Spawned, u64::from(child.pid), &[], &rights)
            }
            Err(error) => {
                let errno = error.raw_os_error();
                let why = if errno.is_some() { String::new() } else { error.to_string() };
                let errno = errno.unwrap_or(libc::EIO) as u64;
                send_frame(self.socket, FrameKind::SpawnFailed, errno, why.as_bytes(), &[])
            }
        }
    }

    fn fork_worker(&mut self, descriptors: Vec<OwnedFd>) -> io::Result<Forked> {
        let ready = self.run_hooks_before();
        let forked = ready.and_then(|()| self.fork_with_pipes(descriptors));
        self.hooks.run_after_in_parent();
        forked
    }

    fn run_hooks_before(&mut self) -> io::Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        let done = self.hooks.run_before();
        done.map_err(|why| io::Error::other(format!("a hook before the fork panicked: {why}")))?;
        // A hook may have started a thread.
        self.proof = SingleThreaded::prove().map_err(|names| {
            let names = names.join(", ");
            io::Error::other(format!("the hooks have given the fork server threads: {names}"))
        })?;
        Ok(())
    }

    fn fork_with_pipes(&mut self, descriptors: Vec<OwnedFd>) -> io::Result<Forked> {
        let (request_reader, requests) = pipe()?;
        let (replies, reply_writer) = pipe()?;
        let ends = [request_reader.as_fd(), reply_writer.as_fd()];
        let all = ends.into_iter().chain(descriptors.iter().map(AsFd::as_fd));
        let keep: Vec<RawFd> = all.map(|fd| fd.as_raw_fd()).collect();
        let hooks = &mut self.hooks;
        let pid = fork(&self.proof, &keep, move || {
            hooks.run_after_in_child();
            arrive_with(descriptors);
            serve(&request_reader, &reply_writer)
        })?;
        match pidfd_open(pid) {
            Ok(pidfd) => Ok(Forked { pid, pidfd, requests, replies }),
            Err(error) => {
                // With its request pipe closed it ends at once.
                drop(requests);
                drop(replies);
                let _ = wait(pid);
                Err(error)
            }
        }
    }

    /// They have nothing to lose, and nobody else would collect them.
    fn end_preforked(&mut self) {
        while let Some(spare) = self.spares.take() {
            if send_signal(spare.pidfd.as_fd(), libc::SIGKILL).is_ok() {
                let _ = wait(spare.pid);
            }
        }
    }

    fn reap(&self, pid: u64) -> io::Result<()> {
        let body = match wait(pid as u32) {
            Ok(Death::Code(code)) => encode(&(false, code)).map_err(invalid)?,
            Ok(Death::Signal(signal)) => encode(&(true, signal)).map_err(invalid)?,
            Err(_) => Vec::new(),
        };
        send_frame(self.socket, FrameKind::Reaped, pid, &body, &[])
    }
}

/// Sends one message, with duplicates of `rights`.
pub(crate) fn send_frame(
    socket: &UnixStream,
    kind: FrameKind,
    id: u64,
    body: &[u8],
    rights: &[BorrowedFd<'_>],
) -> io::Result<()> {
    rights::send(socket, &frame(kind, id, body).map_err(invalid)?, rights)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
