//! One worker, as the pool knows it: what it was sent, when it is late. Pure.
//!
//! *Assumes*: a worker runs its jobs one at a time, in the order in which they were sent.
//! *Promises*: knows which jobs may have begun and which have not, and gives back what it has not begun.
//! *Leaves out*: which worker gets which job (`process/pool/workers.rs`).
//!
//! ```text
//!               sent, oldest first
//!  ┌─────────┬─────────┬─────────┬╌╌╌╌╌╌╌╌╌┐
//!  │ running │ waiting │ waiting │ on its  │
//!  │         │         │         │ way     │
//!  └─────────┴─────────┴─────────┴╌╌╌╌╌╌╌╌╌┘
//!  └────────── delivered ────────┘
//! ```
//! **How far ahead a worker is fed.** To take a job back and send it to another worker costs more
//! than to send it once, so a worker gets its next job when it has answered the last. But when
//! jobs take microseconds it would then mostly wait for the pipe. So it is sent as many jobs
//! as it does in [`AHEAD_NS`], judged by the gaps between its answers, at most [`MAX_AHEAD`];
//! and it gets more when it has done half of them, not after each: then one system call sends
//! many, and one wake-up has many to read. Answers that are read at the same moment share the
//! time since the one before them: of a hundred, ninety-nine would otherwise seem to have taken
//! none. The gaps say little of jobs that come after a pause. So a worker that ran out of jobs is
//! sent one ahead, and one more for each that it has answered since (TCP's slow start).
//! A job with a time limit, or one that may be killed, travels alone, so that its kill endangers
//! no other job.
//!
//! CPython's executor always keeps one job more than workers in its call queue; its `Pool`
//! puts everything into the pipe at once.

use crate::process::message::claim::WORDS;
use crate::process::pool::job::PoolJob;
use std::collections::VecDeque;

/// Short jobs are sent ahead until a worker holds about so much work: half a millisecond.
pub const AHEAD_NS: u64 = 500_000;

/// A worker never holds more jobs than this.
pub const MAX_AHEAD: usize = 128;

/// A worker that has not sent its hello after ten seconds is taken for dead, and killed.
pub const HELLO_NS: u64 = 10_000_000_000;

/// A worker that was told to exit and is still there after a second is killed.
pub const GRACE_NS: u64 = 1_000_000_000;

/// What a worker has done, and what it does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerStats {
    /// Its process; 0 before that is known.
    pub pid: u32,
    /// Jobs it has answered.
    pub answered: u64,
    /// Jobs it holds; it runs the first of them.
    pub held: usize,
    /// The job it runs, or is about to.
    pub running: Option<u64>,
    /// Nanoseconds from the sending of jobs to their answers, waiting ones not counted twice.
    pub busy_ns: u64,
}

/// What a worker is doing, as far as the pool can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerStatus {
    /// Forked; its hello has not come.
    Starting,
    /// Its hello has come, and it runs the initializer.
    Initializing,
    /// Takes jobs.
    Serving,
    /// Has been told to exit; it has no jobs and gets none.
    Retiring,
    /// A kill is on its way; no reply of it counts any more.
    BeingKilled,
    /// It is dead; how it ended is still to be asked. It holds the jobs that it may have begun.
    Dead,
}

impl WorkerStatus {
    /// It gets no more jobs.
    pub(crate) fn is_leaving(self) -> bool {
        matches!(self, WorkerStatus::Retiring | WorkerStatus::BeingKilled | WorkerStatus::Dead)
    }
}

/// Answers that were read at the same moment.
#[derive(Debug, Default)]
struct Burst {
    answers: u64,
    /// Nanoseconds since the answer before them.
    time: u64,
    /// The average gap before them.
    before: u64,
}

/// A job that was sent.
#[derive(Debug)]
struct Sent<B> {
    job: PoolJob<B>,
    /// How many were delivered before it; 0 until it is delivered itself.
    nth: u64,
}

