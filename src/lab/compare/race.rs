//! The comparison: every model in every round, in another order each time.
//!
//! *Assumes*: the calling process has one thread, for each run is forked off it.
//! *Promises*: whatever slows the machine down for a while falls on no model alone; models that
//! disagree about the answer are an error, not a result. What was measured before an error is kept.
//! The wall clock covers all that a model
//! does for its answers: starting its threads, its loop or its workers, the jobs, and the end of
//! the lanes.
//! *Leaves out*: showing anything. `progress` is called before each run.
//!
//! ```text
//!   Race::case
//!     ├─ ServerProcess::start       slow-io, fast-io: one server for all rounds
//!     ├─ Case::plan                 the jobs of a round
//!     ├─ for each round, for each model in this round's order:
//!     │    measure ─ fork ─▶ child: run(model, plan) ─▶ threads, loops or processes
//!     │        ◀─ pipe: ModelRun; wait4: Usage ─┘
//!     └─ ModelResult::of, CaseResult::of
//! ```

use crate::base::random::SplitMix64;
use crate::gil::rules::decision::nanos;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::compare::cases::{Case, Plan, Sizes};
use crate::lab::compare::lane::{LaneStats, LockUse, ModelRun, WorkQueue};
use crate::lab::compare::loops::{self, LoopThread};
use crate::lab::compare::model::Model;
use crate::lab::compare::processes::{self, with_pool};
use crate::lab::compare::result::{CaseResult, ModelResult, ModelRound};
use crate::lab::compare::server::ServerProcess;
use crate::lab::compare::threads;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How to compare.
#[derive(Debug, Clone)]
pub struct Race {
    /// Which models, in the order in which they are shown.
    pub models: Vec<Model>,
    /// How often each runs.
    pub rounds: usize,
    /// How many jobs each does, and how many at once.
    pub sizes: Sizes,
    /// How long one run may take.
    pub limit: Duration,
}

impl Race {
    /// How many runs there will be.
    pub fn runs(&self, cases: usize) -> usize {
        cases * self.rounds * self.models.len()
    }

    /// Compares the models on one case. `progress` is called with the model that is about to run,
    /// once for each of [`runs`](Self::runs).
    ///
    /// # Errors
    /// The first failure of any run, with its case and model; or that two runs came to different
    /// answers.
    pub fn case(
        &self,
        case: &Case,
        mut progress: impl FnMut(Model),
    ) -> Result<CaseResult, Unfinished> {
        let server = case.needs_server().then(ServerProcess::start).transpose()?;
        let address = server.as_ref().map_or((Ipv4Addr::LOCALHOST, 0).into(), |s| s.address);
        let plan =
            case.plan(&self.sizes, address, self.limit).map_err(|f| f.within(case.name()))?;
        let mut rounds: Vec<Vec<ModelRound>> = vec![Vec::new(); self.models.len()];
        let raced = self.rounds(case, &plan, &mut rounds, &mut progress);
        let Err(failure) = raced else {
            let result = self.sum_up(case, &plan, &rounds);
            let nothing = || Failure::new(case.name(), "nothing ran", "name at least one model");
            return result.ok_or_else(|| nothing().into());
        };
        // Where the server has died, the models only saw their connections break.
        let failure = match server.and_then(ServerProcess::why_it_ended) {
            Some(died) => died.within(case.name()),
            None => failure,
        };
        let mut kept = self.sum_up(case, &plan, &rounds);
        if let Some(result) = &mut kept {
            result.notes.push(format!("not finished: {}", failure.what()));
        }
        Err(Unfinished { failure, kept: kept.map(Box::new) })
    }

