//! Which of some models to choose, and for what: time first, then what it takes. Pure.
//!
//! *Assumes*: every model did the same jobs; what a round cost two models can be paired.
//! *Promises*: a model may be put beside itself, which shows what rounds differ by anyhow. A model is ahead only by what [`Evidence`] shows. The fastest wins alone if all others
//! are shown to be slower. Of those that are not, one wins that does the same with much less CPU or
//! memory and much more of nothing; else they tie, if they are shown to, or the rounds do not say.
//! *Leaves out*: which models are put side by side (`lab/compare/verdict.rs`).
//!
//! ```text
//!   rounds ─▶ Entry ─┐            all others slower ─────────────────▶ Faster
//!   rounds ─▶ Entry ─┼─▶ wall ──▶ some are not ─▶ one is cheaper ────▶ Cheaper
//!   rounds ─▶ Entry ─┘                         ├▶ all shown the same ▶ Same
//!                                              └─────────────────────▶ Unclear
//! ```

use crate::lab::compare::evidence::{Answer, Evidence, FEWEST_FAR_ROUNDS};
use crate::lab::compare::model::Model;
use crate::lab::report::stats::Spread;

/// What people choose by, besides the number of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// How long the jobs took altogether.
    Wall,
    /// How long the slowest hundredth of the jobs took.
    P99,
    /// CPU time.
    Cpu,
    /// Memory.
    Memory,
}

impl Cost {
    /// All of them.
    pub const ALL: [Cost; 4] = [Cost::Wall, Cost::P99, Cost::Cpu, Cost::Memory];
}

/// A difference of CPU or memory that decides between two models of the same speed.
const TELLING: f64 = 1.25;
/// So many times the wall of another, and more CPU as well, and there is no doubt.
const HOPELESS: f64 = 3.0;

/// What one round cost a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundCosts {
    /// Which round.
    pub round: usize,
    /// By [`Cost`]; `None` where it could not be measured.
    pub costs: [Option<f64>; 4],
}

/// A model with its rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The model.
    pub model: Model,
    /// What its rounds cost.
    pub rounds: Vec<RoundCosts>,
    /// How many threads it had.
    pub threads: u64,
    /// Whether it was stopped before its jobs were done; then its wall is an estimate.
    pub cut: bool,
}

impl Entry {
    /// The median wall; infinite if there is none.
    pub fn wall(&self) -> f64 {
        let walls: Vec<f64> =
            self.rounds.iter().filter_map(|round| round.costs[Cost::Wall as usize]).collect();
        Spread::of(&walls).map_or(f64::INFINITY, |spread| spread.median)
    }

    /// How much more the other costs than this one, in the rounds of both.
    pub fn against(&self, other: &Entry, cost: Cost, seed: u64) -> Option<Evidence> {
        let pairs: Vec<(f64, f64)> = self
            .rounds
            .iter()
            .filter_map(|mine| {
                let theirs = other.rounds.iter().find(|round| round.round == mine.round)?;
                Some((mine.costs[cost as usize]?, theirs.costs[cost as usize]?))
            })
            .collect();
        Evidence::of(&pairs, seed)
    }
}

/// Two models side by side, seen from the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Duel {
    /// The other.
    pub other: Model,
    /// By [`Cost`].
    pub evidence: [Option<Evidence>; 4],
    /// Threads of the first, and of the other.
    pub threads: (u64, u64),
    /// Whether the other was stopped before its jobs were done, and the first was not.
    pub cut: bool,
}

impl Duel {
    /// Puts two models side by side.
    pub fn of(this: &Entry, other: &Entry, seed: u64) -> Duel {
        Duel {
            other: other.model,
            evidence: Cost::ALL.map(|cost| this.against(other, cost, seed)),
            threads: (this.threads, other.threads),
            cut: other.cut && !this.cut,
        }
    }

    /// What the rounds say about one cost.
    pub fn of_cost(&self, cost: Cost) -> Option<&Evidence> {
        self.evidence[cost as usize].as_ref()
    }

    /// Which is the faster.
    pub fn by_wall(&self) -> Answer {
        match self.cut || self.is_hopeless() {
            true => Answer::Less,
            false => self.of_cost(Cost::Wall).map_or(Answer::Unclear, Evidence::answer),
        }
    }

    /// Which needs much less CPU or memory. What others do to the machine hardly changes these, so
    /// that few rounds say much; but not one, of which nobody knows what is usual.
    fn by_use(&self, cost: Cost) -> Answer {
        match self.of_cost(cost) {
            Some(e) if e.rounds < FEWEST_FAR_ROUNDS => Answer::Unclear,
            Some(e) if e.low >= TELLING => Answer::Less,
            Some(e) if e.high <= 1.0 / TELLING => Answer::More,
            _ => Answer::Same,
        }
    }

