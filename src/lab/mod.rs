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
//! A new case is a variant of [`Job`](workload::Job) with a body in `lab/workload.rs`, and a line
//! in `lab/cases.rs`. A new model is a [`Context`](context::Context), if the ones there will not
//! do, and a line in `lab/model.rs` and `lab/run.rs`.

pub mod blocking;
pub mod bytecode;
pub mod calibration;
pub mod cases;
pub mod ccbench;
pub mod cli;
pub mod context;
pub mod echo;
mod explanation;
pub mod explore;
pub mod explore_cli;
pub mod failure;
pub mod fidelity;
pub mod flat_recording;
pub mod gil_cli;
pub mod gil_command;
pub mod http;
pub mod json;
pub mod lanes;
pub mod loops;
pub mod measure;
pub mod model;
pub mod parity;
pub mod preset;
pub mod processes;
pub mod profile;
pub mod program_file;
pub mod progress;
pub mod python;
pub mod race;
pub mod result;
pub mod run;
pub mod scene;
pub mod scene_report;
pub mod scopes;
mod sentence;
pub mod server;
pub mod simulated;
pub mod source;
pub mod stage;
pub mod stats;
pub mod subject;
pub mod table;
pub mod tally;
pub mod threads;
pub mod trace;
pub mod verdict;
pub mod workload;
