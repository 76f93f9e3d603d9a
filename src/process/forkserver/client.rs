//! The fork server's handle: starts it, has it fork workers and reap them.
//!
//! *Assumes*: the fork server is started while the program has a single thread, mostly first in
//! `main`; SIGPIPE stays ignored, as it is in every Rust program: else writing to a dead worker ends
//! the program.
//! *Promises*: forks from a clean single thread at any time, however many threads the program
//! has by then; no zombie is left; when the program dies, even by SIGKILL, the fork server and all
//! workers die with it (what a worker has started itself does not: `sys/process_tree.rs`). A copy of
//! the handle that came with a fork does nothing when it is dropped, and an error when it is used.
//! *Leaves out*: the other end of the socket (`process/forkserver/server.rs`), what the workers do
//! (`process/forkserver/worker.rs`) and which worker gets which job (`process/pool/dispatcher.rs`).
//!
//! ```text
//!  program ════ Unix socket ════▶ fork server ─┬─ fork ──▶ worker 4711 ◀┄┄ request pipe ┄┄ program
//!          "spawn"                             │                │
//!          ◀── pid, pidfd, two pipe ends       │                └┄┄┄┄┄┄┄┄┄ reply pipe ┄┄┄▶ program
//!          "reap 4711, 4712"                   │
//!          ◀── signal 9, code 0                └─ fork ──▶ a preforked worker, if wanted
//! ```
//! **Why.** `fork` copies only the calling thread. A lock that another thread holds at that
//! moment stays locked in the child for ever: malloc's, stdout's, anyone's. So CPython warns
//! about forking a program with threads, and refuses `max_tasks_per_child` with fork; its
//! answer is the *forkserver*, which this is, except that ours is a copy of the program: a
//! worker sees all that was there when the fork server was started, copy-on-write.
//!
//! **Signals.** The fork server ignores what goes to the whole group (Ctrl-C, a hang-up, mostly
//! SIGTERM when a service is stopped): the program decides what such a signal means, and the fork
//! server ends with the program. CPython's forkserver ignores SIGINT only, its resource tracker
//! SIGTERM, too. A worker starts with default handlers: such a signal ends it, unless its function
//! has other plans (`examples/prefork_server.rs`).
//!
//! **Reaping.** A worker is the fork server's child, so only the fork server can reap it. But it
//! does so only when told, after the program has seen the pidfd become readable. So `waitid`
//! never has to wait, the fork server needs no signals, the program learns how the worker ended,
//! and until then its pid cannot be given to another process.

use crate::base::origin::Origin;
use crate::base::sync::{Arc, Mutex};
use crate::futures::wire::{decode, encode};
use crate::process::forkserver::hooks::Hooks;
use crate::process::forkserver::server::{Forked, send_frame, serve_forks};
use crate::process::message::call::record_text;
use crate::process::message::claim::{ClaimWords, WorkerClaims};
use crate::process::message::frame::{Decoder, FrameKind};
use crate::sys::fd::wait_readable;
use crate::sys::process::Death;
use crate::sys::process::{
    SingleThreaded, can_signal, fork, pidfd_open, send_signal, wait, wait_for_exit,
};
use crate::sys::socket::{MAX_RIGHTS, receive};
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A fork server that has not answered for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever waits for the fork server may look about so often for what else is to be done.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// A fork server that was told to exit and is still there after a second is killed.
const GRACE: Duration = Duration::from_secs(1);

/// Fork servers may be started in workers of fork servers, so deep and no deeper.
pub const MAX_DEPTH: u32 = 4;

/// How deep this process is: how many fork servers are among its ancestors.
static DEPTH: AtomicU32 = AtomicU32::new(0);

/// Why there is no fork server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ForkServerError {
    /// The program has more than one thread; these are their names. None: they could not be counted.
    Threads(Vec<String>),
    /// This process is a worker of a worker of …: so many fork servers are among its ancestors,
    /// and there may be no more than [`MAX_DEPTH`].
    TooDeep(u32),
    /// The operating system refused.
    Os(io::Error),
}

impl fmt::Display for ForkServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForkServerError::Threads(names) if names.is_empty() => write!(
                f,
                "the program's threads cannot be counted, so it cannot be forked safely; \
                 /proc/self/task must be readable: mount /proc"
            ),
            ForkServerError::Threads(names) => write!(
                f,
                "a program with threads cannot be forked safely, and this one has {}: {}; \
                 start the fork server first in main, before any thread",
                names.len(),
                names.join(", ")
            ),
            ForkServerError::TooDeep(depth) => write!(
                f,
                "this process descends from {depth} fork servers, and from more than {MAX_DEPTH} none \
                 may: does a function start itself again and again?"
            ),
            ForkServerError::Os(error) => {
                write!(f, "the fork server could not be started: {}", with_remedy(error))
            }
        }
    }
}

