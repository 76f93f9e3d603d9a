//! Which model won, by how much and at which price, and whether the rule of thumb says so. Pure.
//!
//! *Assumes*: every model did the same jobs in the same interleaved rounds.
//! *Promises*: models with a global lock are judged against each other first, for the rule of thumb
//! is about those; then one line says what a Python without a lock changes. No winner without
//! evidence (`lab/compare/judgement.rs`).
//!
//! The rule of thumb: CPU-bound work wants processes; fast I/O over few connections wants
//! threads; slow I/O over many connections wants an event loop. It comes from a widely read
//! article, A. A. Masnun's *Async Python: The Different Forms of Concurrency* (2016), whose five
//! programs are among the examples. Of slow I/O over few connections, and fast I/O over many, it
//! says nothing.

use crate::lab::compare::evidence::{Answer, Evidence};
use crate::lab::compare::judgement::{Cost, Duel, Entry, How, Judgement};
use crate::lab::compare::model::{Family, Model};
use crate::lab::report::stats::three_digits;
use std::fmt;

/// What kind of work a case is, in the rule's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It computes.
    CpuBound,
    /// It waits.
    Io {
        /// Each wait is long.
        slow: bool,
        /// There are many connections.
        many: bool,
    },
}

impl Nature {
    /// It waits briefly, on few connections.
    pub const FAST_IO: Nature = Nature::Io { slow: false, many: false };
    /// It waits long, on many connections.
    pub const SLOW_IO: Nature = Nature::Io { slow: true, many: true };
    /// A wait is long from here on: the switch interval of Python 3.2.
    const LONG_S: f64 = 0.005;
    /// Connections are many from here on.
    const MANY: usize = 16;

    /// The nature of work whose jobs each needed a core for `cpu_s` and waited for `waits_s`, `lanes`
    /// at a time. Time without a free core is neither: it tells of the machine, not of the work.
    pub fn measured(cpu_s: f64, waits_s: f64, lanes: usize) -> Nature {
        match cpu_s >= waits_s {
            true => Nature::CpuBound,
            false => Nature::Io { slow: waits_s >= Self::LONG_S, many: lanes >= Self::MANY },
        }
    }

    /// Which family the rule of thumb recommends for such work; `None` if it says nothing of it.
    pub fn rule(self) -> Option<Family> {
        match self {
            Nature::CpuBound => Some(Family::Processes),
            Nature::FAST_IO => Some(Family::Threads),
            Nature::SLOW_IO => Some(Family::EventLoop),
            Nature::Io { .. } => None,
        }
    }
}

impl fmt::Display for Nature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Nature::CpuBound => "CPU bound",
            Nature::Io { slow: false, many: false } => "fast I/O, few connections",
            Nature::Io { slow: false, many: true } => "fast I/O, many connections",
            Nature::Io { slow: true, many: false } => "slow I/O, few connections",
            Nature::Io { slow: true, many: true } => "slow I/O, many connections",
        })
    }
}

/// The verdict on one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The models with a lock, or that need none, since they have one thread a process; `None` if
    /// none of them ran.
    pub with_lock: Option<Judgement>,
    /// All models, if some ran that only a Python without a lock has.
    pub without_lock: Option<Judgement>,
    /// What kind of work it was.
    pub nature: Nature,
}

/// Which entries are of models that a Python with a global lock has.
fn have_lock(entry: &&Entry) -> bool {
    entry.model.has_one_lock()
}

impl Verdict {
    /// Judges the models of a case; `None` if none ran.
    pub fn of(entries: &[Entry], nature: Nature, seed: u64) -> Option<Verdict> {
        let with: Vec<&Entry> = entries.iter().filter(have_lock).collect();
        let all: Vec<&Entry> = entries.iter().collect();
        let without_lock = if with.len() < all.len() { Judgement::of(&all, seed) } else { None };
        let with_lock = Judgement::of(&with, seed);
        with_lock.as_ref().or(without_lock.as_ref())?;
        Some(Verdict { with_lock, without_lock, nature })
    }

    /// The judgement that the verdict names first.
    fn first(&self) -> Option<&Judgement> {
        self.with_lock.as_ref().or(self.without_lock.as_ref())
    }

    /// The winner among the models that a Python with a lock has; `None` of a tie.
    pub fn winner(&self) -> Option<Model> {
        self.first().filter(|first| first.how != How::Alone).and_then(Judgement::winner)
    }

