//! `singletrack explore` and `dis`: a program of the bytecode machine, explored.
//!
//! ```text
//!   command line, program file ── request ──▶ ExploreRequest ── output ──▶ text or JSON
//!                                                                │
//!                                                                └─ runs vm/explorer.rs, or
//!                                                                   vm/replay.rs for one schedule
//! ```
//!
//! Read `request`, then `output`. What a schedule is, and how all are tried, is in `vm`.

pub mod output;
pub mod request;
