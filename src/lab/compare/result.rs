//! The rounds of a model summed up, and the models of a case side by side. Pure.
//!
//! *Assumes*: every round did the same jobs, unless it was stopped.
//! *Promises*: medians over rounds; percentiles over the jobs of all rounds. What a round cost is
//! kept, so that models can be paired round by round.
//! *Leaves out*: how it is shown (`lab/compare/output.rs`).

use crate::lab::compare::judgement::{Cost, Entry, RoundCosts};
use crate::lab::compare::lane::ModelRun;
use crate::lab::compare::model::Model;
use crate::lab::compare::verdict::{Nature, Verdict};
use crate::lab::report::stats::{Spread, percentile};
use crate::sys::usage::Usage;

/// One run of one model: its own figures, and the kernel's.
#[derive(Debug, Clone)]
pub struct ModelRound {
    /// In which round it ran.
    pub round: usize,
    /// What the model reported through the pipe.
    pub run: ModelRun,
    /// What the kernel charged to its process, and to those below it, over their whole lives.
    pub usage: Usage,
    /// CPU time of the lab's own server meanwhile.
    pub server_ns: Option<u64>,
}

impl ModelRound {
    /// Seconds of its jobs. Of a run that was stopped: what all of them would have taken at that
    /// rate.
    pub fn wall(&self) -> f64 {
        let wall = seconds(self.run.phase.wall_ns);
        match self.run.was_cut() {
            true => wall * self.run.jobs as f64 / self.run.done().max(1) as f64,
            false => wall,
        }
    }

    /// 99 of 100 jobs took no longer, in seconds.
    pub fn p99(&self) -> Option<f64> {
        let mut latencies = self.run.lanes.latencies_ns.clone();
        latencies.sort_unstable();
        percentile(&latencies, 0.99).map(seconds)
    }

    /// CPU seconds of the jobs; of the whole run, where the kernel tells no more.
    pub fn cpu(&self) -> f64 {
        let of_jobs = self.run.phase.footprint.cpu_ns.map(seconds);
        of_jobs.unwrap_or(self.usage.cpu.as_secs_f64())
    }

    /// Memory of all its processes when the last job had ended, in KiB; of the largest at its
    /// fullest, where the kernel tells no more.
    pub fn memory_kib(&self) -> u64 {
        self.run.phase.footprint.memory_kib.unwrap_or(self.usage.peak_rss_kib)
    }

    fn costs(&self) -> RoundCosts {
        let whole = !self.run.was_cut();
        let mut costs = [None; 4];
        costs[Cost::Wall as usize] = Some(self.wall());
        costs[Cost::P99 as usize] = self.p99().filter(|_| whole);
        costs[Cost::Cpu as usize] = Some(self.cpu()).filter(|_| whole);
        costs[Cost::Memory as usize] = Some(self.memory_kib() as f64).filter(|_| whole);
        RoundCosts { round: self.round, costs }
    }
}

/// Where the time of all lanes went, in seconds, added up. `lab/compare/lane.rs` says where each is
/// measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeSplit {
    /// The lanes' own work.
    pub computing: f64,
    /// Waiting for the interpreter lock.
    pub gil_wait: f64,
    /// In calls: I/O, a worker, or the loop.
    pub blocked: f64,
}

impl TimeSplit {
    /// How long all lanes lasted.
    pub fn whole(&self) -> f64 {
        self.computing + self.gil_wait + self.blocked
    }
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
    /// Whether it was stopped before all were done; then it ran once.
    pub cut: bool,
    /// Jobs that failed and were left out, in all rounds.
    pub failed: usize,
    /// Wall-clock seconds of a round, from when the model was ready.
    pub wall: Spread,
    /// Seconds until it was ready.
    pub start: f64,
    /// Half of all jobs took no longer, in seconds.
    pub p50: f64,
    /// 99 of 100 jobs took no longer, in seconds.
    pub p99: f64,
    /// The share of all jobs that took no longer than so many seconds, from the shortest on.
    pub curve: Vec<(f64, f64)>,
    /// CPU seconds of a round.
    pub cpu: f64,
    /// Seconds in which its threads could have run and had no core, added up.
    pub no_core: Option<f64>,
    /// Where the time went.
    pub time: TimeSplit,
    /// How often the lock was dropped and the core changed hands.
    pub switches: Switches,
    /// Memory of all its processes together, in KiB.
    pub memory_kib: u64,
    /// That, less what the process had before it became the model.
    pub added_kib: Option<u64>,
    /// Processes and threads.
    pub processes: u64,
    /// Threads of all its processes.
    pub threads: u64,
    /// CPU seconds of the lab's own server in a round.
    pub server: Option<f64>,
    /// Of all the values of a round.
    pub checksum: u64,
    /// What each round cost.
    pub rounds: Vec<RoundCosts>,
}

