//! A choice as one page of HTML: the answer first, then a map of what was tried, and what shows it. Pure.
//!
//! *Promises*: a place of the map is a race that was run; every number is one of the JSON object, which
//! is in the page; at most `shell::MOST_BYTES`: where there are too many rounds for that, some are left
//! out of the page, and it says so.
//! *Leaves out*: the bars and curves (`lab/compare/charts.rs`), writing the file.

use crate::lab::choose::chosen::Chosen;
use crate::lab::choose::document::document;
use crate::lab::choose::finding::Finding;
use crate::lab::choose::flips::{Flip, Knob, Outcome};
use crate::lab::compare::charts::{self, Figure, axis_of, capital};
use crate::lab::compare::html::{COARSEST, TEMPLATE, costs, machine_line, raw, size, thin};
use crate::lab::compare::model::Model;
use crate::lab::compare::result::CaseResult;
use crate::lab::page::axis::Scale;
use crate::lab::page::curves::{Chart, Curve, chart};
use crate::lab::page::markup::Element;
use crate::lab::page::shell::{Content, light_enough, render_with};
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::duration;
use serde_json::{Value, json};

/// Python's switch interval, in seconds.
const INTERVAL: f64 = 0.005;

/// The page of a choice that came to a race.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub fn html(
    chosen: &Chosen,
    race: &CaseResult,
    command: &str,
    error: Option<&Failure>,
) -> Result<String, Failure> {
    light_enough(COARSEST, |grade| page(chosen, race, (command, error), 1 << grade))
}

/// The page with one round in so many.
fn page(
    chosen: &Chosen,
    race: &CaseResult,
    (command, error): (&str, Option<&Failure>),
    every: usize,
) -> Result<String, Failure> {
    let mut data = document(chosen, command, error);
    for races in ["race", "confirmation"] {
        thin(&mut data[races], every);
    }
    let mut pictures: Vec<Element> = Vec::new();
    let figures = [
        map(chosen),
        Some(charts::times(race)),
        charts::rounds(race, every),
        charts::latency(race, INTERVAL),
    ];
    let mut shown = Vec::new();
    for figure in figures.into_iter().flatten() {
        let first = pictures.len();
        pictures.extend(figure.markup);
        let places: Vec<usize> = (first..pictures.len()).collect();
        shown.push(json!({ "title": figure.title, "pictures": places, "note": figure.note }));
    }
    let mut view = view(chosen, race, command, error, (&data, shown));
    view["every"] = every.into();
    let headline = view["headline"][0].as_str().unwrap_or_default().to_owned();
    let content = Content { view: &view, data: &data, pictures: &pictures };
    render_with(TEMPLATE, "singletrack choose", &headline, &content)
}

fn view(
    chosen: &Chosen,
    race: &CaseResult,
    command: &str,
    error: Option<&Failure>,
    (data, figures): (&Value, Vec<Value>),
) -> Value {
    let finding = Finding::of(chosen);
    let headline =
        finding.as_ref().map_or("Nothing was decided".to_owned(), |f| capital(&f.verdict));
    let sentence = |text: &String| capital(text.trim_end_matches('.')) + ".";
    let says = finding.as_ref().map_or(Vec::new(), |finding| {
        let Finding { currencies, why, flips, rule, elsewhere, .. } = finding;
        let first = std::iter::once(currencies).chain(why).chain(flips);
        first.chain([rule]).chain(elsewhere).map(sentence).collect()
    });
    let controls = chosen.controls.iter().map(|control| {
        let right = if control.is_right() { "as it must" } else { "which is wrong" };
        format!("control, {}: {:.2} times, {right}", control.name, control.measured)
    });
    let marks = chosen.marks().into_iter().map(|mark| format!("{} {}", mark.sign, mark.sentence));
    let notes: Vec<String> = controls
        .chain(chosen.asked.assumed.clone())
        .chain(race.notes.clone())
        .chain(marks)
        .collect();
    json!({
        "headline": [headline],
        "error": error.map(|error| format!("Partial: {}", error.what())),
        "command": command,
        "seed": chosen.asked.seed,
        "machine": machine_line(&data["machine"]),
        "cases": [{
            "name": "work",
            "headline": chosen.asked.shape.words(),
            "says": says,
            "size": size(race),
            "notes": notes,
            "skipped": race.skipped,
            "failures": race.failures,
            "figures": figures,
            "costs": costs(race),
            "raw": [raw(race)],
        }],
    })
}

/// Where the work stands among works that wait and compute for other times, and which model was ahead
/// there. `None` if it waits for nothing or computes nothing: such a place is on no axis of ratios; or if
/// nothing else was tried.
fn map(chosen: &Chosen) -> Option<Figure> {
    let shape = &chosen.asked.shape;
    let (io, cpu) = (shape.io().as_secs_f64(), shape.cpu().as_secs_f64());
    let ahead = *chosen.judgement()?.best.first()?;
    if io <= 0.0 || cpu <= 0.0 {
        return None;
    }
    let mut places: Vec<(Model, f64)> = vec![(ahead, cpu)];
    let tried = |flip: &&Flip| flip.knob == Knob::Cpu && !flip.probes.is_empty();
    let tried: Vec<&Flip> = chosen.flips.iter().filter(tried).collect();
    let flips = |flip: &&&Flip| matches!(flip.outcome, Outcome::Flips { .. });
    let title = capital(&tried.iter().find(flips).or(tried.first())?.words());
    let probes = tried.iter().flat_map(|flip| &flip.probes);
    places.extend(probes.map(|probe| (probe.ahead, probe.value as f64 / 1e9)));
    let mut curves: Vec<Curve> = Vec::new();
    for (model, at) in places.iter().filter(|(_, at)| *at > 0.0) {
        let name = model.to_string();
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push((io, *at)),
            None => curves.push(Curve { name, points: vec![(io, *at)] }),
        }
    }
    let full = io / (shape.inflight.max(2) - 1) as f64;
    let all = places.iter().map(|(_, at)| *at).chain([full, cpu * 3.0, cpu / 3.0]);
    let y = Scale::ratios(all);
    let words: Vec<String> = places
        .iter()
        .map(|(model, at)| format!("{model} at {} of computing", duration(*at)))
        .collect();
    let picture = Chart {
        title: title.clone(),
        words: words.join("; "),
        x: axis_of(Scale::ratios([io / 10.0, io * 10.0]), "waiting in a job", duration),
        y: axis_of(y, "computing in a job", duration),
        curves,
        rules: vec![(full, format!("above this, {} jobs at once fill one core", shape.inflight))],
        bends: Vec::new(),
        joined: false,
        star: Some((io, cpu, "your work".to_owned())),
    };
    Some(Figure {
        title,
        markup: vec![chart(&picture)],
        note: "Each ring is a race that was run, coloured by the model that was ahead; the star is the \
               work that was asked for. The dotted line is arithmetic."
            .to_owned(),
    })
}
