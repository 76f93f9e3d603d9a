//! The queue of a thread pool: where jobs wait for workers, and workers for jobs.
//!
//! *Assumes*: `futures/idle_workers.rs` decides which worker is woken and when one is started.
//! *Promises*: jobs are taken in the order of submission, each by one worker; no wake-up is
//! missed; every job's future is resolved, also by a panic, and the closure is dropped before that;
//! no user code runs under the lock; `join` returns after the last thread has ended; a copy that
//! came with a fork refuses jobs and waits for nobody.
//! *Leaves out*: a job and its result (`futures/queued_job.rs`), and the executor's interface
//! (`futures/thread_pool.rs`).
//!
//! ```text
//!  submit ──▶ ┌─ QueueState (one lock) ──┐ ──▶ worker prefix_0 ──▶ run, resolve the promise
//!  submit ──▶ │ queue: [job, job, job …] │ ──▶ worker prefix_1
//!             │ workers: IdleWorkers     │      … started when none is idle, at most `max`
//!             └──────────────────────────┘
//!
//!   one line of the cache:  │ lock │ queue │ queued, searching, sleeping, workers, open │
//!   the next:               │ max, spawned, blocked │ permits │
//! ```
//! A submitter and its workers take turns at the lock, a tenth of a microsecond each. A core that
//! takes it fetches its line from the core that had it, and whatever lies in other lines after that,
//! while the others wait. So what each job changes lies in the lock's own line.
//!
//! The queue is one `VecDeque` behind one lock that is held briefly, and a worker takes one job at
//! a time. So a job can wait for a later one by any means (a channel, say) as long as a worker is
//! idle. A worker that takes several jobs at once, as in many pools, would hide them from the idle
//! one. Short jobs are cheap because no worker is woken while another searches for work.

use crate::base::origin::Origin;
use crate::base::panic::{discard, drop_or_warn, into_message};
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Condvar, Mutex, MutexGuard, spin_until};
use crate::futures::deadlock::{DeadlockGuard, SharedGuard, Unblock, set_running_job, work_for};
use crate::futures::error::JobError;
use crate::futures::idle_workers::{IdleWorkers, SpawnFailedAction, SubmitAction, WorkerAction};
use crate::futures::queued_job::QueuedJob;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// What runs first on every thread.
pub(crate) type Initializer = Box<dyn Fn() + Send + Sync>;

/// Returns why the calling worker must not block now until another of its pool's jobs is done.
pub(crate) type Obstacle = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// The queue of one pool, shared by the executor and its workers.
pub(crate) struct JobQueue {
    /// In a copy the workers are counted and not there, and one of them may have the lock. So a copy
    /// is asked for before the lock is.
    origin: Origin,
    state: OneLine,
    /// A job has come since a worker began to search: to be read without the lock.
    job_came: AtomicBool,
    /// Idle workers sleep here until there are permits.
    job_queued: Condvar,
    /// `join` sleeps here until no worker is left.
    worker_exited: Condvar,
    /// Threads, at most.
    max: usize,
    prefix: String,
    initializer: Option<Initializer>,
    obstacle: Option<Obstacle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Set once an initializer has failed, before the pool is closed for it: why.
    broken: OnceLock<String>,
}

/// What the lock protects. Jobs are only moved under it; user code runs outside.
#[repr(C)] // what each job changes comes first
struct QueueState {
    queue: VecDeque<Arc<dyn QueuedJob>>,
    workers: IdleWorkers,
    /// How many sleeping workers may wake up: a notification that cannot be missed.
    permits: usize,
}

/// The lock, at the start of a line of the cache.
#[repr(align(64))]
struct OneLine(Mutex<QueueState>);

#[cfg(not(any(loom, shuttle)))] // their locks are larger
const _: () = {
    let lock = size_of::<Mutex<QueueState>>() - size_of::<QueueState>();
    let workers = lock + offset_of!(QueueState, workers);
    assert!(workers + IdleWorkers::FOR_EACH_JOB <= align_of::<OneLine>());
};

impl OneLine {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.0.lock()
    }
}

impl QueueState {
    fn take_queue(&mut self) -> VecDeque<Arc<dyn QueuedJob>> {
        self.workers.discard();
        std::mem::take(&mut self.queue)
    }
}