/// The models of one case, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// The name of the case.
    pub case: String,
    /// Where in a sweep it was measured: `connections=100`.
    pub point: Option<String>,
    /// How many rounds there were.
    pub rounds: usize,
    /// How many jobs a round had.
    pub jobs: usize,
    /// How many jobs could be under way at once.
    pub lanes: usize,
    /// How many processes a pool had.
    pub workers: usize,
    /// In the order in which they were asked for.
    pub models: Vec<ModelResult>,
    /// Which model won.
    pub verdict: Verdict,
    /// Where it is not what was asked for, and what bounds it, a sentence each.
    pub notes: Vec<String>,
    /// The items that were left out before the race, and why.
    pub skipped: Vec<String>,
    /// Why jobs failed in the race, each reason once.
    pub failures: Vec<String>,
}

impl ModelResult {
    /// Sums up the rounds of a model; `None` of no rounds or no jobs.
    pub fn of(model: Model, rounds: &[ModelRound]) -> Option<ModelResult> {
        // Of a model that was stopped, that is all there is to say.
        let stopped: Vec<ModelRound> =
            rounds.iter().filter(|round| round.run.was_cut()).cloned().collect();
        let rounds = if stopped.is_empty() { rounds } else { &stopped };
        let mut latencies: Vec<u64> =
            rounds.iter().flat_map(|round| &round.run.lanes.latencies_ns).copied().collect();
        latencies.sort_unstable();
        let spread = |value: &dyn Fn(&ModelRound) -> f64| {
            Spread::of(&rounds.iter().map(value).collect::<Vec<f64>>())
        };
        let middle = |value: &dyn Fn(&ModelRound) -> f64| spread(value).map(|s| s.median);
        let count = |value| middle(value).map(|median| median.round() as u64);
        let known = |value: &dyn Fn(&ModelRound) -> Option<u64>| {
            let values: Option<Vec<f64>> =
                rounds.iter().map(|round| value(round).map(|n| n as f64)).collect();
            Spread::of(&values?).map(|spread| spread.median)
        };
        let first = rounds.first()?;
        let footprint = |round: &ModelRound| round.run.phase.footprint;
        Some(ModelResult {
            model,
            jobs: first.run.done(),
            cut: !stopped.is_empty(),
            failed: rounds.iter().map(|round| round.run.lanes.failed.len()).sum(),
            wall: spread(&|round| seconds(round.run.phase.wall_ns))?,
            start: middle(&|round| seconds(round.run.start_ns))?,
            p50: seconds(percentile(&latencies, 0.50)?),
            p99: seconds(percentile(&latencies, 0.99)?),
            curve: curve(&latencies),
            cpu: middle(&ModelRound::cpu)?,
            no_core: known(&|round| footprint(round).core_wait_ns).map(|ns| ns / 1e9),
            time: TimeSplit {
                computing: middle(&|round| seconds(round.run.computing_ns()))?,
                gil_wait: middle(&|round| seconds(round.run.lock.wait_ns))?,
                blocked: middle(&|round| seconds(round.run.lanes.blocked_ns))?,
            },
            switches: Switches {
                forced: count(&|round| round.run.lock.forced as f64)?,
                voluntary: count(&|round| round.run.lock.voluntary as f64)?,
                ctx_voluntary: count(&|round| round.usage.voluntary_switches as f64)?,
                ctx_involuntary: count(&|round| round.usage.involuntary_switches as f64)?,
            },
            memory_kib: count(&|round| round.memory_kib() as f64)?,
            added_kib: known(&|round| {
                Some(footprint(round).memory_kib?.saturating_sub(round.run.bare_kib?))
            })
            .map(|kib| kib.round() as u64),
            processes: count(&|round| footprint(round).processes as f64)?,
            threads: count(&|round| footprint(round).threads as f64)?,
            server: known(&|round| round.server_ns).map(|ns| ns / 1e9),
            checksum: first.run.lanes.checksum,
            rounds: rounds.iter().map(ModelRound::costs).collect(),
        })
    }

