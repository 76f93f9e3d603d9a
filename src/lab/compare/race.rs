//! The comparison: every model in every round, in another order each time, until it is clear.
//!
//! *Assumes*: the calling process has one thread, for each run is forked off it.
//! *Promises*: whatever slows the machine down for a while falls on no model alone; models that
//! disagree about the answer are an error, not a result. What was measured before an error is kept.
//! With a number of rounds, every model runs so often. Without, rounds go on until the verdict is
//! clear or the time is up; a model that is shown to be slower need not run again, and one that takes
//! many times as long as another is stopped, counted, and said to be.
//! The wall clock covers the jobs, from when the model is ready; how long that took stands beside it.
//! *Leaves out*: showing anything. `progress` is called before each run.
//!
//! ```text
//!   Race::case
//!     ├─ ServerProcess::start       slow-io, fast-io: one server for all rounds
//!     ├─ Case::plan                 the jobs of a round
//!   Race::on                      a plan that is made already
//!     ├─ Heats::pilot               one run, to see how big a round may be
//!     ├─ until clear, for each model that is still needed, in this round's order:
//!     │    measure ─ fork ─▶ child: run(model, plan) ─▶ threads, loops or processes
//!     │        ◀─ pipe: ModelRun; wait4: Usage ─┘
//!     └─ ModelResult::of, CaseResult::of
//! ```

use crate::base::random::SplitMix64;
use crate::lab::compare::cases::{Case, Plan, Sizes};
use crate::lab::compare::evidence::{FEWEST_FAR_ROUNDS, FEWEST_ROUNDS};
use crate::lab::compare::footprint::{CoreTime, core_time, share_of_others};
use crate::lab::compare::model::Model;
use crate::lab::compare::notes;
use crate::lab::compare::result::{CaseResult, ModelResult, ModelRound, RoundSize};
use crate::lab::compare::run::run;
use crate::lab::compare::server::ServerProcess;
use crate::lab::compare::verdict::Nature;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// How to compare.
#[derive(Debug, Clone)]
pub struct Race {
    /// Which models, in the order in which they are shown.
    pub models: Vec<Model>,
    /// How often each runs, and how long a case may take.
    pub effort: Effort,
    /// How many jobs each does, and how many at once.
    pub sizes: Sizes,
    /// How long one run may take.
    pub limit: Duration,
}

/// How long a case goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Every model runs so often, and none is stopped; `None`: until it is clear.
    pub rounds: Option<usize>,
    /// No round begins that would end later than this, or somewhat later as long as there are too few
    /// to judge by; the first always does. A machine that others have to themselves cannot make it half
    /// as long again: what runs then is stopped.
    pub time: Option<Duration>,
}

impl Effort {
    /// How long a case goes on if nothing else is asked for: three of them in half a minute.
    pub const USUAL: Effort = Effort { rounds: None, time: Some(Duration::from_secs(6)) };
    /// More rounds than this make nothing clearer.
    const MOST_ROUNDS: usize = 60;
    /// A model that takes so many times as long as another has lost.
    const HOPELESS: u32 = 4;

    fn most_rounds(&self) -> usize {
        self.rounds.unwrap_or(Self::MOST_ROUNDS)
    }

    /// When a round has to end at the latest.
    fn time_for(&self, round: usize) -> Option<Duration> {
        let time = self.time?;
        Some(match round {
            _ if round < FEWEST_FAR_ROUNDS => self.hard_end()?,
            _ if round < FEWEST_ROUNDS => time * 5 / 4,
            _ => time,
        })
    }

    /// After this, nothing is begun, however slow the machine is.
    fn hard_end(&self) -> Option<Duration> {
        Some(self.time? * 3 / 2)
    }

