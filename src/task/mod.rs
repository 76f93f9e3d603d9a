//! Tasks: one block of memory, its states, and the queue of what is ready.
//!
//! ```text
//!   arena            Memory for the tasks of one thread: small, many, and gone soon
//!   budget           How much a task may do before it lets the others have a turn
//!   cell             A task: one block of memory, whose owners know nothing of the type of its future
//!   metadata
//!   ready_queue      The tasks of one loop, and the queue of what is ready to run
//!   running          The shortest wake: a task that wakes itself while it runs
//!   state            The five states of a task, and every legal step between them
//! ```

pub mod arena;
pub mod budget;
pub mod cell;
pub mod metadata;
pub mod ready_queue;
pub mod running;
pub mod state;
