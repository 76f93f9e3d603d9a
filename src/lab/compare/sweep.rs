//! One setting through a range: a curve for each model, and where it bends. Pure.
//!
//! *Promises*: each point is a comparison of its own; the same words name the same points. A bend is
//! named by the numbers between which it lies.
//! *Leaves out*: the comparisons (`lab/compare/race.rs`).
//!
//! ```text
//!   connections=10..5000   ─▶  10 20 50 100 200 500 1000 2000 5000
//!   interval=0.1ms..50ms   ─▶  0.1 0.2 0.5 1 2 5 10 20 50 ms
//!   workers=1..8           ─▶  1 2 4 8
//! ```

use crate::lab::compare::cases::{Case, Sizes};
use crate::lab::compare::model::{Family, Model};
use crate::lab::compare::output::remarks;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::{duration, three_digits};
use crate::lab::report::table::Table;
use crate::lab::report::terminal::wrap;
use std::time::Duration;

/// What is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knob {
    /// Connections of the I/O cases.
    Connections,
    /// The switch interval of the Pythons that have one.
    Interval,
    /// Threads and processes for work that needs a core.
    Workers,
}

impl Knob {
    const ALL: [Knob; 3] = [Knob::Connections, Knob::Interval, Knob::Workers];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Knob::Connections => "connections",
            Knob::Interval => "interval",
            Knob::Workers => "workers",
        }
    }

    /// A value as it is written; intervals count nanoseconds.
    fn shown(self, value: u64) -> String {
        match self {
            Knob::Interval => duration(value as f64 / 1e9),
            _ => value.to_string(),
        }
    }

    fn parse(self, text: &str) -> Option<u64> {
        match self {
            Knob::Interval => {
                let units = [("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
                let (number, unit) =
                    units.iter().find_map(|(name, ns)| Some((text.strip_suffix(name)?, ns)))?;
                let ns = number.trim().parse::<f64>().ok()? * unit;
                (1e3..=1e10).contains(&ns).then_some(ns.round() as u64)
            }
            Knob::Connections => text.parse().ok().filter(|n| (1..=100_000).contains(n)),
            Knob::Workers => text.parse().ok().filter(|n| (1..=256).contains(n)),
        }
    }
}

/// A setting and the values that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// What is varied.
    pub knob: Knob,
    /// The values, in ascending order; intervals in nanoseconds.
    pub values: Vec<u64>,
}

impl Sweep {
    /// The sweep that `NAME=FROM..TO` names.
    ///
    /// ```
    /// use singletrack::lab::compare::sweep::Sweep;
    ///
    /// assert_eq!(Sweep::parse("connections=10..100").unwrap().values, [10, 20, 50, 100]);
    /// assert_eq!(Sweep::parse("workers=1..6").unwrap().values, [1, 2, 4, 6]);
    /// assert!(Sweep::parse("connections=100..10").is_err());
    /// ```
    ///
    /// # Errors
    /// If there is no such setting, or the range is none.
    pub fn parse(text: &str) -> Result<Sweep, Failure> {
        let remedy = "say connections=10..5000, interval=0.1ms..50ms or workers=1..8";
        let refuse = |why: &str| Failure::new(format!("--sweep {text}"), why, remedy);
        let (name, range) = text.split_once('=').ok_or_else(|| refuse("it names no range"))?;
        let knob = Knob::ALL.into_iter().find(|knob| knob.name() == name);
        let knob = knob.ok_or_else(|| refuse("there is no such setting"))?;
        let (from, to) = range.split_once("..").ok_or_else(|| refuse("it names no range"))?;
        match (knob.parse(from), knob.parse(to)) {
            (Some(from), Some(to)) if from < to => {
                Ok(Sweep { knob, values: knob.values(from, to) })
            }
            (Some(_), Some(_)) => Err(refuse("the range ends before it begins")),
            _ => Err(refuse("an end of the range is no such value")),
        }
    }

