//! The pictures of a comparison: bars, dots, curves, each with what it shows as its title. Pure.
//!
//! *Promises*: every number in a title or beside a bar is one of the result's, written as the tables
//! write it.
//! *Leaves out*: the page around them (`lab/compare/html.rs`).

use crate::lab::compare::evidence::MARGIN;
use crate::lab::compare::judgement::{Cost, Judgement};
use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::compare::sweep::{Knob, Swept};
use crate::lab::page::axis::Scale;
use crate::lab::page::bars::{Bar, Dots, bars, dots};
use crate::lab::page::curves::{Axis, Chart, Curve, chart};
use crate::lab::page::markup::Element;
use crate::lab::page::states::{key, percent};
use crate::lab::report::stats::{duration, three_digits};

/// A picture below what it shows.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it shows, in a sentence.
    pub title: String,
    /// The picture, and a key to it.
    pub markup: Vec<Element>,
    /// How to read it.
    pub note: String,
}

/// Where the time of each model goes: a bar as long as its wall.
pub fn times(result: &CaseResult) -> Figure {
    let winner = result.verdict.winner();
    let bar = |model: &ModelResult| Bar {
        name: model.model.to_string(),
        figure: took(model),
        length: model.wall.median,
        parts: parts(model).to_vec(),
        best: winner == Some(model.model),
        open: model.cut,
    };
    let all: Vec<Bar> = result.models.iter().map(bar).collect();
    let keys =
        [("st-runs", "computing"), ("st-waits", "waiting for the GIL"), ("st-blocked", "blocked")];
    let title = where_time_goes(result);
    Figure {
        markup: vec![key(&keys), bars(&title, &all, duration)],
        title,
        note: "A bar is as long as the median round took; its parts are what the threads, tasks or \
               workers did meanwhile, all of them together. An arrow: it was stopped, and would have \
               taken longer."
            .to_owned(),
    }
}

/// How long the median round took, or at least.
pub(crate) fn took(model: &ModelResult) -> String {
    format!("{}{}", if model.cut { "> " } else { "" }, duration(model.wall.median))
}

