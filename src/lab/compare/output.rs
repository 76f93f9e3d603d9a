//! The comparison for people, a table a case; and for machines, one JSON object.
//!
//! *Promises*: the same text with and without colour, and units beside every number; always all of
//! the fields below, and a new [`SCHEMA_VERSION`] when their meaning changes; no progress unless
//! stderr is a terminal, and no thread for it, for the command must have one thread to fork.
//! *Leaves out*: writing text and object anywhere (`main.rs`).
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

use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::report::stats::three_digits;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

/// The version of the fields and their meaning.
pub const SCHEMA_VERSION: u32 = 1;

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

const HEAD: [&str; 11] = [
    "model",
    "wall",
    "jobs/s",
    "p50",
    "p99",
    "on CPU",
    "GIL wait",
    "blocked",
    "GIL drops",
    "ctx switches",
    "peak",
];

// ---- for people ----

/// The table of one case, and its verdict in a sentence; every line ends. With `colour`, the head
/// is bold and the winner green.
pub fn table(result: &CaseResult, colour: bool) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(result.models.iter().map(row));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = title(result);
    for (at, row) in rows.iter().enumerate() {
        let model = at.checked_sub(1).map(|at| result.models[at].model);
        text += &paint(&line(row, &widths), style(model, result.verdict.winner()), colour);
        text.push('\n');
    }
    text + &format!("→ {}\n", result.verdict)
}

fn title(result: &CaseResult) -> String {
    let jobs = result.models.first().map_or(0, |first| first.jobs);
    let CaseResult { case, rounds, lanes, workers, .. } = result;
    format!(
        "{case}: {}, {}, up to {lanes} at once, {}\n",
        counted(jobs, "job"),
        counted(*rounds, "interleaved round"),
        counted(*workers, "pool worker")
    )
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn row(result: &ModelResult) -> [String; 11] {
    let (time, switches) = (&result.time, &result.switches);
    [
        result.model.name().to_owned(),
        duration(result.wall.median),
        three_digits(result.jobs_per_s()),
        duration(result.p50),
        duration(result.p99),
        duration(time.on_cpu),
        duration(time.gil_wait),
        duration(time.blocked),
        format!("{} f + {} v", switches.forced, switches.voluntary),
        format!("{} v + {} i", switches.ctx_voluntary, switches.ctx_involuntary),
        format!("{:.1} MiB", result.peak_rss_kib as f64 / 1024.0),
    ]
}

/// The first cell to the left, the others to the right.
fn line(row: &[String; 11], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(at, (cell, &width))| match at {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    cells.collect::<Vec<String>>().join("  ")
}

fn style(model: Option<Model>, winner: Option<Model>) -> &'static str {
    match model {
        None => BOLD,
        model if model == winner => GREEN,
        _ => "",
    }
}

fn paint(line: &str, style: &str, colour: bool) -> String {
    if colour && !style.is_empty() { format!("{style}{line}{PLAIN}") } else { line.to_owned() }
}

/// Seconds with three digits and the unit that suits them.
///
/// ```
/// use singletrack::lab::compare::output::duration;
///
/// assert_eq!(duration(0.0), "0");
/// assert_eq!(duration(0.000_012_34), "12.3 µs");
/// assert_eq!(duration(1.5), "1.50 s");
/// ```
pub fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        0.0 => return "0".to_owned(),
        s if s < 0.999_5e-3 => (s * 1e6, "µs"),
        s if s < 0.999_5 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

// ---- for machines ----

/// All the results as one object.
pub fn document(cases: &[CaseResult]) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "machine": machine(),
        "cases": cases.iter().map(case_object).collect::<Vec<Value>>(),
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

fn case_object(result: &CaseResult) -> Value {
    json!({
        "case": result.case,
        "rounds": result.rounds,
        "models": result.models.iter().map(model_object).collect::<Vec<Value>>(),
        "verdict": {
            "model": result.verdict.winner().map(|model| model.name()),
            "ratio": result.verdict.ratio,
            "rule": result.verdict.rule(),
        },
    })
}

fn model_object(result: &ModelResult) -> Value {
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

// ---- while it runs ----

/// A status line on stderr that counts the runs and estimates the time left.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    begun: u64,
}

impl Progress {
    /// A line that ends after `runs` runs.
    pub fn new(runs: usize) -> Progress {
        // On anything but a terminal this target draws nothing.
        let bar = ProgressBar::with_draw_target(Some(runs as u64), ProgressDrawTarget::stderr());
        let line = "{msg:32} {wide_bar} run {pos} of {len}, about {eta} left";
        // The template is a constant; should it be wrong, the default line will do.
        if let Ok(style) = ProgressStyle::with_template(line) {
            bar.set_style(style);
        }
        Progress { bar, begun: 0 }
    }

    /// This model is about to run on this case; what ran before it has ended.
    pub fn begin(&mut self, case: &str, model: Model) {
        self.bar.set_message(format!("{case} under {model}"));
        self.bar.set_position(self.begun);
        self.begun += 1;
    }

    /// Hides the line while `write` writes.
    pub fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
