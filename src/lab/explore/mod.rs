//! `singletrack explore` and `dis`: a program of the bytecode machine, explored.
//!
//! ```text
//!   command line, program file ── request ──▶ ExploreRequest ── output ──▶ text
//!                                                                │   └─ document ──▶ JSON
//!                                                                └─ runs vm/explorer.rs, or
//!                                                                   vm/replay.rs for one schedule
//! ```
//!
//! A file that ends in `.py` is `python`'s: all schedules of a Python program, under one policy or
//! several.
//!
//! Read `request`, then `output`; `document` is the same in JSON. What a schedule is, and how all are tried, is in `vm`.

pub(crate) mod document;
pub mod output;
pub mod python;
pub mod request;