    /// How long a run may go on before it is stopped, if the fastest so far took `fastest`, so much
    /// time is left before the hard end, and so many models are to share it. To be slower than another
    /// stops a model in the first round only: later, a bad moment is told from a slow model by the
    /// others.
    fn patience(
        &self,
        round: usize,
        fastest: Option<Duration>,
        left: Duration,
        models: u32,
    ) -> Option<Duration> {
        let time = self.time?;
        let least = time / 8;
        let share = (left / models.max(1)).max(least / 2);
        match (self.rounds, round, fastest) {
            (Some(_), ..) => None,
            (None, 0, Some(fastest)) => Some(share.min(least.max(fastest * Self::HOPELESS))),
            (None, 0, None) => Some(share),
            (None, ..) => Some(left.max(least)),
        }
    }
}

impl Race {
    /// Compares the models on one case. `progress` is called with the model that is about to run, and
    /// the share of the case that is done.
    ///
    /// # Errors
    /// The first failure of any run, with its case and model; or that two runs came to different
    /// answers.
    pub fn case(
        &self,
        case: &Case,
        progress: impl FnMut(Model, f64),
    ) -> Result<CaseResult, Unfinished> {
        let server = case.needs_server().then(|| ServerProcess::start(true)).transpose()?;
        let address = server.as_ref().map_or((Ipv4Addr::LOCALHOST, 0).into(), |s| s.address);
        let plan =
            case.plan(&self.sizes, address, self.limit).map_err(|f| f.within(case.name()))?;
        let (name, nature) = (case.name(), case.nature());
        let raced = self.on(Work { name, nature, plan, server: server.as_ref() }, progress);
        raced.map_err(|unfinished| unfinished.unless_died(server, name))
    }

    /// Compares the models on work that is made ready already.
    ///
    /// # Errors
    /// Those of [`Race::case`].
    pub fn on(
        &self,
        work: Work<'_>,
        mut progress: impl FnMut(Model, f64),
    ) -> Result<CaseResult, Unfinished> {
        let name = work.name;
        let mut heats = Heats::new(self, work);
        let raced = heats.pilot(&mut progress).and_then(|()| heats.run(&mut progress));
        let kept = heats.sum_up();
        match raced {
            Ok(()) => kept
                .ok_or_else(|| Failure::new(name, "nothing ran", "name at least one model").into()),
            Err(failure) => Err(Unfinished { failure, kept: kept.map(Box::new) }),
        }
    }
}

/// What is raced.
#[derive(Debug)]
pub struct Work<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What kind of work it is; `None` if that must be measured.
    pub nature: Option<Nature>,
    /// What a round does.
    pub plan: Plan,
    /// The server of the plan, if it has one.
    pub server: Option<&'a ServerProcess>,
}

/// So many rounds should go into the time of a case.
const ENOUGH_ROUNDS: u32 = 12;
/// Smaller rounds than this share of the usual ones would measure the scheduler.
const LEAST_SHARE: f64 = 0.25;

/// The rounds of one case, as they come.
struct Heats<'a> {
    race: &'a Race,
    work: Work<'a>,
    rounds: Vec<Vec<ModelRound>>,
    begun: Instant,
    /// The cores' time when it began.
    cores: Option<CoreTime>,
    /// Who came to an answer first, and to which.
    first: Option<(Model, u64)>,
    fastest: Option<Duration>,
    /// How long each model's last run took, with its start and its end.
    last: Vec<Duration>,
}

