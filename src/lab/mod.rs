//! The lab: the same jobs under eight models, measured from outside.
//!
//! ```text
//!   cli ─▶ race ─▶ measure ──fork──▶ run ─▶ threads · loops · processes      one model, once
//!            │        ▲                           │ lanes: tally
//!            │        └── wait4: CPU, memory      │ verbs: context
//!            │            pipe: wall, latencies ◀─┘ jobs:  workload
//!            ▼
//!         result ─▶ verdict ─▶ table · json
//! ```
//!
//! A new case is a variant of [`Job`](workload::Job) with a body in `workload.rs`, and a line
//! in `cases.rs`. A new model is a [`Context`](context::Context), if the ones there will not
//! do, and a line in `model.rs` and `run.rs`.

pub mod blocking;
pub mod cases;
pub mod cli;
pub mod context;
pub mod explore;
pub mod explore_cli;
pub mod failure;
pub mod http;
pub mod json;
pub mod loops;
pub mod measure;
pub mod model;
pub mod processes;
pub mod program_file;
pub mod progress;
pub mod race;
pub mod random;
pub mod result;
pub mod run;
pub mod server;
pub mod stats;
pub mod table;
pub mod tally;
pub mod threads;
pub mod verdict;
pub mod workload;
