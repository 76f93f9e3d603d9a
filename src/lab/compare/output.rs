//! The comparison for people: a table a case, its verdict, and the progress meanwhile.
//!
//! *Promises*: the same text with and without colour, and units beside every number; no progress
//! unless stderr is a terminal, and none below the last table; no thread for it, for the command must
//! have one thread to fork.
//! *Leaves out*: writing it anywhere (`main.rs`); what machines read (`lab/compare/document.rs`).
//!
//! ```text
//!   case: how many jobs, rounds, at once          title
//!   note: …                                       what bounds it, what was left out
//!   model  wall  …                                a row a model, columns moved below if it is narrow
//!   → with a GIL: …                               the verdict
//! ```

use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult, Switches};
use crate::lab::report::stats::{duration, three_digits};
use crate::lab::report::table::{Of, Table};
use crate::lab::report::terminal::wrap;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The version of the objects of `gil`, which `compare` has outgrown.
pub const SCHEMA_VERSION: u32 = 1;

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// How many columns there are.
pub const COLUMNS: usize = 15;
/// The names of the columns.
pub const HEAD: [&str; COLUMNS] = [
    "model",
    "wall",
    "jobs/s",
    "p50",
    "p99",
    "CPU",
    "memory",
    "threads",
    "computing",
    "GIL wait",
    "blocked",
    "no core",
    "start",
    "GIL drops",
    "ctx switches",
];

// ---- for people ----

/// The table of one case, and its verdict in a sentence; every line ends. With `colour`, the head
/// is bold and the winner green. Columns that find no room in `width` follow below the others, and
/// sentences go on in the next line.
pub fn table(result: &CaseResult, colour: bool, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut text = String::new();
    for line in title(result) {
        text += &wrap(&line, width);
    }
    let mut rows = Table::new(&HEAD);
    result.models.iter().for_each(|model| rows.row(row(model)));
    for (of, line) in rows.folded(width) {
        let model = match of {
            Of::Row(at) => Some(result.models[at].model),
            Of::Head | Of::Note => None,
        };
        text += &paint(&line, style(model, result.verdict.winner()), colour);
        text.push('\n');
    }
    for sentence in sentences(result) {
        text += &wrap(&format!("→ {sentence}"), width);
    }
    text
}

/// The verdict, and why the rule of thumb is wrong where it is.
pub fn sentences(result: &CaseResult) -> Vec<String> {
    let mut sentences = result.verdict.sentences();
    if let (Some((named, winner)), Some(last)) = (result.why_not(), sentences.last_mut()) {
        let switches = |model: &ModelResult| {
            let Switches { ctx_voluntary, ctx_involuntary, .. } = model.switches;
            (ctx_voluntary + ctx_involuntary) as f64 / model.jobs.max(1) as f64
        };
        // Only what the winner has less of can be why it won.
        let less_cpu = winner.cpu_per_job() < named.cpu_per_job();
        let fewer = switches(winner) < switches(named);
        let cost = |model: &ModelResult| {
            let cpu = less_cpu.then(|| format!("{} of CPU", duration(model.cpu_per_job())));
            let count = || format!("{} context switches", three_digits(switches(model)));
            cpu.into_iter().chain(fewer.then(count)).collect::<Vec<_>>().join(" and ")
        };
        if less_cpu || fewer {
            let (first, second) = (cost(winner), cost(named));
            *last +=
                &format!(": a job costs {} {first}, and {} {second}", winner.model, named.model);
        }
    }
    sentences.iter_mut().for_each(|sentence| sentence.push('.'));
    sentences
}

fn title(result: &CaseResult) -> Vec<String> {
    let CaseResult { case, rounds, lanes, workers, jobs, .. } = result;
    let mut lines = vec![format!(
        "{case}: {}, {}, up to {lanes} at once, {}",
        counted(*jobs, "job"),
        counted(*rounds, "interleaved round"),
        counted(*workers, "pool worker")
    )];
    lines.extend(remarks(result));
    lines
}

/// What must be said beside the figures: notes, what was left out, what failed.
pub(crate) fn remarks(result: &CaseResult) -> Vec<String> {
    let mut lines: Vec<String> = result.notes.iter().map(|note| format!("note: {note}")).collect();
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

/// `1 round`, `2 rounds`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A model's cells.
pub fn row(result: &ModelResult) -> [String; COLUMNS] {
    let (time, switches) = (&result.time, &result.switches);
    let of_lanes = |part: f64| share(part, time.whole());
    let stopped = if result.cut { "> " } else { "" };
    [
        result.model.name().to_owned(),
        format!("{stopped}{}", duration(result.wall.median)),
        three_digits(result.jobs_per_s()),
        duration(result.p50),
        duration(result.p99),
        duration(result.cpu),
        format!("{:.1} MiB", result.memory_kib as f64 / 1024.0),
        match result.threads {
            0 => "?".to_owned(), // without /proc nobody can tell
            threads => threads.to_string(),
        },
        of_lanes(time.computing),
        of_lanes(time.gil_wait),
        of_lanes(time.blocked),
        result.no_core.map_or("?".to_owned(), duration),
        duration(result.start),
        format!("{} f + {} v", switches.forced, switches.voluntary),
        format!("{} v + {} i", switches.ctx_voluntary, switches.ctx_involuntary),
    ]
}

/// A part of the time of all lanes, in hundredths of it.
fn share(part: f64, whole: f64) -> String {
    match part / whole * 100.0 {
        percent if percent > 0.0 && percent < 0.5 => "< 1 %".to_owned(),
        percent if percent.is_finite() => format!("{percent:.0} %"),
        _ => "0 %".to_owned(),
    }
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

// ---- while it runs ----

/// A status line on stderr: what runs, and how much of the case is done.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    begun: usize,
}

/// Steps of the bar.
const STEPS: u64 = 1000;

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Progress {
    /// A line for one case.
    pub fn new() -> Progress {
        // On anything but a terminal this target draws nothing.
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        // The template is a constant; should it be wrong, the default line will do.
        if let Ok(style) = ProgressStyle::with_template("{msg:32} {wide_bar} {prefix}") {
            bar.set_style(style);
        }
        Progress { bar, begun: 0 }
    }

    /// This model is about to run on this case, of which that share is done.
    pub fn begin(&mut self, case: &str, model: Model, share: f64) {
        self.begun += 1;
        self.bar.set_message(format!("{case} under {model}"));
        self.bar.set_prefix(format!("run {}", self.begun));
        self.bar.set_position((share * STEPS as f64) as u64);
    }

    /// Something else is about to be measured, and that share of all is done.
    pub fn stage(&mut self, what: &str, share: f64) {
        self.bar.set_message(what.to_owned());
        self.bar.set_position((share * STEPS as f64) as u64);
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
