//! What a thread pool's queue holds: a closure, and the promise of its result.
//!
//! *Assumes*: somebody calls `run` or `give_up`, once.
//! *Promises*: the future is resolved either way, also by a panic; the closure is dropped before.
//! *Leaves out*: whose turn it is (`futures/job_queue.rs`).
//!
//! ```text
//!   Arc ─▶ ┌ counts │ state, outcome, who waits │ closure ┐ ◀─ Arc
//!  queue   └────────┴───────────────────────────┴─────────┘   future
//! ```
//! One allocation for all there is of a job. With two, malloc and free, of blocks that one
//! thread makes and another frees, were two thirds of a short job.
//!
//! # Where a thread pool's jobs wait for workers, and its workers for jobs
//!
//! *Assumes*: `futures/idle_workers.rs` says who is woken and hired.
//! *Promises*: jobs are taken in the order of submission, each by one worker; no wake-up is
//! missed; no user code runs under the lock; who joins waits for the last worker.
//! *Leaves out*: what a job is (`futures/job_queue.rs`), and the executor's face
//! (`futures/thread_pool.rs`).
//!
//! ```text
//!  submit ──▶ ┌─ Hall (one lock) ────────┐ ──▶ worker prefix_0 ──▶ run, resolve the promise
//!  submit ──▶ │ queue: [job, job, job …] │ ──▶ worker prefix_1
//!             │ crew: who must be woken  │      … started when nobody is free, at most max
//!             └──────────────────────────┘
//! ```
//! The queue is one `VecDeque` behind one short-held lock, and a worker takes one job at a
//! time: a job can then wait for a later one by any means (a channel, say) as long as a worker
//! is free. A worker that takes several at once, as many pools do, would hide them from the
//! free one. What makes short jobs cheap is that nobody is woken while somebody looks for work.

use crate::base::panic::into_message;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Condvar, Mutex, spin_until};
use crate::futures::deadlock::{DeadlockGuard, SharedGuard, Sleeper, join_guard};
use crate::futures::error::JobError;
use crate::futures::future::Promise;
use crate::futures::idle_workers::{Hail, IdleWorkers, Step};
use crate::futures::oneshot::OneShot;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the queue holds: a closure, in one allocation with the cell for its result. It must not
/// be dropped before one of these was called.
pub(crate) trait Job: Send + Sync {
    /// Runs the closure, unless its future was cancelled, and resolves the future.
    fn run(self: Arc<Self>);
    /// Drops the closure and resolves the future with this error.
    fn give_up(self: Arc<Self>, why: JobError);
}

