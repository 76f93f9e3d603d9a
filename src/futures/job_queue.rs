//! The queue of a thread pool: where jobs wait for workers, and workers for jobs.
//!
//! *Assumes*: `futures/idle_workers.rs` decides which worker is woken and when one is started.
//! *Promises*: jobs are taken in the order of submission, each by one worker; no wake-up is
//! missed; every job's future is resolved, also by a panic, and the closure is dropped before that;
//! no user code runs under the lock; `join` returns after the last worker has ended.
//! *Leaves out*: the executor's interface (`futures/thread_pool.rs`).
//!
//! ```text
//!  submit ──▶ ┌─ QueueState (one lock) ──┐ ──▶ worker prefix_0 ──▶ run, resolve the promise
//!  submit ──▶ │ queue: [job, job, job …] │ ──▶ worker prefix_1
//!             │ workers: IdleWorkers     │      … started when none is idle, at most `max`
//!             └──────────────────────────┘
//!
//!   one job:  Arc ─▶ ┌ counts │ state, outcome, waiters │ closure ┐ ◀─ Arc
//!            queue   └────────┴─────────────────────────┴─────────┘   future
//! ```
//! A job and its result are one allocation. With two, `malloc` and `free` of blocks that one
//! thread allocates and another frees took two thirds of the time of a short job.
//!
//! The queue is one `VecDeque` behind one lock that is held briefly, and a worker takes one job at
//! a time. So a job can wait for a later one by any means (a channel, say) as long as a worker is
//! idle. A worker that takes several jobs at once, as in many pools, would hide them from the idle
//! one. Short jobs are cheap because no worker is woken while another searches for work.

use crate::base::panic::into_message;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Condvar, Mutex, spin_until};
use crate::futures::deadlock::{DeadlockGuard, SharedGuard, Unblock, work_for};
use crate::futures::error::JobError;
use crate::futures::future::Promise;
use crate::futures::idle_workers::{IdleWorkers, SubmitAction, WorkerAction};
use crate::futures::oneshot::OneShot;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A job in the queue: a closure, in one allocation with the cell for its result. One of these must
/// be called, once, before it is dropped.
pub(crate) trait QueuedJob: Send + Sync {
    /// Runs the closure, unless its future was cancelled, and resolves the future.
    fn run(self: Arc<Self>);
    /// Drops the closure and resolves the future with this error.
    fn fail(self: Arc<Self>, why: JobError);
}

impl<R, F> QueuedJob for OneShot<R, Mutex<Option<F>>>
where
    R: Send + 'static,
    F: FnOnce() -> Result<R, JobError> + Send + 'static,
{
    fn run(self: Arc<Self>) {
        let f = self.job.lock().take();
        let promise = Promise::of(self);
        if let Some(f) = f
            && promise.set_running_or_notify_cancel()
        {
            promise.resolve(match catch_unwind(AssertUnwindSafe(f)) {
                Ok(outcome) => outcome,
                Err(panic) => Err(JobError::Panicked(into_message(panic))),
            });
        }
    }

    fn fail(self: Arc<Self>, why: JobError) {
        let _unused = self.job.lock().take();
        let promise = Promise::of(self);
        match why {
            JobError::Cancelled => promise.cancel(),
            why => promise.set_error(why),
        }
    }
}

/// What runs first on every thread.
pub(crate) type Initializer = Box<dyn Fn() + Send + Sync>;

/// Returns why the calling worker must not block now until another of its pool's jobs is done.
pub(crate) type Obstacle = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// The queue of one pool, shared by the executor and its workers.
pub(crate) struct JobQueue {
    state: Mutex<QueueState>,
    /// The length of the queue, to be read without the lock.
    queued: AtomicUsize,
    /// Idle workers sleep here until there are permits.
    job_queued: Condvar,
    /// `join` sleeps here until no worker is left.
    worker_exited: Condvar,
    prefix: String,
    initializer: Option<Initializer>,
    obstacle: Option<Obstacle>,
}

