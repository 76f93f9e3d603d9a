//! A process for one function: start it, watch it, wait for it, take its result.
//!
//! *Assumes*: a fork server (`process/forkserver/client.rs`).
//! *Promises*: gives the end as it was: value, panic, exit code or signal; a result of any
//! size never keeps the process from ending while a thread waits for it; no process is left
//! behind: a dropped one is waited for, a dropped daemon killed. A copy of the handle that came with
//! a fork leaves the process alone, and is an error where it is used.
//! *Leaves out*: restarting.
//!
//! ```text
//!   spawn ──▶ alive ──┬─ returns ────▶ exit code 0,   join: Ok(value)
//!                     ├─ panics ─────▶ exit code 101, join: Panicked
//!                     ├─ exit(n) ────▶ exit code n,   join: WorkerLost
//!                     └─ signal s ───▶ signal s,      join: WorkerLost
//! ```

use crate::aio::net::fds::readable;
use crate::futures::error::JobError;
use crate::futures::wire::Wire;
use crate::process::forkserver::client::ForkServer;
use crate::process::message::call::{decoded, encode_call, read_reply};
use crate::process::message::descriptor::packing;
use crate::process::message::frame::{Decoder, FrameKind};
use crate::sys::fd::{PipeReader, set_nonblocking};
use crate::sys::process::{Death, wait_for_exit};
use crate::sys::process_tree::{kill_trees, signal_trees};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// Options of a process: `multiprocessing.Process`'s keyword arguments.
///
/// ```
/// use singletrack::process::ProcessOptions;
/// use singletrack::process::ForkServer;
///
/// fn forever(_: ()) {
///     loop {
///         std::thread::park();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let lamp = ProcessOptions::default().name("lamp").daemon(true);
///     let mut lamp = lamp.spawn(&fork_server, forever, ())?;
///     assert!(lamp.name() == "lamp" && lamp.is_alive());
///     Ok(()) // a daemon does not hold the program up: it is killed
/// }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing happens before `spawn`"]
pub struct ProcessOptions {
    name: Option<String>,
    daemon: bool,
}

impl ProcessOptions {
    /// A name for messages and logs; nothing depends on it. Default: `Process-N`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A daemon is killed when its handle is dropped, with what it has started. Otherwise dropping
    /// the handle waits for the process. Default: false.
    ///
    /// Either way no process outlives the program: when that dies, even by SIGKILL, the
    /// kernel kills its processes. (Python waits for those that are no daemons when it exits,
    /// terminates the daemons, and leaves all of them alive when it is killed.)
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = daemon;
        self
    }

    /// Starts `f(args)` in a new process. Ends of pipes and queues and other descriptors in
    /// `args` go with it, at most eight.
    ///
    /// # Errors
    /// [`JobError::Broken`] if no process can be forked, [`JobError::Codec`] if the argument
    /// cannot be encoded.
    pub fn spawn<A: Wire, R: Wire>(
        self,
        fork_server: &ForkServer,
        f: fn(A) -> R,
        args: A,
    ) -> Result<Process<R>, JobError> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let (call, descriptors) = packing(|| encode_call(f, &args, 0));
        let call = call?;
        let forked = fork_server.spawn(&descriptors, None);
        let forked = forked.map_err(|e| broken("no process could be forked", &e))?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let process = Process {
            fork_server: fork_server.clone(),
            name: self.name.unwrap_or_else(|| format!("Process-{number}")),
            daemon: self.daemon,
            pid: forked.pid,
            pidfd: forked.pidfd,
            replies: forked.replies,
            decoder: Decoder::new(),
            has_greeted: false,
            replies_ended: false,
            result: None,
            death: None,
        };
        if let Err(error) = set_nonblocking(&process.replies) {
            // At its end the process exits, for which the drop of its handle waits.
            drop(forked.requests);
            return Err(broken("its pipe", &error));
        }
        // Fails if the process is dead already; then `join` will give how it died. With the
        // pipe closed after one call, the process ends after that call.
        let _ = forked.requests.write_all(&call);
        Ok(process)
    }
}

