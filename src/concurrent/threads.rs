//! A pool of threads that share memory: `ThreadPoolExecutor`.
//!
//! *Assumes*: `concurrent/crew.rs` says who is woken and hired; `concurrent/future.rs`.
//! *Promises*: jobs start in the order of submission; each future becomes done exactly once,
//! whatever panics; no thread is started while one is free; dropping the pool finishes its work.
//! *Leaves out*: interrupting a running job. A thread cannot be stopped from outside.
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

use crate::base::error::{JobError, panic_message};
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Condvar, Mutex, spin_until};
use crate::base::wire::Wire;
use crate::concurrent::crew::{Crew, Hail, Step};
use crate::concurrent::executor::Executor;
use crate::concurrent::future::{Future, Promise, future_of};
use crate::concurrent::home::{Home, Household, Sleeper, home_id, own_home, work_for};
use crate::concurrent::oneshot::OneShot;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Runs jobs on threads that are started as needed and kept until the pool goes.
///
/// Dropping the pool is `shutdown(true, false)`: it refuses new jobs, finishes the old ones
/// and waits for its threads. (A dropped CPython pool does the same, but lets only the
/// interpreter's exit wait.)
///
/// ```
/// use singletrack::concurrent::executor::Executor;
/// use singletrack::concurrent::threads::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(2)?;
/// let greeting = String::from("hello");
/// let length = pool.submit_fn(move || greeting.len()); // a closure may capture
/// let square = pool.submit(|x: u64| x * x, 12); // so may not a `fn`
/// assert_eq!((length.result(), square.result()), (Ok(5), Ok(144)));
/// # Ok::<(), singletrack::concurrent::threads::NoWorkers>(())
/// ```
#[doc(alias = "concurrent.futures.ThreadPoolExecutor")]
pub struct ThreadPoolExecutor {
    pool: Arc<Pool>,
}

/// How a [`ThreadPoolExecutor`] is to be: CPython's keyword arguments.
///
/// ```
/// use singletrack::concurrent::threads::ThreadPoolOptions;
///
/// let pool = ThreadPoolOptions::default()
///     .max_workers(1)
///     .thread_name_prefix("crane")
///     .initializer(|| println!("a crane is manned"))
///     .build()?;
/// let name = pool.submit_fn(|| std::thread::current().name().map(str::to_owned));
/// assert_eq!(name.result(), Ok(Some("crane_0".to_owned())));
/// # Ok::<(), singletrack::concurrent::threads::NoWorkers>(())
/// ```
#[derive(Default)]
pub struct ThreadPoolOptions {
    max_workers: Option<usize>,
    thread_name_prefix: Option<String>,
    initializer: Option<Initializer>,
    obstacle: Option<Obstacle>,
}

type Initializer = Box<dyn Fn() + Send + Sync>;

/// Why a worker, as it stands, must not sleep until another of its pool's jobs is done.
type Obstacle = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

impl ThreadPoolOptions {
    /// At most so many threads. Default: the cores this process may use plus 4, but not above 32.
    pub fn max_workers(mut self, max: usize) -> Self {
        self.max_workers = Some(max);
        self
    }

    /// Threads are called `prefix_0`, `prefix_1`, … Default: `ThreadPoolExecutor-N`, where N
    /// counts the pools of this process. (Linux shows the first 15 bytes.)
    pub fn thread_name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.thread_name_prefix = Some(prefix.into());
        self
    }

    /// Runs first on every new thread. If it panics the pool is broken: queued and later jobs
    /// fail with [`JobError::Broken`].
    pub fn initializer(mut self, initializer: impl Fn() + Send + Sync + 'static) -> Self {
        self.initializer = Some(Box::new(initializer));
        self
    }

    /// For pools whose jobs need more than a thread to run: asked when a worker is about to
    /// wait for a job of its own pool.
    pub(crate) fn obstacle(
        mut self,
        obstacle: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.obstacle = Some(Box::new(obstacle));
        self
    }

    /// The pool. No thread is started yet.
    ///
    /// # Errors
    /// [`NoWorkers`] for `max_workers(0)`.
    pub fn build(self) -> Result<ThreadPoolExecutor, NoWorkers> {
        let max = self.max_workers.unwrap_or_else(default_max_workers);
        if max == 0 {
            return Err(NoWorkers);
        }
        let hall = Hall {
            crew: Crew::new(max),
            queue: VecDeque::new(),
            permits: 0,
            threads: Vec::new(),
            broken: None,
        };
        let pool = Pool {
            hall: Mutex::new(hall),
            waiting: AtomicUsize::new(0),
            work: Condvar::new(),
            gone: Condvar::new(),
            prefix: self.thread_name_prefix.unwrap_or_else(next_prefix),
            initializer: self.initializer,
            obstacle: self.obstacle,
        };
        Ok(ThreadPoolExecutor { pool: Arc::new(pool) })
    }
}

