//! All that we ask of the operating system through `libc`, one noun a file.
//!
//! *Assumes*: Linux.
//! *Promises*: safe functions that return `io::Result` and retry `EINTR` where that is
//! right; no other file calls a function of `libc`.
//! *Leaves out*: what std already says safely.

pub mod affinity;
pub mod errno;
pub mod interrupt;
pub mod memory;
pub mod packet;
pub mod pipe;
pub mod poll;
pub mod process;
pub mod rights;
pub mod signal;
pub mod socket;
pub mod usage;