impl std::error::Error for ForkServerError {}

/// Why something could not be forked or opened, and what to do about it.
pub(crate) fn with_remedy(error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::EAGAIN) => "; end some processes, or raise their limit (ulimit -u)",
        Some(libc::EMFILE) => "; close some descriptors, or raise their limit (ulimit -n)",
        Some(libc::ENOMEM) => "; use fewer workers, or less memory before the fork server starts",
        _ => "",
    };
    format!("{error}{remedy}")
}

impl From<io::Error> for ForkServerError {
    fn from(error: io::Error) -> Self {
        ForkServerError::Os(error)
    }
}

/// Options of a fork server.
///
/// ```
/// use singletrack::process::ForkServerOptions;
/// use singletrack::process::ProcessPool;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static SEED: AtomicU32 = AtomicU32::new(0);
///
/// fn seed(_: ()) -> u32 {
///     SEED.load(Ordering::Relaxed)
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let options = ForkServerOptions::default().preforked(1);
///     let options = options.after_fork_in_child(|| SEED.store(std::process::id(), Ordering::Relaxed));
///     let fork_server = options.start()?;
///     let pool = ProcessPool::new(&fork_server, 2)?;
///     let seed = pool.submit(seed, ()).result()?;
///     assert!(pool.worker_pids().contains(&seed), "every worker has a seed of its own");
///     Ok(())
/// }
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing happens before `start`"]
pub struct ForkServerOptions {
    preforked: usize,
    hooks: Hooks,
}

impl ForkServerOptions {
    /// How many workers are forked ahead. A preforked worker is handed out at once when one is
    /// wanted (by a pool that replaces a worker, say), and another is forked while no request
    /// waits. A worker that is to start with descriptors (pipe ends in its arguments, or in a
    /// pool's initializer) is always forked afresh: a preforked one has none of them.
    ///
    /// A preforked worker's memory is that of the fork server at its fork. Nothing changes there
    /// between two forks but what the hooks change; so only hooks can make it stale.
    ///
    /// Default: none. A preforked worker costs a process that does nothing, and a fork that most
    /// programs would never need; it saves the time of a fork where workers are lost or recycled often.
    /// That time grows with memory, for a fork copies the page tables. One worker recycled after
    /// every job, measured: 1.0 ms a job in a small program, 0.9 with one preforked; with 500 MiB
    /// in use 36 ms, and 17 with one preforked. Take as many as workers end at once.
    #[doc(alias = "spares")]
    pub fn preforked(mut self, workers: usize) -> Self {
        self.preforked = workers;
        self
    }

    /// Has the fork server run `hook` before each fork of a worker; the last one given runs first.
    /// If it panics there is no fork: the request for the worker fails with its message.
    ///
    /// Hooks run in the fork server, not in the program: the program does not see what they change,
    /// and while one runs no worker can be had. If one takes longer than ten seconds, the fork server
    /// is given up. Hooks do not run around the fork of the fork server itself: what is to be done
    /// around that can stand around [`start`](Self::start).
    #[doc(alias = "os.register_at_fork")]
    pub fn before_fork(mut self, hook: impl FnMut() + 'static) -> Self {
        self.hooks.before(hook);
        self
    }

    /// Has the fork server run `hook` after each fork of a worker, also one that failed; the first
    /// one given runs first. A panic is printed and goes no further.
    #[doc(alias = "os.register_at_fork")]
    pub fn after_fork_in_parent(mut self, hook: impl FnMut() + 'static) -> Self {
        self.hooks.after_in_parent(hook);
        self
    }

    /// Has every worker run `hook` right after its fork, before its initializer and its first job;
    /// the first one given runs first. A panic ends the worker with exit code 101, as a death
    /// like any other: a `Process` reports it, and a pool whose workers all die so is broken.
    #[doc(alias = "os.register_at_fork")]
    pub fn after_fork_in_child(mut self, hook: impl FnMut() + 'static) -> Self {
        self.hooks.after_in_child(hook);
        self
    }

    /// Forks the fork server; see [`ForkServer::start`].
    ///
    /// # Errors
    /// As there.
    pub fn start(self) -> Result<ForkServer, ForkServerError> {
        ForkServer::start_with(self)
    }
}

/// A handle to the fork server process; clones share it. It ends when the last handle is dropped,
/// and a pool keeps one. If the program is forked, the handle in the copy can only be dropped, which
/// changes nothing: the fork server is the original's.
///
/// ```
/// use singletrack::process::ForkServer;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?; // first of all: no threads yet
///     assert_ne!(fork_server.pid(), std::process::id());
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "forkserver")]
pub struct ForkServer {
    connection: Arc<ServerConnection>,
}

