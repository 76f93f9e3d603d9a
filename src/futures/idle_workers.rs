//! When a pool wakes or starts a worker: which run, search and sleep. Pure.
//!
//! *Assumes*: every event is reported, one at a time.
//! *Promises*: never more workers than `max`; none is started while one is idle; if jobs are
//! queued and a worker sleeps, another searches, also after a start that failed; a closed pool
//! empties its queue and its workers end.
//! *Leaves out*: the queue itself and the threads (`futures/job_queue.rs`).
//!
//! ```text
//!                 ┌──────────────── next: Run ───────────────┐
//!  submit: Spawn  │                                          ▼
//!  ─────────▶ SEARCHING ◀─────────── finished ─────────── RUNNING
//!                │   ▲                                      │ ▲
//!    next: Sleep │   │ submit: Wake, close   begin_blocking ▼ │ unblock
//!                ▼   │                                    BLOCKED (on a job of this pool)
//!              SLEEPING
//! ```
//! The rule for starting a worker is CPython's (`_adjust_thread_count` and its idle semaphore): an
//! idle worker is one that has no job and is not needed for a job queued before. The rule for
//! waking is Go's and tokio's: while one worker searches, no other is woken; the last worker to
//! stop searching because it found a job wakes the next. So a flood of short jobs wakes one
//! worker, and a flood of long jobs wakes them all.
//!
//! One exception, where no worker is to be started: a queue that has grown long shows that the
//! workers awake are too few, so the submitter wakes another itself. Linux tends to put a woken thread
//! on the core of the thread that woke it: a worker woken by a worker may have to share its core while
//! the submitter's is idle.

use std::mem::offset_of;

/// Whenever the queue reaches a multiple of so many jobs, the submitter wakes one more worker.
/// About as many are submitted while a woken thread starts to run.
const LONG_QUEUE: usize = 512;

/// What the submitter must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SubmitAction {
    /// Nothing: a worker that is awake will take the job.
    Nothing,
    /// Wake one sleeping worker.
    Wake,
    /// Start the worker with this number.
    Spawn(usize),
    /// Refuse the job: the pool is closed.
    Refuse,
}

/// What must be done about the queued jobs after a worker could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SpawnFailedAction {
    /// Nothing: another worker will take them.
    Nothing,
    /// Wake one sleeping worker: the one that was to start counted as searching for them.
    Wake,
    /// Fail them all: no worker is left to run them.
    FailJobs,
}

/// What a worker must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WorkerAction {
    /// Take the first job of the queue; before running it, wake another worker if `wake`.
    Run {
        /// More jobs are queued and no other worker searches for them.
        wake: bool,
    },
    /// Watch the queue for a moment, then ask again.
    Search,
    /// Sleep until woken.
    Sleep,
    /// End.
    Exit,
}

/// What a pool's workers do at the moment.
///
/// ```
/// use singletrack::futures::idle_workers::{SubmitAction, IdleWorkers, WorkerAction};
///
/// let mut workers = IdleWorkers::new(2);
/// assert_eq!(workers.submit(), SubmitAction::Spawn(0)); // no worker is idle
/// assert_eq!(workers.next(true), WorkerAction::Run { wake: false });
/// workers.finished();
/// assert_eq!(workers.next(false), WorkerAction::Sleep);
/// assert_eq!(workers.submit(), SubmitAction::Wake); // the idle one is used again
/// ```
#[derive(Debug, Clone)]
#[repr(C)] // what each job changes comes first
pub struct IdleWorkers {
    /// Jobs that no worker has taken.
    queued: usize,
    searching: u32,
    sleeping: u32,
    /// Alive: searching, sleeping, running or blocked.
    workers: u32,
    open: bool,
    max: u32,
    /// Numbers given to workers so far; a worker that could not be started has one too.
    spawned: u32,
    blocked: u32,
}

impl IdleWorkers {
    /// So many bytes, from the start on, change with each job; the others now and then.
    pub(crate) const FOR_EACH_JOB: usize = offset_of!(IdleWorkers, max);

