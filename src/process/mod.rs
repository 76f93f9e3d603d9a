//! The processes: a fork server, workers forked from it, and a pool that cannot lose a job.
//!
//! ```text
//!                   one process       a pool of processes                      between processes
//!
//!   is called       child             multiprocessing: chunk · imap            pipe
//!                     │                 │                                      queue
//!                     │               pool: builder · options                    └ slots
//!                     │                 │
//!   binds             │               shared ──▶ desk: parcel ◀── supervisor   error
//!                     │                            │                  │
//!   decides           │               dispatcher: workforce · roster  │
//!   (pure)            │                 births · account              │
//!                     │                 hearing · listening           │
//!                     ▼                                               │
//!   forks           nursery ◀─────────────────────────────────────────┘
//!                   ══ a socket ══
//!                   forkserver: hooks · spares
//!                     ▼
//!   works           worker
//!
//!   in what form    frame: messages · call: a function's address, its argument · descriptor
//! ```
//! Pure as well are [`frame`] and [`spares`].
//!
//! To read: [`frame`], [`call`], [`worker`], [`nursery`]: a process can be had. [`child`] is the
//! least that can be built on it. Then [`dispatcher`], the pool's rules, and who carries them out:
//! the desk, the supervisor, [`pool`].

pub mod account;
pub mod births;
pub mod builder;
pub mod call;
pub mod child;
pub mod chunk;
pub mod descriptor;
pub(crate) mod desk;
pub mod dispatcher;
pub mod error;
pub(crate) mod forkserver;
pub mod frame;
pub mod hearing;
pub mod hooks;
pub mod imap;
pub mod listening;
pub mod multiprocessing;
pub mod nursery;
pub mod options;
pub(crate) mod parcel;
pub mod pipe;
pub mod pool;
pub mod queue;
pub mod roster;
pub(crate) mod shared;
pub(crate) mod slots;
pub mod spares;
pub(crate) mod supervisor;
pub mod worker;
pub(crate) mod workforce;
