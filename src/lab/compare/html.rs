//! The comparison as one page of HTML: the finding first, then what shows it. Pure.
//!
//! *Promises*: what the tables say, in their words, and no number that is not in the JSON object, which
//! is in the page; readable without scripts; at most `shell::MOST_BYTES`: where there are too many
//! rounds for that, some are left out of the page, and it says so.
//! *Leaves out*: the pictures (`lab/compare/charts.rs`), writing the file.

use crate::lab::compare::charts::{self, Figure, capital};
use crate::lab::compare::document::document;
use crate::lab::compare::judgement::How;
use crate::lab::compare::output::{HEAD, counted, row, sentences};
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::compare::sweep::{Sweep, Swept};
use crate::lab::page::lanes::{Look, cells, lanes};
use crate::lab::page::markup::Element;
use crate::lab::page::shell::{Content, light_enough, render_with};
use crate::lab::page::states::{legend, percent, shares};
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::{duration, three_digits};
use crate::lab::timeline::timeline::{State, Timeline};
use serde_json::{Value, json};
use std::time::Duration;

/// Also the page of a choice.
pub(crate) const TEMPLATE: &str = include_str!("compare.html");
/// The coarsest page has one round in 2 to the power of this.
pub(crate) const COARSEST: u32 = 13;
/// Python's switch interval.
const USUAL_INTERVAL: Duration = Duration::from_millis(5);

/// What was compared, and how.
#[derive(Debug, Clone, Default)]
pub struct About<'a> {
    /// The command that does it again.
    pub command: String,
    /// Its seed.
    pub seed: u64,
    /// The switch interval, if another was asked for.
    pub interval: Option<Duration>,
    /// What was varied.
    pub sweep: Option<&'a Sweep>,
    /// A recorded run of each model, for each case that has one.
    pub recorded: Vec<Option<Timeline>>,
}

/// The page.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub fn html(
    results: &[CaseResult],
    error: Option<&Failure>,
    about: &About<'_>,
) -> Result<String, Failure> {
    light_enough(COARSEST, |grade| {
        let (every, cells) = (1 << grade, cells(grade));
        let mut drawn = Drawn { about, every, cells, pictures: Vec::new() };
        let view = drawn.view(results, error);
        let title = headline(results).join("; ");
        let mut data = document(results, error);
        for case in data["cases"].as_array_mut().into_iter().flatten() {
            thin(case, every);
        }
        let content = Content { view: &view, data: &data, pictures: &drawn.pictures };
        render_with(TEMPLATE, "singletrack compare", &title, &content)
    })
}

/// Of the rounds of a case, leaves one in so many, from the first on.
pub(crate) fn thin(case: &mut Value, every: usize) {
    for model in case.get_mut("models").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(raw) = model["raw"].as_array_mut() {
            let mut at = 0..;
            raw.retain(|_| at.next().is_some_and(|at: usize| at.is_multiple_of(every)));
        }
    }
}

/// A page that is being drawn.
struct Drawn<'a> {
    about: &'a About<'a>,
    every: usize,
    cells: u64,
    pictures: Vec<Element>,
}

