//! Work in a forked child, and what the kernel charged for it: `wait4`'s figures.
//!
//! *Assumes*: the calling process has one thread; another is refused, for `fork` would lose the
//! other threads.
//! *Promises*: a child that dies, or does not end in time, is an error and is reaped; no child
//! outlives its [`ForkedChild`] or this process. Whoever ends the command (`lab/report/outside.rs`)
//! ends the wait.
//! *Leaves out*: what the child does.
//!
//! ```text
//!   parent                                child
//!     │  flush, fork ───────────────────────┐
//!     │                                     │ work
//!     │  read until the end ◀─── pipe ───── │ answer, encoded
//!     │  wait4: CPU, memory, switches ◀──── ┘ _exit
//!     ▼  (or, past the limit: kill, reap)
//! ```

use crate::base::panic::panic_message;
use crate::futures::wire::{Wire, decode, encode};
use crate::lab::report::failure::Failure;
use crate::lab::report::outside::{self, Ended, Patience};
use crate::sys::fd::wait_readable;
use crate::sys::process::Death;
use crate::sys::process::{SingleThreaded, fork, pidfd_open, send_signal};
use crate::sys::usage::{Usage, wait_with_usage};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How long a child may take to answer that was told to.
const A_MOMENT: Duration = Duration::from_secs(3);

/// A forked child that has not been waited for. Dropping it kills and reaps it.
#[derive(Debug)]
pub struct ForkedChild {
    pid: u32,
    /// Names the child even if the kernel has given its number to another process; `None` once it
    /// has been waited for.
    pidfd: Option<OwnedFd>,
}

