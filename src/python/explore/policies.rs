//! Where threads may switch: the crate's policies, asked for the places of Python code.
//!
//! *Promises*: a policy looks where `gil/rules/policy.rs` says; whatever blocks lets others run under
//! each of them.
//! *Leaves out*: which thread has the lock next: every one that can.

use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::threading::Threading;
use crate::python::code::instruction::Place;

/// At which places threads may switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Looks {
    /// Nowhere: a thread runs until it waits or ends. The orders of whole threads.
    Nowhere,
    /// Where this looks; `true` for code that is cold, in which no call is specialised.
    Under(Threading, bool),
}

/// What `--policy all` shows.
pub const ALL: [&str; 8] = [
    "python-2",
    "python-3.2",
    "python-3.10",
    "python-3.11",
    "python-3.13",
    "python-3.14",
    "python-3.15",
    "free-threaded",
];

impl Looks {
    /// Whether both look at the same places.
    pub fn is_like(self, other: Looks) -> bool {
        Place::ALL.iter().all(|place| self.at(*place) == other.at(*place))
    }

    /// Whether another thread may run after such a place.
    ///
    /// ```
    /// use singletrack::gil::{SwitchPolicy, Threading};
    /// use singletrack::python::code::instruction::Place;
    /// use singletrack::python::explore::policies::Looks;
    ///
    /// let warm = |policy| Looks::Under(Threading::Gil(policy), false);
    /// assert!(warm(SwitchPolicy::PYTHON_3_10).at(Place::PyReturn));
    /// assert!(!warm(SwitchPolicy::PYTHON_3_11).at(Place::PyReturn));
    /// assert!(!Looks::Nowhere.at(Place::Blocked));
    /// ```
    pub fn at(self, place: Place) -> bool {
        let Looks::Under(threading, cold) = self else { return false };
        let may = |point| threading.may_switch(point, true);
        match place.switch_point() {
            None => place == Place::Blocked,
            Some(SwitchPoint::FastCReturn) if cold => may(SwitchPoint::CReturn),
            Some(point) => may(point),
        }
    }
}
