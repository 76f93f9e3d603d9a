//! Child processes: std's `Command`, with the pipes and the child's end on the loop.
//!
//! *Assumes*: pidfds (`sys/process.rs`), which are readable when their process has ended.
//! *Promises*: one descriptor a child and no `SIGCHLD`: a wait here takes the status of this child
//! and of no other; a signal goes to the child or nowhere, never to a stranger with its number; a
//! wait that is dropped leaves the child alone. No wait is for a grandchild: `communicate` ends
//! soon after the child, whoever else has its pipes open, and with all that the child has written. A
//! copy of the handle that came with a fork leaves the child alone, and is an error where it is used.
//! *Leaves out*: the command line and the environment: std's `Command` has them.
//!
//! ```text
//!   spawn ──► running ──ends──► zombie ──wait──► status, which every later wait returns
//!                │
//!                └─ Child dropped: goes on, or (kill_on_drop) is killed;
//!                   a task of the loop collects it either way
//! ```
//! Counterpart: asyncio's `PidfdChildWatcher`. There `wait` and `communicate` also wait for the pipes
//! to close, for ever if a daemon that the child left behind keeps them; so does std's
//! `wait_with_output`. Go has `Cmd.WaitDelay` against it.

use crate::aio::net::async_fd::AsyncFd;
use crate::aio::net::byte_stream::{PipeReader, PipeWriter};
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::writer::StreamWriter;
use crate::aio::time::sleep::sleep;
use crate::base::origin::Origin;
use crate::event_loop::core::{made_here, with_current};
use crate::sys::fd::{Direction, set_nonblocking};
use crate::sys::process::{pidfd_open, send_signal};
use mio::unix::pipe::{Receiver, Sender};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::process::{self, Command, ExitStatus, Output};
use std::task::Poll;
use std::time::Duration;

/// How long the pipes of a child that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A running or ended child process.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::spawn;
/// use std::process::{Command, Stdio};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let mut sort = spawn(Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()))?;
///     let output = sort.communicate(b"b\na\n").await?;
///     assert_eq!(output.stdout, b"a\nb\n");
///     assert!(output.status.success());
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "asyncio.subprocess.Process")]
pub struct Child {
    /// The child's standard input, if the command said `Stdio::piped()`. Dropped, it closes.
    pub stdin: Option<StreamWriter<Sender>>,
    /// The child's standard output, if the command said `Stdio::piped()`.
    pub stdout: Option<StreamReader<Receiver>>,
    /// The child's standard error, if the command said `Stdio::piped()`.
    pub stderr: Option<StreamReader<Receiver>>,
    process: WatchedProcess,
}

/// Starts a process. Of the command's streams those that are `Stdio::piped()` come as
/// buffered streams on the loop.
///
/// Starting blocks the loop until the child has loaded its program, a millisecond or so.
///
/// # Errors
/// `NotFound` and the rest of `execve(2)`; the system's limits; `NotConnected` outside a
/// running loop. On any error no process is left.
#[doc(alias = "asyncio.create_subprocess_exec")]
#[doc(alias = "asyncio.create_subprocess_shell")]
#[doc(alias = "asyncio.loop.subprocess_exec")]
#[doc(alias = "asyncio.loop.subprocess_shell")]
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    if with_current(|_| ()).is_none() {
        let text = "a child process needs a running event loop: spawn it from one of its tasks";
        return Err(io::Error::new(io::ErrorKind::NotConnected, text));
    }
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // From here on an error drops the process, which kills and collects it.
    let mut process = WatchedProcess::watch(child)?;
    // Our ends of the pipes are shared with nobody.
    let reader = |fd: OwnedFd| {
        set_nonblocking(&fd)?;
        PipeReader::new(Receiver::from(fd)).map(StreamReader::new)
    };
    let writer = |fd: OwnedFd| {
        set_nonblocking(&fd)?;
        PipeWriter::new(Sender::from(fd))
    };
    let stdin = stdin.map(|end| writer(end.into())).transpose()?;
    let stdout = stdout.map(|end| reader(end.into())).transpose()?;
    let stderr = stderr.map(|end| reader(end.into())).transpose()?;
    process.kill_on_drop = false;
    Ok(Child { stdin: stdin.map(StreamWriter::new), stdout, stderr, process })
}

