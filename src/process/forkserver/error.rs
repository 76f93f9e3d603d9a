//! Why there is no fork server, or no process from it, and what to do about that.
//!
//! *Promises*: each error names what was refused, and where there is a remedy, that.

use std::fmt;
use std::io;

/// Fork servers may be started in workers of fork servers, so deep and no deeper.
pub const MAX_DEPTH: u32 = 4;

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

/// The system's error, with the remedy.
pub(crate) fn refused(errno: i32) -> io::Error {
    let error = io::Error::from_raw_os_error(errno);
    io::Error::new(error.kind(), with_remedy(&error))
}