    /// Jobs done in a second of the median round.
    pub fn jobs_per_s(&self) -> f64 {
        self.jobs as f64 / self.wall.median
    }

    /// CPU seconds that a job took.
    pub fn cpu_per_job(&self) -> f64 {
        self.cpu / self.jobs.max(1) as f64
    }

    /// What is judged of it.
    pub fn entry(&self) -> Entry {
        let (model, cut, threads) = (self.model, self.cut, self.threads);
        Entry { model, rounds: self.rounds.clone(), threads, cut }
    }
}

/// How big the rounds of a case were.
#[derive(Debug, Clone, Copy)]
pub struct RoundSize {
    /// Rounds.
    pub rounds: usize,
    /// Jobs of each.
    pub jobs: usize,
    /// Of these, at once.
    pub lanes: usize,
    /// Processes of a pool.
    pub workers: usize,
}

impl CaseResult {
    /// Judges the models of a case; `None` if none ran.
    pub fn of(
        case: &str,
        nature: Option<Nature>,
        size: RoundSize,
        models: Vec<ModelResult>,
        seed: u64,
    ) -> Option<CaseResult> {
        let RoundSize { rounds, jobs, lanes, workers } = size;
        let nature = nature.or_else(|| measured_nature(&models, lanes))?;
        let entries: Vec<Entry> = models.iter().map(ModelResult::entry).collect();
        let verdict = Verdict::of(&entries, nature, seed)?;
        let case = case.to_owned();
        let (notes, skipped, failures) = (Vec::new(), Vec::new(), Vec::new());
        Some(CaseResult {
            case,
            point: None,
            rounds,
            jobs,
            lanes,
            workers,
            models,
            verdict,
            notes,
            skipped,
            failures,
        })
    }

    /// The result of a model.
    pub fn model(&self, model: Model) -> Option<&ModelResult> {
        self.models.iter().find(|result| result.model == model)
    }

    /// The best model that the rule of thumb names, if the rule is wrong, and the winner: what a job
    /// costs the one more than the other may be why.
    pub fn why_not(&self) -> Option<(&ModelResult, &ModelResult)> {
        if self.verdict.agrees() != Some(false) {
            return None;
        }
        let rule = self.verdict.nature.rule()?;
        let winner = self.model(*self.verdict.best().first()?)?;
        let named = self
            .models
            .iter()
            .filter(|result| result.model.belongs_to(rule) && result.model != Model::ThreadsFree);
        let best =
            named.min_by(|a, b| a.cut.cmp(&b.cut).then(a.wall.median.total_cmp(&b.wall.median)))?;
        Some((best, winner))
    }
}

/// Percentiles of sorted latencies, closer to each other the closer they are to the last: six for each
/// decade of jobs.
fn curve(latencies: &[u64]) -> Vec<(f64, f64)> {
    let one_in = (0..).map(|at| 10f64.powf(f64::from(at) / 6.0));
    let shares = one_in.take_while(|one_in| *one_in <= latencies.len() as f64);
    let shares = shares.map(|one_in| 1.0 - 1.0 / one_in);
    shares.filter_map(|share| Some((share, seconds(percentile(latencies, share)?)))).collect()
}

/// Read from the sequential model, where no lane waits for another; if it did not run, from the
/// first that did. Time without a core is no part of it.
fn measured_nature(models: &[ModelResult], lanes: usize) -> Option<Nature> {
    let alone = models.iter().find(|result| result.model == Model::Sequential);
    let result = alone.or(models.first())?;
    let jobs = result.jobs as f64;
    let on_core_or_queued = result.cpu + result.no_core.unwrap_or(0.0) + result.time.gil_wait;
    let waits = (result.time.whole() - on_core_or_queued).max(0.0);
    Some(Nature::measured(result.cpu / jobs, waits / jobs, lanes))
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