impl<'a> Heats<'a> {
    fn new(race: &'a Race, work: Work<'a>) -> Heats<'a> {
        Heats {
            race,
            work,
            rounds: vec![Vec::new(); race.models.len()],
            begun: Instant::now(),
            cores: core_time(),
            first: None,
            fastest: None,
            last: vec![Duration::ZERO; race.models.len()],
        }
    }

    /// Runs one model once, for nothing but to see how long that takes here and now: where a slow or
    /// busy machine would get through too few rounds, they are made smaller. Nobody asked for their
    /// size.
    fn pilot(&mut self, progress: &mut impl FnMut(Model, f64)) -> Result<(), Failure> {
        let Race { models, sizes, limit, effort } = self.race;
        let (None, Some(time), None, Some(_)) =
            (effort.rounds, effort.time, sizes.jobs, self.work.nature)
        else {
            return Ok(());
        };
        let at_once = |model: &&Model| !matches!(model, Model::Sequential | Model::Processes);
        let Some(&model) = models.iter().find(at_once) else { return Ok(()) };
        progress(model, 0.0);
        let begun = Instant::now();
        let within = |f: Failure| f.within(&place(self.work.name, model));
        let plan = self.work.plan.clone();
        measure(*limit, || run(model, plan, Some(time / 4))).map_err(within)?;
        let round = begun.elapsed() * models.len() as u32;
        let share = (time / ENOUGH_ROUNDS).div_duration_f64(round);
        if share < 1.0 {
            self.work.plan.shrink(share.max(LEAST_SHARE));
        }
        Ok(())
    }

    fn run(&mut self, progress: &mut impl FnMut(Model, f64)) -> Result<(), Failure> {
        for round in 0..self.race.effort.most_rounds() {
            let Some(order) = self.order(round) else { return Ok(()) };
            let needed: Duration = order.iter().map(|&at| self.last[at]).sum();
            let ends = self.begun.elapsed() + needed;
            if round > 0 && self.race.effort.time_for(round).is_some_and(|time| ends > time) {
                return Ok(());
            }
            for (done, &at) in order.iter().enumerate() {
                progress(self.race.models[at], self.share(round, done, order.len()));
                let begun = Instant::now();
                if !self.once(round, at, order.len() - done)? {
                    return Ok(());
                }
                self.last[at] = begun.elapsed();
            }
        }
        Ok(())
    }

    /// How much of the case is done, of its rounds or of its time.
    fn share(&self, round: usize, done: usize, of: usize) -> f64 {
        match (self.race.effort.rounds, self.race.effort.time) {
            (None, Some(time)) => self.begun.elapsed().div_duration_f64(time).min(1.0),
            _ => (round as f64 + done as f64 / of as f64) / self.race.effort.most_rounds() as f64,
        }
    }

    /// Which models run in this round, and in which order; `None` if it is clear without them.
    fn order(&self, round: usize) -> Option<Vec<usize>> {
        let models = &self.race.models;
        let mut order: Vec<usize> = (0..models.len()).collect();
        let seed = self.race.sizes.seed.wrapping_add(round as u64);
        SplitMix64::new(seed).shuffle(&mut order);
        if self.race.effort.rounds.is_some() {
            return Some(order);
        }
        if round == 0 {
            // Who can do many jobs at once comes first: the others are stopped when they are late.
            order.sort_by_key(|&at| match models[at] {
                Model::Sequential => 2,
                Model::Processes => 1,
                _ => 0,
            });
            return Some(order);
        }
        let result = self.sum_up()?;
        let alone = models.len() == 1;
        if alone && round >= FEWEST_FAR_ROUNDS || !alone && result.verdict.is_clear() {
            return None;
        }
        order.retain(|&at| result.verdict.needs(models[at]));
        Some(order)
    }

    /// Runs a model, of so many that are still to run in this round. False if the case's time was up
    /// before it was done, after the first round: a run that was stopped then is none.
    fn once(&mut self, round: usize, at: usize, models: usize) -> Result<bool, Failure> {
        let model = self.race.models[at];
        let within = |f: Failure| f.within(&place(self.work.name, model));
        let effort = &self.race.effort;
        let end = effort.hard_end().unwrap_or_default();
        let left = end.saturating_sub(self.begun.elapsed());
        let patience = effort.patience(round, self.fastest, left, models as u32);
        let busy = || self.work.server.and_then(ServerProcess::cpu_ns);
        let before = busy();
        let ran = measure(self.race.limit, || run(model, self.work.plan.clone(), patience));
        let (run, usage) = ran.map_err(within)?;
        let server_ns = busy().and_then(|after| Some(after.saturating_sub(before?)));
        // A run of which nothing is left cannot be compared.
        if let (0, [first, ..]) = (run.done(), &run.lanes.failed[..]) {
            return Err(within(first.clone()));
        }
        if run.lanes.failed.is_empty() && !run.was_cut() {
            agree(self.work.name, &mut self.first, model, run.lanes.checksum)?;
            let wall = Duration::from_nanos(run.phase.wall_ns);
            self.fastest = Some(self.fastest.map_or(wall, |fastest| fastest.min(wall)));
        }
        if round > 0 && patience.is_some() && run.was_cut() {
            return Ok(false);
        }
        self.rounds[at].push(ModelRound { round, run, usage, server_ns });
        Ok(true)
    }

    /// All that was measured so far. Where every model was to run equally often, rounds that not all
    /// came through do not count, but for the first. `None` if nothing ran.
    fn sum_up(&self) -> Option<CaseResult> {
        let fewest = self.rounds.iter().map(Vec::len).min()?.max(1);
        let whole = self.race.effort.rounds.map_or(usize::MAX, |_| fewest);
        let models = self.race.models.iter().zip(&self.rounds);
        let results = models.filter_map(|(&model, rounds)| {
            ModelResult::of(model, &rounds[..whole.min(rounds.len())])
        });
        let size = RoundSize {
            rounds: whole.min(self.rounds.iter().map(Vec::len).max()?),
            jobs: self.work.plan.jobs.len(),
            lanes: self.work.plan.lanes,
            workers: self.work.plan.workers,
        };
        let (name, nature, seed) = (self.work.name, self.work.nature, self.race.sizes.seed);
        let mut result = CaseResult::of(name, nature, size, results.collect(), seed)?;
        result.notes.clone_from(&self.work.plan.notes);
        result.notes.extend(notes::of(&result, self.others()));
        result.skipped.clone_from(&self.work.plan.skipped);
        let late = self.rounds.iter().flatten().flat_map(|round| &round.run.lanes.failed);
        result.failures = late.map(Failure::what).collect::<BTreeSet<_>>().into_iter().collect();
        Some(result)
    }

    /// The share of all cores that others had meanwhile.
    fn others(&self) -> Option<f64> {
        let models: Duration = self.rounds.iter().flatten().map(|round| round.usage.cpu).sum();
        let server: u64 = self.rounds.iter().flatten().filter_map(|round| round.server_ns).sum();
        Some(share_of_others(self.cores?, core_time()?, models + Duration::from_nanos(server)))
    }
}

