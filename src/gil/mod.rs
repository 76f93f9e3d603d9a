//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.

pub mod cell;
pub mod channel;
pub mod check;
pub mod counters;
pub mod lock;
pub mod machine;
pub mod pending;
pub mod policy;
pub mod record;
pub mod ticker;
pub mod token;
pub mod verdict;
pub mod worker;
