//! A choice for machines: one JSON object.
//!
//! *Promises*: always all of the fields below, and a new [`SCHEMA_VERSION`] when their meaning
//! changes.
//! *Leaves out*: writing it anywhere (`lab/choose/command.rs`).
//!
//! ```text
//! {schema_version, kind: "choose", command,
//!  machine: {os, kernel, arch, cpu, usable_cores, memory_kib},
//!  cores: {affinity, quota, usable, side_by_side},
//!  calibration: {operations_per_ms, drift, switch_s, wake_s, fork_s, pipe_s, encode_s, answer_s},
//!  controls: [{name, ideal, measured, least, most, right}],
//!  asked: {source, assumed: […], steps: [{step, seconds} or {step: "send", bytes}],
//!          cpu_s, io_s, native_s, payload, jobs, at_once, workers, seed},
//!  race: a case as in `compare --json`: {jobs, rounds, at_once, workers, notes,
//!        models: [{model, wall_s, …, raw: […]}], verdict: {…}} or null,
//!  confirmation: the same, of rounds that confirmed a winner by little, or null,
//!  marks: [{model, sign, sentence}],
//!  verdict: {model, family, best: […], how, against: [{model, stopped, threads, wall, p99, cpu, memory}]}
//!           or null,
//!  flips: [{knob: "cpu" | "payload" | "in flight" | "cores", unit: "ns" | "bytes" | "", from, until,
//!           outcome: "flips" | "not found" | "untested", stands_at, flips_at, to,
//!           probes: [{value, stands, ahead}], sentence}],
//!  finding: {verdict, currencies, why: […], flips: […], rule, elsewhere: […]} or null,
//!  error}
//! ```
//! `verdict.model` is null if no difference was shown between the best; `family` (threads, processes,
//! event loop) is null unless those are of one and others are slower; `verdict` differs from that of the race where
//! the confirmation says otherwise. `asked.jobs` is null where nobody said how many; how many a round
//! had is in `race.jobs`. `error` is null if all came to its end.

use crate::lab::choose::chosen::{Asked, Chosen};
use crate::lab::choose::controls::{ABOVE, BELOW, Control};
use crate::lab::choose::finding::Finding;
use crate::lab::choose::flips::{Flip, Knob, Outcome, Probe};
use crate::lab::choose::shape::Part;
use crate::lab::compare::document::{case_object, duels, how, machine};
use crate::lab::compare::judgement::Judgement;
use crate::lab::compare::model::Model;
use crate::lab::report::failure::Failure;
use serde_json::{Value, json};

/// The version of the fields and their meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// A choice as one object; `command` is the line that asked for it.
pub fn document(chosen: &Chosen, command: &str, error: Option<&Failure>) -> Value {
    let Chosen { asked, machine: cores, calibration, controls, race, confirmation, flips } = chosen;
    json!({
        "schema_version": SCHEMA_VERSION,
        "kind": "choose",
        "command": command,
        "machine": machine(),
        "cores": {
            "affinity": cores.affinity,
            "quota": cores.quota,
            "usable": cores.usable,
            "side_by_side": calibration.side_by_side,
        },
        "calibration": {
            "operations_per_ms": calibration.operations_per_ms,
            "drift": calibration.drift,
            "switch_s": calibration.switch,
            "wake_s": calibration.wake,
            "fork_s": calibration.fork,
            "pipe_s": calibration.pipe,
            "encode_s": calibration.encode,
            "answer_s": calibration.answer,
        },
        "controls": controls.iter().map(control).collect::<Vec<Value>>(),
        "asked": asked_object(asked),
        "race": race.as_ref().map(case_object),
        "confirmation": confirmation.as_ref().map(case_object),
        "marks": chosen.marks().iter().map(|mark| json!({
            "model": mark.model.name(),
            "sign": mark.sign,
            "sentence": mark.sentence,
        })).collect::<Vec<Value>>(),
        "verdict": chosen.judgement().map(|judgement| verdict(chosen, &judgement)),
        "flips": flips.iter().map(flip).collect::<Vec<Value>>(),
        "finding": Finding::of(chosen).map(|finding| json!({
            "verdict": finding.verdict,
            "currencies": finding.currencies,
            "why": finding.why,
            "flips": finding.flips,
            "rule": finding.rule,
            "elsewhere": finding.elsewhere,
        })),
        "error": error.map(Failure::to_string),
    })
}

fn control(control: &Control) -> Value {
    json!({
        "name": control.name,
        "ideal": control.ideal,
        "measured": control.measured,
        "least": control.ideal * (1.0 - BELOW),
        "most": control.ideal * (1.0 + ABOVE),
        "right": control.is_right(),
    })
}

fn asked_object(asked: &Asked) -> Value {
    let shape = &asked.shape;
    let step = |part: &Part| match part {
        Part::Cpu(time) => json!({ "step": "cpu", "seconds": time.as_secs_f64() }),
        Part::Io(time) => json!({ "step": "io", "seconds": time.as_secs_f64() }),
        Part::Native(time) => json!({ "step": "native", "seconds": time.as_secs_f64() }),
        Part::Send(bytes) => json!({ "step": "send", "bytes": bytes }),
    };
    json!({
        "source": asked.source,
        "assumed": asked.assumed,
        "steps": shape.parts.iter().map(step).collect::<Vec<Value>>(),
        "cpu_s": shape.cpu().as_secs_f64(),
        "io_s": shape.io().as_secs_f64(),
        "native_s": shape.native().as_secs_f64(),
        "payload": shape.payload(),
        "jobs": shape.jobs,
        "at_once": shape.inflight,
        "workers": asked.workers,
        "seed": asked.seed,
    })
}

fn verdict(chosen: &Chosen, judgement: &Judgement) -> Value {
    json!({
        "model": chosen.winner().map(Model::name),
        "family": chosen.family().map(|family| family.to_string()),
        "best": judgement.best.iter().map(|model| model.name()).collect::<Vec<&str>>(),
        "how": how(judgement.how),
        "against": duels(judgement),
    })
}

fn flip(flip: &Flip) -> Value {
    let unit = match flip.knob {
        Knob::Cpu => "ns",
        Knob::Payload => "bytes",
        Knob::Inflight | Knob::Cores => "",
    };
    let (outcome, sides) = match flip.outcome {
        Outcome::Flips { stands_at, flips_at, to } => ("flips", Some((stands_at, flips_at, to))),
        Outcome::NotFound => ("not found", None),
        Outcome::Untested => ("untested", None),
    };
    let probe = |probe: &Probe| json!({ "value": probe.value, "stands": probe.stands, "ahead": probe.ahead.name() });
    json!({
        "knob": flip.knob.name(),
        "unit": unit,
        "from": flip.from,
        "until": flip.until,
        "outcome": outcome,
        "stands_at": sides.map(|(stands_at, ..)| stands_at),
        "flips_at": sides.map(|(_, flips_at, _)| flips_at),
        "to": sides.map(|(.., to)| to.name()),
        "probes": flip.probes.iter().map(probe).collect::<Vec<Value>>(),
        "sentence": flip.words(),
    })
}
