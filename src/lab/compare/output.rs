//! The comparison for people, a table a case; and for machines, one JSON object.
//!
//! *Promises*: the same text with and without colour, and units beside every number; always all of
//! the fields below, and a new [`SCHEMA_VERSION`] when their meaning changes; no progress unless
//! stderr is a terminal, and none below the last table; no thread for it, for the command must have one thread to fork.
//! *Leaves out*: writing text and object anywhere (`main.rs`).
//!
//! ```text
//! {schema_version, machine: {os, kernel, arch, usable_cores}, error,
//!  cases: [{case, rounds, at_once, workers, notes: […], skipped: […], failures: […],
//!    models: [{model, jobs, failed, wall_s: {median, min, max}, jobs_per_s,
//!              latency_ms: {p50, p99}, time_s: {on_cpu, gil_wait, blocked},
//!              switches: {forced, voluntary, ctx_voluntary, ctx_involuntary},
//!              peak_rss_kib, checksum}],
//!    verdict: {model, ratio, rule}}]}
//! ```
//!
//! `checksum` is 16 hexadecimal digits, for a JSON number cannot hold 64 bits;
//! `verdict.model` is null if no difference was measured. `error` is null if all came to its end; else
//! it says why there is no more, and the last case may have fewer rounds or models than were asked
//! for. `skipped` names the files and pages that were left out, `failures` says why `failed` jobs did.

use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::three_digits;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

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
/// is bold and the winner green. Columns that find no room in `width` follow below the others, and
/// sentences go on in the next line.
pub fn table(result: &CaseResult, colour: bool, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(result.models.iter().map(row));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in title(result) {
        text += &wrapped(&line, width);
    }
    for columns in blocks(&widths, width) {
        for (at, row) in rows.iter().enumerate() {
            let model = at.checked_sub(1).map(|at| result.models[at].model);
            let line = line(row, &widths, &columns);
            text += &paint(&line, style(model, result.verdict.winner()), colour);
            text.push('\n');
        }
    }
    text + &wrapped(&format!("→ {}", result.verdict), width)
}

/// The columns that stand side by side: the first in every block, and as many others as there is
/// room for, one at least.
fn blocks(widths: &[usize], width: usize) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for column in 1..widths.len() {
        let cell = 2 + widths[column];
        match blocks.last_mut() {
            Some(block) if used + cell <= width => {
                block.push(column);
                used += cell;
            }
            _ => {
                blocks.push(vec![0, column]);
                used = widths[0] + cell;
            }
        }
    }
    blocks
}

/// A sentence in lines of at most `width`, which all end.
fn wrapped(sentence: &str, width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            text.push('\n');
            used = 0;
        } else if !text.is_empty() {
            text.push(' ');
            used += 1;
        }
        text += word;
        used += length;
    }
    text + "\n"
}

fn title(result: &CaseResult) -> Vec<String> {
    let jobs = result.models.first().map_or(0, |first| first.jobs + first.failed / result.rounds);
    let CaseResult { case, rounds, lanes, workers, .. } = result;
    let mut lines = vec![format!(
        "{case}: {}, {}, up to {lanes} at once, {}",
        counted(jobs, "job"),
        counted(*rounds, "interleaved round"),
        counted(*workers, "pool worker")
    )];
    lines.extend(result.notes.iter().map(|note| format!("note: {note}")));
    let skipped = counted(result.skipped.len(), "item");
    named(&mut lines, &format!("left out {skipped}:"), &result.skipped);
    let failed = result.models.iter().filter(|model| model.failed > 0);
    let counts: Vec<String> =
        failed.map(|model| format!("{} {}", model.failed, model.model)).collect();
    let failures = format!("jobs that failed in the race ({}):", counts.join(", "));
    named(&mut lines, &failures, &result.failures);
    lines
}

/// The first items of a list; all are in the JSON object.
fn named(lines: &mut Vec<String>, heading: &str, items: &[String]) {
    const SHOWN: usize = 10;
    if items.is_empty() {
        return;
    }
    lines.push(heading.to_owned());
    lines.extend(items.iter().take(SHOWN).map(|item| format!("- {item}")));
    if items.len() > SHOWN {
        lines.push(format!("- and {} more", items.len() - SHOWN));
    }
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
fn line(row: &[String; 11], widths: &[usize], columns: &[usize]) -> String {
    let cells = columns.iter().map(|&at| match (at, &row[at], widths[at]) {
        (0, cell, width) => format!("{cell:<width$}"),
        (_, cell, width) => format!("{cell:>width$}"),
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

/// All the results as one object, and why there are no more.
pub fn document(cases: &[CaseResult], error: Option<&Failure>) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "machine": machine(),
        "error": error.map(Failure::to_string),
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
        "at_once": result.lanes,
        "workers": result.workers,
        "notes": result.notes,
        "skipped": result.skipped,
        "failures": result.failures,
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
        "failed": result.failed,
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
    runs: usize,
    begun: usize,
    start: Instant,
}

impl Progress {
    /// A line that ends after `runs` runs.
    pub fn new(runs: usize) -> Progress {
        // On anything but a terminal this target draws nothing.
        let bar = ProgressBar::with_draw_target(Some(runs as u64), ProgressDrawTarget::stderr());
        // The template is a constant; should it be wrong, the default line will do.
        if let Ok(style) = ProgressStyle::with_template("{msg:32} {wide_bar} {prefix}") {
            bar.set_style(style);
        }
        Progress { bar, runs, begun: 0, start: Instant::now() }
    }

    /// This model is about to run on this case; what ran before it has ended.
    pub fn begin(&mut self, case: &str, model: Model) {
        self.bar.set_message(format!("{case} under {model}"));
        self.bar.set_prefix(progress_line(self.begun, self.runs, self.start.elapsed()));
        self.bar.set_position(self.begun as u64);
        self.begun += 1;
    }

    /// Hides the line while `write` writes.
    pub fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }
}

/// What is said of the run that begins when `ended` of `runs` have ended, after `elapsed`. Before
/// the first has ended nobody knows how long they take.
///
/// ```
/// use singletrack::lab::compare::output::progress_line;
/// use std::time::Duration;
///
/// assert_eq!(progress_line(0, 24, Duration::ZERO), "run 1 of 24");
/// assert_eq!(progress_line(8, 24, Duration::from_secs(4)), "run 9 of 24, about 8 s left");
/// ```
pub fn progress_line(ended: usize, runs: usize, elapsed: Duration) -> String {
    let run = format!("run {} of {runs}", ended + 1);
    if ended == 0 {
        return run;
    }
    let left = elapsed.as_secs_f64() / ended as f64 * runs.saturating_sub(ended) as f64;
    match left {
        s if s < 90.0 => format!("{run}, about {:.0} s left", s.ceil()),
        s => format!("{run}, about {:.0} min left", s / 60.0),
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
