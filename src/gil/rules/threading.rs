//! Under which rules the threads of a program run: a global lock with its policy, or none.
//!
//! *Promises*: one answer to the one question that explorers ask: may another thread run next?
//! *Leaves out*: the lock itself (`gil/lock`), and threads that run in parallel for real
//! (`gil/free_threading`). A lock cannot be made from this.
//!
//! ```text
//!   python-3.12, 3.12    ──▶ Gil(python-3.13)    a switch where the policy looks
//!   free-threaded, 3.14t ──▶ Free                a switch after any instruction
//! ```

use crate::gil::rules::policy::{Check, HandOff, PointCheck, SwitchPolicy};
use crate::gil::rules::presets::version;
use crate::gil::rules::switch_point::SwitchPoint;
use std::fmt;
use std::str::FromStr;

/// A global lock, or none.
///
/// ```
/// use singletrack::gil::{SwitchPoint, SwitchPolicy, Threading};
///
/// let [old, new, free] = ["2.7", "python-3.12", "3.14t"].map(|name| name.parse::<Threading>());
/// assert_eq!(old, Ok(Threading::Gil(SwitchPolicy::PYTHON_2_LINUX)));
/// assert_eq!(new, Ok(Threading::Gil(SwitchPolicy::PYTHON_3_13)));
/// assert_eq!(free, Ok(Threading::Free));
/// assert!(!new.unwrap().may_switch(SwitchPoint::Straight, true));
/// assert!(free.unwrap().may_switch(SwitchPoint::Straight, true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Threading {
    /// One thread at a time, and this decides which.
    Gil(SwitchPolicy),
    /// All at once: a switch between any two operations on what they share.
    #[doc(alias = "PEP 703")]
    Free,
}

impl Threading {
    /// Whether another thread may run next, after an instruction with this switch point, which
    /// Python 2 counts or does not.
    pub fn may_switch(self, point: SwitchPoint, counted: bool) -> bool {
        match self {
            Threading::Gil(policy) => check_at(&policy, point, counted) != PointCheck::Nothing,
            Threading::Free => true,
        }
    }

    /// Which thread has the lock next; `None` where there is none.
    pub fn hand_off(self) -> Option<HandOff> {
        match self {
            Threading::Gil(policy) => Some(policy.hand_off()),
            Threading::Free => None,
        }
    }
}

/// What a thread does at a switch point after an instruction that Python 2 counts or does not.
pub fn check_at(policy: &SwitchPolicy, point: SwitchPoint, counted: bool) -> PointCheck {
    match policy.check() {
        Check::EveryTicks(_) if !counted => PointCheck::Nothing,
        Check::EveryTicks(_) | Check::OnRequest { .. } => policy.at(point),
    }
}

impl From<SwitchPolicy> for Threading {
    fn from(policy: SwitchPolicy) -> Threading {
        Threading::Gil(policy)
    }
}

impl fmt::Display for Threading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threading::Gil(policy) => policy.fmt(f),
            Threading::Free => f.pad("free-threaded"),
        }
    }
}

/// A name that no policy has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchThreading(String);

impl fmt::Display for NoSuchThreading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, 3.14t or free-threaded", self.0)
    }
}

impl std::error::Error for NoSuchThreading {}

impl FromStr for Threading {
    type Err = NoSuchThreading;

    fn from_str(name: &str) -> Result<Threading, NoSuchThreading> {
        let free_version = name.strip_suffix('t').and_then(version);
        match free_version {
            _ if name == "free-threaded" => Ok(Threading::Free),
            Some((3, 13..)) => Ok(Threading::Free),
            _ => name.parse().map(Threading::Gil).map_err(
                |unknown: <SwitchPolicy as FromStr>::Err| NoSuchThreading(unknown.to_string()),
            ),
        }
    }
}
