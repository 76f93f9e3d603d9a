//! What was found, in sentences: the verdict, its price, why, what would flip it, and the rule. Pure.
//!
//! *Promises*: every number in a sentence was measured, or is arithmetic that the sentence shows. The
//! first sentence is the verdict, with the interval; it says so where no difference was shown.
//! *Leaves out*: where the lines break (`lab/choose/output.rs`).

use crate::lab::choose::chosen::{Chosen, family};
use crate::lab::choose::flips::{Flip, Outcome};
use crate::lab::choose::quantity::shown_time;
use crate::lab::choose::shape::Shape;
use crate::lab::compare::evidence::Evidence;
use crate::lab::compare::judgement::{Cost, Duel, How, Judgement};
use crate::lab::compare::model::{Family, Model};
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::report::stats::{duration, three_digits};

/// All there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which to choose, and by how much.
    pub verdict: String,
    /// Which is best by time, by CPU and by memory.
    pub currencies: String,
    /// The arithmetic behind it.
    pub why: Vec<String>,
    /// What would flip it.
    pub flips: Vec<String>,
    /// Where the rule of thumb stands.
    pub rule: String,
    /// What the same work does under other kinds of Python.
    pub elsewhere: Vec<String>,
}

impl Finding {
    /// Of a choice; `None` if nothing ran.
    pub fn of(chosen: &Chosen) -> Option<Finding> {
        let (race, judgement) = (chosen.race.as_ref()?, chosen.judgement()?);
        Some(Finding {
            verdict: verdict(&judgement),
            currencies: currencies(race),
            why: why(chosen, race, &judgement),
            flips: flips(&judgement, &chosen.flips),
            rule: rule(&chosen.asked.shape, &judgement),
            elsewhere: elsewhere(race, &judgement),
        })
    }
}

fn verdict(judgement: &Judgement) -> String {
    let Judgement { best, how, duels } = judgement;
    let first = best.first().map_or("", |model| model.name());
    let near = |duel: &&Duel| !duel.cut && (*how == How::Faster || best.contains(&duel.other));
    let nearest = |duels: &[Duel]| {
        let whole: Vec<&Duel> = duels.iter().filter(|duel| !duel.cut).collect();
        let ratio = |duel: &&&Duel| duel.of_cost(Cost::Wall).map_or(f64::INFINITY, |e| e.median);
        whole.iter().min_by(|a, b| ratio(a).total_cmp(&ratio(b))).map(|duel| (*duel).clone())
    };
    match (how, nearest(duels).or(duels.first().cloned())) {
        (How::Alone, _) | (_, None) => format!("{first}: nothing else ran to compare it with"),
        (How::Faster, Some(next)) => match next.of_cost(Cost::Wall).filter(|_| !next.cut) {
            Some(wall) => format!(
                "{first}: {} × as fast as the next, {}{}{}",
                three_digits(wall.median),
                next.other,
                interval(wall),
                price(&next)
            ),
            None => format!("{first}: all others were stopped, many times as slow"),
        },
        (How::Cheaper | How::CheaperAtLeast, Some(next)) => {
            let range = next.of_cost(Cost::Wall).map_or(String::new(), interval);
            let (other, price) = (next.other, price(&next));
            match how {
                How::Cheaper => format!("{first}: as fast as {other}{range}, for less{price}"),
                _ => format!(
                    "{first}: costs less than {other}{price}; not enough rounds to say which is \
                     faster{range}; give it more --time"
                ),
            }
        }
        (How::Same | How::Unclear, _) if let Some(family) = family(judgement) => {
            of_family(family, judgement)
        }
        (How::Same | How::Unclear, _) => {
            let ties: Vec<String> = duels
                .iter()
                .filter(near)
                .map(|duel| {
                    let range = duel.of_cost(Cost::Wall).map_or(String::new(), interval);
                    format!("{}{range}{}", duel.other, price(duel))
                })
                .collect();
            let ties = ties.join(", ");
            match how {
                How::Same => format!("no difference larger than 5 %: {first} beside {ties}"),
                _ => format!(
                    "no difference shown: not enough rounds to tell {first} from {ties}; give it \
                     more --time"
                ),
            }
        }
    }
}

