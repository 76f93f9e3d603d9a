//! A run that ended without its future's output.
//!
//! *Assumes*: nothing.
//! *Promises*: it says why.
//! *Leaves out*: what becomes of the future; it is dropped (`event_loop/run.rs`).

use std::fmt;
use std::io;

/// Why there is no output.
#[derive(Debug)]
pub(crate) enum EndedEarly {
    /// `stop` was called.
    Stopped,
    /// The selector failed.
    Failed(io::Error),
}

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndedEarly::Stopped => {
                f.write_str("the event loop was stopped before the future was done")
            }
            EndedEarly::Failed(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}
