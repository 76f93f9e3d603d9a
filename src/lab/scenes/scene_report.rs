//! A scene for people, drawn and explained; and for machines, one JSON object.
//!
//! *Promises*: lines no wider than the options allow; the JSON fields below, always all of them.
//! *Leaves out*: writing it anywhere.
//!
//! ```text
//! {schema_version, scene, title, error: null | text, seconds,
//!  simulated: null | {cores, seed, costs: text},
//!  runs: [{policy, pid, partial, sentence, figures: {NAME: number},
//!          threads: [{name, tid, has_share, waits_share, without_share,
//!                     takes, drop_requests, failed_takes,
//!                     hold_us: {count, p50, p99, max}, wait_us: {count, p50, p99, max},
//!                     events_dropped}]}],
//!  code: [{file, line, function}]}
//! ```

use crate::gil::rules::decision::{Nanos, nanos};
use crate::gil::rules::policy::{Check, SwitchPolicy};
use crate::gil::stats::record::Recording;
use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::{DrawOptions, is_blurred, lanes, legend};
use crate::lab::report::recording::{Lengths, Profile};
use crate::lab::report::stats::three_digits;
use crate::lab::report::table::Table;
use crate::lab::report::terminal::wrap;
use crate::lab::report::window::{Zoom, closer, recorded, unit_of};
use crate::lab::scenes::explanation::{paragraphs, resolve};
use crate::lab::scenes::scene::Scene;
use crate::lab::scenes::scene_run::SceneRun;
use crate::lab::scenes::simulated::SimulatedMachine;
use serde_json::{Value, json};
use std::ops::Range;
use std::time::Duration;

/// How many switch intervals a picture shows; under a counting policy, of 5 ms.
const INTERVALS: u64 = 8;
const FIVE_MS: Nanos = 5_000_000;

/// One run as text: what, the picture, the threads in figures, the sentence.
///
/// # Errors
/// If nothing was recorded of the window that was asked for.
pub fn picture(
    scene: &Scene,
    policy: SwitchPolicy,
    run: &SceneRun,
    zoom: Option<Zoom>,
    options: &DrawOptions,
) -> Result<String, Failure> {
    let mut text = lanes_of(scene, policy, run, zoom, options)? + "\n";
    text += &threads(&profiles(&run.recording), options);
    let arrow = if options.ascii { "->" } else { "→" };
    text += "\n";
    text += &wrap(&format!("{arrow} {}", (scene.sentence)(&run.figures)), options.width);
    Ok(text)
}

/// What is drawn, the lanes and their legend. Where too much happens for the picture, another one
/// below it looks closer, unless a window was asked for.
///
/// # Errors
/// If nothing was recorded of the window that was asked for.
pub fn lanes_of(
    scene: &Scene,
    policy: SwitchPolicy,
    run: &SceneRun,
    zoom: Option<Zoom>,
    options: &DrawOptions,
) -> Result<String, Failure> {
    let (caption, state_names) = ((scene.caption)(&policy), &scene.state_names);
    let recording = &run.recording;
    let window = zoom.unwrap_or(usual(policy)).window(recording)?;
    let which = match zoom {
        None => format!("the last {}", about(&window)),
        Some(_) => format!("{} of {}", about(&window), about(&recorded(recording))),
    };
    let mut text = wrap(&format!("{caption}: {which}"), options.width) + "\n";
    text += &lanes(recording, window.clone(), state_names, options);
    if zoom.is_none()
        && is_blurred(recording, &window, state_names, options)
        && let Some(closer) = closer(recording, &window)
    {
        text += "\n";
        text += &wrap(&format!("a closer look, at {} of it", about(&closer)), options.width);
        text += &lanes(recording, closer, state_names, options);
    }
    Ok(text + &legend(state_names, options) + "\n")
}

/// How long a window is, as a number without a fraction where that is good enough.
fn about(window: &Range<Nanos>) -> String {
    let length = window.end - window.start;
    let (size, unit) = unit_of(length);
    format!("{:.0} {unit}", length as f64 / size)
}

/// The explanation, with its places filled in, in lines of at most `width`.
pub fn explanation(scene: &Scene, width: usize) -> String {
    format!("Why\n{}", paragraphs(scene.explanation, width))
}

