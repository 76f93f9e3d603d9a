//! When the lock changes hands: five small choices make every GIL there has been.
//!
//! *Promises*: a `SwitchPolicy` that exists is valid; equal policies behave equally.
//! *Leaves out*: the policies that have a name (`gil/rules/presets.rs`); how the choices are carried
//! out (`gil/rules/ticker.rs`, `gil/rules/machine.rs`, `gil/lock/take_gil.rs`); which threads share a
//! lock: that depends on how many locks are made.
//!
//! Four words have one meaning each, here and in the lock:
//!
//! - A **tick** is an instruction that the lock is told of. A switch point follows it.
//! - A **switch point** is where a program could let another thread run: nine kinds, and which of
//!   them a policy looks at, are in `gil/rules/switch_point.rs`. `Gil::tick` is one in straight-line
//!   code, `Gil::checkpoint` one at a loop's jump back or a call.
//! - A **checkpoint** is a switch point at which the policy lets the lock change hands. There the
//!   thread counts the tick, under a counting policy; under the others it reads its eval breaker,
//!   where requests are shown.
//! - A **check** is what the thread does at a checkpoint where the count has run out, or where it
//!   sees a request: it makes pending calls, drops the lock and takes it again (after a request,
//!   only if a waiter has asked), and unwinds if it was interrupted. With a check interval of `n` a
//!   check comes every `n + 1` counted ticks: `gil/rules/ticker.rs` says why.

use crate::gil::rules::switch_point::{SwitchPoint, SwitchPoints};
use std::fmt;
use std::time::Duration;

/// The longest switch interval: one day. A longer one is taken for a mistake in the unit.
pub const MAX_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// The greatest check interval. CPython keeps it in a C `int`, too.
pub const MAX_TICKS: u32 = i32::MAX as u32;

/// What makes a running thread give the lock up: when a check is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// When it has counted down from this check interval: it drops the lock and takes it again,
    /// whether or not a thread waits (CPython 2's `sys.setcheckinterval`). The exact count is
    /// [`Ticker`](crate::gil::rules::ticker::Ticker)'s.
    #[doc(alias = "sys.setcheckinterval")]
    EveryTicks(u32),
    /// When it is asked to. A thread that has waited for `interval` and saw no switch meanwhile
    /// asks (CPython 3.2's `sys.setswitchinterval`).
    #[doc(alias = "sys.setswitchinterval")]
    OnRequest {
        /// How long a waiter waits before it asks: a latency of requests, not a time slice.
        interval: Duration,
    },
}

/// Which thread has the lock next when it is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandOff {
    /// The quickest. One waiter is woken, but the first thread to come takes the lock, and the
    /// thread that has just dropped it is on a core already.
    Race,
    /// The quickest *other*. A dropper that was asked waits until another thread has taken the
    /// lock (CPython's `FORCE_SWITCHING`).
    #[doc(alias = "FORCE_SWITCHING")]
    Forced,
    /// The thread that has waited longest; the lock is put into its hands while it sleeps.
    Fifo,
    /// Two classes, first come first served within each. A thread that gives the lock up by
    /// itself is *I/O* and goes first; one that had to be asked is *CPU*. An I/O thread asks a
    /// CPU thread at once, without waiting for the interval.
    Priority,
}

/// What a waiting thread sleeps on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Substrate {
    /// A flag under a mutex with a condition variable. The sleeper is signalled while the mutex
    /// is held, so it may wake up only to wait for the mutex.
    MutexCondvar,
    /// A binary semaphore: the sleeper is posted when the releaser has let go of everything.
    Semaphore,
}

/// Where a request to drop the lock is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropFlag {
    /// One word for all threads; when the lock has a new holder, it is cleared for all.
    Shared,
    /// The word of the thread that is asked (CPython 3.13 moved the eval breaker there).
    Holder,
}

/// What a thread does at a [`SwitchPoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PointCheck {
    /// It is a checkpoint: counts the tick. A check is due when the count has run out.
    Count,
    /// It is a checkpoint: reads the eval breaker. A check is due when that shows a request.
    AtRequest,
    /// Nothing: it is no checkpoint, so the lock cannot change hands.
    Nothing,
}

/// A rule for when the lock changes hands, and to whom.
///
/// ```
/// use singletrack::gil::{Check, HandOff, SwitchPolicy};
///
/// let policy: SwitchPolicy = "python-3.2".parse()?;
/// assert_eq!(policy, SwitchPolicy::PYTHON_3_2);
/// assert_eq!(policy.hand_off(), HandOff::Forced);
///
/// // Python 2's default was 100 ticks; some servers ran with 1,000.
/// let patient = SwitchPolicy::PYTHON_2.with_check(Check::EveryTicks(1000))?;
/// assert_eq!(patient.to_string(), "every 1000 ticks, race, every op, mutex+condvar, shared flag");
/// assert!(patient.with_check(Check::EveryTicks(0)).is_err());
/// # Ok::<(), singletrack::gil::PolicyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SwitchPolicy {
    /// Of a preset; empty if it is none.
    pub(super) name: &'static str,
    pub(super) check: Check,
    pub(super) hand_off: HandOff,
    pub(super) checkpoints: SwitchPoints,
    pub(super) substrate: Substrate,
    pub(super) flag: DropFlag,
}

impl SwitchPolicy {
    /// A policy of your own, with [`DropFlag::Shared`].
    ///
    /// # Errors
    /// [`PolicyError::Ticks`] or [`PolicyError::Interval`] if the check interval or the switch
    /// interval is zero or huge.
    pub fn new(
        check: Check,
        hand_off: HandOff,
        checkpoints: SwitchPoints,
        substrate: Substrate,
    ) -> Result<Self, PolicyError> {
        check.validate()?;
        let (name, flag) = ("", DropFlag::Shared);
        Ok(SwitchPolicy { name, check, hand_off, checkpoints, substrate, flag }.named())
    }

