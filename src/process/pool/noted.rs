//! What of a pool's state is recorded: read from the records before and after a change.
//!
//! *Assumes*: the pool's lock.
//! *Promises*: while nothing is recorded, each of these is one branch.
//! *Leaves out*: the events, and where they are kept (`process/pool/recording.rs`).
//!
//! ```text
//!   pool_state    a change ── note ─────▶ an event
//!   replies       answers ─── times ────▶ when the worker began each, and ended: from its claims
//!   a death       held before, and not after: taken back, or tried again
//! ```

use crate::base::id::Key;
use crate::process::pool::job::WorkItem;
use crate::process::pool::pool_state::PoolState;
use crate::process::pool::recording::{PoolEventKind, PoolRecording};
use crate::process::pool::replies::Reply;
use crate::sys::usage::monotonic_time;

impl PoolState {
    /// Records from now on, with room for so many events; 0: no more.
    pub(crate) fn record(&mut self, capacity: usize) {
        let workers = self.pipes.iter().map(|(key, pipes)| (*key, pipes.pid));
        self.recorder.start(capacity, workers);
        let claims = self.pipes.values().filter_map(|pipes| pipes.claims.as_ref());
        claims.for_each(|claims| claims.set_noting(capacity > 0));
    }

    /// What was recorded.
    pub(crate) fn recording(&self) -> PoolRecording {
        self.recorder.read(self.now())
    }

    /// Writes an event, if that is wanted.
    #[inline]
    pub(super) fn note(&mut self, what: impl FnOnce(&PoolState) -> Option<PoolEventKind>) {
        if self.recorder.is_on()
            && let Some(what) = what(self)
        {
            self.recorder.write(self.now(), what);
        }
    }

    /// A worker was forked, and its pipes are there.
    pub(crate) fn born(&mut self, key: Key) {
        let on = self.recorder.is_on();
        if let Some(claims) = self.pipes.get(&key).and_then(|pipes| pipes.claims.as_ref()) {
            claims.set_noting(on);
        }
        self.note(|state| Some(PoolEventKind::Born(key, state.pipes.get(&key)?.pid)));
    }

    /// What was delivered to a worker, if that is recorded: each job with its place.
    pub(crate) fn delivered_to(&self, key: Key) -> Vec<(u64, u64)> {
        match self.recorder.is_on() {
            true => self.dispatcher.delivered_to(key).map(|(job, nth)| (job.id, nth)).collect(),
            false => Vec::new(),
        }
    }

    /// A worker has answered some of what was delivered to it before.
    pub(crate) fn note_answers(
        &mut self,
        key: Key,
        delivered: &[(u64, u64)],
        replies: &[Reply<WorkItem>],
    ) {
        if !self.recorder.is_on() {
            return;
        }
        for reply in replies {
            let Reply::Answer(job, ..) = reply else { continue };
            if let Some((_, nth)) = delivered.iter().find(|(id, _)| *id == job.id) {
                self.note_times(key, job.id, *nth);
            }
            self.note(|_| Some(PoolEventKind::Answered(job.id, key)));
        }
    }

    /// What a worker has noted of its `nth` job.
    pub(super) fn note_times(&mut self, key: Key, job: u64, nth: u64) {
        let claims = self.pipes.get(&key).and_then(|pipes| pipes.claims.as_ref());
        let Some([begun, ended]) = claims.map(|claims| claims.times(nth)) else { return };
        let (now, time) = (self.now(), monotonic_time());
        let at = |noted: u64| now.saturating_sub(time.saturating_sub(noted));
        if let Some(begun) = begun {
            self.recorder.write(at(begun), PoolEventKind::Began(job, key));
            let ended = ended.filter(|ended| *ended >= begun);
            let end = |ended| self.recorder.write(at(ended), PoolEventKind::Ended(job, key));
            ended.into_iter().for_each(end);
        }
    }

    /// A worker is being killed for this job, which travelled alone: it was the last to be delivered.
    pub(super) fn note_killed(&mut self, key: Key, job: u64) {
        if let Some(nth) = self.dispatcher.ever_delivered(key).checked_sub(1)
            && self.recorder.is_on()
        {
            self.note_times(key, job, nth);
        }
    }

    /// The jobs that these workers hold, and whether each may be sent again; none if nothing is
    /// recorded.
    pub(super) fn held_by(&self, keys: impl IntoIterator<Item = Key>) -> Vec<(Key, u64, bool)> {
        if !self.recorder.is_on() {
            return Vec::new();
        }
        let of = |key: Key| {
            self.dispatcher.held(key).map(move |job| (key, job.id, job.terms.retries > 0))
        };
        keys.into_iter().flat_map(of).collect()
    }

    /// Of these jobs, those that their workers do not hold any more were taken back.
    pub(super) fn note_returned(&mut self, held: &[(Key, u64, bool)]) {
        for (key, id, _) in held {
            if !self.dispatcher.held(*key).any(|job| job.id == *id) {
                self.note(|_| Some(PoolEventKind::TakenBack(*id, *key)));
            }
        }
    }
}
