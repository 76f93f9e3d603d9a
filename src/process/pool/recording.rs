//! A recording of a pool: which job waited, was sent, ran where and when, and which worker died. Pure.
//!
//! *Assumes*: it is written under the pool's lock.
//! *Promises*: while it is off, an event costs one branch that always goes the same way; a full
//! recording forgets its oldest events and counts them; what is read is in order of time. A job that
//! is in it from the beginning has `Queued` once, and `Answered` or `NoAnswer` once, if it has come out.
//! *Leaves out*: where each event is written (`process/pool/pool_state.rs`); how a worker tells when it
//! began (`process/message/claim.rs`); pictures (`lab/timeline`).
//!
//! ```text
//!   the pool     Queued ──── Sent ─────────────────────────────── Answered
//!                             │ ▲ TakenBack, Retried                  ▲
//!   the worker                ▼ │          Began ────── Ended ────────┘
//!               Born                                                          Died
//! ```
//! A worker notes on its own clock when it began a job and when it was done with it: the system's
//! clock is the same in all processes. It has no number for a job that its death ended, and for one
//! of a worker without claims: then there is no `Ended`, or neither of them.

use crate::base::id::Key;
use crate::process::pool::job::JobOutcome;
use crate::sys::process::Death;
use std::collections::{HashMap, VecDeque};

/// What happened. Jobs are named by their numbers, workers by their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolEventKind {
    /// A job was submitted.
    Queued(u64),
    /// It was given to this worker, to be written to its pipe.
    Sent(u64, Key),
    /// The worker began it: its own time.
    Began(u64, Key),
    /// The worker was done with it: its own time.
    Ended(u64, Key),
    /// Its answer was read.
    Answered(u64, Key),
    /// It was taken back from this worker, which had not begun it.
    TakenBack(u64, Key),
    /// The worker that had begun it is dead, and it waits to be sent again.
    Retried(u64, Key),
    /// It came out without an answer: why, in a word or two.
    NoAnswer(u64, &'static str),
    /// A worker was forked, as this process.
    Born(Key, u32),
    /// A worker is dead and reaped.
    Died(Key, Death),
}

/// One thing that happened in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolEvent {
    /// When, in nanoseconds since the pool began.
    pub at: u64,
    /// What.
    pub what: PoolEventKind,
}

/// What happened in a pool. See
/// [`ProcessPool::record`](crate::process::pool::process_pool::ProcessPool::record).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolRecording {
    /// The last events, oldest first.
    pub events: Vec<PoolEvent>,
    /// How many events before those were forgotten.
    pub dropped: u64,
    /// When it was read, in nanoseconds since the pool began.
    pub until: u64,
    /// The processes of all workers there have been since it was switched on.
    pub workers: HashMap<Key, u32>,
}

/// What the outcome is called in a recording.
pub(crate) fn word(outcome: &JobOutcome) -> &'static str {
    match outcome {
        JobOutcome::Cancelled => "cancelled",
        JobOutcome::TimedOut(_) => "timed out",
        JobOutcome::Lost(_) => "lost",
        JobOutcome::Protocol(..) => "broke the protocol",
        JobOutcome::ShutDown => "after the shutdown",
        JobOutcome::Broken => "no worker",
    }
}

/// Writes a recording, if it is switched on.
///
/// ```
/// use singletrack::process::pool::recording::{PoolEventKind, PoolRecorder};
///
/// let mut recorder = PoolRecorder::default();
/// recorder.write(1, PoolEventKind::Queued(0)); // it is off
/// recorder.start(2, []);
/// (2..5).for_each(|at| recorder.write(at, PoolEventKind::Queued(at)));
/// let recording = recorder.read(9);
/// let times: Vec<u64> = recording.events.iter().map(|event| event.at).collect();
/// assert_eq!((times, recording.dropped), (vec![3, 4], 1));
/// ```
#[derive(Debug, Default)]
pub struct PoolRecorder {
    capacity: usize,
    events: VecDeque<PoolEvent>,
    dropped: u64,
    workers: HashMap<Key, u32>,
}

impl PoolRecorder {
    /// Begins anew, with room for so many events, and these workers. 0 switches it off.
    pub fn start(&mut self, capacity: usize, workers: impl IntoIterator<Item = (Key, u32)>) {
        let workers = workers.into_iter().collect();
        *self = PoolRecorder { capacity, workers, ..PoolRecorder::default() };
    }

    /// Whether it is switched on.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.capacity > 0
    }

    /// Writes an event.
    pub fn write(&mut self, at: u64, what: PoolEventKind) {
        if !self.is_on() {
            return;
        }
        if self.events.len() == self.capacity {
            self.events.pop_front();
            self.dropped += 1;
        }
        if let PoolEventKind::Born(key, pid) = what {
            self.workers.insert(key, pid);
        }
        self.events.push_back(PoolEvent { at, what });
    }

    /// What was written. What the workers have told of themselves is put where it belongs in time.
    pub fn read(&self, now: u64) -> PoolRecording {
        let mut events: Vec<PoolEvent> = self.events.iter().copied().collect();
        events.sort_by_key(|event| event.at);
        let workers = self.workers.clone();
        PoolRecording { events, dropped: self.dropped, until: now, workers }
    }
}