/// One function running in a process of its own. `multiprocessing.Process` in Python, which
/// throws the function's result away; here [`join`](Self::join) gives it.
///
/// **What the function has started**, with `Command`, say, and what that has started, gets each
/// signal sent here too, if it is still attached: the process that started it is still there.
/// [`kill`](Self::kill) stops all of them first, so that none gets away by starting another. A
/// process that has ended by itself leaves what it started, as everywhere; and what has detached
/// itself (a daemon, whose parent has ended) is nobody's. To reach also those, give the command a
/// [`process_group`](std::os::unix::process::CommandExt::process_group) of its own and signal that;
/// then Ctrl-C at the terminal no longer reaches it. Python's `terminate` and `kill` reach the
/// process alone.
///
/// ```
/// use singletrack::process::Process;
/// use singletrack::process::ForkServer;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let process = Process::spawn(&fork_server, |x: u64| x * x, 12)?;
///     assert_eq!(process.join()?, 144);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[doc(alias = "multiprocessing.Process")]
pub struct Process<R: Wire> {
    fork_server: ForkServer,
    name: String,
    daemon: bool,
    pid: u32,
    pidfd: OwnedFd,
    replies: PipeReader,
    decoder: Decoder,
    /// Its hello has come.
    has_greeted: bool,
    /// The reply pipe has ended.
    replies_ended: bool,
    result: Option<Result<R, JobError>>,
    /// Known once the process has been reaped.
    death: Option<Death>,
}

impl<R: Wire> Process<R> {
    /// Starts `f(args)` in a new process; [`ProcessOptions::spawn`] without options.
    ///
    /// # Errors
    /// As there.
    pub fn spawn<A: Wire>(
        fork_server: &ForkServer,
        f: fn(A) -> R,
        args: A,
    ) -> Result<Self, JobError> {
        ProcessOptions::default().spawn(fork_server, f, args)
    }

    /// True until the process has ended.
    pub fn is_alive(&mut self) -> bool {
        self.exit_code().is_none()
    }

    /// How the process ended; `None` while it is alive. Code 101 after a panic (Python: 1).
    ///
    /// The fork server reaps it and reports how it ended. If the fork server is gone, all its
    /// processes were killed, and this is SIGKILL even for one that had ended just before. A copy
    /// of this handle that came with a fork cannot know: always `None`.
    #[doc(alias = "exitcode")]
    pub fn exit_code(&mut self) -> Option<Death> {
        // An error means that the system refuses to wait: then it is not known to have ended.
        let _ = self.wait(Some(Duration::ZERO));
        self.death
    }