impl Child {
    /// The process's number. It may be another process's once this one was waited for.
    #[doc(alias = "pid")]
    pub fn id(&self) -> u32 {
        self.process.running().child.id()
    }

    /// Sets whether dropping this kills the process. By default it does not.
    pub fn kill_on_drop(&mut self, kill: bool) {
        self.process.kill_on_drop = kill;
    }

    /// Waits until the process has ended. Closes its `stdin` first, if that is still here:
    /// else a child that reads to the end would wait for us. A child whose output is not read may
    /// wait for us as well: see [`communicate`](Self::communicate).
    ///
    /// Dropped before it is done, it leaves the process alone.
    ///
    /// # Errors
    /// `ECHILD` if other code in this process has collected it, or ignores `SIGCHLD`; and in a copy of
    /// this handle that came with a fork, that it is one.
    #[doc(alias = "asyncio.subprocess.Process.wait")]
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.check_origin()?;
        drop(self.stdin.take());
        self.process.running_mut().wait().await
    }

    /// The status, if the process has ended.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    #[doc(alias = "asyncio.subprocess.Process.returncode")]
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.check_origin()?;
        self.process.running_mut().child.try_wait()
    }

    /// Sends `input` and then the end, while it reads all that the child writes; then waits.
    /// Neither side can block the other. A stream that is not piped is left alone, and its output
    /// is empty.
    ///
    /// *A grandchild* that the child leaves behind (`sh -c 'server & echo started'`) may keep the
    /// pipes open. This waits for it a tenth of a second after the child's end, and returns then with
    /// what has come: all of the child's own output, and perhaps some of the grandchild's. What that
    /// writes later can be read from `stdout` and `stderr`. To wait for it as Python does, read them
    /// to their ends, then [`wait`](Self::wait).
    ///
    /// A child that ends before it has read everything is no error. Dropped half way, `input` is
    /// still sent, and the output read so far waits for another call.
    ///
    /// # Errors
    /// What the pipes report; and as [`wait`](Self::wait).
    #[doc(alias = "asyncio.subprocess.Process.communicate")]
    #[doc(alias = "wait_with_output")]
    pub async fn communicate(&mut self, input: &[u8]) -> io::Result<Output> {
        self.process.check_origin()?;
        if let Some(stdin) = self.stdin.take() {
            match stdin.write(input) {
                Err(e) if e.kind() != io::ErrorKind::BrokenPipe => return Err(e),
                _ => stdin.close(), // what is queued is sent by the writer's own task
            }
        }
        let both = join_both(wait_eof(&mut self.stdout), wait_eof(&mut self.stderr));
        let process = self.process.running_mut();
        let ended = async {
            // An error also means that it has ended; it is reported below.
            let _ = process.wait().await;
            sleep(LAST_WORDS).await;
        };
        match unless(both, ended).await {
            Some((stdout, stderr)) => stdout.and(stderr)?,
            // The pipes hold all that the child had left to say.
            None => {
                for reader in self.stdout.iter_mut().chain(&mut self.stderr) {
                    reader.read_unread()?;
                }
            }
        }
        let status = self.wait().await?;
        // No await follows, so no drop can lose the output: now it can be taken.
        let rest = |reader: &mut Option<StreamReader<_>>| {
            reader.as_mut().map(StreamReader::take_buffered).unwrap_or_default()
        };
        Ok(Output { status, stdout: rest(&mut self.stdout), stderr: rest(&mut self.stderr) })
    }

    /// Sends a signal. Does nothing once the process has ended. What the child has started itself
    /// does not get it: to reach all of them, give the command a
    /// [`process_group`](std::os::unix::process::CommandExt::process_group) of its own, and signal
    /// that (`kill -- -PID`). Ctrl-C at the terminal then no longer reaches them.
    ///
    /// # Errors
    /// `EINVAL` if there is no such signal, `EPERM` if the process has changed its user. In a copy of
    /// this handle that came with a fork, that it is one.
    #[doc(alias = "asyncio.subprocess.Process.send_signal")]
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        self.process.check_origin()?;
        send_signal(self.process.running().pidfd.io().as_fd(), signal)
    }

    /// Sends `SIGTERM`, a request to end.
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    #[doc(alias = "asyncio.subprocess.Process.terminate")]
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(libc::SIGTERM)
    }

    /// Sends `SIGKILL`, which no process survives.
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    #[doc(alias = "asyncio.subprocess.Process.kill")]
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(libc::SIGKILL)
    }
}

