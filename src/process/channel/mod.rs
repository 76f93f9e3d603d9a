//! Values between processes: pipes and queues.
//!
//! ```text
//!   pipe             Why a value cannot pass from one process to another
//!   queue            A queue of values that any number of processes put into and get from
//!   slots            The slots of a queue with a `maxsize`: one byte in a pipe for each that is free
//! ```

pub mod pipe;
pub mod queue;
pub(crate) mod slots;
