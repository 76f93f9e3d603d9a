//! When the lock changes hands: five small choices make every GIL there has been.
//!
//! *Promises*: a `SwitchPolicy` that exists is valid; equal policies behave equally.
//! *Leaves out*: how the choices are carried out (`gil/rules/ticker.rs`, `gil/rules/machine.rs`,
//! `gil/lock/take_gil.rs`); which threads share a lock: that depends on how many locks are made.
//!
//! ```text
//!                 check               hand-off   checkpoints          substrate      request
//! python-2        interval 100 ticks  race       every op             mutex+condvar  shared
//! python-2-linux  interval 100 ticks  race       every op             semaphore      shared
//! python-3.2      on request, 5 ms    forced     every op             mutex+condvar  shared
//! python-3.10     on request, 5 ms    forced     jumps, calls         mutex+condvar  shared
//! python-3.11     on request, 5 ms    forced     back edges, calls    mutex+condvar  shared
//! python-3.13     on request, 5 ms    forced     back edges, calls    mutex+condvar  holder
//! no-force        on request, 5 ms    race       every op             mutex+condvar  shared
//! fair            on request, 5 ms    fifo       every op             mutex+condvar  shared
//! priority        on request, 5 ms    priority   every op             mutex+condvar  shared
//! ```
//! Four words have one meaning each, here and in the lock:
//!
//! - A **tick** is an instruction that the lock is told of. A switch point follows it.
//! - A **switch point** is where a program could let another thread run: eight kinds, and which of
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
use std::str::FromStr;
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
    check: Check,
    hand_off: HandOff,
    checkpoints: SwitchPoints,
    substrate: Substrate,
    flag: DropFlag,
}

const FIVE_MS: Check = Check::OnRequest { interval: Duration::from_millis(5) };

impl SwitchPolicy {
    /// Python 1.5 to 2.7, 3.0 and 3.1, as on macOS: a check interval of 100 ticks, and the lock
    /// is a flag under a mutex. Beazley's "Inside the Python GIL" (2009) measured this one: on two
    /// cores the woken thread really runs, finds the lock taken again, and goes back to sleep,
    /// thousands of times per switch.
    pub const PYTHON_2: SwitchPolicy = SwitchPolicy {
        check: Check::EveryTicks(100),
        hand_off: HandOff::Race,
        checkpoints: SwitchPoints::EVERY,
        substrate: Substrate::MutexCondvar,
        flag: DropFlag::Shared,
    };

    /// The same on Linux, where the lock was one POSIX semaphore. Where cores are idle, the battle
    /// is hardly milder: CPython 2.7 itself fights it there.
    pub const PYTHON_2_LINUX: SwitchPolicy =
        SwitchPolicy { substrate: Substrate::Semaphore, ..Self::PYTHON_2 };

    /// Antoine Pitrou's "new GIL" of 2009, in Python 3.2 to 3.9: no ticks, a waiter asks after
    /// 5 ms, and the thread that was asked waits until another one has taken the lock.
    pub const PYTHON_3_2: SwitchPolicy = SwitchPolicy {
        check: FIVE_MS,
        hand_off: HandOff::Forced,
        checkpoints: SwitchPoints::EVERY,
        substrate: Substrate::MutexCondvar,
        flag: DropFlag::Shared,
    };

    /// Python 3.10: the request is read at jumps and calls only, which hides the lost updates of
    /// `x += 1`.
    pub const PYTHON_3_10: SwitchPolicy =
        SwitchPolicy { checkpoints: SwitchPoints::PYTHON_3_10, ..Self::PYTHON_3_2 };

    /// Python 3.11 and 3.12: nor where a jump leads forward, a Python function returns, or a call
    /// into C is a fast one.
    pub const PYTHON_3_11: SwitchPolicy =
        SwitchPolicy { checkpoints: SwitchPoints::PYTHON_3_11, ..Self::PYTHON_3_2 };

