//! What a simulated machine charges for wake-ups, switches and the lock.
//!
//! *Promises*: all costs are whole nanoseconds; text that is written can be read back.
//! *Leaves out*: how they are measured on the machine at hand (`lab/scenes/calibration.rs`).
//!
//! ```text
//!   waker    ──contended──signal──interrupt──▶ goes on
//!                               ╲
//!                                ╰── wake ──▶ sleeper runs, if a core was idle
//!   else, without interrupt, the sleeper queues:  … a quantum ─▶ switch ─▶ sleeper runs
//! ```

use crate::gil::rules::decision::Nanos;
use std::fmt;
use std::str::FromStr;

/// The greatest cost that is accepted: ten seconds. A greater one is a mistake in the unit.
const LONGEST: Nanos = 10_000_000_000;

/// What a simulated machine charges, in nanoseconds: it takes what is above ten seconds as ten seconds,
/// and a jitter above 100 as 100.
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
    /// To take or drop the lock while no other thread uses it: one atomic operation.
    pub uncontended: Nanos,
    /// To take or drop it while others wait: under the mutex around the decision.
    pub contended: Nanos,
    /// To wake a sleeper, for the thread that wakes it: a system call.
    pub signal: Nanos,
    /// What that costs on top if an idle core is to run the sleeper: an interrupt.
    pub interrupt: Nanos,
    /// The time from then until the sleeper runs on a core that was idle.
    pub wake: Nanos,
    /// To put another thread onto a core.
    pub switch: Nanos,
    /// The time slice: how long a thread keeps its core while others queue. Zero is for ever.
    pub quantum: Nanos,
    /// By how many percent a wake-up may be quicker or slower, at random.
    pub jitter: u64,
}

impl Costs {
    /// Nothing but the work costs anything, and no thread is preempted: the rules of the lock
    /// alone.
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

    /// A machine to reason about, the same for all readers: round numbers of the size that Linux
    /// shows on machines of several cores. `--costs measured` measures those of yours.
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

    /// The nearest costs that can be: a tick takes some time, nothing takes longer than can be written.
    pub(crate) fn possible(mut self) -> Costs {
        for (name, cost) in self.named() {
            *cost = (*cost).min(if name == "jitter" { 100 } else { LONGEST });
        }
        Costs { tick: self.tick.max(1), ..self }
    }

    /// A switch, with all the jitter that there may be.
    pub(crate) fn longest_switch(self) -> Nanos {
        self.switch + self.switch * self.jitter / 100
    }

    /// Each cost with its name.
    fn named(&mut self) -> [(&'static str, &mut u64); 9] {
        [
            ("tick", &mut self.tick),
            ("uncontended", &mut self.uncontended),
            ("contended", &mut self.contended),
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
    /// `tick=12ns,uncontended=10ns,…,jitter=30%`, as [`FromStr`] reads it.
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

/// A piece of text that is not a cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostsError(String);

impl fmt::Display for CostsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no cost: write tick, uncontended, contended, signal, interrupt, wake, switch \
             or quantum with ns, us or ms (at most 10000ms), as in wake=20us; or jitter=30%, at \
             most 100%",
            self.0
        )
    }
}

impl std::error::Error for CostsError {}