/// The program's end of the socket: one request at a time.
#[derive(Debug)]
struct ServerConnection {
    /// A copy neither asks the fork server nor ends it: the socket is shared with the original.
    origin: Origin,
    pid: u32,
    pidfd: OwnedFd,
    /// `None` once a request has failed: a late answer to it could be taken for the next one's.
    socket: Mutex<Option<UnixStream>>,
    /// Memory that it shares with all the workers.
    words: Arc<ClaimWords>,
}

impl ForkServer {
    /// Forks the fork server. Workers will see the program's memory as it is now; a page of it is
    /// copied only for the process that writes into it (`examples/copy_on_write.rs` shows it).
    ///
    /// Standard input, output and error stay open in the fork server and the workers; every other
    /// descriptor is closed there. (In Python a child reads nothing from standard input, which is
    /// `/dev/null` there.) One of the three that is closed becomes `/dev/null` in the program, too.
    ///
    /// # Errors
    /// [`ForkServerError::Threads`] if the program has more than one thread;
    /// [`ForkServerError::TooDeep`] in a worker, if it comes from too many fork servers. (Python's pool
    /// workers are daemons, which may have no children at all.)
    pub fn start() -> Result<ForkServer, ForkServerError> {
        ForkServerOptions::default().start()
    }

    fn start_with(options: ForkServerOptions) -> Result<ForkServer, ForkServerError> {
        let ForkServerOptions { preforked, hooks } = options;
        let depth = DEPTH.load(Ordering::Relaxed);
        if depth >= MAX_DEPTH {
            return Err(ForkServerError::TooDeep(depth));
        }
        let proof = SingleThreaded::prove().map_err(ForkServerError::Threads)?;
        record_text();
        fill_standard_streams()?;
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        ours.set_write_timeout(Some(PATIENCE))?;
        // What is buffered now would be printed once more by every child that prints. An error means
        // that it cannot be printed at all.
        let _ = io::stdout().flush();
        let words = ClaimWords::map();
        let shared = Arc::clone(&words);
        let pid = fork(&proof, &[theirs.as_raw_fd()], move || {
            DEPTH.store(depth + 1, Ordering::Relaxed);
            serve_forks(&theirs, hooks, preforked, &shared)
        })?;
        let usable = |pidfd: OwnedFd| can_signal(pidfd.as_fd()).map(|()| pidfd);
        let pidfd = pidfd_open(pid).and_then(usable).inspect_err(|_| {
            // Without the socket it ends at once. Neither call fails: the socket is connected, and
            // the child is ours; and there is an error to be reported already.
            let _ = ours.shutdown(Shutdown::Both);
            let _ = wait(pid);
        })?;
        let socket = Mutex::new(Some(ours));
        let origin = Origin::here();
        let connection = ServerConnection { origin, pid, pidfd, socket, words };
        Ok(ForkServer { connection: Arc::new(connection) })
    }

    /// # Errors
    /// In a copy that came with a fork, which can use nothing of this fork server.
    pub(crate) fn check_origin(&self) -> io::Result<()> {
        self.connection.origin.check("the fork server", "start one here, before any thread")
    }

    /// The fork server's process id.
    pub fn pid(&self) -> u32 {
        self.connection.pid
    }

    /// Words by which one worker of this server claims its jobs; `None` if all are lent.
    pub(crate) fn lend_claims(&self) -> Option<WorkerClaims> {
        WorkerClaims::lend(&self.connection.words)
    }