/// Where the time of a model goes: classes of `palette.css`, and their shares.
pub(crate) fn parts(model: &ModelResult) -> [(&'static str, f64); 3] {
    let of = |time: f64| if model.time.whole() > 0.0 { time / model.time.whole() } else { 0.0 };
    [
        ("st-runs", of(model.time.computing)),
        ("st-waits", of(model.time.gil_wait)),
        ("st-blocked", of(model.time.blocked)),
    ]
}

fn where_time_goes(result: &CaseResult) -> String {
    let waits = |model: &&ModelResult| model.time.gil_wait / model.time.whole().max(1e-12);
    let most = result.models.iter().max_by(|a, b| waits(a).total_cmp(&waits(b)));
    match most.map(|model| (model, waits(&model))) {
        Some((model, share)) if share >= 0.05 => {
            let share = percent(share);
            format!("Threads of {} wait for the GIL {share} of their time", model.model)
        }
        _ => "Nobody waits for a lock: the rest is computing, and calls that wait".to_owned(),
    }
}

/// Every round: how many times as long the others took, beside the first of the best. `None` of one
/// model.
pub fn rounds(result: &CaseResult, every: usize) -> Option<Figure> {
    let judged = judgement(result)?;
    let first = result.model(*judged.best.first()?)?;
    let mut all = Vec::new();
    let mut won = None;
    for duel in judged.duels.iter() {
        let (Some(other), Some(wall)) = (result.model(duel.other), duel.of_cost(Cost::Wall)) else {
            continue;
        };
        let ratios = ratios(first, other);
        let longer = ratios.iter().filter(|ratio| **ratio > 1.0).count();
        won.get_or_insert((duel.other, longer, ratios.len()));
        let figure = match wall.rounds {
            1 => format!("{} × (one round)", three_digits(wall.median)),
            _ => format!(
                "{} × ({} to {})",
                three_digits(wall.median),
                three_digits(wall.low),
                three_digits(wall.high)
            ),
        };
        all.push(Dots {
            name: duel.other.to_string(),
            figure,
            values: ratios.iter().step_by(every.max(1)).copied().collect(),
            interval: (wall.rounds > 1).then_some([wall.low, wall.median, wall.high]),
        });
    }
    let (next, longer, of) = won?;
    let s = if of == 1 { "" } else { "s" };
    let title = format!("{} was faster than {next} in {longer} of {of} round{s}", first.model);
    let thinned = match every {
        0 | 1 => String::new(),
        every => format!(" Of the dots, one in {every} is drawn; the intervals are of all."),
    };
    Some(Figure {
        markup: vec![dots(&title, &all, (1.0 / MARGIN, MARGIN), times_mark)],
        title,
        note: format!(
            "A dot is a round: how many times as long the model took as {} in the same round. The bar \
             is where 95 of 100 medians lie; in the grey stretch around 1 the difference is below \
             5 %, and no reason to choose.{thinned}",
            first.model
        ),
    })
}

fn judgement(result: &CaseResult) -> Option<&Judgement> {
    result.verdict.without_lock.as_ref().or(result.verdict.with_lock.as_ref())
}

/// What a round of the other cost, over what the same round cost this one.
fn ratios(this: &ModelResult, other: &ModelResult) -> Vec<f64> {
    let wall = Cost::Wall as usize;
    let pair = |mine: &crate::lab::compare::judgement::RoundCosts| {
        let theirs = other.rounds.iter().find(|round| round.round == mine.round)?;
        Some(theirs.costs[wall]? / mine.costs[wall]?)
    };
    this.rounds.iter().filter_map(pair).collect()
}

fn times_mark(value: f64) -> String {
    format!("{} ×", crate::lab::page::markup::number(value))
}

/// How long jobs took: from half of them to the last in a thousand.
pub fn latency(result: &CaseResult, interval_s: f64) -> Option<Figure> {
    let whole: Vec<&ModelResult> = result.models.iter().filter(|model| !model.cut).collect();
    let ends = |a: &&&ModelResult, b: &&&ModelResult| a.p99.total_cmp(&b.p99);
    let (least, most) = (whole.iter().min_by(ends)?, whole.iter().max_by(ends)?);
    let title = format!(
        "99 of 100 jobs take no longer than {} under {}, and {} under {}",
        duration(least.p99),
        least.model,
        duration(most.p99),
        most.model
    );
    let curve = |model: &&ModelResult| Curve {
        name: model.model.to_string(),
        points: model.curve.iter().map(|&(share, s)| (1.0 / (1.0 - share), s)).collect(),
    };
    let curves: Vec<Curve> = whole.iter().map(curve).collect();
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let y = Scale::ratios(points().map(|point| point.1));
    let x = Scale::ratios(points().map(|point| point.0));
    let marks = [
        (2.0, "half"),
        (10.0, "9 of 10"),
        (100.0, "99 of 100"),
        (1e3, "999 of 1000"),
        (1e4, "all but 1 in 10⁴"),
    ];
    let longest = points().map(|point| point.0).fold(1.0, f64::max);
    let marks = marks.into_iter().filter(|(at, _)| *at <= longest);
    let has_interval = whole.iter().any(|m| has_interval(m.model));
    let in_range = points().any(|p| p.1 >= interval_s) && points().any(|p| p.1 <= interval_s);
    let rule = (interval_s, format!("switch interval, {}", duration(interval_s)));
    let words: Vec<String> = whole
        .iter()
        .map(|m| format!("{} half {}, 99 of 100 {}", m.model, duration(m.p50), duration(m.p99)))
        .collect();
    let picture = Chart {
        title: title.clone(),
        words: words.join("; "),
        x: Axis {
            scale: x,
            marks: marks.map(|(at, name)| (at, name.to_owned())).collect(),
            name: "so many jobs took no longer".to_owned(),
        },
        y: axis_of(y, "a job", duration),
        curves,
        rules: (has_interval && in_range).then_some(rule).into_iter().collect(),
        bends: Vec::new(),
        joined: true,
        star: None,
    };
    Some(Figure {
        markup: vec![chart(&picture)],
        title,
        note:
            "Both axes count ratios, so that the few slow jobs have as much room as the many. Of \
               jobs that waited for a lock, steps stand at multiples of the switch interval."
                .to_owned(),
    })
}

fn has_interval(model: Model) -> bool {
    matches!(model, Model::ThreadsPy32 | Model::ThreadsPy310)
}

pub(crate) fn axis_of(scale: Scale, name: &str, written: impl Fn(f64) -> String) -> Axis {
    let marks = scale.marks().into_iter().map(|mark| (mark, written(mark))).collect();
    Axis { scale, marks, name: name.to_owned() }
}

/// One number by the setting of a sweep, with the values between which the choice changes.
pub fn sweep(swept: &Swept<'_>, written: &dyn Fn(u64) -> String) -> Vec<Figure> {
    let rate = |model: &ModelResult| Some(model.jobs_per_s());
    let slow = |model: &ModelResult| (!model.cut).then_some(model.p99);
    let bends = swept.bends();
    let title = match bends.first() {
        Some(first) => capital(first),
        None => format!("No bend: the choice is the same for all values of {}", swept.knob.name()),
    };
    let slowest = format!("How long 99 of 100 jobs take, by {}", swept.knob.name());
    [
        swept_chart(swept, title, "jobs/s", &rate, three_digits, written),
        swept_chart(swept, slowest, "p99", &slow, duration, written),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn swept_chart(
    swept: &Swept<'_>,
    title: String,
    name: &str,
    value: &dyn Fn(&ModelResult) -> Option<f64>,
    number: fn(f64) -> String,
    written: &dyn Fn(u64) -> String,
) -> Option<Figure> {
    let (_, first) = swept.points.first()?;
    let curve = |model: Model| Curve {
        name: model.to_string(),
        points: swept
            .points
            .iter()
            .filter_map(|&(at, result)| Some((at as f64, value(result.model(model)?)?)))
            .collect(),
    };
    let curves: Vec<Curve> = first.models.iter().map(|model| curve(model.model)).collect();
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let y = Scale::ratios(all().map(|point| point.1));
    let values = swept.points.iter().map(|(at, _)| *at);
    let x = Axis {
        scale: Scale::ratios(values.clone().map(|at| at as f64)),
        marks: values.map(|at| (at as f64, written(at))).collect(),
        name: swept.knob.name().to_owned(),
    };
    let changes =
        swept.points.windows(2).filter(|pair| pair[0].1.verdict.best() != pair[1].1.verdict.best());
    let mut bends: Vec<(f64, String)> =
        changes.map(|pair| (pair[1].0 as f64, String::new())).collect();
    if let Some(last) = bends.last_mut() {
        "the choice changes".clone_into(&mut last.1);
    }
    let usual = swept.knob == Knob::Interval;
    bends.extend(usual.then_some((5e6, "Python's own".to_owned())));
    let words: Vec<String> = curves
        .iter()
        .map(|c| {
            let points =
                c.points.iter().map(|&(at, y)| format!("{} at {}", number(y), written(at as u64)));
            format!("{}: {}", c.name, points.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let picture = Chart {
        title: title.clone(),
        words: words.join("; "),
        x,
        y: axis_of(y, name, number),
        curves,
        rules: Vec::new(),
        bends,
        joined: true,
        star: None,
    };
    let note =
        "Each point is a comparison of its own. The dotted lines: from here on another model is \
                the one to choose."
            .to_owned();
    Some(Figure { title, markup: vec![chart(&picture)], note })
}

/// A sentence with a capital at its beginning.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
