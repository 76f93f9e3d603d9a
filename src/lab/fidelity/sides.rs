//! Both sides, asked in turn: what one of them cannot answer is a line, not the end.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: side by side within each experiment, so that what disturbs the machine disturbs
//! both; an interpreter that hangs or dies is started anew for the next experiment, and after
//! [`PATIENCE`] of that asked no more; somebody who ends the command ends it, and what was measured
//! until then is kept.
//! *Leaves out*: what the numbers mean (`lab/fidelity/comparison.rs`).
//!
//! ```text
//!   experiment ──▶ real ──▶ a number ──▶ ours ──▶ a number ──▶ a pair
//!                   │                     ╰────── failed ─────╮
//!                   ╰─ hangs, dies: started anew ─────────────┴──▶ a line: not measured, and why
//! ```

use crate::lab::fidelity::comparison::{FidelityRow, SideFigures, Unmeasured, rows};
use crate::lab::fidelity::crowd::{SIZES, is_due};
use crate::lab::fidelity::idiom_table::PATIENCE;
use crate::lab::fidelity::preset::Preset;
use crate::lab::fidelity::python::{Interpreter, RealPython};
use crate::lab::fidelity::subject::Subject;
use crate::lab::report::failure::Failure;
use crate::lab::report::outside;
use std::time::Duration;

/// For how long switches are counted, at least: whoever counts needs the lock for a moment at the
/// beginning and at the end, and in a shorter time those few switches would be the rate.
const SHORTEST_COUNT: Duration = Duration::from_millis(300);
const CROWDS: [&str; 4] = ["crowd_10", "crowd_100", "crowd_1000", "crowd_10000"];

/// One interpreter and its preset: all that was measured.
#[derive(Debug, Default)]
pub struct Comparison {
    /// In the order of the experiments.
    pub rows: Vec<FidelityRow>,
    /// The experiments that have no row.
    pub unmeasured: Vec<Unmeasured>,
    /// Who has ended the command before the last experiment, if anybody has.
    pub ended: Option<Failure>,
}

/// Runs all experiments on both sides, taking turns.
pub fn compare(python: &Interpreter, time: Duration) -> Comparison {
    measure(python, time).unwrap_or_else(|why| match outside::check() {
        Err(ended) => Comparison { ended: Some(ended), ..Comparison::default() },
        Ok(()) => {
            let python = python.name();
            let none = Unmeasured { experiment: "all", python, why: why.what() };
            Comparison { unmeasured: vec![none], ..Comparison::default() }
        }
    })
}

/// # Errors
/// If the interpreter cannot be started, or does not say how long its loops take.
fn measure(python: &Interpreter, time: Duration) -> Result<Comparison, Failure> {
    let mut real = RealPython::start(python)?;
    let passes = real.passes()?;
    let ours = Preset::new(python.preset(), passes);
    let (failures, comparison) = (0, Comparison::default());
    let mut sides = Sides { python, real, ours, failures, comparison };
    let slice = time / 10;
    let mut pairs = vec![
        sides.ask("lost_updates", |s| s.lost(false)),
        sides.ask("lost_updates_by_call", |s| s.lost(true)),
        sides.ask("countdown", |s| s.countdown(2 * slice)),
        sides.ask("switches", |s| s.switches(slice.max(SHORTEST_COUNT))),
        sides.ask("latency", |s| s.latency(2 * slice)),
        sides.ask("bandwidth", |s| s.bandwidth(0, slice)),
        sides.ask("bandwidth", |s| s.bandwidth(1, slice)),
        sides.ask("echo_idle", |s| s.echo(0, slice)),
        sides.ask("echo_1", |s| s.echo(1, slice)),
        sides.ask("echo_2", |s| s.echo(2, slice)),
    ];
    for (name, threads) in CROWDS.into_iter().zip(SIZES) {
        pairs.push(match is_due(threads, time) {
            true => sides.ask(name, |s| s.crowd(threads)),
            false => (f64::NAN, f64::NAN),
        });
    }
    let Comparison { unmeasured, ended, .. } = sides.comparison;
    let (real, ours) = (figures(&pairs, |p| p.0), figures(&pairs, |p| p.1));
    let rows = rows(&python.name(), python.preset(), &real, &ours);
    Ok(Comparison { rows, unmeasured, ended })
}

fn figures(pairs: &[(f64, f64)], side: fn(&(f64, f64)) -> f64) -> SideFigures {
    let n: Vec<f64> = pairs.iter().map(side).collect();
    // A rate means something beside the idle one only.
    let beside = |idle: usize, rate: usize| if n[idle].is_nan() { f64::NAN } else { n[rate] };
    SideFigures {
        lost: n[0],
        lost_by_call: n[1],
        countdown: n[2],
        switches: n[3],
        latency: n[4],
        bandwidth: [n[5], beside(5, 6)],
        echo: [n[7], beside(7, 8), beside(7, 9)],
        crowd: [n[10], n[11], n[12], n[13]],
    }
}

struct Sides<'a> {
    python: &'a Interpreter,
    real: RealPython,
    ours: Preset,
    failures: usize,
    comparison: Comparison,
}

impl Sides<'_> {
    /// Both numbers; not numbers if one of the sides has none.
    fn ask(
        &mut self,
        experiment: &'static str,
        f: impl Fn(&mut dyn Subject) -> Result<f64, Failure>,
    ) -> (f64, f64) {
        const NONE: (f64, f64) = (f64::NAN, f64::NAN);
        if self.comparison.ended.is_some() {
            return NONE;
        }
        if self.failures >= PATIENCE {
            let why = format!("not asked, for {PATIENCE} experiments had failed before");
            self.note(experiment, why);
            return NONE;
        }
        let real = match f(&mut self.real) {
            Ok(real) => real,
            Err(why) => {
                self.failed(experiment, &why);
                return NONE;
            }
        };
        match f(&mut self.ours) {
            Ok(ours) => (real, ours),
            Err(why) => {
                self.lost(experiment, &why.within("ours"));
                NONE
            }
        }
    }

    /// The interpreter has failed: it is where nobody knows, so another is started.
    fn failed(&mut self, experiment: &'static str, why: &Failure) {
        self.lost(experiment, why);
        self.failures += 1;
        if self.comparison.ended.is_some() {
            return;
        }
        let again = RealPython::start(self.python).and_then(|mut real| {
            real.passes()?;
            Ok(real)
        });
        match again {
            Ok(real) => self.real = real,
            Err(_) => self.failures = PATIENCE,
        }
    }

    /// An experiment has no result, because somebody has ended the command, or else.
    fn lost(&mut self, experiment: &'static str, why: &Failure) {
        match outside::check() {
            Ok(()) => self.note(experiment, why.what()),
            Err(ended) => self.comparison.ended = Some(ended),
        }
    }

    fn note(&mut self, experiment: &'static str, why: String) {
        let python = self.python.name();
        self.comparison.unmeasured.push(Unmeasured { experiment, python, why });
    }
}