/// Several of one family are the best.
fn of_family(family: Family, judgement: &Judgement) -> String {
    let Judgement { best, how, duels } = judgement;
    let names: Vec<&str> = best.iter().map(|model| model.name()).collect();
    let between = match how {
        How::Same => "no difference larger than 5 % between",
        _ => "no difference shown between",
    };
    let rest = duels.iter().filter(|duel| !best.contains(&duel.other) && !duel.cut);
    let ratio = |duel: &&Duel| duel.of_cost(Cost::Wall).map_or(f64::INFINITY, |e| e.median);
    let next = rest.min_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let ahead = next.and_then(|next| {
        let wall = next.of_cost(Cost::Wall)?;
        let (times, range) = (three_digits(wall.median), interval(wall));
        Some(format!(": {times} × as fast as the next, {}{range}{}", next.other, price(next)))
    });
    let ahead = ahead.unwrap_or_else(|| ": all others were stopped".to_owned());
    format!("{family}{ahead}; {between} {}", names.join(" and "))
}

fn interval(evidence: &Evidence) -> String {
    let Evidence { low, high, rounds, .. } = evidence;
    match rounds {
        1 => " (one round)".to_owned(),
        _ => format!(
            " (95 % interval {} to {}, {rounds} rounds)",
            three_digits(*low),
            three_digits(*high)
        ),
    }
}

/// What it takes beside the other, where that differs for sure.
fn price(duel: &Duel) -> String {
    let named = [(Cost::P99, "p99"), (Cost::Cpu, "CPU"), (Cost::Memory, "memory")];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(cost, name)| {
            let evidence = duel.of_cost(cost).filter(|_| duel.differs(cost))?;
            Some(format!("{} × its {name}", three_digits(1.0 / evidence.median)))
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!(", with {}", parts.join(" and ")) }
}

/// The least of each, among the models with a lock that came to their end.
fn currencies(race: &CaseResult) -> String {
    let least = |value: &dyn Fn(&ModelResult) -> f64| {
        let whole = race.models.iter().filter(|model| !model.cut && model.model.has_one_lock());
        whole.min_by(|a, b| value(a).total_cmp(&value(b)))
    };
    let mut parts = Vec::new();
    if let Some(best) = least(&|model| model.wall.median) {
        parts.push(format!("time {} ({})", best.model, duration(best.wall.median)));
    }
    if let Some(best) = least(&|model| model.cpu) {
        parts.push(format!("CPU {} ({})", best.model, duration(best.cpu)));
    }
    if let Some(best) = least(&|model| model.memory_kib as f64) {
        let mib = best.memory_kib as f64 / 1024.0;
        parts.push(format!("memory {} ({} MiB)", best.model, three_digits(mib)));
    }
    if parts.is_empty() {
        return "no model with a lock came to the end of its jobs".to_owned();
    }
    format!("least of each: {}", parts.join(" · "))
}

/// What jobs, cores and the lock make of the steps.
fn why(chosen: &Chosen, race: &CaseResult, judgement: &Judgement) -> Vec<String> {
    let shape = &chosen.asked.shape;
    let (jobs, workers) = (race.jobs, race.workers);
    let mut why = Vec::new();
    let cpu = shape.cpu() + shape.native();
    if !cpu.is_zero() {
        let whole = jobs as f64 * cpu.as_secs_f64();
        let on_all = whole / workers as f64;
        let lock = if shape.native().is_zero() { "behind one lock or " } else { "" };
        why.push(format!(
            "{jobs} × {} is {} of CPU: {lock}on one loop it cannot take less, on {workers} cores {}",
            shown_time(cpu),
            duration(whole),
            duration(on_all)
        ));
    }
    if shape.waits() {
        let io = shape.io();
        let one_by_one = jobs as f64 * io.as_secs_f64();
        why.push(format!(
            "{jobs} × {} is {} of waiting: {} at once wait {}, {workers} blocking workers {}",
            shown_time(io),
            duration(one_by_one),
            race.lanes,
            duration(one_by_one / race.lanes as f64),
            duration(one_by_one / workers as f64)
        ));
    }
    if let Some(best) = judgement.best.first().and_then(|model| race.model(*model)) {
        let bound = shape.least_wall(jobs, best.model, workers);
        let over = best.wall.median / bound;
        if bound > 0.0 && !best.cut {
            why.push(format!(
                "{} took {}, {} × the least that its steps allow ({})",
                best.model,
                duration(best.wall.median),
                three_digits(over),
                duration(bound)
            ));
        }
    }
    why
}

