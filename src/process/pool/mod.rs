//! The pool that loses no job.
//!
//! ```text
//!   called by users     multiprocessing: Pool      process_pool: ProcessPool       options: of a pool,
//!                         │    └ chunk: many items   │  submit, call, kill           a job, a map
//!                         │      in one job          │
//!                         └──────────────────────────┤
//!                                                    ▼
//!   shared by all threads                       pool_shared: reads          ◀───────── supervisor: polls,
//!                                                   │      └▶ outcomes: settled │        reaps, spawns
//!   under one lock                              pool_state: PoolState           └─ crew: the threads
//!                                                 │        │            │
//!                                                 │        │     worker_pipes: the descriptors of one
//!                                                 ▼        ▼     worker
//!   decides (pure)                   dispatcher: which   replies: which thread reads
//!                                    job is where        them, what they may be
//!                                       │
//!                                    take_back: what was sent and has not begun
//!                                       │
//!                                    workers: all of them; when to fork one more
//!                                       └ worker: one of them; how far ahead it is fed
//!                                    roles: which of the crew leads, settles, asks for a fork
//!
//!   moves through all                job: PoolJob, its frame and promise, how it came out
//!   written down                     recording: all of it, with times, if it is switched on; noted: where
//! ```
//! The name of a file says which part of a job's way it has: `job` is what moves, `worker` and
//! `workers` are records, `worker_pipes` are descriptors, `replies` is the way back.
//!
//! To read: `job`, `worker`, `workers`, `dispatcher`, `take_back`, `replies`, `roles`: the rules, without
//! a system call. Then `worker_pipes`, `pool_state`, `outcomes`, `crew`, `pool_shared`, `supervisor`: what
//! carries them out. Then `process_pool`, `options`, and what is built on it: `chunk`, `multiprocessing`.

pub mod chunk;
pub(crate) mod crew;
pub mod dispatcher;
pub mod job;
pub mod multiprocessing;
pub(crate) mod noted;
pub mod options;
pub(crate) mod outcomes;
pub(crate) mod pool_shared;
pub(crate) mod pool_state;
pub mod process_pool;
pub mod recording;
pub mod replies;
pub mod roles;
pub(crate) mod supervisor;
pub mod take_back;
pub mod worker;
pub(crate) mod worker_pipes;
pub mod workers;