/// The record of a worker: its status, the jobs sent to it, and how fast it answers.
#[derive(Debug)]
pub(crate) struct Worker<B> {
    pub(crate) status: WorkerStatus,
    /// It has been ready for jobs.
    pub(crate) was_ready: bool,
    /// It has been told to exit.
    pub(crate) was_told_to_exit: bool,
    /// It gets no more jobs, for the pool is to be smaller.
    pub(crate) surplus: bool,
    /// It claims its jobs, so that one can be taken back.
    pub(crate) claims: bool,
    /// Since its last answer it was asked for what it has not begun.
    pub(crate) asked_back: bool,
    sent: VecDeque<Sent<B>>,
    /// It may be sent more. False from when it holds enough until it has done half of that.
    filling: bool,
    /// How many of `sent`, from the front, were written to its pipe whole.
    delivered: usize,
    /// How many jobs were ever written to its pipe whole.
    ever_delivered: u64,
    /// How many parts of the answer to the running job have come.
    parts: u32,
    /// Jobs sent to it in its whole life.
    jobs_sent: u32,
    /// When it entered its status, or the first of `sent` began, whichever is later.
    since: u64,
    /// The average gap between answers; the newest counts 1/16.
    gap: u64,
    /// The newest answers, which were read at the same moment.
    burst: Burst,
    /// Answers since the pool last had nothing for it to do.
    streak: usize,
    answered: u64,
    busy_ns: u64,
}

impl<B> Worker<B> {
    /// A worker just forked. It counts as slow until it has shown otherwise.
    pub(crate) fn new(now: u64) -> Self {
        Worker {
            status: WorkerStatus::Starting,
            was_ready: false,
            was_told_to_exit: false,
            surplus: false,
            claims: true,
            asked_back: false,
            sent: VecDeque::new(),
            filling: true,
            delivered: 0,
            ever_delivered: 0,
            parts: 0,
            jobs_sent: 0,
            since: now,
            gap: AHEAD_NS,
            burst: Burst::default(),
            streak: 0,
            answered: 0,
            busy_ns: 0,
        }
    }

    /// How many jobs it holds.
    pub(crate) fn load(&self) -> usize {
        self.sent.len()
    }

    /// Whether it may be sent this job now.
    pub(crate) fn has_room_for(&self, job: &PoolJob<B>, max_tasks: Option<u32>) -> bool {
        let first = self.sent.front();
        let alone = job.terms.travels_alone() || first.is_some_and(|s| s.job.terms.travels_alone());
        let room = if alone || !self.takes_ahead() { 1 } else { self.depth() };
        self.takes_jobs(max_tasks) && self.filling && self.sent.len() < room
    }

    /// Whether it could be sent a job, if it had none.
    pub(crate) fn takes_jobs(&self, max_tasks: Option<u32>) -> bool {
        self.status == WorkerStatus::Serving && !self.surplus && !self.used_up(max_tasks)
    }

    /// Whether it may be sent a job behind the one that it runs: not if it was held up by that so long
    /// that jobs were taken back, nor if a job that it holds has the word that the next would have.
    fn takes_ahead(&self) -> bool {
        let next = self.ever_delivered + (self.sent.len() - self.delivered) as u64;
        let oldest = self.delivered().next().map_or(next, |(_, nth)| nth);
        self.claims && !self.asked_back && next - oldest < WORDS
    }

    /// Whether a job waits behind the one that it runs, and could be had.
    pub(crate) fn may_give_back(&self) -> bool {
        self.status == WorkerStatus::Serving && self.sent.len() > 1 && !self.asked_back
    }

    /// When it counts as held up by the job that it runs.
    pub(crate) fn late_at(&self) -> u64 {
        self.since.saturating_add(AHEAD_NS)
    }

    fn depth(&self) -> usize {
        let most = MAX_AHEAD.min(self.streak + 2);
        (AHEAD_NS / self.gap.max(1)).clamp(1, most as u64) as usize
    }