fn flips(judgement: &Judgement, flips: &[Flip]) -> Vec<String> {
    if judgement.how == How::Unclear && family(judgement).is_none() {
        return vec!["nothing to flip: no verdict stands".to_owned()];
    }
    let (untested, mut tried): (Vec<&Flip>, Vec<&Flip>) =
        flips.iter().partition(|flip| flip.outcome == Outcome::Untested);
    // What flips it comes first.
    tried.sort_by_key(|flip| flip.outcome == Outcome::NotFound);
    let mut sentences: Vec<String> = tried.into_iter().map(Flip::words).collect();
    let value = |flip: &&Flip| format!("{} at {}", flip.knob.name(), flip.knob.shown(flip.until));
    match &untested[..] {
        [] => {}
        [one] => sentences.push(one.words()),
        many => {
            let values: Vec<String> = many.iter().map(value).collect();
            sentences.push(format!("not measured, for the time was up: {}", values.join(", ")));
        }
    }
    sentences
}

fn rule(shape: &Shape, judgement: &Judgement) -> String {
    let nature = shape.nature();
    let Some(rule) = nature.rule() else {
        return format!("the rule of thumb says nothing of {nature}");
    };
    let said = format!("the rule of thumb ({nature} → {rule})");
    let named = judgement.best.iter().filter(|model| model.belongs_to(rule)).count();
    let others = judgement.duels.iter().map(|duel| duel.other);
    let ran = judgement.best.iter().copied().chain(others).any(|model| model.belongs_to(rule));
    match (judgement.how, named, judgement.best.len()) {
        _ if !ran => format!("{said} names none that ran"),
        (How::Same | How::Unclear, ..) if family(judgement) == Some(rule) => {
            format!("{said} agrees")
        }
        (How::Same | How::Unclear, 0, _) => format!("{said} names none of these"),
        (How::Same | How::Unclear, ..) => format!("{said} names one of these"),
        (_, 0, _) => format!("{said} is wrong here"),
        _ if rule == Family::EventLoop && judgement.winner() == Some(Model::LoopProcesses) => {
            format!(
                "{said} is right about the waiting, and blind to the {} of CPU",
                shown_time(shape.cpu() + shape.native())
            )
        }
        _ => format!("{said} agrees"),
    }
}

/// What the same work does under other kinds of Python, beside the choice.
fn elsewhere(race: &CaseResult, judgement: &Judgement) -> Vec<String> {
    let kinds = [
        (Model::ThreadsPy310, "python-3.10, threads under one lock"),
        (Model::ThreadsFree, "free-threaded (3.13t and later), threads without a lock"),
        (Model::Interpreters, "per-interpreter locks (PEP 684), threads over interpreters"),
    ];
    let Some(best) = judgement.best.first().and_then(|model| race.model(*model)) else {
        return Vec::new();
    };
    let line = |(model, kind): (Model, &str)| {
        let found = race.model(model)?;
        let (stopped, wall) = match found.cut {
            true => ("more than ", found.wall.median),
            false => ("", found.wall.median),
        };
        let ratio = match (found.cut, model == best.model) {
            (true, _) => ", stopped".to_owned(),
            (_, true) => ", the choice above".to_owned(),
            _ => {
                let times = best.wall.median / found.wall.median;
                format!(", {} × as fast as {}", three_digits(times), best.model)
            }
        };
        Some(format!("{kind}: {stopped}{}{ratio}", duration(wall)))
    };
    kinds.into_iter().filter_map(line).collect()
}