    /// These sizes, with that value.
    pub fn apply(&self, value: u64, sizes: &Sizes) -> Sizes {
        let mut sizes = sizes.clone();
        let count = usize::try_from(value).unwrap_or(usize::MAX);
        match self.knob {
            Knob::Connections => sizes.connections = Some(count),
            Knob::Workers => sizes.workers = count,
            Knob::Interval => sizes.interval = Some(Duration::from_nanos(value)),
        }
        sizes
    }

    /// A value as it is written: `100`, or `5.00 ms`.
    pub fn shown(&self, value: u64) -> String {
        self.knob.shown(value)
    }

    /// What a point is called: `connections=100`.
    pub fn point(&self, value: u64) -> String {
        format!("{}={}", self.knob.name(), self.knob.shown(value))
    }
}

impl Sweep {
    /// Refuses a setting that changes nothing about these cases under these models.
    ///
    /// # Errors
    /// Says which case, and what to name instead.
    pub fn check(&self, cases: &[Case], models: &[Model]) -> Result<(), Failure> {
        let any = |has: fn(Model) -> bool| models.iter().any(|&model| has(model));
        let refused = |why: String, remedy| {
            Err(Failure::new(format!("--sweep {}", self.knob.name()), why, remedy))
        };
        for case in cases {
            let (name, talks) = (case.name(), case.has_connections());
            match self.knob {
                Knob::Connections if !talks => {
                    let why = format!("{name} has no connections");
                    return refused(why, "name slow-io, fast-io or urls");
                }
                Knob::Interval if !any(has_interval) => {
                    let why = "no model that runs has a switch interval".to_owned();
                    return refused(why, "name threads-py3.2, threads-py3.10 or interpreters");
                }
                Knob::Workers if talks && !any(has_workers) => {
                    let why = format!("for {name}, no model that runs has workers");
                    return refused(why, "name pools or interpreters");
                }
                Knob::Workers if !any(|model| model != Model::Sequential) => {
                    let why = "sequential does one job after another".to_owned();
                    return refused(why, "name another model beside it");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn has_interval(model: Model) -> bool {
    matches!(model, Model::ThreadsPy32 | Model::ThreadsPy310 | Model::Interpreters)
}

fn has_workers(model: Model) -> bool {
    model.belongs_to(Family::Processes) || model == Model::Interpreters
}

impl Knob {
    /// From one value to the other: by doubling, or by 1, 2, 5, 10.
    fn values(self, from: u64, to: u64) -> Vec<u64> {
        let mut values = vec![from];
        let mut last = from;
        while let Some(next) = Some(self.after(last)).filter(|&next| next < to) {
            values.push(next);
            last = next;
        }
        values.push(to);
        values
    }

    fn after(self, value: u64) -> u64 {
        if self == Knob::Workers {
            return value * 2;
        }
        let ten = 10u64.pow(value.ilog10());
        let steps = [1, 2, 5, 10].map(|step| step * ten);
        steps.into_iter().find(|&step| step > value).unwrap_or(value * 2)
    }
}

/// A case at every point.
#[derive(Debug, Clone)]
pub struct Swept<'a> {
    /// What was varied.
    pub knob: Knob,
    /// The values, and the result at each.
    pub points: Vec<(u64, &'a CaseResult)>,
}

impl Swept<'_> {
    fn models(&self) -> Vec<Model> {
        let first = self.points.first().map(|(_, result)| result);
        first.map_or(Vec::new(), |result| result.models.iter().map(|m| m.model).collect())
    }

    /// Jobs a second of a model at each point.
    fn rates(&self, model: Model) -> Vec<(u64, f64)> {
        let rate = |result: &CaseResult| result.model(model).map(ModelResult::jobs_per_s);
        self.points.iter().filter_map(|&(at, result)| Some((at, rate(result)?))).collect()
    }

    /// Where it bends, a sentence each.
    pub fn bends(&self) -> Vec<String> {
        let mut bends = Vec::new();
        for pair in self.points.windows(2) {
            let [(before, lower), (at, upper)] = pair else { continue };
            if lower.verdict.best() != upper.verdict.best() {
                let (from, to) = (self.knob.shown(*before), self.knob.shown(*at));
                bends.push(format!(
                    "between {from} and {to} the choice changes: {} → {}",
                    best(lower),
                    best(upper)
                ));
            }
        }
        match self.knob {
            Knob::Interval => bends.extend(self.models().iter().filter_map(|&m| self.optimum(m))),
            _ => bends.extend(self.models().iter().filter_map(|&m| self.elbow(m))),
        }
        bends
    }

    /// What must be said beside the curve, each sentence once, with its points if it is not of all.
    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<(String, Vec<String>)> = Vec::new();
        for (at, result) in &self.points {
            for remark in remarks(result) {
                let value = self.knob.shown(*at);
                match notes.iter_mut().find(|(said, _)| *said == remark) {
                    Some((_, values)) => values.push(value),
                    None => notes.push((remark, vec![value])),
                }
            }
        }
        let told = |(remark, values): (String, Vec<String>)| match values.len() {
            all if all == self.points.len() => remark,
            _ => format!("{remark} ({} {})", self.knob.name(), values.join(", ")),
        };
        notes.into_iter().map(told).collect()
    }

    /// From where on a model does not get half of what another connection, or worker, could give.
    fn elbow(&self, model: Model) -> Option<String> {
        let rates = self.rates(model);
        let bend = rates.windows(2).find(|pair| {
            let ((a, lower), (b, upper)) = (pair[0], pair[1]);
            upper / lower < 1.0 + (b as f64 / a as f64 - 1.0) / 2.0
        })?;
        Some(format!("{model} keeps pace up to {}", self.knob.shown(bend[0].0)))
    }

    /// The interval with the most jobs a second, for a model whose rate depends on it.
    fn optimum(&self, model: Model) -> Option<String> {
        let rates = self.rates(model);
        let (at, most) = rates.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let least = rates.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
        (has_interval(model) && most > least * 1.05)
            .then(|| format!("{model} does most with {}", self.knob.shown(at)))
    }
}

fn best(result: &CaseResult) -> String {
    let names: Vec<&str> = result.verdict.best().iter().map(|model| model.name()).collect();
    names.join(", ")
}

impl Swept<'_> {
    /// Jobs a second by value and model, the best with a GIL at the end of each line; models without
    /// room stand below the others.
    pub fn text(&self, width: usize) -> String {
        let Some((_, first)) = self.points.first() else { return String::new() };
        let mut text =
            wrap(&format!("{}: jobs a second by {}", first.case, self.knob.name()), width);
        let models = self.models();
        let mut heads = vec![self.knob.name()];
        heads.extend(models.iter().map(|model| model.name()));
        heads.push("best with a GIL");
        let mut table = Table::new(&heads);
        for &(at, result) in &self.points {
            let mut row = vec![self.knob.shown(at)];
            row.extend(models.iter().map(|&model| match result.model(model) {
                Some(model) if model.cut => format!("< {}", three_digits(model.jobs_per_s())),
                Some(model) => three_digits(model.jobs_per_s()),
                None => "?".to_owned(),
            }));
            row.push(match result.verdict.best() {
                [first, second, rest @ ..] if !rest.is_empty() => {
                    format!("{first}, {second}, {} more", rest.len())
                }
                _ => best(result),
            });
            table.row(row);
        }
        table.folded(width).into_iter().for_each(|(_, line)| text += &(line + "\n"));
        self.bends().iter().for_each(|bend| text += &wrap(&format!("→ {bend}."), width));
        self.notes().iter().for_each(|note| text += &wrap(note, width));
        text
    }
}
