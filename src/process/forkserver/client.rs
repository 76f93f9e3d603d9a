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
//!          ◀── pid, pidfd, pipes, memory       │                └┄┄┄┄┄┄┄┄┄ reply pipe ┄┄┄▶ program
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

use crate::base::sync::Arc;
use crate::futures::wire::{decode, encode};
use crate::process::forkserver::connection::{
    Look, PATIENCE, ServerConnection, ServerMessage, reborrow,
};
use crate::process::forkserver::error::{ForkServerError, MAX_DEPTH, refused};
use crate::process::forkserver::options::ForkServerOptions;
use crate::process::forkserver::server::{Forked, serve_forks};
use crate::process::message::call::record_text;
use crate::process::message::claim::{ClaimWords, WorkerClaims};
use crate::process::message::frame::FrameKind;
use crate::sys::pidfd::can_signal;
use crate::sys::process::{Death, SingleThreaded, fork, pidfd_open, wait};
use crate::sys::socket::MAX_RIGHTS;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};

/// How deep this process is: how many fork servers are among its ancestors.
static DEPTH: AtomicU32 = AtomicU32::new(0);

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
        let connection = ServerConnection::new(pid, pidfd, ours, words);
        Ok(ForkServer { connection: Arc::new(connection) })
    }

    /// # Errors
    /// In a copy that came with a fork, which can use nothing of this fork server.
    pub(crate) fn check_origin(&self) -> io::Result<()> {
        self.connection.check_origin()
    }

    /// The fork server's process id.
    pub fn pid(&self) -> u32 {
        self.connection.pid()
    }

    /// Words by which one worker of this server claims its jobs; `None` if all are lent.
    pub(crate) fn lend_claims(&self) -> Option<WorkerClaims> {
        WorkerClaims::lend(self.connection.words())
    }

    /// Has a worker forked, which starts with duplicates of `descriptors`.
    pub(crate) fn spawn(&self, descriptors: &[OwnedFd], mut look: Look<'_>) -> io::Result<Forked> {
        if descriptors.len() > MAX_RIGHTS {
            let why =
                format!("{} descriptors; at most {MAX_RIGHTS} can go along", descriptors.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let id = descriptors.len() as u64;
        let spawn = ServerMessage { kind: FrameKind::Spawn, id, body: &[], descriptors };
        let asked = self.connection.request(&spawn, reborrow(&mut look));
        let (kind, id, why, mut rights) = asked?;
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
    pub(crate) fn reap(&self, pids: &[u32], look: Look<'_>) -> Vec<Death> {
        let reap = |body: &[u8]| {
            let reap = ServerMessage { kind: FrameKind::Reap, id: 0, body, descriptors: &[] };
            self.connection.request(&reap, look)
        };
        let told = encode(&pids).map_err(io::Error::other).and_then(|body| reap(&body));
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

impl ForkServerOptions {
    /// Forks the fork server; see [`ForkServer::start`].
    ///
    /// # Errors
    /// As there.
    pub fn start(self) -> Result<ForkServer, ForkServerError> {
        ForkServer::start_with(self)
    }
}