    fn rounds(
        &self,
        case: &Case,
        plan: &Plan,
        rounds: &mut [Vec<ModelRound>],
        progress: &mut impl FnMut(Model),
    ) -> Result<(), Failure> {
        let mut first = None;
        for round in 0..self.rounds {
            for &at in &self.order(round) {
                let model = self.models[at];
                progress(model);
                let within = |f: Failure| f.within(&place(case, model));
                let measured = self.once(model, plan).map_err(within)?;
                if measured.run.lanes.failed.is_empty() {
                    agree(case, &mut first, model, measured.run.lanes.checksum)?;
                }
                rounds[at].push(measured);
            }
        }
        Ok(())
    }

    /// The rounds that all models came through; if there is none, what ran of the first. `None` if
    /// nothing did.
    fn sum_up(&self, case: &Case, plan: &Plan, rounds: &[Vec<ModelRound>]) -> Option<CaseResult> {
        let whole = rounds.iter().map(Vec::len).min()?.max(1);
        let models = self.models.iter().zip(rounds);
        let results = models.filter_map(|(&model, rounds)| {
            ModelResult::of(model, &rounds[..whole.min(rounds.len())])
        });
        let sizes = (whole, plan.lanes, plan.workers);
        let mut result = CaseResult::of(case.name(), case.nature(), sizes, results.collect())?;
        result.notes.clone_from(&plan.notes);
        result.skipped.clone_from(&plan.skipped);
        let late = rounds.iter().flatten().flat_map(|round| &round.run.lanes.failed);
        result.failures = late.map(Failure::what).collect::<BTreeSet<_>>().into_iter().collect();
        Some(result)
    }

    /// In which order the models run in this round.
    fn order(&self, round: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.models.len()).collect();
        SplitMix64::new(self.sizes.seed.wrapping_add(round as u64)).shuffle(&mut order);
        order
    }

    fn once(&self, model: Model, plan: &Plan) -> Result<ModelRound, Failure> {
        let (run, usage) = measure(self.limit, || run(model, plan.clone()))?;
        // A run of which nothing is left cannot be compared.
        if let ([], [first, ..]) = (&run.lanes.latencies_ns[..], &run.lanes.failed[..]) {
            return Err(first.clone());
        }
        Ok(ModelRound { run, usage })
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

impl From<Failure> for Unfinished {
    fn from(failure: Failure) -> Unfinished {
        Unfinished { failure, kept: None }
    }
}

fn place(case: &Case, model: Model) -> String {
    format!("{} under {model}", case.name())
}

/// Every run must come to the checksum of the first.
fn agree(
    case: &Case,
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

/// Runs the plan.
///
/// # Errors
/// The first failure of a job, or of the model's own machinery.
pub fn run(model: Model, plan: Plan) -> Result<ModelRun, Failure> {
    let Plan { jobs, lanes, workers, keep_going, .. } = plan;
    let queue = Rc::new(WorkQueue::new(jobs).keep_going(keep_going));
    let start = Instant::now();
    let (stats, lock) = dispatch(model, &queue, lanes, workers)?;
    Ok(ModelRun { wall_ns: nanos(start.elapsed()), lanes: stats, lock })
}

fn dispatch(
    model: Model,
    queue: &Rc<WorkQueue>,
    lanes: usize,
    workers: usize,
) -> Result<(LaneStats, LockUse), Failure> {
    let under = |policy| threads::under_lock(queue, lanes, policy);
    let stats = match model {
        Model::ThreadsPy2 => return under(SwitchPolicy::PYTHON_2),
        Model::ThreadsPy32 => return under(SwitchPolicy::PYTHON_3_2),
        Model::ThreadsPy310 => return under(SwitchPolicy::PYTHON_3_10),
        Model::Sequential => threads::sequential(queue),
        Model::ThreadsFree => threads::free(queue, lanes),
        Model::EventLoop => loops::run(queue, lanes, LoopThread),
        Model::Processes => with_pool(workers, |pool| processes::whole_jobs(queue, &**pool)),
        Model::LoopProcesses => {
            with_pool(workers, |pool| processes::computations(queue, lanes, Rc::clone(pool)))
        }
    };
    Ok((stats?, LockUse::default()))
}
