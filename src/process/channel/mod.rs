//! Values between processes: pipes and queues.
//!
//! ```text
//!   pipe             one sender, one receiver: frames in a kernel pipe
//!   queue            any number of both: packets in a socket pair; a long value in a file of its own
//!     └ slots        how a queue keeps its `maxsize`: one byte in a pipe for each free slot
//! ```
//! There is no lock and no shared memory to corrupt: the kernel keeps a packet whole, and closes the
//! ends of a process that dies. An end moves to another process only as an argument of one that is
//! being started (`process/message/descriptor.rs`).

pub mod pipe;
pub mod queue;
pub(crate) mod slots;