/// What the lock protects. Jobs are only moved under it; user code runs outside.
struct QueueState {
    workers: IdleWorkers,
    queue: VecDeque<Arc<dyn QueuedJob>>,
    /// How many sleeping workers may wake up: a notification that cannot be missed.
    permits: usize,
    threads: Vec<JoinHandle<()>>,
    /// Set once an initializer has failed: why.
    broken: Option<String>,
}

impl QueueState {
    fn take_queue(&mut self) -> VecDeque<Arc<dyn QueuedJob>> {
        self.workers.discard();
        std::mem::take(&mut self.queue)
    }

    fn refusal(&self) -> JobError {
        self.broken.clone().map_or(JobError::ShutDown, JobError::Broken)
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
        let state = QueueState {
            workers: IdleWorkers::new(max),
            queue: VecDeque::new(),
            permits: 0,
            threads: Vec::new(),
            broken: None,
        };
        JobQueue {
            state: Mutex::new(state),
            queued: AtomicUsize::new(0),
            job_queued: Condvar::new(),
            worker_exited: Condvar::new(),
            prefix,
            initializer,
            obstacle,
        }
    }

    /// How many threads there are now.
    pub(crate) fn workers(&self) -> usize {
        self.state.lock().workers.workers()
    }

    /// Queues a job, and wakes or starts a worker if need be; if the pool takes no jobs, fails it.
    pub(crate) fn submit(self: &Arc<Self>, job: Arc<dyn QueuedJob>) {
        let mut state = self.state.lock();
        let action = state.workers.submit();
        if action == SubmitAction::Refuse {
            let why = state.refusal();
            drop(state);
            return job.fail(why);
        }
        state.queue.push_back(job);
        self.queued.store(state.queue.len(), Ordering::Relaxed);
        state.permits += usize::from(action == SubmitAction::Wake);
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
        let spawned = thread.spawn(move || queue.work());
        let mut state = self.state.lock();
        match spawned {
            Ok(handle) => state.threads.push(handle),
            Err(error) => {
                if !state.workers.spawn_failed() {
                    let jobs = state.take_queue();
                    drop(state);
                    let why = format!("the pool has no thread and could not start one: {error}");
                    fail_all(jobs, &JobError::Broken(why));
                }
                self.worker_exited.notify_all();
            }
        }
    }

    /// Refuses new jobs; the workers end when the queue is empty.
    pub(crate) fn close(&self, cancel_futures: bool) {
        let mut state = self.state.lock();
        state.permits += state.workers.close();
        let jobs = if cancel_futures { state.take_queue() } else { VecDeque::new() };
        drop(state);
        self.job_queued.notify_all();
        fail_all(jobs, &JobError::Cancelled);
    }

    /// Waits until the last worker has ended.
    pub(crate) fn join(&self) {
        let mut state = self.state.lock();
        while state.workers.workers() > 0 {
            self.worker_exited.wait(&mut state);
        }
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for thread in threads {
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
            // The job catches the panics of its closure. This one comes from a destructor, and its
            // payload may panic again when dropped. The hook has printed it, so it is leaked.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| some.run())) {
                std::mem::forget(panic);
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
                    self.queued.store(state.queue.len(), Ordering::Relaxed);
                    state.permits += usize::from(wake);
                    drop(state);
                    if wake {
                        self.job_queued.notify_one();
                    }
                    return job;
                }
                WorkerAction::Search => {
                    drop(state);
                    spin_until(|| self.queued.load(Ordering::Relaxed) > 0);
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
        let mut state = self.state.lock();
        state.broken.get_or_insert_with(|| why.clone());
        state.permits += state.workers.close();
        let jobs = state.take_queue();
        drop(state);
        self.job_queued.notify_all();
        fail_all(jobs, &JobError::Broken(why));
    }
}

impl DeadlockGuard for JobQueue {
    fn begin_blocking(&self) -> Result<(), JobError> {
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
}

impl Unblock for JobQueue {
    fn unblock(&self) {
        self.state.lock().workers.unblock();
    }
}

impl fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobQueue")
            .field("prefix", &self.prefix)
            .field("workers", &self.state.lock().workers)
            .finish_non_exhaustive()
    }
}
