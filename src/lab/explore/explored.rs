//! What an exploration gives: a text, and perhaps a failure.
//!
//! *Promises*: plain data.
//! *Leaves out*: printing it (`main.rs`).

use crate::lab::report::failure::Failure;

/// What is to be printed, and why the command failed all the same: an expectation is broken, or it
/// was interrupted.
#[derive(Debug)]
pub struct Explored {
    /// The text.
    pub text: String,
    /// The failure, if it is one.
    pub failure: Option<Failure>,
}
