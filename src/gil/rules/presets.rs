//! The presets: every GIL there has been, and three that there might have been, by name.
//!
//! *Promises*: a version of CPython has the preset that its sources ask for; each preset answers to
//! its name. Of 3.13 and 3.15 all five choices are the same: they are two presets by name only.
//! *Leaves out*: what a choice means (`gil/rules/policy.rs`).
//!
//! ```text
//!                 check               hand-off   checkpoints          substrate      request
//! python-2        interval 100 ticks  race       every op             mutex+condvar  shared
//! python-2-linux  interval 100 ticks  race       every op             semaphore      shared
//! python-3.2      on request, 5 ms    forced     every op             mutex+condvar  shared
//! python-3.10     on request, 5 ms    forced     jumps, calls         mutex+condvar  shared
//! python-3.11     on request, 5 ms    forced     back edges, calls    mutex+condvar  shared
//! python-3.13     on request, 5 ms    forced     back edges, calls    mutex+condvar  holder
//! python-3.14     on request, 5 ms    forced     the same, and with   mutex+condvar  holder
//! python-3.15     on request, 5 ms    forced     back edges, calls    mutex+condvar  holder
//! no-force        on request, 5 ms    race       every op             mutex+condvar  shared
//! fair            on request, 5 ms    fifo       every op             mutex+condvar  shared
//! priority        on request, 5 ms    priority   every op             mutex+condvar  shared
//! ```

use crate::gil::rules::policy::{Check, DropFlag, HandOff, PolicyError, Substrate, SwitchPolicy};
use crate::gil::rules::switch_point::SwitchPoints;
use std::str::FromStr;
use std::time::Duration;

const FIVE_MS: Check = Check::OnRequest { interval: Duration::from_millis(5) };

impl SwitchPolicy {
    /// Python 2.3 to 2.7, 3.0 and 3.1, as on macOS: a check interval of 100 ticks, and the lock
    /// is a flag under a mutex. Beazley's "Inside the Python GIL" (2009) measured this one: on two
    /// cores the woken thread really runs, finds the lock taken again, and goes back to sleep,
    /// thousands of times per switch.
    pub const PYTHON_2: SwitchPolicy = SwitchPolicy {
        name: "python-2",
        check: Check::EveryTicks(100),
        hand_off: HandOff::Race,
        checkpoints: SwitchPoints::EVERY,
        substrate: Substrate::MutexCondvar,
        flag: DropFlag::Shared,
    };

    /// The same on Linux, where the lock was one POSIX semaphore. Where cores are idle, the battle
    /// is hardly milder: CPython 2.7 itself fights it there.
    pub const PYTHON_2_LINUX: SwitchPolicy =
        SwitchPolicy { name: "python-2-linux", substrate: Substrate::Semaphore, ..Self::PYTHON_2 };

    /// Antoine Pitrou's "new GIL" of 2009, in Python 3.2 to 3.9: no ticks, a waiter asks after
    /// 5 ms, and the thread that was asked waits until another one has taken the lock.
    pub const PYTHON_3_2: SwitchPolicy = SwitchPolicy {
        name: "python-3.2",
        check: FIVE_MS,
        hand_off: HandOff::Forced,
        checkpoints: SwitchPoints::EVERY,
        substrate: Substrate::MutexCondvar,
        flag: DropFlag::Shared,
    };

    /// Python 3.10: the request is read at jumps and calls only, which hides the lost updates of
    /// `x += 1`.
    pub const PYTHON_3_10: SwitchPolicy = SwitchPolicy {
        name: "python-3.10",
        checkpoints: SwitchPoints::PYTHON_3_10,
        ..Self::PYTHON_3_2
    };

    /// Python 3.11: nor where a jump leads forward, a Python function returns, or a call
    /// into C is a fast one.
    pub const PYTHON_3_11: SwitchPolicy = SwitchPolicy {
        name: "python-3.11",
        checkpoints: SwitchPoints::PYTHON_3_11,
        ..Self::PYTHON_3_2
    };

