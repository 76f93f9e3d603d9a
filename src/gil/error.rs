//! Why a thread cannot run: what is reported instead of a deadlock.
//!
//! *Assumes*: nothing.
//! *Promises*: every error says what to do about it.
//! *Leaves out*: mistakes that do not compile (`gil/token.rs`, `gil/attached.rs`).

use crate::gil::verdict::Refusal;
use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

/// Why a thread did not get the lock; or, where there is none, why it may not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// This thread is attached already.
    Nested,
    /// The lock was finalised, by another thread.
    Finalised,
    /// It was not free within this time.
    TimedOut(Duration),
    /// This process is a fork of the one that made the lock, and a thread that was not copied
    /// has it, or has stopped the world.
    Forked {
        /// The process that made it.
        made_in: u32,
        /// This process.
        here: u32,
    },
    /// The thread is ending and has given up its place already.
    ThreadEnding,
    /// It had the lock, and was [interrupted](crate::gil::lock::GlobalLock::interrupt) at a check.
    Interrupted,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::Nested => {
                write!(
                    f,
                    "this thread is attached already: pass its token on, lend it, or detach first"
                )
            }
            AttachError::Finalised => {
                write!(f, "the lock was finalised: no thread but its finaliser can have it")
            }
            AttachError::TimedOut(limit) => write!(f, "the lock was not free within {limit:?}"),
            AttachError::Forked { made_in, here } => write!(
                f,
                "made in process {made_in}, and in the hands of a thread that was left there; \
                 make a new one in this fork, process {here}"
            ),
            AttachError::ThreadEnding => {
                write!(f, "this thread is ending: attach before its thread-locals are dropped")
            }
            AttachError::Interrupted => {
                write!(f, "this thread was interrupted while it had the lock: attach again")
            }
        }
    }
}

impl std::error::Error for AttachError {}

impl From<Refusal> for AttachError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Nested => AttachError::Nested,
            Refusal::Finalised => AttachError::Finalised,
        }
    }
}

impl AttachError {
    /// A thread of a fork must not wait for threads that were not copied.
    pub(crate) fn unless_made_here(made_in: u32) -> Result<(), AttachError> {
        let here = std::process::id();
        if made_in == here { Ok(()) } else { Err(AttachError::Forked { made_in, here }) }
    }
}

/// What unwinds a thread that cannot run on, up to its `attach`, which gives the error.
pub(crate) struct Expelled(AttachError);

impl Expelled {
    /// Unwinds, unless that is under way.
    pub(crate) fn unwind(error: AttachError) {
        if !std::thread::panicking() {
            resume_unwind(Box::new(Expelled(error)));
        }
    }

    /// What a body came to that may have been unwound.
    pub(crate) fn caught<R>(outcome: std::thread::Result<R>) -> Result<R, AttachError> {
        outcome.or_else(|payload| match payload.downcast::<Expelled>() {
            Ok(expelled) => Err(expelled.0),
            Err(panic) => resume_unwind(panic),
        })
    }
}
