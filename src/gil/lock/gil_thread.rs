//! Threads that run with the lock and block without it, and a pool of them.
//!
//! *Promises*: a thread's body, and a pool's job, runs once, under the lock, and drops the lock
//! only where it says so; its end, good or bad, is reported to the thread that waits for it; the
//! lock is free while a worker waits for a job.
//! *Leaves out*: when the lock changes hands (`gil/rules/policy.rs`); the pool's threads and queue
//! (`futures/thread_pool.rs`).
//!
//! ```text
//!  submit ──▶ queue ──▶ worker ── lock.attach ──▶ job(gil) ── gil.checkpoint ──▶ …
//!                       worker ── waits for the lock ……………… has it now
//! ```

use crate::base::panic::into_message;
use crate::futures::error::JobError;
use crate::futures::executor::Executor;
use crate::futures::future::Future;
use crate::futures::thread_pool::{NoWorkers, ThreadPoolExecutor, ThreadPoolOptions};
use crate::futures::wire::Wire;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::thread_state::ThreadState;
use crate::gil::lock::token::Gil;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

/// A thread whose whole body runs under a [`GlobalLock`]: Python's `threading.Thread`.
///
/// Dropping the handle lets the thread run on.
///
/// ```
/// use singletrack::gil::GilCell;
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::gil::GilThread;
/// use std::sync::Arc;
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// let sum = Arc::new(GilCell::new(&lock, 0));
/// let threads: Vec<_> = (1..=3)
///     .map(|i| {
///         let sum = Arc::clone(&sum);
///         GilThread::spawn(&lock, &format!("adder {i}"), move |gil| *sum.get_mut(gil) += i)
///     })
///     .collect::<Result<_, _>>()?;
/// for thread in threads {
///     thread.join()?;
/// }
/// assert_eq!(lock.attach(|gil| *sum.get(gil))?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "threading.Thread")]
pub struct GilThread<R> {
    handle: JoinHandle<Result<R, JobError>>,
}

impl<R: Send + 'static> GilThread<R> {
    /// Starts a thread that takes the lock and runs `body` with the token. The values that `body`
    /// drops at its end are dropped under the lock.
    ///
    /// # Errors
    /// If the operating system has no thread to give; `InvalidInput` if `name` has a zero byte in it,
    /// which the system takes for its end.
    pub fn spawn<F>(lock: &GlobalLock, name: &str, body: F) -> io::Result<GilThread<R>>
    where
        F: FnOnce(&mut Gil<'_>) -> R + Send + 'static,
    {
        if name.contains('\0') {
            let why = format!("a thread cannot be called {name:?}: there is a zero byte in it");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let lock = lock.clone();
        let run = move || match catch_unwind(AssertUnwindSafe(|| lock.attach(body))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(JobError::Broken(error.to_string())),
            Err(panic) => Err(JobError::Panicked(into_message(panic))),
        };
        let handle = Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(GilThread { handle })
    }

    /// Waits for the thread's end. A caller that holds the lock must drop it meanwhile:
    /// `gil.detach(|| thread.join())`. Otherwise the two wait for each other.
    ///
    /// # Errors
    /// [`JobError::Panicked`] if the body did; [`JobError::Broken`] if the thread could not have
    /// the lock, or not have it back after a detach, because it was finalised.
    pub fn join(self) -> Result<R, JobError> {
        match self.handle.join() {
            Ok(outcome) => outcome,
            Err(panic) => Err(JobError::Panicked(into_message(panic))),
        }
    }

    /// The body has ended; `join` will not wait.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        self.handle.thread().name().unwrap_or("unnamed")
    }
}

/// Runs jobs on threads that must hold a [`GlobalLock`] to run.
///
/// A closure given to [`submit_fn`](Self::submit_fn) gets the token, so it can tick, pass
/// checkpoints and detach like Python code. A plain function given to
/// [`submit`](Executor::submit) knows no token: it holds the lock to its end, like a C extension
/// that never releases it.
///
/// # Waiting with the lock in hand
/// In CPython `future.result()` drops the lock while it sleeps. Here no call drops it unseen: a
/// thread that is attached waits with `gil.detach(|| future.result())`. A job of this pool that
/// forgets to gets [`JobError::WouldDeadlock`] when it waits without a time limit for another job
/// of the pool. Other threads that forget it wait for ever, as with any lock.
///
/// ```
/// use singletrack::gil::GilThreadPoolExecutor;
/// use singletrack::gil::GilCell;
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
/// use std::sync::Arc;
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
/// let count = Arc::new(GilCell::new(&lock, 0));
/// let pool = GilThreadPoolExecutor::new(&lock, 2)?;
/// let jobs: Vec<_> = (0..10)
///     .map(|_| {
///         let count = Arc::clone(&count);
///         pool.submit_fn(move |gil| {
///             gil.detach(|| std::thread::yield_now()); // other jobs run meanwhile
///             *count.get_mut(gil) += 1; // no other job does
///         })
///     })
///     .collect();
/// for job in jobs {
///     job.result()?;
/// }
/// assert_eq!(lock.attach(|gil| *count.get(gil))?, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "concurrent.futures.ThreadPoolExecutor")]
pub struct GilThreadPoolExecutor {
    lock: GlobalLock,
    pool: ThreadPoolExecutor,
}

impl GilThreadPoolExecutor {
    /// A pool of at most `max_workers` threads under `lock`, none started yet.
    ///
    /// # Errors
    /// [`NoWorkers`] if that is 0.
    pub fn new(lock: &GlobalLock, max_workers: usize) -> Result<Self, NoWorkers> {
        Self::with_options(lock, ThreadPoolOptions::default().max_workers(max_workers))
    }

    /// A pool under `lock` with a size, a name or an initializer of your choice. The initializer
    /// runs without the lock.
    ///
    /// # Errors
    /// [`NoWorkers`] for `max_workers(0)`.
    pub fn with_options(lock: &GlobalLock, options: ThreadPoolOptions) -> Result<Self, NoWorkers> {
        let held = lock.clone();
        let pool = options
            .obstacle(move || {
                let attached = ThreadState::of(&held.shared).is_ok_and(|state| state.is_attached());
                attached.then_some(
                    "this worker holds the lock which that job needs; wait with \
                     `gil.detach(|| future.result())`",
                )
            })
            .build()?;
        Ok(GilThreadPoolExecutor { lock: lock.clone(), pool })
    }

    /// Queues a closure that runs with the token.
    ///
    /// The future's errors are those of [`ThreadPoolExecutor::submit_fn`], and
    /// [`JobError::Broken`] if the worker cannot have the lock (it was finalised, say).
    pub fn submit_fn<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Gil<'_>) -> R + Send + 'static,
    ) -> Future<R> {
        let lock = self.lock.clone();
        self.pool.submit_outcome(move || {
            lock.attach(f).map_err(|error| JobError::Broken(error.to_string()))
        })
    }

    /// The lock under which the jobs run.
    pub fn lock(&self) -> &GlobalLock {
        &self.lock
    }

    /// How many threads there are now.
    pub fn workers(&self) -> usize {
        self.pool.workers()
    }
}

impl Executor for GilThreadPoolExecutor {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.submit_fn(move |_gil| f(args))
    }

    fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.pool.shutdown(wait, cancel_futures);
    }
}
