//! The nursery: a process with one thread, forked first, that forks workers when asked.
//!
//! *Assumes*: it is started while the program has a single thread, mostly first in `main`.
//! *Promises*: forks from a clean single thread at any time, however many threads the program
//! has by then; no zombie is left; when the program dies, even by SIGKILL, the nursery and all
//! workers die with it.
//! *Leaves out*: what the workers do (`process/worker.rs`) and who gets which job.
//!
//! ```text
//!  program ════ Unix socket ═════▶ nursery            the nursery's loop:
//!   │ ▲    "spawn"                  │ fork             Spawn     make two pipes, fork, answer
//!   │ │    ◀── pid, pidfd, pipes    │                            Spawned + three descriptors
//!   │ │    "reap 4711"              ▼                  Reap pid  waitid, answer Reaped + how
//!   │ │    ◀── signal 9           worker 4711          end of stream    exit
//!   │ └──── reply pipe ───────────┘ ▲
//!   └────── request pipe ───────────┘                  pidfd: readable when 4711 is dead
//! ```
//! **Why.** `fork` copies only the calling thread. A lock that another thread holds at that
//! moment stays locked in the child for ever: malloc's, stdout's, anyone's. So CPython warns
//! about forking a program with threads, and refuses `max_tasks_per_child` with fork; its
//! answer is the *forkserver*, which this is, except that ours is a copy of the program: a
//! worker sees all that was there when the nursery was started, copy-on-write.
//!
//! **Who reaps.** A worker is the nursery's child, so only the nursery can collect it. But it
//! does so only when told, after the program has seen the pidfd become readable. So `waitid`
//! never has to wait, the nursery needs neither signals nor a poll, the program learns how
//! the worker ended, and until then its number cannot be given to another process.

use crate::base::error::Death;
use crate::base::sync::{Arc, Mutex};
use crate::base::sys::pipe::{Reader, Writer, pipe};
use crate::base::sys::process::{
    SingleThreaded, fork, ignore_terminal_signals, pidfd_open, send_signal, wait,
};
use crate::base::sys::rights::{self, MAX_RIGHTS};
use crate::base::wire::{decode, encode};
use crate::process::call::record_text;
use crate::process::descriptor::arrive_with;
use crate::process::frame::{Decoder, Kind, frame};
use crate::process::worker::serve;
use std::fmt;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A nursery that has not answered for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no nursery.
#[derive(Debug)]
#[non_exhaustive]
pub enum NurseryError {
    /// The program has more than one thread; these. None: they could not be counted.
    Threads(Vec<String>),
    /// The operating system refused.
    Os(io::Error),
}

impl fmt::Display for NurseryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NurseryError::Threads(names) if names.is_empty() => write!(
                f,
                "the program's threads cannot be counted, so it cannot be forked safely; \
                 /proc/self/task must be readable: mount /proc"
            ),
            NurseryError::Threads(names) => write!(
                f,
                "a program with threads cannot be forked safely, and this one has {}: {}; \
                 start the nursery first in main, before any thread",
                names.len(),
                names.join(", ")
            ),
            NurseryError::Os(error) => write!(f, "the nursery could not be started: {error}"),
        }
    }
}

impl std::error::Error for NurseryError {}

impl From<io::Error> for NurseryError {
    fn from(error: io::Error) -> Self {
        NurseryError::Os(error)
    }
}

/// A handle to the nursery process; clones share it. It ends when the last handle is dropped,
/// and a pool keeps one.
///
/// ```
/// use singletrack::process::nursery::Nursery;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let nursery = Nursery::start()?; // first of all: no threads yet
///     assert_ne!(nursery.pid(), std::process::id());
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "forkserver")]
pub struct Nursery {
    client: Arc<Client>,
}

/// The program's end of the socket: one question at a time.
#[derive(Debug)]
struct Client {
    pid: u32,
    pidfd: OwnedFd,
    /// `None` once the nursery has failed: then its answers could not be told apart.
    socket: Mutex<Option<UnixStream>>,
}

/// A process just forked, and the program's ends of its pipes.
#[derive(Debug)]
pub(crate) struct Forked {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) requests: Writer,
    pub(crate) replies: Reader,
}

impl Nursery {
    /// Forks the nursery. Workers will see the program's memory as it is now.
    ///
    /// Standard output and standard error stay open in the nursery and the workers; every
    /// other descriptor is closed there.
    ///
    /// # Errors
    /// [`NurseryError::Threads`] if the program has more than one thread.
    pub fn start() -> Result<Nursery, NurseryError> {
        let proof = SingleThreaded::prove().map_err(NurseryError::Threads)?;
        record_text();
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        ours.set_write_timeout(Some(PATIENCE))?;
        // What is buffered now would be printed once more by every child that prints.
        io::stdout().flush()?;
        let pid = fork(&proof, &[theirs.as_raw_fd()], move || tend(&theirs))?;
        let pidfd = pidfd_open(pid).inspect_err(|_| {
            // Without the socket it ends at once.
            let _ = ours.shutdown(Shutdown::Both);
            let _ = wait(pid);
        })?;
        let socket = Mutex::new(Some(ours));
        Ok(Nursery { client: Arc::new(Client { pid, pidfd, socket }) })
    }

    /// The nursery's process id.
    pub fn pid(&self) -> u32 {
        self.client.pid
    }