impl Drawn<'_> {
    fn view(&mut self, results: &[CaseResult], error: Option<&Failure>) -> Value {
        let machine = &document(&[], None)["machine"];
        let cases: Vec<Value> = match self.about.sweep {
            None => results.iter().enumerate().map(|(at, case)| self.case(at, case)).collect(),
            Some(sweep) => results
                .chunk_by(|a, b| a.case == b.case)
                .map(|points| self.swept(sweep, points))
                .collect(),
        };
        json!({
            "headline": headline(results),
            "error": error.map(|error| format!("Partial: {}", error.what())),
            "command": self.about.command,
            "seed": self.about.seed,
            "machine": machine_line(machine),
            "every": self.every,
            "cases": cases,
        })
    }

    fn case(&mut self, at: usize, result: &CaseResult) -> Value {
        let interval = self.about.interval.unwrap_or(USUAL_INTERVAL).as_secs_f64();
        let recorded = self.about.recorded.get(at).and_then(Option::as_ref);
        let figures = [
            recorded.map(|timeline| self.lanes(timeline)),
            Some(charts::times(result)),
            charts::rounds(result, self.every),
            charts::latency(result, interval),
        ];
        let figures: Vec<Value> =
            figures.into_iter().flatten().map(|figure| self.figure(figure)).collect();
        let mut said = sentences(result);
        let first = match how(result) == Some(How::Unclear) {
            // The sentence names all that are still in the race: too much for a heading.
            true => choice(result),
            false => said.remove(0),
        };
        json!({
            "name": result.case,
            "headline": capital(&first),
            "says": said.iter().map(|s| capital(s)).collect::<Vec<_>>(),
            "size": size(result),
            "notes": result.notes,
            "skipped": result.skipped,
            "failures": result.failures,
            "figures": figures,
            "costs": costs(result),
            "raw": [raw(result)],
        })
    }

    fn swept(&mut self, sweep: &Sweep, results: &[CaseResult]) -> Value {
        let points = sweep.values.iter().copied().zip(results).collect();
        let swept = Swept { knob: sweep.knob, points };
        let figures = charts::sweep(&swept, &|value| sweep.shown(value));
        let figures: Vec<Value> = figures.into_iter().map(|f| self.figure(f)).collect();
        let point = |result: &CaseResult| result.point.clone().unwrap_or_default();
        let said = |result: &CaseResult| {
            let first = sentences(result).into_iter().next().unwrap_or_default();
            format!("{}: {first}", point(result))
        };
        let notes = results.iter().flat_map(|result| {
            result.notes.iter().map(|note| format!("{}: {note}", point(result)))
        });
        json!({
            "name": results.first().map(|result| result.case.clone()),
            "headline": format!("By {}", sweep.knob.name()),
            "says": swept.bends().iter().map(|bend| capital(bend) + ".").collect::<Vec<_>>(),
            "size": "",
            "notes": results.iter().map(said).chain(notes).collect::<Vec<_>>(),
            "skipped": [],
            "failures": [],
            "figures": figures,
            "costs": null,
            "raw": results.iter().map(raw).collect::<Vec<_>>(),
        })
    }

    fn figure(&mut self, figure: Figure) -> Value {
        let first = self.pictures.len();
        self.pictures.extend(figure.markup);
        let places: Vec<usize> = (first..self.pictures.len()).collect();
        json!({ "title": figure.title, "pictures": places, "note": figure.note })
    }

    fn lanes(&self, timeline: &Timeline) -> Figure {
        let title = waiting(timeline);
        let look = Look { title: title.clone(), cells: self.cells, ..Look::default() };
        let picture = lanes(timeline, &look);
        Figure {
            title,
            markup: vec![legend(&picture.states), picture.markup],
            note:
                "One run of each model, recorded on its own, all on one axis. What is shorter than \
                   a pixel is a shade: its parts are as high as their share of the time."
                    .to_owned(),
        }
    }
}

/// Which lane waits for the lock most.
fn waiting(timeline: &Timeline) -> String {
    let window = 0..timeline.until.max(1);
    let of_lane = timeline.groups.iter().flat_map(|group| {
        let share = |lane| {
            let shares = shares(lane, &window);
            shares.iter().find(|(state, _)| *state == State::WaitsForLock).map_or(0.0, |s| s.1)
        };
        group.lanes.iter().map(move |lane| (group, lane, share(lane)))
    });
    match of_lane.max_by(|a, b| a.2.total_cmp(&b.2)) {
        Some((group, lane, share)) if share > 0.01 => {
            format!(
                "In {}, {} waits for the GIL {} of the picture",
                group.name,
                lane.name,
                percent(share)
            )
        }
        _ => "Who did what, and when".to_owned(),
    }
}