    /// Has a worker forked, which starts with duplicates of `descriptors`; calls `look` now and then while
    /// it waits.
    pub(crate) fn spawn(
        &self,
        descriptors: &[OwnedFd],
        look: &mut dyn FnMut(),
    ) -> io::Result<Forked> {
        if descriptors.len() > MAX_RIGHTS {
            let why =
                format!("{} descriptors; at most {MAX_RIGHTS} can go along", descriptors.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let count = descriptors.len() as u64;
        let (kind, id, why, mut rights) =
            self.connection.request(FrameKind::Spawn, count, &[], descriptors, look)?;
        let segment = rights.drain(rights.len().min(3)..).next().map(File::from);
        let Ok([pidfd, requests, replies]) = <[OwnedFd; 3]>::try_from(rights) else {
            if kind == FrameKind::Spawned {
                // Its pipes are closed with the lost descriptors, so it ends by itself.
                self.reap(&[id as u32], look);
                return Err(refused(libc::EMFILE));
            }
            return Err(match String::from_utf8_lossy(&why) {
                none if none.is_empty() => refused(id as i32),
                why => io::Error::other(why),
            });
        };
        let (requests, replies) = (requests.into(), replies.into());
        Ok(Forked { pid: id as u32, pidfd, requests, replies, segment })
    }

    /// Has workers reaped that are dead or about to die; gives how each ended. If the fork server is
    /// gone, they were killed by the kernel.
    pub(crate) fn reap(&self, pids: &[u32], look: &mut dyn FnMut()) -> Vec<Death> {
        let asked = encode(&pids).map_err(io::Error::other);
        let told =
            asked.and_then(|body| self.connection.request(FrameKind::Reap, 0, &body, &[], look));
        let ends = told.ok().and_then(|(_, _, body, _)| decode::<Vec<(bool, i32)>>(&body).ok());
        let mut ends = ends.unwrap_or_default().into_iter();
        let death = |_| match ends.next() {
            Some((false, code)) => Death::Code(code),
            Some((true, signal)) => Death::Signal(signal),
            None => Death::Signal(libc::SIGKILL),
        };
        pids.iter().map(death).collect()
    }
}

/// Opens `/dev/null` where a standard stream was closed, as Rust does before `main`. A pipe with
/// such a number would stay open in every process, and `eprintln!` would write into it.
fn fill_standard_streams() -> io::Result<()> {
    loop {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        if null.as_raw_fd() > libc::STDERR_FILENO {
            return Ok(());
        }
        let _stays_open = null.into_raw_fd();
    }
}

/// The system's error, with the remedy.
fn refused(errno: i32) -> io::Error {
    let error = io::Error::from_raw_os_error(errno);
    io::Error::new(error.kind(), with_remedy(&error))
}

type ServerReply = (FrameKind, u64, Vec<u8>, Vec<OwnedFd>);

impl ServerConnection {
    /// Sends one request and waits for its answer, and calls `look` now and then meanwhile. After a
    /// failure the fork server is given up, which ends it and, with it, its workers.
    fn request(
        &self,
        kind: FrameKind,
        id: u64,
        body: &[u8],
        descriptors: &[OwnedFd],
        look: &mut dyn FnMut(),
    ) -> io::Result<ServerReply> {
        self.origin.check("the fork server", "start one here, before any thread")?;
        let mut slot = loop {
            match self.socket.try_lock_for(LOOK_EVERY) {
                Some(slot) => break slot,
                None => look(),
            }
        };
        let answer = match &*slot {
            Some(socket) => exchange(socket, kind, id, body, descriptors, look),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        answer.map_err(|error| {
            *slot = None;
            let why = format!("the fork server (process {}) does not answer: {error}", self.pid);
            io::Error::new(error.kind(), why)
        })
    }
}

/// Sends one request and reads its answer, with the descriptors that come along.
fn exchange(
    socket: &UnixStream,
    kind: FrameKind,
    id: u64,
    body: &[u8],
    descriptors: &[OwnedFd],
    look: &mut dyn FnMut(),
) -> io::Result<ServerReply> {
    let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    send_frame(socket, kind, id, body, &descriptors)?;
    let sent = Instant::now();
    while !wait_readable(socket.as_fd(), LOOK_EVERY)? {
        look();
        if sent.elapsed() >= PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    let (mut decoder, mut rights) = (Decoder::new(), Vec::new());
    loop {
        if let Some(answer) = decoder.next_frame().map_err(io::Error::other)? {
            return Ok((answer.kind, answer.id, answer.body.to_vec(), rights));
        }
        match receive(socket, decoder.room(), &mut rights)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => decoder.filled(count),
        }
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        if self.origin.is_copy() {
            return;
        }
        // It sees the end of the socket and exits, unless it is stopped, or busy with a hook. Not only
        // closed: a copy of this process may have the socket open, too.
        if let Some(socket) = self.socket.lock().take() {
            // It can only fail if the fork server has closed its end, and then it has exited.
            let _ = socket.shutdown(Shutdown::Both);
        }
        if !self.ends_within(GRACE) {
            // It has not become another user's, and that it can be signalled was tried at the start.
            let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
        }
        // If another thread has reaped it, there is nothing left to do.
        let _ = wait(self.pid);
    }
}

impl ServerConnection {
    /// Waits for its end; false: it is still there, or the system refuses to wait.
    fn ends_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match wait_for_exit(&[self.pidfd.as_fd()], Some(left)) {
                Ok(ended) if !ended.is_empty() => return true,
                Ok(_) if !left.is_zero() => {} // a signal came
                Ok(_) | Err(_) => return false,
            }
        }
    }
}
