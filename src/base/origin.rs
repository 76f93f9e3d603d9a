//! The process that made a thing: how what came with a fork knows that it is a copy.
//!
//! *Assumes*: `sys/process.rs` tells a forked process from those it descends from.
//! *Promises*: `is_copy` is false in the process that called `here`, on each of its threads, and
//! true in every process forked from it since, also by a raw system call; it costs two loads.
//! *Leaves out*: what a copy must leave alone, which only the thing itself knows.
//!
//! A fork copies the memory of a process and nothing else: not its threads, not its children, not
//! the kernel's objects behind its descriptors, not the files that it has made. A copied handle
//! looks the same and owns nothing. So there is one rule for all that owns something outside its
//! process:
//!
//! ```text
//!   in the original                    in a copy
//!   ────────────────                   ─────────────────────────────────────────────
//!   drop, shut down: frees, waits      does nothing: it is another process's
//!   asked for more: does it            an error that names both processes (`check`), or a panic
//!   locks its own mutex                does not: a thread that was not copied may have it
//! ```
//! The alternative, `pthread_atfork`, would tell every fork to every thing. But it is not called
//! by a raw `clone`, a handler can never be taken back, handlers run between the fork and its
//! caller, where little is allowed, and most copies are never touched: asking is cheaper.

use crate::sys::process::generation;
use std::{fmt, io};

/// Which process made something.
///
/// ```
/// use singletrack::base::origin::Origin;
///
/// let origin = Origin::here();
/// assert!(!origin.is_copy());
/// assert_eq!(origin.made_in(), std::process::id());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    generation: u32,
    pid: u32,
}

impl Origin {
    /// This process.
    pub fn here() -> Origin {
        let (generation, pid) = generation();
        Origin { generation, pid }
    }

    /// True in a process that was forked since [`here`](Self::here): what has this origin owns
    /// nothing there.
    pub fn is_copy(self) -> bool {
        generation().0 != self.generation
    }

    /// An error in a copy: `what` was copied, and what to do instead.
    ///
    /// # Errors
    /// Where [`is_copy`](Self::is_copy) is true.
    ///
    /// ```
    /// use singletrack::base::origin::Origin;
    ///
    /// assert!(Origin::here().check("the pool", "make a new one here").is_ok());
    /// ```
    pub fn check(self, what: &str, remedy: &str) -> io::Result<()> {
        match self.is_copy() {
            true => Err(io::Error::other(format!("{what} was {self}: {remedy}"))),
            false => Ok(()),
        }
    }

    /// The number of the process that made it.
    pub fn made_in(self) -> u32 {
        self.pid
    }
}

/// For a copy: where it came from, as part of a sentence.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, here) = generation();
        write!(f, "made in process {}, and this is process {here}, forked from it", self.pid)
    }
}