/// A pool was asked to have no workers at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoWorkers;

impl fmt::Display for NoWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("max_workers is 0, so no job would ever run; give at least 1")
    }
}

impl std::error::Error for NoWorkers {}

/// CPython's `min(32, (os.process_cpu_count() or 1) + 4)`: some threads wait for I/O.
fn default_max_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_add(4).min(32)
}

fn next_prefix() -> String {
    // Only numbers pools for the reader of a thread list; no model needs to see it.
    static POOLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    format!("ThreadPoolExecutor-{}", POOLS.fetch_add(1, Ordering::Relaxed))
}

impl ThreadPoolExecutor {
    /// A pool of at most `max_workers` threads, none started yet.
    ///
    /// # Errors
    /// [`NoWorkers`] if that is 0.
    pub fn new(max_workers: usize) -> Result<Self, NoWorkers> {
        ThreadPoolOptions::default().max_workers(max_workers).build()
    }

    /// Queues a closure, which may capture what it likes and return what it likes.
    ///
    /// The future's error is [`JobError::Panicked`] if it panics, [`JobError::ShutDown`] or
    /// [`JobError::Broken`] if the pool takes no jobs, and [`JobError::WouldDeadlock`] if it
    /// is waited for by the last of this pool's workers that does not itself wait for such a
    /// job. (That holds for waits without a time limit, for one future or for many.)
    pub fn submit_fn<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Future<R> {
        self.submit_outcome(move || Ok(f()))
    }

    /// Queues a closure that knows more errors than its own panic.
    pub(crate) fn submit_outcome<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<R, JobError> + Send + 'static,
    ) -> Future<R> {
        let (job, future) = future_of(home_id(&self.pool), Mutex::new(Some(f)));
        Pool::submit(&self.pool, job);
        future
    }

    /// How many threads there are now.
    pub fn workers(&self) -> usize {
        self.pool.hall.lock().crew.workers()
    }
}

impl Default for ThreadPoolExecutor {
    /// A pool of CPython's default size: cores plus 4, but not above 32.
    fn default() -> Self {
        ThreadPoolExecutor::new(default_max_workers()).expect("the default is at least 1")
    }
}

impl Executor for ThreadPoolExecutor {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.submit_fn(move || f(args))
    }

    /// As the trait says. From one of the pool's own jobs it cannot wait (the job would wait
    /// for its own end) and returns at once; the pool still drains.
    fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.pool.close(cancel_futures);
        if wait && own_home(home_id(&self.pool)).is_none() {
            self.pool.join();
        }
    }
}

impl Drop for ThreadPoolExecutor {
    fn drop(&mut self) {
        self.shutdown(true, false);
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hall = self.pool.hall.lock();
        f.debug_struct("ThreadPoolExecutor")
            .field("prefix", &self.pool.prefix)
            .field("crew", &hall.crew)
            .finish_non_exhaustive()
    }
}

/// What the queue holds: a closure, in one allocation with the cell for its result. It must not
/// be dropped before one of these was called.
trait Job: Send + Sync {
    fn run(self: Arc<Self>);
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
                Err(panic) => Err(JobError::Panicked(panic_message(&*panic))),
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

/// What the executor and its workers share.
struct Pool {
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
    crew: Crew,
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
    fn submit(self: &Arc<Self>, job: Arc<dyn Job>) {
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
    fn close(&self, cancel_futures: bool) {
        let mut hall = self.hall.lock();
        hall.permits += hall.crew.close();
        let jobs = if cancel_futures { hall.give_up_queue() } else { VecDeque::new() };
        drop(hall);
        self.work.notify_all();
        give_up_all(jobs, &JobError::Cancelled);
    }

    /// Waits until the last worker has gone.
    fn join(&self) {
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
        work_for(Arc::clone(&self) as Home);
        if let Some(initializer) = &self.initializer
            && let Err(panic) = catch_unwind(AssertUnwindSafe(initializer))
        {
            self.break_down(&panic_message(&*panic));
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

impl Household for Pool {
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