    /// Whether the two differ in this cost for sure.
    pub fn differs(&self, cost: Cost) -> bool {
        let differ = |answer| matches!(answer, Answer::Less | Answer::More);
        let by_use = matches!(cost, Cost::Cpu | Cost::Memory) && differ(self.by_use(cost));
        by_use || self.of_cost(cost).is_some_and(|evidence| differ(evidence.answer()))
    }

    /// Whether the other took many times as long, and its CPU time confirms that it was not a bad
    /// moment: a busy machine makes a model wait, not work. One round shows that.
    fn is_hopeless(&self) -> bool {
        let at_least = |cost, times: f64| self.of_cost(cost).is_some_and(|e| e.low >= times);
        at_least(Cost::Wall, HOPELESS) && at_least(Cost::Cpu, TELLING)
    }

    /// Whether the first does the same with much less, and with much more of nothing.
    fn is_cheaper(&self) -> bool {
        let Some(wall) = self.of_cost(Cost::Wall) else { return false };
        // How much slower it may be, as far as the rounds say.
        let keeps_up = wall.low * TELLING >= 1.0;
        let answers = [Cost::Cpu, Cost::Memory].map(|cost| self.by_use(cost));
        keeps_up && answers.contains(&Answer::Less) && !answers.contains(&Answer::More)
    }
}

/// How it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// One model alone ran.
    Alone,
    /// By time: all others are slower by more than the margin.
    Faster,
    /// By CPU and memory, for the time is shown to be the same.
    Cheaper,
    /// By CPU and memory, for the rounds do not tell the times apart.
    CheaperAtLeast,
    /// Not at all: these are shown to be as fast as each other.
    Same,
    /// Not at all: there are not enough rounds to say.
    Unclear,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Those to choose from: one, if there is a winner; the fastest first.
    pub best: Vec<Model>,
    /// How it was decided.
    pub how: How,
    /// The first of the best beside every other model, the fastest first.
    pub duels: Vec<Duel>,
}

impl Judgement {
    /// Judges some models; `None` of none.
    pub fn of(entries: &[&Entry], seed: u64) -> Option<Judgement> {
        let mut order = entries.to_vec();
        order.sort_by(|a, b| a.cut.cmp(&b.cut).then(a.wall().total_cmp(&b.wall())));
        let (first, others) = order.split_first()?;
        let duels = |this: &Entry| -> Vec<Duel> {
            let others = order.iter().filter(|entry| !std::ptr::eq(**entry, this));
            others.map(|other| Duel::of(this, other, seed)).collect()
        };
        let of_first = duels(first);
        let is_slower = |duel: &Duel| duel.by_wall() == Answer::Less;
        let near: Vec<&Entry> = std::iter::once(*first)
            .chain(
                others.iter().zip(&of_first).filter(|(_, duel)| !is_slower(duel)).map(|(e, _)| *e),
            )
            .collect();
        let all_same = of_first
            .iter()
            .filter(|duel| !is_slower(duel))
            .all(|duel| duel.by_wall() == Answer::Same);
        let cheaper = near.iter().find(|this| {
            near.iter()
                .filter(|other| !std::ptr::eq(**other, **this))
                .all(|other| Duel::of(this, other, seed).is_cheaper())
        });
        let (how, best, duels) = match (others.len(), near.len(), cheaper) {
            (0, ..) => (How::Alone, vec![first.model], of_first),
            (_, 1, _) => (How::Faster, vec![first.model], of_first),
            (.., Some(one)) => {
                let how = if all_same { How::Cheaper } else { How::CheaperAtLeast };
                (how, vec![one.model], duels(one))
            }
            _ => {
                let how = if all_same { How::Same } else { How::Unclear };
                (how, near.iter().map(|entry| entry.model).collect(), of_first)
            }
        };
        Some(Judgement { best, how, duels })
    }

    /// The one to choose; `None` of several.
    pub fn winner(&self) -> Option<Model> {
        match self.best[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether more rounds could change it.
    pub fn is_clear(&self) -> bool {
        !matches!(self.how, How::Unclear | How::CheaperAtLeast)
    }

    /// Whether a model is out: shown to be slower than the best, or stopped.
    pub fn has_beaten(&self, model: Model) -> bool {
        let duel = self.duels.iter().find(|duel| duel.other == model);
        duel.is_some_and(|duel| duel.by_wall() == Answer::Less)
    }
}
