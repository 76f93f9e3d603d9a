//! Forks: the fork server, its workers, and one process for one function.
//!
//! ```text
//!   in the program                  in the fork server               in a worker
//!
//!   process: Process                server: hooks, preforked         worker: read a call, run it,
//!      │                              workers, fork, waitid             write the reply
//!   client: ForkServer ═ socket ═▶     │                                 ▲
//!      ▲   Spawn, Reap                 └───────────── fork ──────────────┘
//!   process/pool/supervisor.rs
//! ```
//! To read: `worker`, `server`, `client`, `process`.

pub mod client;
pub mod process;
pub mod server;
pub mod worker;
