//! The lock: real threads that follow the rules.
//!
//! ```text
//!   cell             A value that only the holder of its lock can reach
//!   ensure           For code that does not know whether its thread holds the lock: ensure that it does
//!   global_lock      What a lock keeps of one thread that uses it
//!   state_word       The fast way in and out: one atomic word, for the thread that had the lock last
//!   thread_state     What a thread keeps of its own for each lock that it has attached to
//!   token            The token that proves that this thread holds the lock
//!   worker           Threads that take the lock as Python's do: they run with it, and block without it
//! ```

pub mod cell;
pub mod ensure;
pub mod global_lock;
pub(crate) mod state_word;
pub(crate) mod thread_state;
pub mod token;
pub mod worker;
