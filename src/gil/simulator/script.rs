//! What a simulated thread does: acts, one after the other, so many rounds.
//!
//! *Promises*: a round takes time, or there is none; so a script that goes on for ever does not
//! stop the clock.
//! *Leaves out*: when each act gets done (`gil/simulator/simulation.rs`).
//!
//! ```text
//!                 lock    core
//!   Compute        ●       ●     a loop of bytecode
//!   Call           ○       ●     hashlib, or write() on a socket
//!   Await          ○       ○     read(): until the answer to the last call is there
//!   Sleep          ○       ○     time.sleep()
//! ```
//!
//! # What a machine charges for wake-ups, switches and visits to a lock, as data
//!
//! *Promises*: all costs are whole nanoseconds; text that is written can be read back.
//! *Leaves out*: how they are measured on the machine at hand (`lab/scenes/calibration.rs`).
//!
//! ```text
//!   waker    ──desk──signal──interrupt──▶ goes on
//!                          ╲
//!                           ╰── wake ──▶ sleeper runs, if a core was idle
//!   or else, without interrupt, it queues:  … a quantum ─▶ switch ─▶ sleeper runs
//! ```
//!
//! # What became of a simulation, and of each thread in it
//!
//! *Promises*: plain data; two runs are equal if all that happened in them is.
//! *Leaves out*: how it came about (`gil/simulator/simulation.rs`).

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use std::fmt;
use std::str::FromStr;

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
/// use singletrack::gil::{Act, Script};
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

/// The greatest cost that is believed: ten seconds. A greater one is a mistake in the unit.
const LONGEST: Nanos = 10_000_000_000;

/// What a simulated machine charges, in nanoseconds.
///
/// ```
/// use singletrack::gil::Costs;
///
/// let costs: Costs = "wake=50us,quantum=10ms".parse()?;
/// assert_eq!(costs, Costs { wake: 50_000, quantum: 10_000_000, ..Costs::TYPICAL });
/// assert_eq!(costs.to_string().parse(), Ok(costs));
/// assert!("wake=soon".parse::<Costs>().is_err());
/// # Ok::<(), singletrack::gil::CostsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Costs {
    /// One instruction of bytecode, from tick to tick. Zero counts as one.
    pub tick: Nanos,
    /// To take or drop the lock where nobody is in the way: one atomic operation.
    pub uncontended: Nanos,
    /// To take or drop it where others wait: a visit to the mutex around the decision.
    pub contended: Nanos,
    /// To wake a sleeper, for the thread that wakes it: a system call.
    pub signal: Nanos,
    /// What that costs on top if there is an idle core to run the sleeper: it must be told.
    pub interrupt: Nanos,
    /// From then until the sleeper runs on a core that was idle.
    pub wake: Nanos,
    /// To put another thread onto a core.
    pub switch: Nanos,
    /// How long a thread keeps its core while others queue for one. Zero is for ever.
    pub quantum: Nanos,
    /// By how many percent a wake-up may be quicker or slower, by chance.
    pub jitter: u64,
}

impl Costs {
    /// Nothing but the work costs anything, and no core is taken from anybody: the rules of the
    /// lock alone.
    pub const NONE: Costs = Costs {
        tick: 1,
        uncontended: 0,
        contended: 0,
        signal: 0,
        interrupt: 0,
        wake: 0,
        switch: 0,
        quantum: 0,
        jitter: 0,
    };

    /// A machine to reason about, the same for everybody: round numbers of the size that Linux
    /// shows on machines of several cores. To know those of yours, have them measured.
    pub const TYPICAL: Costs = Costs {
        tick: 12,
        uncontended: 10,
        contended: 100,
        signal: 1_000,
        interrupt: 4_000,
        wake: 20_000,
        switch: 2_000,
        quantum: 3_000_000,
        jitter: 30,
    };

    /// Each cost by its name.
    fn named(&mut self) -> [(&'static str, &mut u64); 9] {
        [
            ("tick", &mut self.tick),
            ("door", &mut self.uncontended),
            ("desk", &mut self.contended),
            ("signal", &mut self.signal),
            ("interrupt", &mut self.interrupt),
            ("wake", &mut self.wake),
            ("switch", &mut self.switch),
            ("quantum", &mut self.quantum),
            ("jitter", &mut self.jitter),
        ]
    }
}

impl fmt::Display for Costs {
    /// `tick=12ns,door=10ns,…,jitter=30%`, as [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = *self;
        let part = |(name, value): (&str, &mut u64)| match name {
            "jitter" => format!("{name}={value}%"),
            _ => format!("{name}={}", in_largest_unit(*value)),
        };
        f.write_str(&copy.named().map(part).join(","))
    }
}

fn in_largest_unit(nanos: Nanos) -> String {
    match nanos {
        0 => "0ns".to_owned(),
        n if n % 1_000_000 == 0 => format!("{}ms", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{}us", n / 1_000),
        n => format!("{n}ns"),
    }
}

impl FromStr for Costs {
    type Err = CostsError;

    /// Reads `name=value` pairs; what is not named stays as in [`TYPICAL`](Costs::TYPICAL).
    fn from_str(text: &str) -> Result<Costs, CostsError> {
        let mut costs = Costs::TYPICAL;
        for pair in text.split(',') {
            let wrong = || CostsError(pair.to_owned());
            let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
            let mut known = costs.named();
            let (name, place) = known.iter_mut().find(|(n, _)| *n == name).ok_or_else(wrong)?;
            **place = match *name {
                "jitter" => percent(value).ok_or_else(wrong)?,
                _ => nanos(value).ok_or_else(wrong)?,
            };
        }
        Ok(costs)
    }
}

fn percent(text: &str) -> Option<u64> {
    let number = text.strip_suffix('%')?.parse().ok()?;
    (number <= 100).then_some(number)
}

fn nanos(text: &str) -> Option<Nanos> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        _ => return None,
    };
    let all = number.parse::<Nanos>().ok()?.checked_mul(unit)?;
    (all <= LONGEST).then_some(all)
}

/// Text that is no cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostsError(String);

impl fmt::Display for CostsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no cost: write tick, door, desk, signal, interrupt, wake, switch or quantum \
             with ns, us or ms (at most 10000ms), as in wake=20us; or jitter=30%, at most 100%",
            self.0
        )
    }
}

impl std::error::Error for CostsError {}

/// How a simulation ended. There is no deadlock among these: every act ends by itself, and the
/// machine forgets no sleeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulationEnd {
    /// Every thread has come to the end of its script.
    Done,
    /// The time was over.
    OutOfTime,
}

/// What became of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadResult {
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
/// use singletrack::gil::Costs;
/// use singletrack::gil::Ending;
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::gil::Script;
/// use singletrack::gil::Simulator;
///
/// let mut world = Simulator::new(SwitchPolicy::FAIR, 2, Costs::NONE, 0)?;
/// world.spawn(Script::computes("a", 300));
/// world.spawn(Script::computes("b", 200));
/// let run = world.run(400);
/// assert_eq!((run.ending, run.elapsed), (Ending::OutOfTime, 400));
/// assert_eq!((run.fates[0].ended, run.fates[1].ticks), (Some(300), 100));
/// # Ok::<(), singletrack::gil::NoSuchMachine>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationResult {
    /// How it ended.
    pub ending: SimulationEnd,
    /// How long it took, in virtual nanoseconds.
    pub elapsed: Nanos,
    /// Thread by thread, in the order they were spawned.
    pub threads: Vec<ThreadResult>,
    /// What happened to the lock, how often.
    pub counters: Counters,
    /// What happened to the lock, when.
    pub recording: Recording,
}
