//! `singletrack explore` and `dis`.
//!
//! ```text
//!   output           What was explored, for people and for machines
//!   request          A program of the bytecode machine, read from a file
//! ```

pub mod output;
pub mod request;
