//! The fork server process: forks, with hooks around it, keeps preforked workers.
//!
//! *Assumes*: it was just forked from a program with one thread, and starts none.
//! *Promises*: forks only while it has one thread; one answer to each request, in order; after a fork
//! that failed the parent's hooks run as after one that succeeded; the oldest preforked worker is
//! handed out first, one that dies is reaped at once, and a fork that failed is not tried again before
//! the next request; when the program is gone, the fork server kills its preforked workers and exits.
//! *Leaves out*: the program's side (`process/forkserver/client.rs`); the hooks
//! (`process/forkserver/hooks.rs`); what a worker does (`process/forkserver/worker.rs`).
//!
//! ```text
//!             ┌──────────────── one poll ────────────────┐
//!  socket ────┤ Spawn     a preforked worker, or fork     │──▶ Spawned, or SpawnFailed
//!             │ Reap pids waitid, for each                │──▶ Reaped + how they ended
//!             │ end       exit                            │
//!  pidfds ────┤ a preforked worker died: reap it          │
//!             │ quiet, and too few preforked: fork one    │
//!             └───────────────────────────────────────────┘
//!
//!                add                        take
//!   fork ───▶ │ youngest … oldest │ ───▶ a worker, at once
//!                     │ lost
//!                     ▼
//!                 reaped; no fork until the next take
//! ```
//! **A preforked worker is as old as its fork.** But nothing happens in the fork server between two
//! forks except what the hooks do. So it differs from a worker forked this moment only in what
//! hooks have changed meanwhile.
//!
//! **What a worker needs is made before it is wanted**, while the fork server has nothing else to do: its
//! pipes and its memory (`Outfit`). So nobody waits for that.

use crate::futures::wire::{decode, encode};
use crate::process::forkserver::hooks::Hooks;
use crate::process::forkserver::worker::serve;
use crate::process::message::claim::ClaimWords;
use crate::process::message::descriptor::arrive_with;
use crate::process::message::frame::{Decoder, FrameKind, frame};
use crate::process::message::segment::{Segment, new_segment};
use crate::sys::fd::{PipeReader, PipeWriter, can_read, pipe};
use crate::sys::memory::keep_freed_memory;
use crate::sys::process::Death;
use crate::sys::process::{
    SingleThreaded, fork, ignore_group_signals, pidfd_open, send_signal, wait, wait_for_exit,
};
use crate::sys::socket::{receive, send};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// Workers that were forked before they were asked for, and how many there should be.
///
/// ```
/// use singletrack::process::forkserver::server::Preforked;
///
/// let mut preforked = Preforked::new(1);
/// assert!(preforked.is_short());
/// preforked.add("the first");
/// assert!(!preforked.is_short());
/// assert_eq!(preforked.take(), Some("the first"));
/// assert!(preforked.is_short(), "so the next is forked while no request waits for it");
/// ```
#[derive(Debug)]
pub struct Preforked<S> {
    wanted: usize,
    ready: VecDeque<S>,
    /// The last fork failed or its worker died, and no request has come since.
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
    pub fn add(&mut self, worker: S) {
        self.ready.push_back(worker);
    }

    /// One could not be forked.
    pub fn failed(&mut self) {
        self.paused = true;
    }

    /// A worker is wanted: the oldest one, if there is any.
    pub fn take(&mut self) -> Option<S> {
        self.paused = false;
        self.ready.pop_front()
    }

    /// The worker at this place died before it was handed out.
    ///
    /// # Panics
    /// If there is none at this place.
    pub fn lost(&mut self, place: usize) -> S {
        self.paused = true;
        self.ready.remove(place).expect("a worker at this place")
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.ready.iter()
    }
}

/// A process just forked, and the program's ends of its pipes.
#[derive(Debug)]
pub(crate) struct Forked {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) requests: PipeWriter,
    pub(crate) replies: PipeReader,
    /// The memory beside them; `None` where there was none to be had.
    pub(crate) segment: Option<File>,
}

/// All that a worker needs before it is forked: its two pipes, and the memory beside them.
struct Outfit {
    request_reader: PipeReader,
    requests: PipeWriter,
    replies: PipeReader,
    reply_writer: PipeWriter,
    /// `None` where there is none to be had.
    segment: Option<(Segment, File)>,
}

impl Outfit {
    fn new() -> io::Result<Outfit> {
        let (request_reader, requests) = pipe()?;
        let (replies, reply_writer) = pipe()?;
        let segment = new_segment().ok();
        Ok(Outfit { request_reader, requests, replies, reply_writer, segment })
    }
}

/// Serves the program's requests until the program is gone; gives the exit code.
pub(crate) fn serve_forks(
    socket: &UnixStream,
    hooks: Hooks,
    preforked: usize,
    words: &ClaimWords,
) -> i32 {
    // Ctrl-C goes to the whole group, and so may SIGTERM. The program may survive them, or want its
    // workers to finish first; so the fork server must survive them, too. It ends with the program.
    ignore_group_signals();
    // For the workers, which inherit malloc's limits.
    keep_freed_memory();
    let Ok(proof) = SingleThreaded::prove() else { return 1 };
    let preforked = Preforked::new(preforked);
    let mut server =
        ForkServerProcess { socket, proof, hooks, preforked, outfit: Outfit::new().ok(), words };
    let served = server.serve();
    server.end_preforked();
    match served {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => 1,
        // The program is gone.
        Err(_) => 0,
    }
}

/// All that the fork server process has: the socket, the hooks, and the preforked workers.
struct ForkServerProcess<'a> {
    socket: &'a UnixStream,
    proof: SingleThreaded,
    hooks: Hooks,
    preforked: Preforked<Forked>,
    /// For the next worker, made while nobody waits for it. Where the system refuses it, it is tried
    /// again for a worker that is wanted, which then fails with the reason.
    outfit: Option<Outfit>,
    /// For the workers.
    words: &'a ClaimWords,
}

