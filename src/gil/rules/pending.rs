//! Calls that only the main thread may make, such as the handlers of signals.
//!
//! *Assumes*: its caller holds a mutex around it, and none while it makes a call.
//! *Promises*: each call is made once, in order, by the main thread, never one within another;
//! at most a batch at a time.
//! *Leaves out*: when a check comes (`gil/lock/token.rs`); C's signal handlers, which do no more
//! than [`add`](Pending::add) does.
//!
//! ```text
//!   any thread: add ──▶ ▯▯▯▯ 31 at most ──▶ main thread, at its next check: next, call, next …
//!                                    other threads, at each check: nothing, and the flag stays
//! ```
//! In CPython 2 a flag that stays means that there is another check at the very next tick. If the
//! main thread is blocked where it cannot be woken, every other thread drops and takes the lock at
//! every tick until the main thread is back: the signal storm. `Py_MakePendingCalls` in
//! `Python/ceval.c` has the rule.

use crate::gil::rules::decision::ThreadId;
use std::collections::VecDeque;
use std::fmt;

/// How many calls may wait: CPython's ring of 32 slots, one of which tells full from empty. (3.13 has room
/// for all 32 of them.)
pub const CAPACITY: usize = 31;
/// The most calls that one check makes.
pub const BATCH: usize = 32;

/// There was no room for another call; it was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CAPACITY} calls wait for the main thread already: let it reach a check first")
    }
}

impl std::error::Error for Full {}

/// The calls that wait for the main thread.
///
/// ```
/// use singletrack::gil::rules::machine::Machine;
/// use singletrack::gil::rules::pending::Pending;
/// use singletrack::gil::SwitchPolicy;
///
/// let mut machine = Machine::new(SwitchPolicy::PYTHON_2);
/// let (main, other) = (machine.joins(), machine.joins());
/// let mut pending = Pending::default();
/// pending.set_main(main);
/// pending.add("SIGINT").unwrap();
/// assert!(!pending.begins(other), "only the main thread may");
/// assert!(pending.begins(main) && !pending.begins(main), "and not within a call");
/// assert_eq!((pending.next(), pending.next()), (Some("SIGINT"), None));
/// pending.ends();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(alias = "Py_AddPendingCall")]
pub struct Pending<C> {
    calls: VecDeque<C>,
    main: Option<ThreadId>,
    busy: bool,
    left: usize,
}

impl<C> Default for Pending<C> {
    fn default() -> Self {
        Pending { calls: VecDeque::new(), main: None, busy: false, left: 0 }
    }
}

impl<C> Pending<C> {
    /// This thread makes the calls from now on.
    pub fn set_main(&mut self, main: ThreadId) {
        self.main = Some(main);
    }

    /// The thread that makes the calls.
    pub fn main(&self) -> Option<ThreadId> {
        self.main
    }

    /// A thread died. Its number will be given to another, which is not the main thread.
    pub fn forgets(&mut self, dead: ThreadId) {
        if self.main == Some(dead) {
            self.main = None;
        }
    }

    /// Calls wait.
    pub fn flagged(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Adds a call. Any thread may, whether it has the lock or not.
    ///
    /// # Errors
    /// The call, if [`CAPACITY`] wait already: whoever holds a mutex around this drops it later, for its
    /// drop may be a user's.
    pub fn add(&mut self, call: C) -> Result<(), C> {
        if self.calls.len() == CAPACITY {
            return Err(call);
        }
        self.calls.push_back(call);
        Ok(())
    }

    /// A check begins: true if this thread may make calls now. It then makes the
    /// [`next`](Self::next) until there is none, and [`ends`](Self::ends).
    pub fn begins(&mut self, me: ThreadId) -> bool {
        let may = self.main == Some(me) && !self.busy;
        if may {
            (self.busy, self.left) = (true, BATCH);
        }
        may
    }

    /// The next call of this check.
    #[allow(clippy::should_implement_trait)] // unlike an iterator it may go on after `None`
    pub fn next(&mut self) -> Option<C> {
        self.left = self.left.checked_sub(1)?;
        self.calls.pop_front()
    }

    /// The check is over, or a call failed: what is left waits for the next check.
    pub fn ends(&mut self) {
        self.busy = false;
    }
}