/// The finding: a sentence, or one for each case.
fn headline(results: &[CaseResult]) -> Vec<String> {
    match results {
        [] => vec!["Nothing was measured".to_owned()],
        [one] if how(one) == Some(How::Unclear) => vec![capital(&choice(one))],
        [one] => vec![capital(sentences(one).first().map_or("", |s| s.trim_end_matches('.')))],
        _ => {
            let name = |result: &CaseResult| result.point.clone().unwrap_or(result.case.clone());
            results.iter().map(|result| format!("{}: {}", name(result), choice(result))).collect()
        }
    }
}

fn how(result: &CaseResult) -> Option<How> {
    let verdict = &result.verdict;
    verdict.with_lock.as_ref().or(verdict.without_lock.as_ref()).map(|judged| judged.how)
}

pub(crate) fn choice(result: &CaseResult) -> String {
    let names: Vec<&str> = result.verdict.best().iter().map(|model| model.name()).collect();
    match (how(result), &names[..]) {
        (Some(How::Unclear), [a, b]) => format!("{a} or {b}, not enough rounds to say which"),
        (Some(How::Unclear), _) => "not enough rounds to say".to_owned(),
        (Some(How::Same), names) => format!("no difference between {}", names.join(", ")),
        _ => names.join(", "),
    }
}

pub(crate) fn size(result: &CaseResult) -> String {
    let CaseResult { jobs, rounds, lanes, workers, .. } = result;
    format!(
        "{}, up to {lanes} at once; {}; {}",
        counted(*jobs, "job"),
        counted(*rounds, "interleaved round"),
        counted(*workers, "pool worker")
    )
}

/// What a job costs under each model, as a receipt.
pub(crate) fn costs(result: &CaseResult) -> Value {
    let whole = || result.models.iter().filter(|model| !model.cut);
    let by_cpu = |a: &&ModelResult, b: &&ModelResult| a.cpu_per_job().total_cmp(&b.cpu_per_job());
    let (Some(least), Some(most)) = (whole().min_by(by_cpu), whole().max_by(by_cpu)) else {
        return Value::Null;
    };
    let title = format!(
        "A job costs {} of CPU under {}, and {} under {}",
        duration(least.cpu_per_job()),
        least.model,
        duration(most.cpu_per_job()),
        most.model
    );
    let lines = whole().map(|model| {
        let jobs = model.jobs.max(1) as f64;
        let switches = model.switches;
        let each = |count: u64| three_digits(count as f64 / jobs);
        json!([
            model.model.name(),
            duration(model.cpu_per_job()),
            each(switches.ctx_voluntary + switches.ctx_involuntary),
            each(switches.forced + switches.voluntary),
            duration(model.time.gil_wait / jobs),
            model.added_kib.map_or("?".to_owned(), |kib| format!("{kib} KiB")),
            duration(model.start),
        ])
    });
    let head = [
        "model",
        "CPU",
        "context switches",
        "GIL drops",
        "waiting for the GIL",
        "memory added, in all",
        "start, in all",
    ];
    json!({ "title": title, "head": head, "rows": lines.collect::<Vec<_>>() })
}

/// The table of a case, as the terminal has it.
pub(crate) fn raw(result: &CaseResult) -> Value {
    let winner = result.verdict.winner();
    let rows = result
        .models
        .iter()
        .map(|model| json!({ "cells": row(model), "best": winner == Some(model.model) }));
    json!({ "point": result.point, "head": HEAD, "rows": rows.collect::<Vec<_>>() })
}

pub(crate) fn machine_line(machine: &Value) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or("unknown").to_owned();
    let gib = machine["memory_kib"].as_f64().unwrap_or(0.0) / 1024.0 / 1024.0;
    let cores = &machine["usable_cores"];
    format!(
        "{}, {cores} usable cores, {gib:.1} GiB, {} {}",
        text("cpu"),
        text("os"),
        text("kernel")
    )
}
