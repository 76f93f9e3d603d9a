//! A shape raced: the jobs of a round, made for this machine, under some models.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every model gets the same jobs; the lab's own server and the model share the cores, so
//! that a model that can use all of them has all of them, as it would have at work.
//! *Leaves out*: the rounds and the evidence (`lab/compare/race.rs`).

use crate::base::random::SplitMix64;
use crate::lab::choose::shape::Shape;
use crate::lab::compare::cases::{Cores, Plan, Sizes};
use crate::lab::compare::job::Job;
use crate::lab::compare::model::Model;
use crate::lab::compare::race::{Effort, Race, Unfinished, Work};
use crate::lab::compare::result::CaseResult;
use crate::lab::compare::server::ServerProcess;
use crate::lab::compare::step::Payload;
use std::time::Duration;

/// What a contest is called in failures.
pub const NAME: &str = "your work";
/// How long one run of one model may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Where shapes are raced.
#[derive(Debug, Clone, Copy)]
pub struct Contest<'a> {
    /// Who answers.
    pub server: &'a ServerProcess,
    /// What a millisecond of CPU time is.
    pub operations_per_ms: f64,
    /// Processes of the pools, and interpreters.
    pub workers: usize,
    /// On which cores the models run.
    pub cores: Cores,
    /// Decides the inputs and the order of the models.
    pub seed: u64,
}

impl Contest<'_> {
    /// Races these models on that work, with rounds of such a size that so many go into the time.
    ///
    /// # Errors
    /// The first failure of a run, with what was measured before.
    pub fn race(
        &self,
        shape: &Shape,
        models: &[Model],
        (effort, rounds): (Effort, u32),
        progress: impl FnMut(Model, f64),
    ) -> Result<CaseResult, Unfinished> {
        let time = effort.time.unwrap_or(Duration::from_secs(10));
        let jobs = shape.jobs_for(models, self.workers, time, rounds);
        let sizes = Sizes {
            jobs: Some(jobs),
            workers: self.workers,
            connections: None,
            interval: None,
            seed: self.seed,
            keep_going: false,
            request_limit: LIMIT,
        };
        let race = Race { models: models.to_vec(), effort, sizes, limit: LIMIT };
        let plan = self.plan(shape, jobs);
        let server = shape.waits().then_some(self.server);
        let work = Work { name: NAME, nature: Some(shape.nature()), plan, server };
        race.on(work, progress)
    }

    /// So many jobs of that shape.
    pub fn plan(&self, shape: &Shape, jobs: usize) -> Plan {
        let steps = shape.steps(self.operations_per_ms);
        let payload = Payload::of(shape.payload() as usize);
        let mut seeds = SplitMix64::new(self.seed);
        let job = |_| Job::Steps {
            seed: seeds.next_u64(),
            steps: steps.clone(),
            payload: payload.clone(),
            server: self.server.address,
        };
        Plan {
            jobs: (0..jobs).map(job).collect(),
            lanes: shape.inflight.min(jobs),
            workers: self.workers,
            interval: None,
            server: shape.waits().then_some(self.server.address),
            cores: self.cores,
            keep_going: false,
            notes: Vec::new(),
            skipped: Vec::new(),
        }
    }
}