    /// For how long it has work, in nanoseconds, by the gaps between its answers.
    pub(crate) fn backlog(&self) -> u64 {
        self.gap.saturating_mul(self.load() as u64)
    }

    /// Whether it runs this job, and holds no other.
    pub(crate) fn runs_only(&self, id: u64) -> bool {
        self.sent.len() == 1 && self.sent[0].job.id == id
    }

    /// Whether it runs this job, and that is one that travels alone: it may be killed.
    pub(crate) fn runs_alone(&self, id: u64) -> bool {
        self.sent.front().is_some_and(|sent| sent.job.may_be_killed_as(id))
    }

    /// What it has done. The pid is the caller's to fill in.
    pub(crate) fn stats(&self) -> WorkerStats {
        WorkerStats {
            pid: 0,
            answered: self.answered,
            held: self.sent.len(),
            running: self.sent.front().map(|sent| sent.job.id),
            busy_ns: self.busy_ns,
        }
    }

    /// Whether it was sent all the jobs that one worker may do.
    pub(crate) fn used_up(&self, max_tasks: Option<u32>) -> bool {
        max_tasks.is_some_and(|max| self.jobs_sent >= max)
    }

    /// Records a job as sent.
    pub(crate) fn send(&mut self, job: PoolJob<B>, now: u64) {
        if self.sent.is_empty() {
            self.since = now;
        }
        self.jobs_sent = self.jobs_sent.saturating_add(1);
        self.sent.push_back(Sent { job, nth: 0 });
        self.filling = self.sent.len() < self.depth();
    }

    /// The jobs that are still to be written to its pipe. None, once a kill is on its way.
    pub(crate) fn undelivered(&self) -> impl Iterator<Item = &PoolJob<B>> {
        let skip = if self.status.is_leaving() { self.sent.len() } else { self.delivered };
        self.sent.iter().skip(skip).map(|sent| &sent.job)
    }

    /// How many jobs were ever delivered to it: the `nth` of the next.
    pub(crate) fn ever_delivered(&self) -> u64 {
        self.ever_delivered
    }

    /// The first undelivered job was written whole.
    pub(crate) fn deliver(&mut self) {
        if let Some(sent) = self.sent.get_mut(self.delivered) {
            sent.nth = self.ever_delivered;
            self.delivered += 1;
            self.ever_delivered += 1;
        }
    }

    /// The jobs that were delivered, each with its place among all that ever were.
    pub(crate) fn delivered(&self) -> impl Iterator<Item = (&PoolJob<B>, u64)> {
        self.sent.iter().take(self.delivered).map(|sent| (&sent.job, sent.nth))
    }

    /// The jobs that it holds.
    pub(crate) fn held(&self) -> impl Iterator<Item = &PoolJob<B>> {
        self.sent.iter().map(|sent| &sent.job)
    }

    /// Gives back those jobs that are meant and that it can never begin: not delivered, or taken back by
    /// `take`. From the last to the first: where one has begun, all before it have, or will. False: one
    /// of them has begun.
    pub(crate) fn take_back_if(
        &mut self,
        is_meant: impl Fn(&PoolJob<B>) -> bool,
        mut take: impl FnMut(u64) -> bool,
    ) -> (VecDeque<PoolJob<B>>, bool) {
        let is_meant = |at: &usize| is_meant(&self.sent[*at].job);
        let meant: Vec<usize> = (0..self.sent.len()).rev().filter(is_meant).collect();
        let (mut taken, mut none_begun) = (VecDeque::new(), true);
        for at in meant {
            let delivered = at < self.delivered;
            if delivered && !take(self.sent[at].nth) {
                none_begun = false;
                break;
            }
            self.delivered -= usize::from(delivered);
            self.jobs_sent = self.jobs_sent.saturating_sub(1);
            self.sent.remove(at).into_iter().for_each(|sent| taken.push_front(sent.job));
        }
        self.filling |= self.sent.len() <= self.depth() / 2;
        (taken, none_begun)
    }

