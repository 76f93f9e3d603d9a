//! `singletrack run FILE.py`: a Python program for real.
//!
//! ```text
//!   command line, file ── request ──▶ RunRequest ── command ──▶ python/run, then lanes and trace
//! ```

pub mod command;
pub mod request;
