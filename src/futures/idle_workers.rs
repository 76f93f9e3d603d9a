//! Who works, who looks for work and who sleeps: when a pool wakes a thread or hires one.
//!
//! *Assumes*: it is told of every event, one at a time. No lock, no thread, no job: pure.
//! *Promises*: never more workers than `max`; none is hired while one is free; work that waits
//! while a worker sleeps is being looked for; a closed crew drains and goes.
//! *Leaves out*: the queue itself, the threads (`futures/job_queue.rs`).
//!
//! ```text
//!                 ┌──────────────── next: Run ───────────────┐
//!   submit: Hire  │                                          ▼
//!  ─────────▶ SEARCHING ◀─────────── finished ─────────── RUNNING
//!                │   ▲                                      │ ▲
//!    next: Sleep │   │ submit: Wake, close    fall_asleep   ▼ │ wake_up
//!                ▼   │                                    STUCK (on a job of this crew)
//!              SLEEPING
//! ```
//! The rule for hiring is CPython's (`_adjust_thread_count` and its idle semaphore): a free
//! worker is one with no job and no claim on it by a job queued before. The rule for waking
//! is Go's and tokio's: while someone searches, nobody else is woken; the last to stop
//! searching because it found a job wakes the next. So a flood of short jobs wakes one
//! worker, and a flood of long jobs wakes them all.
//!
//! One exception: a queue that has grown long shows that those awake do not keep up, so the
//! submitter wakes another itself. Linux likes to put who is woken beside who woke him: a worker
//! woken by a worker may have to share its core while the submitter's falls idle.

/// Whenever the queue reaches a multiple of so many jobs, the submitter wakes one more worker.
/// About as many come in while a woken thread gets up.
const LONG_QUEUE: usize = 512;

/// What the submitter must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SubmitAction {
    /// Nothing: somebody awake will come to it.
    Nothing,
    /// Wake one sleeping worker.
    Wake,
    /// Start the worker with this number.
    Spawn(usize),
    /// The crew takes no jobs any more.
    Refuse,
}

/// What a worker must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WorkerAction {
    /// Take the first job of the queue; before running it, wake a colleague if `wake`.
    Run {
        /// More work waits and nobody else is looking for it.
        wake: bool,
    },
    /// Look around for a moment, then ask again.
    Search,
    /// Sleep until woken.
    Sleep,
    /// Go home for good.
    Exit,
}

/// The account of a pool's workers.
///
/// ```
/// use singletrack::futures::idle_workers::{Hail, IdleWorkers, Step};
///
/// let mut workers = IdleWorkers::new(2);
/// assert_eq!(workers.submit(), Hail::Hire(0)); // nobody is free
/// assert_eq!(workers.next(true), Step::Run { wake: false });
/// workers.finished();
/// assert_eq!(workers.next(false), Step::Sleep);
/// assert_eq!(workers.submit(), Hail::Wake); // the free one is used again
/// ```
#[derive(Debug, Clone)]
pub struct IdleWorkers {
    max: usize,
    /// Numbers given out so far; a worker that could not start has one too.
    spawned: usize,
    /// Alive: searching, sleeping, running or stuck.
    workers: usize,
    searching: usize,
    sleeping: usize,
    blocked: usize,
    /// Jobs nobody has taken.
    queued: usize,
    open: bool,
}

impl IdleWorkers {
    /// Nobody yet, and room for `max`.
    pub fn new(max: usize) -> IdleWorkers {
        IdleWorkers {
            max,
            spawned: 0,
            workers: 0,
            searching: 0,
            sleeping: 0,
            blocked: 0,
            queued: 0,
            open: true,
        }
    }

    /// A job comes in. Unless refused it now counts as queued.
    pub fn submit(&mut self) -> SubmitAction {
        if !self.open {
            return SubmitAction::Refuse;
        }
        self.queued += 1;
        if self.queued.is_multiple_of(LONG_QUEUE) && self.sleeping > 0 {
            self.wake_one();
            return SubmitAction::Wake;
        }
        if self.queued <= self.searching + self.sleeping {
            return if self.wake_if_unattended() {
                SubmitAction::Wake
            } else {
                SubmitAction::Nothing
            };
        }
        if self.workers < self.max {
            self.workers += 1;
            self.searching += 1;
            self.spawned += 1;
            return SubmitAction::Spawn(self.spawned - 1);
        }
        SubmitAction::Nothing
    }

    /// The system gave no thread: the crew stays as small as it is. False means that there
    /// is nobody at all, now or coming, and the queue must be given up.
    #[must_use]
    pub fn spawn_failed(&mut self) -> bool {
        self.workers -= 1;
        self.searching -= 1;
        self.max = self.workers.max(1);
        self.workers > 0
    }

    /// A searching worker asks what to do. `patient`: it has not searched in vain just now.
    pub fn next(&mut self, patient: bool) -> WorkerAction {
        if self.queued > 0 {
            self.queued -= 1;
            self.searching -= 1;
            return WorkerAction::Run { wake: self.wake_if_unattended() };
        }
        if !self.open {
            self.searching -= 1;
            self.workers -= 1;
            return WorkerAction::Exit;
        }
        if patient && self.searching == 1 {
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

    /// Work waits, someone sleeps and nobody looks: then one is to be woken, and counts as
    /// searching from now on.
    fn wake_if_unattended(&mut self) -> bool {
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

    /// No more jobs: everybody drains the queue and goes. Gives how many must be woken.
    pub fn close(&mut self) -> usize {
        self.open = false;
        self.searching += self.sleeping;
        std::mem::take(&mut self.sleeping)
    }

    /// The queue was emptied by someone else than a worker. Gives how many jobs that were.
    pub fn discard(&mut self) -> usize {
        std::mem::take(&mut self.queued)
    }

    /// A running worker wants to sleep until a job of this very crew is done. False: it must
    /// not, since all others do so already.
    #[must_use]
    pub fn begin_blocking(&mut self) -> bool {
        let possible = self.blocked + 1 < self.workers;
        self.blocked += usize::from(possible);
        possible
    }

    /// What a stuck worker slept for is done.
    pub fn unblock(&mut self) {
        self.blocked -= 1;
    }

    /// Workers alive.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Workers without a job, asleep or looking for one.
    pub fn idle(&self) -> usize {
        self.searching + self.sleeping
    }

    /// Workers asleep.
    pub fn sleeping(&self) -> usize {
        self.sleeping
    }

    /// Jobs nobody has taken.
    pub fn queued(&self) -> usize {
        self.queued
    }
}
