//! How much the explorer tries, and what ended it before it had tried everything.
//!
//! *Promises*: with the same limits the same bound: nothing of it depends on the clock or the machine.
//! *Leaves out*: the searches that keep to it (`vm/explorer.rs`, `vm/schedule.rs`).

use std::fmt;

/// How much is explored before the explorer gives up, and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many schedules.
    pub schedules: u64,
    /// How many steps, of all schedules together.
    pub steps: u64,
    /// How many instructions of one schedule.
    pub fuel: usize,
    /// How many states the searches for serial outcomes and for the fewest switches visit.
    pub states: usize,
    /// How much memory the worlds and outcomes that one search keeps may take.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            schedules: 100_000,
            steps: 2_000_000,
            fuel: 10_000,
            states: 100_000,
            bytes: 1 << 30,
        }
    }
}

/// Why not everything was explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// There are more schedules than this.
    Schedules(u64),
    /// It takes more steps than this.
    Steps(u64),
    /// A schedule has more instructions than this.
    Fuel(usize),
    /// The worlds and outcomes to be kept take more memory than this.
    Memory(usize),
    /// Not all orders of whole threads were tried, so that an outcome of one may be called lost.
    Serial,
    /// It was stopped from outside.
    Stopped,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Schedules(most) => write!(f, "stopped after {most} schedules"),
            Bound::Steps(most) => write!(f, "stopped after {most} steps"),
            Bound::Fuel(most) => write!(f, "some schedules were cut after {most} instructions"),
            Bound::Memory(most) => write!(f, "stopped at {} MiB of worlds", most >> 20),
            Bound::Serial => write!(f, "not all orders of whole threads were tried"),
            Bound::Stopped => write!(f, "it was stopped"),
        }
    }
}
