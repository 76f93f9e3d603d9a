//! Futures and executors: `concurrent.futures`, and the pool of threads.
//!
//! ```text
//!   the interface   executor: submit, map, shutdown        waiting: wait, as_completed
//!                      │                                      │
//!   the result      future: Promise, Future ──▶ oneshot: the cell they share, its states
//!                      │                           ├─ on_done: who is told, the callbacks in order
//!                   error: why there is no value   deadlock: may this thread block on that job?
//!                      │                └─ wait_graph (pure): would it close a circle?
//!                   wire: values that can cross to another process
//!
//!   the threads     thread_pool: ThreadPoolExecutor
//!                      └─ job_queue: where jobs and workers meet
//!                            ├─ queued_job: a closure beside the cell for its result
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
//!    the trait. If the jobs run on threads, wrap a [`ThreadPoolExecutor`] and submit closures to
//!    it, as `GilThreadPoolExecutor` does: then the rest of this list is done.
//! 2. `submit` makes a [`Promise`] and its [`Future`]. Call
//!    [`set_running_or_notify_cancel`](Promise::set_running_or_notify_cancel) before the job runs,
//!    and do not run it if that is false. Then resolve the promise: with the value, or with the
//!    [`JobError`] that fits. A refused job has a future that is done from the start
//!    ([`Future::resolved`]); `submit` itself never fails.
//! 3. If a worker can block on a job of its own pool and nothing else can run that job, give the
//!    pool a `DeadlockGuard` (`futures/deadlock.rs`, for executors of this crate): make its futures
//!    with `promise_of` and the pool's `guard_id`, and call `work_for` on each worker thread.
//!    `shutdown` must not wait when `own_guard` says that its caller works for the pool.
//! 4. Add it to `every_executor_runs_for_a_task` in `tests/aio_bridge.rs`, and prove the properties
//!    below again, in a test file of its own, as `tests/thread_pool.rs` and
//!    `tests/process_pool/main.rs` do. `map` needs no test: the trait's is tested in
//!    `tests/futures.rs`.
//! 5. Make its file public and map it in the drawing of its folder's `mod.rs`;
//!    `BLESS=1 cargo test --test floors` then lists it in `lib.rs`.
//!
//! # What futures and executors promise
//!
//! `tests/properties.md` names the tests that show each, and a test checks that they exist:
//!
//! | | |
//! | --- | --- |
//! | E1, E2 | a state takes only the steps that are drawn; cancelled means never begun |
//! | E3 | each callback runs once, in order, and one that panics stops no other |
//! | E4, E5 | `wait` splits its input in two; `as_completed` gives each future once |
//! | E6 | at shutdown every submitted job is finished, failed, cancelled or refused |
//! | E7 | shutdown may be called again, and from anywhere |
//! | E8 | at most `max` workers, and none is started while one is idle |
//! | E9, E10 | `map` keeps the order; a job submitted after shutdown is refused |
//! | E11 | a job that waits for its own full pool gets an error, and does not hang; nor does a circle |
//!
//! E11 begins in `futures/oneshot.rs` (`sleep`), which asks the guard; `futures/job_queue.rs` answers
//! by the rule of `futures/idle_workers.rs`, and `futures/wait_graph.rs` for circles through several
//! pools and loops. The job waited for then ends with the error.
//!
//! E2, E6 and E11 also hold under every schedule that loom (`tests/loom_future.rs`,
//! `tests/loom_threads.rs`) and shuttle (`tests/shuttle_pools.rs`) try.

pub(crate) mod deadlock;
pub mod error;
pub mod executor;
pub mod future;
pub mod idle_workers;
pub(crate) mod job_queue;
pub(crate) mod on_done;
pub mod oneshot;
pub(crate) mod queued_job;
pub mod thread_pool;
pub mod wait_graph;
pub mod waiting;
pub mod wire;

pub use error::JobError;
pub use executor::Executor;
pub use future::{Future, Promise, promise};
pub use thread_pool::{NoWorkers, ThreadPoolExecutor, ThreadPoolOptions};
pub use waiting::{AsCompleted, ReturnWhen, Unfinished, as_completed, wait};
pub use wire::{Wire, decode, encode};
