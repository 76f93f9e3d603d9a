//! Runs: a program in virtual time on one thread, or for real.
//!
//! ```text
//!   single     threads take turns, and time jumps: the same output each time; what tests compare with
//! ```

pub mod single;

pub use single::{Ran, program, run_single};
