//! What a simulated thread does: acts, one after the other, so many rounds.
//!
//! *Assumes*: nothing.
//! *Promises*: a round takes time, or there is none; so a script that goes on for ever does not
//! stop the clock.
//! *Leaves out*: when each act gets done (`gil/simulator.rs`).
//!
//! ```text
//!                 lock    core
//!   Compute        ●       ●     a loop of bytecode
//!   Call           ○       ●     hashlib, or write() on a socket
//!   Await          ○       ○     read(): until the answer to the last call is there
//!   Sleep          ○       ○     time.sleep()
//! ```

use crate::gil::verdict::Nanos;

/// One thing that a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Runs so many ticks of bytecode, with the lock.
    Compute {
        /// How many.
        ticks: u64,
    },
    /// Works on a core, without the lock.
    Call {
        /// For so long.
        time: Nanos,
    },
    /// Blocks, without lock and core, until so long after the end of its last call; if that is
    /// over, it goes on at once.
    Await {
        /// How long the other side takes to answer.
        time: Nanos,
    },
    /// Blocks, without lock and core.
    Sleep {
        /// For so long.
        time: Nanos,
    },
}

/// The life of a simulated thread.
///
/// ```
/// use singletrack::gil::script::{Act, Script};
///
/// let burner = Script::computes("cpu", 1_000);
/// assert_eq!(burner.work(), 1_000);
/// let reads = [Act::Await { time: 50_000 }, Act::Compute { ticks: 5 }];
/// assert_eq!(Script::new("io", 10, &reads).work(), 50);
/// // No round of this would ever take time, so there is none.
/// assert_eq!(Script::new("idle", u64::MAX, &[Act::Sleep { time: 0 }]).rounds(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Script {
    name: String,
    rounds: u64,
    acts: Vec<Act>,
}

impl Script {
    /// These acts, so many times over.
    pub fn new(name: &str, rounds: u64, acts: &[Act]) -> Script {
        let takes_time = acts.iter().any(|act| match *act {
            Act::Compute { ticks } => ticks > 0,
            Act::Call { time } | Act::Sleep { time } => time > 0,
            Act::Await { .. } => false,
        });
        let rounds = if takes_time { rounds } else { 0 };
        Script { name: name.to_owned(), rounds, acts: acts.to_vec() }
    }

    /// A thread that does nothing but compute.
    pub fn computes(name: &str, ticks: u64) -> Script {
        Script::new(name, 1, &[Act::Compute { ticks }])
    }

    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it does its acts.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The acts of a round.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// How many ticks it runs in all.
    pub fn work(&self) -> u64 {
        let ticks = |act: &Act| if let Act::Compute { ticks } = act { *ticks } else { 0 };
        let round = self.acts.iter().fold(0u64, |sum, act| sum.saturating_add(ticks(act)));
        round.saturating_mul(self.rounds)
    }
}
