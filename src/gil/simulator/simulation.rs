//! The simulator: the lock's rules on any number of cores, in virtual time.
//!
//! *Promises*: every decision about the lock is the [`Machine`]'s, the very one that the real
//! lock asks; one seed, one history; without a limit it ends when all threads have ended. There
//! is no deadlock: every act ends by itself, and the machine forgets no sleeper.
//! *Leaves out*: caches, memory, several run queues; calls for the main thread.
//!
//! This is how Beazley's battle of 2009 comes about here, on any laptop of today. `a` computes
//! under Python 2 and has a core; so has `b`, which waits:
//! ```text
//!   a  ██████ drop signal take ██████ drop take ██████ drop take ██████ drop signal take ███
//!             │  ╲                                             ▲     │  ╲
//!   lock  aaaa    ·    aaaaaaaaaaa   ·  aaaaaaaaaaa   ·   aaaaa│aaa      ·   aaaaaaaaaaa
//!                  ╲                                           │          ╲
//!   b  ▒▒▒▒▒▒▒▒▒▒▒▒ ╰──────────── wakes up ────────────▶ taken!▒▒▒▒▒▒▒▒▒▒▒ ╰───── …
//! ```
//! `a` pays for the signal each time and gains nothing: the lock is free only until `a` takes it
//! back, and waking up takes `b` some hundred times as long. With one core `b` does not wake up
//! at all before `a`'s quantum is over, so `a` does not signal again: the same rule, and no
//! battle. Under Python 3.2 no thread signals before an interval is over, and then `a` stays away
//! until `b` has had the lock.
//!
//! What a thread does is a sequence of activities (`gil/simulator/thread.rs`). An activity takes
//! time on a core, and its effect comes at its end (`gil/simulator/activities.rs`). Between two
//! ends nothing happens, so the clock jumps (`gil/simulator/timeline.rs`).

use crate::gil::rules::decision::Nanos;
use crate::gil::rules::machine::Machine;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::rules::ticker::Ticker;
use crate::gil::simulator::costs::Costs;
use crate::gil::simulator::thread::{Script, SimThread};
use crate::gil::simulator::timeline::{Advance, Timeline};
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use std::fmt;

/// The greatest number of cores.
pub const MAX_CORES: usize = 1024;

/// Simulates threads, cores and one lock.
///
/// ```
/// use singletrack::gil::{Costs, Script, SimulationEnd, Simulator, SwitchPolicy};
///
/// let elapsed = |policy, cores, threads| {
///     let mut simulator = Simulator::new(policy, cores, Costs::TYPICAL, 7)?;
///     (0..threads).for_each(|_| simulator.spawn(Script::computes("cpu", 3_000_000 / threads)));
///     let result = simulator.run(u64::MAX);
///     assert_eq!(result.ending, SimulationEnd::Done);
///     Ok::<f64, singletrack::gil::NoSuchMachine>(result.elapsed as f64)
/// };
/// // Two threads that share the work, on four cores: the old lock, and the new one.
/// let alone = elapsed(SwitchPolicy::PYTHON_2, 4, 1)?;
/// assert!(elapsed(SwitchPolicy::PYTHON_2, 4, 2)? > 1.2 * alone);
/// assert!(elapsed(SwitchPolicy::PYTHON_3_2, 4, 2)? < 1.1 * alone);
/// // On one core the old lock does no harm.
/// assert!(elapsed(SwitchPolicy::PYTHON_2, 1, 2)? < 1.1 * alone);
/// # Ok::<(), singletrack::gil::NoSuchMachine>(())
/// ```
#[derive(Debug)]
pub struct Simulator {
    pub(crate) machine: Machine,
    pub(crate) ticker: Ticker,
    pub(crate) timeline: Timeline,
    /// Until then the mutex around the machine is held by a thread that signals.
    pub(crate) mutex_taken_until: Nanos,
    events_per_thread: usize,
}

/// A simulated machine cannot have so many cores, or so few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchMachine(pub usize);

impl fmt::Display for NoSuchMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing can be simulated on {} cores: use 1 to {MAX_CORES}", self.0)
    }
}

impl std::error::Error for NoSuchMachine {}