    /// Forks a worker, which is born with duplicates of `luggage`.
    pub(crate) fn spawn(&self, luggage: &[OwnedFd]) -> io::Result<Forked> {
        if luggage.len() > MAX_RIGHTS {
            let why = format!("{} descriptors; at most {MAX_RIGHTS} can go along", luggage.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let (kind, id, _, rights) = self.client.ask(Kind::Spawn, luggage.len() as u64, luggage)?;
        let Ok([pidfd, requests, replies]) = <[OwnedFd; 3]>::try_from(rights) else {
            if kind == Kind::Spawned {
                // Its pipes are gone with the descriptors, so it ends by itself.
                self.reap(id as u32)?;
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            return Err(io::Error::from_raw_os_error(id as i32));
        };
        Ok(Forked { pid: id as u32, pidfd, requests: requests.into(), replies: replies.into() })
    }

    /// Collects a worker that is dead or about to die, and tells how it ended.
    pub(crate) fn reap(&self, pid: u32) -> io::Result<Death> {
        let (_, _, body, _) = self.client.ask(Kind::Reap, u64::from(pid), &[])?;
        match decode::<(bool, i32)>(&body) {
            Ok((true, signal)) => Ok(Death::Signal(signal)),
            Ok((false, code)) => Ok(Death::Code(code)),
            Err(_) => Err(io::Error::from_raw_os_error(libc::ECHILD)),
        }
    }
}

type Answer = (Kind, u64, Vec<u8>, Vec<OwnedFd>);

impl Client {
    /// Sends one request and waits for its answer. After a failure the nursery is given up,
    /// which ends it and, with it, its workers.
    fn ask(&self, kind: Kind, id: u64, luggage: &[OwnedFd]) -> io::Result<Answer> {
        let mut slot = self.socket.lock();
        let answer = match &*slot {
            Some(socket) => converse(socket, kind, id, luggage),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        answer.map_err(|error| {
            *slot = None;
            let why = format!("the nursery (process {}) does not answer: {error}", self.pid);
            io::Error::new(error.kind(), why)
        })
    }
}

fn converse(socket: &UnixStream, kind: Kind, id: u64, luggage: &[OwnedFd]) -> io::Result<Answer> {
    let luggage: Vec<_> = luggage.iter().map(AsFd::as_fd).collect();
    tell(socket, kind, id, &[], &luggage)?;
    let (mut decoder, mut rights) = (Decoder::new(), Vec::new());
    loop {
        if let Some(answer) = decoder.next_frame().map_err(io::Error::other)? {
            return Ok((answer.kind, answer.id, answer.body.to_vec(), rights));
        }
        match rights::receive(socket, decoder.room(), &mut rights)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => decoder.filled(count),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It would end when it sees the socket closed, unless it is stopped. It has nothing to
        // lose. If somebody else has collected it, there is nothing left to do.
        let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
        let _ = wait(self.pid);
    }
}

/// The nursery's life: one request after the other until the program is gone.
fn tend(socket: &UnixStream) -> i32 {
    // Ctrl-C goes to the whole group. The program may survive it, so the nursery must.
    ignore_terminal_signals();
    let Ok(proof) = SingleThreaded::prove() else { return 1 };
    let (mut decoder, mut luggage) = (Decoder::new(), Vec::new());
    loop {
        match rights::receive(socket, decoder.room(), &mut luggage) {
            Ok(0) | Err(_) => return 0,
            Ok(count) => decoder.filled(count),
        }
        while let Ok(Some(request)) = decoder.next_frame() {
            let done = match request.kind {
                Kind::Spawn => spawn(socket, &proof, request.id, std::mem::take(&mut luggage)),
                Kind::Reap => reap(socket, request.id),
                _ => return 1,
            };
            if done.is_err() {
                return 0;
            }
        }
    }
}

/// Forks a worker with its `pieces` of luggage and tells of it.
fn spawn(
    socket: &UnixStream,
    proof: &SingleThreaded,
    pieces: u64,
    luggage: Vec<OwnedFd>,
) -> io::Result<()> {
    // With no descriptor left, some would have been lost on the way here.
    let complete = luggage.len() as u64 == pieces;
    let forked = match complete {
        true => fork_worker(proof, luggage),
        false => Err(io::Error::from_raw_os_error(libc::EMFILE)),
    };
    match forked {
        Ok(child) => {
            let rights = [child.pidfd.as_fd(), child.requests.as_fd(), child.replies.as_fd()];
            tell(socket, Kind::Spawned, u64::from(child.pid), &[], &rights)
        }
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO) as u64;
            tell(socket, Kind::SpawnFailed, errno, &[], &[])
        }
    }
}

fn fork_worker(proof: &SingleThreaded, luggage: Vec<OwnedFd>) -> io::Result<Forked> {
    let (request_reader, requests) = pipe()?;
    let (replies, reply_writer) = pipe()?;
    let ends = [request_reader.as_fd(), reply_writer.as_fd()];
    let all = ends.into_iter().chain(luggage.iter().map(AsFd::as_fd));
    let keep: Vec<RawFd> = all.map(|fd| fd.as_raw_fd()).collect();
    let pid = fork(proof, &keep, move || {
        arrive_with(luggage);
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

fn reap(socket: &UnixStream, pid: u64) -> io::Result<()> {
    let body = match wait(pid as u32) {
        Ok(Death::Code(code)) => encode(&(false, code)).map_err(io::Error::other)?,
        Ok(Death::Signal(signal)) => encode(&(true, signal)).map_err(io::Error::other)?,
        Err(_) => Vec::new(),
    };
    tell(socket, Kind::Reaped, pid, &body, &[])
}

fn tell(
    socket: &UnixStream,
    kind: Kind,
    id: u64,
    body: &[u8],
    rights: &[BorrowedFd<'_>],
) -> io::Result<()> {
    rights::send(socket, &frame(kind, id, body).map_err(io::Error::other)?, rights)
}
