//! Futures and executors: `concurrent.futures`, and the pool of threads.
//!
//! ```text
//!   deadlock         Who this thread works for, so that nobody waits for what only he himself would do
//!   error            Why a submitted job has no value: one enum for threads, GIL threads and processes
//!   executor         The one face of all pools: submit a function, map it over many, shut down
//!   future           Promise and future: one thread will set a result, others wait for it
//!   idle_workers     Who works, who looks for work and who sleeps: when a pool wakes a thread or hires one
//!   job_queue        What a thread pool's queue holds: a closure, and the promise of its result
//!   oneshot          The five states of a future and every legal step between them
//!   thread_pool      A pool of threads that share memory: `ThreadPoolExecutor`
//!   waiting          Waiting for several futures: for all, for the first, or for each as it comes
//!   wire             What may cross a pipe between processes: any serde value, encoded by postcard
//! ```

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
