//! The comparison for machines: one JSON object.
//!
//! *Assumes*: results that are whole.
//! *Promises*: the fields below, always all of them; a change of meaning changes
//! [`SCHEMA_VERSION`].
//! *Leaves out*: writing it anywhere.
//!
//! ```text
//! {schema_version, machine: {os, kernel, arch, usable_cores},
//!  cases: [{case, rounds,
//!    models: [{model, jobs, wall_s: {median, min, max}, jobs_per_s,
//!              latency_ms: {p50, p99}, time_s: {on_cpu, gil_wait, blocked},
//!              switches: {forced, voluntary, ctx_voluntary, ctx_involuntary},
//!              peak_rss_kib, checksum}],
//!    verdict: {model, ratio, rule}}]}
//! ```
//!
//! `checksum` is 16 hexadecimal digits, for a JSON number cannot hold 64 bits;
//! `verdict.model` is null if no difference was measured.

use crate::lab::compare::result::{CaseResult, ModelResult};
use serde_json::{Value, json};

/// The version of the fields and their meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// All the results as one object.
pub fn document(cases: &[CaseResult]) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "machine": machine(),
        "cases": cases.iter().map(case).collect::<Vec<Value>>(),
    })
}

fn machine() -> Value {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "os": std::env::consts::OS,
        "kernel": kernel.trim(),
        "arch": std::env::consts::ARCH,
        "usable_cores": std::thread::available_parallelism().map_or(1, usize::from),
    })
}

fn case(result: &CaseResult) -> Value {
    json!({
        "case": result.case,
        "rounds": result.rounds,
        "models": result.models.iter().map(model).collect::<Vec<Value>>(),
        "verdict": {
            "model": result.verdict.winner().map(|model| model.name()),
            "ratio": result.verdict.ratio,
            "rule": result.verdict.rule(),
        },
    })
}

fn model(result: &ModelResult) -> Value {
    json!({
        "model": result.model.name(),
        "jobs": result.jobs,
        "wall_s": {
            "median": result.wall.median,
            "min": result.wall.min,
            "max": result.wall.max,
        },
        "jobs_per_s": result.jobs_per_s(),
        "latency_ms": { "p50": result.p50 * 1e3, "p99": result.p99 * 1e3 },
        "time_s": {
            "on_cpu": result.time.on_cpu,
            "gil_wait": result.time.gil_wait,
            "blocked": result.time.blocked,
        },
        "switches": {
            "forced": result.switches.forced,
            "voluntary": result.switches.voluntary,
            "ctx_voluntary": result.switches.ctx_voluntary,
            "ctx_involuntary": result.switches.ctx_involuntary,
        },
        "peak_rss_kib": result.peak_rss_kib,
        "checksum": format!("{:016x}", result.checksum),
    })
}