    /// Python 3.13 on: each thread reads a word of its own, so that a request touches only the
    /// thread it is meant for. The decisions are those of 3.11.
    pub const PYTHON_3_13: SwitchPolicy =
        SwitchPolicy { flag: DropFlag::Holder, ..Self::PYTHON_3_11 };

    /// Python 3.2 without its forced switch. It never shipped; it shows what the forced switch
    /// is for: the thread that yields takes the lock straight back.
    pub const NO_FORCE: SwitchPolicy = SwitchPolicy { hand_off: HandOff::Race, ..Self::PYTHON_3_2 };

    /// First come, first served. No CPython has it; it is what a fair mutex would do, and the
    /// only policy here with a bound on waiting: (threads - 1) x (interval + the time from one
    /// checkpoint to the next).
    pub const FAIR: SwitchPolicy = SwitchPolicy { hand_off: HandOff::Fifo, ..Self::PYTHON_3_2 };

    /// David Beazley's answer to the convoy (bpo-7946, 2010): two priorities, earned by
    /// behaviour. It was not merged, since every simple rule has a workload that defeats it.
    pub const PRIORITY: SwitchPolicy =
        SwitchPolicy { hand_off: HandOff::Priority, ..Self::PYTHON_3_2 };

    /// Every preset with the name it has on the command line, oldest first.
    pub const PRESETS: [(&'static str, SwitchPolicy); 9] = [
        ("python-2", Self::PYTHON_2),
        ("python-2-linux", Self::PYTHON_2_LINUX),
        ("python-3.2", Self::PYTHON_3_2),
        ("python-3.10", Self::PYTHON_3_10),
        ("python-3.11", Self::PYTHON_3_11),
        ("python-3.13", Self::PYTHON_3_13),
        ("no-force", Self::NO_FORCE),
        ("fair", Self::FAIR),
        ("priority", Self::PRIORITY),
    ];

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
        Ok(SwitchPolicy { check, hand_off, checkpoints, substrate, flag: DropFlag::Shared })
    }

    /// The same policy with another check.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_check(self, check: Check) -> Result<Self, PolicyError> {
        check.validate()?;
        Ok(SwitchPolicy { check, ..self })
    }

    /// The same policy with requests written elsewhere.
    pub fn with_flag(self, flag: DropFlag) -> Self {
        SwitchPolicy { flag, ..self }
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

    /// The preset of this version of CPython, on Linux; `None` of one that nobody has looked at.
    pub fn of_python((major, minor): (u32, u32)) -> Option<SwitchPolicy> {
        match (major, minor) {
            (1, 5..) | (2, _) | (3, 0..=1) => Some(Self::PYTHON_2_LINUX),
            (3, 2..=9) => Some(Self::PYTHON_3_2),
            (3, 10) => Some(Self::PYTHON_3_10),
            (3, 11..=12) => Some(Self::PYTHON_3_11),
            (3, 13..=14) => Some(Self::PYTHON_3_13),
            _ => None,
        }
    }

    /// The preset's name, if this is one.
    pub fn name(&self) -> Option<&'static str> {
        Self::PRESETS.iter().find(|(_, preset)| preset == self).map(|(name, _)| *name)
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

    /// A waiter asks the holder to go, instead of leaving it to the count.
    pub(crate) fn waiters_ask(self) -> bool {
        match self {
            Check::OnRequest { .. } => true,
            Check::EveryTicks(_) => false,
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

impl FromStr for SwitchPolicy {
    type Err = PolicyError;

    /// The preset of that name, or of that Python: `python-3.9`, `2.7`, `3.12.1`.
    fn from_str(name: &str) -> Result<Self, PolicyError> {
        let preset = Self::PRESETS.iter().find(|(known, _)| *known == name);
        preset
            .map(|(_, policy)| *policy)
            .or_else(|| Self::of_python(version(name)?))
            .ok_or_else(|| PolicyError::Unknown(name.to_owned()))
    }
}

/// The major and minor version in `python-3.12`, `3.12` or `3.12.1`.
pub(crate) fn version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("python-").unwrap_or(name).split('.').map(str::parse);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    numbers.all(|micro| micro.is_ok()).then_some(version)
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
