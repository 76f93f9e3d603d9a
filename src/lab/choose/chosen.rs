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
use crate::lab::compare::model::{Family, Model};
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

/// A winner by this much needs no confirmation.
const FAR: f64 = 1.5;
/// Nor one by so much, by time and by CPU.
const HOPELESS: f64 = 3.0;
/// By so much must be ahead who was not ahead before.
const CLEARLY: f64 = 1.15;
/// Rounds that a confirmation needs.
const ENOUGH: usize = 10;

/// Whether these rounds can bear a choice by price: there are enough of them, or a few far apart. CPU
/// and memory change little with what others do.
fn is_solid(evidence: &Evidence) -> bool {
    let Evidence { low, rounds, .. } = *evidence;
    rounds >= FEWEST_ROUNDS || rounds >= FEWEST_FAR_ROUNDS && low >= FAR
}

/// Whether nobody need doubt that the other is slower: far behind in enough rounds, or many times as
/// slow for many times the CPU, which no busy machine makes of it. Three rounds far apart are none: on
/// a busy machine one of twenty small contests of a model with itself has them.
fn is_convincing(duel: &Duel) -> bool {
    let at_least = |cost, times: f64| duel.of_cost(cost).is_some_and(|e| e.low >= times);
    let wall = duel.of_cost(Cost::Wall);
    let far = wall.is_some_and(|e| e.low >= FAR && e.rounds >= FEWEST_ROUNDS);
    !duel.cut && (far || at_least(Cost::Wall, HOPELESS) && at_least(Cost::Cpu, HOPELESS))
}

/// Which models must meet again in rounds of their own: those that the rounds do not tell apart; or a
/// winner by time and those it was ahead of by little, or in too few rounds, unless `expected` says
/// that arithmetic makes them slow. None, if it is clear without.
pub fn unconfirmed(judgement: &Judgement, expected: impl Fn(Model) -> bool) -> Vec<Model> {
    let near = |duel: &&Duel| !expected(duel.other) && !is_convincing(duel);
    match (judgement.how, judgement.best.first()) {
        (How::Unclear, Some(_)) => judgement.best.clone(),
        (How::Faster, Some(&winner)) => {
            let others: Vec<Model> =
                judgement.duels.iter().filter(near).map(|duel| duel.other).collect();
            if others.is_empty() { others } else { [vec![winner], others].concat() }
        }
        _ => Vec::new(),
    }
}

/// What rounds of their own say of the models that met in them, after a first judgement.
fn confirmed(first: &Judgement, second: &Judgement) -> Judgement {
    // Who has had no win before needs a clearer one.
    let beyond = if first.how == How::Faster { 1.0 } else { CLEARLY };
    let enough = |wall: &Evidence| wall.rounds >= ENOUGH && wall.low >= beyond;
    let bears = |duel: &Duel| is_convincing(duel) || duel.of_cost(Cost::Wall).is_some_and(enough);
    let agrees = first.how != How::Faster || second.winner() == first.winner();
    match second.how {
        How::Faster if agrees && second.duels.iter().all(bears) => second.clone(),
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

/// The same rounds, which do not tell the first from those that they do not convince about.
fn unclear(judgement: Judgement) -> Judgement {
    let others = judgement.duels.iter().filter(|duel| !is_convincing(duel)).map(|duel| duel.other);
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
        let race = self.race.as_ref()?;
        let first = first_judgement(race)?;
        let Some(second) = self.confirmation.as_ref().and_then(first_judgement) else {
            return Some(weighed(first.clone()));
        };
        let judgement = confirmed(first, second);
        // The others met the winner in the first rounds only.
        let best = race.model(*judgement.best.first()?)?.entry();
        let met: Vec<Model> = second.duels.iter().map(|duel| duel.other).collect();
        let others = first.duels.iter().map(|duel| duel.other);
        let others = others.filter(|other| *other != best.model && !met.contains(other));
        let duel = |other| Some(Duel::of(&best, &race.model(other)?.entry(), self.asked.seed));
        Some(with_others(judgement, others.map(duel).collect::<Option<_>>()?))
    }

    /// The family that all of the best belong to, where no difference was shown between those, but
    /// between them and others.
    pub fn family(&self) -> Option<Family> {
        family(&self.judgement()?)
    }

    /// Whether there is something to choose: a model, or a family.
    pub fn is_choice(&self) -> bool {
        self.winner().is_some() || self.family().is_some()
    }

    /// The one to choose; `None` if no difference was shown.
    pub fn winner(&self) -> Option<Model> {
        let won = |how| matches!(how, How::Faster | How::Cheaper | How::CheaperAtLeast);
        self.judgement().filter(|judgement| won(judgement.how))?.winner()
    }

    /// The identities that rows break.
    pub fn marks(&self) -> Vec<Mark> {
        let Some(race) = &self.race else { return Vec::new() };
        let of = |model: &ModelResult| {
            let row = row(&self.asked.shape, race, model);
            marks(&self.asked.shape, race.workers, &row)
        };
        race.models.iter().filter(|model| !model.cut).flat_map(of).collect()
    }
}

/// The judgement, and how the first of the best did beside others in earlier rounds. Who lost those to
/// another is not thereby slower than this one: where that is not shown, it is one of the best.
pub fn with_others(mut judgement: Judgement, others: Vec<Duel>) -> Judgement {
    let is_beaten = |duel: &Duel| duel.by_wall() == Answer::Less;
    let all_beaten = others.iter().all(is_beaten);
    judgement.duels.extend(others);
    if !all_beaten {
        let Judgement { best, how, duels } = &mut judgement;
        *how = How::Unclear;
        let near = duels.iter().filter(|duel| !is_beaten(duel)).map(|duel| duel.other);
        let near: Vec<Model> = near.filter(|other| !best.contains(other)).collect();
        best.extend(near);
    }
    judgement
}

/// See [`Chosen::family`].
pub fn family(judgement: &Judgement) -> Option<Family> {
    let Judgement { best, how, duels } = judgement;
    let tie = matches!(how, How::Same | How::Unclear) && best.len() > 1;
    let others = duels.iter().any(|duel| !best.contains(&duel.other));
    let holds = |family: &Family| best.iter().all(|model| model.belongs_to(*family));
    let families = [Family::EventLoop, Family::Threads, Family::Processes];
    families.into_iter().find(holds).filter(|_| tie && others)
}

fn row(shape: &Shape, race: &CaseResult, result: &ModelResult) -> Row {
    let at_once = match result.model {
        Model::Sequential => 1,
        // A loop whose jobs wait for nothing does one after another.
        Model::EventLoop if !shape.waits() => 1,
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