impl ForkServerProcess<'_> {
    /// Answers one request after the other.
    fn serve(&mut self) -> io::Result<()> {
        let (mut decoder, mut descriptors) = (Decoder::new(), Vec::new());
        loop {
            self.wait_for_request()?;
            match receive(self.socket, decoder.room(), &mut descriptors)? {
                0 => return Ok(()),
                count => decoder.filled(count),
            }
            while let Some(request) = decoder.next_frame().map_err(invalid)? {
                match request.kind {
                    FrameKind::Spawn => self.spawn(request.id, std::mem::take(&mut descriptors))?,
                    FrameKind::Reap => self.reap(request.body)?,
                    kind => return Err(invalid(format!("{kind:?} is no request"))),
                }
            }
        }
    }

    /// Forks workers ahead and reaps those that die, until there is something to read.
    fn wait_for_request(&mut self) -> io::Result<()> {
        loop {
            while self.preforked.is_short() && !can_read(self.socket.as_fd())? {
                match self.fork_worker(Vec::new()) {
                    Ok(worker) => self.preforked.add(worker),
                    Err(_) => self.preforked.failed(),
                }
            }
            if self.outfit.is_none() && !can_read(self.socket.as_fd())? {
                self.outfit = Outfit::new().ok();
            }
            let pidfds = self.preforked.iter().map(|worker| worker.pidfd.as_fd());
            let watched: Vec<_> = [self.socket.as_fd()].into_iter().chain(pidfds).collect();
            let ready = wait_for_exit(&watched, None)?;
            // From the back, so that the places of the others stay what they are.
            for place in ready.iter().rev().filter_map(|index| index.checked_sub(1)) {
                // It is our child and dead, so this neither fails nor waits.
                let _ = wait(self.preforked.lost(place).pid);
            }
            if ready.first() == Some(&0) {
                return Ok(());
            }
        }
    }

    /// Hands out a worker that has `count` descriptors: a preforked one if it needs none.
    fn spawn(&mut self, count: u64, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        let preforked = if count == 0 { self.preforked.take() } else { None };
        // With no descriptor number free in this process, some were lost on the way here.
        let complete = descriptors.len() as u64 == count;
        let forked = match preforked {
            Some(worker) => Ok(worker),
            None if complete => self.fork_worker(descriptors),
            None => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        };
        match forked {
            Ok(child) => {
                let pipes = [child.pidfd.as_fd(), child.requests.as_fd(), child.replies.as_fd()];
                let segment = child.segment.as_ref().map(AsFd::as_fd);
                let rights: Vec<_> = pipes.into_iter().chain(segment).collect();
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
        let outfit = self.outfit.take().map_or_else(Outfit::new, Ok)?;
        let Outfit { request_reader, requests, replies, reply_writer, segment } = outfit;
        let (segment, file) = segment.unzip();
        let ends = [request_reader.as_fd(), reply_writer.as_fd()];
        let all = ends.into_iter().chain(descriptors.iter().map(AsFd::as_fd));
        let keep: Vec<RawFd> = all.map(|fd| fd.as_raw_fd()).collect();
        let (hooks, words) = (&mut self.hooks, self.words);
        // In the worker they are closed by its exit, not by a panic that unwinds: whoever sees the end of
        // a pipe kills the worker, and then its exit code must be decided.
        let own_ends = (ManuallyDrop::new(request_reader), ManuallyDrop::new(reply_writer));
        let forked = fork(&self.proof, &keep, || {
            hooks.run_after_in_child();
            arrive_with(descriptors);
            serve(&own_ends.0, &own_ends.1, words, segment)
        });
        let (request_reader, reply_writer) = own_ends;
        drop((ManuallyDrop::into_inner(request_reader), ManuallyDrop::into_inner(reply_writer)));
        let pid = forked?;
        match pidfd_open(pid) {
            Ok(pidfd) => Ok(Forked { pid, pidfd, requests, replies, segment: file }),
            Err(error) => {
                // With its request pipe closed it exits at once. It is ours, so the wait cannot fail, and
                // there is an error to be told already.
                drop(requests);
                drop(replies);
                let _ = wait(pid);
                Err(error)
            }
        }
    }

    /// Kills the preforked workers. They run nothing, and no other process would reap them.
    fn end_preforked(&mut self) {
        while let Some(worker) = self.preforked.take() {
            if send_signal(worker.pidfd.as_fd(), libc::SIGKILL).is_ok() {
                // It is our child, and not waited for yet.
                let _ = wait(worker.pid);
            }
        }
    }

    /// Reaps the workers that the request names, and answers how each ended: whether by a signal, and
    /// by which, or with which code. (One that is no child of ours, which cannot be, counts as killed.)
    fn reap(&self, request: &[u8]) -> io::Result<()> {
        let pids: Vec<u32> = decode(request).map_err(invalid)?;
        let ends = pids.into_iter().map(|pid| match wait(pid) {
            Ok(Death::Code(code)) => (false, code),
            Ok(Death::Signal(signal)) => (true, signal),
            Err(_) => (true, libc::SIGKILL),
        });
        let ends = encode(&ends.collect::<Vec<_>>()).map_err(invalid)?;
        send_frame(self.socket, FrameKind::Reaped, 0, &ends, &[])
    }
}

/// Sends one frame, with duplicates of `rights`.
pub(crate) fn send_frame(
    socket: &UnixStream,
    kind: FrameKind,
    id: u64,
    body: &[u8],
    rights: &[BorrowedFd<'_>],
) -> io::Result<()> {
    send(socket, &frame(kind, id, body).map_err(invalid)?, rights)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
