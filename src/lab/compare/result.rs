//! What the rounds of a model come to, and what the models of a case come to.
//!
//! *Assumes*: every round did the same jobs.
//! *Promises*: medians over rounds; percentiles over the jobs of all rounds.
//! *Leaves out*: how it is shown (`lab/compare/table.rs`, `lab/compare/json.rs`).

use crate::lab::compare::lane::ModelRun;
use crate::lab::compare::model::Model;
use crate::lab::compare::verdict::{Nature, Verdict};
use crate::lab::report::stats::{Spread, percentile};
use crate::sys::usage::Usage;

/// One run of one model: what it said itself, and what the kernel said.
#[derive(Debug, Clone)]
pub struct ModelRound {
    /// What the model said.
    pub run: ModelRun,
    /// What the kernel said.
    pub usage: Usage,
}

/// Where the time of the lanes went, in seconds, all lanes added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeSplit {
    /// On a CPU: all that the kernel charged, starting and stopping included.
    pub on_cpu: f64,
    /// Waiting for the interpreter lock.
    pub gil_wait: f64,
    /// The rest: waiting for I/O, for a worker, for the loop, or for a free core.
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

/// What the rounds of one model come to.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelResult {
    /// The model.
    pub model: Model,
    /// Jobs a round.
    pub jobs: usize,
    /// Wall-clock seconds of a round.
    pub wall: Spread,
    /// Half of all jobs took no longer, in seconds.
    pub p50: f64,
    /// 99 of 100 jobs took no longer, in seconds.
    pub p99: f64,
    /// Where the time went.
    pub time: TimeSplit,
    /// Who switched how often.
    pub switches: Switches,
    /// The most memory that the largest process of the model had, in KiB.
    pub peak_rss_kib: u64,
    /// Of all the values.
    pub checksum: u64,
}

/// What the models of one case come to.
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
    /// Who won.
    pub verdict: Verdict,
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
        Some(CaseResult { case: case.to_owned(), rounds, lanes, workers, models, verdict })
    }
}

/// The model that tells best what the work is made of is the one where nobody waits for
/// anybody: the sequential one, or else the first that ran.
fn measured_nature(models: &[ModelResult], lanes: usize) -> Option<Nature> {
    let alone = models.iter().find(|result| result.model == Model::Sequential);
    let result = alone.or(models.first())?;
    let jobs = result.jobs as f64;
    Some(Nature::measured(result.time.on_cpu / jobs, result.time.blocked / jobs, lanes))
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