    /// Blocks until the process has ended, or for `timeout` (`None`: no limit). True = ended.
    /// May be repeated; the result stays for [`join`](Self::join).
    ///
    /// # Errors
    /// [`JobError::Broken`] if the system refuses to wait, and in a copy that came with a fork.
    #[doc(alias = "multiprocessing.Process.join")]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, JobError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if self.check()? {
                return Ok(true);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
            let both = [self.pidfd.as_fd(), self.replies.as_fd()];
            let watched = if self.replies_ended { &both[..1] } else { &both };
            wait_for_exit(watched, left).map_err(|e| broken("a process cannot be awaited", &e))?;
        }
    }

    /// [`wait`](Self::wait) on the event loop. Dropped before it is done, it has changed
    /// nothing.
    ///
    /// # Errors
    /// As `wait`; and outside a running loop.
    pub async fn ended(&mut self) -> Result<(), JobError> {
        while !self.check()? {
            let mut end = pin!(readable(&self.pidfd));
            let mut replies = pin!(readable(&self.replies));
            let ended = self.replies_ended;
            let either = poll_fn(|cx| match end.as_mut().poll(cx) {
                Poll::Pending if !ended => replies.as_mut().poll(cx),
                polled => polled,
            });
            either.await.map_err(|e| broken("a process cannot be awaited", &e))?;
        }
        Ok(())
    }

    /// Blocks until the process has ended and gives the function's result.
    ///
    /// If the process waits for its parent (to empty a queue, say), this never returns.
    ///
    /// # Errors
    /// [`JobError::Panicked`] if the function panicked; [`JobError::WorkerLost`] with the exit
    /// code or signal if the process ended before the function returned; [`JobError::Codec`] if
    /// its result cannot be encoded or decoded; [`JobError::Protocol`] if the function wrote into
    /// the pipe that its result comes by: then the process was killed.
    pub fn join(mut self) -> Result<R, JobError> {
        self.wait(None)?;
        let death = self.death.expect("it has ended");
        let lost = JobError::WorkerLost { pid: self.pid, death, job: 0 };
        self.result.take().unwrap_or(Err(lost))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether dropping this kills it.
    pub fn daemon(&self) -> bool {
        self.daemon
    }

    /// A descriptor that becomes readable when the process has ended: for [`wait_for_exit`],
    /// and for [`readable`] on the loop. (A process does not end while a large result of it is
    /// unread; [`ended`](Self::ended) and [`wait`](Self::wait) read it.)
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Asks it, and what it has started, to end, with SIGTERM, which kills it unless it has a
    /// handler.
    ///
    /// # Errors
    /// What the operating system reports. For a process that has ended, nothing. In a copy that
    /// came with a fork, that it is one.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// Ends it, and what it has started, with SIGKILL. `join` will then give signal 9, unless the
    /// function was quicker.
    ///
    /// # Errors
    /// As [`terminate`](Self::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.check_origin()?;
        kill_trees(&[self.sentinel()])
    }

    /// Does what Ctrl-C does, with SIGINT, which kills it unless it has a handler; what it has
    /// started gets it, too.
    ///
    /// # Errors
    /// As [`terminate`](Self::terminate).
    pub fn interrupt(&self) -> io::Result<()> {
        self.signal(libc::SIGINT)
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        self.check_origin()?;
        signal_trees(&[self.sentinel()], signal)
    }

    /// It was made where its fork server was: another process's fork server forks nothing.
    fn check_origin(&self) -> io::Result<()> {
        self.fork_server.check_origin()
    }

    /// Has it reaped, if it is dead; true if it has been reaped.
    fn reap_if_dead(&mut self) -> Result<bool, JobError> {
        if self.death.is_some() {
            return Ok(true);
        }
        let ended = wait_for_exit(&[self.pidfd.as_fd()], Some(Duration::ZERO));
        if ended.map_err(|e| broken("a process cannot be awaited", &e))?.is_empty() {
            return Ok(false);
        }
        self.death = self.fork_server.reap(&[self.pid], None).pop();
        Ok(true)
    }

    /// Reads its replies so far; true if it has ended, and then all of them are read.
    fn check(&mut self) -> Result<bool, JobError> {
        // In a copy the pipe is shared with the original, and what is read here is lost there.
        self.check_origin().map_err(|e| broken("a process cannot be awaited", &e))?;
        // Asked first: what was written before the end is in the pipe by then.
        let ended = self.reap_if_dead()?;
        while !self.replies_ended {
            match self.replies.read(self.decoder.room()) {
                Ok(count) if count > 0 => self.decoder.filled(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => self.replies_ended = true,
            }
            if let Err(why) = self.decode_replies() {
                // Its replies are not read any more, so it must not go on writing them.
                // The kill can only fail for a process that has become another user's.
                self.replies_ended = true;
                let _ = self.kill();
                let why = format!("process {} was killed: {why}", self.pid);
                self.result = Some(Err(JobError::Protocol(why)));
            }
        }
        Ok(ended)
    }

    /// Decodes what was read. The error says why it is no answer.
    fn decode_replies(&mut self) -> Result<(), String> {
        while let Some(frame) = self.decoder.next_frame().map_err(|e| e.to_string())? {
            match frame.kind {
                FrameKind::Hello if !self.has_greeted => self.has_greeted = true,
                FrameKind::Hello => return Err("it said hello twice".to_owned()),
                _ if self.result.is_some() => return Err("it answered twice".to_owned()),
                kind => self.result = Some(read_reply(kind, frame.body).and_then(decoded)),
            }
        }
        Ok(())
    }
}

fn broken(what: &str, error: &io::Error) -> JobError {
    JobError::Broken(format!("{what}: {error}"))
}

impl<R: Wire> Drop for Process<R> {
    fn drop(&mut self) {
        if self.death.is_some() || self.check_origin().is_err() {
            return;
        }
        if self.daemon || thread::panicking() {
            // Fails only for a process that has become another user's.
            let _ = self.kill();
        }
        // If the system refuses to wait, a drop cannot report it.
        let _ = self.wait(None);
    }
}
