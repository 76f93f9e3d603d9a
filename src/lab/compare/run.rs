//! Runs a plan under a model, in this process.
//!
//! *Assumes*: a process of its own, still with one thread.
//! *Promises*: the wall clock covers everything a model does for its answers: starting its
//! threads, its loop or its workers, the jobs, and the end of the lanes.
//! *Leaves out*: what only the kernel knows (`lab/report/measure.rs`).

use crate::gil::rules::decision::nanos;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::compare::blocking::{LaneStats, WorkQueue};
use crate::lab::compare::cases::Plan;
use crate::lab::compare::loops;
use crate::lab::compare::loops::Here;
use crate::lab::compare::model::Model;
use crate::lab::compare::processes;
use crate::lab::compare::processes::with_pool;
use crate::lab::compare::threads;
use crate::lab::compare::threads::LockUse;
use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::time::Instant;

/// What a model knows of its own run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRun {
    /// From before the model began to start anything until the last lane had ended.
    pub wall_ns: u64,
    /// What the lanes did.
    pub tally: LaneStats,
    /// What the lock did; nothing where there is none.
    pub lock: LockUse,
}

/// Runs the plan.
///
/// # Errors
/// The first failure of a job, or of the model's own machinery.
pub fn run(model: Model, plan: Plan) -> Result<ModelRun, Failure> {
    let Plan { jobs, lanes, workers } = plan;
    let queue = Rc::new(WorkQueue::new(jobs));
    let start = Instant::now();
    let (tally, lock) = dispatch(model, &queue, lanes, workers)?;
    Ok(ModelRun { wall_ns: nanos(start.elapsed()), tally, lock })
}

fn dispatch(
    model: Model,
    queue: &Rc<WorkQueue>,
    lanes: usize,
    workers: usize,
) -> Result<(LaneStats, LockUse), Failure> {
    let under = |policy| threads::under_lock(queue, lanes, policy);
    let tally = match model {
        Model::ThreadsPy2 => return under(SwitchPolicy::PYTHON_2),
        Model::ThreadsPy32 => return under(SwitchPolicy::PYTHON_3_2),
        Model::ThreadsPy310 => return under(SwitchPolicy::PYTHON_3_10),
        Model::Sequential => threads::sequential(queue),
        Model::ThreadsFree => threads::free(queue, lanes),
        Model::EventLoop => loops::run(queue, lanes, Here),
        Model::Processes => with_pool(workers, |pool| processes::whole_jobs(queue, &**pool)),
        Model::LoopProcesses => {
            with_pool(workers, |pool| processes::computations(queue, lanes, Rc::clone(pool)))
        }
    };
    Ok((tally?, LockUse::default()))
}
