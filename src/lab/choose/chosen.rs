//! All that a choice comes to: what was asked, the machine, the rounds, and the decision. Pure.
//!
//! *Promises*: a winner by little is one that rounds of its own have confirmed, which had no part in
//! choosing it: rounds that go on until somebody is ahead would name a winner too often. Where they do
//! not confirm it, there is no difference to be shown.
//! *Leaves out*: words (`lab/choose/finding.rs`), and how it is shown.

use crate::lab::choose::calibrate::Calibration;
use crate::lab::choose::controls::Control;
use crate::lab::choose::flips::Flip;
use crate::lab::choose::identities::{Mark, Row, marks};
use crate::lab::choose::machine::Machine;
use crate::lab::choose::shape::Shape;
use crate::lab::compare::evidence::{Answer, Evidence, FEWEST_FAR_ROUNDS, FEWEST_ROUNDS};
use crate::lab::compare::judgement::{Cost, Duel, How, Judgement};
use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The work.
    pub shape: Shape,
    /// Where it comes from, in words.
    pub source: String,
    /// What had to be assumed to get it, a sentence each.
    pub assumed: Vec<String>,
    /// Processes of a pool.
    pub workers: usize,
    /// Of the inputs and the order of the models.
    pub seed: u64,
}

/// What it comes to, as far as it got.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What was asked for.
    pub asked: Asked,
    /// The cores.
    pub machine: Machine,
    /// What they charge.
    pub calibration: Calibration,
    /// Whether the scale is sound.
    pub controls: [Control; 2],
    /// The contest.
    pub race: Option<CaseResult>,
    /// The rounds that confirmed the winner, or did not.
    pub confirmation: Option<CaseResult>,
    /// What would flip it.
    pub flips: Vec<Flip>,
}

/// A winner by this much in a few rounds needs no confirmation.
const FAR: f64 = 1.5;

/// Whether these rounds can bear a choice: there are enough of them, or a few that are far apart.
fn is_solid(evidence: &Evidence) -> bool {
    let Evidence { low, rounds, .. } = *evidence;
    rounds >= FEWEST_ROUNDS || rounds >= FEWEST_FAR_ROUNDS && low >= FAR
}

/// Which models must meet again in rounds of their own: a winner by time and those it was ahead of
/// by little, or in too few rounds, unless `expected` says that arithmetic makes them slow. None,
/// if it is clear without.
pub fn unconfirmed(judgement: &Judgement, expected: impl Fn(Model) -> bool) -> Vec<Model> {
    let near = |duel: &&Duel| {
        let wall = duel.of_cost(Cost::Wall);
        let far = wall.is_some_and(|wall| wall.low >= FAR && wall.rounds >= FEWEST_FAR_ROUNDS);
        !expected(duel.other) && (duel.cut || !far)
    };
    match (judgement.how, judgement.best.first()) {
        (How::Faster, Some(&winner)) => {
            let others: Vec<Model> =
                judgement.duels.iter().filter(near).map(|duel| duel.other).collect();
            if others.is_empty() { others } else { [vec![winner], others].concat() }
        }
        _ => Vec::new(),
    }
}

/// What is left of a judgement after rounds of its own.
fn confirmed(first: &Judgement, second: &Judgement) -> Judgement {
    let solid = second.duels.iter().all(|duel| duel.of_cost(Cost::Wall).is_some_and(is_solid));
    if second.how == How::Faster && second.winner() == first.winner() && solid {
        let newer = |duel: &Duel| second.duels.iter().find(|new| new.other == duel.other).cloned();
        let duels = first.duels.iter().map(|duel| newer(duel).unwrap_or_else(|| duel.clone()));
        return Judgement { duels: duels.collect(), ..first.clone() };
    }
    match second.how {
        // Not what the first rounds said, or in too few rounds: one of both is chance.
        How::Faster => unclear(second.clone()),
        _ => weighed(second.clone()),
    }
}

/// A winner by price needs enough rounds too.
fn weighed(judgement: Judgement) -> Judgement {
    let priced = |duel: &Duel| {
        let paid = [Cost::Cpu, Cost::Memory].into_iter().filter_map(|cost| duel.of_cost(cost));
        paid.filter(|evidence| evidence.low > 1.0).any(is_solid)
    };
    let by_price = matches!(judgement.how, How::Cheaper | How::CheaperAtLeast);
    let near = |duel: &&Duel| duel.by_wall() != Answer::Less;
    match by_price && !judgement.duels.iter().filter(near).all(priced) {
        true => unclear(judgement),
        false => judgement,
    }
}

/// The same rounds, which do not tell the first from those that took no more than half as long again.
fn unclear(judgement: Judgement) -> Judgement {
    let near = |duel: &&Duel| {
        duel.of_cost(Cost::Wall).is_some_and(|wall| !is_solid(wall) || wall.low < FAR)
    };
    let others = judgement.duels.iter().filter(near).map(|duel| duel.other);
    let best = judgement.best.first().copied().into_iter().chain(others).collect();
    Judgement { how: How::Unclear, best, ..judgement }
}

/// The judgement about the models with a lock, or about all, if no others ran.
pub fn first_judgement(result: &CaseResult) -> Option<&Judgement> {
    result.verdict.with_lock.as_ref().or(result.verdict.without_lock.as_ref())
}

impl Chosen {
    /// What was decided, after the confirmation.
    pub fn judgement(&self) -> Option<Judgement> {
        let first = first_judgement(self.race.as_ref()?)?;
        match self.confirmation.as_ref().and_then(first_judgement) {
            Some(second) => Some(confirmed(first, second)),
            None => Some(weighed(first.clone())),
        }
    }

    /// The one to choose; `None` if no difference was shown.
    pub fn winner(&self) -> Option<Model> {
        self.judgement().filter(|judgement| judgement.how != How::Alone)?.winner()
    }

    /// The identities that rows break.
    pub fn marks(&self) -> Vec<Mark> {
        let Some(race) = &self.race else { return Vec::new() };
        let of = |model: &ModelResult| marks(&self.asked.shape, race.workers, &row(race, model));
        race.models.iter().filter(|model| !model.cut).flat_map(of).collect()
    }
}

fn row(race: &CaseResult, result: &ModelResult) -> Row {
    let at_once = match result.model {
        Model::Sequential => 1,
        Model::Processes => race.workers,
        _ => race.lanes,
    };
    Row {
        model: result.model,
        jobs: result.jobs,
        wall: result.wall.median,
        cpu: result.cpu,
        p50: result.p50,
        p99: result.p99,
        at_once,
    }
}
