//! The processes: a fork server, workers forked from it, and a pool that cannot lose a job.
//!
//! ```text
//!   message/         What goes through a pipe: frames, calls, descriptors
//!   forkserver/      Forks: the fork server, its workers, and one process for one function
//!   channel/         Values between processes: pipes and queues
//!   pool/            The pool that loses no job
//! ```
//! # How it hangs together
//!
//! ```text
//!   the program, any number of threads                   the fork server        a worker
//!
//!   pool/multiprocessing         forkserver/process
//!     │ map, imap                  │ one function
//!     ▼                            ▼
//!   pool/process_pool            forkserver/client ══════▶ forkserver/server ──▶ forkserver/worker
//!     │ submit, call               ▲           spawn, reap   hooks, preforked      ▲          │
//!     │         pool/supervisor ───┘           by a socket   workers, fork         │          │
//!     ▼           ▼ (one thread leads: pool/crew)                                  │          │
//!   pool/pool_state (one lock) ───── request pipe: message/call, message/frame ────┘          │
//!     ▲           ▲                                                                           │
//!     │ call      │ submit                                                                    │
//!     └───────────┴───────────────── reply pipe: message/frame ───────────────────────────────┘
//!                 ▲┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ pidfd: readable when the worker is dead ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
//!
//!   channel/pipe, channel/queue ◀════ values ════▶ the same ends in another process, which
//!                   └ channel/slots                got them in its arguments: message/descriptor
//! ```
//! | question             | answer                                                              |
//! |----------------------|---------------------------------------------------------------------|
//! | which process forks? | the program once (`ForkServer::start`), then the fork server only   |
//! | which one reaps?     | the fork server, when the program has seen the pidfd                |
//! | which thread reads a reply? | a caller in `ProcessPool::call`, else the one that leads     |
//! | which runs callbacks? | one of the pool's own, which does not lead meanwhile (`pool/crew`) |
//! | which descriptors?   | for each worker two pipes and a pidfd                               |
//! | what is shared?      | no lock; a word for each job sent ahead (`message/claim`), and      |
//! |                      | memory in which long bodies lie (`message/segment`)                 |
//! | who may begin a job? | its worker, when it has claimed it; the pool can take it back before |
//!
//! # To read
//!
//! 1. `process/message/frame.rs`, `process/message/call.rs`: what one process sends to another.
//! 2. `process/forkserver/worker.rs`, then `server.rs` and `client.rs` beside it: how a process is made.
//! 3. `process/forkserver/process.rs`: the least that can be built on it.
//! 4. `pool/`, in the order that its own map gives: first the pure rules, then what carries them out.
//! 5. `channel/`, which needs only the first.
//!
//! # Where the promises are proved again
//!
//! `tests/properties.md` has a table: for each property its tests, and a check that fails when one is gone.
//! **X**, every job resolves exactly once and a death costs only the job that ran: `tests/dispatcher.rs`
//! (the rules beside a model, also the fuzz target `pool_ops`), `tests/loom_supervisor.rs` and
//! `tests/shuttle_pools.rs` (every interleaving of caller, supervisor and worker),
//! `tests/process_pool/main.rs`, `tests/sent_ahead.rs` and `tests/crash_matrix.rs` (real forks and kills),
//! `examples/kill_storm.rs` (many of them). **E**, what an executor owes its futures: the same table.
//! **W**, bytes on a pipe: `tests/frames.rs` and the fuzz targets `frame_decode`, `frame_roundtrip` and
//! `hostile_worker`. (**R** is the reactor's.)

pub mod channel;
pub mod forkserver;
pub mod message;
pub mod pool;

pub use channel::pipe::{Connection, PipeError, Receiver, Sender, duplex, pipe};
pub use channel::queue::{Consumer, Producer, queue, queue_of};
pub use forkserver::client::ForkServer;
pub use forkserver::error::{ForkServerError, MAX_DEPTH};
pub use forkserver::options::ForkServerOptions;
pub use forkserver::process::{Process, ProcessOptions};
pub use message::descriptor::Descriptor;
pub use pool::multiprocessing::Pool;
pub use pool::options::{JobOptions, MapOptions, PoolError};
pub use pool::process_pool::ProcessPool;
