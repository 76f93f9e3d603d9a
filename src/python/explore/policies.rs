//! The versions: at which switch points each looks whether it has to drop the lock.
//!
//! *Promises*: the sets are those of the CPython sources, and what was measured agrees.
//! *Leaves out*: which thread has the lock next: every one that can.
//!
//! ```text
//!                        straight  forward  returns    fast C   enter, back edge,  with
//!                                  taken    to Python  call     other C call
//!   python-2 to 3.9         x         x        x          x            x             x
//!   python-3.10                       x        x          x            x             x
//!   python-3.11 to 3.14                                                x             x
//!   python-3.15                                                        x
//! ```

use crate::python::code::instruction::SwitchPoint;

/// At which points threads may switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Looks {
    /// Nowhere: a thread runs until it waits or ends. The orders of whole threads.
    Nowhere,
    /// Everywhere.
    Everywhere,
    /// As 3.10.
    Python310,
    /// As 3.11 and 3.12.
    Python311,
    /// As 3.13 and 3.14.
    Python313,
    /// As 3.15 is expected to be.
    Python315,
}

/// The names on the command line, oldest first.
pub const POLICIES: &[(&str, Looks)] = &[
    ("python-2", Looks::Everywhere),
    ("python-2-linux", Looks::Everywhere),
    ("python-3.2", Looks::Everywhere),
    ("python-3.10", Looks::Python310),
    ("python-3.11", Looks::Python311),
    ("python-3.13", Looks::Python313),
    ("python-3.15", Looks::Python315),
    ("no-force", Looks::Everywhere),
    ("fair", Looks::Everywhere),
    ("priority", Looks::Everywhere),
    ("free-threaded", Looks::Everywhere),
];

/// What `--policy all` shows.
pub const ALL: &[&str] =
    &["python-2", "python-3.2", "python-3.10", "python-3.11", "python-3.13", "free-threaded"];

impl Looks {
    /// The policy of that name.
    pub fn named(name: &str) -> Option<Looks> {
        POLICIES.iter().find(|(other, _)| *other == name).map(|(_, looks)| *looks)
    }

    /// Whether another thread may run after such a point. `cold` code has no specialised calls.
    ///
    /// ```
    /// use singletrack::python::code::instruction::SwitchPoint;
    /// use singletrack::python::explore::policies::Looks;
    ///
    /// assert!(Looks::Python310.at(SwitchPoint::PyReturn, false));
    /// assert!(!Looks::Python311.at(SwitchPoint::PyReturn, false));
    /// assert!(Looks::Python311.at(SwitchPoint::FastCReturn, true));
    /// ```
    pub fn at(self, point: SwitchPoint, cold: bool) -> bool {
        use SwitchPoint as P;
        let since_311 = matches!(point, P::BackEdge | P::Enter | P::CReturn | P::Blocked)
            || (cold && point == P::FastCReturn);
        match self {
            _ if point == P::Never => false,
            Looks::Nowhere => false,
            Looks::Everywhere => true,
            Looks::Python310 => point != P::Straight,
            Looks::Python311 => {
                since_311 || matches!(point, P::WithEnter | P::EnterComprehension)
            }
            Looks::Python313 => since_311 || point == P::WithEnter,
            Looks::Python315 => since_311,
        }
    }
}