/// A process that this handle must collect, so that no zombie stays.
#[derive(Debug)]
struct WatchedProcess {
    origin: Origin,
    /// `None` only inside `drop`.
    running: Option<RunningChild>,
    kill_on_drop: bool,
}

#[derive(Debug)]
struct RunningChild {
    child: process::Child,
    pidfd: AsyncFd<OwnedFd>,
}

impl WatchedProcess {
    /// Has the loop watch `child`, which is killed if that fails.
    fn watch(mut child: process::Child) -> io::Result<WatchedProcess> {
        match pidfd_open(child.id()).and_then(AsyncFd::new) {
            Ok(pidfd) => Ok(WatchedProcess {
                origin: Origin::here(),
                running: Some(RunningChild { child, pidfd }),
                kill_on_drop: true,
            }),
            Err(e) => {
                // Not waited for yet, so the number is still its own.
                child.kill()?;
                child.wait()?;
                Err(e)
            }
        }
    }

    /// # Errors
    /// In a copy that came with a fork: the child is another process's.
    fn check_origin(&self) -> io::Result<()> {
        self.origin.check("the handle of the child process", "only there can it be used")
    }

    fn running(&self) -> &RunningChild {
        self.running.as_ref().expect("a process is here until the drop")
    }

    fn running_mut(&mut self) -> &mut RunningChild {
        self.running.as_mut().expect("a process is here until the drop")
    }
}

impl RunningChild {
    /// std remembers the status once it has it, so this may be called again.
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let child = &mut self.child;
        let ended = |_: &OwnedFd| child.try_wait()?.ok_or(io::ErrorKind::WouldBlock.into());
        self.pidfd.io_call(Direction::Read, ended).await
    }
}

impl Drop for WatchedProcess {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        if self.origin.is_copy() {
            return;
        }
        let Ok(None) = running.child.try_wait() else { return };
        if self.kill_on_drop {
            // It can only fail for a process that has become another user's.
            let _ = send_signal(running.pidfd.io().as_fd(), libc::SIGKILL);
        }
        let loop_id = running.pidfd.loop_id();
        let mut orphan = Orphan { running, killed: self.kill_on_drop };
        let collect = async move {
            // An error means that other code has collected it.
            let _ = orphan.running.wait().await;
        };
        match made_here(loop_id) {
            Some(core) => drop(core.spawn(collect)),
            None => drop(collect),
        }
    }
}

/// A process without a handle, until it is collected. Dropped without a loop to wait on, it blocks
/// for a process that was killed, which is soon over; a process that was not killed runs on, and is
/// collected by the system when this process ends.
struct Orphan {
    running: RunningChild,
    killed: bool,
}

impl Drop for Orphan {
    fn drop(&mut self) {
        if self.killed {
            // An error means that other code has collected it.
            let _ = self.running.child.wait();
        }
    }
}

async fn wait_eof(reader: &mut Option<StreamReader<Receiver>>) -> io::Result<()> {
    match reader {
        Some(reader) => reader.wait_eof().await,
        None => Ok(()),
    }
}

/// The output of `a`, unless `b` is done first.
async fn unless<A: Future, B: Future>(a: A, b: B) -> Option<A::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => b.as_mut().poll(cx).map(|_| None),
    })
    .await
}

/// Runs two futures at the same time, until both are done.
async fn join_both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|cx| {
        if of_a.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            of_a = Some(output);
        }
        if of_b.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            of_b = Some(output);
        }
        if of_a.is_some() && of_b.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (of_a.expect("both are done"), of_b.expect("both are done"))
}
