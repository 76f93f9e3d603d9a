//! One run of one model, in the child that is measured: the plan, and what carries it out.
//!
//! *Assumes*: a process of its own, with one thread.
//! *Promises*: the model and the lab's own server share no core, where the plan wants that and there
//! are two or more.
//! *Leaves out*: which model runs when (`lab/compare/race.rs`).

use crate::gil::rules::policy::{Check, SwitchPolicy};
use crate::lab::compare::cases::{Cores, Plan};
use crate::lab::compare::film::Film;
use crate::lab::compare::footprint::Footprint;
use crate::lab::compare::lane::{LaneStats, LockUse, ModelRun, PhaseFigures, WorkQueue};
use crate::lab::compare::loops::{self, LoopThread};
use crate::lab::compare::model::Model;
use crate::lab::compare::processes::{self, with_pool};
use crate::lab::compare::server::cores_apart;
use crate::lab::compare::threads;
use crate::lab::report::failure::Failure;
use crate::sys::usage::{cores, monotonic_time, pin_to};
use std::rc::Rc;
use std::time::Duration;

/// Runs the plan, and begins no job later than `limit` after the clock has started.
///
/// # Errors
/// The first failure of a job, or of the model's own machinery.
pub fn run(model: Model, plan: Plan, limit: Option<Duration>) -> Result<ModelRun, Failure> {
    run_watched(model, plan, limit, &Film::off())
}

/// The same, while it is filmed.
///
/// # Errors
/// The same.
pub fn run_watched(
    model: Model,
    plan: Plan,
    limit: Option<Duration>,
    film: &Film,
) -> Result<ModelRun, Failure> {
    if let Some(own) = own_cores(&plan) {
        // Without it, model and server share their cores, as on a machine with one.
        let _ = pin_to(&own);
    }
    let bare_kib = Footprint::now().memory_kib;
    let queue = WorkQueue::new(plan.jobs.clone()).keep_going(plan.keep_going).within(limit);
    let start_ns = monotonic_time();
    let (lanes, phase, lock) = dispatch(model, &Rc::new(queue), &plan, film)?;
    let jobs = plan.jobs.len() as u64;
    let start_ns = phase.begun_ns.saturating_sub(start_ns);
    Ok(ModelRun { start_ns, phase, bare_kib, jobs, lanes, lock })
}

/// The cores that the model is to keep to; `None` if it may have any.
fn own_cores(plan: &Plan) -> Option<Vec<usize>> {
    match plan.cores {
        Cores::All => None,
        Cores::Apart => plan.server.and(cores_apart()).map(|(cores, _)| cores),
        Cores::First(count) => Some(cores().ok()?.into_iter().take(count.max(1)).collect()),
    }
}

fn dispatch(
    model: Model,
    queue: &Rc<WorkQueue>,
    plan: &Plan,
    film: &Film,
) -> Result<(LaneStats, PhaseFigures, LockUse), Failure> {
    let Plan { lanes, workers, server, .. } = *plan;
    let under = |policy| threads::under_locks(queue, lanes, server, (policy, 1), film);
    let on_request = |policy: SwitchPolicy| match plan.interval {
        None => Ok(policy),
        Some(interval) => policy
            .with_check(Check::OnRequest { interval })
            .map_err(|e| Failure::new("the interval", e.to_string(), "give another")),
    };
    let (stats, phase) = match model {
        Model::ThreadsPy2 => return under(SwitchPolicy::PYTHON_2),
        Model::ThreadsPy32 => return under(on_request(SwitchPolicy::PYTHON_3_2)?),
        Model::ThreadsPy310 => return under(on_request(SwitchPolicy::PYTHON_3_10)?),
        Model::Interpreters => {
            let policy = on_request(SwitchPolicy::PYTHON_3_13)?;
            return threads::under_locks(queue, lanes, server, (policy, workers), film);
        }
        Model::Sequential => threads::sequential(queue, server, film),
        Model::ThreadsFree => threads::free(queue, lanes, server, film),
        Model::EventLoop => loops::run(queue, lanes, server, LoopThread, film),
        Model::Processes => with_pool(workers, |pool| {
            film.watch_pool(pool);
            let ran = processes::whole_jobs(queue, workers, server, &**pool, film);
            film.keep_pool(pool);
            ran
        }),
        Model::LoopProcesses => with_pool(workers, |pool| {
            film.watch_pool(pool);
            let pool_too = Rc::clone(pool);
            let ran = processes::computations(queue, (lanes, workers), server, pool_too, film);
            film.keep_pool(pool);
            ran
        }),
    }?;
    Ok((stats, phase, LockUse::default()))
}