impl<R, F> Job for OneShot<R, Mutex<Option<F>>>
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

    fn give_up(self: Arc<Self>, why: JobError) {
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

/// Why a worker, as it stands, must not sleep until another of its pool's jobs is done.
pub(crate) type Obstacle = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// What the executor and its workers share.
pub(crate) struct Pool {
    hall: Mutex<Hall>,
    /// The length of the queue, to be looked at from outside the lock.
    waiting: AtomicUsize,
    /// Idle workers sleep here, until there are permits.
    work: Condvar,
    /// `join` sleeps here, until nobody is left.
    gone: Condvar,
    prefix: String,
    initializer: Option<Initializer>,
    obstacle: Option<Obstacle>,
}

/// What the lock guards. Jobs are only moved in it: user code runs outside.
struct Hall {
    crew: IdleWorkers,
    queue: VecDeque<Arc<dyn Job>>,
    /// How many sleepers may get up: a notification that cannot be missed.
    permits: usize,
    threads: Vec<JoinHandle<()>>,
    /// Why an initializer failed.
    broken: Option<String>,
}

impl Hall {
    fn give_up_queue(&mut self) -> VecDeque<Arc<dyn Job>> {
        self.crew.discard();
        std::mem::take(&mut self.queue)
    }

    fn refusal(&self) -> JobError {
        self.broken.clone().map_or(JobError::ShutDown, JobError::Broken)
    }
}

// ---- the submitter's side ----

impl Pool {
    /// No thread is started yet; there will be at most `max`.
    pub(crate) fn new(
        max: usize,
        prefix: String,
        initializer: Option<Initializer>,
        obstacle: Option<Obstacle>,
    ) -> Self {
        let hall = Hall {
            crew: IdleWorkers::new(max),
            queue: VecDeque::new(),
            permits: 0,
            threads: Vec::new(),
            broken: None,
        };
        Pool {
            hall: Mutex::new(hall),
            waiting: AtomicUsize::new(0),
            work: Condvar::new(),
            gone: Condvar::new(),
            prefix,
            initializer,
            obstacle,
        }
    }

    /// How many threads there are now.
    pub(crate) fn workers(&self) -> usize {
        self.hall.lock().crew.workers()
    }

    /// Queues a job and sees to it that somebody comes for it; or gives it up.
    pub(crate) fn submit(self: &Arc<Self>, job: Arc<dyn Job>) {
        let mut hall = self.hall.lock();
        let hail = hall.crew.submit();
        if hail == Hail::Refuse {
            let why = hall.refusal();
            drop(hall);
            return job.give_up(why);
        }
        hall.queue.push_back(job);
        self.waiting.store(hall.queue.len(), Ordering::Relaxed);
        hall.permits += usize::from(hail == Hail::Wake);
        drop(hall);
        match hail {
            Hail::Wake => {
                self.work.notify_one();
            }
            Hail::Hire(number) => self.hire(number),
            Hail::Leave | Hail::Refuse => {}
        }
    }

    fn hire(self: &Arc<Self>, number: usize) {
        let pool = Arc::clone(self);
        let thread = Builder::new().name(format!("{}_{number}", self.prefix));
        let spawned = thread.spawn(move || pool.work());
        let mut hall = self.hall.lock();
        match spawned {
            Ok(handle) => hall.threads.push(handle),
            Err(error) => {
                if !hall.crew.hire_failed() {
                    let jobs = hall.give_up_queue();
                    drop(hall);
                    let why = format!("the pool has no thread and could not start one: {error}");
                    give_up_all(jobs, &JobError::Broken(why));
                }
                self.gone.notify_all();
            }
        }
    }

    /// Refuses new jobs; the workers go when the queue is empty.
    pub(crate) fn close(&self, cancel_futures: bool) {
        let mut hall = self.hall.lock();
        hall.permits += hall.crew.close();
        let jobs = if cancel_futures { hall.give_up_queue() } else { VecDeque::new() };
        drop(hall);
        self.work.notify_all();
        give_up_all(jobs, &JobError::Cancelled);
    }

    /// Waits until the last worker has gone.
    pub(crate) fn join(&self) {
        let mut hall = self.hall.lock();
        while hall.crew.workers() > 0 {
            self.gone.wait(&mut hall);
        }
        let threads = std::mem::take(&mut hall.threads);
        drop(hall);
        for thread in threads {
            thread.join().expect("a worker catches what its jobs throw");
        }
    }
}

fn give_up_all(jobs: VecDeque<Arc<dyn Job>>, why: &JobError) {
    jobs.into_iter().for_each(|job| job.give_up(why.clone()));
}

// ---- the worker's side ----

impl Pool {
    fn work(self: Arc<Self>) {
        join_guard(Arc::clone(&self) as SharedGuard);
        if let Some(initializer) = &self.initializer
            && let Err(panic) = catch_unwind(AssertUnwindSafe(initializer))
        {
            self.break_down(&into_message(panic));
        }
        let mut job = self.next_job(false);
        while let Some(some) = job {
            // The job catches its own panics. What gets here was thrown by a destructor, and
            // may throw again when dropped: the hook has printed it, so let it be.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| some.run())) {
                std::mem::forget(panic);
            }
            job = self.next_job(true);
        }
    }

    /// The next job, after a look around and a sleep if need be; `None` to go home.
    fn next_job(&self, finished_one: bool) -> Option<Arc<dyn Job>> {
        let mut hall = self.hall.lock();
        if finished_one {
            hall.crew.finished();
        }
        let mut patient = true;
        loop {
            match hall.crew.next(patient) {
                Step::Run { wake } => {
                    let job = hall.queue.pop_front();
                    self.waiting.store(hall.queue.len(), Ordering::Relaxed);
                    hall.permits += usize::from(wake);
                    drop(hall);
                    if wake {
                        self.work.notify_one();
                    }
                    return job;
                }
                Step::Search => {
                    drop(hall);
                    spin_until(|| self.waiting.load(Ordering::Relaxed) > 0);
                    hall = self.hall.lock();
                    patient = false;
                }
                Step::Sleep => {
                    while hall.permits == 0 {
                        self.work.wait(&mut hall);
                    }
                    hall.permits -= 1;
                    patient = true;
                }
                Step::Exit => {
                    drop(hall);
                    self.gone.notify_all();
                    return None;
                }
            }
        }
    }

    /// The initializer failed: no job can run any more.
    fn break_down(&self, message: &str) {
        let why = format!("the initializer of a worker of `{}` panicked: {message}", self.prefix);
        let mut hall = self.hall.lock();
        hall.broken.get_or_insert_with(|| why.clone());
        hall.permits += hall.crew.close();
        let jobs = hall.give_up_queue();
        drop(hall);
        self.work.notify_all();
        give_up_all(jobs, &JobError::Broken(why));
    }
}

impl DeadlockGuard for Pool {
    fn fall_asleep(&self) -> Result<(), JobError> {
        if let Some(obstacle) = self.obstacle.as_ref().and_then(|obstacle| obstacle()) {
            return Err(JobError::WouldDeadlock(obstacle.to_owned()));
        }
        let mut hall = self.hall.lock();
        hall.crew.fall_asleep().then_some(()).ok_or_else(|| {
            JobError::WouldDeadlock(format!(
                "all {} workers of `{}` wait for jobs of that pool; give it more workers, or wait \
                 outside its jobs",
                hall.crew.workers(),
                self.prefix
            ))
        })
    }
}

impl Sleeper for Pool {
    fn wake_up(&self) {
        self.hall.lock().crew.wake_up();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("prefix", &self.prefix)
            .field("crew", &self.hall.lock().crew)
            .finish_non_exhaustive()
    }
}
