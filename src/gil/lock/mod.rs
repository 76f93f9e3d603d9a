//! The lock: real threads that follow the rules.

pub mod cell;
pub mod gil_thread;
pub mod global_lock;
pub(crate) mod state_word;
pub(crate) mod take_gil;
pub(crate) mod thread_state;
pub mod token;
