//! The same experiment on a real CPython and on its preset: do they agree in kind? Pure.
//!
//! *Assumes*: a figure that is not a number was not measured.
//! *Promises*: a row for each experiment that was measured on both sides, and no other; the verdict
//! names each row that disagrees, and each that is missing.
//! *Leaves out*: the measuring (`lab/fidelity/sides.rs`). Verdicts on speed: what must agree is the
//! kind of behaviour. But a crowd that takes more than twice CPython's time has collapsed.
//!
//! ```text
//!   experiment               kind                                   unit
//!   lost_updates             some / none                            of 2,000,000
//!   lost_updates_by_call     some / none                            of 2,000,000
//!   countdown                two threads: faster / alike / slower   time / time one by one
//!   switches                 by interval (<= 2.5 each) / at will    a second
//!   latency                  below / above half an interval         ms, beside one CPU thread
//!   bandwidth                convoy (< 1/4 of idle) / none          packets/s, beside one
//!   echo_idle, _1, _2        convoy (< 1/4 of idle) / none          requests/s, beside 0, 1, 2
//!   crowd_10 to _10000       no later / a collapse (2 x CPython's)   ms, for so many at once
//! ```

use crate::gil::rules::policy::{Check, SwitchPolicy};
use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::fidelity::idiom_table::{self, IdiomRow};
use crate::lab::report::failure::Failure;
use crate::lab::report::table::Table;
use crate::lab::report::terminal::wrap;
use serde_json::{Value, json};

/// The default `sys.getswitchinterval()`, in milliseconds. Latency is judged by it also where
/// there are no intervals: before and after 3.2 the measure must be the same.
const USUAL_INTERVAL_MS: f64 = 5.0;
/// More changes than so many an interval are at will.
const AT_WILL: f64 = 2.5;
/// The share of the idle rate that is left in a convoy, at most.
const CONVOY: f64 = 0.25;
/// A crowd may take so many times as long as CPython's, and so many milliseconds more, which are
/// the scheduler's.
const CROWD: (f64, f64) = (2.0, 25.0);
/// Two threads that share a lock take between so much and so much of the time; without one
/// they would take half of it.
const ALIKE: (f64, f64) = (0.7, 1.5);

/// One experiment on one interpreter.
#[derive(Debug, Clone, PartialEq)]
pub struct FidelityRow {
    /// Its name.
    pub experiment: &'static str,
    /// The interpreter's version.
    pub python: String,
    /// The preset that stands for it.
    pub preset: String,
    /// The interpreter's number.
    pub interpreter: f64,
    /// The emulator's.
    pub ours: f64,
    /// What the interpreter's number means.
    pub kind: &'static str,
    /// What the emulator's means.
    pub our_kind: &'static str,
}

impl FidelityRow {
    /// Both numbers mean the same.
    pub fn agrees_in_kind(&self) -> bool {
        self.kind == self.our_kind
    }

    /// The larger number over the smaller; none if one of two is zero.
    pub fn factor(&self) -> Option<f64> {
        let (low, high) =
            (self.interpreter.min(self.ours).max(0.0), self.interpreter.max(self.ours));
        match (low, high) {
            (0.0, 0.0) => Some(1.0),
            (0.0, _) => None,
            _ => Some(high / low),
        }
    }
}

/// What could not be measured, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmeasured {
    /// The experiment's name.
    pub experiment: &'static str,
    /// The interpreter's version.
    pub python: String,
    /// What failed, and why.
    pub why: String,
}

/// What both sides were found to do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SideFigures {
    /// Updates lost by four threads that add one, 500,000 times each.
    pub lost: f64,
    /// The same with a call between load and store.
    pub lost_by_call: f64,
    /// Two threads at once against one after the other.
    pub countdown: f64,
    /// Changes of the thread that runs, a second, two threads computing.
    pub switches: f64,
    /// Median delay of a packet beside a thread that computes, in milliseconds.
    pub latency: f64,
    /// Packets a second beside none and one.
    pub bandwidth: [f64; 2],
    /// Requests a second beside none, one and two.
    pub echo: [f64; 3],
    /// How long crowds take from their release to the end of the last thread, in milliseconds; by
    /// size, as in `lab/fidelity/crowd.rs`.
    pub crowd: [f64; 4],
}

