//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.

pub mod cell;
pub mod channel;
pub mod check;
pub mod counters;
mod diary;
mod door;
pub mod error;
pub mod histogram;
mod interrupts;
mod interval;
pub mod lock;
pub mod machine;
mod observer;
mod own;
pub mod pending;
pub mod policy;
pub mod record;
mod ring;
mod seat;
pub(crate) mod thread_state;
pub mod ticker;
pub mod token;
pub mod verdict;
mod waiters;
mod watch;
pub mod worker;
pub mod world;
