//! The comparison for people: one table a case, and one sentence. Pure.
//!
//! *Assumes*: results that are whole; a terminal of about 120 columns.
//! *Promises*: the same text with and without colour; units beside every number.
//! *Leaves out*: writing it anywhere.
//!
//! # One status line with an estimate, for people who watch
//!
//! *Assumes*: nothing else writes to a terminal on stderr meanwhile.
//! *Promises*: silence unless stderr is a terminal; no thread of its own, for the command
//! must stay single-threaded to fork.
//! *Leaves out*: results; those go to stdout.

use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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

/// Table and sentence of one case, each line ended. With `colour`, the head is bold and the
/// winner green.
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
        several(jobs, "job"),
        several(*rounds, "interleaved round"),
        several(*workers, "pool worker")
    )
}

fn several(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn row(result: &ModelResult) -> [String; 11] {
    let (time, switches) = (&result.time, &result.switches);
    [
        result.model.name().to_owned(),
        duration(result.wall.median),
        rate(result.jobs_per_s()),
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
/// use singletrack::lab::compare::table::duration;
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

fn rate(per_second: f64) -> String {
    three_digits(per_second)
}

/// A number with three digits, or with more if they stand before the point.
pub(crate) fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Counts runs.
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

    /// Takes the line away while `write` writes.
    pub fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