/// What the figures of both sides come to. Pure.
pub fn rows(
    python: &str,
    policy: SwitchPolicy,
    real: &SideFigures,
    ours: &SideFigures,
) -> Vec<FidelityRow> {
    let row =
        |experiment, number: &dyn Fn(&SideFigures) -> f64, kind: &dyn Fn(&SideFigures) -> _| {
            let (interpreter, ours_is) = (number(real), number(ours));
            (!interpreter.is_nan() && !ours_is.is_nan()).then(|| FidelityRow {
                experiment,
                python: python.to_owned(),
                preset: policy.to_string(),
                interpreter,
                ours: ours_is,
                kind: kind(real),
                our_kind: kind(ours),
            })
        };
    let loses = |count: f64| if count > 0.0 { "some" } else { "none" };
    let convoy = |rate: f64, idle: f64| if rate < CONVOY * idle { "convoy" } else { "no convoy" };
    let crowd = |size: usize, ms: f64| match ms <= CROWD.0 * real.crowd[size] + CROWD.1 {
        true => "no later",
        false => "a collapse",
    };
    [
        row("lost_updates", &|f| f.lost, &|f| loses(f.lost)),
        row("lost_updates_by_call", &|f| f.lost_by_call, &|f| loses(f.lost_by_call)),
        row("countdown", &|f| f.countdown, &|f| pace(f.countdown)),
        row("switches", &|f| f.switches, &|f| switching(policy, f.switches)),
        row("latency", &|f| f.latency, &|f| match f.latency < USUAL_INTERVAL_MS / 2.0 {
            true => "soon",
            false => "an interval",
        }),
        row("bandwidth", &|f| f.bandwidth[1], &|f| convoy(f.bandwidth[1], f.bandwidth[0])),
        row("echo_idle", &|f| f.echo[0], &|f| convoy(f.echo[0], f.echo[0])),
        row("echo_1", &|f| f.echo[1], &|f| convoy(f.echo[1], f.echo[0])),
        row("echo_2", &|f| f.echo[2], &|f| convoy(f.echo[2], f.echo[0])),
        row("crowd_10", &|f| f.crowd[0], &|f| crowd(0, f.crowd[0])),
        row("crowd_100", &|f| f.crowd[1], &|f| crowd(1, f.crowd[1])),
        row("crowd_1000", &|f| f.crowd[2], &|f| crowd(2, f.crowd[2])),
        row("crowd_10000", &|f| f.crowd[3], &|f| crowd(3, f.crowd[3])),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A waiter asks after an interval in which nobody changed, so two threads change once an interval at
/// most: between two changes that the threads of CPython 3.9, 3.12 and 3.13 noted themselves there were
/// 5.0 ms or more, each time. Yet 3.12 was seen to have up to one and a half: the thread that counts
/// is a third, which waits for the lock twice, and to sleep gives it up by itself, so that in a
/// short time its changes count. On a busy machine there are fewer, on both sides. Without
/// intervals there are thousands a second. The line between is far from all of that: a row that two
/// ordinary runs put on two sides is no row.
fn switching(policy: SwitchPolicy, rate: f64) -> &'static str {
    match policy.check() {
        Check::EveryTicks(_) => "by ticks",
        Check::OnRequest { interval } if rate * interval.as_secs_f64() <= AT_WILL => "by interval",
        Check::OnRequest { .. } => "at will",
    }
}

fn pace(ratio: f64) -> &'static str {
    match ratio {
        r if r < ALIKE.0 => "faster",
        r if r > ALIKE.1 => "slower",
        _ => "alike",
    }
}

