//! Two controls whose answers are known: pure waiting, and pure computing under a lock.
//!
//! *Promises*: they run by the same means as the contest: the same server, the same lanes, the same
//! operations. If one comes out wrong, the scale is wrong, and a contest would say nothing: that is a
//! failure of its own kind, which says why. Others only ever make a machine look slower, so that of a
//! few trials the best counts.
//! *Leaves out*: judging anything else.
//!
//! ```text
//!   pure sleep   4 threads, each job waits 5 ms          ideal × 4: waiting costs nobody anything
//!   pure spin    2 threads under one lock, 5 ms of CPU   ideal × 1: one at a time, and no less
//! ```

use crate::lab::choose::contest::{Contest, NAME};
use crate::lab::choose::shape::{Part, Shape};
use crate::lab::compare::model::Model;
use crate::lab::compare::run::run;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use std::time::Duration;

/// How many times as fast as one after another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Control {
    /// What it is called.
    pub name: &'static str,
    /// What it comes to where nothing is in the way.
    pub ideal: f64,
    /// What it came to.
    pub measured: f64,
}

/// How far below the ideal a control may be, as a share of it.
pub const BELOW: f64 = 0.15;
/// How far above.
pub const ABOVE: f64 = 0.10;
/// How often a control that came out wrong is tried.
const TRIALS: usize = 5;
const STEP: Duration = Duration::from_millis(5);

impl Control {
    /// Whether it came out right.
    ///
    /// ```
    /// use singletrack::lab::choose::controls::Control;
    ///
    /// let of = |measured| Control { name: "pure spin", ideal: 1.0, measured };
    /// assert!(of(0.98).is_right() && of(1.05).is_right());
    /// assert!(!of(0.6).is_right(), "others had the cores");
    /// assert!(!of(1.9).is_right(), "the lock excludes nobody");
    /// ```
    pub fn is_right(&self) -> bool {
        let share = self.measured / self.ideal;
        (1.0 - BELOW..=1.0 + ABOVE).contains(&share)
    }

    /// Why nothing can be said, if it did not come out right.
    pub fn refusal(&self) -> Option<Failure> {
        if self.is_right() {
            return None;
        }
        let (least, most) = (self.ideal * (1.0 - BELOW), self.ideal * (1.0 + ABOVE));
        let why = match self.measured < self.ideal {
            true => "this machine is busy: others have the cores",
            false if self.ideal > 1.0 => "answers came before their time",
            false => "the cores run faster than when they were calibrated",
        };
        let found = format!(
            "it came out × {:.2} and should come out × {:.2} ({least:.2} to {most:.2}): {why}",
            self.measured, self.ideal
        );
        let remedy = "run it again when less else runs, or with --anyway";
        Some(Failure::new(format!("the control `{}`", self.name), found, remedy))
    }
}

/// What follows from the controls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// The models may race.
    Race,
    /// The machine is to be calibrated again, for that may have been the fault.
    Again,
    /// There is no answer, and why.
    Refused(Failure),
}

impl Ruling {
    /// Of controls that were run after so many calibrations; `anyway`: an answer is wanted in any case.
    pub fn of(controls: &[Control], calibrations: usize, anyway: bool) -> Ruling {
        /// Calibrations, at most.
        const MOST: usize = 2;
        match controls.iter().find_map(Control::refusal) {
            Some(_) if anyway => Ruling::Race,
            Some(_) if calibrations < MOST => Ruling::Again,
            Some(failure) => Ruling::Refused(failure),
            None => Ruling::Race,
        }
    }
}

/// Both, each tried again if it comes out wrong; the better of the trials counts.
///
/// # Errors
/// If a run fails.
pub fn controls(contest: &Contest<'_>) -> Result<[Control; 2], Failure> {
    let sleep = best("pure sleep", 4, 40, Part::Io(STEP), contest)?;
    let spin = best("pure spin", 2, 12, Part::Cpu(STEP), contest)?;
    Ok([sleep, spin])
}

fn best(
    name: &'static str,
    lanes: usize,
    jobs: usize,
    part: Part,
    contest: &Contest<'_>,
) -> Result<Control, Failure> {
    let shape = Shape { parts: vec![part], jobs: Some(jobs), inflight: lanes };
    let ideal = if shape.waits() { lanes as f64 } else { 1.0 };
    let mut best = Control { name, ideal, measured: 0.0 };
    for _ in 0..TRIALS {
        let plan = contest.plan(&shape, jobs);
        let run = || run(Model::ThreadsPy310, plan, None);
        let (ran, _) = measure(Duration::from_secs(20), run).map_err(|f| f.within(NAME))?;
        let alone = STEP.as_secs_f64() * jobs as f64;
        let measured = alone / (ran.phase.wall_ns as f64 / 1e9);
        let control = Control { name, ideal, measured };
        if (measured - ideal).abs() < (best.measured - ideal).abs() {
            best = control;
        }
        if best.is_right() {
            break;
        }
    }
    Ok(best)
}
