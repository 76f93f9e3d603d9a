//! The comparison for machines: one JSON object.
//!
//! *Promises*: always all of the fields below, and a new [`SCHEMA_VERSION`] when their meaning
//! changes.
//! *Leaves out*: writing it anywhere (`main.rs`).
//!
//! ```text
//! {schema_version, machine: {os, kernel, arch, cpu, usable_cores, memory_kib}, error,
//!  cases: [{case, point, rounds, jobs, at_once, workers, notes: […], skipped: […], failures: […],
//!    models: [{model, jobs, stopped, failed, wall_s: {median, min, max}, start_s, jobs_per_s,
//!              latency_ms: {p50, p99, curve: [[share, ms]]}, cpu_s, no_core_s,
//!              time_s: {computing, gil_wait, blocked},
//!              switches: {forced, voluntary, ctx_voluntary, ctx_involuntary},
//!              memory_kib, added_kib, processes, threads, server_cpu_s, checksum,
//!              raw: [{round, wall_s, p99_s, cpu_s, memory_kib}]}],
//!    verdict: {model, family, best: […], how, against: [{model, stopped, threads,
//!              wall, p99, cpu, memory: {median, low, high, rounds}}],
//!              without_gil: {…}, rule, sentences: […]}}]}
//! ```
//!
//! `checksum` is 16 hexadecimal digits, for a JSON number cannot hold 64 bits;
//! `verdict.model` is null if there is no winner, and `family` (threads, processes, event loop) is null
//! if the best are of several. `error` is null if all came to its end; else
//! it says why there is no more, and the last case may have fewer rounds or models than were asked
//! for. `skipped` names the files and pages that were left out, `failures` says why `failed` jobs did.
//! The wall of a model that was `stopped` is that of the jobs it did; in `raw` it is what all of them
//! would have taken. `point` is where in a `--sweep` it was measured.

use crate::lab::compare::evidence::Evidence;
use crate::lab::compare::judgement::{Cost, Duel, How, Judgement, RoundCosts};
use crate::lab::compare::output::sentences;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::report::failure::Failure;
use serde_json::{Value, json};
use std::fs;

/// The version of the fields and their meaning.
pub const SCHEMA_VERSION: u32 = 2;

/// All the results as one object, and why there are no more.
pub fn document(cases: &[CaseResult], error: Option<&Failure>) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "machine": machine(),
        "error": error.map(Failure::to_string),
        "cases": cases.iter().map(case_object).collect::<Vec<Value>>(),
    })
}

/// The machine that it was measured on.
pub fn machine() -> Value {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let total = field(&memory, "MemTotal");
    let kib = total.and_then(|total| total.split_whitespace().next()?.parse::<u64>().ok());
    json!({
        "os": std::env::consts::OS,
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "arch": std::env::consts::ARCH,
        "cpu": field(&cpus, "model name"),
        "usable_cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory_kib": kib,
    })
}

/// One case.
pub fn case_object(result: &CaseResult) -> Value {
    let verdict = &result.verdict;
    let first = verdict.with_lock.as_ref().or(verdict.without_lock.as_ref());
    let free = verdict.with_lock.as_ref().and(verdict.without_lock.as_ref());
    let names = |judgement: &Judgement| -> Vec<&str> {
        judgement.best.iter().map(|model| model.name()).collect()
    };
    json!({
        "case": result.case,
        "point": result.point,
        "rounds": result.rounds,
        "jobs": result.jobs,
        "at_once": result.lanes,
        "workers": result.workers,
        "notes": result.notes,
        "skipped": result.skipped,
        "failures": result.failures,
        "models": result.models.iter().map(model_object).collect::<Vec<Value>>(),
        "verdict": {
            "model": verdict.winner().map(|model| model.name()),
            "family": verdict.family().map(|family| family.to_string()),
            "best": first.map(names),
            "how": first.map(|judgement| how(judgement.how)),
            "against": first.map(duels),
            "without_gil": free.map(|judgement| json!({
                "best": names(judgement),
                "how": how(judgement.how),
                "against": duels(judgement),
            })),
            "rule": verdict.rule(),
            "sentences": sentences(result),
        },
    })
}

/// How it was decided, in words that stay.
pub fn how(how: How) -> &'static str {
    match how {
        How::Alone => "alone",
        How::Faster => "faster",
        How::Cheaper => "as fast, for less",
        How::CheaperAtLeast => "for less, times not told apart",
        How::Same => "no difference",
        How::Unclear => "not enough rounds",
    }
}

/// The first of the best beside every other model.
pub fn duels(judgement: &Judgement) -> Vec<Value> {
    judgement.duels.iter().map(duel_object).collect()
}

/// The first of the best beside another model: what the other needs, as a multiple.
fn duel_object(duel: &Duel) -> Value {
    let interval = |cost| duel.of_cost(cost).map(interval_object);
    json!({
        "model": duel.other.name(),
        "stopped": duel.cut,
        "wall": interval(Cost::Wall),
        "p99": interval(Cost::P99),
        "cpu": interval(Cost::Cpu),
        "memory": interval(Cost::Memory),
        "threads": duel.threads.1,
    })
}

fn interval_object(evidence: &Evidence) -> Value {
    let Evidence { low, median, high, rounds } = evidence;
    json!({ "median": median, "low": low, "high": high, "rounds": rounds })
}

fn model_object(result: &ModelResult) -> Value {
    json!({
        "model": result.model.name(),
        "jobs": result.jobs,
        "stopped": result.cut,
        "failed": result.failed,
        "wall_s": {
            "median": result.wall.median,
            "min": result.wall.min,
            "max": result.wall.max,
        },
        "start_s": result.start,
        "jobs_per_s": result.jobs_per_s(),
        "latency_ms": {
            "p50": result.p50 * 1e3,
            "p99": result.p99 * 1e3,
            "curve": result.curve.iter().map(|(share, s)| [*share, s * 1e3]).collect::<Vec<_>>(),
        },
        "cpu_s": result.cpu,
        "no_core_s": result.no_core,
        "time_s": {
            "computing": result.time.computing,
            "gil_wait": result.time.gil_wait,
            "blocked": result.time.blocked,
        },
        "switches": {
            "forced": result.switches.forced,
            "voluntary": result.switches.voluntary,
            "ctx_voluntary": result.switches.ctx_voluntary,
            "ctx_involuntary": result.switches.ctx_involuntary,
        },
        "memory_kib": result.memory_kib,
        "added_kib": result.added_kib,
        "processes": result.processes,
        "threads": result.threads,
        "server_cpu_s": result.server,
        "checksum": format!("{:016x}", result.checksum),
        "raw": result.rounds.iter().map(round_object).collect::<Vec<Value>>(),
    })
}

fn round_object(round: &RoundCosts) -> Value {
    let of = |cost: Cost| round.costs[cost as usize];
    json!({
        "round": round.round,
        "wall_s": of(Cost::Wall),
        "p99_s": of(Cost::P99),
        "cpu_s": of(Cost::Cpu),
        "memory_kib": of(Cost::Memory),
    })
}
