//! The rounds of a model summed up, and the models of a case side by side. Pure.
//!
//! *Assumes*: every round did the same jobs.
//! *Promises*: medians over rounds; percentiles over the jobs of all rounds.
//! *Leaves out*: how it is shown (`lab/compare/output.rs`).

use crate::lab::compare::lane::ModelRun;
use crate::lab::compare::model::Model;
use crate::lab::compare::verdict::{Nature, Verdict};
use crate::lab::report::stats::{Spread, percentile};
use crate::sys::usage::Usage;

/// One run of one model: its own figures, and the kernel's.
#[derive(Debug, Clone)]
pub struct ModelRound {
    /// What the model reported through the pipe.
    pub run: ModelRun,
    /// What the kernel charged to its process, and to those below it.
    pub usage: Usage,
}

/// Where the time went, in seconds, all lanes added up. `lab/compare/lane.rs` says how exact that
/// is, and what the three come to together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeSplit {
    /// On a CPU: [`Usage::cpu`], with the start and the end of all processes.
    pub on_cpu: f64,
    /// Waiting for the interpreter lock.
    pub gil_wait: f64,
    /// The rest: waiting for I/O, for a worker, for the loop, or for a free core:
    /// [`ModelRun::blocked_ns`].
    pub blocked: f64,
}

/// Median counts of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// Drops of the lock at a checkpoint.
    pub forced: u64,
    /// Drops of the lock for a blocking call.
    pub voluntary: u64,
    /// Context switches because a thread had to wait.
    pub ctx_voluntary: u64,
    /// Context switches because a thread had to make room.
    pub ctx_involuntary: u64,
}

/// The rounds of one model, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelResult {
    /// The model.
    pub model: Model,
    /// Jobs done in a round.
    pub jobs: usize,
    /// Jobs that failed and were left out, in all rounds.
    pub failed: usize,
    /// Wall-clock seconds of a round.
    pub wall: Spread,
    /// Half of all jobs took no longer, in seconds.
    pub p50: f64,
    /// 99 of 100 jobs took no longer, in seconds.
    pub p99: f64,
    /// Where the time went.
    pub time: TimeSplit,
    /// How often the lock was dropped and the core changed hands.
    pub switches: Switches,
    /// The most memory that the largest process of the model had resident, in KiB.
    pub peak_rss_kib: u64,
    /// Of all the values of a round.
    pub checksum: u64,
}

/// The models of one case, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// The name of the case.
    pub case: String,
    /// How often each model ran.
    pub rounds: usize,
    /// How many jobs could be under way at once.
    pub lanes: usize,
    /// How many processes a pool had.
    pub workers: usize,
    /// In the order in which they were asked for.
    pub models: Vec<ModelResult>,
    /// Which model won.
    pub verdict: Verdict,
    /// Where it is not what was asked for, a sentence each.
    pub notes: Vec<String>,
    /// The items that were left out before the race, and why.
    pub skipped: Vec<String>,
    /// Why jobs failed in the race, each reason once.
    pub failures: Vec<String>,
}

impl ModelResult {
    /// Sums up the rounds of a model; `None` of no rounds or no jobs.
    pub fn of(model: Model, rounds: &[ModelRound]) -> Option<ModelResult> {
        let mut latencies: Vec<u64> =
            rounds.iter().flat_map(|round| &round.run.lanes.latencies_ns).copied().collect();
        latencies.sort_unstable();
        let middle = |value: fn(&ModelRound) -> f64| {
            Spread::of(&rounds.iter().map(value).collect::<Vec<f64>>())
        };
        let count = |value| middle(value).map(|spread| spread.median.round() as u64);
        Some(ModelResult {
            model,
            jobs: rounds.first()?.run.lanes.latencies_ns.len(),
            failed: rounds.iter().map(|round| round.run.lanes.failed.len()).sum(),
            wall: middle(|round| seconds(round.run.wall_ns))?,
            p50: seconds(percentile(&latencies, 0.50)?),
            p99: seconds(percentile(&latencies, 0.99)?),
            time: TimeSplit {
                on_cpu: middle(|round| round.usage.cpu.as_secs_f64())?.median,
                gil_wait: middle(|round| seconds(round.run.lock.wait_ns))?.median,
                blocked: middle(|round| seconds(round.run.blocked_ns()))?.median,
            },
            switches: Switches {
                forced: count(|round| round.run.lock.forced as f64)?,
                voluntary: count(|round| round.run.lock.voluntary as f64)?,
                ctx_voluntary: count(|round| round.usage.voluntary_switches as f64)?,
                ctx_involuntary: count(|round| round.usage.involuntary_switches as f64)?,
            },
            peak_rss_kib: count(|round| round.usage.peak_rss_kib as f64)?,
            checksum: rounds.first()?.run.lanes.checksum,
        })
    }

    /// Jobs done in a second of the median round.
    pub fn jobs_per_s(&self) -> f64 {
        self.jobs as f64 / self.wall.median
    }
}

impl CaseResult {
    /// Judges the models of a case; `None` if none ran.
    pub fn of(
        case: &str,
        nature: Option<Nature>,
        (rounds, lanes, workers): (usize, usize, usize),
        models: Vec<ModelResult>,
    ) -> Option<CaseResult> {
        let nature = nature.or_else(|| measured_nature(&models, lanes))?;
        let walls: Vec<(Model, Spread)> =
            models.iter().map(|result| (result.model, result.wall)).collect();
        let verdict = Verdict::of(&walls, rounds, nature)?;
        let case = case.to_owned();
        let (notes, skipped, failures) = (Vec::new(), Vec::new(), Vec::new());
        Some(CaseResult { case, rounds, lanes, workers, models, verdict, notes, skipped, failures })
    }
}

/// Read from the sequential model, where no lane waits for another; if it did not run, from the
/// first that did.
fn measured_nature(models: &[ModelResult], lanes: usize) -> Option<Nature> {
    let alone = models.iter().find(|result| result.model == Model::Sequential);
    let result = alone.or(models.first())?;
    let jobs = result.jobs as f64;
    Some(Nature::measured(result.time.on_cpu / jobs, result.time.blocked / jobs, lanes))
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