    /// Those to choose from, with a lock.
    pub fn best(&self) -> &[Model] {
        self.first().map_or(&[], |first| &first.best)
    }

    /// Whether more rounds could change it.
    pub fn is_clear(&self) -> bool {
        self.with_lock.iter().chain(&self.without_lock).all(Judgement::is_clear)
    }

    /// Whether further rounds need this model: it is not out in one of the judgements.
    pub fn needs(&self, model: Model) -> bool {
        let judgements = self.with_lock.iter().chain(&self.without_lock);
        let of_it = |j: &&Judgement| {
            j.best.contains(&model) || j.duels.iter().any(|duel| duel.other == model)
        };
        judgements.filter(of_it).any(|judgement| !judgement.has_beaten(model))
    }

    /// Whether the rule's family contains one of the best; `None` if no such model ran, the rule says
    /// nothing of such work, the rounds tell none of the models apart, or not those that the rule
    /// names from the others.
    pub fn agrees(&self) -> Option<bool> {
        let (first, rule) = (self.first()?, self.nature.rule()?);
        let others = first.duels.iter().map(|duel| duel.other);
        let ran = first.best.iter().copied().chain(others).any(|model| model.belongs_to(rule));
        if !ran || first.how == How::Alone || first.best.len() > first.duels.len() {
            return None;
        }
        let named = first.best.iter().filter(|model| model.belongs_to(rule)).count();
        match first.how {
            How::Unclear if named > 0 && named < first.best.len() => None,
            _ => Some(named > 0),
        }
    }

    /// The answer of the rule's three that contains all of the best, the narrowest if two do.
    pub fn family(&self) -> Option<Family> {
        let best = self.first().filter(|first| first.how != How::Alone)?;
        let families = [Family::EventLoop, Family::Threads, Family::Processes];
        let holds = |family: &Family| best.best.iter().all(|model| model.belongs_to(*family));
        families.into_iter().find(holds)
    }

    /// The rule, and whether it agrees, for machines.
    pub fn rule(&self) -> String {
        match self.nature.rule() {
            None => format!("{}: says nothing of it", self.nature),
            Some(rule) => format!("{}: {rule}; {}", self.nature, self.agreement()),
        }
    }

    fn agreement(&self) -> &'static str {
        let tie = self.first().is_some_and(|first| first.best.len() > 1);
        match (self.agrees(), tie) {
            (Some(true), true) => "names one of them",
            (Some(false), true) => "names none of them",
            (Some(true), false) => "agrees",
            (Some(false), false) => "is wrong here",
            (None, _) => "was not put to the test",
        }
    }

    /// The verdict in sentences: with a lock, without one, and the rule of thumb.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if let Some(with) = &self.with_lock {
            let family = match (with.how, self.family()) {
                (How::Same | How::Unclear, Some(family)) => format!("{family} won: "),
                _ => String::new(),
            };
            sentences.push(format!("with a GIL: {family}{}", judged(with)));
        }
        match (&self.with_lock, &self.without_lock) {
            (None, Some(all)) => sentences.push(judged(all)),
            (Some(with), Some(all)) => sentences.push(format!("without one: {}", freed(with, all))),
            _ => {}
        }
        sentences.push(match self.nature.rule() {
            None => format!("the rule of thumb says nothing of {}", self.nature),
            Some(rule) => {
                format!("the rule of thumb ({} → {rule}) {}", self.nature, self.agreement())
            }
        });
        sentences
    }
}

/// A judgement in a sentence.
fn judged(judgement: &Judgement) -> String {
    let Judgement { best, how, duels } = judgement;
    let Some(first) = best.first() else { return String::new() };
    // Who was stopped has lost by more than can be told: who was not says how close it was. Beside
    // a model that is not the fastest, those count that are not slower.
    let near = |duel: &&Duel| !duel.cut && (*how == How::Faster || duel.by_wall() != Answer::Less);
    let next = duels.iter().find(near).or(duels.first());
    match (how, next) {
        (How::Alone, _) | (_, None) => {
            format!("only {first} ran: there is nothing to compare it with")
        }
        (How::Faster, Some(next)) => {
            let price = price(next);
            format!("{first} won: {}{price}", times_as_fast(next))
        }
        (How::Cheaper, Some(next)) => {
            format!("{first} won: as fast as {}{}", with_interval(next), price(next))
        }
        (How::CheaperAtLeast, Some(next)) => format!("{first} won: it {}; {MORE}", cheaper(next)),
        (How::Same, _) => {
            let rest = duels.iter().filter(|duel| best.contains(&duel.other));
            let costs: Vec<String> = rest.map(|duel| with_interval(duel) + &price(duel)).collect();
            let names = list(&best.iter().map(|model| model.name()).collect::<Vec<_>>());
            format!(
                "no difference larger than 5 % between {names}: {first} beside {}",
                costs.join(", ")
            )
        }
        (How::Unclear, _) => {
            let near = duels.iter().filter(|duel| best.contains(&duel.other));
            let open: Vec<String> = near.map(with_interval).collect();
            let rest = duels.iter().find(|duel| !best.contains(&duel.other) && !duel.cut);
            let rest = rest.map_or(String::new(), |duel| format!("; {}", times_as_fast(duel)));
            format!("not enough rounds to tell {first} from {}{rest}; {MORE}", open.join(", "))
        }
    }
}

