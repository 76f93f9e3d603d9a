//! What the rules decide, as plain data; the errors instead of a deadlock.
//!
//! *Promises*: every error says what to do about it.
//! *Leaves out*: the rules (`gil/rules/machine.rs`); mistakes that do not compile
//! (`gil/lock/token.rs`, `gil/free_threading/attached.rs`).
//!
//! ```text
//!   a thread asks:      Decision { next: Run | Sleep | Refused, wake }    ─▶ AttachError
//!   the holder drops:   Release { wake, await_switch }, for a DropReason
//! ```

use crate::base::origin::Origin;
use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

/// A moment, in nanoseconds since the lock was made.
pub type Nanos = u64;

/// The number of a thread that uses the lock. It is used again after the thread has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub(crate) u32);

impl ThreadId {
    /// The number itself, counted from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a thread that wants the lock does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It holds the lock and runs.
    Run {
        /// Another thread held it before.
        switched: bool,
    },
    /// It sleeps until it is woken, or until this moment; then it reports which of the two.
    Sleep {
        /// The moment at which the sleep ends by itself; `None` is never.
        until: Option<Nanos>,
        /// Why it may not run.
        why: SleepReason,
    },
    /// It cannot have the lock.
    Refused(Refusal),
}

/// Why a thread sleeps (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SleepReason {
    /// The lock is taken.
    Busy,
    /// It was woken for a free lock, and another thread was quicker.
    Barged,
    /// It waited a whole interval under one holder and has now asked for the lock.
    Asked,
    /// The interval passed, but the holder is a new one, which gets a whole interval of its own.
    NewHolder,
    /// It woke up for no reason.
    Early,
    /// It was made to drop the lock, and may not have it before another thread has had it.
    Switch,
}

/// Why a thread cannot have the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has it already.
    Nested,
    /// The lock was finalised by another thread.
    Finalised,
}

/// What to do after an event: what the thread does next, and one sleeper to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the thread must do what was decided, and the sleeper must be woken"]
pub struct Decision {
    /// For the thread whose event it was.
    pub next: Next,
    /// Another thread, to be woken.
    pub wake: Option<ThreadId>,
}

/// What to do after the lock was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the sleeper must be woken"]
pub struct Release {
    /// A waiter to wake.
    pub wake: Option<ThreadId>,
    /// The dropper, which does not want the lock back, sleeps until the switch has come: until the
    /// machine's `is_handing_over` is false for it. (One that does sleeps for the lock.)
    pub await_switch: bool,
}

/// A thread that does not hold the lock tried to drop it. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotHolder;

/// Why the lock is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The thread blocks, or is done.
    Voluntary,
    /// A check was due by the count of ticks: it wants the lock back at once.
    Tick,
    /// It saw a drop request: it wants the lock back at once.
    Request,
}

impl DropReason {
    /// The thread that drops the lock for this reason wants it back at once.
    pub(crate) fn wants_back(self) -> bool {
        match self {
            DropReason::Voluntary => false,
            DropReason::Tick | DropReason::Request => true,
        }
    }
}

impl Decision {
    /// The thread runs; and perhaps a sleeper goes on.
    pub(crate) fn run(switched: bool, wake: Option<ThreadId>) -> Decision {
        Decision { next: Next::Run { switched }, wake }
    }

    /// The thread cannot have the lock.
    pub(crate) fn refused(refusal: Refusal) -> Decision {
        Decision { next: Next::Refused(refusal), wake: None }
    }
}

/// A duration in nanoseconds; one that does not fit becomes the greatest number, five centuries.
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Why a thread did not get the lock; in free threading, why it may not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// This thread is attached already.
    Nested,
    /// The lock was finalised, by another thread.
    Finalised,
    /// The lock was not free within this time.
    TimedOut(Duration),
    /// This process is a fork of the one that made the lock, and a thread that was not copied
    /// has the lock, or has stopped the world.
    Forked {
        /// The process that made the lock.
        made_in: u32,
        /// This process.
        here: u32,
    },
    /// The thread is ending and has given up its place already.
    ThreadEnding,
    /// It had the lock, and was [interrupted](crate::gil::GlobalLock::interrupt) at a check.
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
    /// An error in a fork, where a thread must not wait for those that were not copied.
    pub(crate) fn unless_made_here(origin: Origin) -> Result<(), AttachError> {
        if !origin.is_copy() {
            return Ok(());
        }
        // The kernel is asked for the number here only: every sleep comes this way.
        Err(AttachError::Forked { made_in: origin.made_in(), here: std::process::id() })
    }
}

/// The payload that unwinds a thread that cannot run on, up to its `attach`, which gives the error; an
/// `attach` to another lock on the way lets it pass.
pub(crate) struct Expelled {
    error: AttachError,
    from: Source,
}

/// Which lock or scope expels a thread: the address of what its handles share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(usize);

impl Source {
    pub(crate) fn of<S>(shared: &S) -> Source {
        Source(std::ptr::from_ref(shared).addr())
    }
}

impl Expelled {
    /// Unwinds, unless that is under way.
    pub(crate) fn unwind(from: Source, error: AttachError) {
        if !std::thread::panicking() {
            resume_unwind(Box::new(Expelled { error, from }));
        }
    }

    /// The result of a body that may have been unwound so; any other panic goes on.
    pub(crate) fn caught<R>(
        from: Source,
        outcome: std::thread::Result<R>,
    ) -> Result<R, AttachError> {
        outcome.or_else(|payload| match payload.downcast::<Expelled>() {
            Ok(own) if own.from == from => Err(own.error),
            Ok(anothers) => resume_unwind(anothers),
            Err(panic) => resume_unwind(panic),
        })
    }
}