impl ForkedChild {
    /// Forks a child that does `work` with the descriptors `keep`, and exits through `_exit`
    /// with the code that `work` returns.
    ///
    /// # Errors
    /// If this process has more than one thread, or the system no room for another process.
    pub fn start(
        keep: &[BorrowedFd<'_>],
        work: impl FnOnce() -> i32,
    ) -> Result<ForkedChild, Failure> {
        let refuse =
            |e| Failure::io("a child process", &e, "close other programs, or raise `ulimit -u`");
        let alone = SingleThreaded::prove().map_err(|threads| threaded(&threads))?;
        // What is still in a buffer would be written by both.
        io::stdout().flush().and_then(|()| io::stderr().flush()).map_err(refuse)?;
        let quiet = || {
            // A panic becomes the failure's text; a second report on stderr would be noise.
            std::panic::set_hook(Box::new(|_| {}));
            work()
        };
        let keep: Vec<_> = keep.iter().map(AsRawFd::as_raw_fd).collect();
        let pid = fork(&alone, &keep, quiet).map_err(refuse)?;
        match pidfd_open(pid) {
            Ok(pidfd) => Ok(ForkedChild { pid, pidfd: Some(pidfd) }),
            Err(e) => Err(refuse(e)),
        }
    }

    /// Tells it of a signal that has ended the command. Ctrl-C is for the whole group, and the second
    /// signal of a kind kills: so it is told by one of another kind.
    fn tell_of(&self, signal: i32) {
        let other = if signal == libc::SIGINT { libc::SIGTERM } else { libc::SIGINT };
        if let Some(pidfd) = &self.pidfd {
            // It may have ended meanwhile.
            let _ = send_signal(pidfd.as_fd(), other);
        }
    }

    /// Waits for its end; returns how it ended and what it used.
    fn wait(mut self) -> io::Result<(Death, Usage)> {
        self.pidfd = None;
        wait_with_usage(self.pid)
    }
}

impl Drop for ForkedChild {
    fn drop(&mut self) {
        if let Some(pidfd) = &self.pidfd {
            // The child may be dead already. Either way it is reaped here.
            let _ = send_signal(pidfd.as_fd(), libc::SIGKILL);
            let _ = wait_with_usage(self.pid);
        }
    }
}

fn threaded(threads: &[String]) -> Failure {
    if threads.is_empty() {
        let why = "its threads cannot be counted, for /proc/self/task cannot be read";
        return Failure::new("this process", why, "mount /proc");
    }
    let why = format!("fork would lose the threads {}", threads.join(", "));
    Failure::new("this process", why, "start the comparison before any thread")
}

/// Does `work` in a child; returns its answer and what the child used.
///
/// # Errors
/// The failure of the work itself; or that the child panicked, died, or had not ended after
/// `limit` and was killed.
pub fn measure<T: Wire>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<(T, Usage), Failure> {
    ChildRun::begin(&[], work)?.finish(limit)
}

/// Work that a child does while this process does something else. Dropping it kills the child.
#[derive(Debug)]
pub struct ChildRun<T> {
    child: ForkedChild,
    reader: PipeReader,
    answer: PhantomData<fn() -> T>,
}

impl<T: Wire> ChildRun<T> {
    /// Begins `work` in a child that keeps these descriptors.
    ///
    /// # Errors
    /// Those of [`ForkedChild::start`].
    pub fn begin(
        keep: &[BorrowedFd<'_>],
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<ChildRun<T>, Failure> {
        let (reader, writer) = io::pipe().map_err(|e| Failure::io("a pipe", &e, "run it again"))?;
        let keep: Vec<BorrowedFd<'_>> = keep.iter().copied().chain([writer.as_fd()]).collect();
        // The parent's copy of the writing end closes here, so that the child's is the only one.
        let child = ForkedChild::start(&keep, || answer(&writer, work))?;
        Ok(ChildRun { child, reader, answer: PhantomData })
    }

    /// The child's process number.
    pub fn pid(&self) -> u32 {
        self.child.pid
    }

    /// Whether it has answered, or died, or will within `patience`.
    pub fn has_ended(&self, patience: Duration) -> bool {
        wait_readable(self.reader.as_fd(), patience).unwrap_or(false)
    }

    /// Waits for its answer and its end.
    ///
    /// # Errors
    /// As [`measure`].
    pub fn finish(mut self, limit: Duration) -> Result<(T, Usage), Failure> {
        let bytes = read_to_end(&mut self.reader, limit, outside::check)?;
        self.answered(&bytes)
    }

    /// As [`ChildRun::finish`], of a child that [`outside::watch`]es: when a signal ends the command,
    /// the child is told, and given a moment to answer with what it has.
    ///
    /// # Errors
    /// As [`measure`].
    pub fn finish_early(mut self, limit: Duration) -> Result<(T, Usage), Failure> {
        let (reader, child, mut since) = (&mut self.reader, &self.child, None);
        let bytes = read_to_end(reader, limit, || match outside::ended() {
            Some(Ended::Signal(signal)) => {
                let told = since.get_or_insert_with(|| {
                    child.tell_of(signal);
                    Instant::now()
                });
                if told.elapsed() > A_MOMENT { outside::check() } else { Ok(()) }
            }
            _ => outside::check(),
        })?;
        self.answered(&bytes)
    }

    fn answered(self, bytes: &[u8]) -> Result<(T, Usage), Failure> {
        let (death, usage) =
            self.child.wait().map_err(|e| Failure::io("a child process", &e, "run it again"))?;
        match (death, decode::<Result<T, Failure>>(bytes)) {
            (Death::Code(0), Ok(answer)) => Ok((answer?, usage)),
            (Death::Code(0), Err(e)) => {
                Err(Failure::new("its process", e.to_string(), "this is a bug; please report it"))
            }
            (death, _) => {
                // Ctrl-C is for the whole group, so that the child may have died of it first.
                if matches!(death, Death::Signal(libc::SIGINT | libc::SIGTERM)) {
                    std::thread::sleep(outside::LOOK);
                }
                outside::check()?;
                let why = format!("died by {death} before it had an answer");
                Err(Failure::new("its process", why, "run it again; look for who killed it"))
            }
        }
    }
}

/// The child's half: does the work, writes the answer, and returns the exit code.
fn answer<T: Wire>(mut pipe: &PipeWriter, work: impl FnOnce() -> Result<T, Failure>) -> i32 {
    let worked = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let why = format!("panicked: {}", panic_message(&*payload));
        Err(Failure::new("its process", why, "this is a bug; please report it"))
    });
    let written = encode(&worked).map_err(io::Error::other).and_then(|all| pipe.write_all(&all));
    i32::from(written.is_err())
}

/// Reads until the last writing end is closed, but not past the limit.
fn read_to_end(
    pipe: &mut PipeReader,
    limit: Duration,
    mut check: impl FnMut() -> Result<(), Failure>,
) -> Result<Vec<u8>, Failure> {
    let refuse = |e| Failure::io("a pipe", &e, "run it again");
    let mut patience = Patience::new(limit, Instant::now());
    let (mut bytes, mut buffer) = (Vec::new(), [0; 64 * 1024]);
    loop {
        check()?;
        let left = patience.left(Instant::now());
        if wait_readable(pipe.as_fd(), left.min(outside::LOOK)).map_err(refuse)? {
            match pipe.read(&mut buffer).map_err(refuse)? {
                0 => return Ok(bytes),
                n => bytes.extend_from_slice(&buffer[..n]),
            }
        } else if left.is_zero() {
            let why = format!("had not ended after {limit:?} and was killed");
            return Err(Failure::new(
                "its process",
                why,
                "ask for less work, or give it more time",
            ));
        }
    }
}
