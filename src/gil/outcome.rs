//! What became of a simulation, and of each thread in it.
//!
//! *Assumes*: nothing.
//! *Promises*: plain data; two runs are equal if all that happened in them is.
//! *Leaves out*: how it came about (`gil/simulator.rs`).

use crate::gil::counters::Counters;
use crate::gil::record::Recording;
use crate::gil::verdict::Nanos;

/// How a simulation ended. There is no deadlock among these: every act ends by itself, and the
/// machine forgets no sleeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every thread has come to the end of its script.
    Done,
    /// The time was over.
    OutOfTime,
}

/// What became of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Its name.
    pub name: String,
    /// Ticks that it has done.
    pub ticks: u64,
    /// Whole rounds of its script.
    pub rounds: u64,
    /// When it ended, if it did.
    pub ended: Option<Nanos>,
}

/// What became of all.
///
/// ```
/// use singletrack::gil::costs::Costs;
/// use singletrack::gil::outcome::Ending;
/// use singletrack::gil::policy::SwitchPolicy;
/// use singletrack::gil::script::Script;
/// use singletrack::gil::simulator::Simulator;
///
/// let mut world = Simulator::new(SwitchPolicy::FAIR, 2, Costs::NONE, 0)?;
/// world.spawn(Script::computes("a", 300));
/// world.spawn(Script::computes("b", 200));
/// let run = world.run(400);
/// assert_eq!((run.ending, run.elapsed), (Ending::OutOfTime, 400));
/// assert_eq!((run.fates[0].ended, run.fates[1].ticks), (Some(300), 100));
/// # Ok::<(), singletrack::gil::simulator::NoSuchMachine>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How it ended.
    pub ending: Ending,
    /// How long it took, in virtual nanoseconds.
    pub elapsed: Nanos,
    /// Thread by thread, in the order they were spawned.
    pub fates: Vec<Fate>,
    /// What happened to the lock, how often.
    pub counters: Counters,
    /// What happened to the lock, when.
    pub recording: Recording,
}
