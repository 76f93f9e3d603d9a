//! Why a submitted job has no value: one enum for threads, GIL threads and processes.
//!
//! *Assumes*: nothing.
//! *Promises*: every failure names what failed and, where there is one, the remedy.
//! *Leaves out*: errors that belong to one noun only; those live in that noun's file.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It returned or called `exit` with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Code(code) => write!(f, "exit code {code}"),
            Death::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
        }
    }
}

/// The name of a signal that commonly kills; `None` for the rest.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        _ => return None,
    })
}

/// The end of a job that is not a value. A job resolves exactly once: to its value or to
/// one of these.
///
/// CPython spreads the same facts over `CancelledError`, `TimeoutError`,
/// `BrokenProcessPool`, `BrokenThreadPool` and the job's own exception.
///
/// ```
/// use singletrack::base::error::{Death, JobError};
///
/// let lost = JobError::WorkerLost { pid: 4711, death: Death::Signal(9), job: 3 };
/// assert_eq!(
///     lost.to_string(),
///     "worker process 4711 was lost by signal 9 (SIGKILL) while it ran job 3"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// The job panicked; this is its message.
    Panicked(String),
    /// `cancel` came before the job started.
    Cancelled,
    /// The job ran longer than its limit and was killed.
    TimedOut(Duration),
    /// The worker process died while it ran this job. Other jobs are not affected.
    WorkerLost {
        /// The process that died.
        pid: u32,
        /// What ended it.
        death: Death,
        /// The job it was running, numbered by the pool from 0.
        job: u64,
    },
    /// Arguments or result could not be encoded or decoded; the text says which and why.
    Codec(String),
    /// The worker sent something that is no answer to the job it had.
    Protocol(String),
    /// The executor was shut down before the job started.
    ShutDown,
    /// The executor can serve no job any more; the text says why.
    Broken(String),
    /// The job was waited for by a worker of its own pool, or on the thread of its own event
    /// loop, in a way that would have kept everybody from running it; the text says how, and
    /// what to do instead.
    WouldDeadlock(String),
    /// The promise was dropped without a result: a bug in the executor that held it.
    Abandoned,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked(message) => write!(f, "the job panicked: {message}"),
            JobError::Cancelled => write!(f, "the job was cancelled before it started"),
            JobError::TimedOut(limit) => {
                write!(f, "the job ran longer than its limit of {limit:?} and was killed")
            }
            JobError::WorkerLost { pid, death, job } => {
                write!(f, "worker process {pid} was lost by {death} while it ran job {job}")
            }
            JobError::Codec(what) => write!(f, "the job could not cross the pipe: {what}"),
            JobError::Protocol(what) => write!(f, "the worker broke the protocol: {what}"),
            JobError::ShutDown => write!(f, "the executor was shut down before the job started"),
            JobError::Broken(why) => write!(f, "the executor is broken: {why}"),
            JobError::WouldDeadlock(why) => {
                write!(f, "waiting for the job would last for ever: {why}")
            }
            JobError::Abandoned => write!(f, "the job's promise was dropped without a result"),
        }
    }
}

impl std::error::Error for JobError {}

/// The text of a panic payload: what `panic!` was given, as far as it can be read.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic payload that is not text".to_owned()
    }
}

/// The same of a payload that nobody wants any more, which is [`discard`]ed.
pub fn last_words(payload: Box<dyn Any + Send>) -> String {
    let message = panic_message(&*payload);
    discard(payload);
    message
}

/// Drops what a panic brought along. Its drop is user code and may panic in its turn: what that
/// brings is not dropped at all, for there would be no end to it.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(next);
    }
}

/// Tells standard error. If that is closed or full, nobody hears of it: `eprintln!` would panic,
/// and here that would often be in the middle of telling of a panic.
pub fn warn(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "singletrack: {text}");
}

/// The same kind of error, with a text that also says what was tried, such as
/// `cannot listen on 127.0.0.1:80`, and what may be done about it.
pub fn while_trying(what: impl fmt::Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => "; end whoever has it, or take another",
            io::ErrorKind::AddrNotAvailable => "; take one of this machine's",
            io::ErrorKind::ConnectionRefused => "; start whoever is to listen there first",
            _ => "",
        };
        io::Error::new(error.kind(), format!("{what}: {error}{remedy}"))
    }
}
