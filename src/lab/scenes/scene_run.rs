//! One run of a scene: what was recorded, and its figures: numbers with names.
//!
//! *Promises*: a figure that was not measured is NaN, and never zero.
//!
//! The names of figures are part of the JSON that `singletrack gil SCENE --json` prints.

use crate::gil::simulator::simulation::SimulationResult;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many events are kept of each thread.
pub const MOST_EVENTS: usize = 1 << 16;

/// One run of a scene under one policy.
#[derive(Debug, Clone)]
pub struct SceneRun {
    /// The process that it ran in; 0 if it was simulated.
    pub pid: u32,
    /// What happened to the lock.
    pub recording: Recording,
    /// What was measured.
    pub figures: Figures,
    /// Somebody ended the command before its time was over.
    pub partial: bool,
}

impl SceneRun {
    /// A run that was simulated: no process has the number 0.
    pub fn simulated(run: SimulationResult, figures: Figures) -> SceneRun {
        SceneRun { pid: 0, recording: run.recording, figures, partial: false }
    }
}

/// Numbers with names, such as `lost` or `switches_per_s`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// These figures.
    ///
    /// ```
    /// use singletrack::lab::scenes::scene_run::Figures;
    ///
    /// let mut figures = Figures::of(&[("lost", 3.0)]);
    /// figures.set("toll_us", 1250.0);
    /// assert_eq!((figures.get("lost"), figures.find("increments")), (3.0, None));
    /// assert_eq!(figures.time("toll_us"), "1.25 ms");
    /// ```
    pub fn of(figures: &[(&str, f64)]) -> Figures {
        Figures(figures.iter().map(|&(name, value)| (name.to_owned(), value)).collect())
    }

    /// What a lock has counted, for each second of `time`.
    pub fn per_second(counters: &Counters, time: Duration) -> Figures {
        let per_s = |count: u64| count as f64 / time.as_secs_f64();
        Figures::of(&[
            ("switches_per_s", per_s(counters.switches)),
            ("drop_requests_per_s", per_s(counters.drop_requests)),
            ("failed_takes_per_s", per_s(counters.retries)),
            ("forced_drops_per_s", per_s(counters.forced_drops)),
            ("tick_drops_per_s", per_s(counters.tick_drops)),
            ("voluntary_drops_per_s", per_s(counters.voluntary_drops)),
            ("sleeps_per_s", per_s(counters.sleeps)),
        ])
    }

    /// Adds a figure, or replaces it.
    pub fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    /// The figure of this name, if it was measured.
    pub fn find(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The figure of this name; NaN if it was not measured.
    pub fn get(&self, name: &str) -> f64 {
        self.find(name).unwrap_or(f64::NAN)
    }

    /// A figure in microseconds: `60 us`, or `1.25 ms`; `NaN us` if it was not measured.
    pub fn time(&self, name: &str) -> String {
        micros(self.get(name))
    }
}

/// So many microseconds: `60 us`, or `1.25 ms`.
pub(crate) fn micros(us: f64) -> String {
    if us >= 1000.0 { format!("{:.2} ms", us / 1e3) } else { format!("{us:.0} us") }
}
