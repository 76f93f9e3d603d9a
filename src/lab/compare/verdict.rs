//! Which model won, by how much, and whether the rule of thumb says so. Pure.
//!
//! *Assumes*: every model did the same jobs in the same interleaved rounds.
//! *Promises*: no winner where the rounds of two models overlap, or where there was only one round.
//!
//! The rule of thumb: CPU-bound work wants processes; fast I/O over few connections wants
//! threads; slow I/O over many connections wants an event loop. It comes from a widely read
//! article, A. A. Masnun's *Async Python: The Different Forms of Concurrency* (2016), whose five
//! programs are among the examples. It was made for a Python with a GIL: threads without one
//! may well beat processes.

use crate::lab::compare::model::{Family, Model};
use crate::lab::report::stats::Spread;
use std::fmt;

/// What kind of work a case is, in the rule's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It computes.
    CpuBound,
    /// It waits briefly, on few connections.
    FastIo,
    /// It waits long, on many connections.
    SlowIo,
}

impl Nature {
    /// A wait is long from here on: the switch interval of Python 3.2.
    const LONG_S: f64 = 0.005;
    /// Connections are many from here on.
    const MANY: usize = 16;

    /// The nature of work whose jobs were each `cpu_s` on a CPU and `blocked_s` elsewhere,
    /// `lanes` at a time.
    pub fn measured(cpu_s: f64, blocked_s: f64, lanes: usize) -> Nature {
        if cpu_s >= blocked_s {
            Nature::CpuBound
        } else if blocked_s >= Self::LONG_S && lanes >= Self::MANY {
            Nature::SlowIo
        } else {
            Nature::FastIo
        }
    }

    /// Which family the rule of thumb recommends for such work.
    pub fn rule(self) -> Family {
        match self {
            Nature::CpuBound => Family::Processes,
            Nature::FastIo => Family::Threads,
            Nature::SlowIo => Family::EventLoop,
        }
    }
}

impl fmt::Display for Nature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Nature::CpuBound => "CPU bound",
            Nature::FastIo => "fast I/O, few connections",
            Nature::SlowIo => "slow I/O, many connections",
        })
    }
}

/// How the race ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// One model alone ran: there is nothing to compare.
    Alone,
    /// Each model ran once: there is no spread to tell a difference by.
    OneRound,
    /// The rounds of these models overlap with those of the fastest.
    Tie(Vec<Model>),
    /// The slowest round of the fastest beats every round of every other model.
    Won,
}

/// The verdict on one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The model with the smallest median.
    pub fastest: Model,
    /// The one with the next smallest.
    pub next: Option<Model>,
    /// The median of the next over the median of the fastest; 1 if there is no next.
    pub ratio: f64,
    /// How the race ended.
    pub finish: Finish,
    /// What kind of work it was.
    pub nature: Nature,
    /// Whether the rule's family contains the winner or one of those that tie; `None` if
    /// no such model ran, or no difference was measured.
    pub agrees: Option<bool>,
}

impl Verdict {
    /// Judges models by their wall-clock seconds in `rounds` rounds; `None` of no models.
    pub fn of(walls: &[(Model, Spread)], rounds: usize, nature: Nature) -> Option<Verdict> {
        let mut order = walls.to_vec();
        order.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
        let (fastest, best) = *order.first()?;
        let next = order.get(1).copied();
        let near: Vec<Model> = order
            .iter()
            .filter(|(_, wall)| wall.overlaps(&best))
            .map(|(model, _)| *model)
            .collect();
        let finish = match (next, rounds, near.len()) {
            (None, ..) => Finish::Alone,
            (_, 1, _) => Finish::OneRound,
            (.., 1) => Finish::Won,
            _ => Finish::Tie(near.clone()),
        };
        let rule = nature.rule();
        let ran = walls.iter().any(|(model, _)| model.belongs_to(rule));
        // Where all models tie, any rule would name one of them.
        let tested = ran && near.len() < walls.len() && rounds > 1;
        Some(Verdict {
            fastest,
            next: next.map(|(model, _)| model),
            ratio: next.map_or(1.0, |(_, wall)| wall.median / best.median),
            finish,
            nature,
            agrees: tested.then(|| near.iter().any(|model| model.belongs_to(rule))),
        })
    }

    /// The winner; `None` if no difference was measured.
    pub fn winner(&self) -> Option<Model> {
        (self.finish == Finish::Won).then_some(self.fastest)
    }

    /// The rule, and whether it agrees, for machines.
    pub fn rule(&self) -> String {
        format!("{}: {}; {}", self.nature, self.nature.rule(), self.agreement())
    }

    fn agreement(&self) -> &'static str {
        match (self.agrees, &self.finish) {
            (Some(true), Finish::Tie(_)) => "names one of them",
            (Some(false), Finish::Tie(_)) => "names none of them",
            (Some(true), _) => "agrees",
            (Some(false), _) => "disagrees",
            (None, _) => "was not put to the test",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fastest, ratio) = (self.fastest, self.ratio);
        match (&self.finish, self.next) {
            (Finish::Won, Some(next)) => {
                write!(f, "{fastest} won: {ratio:.2} times as fast as the next, {next}")?;
            }
            (Finish::Tie(near), _) => {
                let names: Vec<&str> = near.iter().map(|model| model.name()).collect();
                let (last, rest) = names.split_last().unwrap_or((&"", &[]));
                let names = format!("{} and {last}", rest.join(", "));
                write!(f, "no measurable difference between {names}: their rounds overlap")?;
            }
            (Finish::OneRound, _) => write!(
                f,
                "no measurable difference: one round shows no spread (fastest was {fastest}); \
                 ask for --rounds 2 or more"
            )?,
            _ => write!(f, "only {fastest} ran: there is nothing to compare it with")?,
        }
        let (nature, rule) = (self.nature, self.nature.rule());
        write!(f, "; the rule of thumb ({nature} → {rule}) {}.", self.agreement())
    }
}
