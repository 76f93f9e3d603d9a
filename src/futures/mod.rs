//! Futures and executors: `concurrent.futures`, and the pool of threads.
//!
//! ```text
//!   the interface   executor: submit, map, shutdown        waiting: wait, as_completed
//!                      │                                      │
//!   the result      future: Promise, Future ──▶ oneshot: the cell they share, and its states (pure)
//!                      │                           │
//!                   error: why there is no value   deadlock: may this thread block on that job?
//!                   wire: values that can cross to another process
//!
//!   the threads     thread_pool: ThreadPoolExecutor
//!                      └─ job_queue: where jobs and workers meet
//!                            └─ idle_workers (pure): which worker is woken, when one is started
//! ```
//! Other executors stand on other floors: threads under a GIL in `gil/lock`, processes in
//! `process/pool`. `aio/tasks/bridge.rs` lets tasks await jobs, and threads wait for tasks.
//!
//! To read: [`oneshot`], [`future`], [`executor`]; then `job_queue` and [`idle_workers`], the pool
//! that is all in this folder; [`waiting`] and `deadlock` last.
//!
//! # How to add an executor
//!
//! 1. Implement [`Executor::submit`] and [`Executor::shutdown`]; `map` and `map_buffered` come with
//!    the trait. If your jobs run on threads, wrap a [`ThreadPoolExecutor`] and give it closures, as
//!    `GilThreadPoolExecutor` does: it then has all that follows.
//! 2. `submit` makes a [`Promise`] and its [`Future`]. Call
//!    [`set_running_or_notify_cancel`](Promise::set_running_or_notify_cancel) before the job runs,
//!    and do not run it if that is false. Then resolve the promise: with the value, or with the
//!    [`JobError`] that fits. A refused job has a future that is done from the start
//!    ([`Future::resolved`]); `submit` itself never fails.
//! 3. If a worker can block on a job of its own pool and nothing else can run that job, give the
//!    pool a `DeadlockGuard` (`futures/deadlock.rs`, for executors of this crate): make its futures
//!    with `promise_of` and the pool's `guard_id`, and call `work_for` on each worker thread. `shutdown` must not wait when
//!    `own_guard` says that its caller works for the pool.
//! 4. Add it to `every_executor_runs_for_a_task` in `tests/aio_bridge.rs`. What the trait itself
//!    promises (`map`'s order, cancelling, `buffersize`) is tested once, in `tests/futures.rs`. What
//!    an executor promises has a test for each executor: see `tests/thread_pool.rs` for panics, for
//!    shutdown and for the deadlock guard, and `tests/process_pool/main.rs` for processes. The pool
//!    of threads is also checked with loom (`tests/loom_threads.rs`) and shuttle
//!    (`tests/shuttle_pools.rs`).

pub(crate) mod deadlock;
pub mod error;
pub mod executor;
pub mod future;
pub mod idle_workers;
pub(crate) mod job_queue;
pub mod oneshot;
pub mod thread_pool;
pub mod waiting;
pub mod wire;

pub use error::JobError;
pub use executor::Executor;
pub use future::{Future, Promise, promise};
pub use thread_pool::{NoWorkers, ThreadPoolExecutor, ThreadPoolOptions};
pub use waiting::{AsCompleted, ReturnWhen, Unfinished, as_completed, wait};
pub use wire::{Wire, decode, encode};
