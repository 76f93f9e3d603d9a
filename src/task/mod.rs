//! Tasks: a future, a slot, a number, and a queue of what is ready.

pub mod budget;
pub mod cell;
pub mod eager;
pub mod error;
pub mod join;
pub mod notes;
pub mod ready;
pub mod scheduler;
pub mod self_wake;
pub mod stage;
pub mod state;
pub mod waker;
