//! Forks: the fork server, its workers, and one process for one function.
//!
//! ```text
//!   in the program                  in the fork server               in a worker
//!
//!   process: Process                server: preforked workers,       worker: read a call, run it,
//!      │                              fork, waitid                      write the reply
//!   client: ForkServer                 │                                 ▲
//!   connection ════════ socket ═══▶    │                                 │
//!      ▲   Spawn, Reap                 ├───────────── fork ──────────────┘
//!      │                              hooks: what runs around it
//!   process/pool/supervisor.rs
//! ```
//! To read: `worker`, `hooks`, `server`, `connection`, `client`, `process`; `options` and `error` are what users
//! give and get.

pub mod client;
pub(crate) mod connection;
pub mod error;
pub mod hooks;
pub mod options;
pub mod process;
pub mod server;
pub mod worker;