impl Simulator {
    /// A machine without threads.
    ///
    /// # Errors
    /// If it is to have no core, or more than [`MAX_CORES`].
    pub fn new(
        policy: SwitchPolicy,
        cores: usize,
        costs: Costs,
        seed: u64,
    ) -> Result<Simulator, NoSuchMachine> {
        if !(1..=MAX_CORES).contains(&cores) {
            return Err(NoSuchMachine(cores));
        }
        Ok(Simulator {
            machine: Machine::new(policy),
            ticker: Ticker::new(),
            timeline: Timeline::new(cores, costs, seed),
            mutex_taken_until: 0,
            events_per_thread: 0,
        })
    }

    /// Keeps the last `events_per_thread` events of each thread that is spawned from now on.
    pub fn record(&mut self, events_per_thread: usize) {
        self.events_per_thread = events_per_thread;
    }

    /// Adds a thread, which can run from the beginning. Its number is its index: all threads join
    /// the lock before one leaves it.
    pub fn spawn(&mut self, script: Script) {
        let id = self.machine.joins();
        self.timeline.add_thread(SimThread::new(id, script, self.events_per_thread));
    }

    /// Runs until all threads have ended, or until this moment.
    pub fn run(mut self, limit: Nanos) -> SimulationResult {
        self.timeline.start_all();
        loop {
            match self.timeline.advance(limit) {
                Advance::Activity(thread) => self.finish_activity(thread),
                Advance::Limit => return self.into_result(SimulationEnd::OutOfTime),
                Advance::NothingDue => {
                    let left = self.timeline.threads.iter().find(|thread| thread.ended.is_none());
                    debug_assert!(left.is_none(), "no thread is left to wake {left:?}");
                    return self.into_result(SimulationEnd::Done);
                }
            }
        }
    }

    fn into_result(mut self, ending: SimulationEnd) -> SimulationResult {
        let result = |thread: &SimThread| {
            let (ticks, rounds) = thread.progress();
            ThreadResult { name: thread.name().to_owned(), ticks, rounds, ended: thread.ended }
        };
        let ends =
            self.timeline.threads.iter().map(|thread| thread.ended.unwrap_or(self.timeline.now));
        SimulationResult {
            ending,
            elapsed: ends.max().unwrap_or(0),
            events: self.timeline.events,
            threads: self.timeline.threads.iter().map(result).collect(),
            counters: self.timeline.threads.iter().map(|thread| thread.counters).sum(),
            recording: Recording {
                tracks: self.timeline.threads.iter_mut().map(SimThread::take_track).collect(),
                until: self.timeline.now,
            },
        }
    }
}

/// How a simulation ended. A deadlock cannot happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulationEnd {
    /// Every thread has come to the end of its script.
    Done,
    /// The limit of the simulated time was reached.
    OutOfTime,
}

/// What a thread has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadResult {
    /// Its name.
    pub name: String,
    /// How many ticks it has done.
    pub ticks: u64,
    /// How many whole rounds of its script it has done.
    pub rounds: u64,
    /// When it ended, if it did.
    pub ended: Option<Nanos>,
}

/// The result of a simulation, as plain data: two are equal if all that happened is.
///
/// ```
/// use singletrack::gil::{Costs, Script, SimulationEnd, Simulator, SwitchPolicy};
///
/// let mut simulator = Simulator::new(SwitchPolicy::FAIR, 2, Costs::NONE, 0)?;
/// simulator.spawn(Script::computes("a", 300));
/// simulator.spawn(Script::computes("b", 200));
/// let result = simulator.run(400);
/// assert_eq!((result.ending, result.elapsed), (SimulationEnd::OutOfTime, 400));
/// assert_eq!((result.threads[0].ended, result.threads[1].ticks), (Some(300), 100));
/// # Ok::<(), singletrack::gil::NoSuchMachine>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationResult {
    /// How it ended.
    pub ending: SimulationEnd,
    /// How long it took, in virtual nanoseconds.
    pub elapsed: Nanos,
    /// How many ends of activities, time slices and sleeps there were on the way.
    pub events: u64,
    /// What each thread has done, in the order in which they were spawned.
    pub threads: Vec<ThreadResult>,
    /// What happened to the lock, how often.
    pub counters: Counters,
    /// What happened to the lock, when.
    pub recording: Recording,
}