/// A case that did not come to its end.
#[derive(Debug)]
pub struct Unfinished {
    /// Why.
    pub failure: Failure,
    /// What had been measured.
    pub kept: Option<Box<CaseResult>>,
}

impl Unfinished {
    /// Where the server has died, the models only saw their connections break: then that is why.
    pub fn unless_died(mut self, server: Option<ServerProcess>, name: &str) -> Unfinished {
        if let Some(died) = server.and_then(ServerProcess::why_it_ended) {
            self.failure = died.within(name);
        }
        if let Some(result) = &mut self.kept {
            result.notes.push(format!("not finished: {}", self.failure.what()));
        }
        self
    }
}

impl From<Failure> for Unfinished {
    fn from(failure: Failure) -> Unfinished {
        Unfinished { failure, kept: None }
    }
}

fn place(name: &str, model: Model) -> String {
    format!("{name} under {model}")
}

/// Every run must come to the checksum of the first.
fn agree(
    case: &str,
    first: &mut Option<(Model, u64)>,
    model: Model,
    checksum: u64,
) -> Result<(), Failure> {
    let (other, expected) = *first.get_or_insert((model, checksum));
    if checksum == expected {
        return Ok(());
    }
    let why = format!("its checksum is {checksum:016x}, and {other} had found {expected:016x}");
    Err(Failure::new(
        place(case, model),
        why,
        "give input that stays the same while it is compared",
    ))
}