    /// Takes out the running job, if this is the answer to it.
    pub(crate) fn answer(&mut self, id: u64, now: u64) -> Option<PoolJob<B>> {
        if self.delivered == 0 || self.sent.front()?.job.id != id {
            return None;
        }
        let time = now.saturating_sub(self.since);
        self.update_gap(time);
        self.since = now;
        self.asked_back = false;
        self.streak += 1;
        self.answered += 1;
        self.busy_ns = self.busy_ns.saturating_add(time);
        self.take_running()
    }

    /// Whether this may be one more part of the answer to the running job: of a chunk, each part has
    /// one item at least.
    pub(crate) fn answer_part(&mut self, id: u64) -> bool {
        let running = self.sent.front().filter(|sent| self.delivered > 0 && sent.job.id == id);
        let expected = running.is_some_and(|sent| self.parts < sent.job.terms.items);
        self.parts += u32::from(expected);
        expected
    }

    /// It has nothing left to do: the next jobs may be of another kind.
    pub(crate) fn reset_streak(&mut self) {
        self.streak = 0;
    }

    /// An answer came `time` nanoseconds after the one before it.
    fn update_gap(&mut self, time: u64) {
        if time > 0 || self.burst.answers == 0 {
            self.burst = Burst { answers: 0, time, before: self.gap };
        }
        self.burst.answers += 1;
        let share = self.burst.time / self.burst.answers;
        self.gap = self.burst.before.saturating_mul(15).saturating_add(share) / 16;
    }

    /// Takes out the job it runs.
    pub(crate) fn take_running(&mut self) -> Option<PoolJob<B>> {
        self.delivered = self.delivered.saturating_sub(1);
        self.parts = 0;
        let job = self.sent.pop_front();
        self.filling |= self.sent.len() <= self.depth() / 2;
        job.map(|sent| sent.job)
    }

    /// Records that it is told to exit.
    pub(crate) fn retire(&mut self, now: u64) {
        self.status = WorkerStatus::Retiring;
        self.was_told_to_exit = true;
        self.since = now;
    }

    /// When it will have to be killed, unless something happens before.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let limit = match self.status {
            WorkerStatus::Starting => HELLO_NS,
            WorkerStatus::Initializing => return None,
            WorkerStatus::Serving | WorkerStatus::Dead => self.sent.front()?.job.terms.limit?,
            WorkerStatus::Retiring => GRACE_NS,
            WorkerStatus::BeingKilled => return None,
        };
        Some(self.since.saturating_add(limit))
    }

    /// It is dead: the jobs that it may have begun, and those that it has not.
    ///
    /// The first are the running job, if it was delivered. But a worker that was being killed may
    /// have gone on to the next ones, and its replies were ignored. (Where it has claims, what it had
    /// not begun was taken back before, and all that is left had begun.)
    pub(crate) fn split_begun(mut self) -> (Vec<PoolJob<B>>, Vec<PoolJob<B>>) {
        let rest = self.sent.split_off(self.begun());
        let jobs = |sent: VecDeque<Sent<B>>| sent.into_iter().map(|sent| sent.job).collect();
        (jobs(self.sent), jobs(rest))
    }

    fn begun(&self) -> usize {
        match self.status {
            WorkerStatus::BeingKilled => self.delivered,
            WorkerStatus::Dead => self.sent.len(),
            _ => self.delivered.min(1),
        }
    }

    /// It is dead, and is still to be reaped: gives the jobs that it has not begun.
    pub(crate) fn end(&mut self) -> Vec<PoolJob<B>> {
        let rest = self.sent.split_off(self.begun());
        self.status = WorkerStatus::Dead;
        rest.into_iter().map(|sent| sent.job).collect()
    }
}