    /// Python 3.13: each thread reads a word of its own, so that a request touches only the thread
    /// it is meant for. It looks where 3.12 does: where 3.11 does, but for comprehensions, which are no
    /// functions any more.
    pub const PYTHON_3_13: SwitchPolicy = SwitchPolicy {
        name: "python-3.13",
        checkpoints: SwitchPoints::PYTHON_3_13,
        flag: DropFlag::Holder,
        ..Self::PYTHON_3_2
    };

    /// Python 3.14: it looks also between `__enter__` and the block of a `with` (gh-120507).
    pub const PYTHON_3_14: SwitchPolicy = SwitchPolicy {
        name: "python-3.14",
        checkpoints: SwitchPoints::PYTHON_3_14,
        ..Self::PYTHON_3_13
    };

    /// Python 3.15: there no more (PR 150911). As its sources say; none was measured.
    pub const PYTHON_3_15: SwitchPolicy = SwitchPolicy { name: "python-3.15", ..Self::PYTHON_3_13 };

    /// Python 3.2 without its forced switch. It never shipped; it shows what the forced switch
    /// is for: the thread that yields takes the lock straight back.
    pub const NO_FORCE: SwitchPolicy =
        SwitchPolicy { name: "no-force", hand_off: HandOff::Race, ..Self::PYTHON_3_2 };

    /// First come, first served. No CPython has it; it is what a fair mutex would do, and the
    /// only policy here with a bound on waiting: (threads - 1) x (interval + the time from one
    /// checkpoint to the next).
    pub const FAIR: SwitchPolicy =
        SwitchPolicy { name: "fair", hand_off: HandOff::Fifo, ..Self::PYTHON_3_2 };

    /// David Beazley's answer to the convoy (bpo-7946, 2010): two priorities, earned by
    /// behaviour. It was not merged, since every simple rule has a workload that defeats it.
    pub const PRIORITY: SwitchPolicy =
        SwitchPolicy { name: "priority", hand_off: HandOff::Priority, ..Self::PYTHON_3_2 };

    /// Every preset with the name it has on the command line, oldest first.
    pub const PRESETS: [(&'static str, SwitchPolicy); 11] = [
        ("python-2", Self::PYTHON_2),
        ("python-2-linux", Self::PYTHON_2_LINUX),
        ("python-3.2", Self::PYTHON_3_2),
        ("python-3.10", Self::PYTHON_3_10),
        ("python-3.11", Self::PYTHON_3_11),
        ("python-3.13", Self::PYTHON_3_13),
        ("python-3.14", Self::PYTHON_3_14),
        ("python-3.15", Self::PYTHON_3_15),
        ("no-force", Self::NO_FORCE),
        ("fair", Self::FAIR),
        ("priority", Self::PRIORITY),
    ];

    /// Who makes the choices of a preset has made that preset: its own if it has not changed.
    pub(super) fn named(self) -> Self {
        let is_preset = |preset: &Self| SwitchPolicy { name: preset.name, ..self } == *preset;
        let presets = || Self::PRESETS.into_iter().map(|(_, preset)| preset).filter(is_preset);
        let own = presets().find(|preset| preset.name == self.name);
        own.or(presets().next()).unwrap_or(SwitchPolicy { name: "", ..self })
    }

    /// The preset of this version of CPython, on Linux; `None` of one that nobody has looked at.
    pub fn of_python((major, minor): (u32, u32)) -> Option<SwitchPolicy> {
        match (major, minor) {
            // Up to 2.2 it was every tenth tick.
            (2, 3..=7) | (3, 0..=1) => Some(Self::PYTHON_2_LINUX),
            (3, 2..=9) => Some(Self::PYTHON_3_2),
            (3, 10) => Some(Self::PYTHON_3_10),
            (3, 11) => Some(Self::PYTHON_3_11),
            // 3.12 looks where 3.13 does. (Its flag is still the interpreter's, as 3.11's is, which no
            // program can tell.)
            (3, 12..=13) => Some(Self::PYTHON_3_13),
            (3, 14) => Some(Self::PYTHON_3_14),
            (3, 15) => Some(Self::PYTHON_3_15),
            _ => None,
        }
    }

    /// The preset's name, if this is one.
    pub fn name(&self) -> Option<&'static str> {
        (!self.name.is_empty()).then_some(self.name)
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
