//! The same experiment on a real CPython and on its preset, side by side.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every number is measured, here and now; the emulator's loops do as much work a
//! pass as the interpreter's were just seen to do; both sides are asked by the same peer.
//! *Leaves out*: verdicts on speed. What must agree is the kind of behaviour.
//!
//! ```text
//!   experiment               kind                                   unit
//!   lost_updates             some / none                            of 2,000,000
//!   lost_updates_by_call     some / none                            of 2,000,000
//!   countdown                two threads: faster / alike / slower   time / time one by one
//!   switches                 at most one an interval / more         a second
//!   latency                  below / above half an interval         ms, beside one CPU thread
//!   bandwidth                convoy (< 1/4 of idle) / none          packets/s, beside one
//!   echo_idle, _1, _2        convoy (< 1/4 of idle) / none          requests/s, beside 0, 1, 2
//! ```

use crate::gil::rules::policy::{Check, SwitchPolicy};
use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::fidelity::preset::Preset;
use crate::lab::fidelity::python::{Interpreter, RealPython};
use crate::lab::fidelity::subject::Subject;
use crate::lab::report::failure::Failure;
use serde_json::{Value, json};
use std::time::Duration;

/// The default `sys.getswitchinterval()`, in milliseconds. Latency is judged by it also where
/// there are no intervals: before and after 3.2 the measure must be the same.
const USUAL_INTERVAL_MS: f64 = 5.0;
/// The share of the idle rate that is left in a convoy, at most.
const CONVOY: f64 = 0.25;
/// For how long switches are counted, at least: threads that start and end switch a few times
/// more, and in a shorter time those few would be the rate.
const SHORTEST_COUNT: Duration = Duration::from_millis(150);
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

/// What both sides were found to do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SideFigures {
    /// Updates lost by four threads that add one, 500,000 times each.
    pub lost: f64,
    /// The same with a call between load and store.
    pub lost_by_call: f64,
    /// Two threads at once against one after the other.
    pub countdown: f64,
    /// Changes of owner a second, two threads computing.
    pub switches: f64,
    /// Median delay of a packet beside a thread that computes, in milliseconds.
    pub latency: f64,
    /// Packets a second beside none and one.
    pub bandwidth: [f64; 2],
    /// Requests a second beside none, one and two.
    pub echo: [f64; 3],
}

/// Runs all experiments on both sides, taking turns.
///
/// # Errors
/// If a side breaks down.
pub fn compare(python: &Interpreter, time: Duration) -> Result<Vec<FidelityRow>, Failure> {
    let policy = python.preset();
    let mut real = RealPython::start(python)?;
    let passes = real.passes()?;
    let mut ours = Preset::new(policy, passes);
    let slice = time / 10;
    let mut pairs = Vec::new();
    // Side by side within each experiment: what disturbs the machine disturbs both.
    let mut both = |f: &dyn Fn(&mut dyn Subject) -> Result<f64, Failure>| {
        pairs.push((f(&mut real)?, f(&mut ours)?));
        Ok::<(), Failure>(())
    };
    both(&|s| s.lost(false))?;
    both(&|s| s.lost(true))?;
    both(&|s| s.countdown(2 * slice))?;
    both(&|s| s.switches(slice.max(SHORTEST_COUNT)))?;
    both(&|s| s.latency(2 * slice))?;
    for burners in 0..2 {
        both(&move |s| s.bandwidth(burners, slice))?;
    }
    for burners in 0..3 {
        both(&move |s| s.echo(burners, slice))?;
    }
    let figures = |side: fn(&(f64, f64)) -> f64| {
        let n: Vec<f64> = pairs.iter().map(side).collect();
        SideFigures {
            lost: n[0],
            lost_by_call: n[1],
            countdown: n[2],
            switches: n[3],
            latency: n[4],
            bandwidth: [n[5], n[6]],
            echo: [n[7], n[8], n[9]],
        }
    };
    Ok(rows(&python.name(), policy, &figures(|p| p.0), &figures(|p| p.1)))
}

/// What the figures of both sides come to. Pure.
pub fn rows(
    python: &str,
    policy: SwitchPolicy,
    real: &SideFigures,
    ours: &SideFigures,
) -> Vec<FidelityRow> {
    let row = |experiment,
               number: &dyn Fn(&SideFigures) -> f64,
               kind: &dyn Fn(&SideFigures) -> &'static str| {
        FidelityRow {
            experiment,
            python: python.to_owned(),
            preset: policy.to_string(),
            interpreter: number(real),
            ours: number(ours),
            kind: kind(real),
            our_kind: kind(ours),
        }
    };
    let loses = |count: f64| if count > 0.0 { "some" } else { "none" };
    let convoy = |rate: f64, idle: f64| if rate < CONVOY * idle { "convoy" } else { "no convoy" };
    let at_most = switches_at_most(policy);
    vec![
        row("lost_updates", &|f| f.lost, &|f| loses(f.lost)),
        row("lost_updates_by_call", &|f| f.lost_by_call, &|f| loses(f.lost_by_call)),
        row("countdown", &|f| f.countdown, &|f| pace(f.countdown)),
        row("switches", &|f| f.switches, &|f| match f.switches <= at_most {
            true => "by interval",
            false => "at will",
        }),
        row("latency", &|f| f.latency, &|f| match f.latency < USUAL_INTERVAL_MS / 2.0 {
            true => "soon",
            false => "an interval",
        }),
        row("bandwidth", &|f| f.bandwidth[1], &|f| convoy(f.bandwidth[1], f.bandwidth[0])),
        row("echo_idle", &|f| f.echo[0], &|f| convoy(f.echo[0], f.echo[0])),
        row("echo_1", &|f| f.echo[1], &|f| convoy(f.echo[1], f.echo[0])),
        row("echo_2", &|f| f.echo[2], &|f| convoy(f.echo[2], f.echo[0])),
    ]
}

/// One switch an interval, and a fifth on top for the two that start and end.
fn switches_at_most(policy: SwitchPolicy) -> f64 {
    match policy.check() {
        Check::OnRequest { interval } => 1.2 / interval.as_secs_f64(),
        Check::EveryTicks(_) => f64::INFINITY,
    }
}

fn pace(ratio: f64) -> &'static str {
    match ratio {
        r if r < ALIKE.0 => "faster",
        r if r > ALIKE.1 => "slower",
        _ => "alike",
    }
}

/// The rows of one interpreter for people.
pub fn table(rows: &[FidelityRow]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let mut text = format!("CPython {} and {}\n", first.python, first.preset);
    text +=
        &format!("  {:22}{:>12}{:>12}  {:>7}  kind\n", "experiment", "CPython", "ours", "factor");
    for row in rows {
        let factor = row.factor().map_or("-".into(), |factor| format!("{factor:.1}x"));
        let kind = match row.agrees_in_kind() {
            true => row.kind.to_owned(),
            false => format!("DISAGREES: {}, ours {}", row.kind, row.our_kind),
        };
        text += &format!(
            "  {:22}{:>12}{:>12}  {factor:>7}  {kind}\n",
            row.experiment,
            figure(row.interpreter),
            figure(row.ours),
        );
    }
    text
}

fn figure(value: f64) -> String {
    if value < 100.0 && value != 0.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// All rows for machines: `{rows: [{experiment, python, preset, interpreter, ours,
/// agrees_in_kind, factor, kind, our_kind}], skipped: [why]}`.
pub fn document(rows: &[FidelityRow], skipped: &[String]) -> Value {
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
        "skipped": skipped,
    })
}