/// All runs as one object; `machine` is the one that was simulated, if one was, and `error` says why
/// there are no more.
pub fn document(
    scene: &Scene,
    time: Duration,
    machine: Option<&SimulatedMachine>,
    runs: &[(SwitchPolicy, SceneRun)],
    error: Option<&Failure>,
) -> Value {
    let simulated = |machine: &SimulatedMachine| {
        let SimulatedMachine { cores, seed, costs, .. } = machine;
        json!({ "cores": cores, "seed": seed, "costs": costs.to_string() })
    };
    let (_, places) = resolve(scene.explanation);
    let code = places
        .iter()
        .map(|place| json!({ "file": place.file, "line": place.line, "function": place.function }));
    json!({
        "schema_version": SCHEMA_VERSION,
        "scene": scene.name,
        "title": scene.title,
        "error": error.map(Failure::to_string),
        "seconds": time.as_secs_f64(),
        "simulated": machine.map(simulated),
        "runs": runs.iter().map(|(policy, run)| run_json(scene, *policy, run)).collect::<Vec<_>>(),
        "code": code.collect::<Vec<_>>(),
    })
}

fn run_json(scene: &Scene, policy: SwitchPolicy, run: &SceneRun) -> Value {
    json!({
        "policy": policy.to_string(),
        "pid": run.pid,
        "partial": run.partial,
        "sentence": (scene.sentence)(&run.figures),
        "figures": run.figures,
        "threads": profiles(&run.recording).iter().map(thread_json).collect::<Vec<_>>(),
    })
}

fn thread_json(profile: &Profile) -> Value {
    let micros = |lengths: &Lengths| {
        let us = |nanos: Nanos| nanos as f64 / 1e3;
        let (p50, p99, max) = (us(lengths.p50), us(lengths.p99), us(lengths.max));
        json!({ "count": lengths.count, "p50": p50, "p99": p99, "max": max })
    };
    json!({
        "name": profile.name,
        "tid": profile.tid,
        "has_share": profile.has,
        "waits_share": profile.waits,
        "without_share": 1.0 - profile.has - profile.waits,
        "takes": profile.takes,
        "drop_requests": profile.requests,
        "failed_takes": profile.failed_takes,
        "hold_us": micros(&profile.hold),
        "wait_us": micros(&profile.wait),
        "events_dropped": profile.dropped,
    })
}

/// The threads in figures.
pub(crate) fn profiles(recording: &Recording) -> Vec<Profile> {
    recording.tracks.iter().map(|track| Profile::of(track, recording.until)).collect()
}

/// What a picture shows if nothing else was asked for.
pub(crate) fn usual(policy: SwitchPolicy) -> Zoom {
    let interval = match policy.check() {
        Check::OnRequest { interval } => nanos(interval),
        Check::EveryTicks(_) => FIVE_MS,
    };
    Zoom::Last(INTERVALS.saturating_mul(interval))
}

/// The threads in figures. Where there is no room, the longest lengths go first, then the counts.
fn threads(profiles: &[Profile], options: &DrawOptions) -> String {
    let heads = [
        "thread",
        "takes",
        "asks",
        "fails",
        "hold\np50",
        "hold\np99",
        "hold\nmax",
        "wait\np50",
        "wait\np99",
        "wait\nmax",
    ];
    let mut table = Table::new(&heads).dropping(&[9, 6, 8, 5, 3, 2, 7, 4]);
    profiles.iter().for_each(|profile| table.row(figures(profile)));
    table.text(options.width)
}

/// A thread's name and figures, as the tables write them.
pub(crate) fn figures(profile: &Profile) -> [String; 10] {
    let [hold_p50, hold_p99, hold_max] = lengths(&profile.hold);
    let [wait_p50, wait_p99, wait_max] = lengths(&profile.wait);
    [
        profile.name.clone(),
        profile.takes.to_string(),
        profile.requests.to_string(),
        profile.failed_takes.to_string(),
        hold_p50,
        hold_p99,
        hold_max,
        wait_p50,
        wait_p99,
        wait_max,
    ]
}

/// Three of them; none, if there is nothing to say.
fn lengths(lengths: &Lengths) -> [String; 3] {
    let Lengths { count, p50, p99, max } = *lengths;
    [p50, p99, max].map(|nanos| if count == 0 { "-".into() } else { length(nanos) })
}

fn length(nanos: Nanos) -> String {
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..999_500 => three_digits(nanos as f64 / 1e3) + "us",
        _ => three_digits(nanos as f64 / 1e6) + "ms",
    }
}