/// What a Python without a lock changes.
fn freed(with: &Judgement, all: &Judgement) -> String {
    let free = Model::ThreadsFree;
    let (best, wins) = match all.best.first() {
        Some(&first) if first != free => (first, false),
        _ => (free, true),
    };
    // The duels see the best of all beside threads-free, or threads-free beside the best with a lock.
    let other = if wins { with.best.first().copied() } else { Some(free) };
    let Some(beside) = all.duels.iter().find(|duel| Some(duel.other) == other) else {
        return judged(all);
    };
    let changes = if wins { "" } else { "nothing changes: " };
    match (beside.by_wall(), all.how) {
        (Answer::Less, _) => {
            format!("{changes}{best} is {}{}", times_as_fast(beside), price(beside))
        }
        (Answer::Same, _) => {
            format!("{changes}{best} is as fast as {}{}", with_interval(beside), price(beside))
        }
        (_, how) => {
            let open = match how {
                How::CheaperAtLeast => format!("{changes}{best} {}", cheaper(beside)),
                _ => format!("not enough rounds to tell {best} from {}", with_interval(beside)),
            };
            // Once is enough.
            if with.is_clear() { format!("{open}; {MORE}") } else { open }
        }
    }
}

/// What to do where the rounds do not say.
const MORE: &str = "give it more rounds, by --time or --rounds";

/// `costs less than threads-py2, with 0.5 × its CPU; not enough rounds to say which is faster (0.9 to 1.2)`.
fn cheaper(duel: &Duel) -> String {
    let wall = duel.of_cost(Cost::Wall).map_or(String::new(), interval);
    let (other, price) = (duel.other, price(duel));
    format!("costs less than {other}{price}; not enough rounds to say which is faster{wall}")
}

/// `1.88 times as fast as threads-py3.10 (1.80 to 1.93)`.
fn times_as_fast(duel: &Duel) -> String {
    let Some(wall) = duel.of_cost(Cost::Wall) else {
        return format!("faster than {}, which was stopped", duel.other);
    };
    let stopped = if duel.cut { ", which was stopped" } else { "" };
    let median = three_digits(wall.median);
    format!("{median} times as fast as {}{stopped}{}", duel.other, interval(wall))
}

fn with_interval(duel: &Duel) -> String {
    format!("{}{}", duel.other, duel.of_cost(Cost::Wall).map_or(String::new(), interval))
}

fn interval(evidence: &Evidence) -> String {
    match evidence.rounds {
        1 => " (one round)".to_owned(),
        _ => format!(" ({} to {})", three_digits(evidence.low), three_digits(evidence.high)),
    }
}

/// What it takes beside the other, where that is shown to differ: `, with 0.33 × its CPU`.
fn price(duel: &Duel) -> String {
    let named = [(Cost::P99, "p99"), (Cost::Cpu, "CPU"), (Cost::Memory, "memory")];
    let mut parts: Vec<String> = named
        .into_iter()
        .filter_map(|(cost, name)| {
            let evidence = duel.of_cost(cost).filter(|_| duel.differs(cost))?;
            Some(format!("{} × its {name}", three_digits(1.0 / evidence.median)))
        })
        .collect();
    if duel.threads.0 != duel.threads.1 && duel.threads.1 > 0 {
        let s = if duel.threads.0 == 1 { "" } else { "s" };
        parts.push(format!("{} thread{s} instead of {}", duel.threads.0, duel.threads.1));
    }
    match &parts[..] {
        [] => String::new(),
        parts => format!(", with {}", list(parts)),
    }
}

/// `a, b and c`.
fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join("; "))
    }
}