    /// The same policy with another check.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_check(self, check: Check) -> Result<Self, PolicyError> {
        check.validate()?;
        Ok(SwitchPolicy { check, ..self }.named())
    }

    /// The same policy with requests written elsewhere.
    pub fn with_flag(self, flag: DropFlag) -> Self {
        SwitchPolicy { flag, ..self }.named()
    }

    /// What makes a running thread give the lock up.
    pub fn check(&self) -> Check {
        self.check
    }

    /// Which thread has the lock next.
    pub fn hand_off(&self) -> HandOff {
        self.hand_off
    }

    /// Which switch points are checkpoints.
    pub fn checkpoints(&self) -> SwitchPoints {
        self.checkpoints
    }

    /// What a waiter sleeps on.
    pub fn substrate(&self) -> Substrate {
        self.substrate
    }

    /// Where a request to drop is written.
    pub fn flag(&self) -> DropFlag {
        self.flag
    }

    /// What a thread does at a switch point of this kind.
    pub fn at(&self, point: SwitchPoint) -> PointCheck {
        if !self.checkpoints.contains(point) {
            return PointCheck::Nothing;
        }
        match self.check {
            Check::EveryTicks(_) => PointCheck::Count,
            Check::OnRequest { .. } => PointCheck::AtRequest,
        }
    }

    /// What a check sets the ticker to; 0 if ticks are not counted.
    pub(crate) fn period(&self) -> u32 {
        match self.check {
            Check::EveryTicks(ticks) => ticks,
            Check::OnRequest { .. } => 0,
        }
    }
}

impl Check {
    fn validate(self) -> Result<(), PolicyError> {
        match self {
            Check::EveryTicks(n) if n == 0 || n > MAX_TICKS => Err(PolicyError::Ticks(n)),
            Check::OnRequest { interval } if interval.is_zero() || interval > MAX_INTERVAL => {
                Err(PolicyError::Interval(interval))
            }
            Check::EveryTicks(_) | Check::OnRequest { .. } => Ok(()),
        }
    }

    /// How long a waiter waits before it asks the holder to go; `None` leaves that to the count.
    pub(crate) fn interval(self) -> Option<Duration> {
        match self {
            Check::OnRequest { interval } => Some(interval),
            Check::EveryTicks(_) => None,
        }
    }
}

/// What the machine asks of a hand-off. A new one must answer each question.
impl HandOff {
    /// A dropper that was asked waits until another thread has taken the lock.
    pub(crate) fn forces_switch(self) -> bool {
        match self {
            HandOff::Forced => true,
            HandOff::Race | HandOff::Fifo | HandOff::Priority => false,
        }
    }

    /// A dropped lock is given to a certain waiter, instead of lying free for the quickest.
    pub(crate) fn grants(self) -> bool {
        match self {
            HandOff::Fifo | HandOff::Priority => true,
            HandOff::Race | HandOff::Forced => false,
        }
    }

    /// Threads that block go before threads that compute.
    pub(crate) fn prefers_io(self) -> bool {
        match self {
            HandOff::Priority => true,
            HandOff::Race | HandOff::Forced | HandOff::Fifo => false,
        }
    }
}

impl fmt::Display for SwitchPolicy {
    /// The preset's name; a policy of your own is spelled out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name() {
            return f.pad(name);
        }
        match self.check {
            Check::EveryTicks(n) => write!(f, "every {n} ticks")?,
            Check::OnRequest { interval } => write!(f, "on request after {interval:?}")?,
        }
        let hand_off = match self.hand_off {
            HandOff::Race => "race",
            HandOff::Forced => "forced",
            HandOff::Fifo => "fifo",
            HandOff::Priority => "priority",
        };
        let checkpoints = self.checkpoints;
        let substrate = match self.substrate {
            Substrate::MutexCondvar => "mutex+condvar",
            Substrate::Semaphore => "semaphore",
        };
        let flag = match self.flag {
            DropFlag::Shared => "shared flag",
            DropFlag::Holder => "holder's flag",
        };
        write!(f, ", {hand_off}, {checkpoints}, {substrate}, {flag}")
    }
}

/// Why a value is not a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The check interval is out of range.
    Ticks(u32),
    /// The switch interval is out of range.
    Interval(Duration),
    /// The lock's policy counts ticks, so it has no switch interval.
    NoInterval,
    /// The lock's policy does not count ticks, so it has no check interval.
    NoTicks,
    /// No preset has this name.
    Unknown(String),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::Ticks(n) => {
                write!(f, "a check every {n} ticks is out of range: use 1 to {MAX_TICKS}")
            }
            PolicyError::Interval(interval) => write!(
                f,
                "a switch interval of {interval:?} is out of range: use more than zero, at most \
                 {MAX_INTERVAL:?}"
            ),
            PolicyError::NoInterval => write!(
                f,
                "this lock checks by ticks and has no switch interval: make one with \
                 Check::OnRequest"
            ),
            PolicyError::NoTicks => write!(
                f,
                "this lock does not count ticks and has no check interval: make one with \
                 Check::EveryTicks"
            ),
            PolicyError::Unknown(name) => {
                write!(f, "no switch policy is called `{name}`: use one of ")?;
                let names: Vec<_> = SwitchPolicy::PRESETS.iter().map(|(name, _)| *name).collect();
                write!(f, "{}, or a version such as 2.7 or 3.12", names.join(", "))
            }
        }
    }
}

impl std::error::Error for PolicyError {}