/// The rows of one interpreter for people, and what could not be measured: experiment and reason.
pub fn table(
    python: &str,
    preset: &str,
    rows: &[FidelityRow],
    unmeasured: &[Unmeasured],
    width: usize,
) -> String {
    let heads = ["experiment", "CPython", "ours", "factor", "kind"];
    let mut table = Table::new(&heads).left(&[4]).dropping(&[3, 4]).indented(2);
    for row in rows {
        let factor = row.factor().map_or("-".into(), |factor| format!("{factor:.1}x"));
        let kind = if row.agrees_in_kind() { row.kind } else { "DISAGREES:" };
        let (interpreter, ours) = (figure(row.interpreter), figure(row.ours));
        table.row([row.experiment, &interpreter, &ours, &factor, kind]);
        if !row.agrees_in_kind() {
            table.note(4, format!("DISAGREES: {}, ours {}", row.kind, row.our_kind));
        }
    }
    for Unmeasured { experiment, why, .. } in unmeasured {
        table.note(0, format!("{experiment}: could not be measured: {why}"));
    }
    wrap(&format!("CPython {python} and {preset}"), width) + &table.text(width)
}

/// Why not all is well, if it is not: nothing was compared, or both sides do not agree in
/// everything that was, or something could not be measured.
pub fn verdict(
    rows: &[FidelityRow],
    unmeasured: &[Unmeasured],
    idioms: &[IdiomRow],
) -> Option<Failure> {
    let names = |rows: Vec<(&str, &str)>| {
        rows.iter().map(|(python, name)| format!("{python} {name}")).collect::<Vec<_>>().join(", ")
    };
    let disagree = rows.iter().filter(|row| !row.agrees_in_kind());
    let disagree: Vec<_> = disagree.map(|row| (&*row.python, row.experiment)).collect();
    let missing: Vec<_> = unmeasured.iter().map(|none| (&*none.python, none.experiment)).collect();
    let mut why = Vec::new();
    if !disagree.is_empty() {
        let (count, of) = (disagree.len(), rows.len());
        why.push(format!("{count} of {of} rows disagree in kind ({})", names(disagree)));
    }
    if !missing.is_empty() {
        why.push(format!("{} could not be measured ({})", missing.len(), names(missing)));
    }
    why.extend(idiom_table::verdict(idioms));
    let quieter = "run it again when less else runs, or with longer --seconds";
    match (why.is_empty(), rows.is_empty() && idioms.is_empty()) {
        (false, _) => Some(Failure::new("fidelity", why.join(", and "), quieter)),
        (true, false) => None,
        (true, true) => {
            let why = "no CPython was found on PATH or in pyenv, so nothing was compared";
            Some(Failure::new("fidelity", why, "name one with --python"))
        }
    }
}

fn figure(value: f64) -> String {
    if value < 100.0 && value != 0.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// All rows for machines: `{rows: [{experiment, python, preset, interpreter, ours,
/// agrees_in_kind, factor, kind, our_kind}], unmeasured: [{experiment, python, why}], idioms: [as
/// `idiom_table::values` says], skipped: [why], error}`; `error` is null if all came to its end and agrees.
pub fn document(
    rows: &[FidelityRow],
    unmeasured: &[Unmeasured],
    idioms: &[IdiomRow],
    skipped: &[String],
    error: Option<&Failure>,
) -> Value {
    let none = |none: &Unmeasured| json!({ "experiment": none.experiment, "python": none.python, "why": none.why });
    let row = |row: &FidelityRow| {
        json!({
            "experiment": row.experiment,
            "python": row.python,
            "preset": row.preset,
            "interpreter": row.interpreter,
            "ours": row.ours,
            "agrees_in_kind": row.agrees_in_kind(),
            "factor": row.factor(),
            "kind": row.kind,
            "our_kind": row.our_kind,
        })
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "unmeasured": unmeasured.iter().map(none).collect::<Vec<_>>(),
        "idioms": idiom_table::values(idioms),
        "skipped": skipped,
        "error": error.map(Failure::to_string),
    })
}