// ---- the submitter's side ----

impl JobQueue {
    /// No thread is started yet; there will be at most `max`.
    pub(crate) fn new(
        max: usize,
        prefix: String,
        initializer: Option<Initializer>,
        obstacle: Option<Obstacle>,
    ) -> Self {
        let state =
            QueueState { workers: IdleWorkers::new(max), queue: VecDeque::new(), permits: 0 };
        JobQueue {
            origin: Origin::here(),
            state: OneLine(Mutex::new(state)),
            job_came: AtomicBool::new(false),
            job_queued: Condvar::new(),
            worker_exited: Condvar::new(),
            max,
            prefix,
            initializer,
            obstacle,
            threads: Mutex::new(Vec::new()),
            broken: OnceLock::new(),
        }
    }

    /// Why a copy that came with a fork runs no job; `None` in the process that made the pool.
    fn is_copy(&self) -> Option<JobError> {
        let why = || format!("the pool `{}` was {}: make a new one here", self.prefix, self.origin);
        self.origin.is_copy().then(|| JobError::Broken(why()))
    }

    /// How many threads there are now.
    pub(crate) fn workers(&self) -> usize {
        if self.origin.is_copy() {
            return 0;
        }
        self.state.lock().workers.workers()
    }

    /// Queues a job, and wakes or starts a worker if need be; if the pool takes no jobs, fails it.
    pub(crate) fn submit(self: &Arc<Self>, job: Arc<dyn QueuedJob>) {
        if let Some(why) = self.is_copy() {
            return job.fail(why);
        }
        let mut state = self.state.lock();
        let action = state.workers.submit();
        if action == SubmitAction::Refuse {
            drop(state);
            let broken = self.broken.get().cloned();
            return job.fail(broken.map_or(JobError::ShutDown, JobError::Broken));
        }
        state.queue.push_back(job);
        if state.workers.searching() > 0 {
            self.job_came.store(true, Ordering::Relaxed);
        }
        if action == SubmitAction::Wake {
            state.permits += 1;
        }
        drop(state);
        match action {
            SubmitAction::Wake => {
                self.job_queued.notify_one();
            }
            SubmitAction::Spawn(number) => self.spawn_worker(number),
            SubmitAction::Nothing | SubmitAction::Refuse => {}
        }
    }

    fn spawn_worker(self: &Arc<Self>, number: usize) {
        let queue = Arc::clone(self);
        let thread = Builder::new().name(format!("{}_{number}", self.prefix));
        // The thread may end before its handle is here: `join` waits for the lock.
        let mut threads = self.threads.lock();
        // Starting a thread can also panic, and it counts as a worker already.
        let spawned = catch_unwind(AssertUnwindSafe(|| thread.spawn(move || queue.work())))
            .unwrap_or_else(|panic| Err(io::Error::other(into_message(panic))));
        let error = match spawned {
            Ok(handle) => return threads.push(handle),
            Err(error) => error,
        };
        drop(threads);
        let mut state = self.state.lock();
        let action = state.workers.spawn_failed();
        let jobs = match action {
            SpawnFailedAction::FailJobs => state.take_queue(),
            SpawnFailedAction::Wake | SpawnFailedAction::Nothing => VecDeque::new(),
        };
        state.permits += usize::from(action == SpawnFailedAction::Wake);
        drop(state);
        self.job_queued.notify_one();
        self.worker_exited.notify_all();
        let why = format!("no worker can run the job, and no thread could be started: {error}");
        fail_all(jobs, &JobError::Broken(why));
    }

    /// Refuses new jobs; the workers end when the queue is empty.
    pub(crate) fn close(&self, cancel_futures: bool) {
        if self.origin.is_copy() {
            return; // the jobs are the original's
        }
        let mut state = self.state.lock();
        state.permits += state.workers.close();
        let jobs = if cancel_futures { state.take_queue() } else { VecDeque::new() };
        drop(state);
        self.job_queued.notify_all();
        fail_all(jobs, &JobError::Cancelled);
    }

