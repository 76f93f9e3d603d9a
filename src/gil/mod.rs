//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.

pub mod cell;
pub mod check;
pub mod counters;
mod door;
pub mod lock;
pub mod machine;
pub mod policy;
pub(crate) mod thread_state;
pub mod ticker;
pub mod token;
pub mod verdict;
mod waiters;
pub mod worker;
