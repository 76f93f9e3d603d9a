//! A process for one function: start it, wait for its end, take its result.
//!
//! *Assumes*: the nursery.
//! *Promises*: the end is told as it was: value, panic, exit code or signal; a process that is
//! dropped is killed and collected, so none is left behind.
//! *Leaves out*: waiting with a time limit, names, `terminate`, pipes and queues between
//! processes.

use crate::base::error::{Death, JobError};
use crate::base::sys::pipe::Reader;
use crate::base::sys::process::{send_signal, wait_for_exit};
use crate::base::wire::{Wire, decode};
use crate::process::call::{encode_call, read_reply};
use crate::process::frame::{Decoder, Kind};
use crate::process::nursery::Nursery;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// One function running in a process of its own. `multiprocessing.Process` in Python, which
/// throws the function's result away; here [`join`](Self::join) gives it.
///
/// ```
/// use singletrack::process::child::Process;
/// use singletrack::process::nursery::Nursery;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let nursery = Nursery::start()?;
///     let process = Process::spawn(&nursery, |x: u64| x * x, 12)?;
///     assert_eq!(process.join()?, 144);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[doc(alias = "multiprocessing.Process")]
pub struct Process<R> {
    nursery: Nursery,
    pid: u32,
    pidfd: OwnedFd,
    replies: Reader,
    /// It was collected: there is nothing to clean up.
    reaped: bool,
    result: PhantomData<fn() -> R>,
}

impl<R: Wire> Process<R> {
    /// Starts `f(args)` in a new process.
    ///
    /// # Errors
    /// [`JobError::Broken`] if no process can be forked, [`JobError::Codec`] if the argument
    /// cannot be encoded.
    pub fn spawn<A: Wire>(nursery: &Nursery, f: fn(A) -> R, args: A) -> Result<Self, JobError> {
        let call = encode_call(f, &args, 0)?;
        let forked = nursery.spawn().map_err(|e| broken("no process could be forked", &e))?;
        let process = Process {
            nursery: nursery.clone(),
            pid: forked.pid,
            pidfd: forked.pidfd,
            replies: forked.replies,
            reaped: false,
            result: PhantomData,
        };
        // Fails if the process is dead already; then `join` will tell how it died. With the
        // pipe closed after one call, the process ends after that call.
        let _ = forked.requests.write_all(&call);
        Ok(process)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A descriptor that becomes readable when the process has ended; see
    /// [`wait_for_exit`].
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Sends SIGKILL. `join` will then tell of signal 9, unless the function was quicker.
    ///
    /// # Errors
    /// What the operating system reports. Killing a process that has ended is no error.
    pub fn kill(&self) -> io::Result<()> {
        send_signal(self.sentinel(), libc::SIGKILL)
    }

    /// Blocks until the process has ended and gives the function's result.
    ///
    /// A result larger than a pipe holds (64 KiB) keeps the process alive until it is joined.
    ///
    /// # Errors
    /// [`JobError::Panicked`] if the function panicked; [`JobError::WorkerLost`] with the exit
    /// code or signal if the process ended before the function returned.
    pub fn join(mut self) -> Result<R, JobError> {
        let result = self.read_result();
        let death = self.collect()?;
        result.unwrap_or(Err(JobError::WorkerLost { pid: self.pid, death, job: 0 }))
    }

    /// Reads until there is a reply; `None` if the stream ends without one.
    fn read_result(&self) -> Option<Result<R, JobError>> {
        let mut decoder = Decoder::new();
        loop {
            while let Some(frame) = decoder.next_frame().ok()? {
                if frame.kind != Kind::Hello {
                    return Some(read_reply(frame.kind, frame.body).and_then(decode));
                }
            }
            match self.replies.read(decoder.room()) {
                Ok(0) | Err(_) => return None,
                Ok(count) => decoder.filled(count),
            }
        }
    }

    fn collect(&mut self) -> Result<Death, JobError> {
        let mut ended = Vec::new();
        while ended.is_empty() {
            let wait = wait_for_exit(&[self.pidfd.as_fd()], None);
            ended = wait.map_err(|e| broken("a process could not be waited for", &e))?;
        }
        self.reaped = true;
        let death = self.nursery.reap(self.pid);
        death.map_err(|e| broken("a process could not be collected", &e))
    }
}

fn broken(what: &str, error: &io::Error) -> JobError {
    JobError::Broken(format!("{what}: {error}"))
}

impl<R> Drop for Process<R> {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
            let _ = self.nursery.reap(self.pid);
        }
    }
}
