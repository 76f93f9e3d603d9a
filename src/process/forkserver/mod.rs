//! Forks: the fork server, its workers, and one process for one function.
//!
//! ```text
//!   in the program                  in the fork server               in a worker
//!
//!   process: Process                server: preforked workers,       worker: read a call, run it,
//!      │                              fork, waitid                      write the reply
//!   client: ForkServer ═ socket ═▶     │                                 ▲
//!      ▲   Spawn, Reap                 ├───────────── fork ──────────────┘
//!      │                              hooks: what runs around it
//!   process/pool/supervisor.rs
//! ```
//! To read: `worker`, `hooks`, `server`, `client`, `process`.

pub mod client;
pub mod hooks;
pub mod process;
pub mod server;
pub mod worker;