    /// Waits until the last worker has ended, and its thread with it; whoever calls this meanwhile waits
    /// as well.
    pub(crate) fn join(&self) {
        if self.origin.is_copy() {
            return; // the threads are the original's
        }
        let mut state = self.state.lock();
        while state.workers.workers() > 0 {
            self.worker_exited.wait(&mut state);
        }
        drop(state);
        for thread in self.threads.lock().drain(..) {
            thread.join().expect("a worker catches the panics of its jobs");
        }
    }
}

fn fail_all(jobs: VecDeque<Arc<dyn QueuedJob>>, why: &JobError) {
    jobs.into_iter().for_each(|job| job.fail(why.clone()));
}

// ---- the worker's side ----

impl JobQueue {
    fn work(self: Arc<Self>) {
        work_for(Arc::clone(&self) as SharedGuard);
        if let Some(initializer) = &self.initializer
            && let Err(panic) = catch_unwind(AssertUnwindSafe(initializer))
        {
            self.break_down(&into_message(panic));
        }
        let mut job = self.next_job(false);
        while let Some(some) = job {
            set_running_job(Arc::as_ptr(&some).addr());
            // The job catches what it calls and drops; whatever is left must not cost a worker.
            catch_unwind(AssertUnwindSafe(|| some.run())).unwrap_or_else(discard);
            set_running_job(0);
            if self.origin.is_copy() {
                return; // the job has forked and returned; the other jobs are the original's
            }
            job = self.next_job(true);
        }
    }

    /// The next job, after a search and a sleep if need be; `None`: the worker is to end.
    fn next_job(&self, ran_one: bool) -> Option<Arc<dyn QueuedJob>> {
        let mut state = self.state.lock();
        if ran_one {
            state.workers.finished();
        }
        let mut may_search = true;
        loop {
            match state.workers.next(may_search) {
                WorkerAction::Run { wake } => {
                    let job = state.queue.pop_front();
                    if wake {
                        state.permits += 1;
                    }
                    drop(state);
                    if wake {
                        self.job_queued.notify_one();
                    }
                    return job;
                }
                WorkerAction::Search => {
                    self.job_came.store(false, Ordering::Relaxed);
                    drop(state);
                    spin_until(|| self.job_came.load(Ordering::Relaxed));
                    state = self.state.lock();
                    may_search = false;
                }
                WorkerAction::Sleep => {
                    while state.permits == 0 {
                        self.job_queued.wait(&mut state);
                    }
                    state.permits -= 1;
                    may_search = true;
                }
                WorkerAction::Exit => {
                    drop(state);
                    self.worker_exited.notify_all();
                    return None;
                }
            }
        }
    }

    /// The initializer failed: no job can run any more.
    fn break_down(&self, message: &str) {
        let why = format!("the initializer of a worker of `{}` panicked: {message}", self.prefix);
        let why = self.broken.get_or_init(|| why).clone();
        let mut state = self.state.lock();
        state.permits += state.workers.close();
        let jobs = state.take_queue();
        drop(state);
        self.job_queued.notify_all();
        fail_all(jobs, &JobError::Broken(why));
    }
}

impl DeadlockGuard for JobQueue {
    fn begin_blocking(&self) -> Result<(), JobError> {
        if let Some(why) = self.is_copy() {
            return Err(why);
        }
        if let Some(obstacle) = self.obstacle.as_ref().and_then(|obstacle| obstacle()) {
            return Err(JobError::WouldDeadlock(obstacle.to_owned()));
        }
        let mut state = self.state.lock();
        state.workers.begin_blocking().then_some(()).ok_or_else(|| {
            JobError::WouldDeadlock(format!(
                "all {} workers of `{}` wait for jobs of that pool; give it more workers, or wait \
                 outside its jobs",
                state.workers.workers(),
                self.prefix
            ))
        })
    }

    fn threads(&self) -> Option<usize> {
        Some(self.max)
    }
}

impl Unblock for JobQueue {
    fn unblock(&self) {
        if self.origin.is_copy() {
            return;
        }
        self.state.lock().workers.unblock();
    }
}

impl fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("JobQueue");
        out.field("prefix", &self.prefix);
        if !self.origin.is_copy() {
            out.field("workers", &self.state.lock().workers);
        }
        out.finish_non_exhaustive()
    }
}

impl Drop for JobQueue {
    fn drop(&mut self) {
        // The last owner may be a worker.
        drop_or_warn("the initializer of a pool", self.initializer.take());
    }
}