    /// No worker yet, and at most `max` later.
    pub fn new(max: usize) -> IdleWorkers {
        IdleWorkers {
            queued: 0,
            searching: 0,
            sleeping: 0,
            workers: 0,
            open: true,
            max: u32::try_from(max).unwrap_or(u32::MAX),
            spawned: 0,
            blocked: 0,
        }
    }

    /// A job is submitted. Unless it is refused, it now counts as queued.
    pub fn submit(&mut self) -> SubmitAction {
        if !self.open {
            return SubmitAction::Refuse;
        }
        self.queued += 1;
        if self.queued > self.idle() && self.workers < self.max {
            self.workers += 1;
            self.searching += 1;
            self.spawned += 1;
            return SubmitAction::Spawn(self.spawned as usize - 1);
        }
        if self.queued.is_multiple_of(LONG_QUEUE) && self.sleeping > 0 {
            self.wake_one();
            return SubmitAction::Wake;
        }
        if self.wake_if_none_searches() { SubmitAction::Wake } else { SubmitAction::Nothing }
    }

    /// The worker that [`submit`](Self::submit) asked for could not be started. Between the two it
    /// counted as searching, and others relied on that: some slept on, and one may block on the job.
    ///
    /// The maximum stays, so a later job has the next one started, when the shortage may be over.
    pub fn spawn_failed(&mut self) -> SpawnFailedAction {
        self.workers -= 1;
        self.searching -= 1;
        if self.blocked == self.workers {
            return SpawnFailedAction::FailJobs; // none is left, or all wait for what is queued
        }
        if self.wake_if_none_searches() {
            SpawnFailedAction::Wake
        } else {
            SpawnFailedAction::Nothing
        }
    }

    /// A searching worker asks what to do. `may_search`: it has not just searched in vain.
    pub fn next(&mut self, may_search: bool) -> WorkerAction {
        if self.queued > 0 {
            self.queued -= 1;
            self.searching -= 1;
            return WorkerAction::Run { wake: self.wake_if_none_searches() };
        }
        if !self.open {
            self.searching -= 1;
            self.workers -= 1;
            return WorkerAction::Exit;
        }
        if may_search && self.searching == 1 {
            return WorkerAction::Search;
        }
        self.searching -= 1;
        self.sleeping += 1;
        WorkerAction::Sleep
    }

    /// A running worker's job is done; it searches again.
    pub fn finished(&mut self) {
        self.searching += 1;
    }

    /// If jobs are queued, a worker sleeps and none searches, one must be woken. It counts as
    /// searching from now on.
    fn wake_if_none_searches(&mut self) -> bool {
        let wake = self.queued > 0 && self.searching == 0 && self.sleeping > 0;
        if wake {
            self.wake_one();
        }
        wake
    }

    fn wake_one(&mut self) {
        self.sleeping -= 1;
        self.searching += 1;
    }

    /// No more jobs: the workers empty the queue and end. Returns how many must be woken.
    pub fn close(&mut self) -> usize {
        self.open = false;
        self.searching += self.sleeping;
        std::mem::take(&mut self.sleeping) as usize
    }

    /// The queue was emptied without a worker. Returns how many jobs were in it.
    pub fn discard(&mut self) -> usize {
        std::mem::take(&mut self.queued)
    }

    /// A running worker wants to block until a job of this very pool is done. False: it must not,
    /// since all others are blocked already.
    #[must_use]
    pub fn begin_blocking(&mut self) -> bool {
        let possible = self.blocked + 1 < self.workers;
        self.blocked += u32::from(possible);
        possible
    }

    /// The job on which a worker was blocked is done.
    pub fn unblock(&mut self) {
        self.blocked -= 1;
    }

    /// Workers alive.
    pub fn workers(&self) -> usize {
        self.workers as usize
    }

    /// Workers without a job: searching or sleeping.
    pub fn idle(&self) -> usize {
        (self.searching + self.sleeping) as usize
    }

    /// Workers that search: one that has been woken or started counts from then on.
    pub fn searching(&self) -> usize {
        self.searching as usize
    }

    /// Workers that sleep.
    pub fn sleeping(&self) -> usize {
        self.sleeping as usize
    }

    /// Jobs that no worker has taken.
    pub fn queued(&self) -> usize {
        self.queued
    }
}
